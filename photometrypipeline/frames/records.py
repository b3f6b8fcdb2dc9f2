"""The records of the steps: one JSON file each in .diagnostics/, from which all pages are made.

A record holds what its step found; RECORDS lists the fields.  A missing field and NaN are both None here, so that
whoever reads a record finds every field.
"""

import json
import logging
import math
from pathlib import Path

from photometrypipeline.base.errors import FrameError
from photometrypipeline.base.files import write_text
from photometrypipeline.frames import observationsdb

log = logging.getLogger("pp.records")

FOLDER = ".diagnostics"
STEPS = ("prepare", "register", "photometry", "calibrate", "distill")
FAILURES = "failures.json"


def _fields(names):
    return dict.fromkeys(names.split())


class Maybe:
    """A part of a record that may be absent as a whole: it is None then."""

    def __init__(self, shape):
        self.shape = shape


_CURVE = Maybe({"flux": [None], "sigma": [None], "snr": [None]})
# offset from the catalogue, its error, scatter over the night and what the noise explains, by how much leaving it out
# moves the target: mag
_NIGHT_STAR = _fields("ident ra_deg dec_deg mag color offset offset_err scatter expected influence weight n_frames")

RECORDS = {
    "prepare": _fields("directory band")
    | {
        "telescope": _fields("key label"),
        "raw_filters": [None],
        "options": {},
        "frames": [
            _fields("name stem midtime_jd object filter airmass exptime_s ra_deg dec_deg")
            | {"pixel_scale_arcsec": [None], "binning": [None], "size_px": [None]}
        ],
    },
    "register": _fields("catalog skipped")
    | {
        "limits": {"as": None, "xy": None, "log_odds": None},
        "frames": [
            _fields("name registered reason as_contrast xy_contrast sigma_ra_arcsec sigma_dec_arcsec chi2_reference")
            | _fields("chi2_internal n_sources n_matched rms_arcsec log_odds solution degree model shared cv_arcsec")
            | _fields("offset_arcmin")
        ],
    },
    "photometry": _fields("method minarea_px snr aprad_px basis strategy n_target n_background flux_limit flux_margin")
    | {
        "gain_known": None,
        "curve": Maybe({"radius_px": [None], "background": _CURVE, "target": _CURVE, "index": None}),
        "frames": [_fields("name midtime_jd fwhm_px n_sources")],
    },
    "calibrate": _fields("mode band catalog catalog_history catalog_release magsys color")
    | {
        "systematics": Maybe(_fields("relation_err catalog_err color_err total")),
        "catalog_origin": Maybe(_fields("fetched_utc answers")),
        "color_term": Maybe(_fields("color coefficient err target_color mean_color n_stars n_used scatter")),
        "night": Maybe(
            _fields("counts err_common jitter scatter n_reference color_width")
            | {
                "terms": [_fields("name value err")],
                "target_color": Maybe(_fields("name value err origin")),
                "extinction": Maybe(_fields("coefficient err scatter")),
                "differences": Maybe(_fields("mean scatter largest n")),
                "stars": [_NIGHT_STAR],
            }
        ),
        "frames": [
            _fields("name ldac midtime_jd zp zp_sig zp_err n_used n_matched reason chosen method zp_frame zp_night")
            | _fields("err_zp_frame err_zp_common")
            | {
                "steps": [_fields("n zp sig chi2")],
                "stars": [_fields("ident ra_deg dec_deg mag e_mag inst e_inst used x y color color_correction")],
            }
        ],
    },
    "distill": {"images": [None], "arguments": [None], "targets": [None]},  # targets: names
}


def write(step, data, folder="."):
    """Keep `data` (dict, fields as in RECORDS; numpy numbers and NaN allowed) as the record of `step`.

    What later steps recorded is stale then and goes, and so do the failures noted for this step and later ones.
    """
    place = _place(folder)
    position = STEPS.index(step)
    for later in STEPS[position + 1 :]:
        (place / f"{later}.json").unlink(missing_ok=True)
    write_text(place / f"{step}.json", _to_json(data))
    kept = {name: message for name, message in _failures(place).items() if name in STEPS[:position]}
    _write_failures(place, kept)


def path_of(step, folder="."):
    """Return the Path of the record of `step`."""
    return Path(folder) / FOLDER / f"{step}.json"


def write_failure(step, message, folder="."):
    """Note that `step` ended with `message` (one line); the note stays until that step, or an earlier one, succeeds."""
    place = _place(folder)
    notes = _failures(place)
    notes.pop(step, None)  # the newest comes last
    _write_failures(place, notes | {step: str(message)})


def read(folder="."):
    """Return {step: record} of the steps that left one, completed to all fields of RECORDS.

    The targets of "distill" are LightCurves of photometry.db, which lies in `folder` as well.
    """
    found = {step: _load(path_of(step, folder)) for step in STEPS}
    found = {step: complete(RECORDS[step], data) for step, data in found.items() if isinstance(data, dict)}
    if "distill" in found:
        found["distill"]["targets"] = _light_curves(Path(folder), found["distill"]["targets"])
    return found


def _light_curves(folder, names):
    """Return the LightCurves (list) of the targets `names`; none, with a warning, if they cannot be read."""
    try:
        known = {curve.name: curve for curve in observationsdb.read(folder / observationsdb.FILE_NAME)}
    except FrameError as error:
        log.warning("%s", error)
        return []
    return [known[name] for name in names if name in known]


def read_failures(folder="."):
    """Return [(step, message)] of the failures that still count, in the order in which they happened."""
    return list(_failures(Path(folder) / FOLDER).items())


def complete(shape, value):
    """Return `value` with all fields of `shape`: None for missing scalars, empty lists; unknown fields stay.

    What is no list, or no scalar, where one belongs counts as missing.
    """
    if isinstance(shape, Maybe):
        return complete(shape.shape, value) if isinstance(value, dict) else None
    if isinstance(shape, dict):
        value = value if isinstance(value, dict) else {}
        return value | {name: complete(part, value.get(name)) for name, part in shape.items()}
    if isinstance(shape, list):
        items = value if isinstance(value, list) else []
        if isinstance(shape[0], dict):
            items = [item for item in items if isinstance(item, dict)]
            scalars = all(part is None for part in shape[0].values())  # as those of stars, of which there are most
            return [item if scalars and _is_flat(item, shape[0]) else complete(shape[0], item) for item in items]
        return [complete(shape[0], item) for item in items]
    return None if isinstance(value, (dict, list)) else value


def _is_flat(item, names):
    """Return whether a dict has all `names` and nothing but scalars."""
    return item.keys() >= names.keys() and not any(type(value) in (dict, list) for value in item.values())


def number(value):
    """Return a value of a record as a float, NaN for None and anything else that is not a number."""
    if type(value) is float:  # nearly all of them: pages and plots ask ten thousands of times
        return value
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan


def known(value):
    """Return whether a value of a record is a finite number."""
    return math.isfinite(number(value))


def _place(folder):
    place = Path(folder) / FOLDER
    place.mkdir(parents=True, exist_ok=True)
    return place


def _load(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda _: None)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        log.warning("%s cannot be read (%s); run the step again", path, error)
        return None


def _failures(place):
    notes = _load(place / FAILURES)
    return {step: str(message) for step, message in notes.items()} if isinstance(notes, dict) else {}


def _write_failures(place, notes):
    if notes:
        write_text(place / FAILURES, _to_json(notes))
    else:
        (place / FAILURES).unlink(missing_ok=True)


def _to_json(data):
    """Return `data` as text with a line for each field, and for each entry of a list: frames have a line each."""
    parts = [f"{json.dumps(str(name))}: {_lines(part)}" for name, part in data.items()]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _lines(part):
    if isinstance(part, list) and part:
        return "[\n " + ",\n ".join(map(_line, part)) + "\n]"
    return _line(part)


def _line(part):
    """Return `part` in one line; with `indent` it would take ten times as long."""
    try:
        return json.dumps(part, allow_nan=False, default=plain)
    except ValueError:  # a number that is not finite: looking for them beforehand takes as long as all the rest
        return json.dumps(plain(part), allow_nan=False)


def plain(value):
    """Return `value` with numpy numbers, arrays and paths as plain Python, numbers that are not finite as None."""
    if isinstance(value, dict):
        return {str(name): plain(part) for name, part in value.items()}
    if hasattr(value, "tolist"):  # arrays and scalars of numpy
        value = value.tolist()
    if isinstance(value, (list, tuple, set)):
        return [plain(part) for part in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
