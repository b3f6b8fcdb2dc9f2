"""Families of cameras: patterns as identifiers, members with a key of their own, cases that depend on the site."""

import os
from pathlib import Path

import pytest
from test_telescopes import FAMILIES, MINIMAL, define

from photometrypipeline.base.errors import TelescopeError
from photometrypipeline.instruments import mytelescopes, telescopes


@pytest.fixture
def config():
    """The user's folder of settings, empty."""
    folder = Path(os.environ["XDG_CONFIG_HOME"]) / "photometrypipeline"
    (folder / "instruments").mkdir(parents=True)
    return folder


@pytest.mark.parametrize(
    ("header", "key", "code", "scale"),
    [
        ({"INSTRUME": "fa11", "TELESCOP": "1m0-04", "SITEID": "lsc", "ENCID": "domc"}, "LCOSINISTRO", "W87", 0.389),
        ({"INSTRUME": "fl12", "TELESCOP": "1m0-03", "SITEID": "coj", "ENCID": "domb"}, "LCOSINISTRO", "Q64", 0.389),
        ({"INSTRUME": "fa15", "TELESCOP": "1m0-05", "SITEID": "lsc", "ENCID": "doma"}, "LCOSINFA15", "W85", 0.389),
        ({"INSTRUME": "fa15", "TELESCOP": "1m0-05"}, "LCOSINFA15", "W86", 0.389),  # as in the original
        ({"INSTRUME": "kb76", "TELESCOP": "1m0-13", "SITEID": "cpt", "ENCID": "domb"}, "LCOSBIG", "K92", 0.234),
        (
            {"INSTRUME": "kb82", "TELESCOP": "0m4-06", "SITEID": "ogg", "ENCID": "clma", "TELID": "0m4b"},
            "LCO04SBIG", "T04", 0.571,
        ),
        ({"INSTRUME": "kb35", "TELESCOP": "0m8-01", "SITEID": "sqa"}, "LCO08SBIG", "G51", 0.615),
        (
            {"INSTRUME": "sq31", "TELESCOP": "0m4-10", "SITEID": "tfn", "ENCID": "aqwa", "TELID": "0m4a"},
            "LCO04QHY", "Z21", 0.74,
        ),
        ({"INSTRUME": "fs02", "TELESCOP": "2m0-01", "SITEID": "ogg"}, "LCOSPECTRAL", "F65", 0.15),
        ({"INSTRUME": "ep07", "TELESCOP": "2m0-02", "SITEID": "coj"}, "LCOMUSCAT", "E10", 0.27),
        ({"INSTRUME": "Andor Tech", "TELESCOP": "X", "OBSERVAT": "Artemis"}, "SPECULOOS", "954", 0.35),
        ({"INSTRUME": "FLI", "TELESCOP": "TRAPPIST"}, "TRAPPISTS", "I40", 0.64),
        ({"INSTRUME": "FLI", "TELESCOP": "0.6m NEXT"}, "NEXT", "C42", 0.64),
        ({"INSTRUME": "FLI", "TELESCOP": "0.6m", "SITELAT": 43.47, "SITELONG": 87.18}, "NEXT", "C42", 0.64),
        ({"INSTRUME": "Seestar S30"}, "SEESTAR", "500", 3.988),
    ],
)  # fmt: skip
def test_cameras_of_a_family_are_found_and_their_site_is_known(header, key, code, scale):
    telescope = telescopes.identify(header)
    assert (telescope.key, telescope.mpc_code) == (key, code)
    assert telescope.pixel_scale == (scale, scale)
    again = telescopes.identify({**header, "TEL_KEYW": key})
    assert again.mpc_code == code


def test_a_name_that_several_families_have_needs_telescop():
    with pytest.raises(TelescopeError, match="would be LCOSBIG, but the header has no TELESCOP"):
        telescopes.identify({"INSTRUME": "kb92"})
    with pytest.raises(TelescopeError, match="no known telescope"):
        telescopes.identify({"INSTRUME": "kb92", "TELESCOP": "my balcony"})


def test_older_images_of_single_cameras_keep_their_key():
    assert telescopes.identify({"TEL_KEYW": "LCOSINFA03"}).label == "LCOGT(CTIO)/SINISTRO"
    for family, members in FAMILIES.items():
        for key in members:
            assert telescopes.get(key).origin == telescopes.get(family).origin


def test_scripts_find_cameras_of_families_by_their_header_value():
    names = mytelescopes.legacy_names(telescopes.load(), "/root")
    identifiers, parameters = names["instrument_identifiers"], names["telescope_parameters"]
    assert identifiers["fa03"] == "LCOSINFA03"
    assert identifiers["fa77"] == identifiers.get("fl42") == "LCOSINISTRO"
    assert "fa77" in identifiers and "fa777" not in identifiers and identifiers.get("fa777") is None
    with pytest.raises(KeyError):
        identifiers["fa777"]
    assert names["lcosinfa03_param"] is parameters["LCOSINFA03"]
    assert parameters["DECAM"]["ra"] == "RA"


def test_exact_names_win_over_patterns_and_users_over_us(config):
    define(config, MINIMAL.replace("HILLTOP-ST9", "fa1?"), "MINE")
    header = {"TELESCOP": "1m0-05"}
    assert telescopes.identify({**header, "INSTRUME": "fa15"}).key == "LCOSINFA15"
    assert telescopes.identify({**header, "INSTRUME": "fa16"}).key == "MINE"
    assert telescopes.identify({**header, "INSTRUME": "fa26"}).key == "LCOSINISTRO"
    define(config, MINIMAL.replace("HILLTOP-ST9", "fa16"), "YOURS")
    assert telescopes.identify({**header, "INSTRUME": "fa16"}).key == "YOURS"


def test_a_name_with_special_characters_fits_itself(config):
    define(config, MINIMAL.replace("HILLTOP-ST9", "Camera [CCD] *new*"))
    assert telescopes.identify({"INSTRUME": "Camera [CCD] *new*"}).key == "HILLTOP"


@pytest.mark.parametrize(
    ("one", "other", "ambiguous"),
    [
        ("cam*", "c?m-1", True),
        ("cam*", "*7", True),
        ("cam[0-4]", "cam[5-9]", False),
        ("cam[0-5]", "cam[5-9]", True),
        ("cam?", "cam", False),
        ("*a", "*b", False),
        ("a*b*c", "ab?c", True),
        ("a*b*c", "ac", False),
    ],
)
def test_patterns_that_fit_the_same_name_are_an_error(config, one, other, ambiguous):
    define(config, MINIMAL.replace("HILLTOP-ST9", one), "ONE")
    define(config, MINIMAL.replace("HILLTOP-ST9", other), "OTHER")
    if not ambiguous:
        telescopes.load()
        return
    with pytest.raises(TelescopeError) as caught:
        telescopes.load()
    assert all(text in str(caught.value) for text in (repr(one), repr(other), "ONE", "OTHER", "fit the same names"))


def test_patterns_that_telescop_keeps_apart(config):
    define(config, MINIMAL.replace("HILLTOP-ST9", "cam*") + 'telescop = ["north*"]\n', "ONE")
    define(config, MINIMAL.replace("HILLTOP-ST9", "ca*") + 'telescop = ["south*"]\n', "OTHER")
    assert telescopes.identify({"INSTRUME": "cam1", "TELESCOP": "South 1"}).key == "OTHER"


def test_members_and_cases_of_a_users_family(config):
    text = (
        MINIMAL.replace("HILLTOP-ST9", "HT-*")
        + """
[cases]
keywords = ["SITE", "DOME"]
values."hill *" = { mpc_code = "696" }
values."hill 2" = { mpc_code = "697", rotate = 90 }

[members.HILLTOP3]
identifiers = ["HT-3"]
pixel_scale = [0.7, 0.7]
filters.R = ["red"]
"""
    )
    define(config, text)
    assert telescopes.identify({"INSTRUME": "HT-1", "SITE": "hill", "DOME": 1}).mpc_code == "696"
    second = telescopes.identify({"INSTRUME": "HT-3", "SITE": "hill", "DOME": 2})
    assert (second.key, second.mpc_code, second.rotate, second.pixel_scale) == ("HILLTOP3", "697", 90, (0.7, 0.7))
    assert second.filters == {"Bessel V": "V", "red": "R"}
    assert telescopes.get("HILLTOP").filters == {"Bessel V": "V"}
