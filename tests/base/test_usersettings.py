"""A user's pp_setup.py: names that do not exist, and values of the wrong kind."""

import re
import runpy
import subprocess
import sys

import pytest
from conftest import ROOT

import pp_setup
from photometrypipeline.base import usersettings
from photometrypipeline.base.errors import UsageError

KNOWN = usersettings.known(runpy.run_path(pp_setup.__file__))


def run(text):
    """Check a user's file against the settings of the pipeline as they are."""
    namespace = runpy.run_path(pp_setup.__file__)
    usual = usersettings.known(namespace)
    exec(text, namespace)
    return usersettings.check(usual, usersettings.known(namespace))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("minstar = 0.7", "no setting is called minstar; the nearest is minstars"),
        ("confdistill.full_target_name = True", "the nearest is confdistill.full_target_names"),
        ("xyzzy = 1", "no setting is called xyzzy; names of your own begin with _"),
        ("minstars = '0.7'", "minstars = '0.7' is not a number; the usual value is 0.5"),
        ("solcol = True", "solcol = True is not a number"),
        ("scamp_timeout_s = float('nan')", "is not a number"),
        ("one_solution = 1", "one_solution = 1 is not True or False"),
        ("preferred_relations = 'KB18'", "preferred_relations = 'KB18' is not a tuple of text"),
        ("confverdict.accepted = 0.9", "confverdict.accepted = 0.9 is not 2 numbers"),
        ("confverdict.accepted = (0.9,)", "confverdict.accepted = (0.9,) is not 2 numbers"),
        ("store_limit_mb = 'much'", "store_limit_mb = 'much' is not a number or None"),
        ("service_urls = ['https://a.org']", "is not a dict"),
        ("confdiagnostics.image_dpi = '150'", "confdiagnostics.image_dpi = '150' is not a number"),
        ("confreport.observers = 'A. B. Observer'", "is not a tuple of text"),
        (
            "confdistill = None",
            "confdistill is not the one of this version; set single values, such as confdistill.NAME = ...",
        ),
        ("class Conf:\n    pathes = 1\nconfdiagnostics = Conf()", "confdiagnostics is not the one of this version"),
        ("minstars = len", "minstars has lost its value; set it to a number"),
        ("diagnostics = None", "diagnostics = None is not True or False"),
        ("pos_epsilon = -1", "pos_epsilon = -1 is below 0; the usual value is 0.5"),
        ("minstars = 1.5", "minstars = 1.5 is neither a number of stars nor a fraction up to 1.0"),
        ("minstars = 0", "minstars = 0 is neither"),
        ("photmode = 'FOO'", "photmode = 'FOO' is not one of APER, ISOCOR, AUTO, PSF"),
        ("confreport.telescopes = {'*': 5}", "has something other than a dict for a telescope"),
    ],
)
def test_names_and_kinds_that_do_not_exist_are_refused(line, told):
    with pytest.raises(UsageError) as error:
        run(line)
    assert told in str(error.value)


def test_whatever_the_settings_can_be_is_taken():
    run(
        "import os as system\nfrom math import sqrt\n_mine = 3\n"
        "def double(x):\n    return 2 * x\n"
        "minstars = 20\nphotometric_catalog_limit = double(9.75)\nstore_limit_mb = 2000\nprogram_timeout_s = 60.5\n"
        "catalog_folders = ['/data/tycho2']\npreferred_relations = ('KB18',)\nconfverdict.accepted = [0.8, 0.4]\n"
        "service_urls = {'vizier': 'https://a.org'}\nconfreport.telescopes = {'VATT4K': {'aperture_m': 1.83}}\n"
        "confdistill.rejection = ('pos', 'none')"
    )


def test_settings_that_the_pages_name_are_taken():
    pages = "".join(path.read_text() for path in (ROOT / "docs").glob("*.md"))
    named = {
        line
        for line in re.findall(r"`((?:conf\w+\.)?[a-z]\w+ = [^`]+)`", pages)
        if line.split(".")[0].split()[0] in KNOWN
    }
    assert len(named) > 5
    for line in named:
        run(line)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("minstar = 0.7", "no setting is called minstar; the nearest is minstars"),
        ("raise SystemExit", "SystemExit: ; correct the settings there"),
    ],
)
def test_a_command_tells_it_in_one_line(tmp_path, line, told):
    (tmp_path / "pp_setup.py").write_text(f"{line}\n")
    environment = {"PHOTPIPEDIR": str(tmp_path), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    argv = [sys.executable, str(ROOT / "pptool_store.py"), "list"]
    done = subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (2, f"ERROR: {tmp_path / 'pp_setup.py'}: {told}\n")


def test_settings_of_the_documented_suite_without_an_effect_are_told():
    assert run("minstars = 0.7") == []
    (told,) = run("confdiagnostics.thumb_fontsize = 8")
    assert "thumb_fontsize has no effect any more" in told
    assert len(run("allcatalogs = ['GAIA']\ninstrument_keys = ['INSTRUME']")) == 2


def test_settings_that_are_no_file_are_not_passed_over(tmp_path, monkeypatch):
    (tmp_path / "pp_setup.py").symlink_to("unplugged/pp_setup.py")
    monkeypatch.setenv("PHOTPIPEDIR", str(tmp_path))
    assert str(pp_setup._override()) == f"{tmp_path / 'pp_setup.py'} is not a file that can be read; move it away"
