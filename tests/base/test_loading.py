"""Commands load packages without looking for garbage, and from several threads at once."""

import subprocess
import sys

from conftest import ROOT

LOADED = """
import gc
from photometrypipeline.base import loading
loading.as_command()
assert not gc.isenabled()
loading.collecting()
assert gc.isenabled() and gc.get_freeze_count()
with loading.at_once():
    assert not gc.isenabled()
assert gc.isenabled()
"""


def test_garbage_is_looked_for_when_packages_are_loaded():
    done = subprocess.run([sys.executable, "-c", LOADED], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


ASKING = """
import sys, threading, time
from photometrypipeline.base import loading
loading.as_command()
import inspect, types
for n in range(20):
    module = sys.modules[f"made{n}"] = types.ModuleType(f"made{n}")
    module.__file__ = f"/made/{n}.py"
space = {}
exec(compile("def asked(): return inspect.getmodule(inspect.currentframe())", "/made/19.py", "exec"), space)
space["inspect"], at_once = inspect, inspect.getabsfile
inspect.getabsfile = lambda each, *more: (time.sleep(0.002), at_once(each, *more))[1]
found, ready = [], threading.Barrier(8)
threads = [threading.Thread(target=lambda: (ready.wait(), found.append(space["asked"]()))) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert found == [sys.modules["made19"]] * 8, found
"""


def test_threads_that_load_astropy_at_the_same_time_find_their_modules():
    done = subprocess.run([sys.executable, "-c", ASKING], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
