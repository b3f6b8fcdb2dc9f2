"""What is written: error messages and their remedies, command lines, the notebook, the site."""

import contextlib
import io
import json
import re
import shlex
import shutil
import subprocess
import sys

import pytest
from astropy import units
from conftest import ROOT

from photometrypipeline.base import commandline, completion

EXAMPLE = ROOT / "example_data" / "vatt4k"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:\$ )?((?:pp|pptool)_[a-z]+(?: .*)?)")


@pytest.fixture(autouse=True)
def tools(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tools")


def test_every_error_message_has_its_entry_in_troubleshooting():
    import messages

    known, written = messages.messages(), messages.entries()
    assert len(known) > 300
    without = [text for text in known if not any(messages.matches(entry, text) for entry in written)]
    assert without == [], "add them to docs/troubleshooting.md; tools/messages.py lists them"
    stale = [entry for entry in written if not any(messages.matches(entry, text) for text in known)]
    assert stale == [], "no message of the sources begins like these entries of docs/troubleshooting.md"


def test_messages_are_read_as_python_makes_them():
    import ast

    import messages

    code = """
def f(path, n):
    what = "one of them" if n else f"{n} of them"
    raise FrameError(path, f"holds {what}, not " + str(n), "remedy")
"""
    function = ast.parse(code).body[0]
    (call,) = [node for node in ast.walk(function) if isinstance(node, ast.Call) and messages.said(node, ROOT)]
    texts = messages.alternatives(messages.said(call, ROOT), messages.assigned(ast.walk(function)))
    assert texts == {"holds one of them, not …", "holds … of them, not …"}
    assert messages.matches("holds … of them", "holds … of them, not …")
    assert not messages.matches("holds none", "holds … of them")
    with pytest.raises(ValueError, match="says too little"):
        messages.matches("…: …", "a: b")


def command_lines(text):
    """Yield (command line of ours, whether it may lack something) of a page: of its blocks, and of its text."""
    for language, block in BLOCK.findall(text):
        if language in ("", "bash", "sh", "console"):
            for line in re.sub(r"\\\n\s*", "", block.rpartition("Examples:")[2]).splitlines():
                if found := COMMAND.fullmatch(re.split(r" {2,}| # |\s+[&|>]", line.strip())[0]):
                    yield found[1], False
    for code in re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)):
        if " " in code and (found := COMMAND.fullmatch(re.split(r"\s+[&|>]", code)[0])):
            yield found[1], True


def test_every_command_line_in_the_pages_is_one_that_the_commands_take(monkeypatch):
    parsers = completion.parsers(ROOT)
    for parser in parsers.values():
        parser.glances = ()  # they look for files
    tried, wrong = 0, []

    def refuse(self, message):
        raise ValueError(message)

    monkeypatch.setattr(commandline.Parser, "error", refuse)
    for page in PAGES:
        for line, in_text in command_lines(page.read_text(encoding="utf-8")):
            try:
                name, *arguments = shlex.split(line.replace("\\|", "|"))
            except ValueError:
                wrong.append(f"{page.name}: {line}: quotes")
                continue
            if "..." in arguments or "…" in line or name.removesuffix(".py") not in parsers:
                continue
            tried += 1
            try:
                parsers[name.removesuffix(".py")].parse_args(arguments)
            except ValueError as error:
                if not (in_text and re.search("required|expected", str(error))):
                    wrong.append(f"{page.name}: {line}: {error}")
            except SystemExit:
                pass  # -h, -version
    assert wrong == []
    assert tried > 150


# ---- the pages that can be tried, on two frames of the example


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """A folder with two frames of the example and its store; in which each test runs what it wants."""
    folder = tmp_path_factory.mktemp("night")
    (folder / "pp_store").symlink_to(EXAMPLE / "pp_store")
    for number in (217, 218):
        shutil.copy(EXAMPLE / f"mscience0{number}.fits", folder)
    return folder


def lines_of(page, heading=None):
    """Return the command lines (list of lists of str) of the blocks of a page, or of a section of it."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    text = text.partition(f"## {heading}\n")[2].partition("\n## ")[0] if heading else text
    blocks = [block for language, block in BLOCK.findall(text) if not language]
    return [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]


def run_lines(lines, folder, call):
    """Run command lines in a folder, those of other programs for real; return what ours have printed."""
    told = []
    for name, *arguments in lines:
        if name.startswith("pp"):
            done = call(name, *arguments, cwd=folder)
            assert done.returncode == 0, done.stderr
            told.append(done.stdout)
        elif name != "cd":
            subprocess.run([name, *arguments], cwd=folder, check=True, capture_output=True)
    return told


def test_the_walk_through_can_be_walked_and_the_quickstart_behind_it(night, call):
    lines = lines_of("walkthrough.md")
    told = run_lines(lines, night, call)
    assert [name for name, *_ in lines if name != "cat"] == [
        *("pp_prepare", "pp_register", "pp_photometry", "pp_calibrate", "pp_distill"),
        *("pp_photometry", "pp_calibrate", "pp_distill"),
    ]
    assert "2 of 2 images have been prepared for VATT/VATT4k" in told[0]
    assert "registered successfully on GAIA" in told[1] and "best-fit aperture radius" in told[2]
    assert "photometry_3552.dat: 3552 in 2 of 2 frames" in told[4] and "aperture radius: 5.0" in told[5]
    again, other, fresh = run_lines(lines_of("quickstart.md", "2. Again, otherwise"), night, call)
    assert "as chosen before" in again and "-aprad 5" in again
    assert "reference stars in r from" in other
    assert "moved to old/: pp_choices.toml" in fresh and "reference stars in R from" in fresh


def test_the_notebook_runs_as_it_stands(night, monkeypatch, capsys):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.chdir(night)
    names = {}
    for cell in json.loads((ROOT / "docs" / "notebook.ipynb").read_text(encoding="utf-8"))["cells"]:
        assert cell["cell_type"] == "markdown" or cell["outputs"] == []
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), "docs/notebook.ipynb", "exec"), names)
    names["plt"].close("all")
    told = capsys.readouterr().out
    assert "control star: scatter 0.00" in told and "nothing was lost" in told and "observation" in told
    assert (night / "lightcurve.png").stat().st_size > 5000
    assert abs(names["np"].mean(names["good"]["mag"]) - 17.06) < 0.03


def test_the_code_in_the_manual_runs_as_it_stands(night, monkeypatch):
    monkeypatch.chdir(night)
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    names, printed = {}, []
    for code in [code for language, code in BLOCK.findall(page) if language == "python"]:
        with contextlib.redirect_stdout(io.StringIO()) as told:
            exec(compile(code, "docs/python.md", "exec"), names)
        printed.append(told.getvalue())
    curve = names["curve"]
    assert len(curve) == 2 and curve["accepted"].all() and curve["mag"].unit == units.mag
    assert "mag | " in printed[2] and "skipped (-keep_wcs)" in printed[2]
    assert "no option is called fixed_aprat; did you mean fixed_aprad?" in printed[-1]
    assert names["measured"].outcome.aprad_px == 4.0
    assert set(names["distilled"].light_curves) == {"3552", "Control Star"}
    zeropoints = [frame.zp_mag for frame in names["calibrated"].record.frames]
    assert list(names["calibrated"].table["zp_mag"]) == zeropoints


@pytest.mark.parametrize(
    ("recipe", "left"),
    [("A faint target", "comove/diagnostics.html"), ("Crossing stars", "mscience0218_psfsub.fits")],
)
def test_recipes_can_be_cooked(night, call, tmp_path, monkeypatch, recipe, left):
    """Two of them; the others differ by options, or need services, frames of other cameras, or a window."""
    folder, told = tmp_path / "recipe", ""
    shutil.copytree(night, folder, symlinks=True)
    monkeypatch.setenv("PP_OFFLINE", "1")
    for line in lines_of("recipes.md", recipe):
        whole = [sorted(path.name for path in folder.glob(word)) if "*" in word else [word] for word in line]
        told += "".join(run_lines([sum(whole, [])], folder, call))
    assert (folder / left).is_file() and "Done!" in told


# ---- the site


def test_tables_of_the_formats_are_those_of_the_code():
    import files_page

    text = (ROOT / "docs" / "files.md").read_text(encoding="utf-8")
    assert files_page.page(text) == text, "docs/files.md is out of date: make docs"
    assert "`err_frame_mag`" in text and "`FLUX_APER`" in text and "zp_night REAL" in text


def test_the_site_is_built_without_a_warning_and_has_every_page(tmp_path):
    pytest.importorskip("furo", reason="pip install 'photometrypipeline[docs]'")
    pytest.importorskip("sphinxcontrib.mermaid", reason="pip install 'photometrypipeline[docs]'")
    argv = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "docs", tmp_path]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    built = {path.stem for path in tmp_path.glob("*.html")}
    assert {path.stem for path in (ROOT / "docs").glob("*.md")} <= built
    menu = (tmp_path / "index.html").read_text(encoding="utf-8")
    missing = [name for name in built - {"index", "search", "genindex"} if f'href="{name}.html' not in menu]
    assert missing == [], "name them in a toctree of docs/index.md"
    assert "Control star" in (tmp_path / "pictures.html").read_text(encoding="utf-8")
