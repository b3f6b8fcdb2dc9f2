"""Headers with anything in them: pp_prepare names the frame or reads it, never hangs, and does its neighbour."""

from pathlib import Path

import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

import damage
import pp_prepare

EXAMPLES = 25  # of each kind; `make torture` tries thousands


@pytest.mark.parametrize("camera", ["known", "unknown"])
def test_any_header_is_read_or_named_and_the_neighbour_is_done(camera, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    good = damage.cards_of(damage.CAMERAS[camera])

    @seed(9)
    @settings(
        max_examples=EXAMPLES,
        deadline=20_000,
        derandomize=False,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.randoms(use_true_random=False))
    def prepared(rng):
        Path("LOG").unlink(missing_ok=True)
        damage.write_frame("bad.fits", damage.mutated(good, rng))
        damage.write_frame("good.fits", good)
        status = pp_prepare.main(["-jobs", "1", "-offline", "bad.fits", "good.fits"])
        told = "".join(capsys.readouterr()) + Path("LOG").read_text()
        assert status in (0, 3)
        assert "internal error" not in told and "Traceback" not in told
        assert "MIDTIMJD" in fits.getheader("good.fits")
        assert status == 0 or "bad.fits: " in told

    prepared()
