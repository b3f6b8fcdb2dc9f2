"""ALCDEF, the form in which the archive at alcdef.org takes light curves of asteroids.

After "Asteroid Lightcurve Data Exchange Format, Definition and Standards", version 2.2: blocks of metadata, one per
session, filter and telescope, each followed by its data.
"""

import re

import numpy as np
from astropy import units as u
from astropy.coordinates import EarthLocation

from photometrypipeline.base.errors import TelescopeError
from photometrypipeline.reports.designations import of_body
from photometrypipeline.sky import obscodes, times

SESSION_GAP_D = 0.5  # more time between two observations begins another session
FILTERS = {"g": "SG", "r": "SR", "i": "SI", "z": "SZ", "u": "SU", "Ks": "K", "G": "C"}
NATIVE = {"gp1": "SG", "rp1": "SR", "ip1": "SI", "zp1": "SZ", "gsm": "SG", "rsm": "SR", "ism": "SI", "zsm": "SZ"}
BANDS = ("U", "B", "V", "R", "I", "J", "H", "K", "C", "SU", "SG", "SR", "SI", "SZ")


def band_of(band):
    """Return the name of one of our bands in ALCDEF, or empty text where it has none."""
    name = {**FILTERS, **NATIVE}.get(band, band)
    return name if name in BANDS else ""


def transformed(row):
    """Return whether a colour term has taken the magnitude of a Row to the standard band, and not zeropoints alone."""
    return np.isfinite(row.err_color) and row.err_color > 0


def refusal(row):
    """Return why an accepted Row cannot be reported (str), empty if it can."""
    if not row.calibrated:
        return "its magnitude is instrumental"
    return "" if band_of(row.band) else f"ALCDEF has no name for the band {row.band}"


def sessions(series):
    """Return lists of Observations of one night, camera and band each, in order of time; accepted and calibrated."""
    good = [each for each in series.observations if each.row.accepted and not refusal(each.row)]
    groups = {}
    for each in sorted(good, key=lambda each: each.row.jd):
        same = groups.setdefault((each.row.telescope, each.station, each.row.band), [])
        if not same or each.row.jd - same[-1][-1].row.jd > SESSION_GAP_D:
            same.append([])
        same[-1].append(each)
    return sorted((session for parts in groups.values() for session in parts), key=lambda session: session[0].row.jd)


def text_of(parts, settings, telescopes):
    """Return the file (str) for [(Series, Geometry or None), ...] of one object.

    settings : ReportSettings;  telescopes : {key: Telescope}
    Magnitudes and times are as observed: nothing is reduced to unit distances or corrected for the light time.
    """
    blocks = []
    for series, geometry in parts:
        for session in sessions(series):
            blocks += [*_metadata(series, session, geometry, settings, telescopes), *map(_data, session), "ENDDATA"]
    return "\n".join(blocks) + "\n" if blocks else ""


def _metadata(series, session, geometry, settings, telescopes):
    first = session[0]
    middle = (first.row.jd + session[-1].row.jd) / 2
    date, time = times.text_of(middle).split()
    telescope = telescopes[first.row.telescope]
    about = settings.telescope(telescope.key)
    band = band_of(first.row.band)
    lines = [
        *_object(series),
        ("CONTACTNAME", settings.submitter),
        ("CONTACTINFO", f"[{settings.email}]" if settings.email else ""),
        ("OBSERVERS", "; ".join(settings.observers)),
        ("FACILITY", settings.institution or telescope.label),
        *_site(first.station),
        ("TELESCOPE", about.get("name") or telescope.label),
        ("DETECTOR", about["detector"]),
        ("EXPOSURE", f"{np.median([each.row.exptime_s for each in session]):.1f}"),
        ("EXPJD", "MID"),
        ("SESSIONDATE", date),
        ("SESSIONTIME", time),
        ("FILTER", band),
        ("MAGBAND", band),
        ("STANDARD", "TRANSFORMED" if transformed(first.row) else "INTERNAL"),
        ("DIFFERMAGS", "FALSE"),
        ("LTCTYPE", "NONE"),
        ("LTCAPP", "NONE"),
        ("REDUCEDMAGS", "NONE"),
        *_aspect(series, session, geometry),
        ("REVISEDDATA", "FALSE"),
        ("ALLOWSHARING", "TRUE" if settings.allow_sharing else "FALSE"),
        ("DELIMITER", "PIPE"),
        ("COMMENT", f"reference stars: {first.row.catalog}"),
        ("COMMENT", "magnitude errors: source and mean zeropoint; the error of the catalogue is common to all"),
    ]
    return ["STARTMETADATA", *(f"{name}={value}" for name, value in lines if value != ""), "ENDMETADATA"]


def _object(series):
    """Return number, name and designation of the body."""
    named = of_body(series.full_name) or of_body(series.target)
    number = named.perm_id if named and named.perm_id.isdigit() else "0"
    name = re.sub(r"\(.*?\)|^\d+ ", "", series.full_name or series.target).strip()
    designation = named.prov_id if named else ""
    return [("OBJECTNUMBER", number), ("OBJECTNAME", name or designation or series.target), ("MPCDESIG", designation)]


def _site(code):
    """Return the code of a station and its place; a place without a code has no code, the geocentre none of both."""
    if code == obscodes.GEOCENTRE:
        return []
    return [*([("MPCCODE", code)] if obscodes.is_known(code) else []), *_place(code)]


def _place(code):
    try:
        place = EarthLocation.from_geocentric(*obscodes.geocentric_km(code), unit=u.km)
    except TelescopeError:
        return []
    return [("OBSLONGITUDE", f"{place.lon.deg:+.4f}"), ("OBSLATITUDE", f"{place.lat.deg:+.4f}")]


def _aspect(series, session, geometry):
    """Return place and aspect in the middle of a session."""
    first, last = (series.observations.index(session[n]) for n in (0, -1))
    ra, dec = session[len(session) // 2].row.ra_deg / 15, session[len(session) // 2].row.dec_deg
    minutes = round(abs(dec) * 60)
    lines = [
        ("OBJECTRA", f"{int(ra):02d}:{int(ra * 60) % 60:02d}"),
        ("OBJECTDEC", f"{'-' if dec < 0 else '+'}{minutes // 60:02d} {minutes % 60:02d}"),
        ("EQUINOX", "J2000.0"),
    ]
    if geometry is None:
        return lines
    values = {
        name: np.mean([geometry.columns[name][n] for n in (first, last)]) for name in ("phase_deg", "pab_lat_deg")
    }
    lon = np.unwrap([geometry.columns["pab_lon_deg"][n] for n in (first, last)], period=360).mean() % 360
    if not np.isfinite(lon):
        return lines
    return [
        *lines,
        ("PHASE", f"{values['phase_deg']:+.2f}"),
        ("PABL", f"{lon:.2f}"),
        ("PABB", f"{values['pab_lat_deg']:+.2f}"),
    ]


def _data(each):
    airmass = each.row.airmass
    fields = [f"{each.row.jd:.6f}", f"{each.row.mag:.4f}", f"{each.row.err_repeat:.4f}"]
    return "DATA=" + "|".join(fields + ([f"{airmass:.3f}"] if np.isfinite(airmass) else []))
