"""The example as a user runs it: light curve, positions and zeropoints against the truth beside the frames."""

import importlib.util
import json
import shutil
import subprocess
import sys

import pytest
from astropy.io import fits
from conftest import ROOT

from photometrypipeline.frames import records
from photometrypipeline.runs import starts

EXAMPLE = ROOT / "example_data" / "vatt4k"


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """Return (folder, CompletedProcess) of the example, run as a new user is told to."""
    from test_commands import run_plain

    place = tmp_path_factory.mktemp("example")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPROFILEIMPORTTIME", "1")
        return place / "vatt4k", run_plain("pp_run", "-example", "vatt4k", cwd=place)


def loaded(told):
    """Return the names (set) of the modules that a command has loaded, from its standard error."""
    return {line.rpartition("|")[2].strip() for line in told.splitlines() if line.startswith("import time:")}


def check(folder):
    argv = [sys.executable, str(ROOT / "example_data" / "check_example.py"), str(folder)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=120)


def test_the_example_comes_out_as_it_should(example):
    folder, done = example
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAIL" not in done.stdout and "ok    largest zeropoint error" in done.stdout
    assert str(folder / "diagnostics.html") in done.stdout
    assert not (folder.parent / "LOG").exists()


def test_the_example_takes_no_folder_that_is_in_use(example, call, capsys):
    folder, _ = example
    for arguments, told in (
        (["-example", folder], "the folder is not empty"),
        (["-example", folder / "LOG" / "below"], "name a folder that can be written"),
        (["-example", folder / "new", "a.fits"], "brings its own images"),
        ([], "no images are given"),
    ):
        with pytest.raises(SystemExit) as ended:
            call("pp_run", *arguments, cwd=folder.parent)
        assert ended.value.code == 2 and told in capsys.readouterr().err


def test_a_run_loads_no_package_that_it_has_no_use_for(example):
    _, done = example
    slow = {"requests", "astroquery", "pandas", "skimage", "photutils", "astropy.modeling", "matplotlib.pyplot"}
    slow |= {f"scipy.{name}" for name in ("stats", "optimize", "integrate", "interpolate", "signal")}
    slow |= {"astropy.units.cds"}  # which reading a VOTable loads
    starts = "| zipimport"  # the first that each Python loads: that of the run, then that of the comparison
    modules = loaded(done.stderr.split(starts)[1])
    assert modules & slow == set()
    assert {"scipy.ndimage", "astropy.wcs"} <= modules  # the names are read as Python writes them


def test_the_data_sets_of_a_tree_have_no_package_left_to_load(example):
    """What a run loads is there in the process that they are copies of; what the example alone loads, need not be."""
    import pp_run

    modules = loaded(example[1].stderr.split("| zipimport")[1])
    code = f"import sys; [__import__(name) for name in {[starts.OWN, *pp_run.LOADED]}]; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    packages = ("numpy", "scipy", "astropy", "matplotlib", "jinja2", "photometrypipeline")
    left = {name for name in modules - set(done.stdout.split()) if name.startswith(packages)}
    left = {name for name in left if importlib.util.find_spec(name)}  # some are only asked for
    assert len(done.stdout.split()) > 1000 and left == set()


def test_a_run_with_nothing_to_do_loads_nothing_that_it_does_not_need(example):
    folder, _ = example
    argv = [sys.executable, "-X", "importtime", str(ROOT / "pp_run.py"), "-offline"]
    argv += sorted(path.name for path in folder.glob("mscience*.fits"))

    def run():
        done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert "up to date: prepare, register, photometry, calibrate, distill" in done.stdout
        return done.stdout, loaded(done.stderr)

    slow = {"scipy", "matplotlib", "requests", "jinja2", "photutils", "astroquery", "pandas", "skimage"}
    slow |= {f"astropy.{name}" for name in ("table", "coordinates", "time", "wcs", "stats", "modeling")}
    told, modules = run()
    assert modules & slow == set()
    assert "astropy.io.fits" in modules  # the names are read as Python writes them
    again, modules = run()  # the same call, with nothing changed
    assert again == told
    assert modules & {*slow, "astropy", "numpy"} == set()
    assert "photometrypipeline.runs.unchanged" in modules


def test_the_check_notices_a_wrong_result(example, tmp_path):
    folder, _ = example
    wrong = tmp_path / "wrong"
    shutil.copytree(folder, wrong)
    table = wrong / "photometry_3552.dat"
    lines = table.read_text().splitlines()
    lines[1] = lines[1][:53] + f"{float(lines[1][53:61]) + 0.2:8.4f}" + lines[1][61:]  # one frame 0.2 mag off
    table.write_text("\n".join(lines) + "\n")
    verdict = check(wrong)
    assert verdict.returncode == 1
    assert "FAIL" in verdict.stdout


def test_the_store_of_the_example_stays_with_the_example(example, tmp_path, run_command):
    folder, _ = example
    bare = tmp_path / "bare"
    bare.mkdir()
    shutil.copy(EXAMPLE / "mscience0217.fits", bare)
    done = run_command("pp_run", "mscience0217.fits", "-offline", cwd=bare)
    assert done.returncode == 1  # its invented stars are nowhere but in pp_store/
    assert "is not asked when offline" in done.stderr


def test_a_magnitude_is_explained_and_derived_again_to_the_last_bit(example, call):
    folder, _ = example
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.name != "LOG"}
    done = call("pptool_explain", "-json", "3552", "mscience0220.fits", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert [check["name"] for check in told["checks"]] == ["frame", "source list", "calibration", "magnitude"]
    assert all(check["same"] for check in told["checks"])
    facts = {step["name"]: step["facts"] for step in told["steps"]}
    assert facts["light"]["inst_mag"] + facts["zeropoint"]["added_mag"] == pytest.approx(told["row"]["mag"], abs=1e-9)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.name != "LOG"} == before


def test_a_pixel_that_was_changed_is_noticed_and_named(example, tmp_path, call):
    folder, _ = example
    touched = tmp_path / "touched"
    shutil.copytree(folder, touched)
    light = next(each for each in records.read(touched)["distill"].lights if each.frame == "mscience0220.fits")
    with fits.open(touched / light.frame, mode="update") as hdus:
        hdus[0].data[round(light.y_px) - 1, round(light.x_px) - 1] += 50
    done = call("pptool_explain", "3552", "mscience0220.fits", cwd=touched)
    assert done.returncode == 1
    checks = done.stdout[done.stdout.index("\nresult") :]
    assert "NOT the same: pixels changed since" in " ".join(checks.split())
    assert "mag 17." in checks  # before, and after
    wrong = call("pptool_explain", "3553", "mscience0220.fits", cwd=touched)
    assert wrong.returncode == 2 and "no light curve of 3553" in wrong.stderr and "'3552'" in wrong.stderr
