"""How a camera is mounted, in words: scale, angle and mirror as the solutions of its frames show them."""

import numpy as np

from photometrypipeline.base import cdmatrix
from photometrypipeline.newcamera.skyview import rotation_deg

APART_DEG = 90.0  # angles further apart are those of both sides of the pier


def in_words(headers):
    """Return one sentence on the scale, angle and mirror of solved frames, a list of fits.Header with a CD matrix."""
    matrices = [cdmatrix.of(header) for header in headers]
    mirrored = [np.linalg.det(matrix) > 0 for matrix in matrices]
    scale = np.median([np.sqrt(abs(np.linalg.det(matrix))) * 3600 for matrix in matrices])
    turned = np.array([rotation_deg(*each) for each in zip(matrices, mirrored, strict=True)])
    off = (turned - turned[0] + 180) % 360 - 180
    sides = [
        turned[0] + np.median(off[side]) for side in (np.abs(off) <= APART_DEG, np.abs(off) > APART_DEG) if side.any()
    ]
    angles = " or ".join(f"{(each + 180) % 360 - 180:.1f}" for each in sides)
    image = "a mirror image" if mirrored[0] else "not a mirror image"
    return f"{scale:.4f} arcsec/px, {image}, turned by {angles} deg East of North"
