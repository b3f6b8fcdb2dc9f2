"""The Variable Star Index of the AAVSO (Watson, Henden & Price 2006, SASS 25, 47): variable stars, and no photometry.

It grows, so its tiles are fetched again after three months.
"""

from photometrypipeline.catalogs.surveys.sheet import Column, Survey

VSX = Survey(
    name="VSX",
    title="AAVSO Variable Star Index",
    table="B/vsx/vsx",
    release="VSX",
    columns=(
        Column("ident", "OID", text=True),
        Column("ra_deg", "RAJ2000", "deg"),
        Column("dec_deg", "DEJ2000", "deg"),
        Column("name", "Name", text=True),
        Column("state", "V"),  # 0 variable, 1 suspected, 2 constant or not existing, 3 a possible duplicate
        Column("type", "Type", text=True),
        Column("brightest", "max"),  # mag in the band n_max
        Column("brightest_band", "n_max", text=True),
        Column("faintest", "min"),  # mag, or an amplitude
        Column("period_d", "Period", "d"),
    ),
    limit_on=None,
    key=None,
    not_for_registration="it lists variable stars alone, from sources of any accuracy",
    bands={},
    systems={},
    epoch_yr=2000.0,
    lasts_days=90,
    advice="VSX lists variable stars, for pp_distill; it contains no reference stars",
)
