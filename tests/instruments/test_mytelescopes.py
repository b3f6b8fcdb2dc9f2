"""A user's mytelescopes.py from the days of the original suite."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from photometrypipeline.base.errors import TelescopeError
from photometrypipeline.instruments import mytelescopes, telescopes

EXAMPLES = telescopes.SETUP_FOLDER
OURS = sorted(telescopes.load().telescopes)

pytestmark = pytest.mark.usefixtures("config")

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
        ("telescope_parameters['A'] = dict(vatt4k_param, flipx={1: True})\n", "A: flipx, flipy and rotate must"),
        ("telescope_parameters = []\n", "mytelescopes.py: telescope_parameters is not a dictionary any more"),
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
