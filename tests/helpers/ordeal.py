"""A command in a data set that something has happened to, and what may be said of how it went.

Each run is a copy of this process, which has loaded all commands: a hundred of them cost what ten new ones would.
"""

import contextlib
import ctypes
import importlib
import os
import re
import resource
import select
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path

import interrupting
from photometrypipeline.base import streams

LIMIT_S = 120.0  # longer, and it hangs
PYTHON_WARNING = re.compile(r"\.py:\d+: \w*Warning|^WARNING: \w+Warning", re.MULTILINE)
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f]")
HALF_WRITTEN = re.compile(r"\.tmp(-journal|-wal|-shm)?$")


@dataclass
class Outcome:
    """How a command ended: status (negative: signal, None: it hung), what it printed, its LOG, seconds."""

    status: int | None
    told: str
    log: str
    duration_s: float
    ways: list = field(default_factory=list)

    def faults(self) -> list[str]:
        """Return what no command may do, whatever has happened to its files (list of str)."""
        found = []
        if self.status is None:
            found.append(f"hangs, longer than {LIMIT_S:.0f} s")
        elif self.status not in (0, 1, 2, 3):
            found.append(f"status {self.status}")
        if "Traceback" in self.told:
            found.append("traceback on the screen: " + self.told[self.told.index("Traceback") :][-300:])
        internal = re.search(r"internal error.*", self.told + self.log)
        if internal:
            where = re.findall(r'File "([^"]+)", line (\d+), in (\w+)', self.log)
            own = [each for each in where if "photometrypipeline" in each[0] or "/pp" in each[0]] or [("", "", "")]
            found.append(f"{internal.group()[:150]} at {':'.join(own[-1][:2])} {own[-1][2]}")
        if PYTHON_WARNING.search(self.told):
            found.append("a warning of Python's: " + PYTHON_WARNING.search(self.told).group())
        if CONTROL.search(self.told):
            found.append(f"control characters on the screen: {CONTROL.search(self.told).group()!r}")
        if self.status in (1, 2, 3) and not re.search(
            r"ERROR|error:|loss|failed|NOT the same|cannot be derived", self.told
        ):
            found.append("fails and does not say why")
        longest = max(map(len, self.told.splitlines()), default=0)
        if longest > 2000:
            found.append(f"a line of {longest} characters")
        return found


def run(command, arguments, folder, environment=None, before=None, kill_after_s=None) -> Outcome:
    """Run a command in `folder`; `before` is called in its process first.  Returns the Outcome.

    kill_after_s : let it live no longer; else it hangs after LIMIT_S
    """
    folder = Path(folder)
    log = folder / "LOG"
    began_at = log.stat().st_size if log.is_file() else 0
    module = importlib.import_module(command)
    start = time.monotonic()
    sys.stdout.flush()
    screen, end = os.pipe()  # no file: the disk may be full
    process = os.fork()
    if process == 0:
        _be_the_command(module, arguments, folder, end, environment or {}, before)
    os.close(end)
    status, told = _wait(process, screen, kill_after_s or LIMIT_S)
    os.close(screen)
    if kill_after_s is not None and status is None:
        status = -signal.SIGKILL
    written = ""
    if log.is_file():
        with open(log, encoding="utf-8", errors="replace") as stream:
            stream.seek(began_at)
            written = stream.read()
    return Outcome(status, told, written, time.monotonic() - start)


def _be_the_command(module, arguments, folder, screen, environment, before):
    """Run `main` in this process, a copy, and end it."""
    status = 99
    try:
        os.setsid()
        os.environ.update(environment)
        os.chdir(folder)
        null = os.open(os.devnull, os.O_RDONLY)
        for number, target in ((null, 0), (screen, 1), (screen, 2)):
            os.dup2(number, target)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        streams.guard()
        sys.argv = [module.__name__, *arguments]
        if before:
            before()
        status = module.main(list(arguments))
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status or 0)


def _wait(process, screen, limit_s):
    """Return (status of a process as Popen has it, None if it had to be killed since it did not end; what it printed).

    screen : the end of the pipe that it prints into
    """
    until, told, status = time.monotonic() + limit_s, bytearray(), None
    os.set_blocking(screen, False)
    while time.monotonic() < until:
        ended, code = os.waitpid(process, os.WNOHANG)
        if select.select([screen], [], [], 0.02)[0]:
            told += os.read(screen, 1 << 16)
        if ended:
            status = os.waitstatus_to_exitcode(code)
            break
    else:
        with contextlib.suppress(ProcessLookupError):  # it ends at this moment
            os.killpg(process, signal.SIGKILL)
        os.waitpid(process, 0)
    with contextlib.suppress(BlockingIOError):  # a program that it has left behind may still have the other end
        while more := os.read(screen, 1 << 16):
            told += more
    return status, told.decode(errors="replace")


def kill_at(number, after):
    """Return what makes a process kill itself at its rename `number`, right before or `after` it."""

    def before():
        interrupting.die_at_rename(number, after)

    return before


def count_renames(path):
    """Return what lets a process add a byte to the file `path` for each of its renames."""

    def before():
        rename = os.replace

        def replace(source, target, **more):
            with open(path, "ab") as counted:
                counted.write(b".")
            rename(source, target, **more)

        os.replace = replace

    return before


def little_disk(limit_bytes):
    """Return what lets a process write no file longer than that, as on a full disk (EFBIG instead of ENOSPC)."""

    def before():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    return before


def few_files(number):
    """Return what lets a process have only so many files open."""

    def before():
        resource.setrlimit(resource.RLIMIT_NOFILE, (number, number))

    return before


def no_privileges():
    """Make this process of root's, and those that it starts, heed permissions as anybody's do (Linux)."""
    libc = ctypes.CDLL(None)
    libc.prctl(28, 3, 0, 0, 0)  # PR_SET_SECUREBITS: programs of root's get no privileges either
    libc.capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)())


def half_written(folder) -> list[str]:
    """Return the names of half-written files in a data set."""
    return sorted(path.name for path in Path(folder).rglob("*") if HALF_WRITTEN.search(path.name))


def impatient():
    """Let the programs have three seconds."""
    import pp_setup

    pp_setup.program_timeout_s = pp_setup.scamp_timeout_s = 3


def mount_tmpfs(folder, size) -> bool:
    """Put a file system of `size` (text, as mount has it) at `folder`; returns whether that was allowed."""
    argv = ["mount", "-t", "tmpfs", "-o", f"size={size}", "pp_torture", str(folder)]
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def remount(folder, options):
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], capture_output=True, check=True)


def fill(folder, free_bytes):
    """Leave about so many bytes free in the file system of `folder`."""
    ballast = Path(folder) / "ballast"
    with contextlib.suppress(OSError), open(ballast, "wb", buffering=0) as stream:
        while stream.write(bytes(1 << 16)):
            pass
    size = ballast.stat().st_size
    os.truncate(ballast, max(0, size - free_bytes))


def unmount(folder):
    subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False)
