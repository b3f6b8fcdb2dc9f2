"""What the parts of torture.py stand on: the commands, a data set to harm with its copies, and the score."""

import collections
import contextlib
import hashlib
import os
import re
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / each) for each in ("", "tests/helpers", "tests", "example_data")]

from astropy.io import fits  # noqa: E402

import horizons  # noqa: E402  lie with the tests
import interrupting  # noqa: E402
import make_rotation  # noqa: E402
import ordeal  # noqa: E402
import sky  # noqa: E402

FRAMES = [f"mscience0{number}.fits" for number in (217, 218, 219, 220)]
VICTIM = "mscience0218"
STEPS = ["pp_prepare", "pp_extract", "pp_register", "pp_photometry", "pp_calibrate", "pp_distill"]
CURVE = "photometry_3552.dat"
OFFLINE = ["-offline"]
EXPORTED = "exported"
TIMES = re.compile(rb"SEX(DATE |TIME |ELAPS)= .{70}", re.DOTALL)  # cards in source lists
COMMANDS = {
    "pp_prepare": OFFLINE + FRAMES,
    "pp_extract": FRAMES,
    "pp_register": OFFLINE + FRAMES,
    "pp_photometry": OFFLINE + FRAMES,
    "pp_calibrate": OFFLINE + FRAMES,
    "pp_distill": OFFLINE + FRAMES,
    "pp_distill -positions": [*OFFLINE, "-positions", "positions.dat", *FRAMES],
    "pp_distill -fixedtargets": [*OFFLINE, "-fixedtargets", "fixed.dat", "-exclude", "exclude.txt", *FRAMES],
    "pp_run": OFFLINE + FRAMES,
    "pp_run -force": [*OFFLINE, "-force", *FRAMES],
    "pp_run all": [*OFFLINE, "all"],
    "pp_combine": ["-comoving", "-targetname", "3552", *OFFLINE, *FRAMES],
    "pp_stackedphotometry": OFFLINE + FRAMES,
    "pptool_psfsub": OFFLINE + FRAMES,
    "pptool_lightcurve": [*OFFLINE, "-format", "all", "-draft", CURVE],
    "pptool_mpcreport": ["-format", "psv", "-draft", CURVE],
    "pptool_mpcreport -format 80": ["-format", "80", "-draft", CURVE],
    "pptool_night": [*OFFLINE, CURVE],
    "pptool_explain": ["-jobs", "1", "3552", FRAMES[1]],
    "pptool_sip": FRAMES,
    "pptool_tracks": [*OFFLINE, "-injections", "0", "-box", "-50", "-40", "15", "25", *FRAMES],
    "pptool_period": [*OFFLINE, "-draft", "-range", "6", "9", ".rotation/night1", ".rotation/night2"],
    "pptool_reduce": ["-jobs", "1", "-output", "reduced", ".raw"],
    "pptool_telescope": [*OFFLINE, "-cat", "none", "-print", FRAMES[0]],
    "pptool_doctor": OFFLINE,
    "pptool_store list": ["list"],
    "pptool_store export": ["export", "all", EXPORTED],
    "diagnostics": [],
}
HOME = "home"  # folder of settings and store, in the data set
SHARED = [
    "photometry.db", CURVE, "photometry_Control_Star.dat", "badpixels.fits", "GAIA.cat", "PANSTARRS.cat",
    "positions.dat", "fixed.dat", "exclude.txt", "pp_choices.toml", "registration_succeeded.lst",
    "registration_failed.lst", "best_astrometry.dat", "astrometry_scamp.xml", "aperturephotometry_curveofgrowth.dat",
    "lightcurve_3552.csv", "diagnostics.html", "LOG",
]  # fmt: skip
OF_A_FRAME = [f"{VICTIM}{ending}" for ending in (".fits", ".ldac", ".ldac.db", "_cal.dat", ".reg")]


@dataclass
class Score:
    """What was tried, and what went wrong."""

    part: str
    tried: int = 0
    things: int = 0  # that were harmed, if more than one in a case
    statuses: collections.Counter = field(default_factory=collections.Counter)
    wrong: list = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def note(self, name, outcome, faults):
        """Count a case; print what is wrong."""
        self.tried += 1
        self.statuses[outcome.status if outcome else "-"] += 1
        if self.tried % 50 == 0:
            print(self.summary(), flush=True)
        for fault in faults:
            self.wrong.append((name, fault))
            print(f"WRONG {self.part} {name}: {fault}", flush=True)

    def summary(self):
        statuses = ", ".join(f"{number} x status {status}" for status, number in sorted(self.statuses.items(), key=str))
        cases = len({name for name, _ in self.wrong})
        spent = time.monotonic() - self.began
        told = f"{self.tried} cases" + (f", {self.things} {self.part}" if self.things else "")
        return f"{self.part}: {told} ({statuses}), {cases} of them wrong, {spent:.0f} s"


class Ground:
    """A raw data set, the same after a quiet run, and copies of them."""

    def __init__(self, place, quick=False):
        self.quick, self.answered, self.calm, self.calm_then = quick, {}, {}, {}
        self.place = Path(place)
        self.raw, self.quiet, self.number = self.place / "raw", self.place / "quiet", 0
        self.truth = sky.make_dataset(self.raw, len(FRAMES), seed=3, size=(360, 360), n_stars=60)
        shutil.copytree(self.raw, self.quiet)
        (self.quiet / HOME).mkdir()
        outcome = ordeal.run("pp_run", COMMANDS["pp_run"], self.quiet, self.environment(self.quiet))
        if outcome.status != 0:
            raise RuntimeError(f"the quiet run fails: {outcome.told}")
        self.expected = results(self.quiet)
        self.pixels = interrupting.pixels(self.quiet)
        self.furnish(self.quiet)

    def furnish(self, folder):
        """Add what a user has besides: lists of places, choices, settings, a store and an instrument of one's own."""
        places = zip(FRAMES, self.truth.ra_deg, self.truth.dec_deg, self.truth.midtime_jd, strict=True)
        lines = [f"{frame} {ra_deg:.7f} {dec_deg:.7f} {jd:.8f}\n" for frame, ra_deg, dec_deg, jd in places]
        (folder / "positions.dat").write_text("".join(lines))
        (folder / "fixed.dat").write_text("first 179.5 6.25\nsecond 179.505 6.24\n")
        (folder / "exclude.txt").write_text("mscience0219\n")
        (folder / "pp_choices.toml").write_text("")
        config = folder / HOME / "photometrypipeline"
        (config / "instruments").mkdir(parents=True, exist_ok=True)
        own = (ROOT / "setup" / "instruments" / "VATT4K.toml").read_text()
        (config / "instruments" / "MINE.toml").write_text(own.replace("VATT4K", "MINE").replace("Vatt4k", "Mine"))
        shutil.copytree(folder / "pp_store", config, dirs_exist_ok=True)
        make_rotation.write(folder / ".rotation")
        expose_calibration(folder / ".raw")

    def environment(self, folder):
        """Return where the user's settings and store are."""
        home = str(folder / HOME)
        return dict.fromkeys(("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"), home) | {"PP_RETRY_PAUSE_S": "0"}

    def undisturbed(self, command, of):
        """Return (Outcome, number of renames, results that are always the same) of a command in a copy of `of`."""
        if (command, of) not in self.calm:
            (outcome, renames, first), (*_, second) = self._calm(command, of), self._calm(command, of)
            self.calm[command, of] = outcome, renames, constant(first, second)
        return self.calm[command, of]

    def undisturbed_then(self, command, of, then="pp_run"):
        """Return the results of another command behind one in a copy of `of`, those that are always the same."""
        if (command, of, then) not in self.calm_then:
            one, two = (self._calm(command, of, then)[2] for _ in range(2))
            self.calm_then[command, of, then] = constant(one, two)
        return self.calm_then[command, of, then]

    def _calm(self, command, of, then=None):
        with self.copy(of) as folder:
            counted = folder.parent / "renames"
            setting = self.environment(folder)
            outcome = ordeal.run(command.split()[0], COMMANDS[command], folder, setting, ordeal.count_renames(counted))
            if outcome.status != 0:
                raise RuntimeError(f"{command} fails undisturbed: {outcome.told}")
            if then:
                fresh = ["-fresh"] if then == "pp_run" else []
                ordeal.run(then.split()[0], [*fresh, *COMMANDS[then]], folder, setting)
            return outcome, counted.stat().st_size if counted.exists() else 0, left(folder)

    @contextlib.contextmanager
    def nest(self):
        """Yield a new empty folder with nothing beside it."""
        self.number += 1
        nest = self.place / f"case{self.number}"
        (nest / "set" / HOME).mkdir(parents=True)
        try:
            yield nest / "set"
        finally:
            shutil.rmtree(nest, ignore_errors=True)

    @contextlib.contextmanager
    def copy(self, of=None):
        """Yield the folder of a copy of the finished data set, or of another one, with nothing beside it."""
        with self.nest() as folder:
            shutil.copytree(of or self.quiet, folder, symlinks=True, dirs_exist_ok=True)
            yield folder

    def served(self):
        """Return what a server has to know for these frames: tables of stars, and bodies."""
        truth = self.truth
        tables = {"I/355/gaiadr3": truth.vizier_table("GAIA-DR3"), "II/349/ps1": truth.vizier_table("PANSTARRS")}
        places = truth.ra_deg, truth.dec_deg
        path = lambda jd: tuple(float(np.interp(jd, truth.midtime_jd, axis)) for axis in places)  # noqa: E731
        away = lambda jd: (path(jd)[0] + 0.02, path(jd)[1] - 0.01)  # noqa: E731
        return tables, [
            horizons.Body(number=3552, name="Don Quixote", designation="1983 SA", path=path),
            horizons.Body(number=433, name="Eros", designation="1898 DQ", path=away),
        ]

    def ends_as_answered(self, folder, server):
        """Return the faults (list of str) of a pp_run that comes after a service is well again."""
        if not self.answered:
            with self.copy(self.raw) as quiet:
                forget_stores(quiet)
                outcome = ordeal.run("pp_run", FRAMES, quiet, self.environment(quiet) | server.environment())
                if outcome.status != 0:
                    raise RuntimeError(f"the quiet run with services fails: {outcome.told}")
                self.answered.update(results(quiet))
        argv = ["-fresh", *FRAMES]
        return self.judged(
            ordeal.run("pp_run", argv, folder, self.environment(folder) | server.environment()), folder, self.answered
        )

    def ends_well(self, folder):
        """Return the faults (list of str) of a pp_run that comes after the harm has been mended."""
        if self.quick:
            return []
        argv = ["-fresh", *COMMANDS["pp_run"]]
        return self.judged(ordeal.run("pp_run", argv, folder, self.environment(folder)), folder, self.expected)

    def judged(self, outcome, folder, expected, command="pp_run", twice=None):
        """Return what is wrong (list of str) with a last run and what it leaves, {name: digest} of the right files.

        twice : the same of files that the command has made twice, which are as right, frame by frame
        """
        faults = [f"afterwards: {fault}" for fault in outcome.faults()]
        if outcome.status != 0:
            faults.append(f"afterwards {command} ends with {outcome.status}: {outcome.told[-300:]}")
        found = left(folder)
        right = [expected, twice or expected]
        different = sorted(name for name in expected if found.get(name) not in [each.get(name, "") for each in right])
        if different:
            faults.append(f"afterwards other bytes: {', '.join(different)}")
        halves = ordeal.half_written(folder)
        return faults + ([f"half-written: {', '.join(halves)}"] if halves else [])


def forget_stores(folder):
    """Leave no answer of a service in or for the data set."""
    shutil.rmtree(folder / "pp_store", ignore_errors=True)
    shutil.rmtree(folder / HOME, ignore_errors=True)
    (folder / HOME).mkdir()


def constant(first, second):
    """Return what is the same in two {name: digest}: what does not depend on the time of day."""
    return {name: one for name, one in first.items() if second.get(name) == one}


def results(folder):
    """Return {name: digest} of the frames, tables, lists and databases of a data set."""
    kinds = (".fits", ".dat", ".db", ".lst", ".cat")
    return {name: one for name, one in left(folder).items() if name.endswith(kinds) and "/" not in name}


def left(folder):
    """Return {name: digest} of all files of a data set without the time of day; LOG, pages, records do not count."""
    found = {}
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in (".diagnostics", HOME, "pp_store")]
        for path in (Path(place, name) for name in names if name != "LOG" and not name.endswith((".html", ".xml"))):
            found[str(path.relative_to(folder))] = hashlib.sha256(TIMES.sub(b"", path.read_bytes())).hexdigest()
    return found


def expose_calibration(folder, shape=(48, 64)):
    """Write raw frames of a camera, with those that pptool_reduce needs besides."""
    rng = np.random.default_rng(4)
    folder.mkdir()
    kinds = {"Bias Frame": (0, 0), "Dark Frame": (60, 30), "FLAT": (3, 20_000), "Light Frame": (60, 2000)}
    for kind, (exptime_s, level_adu) in kinds.items():
        for number in range(3):
            cards = {"IMAGETYP": kind, "EXPTIME": exptime_s, "INSTRUME": "testcam", "CCD-TEMP": -20.0, "FILTER": "V"}
            pixels = rng.normal(1000 + level_adu, 5 + level_adu**0.5, shape).clip(0, 65535).astype(np.uint16)
            header = fits.Header(cards | {"XBINNING": 1, "YBINNING": 1, "OBJECT": "x"})
            fits.writeto(folder / f"{kind.split()[0].lower()}{number}.fits", pixels, header)
