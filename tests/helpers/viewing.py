"""What several tests do with the overview in a browser: open a section, find a plot and its points, go back."""

import contextlib

LIGHT_CURVE = "#plot-target-3552"
PLOTS = ["fwhm", "growth", "growth-snr", "target-3552", "target-3552_residuals", "target-control-star",
         "target-control-star_residuals", "zeropoints"]  # fmt: skip


@contextlib.contextmanager
def opened(chromium, folder):
    """The main page of a website in a new tab, which must not complain until the end."""
    page = chromium.page()
    page.open((folder / "diagnostics.html").as_uri())
    page.settle()
    yield page
    assert page.problems == []
    page.close()


def open_section(page, anchor="target-3552"):
    page.evaluate(f"document.getElementById('{anchor}').closest('details').open = true")
    page.settle()


def open_all(page):
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")


def is_open(page, anchor="target-3552"):
    return page.evaluate(f"document.getElementById('{anchor}').closest('details').open")


def go_back(page):
    page.evaluate("setTimeout(() => history.back())")  # answers before the page is left


def show_plot(page, plot=LIGHT_CURVE):
    """Scroll to a plot and wait until it is drawn."""
    page.show(plot)
    page.wait(f"PP.plots.has({plot.removeprefix('#plot-')!r})")
    page.show(f"{plot} .chart")


def draw_all(page):
    """Open all sections and scroll through all plots; a page without plots has none to draw."""
    open_all(page)
    for plot in page.evaluate("[...document.querySelectorAll('figure[data-plot]')].map((figure) => figure.id)"):
        show_plot(page, f"#{plot}")


def point(page, index, plot=LIGHT_CURVE):
    """Place in the window of a point of a plot."""
    show_plot(page, plot)
    name = plot.removeprefix("#plot-")
    return page.evaluate(
        f"(() => {{ const plot = PP.plots.get({name!r}); const box = plot.u.over.getBoundingClientRect();"
        f" const place = plot.placeOf({index}); return [box.left + place[0], box.top + place[1]]; }})()"
    )


def looked_at(page, plot):
    """Return the number of the frame that is looked at in a plot."""
    return page.evaluate(f"PP.plots.get({plot.removeprefix('#plot-')!r}).index")
