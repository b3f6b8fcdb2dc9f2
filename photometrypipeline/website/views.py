"""What the pages show: the records of the steps, sorted by frame and by target."""

import math
import os
import re
import statistics
from dataclasses import dataclass, field
from functools import cached_property

from photometrypipeline.frames import exclusions, means, recordtypes
from photometrypipeline.frames.records import STEPS, known, number
from photometrypipeline.frames.rows import OUTSIDE, STAR_KINDS, LightCurve, Row
from photometrypipeline.sky.times import text_of
from photometrypipeline.website.pictures import Picture

CONTROL = "control"  # the kind of target that comes after all others
ELSEWHERE_FWHM = 1.5
WITH_FRAMES = STEPS[:-1]  # steps whose records are made of frames; the last one's are made of targets


@dataclass(repr=False, eq=False)
class FrameView:
    """One frame: its part of each record (None where a step left none), its place in the run, its pictures."""

    name: str
    index: int = 0  # from 0, in the order of the run
    page: str | None = None  # file name in .diagnostics/
    prepare: recordtypes.PreparedFrame | None = None
    register: recordtypes.RegisteredFrame | None = None
    photometry: recordtypes.MeasuredFrame | None = None
    calibrate: recordtypes.CalibratedFrame | None = None
    rows: list = field(default_factory=list)  # RowView, one per target seen on it
    unseen: list = field(default_factory=list)  # UnseenView, one per target that is not
    previous: "FrameView | None" = None
    next: "FrameView | None" = None
    quickview: Picture | None = None
    size_px: tuple | None = None  # (width, height), known with the quick view
    reference_places: list | None = None  # [column, row] on the quick view of the stars of the registration

    @property
    def used_stars(self):
        """Stars that the zeropoint was made of, in the order in which map and table number them."""
        return [star for star in self.calibrate.stars if star.used] if self.calibrate else []


@dataclass(repr=False, eq=False)
class RowView:
    """One row of a target on one frame; `previous` and `next` are rows of the same target."""

    data: Row
    target: "TargetView"
    frame: FrameView
    cutout: Picture | None = None
    marks: dict | None = None  # on the cut-out, see cutouts.marks
    previous: "RowView | None" = None
    next: "RowView | None" = None

    @property
    def accepted(self):
        """Whether the row counts."""
        return self.data.accepted

    @property
    def line(self):
        """What takes the row out by hand in a list for pp_distill; None if a name cannot stand in there."""
        line = f"{self.frame.name} {'_'.join(self.target.name.split())}"
        return line if line.isprintable() else None

    @property
    def errors(self):
        """(error by which measurements scatter, error that all of them share), mag."""
        return errors_of(self.data)

    @property
    def elsewhere(self):
        """Whether the source is so far from the predicted place that it is something else."""
        return number(self.data.distance_arcsec) > ELSEWHERE_FWHM * number(self.data.fwhm_arcsec)

    @property
    def by_hand(self):
        """Whether somebody has taken the row out."""
        return self.data.reason == exclusions.REASON

    @property
    def markable(self):
        """Whether the page can take the row out by hand, or in again."""
        return (self.accepted or self.by_hand) and self.line is not None


@dataclass(repr=False, eq=False)
class UnseenView:
    """A frame on which a target was expected and not detected, with what was measured at its place."""

    data: Row
    target: "TargetView"
    frame: FrameView
    cutout: Picture | None = None
    marks: dict | None = None


@dataclass(repr=False, eq=False)
class TargetView:
    """One target with its rows in order of time; `anchor` marks its section on every page."""

    name: str
    anchor: str
    data: LightCurve
    rows: list = field(default_factory=list)
    unseen: list = field(default_factory=list)  # UnseenView: frames on which it should have been
    animation: Picture | None = None
    animation_step: int = 1  # of the frames in it: every which

    @property
    def accepted(self):
        """Rows that count."""
        return [row for row in self.rows if row.accepted]

    @property
    def moving(self):
        """Whether it is a body of the Solar System."""
        return self.data.kind not in STAR_KINDS

    @property
    def limits(self):
        """Non-detections with a limiting magnitude."""
        return [row for row in self.unseen if known(row.data.mag_limit)]

    @property
    def pictured(self):
        """Rows with a cut-out, of frames without a detection as well, in the order of the frames."""
        shown = [row for row in [*self.rows, *self.unseen] if row.cutout]
        return sorted(shown, key=lambda row: row.frame.index)

    @cached_property
    def missed(self):
        """Frames (list of FrameView) on which it was not detected, and no source is near its place either."""
        seen = {row.frame for row in self.rows if row.accepted or not row.elsewhere}
        return [row.frame for row in self.unseen if row.frame not in seen]

    @property
    def listed(self):
        """Rows with light that may be its own, whether they count or not."""
        elsewhere = {*self.missed, *self.outside}
        return [row for row in self.rows if row.accepted or row.frame not in elsewhere]

    @property
    def outside(self):
        """Frames (list of FrameView) that it was not expected on, whatever source was the nearest."""
        return [row.frame for row in self.rows if row.data.reason == OUTSIDE]

    @property
    def rejected(self):
        """Rows that do not count though there is light of it."""
        return [row for row in self.listed if not row.accepted]

    @property
    def faintest_limit(self):
        """Limiting magnitude of the best frame without a detection, None where none has one."""
        return max((row.data.mag_limit for row in self.limits), default=None)

    @property
    def magnitudes(self):
        """Magnitudes of the rows that count and have one."""
        return [row.data.mag for row in self.accepted if known(row.data.mag)]

    @property
    def mean_err(self):
        """Error of the mean by what single measurements scatter by, None where that is unknown."""
        errors = [number(errors_of(row.data)[0]) for row in self.accepted]
        known_ones = [error for error in errors if math.isfinite(error)]
        return math.hypot(*known_ones) / len(known_ones) if known_ones else None

    @property
    def common_err(self):
        """Median of the error that all measurements share, None where that is unknown."""
        shared = [row.data.err_common for row in self.accepted if known(row.data.err_common)]
        return statistics.median(shared) if shared else None

    @property
    def typical_err(self):
        """Median of the errors of the single measurements, None where they are unknown."""
        errors = [errors_of(row.data)[0] for row in self.accepted]
        errors = [error for error in errors if known(error)]
        return statistics.median(errors) if errors else None

    @cached_property
    def average(self):
        """The means.Mean of all rows."""
        return means.of_rows([row.data for row in [*self.rows, *self.unseen]])

    @property
    def mean(self):
        """Mean magnitude, None without rows."""
        return self.average.mag

    @property
    def scatter(self):
        """Standard deviation of the magnitudes, None below two of them."""
        return self.average.scatter


@dataclass(repr=False, eq=False)
class Overview:
    """A data set: the records by step (missing ones None), its frames and targets, the failures noted."""

    records: dict
    failures: list
    frames: list
    targets: list

    @property
    def lead(self):
        """The target that the page begins with (TargetView), None without any but the control star."""
        return next((target for target in self.targets if target.data.kind != CONTROL), None)

    @property
    def subject(self):
        """Name of what was observed: the leading target with number and name, else what the headers say."""
        if self.lead:
            full, name = self.lead.data.full_name, self.lead.name
            return full if full and name in full else f"{full} ({name})" if full else name
        frames = self.records["prepare"].frames if self.records["prepare"] else []
        return next((str(frame.object) for frame in frames if frame.object), "Photometry Pipeline")

    @property
    def circumstances(self):
        """[date, band, telescope] as texts, as far as they are known."""
        prepare, calibrate = self.records["prepare"], self.records["calibrate"]
        frames = prepare.frames if prepare else []
        times = [frame.midtime_jd for frame in frames if known(frame.midtime_jd)]
        times = times or [row.data.jd for target in self.targets for row in target.rows if known(row.data.jd)]
        dates = [_date(time) for time in (min(times), max(times))] if times else []
        band = (calibrate and calibrate.band) or (prepare and prepare.band)
        telescope = prepare and prepare.telescope.key
        return [str(text) for text in (" to ".join(dict.fromkeys(filter(None, dates))), band, telescope) if text]

    @property
    def title(self):
        """What tells the page from those of other runs, such as `3552, 2017-02-02, V, VATT4K`."""
        return ", ".join([self.lead.name if self.lead else self.subject, *self.circumstances])

    def frame_of(self, part):
        """Return the FrameView that a frame of any record belongs to."""
        return self.frame_called(part.name)

    def frame_called(self, name):
        """Return the FrameView of a file name."""
        return self._by_name[base_name(name)]

    def __post_init__(self):
        self._by_name = {base_name(frame.name): frame for frame in self.frames}


def _date(jd):
    try:
        return text_of(jd)[:10]
    except (ValueError, OverflowError):  # no year that a calendar knows
        return ""


def errors_of(row):
    """Return (error by which measurements of one source scatter, error that all of them share) of a Row, mag."""
    return (row.err_frame, row.err_common) if known(row.err_frame) else (row.err_total, None)


def overview(records, failures, curves):
    """Return the Overview of `records` (as from records.read), `failures` [(step, message)] and LightCurves."""
    view = Overview({}, failures, _frames(records, curves), [])
    view.records = {step: records.get(step) for step in STEPS}
    for step in WITH_FRAMES:
        for part in records[step].frames if step in records else []:
            setattr(view.frame_of(part), step, part)
    _chain(view.frames)
    anchors = set()
    for data in sorted(curves, key=lambda target: target.kind == CONTROL):
        view.targets.append(_target(view, data, _anchor(data.name, anchors)))
    return view


def base_name(name):
    """Return a file name without its folder; frames are told apart by it."""
    return os.path.basename(str(name)) or str(name)


def _frames(records, curves):
    """Return a FrameView for every frame that any record names, in the order of the run."""
    names = {}
    for step in WITH_FRAMES:
        for part in records[step].frames if step in records else []:
            names.setdefault(base_name(part.name), None)
    for curve in curves:
        for row in curve.every:
            names.setdefault(base_name(row.frame), None)
    return [FrameView(name, index) for index, name in enumerate(names)]


def _target(view, data, anchor):
    target = TargetView(data.name, anchor, data)
    for row in sorted(data.rows, key=_time):
        target.rows.append(RowView(row, target, view.frame_called(row.frame)))
    _chain(target.rows)
    for row in target.rows:
        row.frame.rows.append(row)
    for row in sorted(data.unseen, key=_time):
        target.unseen.append(UnseenView(row, target, view.frame_called(row.frame)))
        target.unseen[-1].frame.unseen.append(target.unseen[-1])
    return target


def _anchor(name, taken):
    """Return an anchor of safe characters that is not in `taken` (set), and add it there."""
    stem = "target-" + (re.sub(r"[^A-Za-z0-9]+", "-", str(name)).strip("-").lower()[:60] or "unnamed")
    anchor, count = stem, 1
    while anchor in taken:
        count += 1
        anchor = f"{stem}-{count}"
    taken.add(anchor)
    return anchor


def _time(row):
    return row.jd if known(row.jd) else math.inf


def _chain(items):
    """Tell each item its neighbours, the last one's being the first."""
    for index, item in enumerate(items):
        item.previous, item.next = items[index - 1], items[(index + 1) % len(items)]


def calibrated(star, frame):
    """Return {mag, err, residual} (mag) of a reference star by the zeropoint of a frame of the calibrate record.

    The residual is calibrated minus catalogue; what cannot be told is None.
    """
    if not (known(star.inst_mag) and known(frame.zp_mag)):
        return {"mag": None, "err": None, "residual": None}
    correction = star.color_correction_mag  # the zeropoint holds for the target's colour
    mag = star.inst_mag + frame.zp_mag + (correction if known(correction) else 0.0)
    errors = (star.e_inst_mag, frame.zp_sig_mag)
    err = math.hypot(*errors) if all(known(error) for error in errors) else None
    return {"mag": mag, "err": err, "residual": mag - star.mag if known(star.mag) else None}
