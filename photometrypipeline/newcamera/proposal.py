"""A definition for an instrument that nobody has defined yet, proposed from what its frames tell, as commented TOML."""

import json
import math
import re
from dataclasses import dataclass, field

import numpy as np

from photometrypipeline.instruments import filternames, sites, values
from photometrypipeline.instruments.instrument import HEADER_DEFAULTS
from photometrypipeline.sky import times
from photometrypipeline.sky.obscodes import GEOCENTRE
from photometrypipeline.sky.obscodes import name as station_name
from photometrypipeline.sky.sphere import separation_deg

WIDE_FIELD_DEG = 0.5  # half the diagonal; bright stars are enough there
MOST_OFF_DEG = 2.0  # a pointing that is off by more is wrong, not inexact
LEAST_DRIFT_ARCMIN = 3.0
LEAST_POSITION_ARCMIN = 5.0  # that SCAMP searches
GAIN_FACTOR = 2.0  # by which the gain of a header may differ from what the noise tells
SAME_TURN_DEG = 2.0
LONGEST_KEY = 16


@dataclass(frozen=True)
class FrameFacts:
    """What one frame told: its header, Reading, View (None: not found on the sky), PixelFacts, and its sources."""

    name: str
    header: object
    size_px: tuple
    reading: object
    view: object
    pixels: object
    fwhm_px: float
    n_sources: int


@dataclass
class Proposal:
    """A definition: `key`, the lines of its file, what was taken from where, and what the user should check."""

    key: str
    lines: list = field(default_factory=list)  # (key, TOML value, comment)
    tables: dict = field(default_factory=dict)  # name of a table to such lines
    checks: list = field(default_factory=list)

    def add(self, key, value, comment=""):
        """Add a line; `value` is a text, number, bool or list."""
        self.lines.append((key, toml(value), comment))

    def check(self, text):
        """Note something that the user should look at."""
        if text and text not in self.checks:
            self.checks.append(text)

    def text(self, title):
        """Return the content of the TOML file."""
        rows = [f"# {line}" for line in title]
        rows += [_row(*line) for line in self.lines]
        for name, lines in self.tables.items():
            rows += ["", f"[{name}]", *(_row(*line) for line in lines)]
        if self.checks:
            rows += ["", "# Please check:", *(f"# - {check}" for check in self.checks)]
        return "\n".join(rows) + "\n"


def toml(value):
    """Return a value as TOML writes it."""
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml(each) for each in value) + "]"
    if isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    return repr(int(value)) if float(value).is_integer() else f"{value:.10g}"


def _row(key, value, comment):
    return f"{key} = {value}" + (f"  # {comment}" if comment else "")


def propose(frames, known_keys, key=None, code=None):
    """Return the Proposal for a list of FrameFacts of one camera; the first one tells the keywords.

    known_keys : keys that are taken;  key, code : of the user, or None
    """
    first = frames[0]
    proposal = Proposal(key or key_for(first.reading, known_keys))
    _names(proposal, first, code)
    _geometry(proposal, frames)
    _detector(proposal, first)
    _keywords(proposal, first)
    _filters(proposal, frames)
    _steps(proposal, frames)
    return proposal


def key_for(reading, known_keys):
    """Return a key for the definition: the camera's name in letters and digits, with the telescope's if it is taken."""
    names = [reading.get(role).value for role in ("identifier", "telescop") if reading.get(role)]
    words = [re.sub(r"[^A-Z0-9]", "", name.upper()) for name in names] or ["MYCAMERA"]
    key = (words[0] or "MYCAMERA")[:LONGEST_KEY]
    if key in known_keys:
        key = (words[-1] + words[0])[: 2 * LONGEST_KEY]
    number = 2
    while key in known_keys:
        key, number = f"{key.rstrip('0123456789')}{number}", number + 1
    return key


# ---- who and where


def _names(proposal, facts, code):
    reading = facts.reading
    identifier, telescop = reading.get("identifier"), reading.get("telescop")
    label = "/".join(each.value for each in (telescop, identifier) if each) or "my telescope"
    proposal.add("telescope", label, "shown in results")
    _station(proposal, reading, code)
    if identifier is None:
        proposal.check(
            f"the header names no camera: add a card PPINSTRU, or call every command with -telescope {proposal.key}"
        )
        proposal.add("identifiers", [])
        return
    proposal.add("identifiers", [identifier.value], identifier.why)
    if telescop:
        proposal.add("telescop", [telescop.value], "others may have such a camera")


def _station(proposal, reading, code):
    if code or reading.station:
        proposal.add("mpc_code", code or reading.station, "given by the user" if code else "the header names it")
        return
    site = reading.site
    if site is None:
        proposal.add("mpc_code", GEOCENTRE, "the centre of the Earth: the header names no site")
        proposal.check("mpc_code is that of the centre of the Earth: fill in the code of your station (-code)")
        return
    near, name, distance_km = sites.nearest_station(site)
    where = ", ".join(site.keywords)
    if distance_km <= sites.NEAR_KM:
        proposal.add("mpc_code", near, f"{name}, {distance_km:.1f} km from {where}")
        proposal.check(f"mpc_code: is {near} ({station_name(near)}) your station, or a neighbour of yours?")
    else:
        proposal.add("mpc_code", GEOCENTRE, f"no station within {sites.NEAR_KM:g} km of {where}")
        proposal.check(
            f"mpc_code is that of the centre of the Earth: the nearest station to {where} is {near} ({name}), "
            f"{distance_km:.0f} km away; fill in your own code (-code)"
        )


# ---- scale and orientation


def _geometry(proposal, frames):
    first, seen = frames[0], [facts for facts in frames if facts.view]
    binning = first.reading["binning"]
    if seen:
        _measured(proposal, seen, len(frames))
    elif first.reading.scales:
        scale, origin = first.reading.scales[0]
        proposal.add("pixel_scale", [round(scale / b, 5) for b in binning.value], f"from {origin}; not measured")
        proposal.check("pixel_scale comes from the header alone: no stars could be matched")
        proposal.check(
            "flip_x, flip_y, rotate are not known: no stars could be matched; registration tries all of them"
        )
    else:
        proposal.add("pixel_scale", [], "not known: pp_prepare will ask for it")
        proposal.check("pixel_scale is not known: fill in arcsec per unbinned pixel, x and y")
    comment = binning.why if not binning.doubt else binning.doubt
    proposal.add("binning", [_whole(each) for each in binning.coded], comment)
    proposal.check(binning.doubt)


def _whole(value):
    return value if isinstance(value, str) else int(value)


def _measured(proposal, seen, n_frames):
    binned = np.array([facts.view.scale_arcsec for facts in seen])
    scales = binned / np.array([facts.reading["binning"].value for facts in seen])
    view, number = seen[0].view, sum(facts.view.n_matched for facts in seen)
    how = f"measured on {number} stars of {view.catalog} in {len(seen)} of {n_frames} frames"
    proposal.add("pixel_scale", [round(float(each), 6) for each in np.median(scales, axis=0)], how)
    told = seen[0].reading.scales
    if told and abs(np.log(np.mean(view.scale_arcsec) / told[0][0])) > 0.02:
        off = 100 * (told[0][0] / np.mean(view.scale_arcsec) - 1)
        proposal.check(f"the header's own scale ({told[0][1]}) is off by {off:+.1f} %; the measured one is used")
    turns = [facts.view.rotate_deg for facts in seen]
    parity = "North up would have East " + ("right" if view.mirrored else "left")
    proposal.add("flip_x", not view.mirrored, f"measured: {parity}")
    proposal.add("flip_y", False)
    proposal.add("rotate", round(turns[0], 3), "degrees, East of North, measured")
    if len({facts.view.mirrored for facts in seen}) > 1:
        proposal.check("some frames are mirror images of others: were they all taken with the same camera and mirrors?")
    apart = max(abs((turn - turns[0] + 180) % 360 - 180) for turn in turns)
    if apart > SAME_TURN_DEG or "PIERSIDE" in seen[0].header:
        proposal.check(
            f"rotate: the frames differ by up to {apart:.0f} degrees; a German mounting turns by 180 degrees as it "
            "passes the meridian, which registration copes with"
        )


# ---- detector


def _detector(proposal, facts):
    _gain(proposal, facts)
    noise = facts.reading.get("read_noise")
    if noise:
        proposal.add("header.read_noise", noise.coded, f"{noise.value:g} e-")
    level = facts.reading.get("saturation")
    measured = facts.pixels.saturation
    if level and level.coded != HEADER_DEFAULTS["saturation"]:
        proposal.add("header.saturation", level.coded, f"{level.value:g} ADU")
    if measured:
        how = "95 % of the level at which stars of this frame are cut off"
        proposal.add("saturation", float(f"{measured:.3g}"), f"ADU, {how}")
        if level and measured < 0.8 * level.value:
            proposal.check(
                f"{level.coded} says {level.value:g} ADU, but stars are cut off near {measured / 0.95:.0f} ADU"
            )
    elif not level:
        proposal.check(
            f"saturation is not known: no star of this frame is cut off (highest pixel {facts.pixels.highest:.0f} "
            "ADU); fill in the level above which your camera is not linear"
        )
    if facts.pixels.bayer:
        proposal.check(
            "the pixels lie behind a mask of colours (BAYERPAT): separate the green ones, or bin 2 x 2, first"
        )


def _gain(proposal, facts):
    gain, measured = facts.reading.get("gain"), facts.pixels.gain
    if gain:
        if gain.value != values.number(facts.header[gain.coded]):
            proposal.add("header.gain", "EGAIN", f"{gain.coded} is in ADU/e- here")
            proposal.add("gain", float(f"{gain.value:.4g}"), f"e-/ADU, 1 / {gain.coded}")
        elif gain.coded != HEADER_DEFAULTS["gain"]:
            proposal.add("header.gain", gain.coded, f"{gain.value:g} e-/ADU")
        proposal.check(gain.doubt)
        if measured and not 1 / GAIN_FACTOR < measured / gain.value < GAIN_FACTOR:
            proposal.check(
                f"gain: {gain.coded} says {gain.value:g} e-/ADU, but {measured:.2g} from {facts.pixels.gain_how}"
            )
        return
    if "GAIN" in facts.header:
        proposal.add("header.gain", "EGAIN", "GAIN is not in e-/ADU here")
        proposal.check(f"gain: GAIN = {facts.header['GAIN']} is a setting of the camera, not e-/ADU")
    if measured:
        proposal.add("gain", float(f"{measured:.3g}"), f"e-/ADU, estimated from {facts.pixels.gain_how}")
        proposal.check(f"gain is an estimate: {facts.pixels.gain_how}; fill in that of your camera's manual")
    else:
        proposal.check(f"gain is not known ({facts.pixels.gain_how}): without it errors lack the photon noise")


# ---- keywords


def _keywords(proposal, facts):
    reading = facts.reading
    _pointing(proposal, facts)
    start = reading.get("time")
    if start is None:
        proposal.check("no keyword gives the time of the exposure: fill in header.time")
    else:
        (coded, time_is), julian = start.coded, times.is_julian(start.coded[0])
        proposal.add("header.time", coded, f"{start.why}: {times.text_of(start.value)} UTC")
        if julian:
            proposal.add("header.time_is", time_is)
        if reading.time:
            proposal.add("header.zone_h", -reading.time.add_h, reading.time.reason)
        proposal.check(start.doubt)
    for role in ("object", "filter", "exptime", "airmass"):
        found = reading.get(role)
        if found and found.coded != HEADER_DEFAULTS[role]:
            proposal.add(f"header.{role}", found.coded, f"{found.why}: {found.value}")
        if found:
            proposal.check(found.doubt)
    if not reading.get("filter"):
        proposal.add("header.filter", "", "no keyword gives the filter")
        proposal.check("the header names no filter: magnitudes stay instrumental")
    if not reading.get("exptime"):
        proposal.check("no keyword gives the exposure time: fill in header.exptime")


def _pointing(proposal, facts):
    view, found = facts.view, facts.reading.get("ra")
    places = facts.reading.places
    place = view.place if view else places[0] if places else None
    if place is None:
        proposal.check(
            "the header does not give the pointing: give -ra and -dec to pp_run or pp_prepare, unless the field is "
            "wide enough to be found on the whole sky (0.6 degrees)"
        )
        return
    (ra, dec), mistake = place.keywords, view.mistake if view else None
    unit = place.unit or "deg"
    comment = f"{place.form}, RA in {'hours' if unit == 'hour' else 'degrees'}"
    if mistake:
        proposal.check(f"the pointing of the header, {ra} and {dec}, is wrong: {mistake.text}{REMEDY[mistake.name]}")
        ra, dec, unit, comment = _corrected(place, mistake, view)
    elif view:
        proposal.check(_pointing_off(view))
    if not view and found:
        proposal.check(found.doubt)
    proposal.add("header.ra", ra, comment)
    proposal.add("header.dec", dec)
    proposal.add("header.radec_separator", "XXX" if place.form == "decimal" else place.separator)
    if unit != ("deg" if place.form == "decimal" else "hour"):
        proposal.add("header.ra_unit", unit, "measured" if view else "")
    if mistake and mistake.name in EQUINOX:
        proposal.add("header.equinox", EQUINOX[mistake.name], "measured: whatever the header says")


REMEDY = {
    "ra_in_hours": "; header.ra_unit says so",
    "ra_in_degrees": "; header.ra_unit says so",
    "swapped": "; header.ra and header.dec are exchanged",
    "sign": "; correct the headers, a definition cannot",
    "equinox_of_date": "; header.equinox says so",
    "b1950": "; header.equinox says so",
    "already_j2000": "; header.equinox says so",
}
EQUINOX = {"equinox_of_date": "date", "b1950": 1950, "already_j2000": 2000}


def _corrected(place, mistake, view):
    """Return (ra keyword, dec keyword, unit of RA, comment) that take a mistake back."""
    (ra, dec), unit = place.keywords, "hour" if place.form == "sexagesimal" else place.unit or "deg"
    if mistake.name == "ra_in_hours":
        unit = "hour"
    elif mistake.name == "ra_in_degrees":
        unit = "deg"
    elif mistake.name == "swapped":
        as_degrees = abs((place.dec_deg - view.centre_deg[0] + 180) % 360 - 180) < 2
        unit = "hour" if place.form == "sexagesimal" or not as_degrees else "deg"
        ra, dec = dec, ra
    return ra, dec, unit, f"as the stars show: {mistake.text}"


def _pointing_off(view):
    if view.offset_deg > MOST_OFF_DEG:
        return f"the header's pointing is off by {view.offset_deg:.0f} degrees, and no known mistake explains that"
    if view.offset_deg * 60 < LEAST_POSITION_ARCMIN:
        return ""
    return f"the pointing of the header is off by {view.offset_deg * 60:.1f} arcmin, and no known mistake explains it"


def _filters(proposal, frames):
    """Add the bands of all filter names that the frames have."""
    names = list(dict.fromkeys(facts.reading.get("filter").value for facts in frames if facts.reading.get("filter")))
    bands = {}
    for name in names:
        band, doubt = filternames.guess(name, [other for other in names if other != name])
        bands.setdefault(band or "none", []).append(name)
        proposal.check(f"filter {doubt}" if doubt else "")
    if not names:
        bands["none"] = [""]
    for band, of_band in bands.items():
        proposal.add(f"filters.{band}", of_band)
    proposal.check("filters has only the names in these frames: add the others that your camera has")


# ---- steps


def _steps(proposal, frames):
    fwhm = float(np.median([facts.fwhm_px for facts in frames]))
    if fwhm < 2:
        proposal.add("detect.min_area", 3, f"px; stars are {fwhm:.1f} px wide")
        proposal.add("detect.snr", 5, "sigma; hot pixels look like such stars")
        proposal.add("aperture.default", 3, "px")
        proposal.add("aperture.range", [2, 6], "px; smaller ones would depend on where in a pixel a star falls")
    else:
        proposal.add("detect.min_area", int(np.clip(round(0.8 * fwhm**2), 5, 15)), f"px; stars are {fwhm:.1f} px wide")
        proposal.add("aperture.default", int(np.clip(round(1.1 * fwhm), 3, 12)), "px")
        proposal.add("aperture.range", [2, int(np.clip(round(3.5 * fwhm), 8, 30))], "px")
    seen = [facts for facts in frames if facts.view]
    if not seen:
        return
    half_deg = max(np.hypot(*facts.size_px) * np.mean(facts.view.scale_arcsec) / 7200 for facts in seen)
    faintest = max(facts.view.faintest_mag for facts in seen)
    proposal.add("register.max_mag", math.ceil(faintest + 0.5), f"stars to {faintest:.1f} mag were matched")
    if half_deg > WIDE_FIELD_DEG:
        proposal.add("register.catalogs", ["TYCHO2", "GAIA"], f"the field is {2 * half_deg:.1f} degrees wide")
        proposal.add("calibrate.catalogs", ["APASS9", "TYCHO2", "PANSTARRS"], "bright stars first")
    offsets = [facts.view.offset_deg for facts in seen if facts.view.offset_deg < MOST_OFF_DEG]
    if not offsets:
        return
    off = 60 * max(offsets)
    wide = float(np.clip(math.ceil(2 * off), LEAST_POSITION_ARCMIN, 60))
    _drift(proposal, seen)
    lines = [("POSITION_MAXERR", toml(wide), f"arcmin; the pointing was off by up to {off:.1f}")]
    if half_deg > WIDE_FIELD_DEG:
        lines.append(("DISTORT_DEGREES", toml(3), "wide field"))
    proposal.tables["scamp"] = lines


def _drift(proposal, seen):
    """Say so if the pointing of the headers stays the same while the frames look at different places."""
    places = [facts.view.place for facts in seen]
    told = {(place.keywords, place.ra_deg, place.dec_deg) for place in places if place}
    if len(seen) < 2 or len(told) != 1 or None in places:
        return
    ra, dec = np.transpose([facts.view.centre_deg for facts in seen])
    moved = float(separation_deg(ra, dec, ra[0], dec[0]).max()) * 60
    if moved > LEAST_DRIFT_ARCMIN:
        proposal.check(f"the pointing in the headers stays the same while the telescope moves by {moved:.0f} arcmin")
