"""The colour term: the coefficient that was put in comes out, with an error that means what it says."""

import numpy as np
import pytest
from astropy.table import Table

from photometrypipeline.base.errors import TooFewStars
from photometrypipeline.calibration import colorfit

TRUTH = -0.08  # mag per mag


def night(rng, n_stars=40, n_frames=6, catalogue_err=0.02, noise=0.01, outliers=0):
    """Return (Observations, error, color, e_color) of stars that are on every frame of a night with clouds."""
    color = rng.uniform(0.2, 1.3, n_stars)
    wrong = rng.normal(0, catalogue_err, n_stars)  # the same on every frame
    wrong[:outliers] += 0.5
    zeropoint = 25 - rng.exponential(0.4, n_frames)
    star, frame = np.tile(np.arange(n_stars), n_frames), np.repeat(np.arange(n_frames), n_stars)
    keep = rng.uniform(size=star.size) > 0.2  # not every star is on every frame
    star, frame = star[keep], frame[keep]
    difference = zeropoint[frame] + TRUTH * color[star] + wrong[star] + rng.normal(0, noise, star.size)
    seen = colorfit.Observations(star, frame, difference, np.full(star.size, noise))
    return seen, np.full(n_stars, catalogue_err), color, np.full(n_stars, 0.01)


def fit(seen, error, color, e_color, target_color=0.44):
    return colorfit.fit(seen, error, color, e_color, "g-r", target_color)


def test_coefficient_and_its_error_over_many_nights():
    deviation, told = [], []
    for seed in range(300):
        term = fit(*night(np.random.default_rng(seed)))
        deviation.append((term.coefficient - TRUTH) / term.err)
        told.append(term.err)
    deviation = np.array(deviation)
    assert abs(deviation.mean()) < 3 / np.sqrt(300)
    assert 0.60 < (np.abs(deviation) < 1).mean() < 0.76  # 68 %, with three standard deviations of 300 draws
    assert (np.abs(deviation) < 2).mean() > 0.91
    # 40 stars of 0.02 mag spread evenly over 1.1 mag: 0.0226 / (1.1 / sqrt(12)) / sqrt(40)
    assert np.median(told) == pytest.approx(0.0112, rel=0.2)


def test_catalogue_errors_that_are_too_small_do_not_make_it_overconfident():
    deviation = []
    for seed in range(200):
        seen, error, color, e_color = night(np.random.default_rng(seed), catalogue_err=0.04)
        term = fit(seen, error / 4, color, e_color)
        deviation.append((term.coefficient - TRUTH) / term.err)
    assert 0.58 < (np.abs(deviation) < np.float64(1)).mean() < 0.78


def test_variable_stars_and_bad_pixels_have_no_say():
    rng = np.random.default_rng(5)
    seen, error, color, e_color = night(rng, outliers=4)
    seen.difference[rng.integers(0, seen.difference.size, 10)] += 1.5
    term = fit(seen, error, color, e_color)
    assert abs(term.coefficient - TRUTH) < 3 * term.err < 0.06
    assert term.n_used <= 36
    assert term.scatter < 0.04


def test_the_error_grows_with_the_distance_from_the_stars():
    sample = night(np.random.default_rng(1))
    near, far = fit(*sample, target_color=0.75), fit(*sample, target_color=2.5)
    assert near.error_at_target < 0.1 * far.error_at_target
    assert far.error_at_target == pytest.approx(far.err * (2.5 - far.mean_color))
    assert far.correction(2.5) == 0
    assert far.correction(1.5) == pytest.approx(-far.coefficient)


@pytest.mark.parametrize("lacking", ["stars", "colours", "spread"])
def test_what_cannot_be_determined_is_refused(lacking):
    seen, error, color, e_color = night(np.random.default_rng(1), n_stars=4 if lacking == "stars" else 20)
    if lacking == "colours":
        color[:16] = np.nan
    if lacking == "spread":
        color[:] = 0.5
    with pytest.raises(TooFewStars, match="g-r"):
        fit(seen, error, color, e_color)


@pytest.mark.parametrize(
    ("file", "band"),
    [("cpt1m012-fa06-20200113-0102-matched-cat.fits", "i"), ("ogg2m001-ep04-20201006-0097-matched-cat.fits", "g")],
)
def test_two_halves_of_the_stars_on_a_real_frame_agree(shared_data, file, band):
    stars = Table.read(shared_data / "catalogs" / file, hdu=1)
    stars = stars[(stars["flag"] == 0) & (stars["fluxaper5"] > 0)]
    noise = 1.0857 * np.asarray(stars["fluxerr5"] / stars["fluxaper5"])
    mag, error = np.asarray(stars[f"{band}mag"]), np.asarray(stars[f"{band}magerr"])
    color = np.asarray(stars["gmag"] - stars["rmag"])
    good = (mag > 14.5) & (mag < 18.5) & (error < 0.05) & (noise < 0.03) & (color > 0) & (color < 1.2)
    terms = []
    for part in (np.flatnonzero(good)[::2], np.flatnonzero(good)[1::2]):
        inst = -2.5 * np.log10(np.asarray(stars["fluxaper5"])[part])
        number = np.arange(part.size)
        seen = colorfit.Observations(number, 0 * number, mag[part] - inst, noise[part])
        terms.append(fit(seen, np.maximum(error[part], 0.01), color[part], np.full(part.size, 0.014)))
    one, other = terms
    assert abs(one.coefficient - other.coefficient) < 2 * np.hypot(one.err, other.err) < 0.06
    assert abs(one.coefficient) < 0.08  # filters made after the SDSS's; the catalogue's g, r, i are Pan-STARRS's
