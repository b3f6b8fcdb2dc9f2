"""Differential light curves of stars: their own colour, barycentric time, airmass, and flux in units of its median."""

import numpy as np

from photometrypipeline.base.errors import TelescopeError
from photometrypipeline.calibration.nightly import airmass_of
from photometrypipeline.frames.rows import STAR_KINDS
from photometrypipeline.instruments.dataset import telescope_of
from photometrypipeline.photometry.errorbars import MAG_PER_RELATIVE_FLUX
from photometrypipeline.sky import observer


def use_own_color(row, each, source):
    """Bring the magnitude of a star, a Row, to its own colour where the catalogue knows it.

    each : targets.Measured;  source : the row of its table that is taken for the star
    Zeropoints hold for a source of the target's colour, by default an asteroid's.  What the star differs by enters
    with the colour term of the night, and the error of the colour is that of the catalogue.
    """
    term = each.colorterm
    if row.kind not in STAR_KINDS or term is None or "star_color" not in each.table.colnames:
        return
    color, error = float(source["star_color"]), float(source["e_star_color"])
    if not np.isfinite(color):
        return
    row.mag += term["coefficient"] * (color - term["target_color"])
    before, row.err_color = row.err_color, abs(term["coefficient"]) * (error if np.isfinite(error) else 0.0)
    steepness = term["err"] * abs(color - term["target_color"])  # the coefficient is not exactly known
    row.err_zp_common = float(np.hypot(row.err_zp_common, steepness))
    squares = row.err_common**2 - np.nan_to_num(before) ** 2 + row.err_color**2 + steepness**2
    row.err_common = float(np.sqrt(max(squares, 0.0)))


def observe(rows, measured):
    """Fill in barycentric time, airmass, and normalised flux of the Rows of a star, one per frame.

    measured : list of targets.Measured.  Other targets get the airmass where the header of their frame has none.
    """
    of_frame = {each.frame.name: each for each in measured}
    for row in rows:
        each = of_frame[row.frame]
        telescope = telescope_of(each.frame)
        place = row.ra_pred_deg, row.dec_pred_deg
        row.airmass = airmass_of(each.frame, telescope, *place)
        if row.kind in STAR_KINDS:
            row.bjd_tdb = _barycentric(row.jd, place, telescope)
    _normalise([row for row in rows if row.kind in STAR_KINDS and row.detected])


def _barycentric(jd, place, telescope):
    try:
        return float(observer.bjd_tdb(jd, *place, telescope.mpc_code)[0])
    except TelescopeError:  # no fixed place on the Earth: the centre of the Earth is off by up to 21 ms
        return float(observer.bjd_tdb(jd, *place)[0])


def _normalise(rows):
    """Fill in the flux in units of the median over the rows that count."""
    accepted = [row.mag for row in rows if row.accepted]
    if not accepted:
        return
    middle = np.median(accepted)
    for row in rows:
        row.norm_flux = float(10 ** (-0.4 * (row.mag - middle)))
        row.norm_flux_err = row.norm_flux * row.err_repeat / MAG_PER_RELATIVE_FLUX
