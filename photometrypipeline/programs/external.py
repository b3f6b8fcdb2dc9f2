"""Outside programs: found on PATH, called with an argument list, and believed only after a look at what they left."""

import contextlib
import logging
import os
import re
import shlex
import shutil
import signal
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


AT_WORK: set[subprocess.Popen] = set()  # programs that have been started and have not ended
PLAIN_NAME = re.compile(r"[A-Za-z0-9_./+@%:~-]{1,200}")  # anything else has a meaning for one of the programs


@contextlib.contextmanager
def plain_names(argv, outputs, cwd):
    """Yield `argv` (list of str) with names that the programs can read.

    They split at blanks, commas, = and quotes, take what stands in brackets for an extension, end at a semicolon, and
    cut long paths.  A file with such a path is linked into a temporary folder; an output is written there, and moved to
    its place when the block ends well.
    """
    argv, outputs = [str(argument) for argument in argv], [str(path) for path in outputs]
    odd = [n for n in range(1, len(argv)) if not PLAIN_NAME.fullmatch(argv[n])]
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
            here = {"PWD": os.path.abspath(cwd)} if cwd else {}  # SCAMP reads it, and its end if it is a long one
            code, printed = _finished(plain, cwd, timeout_s, {**os.environ, **here, **(environment or {})})
    except subprocess.TimeoutExpired as error:
        limit = "; the limits are program_timeout_s and scamp_timeout_s in pp_setup.py"
        raise ProgramError(f"{name} did not end within {timeout_s:.0f} s and was stopped{limit}") from error
    except OSError as error:
        raise ProgramError(f"{name} could not be started: {error}") from error
    missing = [str(path) for path in outputs if not Path(path).exists()]
    if code or missing:
        what = (
            f"ended with code {code}"
            if code > 0
            else f"crashed (signal {-code})"
            if code
            else f"did not write {', '.join(missing)}"
        )
        log.debug("%s printed: %s", name, printed)
        raise ProgramError(f"{name} {what}: {last_words(printed)}")
    return printed


def _finished(argv, cwd, timeout_s, environment):
    """Return (exit status, what it printed) of a program; what ends this early ends all that the program has started.

    It stays in the process group of the command, so that Ctrl-C on a terminal reaches it.  Raises OSError,
    subprocess.TimeoutExpired.
    """
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(argv, cwd=cwd, env=environment, text=True, errors="replace", **pipes) as process:
        AT_WORK.add(process)
        try:
            printed, _ = process.communicate(timeout=timeout_s)
        except BaseException:
            _end_all_of(process)
            raise
        finally:
            AT_WORK.discard(process)
    return process.returncode, printed


def end_programs():
    """End all programs that threads of this process are waiting for."""
    for process in list(AT_WORK):
        _end_all_of(process)


def _end_all_of(process):
    """End a program and whatever it has started: a script around the program, as some installations have, does."""
    parents = {}
    with contextlib.suppress(OSError):  # small systems have no `ps`
        listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=False).stdout
        parents = dict(map(int, line.split()) for line in listed.splitlines())
    family = {process.pid}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    for number in family:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(number, signal.SIGKILL)


def last_words(text):
    """Return the line of a program's output (str) that tells most: the last that names an error, else the last."""
    plain = re.sub(r"\x1b\[\d*[A-Za-z]|\x1b", "", text.replace("\r", "\n"))  # the programs move the cursor about
    lines = [line.strip("> \t*") for line in plain.splitlines() if line.strip("> \t*")]
    errors = [line for line in lines if "error" in line.lower()]
    return ((errors or lines or ["it printed nothing"])[-1])[:300]
