"""Targets of a data set: where each is expected in every frame.

Places come from ephemerides, files, catalogues, or the frames themselves.
"""

import logging
import re
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from photometrypipeline.base.files import stem_of
from photometrypipeline.ephemerides import aspect
from photometrypipeline.frames import framedb
from photometrypipeline.frames.frame import time_error_s
from photometrypipeline.frames.wcskeywords import wcs_of
from photometrypipeline.photometry import trail
from photometrypipeline.sky import matching, sphere

log = logging.getLogger("pp.targets")

CONTROL_STAR = "Control Star"
CONTROL_FRACTION = 0.05  # of the stars are brighter: bright, but not among the few brightest
CONTROL_RADIUS_ARCSEC = 1.0  # in which a star has to be found again in the last frame
TARGET_MARGIN_ARCSEC = 10.0  # the control star keeps away from all targets
SAME_TIME_S = 1.0
OF_USE = re.compile(
    r"(ra|dec)_deg|[XY]WIN_IMAGE|ERRAWIN_IMAGE|FLAGS|FWHM_(IMAGE|WORLD)|ISOAREA_IMAGE|(A|B|THETA)_IMAGE"
    r"|(FLUX|FLUXERR)_APER|(MAG|MAGERR)_[A-Z]+|(e_)?star_color|err_\w+"
)  # of the columns of a database
MOVING_ARCSEC = 5.0  # places of a file that differ by more are those of a moving target


@dataclass
class Target:
    """One target: its `name`, `kind` (primary, positions, fixed, variable, asteroid, mover, control) and `places`.

    places : {frame name: (ra_deg, dec_deg)}, frames without a prediction are not in it;  source : where they come from
    sigma_arcsec : {frame name: one-sigma uncertainty of the place along RA and Dec}, where it is known
    rate_arcsec_h, v_mag, light_time_s : {frame name: speed on the sky; predicted magnitude; time of its light}, where
        they are known
    motion_arcsec_h : {frame name: (RA with cos Dec, Dec) rates}, where it moves
    """

    name: str
    kind: str
    places: dict
    full_name: str = ""
    source: str = ""
    sigma_arcsec: dict = field(default_factory=dict)
    rate_arcsec_h: dict = field(default_factory=dict)
    motion_arcsec_h: dict = field(default_factory=dict)
    v_mag: dict = field(default_factory=dict)
    light_time_s: dict = field(default_factory=dict)

    @property
    def moves(self):
        """Whether it moves from frame to frame: what stands still at its place is something else."""
        if self.kind == "mover":
            return True
        if self.kind == "positions" and len(self.places) > 1:
            ra, dec = np.transpose(list(self.places.values()))
            return bool(sphere.separation_deg(ra[0], dec[0], ra, dec).max() * 3600 > MOVING_ARCSEC)
        return self.has_ephemeris

    @property
    def has_ephemeris(self):
        """Whether it is a body of the Solar System whose places were computed; an offset applies to them."""
        return self.kind in ("primary", "asteroid")


@dataclass
class Measured:
    """One frame as pp_distill sees it: the Frame, and what its database holds."""

    frame: object
    header: dict
    table: object
    zeropoint: dict | None

    @classmethod
    def read(cls, frame):
        """Return what the database of a Frame holds.  Raises FrameError."""
        return cls(frame, *framedb.read(frame.database, wanted=_of_use))

    @cached_property
    def wcs(self):
        """The WCS of the frame, which takes longer to read than a whole run of places takes to go through it."""
        return wcs_of(self.frame.header)

    @cached_property
    def colorterm(self):
        """The colour term behind the calibrated magnitudes (dict with framedb.COLOR_COLUMNS), None without one."""
        return framedb.read_colorterm(self.frame.database) if self.magnitude_columns else None

    @property
    def magnitude_columns(self):
        """(mag, error) column names of the calibrated magnitudes, None where there are none."""
        band = self.header["filtername"]
        for prefix in ("_", ""):
            names = f"{prefix}{band}mag", f"{prefix}e_{band}mag"
            if band and set(names) <= set(self.table.colnames) and self.zeropoint and self.zeropoint["zp"] is not None:
                return names
        return None


def _of_use(header, name):
    """Return whether a column of a database is asked for by anyone: all frames of a night are in memory at once."""
    band = header["filtername"]
    return bool(OF_USE.fullmatch(name)) or name.lstrip("_").removeprefix("e_") == f"{band}mag"


def from_ephemeris(name, kind, frames, places, offset_arcsec=(0.0, 0.0)):
    """Return the Target for an Ephemeris (`places`) at the mid-times of `frames`; the offset is subtracted from it."""
    target = Target(name, kind, {}, places.full_name, places.source)
    light_times = aspect.light_time_d(places.delta_au) * aspect.SECONDS_PER_DAY
    for n, measured in enumerate(frames):
        key = measured.frame.name
        if not np.isfinite(places.ra_deg[n]):
            log.warning("%s: no ephemeris of %s", key, name)
            continue
        ra = (places.ra_deg[n] - offset_arcsec[0] / 3600) % 360
        target.places[key] = float(ra), float(places.dec_deg[n] - offset_arcsec[1] / 3600)
        sigma = _sigma_arcsec(places, n, time_error_s(measured.frame.header))
        motion = float(places.ra_rate[n]), float(places.dec_rate[n])
        told = {"sigma_arcsec": sigma, "motion_arcsec_h": motion, "rate_arcsec_h": float(np.hypot(*motion))}
        for attribute, values in (
            told | {"v_mag": float(places.v_mag[n]), "light_time_s": float(light_times[n])}
        ).items():
            if np.all(np.isfinite(values)):
                getattr(target, attribute)[key] = values
    return target


def _sigma_arcsec(places, n, time_error):
    """Return the error (RA, Dec) of place number `n`, with its motion in the `time_error` (s) of the clock."""
    own = (places.sigma_ra_arcsec[n], places.sigma_dec_arcsec[n])
    if not time_error:
        return float(own[0]), float(own[1])
    moved = np.array([places.ra_rate[n], places.dec_rate[n]]) * time_error / 3600
    return tuple(float(each) for each in np.hypot(np.nan_to_num(own), moved))


def from_positions(name, positions, frames):
    """Return the Target for rows (image, ra_deg, dec_deg, jd) of a file: matched by the image's stem, else by time."""
    timed = [(ra, dec, jd) for _, ra, dec, jd in positions if np.isfinite(jd)]
    by_stem = {stem_of(image): (ra, dec) for image, ra, dec, _ in positions}
    found = {}
    for measured in frames:
        name_of_frame = measured.frame.name
        if measured.frame.stem in by_stem:
            found[name_of_frame] = by_stem[measured.frame.stem]
            continue
        near = [(abs(jd - measured.header["obstime"]) * 86400, (ra, dec)) for ra, dec, jd in timed]
        gap_s, place = min(near, default=(np.inf, None))
        if gap_s <= SAME_TIME_S:
            found[name_of_frame] = place
        else:
            log.warning("%s: the file has no position of %s for it", name_of_frame, name)
    target = Target(name, "positions", found, source="positions file")
    if target.moves:
        jd = [measured.header["obstime"] for measured in frames if measured.frame.name in found]
        places = [found[measured.frame.name] for measured in frames if measured.frame.name in found]
        rates = trail.rate_between(jd, *np.transpose(places)).T
        target.motion_arcsec_h = dict(zip((m.frame.name for m in frames if m.frame.name in found), rates, strict=True))
    return target


def fixed(name, kind, ra_deg, dec_deg, frames, source):
    """Return the Target that stands still at one place in all frames."""
    return Target(name, kind, {measured.frame.name: (ra_deg, dec_deg) for measured in frames}, source=source)


def control_star(frames, avoid):
    """Return the Target `Control Star`: a fairly bright star that is in the first and the last frame; None without one.

    avoid : list of Target; no star near one of their places is taken, nor a flagged one unless there is no other
    """
    first, last = frames[0].table, frames[-1].table
    if not len(first) or not len(last):
        return None
    i_first, i_last = matching.unique_pairs(
        first["ra_deg"], first["dec_deg"], last["ra_deg"], last["dec_deg"], CONTROL_RADIUS_ARCSEC
    )
    places = [
        target.places[m.frame.name]
        for target in avoid
        for m in (frames[0], frames[-1])
        if m.frame.name in target.places
    ]
    if places and i_last.size:
        _, distance = matching.nearest(last["ra_deg"][i_last], last["dec_deg"][i_last], *np.transpose(places))
        i_first, i_last = i_first[distance > TARGET_MARGIN_ARCSEC], i_last[distance > TARGET_MARGIN_ARCSEC]
    clean = (first["FLAGS"][i_first] == 0) & (last["FLAGS"][i_last] == 0)
    chosen = i_last[clean] if clean.any() else i_last
    if not chosen.size:
        return None
    order = chosen[np.argsort(last["MAG_APER"][chosen], kind="stable")]
    star = order[int(CONTROL_FRACTION * order.size)]
    return fixed(
        CONTROL_STAR,
        "control",
        float(last["ra_deg"][star]),
        float(last["dec_deg"][star]),
        frames,
        frames[-1].frame.name,
    )


def inside(measured, place):
    """Return whether `place` (ra_deg, dec_deg) lies on the image of a Measured, whole pixels at its edges included."""
    frame = measured.frame
    if sphere.separation_deg(*place, float(frame.header["CRVAL1"]), float(frame.header["CRVAL2"])) > 90:
        return False  # beyond the horizon of a tangential projection, which would map it to the other side
    x, y = measured.wcs.all_world2pix(*([value] for value in place), 1, quiet=True)
    nx, ny = frame.size_px
    return bool(0.5 <= x[0] <= nx + 0.5 and 0.5 <= y[0] <= ny + 0.5)
