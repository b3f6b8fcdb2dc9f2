"""What a window shows of a frame: North up, the pixel under the pointer, grey, few frames in memory."""

import itertools

import numpy as np
import pytest

from photometrypipeline.manident.viewport import Orientation, PixelCache, Viewport, grey, orientation_of, sky_and_noise
from screen import wait_for

ALL = [
    Orientation(matrix)
    for sx, sy in itertools.product((1, -1), repeat=2)
    for matrix in (((sx, 0), (0, sy)), ((0, sx), (sy, 0)))
]


@pytest.mark.parametrize("tilt_deg", [0, 17, -30])
@pytest.mark.parametrize("mirrored", [True, False])
@pytest.mark.parametrize("turn_deg", [0, 90, 180, 270])
def test_north_comes_up_and_east_left(turn_deg, mirrored, tilt_deg):
    angle = np.radians(turn_deg + tilt_deg)
    cd = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * 1e-4
    if mirrored:
        cd = cd @ np.diag([-1, 1])
    orientation = orientation_of(cd)
    x, y = np.linalg.solve(cd, np.array([[1.0, 0.0], [0.0, 1.0]]).T)  # steps to the East and to the North, in pixels
    east, north = (np.array(orientation.onto(x[n], y[n])) for n in (0, 1))
    assert -east[0] > 0.8 * np.hypot(*east) and north[1] > 0.8 * np.hypot(*north)


@pytest.mark.parametrize("orientation", ALL)
@pytest.mark.parametrize("zoom", [0.25, 0.5, 1.0, 4.0])
def test_a_star_is_shown_where_its_circle_is(orientation, zoom):
    pixels = np.zeros((300, 420), dtype=np.float32)
    x, y = 151.0, 97.0
    pixels[int(y) - 1, int(x) - 1] = 1000.0
    u, v = orientation.onto(x, y)
    view = Viewport(u + 11, v - 23, zoom, 500, 380)
    part, (left, right, bottom, top) = view.part(pixels, orientation)
    row, column = np.unravel_index(part.argmax(), part.shape)
    step = (right - left) / part.shape[1]
    assert step == pytest.approx((top - bottom) / part.shape[0])
    assert abs(left + (column + 0.5) * step - u) <= step / 2 + 1e-9
    assert abs(bottom + (row + 0.5) * step - v) <= step / 2 + 1e-9
    assert part.shape[0] <= 380 + 2 and part.shape[1] <= 500 + 2  # never more than the screen has
    assert orientation.back(u, v) == (pytest.approx(x), pytest.approx(y))


def test_zooming_keeps_the_place_under_the_pointer():
    view = Viewport(100, 200, 1.0, 800, 600)
    left, right, bottom, top = view.limits
    u, v = left + 0.2 * (right - left), bottom + 0.7 * (top - bottom)
    left, right, bottom, top = view.zoomed(2, u, v).limits
    assert (u - left) / (right - left) == pytest.approx(0.2) and (v - bottom) / (top - bottom) == pytest.approx(0.7)


def test_nothing_of_the_frame_in_view():
    assert Viewport(5000, 5000, 1.0, 300, 300).part(np.zeros((100, 100)), ALL[0]) == (None, None)


def test_the_grey_scale_rests_on_the_sky_and_not_on_stars_or_holes():
    rng = np.random.default_rng(1)
    pixels = rng.normal(500, 7, (400, 400)).astype(np.float32)
    pixels[150:170, 150:170] = 60000
    pixels[::9, ::11] = np.nan
    sky, noise = sky_and_noise(pixels)
    assert sky == pytest.approx(500, abs=0.5) and noise == pytest.approx(7, rel=0.05)
    shown = grey(np.array([500.0, 500 + 7 * 5, 60000, np.nan]), sky, noise)
    assert 0 < shown[0] < 60 and shown[0] < shown[1] < 255 and shown[2] == 255 and shown[3] == 0
    assert grey(np.array([535.0]), sky, noise, contrast=2)[0] > shown[1]
    assert grey(np.array([60000.0]), sky, noise, inverted=True)[0] == 0
    assert sky_and_noise(np.full((10, 10), np.nan)) == (0.0, 1.0)


def test_few_frames_are_in_memory_and_the_neighbours_come_unasked():
    asked = []

    def read(number):
        asked.append(number)
        return np.full((100, 100), number, dtype=np.float32)  # 40 kB

    pixels = PixelCache(read, 200, most_bytes=200_000)
    for number in range(0, 200, 3):
        assert pixels.get(number)[0][0, 0] == number
    wait_for(lambda: {197, 199} <= set(asked), "the neighbours of the last frame")
    pixels.close()
    assert pixels.bytes_kept <= 200_000
    assert len(asked) <= 3 * 67


def test_a_frame_that_cannot_be_read_says_so_when_it_is_shown():
    def read(number):
        if number == 1:
            raise OSError("cut short")
        return np.zeros((5, 5), dtype=np.float32)

    pixels = PixelCache(read, 3)
    pixels.get(0)  # reads frame 1 ahead, silently
    with pytest.raises(OSError, match="cut short"):
        pixels.get(1)
    pixels.close()
