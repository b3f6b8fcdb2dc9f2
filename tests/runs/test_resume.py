"""What a second pp_run does again and what it does not; interrupted runs end at the bytes of undisturbed ones."""

import errno
import fcntl
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import toolbox

import numpy as np
import pytest
from astropy.io import fits
from conftest import ROOT
from test_instruments import OPTIONS, TRUTH, frame_of

import interrupting
import pp_extract
import pp_prepare
import pp_run
import pp_setup
import sky
from photometrypipeline.frames import wcskeywords
from photometrypipeline.frames.frame import Frame
from photometrypipeline.instruments import telescopes
from photometrypipeline.photometry import badpixels
from photometrypipeline.runs import recipes, stamps

OFFLINE = "-offline"


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """Return the folder of a data set that nobody has touched; one of its files is no image."""
    folder = tmp_path_factory.mktemp("raw")
    sky.make_dataset(folder, 3, seed=3, size=(420, 420), n_stars=70)
    (folder / "broken.fits").write_text("no image\n")
    return folder


@pytest.fixture(scope="module")
def quiet(raw, tmp_path_factory):
    """Return the folder of the same data set after an undisturbed run."""
    folder = tmp_path_factory.mktemp("quiet") / "set"
    shutil.copytree(raw, folder)
    assert interrupting.start(folder).wait() == 3
    return folder


@pytest.fixture
def done(quiet, tmp_path, monkeypatch):
    """Return a copy of it, where the test stands."""
    shutil.copytree(quiet, tmp_path / "set")
    monkeypatch.chdir(tmp_path / "set")
    return tmp_path / "set"


def names():
    return sorted(path.name for path in Path().glob("*.fits") if path.name != badpixels.FILE_NAME)


def kept(**options):
    """Return the names of the steps that a run with these options would not do again, in the present folder."""
    frames = toolbox.open_frames(names(), toolbox.Losses())
    steps = [step for step in pp_run.STEPS if not (options.get("keep_wcs") and step == "register")]
    return [
        stamp.step for stamp in pp_run.up_to_date(steps, frames, pp_run.Options(offline=True, **{"jobs": 2} | options))
    ]


def test_the_sources_of_a_frame_are_looked_for_once(quiet):
    told = (quiet / "LOG").read_text()
    for name in ("mscience0217.fits", "mscience0218.fits", "mscience0219.fits"):
        assert len(re.findall(rf"{name}: \d+ sources extracted, snr 1.5", told)) == 1
    assert "snr 3" not in told
    assert not list((quiet / ".diagnostics").glob("*.ldac"))


def test_nothing_is_done_twice_and_the_losses_are_told_again(done, run_command):
    before = {path: path.stat().st_mtime_ns for path in done.rglob("*") if path.is_file()}
    again = run_command("pp_run", "*.fits", OFFLINE, cwd=done)  # the mask of bad pixels is no frame
    assert again.returncode == 3
    assert "up to date: prepare, register, photometry, calibrate, distill" in again.stdout
    assert "3552: " in again.stdout  # the result is told all the same
    assert "\ndiagnostics.html: " in again.stdout and again.stdout.endswith("Done!\n")
    assert again.stderr.count("broken.fits") == 2  # when it is met, and in the summary
    touched = {path.name for path, then in before.items() if path.stat().st_mtime_ns != then}
    assert touched <= {"LOG", "outcome.json", "contents.json"}


@pytest.mark.parametrize(
    ("options", "n_kept"),
    [
        ({}, 5),
        ({"jobs": 7}, 5),
        ({"reject": ("none",)}, 4),
        ({"asteroids": True}, 4),
        ({"catalog": ("SDSS-R9",)}, 3),
        ({"solar": True}, 3),
        ({"filter": "V"}, 3),
        ({"fixed_aprad": 5.0}, 2),
        ({"snr": 2.0}, 0),  # the registration takes its sources from the list of the photometry
        ({"minarea": 8.0}, 0),
        ({"source_tolerance": "low"}, 0),  # the registration begins with the first guess, which pp_prepare makes
        ({"cat": ("GAIA-DR2",)}, 0),
        ({"rerun_registration": True}, 5),  # there was no gap that a second try could fill
        ({"target": "433"}, 0),
        ({"keep_wcs": True}, 0),
        ({"force": True}, 0),
    ],
)
def test_an_option_matters_from_one_step_on(done, options, n_kept):
    assert kept(**options) == list(pp_run.STEPS)[:n_kept]


def test_what_a_user_or_an_update_changes_is_noticed(done, monkeypatch):
    frame, stem = names()[1], names()[1][:-5]
    changes = [
        (lambda: fits.setval(frame, "OBJECT", value="433"), 0),
        (lambda: change_pixel(frame), 0),
        (lambda: Path(frame).unlink(), 0),
        (lambda: shutil.copy(frame, "another.fits"), 0),
        (lambda: Path(f"{stem}.ahead").write_text("EPOCH = 2000\nEND\n"), 0),
        (lambda: Path("registration_failed.lst").unlink(), 0),  # headers are solved: from the first guess again
        (lambda: Path("GAIA.cat").write_bytes(Path("GAIA.cat").read_bytes()[:9000]), 0),
        (lambda: Path("PANSTARRS.cat").write_bytes(b"x"), 3),
        (lambda: fits.setval(frame, "APRAD", value=9.9), 2),
        (lambda: Path(f"{stem}.ldac").write_bytes(b"x"), 2),
        (lambda: change_database(f"{stem}.ldac.db"), 3),
        (lambda: Path(f"{stem}_cal.dat").unlink(), 3),
        (lambda: Path("photometry_3552.dat").unlink(), 4),
        (lambda: Path(".diagnostics/distill.json").unlink(), 4),
        (lambda: next(Path("pp_store").rglob("GAIA*.sqlite")).write_bytes(b""), 0),
    ]
    shutil.copytree(".", "../kept")
    for change, n_kept in changes:
        change()
        assert kept() == list(pp_run.STEPS)[:n_kept], (change.__code__.co_consts, n_kept)
        shutil.copytree("../kept", ".", dirs_exist_ok=True)
        Path("another.fits").unlink(missing_ok=True)
        Path(f"{stem}.ahead").unlink(missing_ok=True)
        assert kept() == list(pp_run.STEPS)


def change_pixel(name):
    with open(name, "r+b") as stream:
        stream.seek(-3000, 2)
        byte = stream.read(1)
        stream.seek(-3000, 2)
        stream.write(bytes([byte[0] ^ 1]))


def change_database(name):
    with sqlite3.connect(name) as connection:
        connection.execute("update header set obj = '433'")
    connection.close()


@pytest.mark.parametrize(
    ("where", "name", "value", "n_kept"),
    [
        (pp_setup, "scamp_max_sources", 100, 0),
        (pp_setup, "fluxlimit_aprad", 0.8, 2),
        (pp_setup, "minstars", 20, 3),
        (pp_setup.confcalibrate, "save_caldata_usedonly", True, 3),
        (pp_setup, "max_distance_arcsec", 5.0, 4),
        (pp_setup.confdiagnostics, "plot_dpi", 50, 5),
        (recipes, "program_version", lambda program: f"{program} 99", 0),
        (recipes, "version", lambda: ["99"], 0),
    ],
)
def test_settings_and_versions_matter_from_one_step_on(done, monkeypatch, where, name, value, n_kept):
    monkeypatch.setattr(where, name, value)
    assert kept() == list(pp_run.STEPS)[:n_kept]


def test_a_users_definition_of_the_telescope_counts(done, own_folders, monkeypatch):
    folder = telescopes.user_folder() / "instruments"
    folder.mkdir(parents=True)
    packaged = (telescopes.SETUP_FOLDER / "instruments" / "VATT4K.toml").read_text()
    (folder / "VATT4K.toml").write_text(packaged)
    assert kept() == list(pp_run.STEPS)  # the same in another place
    (folder / "VATT4K.toml").write_text(packaged.replace("pixel_scale", "aperture.default = 6\npixel_scale"))
    assert kept() == []


def test_what_could_not_be_asked_is_asked_again(done, monkeypatch):
    from photometrypipeline.base.errors import NotReachable
    from photometrypipeline.targets import targetsearch

    real = targetsearch.search

    def unlucky(measured, options, client, folder):
        client.unreachable.append(NotReachable("SkyBoT", "host", "down"))  # and found its way without
        return real(measured, options, client, folder)

    monkeypatch.setattr(targetsearch, "search", unlucky)
    assert run_here("-reject", "none") == 3
    assert kept(reject=("none",)) == list(pp_run.STEPS)[:4]


def run_here(*arguments):
    return pp_run.main([*names(), OFFLINE, *arguments])


def test_an_option_changed_and_changed_back_gives_the_bytes_of_fresh_runs(raw, quiet, done, tmp_path, run_command):
    fresh = tmp_path / "fresh"
    shutil.copytree(raw, fresh)
    for folder in (fresh, done):
        assert run_command("pp_run", *names(), OFFLINE, "-fixed_aprad", 4.5, cwd=folder).returncode == 3
    assert interrupting.compare(interrupting.results(fresh), interrupting.results(done)) == []
    assert (done / "old" / "aperturephotometry_curveofgrowth.dat").is_file()  # of the former run
    assert ldac_headers(fresh) == ldac_headers(done)
    again = run_command("pp_run", *names(), OFFLINE, "-fresh", cwd=done)
    assert "up to date: prepare, register (" in again.stdout
    assert interrupting.compare(interrupting.results(quiet), interrupting.results(done)) == []
    assert ldac_headers(quiet) == ldac_headers(done)


def ldac_headers(folder):
    """Return {name: header cards in it, but for the times that Source Extractor writes} of all source lists."""
    found = {}
    for path in sorted(folder.glob("*.ldac")):
        cards = [str(card) for card in fits.getdata(path, 1)["Field Header Card"].ravel()]
        found[path.name] = [line for line in cards if not line.startswith(("SEXDATE", "SEXTIME", "SEXELAPS"))]
    return found


def test_killed_at_random_moments_a_run_ends_at_the_same_bytes(raw, quiet, tmp_path):
    folder, rng, kills = tmp_path / "set", random.Random(4), 0
    shutil.copytree(raw, folder)
    pixels = interrupting.pixels(folder)
    while kills < 5:
        killed = interrupting.run_and_kill(folder, rng)
        assert interrupting.pixels(folder) == pixels
        kills += killed
        if not killed:
            break
    assert kills >= 3
    assert interrupting.start(folder).wait() == 3
    assert interrupting.compare(interrupting.results(quiet), interrupting.results(folder)) == []
    assert not [*folder.rglob(".*.tmp"), *folder.rglob("scamp_*")]


def test_steps_by_hand_always_run_and_are_known_to_the_next_run(done, run_command):
    assert run_command("pp_distill", *names(), OFFLINE, "-reject", "none", cwd=done).returncode in (0, 3)
    assert kept() == list(pp_run.STEPS)[:4]
    assert kept(reject=("none",)) == list(pp_run.STEPS)


def test_an_image_renamed_by_an_earlier_run_is_found_under_its_old_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.fits").touch()
    assert toolbox.expand(["a.fit"]) == ["a.fits"]


def test_commands_wait_for_each_other_in_a_folder(tmp_path):
    log = (tmp_path / "LOG").open("w")
    fcntl.flock(log, fcntl.LOCK_EX)
    argv = [sys.executable, str(ROOT / "pp_run.py"), "missing.fits"]
    second = subprocess.Popen(argv, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with second, log:
        first_line = second.stderr.readline()
        assert f"is in use by process {os.getpid()}" in first_line
        assert second.poll() is None
        log.close()
        assert second.wait(timeout=60) == 2


# ---- headers are the same, whatever was done to them since


def header_after(frame, telescope, *steps):
    for step in steps:
        step(frame, telescope)
    return frame.header.tostring()


def prepare(frame, telescope):
    if telescope.key == "GENERIC":
        from photometrypipeline.newcamera import generic

        generic.implant(frame, telescope, {})
    pp_prepare.prepare_header(frame, telescope, **OPTIONS, keep_wcs=False)


def register(frame, telescope):
    solution = fits.Header.fromstring("EQUINOX =        2000.00000000 / Mean equinox".ljust(80))
    solution.extend([("RADESYS", "ICRS"), ("CRVAL1", 12.5), ("CRVAL2", -3.25)])
    solution.extend([(f"CD{i}_{j}", 1e-4 * (i + j)) for i in (1, 2) for j in (1, 2)])
    solution.extend([(f"PV{i}_{j}", 0.1 * j) for i in (1, 2) for j in range(11)])
    wcskeywords.write_solution(frame.header, solution, "GAIA", telescope.keep_keywords)


def measure(frame, telescope):
    frame.header["PHOTMODE"], frame.header["APRAD"], frame.header["APIDX"] = "APER", 3.3, 4


@pytest.mark.parametrize("own_wcs", [False, True])
@pytest.mark.parametrize("key", TRUTH)
def test_pp_prepare_makes_the_same_header_from_every_state(key, own_wcs):
    def fresh():
        frame = frame_of(key)
        for number in range(40):  # some telescopes leave room for cards
            frame.header.insert(len(frame.header), fits.Card(), after=True)
            assert frame.header.cards[-1].is_blank, number
        if own_wcs:
            raw = dict(zip(("CTYPE1", "CTYPE2"), ("RA---TAN", "DEC--TAN"), strict=True)) | {"EQUINOX": 1950.0}
            raw |= {"CRVAL1": 30.0, "CRVAL2": -20.0, "CRPIX1": 100.0, "CRPIX2": 900.0, "CD1_1": -1e-4, "CD2_2": 1e-4}
            for place, (keyword, value) in enumerate(raw.items()):
                if keyword not in frame.header:  # in the middle of the others
                    frame.header.insert(6 + place, (keyword, value))
        return frame

    telescope = telescopes.identify(fresh().header)
    expected = header_after(fresh(), telescope, prepare)
    assert expected == header_after(fresh(), telescope, prepare, prepare)
    assert expected == header_after(fresh(), telescope, prepare, register, prepare)
    assert expected == header_after(fresh(), telescope, prepare, register, measure, register, prepare)


def test_states_of_a_frame_tell_photometry_from_all_other_changes(tmp_path):
    path = tmp_path / "a.fits"
    fits.writeto(path, np.arange(12.0).reshape(3, 4))
    contents = stamps.Contents(tmp_path / "contents.json")
    first = contents.of_frame(path)
    frame = Frame(path)
    measure(frame, None)
    frame.save()
    second = contents.of_frame(path)
    assert (second[0] != first[0], second[1:]) == (True, first[1:])
    fits.setval(path, "OBJECT", value="433")
    third = contents.of_frame(path)
    assert third[1] != second[1] and third[2] == second[2]


def test_a_frame_lost_to_trouble_that_passes_is_tried_again(done, quiet, monkeypatch, capsys):
    real, unlucky = pp_extract.run, names()[1]

    def run(frame, telescope, output, options, bad=None):
        if frame.name == unlucky and output.name.endswith(".growth.ldac"):
            raise OSError(errno.ENOSPC, "No space left on device", str(output))
        return real(frame, telescope, output, options, bad)

    monkeypatch.setattr(pp_extract, "run", run)
    assert run_here("-force") == 3
    told = capsys.readouterr().err
    assert f"{unlucky}: " in told and "no space left on device; see to that" in told and "Traceback" not in told
    assert kept() == []  # the sources of both steps are looked for at once: the registration is not finished
    monkeypatch.setattr(pp_extract, "run", real)
    assert run_here() == 3  # broken.fits alone
    assert interrupting.compare(interrupting.results(quiet), interrupting.results(done)) == []
    assert kept() == list(pp_run.STEPS)


def test_the_stamp_of_another_step_is_none(tmp_path):
    known = stamps.Stamps(tmp_path)
    known.place.mkdir(parents=True)
    known.write(stamps.Stamp("calibrate", {}))
    assert known.read("calibrate").step == "calibrate"
    shutil.copy(known.place / "calibrate.json", known.place / "distill.json")
    assert known.read("distill") is None
