"""One observation of a target, and all of one target: every fact of them, with its unit and meaning, is declared here.

The database of a data set, the tidy tables and what explains them follow from the fields of Row.
"""

import math
from dataclasses import dataclass, field, fields
from typing import NamedTuple

NOT_DETECTED = "not detected"  # beginning of the reason of a row that holds forced photometry
OUTSIDE = "predicted outside of the image"
RECORDED_KINDS = ("primary", "positions", "fixed", "control")  # of targets whose light is recorded part by part
STAR_KINDS = ("fixed", "variable", "control")  # kinds of targets that are stars, not bodies of the Solar System
# Stars of one colour differ in their lines, and so by the scatter of a transformation.  What shines by sunlight has
# the lines of one star and a smooth reflectance: R by Tonry et al. (2012), which scatters by 0.015 mag, is off by
# -0.004 for the mean spectrum of C types and +0.0004 for S types, and by up to +0.006 for the mean of the stars.
REFLECTED_SHARE = 0.4  # of that scatter
MOVER = "mover"  # the kind of a target that was found by its motion alone
MOVERS = "movers.csv"  # file of those that were looked for
STATUSES = ("accepted", "rejected", NOT_DETECTED, "not expected")


class Column(NamedTuple):
    """How one fact of a row is stored and shown.

    kind : type in SQL, None for what is not stored;  unit : as astropy writes it, empty without dimension
    title : name in tidy tables, None for what they do not show;  decimals : in text files, None for all
    """

    kind: str | None
    unit: str
    meaning: str
    title: str | None
    decimals: int | None = None


def _real(unit, meaning, decimals=4, title="", kind="REAL", default=math.nan):
    column = Column(kind, unit, meaning, title, decimals)
    return field(default=default, metadata={"column": column})


def _mag(meaning, title=""):
    return _real("mag", meaning, 4, title)


def _whole(meaning, default=0):
    return _real("", meaning, None, "", "INTEGER", default)


def _text(meaning, title="", default=""):
    return field(default=default, metadata={"column": Column("TEXT", "", meaning, title)})


@dataclass(kw_only=True)
class Row:
    """One observation of a target; magnitudes and their errors in mag unless a name says otherwise.

    Without a source (`detected` is false) the row holds what forced photometry found at the predicted place.  A number
    that is not known is NaN, a text empty; `band` and `catalog` are `-` where the magnitude is instrumental.
    """

    target: str = _text("name of the target")
    kind: str = _text("primary, positions, fixed, variable, asteroid, mover, control")
    frame: str = _text("file name of the image", "image")
    ldac: str = _text("name of the source list, field 1 of photometry_*.dat", "filename")
    jd: float = _real("d", "middle of the exposure, Julian date, UTC", 8)
    bjd_tdb: float = _real("d", "the same as barycentric Julian date, TDB, of stars", 8)
    light_time_s: float = _real("s", "time of the light from a body of the Solar System to the observer", 3, None)
    reason: str = _text("why it does not count; NULL for accepted rows")
    mag: float = _mag("magnitude of the source, calibrated where there is a band; never a limit")
    sig: float = _mag("its uncertainty as in photometry_*.dat: with the scatter of the zeropoint", "sig_mag")
    err_total: float = _mag("its uncertainty with the error of the mean zeropoint", "err_total_mag")
    err_frame: float = _mag("what repeated measurements scatter by", "err_frame_mag")
    err_common: float = _mag("what all rows of a series share", "err_common_mag")
    err_photon: float = _mag("part of the photon noise of the target", "err_photon_mag")
    err_background: float = _mag("part of sky and read noise", "err_background_mag")
    err_zeropoint: float = _mag("part of the mean zeropoint", "err_zeropoint_mag")
    err_source: float = _mag("part of err_frame: photons, sky and read noise", "err_source_mag")
    err_zp_frame: float = _mag("part of err_frame: zeropoint, and scatter beyond errors", "err_zp_frame_mag")
    err_scene: float = _mag("part of err_frame: light of neighbours that was subtracted", "err_scene_mag")
    err_psf: float = _mag("part of err_frame: shape of the point spread function", "err_psf_mag")
    err_zp_common: float = _mag("part of err_common: mean zeropoint", "err_zp_common_mag")
    err_transformation: float = _mag("part of err_common: transformation between bands", "err_transformation_mag")
    err_color: float = _mag("part of err_common: colour of the target", "err_color_mag")
    err_uniformity: float = _mag("part of err_common: the catalogue from field to field", "err_uniformity_mag")
    norm_flux: float = _real("", "flux of a star over its median in the accepted rows", 6)
    norm_flux_err: float = _real("", "its uncertainty, from err_frame", 6)
    trail_correction_mag: float = _mag("what was added to the magnitude for light lost along the trail")
    neighbour_fraction: float = _real("", "light of neighbours in the aperture over that of the target, 0 to 1")
    masked_fraction: float = _real("", "share of the light of the target that falls on bad pixels, 0 to 1")
    mag_psf: float = _mag("magnitude by the point spread function", "psf_mag")
    err_mag_psf: float = _mag("its uncertainty", "err_psf_fit_mag")
    band: str = _text("photometric band; NULL for instrumental magnitudes", default="-")
    magsys: str = _text("AB, Vega or instrumental")
    catalog: str = _text("photometric catalogue; NULL for instrumental magnitudes", default="-")
    zp_mag: float = _mag("zeropoint of the image in its middle; at the place of the target it is mag - inst_mag")
    zp_sig_mag: float = _mag("scatter and error of the zeropoint")
    zp_err_mag: float = _mag("error of the mean zeropoint")
    inst: float = _mag("instrumental magnitude", "inst_mag")
    e_inst: float = _mag("its uncertainty", "inst_sig_mag")
    ra_deg: float = _real("deg", "measured right ascension", 8)
    dec_deg: float = _real("deg", "measured declination", 8)
    ra_pred_deg: float = _real("deg", "predicted right ascension, the offset applied", 8)
    dec_pred_deg: float = _real("deg", "predicted declination, the offset applied", 8)
    sigma_ra_arcsec: float = _real("arcsec", "uncertainty of the predicted place along RA, 1 sigma", 3)
    sigma_dec_arcsec: float = _real("arcsec", "the same along Dec", 3)
    offset_ra_arcsec: float = _real("arcsec", "manual offset in RA", 2, default=0.0)
    offset_dec_arcsec: float = _real("arcsec", "manual offset in Dec", 2, default=0.0)
    distance_arcsec: float = _real("arcsec", "of the source from the predicted place", 3)
    probability: float = _real("", "that the source is the target, 0 to 1")
    contamination: float = _real("", "share of its light that comes from known stars, 0 to 1")
    exptime_s: float = _real("s", "exposure time", 3)
    time_err_s: float = _real("s", "by which the mid-time may be off (PPTIMERR); NULL where nothing is in doubt", 3)
    airmass: float = _real("", "of the image")
    fwhm_arcsec: float = _real("arcsec", "full width at half maximum of the source, else of the stars", 2)
    aprad_px: float = _real("pix", "radius of the aperture", 2)
    x_px: float = _real("pix", "column of the aperture's centre, the first is 1", 3)
    y_px: float = _real("pix", "row of the aperture's centre, the first is 1", 3)
    flags: int = _whole("FLAGS of Source Extractor")
    mag_limit: float = _real("mag", "3-sigma limit where the target was not detected", 3, "limit_mag")
    inst_limit: float = _real("mag", "the same as instrumental magnitude", 3, "inst_limit_mag")
    forced_flux: float = _real("adu", "light at the place of a target that was not detected", 2, "forced_flux_adu")
    forced_err: float = _real("adu", "its uncertainty", 2, "forced_err_adu")
    forced_mag: float = _real("mag", "magnitude of that light, where it is positive", 3)
    others_flux: float = _real("adu", "light of stars and other sources there", 2, "others_flux_adu")
    telescope: str = _text("key of telescope and camera")
    method: str = _text("photometry method", default="APER")
    source: str = _text("where the predicted place comes from", "prediction")
    origin: str = _text("telescope;image;catalogue;band of the frame's database", None)
    detected: bool = True

    @property
    def accepted(self):
        """Whether the row counts."""
        return not self.reason

    @property
    def status(self):
        """One of STATUSES."""
        if not self.detected:
            return NOT_DETECTED
        return "accepted" if self.accepted else "not expected" if self.reason == OUTSIDE else "rejected"

    @property
    def calibrated(self):
        """Whether the magnitude is tied to a catalogue or a zeropoint."""
        return self.band != "-"

    @property
    def err_repeat(self):
        """What repeated measurements scatter by (mag): err_frame, or what older databases and tables have for it."""
        return next((err for err in (self.err_frame, self.err_total) if math.isfinite(err)), self.sig)

    @property
    def err_whole(self):
        """The uncertainty against the truth (mag): err_repeat with what is common to all rows."""
        common = next((err for err in (self.err_common, self.err_transformation) if math.isfinite(err)), 0.0)
        return math.hypot(self.err_repeat, common)

    @property
    def dra_arcsec(self):
        """Predicted minus measured RA, arcsec of coordinate (no cos Dec), across RA 0."""
        return float(((self.ra_pred_deg - self.ra_deg + 180.0) % 360.0 - 180.0) * 3600)

    @property
    def ddec_arcsec(self):
        """Predicted minus measured declination, arcsec."""
        return float((self.dec_pred_deg - self.dec_deg) * 3600)


_DERIVED = {  # property of a Row, shown behind a field
    "jd": {"accepted": Column(None, "", "whether the observation counts", "")},
    "reason": {"status": Column("TEXT", "", ", ".join(STATUSES) + " (outside the image)", "")},
    "dec_deg": {
        "dra_arcsec": Column(None, "arcsec", "predicted minus measured RA, without cos Dec", "", 3),
        "ddec_arcsec": Column(None, "arcsec", "predicted minus measured Dec", "", 3),
    },
}


def _columns():
    found = {}
    for each in fields(Row):
        if "column" in each.metadata:
            found[each.name] = each.metadata["column"]
            found |= _DERIVED.get(each.name, {})
    return {name: column._replace(title=name) if column.title == "" else column for name, column in found.items()}


COLUMNS = _columns()  # {attribute of a Row: Column}, in the order in which tables show them
STORED = {each.name: each for each in fields(Row) if "column" in each.metadata}  # fields that a database brings back


@dataclass
class LightCurve:
    """All rows of one target in order of the frames, and what it is.

    file : name of its table;  kind : primary, positions, fixed, variable, asteroid, mover, control
    full_name : as the ephemeris calls it;  source : where its places come from
    """

    name: str
    file: str
    kind: str = ""
    full_name: str = ""
    source: str = ""
    every: list[Row] = field(default_factory=list)

    @property
    def rows(self):
        """Rows with a source."""
        return [row for row in self.every if row.detected]

    @property
    def unseen(self):
        """Rows without."""
        return [row for row in self.every if not row.detected]

    @property
    def band(self):
        """The band of its magnitudes, of rows that count if there are any; None where all are instrumental."""
        bands = [row.band for row in sorted(self.every, key=lambda row: not row.accepted) if row.calibrated]
        return next(iter(bands), None)
