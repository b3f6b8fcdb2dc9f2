"""What the calibration of one frame leaves behind: its database, the table of matched stars, its part of the record."""

import io
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from astropy.table import Table

from photometrypipeline.base.files import replacing
from photometrypipeline.calibration import isolation
from photometrypipeline.frames import framedb, recordtypes
from photometrypipeline.instruments import headers
from photometrypipeline.photometry import errorbars

PLAIN_TEXT = "ascii.basic"  # name of an astropy table writer
DIGITS_DEG, DIGITS_MAG, DIGITS_PX = 8, 6, 4  # of a star in the record of the step


@dataclass
class Reference:
    """Reference stars ready for use.

    catalog : Catalog, its stars where they are at `epoch_yr`; mag, err : names of its columns
    relation_err, catalog_err : systematic errors of the transformation, and of the catalogue from field to field, mag
    color_name : such as "g-r", None if the catalogue has no colours; color, e_color : of each star, mag, NaN if unknown
    alone : which stars take part in the solution of the night: no neighbour in the aperture that matters, no target
    neighbour_light : light of others in the aperture of each star, in units of its own, by the catalogue
    left_out : recordtypes.StarLeftOut of those taken out by hand;  strangers : lines of their list that are no star
    """

    catalog: Any
    mag: str
    err: str
    epoch_yr: float
    relation_err: float
    catalog_err: float = 0.0
    color_name: str | None = None
    color: np.ndarray | None = None
    e_color: np.ndarray | None = None
    alone: np.ndarray | None = None
    left_out: list = field(default_factory=list)
    strangers: list = field(default_factory=list)
    neighbour_light: np.ndarray | None = None

    @property
    def errors(self):
        """The errors of the reference magnitudes, mag, 0 where unknown."""
        return np.nan_to_num(np.asarray(self.catalog.table[self.err], dtype=float), nan=0.0)

    def seen(self):
        """Return (magnitude, error) of each star as an aperture has it, with the light of its neighbours, mag."""
        mag = np.asarray(self.catalog.table[self.mag], dtype=float)
        if self.neighbour_light is None:
            return mag, self.errors
        of_others = errorbars.MAG_PER_RELATIVE_FLUX * isolation.LIGHT_ERROR * self.neighbour_light
        return mag - 2.5 * np.log10(1 + self.neighbour_light), np.hypot(self.errors, of_others)

    @cached_property
    def lines(self):
        """The stars as lines of text, below the names of their columns; every frame writes most of them."""
        return _lines_of(self.catalog.table)


@dataclass
class Settings:
    """How frames are calibrated; see the options of pp_calibrate, and pp_setup for `photmode` and `saving`."""

    band: str | None
    minstars: float
    maxflag: int
    use_all_stars: bool = False
    magzp: tuple | None = None
    common_errors: tuple = (0.0, 0.0)  # of a zeropoint by hand: transformation, catalogue from field to field, mag
    photmode: str = "APER"
    saving: Any = None
    by_night: bool = False  # zeropoints are those of the night's solution where there is one
    excluded: Any = None  # StarList of reference stars taken out by hand, or None
    fixed: list = field(default_factory=list)  # [(name, ra_deg, dec_deg)], targets that are no reference stars
    aperture_arcsec: float = 0.0
    enough_stars: int | None = None  # to keep, whatever `minstars` says


@dataclass
class Outcome:
    """The calibration of one frame.

    sources : SourceList; inst, e_inst : mag, shape (n_sources,); pairs : (i_star, i_source) of matched reference stars
    fit : Zeropoint or None; reason : why there is none; term : ColorTerm or None
    night : nightly.FrameZeropoint, what one solution of all frames says of it, or None
    """

    frame: Any
    telescope: Any
    sources: Any
    inst: np.ndarray
    e_inst: np.ndarray
    pairs: tuple
    fit: Any = None
    reason: str | None = None
    term: Any = None
    night: Any = None

    def by_night(self, settings):
        """Return whether the zeropoint is that of the night's solution."""
        return settings.by_night and self.night is not None

    def calibrated(self, settings):
        """Return whether reference stars give the frame a zeropoint, one way or the other."""
        return self.fit is not None or self.by_night(settings)


def zeropoint_row(done, reference, settings):
    """Return the row of table `zeropoint` (dict) of an Outcome."""
    row = dict.fromkeys(framedb.ZEROPOINT_COLUMNS)
    row |= {"n_used": 0, "n_matched": int(done.pairs[0].size)}
    row["relation_err"] = reference.relation_err if reference is not None else 0.0
    if settings.magzp:
        zp, sig, err = (*settings.magzp, settings.magzp[-1])[:3]
        row |= {"zp": zp, "zp_sig": sig, "zp_err": err, "method": "manual", "relation_err": settings.common_errors[0]}
        return row | _error_columns(done, row, settings) | {"err_uniformity": settings.common_errors[1]}
    fit, night = done.fit, done.night
    if fit is not None:
        row |= {"zp": fit.zp, "zp_sig": fit.sig, "zp_err": fit.err, "chi2": fit.step.chi2, "n_used": fit.step.n_used}
        row |= {"method": "frame", "zp_frame": fit.zp}
    if night is not None:
        row["zp_night"] = night.zp
    if done.by_night(settings):
        err = float(np.hypot(night.err_frame, night.night.solution.err_common))
        sig = fit.sig if fit is not None else float(np.hypot(err, night.night.solution.scatter))
        row |= {"zp": night.zp, "zp_sig": sig, "zp_err": err, "method": "night"}
        row["n_used"] = night.night.solution.n_reference if fit is None else row["n_used"]
    if row["zp"] is not None:
        row |= _error_columns(done, row, settings)
        row["err_uniformity"] = reference.catalog_err
    return row


def _error_columns(done, row, settings):
    """Return the parts of the error of a zeropoint (dict) for the middle of the detector."""
    if done.by_night(settings):
        night = done.night
        return {
            "err_zp_frame": night.err_frame,
            "err_zp_common": night.night.solution.err_common,
            "err_transformation": row["relation_err"],
            "err_color": night.color_error,
        }
    transformation = row["relation_err"]
    if done.term is not None and done.fit is not None:
        transformation = float(np.hypot(transformation, done.term.error_at_target))
    whole = {"err_zp_frame": done.fit.err if done.fit is not None else row["zp_err"], "err_zp_common": 0.0}
    return whole | {"err_transformation": transformation, "err_color": 0.0, "err_uniformity": 0.0}


def systematics(reference, term):
    """Return the errors that all zeropoints of a data set share, with their sum; None without a catalogue."""
    if reference is None:
        return None
    parts = (reference.relation_err, reference.catalog_err, term.error_at_target if term is not None else 0.0)
    total = float(np.sqrt(sum(part**2 for part in parts)))
    names = ("relation_err_mag", "catalog_err_mag", "color_err_mag", "total_mag")
    return recordtypes.Systematics(**dict(zip(names, (*parts, total), strict=True)))


def color_row(done, settings):
    """Return the row of table `colorterm` (dict) of an Outcome, None where no colour term was applied."""
    if done.by_night(settings):
        return done.night.color_row()
    if done.term is None or done.fit is None:
        return None
    return done.term.as_dict() | {"color_err": done.term.error_at_target}


def header_row(done, reference, settings):
    """Return the row of table `header` (dict) of an Outcome."""
    frame, telescope = done.frame, done.telescope
    origin, description, system = f"{telescope.key};{frame.name}", "", "instrumental"
    if settings.magzp:
        origin += f";{settings.band}_manual_zp;"
        description = "calibrated using manual zeropoint {:g} +- {:g}".format(*settings.magzp)
    elif done.calibrated(settings):
        origin += f";{reference.catalog.name};{settings.band}"
        description = f"calibrated using {reference.catalog.history}"
        if done.by_night(settings):
            description += f", {done.night.told()}"
        elif done.term is not None:
            description += f", {done.term}"
        system = reference.catalog.systems.get(settings.band, "Vega")
    return {
        "name": frame.ldac.name,
        "origin": origin,
        "description": description,
        "magsys": system,
        "obstime": frame.number("MIDTIMJD"),
        "exptime": headers.light_s(frame, telescope),
        "obj": str(frame.header.get("OBJECT", "")).strip(),
        "filtername": settings.band,
    }


def write_database(done, reference, settings):
    """Write the database of a frame."""
    framedb.write(done.frame.database, *contents(done, reference, settings))


def contents(done, reference, settings):
    """Return (header, table, zeropoint, colorterm) as framedb.write takes them.

    The table has the sources of a frame, the reference stars with them, and calibrated magnitudes if there are any.
    """
    table = done.sources.table.copy()
    table.rename_columns(["XWIN_WORLD", "YWIN_WORLD"], ["ra_deg", "dec_deg"])
    table["ra_deg"] = np.mod(table["ra_deg"], 360.0)
    if reference is not None and done.calibrated(settings) and settings.saving.caldata_in_db:
        _join(table, reference, done.pairs, settings.band)
    if done.by_night(settings) and reference.color is not None:
        _join_colors(table, reference, done.pairs)
    zeropoint, color = zeropoint_row(done, reference, settings), color_row(done, settings)
    if zeropoint["zp"] is not None:
        prefix = "" if settings.magzp else "_"
        table[f"{prefix}{settings.band}mag"] = done.inst + zeropoint["zp"] + _of_place(done, table, settings)
        table[f"{prefix}e_{settings.band}mag"] = np.hypot(done.e_inst, zeropoint["zp_sig"])
    flux = np.asarray(table[f"FLUX_{settings.photmode}"])
    gain = headers.gain_e_adu(done.frame, done.telescope)
    for name, values in errorbars.parts(flux, done.e_inst, gain, _errors(done, table, zeropoint, settings)).items():
        table[name] = values
    return header_row(done, reference, settings), table, zeropoint, color


def _of_place(done, table, settings):
    """Return what the place of each source on the detector adds to its zeropoint, mag, shape (n,) or 0."""
    if not done.by_night(settings) or not len(table):
        return 0.0
    return done.night.correction(np.asarray(table["XWIN_IMAGE"]), np.asarray(table["YWIN_IMAGE"]))


def _errors(done, table, row, settings):
    """Return the ZeropointErrors of the sources of a frame, whose row of table `zeropoint` is `row`."""
    names = ("transformation", "color", "uniformity")
    rest = [row[f"err_{name}"] if row[f"err_{name}"] is not None else 0.0 for name in names]
    if row["zp"] is None:
        return errorbars.ZeropointErrors(np.nan, np.nan, row["relation_err"])
    of_frame, common = row["err_zp_frame"], row["err_zp_common"]
    if done.by_night(settings) and len(table):
        of_frame = done.night.source_error
        common = done.night.common_error(np.asarray(table["XWIN_IMAGE"]), np.asarray(table["YWIN_IMAGE"]))
    return errorbars.ZeropointErrors(of_frame, common, *rest)


def _join(table, reference, pairs, band):
    """Add the columns of the reference stars to the sources that they belong to; the others stay empty."""
    i_star, i_source = pairs
    for name in reference.catalog.table.colnames:
        if name in ("ra_deg", "dec_deg", f"_{band}mag", f"_e_{band}mag") or name in table.colnames:
            continue
        column = np.asarray(reference.catalog.table[name])
        is_text = column.dtype.kind in "US"
        values = np.full(len(table), "" if is_text else np.nan, dtype=column.dtype if is_text else float)
        values[i_source] = column[i_star]
        table[name] = values


def _join_colors(table, reference, pairs):
    """Add the colours of the reference stars, in the colour of table `colorterm`, as star_color and e_star_color."""
    i_star, i_source = pairs
    for name, known in (("star_color", reference.color), ("e_star_color", reference.e_color)):
        values = np.full(len(table), np.nan)
        values[i_source] = known[i_star]
        table[name] = values


def write_caldata(done, reference, saving):
    """Write the matched reference stars of a frame to a table."""
    i_star, i_source = done.pairs
    own = Table({"fit": done.fit.step.used.astype(int)})
    for name in ("MAG_APER", "MAGERR_APER"):
        own[name] = np.asarray(done.sources.table[name])[i_source]
    if saving.save_caldata_usedonly:
        i_star, own = i_star[own["fit"] == 1], own[own["fit"] == 1]
    with replacing(table_of(done.frame, saving.save_caldata_suffix)) as temporary:
        if saving.save_caldata_format == PLAIN_TEXT and not set(own.colnames) & set(reference.catalog.table.colnames):
            of_stars = [reference.lines[0], *(reference.lines[1 + star] for star in i_star)]
            joined = map(" ".join, zip(of_stars, _lines_of(own), strict=True))
            temporary.write_text("\n".join([*joined, ""]), encoding="utf-8")
            return
        table = Table(reference.catalog.table[i_star])
        for name in own.colnames:
            table[name] = own[name]
        table.write(temporary, format=saving.save_caldata_format, overwrite=True)


def _lines_of(table):
    text = io.StringIO()
    table.write(text, format=PLAIN_TEXT)
    return text.getvalue().splitlines()


def table_of(frame, suffix):
    """Return the Path of the table with the reference stars of a frame."""
    return frame.path.with_name(frame.stem + suffix)


def frame_record(done, reference, settings):
    """Return the part of one frame in the record of the step."""
    row, fit, frame = zeropoint_row(done, reference, settings), done.fit, done.frame
    steps = [_step_record(step) for step in fit.steps] if fit else []
    numbers = ("zp", "zp_sig", "zp_err", "zp_frame", "zp_night", "err_zp_frame", "err_zp_common")
    return recordtypes.CalibratedFrame(
        name=frame.name,
        ldac=frame.ldac.name,
        midtime_jd=frame.number("MIDTIMJD"),
        n_used=row["n_used"],
        n_matched=row["n_matched"],
        method=row["method"],
        reason=done.reason,
        steps=steps,
        chosen=fit.chosen if fit else None,
        stars=_star_records(done, reference) if fit else [],
        **{f"{name}_mag": row[name] for name in numbers},
    )


def _step_record(step):
    zp, sig = (round(float(value), DIGITS_MAG) for value in (step.zp, step.sig))
    chi2 = float(f"{step.chi2:.6g}")  # it spans many powers of ten
    return recordtypes.ZeropointStep(n=step.n_used, zp_mag=zp, sig_mag=sig, chi2=chi2)


def _star_records(done, reference):
    """Return the matched reference stars (list), as exact as anybody sees them: more digits make the record slow."""
    table, sources = reference.catalog.table, done.sources.table
    i_star, i_source = done.pairs
    color = reference.color[i_star] if reference.color is not None else None
    columns = {
        "ident": [str(ident) for ident in table["ident"][i_star]],
        "ra_deg": _rounded(table["ra_deg"], i_star, DIGITS_DEG),
        "dec_deg": _rounded(table["dec_deg"], i_star, DIGITS_DEG),
        "mag": _rounded(table[reference.mag], i_star, DIGITS_MAG),
        "e_mag": _rounded(table[reference.err], i_star, DIGITS_MAG),
        "inst_mag": _rounded(done.inst, i_source, DIGITS_MAG),
        "e_inst_mag": _rounded(done.e_inst, i_source, DIGITS_MAG),
        "used": done.fit.step.used.tolist(),
        "color_mag": [None] * len(i_star) if color is None else np.round(color, DIGITS_MAG).tolist(),
        "color_correction_mag": [0.0] * len(i_star),
        "x_px": _rounded(sources["XWIN_IMAGE"], i_source, DIGITS_PX),
        "y_px": _rounded(sources["YWIN_IMAGE"], i_source, DIGITS_PX),
    }
    if done.term is not None:
        columns["color_correction_mag"] = np.round(done.term.correction(color), DIGITS_MAG).tolist()
    return [
        recordtypes.ReferenceStar(**dict(zip(columns, values, strict=True)))
        for values in zip(*columns.values(), strict=True)
    ]


def _rounded(column, rows, digits):
    return np.round(np.asarray(column, float)[rows], digits).tolist()
