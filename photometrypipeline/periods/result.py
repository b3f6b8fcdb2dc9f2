"""The result on disk: everything as JSON, the points as a table."""

import json

import numpy as np
from astropy.table import Table

from photometrypipeline.base.files import replacing, write_text
from photometrypipeline.reports.lightcurve import column

ZERO_PHASE_SLOPE = (0.02, 0.01)  # per deg, with one sigma: 0.015 for dark bodies to 0.03 for bright ones


def amplitude_at_zero(solution, phase_deg):
    """Return (amplitude at phase angle zero, error), mag; NaN where the phase angle is not known.

    After Zappala et al. (1990, A&A 231, 548): A(0) = A / (1 + m alpha), with m = 0.015 for C, 0.030 for S types.
    """
    slope, spread = ZERO_PHASE_SLOPE
    factor = 1 / (1 + slope * phase_deg)
    amplitude = solution.amplitude_mag * factor
    return float(amplitude), float(
        np.hypot(solution.amplitude_err_mag * factor, amplitude * factor * spread * phase_deg)
    )


def record(name, joined, solution, curves, known, text):
    """Return all that was found as plain data for JSON; a number that is not known is None."""
    zero = amplitude_at_zero(solution, joined.phase_mean_deg)
    data = {
        "target": name,
        "text": text,
        "verdict": solution.verdict,
        "period_h": solution.period_h,
        "period_err_h": solution.period_err_h,
        "longer_than_h": solution.longer_than_h,
        "amplitude_mag": solution.amplitude_mag,
        "amplitude_err_mag": solution.amplitude_err_mag,
        "amplitude_zero_phase_mag": zero[0],
        "amplitude_zero_phase_err_mag": zero[1],
        "harmonics": solution.order,
        "cross_validation": {str(order): score for order, score in solution.scores.items()},
        "coefficients_mag": solution.series.coefficients.tolist() if solution.series else [],
        "jd_zero": joined.jd_zero,
        "time": "JD, UTC, light-time corrected where distances are known",
        "rotations": solution.rotations,
        "coverage": solution.coverage,
        "error_scale": solution.scale,
        "error_inflation": solution.inflation,
        "log_odds_of_variation": solution.log_odds_of_variation,
        "periods_searched_h": (24 / solution.grid.frequency[[-1, 0]]).tolist(),
        "periods": _periods(solution),
        "warnings": solution.warnings,
        "outliers": int(solution.outlying.sum()),
        "second_period": _second(solution.second),
        "phase_curves": [_curve(each) for each in curves],
        "known": known,
        "sessions": [_session(*each) for each in zip(joined.sessions, offsets(joined, solution), strict=True)],
    }
    return _plain(data)


def offsets(joined, solution):
    """Return the offsets (mag, shape (n_sessions,)) of the sessions that were fitted; 0 without a fit."""
    if solution.series is None:
        return np.zeros(len(joined.sessions))
    first = len(joined.bands)
    return solution.series.offsets[first : first + len(joined.sessions)]


def corrections(joined, solution):
    """Return what was fitted beside the rotation for each point, mag, shape (n,)."""
    return joined.points.nuisance @ solution.series.offsets if solution.series else np.zeros(len(joined.points))


def write_json(path, data):
    """Write the record."""
    write_text(path, json.dumps(data, indent=1, ensure_ascii=False) + "\n")


def table(name, joined, solution):
    """Return the Table of all points, each with its session, rotation phase, model and residual."""
    points, series = joined.points, solution.series
    phase = np.mod(points.t_d * series.frequency, 1) if series else np.full(len(points), np.nan)
    fitted = corrections(joined, solution)
    model = series.at(phase) if series else np.zeros(len(points))
    keys = [each.key for each in joined.sessions]
    sessions = joined.sessions

    def every(attribute):
        return np.concatenate([np.asarray(getattr(each, attribute)) for each in sessions])

    columns = (
        ("session", [keys[number] for number in points.session], "", "name of the session", None),
        ("band", [joined.bands[number] for number in points.band], "", "photometric band", None),
        ("jd", every("jd"), "d", "middle of the exposure, UTC", 8),
        ("jd_light", points.t_d + joined.jd_zero, "d", "the same minus the light time", 8),
        ("mag", every("mag"), "mag", "as observed", 4),
        ("err_mag", points.err, "mag", "by which repeated measurements scatter", 4),
        ("reduced_mag", joined.mag, "mag", "as at 1 au from Sun and observer, shifts by hand applied", 4),
        ("phase_deg", points.phase_deg, "deg", "phase angle", 4),
        ("rotation_phase", phase, "", "phase of the rotation, 0 to 1", 6),
        ("rotation_mag", points.mag - fitted, "mag", "freed of phase angle, band and session: the rotation alone", 4),
        ("model_mag", model, "mag", "Fourier series", 4),
        ("residual_mag", points.mag - fitted - model, "mag", "measured minus model", 4),
        ("outlying", solution.outlying.tolist(), "", "whether the point is far out and does not count", None),
    )
    found = Table({each: column(list(values), unit, text, digits) for each, values, unit, text, digits in columns})
    found.meta |= {"target": name, "period_h": solution.period_h, "jd_zero": joined.jd_zero}
    return found


def write_table(path, found):
    """Write the table as ECSV in full precision."""
    found = found.copy()
    for each in found.columns.values():
        each.info.format = None
    with replacing(path) as temporary:
        found.write(temporary, format="ascii.ecsv", delimiter=",", overwrite=True)


def _periods(solution):
    """Return the candidates (list of dicts); the first is what was fitted in the end, with the order chosen for it."""
    rows = [_candidate(*each) for each in zip(solution.candidates, solution.probability, strict=True)]
    if solution.period_h is not None and rows:
        rows[0] |= {"period_h": solution.period_h, "amplitude_mag": solution.amplitude_mag}
    return rows


def _candidate(each, probability):
    return {
        "period_h": each.period_h,
        "shortest_h": 24 / each.high,
        "longest_h": 24 / each.low,
        "odds": each.odds,
        "probability": float(probability),
        "log_evidence": each.log_evidence,
        "maxima": each.n_maxima,
        "amplitude_mag": each.amplitude_mag,
        "reason": each.reason,
    }


def _second(second):
    if second is None:
        return None
    names = ("period_h", "amplitude_mag", "significant", "level")
    return {name: getattr(second, name) for name in names} | {"power": float(second.power.max())}


def _curve(each):
    values = {name: {"value": value, "sigma": sigma} for name, (value, sigma) in each.values.items()}
    return {"model": each.model, "band": each.band, "slope_assumed": each.fixed, "chi2": each.chi2, **values}


def _session(each, offset):
    middle = float(np.median(each.phase_deg))
    return {
        "session": each.key,
        "source": each.source,
        "points": len(each),
        "jd_first": float(each.jd[0]),
        "jd_last": float(each.jd[-1]),
        "phase_deg": middle,
        "err_mag": float(np.median(each.err)),
        "err_common_mag": each.err_common,
        "shift_mag": each.shift_mag,
        "offset_mag": float(offset),
        "at_unit_distance": each.at_unit_distance,
    }


def _plain(value):
    """Return data with plain numbers, None for those that are not finite."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
