"""The plots of the pages: what each shows, as plain data.

A plot is described once, here; plots.js draws it in the browser, and plotfiles those of them that are files as well.
Whoever adds one writes a function that yields a Plot and names it in `of_run` or `of_frame`: the pages show every plot
in its section.
"""

from dataclasses import asdict, dataclass, field

import numpy as np

from photometrypipeline.frames.means import WEAK_MAG
from photometrypipeline.frames.records import known, number
from photometrypipeline.website.views import CONTROL, calibrated, errors_of

LONGEST_TITLE = 60  # characters
LEAST_GAP_MAG = 0.03  # between a target and the control star below it
SECONDS_PER_DAY = 86400.0


@dataclass
class Axis:
    """An axis: what stands at it and how its numbers are written.  `limits` (low, high), None where the data decide."""

    label: str
    unit: str = ""
    digits: int = 2
    down: bool = False  # large numbers are below
    log: bool = False
    time: bool = False  # the numbers are Julian dates
    limits: tuple = (None, None)


@dataclass
class Series:
    """One kind of points, of the x values of its plot: a number or None for each.

    look : shape and colour as plots.js draws them, such as "dot red"
    error : half lengths of error bars;  common : of thin bars outside of them, for what all points share
    right : whether the numbers belong to the axis at the right;  shift : what has been added to them to keep clear
    """

    look: str
    value: list
    label: str = ""
    error: list | None = None
    common: list | None = None
    right: bool = False
    shift: float = 0.0


@dataclass
class Line:
    """A straight line at a value of an axis: "x", "y" or "right"."""

    axis: str
    at: float
    look: str = "solid blue"
    label: str = ""


@dataclass
class Plot:
    """One plot.  `at` are the x values of all series; `frames` or `names` tell what each of the points is.

    section : id of the section of the page that it stands in;  leads_to : the section of a frame's page that its points
        open;  target : anchor of the target whose observations can be marked in it
    stars : numbers of the reference stars that its points are, which can be marked as well
    subtitle : a line with numbers below the title
    times : {name: Julian dates of another kind} of the points, where these are known for all of them
    file : stem of the file that has it as well, together with other plots of that name; label : what it shows, in words
    """

    name: str
    section: str
    label: str
    x: Axis
    y: Axis
    at: list
    series: list
    title: str = ""
    caption: str = ""
    right: Axis | None = None
    lines: list = field(default_factory=list)
    frames: list | None = None
    names: list | None = None
    stars: list | None = None
    airmass: list | None = None
    leads_to: str = ""
    target: str | None = None
    file: str | None = None
    subtitle: str = ""
    times: dict = field(default_factory=dict)

    @property
    def empty(self):
        """Whether there is nothing to be seen."""
        return not any(known(value) for series in self.series for value in series.value)

    def data(self):
        """Return the plot as plain data for the page's scripts, its points in the order of x."""
        order = sorted((index for index, at in enumerate(self.at) if known(at)), key=self.at.__getitem__)

        def sorted_(values):
            return values and [values[index] if known(values[index]) else None for index in order]

        described = asdict(self)
        described["names"] = self.names and [self.names[index] for index in order]
        for name in ("at", "frames", "stars", "airmass"):
            described[name] = sorted_(described[name])
        described["times"] = {name: sorted_(values) for name, values in self.times.items()}
        for series in described["series"]:
            series |= {name: sorted_(series[name]) for name in ("value", "error", "common")}
        return described


def of_run(view, stars=None):
    """Return the Plots (list) of the main page of a views.Overview with its referencestars.ReferenceStars."""
    made = [*_curve_of_growth(view), *_fwhm(view), *_zeropoints(view), *_reference_stars(stars)]
    for target in view.targets:
        made += [*_light_curve(view, target), *_residuals(target)]
    return [plot for plot in made if not plot.empty]


def of_frame(view, frame, names):
    """Return the Plots (list) of the page of a views.FrameView, its stars called by starnames.StarNames."""
    made = [*_rejection(view, frame), *_calibration_residuals(view, frame, names)]
    return [plot for plot in made if not plot.empty]


def short(text):
    """Return a name as it can stand above a plot or at an axis: printable, not too long."""
    text = "".join(character if character.isprintable() else "?" for character in str(text))
    return text if len(text) <= LONGEST_TITLE else text[: LONGEST_TITLE - 1] + "…"


TIME = Axis("Time", time=True)


def _of_frames(view, parts):
    """Return what tells the points of a plot whose points are `parts` of a record with frames."""
    return {"at": [part.midtime_jd for part in parts], "frames": [view.frame_of(part).index for part in parts]}


def _curve_of_growth(view):
    record = view.records["photometry"]
    if not (record and record.curve):
        return
    curve, lines = record.curve, []
    if known(record.aprad_px):
        lines = [Line("x", record.aprad_px, "thick blue", "aperture radius")]
    radius = curve.radius_px
    x = Axis("Aperture Radius (px)", "px", limits=(min(radius, default=None), max(radius, default=None)))
    share = {"x": x, "at": radius, "section": "photometry", "file": "curve_of_growth"}

    def series(name):
        looks = (("background", "black", "background sources"), ("target", "red", "target"))
        for kind, colour, label in looks:
            part = getattr(curve, kind)
            if part:
                error = part.sigma if name == "flux" else None
                yield Series(f"line {colour}", _as_long(getattr(part, name), radius), label, _as_long(error, radius))

    limit = [Line("y", record.flux_limit, "dashed black", "flux limit")] if known(record.flux_limit) else []
    flux, snr = Axis("Fractional Combined Flux", limits=(0, None)), Axis("SNR", limits=(-0.1, 1.1))
    yield Plot(
        "growth",
        label="Combined flux within an aperture, as a fraction of its largest value",
        y=flux,
        series=list(series("flux")),
        lines=[*lines, *limit],
        title="Curve of growth",
        **share,
    )
    yield Plot(
        "growth-snr",
        label="Signal to noise of the combined flux, as a fraction of its largest value",
        y=snr,
        series=list(series("snr")),
        lines=lines,
        title="Signal to noise",
        caption="Dashed: flux limit; blue: the radius chosen.",
        **share,
    )


def _fwhm(view):
    record = view.records["photometry"]
    if not record:
        return
    frames, diameter_px = record.frames, 2 * number(record.aprad_px)
    widths = [frame.fwhm_px for frame in frames]
    top = max([value for value in (diameter_px + 1, *map(number, widths)) if known(value)], default=1)
    lines = [Line("y", diameter_px, "solid blue", "aperture diameter")] if known(diameter_px) else []
    y = Axis("Point Source FWHM (px)", "px", limits=(0, top or 1))
    yield Plot(
        "fwhm",
        "photometry",
        "Median FWHM of the sources of each frame against time",
        TIME,
        y,
        series=[Series("dot black", widths)],
        title="Median PSF FWHM per Frame",
        lines=lines,
        file="fwhm",
        caption="Line: diameter of the aperture.",
        **_of_frames(view, frames),
    )


def _zeropoints(view):
    record = view.records["calibrate"]
    if not (record and record.mode == "catalog"):
        return
    frames = record.frames
    y = Axis(f"{short(record.band)}-Band Magnitude Zeropoints (mag)", "mag", 3, down=True)
    series = Series("square blue", [part.zp_mag for part in frames], error=[part.zp_sig_mag for part in frames])
    yield Plot(
        "zeropoints",
        "calibrate",
        "Zeropoint of each frame against time",
        TIME,
        y,
        series=[series],
        title="Zeropoints",
        leads_to="calibration",
        file="zeropoints",
        **_of_frames(view, frames),
    )


def _reference_stars(stars):
    counted = [(index, star.name, star.data) for index, star in enumerate(stars.stars if stars else []) if not star.out]
    if not counted:
        return
    numbers, called, data = zip(*counted, strict=True)
    share = {
        "section": "reference-stars",
        "x": Axis("Magnitude in the Catalogue (mag)", "mag", 2),
        "at": [star.mag for star in data],
        "names": [f"{name}: {short(star.ident)}" for name, star in zip(called, data, strict=True)],
        "stars": list(numbers),
    }
    yield Plot(
        "star-offsets",
        label="Offset of each reference star from the catalogue against its magnitude",
        y=Axis("Catalogue Minus Measured (mag)", "mag", 4),
        series=[Series("dot red", [star.offset for star in data], error=[star.offset_err for star in data])],
        lines=[Line("y", 0, "dashed black")],
        title="Offsets from the catalogue",
        caption="One point per star, of the whole night; most of it is the catalogue's own error.",
        **share,
    )
    yield Plot(
        "star-scatter",
        label="Scatter of each reference star over the night against its magnitude",
        y=Axis("Scatter over the Night (mag)", "mag", 4, log=True),
        series=[
            Series("dot red", [_positive(star.scatter) for star in data], "measured"),
            Series("square blue", [_positive(star.expected) for star in data], "expected from the noise"),
        ],
        title="Scatter over the night",
        caption="A star far above what its noise explains is variable, blended, or on bad pixels.",
        **share,
    )


def _positive(value):
    return value if known(value) and value > 0 else None


def _light_curve(view, target):
    rows, limits = [row.data for row in target.accepted], [row.data for row in target.limits]
    row_mags = [row.mag for row in rows]
    both, nothing = [*target.accepted, *target.limits], [None] * len(limits)
    frame_error, common = ([errors_of(row)[part] for row in rows] for part in (0, 1))
    joined = [
        float(np.hypot(one, other)) if known(one) and known(other) else None
        for one, other in zip(frame_error, common, strict=True)
    ]
    weak = [number(row.e_inst) > WEAK_MAG for row in rows]
    magnitudes = [
        Series(look, _where(weak, faint, row_mags) + nothing, label, frame_error + nothing, joined + nothing)
        for look, faint, label in (("dot red", False, ""), ("ring red", True, "below 3 σ"))
        if faint in weak
    ]
    faintest = Series("limit red", [None] * len(rows) + [row.mag_limit for row in limits], "not detected, fainter than")
    control = _control_star(view, target, both)
    every = [*magnitudes, *([faintest] if limits else []), *control]
    y = Axis(f"Magnitude ({short(target.data.band or 'instrumental')})", "mag", 3, down=True)
    airmass = [row.frame.prepare and row.frame.prepare.airmass for row in both]
    bars = "Bars: error of each point" + (
        "; thin bars: with the error of the calibration, which all points share." if any(map(known, joined)) else "."
    )
    rings = "Open circles: light at the place, below 3 σ."
    triangles = "Open triangles: not detected, limit at 3 σ."
    squares = "Squares: a constant star, shifted."
    about = " ".join([bars] * bool(rows) + [rings] * any(weak) + [triangles] * bool(limits) + [squares] * bool(control))
    yield Plot(
        target.anchor,
        "lead" if target is view.lead else target.anchor,
        f"Light curve of {target.name}",
        TIME,
        y,
        [row.data.jd for row in both],
        every,
        short(target.name),
        about,
        frames=[row.frame.index for row in both],
        airmass=airmass if any(map(known, airmass)) else None,
        leads_to=target.anchor,
        target=target.anchor,
        file=target.name,
        times=_times([row.data for row in both]),
    )


def _where(chosen, wanted, values):
    """Return `values` with None where `chosen` (bools) is not `wanted`."""
    return [value if is_so == wanted else None for is_so, value in zip(chosen, values, strict=True)]


def _control_star(view, target, rows):
    """Return the Series of the control star on the frames of `rows` (list of one, or none), below those of a target."""
    star = next((each for each in view.targets if each.data.kind == CONTROL), None)
    if target is not view.lead or star is None or not star.magnitudes or star.data.band != target.data.band:
        return []
    found = {row.frame: row.data for row in star.accepted}
    own = [found.get(row.frame) for row in rows]
    levels = [number(row.data.mag if row.data.accepted else row.data.mag_limit) for row in rows]
    levels = [level for level in levels if np.isfinite(level)]
    if not levels:
        return []
    gap = max(0.25 * (max(levels) - min(levels)), 2 * np.nan_to_num(number(target.typical_err)), LEAST_GAP_MAG)
    shift = round(float(max(levels) + gap - star.mean), 2)
    values = [number(row.mag) + shift if row else None for row in own]
    errors = [row and errors_of(row)[0] for row in own]
    return [Series("square blue", values, star.name, errors, shift=shift)]


def _times(rows):
    """Return {name: Julian dates} of Rows by other clocks, as far as these are known for all of them."""
    times = {
        "JD at target": [row.jd - row.light_time_s / SECONDS_PER_DAY for row in rows],
        "BJD TDB": [row.bjd_tdb for row in rows],
    }
    return {name: values for name, values in times.items() if values and all(map(known, values))}


def _residuals(target):
    rows = [row.data for row in target.accepted]
    series = [
        Series(look, [getattr(row, name) for row in rows], label)
        for look, name, label in (("square blue", "dra_arcsec", "RA"), ("dot red", "ddec_arcsec", "Dec"))
    ]
    yield Plot(
        f"{target.anchor}_residuals",
        target.anchor,
        f"Residuals of position of {target.name}",
        TIME,
        Axis("Predicted minus measured (arcsec)", "arcsec"),
        [row.jd for row in rows],
        series,
        f"{short(target.name)}: residuals of position",
        "Predicted minus measured RA (squares, without cos Dec) and Dec (dots).",
        lines=[Line("y", 0)],
        frames=[row.frame.index for row in target.accepted],
        leads_to=target.anchor,
        target=target.anchor,
        times=_times(rows),
    )


def _rejection(view, frame):
    if not frame.used_stars:
        return
    steps, record = frame.calibrate.steps, view.records["calibrate"]
    zeropoint, sigma, chi2 = ([getattr(step, name) for step in steps] for name in ("zp_mag", "sig_mag", "chi2"))
    yield Plot(
        "rejection",
        "calibration",
        "Zeropoint and chi square while stars are dropped",
        Axis("Number of Reference Stars", digits=0),
        Axis("Magnitude Zeropoint", "mag", 3, down=True),
        [step.n for step in steps],
        [
            Series("line red", zeropoint, "zeropoint", sigma),
            Series("line blue", [value if number(value) > 0 else None for value in chi2], "χ²", right=True),
        ],
        f"{short(frame.calibrate.ldac or frame.name)}: {short(record.band)}-band from {record.catalog}",
        "Zeropoint (red) and reduced χ² (blue) while the worst star is dropped again and again;"
        " vertical line: the choice.",
        right=Axis("Reduced χ²", log=True),
        names=[f"{number(step.n):.0f} stars" for step in steps],
        lines=[
            *(
                [Line("x", frame.calibrate.n_used, "solid black", "stars used")]
                if known(frame.calibrate.n_used)
                else []
            ),
            Line("right", 1, "dashed blue"),
        ],
    )


def _calibration_residuals(view, frame, called):
    stars = frame.used_stars
    values = [calibrated(star, frame.calibrate) for star in stars]
    names = [f"{called.of(star)}: {star.ident}" for star in stars]
    color = view.records["calibrate"].color if frame.calibrate else None
    for name, key, label in (
        ("residuals", "mag", "Reference Star Magnitude"),
        ("residuals-color", "color_mag", f"Reference Star {short(color)} (mag)"),
    ):
        if key == "color_mag" and not color:
            continue
        series = Series("dot black", [value["residual"] for value in values], error=[value["err"] for value in values])
        yield Plot(
            name,
            "calibration",
            f"Residuals of the reference stars used, against {label}",
            Axis(label, "mag"),
            Axis("Calibration-Reference (mag)", "mag", 3, down=True),
            [getattr(star, key) for star in stars],
            [series],
            names=names,
            lines=[Line("y", 0, "dashed black")],
            title=f"Residuals against {'magnitude' if key == 'mag' else short(color)}",
        )


def _as_long(values, others):
    return values and (values + [None] * len(others))[: len(others)]
