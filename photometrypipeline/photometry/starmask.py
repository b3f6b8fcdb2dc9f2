"""Where stars are on a frame, by a stack of the sky: masked there, they leave no trails in a comoving stack."""

import numpy as np
from astropy.stats import mad_std
from scipy.ndimage import binary_dilation, gaussian_filter, map_coordinates
from skimage.filters import apply_hysteresis_threshold

from photometrypipeline.photometry import noise

SMOOTHING_PX = 1.5
SEED_SIGMA = (
    1.0  # of one frame: what is brighter in the stack, smoothed, is a star; the trace of a moving target is not
)
EDGE_SIGMA = 3.0  # of the smoothed stack: down to there the light of a star is masked
GROWN_PX = 2
GRID_PX = 32  # spacing of the places that are projected; between them they are interpolated
BLOCK_ROWS = 256


def of_stack(image, frame_sigma):
    """Return where stars are in a stack of the sky (ADU): bool, of the same shape.

    frame_sigma : noise of a pixel in one frame, ADU.  A target that moves by ten star widths leaves less than 0.3 of it
    in a clipped mean, so that it is not taken for a star.
    """
    usable = np.isfinite(image)
    smooth = gaussian_filter(
        np.where(usable, image, np.nanmedian(image)) - noise.background(image, usable), SMOOTHING_PX
    )
    low = EDGE_SIGMA * mad_std(smooth)
    stars = apply_hysteresis_threshold(smooth, min(low, SEED_SIGMA * frame_sigma), max(low, SEED_SIGMA * frame_sigma))
    return binary_dilation(stars, iterations=GROWN_PX)


def on_frame(mask, mask_wcs, wcs, size_px):
    """Return the part of `mask`, shape (rows, columns), that lies on a frame: bool, shape (ny, nx).

    mask_wcs, wcs : of the mask and of the frame (astropy);  size_px : (nx, ny) of the frame
    """
    nx, ny = size_px
    x, y = (np.arange(-GRID_PX, n + 2 * GRID_PX, GRID_PX, dtype=float) for n in (nx, ny))
    grid = np.meshgrid(x, y)
    places = wcs.all_pix2world(*(axis.ravel() for axis in grid), 0)
    there = [axis.reshape(grid[0].shape) for axis in mask_wcs.wcs_world2pix(*places, 0)]
    result = np.zeros((ny, nx), dtype=bool)
    for first in range(0, ny, BLOCK_ROWS):
        rows = np.arange(first, min(first + BLOCK_ROWS, ny))
        cells = np.meshgrid((rows - y[0]) / GRID_PX, (np.arange(nx) - x[0]) / GRID_PX, indexing="ij")
        column, row = (np.rint(map_coordinates(axis, cells, order=1)).astype(int) for axis in there)
        inside = (row >= 0) & (row < mask.shape[0]) & (column >= 0) & (column < mask.shape[1])
        part = result[rows[0] : rows[-1] + 1]
        part[inside] = mask[row[inside], column[inside]]
    return result
