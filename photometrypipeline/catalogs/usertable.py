"""A reference catalogue of the user's own: FITS, VOTable, ECSV or CSV, turned into the internal schema.

Columns are recognised by the names that catalogues usually give them. Where that fails, a file `<table>.columns.toml`
next to the table says what is what:

    ra_deg = "alpha"                 # a column; its own unit, otherwise the usual one
    dec_deg = "delta"
    e_ra_deg = ["sig_a", "mas"]      # a column and its unit
    e_dec_deg = ["sig_d", "mas"]
    epoch_yr = 2000.0                # a number: the same for every star
    Vmag = "VT"                      # the magnitude VT is taken as V
    e_Vmag = 0.05
    relations = ["T12"]              # gp1mag, rp1mag, ... are there: other bands may be made of them
    [systems]
    V = "Vega"

Position errors count only with a unit, as arcsec and mas are both usual; proper motions without one are mas/yr.
"""

import difflib
import logging
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table

from photometrypipeline.base.errors import CatalogError
from photometrypipeline.catalogs import colorterms, tablefile, texttable
from photometrypipeline.catalogs.surveys.sheet import COMMON, MOTIONS, internal_unit

log = logging.getLogger("pp.usertable")

# Bands, and the order in which one of them becomes `mag`, for astrometry and the magnitude limit.
BANDS: tuple[str, ...] = (
    "G",
    "r",
    "R",
    "V",
    "g",
    "i",
    "I",
    "B",
    "z",
    "J",
    "H",
    "K",
    "Ks",
    "y",
    "Y",
    "Z",
    "u",
    "U",
    "BP",
    "RP",
)
BANDS += tuple(f"{band}{system}" for system in ("p1", "sm") for band in "grizyuv")
VEGA = {"U", "B", "V", "R", "I", "J", "H", "K", "Ks", "Y", "Z", "G", "BP", "RP"}

# Names as they are usual, lower case and without anything but letters and digits; the first that is found counts.
USUAL = {
    "ra_deg": "radeg raicrs ra raj2000 alphaj2000 alpha rightascension xwinworld xworld lon ramean rastack",
    "dec_deg": "decdeg deicrs dec de decicrs dej2000 decj2000 deltaj2000 delta declination ywinworld yworld dedeg "
    "decmean decstack",
    "e_ra_deg": "eradeg eraicrs era raerror eraj2000 raerr errra sigmara sigra errawinworld erraworld",
    "e_dec_deg": "edecdeg edeicrs edec ede decerror edej2000 edecj2000 decerr errdec sigmadec sigdec "
    "errbwinworld errbworld",
    "epoch_yr": "epochyr refepoch epoch obsdate epyear",
    "pmra": "pmra pmracosdec pmramasyr mura",
    "pmdec": "pmdec pmde pmdecmasyr mudec",
    "e_pmra": "epmra pmraerror pmraerr",
    "e_pmdec": "epmdec epmde pmdecerror pmdecerr",
    "ident": "ident id sourceid source objid name objectid star designation",
    "mag": "mag magnitude",
    "e_mag": "emag magerr magnitudeerr",
}
ERROR = "(?i:e|err|error|sig|sigma|d|u)"
# Names of the archives themselves: Gaia, Pan-STARRS at MAST, SDSS, 2MASS
ARCHIVES = {f"{band}mag": f"phot_{band.lower()}_mean_mag" for band in ("G", "BP", "RP")}
ARCHIVES |= {f"{band}p1mag": f"{band}MeanPSFMag" for band in "grizy"}
ARCHIVES |= {f"e_{band}p1mag": f"{band}MeanPSFMagErr" for band in "grizy"}
ARCHIVES |= {f"{band}mag": f"psfMag_{band}" for band in "ugriz"}
ARCHIVES |= {f"e_{band}mag": f"psfMagErr_{band}" for band in "ugriz"}
ARCHIVES |= {f"{band}mag": f"{band.lower()}_m" for band in "JH"} | {"Ksmag": "k_m"}
ARCHIVES |= {f"e_{band}mag": f"{band.lower()}_msigcom" for band in "JH"} | {"e_Ksmag": "k_msigcom"}
OF_GAIA = "phot_g_mean_mag"  # with it errors of positions without a unit are mas
LARGEST_ERROR = 2.0  # mag; what is larger is a mark, such as 9.99
MAG_OF_RATIO = 2.5 / np.log(10)  # a relative error of the flux, in mag


@dataclass
class UserTable:
    """`table` in the internal schema; `bands` {band: magnitude column}; `systems` {band: "AB", "Vega" or other}.

    `relations` : ids of the band transformations (`colorterms`) that the user allows.
    """

    table: Table
    bands: dict
    systems: dict
    relations: tuple = ()


def read(path):
    """Return the UserTable in the file `path`.

    Raises CatalogError, which lists what is missing and which columns were seen, if there is no position or magnitude.
    """
    path = Path(path)
    raw = tablefile.load(path)
    given, systems, relations = sidecar(path, raw.colnames)
    table = Table()
    # a bare V may be a flag: magnitudes are no integers
    usual = recognised([name for name in raw.colnames if name not in BANDS or raw[name].dtype.kind == "f"])
    sources = usual | given
    missing = [name for name in ("ra_deg", "dec_deg") if name not in sources]
    if not any(name.endswith("mag") and not name.startswith("e_") for name in sources):
        missing.append("a magnitude (such as Vmag)")
    if missing:
        seen = ", ".join(raw.colnames)
        message = f"{path}: {' and '.join(missing)} not found among the columns {seen}"
        raise CatalogError(f"{message}; name them in {sidecar_path(path)}")
    table["ident"] = _ident(raw, sources.pop("ident", None))
    table["ra_deg"], table["dec_deg"] = _positions(path, raw, sources.pop("ra_deg"), sources.pop("dec_deg"))
    for name, source in sources.items():
        table[name] = _values(path, raw, name, source)
    for name, mag in [(f"e_{mag}", mag) for mag in ("Gmag", "BPmag", "RPmag") if f"e_{mag}" not in sources]:
        ratio = named(raw.colnames, ARCHIVES[mag].replace("mean_mag", "mean_flux_over_error"))
        if mag in table.colnames and ratio:  # the archive of Gaia has no errors of magnitudes
            with np.errstate(divide="ignore"):
                table[name] = MAG_OF_RATIO / texttable.numbers(raw[ratio])
    return _finished(table, systems, relations, path)


def sidecar_path(path):
    """Return the file that says what the columns of a table are: `<table>.columns.toml`, with or without the ending."""
    long, short = path.with_name(f"{path.name}.columns.toml"), path.with_name(f"{path.stem}.columns.toml")
    return short if short.exists() and not long.exists() else long


def sidecar(path, columns):
    """Return ({our name: column, [column, unit] or number}, {band: system}, (ids,)) as the file of a table says."""
    source = sidecar_path(path)
    if not source.exists():
        return {}, {}, ()
    try:
        given = tomllib.loads(source.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CatalogError(f"{source}: cannot be read ({error})") from None
    systems, relations = given.pop("systems", {}), tuple(given.pop("relations", ()))
    unknown = [name for name in relations if name not in colorterms.IDS]
    if unknown:
        raise CatalogError(f"{source}: relations: {unknown[0]} is unknown; there are {', '.join(colorterms.IDS)}")
    for name, value in given.items():
        if name not in (*COMMON, "mag", "e_mag") and not re.fullmatch(r"(e_)?[A-Za-z]\w*mag", name):
            near = difflib.get_close_matches(name, [*COMMON, "Vmag", "e_Vmag"], 1)
            hint = f", perhaps {near[0]}" if near else ""
            ours = f"they are {', '.join(COMMON)}, and such as Vmag, e_Vmag"
            raise CatalogError(f"{source}: {name} is not a column that is known here{hint}; {ours}")
        column = value[0] if isinstance(value, list) and len(value) == 2 else value
        known = isinstance(column, int | float) and not isinstance(column, bool)
        if not known and column not in columns:
            raise CatalogError(f"{source}: {name} = {value!r}, but the table has the columns {', '.join(columns)}")
    return given, systems, relations


def recognised(columns):
    """Return {our name: column} for those of `columns` whose names are usual."""
    plain, bare = {}, {}
    for column in columns:
        name = re.sub(r"(?<=\w)\s*(\(.*\)|\[.*\])$", "", column)  # a unit behind the name
        bare.setdefault(re.sub(r"\s+", "_", name.strip("<>_ ")), column)  # VizieR has <Gmag>, others __Gmag_
        plain.setdefault(re.sub(r"[^a-z0-9]", "", name.lower()), column)
    found = {}
    for name, usual in USUAL.items():
        hits = [plain[word] for word in usual.split() if word in plain]
        if hits:
            found[name] = hits[0]
    for band in BANDS:
        mag = rf"(?:{band}'?_?(?i:mag)|(?i:mag)_{band}" + (f"|{band})" if len(band) < 3 else ")")
        patterns = {
            f"{band}mag": mag,
            f"e_{band}mag": rf"(?:{ERROR}_?{mag}|{mag}_?{ERROR}|(?i:magerr|mag_err|e_mag|emag)_?{band})",
        }
        for name, pattern in patterns.items():
            hit = next((column for spelling, column in bare.items() if re.fullmatch(pattern, spelling)), None)
            if hit is not None and hit not in found.values():
                found[name] = hit
    return found | {name: column for name, theirs in ARCHIVES.items() if (column := named(columns, theirs))}


def named(columns, name):
    """Return the one of `columns` that has a name, in these letters or in others, None without it."""
    return name if name in columns else next((each for each in columns if each.lower() == name.lower()), None)


def _ident(raw, column):
    if column is None:
        return [str(number + 1) for number in range(len(raw))]
    return [str(value).strip() for value in raw[column]]


def _positions(path, raw, ra, dec):
    """Return RA and Dec in degrees, from numbers or from text such as 10:22:33.1 (hours)."""
    ra_name, dec_name = (each[0] if isinstance(each, list) else each for each in (ra, dec))
    if raw[ra_name].dtype.kind not in "USO" or _are_numbers(raw[ra_name]):
        return np.mod(_values(path, raw, "ra_deg", ra), 360.0), _values(path, raw, "dec_deg", dec)
    texts = np.array([[texttable.text_of(value) for value in raw[name]] for name in (ra_name, dec_name)], dtype=str)
    there = np.array([not any(texttable.MISSING.fullmatch(text) for text in pair) for pair in texts.T], dtype=bool)
    places = np.full(texts.shape, np.nan)
    try:
        known = SkyCoord(*texts[:, there], unit=("h", "deg"))
    except ValueError as error:
        reason = str(error).replace("np.str_", "")
        raise CatalogError(f"{path}: {ra_name}, {dec_name} are not positions ({reason})") from None
    places[:, there] = known.ra.deg, known.dec.deg
    return places[0], places[1]


def _are_numbers(column):
    """Return whether the texts of a column are plain numbers, or marked as missing."""
    texts = [texttable.text_of(value) for value in column]
    return all(texttable.NUMBER.fullmatch(text) or texttable.MISSING.fullmatch(text) for text in texts)


def _values(path, raw, name, source):
    """Return a column in our unit, shape (n,), NaN where missing; `source` : column, [column, unit] or a number."""
    if isinstance(source, int | float):
        return np.full(len(raw), float(source))
    column, unit = source if isinstance(source, list) else (source, None)
    try:
        texts = raw[column]
        if name == "epoch_yr" and texts.dtype.kind in "USO":
            texts = [texttable.text_of(value).lstrip("Jj ") for value in texts]  # J2000.0
        values = texttable.numbers(texts)
        unit = u.Unit(unit) if unit else raw[column].unit
        here = internal_unit(name)
        if name == "epoch_yr":
            return _years(values)
        if name == "ra_deg" and unit is not None and u.Unit(unit).is_equivalent(u.h):
            return values * u.Unit(unit).to(u.h) * 15  # hours of right ascension
        if unit is not None and str(unit) and here is not None:
            return values * u.Unit(unit).to(here)
    except (ValueError, TypeError, u.UnitConversionError) as error:
        raise CatalogError(f"{path}: column {column} cannot be used as {name} ({error})") from None
    if name in ("e_ra_deg", "e_dec_deg") and named(raw.colnames, OF_GAIA):
        return values * u.mas.to(here)
    if name in ("e_ra_deg", "e_dec_deg"):
        log.warning("%s: column %s has no unit and is not used as %s", path, column, name)
        return np.full(len(raw), np.nan)
    if name in MOTIONS:
        log.info("%s: column %s has no unit, mas/yr is assumed", path, column)
    return values


def _years(values):
    """Return Julian years from years, MJD or JD, told apart by their size."""
    from_mjd = 2000.0 + (values - 51544.5) / 365.25
    from_jd = 2000.0 + (values - 2451545.0) / 365.25
    return np.where(values > 2_000_000, from_jd, np.where(values > 10_000, from_mjd, values))


def _finished(table, systems, relations, path):
    """Return the UserTable: sentinels taken out, all columns of the schema there, bands and systems known."""
    for name in COMMON:
        if name not in table.colnames:
            table[name] = np.full(len(table), np.nan)
    bands = {}
    for name in [name for name in table.colnames if name.endswith("mag")]:
        values = np.asarray(table[name], dtype=float)
        sound = (values > 0) & (values < LARGEST_ERROR) if name.startswith("e_") else (values > -30) & (values < 40)
        table[name] = np.where(sound, values, np.nan)  # 99.999 and the like
        if not name.startswith("e_") and name != "mag":
            bands[name.removesuffix("mag")] = name
            if f"e_{name}" not in table.colnames:
                table[f"e_{name}"] = np.full(len(table), np.nan)
    table = table[np.isfinite(table["ra_deg"]) & (np.abs(table["dec_deg"]) <= 90)]
    for band, name in bands.items():
        vain = int(np.sum(np.isfinite(table[name]) & ~np.isfinite(table[f"e_{name}"])))
        if vain:
            log.warning("%s: %d magnitudes in %s have no sensible error and calibrate nothing", path, vain, band)
    if np.isfinite(table["pmra"]).any() and not np.isfinite(table["epoch_yr"]).any():
        log.warning("%s: proper motions without an epoch are not applied; set epoch_yr in %s", path, sidecar_path(path))
    if "mag" not in table.colnames:
        key = min(bands, key=lambda band: BANDS.index(band) if band in BANDS else len(BANDS))
        table["mag"], table["e_mag"] = table[bands[key]], table[f"e_{bands[key]}"]
    elif "e_mag" not in table.colnames:
        table["e_mag"] = np.full(len(table), np.nan)
    systems = {band: systems.get(band, "Vega" if band in VEGA else "AB") for band in bands}
    return UserTable(table, bands, systems, relations)
