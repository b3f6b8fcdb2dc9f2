"""What the shells offer behind the Tab key, in the shells themselves; versions; both before what is slow to load."""

import shutil
import subprocess
import sys

import pytest
from conftest import ROOT

import photometrypipeline
from photometrypipeline.base import completion
from photometrypipeline.catalogs import bandnames, surveys

VALUES = {"filter": bandnames.BANDS, "catalog": bandnames.CATALOGS}
COMMANDS = sorted(path.stem for path in ROOT.glob("pp*.py") if path.stem != "pp_setup")
EXPECTED = {  # what is typed: the only thing that it can be completed to
    "pp_run -offl": "-offline",
    "pp_run -catalog SkyMapper-": "SkyMapper-DR4",
    "pp_run -bayer interp": "interpolate",
    "pp_run a.fits -fixedta": "-fixedtargets",
    "pp_run -elements no": "notes.txt",
    "pp_run a.f": "a.fits",
    "pptool_store pref": "prefetch",
    "pptool_store list -con": "-cone",
    "pptool_doctor -js": "-json",
}
BASH = """
for line in "$@"; do
    COMP_WORDS=($line); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=()
    _photometrypipeline "$COMP_WORDS" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
    [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "${COMP_WORDS[COMP_CWORD]}"))
    echo "${COMPREPLY[@]}"
done
"""
ZSH = """
zmodload zsh/zpty
zpty z zsh -f -i
for name in pp_run pptool_store pptool_doctor; do told="$told $name() { print -r RES''ULT \\${@[-1]} };"; done
zpty -w z "autoload -Uz compinit; compinit -D -u; source ../script; bindkey '^I' complete-word; $told"
for line in "$@"; do
    zpty -w -n z "$line"$'\\t'
    zpty -w -n z $'\\n'
    zpty -r -m z out '*RESULT *'$'\\n'
    print -r -- "${${out##*RESULT }%%[[:space:]]*}"
done
"""
FISH = "source ../script; for line in $argv; complete -C $line | string split -f 1 \\t; end"


@pytest.fixture(scope="module")
def scripts():
    words = completion.words_of(completion.parsers(ROOT), VALUES)
    return {shell: make(words) for shell, make in completion.SHELLS.items()}


def completed(shell, code, script, tmp_path, lines):
    """Return what a shell completes the lines to."""
    if not shutil.which(shell):
        pytest.skip(f"no {shell} on this machine")
    (tmp_path / "script").write_text(script)
    folder = tmp_path / "frames"
    folder.mkdir()
    for name in ("a.fits", "notes.txt"):
        (folder / name).touch()
    argv = {
        "bash": ["--norc", "-c", f". ../script\n{code}", "bash"],
        "zsh": ["-f", "-c", code, "zsh"],
        "fish": ["--no-config", "-c", code],
    }[shell]
    done = subprocess.run([shell, *argv, *lines], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    return done.stdout.split("\n")[:-1]


@pytest.mark.parametrize(("shell", "code"), [("bash", BASH), ("zsh", ZSH), ("fish", FISH)])
def test_a_shell_completes_options_values_files_and_subcommands(shell, code, scripts, tmp_path):
    assert completed(shell, code, scripts[shell], tmp_path, EXPECTED) == list(EXPECTED.values())


def test_all_commands_with_all_their_options_are_known(scripts):
    parsers = completion.parsers(ROOT)
    assert sorted(parsers) == COMMANDS
    for name, known in completion.words_of(parsers, VALUES).items():
        options = {option for each in known.options for option in each.names}
        assert {"-h", "-version"} <= options, name
        assert all(f"-o {option[1:]} " in scripts["fish"] for option in options if len(option) > 2)
    assert set(bandnames.CATALOGS) == set(surveys.NAMES)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_a_version_which_is_not_in_the_way_of_abbreviations(name, capsys):
    parser = completion.parsers(ROOT)[name]
    with pytest.raises(SystemExit) as ended:
        parser.parse_args(["--version"])
    python = sys.version.split()[0]
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"{name} {photometrypipeline.__version__}, Python {python}\n"
    if name == "pp_distill":
        assert parser.parse_args(["-v", "a.fits"]).variable_stars


def test_version_and_completion_come_before_anything_slow(tmp_path, scripts):
    (tmp_path / "astropy").mkdir()
    (tmp_path / "astropy" / "__init__.py").write_text("raise SystemExit('astropy is loaded')")
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); sys.path.insert(0, '.'); sys.argv = ['pp_run', *sys.argv[1:]]"
    )
    code += "; import pp_run"
    outcomes = {}
    for option in (["-version"], ["-completion", "bash"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *option], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        outcomes[option[0]] = done.stdout
    assert outcomes["-version"].startswith("pp_run 2")
    assert "SkyMapper-DR4" in outcomes["-completion"] and "_photometrypipeline()" in outcomes["-completion"]
