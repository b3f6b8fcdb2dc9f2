"""All targets in all frames of a night, measured at their places: with trails, neighbours and bad pixels.

The work goes through the frames three times: for their PSF, for the light of the stars that targets pass, and for the
targets themselves.
"""

import logging
from dataclasses import dataclass, field

import numpy as np

from photometrypipeline.base import workers
from photometrypipeline.base.attempts import attempt
from photometrypipeline.base.errors import PipelineError
from photometrypipeline.photometry import copies, fieldstars, measure, scene, stacks, trail
from photometrypipeline.sky import sphere
from photometrypipeline.targets import deepfield, exposures, injections, places
from photometrypipeline.targets.knownstars import same_place
from photometrypipeline.targets.targets import inside

log = logging.getLogger("pp.measuring")

FIT_NEAR_FWHM = 9.0  # stars so near to a target's way are measured: those within 6, and what is blended with them
OWN_FWHM = 1.5  # detections so near to a moving target are its own
STANDING_OWN_FWHM = 0.5  # the same of a target that stands still
UNCOVERED_FWHM = 4.0  # a target has to move by so much to uncover what stands at its place
NO_TRAIL_CHI2 = 50.0  # a target that fits so much better without its trail has none
FAINT_SIGMA = 6.0  # of the light: around fainter targets the noise of empty places is measured
NOISE_CELL_PX = 200  # targets in one such square share it
MOST_INJECTED = 3  # targets with artificial ones
FRAMES_EACH, LIGHTS_EACH = 2, 16  # profiles, measurements of one target that a process of its own is worth
NOISE_SEED, INJECTION_SEED = 20170202, 20170203  # drawn at random, the same in each run
FAINTEST_MARGIN_MAG = 1.0  # catalogue stars that much fainter than what is detected are measured too


@dataclass
class Track:
    """A target on the frames: `numbers` of those on which it is expected, and there its place.

    x, y : 0-based px, shape (n_frames of the night,), NaN elsewhere;  trails : (x, y), px, of each frame
    places : {frame name: places.Place};  stars : scene.NightStars along its way
    """

    target: object
    numbers: list
    x: np.ndarray
    y: np.ndarray
    trails: list
    places: dict
    stars: scene.NightStars | None = None
    wanted: np.ndarray | None = None  # in which frames each star is measured, bool


@dataclass
class Outcome:
    """What was measured: exposures.Exposures, `tracks`, `lights` {(target name, number): Light},
    and `injections` (list of injections.Injections).
    """

    exposures: object
    tracks: list = field(default_factory=list)
    lights: dict = field(default_factory=dict)
    injections: list = field(default_factory=list)


def _frames_each(tracks):
    """Return the number of frames that a process of its own is worth if Tracks are to be measured in them."""
    return max(FRAMES_EACH, LIGHTS_EACH // max(1, len(tracks)))


class Measuring:
    """Measures targets in the frames of a targetmatch.Matcher.

    method : of the magnitudes in the source lists;  bad : mask of bad pixels or None;  jobs : processes
    copies : number of artificial targets for each target, 0 for none
    """

    def __init__(self, matcher, method, bad=None, jobs=1, copies=0):
        self.matcher, self.measured, self.stars = matcher, matcher.measured, matcher.stars
        self.method, self.bad, self.jobs, self.copies = method, bad, jobs, copies
        self.scale = 10 ** (0.4 * self._zeropoints())
        self.exposures = exposures.Exposures(self.measured)

    def run(self, everything, rows):
        """Return the Outcome for Targets, whose Rows ({name: list}) tell where they were found."""
        numbers = range(len(self.measured))
        seen = {target.name: places.samples_of_rows(rows[target.name]) for target in everything}
        tracks = [self._track(target, seen[target.name]) for target in everything]
        expose = lambda number: self.exposures.keep(self._expose(number, tracks))  # noqa: E731
        nothing = lambda number: None  # noqa: E731
        self.exposures.sketches = self._side_by_side(expose, numbers, "point spread functions", without=nothing)
        self._agree_on_trailed_stars(tracks)
        self._tell_trailed_stars()
        for track in tracks:
            self._add_stars(track)
        each = _frames_each(tracks)
        self._measure_stars(tracks)
        lights = self._side_by_side(lambda number: self._lights(number, tracks), numbers, "targets", each=each)
        self._measure_stars(self._deepened(tracks, lights))
        for track in tracks:  # once more, where the light is now that neighbours are off
            self._check_trail(track, lights)
            self._move(track, seen[track.target.name] | self._samples(track, lights))
        again = lambda number: self._lights(number, tracks, True)  # noqa: E731
        lights = self._side_by_side(again, numbers, "targets, once more", each=each)
        outcome = Outcome(self.exposures, tracks)
        for number, found in zip(numbers, lights, strict=True):
            outcome.lights |= {(name, number): light for name, light in found.items()}
        outcome.injections = self._injections(outcome)
        return outcome

    def _agree_on_trailed_stars(self, tracks):
        """Look again at frames that alone have drawn out stars, or alone round ones: telescopes do one or the other."""
        moved = [max((np.hypot(*track.trails[n]) for track in tracks), default=0.0) for n in range(len(self.exposures))]
        numbers, trailed = exposures.unlike_others(self.exposures.sketches, np.array(moved))
        for number in numbers:
            words = "%s: its stars are taken for %s, as those of the other frames are"
            log.info(words, self.measured[number].frame.name, "drawn out" if trailed else "round")
        again = lambda number: self.exposures.keep(self._expose(number, tracks, trailed))  # noqa: E731
        found = self._side_by_side(again, numbers, "point spread functions, once more", without=lambda number: None)
        for number, sketch in zip(numbers, found, strict=True):
            self.exposures.sketches[number] = sketch

    def _tell_trailed_stars(self):
        lengths = [np.hypot(*sketch.trail_px) for sketch in self.exposures.sketches if sketch]
        lengths = [length for length in lengths if length > 0]
        if lengths:
            words = "stars are drawn out by %.1f px in %d of %d frames: the telescope followed the target"
            log.warning(words, np.median(lengths), len(lengths), len(self.exposures))

    def _side_by_side(self, function, numbers, label, without=None, each=FRAMES_EACH):
        """Return [function(number), ...] of frames; one whose pixels fail goes on with its source list alone.

        without : what stands for `function` then; None for itself, which gets along without an exposure
        """
        done = workers.side_by_side(lambda n: attempt(function, n), numbers, self.jobs, each, label=label)
        for n, (number, found) in enumerate(zip(numbers, done, strict=True)):
            if isinstance(found, PipelineError):
                log.warning("%s: measured by its source list alone: %s", self.measured[number].frame.name, found)
                self.exposures.sketches[number] = None
                done[n] = (without or function)(number)
        return done

    def _zeropoints(self):
        """Return the zeropoint of each frame; where one has none, against the first frame by the stars of both."""
        zp = [value if value is not None else np.nan for value in self.stars.zp]
        if not np.isfinite(zp).all():
            zp = [-self.stars.between(number, 0) if number else 0.0 for number in range(len(self.measured))]
        return np.nan_to_num(np.array(zp, dtype=float))

    # ---- where

    def _track(self, target, samples):
        """Return the Track of a Target, from the places where it was seen ({frame name: places.Sample})."""
        nowhere, numbers, trails = np.full(len(self.measured), np.nan), [], []
        for number, each in enumerate(self.measured):
            place, rate = (known.get(each.frame.name) for known in (target.places, target.motion_arcsec_h))
            expected = place is not None and inside(each, place)
            numbers += [number] if expected else []
            moves = expected and rate is not None
            drawn_out_s = stacks.drawn_out_s(each.frame.header, each.header["exptime"])
            trails.append(trail.motion_px(each.wcs, place, rate, drawn_out_s) if moves else (0.0, 0.0))
        track = Track(target, numbers, nowhere, nowhere.copy(), trails, {})
        self._move(track, samples)
        return track

    def _move(self, track, samples):
        """Put a Track where its target is by {frame name: places.Sample}."""
        track.places = places.of_target(track.target, self.measured, samples, self.matcher.settings)
        for number in track.numbers:
            each = self.measured[number]
            place = track.places[each.frame.name]
            pixel = each.wcs.all_world2pix([place.ra_deg], [place.dec_deg], 0, quiet=True)
            track.x[number], track.y[number] = (float(axis[0]) for axis in pixel)

    def _check_trail(self, track, lights):
        """Take the trail from a Track whose target is plainly not drawn out: its rate or its exposure time is wrong."""
        own = [lights[number][track.target.name] for number in track.numbers if track.target.name in lights[number]]
        better = sum(light.trail_chi2 for light in own)
        if better < -NO_TRAIL_CHI2:
            longest = max(np.hypot(*each) for each in track.trails)
            log.warning(
                "%s is not drawn out by %.1f px, as its motion and the exposure time say (chi2 %+.0f): measured as a"
                " star; check EXPTIME and the target",
                track.target.name,
                longest,
                better,
            )
            track.trails = [(0.0, 0.0)] * len(track.trails)

    def _samples(self, track, lights):
        """Return {frame name: places.Sample} of a target where its light was measured."""
        found = {}
        for number in track.numbers:
            light, name = lights[number].get(track.target.name), self.measured[number].frame.name
            if light is not None and self.exposures[number] is not None:
                at = track.x[number], track.y[number], track.target.places[name]
                sample = places.sample_of_light(light, self.exposures[number], *at)
                found |= {name: sample} if sample else {}
        return found

    def _expose(self, number, tracks, trailed=None):
        here = [track for track in tracks if number in track.numbers]
        avoid = [(track.x[number], track.y[number]) for track in here if track.target.moves]
        main = [track.trails[number] for track in here if track.target.kind in ("primary", "positions")]
        return exposures.expose(self.measured[number], self.method, self.bad, avoid, main, trailed)

    def trail(self, track, number):
        """Return along what (x, y), px, a target is drawn out on the detector."""
        return trail.on_detector(self.exposures[number].psf, track.trails[number])

    # ---- the stars on its way

    def _add_stars(self, track):
        """Find the stars along the way of a target."""
        fwhm, usable = self.exposures.fwhm_px, self.telling(track)
        numbers = [number for number in track.numbers if usable[number]]
        nothing = np.zeros((len(self.measured), 0))
        track.stars, track.wanted = scene.NightStars(np.empty(0), np.empty(0), nothing, nothing), nothing.astype(bool)
        if not numbers:
            return
        ra, dec = self._stars_near(track, numbers)
        if not ra.size:
            return
        x, y = self._pixels(ra, dec)
        apart = np.hypot(x - track.x[:, None], y - track.y[:, None])
        reach = FIT_NEAR_FWHM * np.nan_to_num(fwhm) + np.array([np.hypot(*each) / 2 for each in track.trails])
        with np.errstate(invalid="ignore"):
            near = (apart < reach[:, None])[numbers].any(axis=0)
        self._follow(track, scene.NightStars(ra[near], dec[near], x[:, near], y[:, near]), numbers)

    def _follow(self, track, stars, numbers):
        """Give a Track its NightStars, and say in which frames each is measured."""
        fwhm, sizes = self.exposures.fwhm_px, [each.frame.size_px for each in self.measured]
        moves = self._uncovers(track, numbers, fwhm)
        track.stars, usable = stars, self.telling(track)
        track.wanted = scene.frames_for(stars, track.x, track.y, np.nan_to_num(fwhm), sizes, moves, usable)

    def telling(self, track):
        """Return which frames tell of the stars along the way of a target: bool, shape (n_frames,).

        Not those that nobody has said its place in (a list of positions may be short): it would pass for a star there.
        """
        placed = [each.frame.name in track.places for each in self.measured]
        return np.asarray(self.exposures.usable, dtype=bool) & np.array(placed)

    def _uncovers(self, track, numbers, fwhm):
        """Return whether a target moves so far that it uncovers the stars at its places."""
        way = np.hypot(np.ptp(track.x[numbers]), np.ptp(track.y[numbers]))
        return bool(track.target.moves and way > UNCOVERED_FWHM * np.nanmedian(fwhm))

    def _stars_near(self, track, numbers):
        """Return (ra_deg, dec_deg) of the stars within reach of a target's places, of all frames and the catalogue."""
        way = [track.places[self.measured[number].frame.name] for number in numbers]
        way = np.array([(place.ra_deg, place.dec_deg) for place in way])
        fwhm = float(np.median(self.stars.fwhm_arcsec))
        longest = max(np.hypot(*track.trails[number]) for number in numbers)
        scale = self.measured[numbers[0]].frame.number("SECPIXX")
        radius = (FIT_NEAR_FWHM + 2) * fwhm + longest * scale
        points, reach = sphere.vectors(*way.T), float(2 * np.sin(np.radians(radius / 3600) / 2))
        frames, usable = [], self.telling(track)
        for number, tree in enumerate(self.stars.trees):
            if usable[number] and tree.n:
                rows = sorted(set().union(*tree.query_ball_point(points, reach)))
                frames.append(self._detections(track, number, np.array(rows, dtype=int)))
        ra, dec = fieldstars.find(frames, same_place(fwhm)) if frames else (np.empty(0), np.empty(0))
        return self._with_catalog(track, ra, dec, points, reach, fwhm)

    def _detections(self, track, number, rows):
        """Return the Detections of a frame along the way of a target, without its own."""
        each, ra, dec = self.measured[number], self.stars.ra[number][rows], self.stars.dec[number][rows]
        own = self._own_arcsec(track, number)
        place = track.places.get(each.frame.name)

        def shows(ra, dec):
            x, y = each.wcs.all_world2pix(ra, dec, 0, quiet=True)
            nx, ny = each.frame.size_px
            seen = (x > 0) & (y > 0) & (x < nx - 1) & (y < ny - 1)
            return seen & away(ra, dec)

        def away(ra, dec):
            if place is None:
                return np.ones(ra.shape, dtype=bool)
            return sphere.separation_deg(ra, dec, place.ra_deg, place.dec_deg) * 3600 > own

        keep = away(ra, dec)
        return fieldstars.Detections(ra[keep], dec[keep], shows)

    def _own_arcsec(self, track, number):
        """Return how near to a target a detection is its own."""
        if not track.target.moves:
            return max(STANDING_OWN_FWHM * self.stars.fwhm_arcsec[number], 0.5)
        drawn_out = np.hypot(*track.trails[number]) / 2 * self.measured[number].frame.number("SECPIXX")
        return OWN_FWHM * self.stars.fwhm_arcsec[number] + drawn_out

    def _with_catalog(self, track, ra, dec, points, reach, fwhm):
        """Return (ra, dec) with the catalogue's stars that no frame shows apart, down to what frames detect."""
        catalog = self.stars.catalog
        if catalog.tree is None:
            return ra, dec
        rows = np.array(sorted(set().union(*catalog.tree.query_ball_point(points, reach))), dtype=int)
        limit = self._catalog_limit()
        rows = rows[catalog.mag[rows] < limit]
        if not track.target.moves and rows.size:
            place = next(iter(track.places.values()))
            apart = sphere.separation_deg(catalog.ra[rows], catalog.dec[rows], place.ra_deg, place.dec_deg) * 3600
            rows = rows[apart > self._own_arcsec(track, track.numbers[0])]
        if ra.size and rows.size:
            apart = sphere.separation_deg(catalog.ra[rows][:, None], catalog.dec[rows][:, None], ra, dec) * 3600
            rows = rows[apart.min(axis=1) > same_place(fwhm)]
        return np.append(ra, catalog.ra[rows]), np.append(dec, catalog.dec[rows])

    def _catalog_limit(self):
        """Return the magnitude of catalogue stars that the frames just show."""
        limits = []
        for number, inst in enumerate(self.stars.inst):
            good = inst[np.isfinite(inst)]
            if good.size:
                limits.append(np.percentile(good, 95) - self.stars.shift(number))
        return np.nanmedian(limits) + FAINTEST_MARGIN_MAG if np.isfinite(limits).any() else -np.inf

    def _measure_stars(self, tracks):
        """Put the mean light of their stars into Tracks."""
        tracks = [track for track in tracks if len(track.stars)]
        if not tracks:
            return
        numbers = range(len(self.measured))
        near = lambda number: self._star_fluxes(number, tracks)  # noqa: E731
        fluxes = self._side_by_side(near, numbers, "stars near targets", each=_frames_each(tracks))
        for n, track in enumerate(tracks):
            found = np.array([part[n] for part in fluxes])  # (frames, 2, stars)
            scene.mean_fluxes(track.stars, found[:, 0], found[:, 1], self.scale)

    def _deepened(self, tracks, lights):
        """Add the stars to Tracks that only many frames together show; returns the Tracks that have some (list)."""
        looked = [deepfield.Look.at(track, self, lights) for track in tracks]
        looked = [look for look in looked if look]
        numbers = sorted({number for look in looked for number in look.numbers})
        left = self._side_by_side(lambda number: [look.left(number, self) for look in looked], numbers, "faint stars")
        found = []
        for n, look in enumerate(looked):
            ra, dec = look.found({number: each[n] for number, each in zip(numbers, left, strict=True)}, self)
            if ra.size:
                log.info("%s: %d faint stars along its way by all frames", look.track.target.name, ra.size)
                stars = scene.joined(look.track.stars, scene.NightStars(ra, dec, *self._pixels(ra, dec)))
                self._follow(look.track, stars, look.here)
                again = scene.blended(stars, look.middle, ra.size, self.exposures.fwhm_px[look.middle])
                look.track.wanted = look.track.wanted & again
                found.append(look.track)
        return found

    def _pixels(self, ra, dec):
        """Return (x, y), 0-based px, of places in all frames, shape (2, frames, n)."""
        return np.array([each.wcs.all_world2pix(ra, dec, 0, quiet=True) for each in self.measured]).transpose(1, 0, 2)

    def _star_fluxes(self, number, tracks):
        """Return, for each Track, (flux, error) of its stars in a frame, ADU in the aperture, shape (2, n)."""
        exposure, found = self.exposures[number], []
        for track in tracks:
            values = np.full((2, len(track.stars)), np.nan)
            if exposure is not None and len(track.stars) and track.wanted[number].any():
                x, y, wanted = track.stars.x[number], track.stars.y[number], track.wanted[number]
                trails = [exposure.psf.trail_px] * len(x)
                if np.isfinite(track.x[number]):
                    x, y, wanted = (
                        np.append(x, track.x[number]),
                        np.append(y, track.y[number]),
                        np.append(wanted, False),
                    )
                    trails.append(self.trail(track, number))
                fluxes = scene.fit_fluxes(exposure, scene.Placed(x, y, trails), wanted)
                for star in np.flatnonzero(wanted):
                    factor = self._in_aperture(number)(x[star], y[star])
                    values[:, star] = fluxes[0][star] * factor, fluxes[1][star] * factor
            found.append(values)
        return found

    def _in_aperture(self, number):
        """Return a function of (x, y): what a flux of 1 of the whole profile is in the aperture of the source list."""
        exposure = self.exposures[number]
        factor = 10 ** (-0.4 * exposure.usual_psf_offset_mag)
        return lambda x, y: exposure.share_at(x, y) * factor

    # ---- the targets

    def neighbours(self, track, number, x, y, reach_px=None):
        """Return the Neighbours (list) of a place (0-based px) in a frame, within `reach_px` or where they count."""
        if not len(track.stars):
            return []
        usual_px = scene.NEAR_FWHM * self.exposures[number].fwhm_px + np.hypot(*track.trails[number]) / 2
        own, scale = self._in_aperture(number), self.scale[number]
        return scene.neighbours(track.stars, number, x, y, reach_px or usual_px, lambda x, y: own(x, y) / scale)

    def _lights(self, number, tracks, look_around=False):
        """Return {target name: Light} of a frame; look_around: with the noise of empty places around faint ones."""
        exposure, found, noises = self.exposures[number], {}, {}
        for track in tracks:
            if exposure is None or not np.isfinite(track.x[number]):
                continue
            x, y, drawn_out = track.x[number], track.y[number], self.trail(track, number)
            light = measure.measure(exposure, x, y, drawn_out, self.neighbours(track, number, x, y))
            if light is None:
                continue
            found[track.target.name] = light
            if look_around and not light.flux > FAINT_SIGMA * np.hypot(light.flux_err, light.scene_err):
                key = round(x / NOISE_CELL_PX), round(y / NOISE_CELL_PX), *(round(axis) for axis in drawn_out)
                if key not in noises:
                    rng = np.random.default_rng([NOISE_SEED, number])
                    noise, _, n_empty = copies.noise_at(exposure, x, y, drawn_out, rng)
                    noises[key] = noise / light.sigma, n_empty
                light.noise, light.n_empty = noises[key][0] * light.sigma, noises[key][1]
        return found

    # ---- artificial targets

    def _injections(self, outcome):
        """Return the Injections (list) of the targets that the frames were taken for."""
        sizes = [each.frame.size_px for each in self.measured]
        jobs = []
        main = [track for track in outcome.tracks if track.target.kind in ("primary", "positions", "fixed")]
        others = [track for track in outcome.tracks if track.target.kind in ("asteroid", "mover")]
        for track in main or others[:1]:  # one body of the field stands for all
            if self.copies and len(jobs) < MOST_INJECTED:
                job = injections.prepare(track, self._brightness(track, outcome), sizes, self.copies, INJECTION_SEED)
                jobs += [job] if job else []
        numbers = sorted({number for job in jobs for number in job.inst})
        measured = (
            self._side_by_side(lambda n: self._copies(n, jobs, outcome), numbers, "artificial targets") if jobs else []
        )
        zeropoints = {number: 2.5 * float(np.log10(self.scale[number])) for number in numbers}
        beyond = {number: self._beyond(number) for number in numbers}
        found = []
        for n, job in enumerate(jobs):
            of_job = {number: each[n] for number, each in zip(numbers, measured, strict=True) if number in job.inst}
            one = injections.summary(job, of_job, zeropoints, beyond)
            found += [one] if one else []
        return found

    def _beyond(self, number):
        """Return what the rows of a frame claim besides photons and neighbours, mag, 0 where nothing is known."""
        table = self.measured[number].table
        errors = np.asarray(table["err_zp_frame"], dtype=float) if "err_zp_frame" in table.colnames else np.empty(0)
        errors = errors[np.isfinite(errors)]
        return float(np.median(errors)) if errors.size else 0.0

    def _brightness(self, track, outcome):
        """Return {frame number: instrumental magnitude} for copies of a target; of five times the noise if unseen."""
        seen, noise = {}, {}
        for number in track.numbers:
            light = outcome.lights.get((track.target.name, number))
            if light is None:
                continue
            noise[number] = -2.5 * np.log10(injections.DETECTED_SIGMA * light.flux_err) + light.offset_mag
            if light.flux > injections.DETECTED_SIGMA * np.hypot(light.flux_err, light.scene_err):
                seen[number] = light.mag()[0]
        return seen or noise

    def _copies(self, number, jobs, outcome):
        """Return what each Job gave in a frame, None where it has nothing to do there."""
        exposure, table = self.exposures[number], self.measured[number].table
        x, y = (np.asarray(table[f"{axis}WIN_IMAGE"], dtype=float) - 1 for axis in "XY")
        flux, err = (np.asarray(table[name], dtype=float) for name in ("FLUX_APER", "FLUXERR_APER"))
        found = []
        for job in jobs:
            one = None
            if number in job.inst:
                drawn_out = self.trail(job.track, number)
                one = injections.measure(job, number, exposure, (x, y, flux, err), drawn_out, False)
            found.append(one)
        return found
