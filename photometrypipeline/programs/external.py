"""Outside programs: found on PATH, called with an argument list, and believed only after a look at what they left."""

import contextlib
import logging
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

from photometrypipeline.base.errors import ProgramError

log = logging.getLogger("pp.external")

NAMES = {  # program: the names that it goes by, first found wins; and what it is for
    "Source Extractor": (
        ("source-extractor", "sex", "sextractor"),
        "finding and measuring sources",
        "source-extractor",
    ),
    "SCAMP": (("scamp", "SCAMP"), "the astrometric solution", "scamp"),
    "SWarp": (("SWarp", "swarp"), "combining images", "swarp"),
}


def find_program(program):
    """Return the full path of `program`, a key of NAMES.  Raises ProgramError that says how to get it."""
    names, purpose, package = NAMES[program]
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    raise ProgramError(
        f"{program} is not on PATH (looked for {', '.join(names)}); it is needed for {purpose}; "
        f"install it: 'make setup', 'apt install {package}', 'brew install {names[-1].lower()}' or "
        f"'conda install -c conda-forge astromatic-{package}'"
    )


SPLITS_NAMES = re.compile(r"[\s,='\"]")  # where the programs take a file name for several


@contextlib.contextmanager
def plain_names(argv, outputs, cwd):
    """Yield `argv` (list of str) with names that the programs can read: they split at blanks, commas, = and quotes.

    A file with such a path is linked into a temporary folder; an output is written there, and moved to its place when
    the block ends well.
    """
    argv, outputs = [str(argument) for argument in argv], [str(path) for path in outputs]
    odd = [n for n in range(1, len(argv)) if SPLITS_NAMES.search(argv[n])]
    odd = [n for n in odd if argv[n] in outputs or os.path.isfile(os.path.join(cwd or "", argv[n]))]
    if not odd:
        yield argv
        return
    with tempfile.TemporaryDirectory(prefix="pp_") as folder:
        moves = {}
        for n in odd:
            path, stand_in = os.path.abspath(os.path.join(cwd or "", argv[n])), os.path.join(folder, f"{n}.fits")
            if argv[n] in outputs:
                moves[stand_in] = path
            else:
                os.symlink(path, stand_in)
            log.info("%s stands for %s", stand_in, path)
            argv[n] = stand_in
        yield argv
        for stand_in, path in moves.items():
            if os.path.exists(stand_in):
                shutil.move(stand_in, path)


def run_program(argv, outputs, cwd=None, timeout_s=None, environment=None):
    """Run `argv` (list of str), return what it printed; afterwards every file in `outputs` is new.

    Raises ProgramError if it cannot be started, takes longer than `timeout_s`, ends with another code than 0, or leaves
    one of the `outputs` unwritten.

    Code 0 proves little: Source Extractor merely warns of an unknown column, SCAMP writes .head files for a field that
    matches nothing.  The readers in astromatic.py therefore look at what is in the files.
    """
    for path in outputs:
        Path(path).unlink(missing_ok=True)  # a leftover must not pass for a result
    log.info("run %s", shlex.join(map(str, argv)))
    name = os.path.basename(str(argv[0]))
    try:
        with plain_names(argv, outputs, cwd) as plain:
            done = subprocess.run(
                plain,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                cwd=cwd,
                timeout=timeout_s,
                env={**os.environ, **(environment or {})},
            )
    except subprocess.TimeoutExpired as error:
        raise ProgramError(f"{name} did not end within {timeout_s:.0f} s and was stopped") from error
    except OSError as error:
        raise ProgramError(f"{name} could not be started: {error}") from error
    missing = [str(path) for path in outputs if not Path(path).exists()]
    if done.returncode or missing:
        what = (
            f"ended with code {done.returncode}"
            if done.returncode > 0
            else f"crashed (signal {-done.returncode})"
            if done.returncode
            else f"did not write {', '.join(missing)}"
        )
        log.debug("%s printed: %s", name, done.stdout)
        raise ProgramError(f"{name} {what}: {last_words(done.stdout)}")
    return done.stdout


def last_words(text):
    """Return the line of a program's output (str) that tells most: the last that names an error, else the last."""
    plain = re.sub(r"\x1b\[\d*[A-Za-z]|\x1b", "", text.replace("\r", "\n"))  # the programs move the cursor about
    lines = [line.strip("> \t*") for line in plain.splitlines() if line.strip("> \t*")]
    errors = [line for line in lines if "error" in line.lower()]
    return ((errors or lines or ["it printed nothing"])[-1])[:300]
