"""Light in an aperture, in a PSF, in a stack, and its errors."""
