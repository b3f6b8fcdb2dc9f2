"""The result in words: a paragraph for a paper, numbers with as many digits as their errors bear."""

import numpy as np

from photometrypipeline.periods import result

MOST_ALIASES = 4


def with_error(value, error, unit=""):
    """Return `7.3002 ± 0.0011 h`: both with two digits of the error; without one, four digits of the value."""
    if not np.isfinite(error) or error <= 0:
        return f"{value:.4g} {unit}".strip()
    digits = int(np.clip(1 - np.floor(np.log10(error)), 0, 8))
    return f"{value:.{digits}f} ± {error:.{digits}f} {unit}".strip()


def paragraph(name, joined, solution, curves):
    """Return the paragraph (str) on the body `name`."""
    parts = [_data(name, joined)]
    if solution.period_h:
        parts += [_period(joined, solution), *_aliases(solution)]
    else:
        parts.append(_sentence(solution.verdict.partition(": ")[2]))
    parts += [_phase_curve(each) for each in curves if not each.fixed]
    if n := int(solution.outlying.sum()):
        parts.append(f"{n} outlying point{' was' if n == 1 else 's were'} left out.")
    parts += [_sentence(f"note that {each}") for each in solution.warnings]
    return " ".join(parts)


def _sentence(text):
    return text[:1].upper() + text[1:] + "."


def _data(name, joined):
    points, sessions = joined.points, joined.sessions
    text = f"{name} was measured {len(points)} times in {len(sessions)} session{'s' if len(sessions) > 1 else ''}"
    first, last = sessions[0].key[:10], max(each.key[:10] for each in sessions)
    text += f" from {first} to {last}" if last > first else f" on {first}"
    text += f" ({', '.join(joined.bands)})"
    if np.isfinite(points.phase_deg).all():
        low, high = joined.phase_range_deg
        text += f", at phase angles of {low:.1f}°" + (f" to {high:.1f}°" if high - low > 0.05 else "")
    return text + "."


def _period(joined, solution):
    text = f"The synodic period of rotation is {with_error(solution.period_h, solution.period_err_h, 'h')}"
    text += f", the amplitude {with_error(solution.amplitude_mag, solution.amplitude_err_mag, 'mag')}"
    zero, error = result.amplitude_at_zero(solution, joined.phase_mean_deg)
    if np.isfinite(zero):
        text += f", about {zero:.2f} ± {error:.2f} mag at zero phase"
    n = solution.order
    text += f" (Fourier series of {n} harmonics; {solution.rotations:.1f} rotations spanned"
    return text + f", {100 * solution.coverage:.0f} % of the rotation covered)."


def _aliases(solution):
    others = solution.candidates[1:]
    if not others:
        return ["No other period is possible."]
    listed = [f"{each.period_h:.4g} h ({each.reason}, odds {_odds(each.odds)})" for each in others[:MOST_ALIASES]]
    more = len(others) - len(listed)
    return [f"Not excluded by the data: {', '.join(listed)}{f' and {more} more' if more else ''}."]


def _odds(odds):
    """Return odds against the best period as `1:20`."""
    if odds < 1e-4:
        return "below 1:10000"
    return f"1:{1 / odds:.0f}" if odds < 0.5 else f"1:{1 / odds:.1f}"


def _phase_curve(curve):
    values = ", ".join(f"{name} = {with_error(*value)}" for name, value in curve.values.items())
    return f"The phase curve {curve.model} in {curve.band} has {values}."
