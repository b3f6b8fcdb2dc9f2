"""Observations taken out by hand: which lines of the list mean which, and the command line that repeats a choice."""

import pytest

import pp_distill
from photometrypipeline.base.errors import UsageError
from photometrypipeline.frames import exclusions


def listed(tmp_path, text):
    (tmp_path / "rejected.lst").write_bytes(text)
    return exclusions.read(tmp_path / "rejected.lst")


@pytest.mark.parametrize("image", ["mscience0217.fits", "mscience0217", "mscience0217.ldac"])
def test_an_image_is_known_by_any_of_its_names_and_counts_for_all_targets_or_one(tmp_path, image):
    for_all = listed(tmp_path, f"# mine\n\n  {image}  \n".encode())
    assert for_all.covers("mscience0217.fits", "3552")
    assert for_all.covers("mscience0217.fits", "Control Star")
    assert not for_all.covers("mscience0218.fits", "3552")
    for_one = listed(tmp_path, f"{image}\tControl Star".encode())
    assert for_one.covers("mscience0217.fits", "Control Star")
    assert not for_one.covers("mscience0217.fits", "3552")
    assert not for_one.covers("mscience0217.fits", "Control")


def test_blanks_may_be_underscores_and_names_need_not_be_text(tmp_path):
    choice = listed(tmp_path, b"a b.fits 2015_AB123\nbad\xff.fits\n")
    assert choice.covers("a b.fits", "2015 AB123")
    assert choice.covers("bad\udcff.fits", "2015 AB123")


def test_lines_that_met_nothing_can_be_told(tmp_path):
    choice = listed(tmp_path, b"a.fits 3552\nb.fits 3553\nc.fits\n")
    for image in ("a.fits", "b.fits"):
        choice.covers(image, "3552")
    assert choice.unused() == ["b.fits 3553", "c.fits"]
    assert not exclusions.Exclusions().unused()


def test_a_list_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"nowhere.lst.*No such file"):
        exclusions.read(tmp_path / "nowhere.lst")


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["-target", "2015_AB123", "-offset", "1.5", "-0.3", "-reject", "pos,apr"],
        ["-positions", "my places.dat", "-variable_stars", "-offline"],
        ["-fixedtargets", "stars.txt", "-asteroids"],
    ],
)
def test_the_options_of_a_choice_make_the_same_choice_again(options, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my places.dat").write_text("a.fits 12.5 -3.5\n")
    (tmp_path / "stars.txt").write_text("star 12.5 -3.5\n")
    parser = pp_distill.build_parser()
    choice = pp_distill.Options.of(parser.parse_args([*options, "a.fits"])).checked()
    arguments = choice.arguments()
    assert pp_distill.Options.of(parser.parse_args([*arguments, "a.fits"])).checked() == choice
    assert sorted(arguments) == sorted(options)  # nothing that nobody asked for
