"""Bad pixels that a sequence shows, and what is no bad pixel: stars and targets that stand still on the detector."""

import numpy as np
import pytest
from astropy.io import fits

import sky
from photometrypipeline.base.errors import FrameError
from photometrypipeline.frames.frame import Frame
from photometrypipeline.photometry import badpixels, sequencemask

SHAPE = (256, 320)
SKY, NOISE = 150.0, np.sqrt(150 / 2 + 2.5**2)


def sequence(n=10, seed=1, fwhm=4.0, dither_px=15.0, n_stars=60, standing=(), defects=True):
    """Return (images, bool mask of what is wrong in them), with stars of 100 to 30,000 ADU."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-40, SHAPE[1] + 40, n_stars), rng.uniform(-40, SHAPE[0] + 40, n_stars)
    flux = 10 ** rng.uniform(2, 4.5, n_stars)
    images, bad = [], np.zeros(SHAPE, bool)
    for _ in range(n):
        dx, dy = rng.normal(0, dither_px, 2) if dither_px else (0, 0)
        clean = SKY * (1 + 0.05 * np.arange(SHAPE[1]) / SHAPE[1]) + sky.render(SHAPE, x + dx, y + dy, flux, fwhm)
        for place in standing:
            clean += sky.render(SHAPE, place[0] + 1, place[1] + 1, place[2], fwhm)
        images.append(sky.expose(clean, rng).astype(float))
    if defects:
        for image in images:
            image[:, 50], image[:, 200] = 0, image[:, 200] * 0.8  # dead; a fifth of the light is lost
            image[100:, 120] += 16  # a piece of a column, hot
            image[77, :] += 15
            image[30, 30], image[31, 30], image[200, 250] = 900, 500, 20
        bad[:, [50, 200]] = bad[100:, 120] = bad[77, :] = bad[[30, 31, 200], [30, 30, 250]] = True
    return [np.rint(image).astype(np.uint16) for image in images], bad


@pytest.mark.parametrize("dither_px", [15.0, 0.0])
@pytest.mark.parametrize("n", [4, 10, 30])
def test_defects_are_found_and_nothing_else(n, dither_px):
    images, bad = sequence(n, dither_px=dither_px)
    found = badpixels.find(images, 4.0, moves=dither_px > 0)
    assert found.n_frames == min(n, 25) and not found.remark
    wrong = (found.mask > 0) != bad
    wrong[64:128, 120] = False  # the piece in which the hot column begins may count or not
    assert wrong.sum() == 0
    assert found.count(badpixels.DEAD) == np.sum((found.mask[:, 50] & badpixels.DEAD) > 0) + 1 == SHAPE[0] + 1


@pytest.mark.parametrize("fwhm", [2.1, 4.0])
@pytest.mark.parametrize("flux", [150.0, 2e3, 1e5, 3e6])
def test_a_target_that_stands_still_is_no_defect(fwhm, flux):
    images, _ = sequence(8, fwhm=fwhm, standing=[(160.3, 90.8, flux)], defects=False)
    assert badpixels.find(images, fwhm, moves=True).count(0xFF) == 0


def test_stars_that_stand_still_are_no_defects():
    images, _ = sequence(12, fwhm=3.0, dither_px=0.0, n_stars=300, defects=False)
    assert badpixels.find(images, 3.0, moves=False).count(0xFF) == 0


def test_where_narrow_stars_stand_still_hot_pixels_are_not_told_from_them():
    images, bad = sequence(10, fwhm=1.2, dither_px=0.0)
    found = badpixels.find(images, 1.2, moves=False)
    assert "shift the telescope" in found.remark and not found.count(badpixels.PIXEL)
    assert found.mask[:, 50].all()  # columns are
    images, bad = sequence(10, fwhm=1.2, standing=[(160, 90, 3000)])
    assert "where the target is" in badpixels.find(images, 1.2, moves=True).remark
    found = badpixels.find(images, 1.2, moves=True, standing_px=[(160, 90)])
    assert found.mask[30, 30] and not found.mask[85:96, 155:166].any()


def test_noise_alone_has_no_bad_pixels_and_one_cosmic_ray_makes_none():
    rng = np.random.default_rng(3)
    images = [rng.normal(SKY, NOISE, (512, 512)).astype(np.float32) for _ in range(3)]
    images[1][100, 100:140] += 5000
    images[2][:, 300] += 5000  # a trail
    assert badpixels.find(images, 3.0, moves=True).count(0xFF) == 0


def test_pixels_without_a_number():
    rng = np.random.default_rng(3)
    images = [rng.normal(SKY, NOISE, (130, 90)).astype(np.float32) for _ in range(4)]
    for image in images:
        image[:40, :20] = np.nan
    images[1][60:100, 60:80] = np.nan  # in one frame alone
    found = badpixels.find(images, 3.0, moves=True)
    assert (found.mask[:40, :20] & badpixels.DEAD).all() and found.count(0xFF) == 800


def test_two_frames_tell_nothing():
    found = badpixels.find(sequence(2)[0], 4.0, moves=True)
    assert found.mask is None and "2 frames" in found.reason


def test_a_frame_full_of_defects_is_not_believed():
    rng = np.random.default_rng(3)
    pattern = np.where(rng.uniform(size=SHAPE) < 0.07, 300.0, 0.0)
    images = [rng.normal(SKY, NOISE, SHAPE) + pattern for _ in range(5)]
    assert "no mask is made" in badpixels.find(images, 3.0, moves=True).reason


def test_shifts():
    assert badpixels.shifted([(0, 0), (9, 0), (0, 9), (9, 9)], 3.0)
    assert not badpixels.shifted([(0, 0), (1, 1), (0.5, 0), (30, 30)], 3.0)
    assert not badpixels.shifted([(0, 0)] * 5, 3.0)


def test_the_file_keeps_its_provenance(tmp_path):
    images, bad = sequence(6)
    found = badpixels.find(images, 4.0, moves=True)
    badpixels.write(tmp_path, found, ["a.fits", "b.fits"], "digest")
    assert np.array_equal(badpixels.read(tmp_path), found.mask > 0)
    header = fits.getheader(tmp_path / badpixels.FILE_NAME)
    assert list(header["HISTORY"]) == ["a.fits", "b.fits"] and header["NFRAMES"] == 6
    again = badpixels.kept(tmp_path, "digest", SHAPE)
    assert np.array_equal(again.mask, found.mask) and again.n_frames == 6
    assert badpixels.kept(tmp_path, "other", SHAPE) is None and badpixels.kept(tmp_path, "digest", (5, 5)) is None
    assert badpixels.kept(tmp_path, None, SHAPE) is not None
    assert badpixels.read(tmp_path, (5, 5)) is None
    badpixels.write(tmp_path, badpixels.Found(None, 2, "too few"), [], "digest")
    assert badpixels.read(tmp_path) is not None  # what six frames have told stays
    badpixels.write(tmp_path, badpixels.Found(None, 6, "too many"), [], "digest")
    assert badpixels.read(tmp_path) is None and not list(tmp_path.iterdir())


def test_a_mask_by_hand_counts_and_a_broken_one_is_said(tmp_path):
    mask = np.zeros((4, 5), np.int16)
    mask[1, 2] = 1
    fits.writeto(tmp_path / badpixels.FILE_NAME, mask)
    assert badpixels.read(tmp_path).sum() == 1 and badpixels.kept(tmp_path, "whatever", (4, 5)).mask[1, 2]
    (tmp_path / badpixels.FILE_NAME).write_text("nothing")
    with pytest.raises(FrameError, match="remove it"):
        badpixels.read(tmp_path)


@pytest.mark.parametrize("mark", [1, 256, -1, 0.5, np.nan, np.inf])
def test_a_mask_by_hand_marks_bad_pixels_by_anything_but_0(tmp_path, mark, recwarn):
    mask = np.zeros((4, 5), np.int16 if isinstance(mark, int) else np.float32)
    mask[1, 2] = mark
    fits.writeto(tmp_path / badpixels.FILE_NAME, mask)
    assert np.argwhere(badpixels.read(tmp_path)).tolist() == [[1, 2]]
    assert not recwarn


def test_a_frame_that_is_damaged_does_not_take_the_others_down(tmp_path):
    images, bad = sequence(5)
    wcs = sky.make_wcs((179.5, 6.25), SHAPE[::-1])
    for number, image in enumerate(images):
        header = wcs.to_header()
        header["CRPIX1"] += 20 * number
        fits.writeto(tmp_path / f"{number}.fits", image, header)
    cut, none = tmp_path / "1.fits", tmp_path / "3.fits"
    cut.write_bytes(cut.read_bytes()[:50_000])
    none.write_text("no image\n")
    frames = [Frame(path) for path in sorted(tmp_path.glob("*.fits"))]
    found = sequencemask.of_frames(frames, tmp_path)
    assert found.n_frames == 3 and found.mask[:, 50].all()
    assert sequencemask.of_frames(frames[1:2], tmp_path).mask is None


def test_a_mask_is_made_again_once_a_frame_can_be_read(tmp_path):
    frame = Frame(tmp_path / "a.fits")
    unread = sequencemask._made_from([frame], tmp_path, None)
    write_frame = fits.PrimaryHDU(np.zeros((4, 4), np.int16))
    write_frame.writeto(frame.path)
    assert sequencemask._made_from([frame], tmp_path, None) != unread
