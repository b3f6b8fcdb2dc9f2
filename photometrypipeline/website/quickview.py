"""The quick view: a picture of a whole frame, and where things of the sky lie on it."""

import numpy as np

from photometrypipeline.website.pixels import View, sample_step, to_grey

BAND_ROWS = 128  # that are at work at a time
MARGIN_PX = 0.5  # of a frame, beyond the centres of its outermost pixels


def draw(pixels, longest_px, shown_px, stretch):
    """Return the Pillow image of a whole frame, without what lies beyond the 1st and 99th percentile.

    A frame that is larger is reduced by one factor for both axes to a longest side of `longest_px`, or of `shown_px` if
    that is less, and shown with a longest side of `shown_px`.
    """
    from PIL import Image

    low, high = _limits(pixels)
    longest, side_px = max(pixels.width, pixels.height), min(longest_px, shown_px)
    width, height = _size(pixels, min(1.0, side_px / longest))
    narrow = np.empty((pixels.height, width), np.float32)
    for first in range(0, pixels.height, BAND_ROWS):  # Pillow, too, takes columns before rows
        band = slice(first, min(first + BAND_ROWS, pixels.height))
        values = pixels.rows(band)
        np.minimum(np.fmax(values, low, out=values), high, out=values)  # where there is no number: low
        narrow[band] = Image.fromarray(values).resize((width, len(values)), Image.Resampling.BOX)
    image = Image.fromarray(narrow).resize((width, height), Image.Resampling.BOX)
    view = view_of(pixels, shown_px)
    grey = Image.fromarray(to_grey(np.asarray(image), stretch)[::-1])
    size = view.width, view.height
    return grey if grey.size == size else grey.resize(size, Image.Resampling.BILINEAR)


def _limits(pixels):
    """Return (1st, 99th percentile), float32, of pixels from everywhere on the frame."""
    step = sample_step(pixels.width * pixels.height)
    sample = pixels.rows(slice(None, None, step))[:, ::step]
    sample = sample[np.isfinite(sample)]
    return np.percentile(sample, (1, 99)).astype(np.float32) if sample.size else np.zeros(2, np.float32)


def view_of(pixels, shown_px):
    """Return the View of the picture that `draw` makes."""
    scale = shown_px / max(pixels.width, pixels.height)
    return View(0.5, 0.5, scale, *_size(pixels, scale))


def places(pixels, shown_px, ra_deg, dec_deg):
    """Return the places [[column, row], ...] on the quick view of those of the positions that are on the frame."""
    return [place for place in places_of_all(pixels, shown_px, ra_deg, dec_deg) if place is not None]


def places_of_all(pixels, shown_px, ra_deg, dec_deg):
    """Return the place [column, row] on the quick view of each of the positions, None for those beyond the frame."""
    x, y = pixels.position(ra_deg, dec_deg)
    inside = (x >= 1 - MARGIN_PX) & (x <= pixels.width + MARGIN_PX)
    inside &= (y >= 1 - MARGIN_PX) & (y <= pixels.height + MARGIN_PX)
    every = np.column_stack(view_of(pixels, shown_px).place(x, y)).round(1).tolist()
    return [place if on_frame else None for place, on_frame in zip(every, inside, strict=True)]


def _size(pixels, scale):
    return max(1, round(pixels.width * scale)), max(1, round(pixels.height * scale))
