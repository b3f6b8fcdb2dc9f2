"""For all tests: no network but this machine, no store or settings but the test's own."""

import importlib
import os
import socket
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
from astropy.io.fits.verify import VerifyWarning

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"  # real frames and recordings, where somebody keeps them beside the sources
LOCAL = ("127.0.0.1", "::1", "localhost")
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # with it each command that a test starts compiles all sources again


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Make a connection to any other machine fail at once, and loudly."""
    connect = socket.socket.connect

    def guarded(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in LOCAL:
            raise AssertionError(f"a test tried to reach {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory, monkeypatch):
    """Give each test a store and settings of its own."""
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        folder = tmp_path_factory.mktemp(name.lower(), numbered=True)
        monkeypatch.setenv(name, str(folder))
    for name in ("PHOTPIPEDIR", "PP_OFFLINE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def tolerant_headers():
    """Read headers as the commands do: what breaks the FITS standard is no error."""
    warnings.filterwarnings("ignore", category=VerifyWarning)


@pytest.fixture(scope="session")
def shared_data():
    """Return the folder with real data; skips the test where there is none."""
    if not SHARED.is_dir():
        pytest.skip(f"no real data in {SHARED}")
    return SHARED


@pytest.fixture
def run_command():
    """Return run(name, *arguments, cwd, env): runs a command as a user does; returns the CompletedProcess."""

    def run(name, *arguments, cwd, env=None, timeout=300):
        environment = {**os.environ, "MPLBACKEND": "Agg", "PP_RETRY_PAUSE_S": "0", **(env or {})}
        argv = [sys.executable, str(ROOT / f"{name}.py"), *map(str, arguments)]
        return subprocess.run(
            argv, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout
        )

    return run


@pytest.fixture
def call(monkeypatch, capsys):
    """Return call(name, *arguments, cwd): runs a command in this process, which is faster; as run_command else."""

    def run(name, *arguments, cwd):
        monkeypatch.chdir(cwd)
        code = importlib.import_module(name).main(list(map(str, arguments)))
        out, err = capsys.readouterr()
        return SimpleNamespace(returncode=code, stdout=out, stderr=err)

    return run


@pytest.fixture
def config(tmp_path, monkeypatch):
    """The user's folder of settings, empty; the machine's own settings out of the way."""
    monkeypatch.delenv("PHOTPIPEDIR", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = tmp_path / "config" / "photometrypipeline"
    (folder / "instruments").mkdir(parents=True)
    return folder


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Return the folder of the user's store, which is empty."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("PP_OFFLINE", raising=False)
    return tmp_path / "data" / "photometrypipeline"


@pytest.fixture
def server(monkeypatch, home):
    """Return the local server (services.Server) that stands for all services, for a user with an empty store."""
    import services

    with services.Server() as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        yield running


# ---- pages in a browser


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    """One browser for all tests of a module."""
    import browser

    with browser.Browser(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """A data set with a frame lost, one uncalibrated, rows rejected, by hand, and not seen; to be looked at only."""
    import diagnostics
    import fakerun
    from website import fill

    folder, field = tmp_path_factory.mktemp("site"), fakerun.Field(n_frames=7)
    field.write_frames(folder)
    field.write_catalog(folder)
    (folder / "photometry_3552.dat").write_text("#\n")
    distill = fakerun.distill(field, rejected=(3,), unseen=(6,))
    distill["targets"][1].rows[4].reason = "by hand"
    distill |= {"images": field.names, "arguments": ["-target", "it's 3552"]}
    register, calibrate = fakerun.register(field, lost=(5,)), fakerun.calibrate(field, lost=(2,))
    fill(folder, field, register=register, calibrate=calibrate, distill=distill)
    diagnostics.render(folder)
    return folder


@pytest.fixture
def closed_overview(chromium, site):
    """The main page in a new tab, which must not complain until the end."""
    from viewing import opened

    with opened(chromium, site) as page:
        yield page


@pytest.fixture
def overview(closed_overview):
    """The main page with the section of the first target open."""
    from viewing import open_section

    open_section(closed_overview)
    return closed_overview
