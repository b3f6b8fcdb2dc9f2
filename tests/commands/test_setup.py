"""The set-up of a fresh machine: programs, packages, and clear words where something cannot be had."""

import re
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
from test_install import ROOT, run

PROGRAMS = ["source-extractor", "scamp", "SWarp"]
TOOLS = ["sh", "dirname", "mktemp", "rm", "mv", "cat", "cksum", "grep", "tail", "env"]


def write_program(folder, name, text):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


class Machine:
    """A machine with nothing but what is put on it: `bin` is its whole PATH, `source` its checkout."""

    def __init__(self, folder):
        self.bin, self.source = folder / "bin", folder / "a checkout"
        (self.source / "tools").mkdir(parents=True)
        self.bin.mkdir()
        shutil.copy(ROOT / "tools" / "bootstrap", self.source / "tools")
        for name in TOOLS:
            (self.bin / name).symlink_to(shutil.which(name))
        (self.bin / "python3").symlink_to(Path(sys.base_prefix) / "bin" / "python3")
        write_program(self.bin, "id", "echo 0")
        self.require()

    def require(self, *lines):
        (self.source / "requirements.txt").write_text("".join(f"{line}\n" for line in lines))
        (self.source / "requirements-dev.txt").write_text("-r requirements.txt\n")

    def install_programs(self, *names):
        for name in names or PROGRAMS:
            write_program(self.bin, name, "exit 0")

    def apt_get(self, message="", status=100):
        """An apt-get that says `message` and ends with `status`, or without one installs. It writes down its calls."""
        does = f"cat >&2 <<'END'\n{message}\nEND\nexit {status}"
        if not message:
            chmod = shutil.which("chmod")
            does = "\n".join(f"echo '#!/bin/sh' >{self.bin}/{name}; {chmod} +x {self.bin}/{name}" for name in PROGRAMS)
        write_program(self.bin, "apt-get", f"echo \"$@\" >>'{self.source}/apt-calls'\n{does}")

    def old_python(self):
        """Nothing but Python 3.9: the set-up gets as far as its search for a Python."""
        (self.bin / "python3").unlink()
        write_program(self.bin, "python3", "if [ $1 = -V ]; then echo Python 3.9.2; else exit 1; fi")

    def setup(self, *options, **environment):
        done = run([self.source / "tools" / "bootstrap", *options], cwd="/", path=[self.bin], **environment)
        return done.returncode, done.stdout, done.stderr

    @property
    def apt_calls(self):
        return (self.source / "apt-calls").read_text().splitlines()


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


@pytest.mark.parametrize(
    ("apt_says", "we_say"),
    [
        ("E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 12", "another program is using apt"),
        (
            "E: Could not open lock file /var/lib/dpkg/lock - open (13: Permission denied)",
            "you may not use apt-get here",
        ),
        ("E: Failed to fetch scamp.deb  Temporary failure resolving", "apt-get cannot reach its servers"),
        ("E: Unable to locate package scamp", "apt-get cannot reach its servers"),
        ("E: You don't have enough free space in /var/cache/apt/archives/.", "You don't have enough free space"),
    ],
)
def test_a_failing_apt_is_explained_in_a_line_and_leaves_no_environment(machine, apt_says, we_say):
    machine.install_programs("source-extractor")
    machine.apt_get(apt_says)
    status, _, errors = machine.setup()
    assert status == 1
    assert len(errors.splitlines()) == 1
    assert errors.startswith("setup: could not install scamp swarp: ")
    assert we_say in errors
    assert not (machine.source / ".venv").exists()


def test_missing_package_lists_are_fetched_and_the_installation_tried_again(machine):
    machine.apt_get("E: Unable to locate package scamp")
    machine.setup()
    assert [line.split()[2] for line in machine.apt_calls] == ["install", "update"]


def test_a_held_lock_does_not_make_it_fetch_lists(machine):
    machine.apt_get("E: Could not get lock /var/lib/dpkg/lock-frontend")
    machine.setup()
    assert [line.split()[2] for line in machine.apt_calls] == ["install"]


@pytest.mark.parametrize("case", ["no apt-get", "no sudo", "sudo wants a password"])
def test_who_cannot_install_gets_one_message_with_the_names_for_each_system(machine, case):
    machine.install_programs("scamp")
    if case != "no apt-get":
        machine.apt_get()
        write_program(machine.bin, "id", "echo 1000")
    if case == "sudo wants a password":
        write_program(machine.bin, "sudo", "echo 'sudo: a password is required' >&2; exit 1")
    status, output, errors = machine.setup()
    assert (status, output) == (1, "")
    assert errors.count("setup:") == 1
    assert "missing: source-extractor swarp" in errors
    assert "sudo apt-get install source-extractor swarp\n" in errors
    assert "conda install -c conda-forge astromatic-source-extractor astromatic-swarp\n" in errors
    assert "brew install" in errors
    assert not (machine.source / ".venv").exists()
    assert not (machine.source / "apt-calls").exists()


def test_passwordless_sudo_installs_only_what_is_missing(machine):
    machine.install_programs("source-extractor")
    machine.apt_get()
    machine.old_python()
    write_program(machine.bin, "id", "echo 1000")
    write_program(machine.bin, "sudo", 'shift; "$@"')
    _, output, errors = machine.setup()
    assert "could not install" not in errors
    assert "installing scamp swarp with apt-get" in output
    assert [line.split(maxsplit=2)[2] for line in machine.apt_calls] == [
        "install -y --no-install-recommends scamp swarp"
    ]


def test_only_the_tests_want_a_browser_and_a_screen_and_do_without(machine):
    machine.install_programs()
    machine.apt_get("E: Package 'chromium' has no installation candidate")
    machine.old_python()
    machine.setup()
    assert not (machine.source / "apt-calls").exists()
    _, output, errors = machine.setup("--dev")
    assert "no chromium: the test that opens the pages in a browser is skipped" in output
    assert re.search("no xvfb xdotool.*: the test of pp_manident in a window is skipped", output)
    assert "chromium" not in errors and "xvfb" not in errors
    is_there = any(Path("/usr/share/astrometry").glob("index-tycho2-07.*"))
    assert is_there or "no astrometry-data-tycho2-07-littleendian: the registration of real frames is skipped" in output
    assert "no Python 3.11" in errors  # it went on


def test_programs_under_their_other_names_count(machine):
    machine.install_programs("sex", "scamp", "swarp")
    machine.old_python()
    assert "missing" not in machine.setup()[2]


def test_a_python_that_is_too_old_is_named(machine):
    machine.install_programs()
    machine.old_python()
    status, _, errors = machine.setup()
    assert status == 1
    assert "no Python 3.11 or newer found (python3 is Python 3.9.2)" in errors
    assert "make setup PYTHON=" in errors


def make_package(folder, name, version):
    """Write the wheel of a package with one empty module."""
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}.py", "")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")


def test_the_environment_is_made_once_and_follows_the_pinned_versions(machine, tmp_path):
    machine.install_programs()
    for version in ("1.0", "2.0"):
        make_package(tmp_path, "tiny", version)
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}
    marker = machine.source / ".venv" / "made-once"

    machine.require("tiny==1.0")
    assert machine.setup(**offline)[0] == 0
    marker.touch()
    status, output, _ = machine.setup(PIP_NO_INDEX="1")
    assert status == 0 and output.endswith("setup: ready: programs on PATH, packages in .venv\n")
    assert "installing" not in output  # nothing is installed again

    machine.require("tiny==2.0")
    status, output, errors = machine.setup(
        PIP_NO_INDEX="1"
    )  # the new version is not to be had: said, and tried again later
    assert status == 1
    assert "could not install the Python packages" in errors
    status, output, _ = machine.setup("--dev", **offline)
    assert status == 0
    assert "installing the Python packages of requirements-dev.txt" in output
    assert list(machine.source.glob(".venv/lib/python*/site-packages/tiny-2.0.dist-info"))
    assert marker.exists()
    assert "installing" not in machine.setup(**offline)[1]  # what the tests need includes what the commands need


def test_no_network_leaves_no_half_made_environment(machine):
    machine.install_programs()
    machine.require("tiny==1.0")
    status, _, errors = machine.setup(PIP_INDEX_URL="http://127.0.0.1:9/simple")
    assert status == 1
    assert len(errors.splitlines()) == 1
    assert "could not install the Python packages: the package index cannot be reached" in errors
    assert not (machine.source / ".venv").exists()


def test_an_environment_whose_python_is_gone_is_made_anew(machine):
    machine.install_programs()
    (machine.source / ".venv" / "bin").mkdir(parents=True)
    (machine.source / ".venv" / "bin" / "python").symlink_to("/nowhere/python3")
    status, output, _ = machine.setup(PIP_NO_INDEX="1")
    assert status == 0
    assert "making it again" in output
    assert run([machine.source / ".venv" / "bin" / "python", "-V"], cwd="/").returncode == 0
