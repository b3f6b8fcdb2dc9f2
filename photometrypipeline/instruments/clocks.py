"""Whether the clock of a header is that of UTC or a local one.

A clock that is off by a time zone contradicts something else in the header, as a rule: a Julian date, the UT in another
keyword, the local sidereal time and the longitude, the altitude of the pointing above the horizon of the site.
"""

import re
from dataclasses import dataclass, replace

import numpy as np

from photometrypipeline.instruments import values
from photometrypipeline.instruments.moments import MIDDLE, START
from photometrypipeline.instruments.sites import site_of

NO_START = re.compile(r"END|AVG|MID|STOP|FIN|^_|^DATE$")  # names of other moments
OFFSETS: tuple[str, ...] = (
    "UTCOFFS",
    "UTC-OFFS",
    "UTCOFFSE",
    "UTC_OFFS",
    "UTC OFFSET",
    "UTOFFSET",
    "UTOFFS",
    "UT-OFFS",
)
OFFSETS += ("UTC_OFF", "UTC-OFF", "UTC_OFFS", "UTOFF", "UT_OFF", "UTCDIFF", "TZOFF", "UTC_ZONE")
OFFSETS += ("UTCOFF", "GMTOFFS", "GMTOFF", "TZOFFSET", "TIMEOFFS", "TIMEZONE", "TIME_ZONE", "TZ", "ZONE")
LONGEST_ZONE_H = 14.0
SIDEREAL = ("LST", "ST", "LST-OBS", "LMST", "SIDTIME", "SIDEREAL", "LST_OBS", "ST-OBS")
ALTITUDES = ("OBJCTALT", "CENTALT", "TELALT", "ALT", "TEL_ALT", "ELEVATIO", "TELEL", "ALTITUDE", "OBJALT")
# hours by which the civil time of some place is ahead of UTC, whole hours first
ZONES_H = (*range(-12, 0), *range(1, 15), -9.5, -3.5, -2.5, 3.5, 4.5, 5.5, 6.5, 9.5, 10.5, 5.75, 8.75, 12.75)
SLACK_H = 0.02  # by which clocks of one computer disagree, besides the exposure
LST_SLACK_H = 0.06
CLEAR_OF_ALTITUDE_DEG, FITS_ALTITUDE_DEG = 5.0, 1.5
ZONE_OF_SITE_H = 2.6  # by which civil time may be off that of the longitude


@dataclass(frozen=True)
class Judgement:
    """What the rest of a header says of a clock: hours to add to it, why; `sure` or to be refused."""

    add_h: float
    reason: str
    sure: bool


def judge(header, own, found, exptime_s, place_deg=None):
    """Return the Judgement on the clock of an exposure, None where nothing in the header contradicts it.

    own : the Moment that is used;  found : all Moments of the header;  place_deg : (ra, dec) of the pointing
    """
    keywords = set(own.keyword.split("|"))
    others = [each for each in _starts(found, exptime_s) if not set(each.keyword.split("|")) <= keywords]
    allowed_h = exptime_s / 3600 + SLACK_H
    zones = {}
    for moment in others:
        apart_h = _apart_h(moment, own.jd)
        within_h = SLACK_H if moment.kind == MIDDLE else allowed_h  # that of a stack lies anywhere
        if moment.says in ("utc", "zone") and (zone_h := _zone_of(apart_h, within_h)) is not None:
            zones.setdefault(-zone_h, []).append(moment.keyword)
    agreeing = [
        each.keyword for each in others if each.says in ("utc", "zone") and abs(_apart_h(each, own.jd)) < allowed_h
    ]
    sky = Sky.of(header, place_deg)
    if zones:
        add_h, named = max(zones.items(), key=lambda item: len(item[1]))
        return _weigh(add_h, named, agreeing, own.says, sky, own.jd)
    if agreeing or own.says == "zone":
        return None
    return sky.judge(own.jd, own.keyword) or _by_offset(header, own, others, sky)


def _starts(found, exptime_s):
    """Return the Moments that are starts of exposures, and those that follow from middles that are told as such."""
    middles = [each for each in found if each.kind == MIDDLE and each.told and each.of_exposure]
    starts = [each for each in found if each.kind == START and not NO_START.search(each.keyword)]
    return starts + [replace(each, jd=each.jd - exptime_s / 2 / 86400) for each in middles]


def _by_offset(header, own, others, sky):
    """Return the Judgement on a clock by the keywords that tell its offset from UTC, None where none is needed."""
    offset = offset_of(header, sky.site)
    if own.says == "local":
        if offset is None:
            return Judgement(LONGEST_ZONE_H, "it is local time, and nothing tells the zone", False)
        return Judgement(-offset[0], f"it is local time: {offset[1]} says {offset[0]:+g} h", True)
    said = own.says == "utc" or str(header.get("TIMESYS", "")).strip().upper().startswith("UT")
    alike = [each for each in others if abs(_apart_h(each, own.jd)) < SLACK_H]
    if said or alike or offset is None or offset[0] == 0:
        return None
    return Judgement(-offset[0], f"nothing says that it is UTC, and {offset[1]} says {offset[0]:+g} h", False)


def offset_of(header, site):
    """Return (hours by which the clock of the site is ahead of UTC, keyword that tells it), None if none does.

    TIMEZONE is counted to the West by some: the longitude decides, where there is one.
    """
    for name in OFFSETS:
        hours = _offset_h(header.get(name))
        if hours is None:
            continue
        choices = [hours] if re.search("UT|GMT", name) else [-hours, hours]
        if site is None or len(choices) == 1:
            return choices[-1] if len(choices) == 1 else hours, name
        east_h = site.longitudes[0] / 15
        return min(choices, key=lambda each: abs(wrapped_h(each - east_h))), name
    return None


def _offset_h(value):
    found = re.fullmatch(
        r"\s*(?:UTC?|GMT)?\s*([-+]?)(\d{1,2})(?::?(\d{2})|(\.\d*))?\s*h?\s*", str(value or ""), re.IGNORECASE
    )
    if not found or isinstance(value, bool):
        return None
    hours = int(found[2]) + int(found[3] or 0) / 60 + float(found[4] or 0)
    return (-hours if found[1] == "-" else hours) if hours <= LONGEST_ZONE_H else None


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


def _apart_h(moment, jd):
    """Return by how many hours a moment is later; modulo days for a time of day, whose date may be the local one."""
    hours = (moment.jd - jd) * 24
    return (hours + 12) % 24 - 12 if "|" in moment.keyword else hours


def _zone_of(add_h, allowed_h):
    """Return the zone of a clock to which `add_h` hours have to be added for UTC, None without such a zone."""
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

    def longitude_deg(self, jd):
        """Return the eastern longitude (deg) that sidereal time or altitude leave, None if they leave both signs."""
        fitting = [longitude for longitude in (self.site.longitudes if self.site else ()) if self._fits(jd, longitude)]
        return fitting[0] if len(fitting) == 1 else None

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
        """Return whether the evidence is clearly against a time, not just different."""
        if self.lst_h is not None:
            return True
        offs = [self._altitude_off(jd, longitude) for longitude in self.site.longitudes]
        return all(off is not None and off > CLEAR_OF_ALTITUDE_DEG for off in offs)


def longitude_of(header):
    """Return the eastern longitude (deg) of the site of a prepared frame, None where its header leaves both signs."""
    jd, *place = (values.number(header.get(name)) for name in ("MIDTIMJD", "CRVAL1", "CRVAL2"))
    return Sky.of(header, tuple(place) if np.isfinite(place).all() else None).longitude_deg(jd) if jd > 0 else None


def _sidereal_h(value):
    """Return a sidereal time in hours from text like 05:14:14.41, hours or seconds; None if it is none."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value if 0 <= value < 24 else value / 3600 if 0 <= value < 86400 else None
    fields = re.fullmatch(r"\s*(\d{1,2})[: ](\d{1,2})[: ](\d{1,2}(?:\.\d*)?)\s*", str(value or ""))
    return int(fields[1]) + int(fields[2]) / 60 + float(fields[3]) / 3600 if fields else None


def _altitude(header):
    """Return the altitude (deg) of what was looked at, from the header's own or its airmass; None without."""
    for name in ALTITUDES:
        comment = header.comments[name] if name in header and hasattr(header, "comments") else ""
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
