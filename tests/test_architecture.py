"""The folders of the package, and which of them may import which."""

import ast
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "photometrypipeline"
ORDER = [  # a folder imports from its own and from those of earlier rows
    {"base"},
    {"sky", "frames"},
    {"instruments"},
    {"programs", "catalogs", "reduction"},
    {"ephemerides", "registration", "photometry"},
    {"calibration"},
    {"targets"},
    {"census"},
    {"newcamera", "reports", "website", "manident"},
    {"periods"},
    {"runs"},
]
ROW = {folder: row for row, folders in enumerate(ORDER) for folder in folders}


def imported(path):
    """Return the full names of the modules and names that a source file imports, whenever it does so."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def wrong_imports(folder, names):
    """Return those of the imported `names` that a module of `folder` must not import."""
    scripts = {path.stem for path in ROOT.glob("*.py")}
    for name in names:
        first, second = [*name.split("."), ""][:2]
        if (
            first in scripts
            or first == PACKAGE.name
            and second in ROW
            and second != folder
            and ROW[second] >= ROW[folder]
        ):
            yield name


def test_imports_point_one_way():
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for folder in ROW
        for path in (PACKAGE / folder).rglob("*.py")
        for name in wrong_imports(folder, imported(path))
    }
    assert not found


def test_an_arrow_the_other_way_is_noticed():
    assert list(wrong_imports("sky", ["photometrypipeline.runs.stamps"])) == ["photometrypipeline.runs.stamps"]
    assert list(wrong_imports("sky", ["photometrypipeline.frames.ldac"])) == ["photometrypipeline.frames.ldac"]
    assert list(wrong_imports("targets", ["pp_setup"])) == ["pp_setup"]
    assert not list(wrong_imports("runs", ["photometrypipeline.base.files", "numpy"]))


def test_every_folder_is_in_the_order_and_few_modules_lie_flat():
    listed = subprocess.run(["git", "ls-files", PACKAGE.name], cwd=ROOT, capture_output=True, text=True, check=False)
    paths = [Path(name) for name in listed.stdout.splitlines() if name.endswith(".py")]
    assert {path.parts[1] for path in paths if len(path.parts) > 2} <= set(ROW)
    assert sum(len(path.parts) == 2 for path in paths) <= 4
