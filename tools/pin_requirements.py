#!/usr/bin/env python3
"""Write requirements.txt and requirements-dev.txt: what pyproject.toml asks for, at the versions installed here.

requirements.txt has the extra `reduce` in it, so that all commands work after `make setup`.

To renew the pins, from the root of the checkout:

    .venv/bin/python -m pip install --upgrade --upgrade-strategy eager '.[dev]'
    .venv/bin/python -m pip uninstall --yes photometrypipeline
    .venv/bin/python tools/pin_requirements.py
    make test

It stops at a version that the oldest Python we promise cannot install: `pip install 'NAME<VERSION'` and call it again.
"""

import sys
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
OLDEST_PYTHON = "3.11.2"  # that of Debian 12
HEAD = "# Written by tools/pin_requirements.py from pyproject.toml; its docstring says how to renew the versions.\n"


def closure(requirements):
    """Return {name: version} of the installed packages that the requirements (texts) need, directly or not."""
    found, waiting = {}, [Requirement(text) for text in requirements]
    done = set()
    while waiting:
        requirement = waiting.pop()
        extras = requirement.extras or {""}
        if (requirement.name, frozenset(extras)) in done:
            continue
        done.add((requirement.name, frozenset(extras)))
        installed = metadata.distribution(requirement.name)
        if not requirement.specifier.contains(installed.version, prereleases=True):
            sys.exit(f"{requirement} is wanted, {installed.version} is installed: upgrade first, see --help")
        if not SpecifierSet(installed.metadata["Requires-Python"] or "").contains(OLDEST_PYTHON):
            sys.exit(f"{requirement.name} {installed.version} is not for Python {OLDEST_PYTHON}: install an older one")
        found[canonicalize_name(requirement.name)] = installed.version
        needs = [Requirement(text) for text in installed.requires or []]
        waiting += [n for n in needs if n.marker is None or any(n.marker.evaluate({"extra": e}) for e in extras)]
    return found


def main():
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    run = closure(project["dependencies"] + project["optional-dependencies"]["reduce"])
    develop = closure(project["optional-dependencies"]["dev"])
    lines = {name: f"{name}=={version}\n" for name, version in sorted((run | develop).items())}
    (ROOT / "requirements.txt").write_text(HEAD + "".join(lines[name] for name in lines if name in run))
    only_develop = [lines[name] for name in lines if name not in run]
    (ROOT / "requirements-dev.txt").write_text(HEAD + "-r requirements.txt\n" + "".join(only_develop))


if __name__ == "__main__":
    main()
