"""A small simulator: star fields with a known answer, as frames, as reference catalogues, as ephemeris.

    truth = sky.make_dataset(folder)                          three frames of an asteroid among stars, and a store
    truth = sky.make_dataset(folder, 5, bad=["truncated"])    knobs: see Night

Light is integrated over each pixel, positions are those of FITS (the first pixel is centred on 1, 1).  The frames
follow the VATT4K: North up, East left, 0.375 arcsec per px after 2x2 binning, date and time in two keywords, no WCS.
"""

import math
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.table import Table, vstack
from astropy.time import Time
from astropy.wcs import WCS, Sip
from scipy.special import erf

from photometrypipeline.catalogs import skystore, surveys
from photometrypipeline.ephemerides import ephemeris

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "example_data"))
import starfield

SITE = "290"
BANDS = {"TOP 2 BOT 1": "V", "TOP 3 BOT 1": "R", "TOP 4 BOT 1": "I", "TOP 5 BOT 1": "B", "TOP 1 BOT 1": None}
AROUND_DEG = 1.02  # half the side of the area with reference stars
STORE_RADIUS_DEG = 0.72  # a cone all of whose tiles in the store lie in that area
CLEAR_ARCSEC = 9.0  # no star so near to the asteroid's path
SIGMA_PER_FWHM = 1 / (2 * np.sqrt(2 * np.log(2)))
MJD_ZERO = 2400000.5
UNBINNED_ARCSEC = 0.1875  # a px of the VATT4K


@dataclass
class Night:
    """What can be chosen for a data set.  A value `per frame` may be one for all or a sequence."""

    n_frames: int = 3
    size: tuple = (600, 600)  # nx, ny, px
    n_stars: int = 110  # in a frame, well parted
    seed: int = 1
    # the sky
    centre: tuple = (179.5, 6.25)  # deg, where the telescope means to look: the middle of a tile of the store
    asteroid: bool = True
    asteroid_mag: float = 17.0  # in the band of the frame; per frame
    rate: tuple = (-45.0, 20.0)  # arcsec/h, RA with cos Dec, and Dec
    target: str = "3552"  # OBJECT, with or without an asteroid
    encounters: tuple = ()  # stars on its way: (frame, arcsec East and North of the asteroid there, magnitude)
    blank: tuple = ()  # numbers (from 0) of frames that show nothing but sky
    # what the telescope does
    start: str = "2017-02-02T10:50:00.000"  # UTC
    exptime_s: float = 30.0
    cadence_s: float = 90.0
    filters: str = "TOP 3 BOT 1"  # raw value; per frame
    scale: float = 0.375  # arcsec per binned px
    rotation_deg: float = 1.0
    flip: tuple = (True, False)  # in x, in y
    cubic_px: float = 0.0  # distortion of third order at the corners, with a third as much of second order
    pointing_error: tuple = (35.0, -25.0)  # arcsec East and North
    dither_arcsec: float = 6.0
    fwhm_arcsec: float = 1.6  # per frame
    beta: float | None = None  # of a Moffat profile; None: Gaussian
    zeropoint: float = 27.0  # m + 2.5 log10(ADU of the whole exposure, all the light); per frame
    sky_adu: float = 150.0
    gain: float = 2.0  # e-/ADU
    read_noise: float = 5.0  # e-
    full_well_adu: float = 60000.0
    # the files
    first: int = 217
    solved: bool = False  # the true WCS stands in the header
    header: dict = field(default_factory=dict)  # keywords to change, None removes
    bad: tuple = ()  # kinds of further files, see BAD_FRAMES
    store: bool = True  # pp_store/ with reference stars and ephemeris

    def each(self, name):
        """Return the value of `name` for every frame, shape (n_frames,)."""
        return np.broadcast_to(np.asarray(getattr(self, name)), self.n_frames).copy()


@dataclass
class Truth:
    """What was put into a data set; arrays have an element per good frame, NaN where there is no asteroid.

    files : names of the good frames; bad_files : {kind: name}; bands : of the frames, None for clear
    stars : starfield Table; wcs : list of WCS; ra_deg, dec_deg, mag : of the asteroid
    """

    folder: Path
    night: Night
    files: list
    bands: list
    midtime_jd: np.ndarray
    stars: Table
    wcs: list
    ra_deg: np.ndarray
    dec_deg: np.ndarray
    mag: np.ndarray
    bad_files: dict = field(default_factory=dict)

    @property
    def paths(self):
        return [self.folder / name for name in self.files]

    @property
    def zeropoint(self):
        return self.night.each("zeropoint")

    @property
    def fwhm_px(self):
        return self.night.each("fwhm_arcsec") / self.night.scale

    def aperture_fraction(self, frame, radius_px):
        """Return the share of a star's light (Gaussian) that is measured within `radius_px` in frame `frame`.

        Pixels blur it twice: they integrate the light, and a pixel that the aperture cuts counts as if evenly lit.
        """
        variance = (self.fwhm_px[frame] * SIGMA_PER_FWHM) ** 2 + 2 / 12
        return 1 - np.exp(-(radius_px**2) / 2 / variance)

    def star_pixels(self, frame):
        """Return x, y (FITS pixels) of all stars in a frame (number); many lie outside."""
        epoch_yr = 2000 + (self.midtime_jd[frame] - 2451545.0) / 365.25
        ra, dec = starfield.positions_at(self.stars, epoch_yr)
        x, y = self.wcs[frame].wcs_world2pix(ra, dec, 1)
        near = np.hypot(x, y) < 3 * max(self.night.size)  # further out a distortion cannot be inverted
        x[near], y[near] = self.wcs[frame].all_world2pix(ra[near], dec[near], 1)
        return x, y

    def table(self, survey):
        """Return what `survey` (GAIA-DR3, PANSTARRS, SDSS-R9) lists, in the schema of photometrypipeline/surveys."""
        return starfield.SURVEYS[survey](self.stars, np.random.default_rng([self.night.seed, 5]))

    def vizier_table(self, survey):
        """Return the same under VizieR's labels, in VizieR's units."""
        table = self.table(survey)
        return Table({column.label: _as_served(table, column) for column in surveys.get(survey).columns})

    def ephemeris(self):
        """Return the asteroid's Ephemeris at the mid-times, as Horizons would give it."""
        full = {"ra_rate": self.night.rate[0], "dec_rate": self.night.rate[1], "v_mag": 17.4, "sigma_ra_arcsec": 0.03}
        full |= {"sigma_dec_arcsec": 0.02, "r_au": 1.9, "delta_au": 1.1, "phase_deg": 21.0}
        columns = {name: np.full(self.night.n_frames, value) for name, value in full.items()}
        name = f"{self.night.target} Testasteroid"
        places = (self.midtime_jd, self.ra_deg, self.dec_deg)
        return ephemeris.Ephemeris(self.night.target, name, "store", *places, **columns)

    def fill_store(self, folder, catalogs=("GAIA-DR3", "PANSTARRS", "SDSS-R9"), target=True):
        """Fill the store in `folder` with all that a run asks for: reference stars and, with `target`, the asteroid."""
        for survey in catalogs:
            cone = (*self.night.centre, STORE_RADIUS_DEG)
            skystore.write_tiles(folder, survey, self.table(survey), cone, 21.0)
        if target and self.night.asteroid:
            ephemeris.store_rows(folder, self.night.target, SITE, self.ephemeris())


def make_dataset(folder, n_frames=3, **knobs):
    """Write frames mscience0217.fits and so on into `folder`, with pp_store/ beside them; return the Truth."""
    night = Night(n_frames=n_frames, **knobs)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([night.seed, 1])
    starts = [Time(night.start, scale="tai") + k * night.cadence_s * u.s for k in range(n_frames)]  # no leap seconds
    meant = [shifted(night.centre, *shift) for shift in rng.normal(0, night.dither_arcsec, (n_frames, 2))]
    truth = _make_truth(folder, night, starts, meant)
    for k in range(n_frames):
        cards = vatt4k_header(night, meant[k], starts[k], night.each("filters")[k])
        if night.solved:
            cards.update(truth.wcs[k].to_header(relax=True))
        frame = expose(clean_frame(truth, k), rng, night.gain, night.read_noise, night.full_well_adu)
        fits.PrimaryHDU(frame, changed(cards, night.header)).writeto(truth.paths[k], overwrite=True)
    for kind in night.bad:
        truth.bad_files[kind] = f"mscience{night.first + n_frames + len(truth.bad_files):04d}.fits"
        BAD_FRAMES[kind](truth.paths[0], folder / truth.bad_files[kind])
    if night.store:
        truth.fill_store(folder / "pp_store")
    return truth


def _make_truth(folder, night, starts, meant):
    names = [f"mscience{night.first + k:04d}.fits" for k in range(night.n_frames)]
    mids = np.array([round(start.jd + night.exptime_s / 2 / 86400, 8) for start in starts])  # as pp_prepare has them
    hours = (mids - mids.mean()) * 24
    east, north = night.rate[0] * hours + 12.0, night.rate[1] * hours - 9.0
    track = shifted(shifted(night.centre, *night.pointing_error), east, north)
    stars = _clear(make_stars(night.seed, night.n_stars, night.size, night.scale, night.centre), *track)
    stars = _with_encounters(stars, night, track)
    middles = [shifted(place, *night.pointing_error) for place in meant]
    wcs = [make_wcs(middle, night.size, night.scale, night.rotation_deg, night.flip) for middle in middles]
    for each in wcs if night.cubic_px else []:
        distort(each, night.cubic_px)
    mag = night.each("asteroid_mag").astype(float)
    if not night.asteroid:
        track, mag = (np.full(night.n_frames, np.nan),) * 2, np.full(night.n_frames, np.nan)
    bands = [BANDS[raw] for raw in night.each("filters")]
    return Truth(folder, night, names, bands, mids, stars, wcs, *track, mag)


def _clear(stars, ra_deg, dec_deg):
    """Return `stars` without those near the path of the asteroid, of which arrays of positions are given."""
    east = (np.asarray(stars["ra_deg"])[:, None] - ra_deg + 180) % 360 - 180
    north = np.asarray(stars["dec_deg"])[:, None] - dec_deg
    return stars[np.hypot(east * np.cos(np.radians(dec_deg)), north).min(axis=1) > CLEAR_ARCSEC / 3600]


def _with_encounters(stars, night, track):
    """Return `stars` and those that the asteroid meets on its `track`; they have that magnitude in every band."""
    if not night.encounters:
        return stars
    frames, east, north, mag = (np.array(values) for values in zip(*night.encounters, strict=True))
    ra, dec = shifted((track[0][frames], track[1][frames]), east, north)
    met = starfield.make_stars(np.random.default_rng([night.seed, 7]), ra, dec, mag.astype(float))
    for band in met.colnames:
        if band not in ("ra_deg", "dec_deg", "kind"):
            met[band] = 0.0 if band.startswith("pm") else mag.astype(float)
    return vstack([stars, met])


def make_stars(seed, n_stars, size, scale=0.375, centre=Night.centre, brightest=14.2, faintest=19.8):
    """Return `n_stars` well-parted stars in a frame of `size` (nx, ny), and a few as far as a catalogue looks."""
    rng = np.random.default_rng(seed)
    half = (np.array(size) * scale / 3600 / 2) * 1.35  # deg; stars enter as the pointing shifts
    places = _parted(rng, int(n_stars * 1.35**2), half, 12 * scale / 3600)
    around = rng.uniform(-AROUND_DEG, AROUND_DEG, (1300, 2))
    places = np.concatenate([places, around[(np.abs(around) > half).any(axis=1)]])
    ra, dec = shifted(centre, *(places.T * 3600))
    return starfield.make_stars(rng, ra, dec, starfield.uniform_magnitudes(rng, len(dec), brightest, faintest, 0.12))


def _parted(rng, n, half, apart):
    """Return up to `n` places, shape (n, 2), in a box of +-`half`, at least `apart` from each other."""
    tried = rng.uniform(-half, half, (40 * n, 2))
    cells, taken, kept = np.floor(tried / apart).astype(int).tolist(), {}, []
    for place, (column, row) in zip(tried.tolist(), cells, strict=True):
        if len(kept) == n:
            break
        near = (taken.get((column + i, row + j), ()) for i in (-1, 0, 1) for j in (-1, 0, 1))
        if all(math.dist(place, other) > apart for cell in near for other in cell):
            taken.setdefault((column, row), []).append(place)
            kept.append(place)
    return np.array(kept).reshape(-1, 2)


def shifted(place, east_arcsec, north_arcsec):
    """Return ra_deg, dec_deg of what lies so far from `place` (ra, dec in deg)."""
    return (place[0] + east_arcsec / 3600 / np.cos(np.radians(place[1]))) % 360, place[1] + north_arcsec / 3600


def _as_served(table, column):
    """Return a column of a survey's sheet in VizieR's unit."""
    if column.text:
        return table[column.name]
    if column.name not in table.colnames:
        return np.full(len(table), np.nan)
    values = np.asarray(table[column.name], dtype=float) - column.offset
    if column.unit == "mjd":
        return (values - 2000) * 365.25 + 2451545.0 - MJD_ZERO
    if column.unit_here == "deg":
        return u.Quantity(values, "deg").to(column.unit)
    return u.Quantity(values, column.unit) if column.unit else values


# ---- light in pixels -------------------------------------------------------------------------------------------------


def clean_frame(truth, k):
    """Return frame number `k` without noise, ADU, shape (ny, nx)."""
    night, shape = truth.night, truth.night.size[::-1]
    image = np.full(shape, float(night.sky_adu))
    if k in night.blank:
        return image
    x, y = truth.star_pixels(k)
    mags = np.asarray(truth.stars[truth.bands[k] or "R"])
    if night.asteroid:
        place = truth.wcs[k].all_world2pix(truth.ra_deg[k], truth.dec_deg[k], 1)
        x, y, mags = np.append(x, place[0]), np.append(y, place[1]), np.append(mags, truth.mag[k])
    flux = 10 ** (0.4 * (truth.zeropoint[k] - mags))
    return image + render(shape, x, y, flux, truth.fwhm_px[k], night.beta)


def render(shape, x, y, flux, fwhm_px, beta=None):
    """Return an image, shape (ny, nx), with stars of total `flux` at `x`, `y` (FITS pixels), each pixel integrated.

    beta : None for a Gaussian, else the exponent of a Moffat profile.  A stamp reaches out to 8 FWHM (at least 12 px).
    """
    image = np.zeros(shape)
    half = max(12, int(np.ceil(8 * fwhm_px)))
    for star_x, star_y, star_flux in zip(np.atleast_1d(x), np.atleast_1d(y), np.atleast_1d(flux), strict=True):
        columns = _overlap(star_x - 1, half, shape[1])
        rows = _overlap(star_y - 1, half, shape[0])
        if columns.size and rows.size:
            stamp = _stamp(columns - (star_x - 1), rows - (star_y - 1), fwhm_px, beta)
            image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] += star_flux * stamp
    return image


def _overlap(centre, half, size):
    middle = int(round(centre))
    return np.arange(max(0, middle - half), min(size, middle + half + 1))


def _stamp(dx, dy, fwhm_px, beta):
    """Return the share of the light in the pixels at `dx`, `dy` (1-D) from the star, shape (len(dy), len(dx))."""
    if beta is None:
        width = fwhm_px * SIGMA_PER_FWHM * np.sqrt(2)
        across, up = (0.5 * (erf((d + 0.5) / width) - erf((d - 0.5) / width)) for d in (dx, dy))
        return up[:, None] * across
    core = fwhm_px / 2 / np.sqrt(2 ** (1 / beta) - 1)
    nodes, weights = np.polynomial.legendre.leggauss(5)  # places within a pixel; exact to 1e-5 for FWHM above 2 px
    x = (dx[:, None] + nodes / 2).ravel()
    y = (dy[:, None] + nodes / 2).ravel()
    profile = (beta - 1) / (np.pi * core**2) * (1 + (x**2 + y[:, None] ** 2) / core**2) ** -beta
    fine = profile.reshape(len(dy), nodes.size, len(dx), nodes.size)
    return np.einsum("iajb,a,b->ij", fine, weights / 2, weights / 2)


def expose(clean_adu, rng, gain=2.0, read_noise=5.0, full_well_adu=60000.0):
    """Return `clean_adu` (sky included) with photon and read noise (e-), cut at `full_well_adu`, as uint16."""
    electrons = rng.poisson(clean_adu * gain) + rng.normal(0, read_noise, clean_adu.shape)
    return np.clip(np.rint(electrons / gain), 0, full_well_adu).astype(np.uint16)


# ---- headers ---------------------------------------------------------------------------------------------------------


def make_wcs(centre, size, scale=0.375, rotation_deg=0.0, flip=(True, False)):
    """Return a TAN WCS with `centre` (deg) in the middle of a frame of `size` (nx, ny); CD matrix as pp_prepare's."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = centre
    wcs.wcs.crpix = [(size[0] + 1) / 2, (size[1] + 1) / 2]
    fx, fy = (-1 if flipped else 1 for flipped in flip)
    cos, sin = np.cos(np.radians(rotation_deg)), np.sin(np.radians(rotation_deg))
    wcs.wcs.cd = scale / 3600 * np.array([[fx * cos, -fy * sin], [fx * sin, fy * cos]])
    wcs.pixel_shape = size
    wcs.wcs.set()
    return wcs


def distort(wcs, cubic_px):
    """Add a distortion (SIP) of `cubic_px` at the corners, and a third as much of second order: a decentred lens."""
    half = np.hypot(*wcs.pixel_shape) / 2
    a, b = np.zeros((4, 4)), np.zeros((4, 4))
    a[3, 0] = a[1, 2] = b[0, 3] = b[2, 1] = cubic_px / half**3
    a[2, 0], a[1, 1], b[0, 2], b[2, 0] = cubic_px / 3 / half**2 * np.array([1.0, 0.5, -0.7, 0.4])
    wcs.sip = Sip(a, b, None, None, wcs.wcs.crpix)
    wcs.wcs.ctype = ["RA---TAN-SIP", "DEC--TAN-SIP"]
    wcs.wcs.set()


def vatt4k_header(night, pointing, start, raw_filter):
    """Return a header in the style of the VATT4K; `pointing` in deg, `start` an astropy Time."""
    date, time = start.isot.split("T")
    binning = round(night.scale / UNBINNED_ARCSEC)
    header = fits.Header([("OBJECT", night.target), ("TELESCOP", "VATT"), ("INSTRUME", '= "Vatt4k"')])
    header.extend([("DATE-OBS", date), ("TIME-OBS", time), ("EXPTIME", night.exptime_s), ("FILTER", str(raw_filter))])
    header.extend([("RA", sexagesimal(pointing[0] / 15)), ("DEC", sexagesimal(pointing[1], "+")), ("EQUINOX", 2000.0)])
    header.extend([("AIRMASS", 1.13), ("CCDBIN1", binning), ("CCDBIN2", binning), ("GAIN", night.gain)])
    header.extend([("RDNOISE", night.read_noise), ("SATURATE", night.full_well_adu)])
    return header


def sexagesimal(value, plus=""):
    """Return `value` as text like 11:58:00.270."""
    seconds, thousandths = divmod(round(abs(value) * 3600000), 1000)
    mark = "-" if value < 0 else plus
    return f"{mark}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{thousandths:03d}"


def changed(header, changes):
    """Return `header` with `changes` ({keyword: value}, None removes)."""
    for keyword, value in changes.items():
        if value is None:
            header.remove(keyword, ignore_missing=True)
        else:
            header[keyword] = value
    return header


# ---- frames that a pipeline must survive; each is made from a good one -----------------------------------------------


def _truncated(good, path):
    content = good.read_bytes()
    path.write_bytes(content[: len(content) // 2 + 100])


def _without(*keywords):
    def write(good, path):
        data, header = fits.getdata(good, header=True)
        fits.writeto(path, data, changed(header, dict.fromkeys(keywords)), overwrite=True)

    return write


def _redrawn(draw):
    """Return a writer of a frame with the header of the good one and the pixels of draw(good pixels, rng)."""

    def write(good, path):
        data, header = fits.getdata(good, header=True)
        fits.writeto(path, draw(data, np.random.default_rng(9)), header, overwrite=True)

    return write


def _elsewhere(data, rng):
    """Stars where the sky has none: looks fine, cannot be registered."""
    x, y = rng.uniform(1, data.shape[1], 80), rng.uniform(1, data.shape[0], 80)
    return expose(np.median(data) + render(data.shape, x, y, 10 ** rng.uniform(3, 4.5, 80), 4.2), rng)


BAD_FRAMES = {
    "truncated": _truncated,
    "text": lambda good, path: path.write_text("this is no image\n"),
    "empty": lambda good, path: path.write_bytes(b""),
    "no date": _without("DATE-OBS", "TIME-OBS"),
    "no pointing": _without("RA", "DEC", "OBJECT"),  # with a name the ephemeris would tell
    "blank": _redrawn(lambda data, rng: expose(np.full(data.shape, float(np.median(data))), rng)),
    "elsewhere": _redrawn(_elsewhere),
    "cube": _redrawn(lambda data, rng: np.stack([data] * 3)),
}
