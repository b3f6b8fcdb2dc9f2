"""How well the place of a source is known: its centroid and the astrometric solution of the frame."""

import numpy as np

from photometrypipeline.base import cdmatrix

DEG_ARCSEC = 3600.0


def sky_covariance(semi_a_px, semi_b_px, theta_deg, cd):
    """Return the covariance of a centroid on the sky, shape (2, 2), arcsec^2, East and North.

    semi_a_px, semi_b_px : 1-sigma axes of the error ellipse (ERRAWIN_IMAGE, ERRBWIN_IMAGE), px
    theta_deg : angle of the first, from the x axis to the y axis (ERRTHETAWIN_IMAGE);  cd : CD matrix, deg per px
    """
    cos, sin = np.cos(np.radians(theta_deg)), np.sin(np.radians(theta_deg))
    turn = np.array([[cos, -sin], [sin, cos]])
    covariance = turn @ np.diag([semi_a_px**2, semi_b_px**2]) @ turn.T
    to_sky = np.asarray(cd, dtype=float) * DEG_ARCSEC
    return to_sky @ covariance @ to_sky.T


def position_errors(observation):
    """Return (rms_ra, rms_dec, correlation, rms_fit) of an Observation: arcsec on the sky, RA with cos Dec, 1 sigma.

    To the centroid's error comes the rms of the registration per axis (ASTRRMS1, ASTRRMS2 of SCAMP, deg), whole: part
    of it is common to neighbouring stars and does not average out. NaN where the source or the solution is not known.
    """
    fit = np.array([observation.card(keyword) * DEG_ARCSEC for keyword in ("ASTRRMS1", "ASTRRMS2")])
    cd = cdmatrix.of({name: observation.card(name) for row in cdmatrix.NAMES for name in row})
    axes = (observation.value(name) for name in ("ERRAWIN_IMAGE", "ERRBWIN_IMAGE", "ERRTHETAWIN_IMAGE"))
    covariance = sky_covariance(*axes, cd)
    total = covariance + np.diag(np.nan_to_num(fit, nan=0.0) ** 2)
    rms = np.sqrt(np.diag(total))
    return float(rms[0]), float(rms[1]), float(total[0, 1] / rms.prod()), float(np.sqrt(np.mean(fit**2)))
