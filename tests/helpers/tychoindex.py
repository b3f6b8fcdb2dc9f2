"""A small index file of the form in which Debian packages Tycho-2, with stars of our own."""

import numpy as np
from astropy.io import fits

from photometrypipeline.catalogs.surveys import tycho2
from photometrypipeline.sky import sphere


def write(folder, ra_deg, dec_deg, vt_mag):
    """Write the index file of the given stars into `folder`; positions are kept to 1e-4 arcsec, as in the real one."""
    scale, lowest = (2**32 - 2) / 2.0, np.full(3, -1.0)
    places = np.round((sphere.vectors(ra_deg, dec_deg) - lowest) * scale).astype("<u4")
    scaling = np.array([*lowest, 1.0, 1.0, 1.0, scale], dtype="<f8")
    hdus = [fits.PrimaryHDU()]
    for name, raw, width in (("kdtree_range_stars", scaling, 8), ("kdtree_data_stars", places, 12)):
        text = np.frombuffer(raw.tobytes(), dtype=f"S{width}")
        hdus.append(fits.BinTableHDU.from_columns([fits.Column(name, f"{width}A", array=text)]))
    hdus.append(fits.BinTableHDU.from_columns([fits.Column("MAG_VT", "1E", array=np.asarray(vt_mag))]))
    fits.HDUList(hdus).writeto(folder / tycho2.FILE)
