"""Error bars of single magnitudes, part by part.

`sig` in photometry_*.dat contains the scatter of the zeropoint fit and is generous for bright targets.  What stands
here is the error that repeated measurements of the same source would scatter by.
"""

from dataclasses import dataclass

import numpy as np

NO_MEASUREMENT = 99.0  # magnitude, and error, that Source Extractor gives where it has none
MAG_PER_RELATIVE_FLUX = 2.5 / np.log(10)  # Pogson: 1.0857 mag


@dataclass(frozen=True)
class ZeropointErrors:
    """The errors of a zeropoint, mag; NaN without one.

    frame : against the mean of all frames;  common : of that mean, a number or of each source, shape (n,)
    transformation, color, uniformity : of the band transformation, of the target's colour, of the catalogue from field
    to field: common to all frames, as `common` is
    """

    frame: float
    common: float
    transformation: float = 0.0
    color: float = 0.0
    uniformity: float = 0.0


def parts(flux, mag_err, gain, zeropoint):
    """Return {name: ndarray, shape (n,), mag} of the error parts of instrumental magnitudes.

    flux : counts, shape (n,);  mag_err : Source Extractor's error, mag, shape (n,)
    gain : e-/ADU, or None if unknown: photon noise is then neither in `mag_err` nor here (NaN)
    zeropoint : ZeropointErrors

    err_source (`mag_err`, of which err_photon and err_background are the parts) and err_zp_frame are in quadrature
    err_frame, by which repeated measurements scatter; err_zp_common, err_transformation, err_color, err_uniformity are
    err_common, which shifts a whole light curve.  err_zeropoint is the whole error of the mean zeropoint, and err_total
    has err_source and err_zeropoint.
    Source Extractor's error is (area * sigma^2 + flux / gain)^0.5 (its manual, "Flux uncertainties"): the photon part
    is taken off to get that of the background.
    """
    flux, mag_err = np.asarray(flux, dtype=float), np.asarray(mag_err, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        photon = MAG_PER_RELATIVE_FLUX / np.sqrt(flux * gain) if gain else np.full(flux.shape, np.nan)
    known = np.nan_to_num(photon, nan=0.0, posinf=0.0)
    background = np.sqrt(np.maximum(mag_err**2 - known**2, 0.0))
    of_frame = np.full(flux.shape, zeropoint.frame)
    common = {
        "err_zp_common": np.broadcast_to(zeropoint.common, flux.shape),
        "err_transformation": np.full(flux.shape, zeropoint.transformation),
        "err_color": np.full(flux.shape, zeropoint.color),
        "err_uniformity": np.full(flux.shape, zeropoint.uniformity),
    }
    whole = np.hypot(of_frame, common["err_zp_common"])
    return {
        "err_photon": photon,
        "err_background": background,
        "err_zeropoint": whole,
        "err_transformation": common["err_transformation"],
        "err_total": np.hypot(mag_err, np.nan_to_num(whole, nan=0.0)),
        "err_source": mag_err,
        "err_zp_frame": of_frame,
        "err_frame": np.hypot(mag_err, np.nan_to_num(of_frame, nan=0.0)),
        **{name: values for name, values in common.items() if name != "err_transformation"},
        "err_common": np.sqrt(sum(values**2 for values in common.values())),
    }


def correct_correlated(table, factor, gain):
    """Multiply the background part of Source Extractor's errors in `table`, in place, by `factor`.

    factor : noise of an aperture over that of its pixels in quadrature (noise.aperture_noise_factor)
    gain : e-/ADU; None: Source Extractor has left out photon noise, its errors are background alone
    Errors of positions, which rest on the same pixels, are multiplied as a whole.
    """
    for name in [name for name in table.colnames if name.startswith("FLUXERR_")]:
        kind = name.removeprefix("FLUXERR_")
        flux, err = (np.asarray(table[column], dtype=float) for column in (f"FLUX_{kind}", name))
        photons = np.minimum(np.maximum(flux, 0.0) / gain if gain else 0.0, err**2)
        corrected = np.sqrt(factor**2 * (err**2 - photons) + photons)
        ratio = np.divide(corrected, err, out=np.ones_like(err), where=err > 0)
        table[name] = corrected.astype(table[name].dtype)
        if f"MAGERR_{kind}" in table.colnames:
            mag_err = np.asarray(table[f"MAGERR_{kind}"])
            known = mag_err < NO_MEASUREMENT
            table[f"MAGERR_{kind}"] = np.where(known, mag_err * ratio, mag_err).astype(mag_err.dtype)
    for name in ("ERRAWIN_IMAGE", "ERRBWIN_IMAGE", "ERRAWIN_WORLD", "ERRBWIN_WORLD"):
        if name in table.colnames:
            table[name] = (np.asarray(table[name]) * factor).astype(table[name].dtype)
