"""Reference stars and ephemeris are fetched at the same time, while sources are still being extracted.

What each step is going to ask for goes into the store; the steps find it there, and whoever comes too early waits for
the lock of the store.  What cannot be had is not complained of here: the step asks again, and says so.
"""

import contextvars
import functools
import logging
import threading
from collections.abc import Callable, Iterable

import numpy as np

from photometrypipeline.base.errors import NotReachable, PipelineError
from photometrypipeline.base.logfile import in_the_background
from photometrypipeline.base.services import NO_NAME, Client
from photometrypipeline.calibration import referencestars
from photometrypipeline.catalogs import skystore, surveys
from photometrypipeline.ephemerides import ephemeris
from photometrypipeline.frames import wcskeywords
from photometrypipeline.registration import depth, locate, questions
from photometrypipeline.registration.astrometry import to_sky
from photometrypipeline.sky import sphere

log = logging.getLogger("pp.ahead")


class Scout(Client):
    """Asks once and reports no failure but a missing network, which the clients of `unreachable` learn at once."""

    def __init__(self, unreachable: list[NotReachable]) -> None:
        super().__init__(patient=False)
        self._of_steps = unreachable

    def not_reachable(self, *facts, **more) -> NotReachable:
        """Return the NotReachable for a service, as of any Client."""
        error = super().not_reachable(*facts, **more)
        if error.reason == NO_NAME:
            self._of_steps.append(error)
        return error


class Ahead:
    """Work that goes on next to the run, each piece in a thread of its own.

    client : that they ask with;  unreachable : of the data set
    """

    def __init__(self, unreachable: list[NotReachable]) -> None:
        self.client = Scout(unreachable)
        self._threads: list[threading.Thread] = []

    def begin(self, about: str, work: Callable[[], object]) -> None:
        """Begin a piece of work; `about` : what it fetches, in words."""

        def run() -> None:
            in_the_background.set(True)
            try:
                work()
            except Exception as error:
                log.info(
                    "%s could not be fetched ahead: %s", about, error, exc_info=not isinstance(error, PipelineError)
                )

        thread = threading.Thread(target=contextvars.copy_context().run, args=(run,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def __enter__(self) -> "Ahead":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Wait until all of it is done: a process that is split off later must not find half of it."""
        for thread in self._threads:
            if kind is None or issubclass(kind, Exception):  # not where somebody wants to stop
                thread.join()


def fetch(frames, options: dict, faintest_mag: float, repetitions: int) -> Ahead:
    """Begin to fetch what a run on `frames` (DataSet, prepared) is going to need; return the Ahead.

    options : of the steps, by name;  faintest_mag : of the calibration;  repetitions : of the registration
    """
    register, photometry, calibrate = (options[step] for step in ("register", "photometry", "calibrate"))
    ahead = Ahead(frames.unreachable)
    client = ahead.client
    if client.offline or register.offline:
        return ahead
    circle, telescope, folder = _circle(frames), frames.telescope, frames.folder
    if circle:
        ra_deg, dec_deg, radius_deg = circle
        for name in _first(register.cat or telescope.astrometry_catalogs):
            reaches = questions.reaches_of(telescope, repetitions)
            seen = functools.partial(depth.peaks_per_deg2, list(frames))
            reach, limit = questions.questions(name, circle, reaches, telescope.max_mag, seen)[0]
            _stars(ahead, name, (ra_deg, dec_deg, radius_deg + reach), limit, client, folder)
        for name in _first(_calibrators(frames, calibrate)):
            limit = referencestars.limit_mag(name, circle, faintest_mag)
            _stars(ahead, name, circle, limit, client, folder)
    if not photometry.background_only:
        ahead.begin("the ephemeris", lambda: _ephemeris(frames, photometry, client))
    return ahead


def _first(names: Iterable[str]) -> list[str]:
    """Return the first of some names of catalogues, as a list; none where that is a file of the user."""
    return [name for name in list(names)[:1] if surveys.canonical(name)]


def _calibrators(frames, calibrate) -> Iterable[str]:
    """Return the names of the catalogues that the calibration is going to try, none where it needs none."""
    if calibrate.magzp or calibrate.uncalibrated:
        return ()
    band = calibrate.filter or frames.band
    return calibrate.catalog or (referencestars.usual_catalogs(frames.telescope, band) if band else ())


def _stars(ahead: Ahead, name: str, cone: tuple, limit_mag: float, client: Client, folder) -> None:
    survey = surveys.get(name)
    ahead.begin(f"stars of {name}", lambda: skystore.fetch_ahead(survey, cone, limit_mag, client, folder))


def _ephemeris(frames, photometry, client: Client) -> None:
    name = photometry.target or frames[0].header.get("OBJECT")
    jds = np.array([frame.number("MIDTIMJD") for frame in frames])
    if name:
        ephemeris.positions(str(name), frames.telescope.mpc_code, jds, client, frames.folder, photometry.places)


def _circle(frames) -> tuple[float, float, float] | None:
    """Return (ra_deg, dec_deg, radius_deg) around the frames by their first guess, None where some have none."""
    corners = []
    for frame in frames:
        if wcskeywords.NO_POINTING in frame.header or wcskeywords.scale_factor(frame.header) > 1:
            return None
        nx, ny = frame.size_px
        corners.append(to_sky(locate.linear(frame.header), [1, nx, nx, 1], [1, 1, ny, ny]))
    return sphere.skycenter(corners) if corners else None
