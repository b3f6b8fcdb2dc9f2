"""Simulated nights with a known answer, of other optics each time: frames, reference catalogues, ephemerides.

    truths = nights.make(folder, nights.SERIES["bad columns"], seed=3)      a Truth for each moving target

Seeing, shape of the PSF and direction of motion follow from the seed.  Stars are elliptical Moffat profiles integrated
over the pixels and along the trail (tests compare them with GalSim's).  Headers, WCS and the store are those of
tests/helpers/sky.py.
"""

import math
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.table import vstack
from astropy.time import Time

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

import sky  # noqa: E402  lies among the tests
import starfield  # noqa: E402  from example_data, by sky

NAMES = ("3552", "3553", "3554", "3555", "3556", "3557", "3558", "3559")
BRIGHTEST, CATALOGUED, FAINTEST = 14.2, 19.8, 22.5  # mag of stars: parted ones; those anywhere in the sky behind
TRAILED_PX = 0.05  # shorter trails are points
CLEAR_ARCSEC = {20.0: 9.0, 99.0: 5.5}  # no star brighter than that so near to the paths
CORE_FWHM = 2.5
SHORT_STAMP = 4.0  # FWHM: half a stamp of a star that is too faint for its wings to matter
LONG_STAMP = 8.0
PATTERN_SEED, TRACK_SEED, NOISE_SEED, STAR_SEED = range(4)


@dataclass(frozen=True)
class Series:
    """A kind of night; lengths in px unless the name says otherwise.

    clouds_mag is what the thickest takes, psf_change the growth of the FWHM from the middle to a corner, flat_error the
    loss of light there; encounters: (frame, FWHM sideways of the track, mag fainter than the target) of stars met.
    """

    about: str
    trail_px: float = 0.3
    follow: bool = False  # the telescope follows the targets: stars are trailed instead
    mag: float = 15.6  # of the brightest target; each of the others is 0.3 mag fainter
    n_stars: int = 120
    n_behind: int = 250  # fainter than catalogues are good for, or anywhere
    crowd: int = 0  # stars of any magnitude anywhere, next to each other and to the targets
    psf_change: float = 0.0
    flat_error: float = 0.0
    clouds_mag: float = 0.0
    bad_pixels: bool = False
    encounters: tuple = ()
    dither_arcsec: float = 6.0
    n_frames: int = 10
    n_targets: int = 4
    size: int = 768
    exptime_s: float = 30.0
    cadence_s: float = 60.0
    scale: float = sky.Night.scale  # arcsec per px
    gain: float = sky.Night.gain  # e-/ADU
    sky_adu: float = sky.Night.sky_adu
    coma: float = 0.0  # share of the light in a wider image beside the first
    defocus: float = 0.0  # growth of the FWHM from the first frame to the last
    nebula_adu: float = 0.0  # light of a nebula on the sky, which has waves and a slope as well


THREE_STARS = ((2, 0.7, 1.5), (6, 1.3, -1.0), (10, -1.0, 0.5))
SERIES = {
    "plain": Series("slow targets among stars"),
    "trail 2": Series("trails of 2 px", trail_px=2.0),
    "trail 6": Series("trails of 6 px", trail_px=6.0),
    "trail 12": Series("trails of 12 px", trail_px=12.0, n_frames=8),
    "stars trailed": Series("the telescope follows the target, stars have trails of 6 px", 6.0, follow=True),
    "psf varies": Series("FWHM 25 % larger in the corners", trail_px=1.0, psf_change=0.25),
    "flat off": Series("3 % of the light lost in the corners", trail_px=1.0, flat_error=0.03),
    "bad columns": Series("dead, weak and hot columns, one through each target", trail_px=1.0, bad_pixels=True),
    "crossing": Series("each target meets three stars", trail_px=3.0, encounters=THREE_STARS, n_frames=13),
    "clouds": Series("clouds of up to 1 mag", trail_px=1.0, clouds_mag=1.0),
    "few stars": Series("12 reference stars", trail_px=1.0, n_stars=12, n_behind=60),
    "crowded": Series("1500 stars in 288 x 288 arcsec", trail_px=1.5, crowd=1500),
    "faint": Series("targets of 19 to 20 mag", trail_px=1.0, mag=19.0),
}
OPTICS = {
    "undersampled": Series("0.75 arcsec per px", trail_px=0.8, scale=0.75),
    "oversampled": Series("0.19 arcsec per px, 40 stars, 6 frames", 2.0, n_stars=40, n_behind=100, size=1024,
                          n_frames=6, scale=0.1875),
    "coma": Series("a fifth of the light beside the image, trails of 4 px", trail_px=4.0, coma=0.22),
    "nebula": Series("a sky with slope, waves and a nebula of 60 ADU", trail_px=1.0, nebula_adu=60.0),
    "focus drifts": Series("the last images are 1.9 times as wide as the first", trail_px=3.0, defocus=0.9),
    "three frames": Series("three frames, targets of 17 mag", trail_px=1.0, n_frames=3, mag=17.0),
    "bright sky": Series("0.4 e-/ADU under a sky of 1500 ADU", trail_px=1.0, gain=0.4, sky_adu=1500.0),
    "busy": Series("500 stars, three more met with trails of 6 px", 6.0, crowd=500, encounters=THREE_STARS,
                   n_frames=13),
    "25 stars": Series("25 reference stars, trails of 4 px", trail_px=4.0, n_stars=25, n_behind=100),
    "stars trailed 12": Series("the telescope follows the target, stars have trails of 12 px", 12.0, follow=True),
    "clouds, columns": Series("clouds of up to 2 mag and bad columns", trail_px=3.0, clouds_mag=2.0, bad_pixels=True),
}  # fmt: skip
ALL = SERIES | OPTICS


@dataclass
class Optics:
    """What the light goes through: FWHM (px) of each frame in the middle, exponent and shear of the profile, coma."""

    fwhm_px: np.ndarray
    beta: float
    shear: tuple  # (g1, g2)
    psf_change: float
    size: int
    coma: float = 0.0

    @classmethod
    def drawn(cls, rng, series):
        """Return other optics for each state of `rng`: seeing 1.4 to 2.1 arcsec, varying by 6 %, ellipticity to 0.1."""
        fwhm_px = rng.uniform(1.4, 2.1) / series.scale * np.exp(rng.normal(0, 0.06, series.n_frames))
        fwhm_px *= np.linspace(1, 1 + series.defocus, series.n_frames)
        ellipticity, angle = rng.uniform(0, 0.05), rng.uniform(0, math.tau)
        shear = ellipticity * math.cos(angle), ellipticity * math.sin(angle)
        return cls(fwhm_px, rng.uniform(2.6, 4.5), shear, series.psf_change, series.size, series.coma)

    def fwhm_at(self, frame, x, y):
        """Return the FWHM (px) at a place."""
        return self.fwhm_px[frame] * (1 + self.psf_change * off_axis(self.size, x, y))


def off_axis(size, x, y):
    """Return the squared distance from the middle of a frame of `size`, 1 in the corners."""
    return ((x - (size + 1) / 2) ** 2 + (y - (size + 1) / 2) ** 2) / (size**2 / 2)


@dataclass
class Target:
    """One body of a night: its sky.Truth, and what an ideal measurement would know.

    profiles : noise-free stamps (ADU, without sky), one per frame, the target in the middle to half a pixel
    places_px : (frames, 2), FITS pixels
    """

    truth: sky.Truth
    profiles: list
    places_px: np.ndarray

    def limit_mag(self, frame, radius_px):
        """Return the error (mag) that photons of target and sky and the read noise leave in such an aperture."""
        night, stamp = self.truth.night, self.profiles[frame]
        rows, columns = np.indices(stamp.shape)
        middle = (np.array(stamp.shape) - 1) / 2 + self.places_px[frame][::-1] - np.rint(self.places_px[frame][::-1])
        distance = np.hypot(rows - middle[0], columns - middle[1])
        light = np.sum(stamp * np.clip(radius_px + 0.5 - distance, 0, 1))
        per_pixel = night.sky_adu / night.gain + (night.read_noise / night.gain) ** 2 + 1 / 12
        noise = math.sqrt(math.pi * radius_px**2 * per_pixel + light / night.gain)
        return 2.5 / math.log(10) * noise / light


def make(folder, series, seed):
    """Write the frames of a night and its store into `folder`; returns a Target (list) for each moving body."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    night = _night(series, seed)
    rng = np.random.default_rng([seed, PATTERN_SEED])
    optics = Optics.drawn(rng, series)
    truths = _truths(folder, night, series, optics, seed)
    pattern = Pattern.drawn(rng, series, truths)
    noise = np.random.default_rng([seed, NOISE_SEED])
    profiles = [[] for _ in truths]
    for frame in range(series.n_frames):
        image = _stars_of(truths[0], frame, series, optics)
        for truth, stamps in zip(truths, profiles, strict=True):
            stamps.append(_add_target(image, truth, frame, series, optics))
        image = pattern.through(image + night.sky_adu)
        pixels = pattern.defects(sky.expose(image, noise, night.gain, night.read_noise, night.full_well_adu))
        truth = truths[0]
        start = Time(truth.midtime_jd[frame] - series.exptime_s / 2 / 86400, format="jd")
        header = sky.vatt4k_header(night, truth.meant[frame], start, night.each("filters")[frame])
        fits.PrimaryHDU(pixels, header).writeto(truth.paths[frame], overwrite=True)
    truths[0].fill_store(folder / "pp_store")
    for truth in truths[1:]:
        truth.fill_store(folder / "pp_store", catalogs=())
    return [Target(truth, stamps, _places(truth)) for truth, stamps in zip(truths, profiles, strict=True)]


def _night(series, seed):
    zeropoint = sky.Night.zeropoint
    if series.clouds_mag:
        rng = np.random.default_rng([seed, TRACK_SEED, 1])
        thickness = np.abs(np.cumsum(rng.normal(0, 1, series.n_frames)))
        zeropoint = zeropoint - series.clouds_mag * thickness / thickness.max()
    same = ("n_frames", "exptime_s", "cadence_s", "dither_arcsec", "scale", "gain", "sky_adu")
    knobs = {name: getattr(series, name) for name in same}
    return sky.Night(size=(series.size,) * 2, seed=seed, target=NAMES[0], zeropoint=zeropoint, **knobs)


def _truths(folder, night, series, optics, seed):
    """Return the sky.Truth (list) of each body, with the same stars and frames; `meant` is where headers say."""
    rng = np.random.default_rng([seed, TRACK_SEED])
    starts = [Time(night.start, scale="tai") + k * night.cadence_s * u.s for k in range(night.n_frames)]
    mids = np.array([round(start.jd + night.exptime_s / 2 / 86400, 8) for start in starts])
    angle = rng.uniform(0, math.tau)
    speed = series.trail_px * night.scale / night.exptime_s * 3600  # arcsec/h
    night = replace(night, rate=(speed * math.cos(angle), speed * math.sin(angle)))
    moved = np.outer((mids - mids.mean()) * 24, night.rate)  # arcsec
    dither = rng.normal(0, night.dither_arcsec, moved.shape) if not series.follow else rng.normal(0, 0.2, moved.shape)
    meant = [sky.shifted(night.centre, *shift) for shift in dither + (moved if series.follow else 0)]
    middles = [sky.shifted(place, *night.pointing_error) for place in meant]
    wcs = [sky.make_wcs(middle, night.size, night.scale, night.rotation_deg, night.flip) for middle in middles]
    tracks = _tracks(rng, series, night, moved)
    stars = _stars(seed, series, night, tracks)
    stars = vstack([stars, *(_met(rng, series, optics, night, track, k) for k, track in enumerate(tracks))])
    files = [f"mscience{night.first + k:04d}.fits" for k in range(night.n_frames)]
    truths = []
    for k, track in enumerate(tracks):
        own = replace(night, target=NAMES[k], asteroid_mag=series.mag + 0.3 * k)
        truth = sky.Truth(
            folder, own, files, ["R"] * night.n_frames, mids, stars, wcs, *track, own.each("asteroid_mag")
        )
        truth.meant = meant
        truths.append(truth)
    return truths


def _tracks(rng, series, night, moved):
    """Return (ra_deg, dec_deg) of each target at all mid-times: spread over the frame, and always well within it."""
    half = night.size[0] * night.scale / 2
    reach = 0.72 * half - (0 if series.follow else np.hypot(*(moved[-1] - moved[0])) / 2)
    middle = sky.shifted(night.centre, *night.pointing_error)
    turned = rng.uniform(0, math.tau)
    tracks = []
    for k in range(series.n_targets):
        angle, far = turned + math.tau * k / series.n_targets, reach * math.sqrt(rng.uniform(0.15, 1))
        tracks.append(sky.shifted(middle, *(moved + far * np.array([math.cos(angle), math.sin(angle)])).T))
    return tracks


def _stars(seed, series, night, tracks):
    """Return the stars: well parted catalogued ones, faint ones behind them, and the crowd that may be anywhere."""
    rng = np.random.default_rng([seed, STAR_SEED])
    parted = sky.make_stars(seed, series.n_stars, night.size, night.scale, night.centre, BRIGHTEST, CATALOGUED)
    half = night.size[0] * night.scale / 2 * 1.35
    many = int((series.n_behind + series.crowd) * 1.35**2)
    places = sky.shifted(sky.shifted(night.centre, *night.pointing_error), *rng.uniform(-half, half, (2, many)))
    faint = starfield.uniform_magnitudes(rng, many, CATALOGUED, FAINTEST, 0.12)
    crowd = starfield.uniform_magnitudes(rng, many, BRIGHTEST + 0.8, FAINTEST, 0.22)
    mags = np.where(np.arange(many) < series.crowd * 1.35**2, crowd, faint)
    behind = starfield.make_stars(rng, *places, mags)
    if series.crowd:
        return vstack([parted, behind])
    stars, path = vstack([parted, behind]), np.concatenate(tracks, axis=1)
    for mag, clear_arcsec in CLEAR_ARCSEC.items():
        near = _distance(stars, path) < clear_arcsec
        stars = stars[~(near & (np.asarray(stars["R"]) < mag))]
    return stars


def _distance(stars, path):
    """Return the distance (arcsec) of each star from the nearest of the places (ra_deg, dec_deg)."""
    east = (np.asarray(stars["ra_deg"])[:, None] - path[0] + 180) % 360 - 180
    north = np.asarray(stars["dec_deg"])[:, None] - path[1]
    return np.hypot(east * np.cos(np.radians(path[1])), north).min(axis=1) * 3600


def _met(rng, series, optics, night, track, number):
    """Return the stars that one target meets, at rest, of usual colours."""
    if not series.encounters:
        return starfield.make_stars(rng, *np.empty((3, 0)))
    frames, sideways, fainter = (np.array(values) for values in zip(*series.encounters, strict=True))
    along = np.array(night.rate) / np.hypot(*night.rate)
    shift = sideways * optics.fwhm_px[frames] * night.scale
    places = sky.shifted((track[0][frames], track[1][frames]), -shift * along[1], shift * along[0])
    met = starfield.make_stars(rng, *places, np.full(frames.size, 17.0))
    shift = series.mag + 0.3 * number + fainter - met["R"]
    for band in starfield.BANDS:
        met[band] += shift
    met["pmra"] = met["pmdec"] = 0.0
    return met


def _places(truth):
    return np.array(
        [w.all_world2pix(ra, dec, 1) for w, ra, dec in zip(truth.wcs, truth.ra_deg, truth.dec_deg, strict=True)]
    )


# ---- light in pixels


def _stars_of(truth, frame, series, optics):
    """Return an image with all stars of a frame, ADU, without sky."""
    image = np.zeros(truth.night.size[::-1], np.float32)
    x, y = truth.star_pixels(frame)
    mags = np.asarray(truth.stars["R"])
    trail = _trail_px(truth, frame) if series.follow else (0.0, 0.0)
    inside = np.flatnonzero((np.abs(x - series.size / 2) < series.size) & (np.abs(y - series.size / 2) < series.size))
    for k in inside:
        flux = 10 ** (0.4 * (truth.zeropoint[frame] - mags[k]))
        _draw(image, x[k], y[k], flux, optics, frame, trail, LONG_STAMP if mags[k] < 18 else SHORT_STAMP)
    return image


def _add_target(image, truth, frame, series, optics):
    """Draw a target into `image`; returns it alone in a stamp (ADU)."""
    x, y = truth.wcs[frame].all_world2pix(truth.ra_deg[frame], truth.dec_deg[frame], 1)
    flux = 10 ** (0.4 * (truth.zeropoint[frame] - truth.mag[frame]))
    trail = (0.0, 0.0) if series.follow else _trail_px(truth, frame)
    alone = np.zeros_like(image)
    half = _draw(alone, float(x), float(y), flux, optics, frame, trail, LONG_STAMP)
    image += alone
    row, column = int(np.rint(y)) - 1, int(np.rint(x)) - 1
    return alone[row - half : row + half + 1, column - half : column + half + 1]


def _trail_px(truth, frame):
    """Return by how many px (x, y) the target moves against the stars during an exposure."""
    night = truth.night
    hours = night.exptime_s / 3600
    ends = [
        sky.shifted((truth.ra_deg[frame], truth.dec_deg[frame]), *(sign * hours / 2 * rate for rate in night.rate))
        for sign in (-1, 1)
    ]
    before, after = (np.array(truth.wcs[frame].all_world2pix(*end, 1)) for end in ends)
    return tuple(after - before)


def _draw(image, x, y, flux, optics, frame, trail, stamp_fwhm):
    """Add a source of total `flux` at FITS pixel x, y to `image`; returns half the size of its stamp (px)."""
    fwhm_px, length = optics.fwhm_at(frame, x, y), math.hypot(*trail)
    half = int(math.ceil(max(12.0, stamp_fwhm * fwhm_px) + length / 2))
    columns, rows = (np.arange(max(1, round(c) - half), min(n, round(c) + half) + 1)
                     for c, n in ((x, image.shape[1]), (y, image.shape[0])))  # fmt: skip
    if not columns.size or not rows.size:
        return half
    rows, columns = slice(rows[0] - 1, rows[-1]), slice(columns[0] - 1, columns[-1])
    dx, dy = np.arange(columns.start, columns.stop) + 1 - x, np.arange(rows.start, rows.stop) + 1 - y
    image[rows, columns] += flux * _trailed(dx, dy, fwhm_px, optics, trail)
    return half


def _trailed(dx, dy, fwhm_px, optics, trail):
    """Return the share of the light in the pixels, as _moffat, of a source that moves by `trail` (px) meanwhile."""
    if math.hypot(*trail) < TRAILED_PX:
        return _at_rest(dx, dy, fwhm_px, optics)
    nodes, weights = np.polynomial.legendre.leggauss(3 + int(1.5 * math.hypot(*trail) / fwhm_px * 2.355))
    moved = [(node / 2 * trail[0], node / 2 * trail[1]) for node in nodes]
    stamps = [_at_rest(dx - x, dy - y, fwhm_px, optics) for x, y in moved]
    return np.tensordot(weights / 2, stamps, axes=1)


def _at_rest(dx, dy, fwhm_px, optics):
    """Return the share of the light in the pixels, as _moffat; coma puts some into a wider image beside the first.

    The middle of all light stays where it was along x.
    """
    shape = optics.beta, optics.shear
    if not optics.coma:
        return _moffat(dx, dy, fwhm_px, *shape)
    apart = 0.5 * fwhm_px
    sharp = _moffat(dx + optics.coma * apart, dy, fwhm_px, *shape)
    wide = _moffat(dx - (1 - optics.coma) * apart, dy - 0.3 * apart, 1.5 * fwhm_px, *shape)
    return (1 - optics.coma) * sharp + optics.coma * wide


def _moffat(dx, dy, fwhm_px, beta, shear):
    """Return the share of the light in the pixels at `dx`, `dy` (1-D) from the star, shape (len(dy), len(dx)).

    Gauss-Legendre within the pixels up to CORE_FWHM, beyond by the middle of the pixel: right to 1e-4 of the light for
    a FWHM above 3 px.  The shear keeps the area, as galsim's does.
    """
    share = _surface(dx, dy, fwhm_px, beta, shear)
    inner_x, inner_y = (np.flatnonzero(np.abs(d) < CORE_FWHM * fwhm_px) for d in (dx, dy))
    if inner_x.size and inner_y.size:
        nodes, weights = np.polynomial.legendre.leggauss(3)
        core = np.zeros((inner_y.size, inner_x.size))
        for node_x, weight_x in zip(nodes / 2, weights / 2, strict=True):
            for node_y, weight_y in zip(nodes / 2, weights / 2, strict=True):
                place = dx[inner_x] + node_x, dy[inner_y] + node_y
                core += weight_x * weight_y * _surface(*place, fwhm_px, beta, shear)
        share[np.ix_(inner_y, inner_x)] = core
    return share


def _surface(x, y, fwhm_px, beta, shear):
    """Return the surface brightness (per px^2, total 1) at places `x`, `y` (1-D), shape (len(y), len(x))."""
    core, norm = fwhm_px / 2 / math.sqrt(2 ** (1 / beta) - 1), math.sqrt(1 - shear[0] ** 2 - shear[1] ** 2)
    y = y[:, None]
    u, v = ((1 - shear[0]) * x - shear[1] * y) / norm, ((1 + shear[0]) * y - shear[1] * x) / norm
    return (1 + (u * u + v * v) / core**2) ** -beta * (beta - 1) / (math.pi * core**2)


@dataclass
class Pattern:
    """What comes to the light on its way: `response` of flat field, light of the sky, and pixels that tell nothing.

    response, light (ADU) : None or ndarray of the frame's shape;  hot : (rows, columns, levels in ADU)
    columns: (first row, end row, column, response, level in ADU)
    """

    response: np.ndarray | None = None
    columns: tuple = ()
    hot: tuple = ()
    light: np.ndarray | None = None

    @classmethod
    def drawn(cls, rng, series, truths):
        """Return the pattern of a series; a bad column goes through each target in one of the frames."""
        size = series.size
        response = None
        if series.flat_error:
            y, x = np.indices((size, size)) + 1.0
            away = rng.normal(0, 0.06 * size, 2)
            response = 1 - series.flat_error * off_axis(size, x - away[0], y - away[1])
        light = _nebula(size, series.nebula_adu) if series.nebula_adu else None
        if not series.bad_pixels:
            return cls(response, light=light)
        kinds = ((0.0, 0.0), (0.15, 30.0), (1.0, 500.0), (0.7, 0.0))  # dead, weak, hot, with a trap
        met = [_places(truth)[1 + (3 * k) % (series.n_frames - 1)] for k, truth in enumerate(truths)]
        columns = [(0, size, int(round(x)) - 1, *kinds[k % 4]) for k, (x, y) in enumerate(met)]
        columns += [
            (int(r), size, int(c), *kinds[k % 4]) for k, (r, c) in enumerate(rng.uniform(0.1, 0.9, (6, 2)) * size)
        ]
        hot = (*rng.integers(0, size, (2, 60)), rng.uniform(150, 5000, 60))
        return cls(response, tuple(columns), hot, light)

    def through(self, image):
        """Return the light (ADU) that is recorded of `image`."""
        image = image if self.light is None else image + self.light
        return image if self.response is None else image * self.response

    def defects(self, pixels):
        """Return the recorded pixels with the detector's defects."""
        pixels = pixels.astype(float)
        for first, end, column, response, level in self.columns:
            pixels[first:end, column] = pixels[first:end, column] * response + level
        if len(self.hot):
            np.add.at(pixels, self.hot[:2], self.hot[2])
        return np.clip(np.rint(pixels), 0, sky.Night.full_well_adu).astype(np.uint16)


def _nebula(size, peak_adu):
    """Return the light (ADU) of a nebula a tenth of a frame wide, on a sky with waves and a slope, (size, size)."""
    y, x = np.indices((size, size)) / size
    cloud = np.exp(-((x - 0.3) ** 2 + (y - 0.6) ** 2) / 0.02)
    return peak_adu * (cloud + 0.75 * (x - 0.5) + np.sin(9 * x) * np.sin(7 * y) / 7.5)
