"""Headers with anything in them: pp_prepare names the frame or reads it, never hangs, and does its neighbour.

PP_MUTATIONS=1000 tries as many of each camera instead of the few dozen that a run of the tests has the time for.
"""

import os
from pathlib import Path

import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

import damage
import pp_prepare

IN_ONE_RUN = 10  # frames with broken headers, next to one that is whole
HEADERS = int(os.environ.get("PP_MUTATIONS", 40))  # of each camera


@pytest.mark.parametrize("camera", ["known", "unknown"])
def test_any_header_is_read_or_named_and_the_neighbour_is_done(camera, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    good = damage.cards_of(damage.CAMERAS[camera])
    bad = [f"bad{k}.fits" for k in range(IN_ONE_RUN)]

    @seed(9)
    @settings(
        max_examples=-(-HEADERS // IN_ONE_RUN),
        deadline=20_000 * IN_ONE_RUN,
        derandomize=False,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.randoms(use_true_random=False))
    def prepared(rng):
        Path("LOG").unlink(missing_ok=True)
        for name in bad:
            damage.write_frame(name, damage.mutated(good, rng))
        damage.write_frame("good.fits", good)
        status = pp_prepare.main(["-jobs", "1", "-offline", *bad, "good.fits"])
        told = "".join(capsys.readouterr()) + Path("LOG").read_text()
        assert status in (0, 3)
        assert "internal error" not in told and "Traceback" not in told
        assert "MIDTIMJD" in fits.getheader("good.fits")
        for name in bad:
            assert _is_prepared(name) or f"{name}: " in told

    prepared()


def _is_prepared(name):
    """Return whether pp_prepare has written the header of a frame; one that no reader opens is not."""
    return b"TELINSTR=" in Path(name).read_bytes()
