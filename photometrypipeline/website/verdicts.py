"""Whether to trust a run: one verdict each for registration, aperture, calibration and target.

A verdict rests on a few measures, each compared with two thresholds of pp_setup.confverdict: (good, doubtful).  The
worst measure decides, and gives the number that the verdict is judged by.
"""

import math
import statistics
from dataclasses import dataclass

from scipy.special import ndtri  # scipy.stats takes half a second to load

from photometrypipeline.frames.records import known, number
from photometrypipeline.sky import times

GOOD, DOUBTFUL, FAILED, OPEN = "good", "doubtful", "failed", "not judged"
LIMIT = "not detected"  # of a target: its limit is a result
ORDER = (OPEN, GOOD, LIMIT, DOUBTFUL, FAILED)  # of equals, or with nothing judged, the first counts
BAD = (DOUBTFUL, FAILED)
STEP_OF = {"Registration": "register", "Aperture": "photometry", "Calibration": "calibrate", "Target": "distill"}
WELL_HELD = 0.8  # of the light of a star: what an aperture is advised for
CLEAR_MAG = 0.3  # range of zeropoints that airmass explains
MOST_NAMED = 4  # frames to leave out
GAUSSIAN = 4 * math.log(2)  # flux of a Gaussian within r: 1 - exp(-4 ln2 (r / FWHM)^2)


@dataclass(frozen=True)
class Measure:
    """One number that a verdict may rest on, in words, and what it means.

    limits : in words, the number that would change the verdict;  advice : what to do, or why nothing need be done
    short : what the advice is about, for those who read nothing else
    """

    words: str
    state: str = OPEN
    limits: str = ""
    advice: str = ""
    short: str = ""

    @property
    def text(self):
        """The measure with the number that would change what it means."""
        return f"{self.words} ({self.limits})" if self.limits else self.words

    @property
    def told(self):
        """The advice with what it is about."""
        return f"{self.short}: {self.advice}" if self.short and self.advice else self.advice

    def note(self, name):
        """Return one line for the head of the page, of a verdict called `name`; empty without need for one."""
        if self.state not in BAD:
            return _sentence(self.told)
        about = f"{self.short or f'{name.lower()}: {self.words}'}" + (f" ({self.limits})" if self.limits else "")
        return _sentence(f"{about}: {self.advice}" if self.advice else about)


@dataclass(frozen=True)
class Verdict:
    """One line for the head of the page; `anchor` marks the plot that shows it, or the section, if any.

    measures : what it rests on, the worst first
    head, notes : the words of the verdict on the whole run in parts, one note for each reason
    """

    name: str
    state: str
    words: str
    anchor: str | None
    advice: str = ""
    measures: tuple = ()
    head: str = ""
    notes: tuple = ()

    @property
    def brief(self):
        """State, what it means, and the first reason where there is something to be done, as one line."""
        return " ".join([f"{self.state}.", self.head, *(self.notes[:1] if self.state in BAD else ())])


def judge(view, limits, shown=()):
    """Return the four Verdicts (list) on a views.Overview.

    limits : as pp_setup.confverdict;  shown : names of plots that a verdict can lead to
    """
    tellers = (_registration, _aperture, _calibration, _target)
    noted = dict(view.failures)
    found = []
    for (name, step), tell in zip(STEP_OF.items(), tellers, strict=True):
        record = view.records[step]
        if step in noted:
            measures = [Measure(f"pp_{step} failed: {noted[step]}", FAILED, advice="see LOG, mend it, run again")]
        elif record is None:
            measures = [Measure(f"pp_{step} has not been run")]
        else:
            measures = [measure for measure in tell(view, record, limits) if measure]
        ordered = sorted(measures, key=lambda measure: ORDER.index(measure.state), reverse=True)
        ordered = ordered[:1] + [measure for measure in measures if measure is not ordered[0]]
        words = "; ".join(measure.text for measure in ordered)
        advice = "; ".join(dict.fromkeys(measure.told for measure in ordered if measure.advice))
        anchor = _anchor(view, step, shown)
        found.append(Verdict(name, ordered[0].state, words, anchor, advice, tuple(ordered)))
    return found


def overall(verdicts):
    """Return the Verdict on the whole run: the state of the worst of the four, why, and what to do about it."""
    state = max((verdict.state for verdict in verdicts), key=ORDER.index)
    heads = {
        GOOD: "The light curve can be used as it is.",
        LIMIT: "The target was not detected; its limit can be used as it is.",
        DOUBTFUL: "Look before you use the light curve.",
        FAILED: "Not usable as it is.",
        OPEN: "Nothing has been judged yet.",
    }
    notes = [
        (measure.state, measure.note(verdict.name))
        for verdict in verdicts
        for measure in verdict.measures
        if measure.state in BAD or measure.advice
    ]
    notes = sorted(notes, key=lambda note: ORDER.index(note[0]), reverse=True)
    notes = tuple(dict.fromkeys(note for _, note in notes if note))
    return Verdict("Verdict", state, " ".join([heads[state], *notes]), None, head=heads[state], notes=notes)


def _sentence(words):
    return words and f"{words[0].upper()}{words[1:]}."


def small(value, limits, form=""):
    """Return (state, the number that would change it, in words) of a number that should be small."""
    good, doubtful = (f"{limit:{form}}" for limit in limits)
    if value <= limits[0]:
        return GOOD, f"doubtful above {good}"
    return (DOUBTFUL, f"good up to {good}") if value <= limits[1] else (FAILED, f"doubtful up to {doubtful}")


def large(value, limits, form=""):
    """Return (state, the number that would change it, in words) of a number that should be large."""
    good, doubtful = (f"{limit:{form}}" for limit in limits)
    if value >= limits[0]:
        return GOOD, f"doubtful below {good}"
    return (DOUBTFUL, f"good from {good} on") if value >= limits[1] else (FAILED, f"doubtful from {doubtful} on")


def control_ratio(target):
    """Return the scatter of a views.TargetView over the median of its errors, None where it cannot be told.

    The errors are those by which repeated measurements scatter; 1 is what a constant star has.
    """
    errors = [row.data.err_repeat for row in target.accepted if known(row.data.err_repeat)]
    typical = statistics.median(errors) if errors else 0
    return target.scatter / typical if typical > 0 and target.scatter is not None else None


def flux_fraction(radius_px, fwhm_px):
    """Return the fraction of a Gaussian's flux within a radius."""
    return 1 - math.exp(-GAUSSIAN * (radius_px / fwhm_px) ** 2)


def radius_holding(fraction, fwhm_px):
    """Return the radius (px) that holds a fraction of a Gaussian's flux."""
    return fwhm_px * math.sqrt(-math.log(1 - fraction) / GAUSSIAN)


def _registration(view, record, limits):
    if record.skipped:
        return [Measure("skipped (-keep_wcs), positions rest on the coordinates that the frames came with")]
    frames = record.frames
    done = [frame for frame in frames if frame.registered]
    advice = "leave these frames out, or see docs/registration.md"
    if not done:
        words = f"none of {len(frames)} frames registered" if frames else "no frame registered"
        return [Measure(words, FAILED, advice="see docs/registration.md")]
    share = len(done) / len(frames)
    state, change = large(share, limits.registered, ".0%")
    complete = len(done) == len(frames)
    measures = [Measure(f"{len(done)} of {len(frames)} frames registered", state, change, "" if complete else advice)]
    scatter = [max(number(frame.sigma_ra_arcsec), number(frame.sigma_dec_arcsec)) for frame in done]
    scatter = [value for value in scatter if math.isfinite(value)]
    if scatter:
        typical = statistics.median(scatter)
        state, change = small(typical, limits.astrometry_arcsec, ".2g")
        advice = "" if state == GOOD else "check the pixel scale, or give -register_catalog another catalogue"
        measures.append(Measure(f'scatter {typical:.3f}" against the catalogue', state, change, advice))
    return measures


def _aperture(view, record, limits):
    if not known(record.aprad_px):
        return [Measure(f"{record.method or 'unknown'} photometry, no fixed radius"), *_gain(record)]
    radius_px = number(record.aprad_px)
    basis = [Measure(f"radius {radius_px:.2f} px, {record.basis}"), *_gain(record)]
    chosen_blindly = record.curve and not record.curve.target and known(record.n_background)
    lead = view.lead
    if chosen_blindly and (lead is None or (lead.accepted and lead.moving)):  # stars are like others
        advice = "compare with a run with -aprad of your own choice"
        basis[0] = Measure(f"radius {radius_px:.2f} px, chosen without the target", DOUBTFUL, advice=advice)
    widths = {frame.name: number(frame.fwhm_px) for frame in record.frames if number(frame.fwhm_px) > 0}
    if not widths:
        return basis
    worst = max(widths, key=widths.get)
    held = flux_fraction(radius_px, widths[worst])
    state, change = large(held, limits.flux_fraction, ".0%")
    words = f"holds {held:.0%} of a star's light in the worst seeing, FWHM {widths[worst]:.1f} px"
    advice = ""
    if held < WELL_HELD:
        wider = f"-aprad {radius_holding(WELL_HELD, widths[worst]):.1f} holds {WELL_HELD:.0%}"
        harmless, better = "harmless, all stars lose the same share; ", f", or leave out {worst}"
        advice = f"{harmless}{wider}" if state == GOOD else f"{wider}{better}"
    return [Measure(words, state, change, advice, f"aperture holds {held:.0%} in the worst seeing"), *basis]


def _gain(record):
    """Return the Measure of errors that lack the photon noise of the sources, none where the gain is known."""
    if record.gain_known is not False:
        return []
    advice = "give the gain with -set gain=..., or in the definition of the camera"
    return [Measure("no gain is known: errors of bright sources lack their photon noise", DOUBTFUL, advice=advice)]


def _calibration(view, record, limits):
    frames = record.frames
    if record.mode == "instrumental":
        reasons = list(dict.fromkeys(str(frame.reason) for frame in frames if frame.reason))
        return [Measure("; ".join(["instrumental magnitudes", *reasons]), FAILED if reasons else OPEN)]
    solved = [frame for frame in frames if known(frame.zp_mag)]
    if record.mode == "manual":
        return [Measure("zeropoint set by hand")]
    if not solved:
        advice = "another catalogue or band, see docs/calibration.md"
        return [Measure(f"no zeropoint for any of {len(frames)} frames", FAILED, advice=advice)]
    zeropoints = [frame.zp_mag for frame in solved]
    measures = [Measure(record.band_doubt, DOUBTFUL, short=record.band_doubt)] if record.band_doubt else []
    scatter = [frame.zp_sig_mag for frame in solved if known(frame.zp_sig_mag)]
    if scatter:
        typical = statistics.median(scatter)
        words = f"stars scatter by {typical:.3f} mag around the zeropoint ({statistics.fmean(zeropoints):.3f} mag)"
        state, change = small(typical, limits.zp_sig_mag, "g")
        advice = "" if state == GOOD else "try -colorterm, or another catalogue"
        measures.append(Measure(words, state, change, advice))
    if len(solved) > 1:
        measures.append(_clouds({frame.name: frame.zp_mag for frame in solved}, limits))
    share, (state, change) = len(solved) / len(frames), large(len(solved) / len(frames), limits.calibrated, ".0%")
    advice = "" if share == 1 else "frames without a zeropoint are not in the light curve"
    return [*measures, Measure(f"{len(solved)} of {len(frames)} frames calibrated", state, change, advice)]


def _clouds(zeropoints, limits):
    """Return the Measure of the range of zeropoints {frame: mag}."""
    clear, spread = max(zeropoints.values()), max(zeropoints.values()) - min(zeropoints.values())
    state, change = small(spread, limits.zp_range_mag, "g")
    advice = "harmless, all stars lose the same" if spread > CLEAR_MAG else ""
    if state != GOOD:
        thick = sorted((zp, name) for name, zp in zeropoints.items() if clear - zp > limits.zp_range_mag[0])
        names = ", ".join(name for _, name in thick[:MOST_NAMED])
        more = f" and {len(thick) - MOST_NAMED} more" if len(thick) > MOST_NAMED else ""
        advice = f"leave out {names}{more}, with zeropoints below {clear - limits.zp_range_mag[0]:.2f} mag"
    words = f"zeropoint varies by {spread:.3f} mag over the frames"
    return Measure(words, state, change, advice, f"clouds of {spread:.1f} mag")


def _target(view, record, limits):
    asked = [target for target in view.targets if target.data.kind != "control"]
    if not asked:
        advice = "name a body with -target, or a star with pp_distill -fixedtargets"
        return [Measure("no target found", FAILED, advice=advice)]
    rows = [row for target in asked for row in target.listed]
    if not any(row.accepted or row.by_hand for row in rows) and any(target.limits for target in asked):
        return [_undetected(asked), *_checks(view, record, limits)]
    if not rows:
        return [Measure(f"{asked[0].name} is in none of the frames", FAILED, advice="see the table of the target")]
    by_hand, accepted = sum(row.by_hand for row in rows), sum(row.accepted for row in rows)
    name = asked[0].name if len(asked) == 1 else f"{len(asked)} targets"
    words = f"{name}: {accepted} of {len(rows)} rows accepted"
    words += f", {by_hand} taken out by hand" if by_hand else ""
    state, change = large(accepted / max(len(rows) - by_hand, 1), limits.accepted, ".0%")
    advice = "" if state == GOOD else "see why rows were rejected, in the table of the target"
    measures = [Measure(words, state, change, advice)]
    typical = asked[0].typical_err
    if typical is not None:
        state, change = small(typical, limits.precision_mag, "g")
        advice = "" if state == GOOD else "stack frames with pp_stackedphotometry"
        measures.append(Measure(f"a point is uncertain by {typical:.3f} mag", state, change, advice))
    missed = max(len(target.missed) for target in asked)
    if missed:
        measures.append(Measure(f"not detected in {missed} {'frame' if missed == 1 else 'frames'}"))
    outside = max(len(target.outside) for target in asked)
    if outside:
        measures.append(Measure(f"outside of {outside} {'frame' if outside == 1 else 'frames'}"))
    return measures + _times(rows, limits) + _two_methods(asked[0], limits) + _checks(view, record, limits)


def _times(rows, limits):
    """Return the Measure of how well the times of accepted rows are known, none where nothing is in doubt."""
    in_doubt = [row.data.time_err_s for row in rows if row.accepted and number(row.data.time_err_s) > 0]
    if not in_doubt:
        return []
    n, n_all = len(in_doubt), sum(row.accepted for row in rows)
    state, change = small(max(in_doubt), limits.time_err_s, "g")
    words = f"mid-times of {n} of {n_all} frames may be off by up to {times.spoken_s(max(in_doubt))}"
    advice = (
        ""
        if state == GOOD
        else "PPDOUBT in their headers says why; correct that, or set header.zone_h of the telescope"
    )
    return [Measure(words, state, change, advice, words)]


def _checks(view, record, limits):
    """Return the Measures of artificial targets and of the control star."""
    stars = [target for target in view.targets if target.data.kind == "control"]
    return _injected(record, limits) + [measure for star in stars for measure in _control(star, limits)]


def _undetected(asked):
    """Return the Measure of targets that were found on no frame, some of which have limits."""
    limits = [row.data.mag_limit for target in asked for row in target.limits]
    typical, n_frames = statistics.median(limits), max(len(target.unseen) for target in asked)
    limit = f"it is fainter than {typical:.1f} mag (3 σ, typical frame)"
    words = f"{asked[0].name} was detected on none of {n_frames} frames, {limit}"
    if n_frames == 1:
        return Measure(words, LIMIT)
    deeper = typical + 1.25 * math.log10(n_frames)  # noise falls with the root of the number
    moving = " -comoving" if asked[0].data.kind in ("primary", "asteroid") else ""
    return Measure(words, LIMIT, advice=f"a stack goes down to {deeper:.1f} mag: pp_stackedphotometry{moving}")


def _two_methods(target, limits):
    """Return the Measure of the difference between the magnitudes by aperture and by PSF, none where one is lacking."""
    rows = [row.data for row in target.accepted if row.data.method == "APER" and known(row.data.mag_psf)]
    if not rows:
        return []
    off = statistics.median(row.mag - row.mag_psf for row in rows)
    noise = 1.25 * math.hypot(*(number(row.err_mag_psf) for row in rows)) / len(rows)
    beyond = math.sqrt(max((abs(off) - noise) * (abs(off) + noise), 0.0))
    state, change = small(beyond, limits.psf_difference_mag, "g")
    advice = "" if state == GOOD else "look for neighbours, and at the stars of the profile, in LOG"
    return [Measure(f"aperture and PSF differ by {off:+z.3f} mag", state, change, advice)]


def _injected(record, limits):
    """Return the Measures of the artificial targets that are as bright as the first target."""
    measures = []
    for each in record.injections[:1]:
        level = each.levels[0]
        beyond = max(abs(level.bias_mag) - 2 * level.bias_err_mag, 0.0)
        state, change = small(beyond, limits.injected_bias_mag, "g")
        words = f"artificial targets come out {level.bias_mag:+z.4f} ± {level.bias_err_mag:.4f} mag off"
        advice = "light is lost, or that of others is in: see the table of artificial targets"
        measures.append(Measure(words, state, change, "" if state == GOOD else advice))
        ratio = widened(level.within_2)
        state, change = small(ratio, limits.injected_ratio, "g")
        words = f"artificial targets scatter {ratio:.1f} times their errors"
        measures.append(Measure(words, state, change, "" if state == GOOD else "errors are too small here"))
    return measures


def widened(within_2):
    """Return how many times wider than errors say a normal distribution is of which that share is within 2 of them.

    Unlike the rms it does not rest on the one artificial target in fifty that came to lie on a bright star.
    """
    return float(2 / ndtri((1 + number(within_2)) / 2))


def _control(target, limits):
    """Return the Measures of the control star: how it scatters, and compared with its errors."""
    measures, ratio = [], control_ratio(target)
    advice = f"a constant star varies: look at {target.name} and at the zeropoints before you believe the target"
    if target.scatter is not None:
        state, change = small(target.scatter, limits.control_scatter_mag, "g")
        words = f"{target.name}, bright and constant, scatters by {target.scatter:.3f} mag"
        measures.append(Measure(words, state, change, "" if state == GOOD else advice))
    if ratio is not None:
        state, change = small(ratio, limits.control_ratio, "g")
        words = f"{target.name} scatters {ratio:.1f} times its errors"
        measures.append(Measure(words, state, change, "" if state == GOOD else advice))
    return measures


def _anchor(view, step, shown):
    if view.records[step] is None:
        return step if step in dict(view.failures) else None
    first = view.targets[0].anchor if view.targets else None
    shows = {"photometry": "fwhm", "calibrate": "zeropoints", "distill": first}
    return f"plot-{shows[step]}" if shows.get(step) in shown else step
