"""SkyMapper: u, v, g, r, i, z of the southern sky on bands of its own; DR1.1 and, with zeropoints from Gaia, DR4."""

from dataclasses import replace

from photometrypipeline.catalogs.surveys.sheet import Column, Survey, flag, known, magnitudes, unless


def good_photometry(table):
    """Keep well-measured stars: small error in r, no serious flags, star-like."""
    flagged = (known(table, "flag_worst") >= 4) | (known(table, "flag_bad_pixels") > 5)
    return (known(table, "e_rsmmag") <= 0.03) & unless(flagged | (known(table, "flag_star") < 0.8))


DR1 = Survey(
    name="SkyMapper",
    title="SkyMapper Southern Sky Survey DR1.1",
    table="II/358/smss",
    release="SkyMapper DR1.1",
    columns=(
        Column("ident", "ObjectId", text=True),
        Column("ra_deg", "RAICRS", "deg"),
        Column("dec_deg", "DEICRS", "deg"),
        Column("e_ra_deg", "e_RAICRS", "mas", required=False, also=("arcsec",)),
        Column("e_dec_deg", "e_DEICRS", "mas", required=False, also=("arcsec",)),
        Column("epoch_yr", "EpMean", "mjd", required=False),
        *magnitudes({f"{band}smmag": f"{band}PSF" for band in "uvgriz"}),
        flag("worst", "flags", cut="stars with serious flags"),
        flag("bad_pixels", "Niflags", cut="stars on bad pixels"),
        flag("star", "ClassStar", cut="objects that do not look like stars"),
    ),
    limit_on="rsmmag",
    key="rsmmag",
    bands={f"{band}sm": f"{band}smmag" for band in "uvgriz"},
    systems={f"{band}sm": "AB" for band in "uvgriz"},
    aliases={"u": "usm", "v": "vsm"},
    relations=("SM1",),
    dec_limits=(-90.0, 2.0),
    bright={f"{band}smmag": 9.0 for band in "uvgriz"},
    good_photometry=good_photometry,
    uniformity_mag=0.035,  # known issues of the release: 3 to 4 % in g and r, more in the others
)
DR4 = replace(
    DR1,
    name="SkyMapper-DR4",
    title="SkyMapper Southern Sky Survey DR4",
    table="II/379/smssdr4",
    release="SkyMapper DR4",
    columns=(
        *DR1.columns,
        *(flag(f"good_{band}", f"Ngood{band}", cut=f"stars seen once in {band}") for band in "uvgriz"),
    ),
    valid_flags={f"{band}smmag": (f"flag_good_{band}", 2) for band in "uvgriz"},  # once may be a trail or a plane
    uniformity_mag=0.01,
    dec_limits=(-90.0, 28.0),  # patchily above 16
    relations=("STD-SM4", "STD-SM4+T12", "SM1"),
)
