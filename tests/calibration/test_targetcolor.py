"""The colours of asteroids, and how much stars count for their sake."""

import numpy as np
import pytest

from photometrypipeline.base.errors import UsageError
from photometrypipeline.calibration import targetcolor


def test_asteroids_on_average_and_by_class():
    assert targetcolor.of(None, "g-r").value == 0.55
    assert targetcolor.of(None, "g-r").err == 0.10
    assert targetcolor.of("C", "g-r").value < targetcolor.of("S", "g-r").value
    assert targetcolor.of("s-type", "g-r") == targetcolor.of("S", "g-r")
    assert targetcolor.of(targetcolor.wished("0.7"), "B-V") == targetcolor.TargetColor("B-V", 0.7, 0.02, "given")
    assert targetcolor.of(0.44, "B-V", given_in="g-r").value == pytest.approx(0.653, abs=0.001)  # the Sun's
    assert targetcolor.of(0.55, "V-R", "g-r").value == targetcolor.of(None, "V-R").value


@pytest.mark.parametrize(
    ("name", "kind", "observed"),
    [  # Bowell & Lumme 1979, in Asteroids; Dandy et al. 2003, Icarus 163, 363; Galluccio et al. 2023, A&A 674, A35
        ("B-V", "C", 0.70),
        ("B-V", "S", 0.84),
        ("V-R", "C", 0.38),
        ("V-R", "S", 0.49),
        ("BP-RP", None, 1.00),
    ],
)
def test_other_colours_are_those_that_were_observed(name, kind, observed):
    assert targetcolor.of(kind, name).value == pytest.approx(observed, abs=0.05)


def test_mistakes_are_explained():
    with pytest.raises(UsageError, match="neither a number nor a taxonomic class.*Xk"):
        targetcolor.wished("Z")
    with pytest.raises(UsageError, match="gsm-foo.*-target_color"):
        targetcolor.of(None, "gsm-foo")
    assert targetcolor.of(0.3, "gsm-foo").value == 0.3


def test_stars_like_the_target_count_most():
    target = targetcolor.of(None, "g-r")
    color = np.concatenate([np.linspace(0.3, 0.8, 40), np.full(40, 1.4), [np.nan]])
    weight, width = targetcolor.likeness(color, target)
    assert width == 0.35
    assert weight[:40].min() > 0.7 and weight[40:80].max() < 0.06
    assert 0 < weight[80] < 1
    few, wider = targetcolor.likeness(np.full(12, 1.0), target)
    assert few.sum() >= 0.7 * 12 and wider > width
    assert targetcolor.likeness(np.full(3, np.nan), target)[0].tolist() == [1, 1, 1]
