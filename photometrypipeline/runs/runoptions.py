"""The options of the commands that chain the steps: their own, and those of the steps (runs/stepoptions.py)."""

from dataclasses import dataclass, field

from photometrypipeline.base.options import Options, option, shared
from photometrypipeline.runs import optionchecks
from photometrypipeline.runs.stepoptions import (
    CalibrateOptions,
    CombineOptions,
    DistillOptions,
    Ephemeris,
    Following,
    Jobs,
    Offline,
    PhotometryOptions,
    PrepareOptions,
    RegisterOptions,
)

CALIBRATION_CATALOG = "catalogue for the calibration, or the path of your own table (default: the telescope's list)"


@dataclass(frozen=True)
class RunOptions(Options):
    """Options of pp_run: its own, and those of its steps that it hands on."""

    jobs: int | None = shared(
        "jobs",
        *(Jobs, PrepareOptions, RegisterOptions, PhotometryOptions, CalibrateOptions, DistillOptions),
        default=None,
    )
    offline: bool = shared(
        "offline", PrepareOptions, RegisterOptions, PhotometryOptions, CalibrateOptions, DistillOptions
    )
    ephemeris: str = shared("ephemeris", PhotometryOptions, PrepareOptions, DistillOptions)
    elements: str | None = shared("elements", PhotometryOptions, PrepareOptions, DistillOptions)
    prefix: str | None = option(metavar="TEXT", help="with `all`: only files whose names begin with it")
    split: bool = shared(
        "split",
        PrepareOptions,
        help="each chip of files that hold several becomes a frame; with `all`: copy frames of several objects, "
        "filters or cameras in one folder into sub-folders first",
    )
    ext: str | None = shared("ext", PrepareOptions)
    bayer: str = shared("bayer", PrepareOptions)
    exclude: str | None = shared(
        "exclude", DistillOptions, help="observations to leave out, one image per line; see pp_distill -h"
    )
    scheduler: str | None = option(
        metavar="ADDRESS",
        help="with `all`: run the data sets on the Dask cluster with this scheduler, e.g. tcp://host:8786; "
        "-jobs are then the cores for each data set (default: 1)",
    )
    target: str | None = shared(
        "target",
        *(PrepareOptions, PhotometryOptions, DistillOptions),
        help="target name for all images, designations with _ (default: header)",
    )
    filter: str | None = shared("filter", CalibrateOptions)
    fixed_aprad: float | None = shared(
        "aprad",
        PhotometryOptions,
        also=("fixed",),  # the usual abbreviation, which -fixedtargets would make ambiguous
        help="aperture radius in px, no curve of growth (default: off)",
    )
    snr: float = shared(
        "snr",
        PhotometryOptions,
        default=1.5,
        help="detection threshold of the photometry in sigma (default: %(default)s)",
    )
    minarea: float | None = shared(
        "minarea",
        PhotometryOptions,
        help="minimum number of connected pixels in the photometry (default: the telescope's)",
    )
    aprad_range: tuple | None = shared("aprad_range", PhotometryOptions)
    cosmics: bool = shared("cosmics", PhotometryOptions)
    source_tolerance: str | None = shared(
        "source_tolerance",
        RegisterOptions,
        help="flagged sources that the registration admits (default: the telescope's, usually high)",
    )
    minstars: float | None = shared("minstars", CalibrateOptions)
    maxflag: int = shared("maxflag", CalibrateOptions)
    use_all_stars: bool = shared("use_all_stars", CalibrateOptions)
    solar: bool = shared("solar", CalibrateOptions)
    rerun_registration: bool = option(False, help="register once more if not all frames succeeded")
    asteroids: bool = shared("asteroids", DistillOptions, help="all known asteroids in the field instead of the target")
    movers: bool = shared("movers", DistillOptions)
    reject: tuple = shared("reject", DistillOptions)
    injections: int = shared("injections", DistillOptions)
    photmode: str | None = shared("photmode", DistillOptions)
    keep_wcs: bool = shared("keep_wcs", PrepareOptions, help="trust the WCS in the headers, no registration")
    set: dict = shared("set", PrepareOptions)
    force: bool = option(False, help="do all steps again, even those that are up to date")
    fresh: bool = option(False, help="forget what was chosen by hand before (pp_choices.toml)")
    cat: tuple | None = shared(
        "cat",
        RegisterOptions,
        help="catalogue for the registration, or the path of your own table (default: the telescope's list)",
    )
    catalog: tuple | None = shared(
        "catalog",
        CalibrateOptions,
        also=(),
        help=CALIBRATION_CATALOG,
    )
    colorterm: str | None = shared("colorterm", CalibrateOptions)
    target_color: str | None = shared("target_color", CalibrateOptions)
    exclude_stars: str | None = shared("exclude_stars", CalibrateOptions)
    positions: str | None = shared("positions", DistillOptions)
    fixedtargets: str | None = shared(
        "fixedtargets",
        *(DistillOptions, CalibrateOptions, PhotometryOptions),
        help="targets fixed on the sky instead: name RA Dec, in degrees or sexagesimal; they are no reference stars",
    )

    def check(self):
        """Raise UsageError for colours that are not known."""
        optionchecks.check_colors(self)

    by_hand: dict = field(default_factory=dict)  # {step: {option: value}} of choices by hand, which go before

    def again(self, step):
        """Return whether `step` is to be tried a second time where the first one left gaps."""
        return self.rerun_registration if step == "register" else self.solar if step == "calibrate" else False


@dataclass(frozen=True)
class StackedOptions(Following, Ephemeris, Offline, Jobs):
    """Options of pp_stackedphotometry: its own, and those of its steps that it hands on."""

    jobs: int = shared("jobs", CombineOptions, DistillOptions)
    offline: bool = shared("offline", CombineOptions, CalibrateOptions, DistillOptions)
    ephemeris: str = shared("ephemeris", CombineOptions, DistillOptions)
    elements: str | None = shared("elements", CombineOptions, DistillOptions)
    comoving: bool = shared("comoving", CombineOptions, help="measure the target in a stack that follows it")
    targetname: str | None = shared("targetname", CombineOptions)
    manual_rates: tuple | None = shared("manual_rates", CombineOptions)
    method: str = shared("method", CombineOptions)
    positions: str | None = option(
        metavar="FILE",
        help="where the target is, for one without ephemeris: lines of image RA Dec [JD], as pp_manident writes them",
    )
    filter: str | None = shared("filter", CalibrateOptions, help="band of the images, whatever the headers say")
    fixed_aprad: float | None = shared(
        "aprad", PhotometryOptions, help="aperture radius in px, no curve of growth (default: off)"
    )
    snr: float = shared(
        "snr",
        PhotometryOptions,
        default=1.5,
        help="detection threshold in sigma; for a comoving stack, which is smoothed with the width of its stars before "
        "the search, it scales the threshold of 4 sigma (default: %(default)s)",
    )
    solar: bool = shared("solar", CalibrateOptions)
    catalog: tuple | None = shared(
        "catalog",
        CalibrateOptions,
        also=(),
        help=CALIBRATION_CATALOG,
    )
    colorterm: str | None = shared("colorterm", CalibrateOptions)
    target_color: str | None = shared("target_color", CalibrateOptions)
    reject: tuple = shared("reject", DistillOptions)

    def check(self):
        """Raise UsageError for colours that are not known."""
        optionchecks.check_colors(self)
