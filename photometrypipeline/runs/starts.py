"""How the data sets of a tree are begun: as copies of a process that has loaded all packages, or as commands.

A command takes a second of processor time to load its packages, a copy a hundredth of that.  Each copy is a process as
a command is one: with files, signals and exit status of its own, in the folder of its data set.
"""

import contextlib
import importlib
import logging
import os
import subprocess
import sys
from pathlib import Path

from photometrypipeline.base import interruption
from photometrypipeline.base.errors import FAILED

log = logging.getLogger("pp.starts")

FEW = 3  # data sets, for fewer of which packages are loaded by each of them
PATH = "PYTHONPATH"
OWN = "photometrypipeline.runs.original"  # what the process that is copied loads first


class Command:
    """A command (list of str) at work in `folder`, which prints into a file."""

    def __init__(self, argv, folder, output):
        self._process = subprocess.Popen(
            argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        self.terminate, self.kill = self._process.terminate, self._process.kill

    def status(self):
        """Return its exit status (int), negative for the signal that ended it; None while it is at work."""
        return self._process.poll()

    def wait(self, time_s=None):
        """Return when it has ended, or after `time_s`."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(time_s)


class Copy:
    """The same command, done by a copy of the process that has loaded its script.  Raises OSError, EOFError.

    context : of multiprocessing, with a fork server
    """

    def __init__(self, argv, folder, output, context):
        script, *arguments = argv[1:]
        place, path = f"/proc/{os.getpid()}/fd/{output.fileno()}", os.environ.get(PATH)
        self._process = context.Process(target=_work, args=(script, arguments, str(folder), place, path))
        from multiprocessing import forkserver, resource_tracker

        resource_tracker.ensure_running()  # which lets signals come again
        with _finding(Path(script).parent):
            forkserver.ensure_running()
        self._process.start()
        self.terminate, self.kill = self._process.terminate, self._process.kill

    def status(self):
        """Return its exit status, as that of a Command."""
        return self._process.exitcode

    def wait(self, time_s=None):
        """Return when it has ended, or after `time_s`."""
        self._process.join(time_s)


@contextlib.contextmanager
def _finding(folder):
    """Within the block processes that are begun find the scripts in `folder`: a fork server is not told sys.path.

    Signals wait, there until it has loaded what heeds them.
    """
    before = os.environ.get(PATH)
    os.environ[PATH] = os.pathsep.join([str(folder), *([before] if before else [])])
    interruption.hold()
    try:
        yield
    finally:
        _put_back(before)
        interruption.heard()


def _put_back(path):
    if path is None:
        del os.environ[PATH]
    else:
        os.environ[PATH] = path


def _work(script, arguments, folder, output, path):
    """Be the command `script`, in a copy of the process that has loaded it.

    path : what PYTHONPATH says to a command, None for nothing
    """
    _put_back(path)
    interruption.heard()
    os.chdir(folder)
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_APPEND)
    except OSError:  # who began it has gone, or has no use for it any more
        sys.exit(FAILED)
    for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
        stream.flush()
        os.dup2(descriptor, number)
    os.close(descriptor)
    sys.stdout.reconfigure(line_buffering=False)  # as into any file
    sys.argv = [script, *arguments]
    module = importlib.import_module(Path(script).stem)
    module.begin()
    sys.exit(module.main())


class Starts:
    """Begins data sets, called with (argv, folder, output): as copies, or as commands where those would not do.

    modules : names of those that a data set needs, the script first
    around : called without arguments, returns what its outcome depends on besides the folder; once that has changed,
        what has been loaded may be of before, and commands load it anew
    """

    def __init__(self, modules, around):
        self._around, self._loaded, self._context = around, around(), None
        if sys.platform != "linux":
            return
        import multiprocessing

        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([OWN, *modules])

    def __call__(self, argv, folder, output):
        if self._context and self._around() != self._loaded:
            log.info("settings, programs or packages have changed: each data set loads them by itself from now on")
            self._context = None
        if self._context:
            try:
                return Copy(argv, folder, output, self._context)
            except (OSError, EOFError) as error:
                log.warning("no copies of a process that has loaded all packages: %s", error or type(error).__name__)
                self._context = None
        return Command(argv, folder, output)
