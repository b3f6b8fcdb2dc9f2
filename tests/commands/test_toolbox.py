"""What the commands share: the command line, exit status, LOG, lists of frames."""

import errno
import re

import toolbox

import pytest

from photometrypipeline.base import options
from photometrypipeline.base.errors import FrameError, NotReachable, PipelineError, UsageError


def parse(*arguments):
    parser = toolbox.make_parser("Does something.\n\nmore", offline=True)
    parser.add_argument("-fixed_aprad", type=float)
    parser.add_argument("-offset", type=float, nargs=2)
    return parser.parse_args(list(arguments))


def test_options_take_one_dash_or_two_and_may_be_cut_short():
    assert parse("-fixed", "5", "a.fits").fixed_aprad == 5
    assert parse("a.fits", "--fixed_aprad", "5", "--offline").offline


def test_negative_numbers_in_any_notation_are_numbers():
    assert parse("a.fits", "-offset", "-1.2e-4", "-3").offset == [-1.2e-4, -3.0]


def test_wildcards_and_lists_name_frames(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a1.fits", "a2.fits", "b.fits"):
        (tmp_path / name).touch()
    (tmp_path / "x.lst").write_text("# the good ones\n\na2.fits\nb.fits")  # no line end at the end
    assert toolbox.expand(["a?.fits"]) == ["a1.fits", "a2.fits"]
    assert toolbox.expand(["x.lst"]) == ["a2.fits", "b.fits"]
    with pytest.raises(UsageError, match=r"no such file: c\.fits"):
        toolbox.expand(["a1.fits", "c.fits"])


def test_a_folder_stands_for_the_images_in_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("night/a.fits", "night/b.FIT", "night/badpixels.fits", "night/LOG", "night/skycoadd/skycoadd.fits"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert toolbox.expand(["night"]) == ["night/a.fits", "night/b.FIT"]
    monkeypatch.chdir(tmp_path / "night")
    assert toolbox.expand(["."]) == ["a.fits", "b.FIT"]
    with pytest.raises(UsageError, match=r"no images; those below it \(\.\./night\) are run by `pp_run all`"):
        toolbox.expand([".."])
    (tmp_path / "night" / "old.fits").mkdir()
    assert toolbox.expand(["a.fits", "old.fits"]) == ["a.fits"]  # *.fits may meet a folder
    with pytest.raises(UsageError, match="old.fits contains no images"):
        toolbox.expand(["old.fits"])


def test_two_images_of_one_name_would_overwrite_each_others_results(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.fits").touch()
    with pytest.raises(UsageError, match=r"a\.fits"):
        toolbox.expand([str(tmp_path / "one" / "a.fits"), str(tmp_path / "two" / "a.fits")])


def run_main(tmp_path, monkeypatch, work):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.fits").touch()

    @toolbox.command(lambda: toolbox.make_parser("Does something."))
    def main(args, losses):
        return work(losses)

    return main(["a.fits"])


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (PipelineError("no sources"), 1),
        (NotReachable("VizieR", "host", "down"), 1),
        (FrameError("a.fits", "is bad", "mend it"), 1),
        (UsageError("two filters"), 2),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError("a bug"), 1),
    ],
)
def test_errors_are_one_line_and_a_status(tmp_path, monkeypatch, capsys, error, status):
    def work(losses):
        raise error

    assert run_main(tmp_path, monkeypatch, work) == status
    shown = capsys.readouterr().err.strip()
    assert shown.startswith("ERROR: ") and len(shown.splitlines()) == 1
    log = (tmp_path / "LOG").read_text()
    assert ("Traceback" in log) == isinstance(error, ZeroDivisionError)


def test_a_folder_that_cannot_be_read_is_told_in_one_line(tmp_path, monkeypatch, capsys):
    def broken(images, folder):
        raise OSError(errno.EIO, "Input/output error", str(folder))

    monkeypatch.setattr(toolbox, "make_ready", broken)
    assert run_main(tmp_path, monkeypatch, lambda losses: None) == 1
    assert capsys.readouterr().err == "ERROR: .: input/output error; see to that, then run the same command again\n"


def test_losses_end_with_3_and_are_the_last_thing_said(tmp_path, monkeypatch, capsys):
    assert run_main(tmp_path, monkeypatch, lambda losses: losses.add("a.fits", "not registered")) == 3
    assert capsys.readouterr().err.splitlines()[-2:] == ["1 loss:", "  a.fits: not registered"]
    assert run_main(tmp_path, monkeypatch, lambda losses: None) == 0


def test_log_lines_have_the_known_form_and_are_added(tmp_path, monkeypatch):
    for _ in range(2):
        run_main(tmp_path, monkeypatch, lambda losses: toolbox.say("12 VATT4K frames identified"))
    lines = [line for line in (tmp_path / "LOG").read_text().splitlines() if "identified" in line]
    assert len(lines) == 2
    assert re.fullmatch(r"test_toolbox\.py: 12 VATT4K frames identified \[\d\d/\d\d/\d{4} \d\d:\d\d:\d\d\]", lines[0])


def test_one_frame_takes_no_other_down_and_order_is_kept():
    def work(number):
        if number == 2:
            raise FrameError("2.fits", "is bad")
        if number == 3:
            raise ZeroDivisionError("a bug")
        return number * 10

    found = toolbox.parallel(work, [1, 2, 3, 4], 2, "work")
    assert (found[0], found[3]) == (10, 40)
    assert isinstance(found[1], FrameError) and isinstance(found[2], PipelineError)


def test_values_are_found_in_tuples_too():
    assert toolbox.if_val_in_dict("CRDELT1", {"binning": ("CRDELT1", "CRDELT2")})
    assert not toolbox.if_val_in_dict("X", {"a": {"b": ["c"]}})


def test_a_wildcard_finds_images_that_an_earlier_run_has_renamed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a1.fits", "a2.fits"):
        (tmp_path / name).touch()
    assert toolbox.expand(["*.fit"]) == ["a1.fits", "a2.fits"]  # which the shell hands on as it is
    assert toolbox.expand(["a*.FITS"]) == ["a1.fits", "a2.fits"]
    with pytest.raises(UsageError, match=r"no such file: b\*\.fit"):
        toolbox.expand(["b*.fit"])


@pytest.mark.parametrize("text", ["-3", "inf", "nan", "wide"])
def test_what_is_no_radius_is_refused_before_any_work(text, capsys):
    parser = toolbox.make_parser("Does something.")
    parser.add_argument("-aprad", type=options.radius_px)
    assert parser.parse_args(["a.fits", "-aprad", "2.5"]).aprad == 2.5
    with pytest.raises(SystemExit) as end:
        parser.parse_args(["a.fits", "-aprad", text])
    assert end.value.code == 2
    assert "-aprad" in capsys.readouterr().err


def test_a_file_without_elements_is_refused_before_any_work(tmp_path):
    (tmp_path / "own.csv").write_text("a,b,c\n1,2,3\n")
    parser = toolbox.make_parser("Does something.", ephemeris=True)
    with pytest.raises(UsageError, match=r"-elements .*own\.csv: holds no orbital elements"):
        toolbox.ephemeris_choice(parser.parse_args(["a.fits", "-elements", str(tmp_path / "own.csv")]))


def test_stars_are_measured_in_apertures_where_targets_are_by_psf(monkeypatch):
    assert toolbox.list_photmode() == "APER"
    for setting, used in (("PSF", "APER"), ("AUTO", "AUTO")):
        monkeypatch.setattr(toolbox.pp_setup, "photmode", setting)
        assert toolbox.list_photmode() == used
