"""Frames as pp_photometry leaves them, without an image behind them: header and source list, for tests of pp_calibrate.

sources : Table with ra_deg, dec_deg, inst, e_inst (mag); a frame is two by two pixels large.
"""

import numpy as np
from astropy.io import fits
from astropy.table import Table

from photometrypipeline.frames import ldac
from photometrypipeline.frames.frame import Frame


def write(folder, name, sources, midtime_jd=2459000.5):
    """Write NAME.fits and NAME.ldac into `folder` and return the Frame."""
    header = fits.Header()
    header.update({"OBJECT": "3552", "MIDTIMJD": midtime_jd, "EXPTIME": 60.0, "TEL_KEYW": "VATT4K", "APRAD": 4.0})
    fits.writeto(folder / f"{name}.fits", np.zeros((2, 2), dtype=np.float32), header, overwrite=True)
    number = len(sources)
    table = Table()
    table["XWIN_WORLD"], table["YWIN_WORLD"] = np.asarray(sources["ra_deg"]), np.asarray(sources["dec_deg"])
    table["XWIN_IMAGE"], table["YWIN_IMAGE"] = np.arange(number) % 1000.0, np.arange(number) // 1000.0
    table["MAG_APER"], table["MAGERR_APER"] = np.asarray(sources["inst"]), np.asarray(sources["e_inst"])
    table["FLUX_APER"] = 10 ** (-0.4 * table["MAG_APER"])
    table["FLAGS"] = np.zeros(number, dtype=np.int16)
    ldac.write(folder / f"{name}.ldac", ldac.SourceList(header, table))
    return Frame(folder / f"{name}.fits")
