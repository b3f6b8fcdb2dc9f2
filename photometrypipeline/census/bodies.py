"""The bodies of a field: which of them are what was predicted, and the line that each has in the table of the page.

A source near a predicted place is the body only if it moves as the body does. Where that cannot be seen, the line says
so; a brightness that no light curve explains is told as well.
"""

import logging

import numpy as np

from photometrypipeline.frames.recordtypes import FieldBody
from photometrypipeline.sky import sphere
from photometrypipeline.targets import targets
from photometrypipeline.targets.knownstars import same_place

log = logging.getLogger("pp.bodies")

ASTEROID, MOVER = "asteroid", "mover"
KINDS = (ASTEROID, MOVER, "primary")
STANDS = "it stands still, the asteroid does not (prob)"
ALONE = "seen on this frame alone of {} (prob)"
ODD_MAG = 1.0  # of a mean magnitude: a wrong H by 0.4, a light curve by 0.5, a colour by 0.1
CLEAR_MAG = 0.7  # by which a body has to be brighter than the limit of a frame to be missed there
# V minus the magnitude in a band, of an asteroid of the Main Belt (g-r 0.55)
V_MINUS = {
    "B": -0.74, "V": 0.0, "R": 0.40, "I": 0.76, "g": -0.30, "r": 0.25, "i": 0.43, "z": 0.45, "G": 0.17, "BP": -0.17,
    "RP": 0.67, "gp1": -0.25, "rp1": 0.25, "ip1": 0.43, "zp1": 0.45,
}  # fmt: skip


def doubt(target, rows, measured):
    """Give Rows a reason that are not the asteroid: what stands still, and what one frame shows alone."""
    accepted = [row for row in rows if row.accepted]
    if target.kind != ASTEROID or not accepted:
        return
    frames = [each for each in measured if each.frame.name in target.places]
    on_image = [each for each in frames if targets.inside(each, target.places[each.frame.name])]
    if len(accepted) == 1 and len(on_image) >= 3 and not _others_shallow(accepted[0], on_image):
        accepted[0].reason = ALONE.format(len(on_image))
    elif len(accepted) >= 2 and _stands(accepted, _width(accepted)):
        for row in accepted:
            row.reason = STANDS
    if not accepted[0].accepted:
        log.warning("%s: %s", target.name, accepted[0].reason)


def _others_shallow(row, on_image):
    """Return whether most other frames are too shallow to show what one shows."""
    limits = []
    for each in on_image:
        names = each.magnitude_columns
        if names and each.frame.name != row.frame and len(each.table):
            limits.append(float(np.nanpercentile(each.table[names[0]], 90)))
    return sum(row.mag > limit - CLEAR_MAG for limit in limits) > len(limits) / 2


def _width(rows):
    return same_place(float(np.median([row.fwhm_arcsec for row in rows])))


def _stands(rows, width_arcsec):
    """Return whether sources stand still where the body was to move by more than they are wide."""
    first, last = (end(rows, key=lambda row: row.jd) for end in (min, max))
    predicted = _way(first.ra_pred_deg, first.dec_pred_deg, last.ra_pred_deg, last.dec_pred_deg)
    moved = _way(first.ra_deg, first.dec_deg, last.ra_deg, last.dec_deg)
    return np.hypot(*predicted) > width_arcsec and np.hypot(*moved) < np.hypot(*(moved - predicted))


def _way(ra1, dec1, ra2, dec2):
    """Return the way (arcsec East, North) from one place to another."""
    east = float(sphere.ra_difference_deg(ra2, ra1)) * np.cos(np.radians(dec1))
    return np.array([east, dec2 - dec1]) * 3600


def lines(everything, curves):
    """Return the FieldBody (list) of each body among the Targets, the brightest first; none without any asteroid."""
    pairs = [(target, curve) for target, curve in zip(everything, curves, strict=True) if target.kind in KINDS]
    if all(target.kind == "primary" for target, _ in pairs):
        return []
    return sorted((_line(target, curve) for target, curve in pairs), key=_brightness)


def _brightness(body):
    known = [mag for mag in (body.mag, body.predicted_mag, body.limit_mag) if mag is not None]
    return known[0] if known else np.inf


def _line(target, curve):
    accepted = [row for row in curve.rows if row.accepted]
    limits = [row.mag_limit for row in curve.unseen if np.isfinite(row.mag_limit)]
    predicted = float(np.median(list(target.v_mag.values()))) if target.v_mag else None
    mag = float(np.median([row.mag for row in accepted])) if accepted else None
    rate = float(np.median(list(target.rate_arcsec_h.values()))) / 60 if target.rate_arcsec_h else None
    limit = float(np.median(limits)) if limits else None
    return FieldBody(
        name=target.name,
        full_name=target.full_name or target.name,
        kind=target.kind,
        predicted_mag=predicted,
        mag=mag,
        scatter_mag=float(np.std([row.mag for row in accepted])) if len(accepted) > 1 else None,
        band=curve.band,
        limit_mag=limit,
        rate_arcsec_min=rate,
        seen=len({row.frame for row in accepted}),
        frames=len({row.frame for row in curve.every}),
        remark="; ".join(_remarks(target, curve, accepted, predicted, mag, limit)),
    )


def _remarks(target, curve, accepted, predicted, mag, limit):
    """Yield what is to be said of a body."""
    band = curve.band
    expected = predicted - V_MINUS[band] if predicted is not None and band in V_MINUS else None
    if mag is not None and expected is not None and abs(mag - expected) > ODD_MAG:
        word = "brighter" if mag < expected else "fainter"
        yield f"{abs(mag - expected):.1f} mag {word} than predicted ({expected:.1f} in {band})"
    elif mag is None and limit is not None and expected is not None and limit > expected + ODD_MAG:
        yield f"not seen, though predicted with {expected:.1f} mag in {band}"
    if target.kind == ASTEROID and accepted:
        first, last = (end(accepted, key=lambda row: row.jd) for end in (min, max))
        moved = np.hypot(*_way(first.ra_pred_deg, first.dec_pred_deg, last.ra_pred_deg, last.dec_pred_deg))
        if moved < _width(accepted):
            yield "it moves too little to be told from a star: by place and brightness alone"
    if not accepted and limit is None:
        reasons = sorted({row.reason for row in curve.every if row.reason})
        yield reasons[0] if reasons else "nothing was measured"


def told(found):
    """Return lines (list of str) on bodies that are brighter or fainter than predicted."""
    odd = [body for body in found if "than predicted" in body.remark or "though predicted" in body.remark]
    return [f"{body.name}: {body.remark}" for body in odd]
