#!/usr/bin/env python3
"""Measure how well the solution of a night finds its zeropoint, on many lists of stars that are drawn without pixels.

A list has what frames would say of stars of a Pan-STARRS-like catalogue in R: ten frames, magnitudes with the noise of
photons and sky, catalogue magnitudes with the errors of the survey and 0.015 mag of the transformation, one in a
hundred wrong by 0.2 mag.  Each kind of night has one difficulty.  Columns, mmag:
  stars    of the catalogue, on average
  bias     mean error of the zeropoint at four places of the detector;  rms of it, all nights;  stated: rms of what
           the solution claims;  1 s, 2 s: share (%) of errors within one and two sigma of that
  best     rms of a weighted mean over all stars that knows which errors they have, that there are no terms, and which
           stars are wrong
  -without leaves parts of the solution out, to see what they cost where nothing needs them

Examples:
  .venv/bin/python benchmarks/zeropoints.py -nights 100
  .venv/bin/python benchmarks/zeropoints.py -kinds plain -without place sky
"""

import argparse
import math
import sys
from pathlib import Path

import numpy as np

sys.path[:0] = [
    str(Path(__file__).resolve().parent.parent),
    str(Path(__file__).resolve().parent.parent / "example_data"),
]

import starfield  # noqa: E402  among the example's data
from photometrypipeline.calibration import gathering, nightly, targetcolor  # noqa: E402

SIZE, N_FRAMES, EDGE_PX = 768, 10, 20
SKY_NOISE_ADU, GAIN, ZEROPOINT = 67.0, 2.0, 27.0  # of the sky in the aperture; e-/ADU
BRIGHTEST, FAINTEST, SLOPE = 14.2, 19.8, 0.12
TRANSFORMATION, WRONG_SHARE, WRONG_MAG = 0.015, 0.01, 0.2
SEEING = 0.06  # relative change from frame to frame
KINDS = {  # of nights: number of stars (145 leave 100 that count), and what is wrong; mag, noises of the sky
    "plain": {"n": 145},
    "12 stars": {"n": 13},
    "25 stars": {"n": 30},
    "500 stars": {"n": 750},
    "sky 0.3": {"n": 145, "sky": 0.3},
    "sky 1": {"n": 145, "sky": 1.0},
    "flat 0.01": {"n": 145, "r2": 0.01, "gradient": 0.01},
    "flat 0.03": {"n": 145, "r2": 0.03},
    "psf": {"n": 145, "r2": 0.15, "r2_fwhm": 0.3},
    "red stars 0.08": {"n": 145, "bend": 0.08},
    "25, red stars 0.08": {"n": 30, "bend": 0.08},
    "colour term 0.05": {"n": 145, "slope": 0.05},
    "12, colour term 0.05": {"n": 13, "slope": 0.05},
    "5 % wrong": {"n": 145, "wrong": 0.05},
}
PARTS = {  # name: what of gathering or targetcolor is set to what
    "sky": [(gathering, "_sky_terms", lambda *_: [])],
    "place": [(gathering, "PLACE_PRIOR", (1e-5,)), (gathering, "SEEING_PRIOR", (1e-5,))],
    "colour term": [(gathering, "COLOR_PRIOR", (1e-5,))],
    "colour weights": [(targetcolor, "likeness", lambda color, _: (np.ones(len(color)), 9.9))],
    "faint cut": [(gathering, "FAINT_MAG", 9.0)],
}


class Field:
    """Stars as they are, and as the catalogue has them, on frames of a night drawn from `rng`."""

    def __init__(self, rng, n, sky=0.0, r2=0.0, gradient=0.0, r2_fwhm=0.0, bend=0.0, slope=0.0, wrong=WRONG_SHARE):
        self.rng, self.sky, self.slope = rng, sky, slope
        self.place = {"r2": r2, "gradient": gradient, "r2_fwhm": r2_fwhm}
        truth = starfield.make_stars(
            rng, *np.full((2, n), 2.0), starfield.uniform_magnitudes(rng, n, BRIGHTEST, FAINTEST, SLOPE)
        )
        truth["ra_deg"] = np.arange(n) / 100  # none next to another
        listed = starfield.panstarrs_table(truth, rng, 21.5)
        self.color = np.asarray(listed["gp1mag"] - listed["rp1mag"], float)
        self.error = np.sqrt(TRANSFORMATION**2 + 1.2 * np.asarray(listed["e_rp1mag"], float) ** 2)
        lead, constant, linear, quadratic, _ = starfield.TONRY["R"]
        known = np.asarray(listed[f"{lead}mag"], float)
        self.catalog = known + constant + linear * self.color + quadratic * self.color**2
        own = np.asarray(truth["gp1"] - truth["rp1"])
        self.mag = np.asarray(truth["R"]) + bend * np.clip((own - 1.0) / 0.2, 0, 1)  # M dwarfs
        self.sound = rng.uniform(size=n) >= wrong
        self.mag += np.where(self.sound, 0.0, rng.normal(0, WRONG_MAG, n))
        self.own_color = own
        self.usable = (self.color > -0.1) & (self.color < 1.2) & (self.error < 0.05)
        self.x, self.y = rng.uniform(EDGE_PX, SIZE - EDGE_PX, (2, n))
        self.zp = ZEROPOINT + rng.normal(0, 0.05, N_FRAMES)
        self.fwhm_px = 4.5 * np.exp(rng.normal(0, SEEING, N_FRAMES))
        self.own_sky = sky * (1 + rng.normal(0, 1, n)) + rng.normal(0, 0.1, n)

    def gain_mag(self, x, y, frame):
        """Return by how much more light (mag) is recorded at a place (px)."""
        half = SIZE / math.sqrt(2)
        u, v = (x - (SIZE + 1) / 2) / half, (y - (SIZE + 1) / 2) / half
        wider = self.fwhm_px[frame] / self.fwhm_px.mean() - 1
        return self.place["gradient"] * u + (self.place["r2"] + self.place["r2_fwhm"] * wider) * (u * u + v * v)

    def frame(self, number, target):
        """Return the FrameStars of a frame."""
        mag = self.mag + self.slope * (self.own_color - target.value) - self.gain_mag(self.x, self.y, number)
        flux = 10 ** (-0.4 * (mag - self.zp[number]))
        got = flux - self.own_sky * SKY_NOISE_ADU + self.rng.normal(0, np.sqrt(SKY_NOISE_ADU**2 + flux / GAIN))
        i = np.flatnonzero(self.usable & (got > 3 * SKY_NOISE_ADU))
        inst = -2.5 * np.log10(got[i])
        noise = 2.5 / math.log(10) * np.sqrt(SKY_NOISE_ADU**2 + got[i] / GAIN) / got[i]
        columns = (i, self.catalog[i] - inst, noise, self.x[i], self.y[i], np.zeros(i.size, int), np.empty((6, 0)))
        return gathering.FrameStars(*columns, 1.2, (SIZE, SIZE), self.fwhm_px[number], inst)

    def best(self):
        """Return the error (mag) of a weighted mean over all stars: by the catalogue alone, without noise."""
        flux = 10 ** (-0.4 * (self.mag - ZEROPOINT))
        noise = 2.5 / math.log(10) * np.sqrt(SKY_NOISE_ADU**2 + flux / GAIN) / flux / math.sqrt(N_FRAMES)
        weight = np.where(self.usable & self.sound, 1 / (self.error**2 + noise**2), 0.0)
        return 1 / math.sqrt(weight.sum())


def one_night(rng, kind, target):
    """Return (errors at four places, what is stated of them, number of stars, `best`) of a night, mag."""
    field = Field(rng, **kind)
    frames = {str(number): field.frame(number, target) for number in range(N_FRAMES)}
    found = nightly.solve(frames, field.error, field.color, (target, False), 1.0)
    errors, stated = [], []
    for x, y in rng.uniform(100, SIZE - 100, (4, 2)):
        of = [found.of(name) for name in frames]
        zp = [each.zp + float(each.correction(x, y)) - field.gain_mag(x, y, k) for k, each in enumerate(of)]
        errors.append(np.mean(zp - field.zp)), stated.append(float(of[0].common_error(x, y)))
    return errors, stated, int(field.usable.sum()), field.best()


def line_of(name, n_nights, target):
    """Return a row of the table (Markdown)."""
    nights = [one_night(np.random.default_rng([7, number]), KINDS[name], target) for number in range(n_nights)]
    errors, stated = (1e3 * np.concatenate([night[k] for night in nights]) for k in (0, 1))
    z, best = np.abs(errors / stated), 1e3 * np.array([night[3] for night in nights])
    numbers = [
        np.mean([night[2] for night in nights]),
        errors.mean(),
        *(np.sqrt(np.mean(v**2)) for v in (errors, stated)),
    ]
    cells = [f"{numbers[0]:.0f}", f"{numbers[1]:+.1f}", f"{numbers[2]:.2f}", f"{numbers[3]:.2f}"]
    cells += [f"{100 * np.mean(z < 1):.0f}", f"{100 * np.mean(z < 2):.0f}", f"{np.sqrt(np.mean(best**2)):.2f}"]
    return f"| {name} | " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-kinds", nargs="+", choices=list(KINDS), default=list(KINDS), metavar="NAME",
                        help=f"of {', '.join(KINDS)} (default: all)")  # fmt: skip
    parser.add_argument("-nights", type=int, default=60, metavar="N", help="of each kind (default: 60)")
    parser.add_argument("-without", nargs="+", choices=list(PARTS), default=[], metavar="PART",
                        help=f"leave out: {', '.join(PARTS)}")  # fmt: skip
    args = parser.parse_args()
    for part in args.without:
        for module, name, value in PARTS[part]:
            setattr(module, name, value)
    target = targetcolor.of(None, "gp1-rp1")
    print("| night | stars | bias | rms | stated | 1 s | 2 s | best |\n|---|---|---|---|---|---|---|---|", flush=True)
    for name in args.kinds:
        print(line_of(name, args.nights, target), flush=True)


if __name__ == "__main__":
    main()
