"""Definitions of instruments and settings of the programs against the facts that they were written from."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from photometrypipeline.instruments import telescopes

SHARED = Path(__file__).resolve().parents[3] / "shared"
FACTS = SHARED / "facts" / "telescopes.toml"
PROGRAMS = SHARED / "facts" / "astromatic_config.toml"
OURS = sorted(telescopes.load().telescopes)
FAMILIES = {  # definitions that stand for many cameras, and those of them that have a key of their own
    "LCOSBIG": ["LCOSBIGKB78"],
    "LCOSINISTRO": ["LCOSINFA03", "LCOSINFA15", "LCOSINFL03", "LCOSINFL06", "LCOSINFL11", "LCOSINFL16"],
    "LCOSPECTRAL": ["LCOSPECFS01"],
}


pytestmark = pytest.mark.usefixtures("config")

MENDED = {  # (instrument, key of its dictionary): (as the original had it, as it is now); the reason stands in its file
    ("RATIR", "secpix"): ((0.15, 0.15), (0.16, 0.16)),
    ("PDO25CMF63ST8", "secpix"): ((0.1875, 0.1875), (1.18, 1.18)),
    ("KPNO4MOS3", "secpix"): ((0.25, 0.25), (0.258, 0.258)),
    ("CFHTMEGAPRIME", "date_keyword"): ("DATE-OBS", "DATE-OBS|UTC-OBS"),
    ("CFHTMEGAPRIME", "filter"): ("FILTER2", "FILTER"),
    ("KPNO4MOS3", "rotate"): (0, 270),
    ("LCOSINFL03", "flipx"): (True, False),
}
FILTERS_ADDED = {
    "CFHTMEGAPRIME",
    "KPNO4MOS3",
    "NOTALFOSC",
    "SOARGOODMAN",
    *(key for members in FAMILIES.values() for key in members),
}
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
