"""A table of reference stars with its origin and history: fetched or read, selected, transformed, moved, written.

stars = Catalog.fetch("PANSTARRS", ra_deg, dec_deg, radius_deg, 21, client=services.Client())
stars, mag, err = stars.in_band("V")          # names of two columns of stars.table
stars.at_epoch(2026.5).write_reference("PANSTARRS.cat", 2026.5)
"""

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.stats import mad_std
from astropy.table import Table

import pp_setup
from photometrypipeline.base.errors import BandNotAvailable
from photometrypipeline.base.files import replacing
from photometrypipeline.catalogs import colorterms, skystore, surveys, usertable
from photometrypipeline.sky import sphere

log = logging.getLogger("pp.catalog")

NAMES = surveys.NAMES
canonical_name = surveys.named
MAS_PER_DEG = 3.6e6
UNKNOWN_MAG_ERROR = 0.01  # mag, in reference files for SCAMP
UNKNOWN_POSITION_ERROR_ARCSEC = 0.1
ENOUGH_STARS = 20  # with so many in the colour range where a relation holds best, the others are left out
SOLAR_COLOURS = {("g", "r"): 0.44, ("r", "i"): 0.11, ("J", "H"): 0.29}  # mag, the Sun's
TOGETHER = {"T12", "T12L", "KB18", "G2", "G3", "HO09", "SM1"}  # sets of which all bands of a system are added at once


@dataclass
class Catalog:
    """Reference stars.

    name : as users know it, with `_solar` and `_transformed` when those were done
    table : astropy Table in the schema of `photometrypipeline/surveys/sheet.py`, with `mag` and `e_mag` for astrometry
    history : what was done, for databases; release : what exactly was asked; systems : {band: "AB" or "Vega"}
    bands : {native band: magnitude column}; survey : its sheet, None for a table of the user
    origin : {"fetched_utc", "answers"} of rows from the store, see skystore.fetch
    relations : sets of transformations that a table of the user allows; those of a survey stand in its sheet
    """

    name: str
    table: Table
    history: str = ""
    release: str = ""
    systems: dict = field(default_factory=dict)
    bands: dict = field(default_factory=dict)
    survey: surveys.Survey | None = None
    relations: tuple = ()
    origin: dict = field(default_factory=dict)

    def __len__(self):
        return len(self.table)

    @property
    def data(self):
        """The `table`, under the name that the documentation gives it."""
        return self.table

    # ---- where it comes from

    @classmethod
    def fetch(cls, name_or_path, ra_deg, dec_deg, radius_deg, mag_limit, *, client, data_folder=None):
        """Return the Catalog of a cone, brighter than `mag_limit`; it may be empty.

        name_or_path : one of NAMES in any letter case, or a table of the user
        client : services.Client; data_folder : of the frames, whose `pp_store/` is looked at first
        Raises UsageError, NotReachable, and CatalogError for a table, a store or an answer that cannot be used.
        """
        name = canonical_name(name_or_path)
        if surveys.canonical(name) is None:
            return cls.read(name).in_cone(ra_deg, dec_deg, radius_deg, mag_limit)
        survey = surveys.get(name)
        if survey.advice:
            log.info("%s: %s", name, survey.advice)
        more = {"limit_mb": pp_setup.store_limit_mb, "installed": pp_setup.catalog_folders}
        table = skystore.fetch(survey, ra_deg, dec_deg, radius_deg, mag_limit, client, data_folder, **more)
        for column, key in (("mag", survey.key), ("e_mag", f"e_{survey.key}")):
            table[column] = table[key] if key in table.colnames else np.full(len(table), np.nan)
        place = f"{radius_deg:.4f} deg around RA {ra_deg:.5f}, Dec {dec_deg:.5f}"
        log.info("%s: %d rows brighter than %s, %s", survey.release, len(table), mag_limit, place)
        history = f"{len(table)} sources {'read' if survey.reader else 'downloaded'}"
        origin = table.meta.pop("origin", {})
        if origin:
            log.info("%s: newest tile of %s, answers %s", name, origin["fetched_utc"], origin["answers"])
        bands = dict(survey.systems), dict(survey.bands)
        return cls(name, table, history, survey.release, *bands, survey, origin=origin)

    @classmethod
    def read(cls, path):
        """Return the Catalog in a table of the user (FITS, VOTable, ECSV, CSV), see usertable.py.

        Raises CatalogError, which says what is missing.
        """
        path = Path(path)
        user = usertable.read(path)
        history = f"{len(user.table)} sources from {path.name}"
        return cls(path.stem, user.table, history, str(path), user.systems, user.bands, None, user.relations)

    # ---- selections

    def select(self, rows):
        """Return a Catalog with the `rows` (bool mask or indices) alone."""
        return replace(self, table=self.table[rows])

    def in_cone(self, ra_deg, dec_deg, radius_deg, mag_limit=np.inf):
        """Return the stars of a cone that are brighter than the limit; those without a magnitude are kept."""
        near = sphere.separation_deg(ra_deg, dec_deg, self.values("ra_deg"), self.values("dec_deg")) <= radius_deg
        return self.select(near & ~(self.values("mag") >= mag_limit))

    def astrometric(self, use_all=False):
        """Return the stars that are fit for registration, by the flags of the catalogue."""
        if self.survey is None or use_all:
            return self
        saturated = self.values("mag") < self.survey.bright.get(self.survey.key, -np.inf)
        return self.select(self.survey.good_astrometry(self.table) & ~saturated)

    def photometric(self, use_all=False, aperture_arcsec=0.0):
        """Return the stars that are fit for calibration, by the flags of the catalogue.

        aperture_arcsec : radius within which no neighbour may have a tenth of a star's light, where the catalogue knows
        its neighbours and enough stars are left
        """
        if self.survey is None or use_all:
            return self
        sound = self.select(self.survey.good_photometry(self.table))
        if not (self.survey.neighbours and aperture_arcsec):
            return sound
        alone = ~(sound.values(self.survey.neighbours) < aperture_arcsec)
        if alone.sum() < ENOUGH_STARS:
            log.info(
                "%s: %d stars have neighbours within %.1f arcsec, and are kept, since there are few stars",
                self.name,
                (~alone).sum(),
                aperture_arcsec,
            )
            return sound
        return sound.select(alone)

    def solar_like(self, halfwidth=0.2):
        """Return the stars whose colours are the Sun's within +-`halfwidth` (mag): g-r and r-i (SDSS), or J-H (2MASS).

        Magnitudes are transformed to SDSS first where a relation exists; a catalogue that has neither is not cut.
        """
        magnitudes = {band: self._photometry_of(band)[0] for band in "griJH"}
        pairs = [(("g", "r"), ("r", "i")), (("J", "H"),)]
        usable = [pair for pair in pairs if all(magnitudes[band] is not None for colour in pair for band in colour)]
        if not usable:
            log.warning("%s: no colours to select Sun-like stars by; all are kept", self.name)
            return self
        good = np.ones(len(self), dtype=bool)
        for blue, red in usable[0]:
            good &= np.abs(magnitudes[blue] - magnitudes[red] - SOLAR_COLOURS[blue, red]) <= halfwidth
        found = self.select(good)
        return replace(found, name=f"{self.name}_solar", history=f"{self.history}, {len(found)} Sun-like stars")

    def color(self, name):
        """Return (colour, error) of every star, mag, shape (n,), NaN where unknown; `name` is such as "g-r".

        Native magnitudes, or those of a relation.  Raises BandNotAvailable for a band that the catalogue cannot give.
        """
        parts = []
        for band in colorterms.color_bands(name):
            mag, err = self._photometry_of(band)
            if mag is None:
                raise BandNotAvailable(self._what_there_is(band))
            native = self._native(band)
            sound = self._valid([self.bands[native]] if native else self._lead_columns(band))
            parts.append((np.where(sound, mag, np.nan), err))
        (blue, e_blue), (red, e_red) = parts
        return blue - red, np.hypot(e_blue, e_red)

    def usual_color(self):
        """Return the name of the colour in which most is known of these stars, None if they have none."""
        for name in colorterms.USUAL_COLORS:
            if all(self._photometry_of(band)[0] is not None for band in colorterms.color_bands(name)):
                known = np.isfinite(self.color(name)[0]).sum()
                if known >= len(self) / 2:
                    return name
        return None

    def _photometry_of(self, band):
        """Return (magnitudes, errors) in a band, native or transformed, shape (n,), or (None, None)."""
        native = self._native(band)
        if native is not None:
            return self.values(self.bands[native]), self.values(f"e_{self.bands[native]}")
        relations = self._relations(band)
        return colorterms.transform(relations, *self._inputs(relations)) if relations else (None, None)

    # ---- bands

    @property
    def native_bands(self):
        """Bands that the catalogue has itself, tuple of str."""
        return tuple(self.bands)

    def in_band(self, band, use_all=False):
        """Return (Catalog, magnitude column, error column): the stars with a magnitude in `band`.

        Native magnitudes are `gp1mag` and `e_gp1mag`, transformed ones `_Vmag` and `_e_Vmag`, and `name` gains
        `_transformed`. Left out are stars that fail the quality cuts, are saturated in the catalogue, lie outside the
        colour range of the relation, or have no error; with `use_all` only those without a magnitude (an error may
        then be NaN).  Raises BandNotAvailable if the catalogue has no such band, or no star of it is left.
        """
        rows = self.photometric(use_all)
        native = self._native(band)
        if native is not None:
            found, mag, err = rows, self.bands[native], f"e_{self.bands[native]}"
        else:
            found, mag, err = rows._transformed(band, use_all), f"_{band}mag", f"_e_{band}mag"
        good = np.isfinite(found.values(mag))
        if not use_all:
            good &= np.isfinite(found.values(err)) & found._valid([mag] if native else self._lead_columns(band))
        found = found.select(good)
        if not len(found):
            raise BandNotAvailable(f"{self.name}: none of {len(self)} stars has a usable magnitude in {band}")
        systems = {band: self.systems[native]} if native else {band: self._relations(band)[0].system}
        if native is None:
            name = self.name if self.name.endswith("_transformed") else f"{self.name}_transformed"
            relation = self._relations(band)[0]
            history = f"{self.history}, {len(found)} transformed to {band} ({relation.system}) by {relation.id}"
            found = replace(found, name=name, history=history)
        return replace(found, systems=self.systems | systems), mag, err

    def relation_scatter(self, band):
        """Return the systematic error (mag) of the transformation that gives `band`; 0 for a native band."""
        if self._native(band) is not None:
            return 0.0
        relations = self._relations(band)
        return max((relation.systematic for relation in relations), default=0.0)

    def _native(self, band):
        """Return the native band that `band` means, None if there is none: y of Pan-STARRS is yp1."""
        aliases = self.survey.aliases if self.survey else {}
        name = aliases.get(band, band)
        return name if name in self.bands else None

    def _relation_sets(self):
        """Return the ids of the transformations that can be used here, in the order of preference."""
        return colorterms.ordered(
            self.survey.relations if self.survey else self.relations, pp_setup.preferred_relations
        )

    def _relations(self, band):
        return colorterms.find(self._relation_sets(), band, self.table.colnames)

    def _lead_columns(self, band):
        return sorted({name for relation in self._relations(band) for name in relation.inputs})

    def _valid(self, columns):
        """Return the mask of stars that are neither saturated nor flagged in any of some magnitude columns."""
        good = np.ones(len(self), dtype=bool)
        for name in columns if self.survey else ():
            good &= ~(self.values(name) < self.survey.bright.get(name, -np.inf))
            if name in self.survey.valid_flags:
                flag, least = self.survey.valid_flags[name]
                known = self.values(flag)
                good &= (known >= least) | ~np.isfinite(known).any()  # a flag that nobody delivered rejects nobody
        return good

    def _inputs(self, relations):
        """Return ({column: mag}, {column: error}) of everything that relations and their limits need."""
        names = set().union(*(relation.needs for relation in relations))
        adjusted = self.survey.relation_inputs(self.table) if self.survey else {}
        values = {name: adjusted[name] if name in adjusted else self.values(name) for name in names}
        return values, {name: self.values(f"e_{name}") for name in names}

    def _transformed(self, band, use_all):
        """Return the Catalog with columns `_<band>mag`, `_e_<band>mag` for `band` and those that come with it."""
        relations = self._relations(band)
        if not relations:
            raise BandNotAvailable(self._what_there_is(band))
        together, kind = [band], (relations[0].id, relations[0].system)
        if relations[0].id in TOGETHER:
            together = [other for other in colorterms.bands_of([relations[0].id]) if self._kind(other) == kind]
        table = self.table.copy(copy_data=False)
        for name in together:
            relations = self._relations(name)
            values, errors = self._inputs(relations)
            mag, err = colorterms.transform(relations, values, errors, extrapolate=use_all)
            if pp_setup.stellar_locus_cut and relations[0].id.startswith("CG08") and not use_all:
                mag = np.where(self._on_locus(), mag, np.nan)
            core = relations[0].core
            if core and not use_all:
                inside = relations[0].inside(values, [core])
                if (inside & np.isfinite(mag) & np.isfinite(err)).sum() >= ENOUGH_STARS:
                    mag = np.where(inside, mag, np.nan)
            table[f"_{name}mag"], table[f"_e_{name}mag"] = mag, err
            if use_all and name == band:
                inside = np.any([relation.inside(values) for relation in relations], axis=0)
                table["flag_extrapolated"] = np.where(inside, 0.0, 1.0)
        return replace(self, table=table)

    def _on_locus(self):
        """Return the mask of stars within 3 sigma of the line that these stars make in (g-r, r-i); all if they are few.

        What is off it is not an ordinary star, or badly measured (Chonis & Gaskell 2008).
        """
        x, y = (self.values(blue) - self.values(red) for blue, red in (("gmag", "rmag"), ("rmag", "imag")))
        good = np.isfinite(x) & np.isfinite(y)
        if good.sum() < ENOUGH_STARS:
            return np.ones(len(self), dtype=bool)
        for _ in range(10):
            slope, zero = np.polyfit(x[good], y[good], 1)
            residual = y - zero - slope * x
            sigma = mad_std(residual[good])
            kept = np.abs(residual) <= 3 * sigma
            if (kept == good).all() or kept.sum() < ENOUGH_STARS:
                break
            good = kept
        return np.abs(residual) <= 3 * sigma

    def _kind(self, band):
        """Return (id, system) of the relation that gives a band, None without one."""
        found = self._relations(band)
        return (found[0].id, found[0].system) if found else None

    def _what_there_is(self, band):
        made = colorterms.bands_of(self._relation_sets(), self.table.colnames)
        by_relation = f", by transformation {', '.join(made)}" if made else ""
        return f"{self.name} has no band {band}; it has {', '.join(self.native_bands) or 'none'}{by_relation}"

    # ---- positions

    def at_epoch(self, epoch_yr):
        """Return the Catalog with its stars where they are at `epoch_yr` (Julian year), errors grown accordingly.

        Stars move along great circles, also at the poles; one without a proper motion or an epoch stays where it is.
        """
        ra, dec = np.radians(self.values("ra_deg")), np.radians(self.values("dec_deg"))
        years = epoch_yr - self.values("epoch_yr")
        east, north = (np.radians(self.values(name) * years / MAS_PER_DEG) for name in ("pmra", "pmdec"))
        moving = np.isfinite(east) & np.isfinite(north)
        east, north = np.where(moving, east, 0.0), np.where(moving, north, 0.0)
        to_east = np.column_stack([-np.sin(ra), np.cos(ra), np.zeros(len(self))])
        to_north = np.column_stack([-np.sin(dec) * np.cos(ra), -np.sin(dec) * np.sin(ra), np.cos(dec)])
        place = sphere.vectors(np.degrees(ra), np.degrees(dec)) + east[:, None] * to_east + north[:, None] * to_north
        table = self.table.copy(copy_data=True)
        new_ra = np.mod(np.degrees(np.arctan2(place[:, 1], place[:, 0])), 360.0)
        new_dec = np.degrees(np.arctan2(place[:, 2], np.hypot(place[:, 0], place[:, 1])))
        table["ra_deg"] = np.where(moving, new_ra, self.values("ra_deg"))
        table["dec_deg"] = np.where(moving, new_dec, self.values("dec_deg"))
        for error, motion in (("e_ra_deg", "e_pmra"), ("e_dec_deg", "e_pmdec")):
            growth = np.nan_to_num(self.values(motion) * years / MAS_PER_DEG)
            table[error] = np.where(moving, np.hypot(self.values(error), growth), self.values(error))
        table["epoch_yr"] = np.where(moving, epoch_yr, self.values("epoch_yr"))
        return replace(self, table=table)

    def values(self, name):
        """Return a column as floats, shape (n,), NaN where missing; all NaN without such a column."""
        if name not in self.table.colnames:
            return np.full(len(self), np.nan)
        return np.asarray(np.ma.filled(np.ma.asarray(self.table[name]).astype(float), np.nan))

    # ---- for SCAMP

    def write_reference(self, path, epoch_yr):
        """Write the stars as they stand at `epoch_yr` as a FITS_LDAC file that SCAMP reads (ASTREF_CATALOG FILE).

        Columns XWIN_WORLD, YWIN_WORLD, ERRAWIN_WORLD, ERRBWIN_WORLD, ERRTHETAWIN_WORLD (deg), MAG, MAGERR (mag; absent
        if the catalogue has no magnitude for astrometry), OBSDATE (yr). Stars without a magnitude are left out.
        Raises OSError if the file cannot be written.
        """
        stars = self.at_epoch(epoch_yr)
        mag = stars.values("mag")
        has_mag = np.isfinite(mag).any() or not len(mag)
        stars = stars.select(np.isfinite(mag)) if has_mag else stars
        floor = (self.survey.position_error_arcsec if self.survey else UNKNOWN_POSITION_ERROR_ARCSEC) / 3600
        errors = [_or(stars.values(name), floor) for name in ("e_ra_deg", "e_dec_deg")]
        columns = [
            fits.Column("XWIN_WORLD", "1D", "deg", array=stars.values("ra_deg")),
            fits.Column("YWIN_WORLD", "1D", "deg", array=stars.values("dec_deg")),
            fits.Column("ERRAWIN_WORLD", "1E", "deg", array=errors[0]),
            fits.Column("ERRBWIN_WORLD", "1E", "deg", array=errors[1]),
            fits.Column("ERRTHETAWIN_WORLD", "1E", "deg", array=np.zeros(len(stars))),
        ]
        if has_mag:
            columns.append(fits.Column("MAG", "1E", "mag", array=stars.values("mag")))
            columns.append(fits.Column("MAGERR", "1E", "mag", array=_or(stars.values("e_mag"), UNKNOWN_MAG_ERROR)))
        columns.append(fits.Column("OBSDATE", "1D", "yr", array=_or(stars.values("epoch_yr"), epoch_yr)))
        note = fits.Column("Field Header Card", "1680A", array=[_origin_cards(f"{self.name}: {self.release}")])
        hdus = [fits.PrimaryHDU(), fits.BinTableHDU.from_columns([note], name="LDAC_IMHEAD")]
        hdus.append(fits.BinTableHDU.from_columns(columns, name="LDAC_OBJECTS"))
        with replacing(path) as temporary:
            fits.HDUList(hdus).writeto(temporary, overwrite=True)


def _or(values, default):
    """Return `values` with `default` where they are missing or not positive."""
    return np.where(values > 0, values, default)


def _origin_cards(origin):
    """Return 21 header cards (1680 characters) that say where the stars come from."""
    ascii_only = origin.encode("ascii", "replace").decode()
    header = fits.Header([("SIMPLE", True), ("BITPIX", 8), ("NAXIS", 0), ("COMMENT", f"PP: {ascii_only[-60:]}")])
    return header.tostring(sep="", endcard=True, padding=False).ljust(1680)
