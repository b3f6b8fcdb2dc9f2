"""Preferences and thresholds of the pipeline, each with its unit and reason.

A file of the same name in $PHOTPIPEDIR, or in the user's configuration folder ($XDG_CONFIG_HOME/photometrypipeline,
usually ~/.config/photometrypipeline), overrides single settings without a change to this one: it is run after it and
sees all its names.  For example:

    minstars = 0.7
    confdistill.full_target_names = True

Options on the command line override both.  Names that do not exist are refused, unless they begin with _ or are those
of imports and functions, and so are values of another kind.
"""

import os
from pathlib import Path

from photometrypipeline.base import userfolders, usersettings
from photometrypipeline.base.errors import UsageError
from photometrypipeline.reports.reportsettings import ReportSettings
from photometrypipeline.website.websettings import DiagnosticsSettings

diagnostics = True  # write pages and plots at all

program_timeout_s = 1800  # Source Extractor on one frame, SWarp on all of them: longer, and they are stopped
catalog_folders = ()  # where TYCHO2's index file lies; empty: where Debian and astrometry.net put such files

# ---- registration
min_sources_astrometric_catalog = 10  # fewer reference stars in the field: the next catalogue is tried
min_sources_frame = 10  # a frame with no more sources than this is not registered
n_registration_repetitions = 2  # searches with each catalogue: within the telescope's search radius, then within 1 deg
registration_log_odds = 13.8  # natural logarithm of the odds that a solution must have; one in a million such is wrong
scamp_as_contrast_limit = 2.5  # of the match in angle and scale; about 1 where nothing matches; below: a warning
scamp_xy_contrast_limit = 2.5  # of the match in position; below: a warning
scamp_max_sources = 2000  # brightest sources per frame that take part; SCAMP's time grows with their number squared
scamp_timeout_s = 900  # SCAMP never ends on some hopeless input

# ---- photometry
photmode = "APER"  # APER, ISOCOR or AUTO; only APER has a curve of growth.  PSF: targets by PSF and trail
pos_epsilon = 0.5  # arcsec; the target is identified, and stars are matched, within at least this
fluxlimit_aprad = 0.7  # fraction of the flux that the aperture has to hold
fluxmargin_aprad = 0.05  # largest difference of that fraction between target and stars

# ---- calibration
min_sources_photometric_catalog = 3  # fewer usable reference stars: the next catalogue is tried
minstars = 0.5  # reference stars to keep: a whole number, or a fraction with a decimal point (1.0: all)
enough_stars = 100  # to keep, whatever `minstars` says, None: no limit; -minstars on the command line is taken as it is
one_solution = True  # zeropoints of all frames from one solution of the night, unless -minstars is given
solcol = 0.2  # mag, half width of the window around the colours of the Sun
max_reference_error = 0.1  # mag; reference stars with larger uncertainties are left out
photometric_catalog_limit = 21  # mag, faint limit of the catalogue query
max_photometric_stars = 20000  # the brightest of the field are taken; more add nothing to a zeropoint
preferred_relations = ()  # ids of band transformations to take before the usual ones, such as ("KB18",); docs/bands.md
stellar_locus_cut = (
    False  # with CG08: reference stars off the line that the field's stars make in g-r, r-i are left out
)
weighted_ranking = True  # outliers by residual over error, as documented; False: by residual alone, as in the last code

# ---- services, and the store of what was fetched
service_urls = {}  # {"vizier": "https://..."}: other addresses of services; several with blanks between are mirrors
store_limit_mb = None  # size of the store of reference stars; above, tiles unused for longest go; None: no limit

# ---- target
max_distance_arcsec = 10.0  # rejection schema 'pos': a source further from the prediction is not the target
position_sigma_arcsec = 1.0  # uncertainty (1 sigma, per axis) of predicted places that come without one
clock_error_s = 1.0  # uncertainty of the times in the headers; matters for fast targets
max_contamination = 0.1  # rejection schema 'prob': no more than this share of a target's light may come from stars


class ConfPrepare:
    """Settings of pp_prepare."""


class ConfCalibrate:
    """Settings of pp_calibrate."""

    save_caldata = True  # write the matched reference stars of each frame to a table
    save_caldata_format = "ascii.basic"  # name of an astropy table writer
    save_caldata_suffix = "_cal.dat"  # appended to the stem of the image
    save_caldata_usedonly = False  # only the stars that the zeropoint rests on
    caldata_in_db = True  # join the columns of the reference catalogue into the database of the frame


class ConfDistill:
    """Settings of pp_distill."""

    rejection = ("pos", "prob", "apr", "none")  # schemas that `-reject` knows; see pp_distill
    full_target_names = False  # files named by the full name that Horizons gives, as the last code did


class ConfVerdict:
    """Thresholds (good, doubtful) of the verdicts on top of the website; what is beyond both has failed."""

    registered = (1.0, 0.5)  # fraction of the frames, at least
    astrometry_arcsec = (0.3, 1.0)  # scatter against the catalogue, at most; targets are identified within pos_epsilon
    flux_fraction = (0.5, 0.3)  # of a star that the aperture holds in the worst seeing, at least; stars lose the same
    calibrated = (1.0, 0.5)  # fraction of the frames, at least
    zp_sig_mag = (0.1, 0.3)  # scatter of the reference stars around the zeropoint, at most; 0.05 is usual
    zp_range_mag = (1.5, 3.0)  # largest minus smallest zeropoint, at most: clouds take the same from all stars
    accepted = (0.9, 0.5)  # fraction of the rows of the target, at least
    precision_mag = (0.1, 0.3)  # error of a typical point of the target, at most
    control_scatter_mag = (0.03, 0.15)  # scatter of the control star, which is bright and constant, at most
    injected_bias_mag = (0.01, 0.05)  # mean error of artificial targets as bright as the target, at most
    injected_ratio = (1.5, 3.0)  # their scatter over the claimed errors, by the share within two of these
    psf_difference_mag = (0.03, 0.1)  # median difference between aperture and PSF beyond their errors, at most
    time_err_s = (10.0, 86400.0)  # by which the mid-times of accepted rows may be off, at most
    control_ratio = (2.0, 4.0)  # scatter of the control star over its errors, at most: 1 if these are right


confprepare = ConfPrepare()
confcalibrate = ConfCalibrate()
confdistill = ConfDistill()
confdiagnostics = DiagnosticsSettings()
confverdict = ConfVerdict()
confreport = ReportSettings()  # who observed, with what: see docs/reports.md


_former = []  # what is to be told of settings that have no effect any more


def user_folders():
    """Return the folders (list of Path) where a user's settings are looked for, later ones win."""
    config = userfolders.config()
    root = os.environ.get("PHOTPIPEDIR")
    return [config, *([Path(root)] if root else [])]


def _override():
    here, usual = Path(__file__).resolve(), usersettings.known(globals())
    for folder in user_folders():
        path = folder / "pp_setup.py"
        if os.path.lexists(path) and not path.is_file():
            return UsageError(f"{path} is not a file that can be read; move it away")
        if path.is_file() and path.resolve() != here:
            try:
                exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), globals())
                _former.extend(usersettings.check(usual, usersettings.known(globals())))
            except UsageError as error:
                return UsageError(f"{path}: {error}")
            except (Exception, SystemExit) as error:  # noqa: BLE001  the user's own code: all it raises is told in one line
                return UsageError(f"{path}: {type(error).__name__}: {error}; correct the settings there")
    return None


problem = _override()  # None, or the error that toolbox ends a command with: an import is no place for one
