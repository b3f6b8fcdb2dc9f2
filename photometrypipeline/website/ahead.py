"""Pictures that are settled before a run has ended, drawn by the process next to it while the steps go on.

They are files on the shelf like those of an earlier run: what they show is compared at the end, and drawn again if it
has changed.
"""

import logging
from pathlib import Path

from photometrypipeline.frames import records
from photometrypipeline.website import pictures, plots, views

log = logging.getLogger("pp.pictures")

# The quick views of the frames, and the plots of the step, begun where the step that follows leaves a core idle: not
# while Source Extractor runs next to itself.
STEPS = ("register", "photometry", "calibrate")


def draw(step, folder, settings):
    """Draw what is settled once `step` is done, in the data set `folder`; return what pictures.Shelf.take takes.

    settings : DiagnosticsSettings
    """
    try:
        found = records.read(folder)
        view = views.overview(found, [], [])
        shelf = shelf_for(view, settings, Path(folder) / settings.diagnostics_path)
        shown = plots.of_run(view)
        groups = pictures.plots_by_file(shown, shelf, settings)  # plots are named first, as at the end
        if step == "register":
            folders = [folder, *([found["prepare"].directory] if "prepare" in found else [])]
            jobs = [job for job in pictures.frame_jobs(view, shelf, settings, folders) if job.quickview]
            shelf.leave_out({job.quickview for job in jobs})
            drawn = [job.draw(shelf)[0][0] for job in jobs]
        else:
            groups = {name: shown for name, shown in groups.items() if shown[0].section == step}
            shelf.leave_out(groups.keys())
            drawn = pictures.draw_plots(shelf, groups, settings)
    except Exception as error:  # noqa: BLE001  they are drawn at the end then
        log.info("pictures could not be drawn ahead: %s", error)
        return {}
    return {picture.file: [key, picture.width, picture.height] for picture, key in filter(None, drawn)}


def shelf_for(view, settings, site):
    """Return the pictures.Shelf of a views.Overview, whose frames are told the names of their pages."""
    shelf = pictures.Shelf(site / records.FOLDER)
    if settings.individual_frame_pages:
        for frame in view.frames:
            frame.page = shelf.name(frame.name, ".html")
    return shelf
