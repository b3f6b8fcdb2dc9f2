"""What moves in a data set: tracks of sources, which of them are known bodies, and the unknown ones as targets.

An unknown body gets a name that the Minor Planet Center takes for a tracklet, places in all frames from its motion, and
the search region of the next nights.
"""

import csv
import io
import logging
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from photometrypipeline.base.files import write_text
from photometrypipeline.census import leftover, linking, nextnights
from photometrypipeline.frames.rows import MOVER, MOVERS
from photometrypipeline.sky import sphere, tangent, times
from photometrypipeline.targets.targets import Target

log = logging.getLogger("pp.movers")

PREFIX = "PPm"
KNOWN_ARCSEC = 5.0  # from the predicted place of a known body, beside its uncertainty
KNOWN_SIGMAS = 4.0
KNOWN_RATE = 0.1  # by which rates differ, arcsec/min, or in parts
SAME_ARCSEC = 5.0  # a body of an earlier run
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
DAYS = (1, 2, 3)
COLUMNS = (
    "name", "known_as", "jd", "ra_deg", "dec_deg", "ra_rate_arcsec_min", "dec_rate_arcsec_min", "mag", "sources",
    "frames", "chance", "days_later", "search_ra_deg", "search_dec_deg", "search_major_arcsec", "search_minor_arcsec",
    "search_angle_deg", "distance_from_au", "distance_to_au",
)  # fmt: skip


@dataclass
class Mover:
    """A body that moves: `name`, what it is `known_as` ("" for an unknown one), its linking.Track in a leftover.Night.

    jd, place_deg, rate : of its middle; arcsec/min, RA with cos Dec;  mag : median, NaN where unknown
    regions : list of nextnights.Region, of an unknown one
    """

    name: str
    known_as: str
    track: linking.Track
    night: leftover.Night
    jd: float
    place_deg: tuple
    rate: tuple
    mag: float
    regions: list = field(default_factory=list)

    @property
    def speed(self):
        """Its speed, arcsec/min."""
        return float(np.hypot(*self.rate))


@dataclass
class Movers:
    """The outcome: list of Mover, surest first; `remarks` for the user; how many sources were left over."""

    movers: list
    remarks: list
    leftover: int

    @property
    def unknown(self):
        """Those that are no known bodies."""
        return [each for each in self.movers if not each.known_as]


def find(measured, catalog_deg, known, mpc_code, folder=Path()):
    """Return the Movers of a data set.

    measured : list of targets.Measured;  catalog_deg : (ra, dec) of catalogued stars
    known : list of (name, targets.Target) of the bodies that are known in the field, however faint
    """
    nights = leftover.fields(measured)
    found = Movers([], [], 0)
    if len(nights) > 1:
        sizes = ", ".join(str(len(night)) for night in nights)
        found.remarks.append(f"the frames show {len(nights)} fields ({sizes} frames): each is searched by itself")
    for night in nights:
        if len(night) < linking.LEAST_FRAMES:
            text = f"{len(night)} frames of a field are too few to find what moves: at least {linking.LEAST_FRAMES}"
            found.remarks.append(text)
            continue
        sources = leftover.sources_of(night, measured, catalog_deg)
        found.leftover += len(sources)
        found.remarks += _clouds(night, measured)
        for track in linking.tracks(night, sources):
            found.movers.append(_mover(track, night, sources, measured, known))
    before = _names_before(Path(folder) / MOVERS)
    for mover in found.movers:
        mover.name = mover.known_as or _name(mover, mpc_code, before, [each.name for each in found.movers])
    for mover in found.unknown:
        mover.regions = _regions(mover, mpc_code)
    return found


def _clouds(night, measured):
    """Return a remark (list of str) on frames that show far fewer sources than others."""
    counts = np.array([len(measured[number].table) for number in night.numbers])
    poor = [measured[n].frame.name for n in night.numbers[counts < 0.4 * np.median(counts)]]
    text = f"{', '.join(poor)}: so few sources that faint moving ones are not found there"
    return [text] if poor else []


def _mover(track, night, sources, measured, known):
    minutes = night.minutes[sources.frame[track.members]]
    middle = float((minutes.min() + minutes.max()) / 2)
    place = _deg(track.place(middle), night)
    later = _deg(track.place(middle + 1), night)
    rate = sphere.ra_difference_deg(later[0], place[0]) * np.cos(np.radians(place[1])), later[1] - place[1]
    mag = sources.mag[track.members]
    mag = float(np.median(mag[np.isfinite(mag)])) if np.isfinite(mag).any() else np.nan
    rate = tuple(float(each) * 3600 for each in rate)
    mover = Mover("", "", track, night, night.middle_jd + middle / 1440, place, rate, mag)
    mover.known_as = _known_as(mover, measured, known)
    return mover


def _deg(plane, night):
    """Return (ra, dec), deg, of one place on the plane (arcsec)."""
    x, y = np.reshape(plane, (-1, 2))[0] / 3600
    ra, dec = tangent.deproject(complex(x, y), night.centre_deg)
    return float(ra[0]), float(dec[0])


def _known_as(mover, measured, known):
    """Return the name of the known body that goes the same way, in every frame and as fast; "" for an unknown one."""
    night, best = mover.night, (np.inf, "")
    places = mover.track.place(night.minutes)
    for name, target in known:
        apart, allowed, rates = [], [], []
        for k, number in enumerate(night.numbers):
            frame = measured[number].frame.name
            if frame in target.places:
                apart.append(np.hypot(*(leftover.on_plane(*target.places[frame], night.centre_deg)[0] - places[k])))
                allowed.append(KNOWN_ARCSEC + KNOWN_SIGMAS * float(np.hypot(*target.sigma_arcsec.get(frame, (0, 0)))))
                rates.append(target.motion_arcsec_h.get(frame, (np.nan, np.nan)))
        if not apart or np.median(np.array(apart) / allowed) > 1:
            continue
        off = np.hypot(*(np.nanmedian(np.array(rates) / 60, axis=0) - mover.rate))
        if not off > KNOWN_RATE * (1 + mover.speed) and np.median(apart) < best[0]:
            best = float(np.median(apart)), name
    return best[1]


def _name(mover, mpc_code, before, taken):
    """Return a name for an unknown body: that of an earlier run, or a new one of seven characters."""
    for name, jd, ra, dec, rates in before:
        minutes = (jd - mover.jd) * 1440
        east, north = np.array(mover.rate) * minutes / 3600
        there = mover.place_deg[0] + east / np.cos(np.radians(mover.place_deg[1])), mover.place_deg[1] + north
        near = sphere.separation_deg(*there, ra, dec) * 3600 < SAME_ARCSEC
        if near and np.hypot(*np.subtract(rates, mover.rate)) < KNOWN_RATE * (1 + mover.speed) and name not in taken:
            return name
    return tracklet(PREFIX, f"{mpc_code} {mover.jd:.2f} {mover.place_deg[0]:.3f} {mover.place_deg[1]:.3f}", taken)


def tracklet(prefix, text, taken=()):
    """Return a name of seven letters that `prefix` begins and a text decides, other than those `taken`."""
    value = zlib.crc32(text.encode())
    while True:
        name = prefix + "".join(BASE62[value // 62**power % 62] for power in (3, 2, 1, 0))
        if name not in taken:
            return name
        value += 1


def _regions(mover, mpc_code):
    errors = float(mover.track.sigma(0.0)[0]), float(np.sqrt(mover.track.cov[1, 1]))
    try:
        return nextnights.regions(mover.place_deg, mover.rate, errors, mover.jd, mpc_code, DAYS)
    except (ValueError, ArithmeticError) as error:
        log.warning("%s: no search region for the next nights (%s)", mover.name, error)
        return []


def target_of(mover, measured):
    """Return the targets.Target of a Mover: its places in all frames of its field, by its motion."""
    night, track = mover.night, mover.track
    target = Target(mover.name, MOVER, {}, mover.name, f"{len(track.members)} sources that move evenly")
    for k, number in enumerate(night.numbers):
        name = measured[number].frame.name
        ahead, back = (_deg(track.place(night.minutes[k] + step), night) for step in (0.5, -0.5))
        here = _deg(track.place(night.minutes[k]), night)
        target.places[name] = here
        east = sphere.ra_difference_deg(ahead[0], back[0]) * np.cos(np.radians(here[1]))
        motion = (float(east) * 3600 * 60, float(ahead[1] - back[1]) * 3600 * 60)
        target.motion_arcsec_h[name] = motion
        target.rate_arcsec_h[name] = float(np.hypot(*motion))
        sigma = float(np.hypot(track.sigma(night.minutes[k])[0], leftover.ROUNDING_ARCSEC))
        target.sigma_arcsec[name] = (sigma, sigma)
    return target


def write(found, folder):
    """Write movers.csv: what moves, and where to look for the unknown ones in the next nights, a line each."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for mover in found.movers:
        about = [mover.name, mover.known_as, f"{mover.jd:.6f}", *(f"{each:.6f}" for each in mover.place_deg)]
        about += [*(f"{each:.4f}" for each in mover.rate), f"{mover.mag:.2f}" if np.isfinite(mover.mag) else ""]
        about += [len(mover.track.members), len(mover.night), f"{mover.track.chance:.1e}"]
        for day, region in zip(DAYS, mover.regions, strict=False):
            axes = region.major_arcsec, region.minor_arcsec, region.angle_deg
            distances = [f"{each:.2f}" for each in region.distances_au]
            place = f"{region.ra_deg:.5f}", f"{region.dec_deg:.5f}"
            writer.writerow([*about, day, *place, *(f"{each:.0f}" for each in axes), *distances])
        if not mover.regions:
            writer.writerow(about)
    write_text(Path(folder) / MOVERS, stream.getvalue())


def _names_before(path):
    """Return [(name, jd, ra, dec, (rates))] of the unknown bodies of an earlier run."""
    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
        unknown = {row["name"]: row for row in rows if not row["known_as"]}
        return [
            (
                name,
                *(float(row[key]) for key in ("jd", "ra_deg", "dec_deg")),
                tuple(float(row[key]) for key in ("ra_rate_arcsec_min", "dec_rate_arcsec_min")),
            )
            for name, row in unknown.items()
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def told(found):
    """Return lines (list of str) on what moves."""
    lines = list(found.remarks)
    known = [each.known_as for each in found.movers if each.known_as]
    if known:
        lines.append(f"moving and known: {', '.join(known)}")
    for mover in found.unknown:
        speed, when = f"{mover.speed:.2f} arcsec/min", times.text_of(mover.jd)[:16]
        brightness = f", {mover.mag:.1f} mag" if np.isfinite(mover.mag) else ""
        lines.append(
            f"{mover.name}: moves and is not known; {len(mover.track.members)} of {len(mover.night)} frames, {speed}"
            f"{brightness}, RA {mover.place_deg[0]:.5f} Dec {mover.place_deg[1]:+.5f} at {when}"
        )
    lines.append(f"{found.leftover} sources at no star's place, {len(found.movers)} of their tracks are no chance")
    return lines
