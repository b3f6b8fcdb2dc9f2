"""Pictures are drawn when what they show has changed, and asked for it only when something they come from has."""

import numpy as np
import pytest
from PIL import Image

import fakerun
from photometrypipeline.website import gallery, imagefile, images, overlays


@pytest.fixture
def field():
    return fakerun.Field(n_frames=3)


def painted(counts, name):
    def draw(path):
        counts[name] = counts.get(name, 0) + 1
        return imagefile.save(Image.new("L", (4, 3), counts[name]), path, "png")

    return draw


def test_while_the_source_is_the_same_nobody_asks_what_a_picture_is_made_of(tmp_path):
    asked, drawn = [], {}

    def picture(source, ingredients):
        hall = gallery.Gallery(tmp_path)
        easel = hall.easel(["a.png"])
        made = easel.picture("a.png", lambda: asked.append(source) or ingredients, painted(drawn, "a"), source=source)
        hall.hang(easel.done, easel.sources)
        hall.finish([])
        return made

    first = picture([1], ["red"])
    assert picture([1], ["red"]) == first
    assert (asked, drawn) == ([[1]], {"a": 1})
    picture([2], ["red"])  # from something else, but the same in the end
    assert (asked, drawn) == ([[1], [2]], {"a": 1})
    picture([3], ["blue"])
    assert (asked, drawn) == ([[1], [2], [3]], {"a": 2})
    (tmp_path / "a.png").unlink()
    picture([3], ["blue"])
    assert drawn == {"a": 3}


def test_an_overlay_with_more_shades_than_a_palette_holds_keeps_its_looks():
    """Ten colours of all opacities, one over the other: 255 shades are left, none of them off by an eighth."""
    overlay = overlays.Overlay(images.View(0.5, 0.5, 1, 100, 100), 72)
    rng, colours = np.random.default_rng(5), [(25 * n, 255 - 25 * n, 10 * n) for n in range(10)]
    for colour in colours:
        overlay._layer(colour)[:] = rng.integers(0, 256, (100, 100))
    picture = overlay.image()
    assert picture.mode == "P"
    shown = np.asarray(picture.convert("RGBA"), float)
    opacity, mixed = np.zeros((100, 100, 1)), np.zeros((100, 100, 3))
    for colour in sorted(colours):
        above = overlay._layer(colour)[..., np.newaxis] / 255
        mixed, opacity = mixed * (1 - above) + above * np.array(colour), opacity * (1 - above) + above
    wanted = np.concatenate([mixed / opacity, 255 * opacity], axis=-1)
    assert np.abs(shown - wanted).max() < 32
    assert np.abs(shown - wanted).mean() < 16


def test_a_stamp_is_cut_at_the_edges():
    shape = np.arange(1, 13, dtype=np.uint8).reshape(3, 4)
    for left, top, seen in ((-1, -1, shape[1:, 1:]), (8, 8, shape[:2, :2]), (-4, 0, shape[:, :0]), (0, 10, shape[:0])):
        mask = np.zeros((10, 10), np.uint8)
        overlays.stamp(mask, shape, left, top)
        assert mask.sum() == seen.sum()
        if seen.size:
            rows, columns = (
                slice(max(top, 0), max(top, 0) + seen.shape[0]),
                slice(max(left, 0), max(left, 0) + seen.shape[1]),
            )
            assert np.array_equal(mask[rows, columns], seen)


@pytest.mark.parametrize(
    ("mode", "file_format"),
    [(mode, file_format) for mode in ("L", "RGB", "P") for file_format in ("png", "webp", "jpg")][:-1],  # see below
)
def test_pictures_of_all_kinds_come_back_from_all_formats(tmp_path, mode, file_format):
    """Overlays, with a palette, are never written as JPEG, which has no transparency."""
    steps = np.tile(np.repeat(np.arange(0, 256, 32, dtype=np.uint8), 16), (64, 1))
    image = Image.fromarray(steps).convert(mode)
    assert imagefile.save(image, tmp_path / "a", file_format) == (128, 64)
    with Image.open(tmp_path / "a") as back:
        assert back.format == {"png": "PNG", "webp": "WEBP", "jpg": "JPEG"}[file_format]
        assert np.abs(np.asarray(back.convert("L"), float) - steps).max() < 16
