"""pp_run all: twelve data sets, four of which cannot be done, side by side; sorting of mixed folders; the summary."""

import json
import shutil
import signal

import pytest
from astropy.io import ascii as text_tables
from astropy.io import fits
from test_commands import run_plain

import interrupting
import sky
import trees
from photometrypipeline.runs import datatree, outcomes, splitting, treesummary

TABLE = "photometry_3552.dat"


@pytest.fixture(scope="module")
def forest(tmp_path_factory):
    """Return (root, Truth of the good data sets, CompletedProcess) of a tree that was run."""
    root = tmp_path_factory.mktemp("forest")
    truth = trees.make(root)
    return root, truth, run_plain("pp_run", "all", "-injections", 0, "-offline", cwd=root)


@pytest.fixture(scope="module")
def summary(forest):
    return json.loads((forest[0] / "summary.json").read_text())


def test_eight_light_curves_come_out_of_twelve_data_sets(forest, summary):
    root, truth, done = forest
    assert done.returncode == 3
    assert sorted(str(path.parent.relative_to(root)) for path in root.rglob(TABLE)) == sorted(trees.GOOD)
    assert len(summary["data_sets"]) == 12 and summary["finished"]
    for name in trees.GOOD:
        table = text_tables.read(root / name / TABLE, format="commented_header")
        assert len(table) == (1 if name == "single" else 2)
        assert max(abs(table["mag"] - truth.mag[: len(table)])) < 0.06  # 0.011 of noise, 0.02 of the transformation


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("2018/one bad frame/cut.fits", "truncated"),
        ("no stars/mscience0217.fits", "too few sources"),
        ("no stars/mscience0218.fits", "too few sources"),
        ("no stars", "no frame could be registered"),
        ("two filters", "frames in several filters: 'TOP 3 BOT 1': mscience0217.fits, mscience0218.fits;"),
        ("unreadable/frame0.fits", "not a FITS file"),
        ("unreadable/frame1.fits", "not a FITS file"),
        ("unreadable", "none of the images can be read"),
    ],
)
def test_every_loss_is_named_on_the_screen_and_in_both_summaries(forest, summary, what, why):
    root, _, done = forest
    told = done.stderr[done.stderr.index("8 losses:") :].splitlines()
    assert [line for line in told if line.startswith(f"  {what}: ") and why in line]
    page = (root / "summary.html").read_text()
    assert why.replace("'", "&#39;") in page
    known = {each["folder"]: each for each in summary["data_sets"]}
    folder, _, frame = what.rpartition("/") if what.endswith(".fits") else (what, "", "")
    if frame:
        assert why in {loss["name"]: loss["reason"] for loss in known[folder]["losses"]}[frame]
    else:
        assert why in known[folder]["error"]


def test_the_summary_for_programs_has_the_numbers(forest, summary):
    _, truth, _ = forest
    known = {each["folder"]: each for each in summary["data_sets"]}
    good = known["2017/a"]
    assert (good["exit_status"], good["frames"], good["n_registered"], good["filter"]) == (0, 2, 2, "R")
    (target,) = [each for each in good["targets"] if each["kind"] == "primary"]
    assert (target["file"], target["n_accepted"], target["band"]) == (TABLE, 2, "R")
    assert target["mean_mag"] == pytest.approx(truth.mag.mean(), abs=0.05)
    states = {name: known[name]["exit_status"] for name in ("2018/one bad frame", *trees.BAD)}
    expected = {"2018/one bad frame": 3, "no stars": 1, "two filters": 2, "unreadable": 2, "empty": None}
    assert states == expected
    assert known["empty"]["state"] == "no images"
    assert known["no stars"]["error"].startswith("pp_register: ")


def test_each_data_set_has_its_own_log_and_the_page_links_to_what_exists(forest):
    root, _, _ = forest
    page = (root / "summary.html").read_text()
    for name in trees.GOOD:
        assert "ends with status" in (root / name / "LOG").read_text()
        assert "2017/b" not in (root / "2017/a" / "LOG").read_text()
        link = f"{name.replace(' ', '%20')}/diagnostics.html"
        assert f'href="{link}"' in page and (root / name / "diagnostics.html").exists()


def test_a_second_run_does_only_what_failed_and_changes_no_result(forest, run_command):
    root, _, _ = forest
    names = [name for name in trees.GOOD if name.startswith("2018/")]
    before = {name: interrupting.results(root / name) for name in names}
    times = {name: (root / name / TABLE).stat().st_mtime_ns for name in names}
    done = run_command("pp_run", "-injections", 0, "all", "-offline", cwd=root / "2018")
    assert done.returncode == 3 and "one bad frame/cut.fits: is truncated" in done.stderr
    assert {name: (root / name / TABLE).stat().st_mtime_ns for name in names} == times
    assert {name: interrupting.results(root / name) for name in names} == before


def test_a_mixed_folder_is_sorted_into_copies_and_then_left_alone(forest, tmp_path, run_command):
    folder = tmp_path / "night"
    shutil.copytree(forest[0] / "two filters", folder / "mixed")
    (folder / "mixed" / "notes.fits").write_text("no image\n")
    originals = {path.name: path.read_bytes() for path in (folder / "mixed").glob("*.fits")}
    done = run_command("pp_run", "-injections", 0, "all", "-split", "-offline", cwd=folder)
    assert done.returncode == 3  # notes.fits
    assert "mixed/notes.fits: not sorted, is not a FITS file" in done.stderr
    assert "copied into 3552_R, 3552_V" in done.stdout
    assert {path.name: path.read_bytes() for path in (folder / "mixed").glob("*.fits")} == originals
    for band, names in (("R", ["mscience0217", "mscience0218"]), ("V", ["mscience0219", "mscience0220"])):
        table = text_tables.read(folder / "mixed" / f"3552_{band}" / TABLE, format="commented_header")
        assert list(table["filename"]) == [f"{name}.ldac" for name in names] and set(table["[7]"]) == {band}
    shutil.copy(folder / "mixed" / "mscience0217.fits", folder / "mixed" / "later.fits")
    again = run_command("pp_run", "-injections", 0, "all", "-offline", cwd=folder)
    assert "mixed: sorted into 3552_R, 3552_V" in again.stdout
    assert "mixed/later.fits: arrived after the others were sorted" in again.stderr
    assert not (folder / "mixed" / TABLE).exists()


# ---- parts


def test_folders_and_their_images_are_found(tmp_path):
    for name in (
        "b/x1.fits",
        "b/x2.FIT",
        "b/y.fts",
        "b/photometry_x.dat",
        "a/x.gz",
        "b/x3.fits.gz",
        ".hidden/x.fits",
        "c/list.lst",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    for name in ("skycoadd", "comove", "pp_store"):
        (tmp_path / "b" / name).mkdir()
        (tmp_path / "b" / name / "x.fits").touch()
    found = {each.folder: (each.images, each.state) for each in datatree.find(tmp_path)}
    assert found == {
        "a": ([], "no images"),
        "b": (["x1.fits", "x2.FIT", "x3.fits.gz", "y.fts"], "waiting"),
        "c": ([], "no images"),
    }
    assert [each.images for each in datatree.find(tmp_path, "x")][1] == ["x1.fits", "x2.FIT", "x3.fits.gz"]


def fake_sets(root, script, n):
    """Return (data sets, command): `script` runs in a shell in each; `jobs` is the number of cores it was given."""
    for number in range(n):
        (root / f"d{number}").mkdir()
    sets = [datatree.DataSet(f"d{number}", ["a.fits"]) for number in range(n)]
    return sets, lambda each, jobs: ["sh", "-c", f"jobs={jobs}; {script}"]


def test_cores_are_shared_between_data_sets_side_by_side(tmp_path):
    sets, command = fake_sets(tmp_path, "echo $jobs > jobs; sleep 0.3", 5)
    most = 0
    for _ in datatree.run(tmp_path, sets, command, jobs=4):
        most = max(most, sum(each.state == datatree.RUNNING for each in sets))
    assert most == 4
    assert [each.state for each in sets] == [0] * 5
    assert [int((tmp_path / each.folder / "jobs").read_text()) for each in sets[:4]] == [1, 1, 1, 1]
    (tmp_path / "few").mkdir()
    sets, command = fake_sets(tmp_path / "few", "echo $jobs > jobs", 2)
    for _ in datatree.run(tmp_path / "few", sets, command, jobs=7):
        pass
    shares = [int((tmp_path / "few" / each.folder / "jobs").read_text()) for each in sets]
    assert shares[0] == 3 and sum(shares) <= 7


def test_a_data_set_whose_process_is_killed_or_says_nothing_is_reported(tmp_path):
    sets, command = fake_sets(
        tmp_path, 'case "$PWD" in *d0) kill -9 $$;; *d1) exit 1;; esac; echo last words; exit 1', 3
    )
    for _ in datatree.run(tmp_path, sets, command, jobs=2):
        pass
    assert [each.state for each in sets] == [1, 1, 1]
    assert f"killed by signal {signal.SIGKILL.value}" in sets[0].error
    assert sets[1].error == "it printed no reason" and sets[2].error == "last words"


def test_the_summary_says_what_is_at_work(tmp_path):
    for name in ("done", "busy", "next"):
        (tmp_path / name).mkdir()
    sets = [datatree.DataSet("done", ["a.fits"], 0), datatree.DataSet("busy", ["a.fits"], datatree.RUNNING)]
    sets.append(datatree.DataSet("next", ["a.fits"]))
    outcomes.write(tmp_path / "busy", step="register")
    with treesummary.TreeSummary(sets, tmp_path) as running:
        running.update()
        assert running.at_work == ["busy: register"]
        facts = json.loads((tmp_path / "summary.json").read_text())
        assert [each["state"] for each in facts["data_sets"]] == ["done", "running: register", "waiting"]
        assert not facts["finished"]
    assert json.loads((tmp_path / "summary.json").read_text())["finished"]


def test_sub_folders_are_named_by_object_and_band_and_camera_where_it_matters():
    names = splitting.names_of([("433", "TOP 3 BOT 1", "VATT4K"), ("P/2010 A2", "TOP 2 BOT 1", "VATT4K")])
    assert list(names.values()) == ["433_R", "P_2010_A2_V"]
    names = splitting.names_of([("433", "R", "VATT4K"), ("433", "R", "GENERIC")])
    assert sorted(names.values()) == ["433_R_GENERIC", "433_R_VATT4K"]
    twice = splitting.names_of([("433", "r.MP9601", "CFHTMEGAPRIME"), ("433", "r.MP9602", "CFHTMEGAPRIME")])
    assert len(set(twice.values())) == 2  # two filters of one band are two data sets


def test_sorting_never_touches_originals_nor_what_was_done_with_copies(tmp_path):
    truth = sky.make_dataset(tmp_path, 2, filters=("TOP 3 BOT 1", "TOP 2 BOT 1"), size=(60, 60), n_stars=2)
    names = truth.files
    parts = splitting.split(tmp_path, names)
    assert parts.folders == {"3552_R": names[:1], "3552_V": names[1:]}
    copy = tmp_path / "3552_R" / names[0]
    assert not copy.is_symlink() and copy.stat().st_nlink == 1
    assert copy.stat().st_mtime == pytest.approx(truth.paths[0].stat().st_mtime)
    fits.setval(copy, "OBJECT", value="changed")
    (tmp_path / "3552_V" / names[1]).unlink()
    splitting.split(tmp_path, names)
    assert fits.getval(copy, "OBJECT") == "changed" and (tmp_path / "3552_V" / names[1]).exists()
    assert fits.getval(truth.paths[0], "OBJECT") == "3552"
    assert (tmp_path / "3552_R" / "pp_store").is_dir()  # reference stars beside the frames serve the parts
    assert splitting.split(tmp_path / "3552_R", names[:1]) is None
