"""What one reference catalogue is, as data: the form that every file of this folder fills in.

All catalogues end in one schema, so that nothing else depends on the names and units of a service: `ident` (text),
`ra_deg`, `dec_deg` (ICRS, at `epoch_yr`), `e_ra_deg`, `e_dec_deg` (deg, 1 sigma, great circle), `epoch_yr` (Julian
year), `pmra`, `pmdec`, `e_pmra`, `e_pmdec` (mas/yr, pmra with cos dec), `<band>mag`, `e_<band>mag`, `flag_*`. What is
missing is NaN, or "" for text.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

ANGLES = {"ra_deg", "dec_deg", "e_ra_deg", "e_dec_deg"}
MOTIONS = {"pmra", "pmdec", "e_pmra", "e_pmdec"}
COMMON = ("ident", "ra_deg", "dec_deg", "e_ra_deg", "e_dec_deg", "epoch_yr", "pmra", "pmdec", "e_pmra", "e_pmdec")


@dataclass(frozen=True)
class Column:
    """One column: our `name`, the `label` that VizieR uses, and the `unit` that its FIELD is known to have.

    unit : None for a number without one; "mjd" and "jd" for a date that becomes `epoch_yr`
    also : other units that the FIELD may have, where releases differ; any other is refused
    text : kept as text, such as identifiers of 64 bits and flags that are letters
    required : an answer without it is refused; otherwise its values are missing
    offset : added to a magnitude, mag
    over : label of a flux, of which this is the error; the value is then the error in magnitudes
    spellings : other labels under which services have the column; all are asked for, the first that comes is taken
    cut : what is left out by it, empty where it is kept for inspection alone
    """

    name: str
    label: str
    unit: str | None = None
    text: bool = False
    required: bool = True
    offset: float = 0.0
    over: str | None = None
    also: tuple = ()
    spellings: tuple = ()
    cut: str = ""

    @property
    def labels(self):
        """All labels under which the column may come, and that of its flux: as told, and as plain identifiers."""
        told = [self.label, *self.spellings, *filter(None, [self.over])]
        return list(dict.fromkeys([*told, *map(plain_label, told)]))

    @property
    def effect(self):
        """What follows from its absence (str)."""
        return f"the cut is off that leaves out {self.cut}" if self.cut else "its values stay unknown"

    @property
    def unit_here(self):
        """Unit in our schema."""
        return internal_unit(self.name)


def internal_unit(name):
    """Return the unit (str) that the column `name` has in our schema, None without one."""
    if name in ANGLES:
        return "deg"
    if name in MOTIONS:
        return "mas/yr"
    if name == "epoch_yr":
        return "yr"
    return "mag" if name.endswith("mag") else None


def plain_label(label):
    """Return `label` as old releases of astroquery and some mirrors spell it: a valid XML identifier."""
    plain = "".join(letter if letter.isalnum() or letter in "_.-" else "_" for letter in label)
    return plain if plain[:1].isalpha() or plain.startswith("_") else f"_{plain}"


def flag(name, label, unit=None, text=False, spellings=(), cut=""):
    """Return the Column of a quality flag: stored; without it the `cut` that needs it is off, with a warning."""
    return Column(f"flag_{name}", label, unit, text=text, required=False, spellings=spellings, cut=cut)


def magnitudes(pairs, offsets=None, required=True, also=()):
    """Return the Columns of magnitudes and their errors; `pairs` maps our name to the label, `gp1mag` to `gmag`.

    offsets : {our name: mag} to add;  also : units that errors may have besides mag
    """
    columns = []
    for name, label in pairs.items():
        columns.append(Column(name, label, "mag", required=required, offset=(offsets or {}).get(name, 0.0)))
        columns.append(Column(f"e_{name}", f"e_{label}", "mag", required=required, also=also))
    return tuple(columns)


def all_good(table):
    """Return a mask that keeps every row."""
    return np.ones(len(table), dtype=bool)


@dataclass(frozen=True, repr=False)
class Survey:
    """One reference catalogue.

    name : what users type; table : VizieR's identifier, "" where no service has it; release : what LOG and database say
    columns : tuple of Column, in the order of the store
    limit_on : column that the magnitude limit of a request applies to, None if there is no limit
    mast : the release at MAST ("dr1"), which is asked where VizieR is unreachable
    lasts_days : after which a tile is asked for again; None: the release does not change
    key : column used as `mag` for astrometry, None if the catalogue is not meant for that
    bands : {band: magnitude column}; systems : {band: "AB" or "Vega"}; aliases : {other name: band}
    epoch_yr : of all positions, where no column gives it
    relations : sets of transformations (`colorterms.py`) in order of preference
    bright : {magnitude column: mag}, brighter stars are saturated in it
    good_photometry, good_astrometry : functions from table to mask (bool, shape (n,)); a missing flag passes
    relation_inputs : from a table to {column: magnitudes as the transformations want them}
    valid_flags : {magnitude column: (flag column, least value)} for the magnitude to count
    neighbours : column with the radius (arcsec) within which neighbours have a tenth of the star's light
    finish : a function that fills in columns of a table that follow from others
    constraints : {label: condition} that the service applies, such as "=1"
    zero_error_is_unknown : an error of 0 does not mean perfect
    uniformity_mag : rms by which its zeropoint differs from field to field; averaging over stars does not take it away
    position_error_arcsec : of stars for which the catalogue gives none
    coarse_mag : errors of magnitudes up to this serve a calibration, where the usual limit would leave only stars that
    are too bright for most frames
    match_radius_arcsec : least radius for matching with sources, where positions are coarse
    reader : function (ra_deg, dec_deg, radius_deg, mag_limit, folders) to a table, of a catalogue that is installed
    not_for_registration : why, where it has no key
    dec_limits : declinations (deg) between which the catalogue has stars
    advice : a sentence for LOG, when users should know more
    """

    name: str
    title: str
    table: str
    release: str
    columns: tuple
    limit_on: str | None
    key: str | None
    bands: dict
    systems: dict
    aliases: dict = field(default_factory=dict)
    epoch_yr: float = np.nan
    relations: tuple = ()
    bright: dict = field(default_factory=dict)
    good_photometry: Callable = all_good
    good_astrometry: Callable = all_good
    relation_inputs: Callable = lambda table: {}
    valid_flags: dict = field(default_factory=dict)
    finish: Callable = lambda table: None
    neighbours: str | None = None
    constraints: dict = field(default_factory=dict)
    mast: str = ""
    lasts_days: float | None = None
    zero_error_is_unknown: bool = False
    uniformity_mag: float = 0.0
    position_error_arcsec: float = 0.1
    coarse_mag: float = 0.0
    match_radius_arcsec: float = 0.0
    reader: Callable | None = None
    not_for_registration: str = ""
    dec_limits: tuple = (-90.0, 90.0)
    advice: str = ""

    def __repr__(self):
        return f"Survey({self.name})"

    @property
    def column_names(self):
        """Names of all columns of the schema for this survey, in order: the common ones, then its own."""
        own = [column.name for column in self.columns if column.name not in COMMON]
        return [*COMMON, *own]

    @property
    def text_names(self):
        """Names of the columns that hold text."""
        return {column.name for column in self.columns if column.text}

    @property
    def limit_label(self):
        """VizieR's label of the column that a magnitude limit applies to, None without one."""
        if self.limit_on is None:
            return None
        return next(column.label for column in self.columns if column.name == self.limit_on)

    @property
    def columns_hash(self):
        """A short hash of what is asked for; rows that were fetched with another one lack something."""
        asked = [(column.name, column.label, column.unit, column.offset, column.over) for column in self.columns]
        return hashlib.sha256(repr((self.table, asked, sorted(self.constraints.items()))).encode()).hexdigest()[:16]


def known(table, name):
    """Return column `name` as floats (NaN where missing, all NaN without the column), shape (n,)."""
    if name not in table.colnames:
        return np.full(len(table), np.nan)
    return np.asarray(table[name], dtype=float)


def unless(bad):
    """Return the mask of rows that are not `bad`; comparisons with a missing value are false, so missing passes."""
    return ~np.asarray(bad, dtype=bool)


def text_is(table, name, wanted):
    """Return a mask: the text flag is `wanted` or unknown."""
    if name not in table.colnames:
        return all_good(table)
    values = np.char.strip(np.asarray(table[name], dtype=str))
    return (values == wanted) | (values == "")
