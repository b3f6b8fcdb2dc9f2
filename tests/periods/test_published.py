"""Published light curves with known periods, where somebody has put copies: files of alcdef.org below a folder.

PP_ALCDEF names the folder; else ../shared/data/alcdef next to the checkout.
"""

import os
from pathlib import Path

import pytest

from photometrypipeline.periods import alcdeffile, sessions, solution

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("PP_ALCDEF", ROOT.parent / "shared" / "data" / "alcdef"))
PERIODS_H = {"ALCDEF_999_Zachia*.txt": 22.77, "ALCDEF_1_Ceres*": 9.0742}  # the Asteroid Lightcurve Data Base


@pytest.mark.parametrize(("pattern", "period_h"), PERIODS_H.items())
def test_the_published_period_is_found(pattern, period_h):
    paths = sorted(FOLDER.glob(pattern))
    if not paths:
        pytest.skip(f"{FOLDER / pattern} is not there")
    joined = sessions.join(sessions.named_apart(alcdeffile.read(paths[0])))
    found = solution.solve(joined.points, paths[0].stem)
    assert found.period_h == pytest.approx(period_h, rel=0.005)
    assert abs(found.period_h - period_h) < 3 * found.period_err_h
