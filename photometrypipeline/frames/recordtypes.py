"""What each step tells the pages: one class per record, and one for each of its parts.

Units are in the names; magnitudes and colours are in mag.  None stands for what is not known.  A field that is missing
or unknown, or holds something of another type, is refused by its name when a record is written or read.
"""

from msgspec import Struct


class Part(Struct, kw_only=True, forbid_unknown_fields=True):
    """A part of a record."""


# ---- pp_prepare


class TelescopeName(Part):
    """The telescope and camera of a data set."""

    key: str
    label: str


class PreparedFrame(Part):
    """A frame after pp_prepare; pixel scale and binning along x and y, places of the centre by its header."""

    name: str
    stem: str
    midtime_jd: float | None
    object: str
    filter: str
    airmass: float | str | None
    exptime_s: float | None
    pixel_scale_arcsec: list[float]
    binning: list[float]
    size_px: list[int]
    ra_deg: float | None
    dec_deg: float | None


class Prepare(Part):
    """Record of pp_prepare; `directory` is None where the data set lies next to the record."""

    telescope: TelescopeName
    raw_filters: list[str]
    band: str | None
    frames: list[PreparedFrame]
    directory: str | None = None


# ---- pp_register


class RegisterLimits(Part):
    """From where on SCAMP is sure of its match, and the log-odds that are needed."""

    as_contrast: float
    xy_contrast: float
    log_odds: float


class RegisteredFrame(Part):
    """A frame after pp_register; what is not explained here is in registration.astrometry.Verdict."""

    name: str
    registered: bool
    reason: str | None
    as_contrast: float | None
    xy_contrast: float | None
    sigma_ra_arcsec: float | None
    sigma_dec_arcsec: float | None
    chi2_reference: float | None
    chi2_internal: float | None
    n_sources: int
    n_matched: int
    rms_arcsec: float | None
    log_odds: float | None
    solution: str | None
    degree: int | None
    model: str | None
    shared: bool | None
    cv_arcsec: float | None
    offset_arcmin: float | None


class Register(Part):
    """Record of pp_register; skipped with -keep_wcs, and then without a catalogue, limits and frames."""

    catalog: str | None
    skipped: bool
    limits: RegisterLimits | None
    frames: list[RegisteredFrame]


# ---- pp_photometry


class GrowthCurve(Part):
    """Flux as a fraction of its largest value, its scatter, and signal to noise likewise, at each radius."""

    flux: list[float | None]
    sigma: list[float | None]
    snr: list[float | None]


class GrowthCurves(Part):
    """Curves of growth of the target and of the other sources; `index` of the radius that was chosen."""

    radius_px: list[float]
    background: GrowthCurve | None
    target: GrowthCurve | None
    index: int | None


class MeasuredFrame(Part):
    """A frame after pp_photometry, with the median width of its sources."""

    name: str
    midtime_jd: float | None
    fwhm_px: float | None
    n_sources: int


class BadPixels(Part):
    """Pixels of the detector that do not count: how many by kind, in the file that holds them.

    reason : why none were looked for;  remark : what else is to be said
    """

    number: int
    share: float
    file: str | None
    columns: int
    rows: int
    pixels: int
    dead: int
    instrument: int
    n_frames: int
    reason: str | None
    remark: str | None


class Photometry(Part):
    """Record of pp_photometry; limits of flux and of the difference between the curves as fractions."""

    method: str
    minarea_px: float | None
    snr: float | None
    aprad_px: float | None
    basis: str
    strategy: str
    n_target: int | None
    n_background: int | None
    flux_limit: float | None
    flux_margin: float | None
    curve: GrowthCurves | None
    gain_known: bool | None
    bad_pixels: BadPixels | None
    frames: list[MeasuredFrame]


# ---- pp_calibrate


class ZeropointStep(Part):
    """The zeropoint while one star after the other is left out: `n` are left."""

    n: int
    zp_mag: float
    sig_mag: float
    chi2: float


class ReferenceStar(Part):
    """A reference star on a frame.

    color_mag : in the colour that the record names;  color_correction_mag : what the colour term adds to its
    magnitude beyond that of a source with the target's colour
    """

    ident: str
    ra_deg: float
    dec_deg: float
    mag: float | None
    e_mag: float | None
    inst_mag: float | None
    e_inst_mag: float | None
    used: bool
    x_px: float | None
    y_px: float | None
    color_mag: float | None
    color_correction_mag: float | None


class CalibratedFrame(Part):
    """A frame after pp_calibrate: the zeropoint that counts, and those by the frame alone and by the night.

    method : which of the two counts;  zp_sig_mag : scatter and error joined;  zp_err_mag : error of the mean
    reason : why there is none;  chosen : index of the step that was chosen
    """

    name: str
    ldac: str
    midtime_jd: float | None
    zp_mag: float | None
    zp_sig_mag: float | None
    zp_err_mag: float | None
    n_used: int
    n_matched: int
    method: str | None
    zp_frame_mag: float | None
    zp_night_mag: float | None
    err_zp_frame_mag: float | None
    err_zp_common_mag: float | None
    reason: str | None
    chosen: int | None
    steps: list[ZeropointStep]
    stars: list[ReferenceStar]


class Systematics(Part):
    """Errors that all zeropoints of a data set share, and their sum in quadrature."""

    relation_err_mag: float | None
    catalog_err_mag: float | None
    color_err_mag: float | None
    total_mag: float | None


class CatalogOrigin(Part):
    """When the newest part of a catalogue was fetched, and a digest of all answers."""

    fetched_utc: str | None
    answers: str | None


class ColorTerm(Part):
    """A colour term that was fitted by itself; see calibration.colorfit."""

    color: str
    coefficient: float
    err: float
    target_color: float
    mean_color: float
    n_stars: int
    n_used: int
    scatter: float


class NightTerm(Part):
    """A term of the night's solution, mag, or mag per mag for colours."""

    name: str
    value: float | None
    err: float | None


class TargetColor(Part):
    """The colour that the magnitudes hold for, and where it comes from."""

    name: str
    value: float | None
    err: float | None
    origin: str


class Extinction(Part):
    """Extinction by the night's zeropoints, mag per airmass, and their scatter, mag."""

    coefficient: float | None
    err: float | None
    scatter: float | None


class ZeropointDifferences(Part):
    """Zeropoints of the night minus those of each frame by itself, mag, in `n` frames."""

    mean: float | None
    scatter: float | None
    largest: float | None
    n: int


class NightStar(Part):
    """A reference star of the night, mag: offset from the catalogue with its error, scatter over the night, what the
    noise explains of it, by how much leaving the star out moves the target."""

    ident: str
    ra_deg: float
    dec_deg: float
    mag: float | None
    color: float | None
    offset: float | None
    offset_err: float | None
    scatter: float | None
    expected: float | None
    influence: float | None
    weight: float | None
    n_frames: int


class Night(Part):
    """The solution of the night, mag; `counts` tells whether the zeropoints are its."""

    counts: bool
    err_common: float | None
    jitter: float | None
    scatter: float | None
    n_reference: int
    color_width: float | None
    terms: list[NightTerm]
    target_color: TargetColor | None
    extinction: Extinction | None
    differences: ZeropointDifferences | None
    stars: list[NightStar]


class StarLeftOut(Part):
    """A star that was taken out of the reference stars by hand; its magnitude is in the band of the calibration."""

    ident: str
    ra_deg: float
    dec_deg: float
    mag: float | None


class Calibrate(Part):
    """Record of pp_calibrate.

    mode : catalog, manual, instrumental;  color : name of the colour of the reference stars
    band_doubt : why the band may be another one, in words, or ""
    left_out : by hand;  strangers : lines of the list of these that are no star of the catalogue
    arguments : options of the command without that list
    """

    mode: str
    band: str | None
    catalog: str | None
    catalog_history: str | None
    catalog_release: str | None
    catalog_origin: CatalogOrigin | None
    magsys: str | None
    minstars: float | int | None
    color: str | None
    systematics: Systematics | None
    color_term: ColorTerm | None
    night: Night | None
    frames: list[CalibratedFrame]
    left_out: list[StarLeftOut] = []
    strangers: list[str] = []
    arguments: list[str] = []
    band_doubt: str = ""


# ---- pp_distill


class InjectedLevel(Part):
    """Artificial targets of one brightness: magnitude put in, number of measurements, mean error and its uncertainty.

    scatter : rms of the errors over what was claimed;  within_1, within_2 : shares within one and two sigma
    found : share that was found
    """

    mag: float
    n: int
    bias_mag: float | None
    bias_err_mag: float | None
    scatter: float | None
    within_1: float | None
    within_2: float | None
    found: float


class Injected(Part):
    """Artificial targets on tracks parallel to a target's; limit_mag : of five times the noise."""

    target: str
    tracks: int
    frames: int
    levels: list[InjectedLevel]
    limit_mag: float | None


class NeighbourLight(Part):
    """A star near a target, whose light was taken off: place (the first pixel is 1), light of the whole profile."""

    x_px: float
    y_px: float
    distance_px: float
    flux_adu: float | None
    err_adu: float | None


class TargetLight(Part):
    """How the light of a target was measured on a frame; fluxes as a star would have them in the aperture.

    x_px, y_px : of the place, the first pixel is 1;  place_err_arcsec : its error per axis
    by_source : the place is that of the frame's own source;  confirmed : other frames, or a good ephemeris, agree on it
    ring_px : radii of the ring of sky;  sigma_adu : of one of its pixels;  scene_err : what neighbours leave
    psf_stars : number behind the PSF, psf_residual : what it leaves of them;  noise_adu : by n_empty empty places
    offset_mag, psf_offset_mag : what brings magnitudes of these fluxes to those of the source list
    """

    target: str
    frame: str
    x_px: float
    y_px: float
    place_err_arcsec: float | None
    confirmed: bool
    by_source: bool
    radius_px: float
    gain: float | None
    fwhm_px: float
    psf_stars: int
    psf_residual: float | None
    psf_guessed: bool
    trail_px: list[float]
    trail_correction_mag: float
    ring_px: list[float]
    sky_adu: float
    sigma_adu: float
    flux_adu: float
    flux_err_adu: float
    scene_err_adu: float
    offset_mag: float
    psf_flux_adu: float
    psf_flux_err_adu: float
    psf_scene_err_adu: float
    psf_offset_mag: float
    neighbour_flux_adu: float
    masked_fraction: float
    n_struck: int
    noise_adu: float | None
    n_empty: int
    neighbours: list[NeighbourLight]
    pixel_correction_mag: float = 0.0


class FieldBody(Part):
    """A body of the Solar System in the field, magnitudes in `band` but the predicted one (V); limit : 3 sigma, median.

    kind : asteroid, mover (unknown), primary;  seen, frames : on how many frames it counts, and was measured
    """

    name: str
    full_name: str
    kind: str
    predicted_mag: float | None
    mag: float | None
    scatter_mag: float | None
    band: str | None
    limit_mag: float | None
    rate_arcsec_min: float | None
    seen: int
    frames: int
    remark: str = ""


class Distill(Part):
    """Record of pp_distill: names of its targets, whose rows are in photometry.db, its images and its options.

    clock : what moving targets tell about the times of the frames, empty if these are right
    lights : of the targets that were asked for, in each frame
    bodies : what -asteroids and -movers found, the brightest first
    """

    targets: list[str]
    images: list[str]
    arguments: list[str]
    clock: str = ""
    injections: list[Injected] = []
    lights: list[TargetLight] = []
    bodies: list[FieldBody] = []


RECORDS = {
    "prepare": Prepare,
    "register": Register,
    "photometry": Photometry,
    "calibrate": Calibrate,
    "distill": Distill,
}
