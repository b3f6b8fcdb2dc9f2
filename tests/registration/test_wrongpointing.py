"""Data sets whose headers say the wrong place: pp_register finds them by their stars, and names the mistake."""

import json

import numpy as np
import pytest
from astropy.coordinates import FK4, SkyCoord
from astropy.io import fits

import sky
from photometrypipeline.frames.frame import read_header
from photometrypipeline.instruments import pointings
from photometrypipeline.registration import wrongpointing
from photometrypipeline.sky.sphere import separation_deg

COLUMNS = (
    'ra_deg = "ra_deg"\ndec_deg = "dec_deg"\nepoch_yr = 2015.5\nRmag = "R"\ne_Rmag = 0.05\n[systems]\nR = "Vega"\n'
)


def told(kind):
    """Return RA and DEC as headers of one mistake have them, for frames that look at the centre of sky.Night."""
    ra, dec = sky.Night.centre
    old = SkyCoord(ra, dec, unit="deg").transform_to(FK4(equinox="B1950"))
    return {
        "hours": (ra / 15, dec),
        "swapped": (dec, ra),
        "b1950": (sky.sexagesimal(old.ra.deg / 15), sky.sexagesimal(old.dec.deg, "+")),
    }[kind]


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("hours", "its RA is in hours, not in degrees"),
        ("swapped", "RA and Dec were swapped"),
        ("b1950", "it refers to the equinox B1950"),
    ],
)
def test_frames_are_registered_and_the_mistake_is_named(kind, says, tmp_path, run_command):
    ra, dec = told(kind)
    truth = sky.make_dataset(tmp_path, 2, header={"RA": ra, "DEC": dec, "EQUINOX": None}, asteroid=False, store=False)
    rows = [f"{star['ra_deg']:.7f},{star['dec_deg']:.7f},{star['R']:.3f}" for star in truth.stars]
    (tmp_path / "stars.csv").write_text("\n".join(["ra_deg,dec_deg,R", *rows, ""]))
    (tmp_path / "stars.columns.toml").write_text(COLUMNS)
    prepared = run_command("pp_prepare", *truth.files, cwd=tmp_path)
    assert prepared.returncode == 0
    done = run_command("pp_register", "-offline", "-cat", "stars.csv", *truth.files, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert says in prepared.stderr + done.stderr and "2 of 2" in prepared.stderr + done.stderr
    rows = json.loads((tmp_path / ".diagnostics" / "register.json").read_text())["frames"]
    assert all(row["registered"] for row in rows)
    for path, wcs in zip(truth.paths, truth.wcs, strict=True):
        header = read_header(path)
        place = wcs.all_pix2world([[header["CRPIX1"], header["CRPIX2"]]], 1)[0]
        assert separation_deg(header["CRVAL1"], header["CRVAL2"], *place) * 3600 < 0.1


def guess(ra, dec):
    return fits.Header([("CRVAL1", ra), ("CRVAL2", dec)])


def test_a_data_set_shares_its_mistake():
    guesses = {"a": guess(11.9, 6.2), "b": guess(12.0, 6.3)}
    found = {mistake.name: changed for mistake, changed in wrongpointing.alternatives(guesses)}
    assert {"ra_in_hours", "ra_in_degrees", "sign", "swapped"} <= set(found)
    np.testing.assert_allclose([found["ra_in_hours"][name]["CRVAL1"] for name in "ab"], [178.5, 180.0])
    assert guesses["a"]["CRVAL1"] == 11.9
    # one frame beyond 24 degrees cannot be in hours: then none is
    mixed = {mistake.name for mistake, _ in wrongpointing.alternatives({"a": guess(11.9, 6.2), "b": guess(24.5, 6.3)})}
    assert "ra_in_hours" not in mixed


def test_no_place_beyond_the_poles():
    for ra, dec in ((100.0, 80.0), (300.0, -10.0), (5.0, 89.0)):
        assert all(abs(mistake.dec_deg) <= 90 for mistake in pointings.gross_mistakes(ra, dec))
