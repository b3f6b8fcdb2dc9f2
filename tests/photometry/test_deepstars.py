"""Stars that no single frame shows, in what several frames have in common."""

import numpy as np
import pytest

import lightframe
import sky
from photometrypipeline.photometry import deepstars, matched
from photometrypipeline.photometry.measure import Neighbour

SIZE, FWHM, BETA, RADIUS = 400, 4.0, 3.0, 4.0
FAINT = 260.0  # ADU, 4 sigma in the aperture of a frame


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    """Return (Exposures of nine frames shifted against each other, shifts, stars (x, y, flux), target's x, faint)."""
    folder, rng = tmp_path_factory.mktemp("deep"), np.random.default_rng(4)
    x, y = lightframe.parted(rng, 25, SIZE, 45, 45)
    flux = 10 ** rng.uniform(4.0, 5.0, 25)
    faint = np.array([(200.3, 196.8), (181.6, 209.1), (226.2, 203.4)])
    near = np.hypot(*(np.column_stack([x, y])[:, None] - faint).T).min(axis=0) < 25
    x, y, flux = x[~near], y[~near], flux[~near]
    shifts, exposures = rng.uniform(-6, 6, (9, 2)), []
    for n, shift in enumerate(shifts):
        places = np.concatenate([np.column_stack([x, y]), faint, [(175.0 + 6 * n, 200.0)]]) + shift
        light = np.concatenate([flux, np.full(len(faint), FAINT), [2e4]])
        path = lightframe.write(folder / f"{n}.fits", sky.render((SIZE, SIZE), *(places.T + 1), light, FWHM, BETA), rng)
        exposures.append(lightframe.exposure(path, x + shift[0], y + shift[1], flux, FWHM, RADIUS))
    return exposures, shifts, (x, y, flux), faint


def left_of(frames, box, fluxes=None):
    exposures, shifts, (x, y, flux), _ = frames
    found = []
    for n, (exposure, shift) in enumerate(zip(exposures, shifts, strict=True)):
        stars = [Neighbour(*place, 0.0) for place in zip(x + shift[0], y + shift[1], flux, strict=True)]
        target = Neighbour(175.0 + 6 * n + shift[0], 200.0 + shift[1], 2e4, 0.0)
        found.append(deepstars.leftover(exposure, box, box.corners + shift, stars, target, (0.0, 0.0)))
    return (np.array(images) for images in zip(*found, strict=True))


def test_what_no_frame_shows_is_found_and_nothing_else(frames):
    (box,) = deepstars.boxes(np.array([175.0, 223.0]), np.array([200.0, 200.0]), 30.0)
    x, y = deepstars.find(*left_of(frames, box), FWHM, np.full((1, 2), -99.0))
    found = np.column_stack([x, y]) + [box.column, box.row]
    apart = np.hypot(*(found[:, None] - frames[3]).transpose(2, 0, 1))
    assert len(found) == 3 and sorted(apart.argmin(axis=1)) == [0, 1, 2]
    assert apart.min(axis=1).max() < 1.2  # to a pixel: frames are not resampled
    known = deepstars.find(*left_of(frames, box), FWHM, frames[3] - [box.column, box.row])
    assert known.shape == (2, 0)


def test_a_box_of_a_frame_that_is_turned_is_the_same_sky(frames):
    exposures, shifts, (x, y, flux), _ = frames
    box = deepstars.Box(150, 170, (60, 100))
    target = Neighbour(175.0 + shifts[0][0], 200.0 + shifts[0][1], 2e4, 0.0)
    turned = deepstars.Box(150, 170, (100, 60))
    straight = deepstars.leftover(exposures[0], box, box.corners, [], target, (0.0, 0.0))[0]
    corners = box.corners[[0, 2, 1]]
    assert np.array_equal(
        deepstars.leftover(exposures[0], turned, corners, [], target, (0.0, 0.0))[0], straight.T, equal_nan=True
    )


def test_a_long_way_is_seen_in_pieces():
    x = np.arange(0.0, 1000.0, 50.0)
    pieces = deepstars.boxes(x, np.full(x.size, 50.0), 30.0)
    assert len(pieces) > 3 and max(max(box.shape) for box in pieces) <= deepstars.MOST_SIDE_PX
    for place in x:
        assert any(box.column <= place - 30 and place + 30 < box.column + box.shape[1] for box in pieces)


def test_significance_is_that_of_noise_and_of_a_star():
    rng = np.random.default_rng(6)
    noise = rng.normal(0, 3.0, (300, 300))
    weight = np.full(noise.shape, 1 / 9)
    seen = matched.significance(noise, weight, 4.0)[20:-20, 20:-20]
    assert seen.std() == pytest.approx(1.0, abs=0.05)
    star = sky.render((60, 60), 31.0, 31.0, 100.0, 4.0)
    assert matched.significance(star, np.full(star.shape, 1 / 9), 4.0).max() == pytest.approx(
        100 / 3 / np.sqrt(4 * np.pi * (4.0 / 2.3548) ** 2), rel=0.04
    )


@pytest.mark.filterwarnings("error")
def test_a_mean_leaves_out_both_extremes_and_pixels_that_no_frame_has_are_no_trouble():
    left = np.full((5, 1, 3), np.nan)
    left[:, 0, 0] = [1, 100, 2, 3, -50]
    left[:2, 0, 1] = [4, 6]
    mean, number = deepstars._mean(left)
    assert mean.tolist() == [[2.0, 5.0, 0.0]] and number.tolist() == [[5, 2, 0]]
