"""Bodies below the limit of single frames: frames without stars, shifted and added."""

from types import SimpleNamespace

import numpy as np
import pytest
from astropy.table import Table
from astropy.wcs import WCS

from photometrypipeline.base.errors import PipelineError
from photometrypipeline.census import brightness, shiftadd, starless, tracks
from photometrypipeline.targets.targets import Target

JD, ZEROPOINT, NOISE, FWHM = 2460000.7, 25.0, 10.0, 3.0
BOX = ((-1.0, 1.0), (-1.0, 1.0))
SIZE = 160


def spot(x, y):
    """Return the light of a source of flux 1, shape (SIZE, SIZE)."""
    offset = np.arange(SIZE)
    width = 2 * (FWHM / 2.355) ** 2
    light = np.exp(-((offset[:, None] - y) ** 2) / width) * np.exp(-((offset[None] - x) ** 2) / width)
    return light / (np.pi * width)


def frames(rng, bodies=(), n_frames=10, spike=False):
    """Return a list of what census.starless takes for targets.Measured; bodies are (x, y, rate px/min, flux)."""
    stars = [(*rng.uniform(10, SIZE - 10, 2), 10 ** rng.uniform(3.5, 4.5)) for _ in range(15)]
    found = []
    for k in range(n_frames):
        minutes = (k - (n_frames - 1) / 2) * 3.0
        image = rng.normal(100, NOISE, (SIZE, SIZE))
        for x, y, flux in stars:
            image += flux * spot(x, y)
        for x, y, rate, flux in bodies:
            image += flux * spot(x + rate[0] * minutes, y + rate[1] * minutes)
        if spike and k == 2:
            image[80:82, 60:62] += 5000  # a cosmic ray
        x, y, flux = np.array(stars).T
        columns = {"XWIN_IMAGE": x + 1, "YWIN_IMAGE": y + 1, "FLUX_APER": flux, "FLUXERR_APER": flux / 100}
        columns |= {"FWHM_IMAGE": np.full(15, FWHM), "FLAGS": np.zeros(15, dtype=int)}
        wcs = WCS(naxis=2)
        wcs.wcs.ctype, wcs.wcs.crpix, wcs.wcs.crval = ["RA---TAN", "DEC--TAN"], [80.5, 80.5], [150.0, 2.0]
        wcs.wcs.cdelt = [-1 / 3600, 1 / 3600]
        frame = SimpleNamespace(name=f"f{k}.fits", size_px=(SIZE, SIZE), read_pixels=lambda image=image: image)
        header = {"obstime": JD + minutes / 1440, "exptime": 60.0}
        about = {"zp": ZEROPOINT}
        found.append(
            SimpleNamespace(
                frame=frame, wcs=wcs, table=Table(columns), header=header, zeropoint=about, magnitude_columns=("m", "e")
            )
        )
    return found


def point_noise():
    """Return the error of the flux of a point source on a single frame."""
    return NOISE / np.sqrt(np.sum(spot(80, 80) ** 2))


def test_a_body_of_three_sigma_a_frame_stands_out_of_ten_with_its_place_rate_and_magnitude():
    rng = np.random.default_rng(1)
    flux = 3.2 * point_noise()
    outcome = tracks.find(frames(rng, [(70.3, 90.6, (0.61, -0.42), flux)]), BOX, [], injections=0)
    (one,) = outcome.found
    assert one.snr == pytest.approx(3.2 * np.sqrt(10), rel=0.25)
    assert (one.x, one.y) == pytest.approx((70.3, 90.6), abs=0.7)
    assert one.rate == pytest.approx((0.61, -0.42), abs=0.1)
    assert tracks.rate_arcsec_min(outcome.stack, one) == pytest.approx((-0.61, -0.42), abs=0.1)  # East is left
    mag, err = tracks.magnitude(outcome.stack, one)
    assert mag == pytest.approx(ZEROPOINT - 2.5 * np.log10(flux), abs=3 * err + 0.1)
    assert outcome.stack.limit_mag == pytest.approx(ZEROPOINT - 2.5 * np.log10(5 * point_noise()), abs=0.15)


def test_noise_stars_and_a_cosmic_ray_make_no_track():
    rng = np.random.default_rng(2)
    assert tracks.find(frames(rng, spike=True), BOX, [], injections=0).found == []


def test_a_bright_body_is_found_once_and_a_faint_one_beside_it_as_well():
    rng = np.random.default_rng(3)
    faint, bright = 3.5 * point_noise(), 60 * point_noise()
    bodies = [(50.0, 50.0, (0.5, 0.5), bright), (110.0, 100.0, (0.5, -0.3), faint)]
    outcome = tracks.find(frames(rng, bodies), BOX, [], injections=0)
    assert len(outcome.found) == 2
    assert (outcome.found[0].x, outcome.found[0].y) == pytest.approx((50, 50), abs=0.3)
    left = shiftadd.without(outcome.stack, outcome.found)
    assert shiftadd.search(shiftadd.scrambled(left, rng), BOX) == []


def test_known_bodies_come_first_and_unknown_ones_get_a_file(tmp_path):
    rng = np.random.default_rng(4)
    flux = 4 * point_noise()
    measured = frames(rng, [(60.0, 60.0, (0.5, 0.2), flux), (110.0, 100.0, (-0.5, 0.3), flux)])
    ceres, absent = Target("Ceres", "asteroid", {}), Target("Absent", "asteroid", {})
    for each in measured:
        minutes = (each.header["obstime"] - JD) * 1440
        for target, x, y in ((ceres, 60.5, 60.0), (absent, 30.0, 120.0)):
            place = each.wcs.all_pix2world([x + 0.5 * minutes], [y + 0.2 * minutes], 0)
            target.places[each.frame.name] = tuple(float(axis[0]) for axis in place)
            target.v_mag[each.frame.name] = 19.0
    outcome = tracks.find(measured, BOX, [("Ceres", ceres), ("Absent", absent)], injections=0)
    told = tracks.told(outcome)
    assert told[0].startswith("Ceres: predicted 19.0 mag, found 0.") and "Absent: predicted 19.0 mag, not found" in told
    assert outcome.names.count("Ceres") == 1 and len(outcome.names) == 2
    (new,) = [one for one in outcome.found if all(one is not body.found for body in outcome.known)]
    outcome.chance = [new.snr + 0.1]
    assert any("perhaps chance" in line for line in tracks.told(outcome))
    assert "2 tracks" not in tracks.told(outcome)[-1] and f"S/N {new.snr + 0.1:.1f}" in tracks.told(outcome)[-1]
    outcome.chance = None
    files = tracks.write(outcome, measured, tmp_path)
    (unknown,) = [name for name in outcome.names if name != "Ceres"]
    assert files == ["tracks.csv", f"positions_{unknown}.dat"] and len(unknown) == 7
    assert "f3.fits" in (tmp_path / files[1]).read_text()


def test_frames_on_other_pixels_are_laid_on_those_of_the_middle():
    rng = np.random.default_rng(5)
    measured = frames(rng, n_frames=3)
    measured[0].wcs.wcs.crpix = [84.5, 78.5]
    images, middle = starless.aligned(measured)
    assert middle == 1
    moved = measured[0].frame.read_pixels()[20:100, 24:100] - 100
    assert np.nanmedian(np.abs(images[0][22:102, 20:96] - moved)) < 1.0


def test_too_few_frames_and_too_many_rates_are_told():
    rng = np.random.default_rng(6)
    with pytest.raises(PipelineError, match="3 frames are too few"):
        tracks.find(frames(rng, n_frames=3), BOX, [])
    with pytest.raises(PipelineError, match="give a smaller box"):
        tracks.find(frames(rng, n_frames=4), ((-500, 500), (-500, 500)), [])


@pytest.mark.parametrize("speed", [0.4, 0.8])  # px/min: 4 and 7 widths over the night
def test_magnitudes_of_slow_and_fast_bodies_are_right_in_the_mean(speed):
    """Eight bodies of S/N 13: the error of their mean is 0.03 to 0.04 mag."""
    rng, off = np.random.default_rng(11), []
    flux = 4.0 * point_noise()
    for _ in range(4):
        angles, places = rng.uniform(0, 2 * np.pi, 2), [rng.uniform(45, 65, 2), rng.uniform(95, 115, 2)]
        rates = [(speed * np.cos(angle), speed * np.sin(angle)) for angle in angles]
        bodies = [(*place, rate, flux) for place, rate in zip(places, rates, strict=True)]
        outcome = tracks.find(frames(rng, bodies), BOX, [], injections=0)
        seen = [one for one in outcome.found if min(np.hypot(one.x - x, one.y - y) for x, y, *_ in bodies) < 3]
        off += [tracks.magnitude(outcome.stack, one)[0] - ZEROPOINT + 2.5 * np.log10(flux) for one in seen]
        assert all(one.whole for one in seen)
    assert len(off) == 8 and abs(np.mean(off)) < 0.1


def test_a_body_that_hardly_moves_is_told_as_a_limit():
    measured = frames(np.random.default_rng(12))
    images, reference = starless.aligned(measured, 1)
    stack = starless.stack(measured, images, reference)
    slow = shiftadd.Found(80.3, 80.6, (0.05, 0.02), 8.0, 1000.0, 125.0)
    assert brightness.measured(stack, images, slow) == slow and not slow.whole
    assert "at least" in tracks.told(tracks.Outcome(stack, [slow], ["PPtslow"], []))[0]
