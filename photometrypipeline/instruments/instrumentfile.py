"""Instrument definitions in TOML (setup/instruments/KEY.toml): read and checked.

A definition holds only what differs from the defaults of Telescope; `setup/instrument.toml.example` explains every key.
"""

import re
import tomllib
from pathlib import Path

from photometrypipeline.base.errors import TelescopeError
from photometrypipeline.instruments.instrument import HEADER_DEFAULTS, Chip, Telescope, nearest
from photometrypipeline.instruments.kinds import checked

# key in the file: (kind of value, field of Telescope)
KEYS = {
    "telescope": ("text", "label"),
    "mpc_code": ("code", "mpc_code"),
    "identifiers": ("texts", "identifiers"),
    "telescop": ("texts", "telescop"),
    "vague": ("yes/no", "vague"),
    "aliases": ("texts", "aliases"),
    "pixel_scale": ("scale", "pixel_scale"),
    "binning": ("binning", "binning"),
    "extinction": ("number", "extinction"),
    "flip_x": ("yes/no", "flip_x"),
    "flip_y": ("yes/no", "flip_y"),
    "rotate": ("number", "rotate"),
    "gain": ("number", "gain"),
    "read_noise": ("number", "read_noise"),
    "saturation": ("number", "saturation"),
    "header.ra_unit": ("unit", "ra_unit"),
    "header.time_is": ("moment", "time_is"),
    "header.zone_h": ("zone", "zone_h"),
    "header.equinox": ("equinox", "equinox"),
    "detect.min_area": ("number", "min_area"),
    "detect.snr": ("number", "snr"),
    "aperture.default": ("number", "aprad_default"),
    "aperture.range": ("range", "aprad_range"),
    "register.max_mag": ("number", "max_mag"),
    "register.search_radius": ("number", "search_radius"),
    "register.source_tolerance": ("tolerance", "source_tolerance"),
    "register.catalogs": ("texts", "astrometry_catalogs"),
    "calibrate.catalogs": ("texts", "photometry_catalogs"),
    "combine.copy_keywords": ("texts", "own_copy_keywords"),
    "keep_keywords": ("texts", "keep_keywords"),
    "legacy_config": ("text", "legacy_config"),
}
# The mid-time stands in MIDTIMJD, which the pipeline itself writes, whatever the camera calls its own.
HEADER_KEYS = (
    *(name for name in HEADER_DEFAULTS if name != "midtime_jd"),
    "filter2",
    "read_noise",
    "chip",
    "ra_unit",
    "time_is",
    "zone_h",
    "equinox",
)
TABLES = ("filters", "masks", "chips", "distortion", "special", "variants", "cases", "sex", "scamp", "swarp", "config")
SPECIAL = {
    "crop_border_px": "number",
    "jitter": "texts",
    "combine_offset_arcsec": "number",
    "combine_offset_keywords": "texts",
    "ask": "texts",
    "instrume_written": "text",
}
CHIP_KEYS = {"flip_x": "yes/no", "flip_y": "yes/no", "rotate": "number", "offset": "pair"}
NEEDED = ("telescope", "mpc_code", "pixel_scale", "binning", "filters")


def read_instruments(path, setup_folders):
    """Return the Telescopes (list) that the TOML file `path` defines: the one of the file's name, then its members.

    setup_folders : folders in which masks and configuration files are looked for, the packaged one last
    Raises TelescopeError, which names the file and the key, for anything that is not as it should be.
    """
    path = Path(path)
    content = _parse(path)
    members = content.pop("members", {})
    found = [_instrument(path.stem, content, path, setup_folders, "")]
    for key, changes in members.items() if isinstance(members, dict) else [("", members)]:
        if not isinstance(changes, dict):
            raise TelescopeError(f"{path}: members has to hold a table for each member, [members.KEY]")
        of_family = {name: value for name, value in content.items() if name not in ("identifiers", "aliases")}
        found.append(_instrument(key, _merged(of_family, changes), path, setup_folders, f"members.{key}: "))
    return found


def _merged(family, changes):
    """Return the content of a member: that of its family, in which `changes` replaces values, in tables one by one."""
    result = dict(family)
    for name, value in changes.items():
        both = isinstance(value, dict) and isinstance(family.get(name), dict)
        result[name] = {**family[name], **value} if both else value
    return result


def _parse(path):
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TelescopeError(f"{path}: not valid TOML: {error}") from None
    except OSError as error:
        raise TelescopeError(f"{path}: cannot be read: {error.strerror}") from None


def _instrument(key, content, path, setup_folders, where):
    try:
        fields = _read(content, path, setup_folders)
    except ValueError as error:
        raise TelescopeError(f"{path}: {where}{error}") from None
    return Telescope(key=key, setup_folders=(path.parent, *setup_folders), origin=str(path), **fields)


def _read(content, path, setup_folders):
    missing = [key for key in NEEDED if key not in content]
    if missing:
        raise ValueError(f"missing: {', '.join(missing)}")
    fields = {"legacy_config": path.stem.lower(), "header": dict(HEADER_DEFAULTS)}
    for key, value in _flat(content):
        if key in KEYS:
            kind, field = KEYS[key]
            fields[field] = checked(key, kind, value)
        elif key.startswith("header.") and key[7:] in HEADER_KEYS:
            fields["header"][key[7:]] = checked(key, "text", value)
        elif key not in TABLES:
            known = [*KEYS, *TABLES, *(f"header.{name}" for name in HEADER_KEYS)]
            raise ValueError(f"unknown key {key!r}{nearest(key, known, 1)}")
    fields["filters"] = _filters(content["filters"])
    fields["mask_files"] = {
        key: checked(f"masks.{key}", "text", value) for key, value in _table(content, "masks").items()
    }
    fields["chips"] = {number: _chip(number, chip) for number, chip in _table(content, "chips").items()}
    if fields["chips"] and "chip" not in fields["header"]:
        raise ValueError("chips need header.chip, the keyword that holds their number")
    fields["distortion"] = _distortion(_table(content, "distortion"))
    fields["special"] = _known(content, "special", SPECIAL)
    for program in ("sex", "scamp", "swarp"):
        fields[program] = {name: _setting(program, name, value) for name, value in _table(content, program).items()}
    fields |= _config_files(
        _known(content, "config", dict.fromkeys(("sex", "scamp", "swarp"), "text")), path, setup_folders
    )
    fields["variants"] = {name: _variant(name, table) for name, table in _table(content, "variants").items()}
    fields["cases"] = _cases(_table(content, "cases"))
    unknown = set(fields["variants"]) - set(fields.get("identifiers", ()))
    if unknown:
        raise ValueError(f"variants.{min(unknown)}: not among the identifiers")
    if fields["header"]["radec_separator"] == "XXX":
        fields.setdefault("ra_unit", "deg")  # two decimal numbers; sexagesimal RA is in hours
    return fields


def _flat(content):
    """Yield (dotted key, value) of `content`, one level down but for the tables whose keys are free."""
    groups = {known.split(".")[0] for known in KEYS if "." in known}
    for key, value in content.items():
        if key in groups and not isinstance(value, dict):
            raise ValueError(f"{key} = {value!r} has to be a table")
        if isinstance(value, dict) and key not in TABLES:
            yield from ((f"{key}.{inner}", each) for inner, each in value.items())
        else:
            yield key, value


def _table(content, name):
    table = content.get(name, {})
    if not isinstance(table, dict):
        raise ValueError(f"{name} = {table!r} has to be a table")
    return table


def _known(content, name, kinds):
    """Return the table `name` of `content`, whose keys and kinds of value are those of `kinds`."""
    values = {}
    for key, value in _table(content, name).items():
        if key not in kinds:
            raise ValueError(f"unknown key '{name}.{key}'{nearest(key, kinds, 1)}")
        values[key] = checked(f"{name}.{key}", kinds[key], value)
    return values


def _filters(table):
    """Return {header value: band or None} from {band: [header values]}; the band `none` stands for None."""
    if not isinstance(table, dict):
        raise ValueError("filters has to be a table: filters.BAND = [header values]")
    bands = {}
    for band, names in table.items():
        for name in checked(f"filters.{band}", "texts", names):
            if name in bands:
                raise ValueError(f"filters.{band}: {name!r} means {bands[name]} as well")
            bands[name] = None if band == "none" else band
    return bands


def _chip(number, table):
    chip = _known({f"chips.{number}": table}, f"chips.{number}", CHIP_KEYS)
    missing = [key for key in CHIP_KEYS if key not in chip and key != "offset"]
    if missing:
        raise ValueError(f"chips.{number}: missing: {', '.join(missing)}")
    return Chip(**chip)


def _distortion(table):
    """Return the field `distortion` from [distortion] keyword = KEY and values.VALUE.PVi_j, or from PVi_j alone."""
    if not table:
        return None
    keyword = table.get("keyword")
    sets = table.get("values") if keyword else {"": table}
    if not isinstance(sets, dict) or not all(isinstance(each, dict) for each in sets.values()):
        raise ValueError("distortion.values has to hold a table for each value of distortion.keyword")
    for value, terms in sets.items():
        for name, number in terms.items():
            if not re.fullmatch(r"PV\d_\d+", name):
                raise ValueError(f"distortion: unknown key {name!r}; a term is called PV1_0, PV2_10 and so on")
            checked(f"distortion {value} {name}".replace("  ", " "), "number", number)
    return {"keyword": keyword, "sets": sets}


def _setting(program, name, value):
    """Return a setting of Source Extractor, SCAMP or SWarp as the text that their files hold."""
    if not re.fullmatch(r"[A-Z][A-Z0-9_]+", name):
        raise ValueError(f"{program}.{name}: the names of settings are in capitals")
    if isinstance(value, bool):
        return "Y" if value else "N"
    if isinstance(value, list):
        return ",".join(_setting(program, name, each) for each in value)
    if not isinstance(value, str | int | float):
        raise ValueError(f"{program}.{name} = {value!r} has to be text, a number, true or false, or a list of those")
    return str(value)


def _config_files(names, path, setup_folders):
    """Return {"sex_file": Path} and so on for complete configuration files that take the place of the packaged ones."""
    files = {}
    for program, name in names.items():
        places = [path.parent / name, *(folder / name for folder in setup_folders)]
        found = next((place for place in places if place.is_file()), None)
        if found is None:
            raise ValueError(
                f"config.{program}: there is no {name} in {', '.join(str(place.parent) for place in places)}"
            )
        files[f"{program}_file"] = found
    return files


def _variant(name, table, where="variants"):
    fields = {}
    for key, value in _flat(_table({"variant": table}, "variant")):
        if key not in KEYS or key in ("identifiers", "aliases"):
            raise ValueError(f"unknown key '{where}.{name}.{key}'{nearest(key, KEYS, 1)}")
        kind, field = KEYS[key]
        fields[field] = checked(f"{where}.{name}.{key}", kind, value)
    return fields


def _cases(table):
    """Return ((keyword, ...), ((pattern, ...), fields)...) from [cases] keywords = [...] and values."A B" = {...}."""
    if not table:
        return ()
    unknown = sorted(f"cases.{key}" for key in set(table) - {"keywords", "values"})
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r}{nearest(unknown[0], ('cases.keywords', 'cases.values'), 1)}")
    keywords = checked("cases.keywords", "texts", table.get("keywords", []))
    values = []
    for patterns, changes in _table(table, "values").items():
        if len(patterns.split()) != len(keywords):
            raise ValueError(f"cases.values.{patterns!r} has to hold a pattern for each of {', '.join(keywords)}")
        values.append((tuple(patterns.split()), _variant(patterns, changes, "cases.values")))
    return (keywords, tuple(values))
