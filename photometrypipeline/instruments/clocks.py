"""When a header says that it was exposed, under all the names that tell it; whether these agree, or one is local time.

A clock that is off by a time zone contradicts something else in the header, as a rule: a Julian date, the UT in another
keyword, the local sidereal time and the longitude, the altitude of the pointing above the horizon of the site.
"""

import re
from dataclasses import dataclass

import numpy as np

from photometrypipeline.instruments.sites import site_of
from photometrypipeline.sky import times

JULIAN = re.compile(r"(OBS|X)?M?JD([-_]?(OBS|UTC?|START?|STR|BEG|MID|AVG|UTCSTA?))?|JULDATE|JULIANDA?T?E?")
CLOCK = re.compile(r"(UT|UTC|GMT)([-_]?(OBS|TIME|START|SHUT|STRT|BEG|DATE))?|TIME-OBS|TIME_OBS|OBSTIME|UTIME|TM-START")
START_DATE = ("DATE-OBS", "DATE_OBS", "DATE-BEG", "DATEOBS", "OBSDATE", "DATE-STA", "DATE_UTC", "DATE-UTC", "UT-DATE")
NO_START = re.compile(r"END|AVG|MID|STOP|FIN|^_")  # names of other moments, and what the pipeline kept
LOCAL_NAME = re.compile(r"LOC[-_]?TIME|(DATE|TIME|UT)[-_]?LOC|^LT$|^LT-OBS|^LC-|LOCAL|LMT")
UTC_NAME = re.compile(r"UT|GMT|^DATE-BEG$")
SIDEREAL = ("LST", "ST", "LST-OBS", "LMST", "SIDTIME", "SIDEREAL", "LST_OBS", "ST-OBS")
ALTITUDES = ("OBJCTALT", "CENTALT", "TELALT", "ALT", "TEL_ALT", "ELEVATIO", "TELEL", "ALTITUDE", "OBJALT")
# hours by which the civil time of some place is ahead of UTC, whole hours first
ZONES_H = (*range(-12, 0), *range(1, 15), -9.5, -3.5, -2.5, 3.5, 4.5, 5.5, 6.5, 9.5, 10.5, 5.75, 8.75, 12.75)
SLACK_H = 0.02  # by which clocks of one computer disagree, beside the exposure
LST_SLACK_H = 0.06
CLEAR_OF_ALTITUDE_DEG, FITS_ALTITUDE_DEG = 5.0, 1.5
ZONE_OF_SITE_H = 2.6  # by which civil time may be off that of the longitude


@dataclass(frozen=True)
class Moment:
    """One moment that a header names: `jd` (UTC as written), its keywords, whether they claim to be UTC or local."""

    jd: float
    keyword: str
    says: str  # utc, local, zone (a zone stands behind it) or nothing


@dataclass(frozen=True)
class Judgement:
    """What the rest of a header says of a clock: hours to add to it, why; `sure` or to be refused."""

    add_h: float
    reason: str
    sure: bool


def read(header):
    """Return all Moments (list) of the start of the exposure that a fits.Header names, also local ones."""
    found = []
    for card in header.cards:
        name, value = card.keyword, card.value
        if not name or value is None or NO_START.search(name) or isinstance(value, bool):
            continue
        moment = _julian(name, value) if JULIAN.fullmatch(name) else _full(name, value, card.comment)
        if moment:
            found.append(moment)
    return found + _apart(header)


def _julian(name, value):
    try:
        jd = float(value)
    except (TypeError, ValueError):
        return None
    jd = jd + times.MJD_ZERO if jd < times.MJD_ZERO else jd
    digits = len(str(value).partition(".")[2])
    if not 2415020 < jd < 2488070 or digits < 3 or jd % 1 == 0.5:  # 1900 to 2100, and not the day alone
        return None
    return Moment(jd, name, "utc")


def _full(name, value, comment):
    """Return the Moment of a card that holds date and time, None for any other."""
    text = str(value)
    if name == "DATE" or not re.search(r"\d[-/.]\d.*\d:\d\d", text):
        return None
    try:
        jd = times.dateobs_to_jd(text)
    except ValueError:
        return None
    return Moment(jd, name, _says(name, text, comment))


def _says(name, text, comment):
    if times.ZONE.search(times.split_date_time(text)[1]):
        return "zone"
    if LOCAL_NAME.search(name) or re.search(r"\blocal\b", comment, re.IGNORECASE):
        return "local"
    if UTC_NAME.search(name) or re.search(r"\b(UTC?|GMT|universal)\b", comment, re.IGNORECASE):
        return "utc"
    return "nothing"


def _apart(header):
    """Return the Moments whose date and time of day stand in two keywords."""
    dates = [name for name in START_DATE if re.search(r"\d", str(header.get(name, "")))]
    if not dates:
        return []
    date = times.split_date_time(header[dates[0]])[0]
    found = []
    for card in header.cards:
        text = _clock_text(card.value)
        if not CLOCK.fullmatch(card.keyword or "") and not (text and LOCAL_NAME.search(card.keyword)):
            continue
        try:
            jd = times.dateobs_to_jd(f"{date}T{text}")
        except ValueError:
            continue
        found.append(Moment(jd, f"{dates[0]}|{card.keyword}", _says(card.keyword, f"0T{text}", card.comment)))
    return found


def _clock_text(value):
    """Return a time of day as text like 20:34:41.0, '' if it is none; a number below 24 counts as hours."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{int(value):02d}:{value % 1 * 60:.6f}".replace(".", ":0.", 1) if 0 < value < 24 else ""
    text = str(value).strip()
    return text if re.fullmatch(r"\d{1,2}:\d\d(:\d\d(\.\d*)?)?(\s*(Z|UTC?))?", text) else ""


def judge(header, start_jd, exptime_s, keyword, place_deg=None):
    """Return the Judgement on a start of exposure, None where nothing in the header contradicts it.

    start_jd : as read from `keyword` (as a telescope definition codes it);  place_deg : (ra, dec) of the pointing
    """
    moments = read(header)
    own = set(keyword.split("|"))
    chosen = next((each for each in moments if set(each.keyword.split("|")) & own and _near(each, start_jd)), None)
    says = chosen.says if chosen else "nothing"
    others = [each for each in moments if not set(each.keyword.split("|")) <= own]
    allowed_h = exptime_s / 3600 + SLACK_H
    zones = {}
    for moment in others:
        apart_h = _apart_h(moment, start_jd)
        if moment.says in ("utc", "zone") and (zone_h := _zone_of(apart_h, allowed_h)) is not None:
            zones.setdefault(-zone_h, []).append(moment.keyword)
    agreeing = [
        each.keyword for each in others if each.says in ("utc", "zone") and abs(_apart_h(each, start_jd)) < allowed_h
    ]
    sky = Sky.of(header, place_deg)
    if zones:
        add_h, named = max(zones.items(), key=lambda item: len(item[1]))
        return _weigh(add_h, named, agreeing, says, sky, start_jd)
    if agreeing or says == "zone":
        return None
    return sky.judge(start_jd, keyword)


def _weigh(add_h, named, agreeing, says, sky, start_jd):
    """Return the Judgement where other keywords are apart from the clock by a zone, None if the clock is to be kept."""
    after = start_jd + add_h / 24
    for_clock = (
        len(agreeing)
        + bool(agreeing)
        + 2 * (says == "zone")
        + (says == "utc")
        + 2 * sky.fits(start_jd)
        - 2 * sky.fits(after)
    )
    against = len(named) + 2 * (says == "local")
    text = f"{', '.join(named)} {'give' if len(named) > 1 else 'gives'} a time {_hours(add_h)}"
    if sky.fits(after) and not sky.fits(start_jd):
        text += f", and so does {sky.what}"
    if against > for_clock:
        return Judgement(add_h, f"it is local time: {text}", True)
    if against == for_clock and says != "zone":
        return Judgement(add_h, f"{text}; one of the two is not UTC", False)
    return None


def _hours(hours):
    return f"{abs(hours):g} h {'later' if hours > 0 else 'earlier'}"


def _near(moment, jd):
    return abs(moment.jd - jd) < 1e-4


def _apart_h(moment, jd):
    """Return by how many hours a moment is later; modulo days for a time of day, whose date may be the local one."""
    hours = (moment.jd - jd) * 24
    return (hours + 12) % 24 - 12 if "|" in moment.keyword else hours


def _zone_of(add_h, allowed_h):
    """Return the zone of a clock to which `add_h` hours have to be added for UTC, None if there is no such zone."""
    return next((zone for zone in ZONES_H if abs(add_h + zone) < min(allowed_h, 0.1)), None)


@dataclass(frozen=True)
class Sky:
    """What the sky over the site says of the time: sidereal time (h), altitude (deg), whatever the header has."""

    lst_h: float | None
    altitude_deg: float | None
    site: object
    place_deg: tuple | None

    @classmethod
    def of(cls, header, place_deg):
        """Return the Sky of a fits.Header; `place_deg` is the pointing, or None."""
        lst = next((hours for name in SIDEREAL if (hours := _sidereal_h(header.get(name))) is not None), None)
        return cls(lst, _altitude(header), site_of(header), place_deg)

    @property
    def what(self):
        """The evidence in words."""
        return "the sidereal time" if self.lst_h is not None else "the altitude of the target"

    def fits(self, jd):
        """Return whether sidereal time or altitude fit a time, at the longitude as written or with its sign turned."""
        if self.site is None:
            return False
        return any(self._fits(jd, longitude) for longitude in self.site.longitudes)

    def _fits(self, jd, longitude_deg):
        if self.lst_h is not None:
            return abs(wrapped_h(self.lst_h - sidereal_time_h(jd, longitude_deg))) < LST_SLACK_H
        off = self._altitude_off(jd, longitude_deg)
        return off is not None and off < FITS_ALTITUDE_DEG

    def _altitude_off(self, jd, longitude_deg):
        if self.altitude_deg is None or self.place_deg is None:
            return None
        ra, dec = np.radians(self.place_deg)
        angle = np.radians(15 * sidereal_time_h(jd, longitude_deg)) - ra
        latitude = np.radians(self.site.latitude_deg)
        sine = np.sin(latitude) * np.sin(dec) + np.cos(latitude) * np.cos(dec) * np.cos(angle)
        return abs(np.degrees(np.arcsin(np.clip(sine, -1, 1))) - self.altitude_deg)

    def judge(self, jd, keyword):
        """Return the Judgement on a clock that only the sky over the site tells something of."""
        if self.site is None or self.fits(jd) or not self._clear_of(jd):
            return None
        found = {}
        for longitude in self.site.longitudes:
            for zone_h in ZONES_H:
                of_site = abs(zone_h - longitude / 15) < ZONE_OF_SITE_H
                if of_site and self._fits(jd - zone_h / 24, longitude):
                    found.setdefault(-float(zone_h), longitude)
        if not found:
            return None
        add_h = min(found, key=lambda hours: hours % 1)  # whole hours first
        reason = f"it is local time: {self.what} corresponds to a time {_hours(add_h)}"
        certain = self.lst_h is not None and len([hours for hours in found if hours % 1 == 0] or found) == 1
        return Judgement(add_h, reason, certain)

    def _clear_of(self, jd):
        """Return whether the evidence is clearly against a time, not just beside it."""
        if self.lst_h is not None:
            return True
        offs = [self._altitude_off(jd, longitude) for longitude in self.site.longitudes]
        return all(off is not None and off > CLEAR_OF_ALTITUDE_DEG for off in offs)


def _sidereal_h(value):
    """Return a sidereal time in hours from text like 05:14:14.41, hours or seconds; None if it is none."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value if 0 <= value < 24 else value / 3600 if 0 <= value < 86400 else None
    fields = re.fullmatch(r"\s*(\d{1,2})[: ](\d{1,2})[: ](\d{1,2}(?:\.\d*)?)\s*", str(value or ""))
    return int(fields[1]) + int(fields[2]) / 60 + float(fields[3]) / 3600 if fields else None


def _altitude(header):
    """Return the altitude (deg) of what was looked at, from the header's own or its airmass; None without."""
    for name in ALTITUDES:
        comment = header.comments[name] if name in header else ""
        try:
            value = float(header.get(name))
        except (TypeError, ValueError):
            continue
        if 5 < value < 89 and not re.search(r"\[?m(et)?|elevation|sea|observatory", comment, re.IGNORECASE):
            return value
    return None


def sidereal_time_h(jd, longitude_deg):
    """Return the mean sidereal time (h) at an eastern longitude (Meeus 1998, Astronomical Algorithms, eq. 12.4)."""
    return (280.46061837 + 360.98564736629 * (jd - 2451545.0) + longitude_deg) / 15 % 24


def wrapped_h(hours):
    """Return `hours` between -12 and 12."""
    return (hours + 12) % 24 - 12
