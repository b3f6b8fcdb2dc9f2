"""Quick views, cut-outs, what is marked on them, animations: that all of it lies where it belongs."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image
from scipy import ndimage

import diagnostics
import fakerun
import pp_setup
from photometrypipeline.frames.rows import Row
from photometrypipeline.website import ahead, cutouts, pictures, quickview
from photometrypipeline.website.pixels import Pixels
from website import record


def write_stars(path, shape, places, **keywords):
    """Write a frame with a bright round star at each FITS position of `places`."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    pixels = np.random.default_rng(seed=3).normal(100, 3, shape)
    for x, y in places:
        pixels += 5000 * np.exp(-((columns + 1 - x) ** 2 + (rows + 1 - y) ** 2) / (2 * 3.0**2))
    fits.writeto(path, pixels.astype(np.float32), fits.Header(keywords.items()))


def centroid(picture, near, reach=12):
    """Centre of light (column, row; edges of pixels count, as in View) around a place of a picture."""
    left, top = round(near[0]) - reach, round(near[1]) - reach
    part = np.asarray(picture, float)[top : top + 2 * reach, left : left + 2 * reach]
    row, column = ndimage.center_of_mass(np.where(part > 0.6 * part.max(), part, 0))
    return left + column + 0.5, top + row + 0.5


@pytest.mark.parametrize("shape", [(500, 2000), (2000, 500), (90, 120)])
def test_places_on_a_quick_view_are_those_of_the_stars(tmp_path, shape):
    height, width = shape
    stars = [(width * 0.2, height * 0.3), (width * 0.75, height * 0.8)]
    write_stars(tmp_path / "a.fits", shape, stars)
    fits.setval(tmp_path / "a.fits", "CTYPE1", value="RA---TAN")
    for name, value in (("CTYPE2", "DEC--TAN"), ("CRVAL1", 179.0), ("CRVAL2", 10.0), ("CRPIX1", 1), ("CRPIX2", 1)):
        fits.setval(tmp_path / "a.fits", name, value=value)
    for name, value in (("CD1_1", -1e-4), ("CD2_2", 1e-4), ("CD1_2", 0.0), ("CD2_1", 0.0)):
        fits.setval(tmp_path / "a.fits", name, value=value)
    with Pixels(tmp_path / "a.fits") as pixels:
        picture = quickview.draw(pixels, 1000, 750, "linear")
        x, y = np.transpose([*stars, (-50, 10)])  # one beyond the edge
        places = quickview.places(pixels, 750, *pixels.wcs.all_pix2world(x, y, 1))
    assert max(picture.size) == 750
    assert picture.size[0] / picture.size[1] == pytest.approx(width / height, rel=0.01)
    assert len(places) == 2
    for place in places:
        assert centroid(picture, place) == pytest.approx(place, abs=1)


@pytest.mark.parametrize("place", [(150.0, 90.0), (150.4, 90.4), (3.3, 118.7)])
def test_a_cutout_has_its_source_under_the_circle_even_at_the_edge(tmp_path, place):
    write_stars(tmp_path / "a.fits", (120, 300), [place])
    with Pixels(tmp_path / "a.fits") as pixels:
        picture, view = cutouts.draw(pixels, *place, 60, 375, "linear"), cutouts.view_of(*place, 60, 375)
    shown = np.asarray(picture)
    centre = view.place(*place)
    assert centre == pytest.approx((375 / 2, 375 / 2), abs=0.51 * view.scale)  # half a pixel of the frame
    if place[0] > 30:
        assert centroid(shown, centre, 40) == pytest.approx(centre, abs=0.5 * view.scale)
    else:
        assert shown[:, :100].max() == 0  # off the frame: left, and above
        assert shown[:100].max() == 0
        assert shown[round(centre[1]) + 3, round(centre[0]) + 3] == 255


def test_dead_and_saturated_pixels_do_not_spoil_the_contrast(tmp_path):
    write_stars(tmp_path / "clean.fits", (200, 200), [(50, 60)])
    pixels = fits.getdata(tmp_path / "clean.fits").copy()
    pixels[150:, 150:] = np.nan
    pixels[:4] = 1e9
    fits.writeto(tmp_path / "bad.fits", pixels, fits.Header({"SATURATE": 60000}))
    shown = []
    for name in ("clean.fits", "bad.fits"):
        with Pixels(tmp_path / name) as frame:
            shown.append(np.asarray(quickview.draw(frame, 1000, 200, "linear"), float))
    part = (slice(60, 190), slice(0, 140))
    assert np.abs(shown[0][part] - shown[1][part]).mean() < 12


def test_unsigned_integers_are_read_with_their_offset(tmp_path):
    pixels = np.full((50, 60), 40000, dtype=np.uint16)
    pixels[20:30, 20:30] = 65535
    fits.writeto(tmp_path / "a.fits", pixels)
    with Pixels(tmp_path / "a.fits") as frame:
        assert frame.whole().min() == 40000
        assert frame.window(15, 15, 10)[9, 9] == 65535
        assert np.isnan(frame.window(-5, 0, 10)[0, :5]).all()


def test_pixel_scale_of_a_frame_on_its_side(tmp_path):
    """Rotated by 90 degrees, every single element of the CD matrix that is not zero is off the diagonal."""
    header = fakerun.Field().header(0)
    header["CD1_1"], header["CD2_2"] = 0.0, 0.0
    header["CD1_2"], header["CD2_1"] = 0.3 / 3600, 0.5 / 3600
    fits.writeto(tmp_path / "a.fits", np.ones((10, 10), np.float32), header)
    with Pixels(tmp_path / "a.fits") as frame:
        assert frame.scale_arcsec == pytest.approx(math.sqrt(0.3 * 0.5))


def test_places_on_a_distorted_frame_are_those_of_its_stars(tmp_path):
    """SIP terms move a star at the corner by 12 pixels; the marks have to go with it."""
    header = fakerun.Field().header(0)
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN-SIP", "DEC--TAN-SIP"
    header["A_ORDER"] = header["B_ORDER"] = 2
    header["A_2_0"], header["B_0_2"] = 5e-4, -3e-4
    fits.writeto(tmp_path / "a.fits", np.ones((200, 300), np.float32), header)
    x, y = header["CRPIX1"] + 120.0, header["CRPIX2"] - 80.0
    moved = np.array([120 + 5e-4 * 120**2, -80 - 3e-4 * 80**2])  # Shupe et al. 2005
    across, along = np.radians([header["CD1_1"], header["CD2_2"]]) * moved  # of the tangential plane
    dec0 = math.radians(header["CRVAL2"])
    below = math.cos(dec0) - along * math.sin(dec0)
    ra_deg = header["CRVAL1"] + math.degrees(math.atan2(across, below))
    dec_deg = math.degrees(math.atan2(math.sin(dec0) + along * math.cos(dec0), math.hypot(across, below)))
    with Pixels(tmp_path / "a.fits") as frame:
        assert np.ravel(frame.position(ra_deg, dec_deg)) == pytest.approx([x, y], abs=0.01)


def test_marks_of_a_cutout(tmp_path):
    """1.5 picture pixels per frame pixel of 0.5 arcsec: a bar of 10 arcsec is 30 pixels long."""
    view = cutouts.view_of(100, 100, 200, 300)
    header = fakerun.Field().header(0)
    fits.writeto(tmp_path / "a.fits", np.ones((200, 200), np.float32), header)
    with Pixels(tmp_path / "a.fits") as pixels:
        ra_deg, dec_deg = map(float, pixels.wcs.all_pix2world(140.0, 130.0, 1))
        row = Row(x_px=100.0, y_px=100.0, aprad_px=10.0, ra_pred_deg=ra_deg, dec_pred_deg=dec_deg)
        marks = cutouts.marks(pixels, row, view, 10)
        far = cutouts.marks(pixels, replace(row, aprad_px=math.nan, dec_pred_deg=dec_deg + 1), view, 10)
        bar = 10 / pixels.scale_arcsec * 1.5
    assert marks["circle"] == [149.2, 150.8, 15.0] or marks["circle"] == [150.8, 149.2, 15.0]
    assert marks["cross"] == pytest.approx(view.place(140.0, 130.0), abs=0.06)
    assert marks["bar"] == pytest.approx(bar, abs=0.06)
    assert (far["circle"], far["box"][2], far["cross"]) == (None, 22.5, None)


def test_an_animation_has_its_own_frames_in_order_of_time(tmp_path):
    """Target 3552 does not pick up the cut-outs of 35521, and later frames come later whatever their names."""
    field = fakerun.Field(n_frames=4)
    field.names = ["d.fits", "c.fits", "b.fits", "a.fits"]
    field.write_frames(tmp_path)
    data = fakerun.distill(field, rejected=(2,))
    data["targets"].append(fakerun.distill(field, name="35521")["targets"][1])
    record("distill", data, tmp_path)
    diagnostics.render(tmp_path)
    place = tmp_path / ".diagnostics"
    with Image.open(place / "3552.gif") as animation:
        assert (animation.n_frames, animation.info["duration"], animation.info["loop"]) == (3, 500, 0)
        for index, stem in enumerate(("d", "c", "a")):
            animation.seek(index)
            shown = np.asarray(animation.convert("L"), float)
            still = np.asarray(Image.open(place / f"3552_{stem}_thumb.png").convert("L"), float)
            assert np.median(np.abs(shown - still)) < 4  # the palette has 184 greys
    with Image.open(place / "35521.gif") as animation:
        assert animation.n_frames == 4


def test_an_animation_is_written_picture_by_picture(tmp_path):
    """A thousand of them need not be in memory."""
    rng, marks = np.random.default_rng(3), {"circle": None, "box": None, "cross": None, "bar": None}
    still, path, sizes = tmp_path / "a.png", tmp_path / "a.gif", []
    Image.fromarray(rng.integers(0, 255, (200, 200), np.uint8)).save(still)

    def parts():
        for _ in range(4):
            sizes.append(path.stat().st_size if path.exists() else 0)
            yield still, marks

    cutouts.save_animation(parts(), path)
    assert sizes[-1] > path.stat().st_size / 3
    with Image.open(path) as animation:
        assert animation.n_frames == 4


def test_an_animation_has_the_aperture_and_the_prediction_on_its_cutout(tmp_path):
    Image.fromarray(np.full((100, 100), 40, np.uint8)).save(tmp_path / "a.png")
    marks = {"circle": [50, 50, 20], "box": None, "cross": [80, 20], "bar": 30}
    cutouts.save_animation([(tmp_path / "a.png", marks)] * 2, tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as animation:
        shown = np.asarray(animation.convert("RGB")).astype(int)
    red = np.argwhere((shown[..., 0] > 200) & (shown[..., 1] < 100))
    assert np.hypot(*(red - 50).T) == pytest.approx(np.full(len(red), 20), abs=1.5)
    blue = np.argwhere((shown[..., 2] > 200) & (shown[..., 0] < 150))
    assert blue.mean(axis=0) == pytest.approx([20, 80], abs=1)
    assert shown[50, 50].tolist() == pytest.approx([40, 40, 40], abs=2)


def test_an_animation_leaves_out_a_frame_that_cannot_be_read_any_more(tmp_path):
    field = fakerun.Field(n_frames=4)
    field.write_frames(tmp_path)
    for _ in range(2):
        record("distill", fakerun.distill(field), tmp_path)
        diagnostics.render(tmp_path)
        with Image.open(tmp_path / ".diagnostics" / "3552.gif") as animation:
            n_frames = animation.n_frames
        (tmp_path / field.names[1]).write_bytes(b"no image any more")
    assert n_frames == 3


def test_a_picture_is_drawn_when_what_it_shows_has_changed(tmp_path):
    drawn = []

    def picture(contents, name="a.png"):
        shelf = pictures.Shelf(tmp_path)

        def draw(path):
            drawn.append(contents)
            Image.new("L", (4, 3), 9).save(path, format="PNG")
            return 4, 3

        (made,) = shelf.keep([shelf.picture(name, contents, draw)])
        shelf.finish([])
        return made

    first = picture(["red"])
    assert picture(["red"]) == first == pictures.Picture("a.png", 4, 3)
    picture(["blue"])
    assert drawn == [["red"], ["blue"]]
    (tmp_path / "a.png").unlink()
    picture(["blue"])
    assert len(drawn) == 3


def test_pictures_drawn_while_the_steps_go_on_stay_unless_pixels_change(tmp_path):
    """They are those of the last rendering, and whoever is interrupted meanwhile takes no new one for an old one."""
    field, settings, place = fakerun.Field(n_frames=3), pp_setup.confdiagnostics, tmp_path / ".diagnostics"
    field.write_frames(tmp_path)
    drawn = {}
    for step in ("prepare", "register", "photometry", "calibrate"):
        record(step, getattr(fakerun, step)(field), tmp_path)
        drawn |= ahead.draw(step, tmp_path, settings) if step in ahead.STEPS else {}
    names = {"curve_of_growth.png", "fwhm.png", "zeropoints.png", *(f"{name}.png" for name in field.names)}
    assert set(drawn) == names
    before = {name: (place / name).stat().st_ino for name in names}
    with fits.open(tmp_path / field.names[2], mode="update") as file:
        file[0].data[:] = file[0].data[::-1].copy()
    diagnostics.rendered(tmp_path, drawn=[lambda: drawn])
    after = {name: (place / name).stat().st_ino for name in names}
    assert {name for name in names if after[name] != before[name]} == {f"{field.names[2]}.png"}
    with fits.open(tmp_path / field.names[0], mode="update") as file:
        file[0].data[:] = file[0].data[::-1].copy()
    index = json.loads((place / pictures.INDEX).read_text())["content"]
    ahead.draw("register", tmp_path, settings)
    left = json.loads((place / pictures.INDEX).read_text())["content"]
    assert index.keys() - left.keys() == {f"{name}.png" for name in field.names}


def test_a_picture_that_cannot_be_drawn_any_more_is_not_shown_as_an_earlier_run_left_it(tmp_path):
    shelf = pictures.Shelf(tmp_path)
    (tmp_path / "old.png").write_bytes(b"of an earlier run")

    def fail(path):
        raise ValueError("no such star")

    assert shelf.keep([shelf.picture("old.png", ["new"], fail)]) == [None]
    assert not (tmp_path / "old.png").exists()


def test_new_pixels_make_a_new_quick_view_and_a_new_wcs_does_not(tmp_path):
    field = fakerun.Field(n_frames=3)
    field.write_frames(tmp_path)
    for step in ("prepare", "distill"):
        record(step, getattr(fakerun, step)(field), tmp_path)

    def state():
        diagnostics.render(tmp_path)
        return {path.name: path.stat().st_ino for path in (tmp_path / ".diagnostics").glob("*.png")}

    before = state()
    with fits.open(tmp_path / field.names[1], mode="update") as file:
        file[0].header["CRVAL2"] += 0.003
    assert state() == before
    with fits.open(tmp_path / field.names[2], mode="update") as file:
        file[0].data[:] = file[0].data[::-1].copy()
    after = state()
    changed = {name for name in after if before[name] != after[name]}
    assert f"{field.names[2]}.png" in changed
    assert all(field.names[2].removesuffix(".fits") in name for name in changed)


@pytest.mark.parametrize("file_format", ["png", "webp", "jpg"])
def test_pictures_of_frames_come_back_from_all_formats(tmp_path, file_format):
    steps = np.tile(np.repeat(np.arange(0, 256, 32, dtype=np.uint8), 16), (64, 1))
    assert pictures._save(lambda: Image.fromarray(steps), file_format, tmp_path / "a") == (128, 64)
    with Image.open(tmp_path / "a") as back:
        assert back.format == {"png": "PNG", "webp": "WEBP", "jpg": "JPEG"}[file_format]
        assert np.abs(np.asarray(back.convert("L"), float) - steps).max() < 16
