"""The one polite client of the outside services: it asks, waits, asks again, and never mixes up three outcomes.

An answer is returned, possibly with zero rows. "No such thing" is an error of the caller's `check` (NotFound,
Ambiguous) and passes through. Everything else, after the tries are used up, is NotReachable: nothing is known about
what the service would have said, so nobody may take it for an empty answer.

Addresses can be replaced by environment variables (`PP_VIZIER_URL` and so on; several, separated by blanks, are a
service and its mirrors), `PP_OFFLINE=1` forbids every request, `PP_RETRY_PAUSE_S` replaces the first pause of 2 s.
"""

import contextlib
import email.utils
import logging
import os
import random
import tempfile
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from photometrypipeline import __version__
from photometrypipeline.base.errors import NotReachable, Offline
from photometrypipeline.base.locks import locked

log = logging.getLogger("pp.services")

USER_AGENT = f"photometrypipeline/{__version__} (astronomical photometry; python-requests)"
RETRY_STATUS = {429, 500, 502, 503, 504}  # overload and restarts; a 400 or 404 would only be repeated
TOTAL_LIMIT_S = 600  # one call with all its tries
LONGEST_PAUSE_S = 60
NO_NETWORK_MEMORY_S = 60  # after a name that cannot be looked up no other is tried for so long
DOWN_MEMORY_S = 60  # a host that just failed all its tries gets a single one for so long
NO_NAME = "its name cannot be looked up: check the network, then run the same command again"
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class Service:
    """What is known of one service: `read_s` bounds the silence of the server, not the whole answer."""

    label: str
    urls: tuple  # the service, then its mirrors
    read_s: float
    tries: int
    at_once: int  # requests in flight
    spacing_s: float = 0  # between the end of one request and the next
    connect_s: float = 10


SERVICES = {
    "vizier": Service(
        "VizieR",
        (
            "https://vizier.cds.unistra.fr/viz-bin/votable",
            "https://vizier.cfa.harvard.edu/viz-bin/votable",
            "https://vizier.nao.ac.jp/viz-bin/votable",
        ),
        120,
        4,
        2,
    ),
    "horizons": Service("JPL Horizons", ("https://ssd.jpl.nasa.gov/api/horizons.api",), 60, 4, 1, 0.3),
    "horizons_file": Service("JPL Horizons", ("https://ssd.jpl.nasa.gov/api/horizons_file.api",), 60, 4, 1, 0.3),
    "horizons_lookup": Service("JPL Horizons", ("https://ssd.jpl.nasa.gov/api/horizons_lookup.api",), 60, 4, 1, 0.3),
    "skybot": Service("SkyBoT", ("https://ssp.imcce.fr/webservices/skybot/api/conesearch.php",), 60, 3, 1, 1),
    "obscodes": Service("MPC", ("https://data.minorplanetcenter.net/api/obscodes",), 30, 3, 1),
    "mast": Service("MAST", ("https://catalogs.mast.stsci.edu/api/v0.1/panstarrs/",), 300, 3, 2),
}


def base_urls(service):
    """Return the addresses of `service`, the main one first, then its mirrors."""
    return tuple(os.environ.get(f"PP_{service.upper()}_URL", "").split()) or SERVICES[service].urls


def base_url(service):
    """Return the main address of `service`, a key of SERVICES."""
    return base_urls(service)[0]


class Retry(Exception):
    """The service failed in a way that may pass: raised by a `check`, never seen outside `Client.call`."""

    def __init__(self, reason, after_s=0.0):
        self.after_s = after_s
        super().__init__(reason)


def refuse_html(response):
    """Raise Retry if `response` is a web page: an error page, or the log-in page of a hotel, instead of data."""
    start = response.content[:1000].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")) or b"<html" in start:
        raise Retry(f"a web page instead of data: {excerpt(response)}")


def excerpt(response, length=150):
    """Return the first characters of an answer on one line."""
    return " ".join(response.content[: 4 * length].decode("utf-8", "replace").split())[:length]


class Client:
    """Sends requests, one object per step and for all its threads.

    unreachable : list that gets each NotReachable it met: what was made meanwhile is not the last word, even if a way
        around was found. Clients that share it share what it tells: for a while after a name that could not be looked
        up none of them asks for another.
    patient : whether it tries again where a service fails; a name that cannot be looked up is tried twice in any case
    """

    def __init__(self, offline=False, sleep=time.sleep, unreachable=None, patient=True):
        self.patient = patient
        self.unreachable = [] if unreachable is None else unreachable
        self.offline = offline or os.environ.get("PP_OFFLINE", "0") not in ("", "0")
        self._sleep = sleep
        self._sessions = threading.local()
        self._doors = {facts.label: threading.Semaphore(facts.at_once) for facts in SERVICES.values()}
        self._last = {}  # label -> time of the end of the last request
        self._down = {}  # host -> time at which it had failed all its tries

    def not_reachable(self, service, host, reason, at_s=None):
        """Return the NotReachable for a service that was to be asked, and note it; at_s : when it was found out."""
        self.unreachable.append(NotReachable(service, host, reason, at_s))
        return self.unreachable[-1]

    def get(self, service, params, description, check=None, path=""):
        """Return the requests.Response of a GET, or `check(response)`; errors as in `call`.

        path : what follows the address of the service
        """
        return self._send_own(service, description, check, path, method="GET", params=params)

    def post(self, service, description, *, data=None, files=None, params=None, check=None):
        """Return the requests.Response of a POST (`files`: multipart), or `check(response)`; errors as in `call`."""
        return self._send_own(service, description, check, method="POST", data=data, files=files, params=params)

    def _send_own(self, service, description, check, path="", **request):
        def send(timeout):
            return self._session().request(url=base_url(service) + path, timeout=timeout, **request)

        return self.call(service, send, check or (lambda response: response), description)

    def call(self, service, send, check, description, *, url=None, tries=None, read_s=None):
        """Return `check(send(timeout))`, trying again while the service fails in a way that may pass.

        send : called with the (connect, read) time limits in seconds, returns a requests.Response
        check : turns the response into data; raises Retry(reason) for a bad body, NotFound or Ambiguous
            for a valid "no such thing"
        description : what is asked for, in a few words, for LOG and messages
        url : where `send` goes, if not to `base_url(service)`; tries, read_s : instead of the service's own
        Raises NotReachable: offline, out of tries or time, or a status that says the request itself is refused.
        """
        facts = SERVICES[service]
        host = urlsplit(url or base_url(service)).netloc
        if self.offline:
            self.unreachable.append(Offline(facts.label, host, description))
            raise self.unreachable[-1]
        if known := self._no_network(host):
            raise self.not_reachable(facts.label, host, NO_NAME, known.at_s)
        tries = 1 if self._is_down(host) else tries or facts.tries
        timeout = (facts.connect_s, read_s or facts.read_s)
        started = time.monotonic()
        for attempt in range(tries):
            try:
                with self._turn(facts, host):
                    response = self._one_try(facts, host, send, timeout)
                result = check(response)
            except NotReachable as error:
                if error not in self.unreachable:  # `check` found that the answer is none
                    self.unreachable.append(error)
                raise
            except Retry as failure:
                reason, pause_s = str(failure), max(pause(attempt), failure.after_s)
            else:
                log_answer(facts.label, description, response, result)
                return result
            if not self.patient:
                tries = min(tries, 2 if reason == NO_NAME else 1)
            if attempt + 1 >= tries or time.monotonic() - started + pause_s > TOTAL_LIMIT_S:
                break
            if attempt == 0:
                log.warning("%s: %s; trying again, up to %d times: %s", facts.label, reason, tries - 1, description)
            self._sleep(pause_s)
        self._down[host] = time.monotonic()
        raise self.not_reachable(facts.label, host, reason)

    def adopt(self, session, service, url=None):
        """Make the session of an astroquery object (`object._session`) ours: name, time limits, and address.

        A request to the service's standard address goes to `url` or `base_url(service)` instead; astroquery itself
        accepts neither plain http nor an address that it does not list.
        """
        session.headers["User-Agent"] = USER_AGENT
        return transport().mounted(session, (SERVICES[service].urls[0], url or base_url(service)))

    def _session(self):
        if not hasattr(self._sessions, "session"):
            self._sessions.session = transport().session({"User-Agent": USER_AGENT})
        return self._sessions.session

    def _is_down(self, host):
        return time.monotonic() - self._down.get(host, -DOWN_MEMORY_S) < DOWN_MEMORY_S

    def _no_network(self, host):
        """Return the NotReachable of a moment ago after which asking `host` is pointless, None without: no network."""
        if urlsplit(f"//{host}").hostname in LOOPBACK:
            return None
        late_s = time.monotonic() - NO_NETWORK_MEMORY_S
        return next((each for each in self.unreachable if each.reason == NO_NAME and each.at_s > late_s), None)

    @contextlib.contextmanager
    def _turn(self, facts, host):
        """Hold the door of a service: a few at once, and a moment between two requests."""
        if urlsplit(f"//{host}").hostname in LOOPBACK:  # a server of our own, for tests
            yield
            return
        with self._doors[facts.label], door_of_all(facts):
            since_s = time.monotonic() - self._last.get(facts.label, -facts.spacing_s)
            self._sleep(max(0, facts.spacing_s - since_s))
            try:
                yield
            finally:
                self._last[facts.label] = time.monotonic()

    def _one_try(self, facts, host, send, timeout):
        """Return a response of status 200.  Raises Retry, or NotReachable where another try is pointless."""
        try:
            response = send(timeout)
        except OSError as error:  # what requests raises is one
            transport().raise_if_passing(error, *timeout)
            raise self.not_reachable(facts.label, host, error) from None  # no address, too many redirections
        if response.status_code in RETRY_STATUS:
            raise Retry(f"HTTP {response.status_code}: {excerpt(response)}", retry_after(response))
        if response.status_code != 200:
            raise self.not_reachable(facts.label, host, f"HTTP {response.status_code}: {excerpt(response)}")
        return response


def transport():
    """Return the module that sends requests; it is slow to load, and a run with a filled store does not need it."""
    from photometrypipeline.base import transport

    return transport


def door_of_all(facts):
    """Return a context manager that lets one process of this user at a time ask a service that wants it so."""
    if facts.at_once > 1:
        return contextlib.nullcontext()
    folder = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    return locked(os.path.join(folder, f"photometrypipeline-{os.getuid()}-{facts.label.replace(' ', '_')}.lock"))


def pause(attempt):
    """Return the seconds to wait after try number `attempt` (from 0): doubling, with 25 % of jitter, at most 60 s."""
    first_s = float(os.environ.get("PP_RETRY_PAUSE_S", "2"))
    return min(first_s * 2**attempt * random.uniform(0.75, 1.25), LONGEST_PAUSE_S)


def retry_after(response):
    """Return the seconds that a `Retry-After` header asks for (a number or a date); 0 without one."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdigit():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return 0.0


def log_answer(label, description, response, result):
    rows = f", {len(result)} rows" if hasattr(result, "columns") else ""
    log.info("%s: %s: %d bytes%s", label, description, len(response.content), rows)
