"""Where a body of the Solar System stood at the mid-times of the frames, as seen from the telescope.

The answer comes from the store of the data set, from the user's store, and for what is missing there from JPL Horizons,
all epochs in one request. Without Horizons older answers are used, positions interpolated between stored ones, or
computed from orbital elements: of the user's file, or stored with earlier answers. `source` names what was used.
"""

import logging
import re
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from photometrypipeline.base.errors import Ambiguous, NotFound, NotReachable
from photometrypipeline.catalogs import skystore
from photometrypipeline.ephemerides import horizons, names
from photometrypipeline.ephemerides.elements import Orbit
from photometrypipeline.ephemerides.ephemchoice import AUTO, HORIZONS, LOCAL, Choice
from photometrypipeline.ephemerides.ephemstore import COLUMNS, EPOCH_UNIT_D, Kept, Named, Store, epoch_of
from photometrypipeline.sky import times

log = logging.getLogger("pp.ephemeris")

UNSETTLED_D = 30  # after so long the orbits of comets, near-Earth and unnumbered objects have improved noticeably
MOST_EPOCHS = 3  # of elements in a message
UNKNOWN_D = 7  # new discoveries enter Horizons within days
NEAR_EARTH_AU = 1.3  # perihelion distance
LONGEST_GAP_D = 1 / 24  # between two stored positions, for one in between them
ELEMENTS_REACH_D = 365  # stored elements this near serve an offline computation to 0.01 arcsec


@dataclass
class Ephemeris:
    """Positions of one body; all arrays have shape (n,), one element per epoch asked, NaN where unknown.

    target is the name as asked, full_name the one Horizons uses, source where the numbers come from. jd: UT Julian
    date; ra_deg, dec_deg: astrometric, ICRF; rates in arcsec/h, RA with cos Dec; v_mag: V of an asteroid, total
    magnitude of a comet; sigma: one-sigma uncertainty of the position; r_au, delta_au: from the Sun and the observer.
    """

    target: str
    full_name: str
    source: str
    jd: np.ndarray
    ra_deg: np.ndarray
    dec_deg: np.ndarray
    ra_rate: np.ndarray
    dec_rate: np.ndarray
    v_mag: np.ndarray
    sigma_ra_arcsec: np.ndarray
    sigma_dec_arcsec: np.ndarray
    r_au: np.ndarray
    delta_au: np.ndarray
    phase_deg: np.ndarray

    def __len__(self):
        return len(self.jd)


class NoElements(NotFound):
    """Positions were to be computed and no orbital elements of the body are known for that time."""


def store_rows(folder, name, mpc_code, ephemeris):
    """Put an Ephemeris into the store in `folder`, so that `name` leads to it from the site `mpc_code`.

    Raises ValueError if `name` cannot name a body.
    """
    asked = names.queries(name)
    if not asked:
        raise ValueError(f"{name!r} is not the name of a body of the Solar System")
    store = Store(folder)
    values = np.column_stack([getattr(ephemeris, column) for column in COLUMNS])
    for command in _commands(asked[0], ephemeris.full_name):
        store.keep_name(command, Named(ephemeris.full_name), None)
    store.keep_positions(ephemeris.full_name, str(mpc_code), ephemeris.jd, values, None)


def positions(name, mpc_code, jds, client, data_folder=None, choice=Choice()):  # noqa: B008  it is frozen
    """Return the Ephemeris of the body `name` seen from the site `mpc_code` at the UT Julian dates `jds`, shape (n,).

    data_folder : of the frames; the store in its `pp_store/` is looked at first and never written to
    Raises NotFound if no body has that name or Horizons has no position for it then, Ambiguous (with candidates) if
    several have it, NoElements if positions are to be computed and cannot, NotReachable if no position is known and
    Horizons cannot be asked, FrameError for a file of elements that cannot be read.  Beside others epochs of which
    nothing is known are NaN, and told.
    """
    jds = np.atleast_1d(np.asarray(jds, dtype=float))
    if not jds.size or not np.isfinite(jds).all():
        raise ValueError("epochs must be finite Julian dates, at least one")
    asked = names.queries(name)
    if not asked:
        raise NotFound(f"{str(name)!r} is not the name of a body of the Solar System")
    shelf, orbits = Shelf(data_folder), _orbits(choice.elements, str(name))
    for query in asked:
        try:
            return _Search(query, str(mpc_code).strip(), jds, client, shelf, choice.mode, orbits).run()
        except Ambiguous:
            raise
        except NotFound as error:
            log.info("%s", error)
            last = error
    if isinstance(last, NoElements) and choice.elements and not orbits:
        raise NoElements(f"{Path(choice.elements).name} holds none of that body; {last}")
    if len(asked) == 1 or isinstance(last, (horizons.NoEphemeris, NoElements)):
        raise last
    raise NotFound(f"JPL Horizons knows neither a small nor a major body named {str(name)!r}")


def _orbits(path, name):
    """Return the Orbits (list) of one body in the user's file of elements; raises Ambiguous for several bodies."""
    if not path:
        return []
    from photometrypipeline.ephemerides import elementsfile  # seldom wanted

    found = elementsfile.read(path, name)
    bodies = sorted({orbit.full_name for orbit in found})
    if len(bodies) > 1:
        raise Ambiguous(f"{name!r} names {len(bodies)} objects of {path}: {'; '.join(bodies[:10])}", bodies)
    return found


class Shelf:
    """The stores in the order in which they are looked at: the data set's own, read-only, then the user's."""

    def __init__(self, data_folder=None):
        self.data_folder = data_folder
        own = Path(data_folder) / "pp_store" if data_folder is not None else None
        self.user = Store(skystore.user_folder())
        self.stores = ([Store(own, read_only=True)] if own is not None and own.is_dir() else []) + [self.user]

    def find_name(self, command):
        found = [kept for kept in (store.find_name(command) for store in self.stores) if kept]
        return min(found, key=lambda kept: kept.expired) if found else None

    def find_positions(self, full_name, site, jds):
        found = {}
        for store in self.stores:
            for epoch, kept in store.find_positions(full_name, site, jds).items():
                if epoch not in found or (found[epoch].expired and not kept.expired):
                    found[epoch] = kept
        return found

    def find_around(self, full_name, site, jd, reach_d):
        found = {}
        for store in self.stores:
            around = store.find_around(full_name, site, jd, reach_d)
            found.update((epoch, kept) for epoch, kept in around.items() if not kept.expired)
        return found

    def find_elements(self, full_name):
        return [elements for store in self.stores for elements in store.find_elements(full_name)]

    def find_answer(self, request):
        found = [kept for kept in (store.find_answer(request) for store in self.stores) if kept]
        return min(found, key=lambda kept: kept.expired) if found else None


class _Search:
    """One question of `positions`: what the stores know, what is missing, who fills it."""

    def __init__(self, query, site, jds, client, shelf, mode=AUTO, orbits=()):
        self.query, self.site, self.jds, self.client, self.shelf = query, site, jds, client, shelf
        self.mode, self.orbits = mode, orbits
        self.known = shelf.find_name(query.command)  # Kept(Named) or None
        self.found = {}  # epoch -> Kept(values)
        self.sources = []
        if self.known and self.known.value.full_name and mode != LOCAL:
            self.found = shelf.find_positions(self.known.value.full_name, site, jds)

    def run(self):
        if self.mode == LOCAL:
            self._compute(np.unique(self.jds))
            return self._ephemeris()
        if self.known and not self.known.expired and not self.known.value.full_name:
            return self._by_own_elements(self._as_before())
        if any(not kept.expired for kept in self.found.values()):
            self.sources.append("store")
        missing = [jd for jd in np.unique(self.jds) if not self._has(jd)]
        if missing:
            try:
                self._ask(missing)
            except NotReachable as failure:
                self._do_without(missing, failure)
            except NotFound as refusal:
                return self._by_own_elements(refusal)
        return self._ephemeris()

    def _by_own_elements(self, refusal):
        """Return the Ephemeris by the user's elements of a body that Horizons does not know, or raise `refusal`."""
        if not self.orbits or self.mode == HORIZONS or isinstance(refusal, Ambiguous):
            raise refusal
        log.info("%s", refusal)
        self._compute(np.unique(self.jds))
        return self._ephemeris()

    def _has(self, jd):
        kept = self.found.get(epoch_of(jd))
        return kept is not None and not kept.expired

    def _ask(self, missing):
        """Ask Horizons, keep what it says, be it a refusal."""
        try:
            known = self.known.value.full_name if self.known else None
            answer = horizons.ask(self.client, self.query, self.site, missing, known)
        except horizons.NoEphemeris:  # the object exists: another epoch may do
            raise
        except NotFound as error:
            named = Named(None, getattr(error, "candidates", []))
            self.shelf.user.keep_name(self.query.command, named, UNKNOWN_D)
            raise
        lifetime_d = lifetime(self.query.kind, answer)
        user = self.shelf.user
        for command in _commands(self.query, answer.full_name):
            user.keep_name(command, Named(answer.full_name), lifetime_d)
        user.keep_positions(answer.full_name, self.site, answer.jd, answer.values, lifetime_d)
        self._keep_elements(answer)
        self.known = Kept(Named(answer.full_name), time.time())
        for jd, values in zip(answer.jd, answer.values, strict=True):
            self.found[epoch_of(jd)] = Kept(values, time.time())
        self.sources.append("horizons")
        absent = sum(not self._has(jd) for jd in missing)
        if absent:
            log.warning("Horizons gives no position of %s for %d of %d epochs", answer.full_name, absent, len(missing))

    def _keep_elements(self, answer):
        """Keep elements near the epoch: those of the answer's header or, if these are old, others asked for."""
        if not answer.elements:
            return
        user, middle = self.shelf.user, float(np.mean(answer.jd))
        user.keep_elements(answer.full_name, answer.elements)
        known = self.shelf.find_elements(answer.full_name)
        if min(abs(elements["EPOCH"] - middle) for elements in known) <= ELEMENTS_REACH_D:
            return
        try:
            nearer = horizons.ask_elements(self.client, self.query, round(middle - 0.5) + 0.5, answer.full_name)
        except (NotReachable, NotFound) as error:
            log.info("no elements of %s for the date of the frames: %s", answer.full_name, error)
        else:
            user.keep_elements(answer.full_name, {**answer.elements, **nearer})

    def _do_without(self, missing, failure):
        """Fill what is missing from expired rows and from elements, or raise `failure`."""
        if self.known and not self.known.value.full_name and not self.orbits:
            raise self._as_before() from failure
        expired = [self.found[epoch_of(jd)] for jd in missing if epoch_of(jd) in self.found]
        if expired:
            day = time.strftime("%Y-%m-%d", time.gmtime(min(kept.asked for kept in expired)))
            self.sources.append(f"store (out of date, of {day})")
            log.warning("%s; using the answer of %s for %s", failure, day, self.query.text)
        missing = self._interpolate([jd for jd in missing if epoch_of(jd) not in self.found])
        if not missing:
            return
        if self.mode == HORIZONS:
            return self._leave_out(missing, failure)
        try:
            self._compute(missing)
        except NoElements as lacking:
            log.info("%s", lacking)
            return self._leave_out(missing, failure)
        log.warning("%s; position of %s %s", failure, self.known.value.full_name, self.sources[-1])

    def _leave_out(self, missing, failure):
        """Go on with the epochs that are known, or raise `failure`."""
        if not self.found:
            raise failure
        words = "%s; no position of %s for %d of %d epochs"
        log.warning(words, failure, self.known.value.full_name, len(missing), np.unique(self.jds).size)

    def _compute(self, jds):
        """Fill the epochs by integration from the user's elements or, without them, stored ones; raises NoElements."""
        from photometrypipeline.ephemerides import (  # bring SciPy's integrators along, which are seldom needed
            orbit,
            planets,
        )

        chosen = orbit.nearest(self.orbits, jds) or orbit.nearest(self._stored_orbits(np.mean(jds)), jds)
        if chosen is None:
            epochs = dict.fromkeys(times.text_of(each.elements["EPOCH"])[:10] for each in self.orbits[:MOST_EPOCHS])
            far = f", those in the file given are of {', '.join(epochs)}" if epochs else ""
            raise NoElements(
                f"no orbital elements of {self.query.text} within {orbit.REACH_D} d of the frames are known{far}; "
                "give a file of elements with -elements, import those of the Minor Planet Center with pptool_store, "
                "or run once with Horizons reachable"
            )
        values = orbit.ephemeris(chosen.elements, self.site, jds)
        if np.isfinite(chosen.err_arcsec):
            sigmas = [COLUMNS.index("sigma_ra_arcsec"), COLUMNS.index("sigma_dec_arcsec")]
            values[:, sigmas] = chosen.err_arcsec / values[:, [COLUMNS.index("delta_au")]]
        self.found.update((epoch_of(jd), Kept(row, time.time())) for jd, row in zip(jds, values, strict=True))
        if not (self.known and self.known.value.full_name):
            self.known = Kept(Named(chosen.full_name or self.query.text), time.time())
        told = f"computed from elements of JD {chosen.elements['EPOCH']:.1f} of {chosen.origin}"
        self.sources.append(f"{told}, {planets.best().name}")

    def _stored_orbits(self, jd):
        """Return the Orbits (list) that came with answers, and the imported ones."""
        from photometrypipeline.ephemerides.orbits import shelf  # seldom needed

        full_name = self.known.value.full_name if self.known else None
        answered = self.shelf.find_elements(full_name) if full_name else []
        own = [Orbit(full_name, each, "the store") for each in answered]
        return own + shelf.of_body(self.query, jd, self.shelf.data_folder)

    def _interpolate(self, missing):
        """Fill in epochs between stored ones that are near enough; returns those (list) that are missing still."""
        full_name, still = self.known.value.full_name if self.known else None, []
        for jd in missing:
            around = self.shelf.find_around(full_name, self.site, jd, LONGEST_GAP_D) if full_name else {}
            before = max((epoch for epoch in around if epoch < epoch_of(jd)), default=None)
            after = min((epoch for epoch in around if epoch > epoch_of(jd)), default=None)
            if before is None or after is None or (after - before) * EPOCH_UNIT_D > LONGEST_GAP_D:
                still.append(jd)
                continue
            rows = around[before].value, around[after].value
            share = (epoch_of(jd) - before) / (after - before)
            self.found[epoch_of(jd)] = Kept(between(*rows, share, (after - before) * EPOCH_UNIT_D), time.time())
            log.info("%s at JD %.8f: interpolated between stored positions", full_name, jd)
        if len(still) < len(missing):
            self.sources.append("interpolated")
        return still

    def _as_before(self):
        """Return the error that Horizons' stored refusal stands for."""
        return horizons.refusal(self.query, self.known.value.candidates)

    def _ephemeris(self):
        unknown = np.full(len(COLUMNS), np.nan)
        rows = [self.found[epoch_of(jd)].value if epoch_of(jd) in self.found else unknown for jd in self.jds]
        columns = dict(zip(COLUMNS, np.array(rows).T.copy(), strict=True))
        source = ", ".join(self.sources)
        log.info("%s: %s at %d epochs, from %s", self.query.text, self.known.value.full_name, len(rows), source)
        return Ephemeris(self.query.text, self.known.value.full_name, source, self.jds, **columns)


def between(before, after, share, gap_d):
    """Return the values (ndarray, in the order of COLUMNS) at `share` (0 to 1) of the gap between two stored rows.

    Positions by the cubic through both places with both rates, all else linearly.  Its error is h^4/384 times the
    fourth derivative: for the diurnal parallax, the fastest change, below 0.01 arcsec at 0.01 au for a gap of an hour.
    """
    before, after = dict(zip(COLUMNS, before, strict=True)), dict(zip(COLUMNS, after, strict=True))
    values = {name: (1 - share) * before[name] + share * after[name] for name in COLUMNS}
    hours = gap_d * 24
    for name, rate, full in (
        ("ra_deg", "ra_rate", (after["ra_deg"] - before["ra_deg"] + 180) % 360 - 180),
        ("dec_deg", "dec_rate", after["dec_deg"] - before["dec_deg"]),
    ):
        cosines = [np.cos(np.radians(row["dec_deg"])) if name == "ra_deg" else 1.0 for row in (before, after)]
        slopes = [row[rate] / 3600 * hours / cosine for row, cosine in zip((before, after), cosines, strict=True)]
        if not np.isfinite(slopes).all():
            slopes = [full, full]
        t = share
        moved = (3 * t**2 - 2 * t**3) * full + (t**3 - 2 * t**2 + t) * slopes[0] + (t**3 - t**2) * slopes[1]
        values[name] = before[name] + moved
    values["ra_deg"] %= 360
    return np.array([values[name] for name in COLUMNS])


def _commands(query, full_name):
    """Return the questions (set of str) that are answered together with `query`: by name, by number, by designation."""
    return {query.command} | (names.aliases(full_name) if query.kind != names.MAJOR else set())


def lifetime(kind, answer):
    """Return for how long (d) an answer of Horizons stands, None for ever.

    Orbits of numbered asteroids and planets are settled; comets, near-Earth asteroids, objects without a number and
    spacecraft are not.
    """
    if kind == names.MAJOR:
        return UNSETTLED_D if re.search(r"\(-\d+\)", answer.full_name) else None
    near_earth = answer.elements is not None and answer.elements["QR"] < NEAR_EARTH_AU
    return None if re.match(r"\d+ ", answer.full_name) and not near_earth else UNSETTLED_D
