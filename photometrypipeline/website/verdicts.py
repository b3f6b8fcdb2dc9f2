"""Whether to trust a run: one verdict each for registration, aperture, calibration and target.

A verdict rests on a few measures, each compared with two thresholds of pp_setup.confverdict: (good, doubtful).  The
worst measure decides, and gives the number that the verdict is judged by.
"""

import math
import statistics
from dataclasses import dataclass

from photometrypipeline.frames.records import known, number

GOOD, DOUBTFUL, FAILED, OPEN = "good", "doubtful", "failed", "not judged"
ORDER = (OPEN, GOOD, DOUBTFUL, FAILED)  # of equals, or with nothing judged, the first counts
STEP_OF = {"Registration": "register", "Aperture": "photometry", "Calibration": "calibrate", "Target": "distill"}
GAUSSIAN = 4 * math.log(2)  # flux of a Gaussian within r: 1 - exp(-4 ln2 (r / FWHM)^2)


@dataclass(frozen=True)
class Measure:
    """One number that a verdict may rest on, in words, and what it means."""

    words: str
    state: str = OPEN


@dataclass(frozen=True)
class Verdict:
    """One line for the head of the page; `anchor` marks the plot that shows it, or the section, if any."""

    name: str
    state: str
    words: str
    anchor: str | None


def judge(view, limits, plots=()):
    """Return the four Verdicts (list) on a views.Overview; `limits` as pp_setup.confverdict, `plots` are names."""
    tellers = (_registration, _aperture, _calibration, _target)
    noted = dict(view.failures)
    found = []
    for (name, step), tell in zip(STEP_OF.items(), tellers, strict=True):
        record = view.records[step]
        if step in noted:
            measures = [Measure(f"pp_{step} failed: {noted[step]}", FAILED)]
        elif record is None:
            measures = [Measure(f"pp_{step} has not been run")]
        else:
            measures = [measure for measure in tell(view, record, limits) if measure]
        worst = max(measures, key=lambda measure: ORDER.index(measure.state))
        rest = [measure.words for measure in measures if measure is not worst]
        found.append(Verdict(name, worst.state, "; ".join([worst.words, *rest]), _anchor(view, step, plots)))
    return found


def small(value, limits):
    """Return the state of a number that should be small."""
    return GOOD if value <= limits[0] else DOUBTFUL if value <= limits[1] else FAILED


def large(value, limits):
    """Return the state of a number that should be large."""
    return GOOD if value >= limits[0] else DOUBTFUL if value >= limits[1] else FAILED


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


def _registration(view, record, limits):
    if record.skipped:
        return [Measure("skipped (-keep_wcs), positions rest on the coordinates that the frames came with")]
    frames = record.frames
    done = [frame for frame in frames if frame.registered]
    if not done:
        return [Measure(f"none of {len(frames)} frames registered" if frames else "no frame registered", FAILED)]
    share = len(done) / len(frames)
    measures = [Measure(f"{len(done)} of {len(frames)} frames registered", large(share, limits.registered))]
    scatter = [max(number(frame.sigma_ra_arcsec), number(frame.sigma_dec_arcsec)) for frame in done]
    scatter = [value for value in scatter if math.isfinite(value)]
    if scatter:
        typical = statistics.median(scatter)
        state = small(typical, limits.astrometry_arcsec)
        measures.append(Measure(f'scatter {typical:.3f}" against the catalogue', state))
    return measures


def _aperture(view, record, limits):
    if not known(record.aprad_px):
        return [Measure(f"{record.method or 'unknown'} photometry, no fixed radius")]
    radius_px = number(record.aprad_px)
    basis = [Measure(f"radius {radius_px:.2f} px, {record.basis}")]
    if record.curve and not record.curve.target and known(record.n_background):
        basis = [Measure(f"radius {radius_px:.2f} px, chosen without the target", DOUBTFUL)]
    widths = [number(frame.fwhm_px) for frame in record.frames if number(frame.fwhm_px) > 0]
    if not widths:
        return basis
    held = flux_fraction(radius_px, max(widths))
    words = f"holds {held:.0%} of a star's light in the worst seeing (FWHM {max(widths):.1f} px)"
    return [Measure(words, large(held, limits.flux_fraction)), *basis]


def _calibration(view, record, limits):
    frames = record.frames
    if record.mode == "instrumental":
        reasons = list(dict.fromkeys(str(frame.reason) for frame in frames if frame.reason))
        return [Measure("; ".join(["instrumental magnitudes", *reasons]), FAILED if reasons else OPEN)]
    solved = [frame for frame in frames if known(frame.zp_mag)]
    if record.mode == "manual":
        return [Measure("zeropoint set by hand")]
    if not solved:
        return [Measure(f"no zeropoint for any of {len(frames)} frames", FAILED)]
    zeropoints = [frame.zp_mag for frame in solved]
    measures = []
    scatter = [frame.zp_sig_mag for frame in solved if known(frame.zp_sig_mag)]
    if scatter:
        typical = statistics.median(scatter)
        words = f"stars scatter by {typical:.3f} mag around the zeropoint ({statistics.fmean(zeropoints):.3f} mag)"
        measures.append(Measure(words, small(typical, limits.zp_sig_mag)))
    spread = max(zeropoints) - min(zeropoints)
    if len(solved) > 1:
        state = small(spread, limits.zp_range_mag)
        measures.append(Measure(f"zeropoint varies by {spread:.3f} mag over the frames", state))
    share = len(solved) / len(frames)
    return [*measures, Measure(f"{len(solved)} of {len(frames)} frames calibrated", large(share, limits.calibrated))]


def _target(view, record, limits):
    asked = [target for target in view.targets if target.data.kind != "control"]
    if not asked:
        return [Measure("no target found", FAILED)]
    rows = [row for target in asked for row in target.rows]
    by_hand, accepted = sum(row.by_hand for row in rows), sum(row.accepted for row in rows)
    name = asked[0].name if len(asked) == 1 else f"{len(asked)} targets"
    words = f"{name}: {accepted} of {len(rows)} rows accepted"
    words += f", {by_hand} taken out by hand" if by_hand else ""
    measures = [Measure(words, large(accepted / max(len(rows) - by_hand, 1), limits.accepted))]
    for target in view.targets:
        ratio = control_ratio(target) if target.data.kind == "control" else None
        if ratio is not None:
            state = small(ratio, limits.control_ratio)
            measures.append(Measure(f"{target.name} scatters {ratio:.1f} times its errors", state))
    return measures


def _anchor(view, step, plots):
    if view.records[step] is None:
        return step if step in dict(view.failures) else None
    first = view.targets[0].anchor if view.targets else None
    shows = {"photometry": "fwhm", "calibrate": "zeropoints", "distill": first}
    return f"plot-{shows[step]}" if shows.get(step) in plots else step
