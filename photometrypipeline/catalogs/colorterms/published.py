"""The published transformations between photometric bands: coefficients, colour range, scatter and source, as data."""

from dataclasses import replace

import numpy as np

from photometrypipeline.catalogs.colorterms.relation import Chain, Relation, Term

INF = np.inf


def _cg08():
    """Return SDSS ugriz as measured (PSF, before AB offsets) to UBVRI."""
    source = "Chonis & Gaskell 2008, AJ 135, 264"
    colours = ((("gmag", "rmag"), 0.2, 1.4), (("rmag", "imag"), 0.08, 0.5))
    limits = (*colours, *((f"{band}mag", 14.5, 19.5) for band in "gri"))

    def relation(band, lead, zero, zero_err, *terms, limits=limits):
        return Relation("CG08", band, "Vega", lead, zero, terms, limits, source, zero_err=zero_err)

    return (
        relation("U", "umag", -0.854, 0.007, limits=(*limits, ("umag", 16.0, 19.5))),
        relation("B", "gmag", 0.216, 0.027, Term("gmag", "rmag", (0.327,), 0.047)),
        relation("V", "gmag", -0.011, 0.013, Term("gmag", "rmag", (-0.587,), 0.022)),
        relation("R", "rmag", -0.159, 0.022, Term("rmag", "imag", (-0.272,), 0.092)),
        relation("I", "imag", -0.370, 0.041, Term("rmag", "imag", (-0.337,), 0.191)),
    )


def _cg08_apass():
    """Return CG08 for APASS, whose g', r', i' are brighter than the range of the paper (where SDSS saturates)."""
    found = []
    for relation in _cg08():
        if relation.band in "RI":
            colours = tuple(limit for limit in relation.limits if not isinstance(limit[0], str))
            found.append(replace(relation, id="CG08-APASS", limits=colours))
    return tuple(found)


def _lu05():
    """Return SDSS as measured to UBVRI, better behaved than CG08 for red stars; two forms of most."""
    source = "Lupton 2005, SDSS web pages"
    limits = ((("gmag", "rmag"), -0.5, 1.8), (("rmag", "imag"), -0.5, 1.8))

    def relation(band, lead, zero, scatter, *terms, set_id="LU05", limits=limits, source=source):
        return Relation(set_id, band, "Vega", lead, zero, terms, limits, source, scatter)

    blue, from_u = (
        Term("umag", "gmag", (0.78,)),
        {"set_id": "LU05-UG", "limits": (limits[0], (("umag", "gmag"), 0.3, 2.7))},
    )
    from_z = {"set_id": "LU05-UG", "limits": (limits[0], (("imag", "zmag"), -0.5, 1.0))}
    with_jester = {"source": f"{source}; U-B of Jester et al. 2005, AJ 130, 873", "limits": from_u["limits"]}
    return (
        relation("U", "gmag", 0.2271 - 0.88, 0.0511, Term("gmag", "rmag", (0.3130,)), blue, **with_jester),
        relation("B", "umag", 0.1313, 0.0095, Term("umag", "gmag", (-0.8116,)), **from_u),
        relation("V", "gmag", 0.0885, 0.0129, Term("umag", "gmag", (-0.2906,)), **from_u),
        relation("R", "rmag", -0.0971, 0.0106, Term("gmag", "rmag", (-0.1837,)), set_id="LU05-UG"),
        relation("I", "imag", -0.3974, 0.0063, Term("imag", "zmag", (-0.3780,)), **from_z),
        relation("B", "gmag", 0.2271, 0.0107, Term("gmag", "rmag", (0.3130,))),
        relation("V", "gmag", -0.0038, 0.0054, Term("gmag", "rmag", (-0.5784,))),
        relation("R", "rmag", -0.1439, 0.0072, Term("rmag", "imag", (-0.2936,))),
        relation("I", "rmag", -0.3820, 0.0078, Term("rmag", "imag", (-1.2444,))),
    )


def _je05():
    """Return SDSS as measured to UBVRI, for all stars with R - I < 1.15, which is r - i < 0.94."""
    source = "Jester et al. 2005, AJ 130, 873, Table 1"
    limits = ((("rmag", "imag"), -0.5, 0.94), (("gmag", "rmag"), -0.5, 1.8))

    def relation(band, zero, scatter, *terms):
        return Relation("JE05", band, "Vega", "gmag", zero, terms, limits, source, scatter)

    def g_r(slope):
        return Term("gmag", "rmag", (slope,))

    def r_i(slope):
        return Term("rmag", "imag", (slope,))

    return (
        relation("U", 0.21 - 0.88, 0.058, g_r(0.39), Term("umag", "gmag", (0.78,))),
        relation("B", 0.21, 0.03, g_r(0.39)),
        relation("V", -0.01, 0.01, g_r(-0.59)),
        relation("R", -0.01 - 0.22, 0.032, g_r(-0.59), r_i(-1.09)),
        relation("I", -0.01 - 0.22 - 0.21, 0.033, g_r(-0.59), r_i(-2.09)),
    )


def _std_apass():
    """Return APASS g', r', i' to R, I."""
    source, colour = "fit of stdpipe to Landolt standards", ("gmag", "rmag")

    def relation(band, lead, zero, *coefficients):
        limits = ((colour, -0.1, 1.4),)
        return Relation("STD-APASS", band, "Vega", lead, zero, (Term(*colour, coefficients),), limits, source, 0.02)

    return relation("R", "rmag", -0.157, -0.087, -0.014), relation("I", "imag", -0.354, -0.118, -0.004)


def _he06():
    """Return SDSS to the Z of WFCAM on UKIRT."""
    source, colour = "Hewett et al. 2006, MNRAS 367, 454", ("imag", "zmag")
    term, limits = Term(*colour, (0.06,)), ((colour, -0.5, 1.0),)
    return (Relation("HE06", "Z", "Vega", "zmag", -0.01 - 0.528, (term,), limits, source, 0.03),)


def _t12():
    """Return Pan-STARRS grizy to SDSS griz and to BVRI: the quadratic forms, and as T12L the linear ones."""
    source = "Tonry et al. 2012, ApJ 750, 99, Table 6"
    colour = ("gp1mag", "rp1mag")
    johnson = ((colour, -0.1, 1.2),)  # beyond, B is off by 0.1 mag
    sloan = ((colour, -0.5, 2.5), (("rp1mag", "ip1mag"), -0.5, 2.0), (("ip1mag", "zp1mag"), -0.5, 1.0))

    def relation(band, lead, zero, *numbers, core=None):
        *coefficients, scatter = numbers
        set_id, term = "T12" if len(coefficients) == 2 else "T12L", Term(*colour, tuple(coefficients))
        system, limits = ("AB", sloan) if band in "griz" else ("Vega", johnson)
        if band != "z":  # a star without z can have the others
            limits = tuple(limit for limit in limits if limit[0] != ("ip1mag", "zp1mag"))
        return Relation(set_id, band, system, lead, zero, (term,), limits, source, scatter, core=core)

    return (
        relation("g", "gp1mag", 0.014, 0.162, 0.009),
        relation("r", "rp1mag", -0.001, 0.011, 0.004),
        relation("i", "ip1mag", -0.004, 0.020, 0.005),
        relation("z", "zp1mag", 0.013, -0.050, 0.010),
        relation("B", "gp1mag", 0.213, 0.587, 0.034, core=(colour, -0.1, 0.9)),
        relation("V", "rp1mag", 0.006, 0.474, 0.012),
        relation("R", "rp1mag", -0.138, -0.131, 0.015),
        relation("I", "ip1mag", -0.367, -0.149, 0.016),
        relation("g", "gp1mag", 0.013, 0.145, 0.019, 0.008),
        relation("r", "rp1mag", -0.001, 0.004, 0.007, 0.004),
        relation("i", "ip1mag", -0.005, 0.011, 0.010, 0.004),
        relation("z", "zp1mag", 0.013, -0.039, -0.012, 0.010),
        relation("B", "gp1mag", 0.212, 0.556, 0.034, 0.032, core=(colour, -0.1, 0.9)),
        relation("V", "rp1mag", 0.005, 0.462, 0.013, 0.012),
        relation("R", "rp1mag", -0.137, -0.108, -0.029, 0.015),
        relation("I", "ip1mag", -0.366, -0.136, -0.018, 0.017),
    )


def _kb18():
    """Return Pan-STARRS to BVRI as fitted to Stetson's standards; an alternative to T12."""
    source = "Kostov & Bonev 2018, Bulgarian AJ 28, 3"
    colour = ("gp1mag", "rp1mag")

    def relation(band, lead, zero, *coefficients):
        set_id, term = "KB18" if len(coefficients) == 2 else "KB18L", Term(*colour, coefficients)
        return Relation(set_id, band, "Vega", lead, zero, (term,), ((colour, -0.1, 1.2),), source, 0.02)

    return (
        relation("B", "gp1mag", 0.194, 0.561),
        relation("V", "gp1mag", -0.017, -0.508),
        relation("B", "gp1mag", 0.199, 0.540, 0.016),
        relation("V", "gp1mag", -0.020, -0.498, -0.008),
        relation("R", "rp1mag", -0.163, -0.086, -0.061),
        relation("I", "ip1mag", -0.387, -0.123, -0.034),
    )


def _gaia(set_id, source, rows):
    """Return relations G - m = polynomial in BP - RP; rows : (band, constant, coefficients, scatter, low, high)."""
    found = []
    for band, constant, coefficients, scatter, low, high in rows:
        term = Term("BPmag", "RPmag", tuple(-value for value in coefficients))
        limits = ((("BPmag", "RPmag"), low, high),)
        system = "AB" if band in "griz" else "Vega"
        found.append(Relation(set_id, band, system, "Gmag", -constant, (term,), limits, source, scatter))
    return tuple(found)


G2 = _gaia(
    "G2",
    "Evans et al. 2018, A&A 616, A4",
    (
        ("V", -0.0176, (-0.00686, -0.1732), 0.0459, -0.5, 2.75),
        ("R", -0.003226, (0.3833, -0.1345), 0.0484, -0.5, 2.75),
        ("I", 0.02085, (0.7419, -0.09631), 0.0496, -0.5, 2.75),
        ("g", 0.13518, (-0.46245, -0.25171, 0.021349), 0.1650, -0.5, 2.0),
        ("r", -0.12879, (0.24662, -0.027464, -0.049465), 0.0667, 0.2, 2.7),
        ("i", -0.29676, (0.64728, -0.10141), 0.0990, 0.0, 4.5),
    ),
)
# of the same paper; H with 1.968 x, since 1.628 x, which is printed in some codes, would make the Sun's J - H 0.01
G2_NIR = _gaia(
    "G2-NIR",
    "documentation of Gaia DR2, 5.3.7",
    (
        ("J", -0.01883, (1.394, -0.07893), 0.13, -0.5, 5.5),
        ("H", -0.1621, (1.968, -0.1328), 0.22, 0.25, 5.5),
        ("Ks", -0.1885, (2.092, -0.1345), 0.25, 0.25, 5.5),
    ),
)
G3 = _gaia(
    "G3",
    "Riello et al. 2021, A&A 649, A3; documentation of Gaia DR3, 5.5.1",
    (
        ("V", -0.02704, (0.01424, -0.2156, 0.01426), 0.0302, -0.5, 5.0),
        ("R", -0.02275, (0.3961, -0.1243, -0.01396, 0.003775), 0.0317, 0.0, 4.0),
        ("I", 0.01753, (0.76, -0.0991), 0.0377, -0.5, 4.5),
        ("g", 0.2199, (-0.6365, -0.1548, 0.0064), 0.0745, 0.3, 3.0),
        ("r", -0.09837, (0.08592, 0.1907, -0.1701, 0.02263), 0.0378, 0.0, 3.0),
        ("i", -0.293, (0.6404, -0.09609, -0.002104), 0.0409, 0.5, 2.0),
        ("z", -0.4619, (0.8992, -0.08271, 0.005029), 0.041, 0.5, 2.0),
    ),
)


def _ho09():
    """Return 2MASS to the Z, Y, J, H, K of WFCAM on UKIRT; the reddening terms of the paper are left out."""
    source = "Hodgkin et al. 2009, MNRAS 394, 675"
    colour = ("Jmag", "Hmag")
    limits = ((colour, -0.1, 1.0), ("Jmag", 5.0, 18.0), ("Hmag", 5.0, 17.0))

    def relation(band, lead, zero, coefficient, scatter, pair=colour, set_id="HO09", zero_err=0.0):
        term = Term(*pair, (coefficient,))
        return Relation(set_id, band, "Vega", lead, zero, (term,), limits, source, scatter, zero_err)

    return (
        # with the offset to the Z of SDSS that the original suite adds
        relation("Z", "Jmag", 0.064, 0.95, 0.035, set_id="HO09Z", zero_err=0.035),
        relation("Z", "Jmag", 0.0, 0.95, 0.035),
        relation("Y", "Jmag", 0.08, 0.50, 0.02),
        # J and H alone are those of 2MASS, which the catalogue has itself
        relation("Jukirt", "Jmag", 0.0, -0.065, 0.015),
        relation("Hukirt", "Hmag", -0.03, 0.07, 0.015),
        relation("K", "Ksmag", 0.0, 0.01, 0.015, ("Jmag", "Ksmag")),
    )


def _sm1():
    """Return SkyMapper DR1 to SDSS griz: two straight lines each, that meet at a break in g - i."""
    source = "linear fits to Wolf et al. 2018, PASA 35, e010"
    rows = (
        ("g", 0.2366, 0.0598, 0.0036, 0.0045, -INF, 1.5),
        ("g", -0.1085, 0.5700, 0.0399, 0.0148, 1.5, INF),
        ("r", -0.0318, -0.0011, 0.0007, 0.0009, -INF, 1.5),
        ("r", 0.0472, -0.1127, 0.0168, 0.0062, 1.5, INF),
        ("i", 0.0389, -0.0137, 0.0015, 0.0023, -INF, 1.1),
        ("i", 0.0617, -0.0362, 0.0048, 0.0020, 1.1, INF),
        ("z", 0.0352, -0.0095, 0.0018, 0.0017, -INF, 2.0),
        ("z", 0.1209, -0.2115, 0.0470, 0.0155, 2.0, INF),
    )
    colour = ("gsmmag", "ismmag")
    found = []
    for band, slope, zero, zero_err, slope_err, low, high in rows:
        terms, limits = (Term(*colour, (slope,), slope_err),), ((colour, low, high),)
        found.append(Relation("SM1", band, "AB", f"{band}smmag", zero, terms, limits, source, zero_err=zero_err))
    return tuple(found)


def _standard(set_id, colours, rows):
    """Return relations with a cubic in each of two colours; rows : (band, lead, constant, first cubic, second cubic).

    The constant counts once for each polynomial. The authors give no scatter: 0.02 mag is what separates such fits.
    """
    source = "fits of stdpipe to Landolt and Stetson standards (Pancino et al. 2022, A&A 664, A109)"
    limits = ((colours[0], -0.1, 1.2), (colours[1], -0.3, 1.0))
    found = []
    for band, lead, constant, *cubics in rows:
        terms = tuple(Term(*colour, cubic) for colour, cubic in zip(colours, cubics, strict=True))
        system = "Vega" if band in "UBVRI" else "AB"
        found.append(Relation(set_id, band, system, lead, 2 * constant, terms, limits, source, 0.02))
    return tuple(found)


STD_PS1 = _standard(
    "STD-PS1",
    (("gp1mag", "rp1mag"), ("rp1mag", "ip1mag")),
    (
        ("B", "gp1mag", 0.06193, (1.20938, -0.49215, 0.10340), (-0.82432, 0.92115, -0.25720)),
        ("V", "gp1mag", -0.00708, (-0.46505, -0.00010, -0.01145), (-0.09019, 0.05755, 0.01275)),
        ("R", "rp1mag", -0.08438, (0.07831, -0.04655, 0.00491), (-0.36349, 0.14090, -0.07782)),
        ("I", "ip1mag", -0.19509, (-0.03850, 0.04401, -0.02239), (-0.21476, -0.02523, 0.01459)),
    ),
)
STD_SM4 = _standard(
    "STD-SM4",
    (("gsmmag", "rsmmag"), ("rsmmag", "ismmag")),
    (
        ("gp1", "gsmmag", 0.01396, (0.04069, 0.26946, -0.07715), (0.13365, -0.14041, 0.02610)),
        ("rp1", "rsmmag", -0.00813, (0.18907, -0.23258, 0.08779), (-0.23340, 0.21909, -0.06274)),
        ("ip1", "ismmag", 0.00097, (-0.02816, -0.02117, 0.03553), (0.14031, -0.03623, 0.00912)),
        ("zp1", "zsmmag", -0.00205, (-0.07394, -0.05169, 0.08071), (0.37918, -0.32064, 0.09721)),
        ("yp1", "zsmmag", 0.00698, (0.08235, -0.11040, 0.03878), (-0.28233, 0.20532, -0.06497)),
        ("B", "gsmmag", 0.10763, (1.00214, 0.18181, -0.22774), (-0.07535, 0.08215, -0.00403)),
        ("V", "gsmmag", -0.00294, (-0.33074, 0.03256, -0.02546), (-0.14349, 0.08255, -0.00734)),
        ("R", "rsmmag", -0.08548, (0.15375, -0.19437, 0.07297), (-0.40721, 0.18463, -0.07378)),
        ("I", "ismmag", -0.19322, (-0.06889, 0.04622, -0.00925), (-0.05231, -0.04437, 0.01198)),
    ),
)


def _gs_ps1():
    """Return the synthetic SDSS magnitudes of Gaia to Pan-STARRS griz."""
    source, colour = "fits of stdpipe", ("gmag", "rmag")
    rows = (("g", -0.00291, -0.09960, -0.03041), ("r", -0.00393, 0.01492, -0.00957))
    rows += (("i", 0.01274, 0.01125, -0.01080), ("z", 0.00770, 0.06538, -0.00319))
    found = []
    for band, zero, *coefficients in rows:
        term, limits = Term(*colour, tuple(coefficients)), ((colour, -0.1, 1.5),)
        found.append(Relation("GS-PS1", f"{band}p1", "AB", f"{band}mag", zero, (term,), limits, source, 0.02))
    return tuple(found)


def _sm4_t12():
    """Return SkyMapper DR4 to SDSS griz by way of Pan-STARRS; redder than g - i = 1.0 published relations part."""
    first = {f"{relation.band}mag": relation for relation in STD_SM4 if relation.band.endswith("p1")}
    second = [relation for relation in _t12() if relation.id == "T12" and relation.band in "griz"]
    limits = ((("gsmmag", "ismmag"), -0.3, 1.0),)
    return tuple(Chain("STD-SM4+T12", first, relation, limits) for relation in second)


RELATIONS = (
    *_cg08(),
    *_cg08_apass(),
    *_lu05(),
    *_je05(),
    *_std_apass(),
    *_he06(),
    *_t12(),
    *_kb18(),
    *G2,
    *G2_NIR,
    *G3,
    *_ho09(),
    *_sm1(),
    *STD_PS1,
    *STD_SM4,
    *_sm4_t12(),
    *_gs_ps1(),
)
