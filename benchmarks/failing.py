"""The part of torture.py in which one call of the system fails: the disk, a file, memory, another process."""

import builtins
import errno
import io
import os
import random
import sqlite3
import subprocess
from pathlib import Path

import ordeal
from harm import COMMANDS, Score

DISK = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS, errno.ESTALE)
ANY = (errno.EIO, errno.EMFILE, errno.ENOMEM, errno.EACCES, errno.ESTALE, errno.ETIMEDOUT)
CALLS = {  # with the errors that they end with in the field
    "open to read": ANY,
    "open to write": (*DISK, errno.EACCES, errno.EMFILE),
    "replace": (*DISK, errno.EACCES),
    "fsync": (errno.ENOSPC, errno.EIO, errno.EDQUOT),
    "write": (errno.ENOSPC, errno.EIO),
    "scandir": ANY,
    "stat": (errno.EIO, errno.EACCES, errno.ESTALE),
    "mkdir": (*DISK, errno.EACCES),
    "unlink": (errno.EIO, errno.EROFS, errno.EACCES),
    "connect": ("unable to open database file", "database is locked", "disk I/O error"),
    "start": (errno.EAGAIN, errno.ENOMEM, errno.EMFILE),
}
OTHER_TARGETS = ("pp_distill -positions", "pp_distill -fixedtargets")  # stay where their tables do
LASTING = 3  # of how many cases one lasts: the first call that fails is followed by others


class Failing:
    """Lets calls of one kind fail from the `number`-th on, once or lasting, in this process and its copies.

    counted : file to which every call of that kind adds a byte;  folder : calls elsewhere do not count
    """

    def __init__(self, kind, number, error, lasting, counted, folder):
        self.kind, self.number, self.error, self.lasting = kind, number, error, lasting
        self.counted, self.folder = str(counted), str(folder)

    def __call__(self):
        """Put all calls into this process."""
        self.file = os.open(self.counted, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        if self.kind in ("replace", "scandir", "stat", "mkdir", "unlink"):
            setattr(os, self.kind, self.around(getattr(os, self.kind)))
        elif self.kind == "fsync":
            os.fsync = self.around(os.fsync, anywhere=True)
        elif self.kind.startswith("open"):
            builtins.open = io.open = self.around_open(builtins.open)
        elif self.kind == "write":
            builtins.open = io.open = self.around_writing(builtins.open)
        elif self.kind == "connect":
            sqlite3.connect = self.around(sqlite3.connect)
        else:
            subprocess.Popen.__init__ = self.around(subprocess.Popen.__init__, anywhere=True)

    def here(self, path):
        """Whether a path is one of the data set."""
        if not isinstance(path, str | bytes | os.PathLike):
            return False
        path = os.path.join(self.folder, os.fsdecode(path))
        return path.startswith(self.folder) and os.path.basename(path) != "LOG"

    def due(self):
        """Count a call; return whether it is to fail."""
        os.write(self.file, b".")
        count = os.fstat(self.file).st_size
        return self.number is not None and (count == self.number or (self.lasting and count > self.number))

    def fail(self, path=None):
        """Raise the error."""
        if isinstance(self.error, str):
            raise sqlite3.OperationalError(self.error)
        raise OSError(self.error, os.strerror(self.error), *([os.fsdecode(path)] if path is not None else []))

    def around(self, call, anywhere=False):
        """Return what does what `call` does, until it fails."""

        def instead(*given, **more):
            of_a_file = bool(given) and self.here(given[-1 if self.kind == "replace" else 0])
            if (anywhere or of_a_file) and self.due():
                self.fail(given[0] if of_a_file else None)
            return call(*given, **more)

        return instead

    def around_open(self, call):
        """Return open, which fails where it is asked to read, or to write."""
        writes = self.kind == "open to write"

        def instead(file, mode="r", *given, **more):
            if self.here(file) and any(letter in mode for letter in "wax+") == writes and self.due():
                self.fail(file)
            return call(file, mode, *given, **more)

        return instead

    def around_writing(self, call):
        """Return open, whose files fail when they are written to."""
        around = self

        def instead(file, mode="r", *given, **more):
            opened = call(file, mode, *given, **more)
            if around.here(file) and any(letter in mode for letter in "wax+") and around.due():
                opened.close()
                return call("/dev/full", mode.replace("x", "w").replace("+", ""), *given, **more)
            return opened

        return instead


def counts(ground, command):
    """Return how often an undisturbed command does each kind of call (dict)."""
    with ground.copy() as folder:
        places = {kind: folder.parent / f"counted {kind}" for kind in CALLS}

        def count_all():
            for kind, place in places.items():
                Failing(kind, None, None, False, place, folder)()

        ordeal.run(command.split()[0], COMMANDS[command], folder, ground.environment(folder), count_all)
        return {kind: place.stat().st_size if place.exists() else 0 for kind, place in places.items()}


def calls(ground, args, chosen):
    """Each command with a call that fails: it says so or finds a way around, and pp_run ends at the right bytes."""
    score, known = Score("calls"), {}
    cases = [(command, kind, time) for time in range(100) for command in COMMANDS for kind in CALLS]
    random.Random(args.seed).shuffle(cases)
    for number, (command, kind, _) in chosen(cases, args):
        if command not in known:
            known[command] = counts(ground, command)
        number_of_calls = known[command][kind]
        if not number_of_calls:
            continue
        rng = random.Random(f"{args.seed} {number}")
        place, error = rng.randint(1, number_of_calls), rng.choice(CALLS[kind])
        outcome, faults = one(ground, command, Path("counted"), (kind, place, error, rng.random() * LASTING < 1))
        name = error if isinstance(error, str) else errno.errorcode[error]
        score.note(f"{number} [{command}, {kind} {place} of {number_of_calls}, {name}]", outcome, faults)
        if args.only is not None:
            print(outcome.told, outcome.log[-8000:], sep="\n----\n")
    return score


def one(ground, command, counted, failure):
    """Return (Outcome, faults) of a command with a Failing of these arguments."""
    with ground.copy() as folder:
        setting = ground.environment(folder)
        failing = Failing(*failure, folder.parent / counted, folder)
        outcome = ordeal.run(command.split()[0], COMMANDS[command], folder, setting, failing)
        if ground.quick:
            return outcome, outcome.faults()
        then = ordeal.run("pp_run", ["-fresh", *COMMANDS["pp_run"]], folder, setting)
        own = ("photometry.db",) if command in OTHER_TARGETS else ()
        expected = {name: digest for name, digest in ground.expected.items() if name not in own}
        return outcome, outcome.faults() + ground.judged(then, folder, expected)
