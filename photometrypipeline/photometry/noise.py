"""Noise of an image as apertures see it: resampling spreads it over neighbours, where single pixels hide it."""

import numpy as np
from astropy.stats import mad_std, sigma_clipped_stats
from scipy.ndimage import binary_dilation, gaussian_filter, median_filter, zoom
from scipy.signal import oaconvolve

SIDE_PX = 2048  # of the middle part that is looked at: enough for a statistical error below 1 %
MESH_PX = 64  # of the background, as Source Extractor has it
SOURCE_SIGMA = 3.0  # of the smoothed image: what is brighter is a source and counts for nothing
SMOOTHING_PX = 2.0
FEWEST = 100  # empty apertures; with fewer the result is no better than a guess


def aperture_noise_factor(image, radius_px, usable=None):
    """Return by how much the noise of an aperture exceeds that of its pixels added in quadrature (float, at least 1).

    image : ndarray, shape (rows, columns);  radius_px : of the apertures;  usable : bool, same shape, default all
    NaN if there are fewer than FEWEST places without a source for an aperture, or no noise at all.

    The scatter of the sums in apertures on empty sky, with weights k of their pixels, over sigma_pixel * sqrt(sum k^2).
    """
    sums, pixel = empty_sums(image, radius_px, usable)
    if sums.size < FEWEST or not pixel > 0:
        return np.nan
    return max(1.0, float(mad_std(sums) / (pixel * np.sqrt(np.sum(disc(radius_px) ** 2)))))


def empty_sums(image, radius_px, usable=None):
    """Return (sums, sigma_pixel): sky-subtracted sums in apertures without a source, shape (n,), and the pixels' noise.

    Apertures lie half a radius apart or more; they overlap, which makes the scatter of their sums no worse.
    """
    image, usable = _middle(image), _middle(np.ones(image.shape, bool) if usable is None else usable)
    flat = np.where(usable, image - background(image, usable), 0.0)
    smooth = gaussian_filter(flat, SMOOTHING_PX)
    sources = smooth > SOURCE_SIGMA * mad_std(smooth[usable])
    taken = binary_dilation(sources, iterations=int(np.ceil(SMOOTHING_PX * 2))) | ~usable
    kernel = disc(radius_px)
    blocked = oaconvolve(taken.astype(float), (kernel > 0).astype(float), mode="valid") > 0.5
    sums = oaconvolve(flat, kernel, mode="valid")
    step = max(1, int(radius_px))
    return sums[::step, ::step][~blocked[::step, ::step]], float(mad_std(flat[~taken]))


def background(image, usable):
    """Return the sky level at every pixel, shape of `image`: medians of meshes without sources, interpolated."""
    rows, columns = (max(1, round(length / MESH_PX)) for length in image.shape)
    edges = [
        np.linspace(0, length, number + 1).astype(int)
        for length, number in zip(image.shape, (rows, columns), strict=True)
    ]
    mesh = np.full((rows, columns), np.nan)
    for i in range(rows):
        for j in range(columns):
            part = slice(edges[0][i], edges[0][i + 1]), slice(edges[1][j], edges[1][j + 1])
            values = image[part][usable[part]]
            if values.size:
                mesh[i, j] = sigma_clipped_stats(values, sigma=3, maxiters=5)[1]
    mesh = np.where(np.isnan(mesh), np.nanmedian(mesh), mesh)
    mesh = median_filter(mesh, size=3, mode="nearest")
    return zoom(mesh, np.array(image.shape) / mesh.shape, order=1, grid_mode=True, mode="nearest")


def disc(radius_px):
    """Return a disc, shape (n, n), centred on a pixel, whose edge pixels count with the share that lies inside."""
    half = int(np.ceil(radius_px + 0.5))
    fine = (np.arange((2 * half + 1) * 10) + 0.5) / 10 - half - 0.5
    inside = fine[:, None] ** 2 + fine**2 <= radius_px**2
    return inside.reshape(2 * half + 1, 10, 2 * half + 1, 10).mean(axis=(1, 3))


def _middle(array):
    part = tuple(slice(max(0, (n - SIDE_PX) // 2), max(0, (n - SIDE_PX) // 2) + SIDE_PX) for n in array.shape)
    return array[part]
