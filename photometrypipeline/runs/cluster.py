"""Data sets of a tree on a Dask cluster, whose machines see the same files under the same names.

A worker needs Python with dask and nothing of the pipeline: it starts the very command that would have been run here.
"""

import logging
import os
import subprocess
import time

from photometrypipeline.base.errors import FAILED, NotReachable, PipelineError
from photometrypipeline.runs import outcomes
from photometrypipeline.runs.datatree import RUNNING

log = logging.getLogger("pp.cluster")

CONNECT_S = 10
TRIES = 3  # of a data set whose worker broke down in a way that dask does not repeat by itself
AHEAD = 4  # data sets per core of the cluster that are handed over at a time; the rest waits here
OURS = ("PP_", "XDG_", "PHOTPIPEDIR", "MPLBACKEND", "PATH")  # beginnings of variables that are to be the same there


def connect(address):
    """Return a dask Client of the scheduler at `address`.  Raises PipelineError without dask, NotReachable."""
    try:
        from distributed import Client
    except ImportError:
        raise PipelineError("-scheduler needs dask: pip install 'photometrypipeline[cluster]'") from None
    try:
        return Client(address, timeout=CONNECT_S)
    except (OSError, ValueError, TimeoutError) as error:
        raise NotReachable("Dask scheduler", address, error or "no answer") from None


def run(root, data_sets, command, jobs, address):
    """As datatree.run, on the cluster: a data set whose worker is lost goes to another one.

    jobs : cores that each data set may use
    """
    from distributed import as_completed

    variables = [f"{name}={value}" for name, value in os.environ.items() if name.startswith(OURS)]
    captured = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with connect(address) as client:
        log.info("cluster at %s: %d cores", address, sum(client.ncores().values()))
        waiting, sent = [each for each in data_sets if each.to_be_run], {}

        def send():
            room = AHEAD * max(sum(client.ncores().values()), 1) - len(sent)
            futures = []
            for each in [waiting.pop(0) for _ in range(min(room, len(waiting)))]:
                folder = os.path.join(root, each.folder)
                argv = ["env", *variables, *map(str, command(each, jobs))]
                outcomes.forget(folder)
                key = f"{each.folder}-{os.getpid()}-{time.time_ns()}"
                future = client.submit(
                    subprocess.run, argv, cwd=folder, text=True, errors="replace", **captured,
                    key=key, retries=TRIES, pure=False,
                )  # fmt: skip
                sent[key] = each
                each.state = RUNNING
                futures.append(future)
            return futures

        results = as_completed(send())
        for batch in results.batches():
            ended = [_take(root, sent.pop(future.key), future) for future in batch]
            yield ended
            for future in send():
                results.add(future)


def _take(root, each, future):
    """Take over what a future of dask brought for a data set; returns the DataSet."""
    if future.status == "finished":
        done = future.result()
        each.ended(root, done.returncode, (done.stdout.strip().splitlines() or [""])[-1])
    else:
        error = future.exception() if future.status == "error" else None
        reason = f"{type(error).__name__}: {error}" if error else future.status
        each.state, each.error = FAILED, f"the cluster gave up on it ({reason}); run again, and only this one is done"
        log.warning("%s: %s", each.folder, each.error)
    return each
