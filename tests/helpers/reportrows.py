"""A row of a light curve as reports read it."""

from photometrypipeline.frames import results


def row(**changes):
    """Return a Row, with `changes` of what is usual."""
    values = {
        "ldac": "a.ldac", "jd": 2457786.9562037, "exptime_s": 30.0, "mag": 17.04, "sig": 0.03, "inst": -9.0,
        "e_inst": 0.01, "ra_deg": 10.0, "dec_deg": -0.5, "ra_pred_deg": 10.0, "dec_pred_deg": -0.5, "flags": 0,
        "telescope": "VATT4K", "fwhm_arcsec": 1.5, "catalog": "PANSTARRS", "band": "rp1",
    }  # fmt: skip
    return results.Row(**{**values, **changes})
