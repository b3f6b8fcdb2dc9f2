"""Commands load packages without what they have no use for; what is loaded works all the same."""

import subprocess
import sys

from conftest import ROOT

LOADED = """
import gc, sys
from photometrypipeline.base import loading
loading.as_command()
assert not gc.isenabled()
import numpy as np
import scipy.ndimage, scipy.optimize, scipy.interpolate, scipy.signal, scipy.spatial, scipy.special, scipy.stats
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
import astropy.io.fits

assert not {"numpy.f2py.crackfortran", "numpy.testing._private.utils", "numcodecs"} & {*sys.modules}
assert scipy.ndimage.label(np.eye(3))[1] == 3
assert abs(scipy.optimize.brentq(lambda x: x * x - 2, 0, 2) - 2**0.5) < 1e-9
line = Figure().subplots().plot([0, 1])[0]
line.set(color="red", lw=3)
assert line.get_linewidth() == 3
np.testing.assert_allclose(1.0, 1.0 + 1e-9)
assert callable(np.f2py.crackfortran.crackfortran)
loading.collecting()
assert gc.isenabled() and gc.get_freeze_count()
with loading.at_once():
    assert not gc.isenabled()
assert gc.isenabled()
"""


def test_what_a_command_loads_does_what_it_should():
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
