"""Whether all is there that the pipeline needs: each check yields Findings, with a remedy where something is wrong."""

import email.utils
import importlib.util
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from photometrypipeline import __version__
from photometrypipeline.base import userfolders
from photometrypipeline.base.errors import PipelineError
from photometrypipeline.base.services import SERVICES, USER_AGENT, base_urls
from photometrypipeline.base.workers import cores
from photometrypipeline.instruments import telescopes
from photometrypipeline.programs import external
from photometrypipeline.runs import recipes

OK, WARNING, BAD = "ok", "warning", "failed"
PACKAGES = ("numpy", "scipy", "astropy", "astroquery", "matplotlib", "pandas", "scikit-image", "photutils")
NEEDED_FOR = {"SWarp": "pp_combine and pp_stackedphotometry alone"}  # programs that pp_run does without
LITTLE_GB, TOO_LITTLE_GB = 5.0, 0.2
CLOCK_WARNING_S, CLOCK_BAD_S = 2.0, 60.0
PATIENCE_S = 8.0
NO_NETWORK = "check the network and the proxy (HTTPS_PROXY); what is stored is used meanwhile, -offline does not wait"
MAKE = "run `make setup`, or install photometrypipeline again"


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, its state (OK, WARNING, BAD), what was found, and what to do about it."""

    name: str
    state: str
    text: str
    remedy: str = ""


def examine(settings, offline: bool = False, folder: Path = Path()) -> Iterator[Finding]:
    """Yield the Findings of all checks; one that fails itself is a finding too.

    settings : module pp_setup;  folder : where frames would be worked on
    """
    checks: list[Callable] = [python, programs, lambda: own_settings(settings), telescope_files]
    checks += [store, lambda: places(folder), lambda: disk(folder), fonts, window, lambda: network(offline)]
    for check in checks:
        try:
            yield from check()
        except Exception as error:  # noqa: BLE001  the doctor stays on its feet
            name = getattr(check, "__name__", "check").replace("_", " ")
            yield Finding(name, BAD, f"could not be looked at: {type(error).__name__}: {error}", "please report this")


def python() -> Iterator[Finding]:
    """Python, the packages, the cores."""
    yield Finding("pipeline", OK, f"{__version__}, {Path(recipes.__file__).resolve().parents[2]}")
    yield Finding("python", OK, f"{sys.version.split()[0]}, {sys.executable}; {cores()} cores")
    for name in PACKAGES:
        try:
            yield Finding(name, OK, metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Finding(name, BAD, "is missing", MAKE)


def programs() -> Iterator[Finding]:
    """Source Extractor, SCAMP, SWarp."""
    for program in external.NAMES:
        try:
            path = external.find_program(program)
            yield Finding(program, OK, f"{recipes.program_version(program).removeprefix(program).strip()}, {path}")
        except PipelineError as error:
            text, _, remedy = str(error).partition("; install it: ")
            yield Finding(program, WARNING if program in NEEDED_FOR else BAD, text, remedy)


def own_settings(settings) -> Iterator[Finding]:
    """The user's pp_setup.py."""
    if settings.problem:
        yield Finding("settings", BAD, str(settings.problem), "correct the file, or move it away")
        return
    files = [folder / "pp_setup.py" for folder in telescopes.setup_folders()[:-1]]
    own = [str(path) for path in files if path.is_file()]
    yield Finding(
        "settings", OK, f"yours: {own[0]}" if own else f"those of the pipeline; none in {userfolders.config()}"
    )


def telescope_files() -> Iterator[Finding]:
    """Definitions of telescopes, and which of several wins."""
    registry = telescopes.load()
    packaged = {path.stem for path in (telescopes.SETUP_FOLDER / "instruments").glob("*.toml")}
    yield Finding("telescopes", OK, f"{len(registry.telescopes)} known, {len(packaged)} of them with the pipeline")
    claims: dict[str, list] = {}
    for folder in telescopes.setup_folders()[:-1]:
        for path in sorted((folder / "instruments").glob("*.toml")):
            claims.setdefault(path.stem, []).append(path)
    for key, paths in claims.items():
        winner = registry.telescopes[key].origin if key in registry.telescopes else paths[0]
        over = [str(path) for path in paths if str(path) != str(winner)]
        over += ["the definition of the pipeline"] if key in packaged else []
        yield Finding(f"telescope {key}", OK, f"{winner}" + (f" wins over {', '.join(over)}" if over else ""))
        if key in registry.telescopes and not registry.telescopes[key].pixel_scale:
            remedy = "pptool_telescope -force FRAME measures both on a frame"
            yield Finding(f"telescope {key}", WARNING, f"{winner} has neither scale nor orientation", remedy)


def store() -> Iterator[Finding]:
    """The store of reference stars and ephemerides: size, and whether it can be read."""
    folder = userfolders.data()
    files = sorted(path for path in folder.rglob("*.sqlite*") if path.is_file()) if folder.is_dir() else []
    broken = [path for path in files if path.suffix == ".sqlite" and not _sound(path)]
    size_mb = sum(path.stat().st_size for path in files) / 1e6
    if broken:
        remedy = "move it away; what it held is fetched again"
        yield Finding("store", BAD, f"{broken[0]} is damaged", remedy)
    else:
        yield Finding(
            "store", OK, f"{folder}: {size_mb:.1f} MB in {len(files)} files" + ("" if files else ", still empty")
        )


def _sound(path):
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            return connection.execute("pragma quick_check(1)").fetchone() == ("ok",)
    except sqlite3.Error:
        return False


def places(folder: Path) -> Iterator[Finding]:
    """Folders that have to be written to."""
    wanted: dict[str, str | Path] = {
        "frames' folder": folder,
        "folder of the store": userfolders.data(),
        "temporary files": tempfile.gettempdir(),
    }
    for name, place in wanted.items():
        there = next(each for each in (Path(place).absolute(), *Path(place).absolute().parents) if each.exists())
        try:
            with tempfile.TemporaryFile(dir=there):
                pass
            yield Finding(name, OK, f"{place} can be written to")
        except OSError as error:
            remedy = (
                f"make it writable: chmod u+w {there}" if name != "temporary files" else "set TMPDIR to another folder"
            )
            yield Finding(name, BAD, f"{place} cannot be written to ({error.strerror})", remedy)


def disk(folder: Path) -> Iterator[Finding]:
    """Room on the disk of the frames: the pipeline needs about half as much again as the frames."""
    free_gb = shutil.disk_usage(folder).free / 1e9
    state = OK if free_gb > LITTLE_GB else WARNING if free_gb > TOO_LITTLE_GB else BAD
    yield Finding("disk", state, f"{free_gb:.1f} GB free", "" if state == OK else "make room, or work on another disk")


def fonts() -> Iterator[Finding]:
    """The font of plots, and the folder where matplotlib keeps what it has found."""
    import matplotlib
    from matplotlib import font_manager

    try:
        path = font_manager.findfont("DejaVu Sans", fallback_to_default=False)
        yield Finding("fonts", OK, f"DejaVu Sans, {path}; cache in {matplotlib.get_cachedir()}")
    except ValueError:
        yield Finding(
            "fonts", WARNING, "DejaVu Sans is missing: labels of plots may lack signs", "pip install -U matplotlib"
        )


def window() -> Iterator[Finding]:
    """What pp_manident opens its window with."""
    kits = [name for name in ("PySide6", "tkinter") if importlib.util.find_spec(name)]
    if not kits:
        remedy = "pip install 'photometrypipeline[gui]', or apt install python3-tk"
        yield Finding("window", WARNING, "neither Tk nor PySide6 is there: pp_manident has no window", remedy)
    elif sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        remedy = "log in with ssh -X; or write positions by hand, see docs/targets.md"
        yield Finding("window", WARNING, f"{kits[0]} is there, but no display: pp_manident has no window", remedy)
    else:
        yield Finding("window", OK, kits[0])


def network(offline: bool) -> Iterator[Finding]:
    """The services, all at once, and this computer's clock against theirs."""
    if offline or os.environ.get("PP_OFFLINE", "0") not in ("", "0"):
        yield Finding("services", OK, "not asked, since this is offline")
        return
    asked = [(SERVICES[name].label, url) for name in SERVICES for url in base_urls(name)]
    asked = list({(label, url.split("/")[2]): (label, url) for label, url in asked}.values())
    with ThreadPoolExecutor(len(asked)) as pool:
        answers = list(pool.map(lambda each: _ask(each[1]), asked))
    reached = {label for (label, _), (failure, _, _) in zip(asked, answers, strict=True) if not failure}
    for (label, url), (failure, took_s, _) in zip(asked, answers, strict=True):
        host = url.split("/")[2]
        if not failure:
            yield Finding(label, OK, f"{host} answers after {took_s:.1f} s")
        else:
            remedy = "another address of it answers" if label in reached else NO_NETWORK
            yield Finding(label, WARNING, f"{host}: {failure}", remedy)
    yield from clock([apart for _, _, apart in answers if apart is not None])


def _ask(url):
    """Return (failure or '', time until the answer in s, our clock minus the server's in s or None)."""
    import requests

    start = time.monotonic()
    try:
        with requests.get(url, timeout=PATIENCE_S, stream=True, headers={"User-Agent": USER_AGENT}) as answer:
            took, told = time.monotonic() - start, answer.headers.get("Date")
            now = time.time()
            apart = now - email.utils.parsedate_to_datetime(told).timestamp() - 0.5 if told else None  # whole seconds
            return (f"status {answer.status_code}" if answer.status_code >= 500 else ""), took, apart
    except (requests.RequestException, ValueError) as error:
        return type(error).__name__, time.monotonic() - start, None


def clock(apart_s: list[float]) -> Iterator[Finding]:
    """This computer's clock, of which services have told by how much (s) it is ahead; the median counts."""
    if not apart_s:
        yield Finding("clock", WARNING, "cannot be checked, since no service answers", "compare it with another one")
        return
    off_s = sorted(apart_s)[len(apart_s) // 2]
    state = OK if abs(off_s) < CLOCK_WARNING_S else WARNING if abs(off_s) < CLOCK_BAD_S else BAD
    remedy = (
        "" if state == OK else "switch time synchronisation (NTP) on; frames that this computer took have wrong times"
    )
    yield Finding("clock", state, f"{abs(off_s):.1f} s {'ahead of' if off_s > 0 else 'behind'} the services'", remedy)
