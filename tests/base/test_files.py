"""Files that are old or new, never something between; names of targets and images as parts of file names."""

import errno
import os
import sqlite3
import stat

import pytest

from photometrypipeline.base import jsonfile
from photometrypipeline.base.attempts import attempt
from photometrypipeline.base.errors import Occupied, SystemTrouble, of_the_system
from photometrypipeline.base.files import (
    endless_in,
    on_disk_together,
    put,
    replacing,
    replacing_folder,
    safe_name,
    stem_of,
    sweep,
    write_text,
)


def leftovers(folder, *expected):
    return sorted(path.name for path in folder.iterdir() if path.name not in expected)


def test_file_takes_its_place_when_the_block_ends(tmp_path):
    path = tmp_path / "light.dat"
    path.write_text("old")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.parent == tmp_path  # a rename across file systems would not be atomic
    assert path.read_text() == "new"
    assert leftovers(tmp_path, "light.dat") == []


def test_error_in_the_middle_of_a_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "light.dat"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(path) as temporary:
        temporary.write_text("half of the n")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert leftovers(tmp_path, "light.dat") == []


def test_crash_of_the_rename_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "light.dat"
    path.write_text("old")

    def crash(*_):
        raise OSError("disk is gone")

    monkeypatch.setattr(os, "replace", crash)
    with pytest.raises(OSError, match="disk is gone"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert leftovers(tmp_path, "light.dat") == []


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), sqlite3.OperationalError("disk I/O error")])
def test_trouble_while_a_file_is_written_names_it(tmp_path, error):
    def write(path):
        with replacing(path):
            raise error

    told = attempt(write, tmp_path / "light.db")
    assert isinstance(told, SystemTrouble) and str(told).startswith(f"{tmp_path / 'light.db'}: ")


def test_file_that_did_not_exist_does_not_come_into_being_by_half(tmp_path):
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "light.dat") as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert leftovers(tmp_path) == []


def test_a_link_is_replaced_and_what_it_points_to_stays(tmp_path):
    archive = tmp_path / "archive"
    archive.mkdir()
    (archive / "raw.fits").write_text("old")
    link = tmp_path / "raw.fits"
    link.symlink_to(archive / "raw.fits")
    write_text(link, "new")
    assert not link.is_symlink() and link.read_text() == "new"
    assert (archive / "raw.fits").read_text() == "old"


def test_a_file_that_is_write_protected_is_replaced_and_told(tmp_path, caplog):
    (tmp_path / "a.fits").write_text("old")
    (tmp_path / "a.fits").chmod(0o444)
    write_text(tmp_path / "a.fits", "new")
    assert (tmp_path / "a.fits").read_text() == "new" and mode(tmp_path / "a.fits") == 0o444
    assert "write-protected are replaced as others are, and protected again" in caplog.text


def test_a_folder_in_the_place_of_a_file_is_told_and_stays(tmp_path):
    place = tmp_path / "light.dat"
    place.mkdir()
    (place / "mine").write_text("mine")
    with pytest.raises(Occupied, match="light.dat is a folder, where a file belongs; move it away"):
        put(__file__, place)
    assert (place / "mine").read_text() == "mine" and leftovers(tmp_path, "light.dat") == []


def test_what_cannot_be_read_to_its_end_and_has_a_name_of_ours_is_found_before_anybody_reads_it(tmp_path):
    os.mkfifo(tmp_path / "notes.pipe")
    (tmp_path / "photometry.db").symlink_to("nowhere")
    (tmp_path / "LOG").symlink_to("notes.pipe")
    (tmp_path / "a.fits.fz").symlink_to("/dev/zero")
    odd = [tmp_path / "LOG", tmp_path / "a.fits.fz"]
    assert endless_in(tmp_path) == odd
    for place in (".diagnostics", ".diagnostics/stamps", "comove"):
        (tmp_path / place).mkdir()
        os.mkfifo(tmp_path / place / "contents.json")
        odd.append(tmp_path / place / "contents.json")
    assert endless_in(tmp_path) == sorted(odd)


def test_what_replaces_a_file_that_cannot_be_read_can(tmp_path):
    path = tmp_path / "light.dat"
    path.touch(mode=0o200)
    write_text(path, "new")
    assert mode(path) == 0o600


def test_a_folder_takes_its_place_when_it_is_complete(tmp_path):
    target = tmp_path / "export"
    left = tmp_path / f".export.{'0' * 32}.tmp"  # by a process that was killed
    left.mkdir()
    with pytest.raises(ZeroDivisionError), replacing_folder(target) as temporary:
        (temporary / "half").write_text("x")
        raise ZeroDivisionError
    assert leftovers(tmp_path) == []
    with replacing_folder(target) as temporary:
        (temporary / "whole").write_text("x")
        assert not target.exists()
    assert leftovers(tmp_path) == ["export"] and leftovers(target) == ["whole"]


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_permissions_are_kept_or_those_of_any_new_file(tmp_path):
    old, new, ordinary = tmp_path / "old", tmp_path / "new", tmp_path / "ordinary"
    old.write_text("")
    old.chmod(0o640)
    before = os.umask(0o027)
    try:
        write_text(old, "x")
        write_text(new, "x")
        ordinary.write_text("x")
    finally:
        os.umask(before)
    assert mode(old) == 0o640
    assert mode(new) == mode(ordinary) == 0o640


def test_umask_of_the_process_is_not_touched(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "umask", None)  # frames are written by threads, which share it
    write_text(tmp_path / "a", "x")


def test_folder_that_cannot_be_written_to_is_an_error(tmp_path):
    with pytest.raises(OSError):
        write_text(tmp_path / "missing" / "light.dat", "x")


def test_text_is_utf8(tmp_path):
    write_text(tmp_path / "a", "Šteins 2″\n")
    assert (tmp_path / "a").read_bytes() == "Šteins 2″\n".encode()


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("3552", "3552"),
        ("3552 Don Quixote (1983 SA)", "3552_Don_Quixote__1983_SA_"),
        ("C/2013 US10", "C_2013_US10"),
        ("Control Star", "Control_Star"),
        ('a:b*c?d"e<f>g|h\\i\tj', "a_b_c_d_e_f_g_h_i_j"),
        ("../../etc/passwd", "_._.._etc_passwd"),
        (".hidden", "_hidden"),
        (" 433 ", "433"),
        ("", "_"),
        ("ǃKágára", "ǃKágára"),
        (3552, "3552"),
    ],
)
def test_target_name_as_part_of_a_file_name(name, safe):
    assert safe_name(name) == safe


def test_endless_names_fit_a_file_system(tmp_path):
    for name in ("x" * 5000, "š" * 5000):
        path = tmp_path / f"photometry_{safe_name(name)}.dat"
        write_text(path, "")
        assert path.exists()


def test_name_that_is_no_unicode_is_a_file_name_all_the_same(tmp_path):
    name = os.fsdecode(b"M\xfcller")  # Latin-1 on a command line
    write_text(tmp_path / f"photometry_{safe_name(name)}.dat", "")
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("mscience0217.fits", "mscience0217"),
        ("a.fitted_01.fits", "a.fitted_01"),  # not cut at the first .fit
        ("x.fits.fits", "x.fits"),
        ("IMG.FITS", "IMG"),
        ("folder.fits/img.fits", "img"),
        ("img.fit", "img"),
        ("mscience0217.ldac", "mscience0217"),
        ("mscience0217", "mscience0217"),
        (".fits", ".fits"),
    ],
)
def test_stem_ends_at_the_last_fits(name, stem):
    assert stem_of(name) == stem


def test_what_a_killed_process_left_is_swept_away_and_nothing_else(tmp_path):
    kept = [".hidden.tmp", "a.tmp", ".a.fits.0123.tmp", "scamp_notes.txt", ".diagnostics/scamp_settings.txt"]
    left = [
        f".a.fits.{'0f' * 16}.tmp",
        f".diagnostics/stamps/.prepare.json.{'0f' * 16}.tmp",
        ".diagnostics/scamp_x1/a.head",
        f"skycoadd/.PANSTARRS.cat.{'0f' * 16}.tmp",
        f"comove/.diagnostics/.distill.json.{'0f' * 16}.tmp",
    ]
    for name in kept + left:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    sweep(tmp_path)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()) == sorted(kept)


def test_long_names_that_begin_alike_have_files_of_their_own():
    names = ["x" * 300, "x" * 299 + "y", "x" * 120, "x" * 130 + " a", "x" * 130 + " b"]
    assert len({safe_name(name) for name in names}) == len(names)
    assert safe_name(names[0]) == safe_name(names[0]) and safe_name(names[2]) == names[2]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace("2", "3", 1),
        lambda text: text[: len(text) // 2],
        lambda text: "[" * 100_000,
        lambda text: '{"digest": [], "content": null}',
        lambda text: "null",
        lambda text: "\x00" * len(text),
    ],
)
def test_a_json_file_that_is_not_as_it_was_written_counts_as_absent(tmp_path, spoil):
    path, content = tmp_path / "own.json", {"b": [1.5, None, "é\udc80"], "a": {"two": 2}}
    jsonfile.write(path, content)
    assert jsonfile.read(path) == content
    path.write_text(spoil(path.read_text()))
    assert jsonfile.read(path) is None


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="no way to tell which file is waited for")
def test_what_a_step_writes_is_on_the_disk_at_its_end_and_what_is_precious_at_once(tmp_path, monkeypatch):
    waited = []
    monkeypatch.setattr(os, "fsync", lambda number: waited.append(os.path.realpath(f"/proc/self/fd/{number}")))
    with on_disk_together():
        for name in ("a.ldac", "b.dat", "a.ldac"):
            write_text(tmp_path / name, "content")
        write_text(tmp_path / "page.html", "content", at_once=False)
        write_text(tmp_path / "gone.ldac", "content")
        (tmp_path / "gone.ldac").unlink()
        assert waited == [] and (tmp_path / "b.dat").read_text() == "content"
        with replacing(tmp_path / "frame.fits", precious=True) as path:
            path.write_text("pixels")
        assert len(waited) == 1 and ".frame.fits." in waited[0]
    assert sorted(waited[1:]) == [str(tmp_path / "a.ldac"), str(tmp_path / "b.dat")]
    write_text(tmp_path / "later.dat", "content")
    assert ".later.dat." in waited[-1]


def test_a_disk_that_fails_at_the_end_of_a_step_is_told(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"), on_disk_together():
        write_text(tmp_path / "a.ldac", "content")


def test_a_full_disk_that_a_library_tells_as_text_names_the_file(tmp_path):
    with (
        pytest.raises(OSError, match="No space left on device: .*light.dat") as caught,
        replacing(tmp_path / "light.dat"),
    ):
        raise OSError("[Errno 28] No space left on device")
    assert of_the_system(caught.value) == "no space left on device"
    assert of_the_system(OSError("[Errno 28] No space left on device")) == "no space left on device"
    assert of_the_system(OSError("Empty or corrupt FITS file")) == ""
