#!/usr/bin/env python3
"""Measure the census of a field: known bodies without network, unknown movers, and tracks below the single frame.

  orbits   a world of so many synthetic orbits: import, loading, fields on the ecliptic; completeness against every body
           that the integration puts there, whatever the cut says; places against single integrations
  movers   lists of sources: how many bodies of four frames are linked, and what chance makes where there is none
  tracks   10 frames of 1k x 1k, run by pp_run: artificial tracks found, and how long it takes

Examples:
  .venv/bin/python benchmarks/census.py orbits -number 1500000
  .venv/bin/python benchmarks/census.py movers -sets 60
  .venv/bin/python benchmarks/census.py tracks
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [
    str(ROOT),
    *(str(ROOT / "tests" / part) for part in ("helpers", "commands")),
    str(ROOT / "example_data"),
]

import movingfield  # noqa: E402  lies among the tests
import orbitworld  # noqa: E402
from photometrypipeline.census import leftover, linking, tracks  # noqa: E402
from photometrypipeline.ephemerides import orbit  # noqa: E402
from photometrypipeline.ephemerides.orbits import infield, shelf, together, twobody  # noqa: E402
from photometrypipeline.sky import sphere  # noqa: E402

EPOCH, SITE, RADIUS_DEG = 2460800.5, "695", 0.35
FIELDS = ((0, 180), (150, 180), (190, 120), (-190, 200))  # days from the epoch, elongation in deg
TRUTH_DEG = 3.0
SAMPLE = 12
SKIES = (
    {}, {"n_noise": 60}, {"n_frames": 3}, {"n_frames": 10, "cadence_min": 2},
    {"n_frames": 6, "cadence_min": 5, "n_noise": 30, "n_stars": 600},
    {"n_frames": 20, "cadence_min": 1.5, "n_noise": 20},
)  # fmt: skip
FAINTEST = 20.63  # mag, S/N 7


class Clock:
    """Wall and CPU seconds of a block."""

    def __enter__(self):
        self.start = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_):
        self.wall, self.cpu = time.perf_counter() - self.start[0], time.process_time() - self.start[1]

    def __str__(self):
        return f"{self.wall:.2f} s ({self.cpu:.2f} s of CPU)"


def opposite(jd, elongation_deg):
    """Return (RA, Dec), deg, on the ecliptic so far east of the Sun."""
    longitude = np.radians(280.46 + 0.9856474 * (jd - 2451545.0) + elongation_deg)
    tilt = orbit.OBLIQUITY_RAD
    ra = np.degrees(np.arctan2(np.sin(longitude) * np.cos(tilt), np.cos(longitude))) % 360
    return float(ra), float(np.degrees(np.arcsin(np.sin(longitude) * np.sin(tilt))))


def orbits(args):
    """Import a world of orbits, and look into fields of it."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_DATA_HOME"] = folder
        path = Path(args.file or Path(folder) / "MPCORB.DAT.gz")
        if not path.exists():
            orbitworld.write_mpcorb(path, orbitworld.draw(np.random.default_rng(1), args.number, EPOCH))
        with Clock() as clock:
            taken, _ = shelf.take(path)
        print(f"import of {len(taken)} orbits: {clock}")
        del taken
        with Clock() as clock:
            tables = shelf.tables()
        print(f"loading: {clock}; on disk {shelf.paths()[0].stat().st_size / 1e6:.0f} MB")
        for days, elongation in FIELDS:
            look(tables, EPOCH + days, elongation)
        print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


def look(tables, jd, elongation):
    """Search a field, and compare with the truth."""
    jds = jd + np.linspace(0, 0.1, 5)
    centre = opposite(jd, elongation)
    with Clock() as clock:
        found = infield.search(tables, (*centre, RADIUS_DEG), jds, SITE)
    wide = twobody.near(tables[0], infield.field_at((*centre, TRUTH_DEG), jds, SITE))
    elements = [tables[0].orbit(int(number)) for number in wide]
    seen = together.seen([one.elements for one in elements], SITE, jds)
    inside = (sphere.separation_deg(seen.ra_deg, seen.dec_deg, *centre) <= RADIUS_DEG).any(axis=1)
    names = {elements[n].full_name for n in np.flatnonzero(inside)}
    own = {body.places.full_name: body.places for body in found}
    errors = []
    for one in [one for one in elements if one.full_name in own][:SAMPLE]:
        truth = orbit.ephemeris(one.elements, SITE, jds)
        place = own[one.full_name]
        errors.append(3600 * sphere.separation_deg(place.ra_deg, place.dec_deg, truth[:, 0], truth[:, 1]).max())
    share = 100 * len(names & set(own)) / max(len(names), 1)
    about = f"{jd - EPOCH:+.0f} d, {elongation} deg from the Sun"
    print(
        f"{about}: {len(own)} bodies in {clock}; {share:.1f} % of {len(names)}; off by at most {max(errors):.5f} arcsec"
    )


def movers(args):
    """Link bodies of S/N above 7, and empty skies, in lists of sources."""
    rng = np.random.default_rng(2)
    print("| sky | linked | false ones with bodies | false ones in an empty sky, per data set | CPU per data set (s) |")
    print("|---|---|---|---|---|")
    for knobs in SKIES:
        there = linked = extra = empty = 0
        with Clock() as clock:
            for _ in range(args.sets):
                bodies = movingfield.random_bodies(rng, 10, mags=(18.0, FAINTEST))
                night, tracks_there = _tracks(movingfield.Field(**knobs), rng, bodies)
                middles = [track.place(0.0)[0] for track in tracks_there]
                hits = [any(np.hypot(*(at - body.place)) < 1.0 for at in middles) for body in bodies]
                there, linked, extra = there + 10, linked + sum(hits), extra + len(tracks_there) - sum(hits)
                empty += len(_tracks(movingfield.Field(**knobs), rng, [])[1])
        told = ", ".join(f"{name} {value}" for name, value in knobs.items()) or "4 frames 10 min apart"
        cells = f"{100 * linked / there:.1f} %", extra, f"{empty / args.sets:.3f}", f"{clock.cpu / args.sets / 2:.2f}"
        print(f"| {told} | {' | '.join(map(str, cells))} |", flush=True)


def _tracks(field, rng, bodies):
    measured = field.measured(rng, bodies)
    (night,) = leftover.fields(measured)
    return night, linking.tracks(night, leftover.sources_of(night, measured, field.catalog_deg()))


def deep(args):
    """Run the pipeline on simulated frames, then look for tracks."""
    import sky
    from photometrypipeline.frames.frame import Frame
    from photometrypipeline.targets import targets

    with tempfile.TemporaryDirectory() as folder:
        truth = sky.make_dataset(folder, 10, size=(1024, 1024), n_stars=300, cadence_s=180, seed=4, solved=True)
        command = [sys.executable, str(ROOT / "pp_run.py"), *truth.files, "-offline", "-keep_wcs"]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        os.chdir(folder)
        frames = [Frame(path) for path in truth.files]
        measured = [targets.Measured.read(frame) for frame in frames]
        with Clock() as clock:
            outcome = tracks.find(measured, ((-1, 1), (-1, 1)), [], injections=0)
        print(f"10 frames of 1k x 1k, rates to 1 arcsec/min: {clock}, {len(outcome.found)} found (one is there)")
        with Clock() as clock:
            outcome = tracks.find(measured, ((-1, 1), (-1, 1)), [], injections=args.injections)
        chance = f"{len(outcome.chance)} by chance, S/N up to {max(outcome.chance, default=0):.1f}"
        print(f"with artificial tracks and exchanged times: {clock}; {chance}")
        limit = outcome.stack.limit_mag
        print(f"a single frame: 5 sigma {limit:.2f} mag, S/N 7 {limit - 2.5 * np.log10(7 / 5):.2f} mag")
        for level in outcome.levels:
            below = level.mag - limit + 2.5 * np.log10(7 / 5)
            about = f"{level.mag:.2f} mag, {below:+.2f} from S/N 7"
            print(f"{about}: {level.found} of {level.number}, {level.bias_mag:+.2f} mag off")
        os.chdir(ROOT)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(dest="action", required=True)
    one = actions.add_parser("orbits")
    one.add_argument("-number", type=int, default=1_500_000)
    one.add_argument("-file", help="MPCORB.DAT, such as the real one, instead of a synthetic world")
    one.set_defaults(run=orbits)
    one = actions.add_parser("movers")
    one.add_argument("-sets", type=int, default=40)
    one.set_defaults(run=movers)
    one = actions.add_parser("tracks")
    one.add_argument("-injections", type=int, default=96)
    one.set_defaults(run=deep)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
