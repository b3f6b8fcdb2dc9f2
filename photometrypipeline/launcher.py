"""The commands of an installed package: `photometrypipeline.launcher:pp_run` runs _scripts/pp_run.py.

The scripts find each other as top-level modules, as in a checkout; only here is their folder on `sys.path`.
"""

import importlib
import sys
from pathlib import Path

INSTALLED = Path(__file__).parent / "_scripts"
SCRIPTS = INSTALLED if INSTALLED.is_dir() else Path(__file__).parents[1]  # the checkout, after `pip install -e`


def __getattr__(name):
    """Return a function without arguments that runs the script `name` and returns its exit status."""
    if not (SCRIPTS / f"{name}.py").is_file():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def run():
        sys.path.insert(0, str(SCRIPTS))
        return importlib.import_module(name).main()

    return run
