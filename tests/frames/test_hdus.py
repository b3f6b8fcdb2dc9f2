"""Where the one image of a file lies: pixels are the same in front, behind other HDUs, and in tiles."""

import numpy as np
import pytest
from astropy.io import fits

from photometrypipeline.frames.frame import Frame
from photometrypipeline.newcamera import camerafacts


def _in_a_file(path, pixels, way):
    hdu = {
        "behind an empty one": lambda: [fits.PrimaryHDU(), fits.ImageHDU(pixels)],
        "in tiles": lambda: [fits.PrimaryHDU(), fits.CompImageHDU(pixels, compression_type="GZIP_1", quantize_level=0)],
        "axes of length 1": lambda: [fits.PrimaryHDU(pixels[None, None])],
        "behind a table": lambda: [
            fits.PrimaryHDU(),
            fits.BinTableHDU.from_columns([fits.Column("a", "J", array=[1, 2])]),
            fits.ImageHDU(pixels),
        ],
    }[way]()
    fits.HDUList(hdu).writeto(path)
    return Frame(path)


@pytest.mark.parametrize("way", ["behind an empty one", "in tiles", "axes of length 1", "behind a table"])
@pytest.mark.parametrize("dtype", [np.float32, np.uint16])
def test_pixels_are_read_wherever_they_lie(tmp_path, way, dtype):
    pixels = np.arange(600, dtype=dtype).reshape(20, 30) + dtype(40000)
    frame = _in_a_file(tmp_path / "a.fits", pixels, way)
    assert np.array_equal(frame.read_pixels(), pixels)
    facts = camerafacts.of_frames([frame], {})  # of a camera that nobody knows
    assert facts["a.fits"].gain is None
