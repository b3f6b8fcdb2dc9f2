"""Positions in headers: all that a header names, read by what their values can mean; and the mistakes they may hold.

Known mistakes: RA in degrees where hours are expected or the reverse, RA and Dec in each other's place, a Dec without
its sign, a position of the equinox of date or of B1950 where J2000 is said, or the reverse.
"""

import re
from dataclasses import dataclass

import numpy as np
from astropy.coordinates import FK4, FK5, SkyCoord
from astropy.time import Time

from photometrypipeline.instruments import headers
from photometrypipeline.sky import sexagesimal, sphere, times

# keywords that hold a position in known headers, those of the telescope before those of the target
PAIRS = (
    ("TELRA", "TELDEC"),
    ("TEL_RA", "TEL_DEC"),
    ("RA", "DEC"),
    ("OBJCTRA", "OBJCTDEC"),
    ("RASTRNG", "DECSTRNG"),
    ("OBJRA", "OBJDEC"),
    ("RA_OBJ", "DEC_OBJ"),
    ("CRVAL1", "CRVAL2"),
)
FIRST = re.compile(r"(.*?)(RA|ALPHA|RIGHTASC)([-_ ]?[A-Z0-9]*)$")
OTHERS = {"RA": ("DEC", "DE"), "ALPHA": ("DELTA",), "RIGHTASC": ("DECLINAT",)}
NOT_A_PLACE = re.compile(
    r"^_|RATE|OFF|OFST|TPT|NOCO|INSTZ|INDEX|DEL|PM|TRACK|MOON|SUN|CAT|GUI|^OIA|^GS|^CORN?\d|SCALE|RMS|FRA|GRA|DRA|PARA|ERA$"
)
AGREE_DEG = 1.0  # positions of target and telescope may differ by as much
MISTAKE_LEAVES = 0.3  # of the distance: as much may be left over once the mistake is taken back
OBVIOUS_DEG = 3.0  # positions that are apart further than any offset of a telescope


@dataclass(frozen=True)
class Place:
    """A position of a header: its two keywords, its values as they stand (deg), how they are written.

    form : sexagesimal (RA in hours) or decimal;  unit : of a decimal RA, 'deg', 'hour', or '' if both are possible
    """

    keywords: tuple
    ra_deg: float
    dec_deg: float
    form: str
    unit: str = ""
    separator: str = ":"

    @property
    def is_placeholder(self):
        """Whether it is what programs write that know no pointing: 0 and 0, a pole, twice the same -1, -99, 999."""
        nowhere = self.ra_deg == 0 and abs(self.dec_deg) in (0, 90)
        return nowhere or (self.form == "decimal" and _is_filler(self.ra_deg) and _is_filler(self.dec_deg))


def _is_filler(number):
    return number == -1 or bool(re.fullmatch(r"-?9{2,}(\.9+)?", f"{number:g}"))


def read(header):
    """Return all Places (list) that a fits.Header names, those of the telescope first."""
    pairs = [pair for pair in PAIRS if all(str(header.get(name, "")).strip() for name in pair)]
    pairs += [pair for name in header if (pair := _partner(header, name)) and pair not in pairs]
    if not _is_sky(header):
        pairs = [pair for pair in pairs if pair[0] != "CRVAL1"]
    return [place for pair in dict.fromkeys(pairs) if (place := read_pair(header, pair)) and not place.is_placeholder]


def _is_sky(header):
    return str(header.get("CTYPE1", "RA")).startswith("RA")


def _partner(header, name):
    """Return the pair of keywords whose first is `name`, if it sounds like a right ascension and has a partner."""
    fields = FIRST.fullmatch(name)
    if not fields or NOT_A_PLACE.search(name):
        return None
    start, kind, end = fields.groups()
    names = (f"{start}{other}{end}"[: None if " " in name else 8] for other in OTHERS[kind])
    return next(((name, other) for other in names if other in header and other != name), None)


def read_pair(header, keywords):
    """Return the Place in two keywords of a header, None if they hold no position."""
    values = [headers.original_value(header, name) for name in keywords]
    texts = [str(value).strip() for value in values]
    if "" in texts or any(isinstance(value, bool) for value in values):
        return None
    found = [sexagesimal.read(text) for text in texts]
    if all(each is not None for each in found):
        ra, dec, form, unit = found[0] * 15, found[1], "sexagesimal", "hour"
    else:
        ra, dec = (_decimal(text) for text in texts)
        if not np.isfinite([ra, dec]).all():
            return None
        form, unit = "decimal", _unit(header, keywords[0], ra)
        if unit == "rad":
            ra, dec, unit = float(np.degrees(ra)), float(np.degrees(dec)), "deg"
        ra *= 15 if unit == "hour" else 1
    most = 360 * 15 if form == "sexagesimal" else 360  # degrees, minutes and seconds may have been taken for hours
    if not (np.isfinite([ra, dec]).all() and abs(ra) <= most and abs(dec) <= 360):
        return None
    return Place(tuple(keywords), ra, dec, form, unit, ":" if ":" in texts[0] else " ")


def _decimal(text):
    try:
        return float(re.sub(r"(?i)\s*(deg(rees?)?\.?|\u00b0|hours?|hrs?|rad(ians?)?)$", "", text))
    except ValueError:
        return np.nan


def _unit(header, keyword, value):
    """Return the unit of a decimal right ascension: deg, hour, rad, '' where two are possible and no comment tells."""
    comment = f"{header.comments[keyword]} {header.get(keyword)}" if keyword in header else ""
    if re.search(r"\[rad\]|\brad(ians?)?\b", comment, re.IGNORECASE) and abs(value) < 7:
        return "rad"
    if re.search(r"\[h|hours?\b|\bhrs?\b", comment, re.IGNORECASE) and abs(value) <= 24:
        return "hour"
    if re.search(r"deg", comment, re.IGNORECASE) or abs(value) > 24 or keyword.startswith("CRVAL"):
        return "deg"
    return ""


@dataclass(frozen=True)
class Mistake:
    """A way in which a position may be wrong: its name, and where the telescope looked if it was made."""

    name: str  # ra_in_hours, ra_in_degrees, swapped, sign, equinox_of_date, b1950, already_j2000
    text: str
    ra_deg: float
    dec_deg: float


def gross_mistakes(ra_deg, dec_deg):
    """Return the Mistakes (list) that put a position somewhere else on the sky."""
    found = [
        Mistake("ra_in_degrees", "its RA is in degrees, not in hours", ra_deg / 15, dec_deg),
        Mistake("sign", "its Dec lacks the sign", ra_deg, -dec_deg),
    ]
    if 0 <= ra_deg <= 24:
        found.insert(0, Mistake("ra_in_hours", "its RA is in hours, not in degrees", ra_deg * 15, dec_deg))
    # RA / 15 stands in the place of Dec if RA was read as hours, RA itself if it was read as degrees
    for declination in (ra_deg, ra_deg / 15, (ra_deg + 180) % 360 - 180, (ra_deg / 15 + 180) % 360 - 180):
        if abs(declination) <= 90:
            for right_ascension in (dec_deg % 360, dec_deg * 15 % 360):
                found.append(Mistake("swapped", "RA and Dec are swapped", right_ascension, declination))
    return [each for each in found if abs(each.dec_deg) <= 90]


def fine_mistakes(ra_deg, dec_deg, jd):
    """Return the Mistakes (list) of the equinox; `jd` is the time of the exposure.

    The position counts as J2000 as it is given, that is, after what the header says of its equinox was applied.
    """
    year = times.julian_epoch(jd)
    place = SkyCoord(ra_deg, dec_deg, unit="deg", frame=FK5(equinox="J2000"))
    of_date = headers.to_icrs(ra_deg, dec_deg, year)
    of_1950 = headers.to_icrs(ra_deg, dec_deg, 1950.0)
    back = place.transform_to(FK4(equinox=Time(1950.0, format="byear")))
    back_from_date = place.transform_to(FK5(equinox=Time(year, format="jyear")))
    return [
        Mistake("equinox_of_date", f"it refers to the equinox of date ({year:.1f})", *of_date),
        Mistake("b1950", "it refers to the equinox B1950", *of_1950),
        Mistake("already_j2000", "it refers to J2000, although the header says B1950", back.ra.deg, back.dec.deg),
        Mistake(
            "already_j2000",
            f"it refers to J2000, although the header says {year:.1f}",
            back_from_date.ra.deg,
            back_from_date.dec.deg,
        ),
    ]


def explain(ra_deg, dec_deg, true_ra_deg, true_dec_deg, jd=None, least_deg=0.05):
    """Return the Mistake that explains why a position is not the true one, None if none does.

    least_deg : nearer positions need no explanation;  jd : of the exposure, for mistakes of the equinox
    """
    off = separation(ra_deg, dec_deg, true_ra_deg, true_dec_deg)
    if off < least_deg:
        return None
    mistakes = gross_mistakes(ra_deg, dec_deg) if off > 1 else []
    mistakes += fine_mistakes(ra_deg, dec_deg, jd) if jd and off < 2 else []
    left = [separation(each.ra_deg, each.dec_deg, true_ra_deg, true_dec_deg) for each in mistakes]
    best = int(np.argmin(left)) if left else None
    if best is None or left[best] > MISTAKE_LEAVES * off or left[best] > 1.0:
        return None
    return mistakes[best]


def separation(ra_deg, dec_deg, other_ra_deg, other_dec_deg):
    """Return the distance (deg, float) of two positions."""
    return float(sphere.separation_deg(ra_deg % 360, dec_deg, other_ra_deg % 360, other_dec_deg))


def apart_deg(place, other):
    """Return the distance (deg) of two Places, an RA of unknown unit read as it fits best; 0 where one is no place."""
    if max(abs(place.dec_deg), abs(other.dec_deg)) > 90:
        return 0.0
    choices = [place.ra_deg] if place.unit else [place.ra_deg, place.ra_deg * 15]
    return min(separation(ra, place.dec_deg, *_degrees(other, ra)) for ra in choices)


def contradiction(header, ra_deg, dec_deg, keywords):
    """Return (Mistake, other Place) if another position of the header shows a gross mistake in the one that is used.

    ra_deg, dec_deg : as read from `keywords`.  (None, Place) : another position is far away, and nothing explains that;
    None : no other position of the header is far away.
    """
    others = [each for each in read(header) if each.keywords != tuple(keywords) and abs(each.dec_deg) <= 90]
    others = [each for each in others if not (each.ra_deg == 0 and each.dec_deg == 0)]
    apart = [separation(ra_deg, dec_deg, *_degrees(each, ra_deg)) for each in others]
    if not others or min(apart) < OBVIOUS_DEG:
        return None
    sexagesimal = [each for each in others if each.form == "sexagesimal"] or others
    for other in sexagesimal:
        for mistake in gross_mistakes(ra_deg, dec_deg):
            if separation(mistake.ra_deg, mistake.dec_deg, *_degrees(other, mistake.ra_deg)) < AGREE_DEG:
                return mistake, other
    return None, sexagesimal[0]


def _degrees(place, near_ra_deg):
    """Return (ra, dec) of a Place in degrees; an RA of unknown unit in the one that is nearer to `near_ra_deg`."""
    choices = [place.ra_deg] if place.unit else [place.ra_deg, place.ra_deg * 15]
    return min(choices, key=lambda ra: abs(sphere.ra_difference_deg(ra, near_ra_deg))), place.dec_deg
