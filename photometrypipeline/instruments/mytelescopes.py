"""Instruments in the form of the original suite: the dictionaries of a user's mytelescopes.py.

Such a file is run as it always was, among the names of the original's telescopes.py: `rootpath`, the containers
`telescope_parameters`, `instrument_identifiers`, `implemented_telescopes`, and each dictionary under its old name.
"""

import copy
import dataclasses
import logging
import os
import traceback
from pathlib import Path

from photometrypipeline.base.errors import TelescopeError
from photometrypipeline.instruments import wildcards
from photometrypipeline.instruments.instrument import HEADER_DEFAULTS, Chip, Telescope, as_text
from photometrypipeline.instruments.kinds import checked

log = logging.getLogger("pp.telescopes")

# Names of dictionaries that are not the key in small letters and _param.
OLD_NAMES = {"PDO05F81KAF1001E": "pdo05mf81kaf1001e_param", "NEXT": "nextfli_param"}
# What the original's files of these names set and no instrument uses.
SPARE_SCAMP = {"sl74sha": {"PIXSCALE_MAXERR": "1.3", "POSITION_MAXERR": "1.5"}}
NEEDED = ("observatory_code", "secpix", "binning", "filter_translations")
# key of a dictionary: (kind of value, field of Telescope); the rest needs more than a look
PLAIN = {
    "telescope_instrument": ("text", "label"),
    "ext_coeff": ("number", "extinction"),
    "source_minarea": ("number", "min_area"),
    "source_snr": ("number", "snr"),
    "aprad_default": ("number", "aprad_default"),
    "aprad_range": ("range", "aprad_range"),
    "reg_max_mag": ("number", "max_mag"),
    "reg_search_radius": ("number", "search_radius"),
    "source_tolerance": ("tolerance", "source_tolerance"),
    "astrometry_catalogs": ("texts", "astrometry_catalogs"),
    "photometry_catalogs": ("texts", "photometry_catalogs"),
}
HEADER = {
    "ra": "ra",
    "dec": "dec",
    "radec_separator": "radec_separator",
    "date_keyword": "time",
    "object": "object",
    "filter": "filter",
    "exptime": "exptime",
    "airmass": "airmass",
    "chip_id": "chip",
}


class _Identifiers(dict):
    """Header value to key, as a dictionary of the names known one by one that finds names which fit a pattern too."""

    def __init__(self, registry):
        super().__init__(registry.identifiers)
        self._registry = registry

    def __missing__(self, value):
        keys = wildcards.keys_of(as_text(value), self._registry)
        if not keys:
            raise KeyError(value)
        return keys[0]

    def __contains__(self, value):
        return super().__contains__(value) or bool(wildcards.keys_of(as_text(value), self._registry))

    def get(self, value, default=None):
        try:
            return self[value]
        except KeyError:
            return default


def legacy_names(registry, rootpath):
    """Return {name: object} of all that the original's telescopes.py defines, made again from `registry`."""
    parameters = {key: telescope.parameters() for key, telescope in registry.telescopes.items()}
    return {
        "rootpath": str(rootpath),
        "telescope_parameters": parameters,
        "instrument_identifiers": _Identifiers(registry),
        "implemented_telescopes": list(parameters),
        **{OLD_NAMES.get(key, f"{key.lower()}_param"): dictionary for key, dictionary in parameters.items()},
    }


def join_in(path, registry, folders, only_new=False):
    """Run the file `path` and enter into `registry` what it adds or changes.

    folders : folders in which the configuration files that it names are looked for
    only_new : leave instruments and identifiers alone that `registry` knows (for an old telescopes.py)
    Raises TelescopeError, which names file and line, or instrument and key.
    """
    rootpath = os.environ.get("PHOTPIPEDIR", "").rstrip("/") or folders[-1].parent
    names = {"__file__": str(path), "__name__": "mytelescopes", "os": os, **legacy_names(registry, rootpath)}
    before = copy.deepcopy(names["telescope_parameters"])
    _run(path, names)
    for name in ("telescope_parameters", "instrument_identifiers"):
        if not isinstance(names.get(name), dict):
            raise TelescopeError(
                f"{path}: {name} is not a dictionary any more; add to it, as in mytelescopes.py.example"
            )
    settings = _settings_by_name(registry)
    for key, dictionary in names["telescope_parameters"].items():
        if dictionary == before.get(key) or (only_new and key in before):
            continue
        try:
            telescope = from_dictionary(str(key), dictionary, path, folders, settings)
        except ValueError as error:
            raise TelescopeError(f"{path}: {key}: {error}") from None
        registry.telescopes[telescope.key] = _with_what_was_known(telescope, registry.telescopes.get(telescope.key))
        registry.aliases.update(
            (alias, telescope.key) for alias in telescope.aliases if alias not in registry.telescopes
        )
        log.info("%s: %s added", path, key)
    _enter_identifiers(names["instrument_identifiers"], path, registry, only_new)


def _run(path, names):
    """Run the Python file `path` in the namespace `names`; what goes wrong becomes one line."""
    try:
        source = path.read_bytes()
        try:
            code = compile(source, str(path), "exec")
        except SyntaxError as error:
            if "utf-8" not in str(error).lower():
                raise
            code = compile(source.decode("latin-1"), str(path), "exec")  # from the days when that went unsaid
        exec(code, names)
    except SyntaxError as error:
        raise TelescopeError(f"{error.filename}, line {error.lineno}: not valid Python 3: {error.msg}") from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a user's own code raises is a fault of that file
        raise TelescopeError(f"{path}{_line(error, path)}: {type(error).__name__}: {error}") from None


def _line(error, path):
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f", line {lines[-1]}" if lines else ""


def _settings_by_name(registry):
    """Return {name of the original's configuration files: {program: settings}}; those files are no longer there."""
    settings = {name: {"sex": {}, "scamp": scamp, "swarp": {}} for name, scamp in SPARE_SCAMP.items()}
    for key, telescope in registry.telescopes.items():
        name = telescope.legacy_config
        if telescope.legacy is None and (name not in settings or name == key.lower()):
            level = {"SATUR_LEVEL": str(telescope.saturation)} if telescope.saturation else {}
            settings[name] = {
                "sex": telescope.sex | level,
                "scamp": telescope.scamp,
                "swarp": telescope.swarp,
            }
    return settings


def from_dictionary(key, dictionary, path, folders, settings):
    """Return the Telescope `key` of a `dictionary` in the original's form.  Raises ValueError: what is wrong.

    settings : {name: {program: {setting: value}}} for configuration files that are named but not there
    """
    if not isinstance(dictionary, dict):
        raise ValueError("has to be a dictionary")
    missing = [name for name in NEEDED if name not in dictionary]
    if missing:
        raise ValueError(f"missing: {', '.join(missing)}")
    fields = {"label": key}
    for name, (kind, field) in PLAIN.items():
        if name in dictionary:
            fields[field] = checked(name, kind, _as_list(dictionary[name]))
    header = {ours: checked(name, "text", dictionary[name]) for name, ours in HEADER.items() if name in dictionary}
    fields["header"] = HEADER_DEFAULTS | header
    fields["ra_unit"] = "deg" if fields["header"]["radec_separator"] == "XXX" else "hour"
    code = dictionary["observatory_code"]
    fields["mpc_code"] = f"{code:03d}" if isinstance(code, int) else checked("observatory_code", "text", code).strip()
    scale = _as_list(dictionary["secpix"])
    fields["pixel_scale"] = checked("secpix", "scale", [] if scale == [None, None] else scale)
    fields["binning"] = checked("binning", "binning", _as_list(dictionary["binning"]))
    fields["filters"] = _filters(dictionary["filter_translations"])
    fields |= _orientation(dictionary)
    fields["mask_files"] = {str(binning): str(mask) for binning, mask in _mapping(dictionary, "mask_file").items()}
    fields["distortion"] = _distortion(_mapping(dictionary, "distort"))
    fields["own_copy_keywords"] = _words(dictionary.get("copy_keywords", ()))
    fields["keep_keywords"] = _words(dictionary.get("dont_remove", ()))
    for program in ("sex", "scamp", "swarp"):
        fields |= _configuration(program, dictionary, key, path, folders, settings)
    old_key = str(dictionary.get("telescope_keyword", key)).strip()
    fields["aliases"] = (old_key,) if old_key not in ("", key) else ()
    return Telescope(key=key, setup_folders=tuple(folders), legacy=dictionary, origin=str(path), **fields)


def _with_what_was_known(telescope, before):
    """Return the user's `telescope` with what dictionaries have no keys for, from the definition that it replaces."""
    if before is None:
        return telescope
    kept = (
        "identifiers",
        "telescop",
        "vague",
        "variants",
        "cases",
        "special",
        "gain",
        "read_noise",
        "saturation",
        "time_is",
    )
    fields = {name: getattr(before, name) for name in kept}
    if telescope.header["ra"] == before.header["ra"]:
        fields["ra_unit"] = before.ra_unit
    header = {name: before.header[name] for name in ("gain", "saturation", "read_noise") if name in before.header}
    aliases = tuple(dict.fromkeys((*telescope.aliases, *before.aliases)))
    return dataclasses.replace(telescope, header=telescope.header | header, aliases=aliases, **fields)


def _as_list(value):
    """Return tuples as lists and whole numbers as integers, for which users' files take each other."""
    if isinstance(value, list | tuple):
        return [int(each) if isinstance(each, float) and each.is_integer() else each for each in value]
    return value


def _words(value):
    words = value.split(",") if isinstance(value, str) else value
    return tuple(str(word).strip() for word in words)


def _mapping(dictionary, name):
    value = dictionary.get(name) or {}
    if not isinstance(value, dict):
        raise ValueError(f"{name} = {value!r} has to be a dictionary")
    return value


def _filters(translations):
    if not isinstance(translations, dict):
        raise ValueError(f"filter_translations = {translations!r} has to be a dictionary, header value to band")
    for raw, band in translations.items():
        if not (band is None or isinstance(band, str)):
            raise ValueError(f"filter_translations: the band of {raw!r} is {band!r}, which is neither text nor None")
    return {as_text(raw): band for raw, band in translations.items()}


def _orientation(dictionary):
    """Return the fields flip_x, flip_y, rotate, or chips where the three are mappings by chip."""
    flip_x, flip_y, rotate = dictionary.get("flipx", True), dictionary.get("flipy", False), dictionary.get("rotate", 0)
    by_chip = [isinstance(value, dict) for value in (flip_x, flip_y, rotate)]
    if not any(by_chip):
        return {"flip_x": bool(flip_x), "flip_y": bool(flip_y), "rotate": checked("rotate", "number", rotate)}
    if not all(by_chip) or not set(flip_x) == set(flip_y) == set(rotate):
        raise ValueError("flipx, flipy and rotate must all be mappings for the same chips, or none of them")
    if "chip_id" not in dictionary:
        raise ValueError("missing: chip_id, the header keyword with the number of the chip")
    offsets = {as_text(number): offset for number, offset in _mapping(dictionary, "chip_offset_fixed").items()}
    chips = {}
    for number in flip_x:
        # no offsets at all: none is needed; (None, None) or a missing one: the place of that chip is not known
        offset = _as_list(offsets.get(as_text(number), (None, None))) if offsets else [0.0, 0.0]
        known = None if offset == [None, None] else checked(f"chip_offset_fixed[{number!r}]", "pair", offset)
        chips[as_text(number)] = Chip(bool(flip_x[number]), bool(flip_y[number]), rotate[number], known)
    return {"chips": chips}


def _distortion(distort):
    """Return the field `distortion` from {'functionof': KEY, value: {PV..}}, or from {PV..}."""
    if not distort:
        return None
    if "functionof" not in distort:
        return {"keyword": None, "sets": {"": dict(distort)}}
    sets = {as_text(value): dict(terms) for value, terms in distort.items() if value != "functionof"}
    return {"keyword": str(distort["functionof"]), "sets": sets}


def _configuration(program, dictionary, key, path, folders, settings):
    """Return the fields of one program: the file that is named or, if it is not there, our settings of that name."""
    given = _mapping(dictionary, "scamp") if program == "scamp" else {}
    overrides = {str(name): str(value) for name, value in given.items()}
    name = dictionary.get(f"{program}-config-file")
    if not name:
        return {program: overrides}
    named = Path(os.path.expandvars(str(name)))
    places = [named, path.parent / named.name, *(folder / named.name for folder in folders)]
    found = next((place for place in places if place.is_file()), None)
    if found:
        return {f"{program}_file": found, program: overrides}
    if named.stem not in settings and program != "swarp":  # whose files the original never used, and often lacked
        log.warning("%s: %s: there is no %s; the packaged settings are used", path, key, named)
    return {program: settings.get(named.stem, {}).get(program, {}) | overrides}


def _enter_identifiers(identifiers, path, registry, only_new):
    """Enter what the file `path` added to, changed in or took from the identifiers."""
    for value, key in identifiers.items():
        name, before = as_text(value), registry.identifiers.get(as_text(value))
        if key == before or (only_new and before):
            continue
        if key not in registry.telescopes:
            log.warning("%s: identifier %r means %r, which is not a telescope; left out", path, value, key)
            continue
        if before:
            log.info("%s: %r, which means %s otherwise, means %s", path, name, before, key)
        registry.identifiers[name] = key
        telescope = registry.telescopes[key]
        registry.telescopes[key] = dataclasses.replace(telescope, identifiers=(*telescope.identifiers, name))
    gone = [] if only_new else [value for value in registry.identifiers if value not in map(as_text, identifiers)]
    for value in gone:
        del registry.identifiers[value]
