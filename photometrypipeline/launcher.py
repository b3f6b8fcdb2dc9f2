"""The commands of an installed package: `photometrypipeline.launcher:pp_run` runs _scripts/pp_run.py.

The scripts find each other as top-level modules, as in a checkout; only here is their folder on `sys.path`.
"""

import contextlib
import functools
import importlib
import sys
import threading
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


@contextlib.contextmanager
def scripts():
    """Within the block the scripts are top-level modules; behind it sys.path and sys.modules are as they were.

    A program that uses the pipeline may have a `catalog` or `toolbox` of its own.  One thread at a time.
    """
    with _lock(), contextlib.ExitStack() as stack:
        ours = _modules()
        names = {path.stem for path in SCRIPTS.glob("*.py")}
        theirs = {name: sys.modules[name] for name in names if name in sys.modules}
        for name, module in theirs.items():
            if Path(getattr(module, "__file__", None) or "").parent == SCRIPTS:
                ours[name] = module  # imported as such, by our own tests for example
            else:
                del sys.modules[name]
        sys.modules.update(ours)
        sys.path.insert(0, str(SCRIPTS))
        stack.callback(sys.modules.update, theirs)
        stack.callback(lambda: ours.update({name: sys.modules.pop(name) for name in names if name in sys.modules}))
        stack.callback(sys.path.remove, str(SCRIPTS))
        yield


@functools.cache
def _lock():
    """Return the lock on what the process has once."""
    return threading.RLock()


@functools.cache
def _modules():
    """Return {name: module} of the scripts that have been imported by `scripts`, which fills it."""
    return {}
