"""The options of each step; runoptions has those of the commands that chain them, base/options how all are declared.

Nothing here, or imported from here, is slow: `-h` answers at once.
"""

from dataclasses import dataclass
from pathlib import Path

from photometrypipeline.base.errors import UsageError
from photometrypipeline.base.options import Options, number_of_jobs, option, radii_px, radius_px, shared, stars_to_keep
from photometrypipeline.base.workers import cores
from photometrypipeline.catalogs import bandnames
from photometrypipeline.ephemerides.ephemchoice import AUTO, MODES, Choice
from photometrypipeline.programs.choices import FLAG_MASKS, METHODS
from photometrypipeline.runs import optionchecks

SNR = (0.01, 1e6)  # detection thresholds
MINAREA_PX = (1, 1e6)

# ---- what several steps have


@dataclass(frozen=True)
class Jobs(Options):
    """How many frames are worked on side by side."""

    jobs: int = option(
        cores,
        type=number_of_jobs,
        metavar="N",
        help="frames processed in parallel (default: all cores)",
        harmless=True,
    )


@dataclass(frozen=True)
class Offline(Options):
    """Whether services may be asked."""

    offline: bool = option(False, help="never ask the network; use what is stored", harmless=True)


@dataclass(frozen=True)
class Ephemeris(Options):
    """How places of targets are found."""

    ephemeris: str = option(
        AUTO,
        choices=MODES,
        help="places of the target: auto asks JPL Horizons, and computes them where it cannot be reached; local"
        " always computes them, from orbital elements; horizons never does (default: %(default)s)",
    )
    elements: str | None = option(
        metavar="FILE",
        check=optionchecks.elements,
        file=True,
        help="orbital elements to compute with: MPCORB, CometEls, JPL's ELEMENTS, Horizons, SBDB (JSON, CSV), AstDyS"
        " (default: those that came with earlier answers, or were imported into the store)",
    )

    @property
    def places(self):
        """The ephemchoice.Choice that both options make."""
        return Choice(self.ephemeris, self.elements)


# ---- the steps


@dataclass(frozen=True)
class PrepareOptions(Ephemeris, Offline, Jobs):
    """Options of pp_prepare; how places of bodies are found matters to frames without a pointing alone.

    Their stars tell where they are in the end: another way to a first guess is no reason to prepare all anew.
    """

    ephemeris: str = option(
        AUTO,
        choices=MODES,
        harmless=True,
        help="where images without a pointing look, by the place of the body that OBJECT names: see pp_photometry"
        " (default: %(default)s)",
    )
    elements: str | None = option(
        metavar="FILE",
        check=optionchecks.elements,
        file=True,
        harmless=True,
        help="orbital elements to compute that place with (default: those that came with earlier answers)",
    )

    ext: str | None = option(
        metavar="NAME",
        help="image to take of files that hold several: number, EXTNAME, or EXTNAME,EXTVER of the extension",
    )
    split: bool = option(False, help="each chip of files that hold several becomes a frame")
    bayer: str = option(
        "green",
        choices=("green", "red", "blue", "interpolate", "none"),
        help="frames of cameras with a mask of colours (BAYERPAT): the pixels of one colour, at half the resolution; "
        "green at every pixel, interpolated; or none: measured as they are (default: %(default)s)",
    )

    ra: float | None = option(
        metavar="DEG", within=(-180, 360), help="right ascension of the frame centre, J2000 (default: header)"
    )
    dec: float | None = option(
        metavar="DEG", within=(-90, 90), help="declination of the frame centre, J2000 (default: header)"
    )
    flipx: bool = option(False, help="toggle the telescope's flip of the x axis")
    flipy: bool = option(False, help="toggle the telescope's flip of the y axis")
    rotate: float = option(
        0.0, metavar="DEG", within=(-360, 360), help="added to the telescope's rotation, East of North (default: 0)"
    )
    target: str | None = option(metavar="NAME", help="replace the object name, e.g. 2015_AB123")
    keep_wcs: bool = option(False, help="keep the WCS that the images have, and a MIDTIMJD")
    telescope: str | None = option(metavar="KEY", help="telescope keyword, whatever the header says")
    set: dict = option(
        dict,
        action="append",
        metavar="KEY=VALUE",
        check=optionchecks.answers,
        help="value for an image of unknown origin (GENERIC), e.g. -set secpix=0.6",
    )


@dataclass(frozen=True)
class ExtractOptions(Jobs):
    """Options of pp_extract; kernel : path of a filter for the detection (astromatic.write_filter)."""

    snr: float = option(1.5, metavar="SIGMA", within=SNR, help="detection threshold in sigma (default: %(default)s)")
    minarea: float = option(
        3.0, metavar="PX", within=MINAREA_PX, help="minimum number of connected pixels (default: %(default)s)"
    )
    paramfile: str | None = option(
        metavar="FILE", file=True, help="parameter file for Source Extractor (default: that of the pipeline)"
    )
    aprad: tuple | None = option(
        type=radii_px,
        metavar="PX",
        help="aperture radius in px, or several separated by commas (default: the telescope's)",
    )
    telescope: str | None = option(metavar="KEY", help="telescope keyword, whatever the header says")
    ignore_saturation: bool = option(False, help="nothing counts as saturated")
    nodeblending: bool = option(False, help="do not split blended sources")
    quiet: bool = option(False, help="no output on the screen", harmless=True)
    dump_config: bool = option(
        False, help="print all settings that Source Extractor would get, and stop", harmless=True
    )
    kernel: str | None = None


@dataclass(frozen=True)
class RegisterOptions(Offline, Jobs):
    """Options of pp_register."""

    snr: float | None = option(
        metavar="SIGMA", within=SNR, help="detection threshold in sigma (default: the telescope's, usually 3)"
    )
    minarea: float | None = option(
        metavar="PX", within=MINAREA_PX, help="minimum number of connected pixels (default: the telescope's)"
    )
    cat: tuple | None = option(
        metavar="NAME",
        check=optionchecks.astrometric_catalogs,
        file=True,
        help="reference catalogue, or the path of your own table (default: the telescope's list)",
    )
    source_tolerance: str | None = option(
        choices=tuple(FLAG_MASKS), help="flagged sources to admit (default: the telescope's, usually high)"
    )
    nodeblending: bool = option(False, help="do not split blended sources")
    dump_config: bool = option(False, help="print all settings that SCAMP would get, and stop", harmless=True)


@dataclass(frozen=True)
class PhotometryOptions(Ephemeris, Offline, Jobs):
    """Options of pp_photometry.

    kernel : path of a filter for the detection;  chosen_by : where the radius in `aprad` comes from, in words
    """

    snr: float = option(2.0, metavar="SIGMA", within=SNR, help="detection threshold in sigma (default: %(default)s)")
    minarea: float | None = option(
        metavar="PX", within=MINAREA_PX, help="minimum number of connected pixels (default: the telescope's)"
    )
    aprad: float | None = option(type=radius_px, metavar="PX", help="fixed aperture radius in px, no curve of growth")
    target: str | None = option(metavar="NAME", help="target name, whatever the header says, e.g. 2015_AB123")
    aprad_range: tuple | None = option(
        type=float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        check=optionchecks.radius_range,
        help="radii of the curve of growth, px (default: the telescope's)",
    )
    background_only: bool = option(False, help="curve of growth from background sources alone")
    target_only: bool = option(False, help="curve of growth from the target alone")
    fixedtargets: str | None = option(
        metavar="FILE",
        check=optionchecks.fixed_targets,
        file=True,
        help="stars whose light curves are wanted, as pp_distill has them: the first is that of the curve of growth",
    )
    nodeblending: bool = option(False, help="do not split blended sources")
    cosmics: bool = option(
        False, help="look for cosmic rays on each frame (L.A.Cosmic) and measure without the pixels they hit"
    )
    kernel: str | None = None
    chosen_by: str = "set by hand"

    def check(self):
        """Raise UsageError if both kinds of sources are excluded."""
        if self.background_only and self.target_only:
            raise UsageError("-background_only and -target_only exclude each other")


@dataclass(frozen=True)
class CalibrateOptions(Offline, Jobs):
    """Options of pp_calibrate; `catalog` may hold several names, which are tried in turn."""

    minstars: float | None = option(
        type=stars_to_keep,
        metavar="N",
        help="reference stars to keep at least, never fewer than 3: a number such as 20, or a fraction with a decimal "
        "point, up to 1.0 (default: 0.5)",
    )
    catalog: tuple | None = option(
        metavar="NAME",
        also=("cat",),
        check=optionchecks.photometric_catalogs,
        file=True,
        help="reference catalogue, or the path of your own table (default: the telescope's list)",
    )
    filter: str | None = option(
        metavar="BAND",
        glance=lambda name, options: bandnames.check(name, options.catalog),
        help="band of the images, whatever the header says; None: magnitudes stay instrumental",
    )
    maxflag: int = option(
        3,
        metavar="N",
        within=(0, 255),
        help="largest Source Extractor flag of sources to use; 7 admits saturated ones (default: %(default)s)",
    )
    instrumental: bool = option(False, help="no calibration, databases with instrumental magnitudes")
    magzp: tuple | None = option(
        type=float,
        nargs=2,
        metavar=("ZP", "SIGMA"),
        glance=optionchecks.zeropoint,
        help="zeropoint and its uncertainty in mag, instead of a catalogue",
    )
    solar: bool = option(False, help="reference stars with colours like the Sun's only")
    use_all_stars: bool = option(False, help="all reference stars, without any check of their quality")
    colorterm: str | None = option(
        metavar="COLOR",
        check=optionchecks.color_name,
        help="fit how the camera's band differs from the catalogue's with the colour of the star, one coefficient for "
        "all frames; COLOR is g-r, B-V, BP-RP, ... (default: no colour term)",
    )
    target_color: str | None = option(
        metavar="CLASS|MAG",
        check=optionchecks.target_color,
        help="colour of the target that the magnitudes are given for: the taxonomic class of an asteroid (C, S, Xk, "
        "...), or a number in COLOR, without -colorterm in g-r (default: that of asteroids, g-r 0.55 +- 0.1)",
    )
    exclude_stars: str | None = option(
        metavar="FILE",
        check=optionchecks.star_list,
        file=True,
        help="reference stars that do not count: one a line, its name in the catalogue, or RA Dec [radius in arcsec]",
    )
    fixedtargets: str | None = option(
        metavar="FILE",
        check=optionchecks.fixed_targets,
        file=True,
        help="stars whose light curves are wanted, as pp_distill has them: they are no reference stars of the night",
    )

    @property
    def uncalibrated(self):
        """Whether magnitudes are to stay instrumental."""
        return self.instrumental or (self.filter or "").lower() == "none"

    def check(self):
        """Raise UsageError for colours that are not known."""
        optionchecks.check_colors(self)


@dataclass(frozen=True)
class DistillOptions(Ephemeris, Offline, Jobs):
    """Options of pp_distill."""

    target: str | None = option(metavar="NAME", help="target name, whatever the headers say, e.g. 2015_AB123")
    offset: tuple = option(
        (0.0, 0.0),
        type=float,
        nargs=2,
        metavar=("DRA", "DDEC"),
        within=(-36_000, 36_000),
        help="arcsec, subtracted from the predicted coordinates (default: 0 0)",
    )
    positions: str | None = option(
        metavar="FILE",
        check=optionchecks.positions,
        file=True,
        help="predicted places per frame: image RA Dec [JD] [name]; or all_objects, for all files positions_*.dat",
    )
    fixedtargets: str | None = option(
        metavar="FILE", check=optionchecks.fixed_targets, file=True, help="targets fixed on the sky: name RA Dec"
    )
    variable_stars: bool = option(False, help="known variable stars in the field (VSX) as well")
    asteroids: bool = option(False, help="all known asteroids in the field, by SkyBoT or the orbits in the store")
    movers: bool = option(
        False, help="look for unknown bodies as well: sources of three or more frames that move evenly"
    )
    reject: tuple = option(
        ("pos", "prob"),
        metavar="LIST",
        check=optionchecks.schemas,
        help='why a row does not count, separated by commas: pos (no source within 10" of the prediction), prob (the '
        "source is more likely a star, or blended with one), apr (outside the aperture), none (all rows count; "
        "default: %(default)s)",
    )
    exclude: str | None = option(
        metavar="FILE",
        check=optionchecks.exclusion_list,
        file=True,
        help="observations to leave out: one image per line, followed by a target if only that one is left out; see the"
        " light curve on the website",
    )
    injections: int = option(
        24,
        metavar="N",
        within=(0, 1000),
        help="artificial targets on parallel tracks, which tell bias, errors and limit; 0: none (default: %(default)s)",
    )
    photmode: str | None = option(
        metavar="METHOD",
        choices=("APER", "PSF"),
        help="magnitudes of targets by aperture (APER; PSF where an aperture cannot serve), or all by PSF and trail"
        " (PSF; default: photmode of pp_setup)",
    )


STEPS = {  # of a run, in their order
    "prepare": PrepareOptions,
    "register": RegisterOptions,
    "photometry": PhotometryOptions,
    "calibrate": CalibrateOptions,
    "distill": DistillOptions,
}


class Following:
    """Options of stacks that may follow a target."""

    @property
    def moving(self):
        """Whether the frames follow a target; rates imply it."""
        return self.comoving or self.manual_rates is not None


@dataclass(frozen=True)
class CombineOptions(Following, Ephemeris, Offline, Jobs):
    """Options of pp_combine."""

    comoving: bool = option(False, help="combine in the frame of the moving target")
    targetname: str | None = option(metavar="NAME", help="target name, whatever the headers say, e.g. 2015_AB123")
    manual_rates: tuple | None = option(
        type=float,
        nargs=2,
        metavar=("DRA", "DDEC"),
        within=(-3600, 3600),
        help="motion of the target in arcsec/s, RA with cos Dec, instead of an ephemeris; implies -comoving",
    )
    method: str = option(
        "clipped",
        choices=tuple(METHODS),
        help="how pixels are combined; median does not conserve flux (default: %(default)s)",
    )
    backsub: bool = option(False, help="subtract the background map of each frame first")
    keep_files: bool = option(
        False,
        help="keep frames on the grid of the stack, IMAGE_resamp.fits, or with -comoving shifted, IMAGE_moving.fits",
    )
    mask_stars: str | None = option(
        metavar="FILE",
        file=True,
        help="stack of the sky, skycoadd.fits, whose stars are masked: they leave no trails (with -comoving)",
    )
    dump_config: bool = option(False, help="print all settings that SWarp would get, and stop", harmless=True)

    def check(self):
        """Raise UsageError for what only stacks that follow a target have."""
        if self.mask_stars and not self.moving:
            raise UsageError("-mask_stars belongs to -comoving or -manual_rates")
        if self.mask_stars and not Path(self.mask_stars).is_file():
            raise UsageError(f"-mask_stars {self.mask_stars}: no such file; make it with pp_combine, without -comoving")


@dataclass(frozen=True)
class ReduceOptions(Jobs):
    """Options of pptool_reduce."""

    output: str = option("reduced", metavar="FOLDER", help="where reduced frames go (default: %(default)s)")
    temperature: float = option(
        2.0, metavar="DEG", help="degrees C by which temperatures of the detector may differ (default: %(default)s)"
    )
    cosmics: bool = option(False, help="repair what cosmic rays have hit (L.A.Cosmic)")
    list: bool = option(False, help="say what there is and what goes with what, and stop")
    ext: str | None = shared("ext", PrepareOptions)
    split: bool = shared("split", PrepareOptions)
