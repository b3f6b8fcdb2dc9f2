"""The page of a body: what was found, with its plots, as one HTML file beside the data."""

from pathlib import Path

from photometrypipeline.base.files import safe_name
from photometrypipeline.frames import records
from photometrypipeline.website import pages


def write(path, name, record, plots, files):
    """Write the page, and the scripts and styles that it needs next to it.

    record : as result.record gives it;  plots : list of website.plots.Plot;  files : names of the files to download
    """
    path = Path(path)
    place = path.parent / records.FOLDER
    place.mkdir(exist_ok=True)
    pages.write_static(place)
    data = {"plots": {plot.name: plot.data() for plot in plots}, "frames": [], "targets": {}, "chart": None}
    told = {"name": name, "found": record, "plots": plots, "files": files, "plot_files": {}, "data": data}
    html = pages.environment().get_template("period.html").render(here=f"{records.FOLDER}/", **told)
    pages.write_page(path, html)


def file_name(name):
    """Return the name of the page of a body."""
    return f"period_{safe_name(name)}.html"
