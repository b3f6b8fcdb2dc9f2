"""Sessions: what one telescope measured in one band in one night, and how they become Measurements of a body."""

from dataclasses import dataclass, field

import numpy as np

from photometrypipeline.ephemerides import aspect
from photometrypipeline.periods import phasefunctions
from photometrypipeline.periods.measurements import FREE_MAG, Measurements
from photometrypipeline.reports.alcdef import SESSION_GAP_D, band_of
from photometrypipeline.sky.times import text_of

DRIFT_MAG_D = 0.03  # by which magnitudes change in a day, where distances are not known
LEAST_ERR_MAG = 0.001
SAME_TIME_D, SAME_MAG = 2e-5, 0.0015  # of points that are in two files
SURE_MAG = 0.005  # of an offset whose session says nothing of it


@dataclass(eq=False)
class Session:
    """One session; arrays of shape (n,), NaN where unknown.

    key : its name, such as "2026-11-20 VATT4K R";  target : name of the body;  source : file that it comes from
    mag : as observed, err : by which it repeats, mag;  err_common : what its points share, mag;  r_au, delta_au,
    phase_deg : distances from the Sun and the observer, phase angle;  differential : whether its level means nothing
    light_corrected, reduced : whether times and magnitudes already are as from the body, and at 1 au
    light_d, unity_mag : what its file says of the light time (d), and of the step to 1 au (mag); without distances
    observed : the Observations of this suite that its points are
    used, shift_mag : what the user says of it: whether it counts, what is added to its magnitudes
    """

    key: str
    target: str
    source: str
    telescope: str
    band: str
    jd: np.ndarray
    mag: np.ndarray
    err: np.ndarray
    err_common: float
    r_au: np.ndarray
    delta_au: np.ndarray
    phase_deg: np.ndarray
    differential: bool = False
    light_corrected: bool = False
    reduced: bool = False
    light_d: float = 0.0
    unity_mag: float = np.nan
    site: str = ""
    full_name: str = ""
    observed: list = field(default_factory=list)
    used: bool = True
    shift_mag: float = 0.0

    def __len__(self):
        return len(self.jd)

    @property
    def has_distances(self) -> bool:
        """Whether distances and phase angle are known for all points."""
        return bool(np.isfinite([self.r_au, self.delta_au, self.phase_deg]).all())

    @property
    def at_unit_distance(self) -> bool:
        """Whether magnitudes can be given as at 1 au."""
        return self.reduced or self.has_distances or bool(np.isfinite(self.unity_mag))

    @property
    def jd_light(self):
        """When the light left the body, JD (UTC); as observed where the distance is not known."""
        if self.light_corrected:
            return self.jd
        return self.jd - (aspect.light_time_d(self.delta_au) if np.isfinite(self.delta_au).all() else self.light_d)

    @property
    def mag_reduced(self):
        """Magnitudes as at 1 au, the user's shift applied; as observed where distances are not known."""
        mag = self.mag + self.shift_mag
        if self.reduced or not self.at_unit_distance:
            return mag
        return aspect.reduced_mag(mag, self.r_au, self.delta_au) if self.has_distances else mag + self.unity_mag


def key_of(jd, telescope, band):
    """Return the name of a session whose middle is at `jd`."""
    return f"{text_of(float(jd))[:10]} {telescope or '-'} {band or '-'}"


def groups(jd, telescope, band):
    """Return the indices (list of ndarray) of the points of each session, in order of time; arguments of shape (n,)."""
    kinds = {}
    for number in np.argsort(jd, kind="stable"):
        same = kinds.setdefault((telescope[number], band[number]), [])
        if not same or jd[number] - jd[same[-1][-1]] > SESSION_GAP_D:
            same.append([])
        same[-1].append(number)
    found = [np.array(each) for same in kinds.values() for each in same]
    return sorted(found, key=lambda each: jd[each[0]])


def named_apart(sessions):
    """Give sessions of the same name numbers, so that all differ; return them in order of time."""
    ordered = sorted(sessions, key=lambda each: (each.jd[0], each.key))
    count = {}
    for each in ordered:
        count[each.key] = count.get(each.key, 0) + 1
        if count[each.key] > 1:
            each.key = f"{each.key} ({count[each.key]})"
    return ordered


def copies(sessions):
    """Return [(copy, original), ...] of Sessions that are in several files: most of their points are the same."""
    found = []
    for number, each in enumerate(sessions):
        for other in sessions[:number]:
            if other in [copy for copy, _ in found] or abs(each.jd[0] - other.jd[0]) > SESSION_GAP_D:
                continue
            near = np.abs(each.jd[:, None] - other.jd) < SAME_TIME_D
            near &= np.abs(each.mag[:, None] - other.mag) < SAME_MAG
            if near.any(axis=1).mean() > 0.5:
                found.append((each, other))
                break
    return found


@dataclass
class Joined:
    """All sessions that count, as Measurements, and what takes them back to magnitudes.

    jd_zero : JD of t_d = 0, light-time corrected;  mag : reduced to 1 au (shape (n,));  level : what was taken out of
    each for its band and phase angle;  slope : G that was used;  phase_mean_deg : mean phase angle, NaN where unknown
    """

    sessions: list
    points: Measurements
    jd_zero: float
    mag: np.ndarray
    level: np.ndarray
    bands: list
    slope: float
    phase_mean_deg: float

    @property
    def phase_range_deg(self):
        """(least, largest) phase angle."""
        return float(np.min(self.points.phase_deg)), float(np.max(self.points.phase_deg))


def join(sessions, slope=0.15):
    """Return the Joined of those Sessions that are used; `slope`: G of the phase function that is taken out."""
    used = [each for each in sessions if each.used]
    jd, mag, err = (np.concatenate(each) for each in _columns(used))
    number = np.repeat(np.arange(len(used)), [len(each) for each in used])
    bands = list(dict.fromkeys(_band(each) for each in used))
    band = np.array([bands.index(_band(each)) for each in used])[number]
    phase = np.concatenate([each.phase_deg for each in used])
    level = phasefunctions.hg(phase, slope) if np.isfinite(phase).all() else np.zeros(len(mag))
    for each in range(len(bands)):
        own = band == each
        level[own] += np.average((mag - level)[own], weights=err[own] ** -2.0)
    zero = float(np.floor(jd.min()))
    sigma = np.array([_offset_sigma(each, jd.mean()) for each in used])
    points = Measurements(jd - zero, mag - level, err, number, band, phase, sigma)
    mean = float(phase.mean()) if np.isfinite(phase).all() else np.nan
    return Joined(used, points, zero, mag, level, bands, slope, mean)


def _band(session):
    """Return the name of the band of a session, one for ours and that of ALCDEF."""
    return band_of(session.band) or session.band


def _columns(used):
    yield [each.jd_light for each in used]
    yield [each.mag_reduced for each in used]
    yield [np.maximum(each.err, LEAST_ERR_MAG) for each in used]


def _offset_sigma(session, middle_jd):
    """Return the prior of the offset of a session, mag."""
    if session.differential:
        return FREE_MAG
    sigma = max(SURE_MAG, session.err_common if np.isfinite(session.err_common) else 0.05)
    if not session.at_unit_distance:
        sigma = np.hypot(sigma, DRIFT_MAG_D * abs(float(session.jd.mean()) - middle_jd))
    return float(sigma)
