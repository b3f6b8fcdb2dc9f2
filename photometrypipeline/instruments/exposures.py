"""When a frame was exposed, from all that its header says of it: the mid-time, by how much it may be off, and why.

The keyword of the telescope's definition is one witness, the others of the header are weighed against it.  Where two
disagree by more than a second the better evidence counts: more keywords, and those that say what moment they mean.
"""

import re
from dataclasses import dataclass, field, replace

import numpy as np
from astropy.time import Time

from photometrypipeline.frames.frame import saved_name
from photometrypipeline.instruments import clocks, exposurelength, headers, moments, sites
from photometrypipeline.instruments.moments import END, MADE, MIDDLE, START
from photometrypipeline.sky import dates
from photometrypipeline.sky.times import SECONDS_PER_DAY

AFTER_START = {START: 0.5, MIDDLE: 0.0, END: -0.5, MADE: -0.5}  # shares of the exposure to the middle
LEAST_S = 1.0  # two times that are nearer to each other agree
READOUT_S = 90.0  # by which what is written at the end of an exposure may be late
PAUSES = 0.1  # of a stack's light, at least: as long as it may have been paused between its frames
LONGEST_SPAN_D = 2.0  # of the frames of a stack
UNSET_JD = (2440587.5, 2444239.5, 2444244.5)  # days on which clocks start: 1970-01-01, 1980-01-01, 1980-01-06
DEFINED = 2  # weight of the keyword that a definition names
OF_NIGHT = re.compile(  # in the comment of a date that is not that of the time of day
    r"\b(start|begin\w*|date) of (the )?(observing )?night|\bevening\b|\bnight (of|date)\b|\blocal (calendar )?date\b|"
    r"\bobserving (night|date)\b|\bcivil date\b",
    re.IGNORECASE,
)
SAME_DAY_D = 1.5  # a date and what was written when the frame was taken
ZONE_STEP_S = 1800.0  # zones differ by halves of hours, most by whole ones
SPLIT_S = 1800.0  # witnesses that are further off belong to zones, or to other things


@dataclass
class Exposure:
    """`midtime_jd` (UTC), rounded to 8 decimals, `light_s` gathered; `error_s` by which the time may be off, 0: known.

    corrected : what was wrong in the header and is not followed, or '';  doubts : what could not be settled (texts)
    """

    midtime_jd: float
    light_s: float
    error_s: float = 0.0
    corrected: str = ""
    doubts: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    step_s: float = 0.0  # by which it may be off for want of digits
    is_stack: bool = False  # `light_s` is that of several frames, and more than one of them has

    def doubt(self, text, error_s):
        """Note what could not be settled, and by how much the time may be off for it."""
        self.doubts.append(text)
        self.error_s = max(self.error_s, error_s)


def of_frame(frame, telescope, pointing_deg=None):
    """Return the Exposure of a frame.  Raises FrameError where its header does not tell.

    pointing_deg : (ra, dec), for the altitude above the horizon;  a definition that says `header.zone_h` is believed
    """
    single_s = headers.exptime_s(frame, telescope)
    if "COMBO_N" in frame.header:
        return Exposure(headers.midtime_jd(frame, telescope), single_s)
    own = headers.own_moment(frame, telescope)
    if _is_given(frame.header, own):
        return Exposure(_middle(own, single_s), single_s)
    length = exposurelength.read(frame.header, single_s, telescope.header["exptime"])
    found = moments.read(frame.header)
    own, found = _as_its_source(frame.header, own, found, length.light_s)
    own = _made_when_it_began(own, found, length.light_s)
    exposure = Exposure(0.0, length.light_s, step_s=own.step_s)
    own = _with_its_day(frame.header, own, found, exposure)
    own = _on_day_of_others(frame.header, own, found, length.light_s, exposure)
    own = _in_utc(frame.header, telescope, own, found, length, exposure, pointing_deg)
    witnesses = [each for each in found if _counts(each, own)]
    if length.is_stack and _was_single(own, witnesses, length):  # such counts survive from flats, too
        length = exposurelength.Length(single_s, 1, single_s)
        exposure.light_s = single_s
    if length.is_stack:
        _weigh_stack(exposure, own, witnesses, length)
    elif exposure.error_s < SPLIT_S:
        _weigh(exposure, own, witnesses, DEFINED if telescope.key != "GENERIC" else 0)
    else:
        exposure.midtime_jd = _middle(own, length.light_s)
    if telescope.key == "GENERIC" and not length.is_stack:
        _weigh_length(exposure, frame.header, telescope.header["exptime"])
    _look_at_copies(exposure, own, [each for each in found if each.keyword == own.keyword])
    _look_at_clock(exposure, own)
    if exposure.step_s > LEAST_S:
        exposure.doubt(f"{own.keyword} is given to {exposure.step_s:.3g} s only", exposure.step_s / 2)
    return exposure


def _look_at_copies(exposure, own, copies):
    """Note where a header has the keyword of the time twice, with different times."""
    apart_s = np.ptp([each.jd for each in copies]) * SECONDS_PER_DAY if copies else 0.0
    if apart_s > _slack_s(own):
        exposure.doubt(f"{own.keyword} stands twice in the header, {_spoken(apart_s)}", apart_s)


def _look_at_clock(exposure, own):
    """Note a date that clocks show that were never set, and one that has not come yet."""
    if int(own.jd - 0.5) + 0.5 in UNSET_JD:
        exposure.doubt(f"{own.keyword} is of the day on which clocks start that were never set", 0)
    if own.jd > Time.now().jd + 1:
        exposure.doubt(f"{own.keyword} lies in the future", 0)


def _as_its_source(header, own, found, light_s):
    """Return (own Moment, the other Moments) where the own one is a copy of another keyword that the pipeline has made.

    The copy is as sure as its source, which is no second witness, and as local where nothing has corrected it.
    """
    comment = str(header.comments[own.keyword.partition("|")[0]])
    if not comment.startswith(moments.OURS):
        return own, found
    names = set(comment.removeprefix(moments.OURS).replace(" and ", " ").split())
    copied = [each for each in found if set(each.keyword.split("|")) == names]
    if not copied:
        return own, found
    source = copied[0]
    start_jd = source.jd + (AFTER_START[source.kind] - AFTER_START[START]) * light_s / SECONDS_PER_DAY
    local = source.says == "local" and abs(start_jd - own.jd) * SECONDS_PER_DAY < LEAST_S
    corrected = source.says == "local" and not local
    says = "local" if local else "utc" if corrected else own.says
    own = replace(own, told=own.told or source.told, says=says)
    return own, [each for each in found if each is not source]


def _made_when_it_began(own, found, light_s):
    """Return the own Moment as a start where the image was made then, but ended a whole exposure later."""
    ends = [each.jd for each in found if each.kind == END and each.told and each.says != "local"]
    begun = own.kind == MADE and any(
        (end - own.jd) * SECONDS_PER_DAY > light_s * (1 - exposurelength.SAME) - LEAST_S and end - own.jd < 1
        for end in ends
    )
    return replace(own, kind=START, told=False) if begun else own


def _is_given(header, own):
    """Return whether the user has given the time by hand."""
    return str(header.comments[own.keyword.split("|")[0]]).startswith(f"{moments.OURS} the user")


def _middle(moment, light_s):
    """Return the Julian date of the middle of an exposure of which a Moment is one end, or the middle."""
    return round(moment.jd + AFTER_START[moment.kind] * light_s / SECONDS_PER_DAY, 8)


def _with_its_day(header, own, found, exposure):
    """Return the own Moment on its day, where day and month may stand in either order; what was done about it is noted.

    Other dates of the header settle it, but for those that are written alike.
    """
    keyword = own.keyword.split("|")[0]
    text = _as_written(header, keyword)
    other_jd = dates.other_day(text)
    if other_jd is None:
        return own
    off_d = other_jd - dates.read(text).day_jd
    told = [each for each in found if dates.other_day(_as_written(header, each.keyword.split("|")[0])) is None]
    read, other = (min((abs(each.jd - own.jd - by) for each in told), default=np.inf) for by in (0, off_d))
    if other < SAME_DAY_D < read:
        exposure.corrected = f"{keyword} = {text} has the {'day' if dates.is_american(text) else 'month'} first"
        return replace(own, jd=own.jd + off_d)
    if read > SAME_DAY_D:
        day, turned = (Time(jd, format="jd").strftime("%Y-%m-%d") for jd in (own.jd, own.jd + off_d))
        first = "month" if dates.is_american(text) else "day"
        exposure.doubt(f"{keyword} = {text} is taken for {day} ({first} first), not for {turned}", 0)
    return own


def _on_day_of_others(header, own, found, light_s, exposure):
    """Return the own Moment, of a time of day and a date apart, on the day that whole dates with times tell.

    Some write the date of the evening all night long; what was done about it is noted.
    """
    if not _in_two(header, own):
        return own
    whole = [each for each in found if "|" not in each.keyword and _counts(each, own) and each.kind != MADE]
    days = {}
    for each in whole:
        apart = _middle(each, light_s) - _middle(own, light_s)
        if abs(apart - round(apart)) * SECONDS_PER_DAY <= _slack_s(each, own):
            days.setdefault(round(apart), []).append(each.keyword)
    if not days:
        return _on_day_of_night(header, own, exposure)
    if 0 in days or not set(days) <= {-1, 1} or len(days) != 1:
        return own
    ((off_d, keywords),) = days.items()
    exposure.corrected = f"{own.keyword} is a day {'early' if off_d > 0 else 'late'} by {', '.join(keywords)}"
    return replace(own, jd=own.jd + off_d)


def _on_day_of_night(header, own, exposure):
    """Return the own Moment, of a time of day and a date that may be that of the evening, between two local noons.

    Without a site its day is in doubt.
    """
    keyword = own.keyword.partition("|")[0]
    said = f"{header.comments[keyword]} {header.comments[saved_name(keyword)] if saved_name(keyword) in header else ''}"
    if not OF_NIGHT.search(said):
        return own
    day_jd = dates.read(_as_written(header, keyword)).day_jd
    site = sites.site_of(header)
    nights = {(own.jd % 1 + 0.5) % 1 + longitude / 360 >= 0.5 for longitude in (site.longitudes if site else ())}
    if len(nights) != 1:
        exposure.doubt(
            f"{keyword} is the date of the evening, and nothing tells whether the day in UTC is the next", 86400
        )
        return own
    jd = day_jd + (own.jd + 0.5) % 1 + (not nights.pop())
    if jd != own.jd:
        exposure.corrected = f"{keyword} is the date of the evening"
    return replace(own, jd=jd)


def _in_two(header, own):
    """Return whether date and time of day stand in two keywords, also if the pipeline has put them together."""
    comment = str(header.comments[own.keyword.partition("|")[0]])
    return "|" in own.keyword or (comment.startswith(moments.OURS) and " and " in comment)


def _as_written(header, keyword):
    """Return what a keyword held before the pipeline put a time into it that was found apart."""
    return header.get(saved_name(keyword), header.get(keyword))


def _in_utc(header, telescope, own, found, length, exposure, pointing_deg):
    """Return the own Moment in UTC; what was corrected, or may be off by a zone, goes into `exposure`."""
    if telescope.zone_h is not None:
        return own
    judgement = clocks.judge(header, own, found, length.light_s, pointing_deg)
    if judgement is None:
        return own
    if judgement.sure:
        exposure.corrected = f"{own.keyword} {judgement.reason}"
        return headers.moved(own, judgement.add_h)
    exposure.doubt(f"{own.keyword}: {judgement.reason}", abs(judgement.add_h) * 3600)
    return own


def _counts(moment, own):
    """Return whether a Moment is a witness of the exposure besides its own: what tells its time of day is another."""
    same = moment.keyword.split("|")[-1] == own.keyword.split("|")[-1]
    return moment.of_exposure and moment.says != "local" and not same


def _apart_s(moment, own, light_s):
    """Return by how many s the middle that a Moment tells is later; modulo days for a time of day with a date apart."""
    days = _middle(moment, light_s) - _middle(own, light_s)
    if "|" in moment.keyword or "|" in own.keyword:
        days = (days + 0.5) % 1 - 0.5
    return days * SECONDS_PER_DAY


def _slack_s(*each):
    return LEAST_S + max(moment.step_s for moment in each)


# ---- one exposure


def _weigh(exposure, own, witnesses, bonus):
    """Set the mid-time of a single exposure: that on which most of the evidence agrees."""
    light_s = exposure.light_s
    groups = [_Group(0.0, own, (1 if own.kind != MADE else 0) + own.told * (own.kind != MADE) + bonus)]
    for moment in witnesses:
        apart = _apart_s(moment, own, light_s)
        agrees = abs(apart) <= _slack_s(moment, own)
        if agrees or (abs(apart) < SPLIT_S and not _explained(moment, own, apart, light_s)):
            _put(groups, moment, apart)
        elif _is_far_off(moment, apart) and not _explained(moment, own, apart, light_s):
            text = f"{own.keyword} is used, although {moment.keyword} says a middle {_spoken(apart)}"
            exposure.notes.append(text) if bonus else exposure.doubt(text, abs(apart))
        elif _ends_late(moment, apart):
            late = (
                f"{moment.keyword} is {(apart + light_s) / 60:.0f} min after the start of an exposure of {light_s:g} s"
            )
            exposure.doubt(f"{late}: several exposures may have been added up in the image", apart / 2)
    _favour_halves(groups, own, witnesses, light_s)
    best = max(groups, key=lambda group: group.weight)  # the first of equals, which is the own one
    exposure.midtime_jd = _middle(own, light_s)
    if best is groups[0]:
        _finer(exposure, own, best)
        _report(exposure, own, best, groups[1:])
        return
    exposure.midtime_jd = round(exposure.midtime_jd + best.apart_s / SECONDS_PER_DAY, 8)
    exposure.corrected = f"{own.keyword}: {best.say} a middle {_spoken(best.apart_s)}"


def _favour_halves(groups, own, witnesses, light_s):
    """Give weight to a middle that lies half-way between the start and an end, if that took longer than the light."""
    ends = [each for each in witnesses if each.kind == END and each.told and own.kind == START]
    for group in groups[1:]:
        if group.finest.kind == MIDDLE and group.finest.told:
            half = [(own.jd + each.jd) / 2 - group.finest.jd for each in ends]
            group.weight += sum(abs(days) * SECONDS_PER_DAY < LEAST_S for days in half)


def _weigh_length(exposure, header, keyword):
    """Note where another keyword tells another length of a single exposure."""
    other = exposurelength.contradiction(header, exposure.light_s, keyword)
    if other:
        text = f"{keyword} says {exposure.light_s:g} s, {other[0]} {other[1]:g} s"
        exposure.doubt(text, abs(exposure.light_s - other[1]) / 2)


@dataclass
class _Group:
    """Moments that tell the same middle, so many s after that of the own keyword."""

    apart_s: float
    finest: object
    weight: int
    keywords: list = field(default_factory=list)

    @property
    def say(self):
        names = list(dict.fromkeys(self.keywords))
        return f"{', '.join(names)} {'say' if len(names) > 1 else 'says'}"


def _put(groups, moment, apart):
    weight = 2 if moment.told and moment.kind != END else 1
    for group in groups:
        if abs(apart - group.apart_s) <= _slack_s(moment, group.finest):
            group.weight += weight
            group.keywords.append(moment.keyword)
            if moment.step_s < group.finest.step_s:
                group.finest, group.apart_s = moment, group.apart_s if group is groups[0] else apart
            return
    groups.append(_Group(apart, moment, weight, [moment.keyword]))


def _explained(moment, own, apart_s, light_s):
    """Return whether a Moment that tells another middle does not contradict, since it may well mean something else."""
    if moment.kind in (END, MADE):  # written after the exposure, which takes its time
        late = moment.kind == MADE or (apart_s < READOUT_S and own.kind != MADE)
        return apart_s >= -_slack_s(moment, own) and late
    if moment.told or moment.kind != START or own.kind != START:
        return False
    # nothing says whether it is the start, the middle or the end
    return any(abs(apart_s - share * light_s) <= _slack_s(moment, own) for share in (0.5, 1.0))


def _spoken(apart_s):
    size = abs(apart_s)
    text = f"{size / 3600:.2f} h" if size >= SPLIT_S else f"{size:.1f} s"
    return f"{text} {'later' if apart_s > 0 else 'earlier'}"


def _off_zone_s(apart_s):
    return abs((apart_s + ZONE_STEP_S / 2) % ZONE_STEP_S - ZONE_STEP_S / 2)


def _is_far_off(moment, apart_s):
    """Return whether a keyword of the exposure tells quite another time, by no zone (those are judged before)."""
    name = moment.keyword.split("|")[-1]
    surely = moments.JULIAN.fullmatch(name) or moments.OF_EXPOSURE.fullmatch(name)
    of_zone = abs(apart_s) < SECONDS_PER_DAY / 2 and _off_zone_s(apart_s) <= READOUT_S
    return bool(surely) and moment.kind in (START, MIDDLE) and abs(apart_s) >= SPLIT_S and not of_zone


def _ends_late(moment, apart_s):
    """Return whether the end of what was exposed is told, and so late that it is neither read-out nor another zone."""
    told = moment.kind == END and moment.told and "|" not in moment.keyword
    return told and SPLIT_S <= apart_s < SECONDS_PER_DAY / 2 and _off_zone_s(apart_s) > READOUT_S


def _finer(exposure, own, group):
    """Take the time from a keyword that agrees and gives more digits, where the own one has none below a second."""
    if own.step_s > LEAST_S and group.finest.step_s < own.step_s / 2:
        apart = _apart_s(group.finest, own, exposure.light_s)
        exposure.midtime_jd = round(exposure.midtime_jd + apart / SECONDS_PER_DAY, 8)
        exposure.notes.append(f"{group.finest.keyword} is taken, {own.keyword} has fewer digits")
        exposure.step_s = group.finest.step_s


def _report(exposure, own, best, others):
    if own.kind == MADE and not best.keywords:
        exposure.doubt(
            f"{own.keyword} is when the image was made: it is taken for the end of the exposure", exposure.light_s
        )
    for group in others:
        text = f"{own.keyword} is used, although {group.say} a middle {_spoken(group.apart_s)}"
        ends_early = group.finest.kind == END and group.finest.told and group.apart_s < 0
        if group.weight >= best.weight or ends_early:  # before the exposure can have ended
            exposure.doubt(text, abs(group.apart_s))
        elif group.finest.kind == END and group.finest.told and group.apart_s > 0:
            exposure.doubt(f"{text}: several exposures may have been added up in the image", group.apart_s / 2)
        else:
            exposure.notes.append(text)


# ---- a stack


def _was_single(own, witnesses, length):
    """Return whether a middle that is told is that of a single exposure, whatever counts the header has."""
    middles = [each for each in witnesses if each.kind == MIDDLE and each.told]
    if own.kind != START or length.light_s <= length.single_s * (1 + exposurelength.SAME):
        return False
    of_one, of_all = (
        min((abs(_apart_s(each, own, light_s)) for each in middles), default=np.inf)
        for light_s in (length.single_s, length.light_s)
    )
    return of_one < min(of_all, _slack_s(own, *middles))


@dataclass(frozen=True)
class _Span:
    """From when to when the frames of a stack were taken, as far as its header tells (JD, None if not)."""

    middle_jd: float | None
    start_jd: float | None
    end_jd: float | None
    made_jd: float | None

    @classmethod
    def of(cls, own, witnesses):
        """Return the span that the Moments of a stack tell; a time of day with a date apart is on the own day."""
        near = {each: jd for each in (own, *witnesses) if abs((jd := _on_day(each, own)) - own.jd) < LONGEST_SPAN_D}
        told = [each for each in near if each.kind == MIDDLE and each.told]
        best = min(told, key=lambda each: (each.step_s > 0.05, "JD" in each.keyword), default=None)
        return cls(
            near.get(best),
            min((jd for each, jd in near.items() if each.kind == START), default=None),
            max((jd for each, jd in near.items() if each.kind == END), default=None),
            own.jd if own.kind == MADE else None,
        )

    @property
    def length_s(self):
        """From the first start to the last end (s), infinite where the header does not tell."""
        if self.start_jd is None or (self.middle_jd is None and self.end_jd is None):
            return np.inf
        end_jd = self.end_jd if self.end_jd is not None else 2 * self.middle_jd - self.start_jd
        return (end_jd - self.start_jd) * SECONDS_PER_DAY


def _on_day(moment, own):
    """Return the JD of a Moment; a time of day and a date that stand apart are put on the day of the own Moment."""
    return moment.jd - (round(moment.jd - own.jd) if "|" in moment.keyword and moment is not own else 0)


def _settled(length, span):
    """Return the Length of a stack, where it may be a product or a sum: what takes longer than its span is not it."""
    most_s = span.length_s * (1 + exposurelength.SAME) + LEAST_S
    if not length.error_s or length.n_frames * length.single_s < most_s or length.single_s > most_s:
        return length
    return replace(length, light_s=length.single_s, error_s=0.0, why=f"{length.why.split()[0]} the exposure is the sum")


def _weigh_stack(exposure, own, witnesses, length):
    """Set the mid-time of a stack: told, else half-way from its first start to its last end, else by its light."""
    span = _Span.of(own, witnesses)
    length = _settled(length, span)
    exposure.light_s = light_s = length.light_s
    exposure.is_stack = light_s > length.single_s * (1 + exposurelength.SAME)
    why = f"stack of {length.n_frames}, {light_s:g} s in all ({length.why})"
    half_d = light_s / 2 / SECONDS_PER_DAY
    jd = span.middle_jd
    if jd is None and np.inf > span.length_s > light_s * (1 - exposurelength.SAME) - LEAST_S:
        jd = (span.start_jd + span.end_jd) / 2
    if jd is None:
        last_jd = span.made_jd if span.end_jd is None else span.end_jd
        jd = last_jd - half_d if span.start_jd is None else span.start_jd + half_d
        exposure.doubt(f"{why}: nothing tells of pauses between its frames", PAUSES * light_s)
        if length.error_s:
            exposure.doubt(f"{why}: it is not clear how long it was exposed", length.error_s)
    elif length.error_s:
        exposure.doubt(f"{why}: it is not clear how long it was exposed", 0)
    exposure.midtime_jd = round(jd, 8)
    before, first_s = _middle(own, length.single_s), length.single_s
    if abs(before - exposure.midtime_jd) * SECONDS_PER_DAY > LEAST_S or light_s > first_s * (1 + exposurelength.SAME):
        exposure.corrected = why
