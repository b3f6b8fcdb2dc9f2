"""Faults of the last version of the original that no other test keeps from coming back; README.md lists all of them."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from conftest import ROOT

import pp_prepare
import sky
from photometrypipeline.base.errors import ProgramError
from photometrypipeline.frames import records
from photometrypipeline.frames.frame import read_header
from photometrypipeline.instruments import telescopes
from photometrypipeline.programs import astromatic, external

SMALL = {"size": (64, 60), "n_stars": 2, "store": False}


def test_x4_importing_the_modules_touches_nothing(tmp_path):
    modules = sorted(path.stem for path in ROOT.glob("pp*.py")) + ["catalog", "diagnostics"]
    code = f"import warnings, {', '.join(modules)}; "
    code += (
        "silenced = [each for each in warnings.filters if each[0] == 'ignore' and each[2] is Warning and not each[1]]; "
    )
    code += "assert not silenced, silenced"
    argv = [sys.executable, "-c", code]
    environment = {"PATH": "", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}  # no program could be started
    done = subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert [path for path in tmp_path.iterdir() if path.name[0] != "."] == []


def test_x15_renaming_to_fits_never_overwrites(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    sky.make_dataset(tmp_path, 2, **SMALL)
    Path("mscience0218.fits").rename("mscience0217.FIT")
    before = Path("mscience0217.FIT").read_bytes()
    assert pp_prepare.main(["mscience0217.FIT", "mscience0217.fits"]) == 3
    assert Path("mscience0217.FIT").read_bytes() == before
    assert "mscience0217.fits exists already" in capsys.readouterr().err
    Path("mscience0217.fits").unlink()
    assert pp_prepare.main(["mscience0217.FIT"]) == 0
    assert read_header("mscience0217.fits")["TEL_KEYW"] == "VATT4K" and not Path("mscience0217.FIT").exists()


def write_lowell(path):
    """Write an image of the Lowell 42 inch, whose border of 100 pixels is cut off; returns its pixels."""
    header = fits.Header.fromstring((ROOT / "tests" / "header_texts" / "LOWELL42.txt").read_text(), sep="\n")
    pixels = np.arange(330 * 300, dtype=np.float32).reshape(330, 300)
    header.update({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": 150.0, "CRPIX2": 160.0})
    fits.writeto(path, pixels, header, overwrite=True)
    return pixels


def test_x17_the_border_is_cut_off_once_and_the_wcs_moves_along(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pixels = write_lowell(Path("a.fits"))
    for options in (["-keep_wcs"], ["-keep_wcs"]):
        assert pp_prepare.main(["a.fits", *options]) == 0
        header = read_header("a.fits")
        assert (header["PPCROP"], header["CRPIX1"], header["CRPIX2"]) == (100, 50.0, 60.0)
        np.testing.assert_array_equal(fits.getdata("a.fits"), pixels[100:-100, 100:-100])
    assert pp_prepare.main(["a.fits"]) == 0
    header = read_header("a.fits")
    assert (header["NAXIS1"], header["NAXIS2"], header["CRPIX1"], header["CRPIX2"]) == (100, 130, 50, 65)


def test_x26_an_unknown_filter_is_a_warning_of_pp_prepare_and_no_crash(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    sky.make_dataset(tmp_path, 1, header={"FILTER": "Bessel X"}, **SMALL)
    assert pp_prepare.main(["mscience0217.fits"]) == 0
    assert "'Bessel X' is not in filter_translations of VATT4K" in capsys.readouterr().err
    assert read_header("mscience0217.fits")["MIDTIMJD"] > 2457786
    assert records.read(".")["prepare"].band is None and Path("diagnostics.html").exists()


def test_x39_settings_of_a_telescope_reach_scamp():
    telescope = telescopes.get("CFHTMEGAPRIME")
    argv = astromatic.scamp_arguments(["a.ldac"], "GAIA.cat", telescope, 0xF8, "out.xml")
    argv = list(map(str, argv))
    assert str(telescope.scamp["PIXSCALE_MAXERR"]) == "1.2"
    assert argv[argv.index("-PIXSCALE_MAXERR") + 1] == "1.2"


def test_x84_a_program_is_believed_after_a_look_at_what_it_left(tmp_path):
    wrote = tmp_path / "out"
    assert external.run_program(["sh", "-c", f"echo words; touch {wrote}"], [wrote]) == "words\n"
    for script, why in [
        ("echo 'Error: no memory' >&2; exit 3", "ended with code 3: Error: no memory"),
        ("kill -9 $$", "crashed .signal 9"),
        ("true", f"did not write {wrote}"),  # what lies there from before does not count
    ]:
        with pytest.raises(ProgramError, match=why):
            external.run_program(["sh", "-c", script], [wrote])
    with pytest.raises(ProgramError, match="could not be started"):
        external.run_program(["/nonexistent/program"], [])
    with pytest.raises(ProgramError, match="did not end within"):
        external.run_program(["sleep", "5"], [], timeout_s=0.1)


def test_x84_a_missing_program_says_what_it_is_for_and_how_to_get_it(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ProgramError, match="SCAMP is not on PATH .*astrometric solution; install it: .*scamp"):
        external.find_program("SCAMP")
