"""Invented stars with true colours, and what the surveys would say about them.

Shared by make_vatt4k.py and by the tests' simulator (tests/sky.py).  Every star has one colour parameter, g-i in the
PS1 system; the other colours follow from the stellar locus, Johnson-Cousins and SDSS magnitudes from the relations of
Tonry et al. (2012, ApJ 750, 99) with their published scatter, Gaia's from Riello et al. (2021, A&A 649, A3).

`rng` is a numpy RandomState or Generator; only `normal` and `uniform` are used, which both have.
The tables of the surveys have the columns of photometrypipeline/surveys: angles in deg (errors on the great circle),
proper motions in mas/yr, NaN where something is missing.
"""

import numpy as np
from astropy.table import Table
from scipy.spatial import cKDTree

EPOCH_YR = 2016.0  # of the true positions, that of Gaia DR3
MAS_PER_DEG = 3.6e6

# Stellar locus in the PS1 system (Tonry et al. 2012; Covey et al. 2007), u-g in the SDSS system, BP-RP of Gaia; the row
# g-i = 0.51 is the Sun (Willmer 2018).
LOCUS = {
    "gi": [-0.30, 0.20, 0.51, 0.82, 1.10, 1.42, 1.85, 2.35, 2.80],
    "gr": [-0.15, 0.19, 0.39, 0.60, 0.80, 1.00, 1.20, 1.22, 1.22],
    "iz": [-0.10, -0.02, 0.02, 0.09, 0.14, 0.20, 0.32, 0.50, 0.75],
    "zy": [-0.05, -0.01, 0.00, 0.04, 0.07, 0.10, 0.16, 0.25, 0.38],
    "ug": [1.00, 1.05, 1.29, 1.70, 2.10, 2.40, 2.60, 2.60, 2.60],
    "bp_rp": [0.05, 0.52, 0.82, 1.06, 1.27, 1.50, 1.85, 2.30, 2.75],
}
# Tonry et al. (2012), Table 6, x = g-r of PS1: band -> (PS1 band, constant, x, x^2, scatter in mag)
TONRY = {
    "g": ("gp1", 0.013, 0.145, 0.019, 0.008),
    "r": ("rp1", -0.001, 0.004, 0.007, 0.004),
    "i": ("ip1", -0.005, 0.011, 0.010, 0.004),
    "z": ("zp1", 0.013, -0.039, -0.012, 0.010),
    "B": ("gp1", 0.212, 0.556, 0.034, 0.032),
    "V": ("rp1", 0.005, 0.462, 0.013, 0.012),
    "R": ("rp1", -0.137, -0.108, -0.029, 0.015),
    "I": ("ip1", -0.366, -0.136, -0.018, 0.017),
}
GAIA_G_MINUS_R = (-0.09837, 0.08592, 0.1907, -0.1701, 0.02263)  # G - r(SDSS), powers of BP-RP (Riello et al. 2021)
BP_RP_EXCESS = (  # flux in BP and RP over that in G, powers of BP-RP: bluer than 0.5, redder (Riello et al. 2021)
    np.array([1.154360, 0.033772, 0.032277, 0.0])[:, None],
    np.array([1.162004, 0.011464, 0.049255, -0.005879])[:, None],
)
BANDS = ("gp1", "rp1", "ip1", "zp1", "yp1", "u", "g", "r", "i", "z", "B", "V", "R", "I", "G", "BP", "RP")
G_MINUS_RP = (0.022, 0.62, -0.066)  # powers of BP-RP; good to some 0.02 mag along the locus


def make_stars(rng, ra_deg, dec_deg, rp1mag):
    """Return the truth: a Table with a row per star, positions at EPOCH_YR, proper motions, magnitudes in every band.

    ra_deg, dec_deg, rp1mag : ndarrays of one shape (n,); the r magnitude (PS1, AB) of each star
    Columns: ra_deg, dec_deg, pmra, pmdec, kind ('star'), and the magnitudes gp1 rp1 ip1 zp1 yp1, u g r i z (SDSS, AB,
    u and z with the offsets of the survey taken off: as measured), B V R I (Vega), G BP RP (Vega).
    """
    n = len(rp1mag)
    gi = _colours(rng, rp1mag)
    stars = Table({"ra_deg": ra_deg, "dec_deg": dec_deg, "kind": np.full(n, "star", dtype="U8")})
    fast = rng.uniform(size=n) < 0.03
    for name, mean in (("pmra", -8.0), ("pmdec", -6.0)):
        stars[name] = rng.normal(mean, np.where(fast, 80.0, 9.0))
    colour = {key: np.interp(gi, LOCUS["gi"], LOCUS[key]) for key in ("gr", "iz", "zy", "ug", "bp_rp")}
    stars["rp1"] = rp1mag
    stars["gp1"] = rp1mag + colour["gr"] + rng.normal(0, 0.01, n)
    stars["ip1"] = rp1mag - (gi - colour["gr"]) + rng.normal(0, 0.01, n)
    stars["zp1"] = stars["ip1"] - colour["iz"] + rng.normal(0, 0.01, n)
    stars["yp1"] = stars["zp1"] - colour["zy"] + rng.normal(0, 0.01, n)
    for band in TONRY:
        stars[band] = transform(stars, band) + rng.normal(0, TONRY[band][4], n)
    stars["u"] = stars["g"] + colour["ug"] + rng.normal(0, 0.05, n)
    bp_rp = colour["bp_rp"] + rng.normal(0, 0.02, n)
    stars["G"] = stars["r"] + np.polynomial.polynomial.polyval(bp_rp, GAIA_G_MINUS_R) + rng.normal(0, 0.02, n)
    stars["RP"] = stars["G"] - np.polynomial.polynomial.polyval(bp_rp, G_MINUS_RP)
    stars["BP"] = stars["RP"] + bp_rp
    return stars


def _colours(rng, rp1mag):
    """Return g-i (PS1), shape of `rp1mag`: F to K dwarfs, and with fainter magnitudes more and more M dwarfs."""
    n = len(rp1mag)
    red = rng.uniform(size=n) < np.clip((rp1mag - 15) * 0.09, 0.05, 0.6)
    gi = np.where(red, rng.normal(2.0, 0.4, n), rng.normal(0.72, 0.25, n))
    return np.clip(gi, 0.05, 2.8)


def transform(stars, band):
    """Return magnitudes in `band` (a key of TONRY) from the columns gp1, rp1, ip1, zp1 of `stars`, shape (n,)."""
    lead, constant, linear, quadratic, _ = TONRY[band]
    x = stars["gp1"] - stars["rp1"]
    return stars[lead] + constant + linear * x + quadratic * x**2


def uniform_magnitudes(rng, n, brightest, faintest, slope=0.19):
    """Return n magnitudes with counts that grow as 10^(slope m), the slope of high galactic latitudes."""
    low = 10 ** (slope * (brightest - faintest))
    return faintest + np.log10(rng.uniform(low, 1.0, n)) / slope


def positions_at(stars, epoch_yr, from_yr=EPOCH_YR):
    """Return ra_deg, dec_deg, shapes (n,), moved from `from_yr` to `epoch_yr`; parallax is left out."""
    years = epoch_yr - from_yr
    dec = stars["dec_deg"] + np.nan_to_num(stars["pmdec"]) * years / MAS_PER_DEG
    ra = stars["ra_deg"] + np.nan_to_num(stars["pmra"]) * years / MAS_PER_DEG / np.cos(np.radians(stars["dec_deg"]))
    return np.asarray(ra) % 360, np.asarray(dec)


# ---- what the surveys say: tables with the columns of photometrypipeline/surveys -------------------------------------


def gaia_table(stars, rng, limit=21.0):
    """Return what Gaia DR3 lists down to G = limit: G, BP, RP (Vega), positions at EPOCH_YR good to a mas."""
    stars = stars[(stars["G"] < limit) & (stars["kind"] == "star")]
    n = len(stars)
    error_mas = 0.03 + 0.45 * 10 ** (0.3 * (np.clip(stars["G"], 13, None) - 20.0))
    table = _positions(stars, rng, EPOCH_YR, error_mas)
    table["ident"] = [f"{3890000000000000000 + 7919 * k}" for k in range(n)]
    two_parameters = (rng.uniform(size=n) < 0.05) & (stars["G"] > 18)
    for axis in ("pmra", "pmdec"):
        noise = rng.normal(0, 1.1 * error_mas, n)
        table[axis] = np.where(two_parameters, np.nan, stars[axis] + noise)
        table["e_" + axis] = np.where(two_parameters, np.nan, 1.1 * error_mas)
    for band, floor, at_20 in (("G", 0.003, 0.004), ("BP", 0.003, 0.09), ("RP", 0.004, 0.06)):
        _photometry(table, rng, f"{band}mag", stars[band], floor, at_20)
    table["flag_ruwe"] = np.round(np.abs(rng.normal(1.0, 0.06, n)), 3)
    table["flag_dup"] = np.zeros(n)
    x = np.asarray(stars["BP"] - stars["RP"])
    expected = np.polynomial.polynomial.polyval(x, np.where(x < 0.5, *BP_RP_EXCESS), tensor=False)
    scatter = 0.0059898 + 8.817481e-12 * np.asarray(stars["G"]) ** 7.618399
    table["flag_excess"] = expected + rng.normal(0, scatter, n)
    table["flag_variable"] = np.full(n, "NOT_AVAILABLE")
    table["flag_blend_percent"] = np.zeros(n)
    return table


def panstarrs_table(stars, rng, limit=21.0):
    """Return what Pan-STARRS DR1 lists: grizy (AB) PSF magnitudes, wrong for r < 13.7: saturated."""
    stars = blended(stars[stars["rp1"] < limit + 0.5], 1.2)
    n = len(stars)
    table = _positions(stars, rng, rng.normal(2013.0, 0.5, n), np.hypot(4.0, 30 * 10 ** (0.3 * (stars["rp1"] - 21.0))))
    table["ident"] = [f"{114020000000000000 + 104729 * k}" for k in range(n)]
    saturated = np.where(stars["rp1"] < 13.7, rng.uniform(0.05, 0.6, n), 0.0)
    for band, at_20 in (("gp1", 0.018), ("rp1", 0.016), ("ip1", 0.015), ("zp1", 0.025), ("yp1", 0.06)):
        _photometry(table, rng, f"{band}mag", stars[band] + saturated + _lost_by_psf(stars), 0.004, at_20)
    table["flag_object"] = np.zeros(n)
    table["flag_quality"] = np.where(stars["kind"] == "galaxy", 53.0, 52.0)  # bit 1: extended
    table["flag_detections"] = np.round(rng.uniform(20, 60, n))
    table["flag_stack_detections"] = np.full(n, 5.0)
    table["flag_kron_i"] = np.round(stars["ip1"] + saturated + rng.normal(0.0, 0.012, n), 4)
    return table[np.asarray(table["rp1mag"]) < limit]


def sdss_table(stars, rng, limit=21.0):
    """Return what SDSS lists: ugriz PSF magnitudes (AB), class 6 for stars, 3 for galaxies."""
    stars = blended(stars[stars["g"] < limit + 0.5], 1.2)
    n = len(stars)
    table = _positions(stars, rng, rng.normal(2003.2, 0.3, n), np.hypot(40, 40 * 10 ** (0.3 * (stars["r"] - 20.0))))
    table["ident"] = [f"J{k:010d}" for k in range(n)]
    for band, offset, at_20 in (
        ("u", -0.04, 0.07),
        ("g", 0, 0.022),
        ("r", 0, 0.024),
        ("i", 0, 0.035),
        ("z", 0.02, 0.11),
    ):
        _photometry(table, rng, f"{band}mag", stars[band] + offset + _lost_by_psf(stars), 0.01, at_20)
    table["flag_mode"] = np.ones(n)
    table["flag_class"] = np.where(stars["kind"] == "galaxy", 3.0, 6.0)
    table["flag_clean"] = np.full(n, "+")
    return table[np.asarray(table["gmag"]) < limit]


SURVEYS = {"GAIA-DR3": gaia_table, "PANSTARRS": panstarrs_table, "SDSS-R9": sdss_table}


def blended(stars, separation_arcsec):
    """Return `stars` as surveys of that resolution see them: pairs become one entry with the light of both."""
    scale = np.array([np.cos(np.radians(np.mean(stars["dec_deg"]))), 1.0]) * 3600
    places = np.column_stack([stars["ra_deg"], stars["dec_deg"]]) * scale
    pairs = cKDTree(places).query_pairs(separation_arcsec, output_type="ndarray")
    stars, gone = stars.copy(), np.zeros(len(stars), dtype=bool)
    for one, other in pairs:
        keep, drop = (one, other) if stars["rp1"][one] < stars["rp1"][other] else (other, one)
        share = 1 / (1 + 10 ** (0.4 * (stars["rp1"][drop] - stars["rp1"][keep])))  # of the fainter, in the light
        for name in ("ra_deg", "dec_deg"):
            stars[name][keep] += share * (stars[name][drop] - stars[name][keep])
        for band in BANDS:
            stars[band][keep] = -2.5 * np.log10(10 ** (-0.4 * stars[band][keep]) + 10 ** (-0.4 * stars[band][drop]))
        gone[drop] = True
    return stars[~gone]


def _positions(stars, rng, epoch_yr, error_mas):
    """Return a Table with positions at `epoch_yr` (yr, scalar or (n,)), scattered by `error_mas`, without motions."""
    n = len(stars)
    ra, dec = positions_at(stars, epoch_yr)
    error_deg = np.asarray(error_mas) / MAS_PER_DEG * np.ones(n)
    ra = (ra + rng.normal(0, error_deg) / np.cos(np.radians(dec))) % 360
    dec = dec + rng.normal(0, error_deg)
    table = Table({"ra_deg": ra, "dec_deg": dec, "e_ra_deg": error_deg, "e_dec_deg": error_deg})
    table["epoch_yr"] = epoch_yr * np.ones(n)
    for name in ("pmra", "pmdec", "e_pmra", "e_pmdec"):
        table[name] = np.full(n, np.nan)
    return table


def _photometry(table, rng, column, true_mag, floor, at_20):
    """Add `column` and its error: `floor` mag for bright stars, `at_20` mag at 20 and growing as the sky's share."""
    true_mag = np.asarray(true_mag, dtype=float)
    error = np.hypot(floor, at_20 * 10 ** (0.32 * (true_mag - 20.0)))
    measured = true_mag + rng.normal(0, error)
    missing = error > 0.5
    table[column] = np.where(missing, np.nan, np.round(measured, 4))
    table["e_" + column] = np.where(missing, np.nan, np.round(error, 4))


def _lost_by_psf(stars):
    """Return by how many mag a PSF magnitude is too faint: 0 for stars, much for galaxies."""
    return np.where(stars["kind"] == "galaxy", 0.6, 0.0)
