"""Options are declared once; parser, hand-over, command line, recipe and the interface for Python follow."""

import argparse
import contextlib
import subprocess
import sys
from dataclasses import dataclass, fields
from pathlib import Path

from photometrypipeline.base.commandline import parser_of

import pytest
from conftest import ROOT

from photometrypipeline.base import options
from photometrypipeline.base.errors import UsageError
from photometrypipeline.base.options import Options, option, shared
from photometrypipeline.runs import runoptions, stepoptions


def words(value):
    return tuple(value.split(",")) if isinstance(value, str) else value


@dataclass(frozen=True)
class Step(Options):
    """A step whose option `depth` was declared in this one place."""

    depth: float = option(2.5, metavar="M", help="how deep (default: %(default)s)")
    gentle: bool = option(False, help="with care", harmless=True)
    place: tuple = option((0.0, 0.0), type=float, nargs=2, metavar=("X", "Y"), help="where")
    kinds: tuple = option(("a", "b"), metavar="LIST", help="which (default: %(default)s)", check=words)
    table: str | None = option(metavar="FILE", file=True, help="from where")
    inner: str = "for callers"


@dataclass(frozen=True)
class Chain(Options):
    """A command that hands an option on under another name."""

    deep: float = shared("depth", Step, help="how deep the step goes (default: %(default)s)")
    kinds: tuple = shared("kinds", Step)


def parsed(cls, *arguments):
    return cls.of(parser_of("Does it.", cls, images=False).parse_args(arguments))


def test_one_declaration_gives_parser_command_line_and_recipe():
    step = parsed(Step, "-depth", "3", "-gentle", "-place", "1", "-2", "-kinds", "a,c")
    assert (step.depth, step.gentle, step.place, step.kinds) == (3.0, True, (1.0, -2.0), "a,c")
    assert step.arguments() == ["-depth", "3.0", "-gentle", "-place", "1.0", "-2.0", "-kinds", "a,c"]
    assert parsed(Step, *step.arguments()) == step
    assert parsed(Step).arguments() == []
    assert set(step.relevant()) == {"depth", "place", "kinds", "table", "inner"}
    told = " ".join(parser_of("Does it.", Step).format_help().split())
    assert "-depth M how deep (default: 2.5)" in told and "(default: a,b)" in told and "inner" not in told


def test_a_command_hands_on_what_it_shares_with_a_step():
    chain = parsed(Chain, "-deep", "4")
    assert chain.hand_on(Step) == Step(depth=4.0)
    assert chain.hand_on(Step, inner="by hand").inner == "by hand"
    assert "how deep the step goes (default: 2.5)" in " ".join(parser_of("", Chain).format_help().split())


def test_files_of_the_user_are_found_from_other_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("own.csv").touch()
    step = Step(table="own.csv")
    assert step.arguments(absolute=True) == ["-table", str(tmp_path / "own.csv")]
    assert step.arguments("table") == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"dept": 3}, "no option is called dept; did you mean depth"),
        ({"depth": "deep"}, "depth = 'deep': could not convert"),
        ({"gentle": 1}, "gentle = 1: True or False"),
        ({"place": (1, 2, 3)}, "place = .*2 values"),
        ({"place": 1}, "place = 1"),
        ({"inner": "x"}, "no option is called inner"),
    ],
)
def test_what_python_cannot_ask_for_is_said(values, message):
    with pytest.raises(UsageError, match=message):
        Step.chosen(**values)


def test_values_from_python_are_those_of_the_command_line():
    assert Step.chosen(depth=3, place=[1, 2], kinds="a,c", table=Path("x")) == Step(
        3.0, False, (1.0, 2.0), ("a", "c"), "x"
    )
    assert runoptions.RunOptions.chosen(catalog="gaia-dr2", reject="pos", set={"secpix": 0.6}).set == {"secpix": "0.6"}
    with pytest.raises(UsageError, match=r"method = 'mean': choose from average"):
        stepoptions.CombineOptions.chosen(method="mean")


def test_a_range_of_radii_reaches_the_photometry_from_both_commands_and_is_checked():
    for cls in (stepoptions.PhotometryOptions, runoptions.RunOptions):
        options = parsed(cls, "-aprad_range", "1.5", "6").checked()
        assert options.aprad_range == (1.5, 6.0)
        with pytest.raises(UsageError, match="aprad_range 6 1.5: give the smaller radius first"):
            parsed(cls, "-aprad_range", "6", "1.5").checked()
    assert options.hand_on(stepoptions.PhotometryOptions).aprad_range == (1.5, 6.0)


@pytest.mark.parametrize("cls", [runoptions.RunOptions, runoptions.StackedOptions])
def test_what_is_handed_on_exists_in_the_step_with_the_type_it_has_there(cls):
    for name, (field, known) in cls.declared().items():
        for step, theirs in known.to:
            other = {each.name: each for each in fields(step)}[theirs]
            assert field.type in (other.type, other.type | None), (name, step)


def test_a_number_that_is_zero_is_handed_on():
    assert runoptions.RunOptions(injections=0).arguments() == ["-injections", "0"]


COMMANDS = sorted(path.stem for path in [*ROOT.glob("pp_*.py"), *ROOT.glob("pptool_*.py")] if path.stem != "pp_setup")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_answers_before_anything_slow_is_loaded(command):
    code = f"import sys, runpy; sys.argv = ['{command}.py', '-h']; sys.path.insert(0, '.')\n"
    code += f"try: runpy.run_path('{command}.py', run_name='__main__')\n"
    code += "finally: print({'numpy', 'astropy', 'scipy', 'matplotlib', 'tqdm'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "usage:" in done.stdout
    assert done.stdout.splitlines()[-1] == "set()"


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["-dec", "95"], "-dec 95: give a number from -90 to 90"),
        (["-rotate", "1e300"], "-rotate 1e+300: give a number from -360 to 360"),
        (["-ra", "nan"], "invalid float value: 'nan'"),
        (["-telescope", "x", "-ra", "inf"], "invalid float value: 'inf'"),
    ],
)
def test_numbers_that_cannot_be_meant_are_refused_before_anything_is_done(argv, why, capsys):
    with pytest.raises(SystemExit) as end:
        parser_of("Text.", stepoptions.PrepareOptions).parse_args([*argv, "a.fits"])
    assert end.value.code == 2 and why in capsys.readouterr().err


def test_numbers_given_in_python_have_the_same_limits():
    for values in ({"dec": 95}, {"ra": float("nan")}):
        with pytest.raises(UsageError, match=r"give a number from -90 to 90|not a finite number"):
            stepoptions.PrepareOptions.chosen(**values)
    for magzp, fits in (((25.1, 0.03), True), ((25.1, -0.03), False), ((1e6, 1.0), False)):
        with contextlib.nullcontext() if fits else pytest.raises(UsageError, match="-magzp"):
            stepoptions.CalibrateOptions.chosen(magzp=magzp)


def test_codes_in_an_option_never_reach_the_terminal(capsys):
    with pytest.raises(SystemExit):
        parser_of("Text.", stepoptions.CalibrateOptions).parse_args(["-filter", "\x1b[31m", "a.fits"])
    told = capsys.readouterr().err
    assert "\x1b" not in told and r"\x1b[31m is not a band" in told


@pytest.mark.parametrize(
    ("text", "radius_px"), [("0", None), ("4.5", 4.5), ("1e-9", ...), ("1e300", ...), ("nan", ...)]
)
def test_radii_are_those_of_apertures(text, radius_px):
    if radius_px is not ...:
        assert options.radius_px(text) == radius_px
        return
    for kind in (options.radius_px, options.radii_px):
        with pytest.raises((ValueError, argparse.ArgumentTypeError), match="is not a"):
            kind(text)
