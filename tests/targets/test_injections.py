"""What artificial targets are held against: photons, neighbours, and what rows claim beyond them."""

from types import SimpleNamespace

import numpy as np
import pytest

from photometrypipeline.targets import injections

PHOTONS, BEYOND = 0.002, 0.008  # mag
NUMBER, FRAMES = 40, 6


def job_of(off):
    """Return (Job, what its copies gave) of copies that are `off` (mag), shape (frames, copies)."""
    track = SimpleNamespace(target=SimpleNamespace(name="HAT-P-32"))
    job = injections.Job(track, np.zeros((NUMBER, 2)), dict.fromkeys(range(FRAMES), -9.4))
    one = [(each, np.full(NUMBER, PHOTONS), np.full(NUMBER, 500.0)) for each in off]
    return job, {number: ([part, part], -3.0) for number, part in enumerate(one)}


@pytest.mark.parametrize(("claimed", "ratio"), [(BEYOND, 1.0), (0.0, np.hypot(PHOTONS, BEYOND) / PHOTONS)])
def test_copies_are_held_against_all_that_rows_claim(claimed, ratio):
    rng = np.random.default_rng(8)
    job, measured = job_of(rng.normal(0, np.hypot(PHOTONS, BEYOND), (FRAMES, NUMBER)))
    found = injections.summary(job, measured, dict.fromkeys(range(FRAMES), 20.7), dict.fromkeys(range(FRAMES), claimed))
    level = found.levels[0]
    assert level.scatter == pytest.approx(ratio, rel=4 / np.sqrt(2 * FRAMES * NUMBER))
    assert level.mag == pytest.approx(11.3) and level.n == FRAMES * NUMBER
    assert (level.within_2 > 0.9) == (claimed > 0)
