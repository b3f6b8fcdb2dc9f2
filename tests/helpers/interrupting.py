"""pp_run, killed without warning: after a time, or when it is about to rename a file into its place, or just has."""

import hashlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from astropy.io import fits

HERE = str(Path(__file__).resolve().parent)
ROOT = Path(__file__).resolve().parents[2]
DYING = """
import sys
sys.argv = ["pp_run", *sys.argv[1:]]
import toolbox, interrupting, pp_run
interrupting.die_at_rename({}, {!r} == "after")
sys.exit(pp_run.main())
"""


def die_at_rename(number, after):
    """From now on this process kills itself when it renames a file for the `number`th time, before or `after` it."""
    rename, count, lock = os.replace, [0], threading.Lock()

    def replace(source, target, **more):
        with lock:
            count[0] += 1
            last = count[0] == number
        if last and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        rename(source, target, **more)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)

    os.replace = replace


def start(folder, *options, dying=None):
    """Start pp_run on all frames in `folder`; dying : (number of the rename, "before" or "after" it)."""
    frames = sorted(path.name for path in Path(folder).glob("*.fits"))
    script = ["-c", DYING.format(*dying)] if dying else [str(ROOT / "pp_run.py")]
    environment = {**os.environ, "MPLBACKEND": "Agg", "PYTHONPATH": os.pathsep.join((str(ROOT), HERE))}
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(
        [sys.executable, *script, "-offline", *options, *frames], cwd=folder, env=environment, **quiet
    )


def run_and_kill(folder, rng, after_s=None):
    """Run pp_run on `folder` and kill it `after_s`, or at a random rename; returns False if it ended before."""
    if after_s is None:
        process = start(folder, dying=(rng.randint(1, 25), rng.choice(["before", "after"])))
        process.wait(timeout=300)
    else:
        process = start(folder)
        try:
            process.wait(timeout=after_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    assert process.returncode in (0, 3, -signal.SIGKILL), process.returncode
    return process.returncode == -signal.SIGKILL


def results(folder):
    """Return {name: bytes} of all frames, tables, lists and databases of a data set."""
    kinds = ("*.fits", "*.dat", "*.db", "*.lst", "*.cat")
    return {path.name: path.read_bytes() for kind in kinds for path in sorted(Path(folder).glob(kind))}


def pixels(folder):
    """Return {name: digest of all that is behind the first header} of the frames."""
    found = {}
    for path in sorted(Path(folder).glob("*.fits")):
        with open(path, "rb") as stream:
            if stream.read(9) == b"SIMPLE  =":
                stream.seek(0)
                fits.Header.fromfile(stream)
            found[path.name] = hashlib.sha256(stream.read()).hexdigest()
    return found


def compare(expected, found):
    """Return the names (list) of files that differ, or are in one of the two only."""
    return sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))
