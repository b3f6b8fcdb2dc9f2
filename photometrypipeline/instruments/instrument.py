"""Telescope: all that the steps know of one camera at one telescope."""

import copy
import difflib
import fnmatch
import logging
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from photometrypipeline.base.errors import TelescopeError, UnknownFilter
from photometrypipeline.instruments import filternames

log = logging.getLogger("pp.telescopes")

PP_BANDS = frozenset(["u", "g", "r", "i", "z", "y", "U", "B", "V", "R", "I", "J", "H", "K", "Ks", "Z"])
DOUBTFUL = ("H",)  # a filter for pictures, too
TOLERANCES = ("none", "low", "medium", "high")
HEADER_DEFAULTS = {
    "ra": "RA",
    "dec": "DEC",
    "radec_separator": ":",  # XXX: both are decimal numbers
    "time": "DATE-OBS",
    "midtime_jd": "MIDTIMJD",
    "object": "OBJECT",
    "filter": "FILTER",
    "exptime": "EXPTIME",
    "airmass": "AIRMASS",
    "gain": "GAIN",  # absent from a header: the values `gain`, `saturation` and `read_noise`, if there are any
    "saturation": "SATURATE",
}
OWN_WCS = "WCS|"  # before the keyword for RA and Dec: the centre by the WCS that the image has, if it has one
# Where the name of the instrument is looked for, in this order; PPINSTRU is free for users to force one.
IDENTIFYING = ("PPINSTRU", "LCAMMOD", "FPA", "CAM_NAME", "INSTRUME", "TELESCOP")
# What later steps look for in a stack, besides the keywords that the instrument's own table names.
NO_STATION = "500"  # the centre of the Earth
CARRIED = (
    "SITELAT",
    "SITELONG",
    "SITEELEV",
    "OBSERVAT",
    "TEL_KEYW",
    "TELINSTR",
    "MIDTIMJD",
    "FILTER",
    "EXPTIME",
    "AIRMASS",
    "OBJECT",
    "SECPIXX",
    "SECPIXY",
    "SECPIX",
)


def nearest(name, known, how_many=3):
    """Return '; did you mean A or B?' for the names in `known` that resemble `name`, or '' if none does."""
    lowered = {str(each).lower(): str(each) for each in known}
    close = difflib.get_close_matches(str(name).lower(), list(lowered), n=how_many, cutoff=0.7)
    close = close or [each for each in lowered if each.startswith(str(name).lower())][:how_many]
    return f"; did you mean {' or '.join(lowered[each] for each in close)}?" if close else ""


def as_text(value):
    """Return a header value as text without blanks at its ends; the number 3.0 becomes '3'."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


@dataclass(frozen=True)
class Chip:
    """One chip of a camera: the orientation of its axes and its place."""

    flip_x: bool
    flip_y: bool
    rotate: float  # degrees, East of North
    offset: tuple | None = None  # degrees in RA (without cos Dec) and Dec from the pointing; None: not known


@dataclass(frozen=True)
class Telescope:
    """One camera at one telescope; made by `telescopes.get` and `telescopes.identify`, never changed."""

    key: str  # what TEL_KEYW says
    label: str
    mpc_code: str
    pixel_scale: tuple | None  # arcsec per unbinned pixel, x and y; None: the user has to say
    binning: tuple  # two numbers, or two header keywords as telescopes.toml codes them
    filters: dict  # header value to band, or to None where there is no band
    extinction: float = 0.05  # mag per airmass; goes into headers, nothing is corrected by it
    flip_x: bool = True
    flip_y: bool = False
    rotate: float = 0  # degrees, East of North
    chips: dict = field(default_factory=dict)  # chip number as text to Chip; takes the place of the three above
    header: dict = field(default_factory=lambda: dict(HEADER_DEFAULTS))
    ra_unit: str = "hour"
    time_is: str = "middle"
    zone_h: float | None = None  # hours by which a clock without a zone is ahead of UTC; None: it should be UTC
    equinox: float | str | None = None  # of the pointing, whatever the header says: a year, or "date"
    gain: float | None = None  # e-/ADU
    read_noise: float | None = None  # e-
    saturation: float | None = None  # ADU
    min_area: float = 7  # px
    snr: float = 3
    aprad_default: float = 5  # px
    aprad_range: tuple = (2, 10)  # px
    max_mag: float = 19
    search_radius: float = 0.5  # degrees, added to the radius of the field
    source_tolerance: str = "high"
    astrometry_catalogs: tuple = ("GAIA",)
    photometry_catalogs: tuple = ("PANSTARRS", "SDSS-R9", "APASS9", "2MASS")
    own_copy_keywords: tuple = ()
    keep_keywords: tuple = ()
    mask_files: dict = field(default_factory=dict)  # "2,2" to a file name or path
    setup_folders: tuple = ()  # where files named without a folder are looked for; the packaged one comes last
    distortion: dict | None = None  # {"keyword": str or None, "sets": {header value, or "": {"PV1_0": number}}}
    special: dict = field(default_factory=dict)
    sex: dict = field(default_factory=dict)
    scamp: dict = field(default_factory=dict)
    swarp: dict = field(default_factory=dict)
    sex_file: Path | None = None
    scamp_file: Path | None = None
    swarp_file: Path | None = None
    aliases: tuple = ()
    identifiers: tuple = ()  # header values, or patterns of them with * ? [
    telescop: tuple = ()  # patterns; where given, TELESCOP has to match one of them
    vague: bool = False  # other observatories use the same identifiers
    variants: dict = field(default_factory=dict)  # identifier to the fields in which that camera differs
    cases: tuple = ()  # (keywords, ((patterns of their values, fields that differ), ...)): sites of a family
    legacy_config: str = ""  # name of the original's .sex, .scamp and .swarp files
    legacy: dict | None = None  # the dictionary of a user's mytelescopes.py that this was made from
    origin: str = ""  # file that defines it

    def __hash__(self):
        return hash(self.key)

    def band(self, raw):
        """Return the PP band of the header's filter value `raw` (text or number), None where it has no band.

        Raises UnknownFilter.  Only GENERIC, whose users type filter names, understands those that leave no doubt.
        """
        for name in (str(raw).strip(), as_text(raw)):
            if name in self.filters:
                return self.filters[name]
            if self.key == "GENERIC" and name in PP_BANDS and name not in DOUBTFUL:
                return name
        if str(raw) in filternames.TRICOLOUR:
            return filternames.COLOURS[str(raw)]
        band, doubt = filternames.guess(raw) if self.key == "GENERIC" else (None, "unknown")
        if not doubt:
            return band
        if self.key == "GENERIC":
            raise UnknownFilter(f"filter {doubt}; if it has a band, give it with -filter", band)
        known = ", ".join(repr(name) for name in self.filters)
        raise UnknownFilter(
            f"filter {as_text(raw)!r} is not in filter_translations of {self.key} ({self.origin}); known: {known}; "
            "give its band with -filter, or add it there"
        )

    def keyword(self, role):
        """Return the header keyword for a role such as `ra`; for those with two, as `time` may have, both."""
        return self.header[role].removeprefix(OWN_WCS)

    def chip(self, number):
        """Return the Chip that the header calls `number` (text or number).  Raises TelescopeError."""
        name = as_text(number)
        if name not in self.chips:
            raise TelescopeError(
                f"chip {name} of {self.key} is unknown; known: {', '.join(self.chips)} ({self.origin})"
            )
        chip = self.chips[name]
        if chip.offset is None:
            raise TelescopeError(
                f"chip {name} of {self.key} is not supported: its place and orientation in the camera are not known; "
                "usable: " + ", ".join(name for name, each in self.chips.items() if each.offset is not None)
            )
        return chip

    @property
    def masks(self):
        """Weight images (0 masks a pixel) by binning, {"2,2": Path}; those that are not there are named in LOG."""
        found = {}
        for binning, name in self.mask_files.items():
            path = self._mask(name)
            if path.is_file():
                found[binning] = path
            else:
                log.warning(
                    "%s: no mask for binning %s: %s is not there; the frames tell bad pixels", self.key, binning, path
                )
        return found

    def for_header(self, header, identifier=""):
        """Return this telescope as it is for an image with this `header`: its variant, its site.

        identifier : the header value that led here;  of several cases that fit the last one counts
        Where no station is known the site is the one that the header names, if it does.
        """
        fields = dict(self.variants.get(identifier, {}))
        if self.cases:
            keywords, values = self.cases
            found = [as_text(header.get(keyword, "")) for keyword in keywords]
            for patterns, changes in values:
                if all(fnmatch.fnmatchcase(value, pattern) for value, pattern in zip(found, patterns, strict=True)):
                    fields |= changes
        if fields.get("mpc_code", self.mpc_code) == NO_STATION and header:
            from photometrypipeline.instruments import (
                clocks,
                sites,
            )  # slow to import, and not needed to know the instruments

            fields["mpc_code"] = sites.station(header, clocks.longitude_of(header)) or NO_STATION
        return replace(self, **fields) if fields else self

    def _mask(self, name):
        """Return the path of the mask `name`: where it is, else where it would be among the packaged files."""
        places = [Path(name)] if os.path.dirname(name) else [folder / name for folder in self.setup_folders]
        return next((place for place in places if place.is_file()), places[-1])

    def distortion_of(self, header):
        """Return the PV keywords {name: number} for the first-guess WCS of an image with this `header`, often none."""
        if not self.distortion:
            return {}
        keyword, sets = self.distortion["keyword"], self.distortion["sets"]
        if keyword is None:
            return dict(sets[""])
        value = as_text(header.get(keyword, ""))
        if value not in sets:
            log.warning("%s: no distortion is known for %s = %r; going on without", self.key, keyword, value)
        return dict(sets.get(value, {}))

    @property
    def copy_keywords(self):
        """Keywords that a stack takes over from its first image.

        The instrument's list and whatever its table names, since a stack is prepared and measured like any other image;
        without gain and saturation level, which SWarp works out for the stack.
        """
        keys = ("object", "filter", "exptime", "airmass", "ra", "dec", "chip")
        named = [self.keyword(key) for key in keys if key in self.header]
        named += self.header["time"].split("|") + self.header.get("filter2", "").split()
        for entry in self.binning:
            if isinstance(entry, str):
                named += (
                    [entry.replace("#CH#", channel) for channel in "01234"]
                    if "#CH#" in entry
                    else [entry.split("#")[0]]
                )
        if self.distortion and self.distortion["keyword"]:
            named.append(self.distortion["keyword"])
        names = [*self.own_copy_keywords, *named, *self.keep_keywords, *IDENTIFYING, *CARRIED]
        of_the_stack = {self.header.get("gain"), self.header.get("saturation")}
        return tuple(dict.fromkeys(name.strip() for name in names if name.strip() and name.strip() not in of_the_stack))

    def parameters(self):
        """Return the dictionary of this telescope in the form that the scripts of users know (setup/telescopes.py).

        The dictionary of a user's mytelescopes.py comes back as it was, but for `telescope_keyword`, which is the key.
        """
        if self.legacy is not None:
            return {**copy.deepcopy(self.legacy), "telescope_keyword": self.key}
        header = {role: self.keyword(role) for role in self.header}
        result = {
            "telescope_instrument": self.label,
            "telescope_keyword": self.key,
            "observatory_code": self.mpc_code,
            "secpix": self.pixel_scale or (None, None),
            "ext_coeff": self.extinction,
            **self._orientation(),
            "binning": self.binning,
            "extent": ("NAXIS1", "NAXIS2"),
            **{key: header[key] for key in ("ra", "dec", "radec_separator", "object", "filter", "exptime", "airmass")},
            "date_keyword": header["time"],
            "obsmidtime_jd": header["midtime_jd"],
            "filter_translations": dict(self.filters),
            "source_minarea": self.min_area,
            "source_snr": self.snr,
            "aprad_default": self.aprad_default,
            "aprad_range": list(self.aprad_range),
            "mask_file": {binning: str(self._mask(name)) for binning, name in self.mask_files.items()},
            "reg_max_mag": self.max_mag,
            "reg_search_radius": self.search_radius,
            "source_tolerance": self.source_tolerance,
            "copy_keywords": ",".join(self.copy_keywords),
            "astrometry_catalogs": list(self.astrometry_catalogs),
            "photometry_catalogs": list(self.photometry_catalogs),
        }
        for program in ("sex", "scamp", "swarp"):
            path = getattr(self, f"{program}_file") or self.setup_folders[-1] / f"{self.legacy_config}.{program}"
            result[f"{program}-config-file"] = str(path)
        return result | self._rare_parameters()

    def _orientation(self):
        if not self.chips:
            return {"flipx": self.flip_x, "flipy": self.flip_y, "rotate": self.rotate}
        chips = {int(name) if name.isdigit() else name: chip for name, chip in self.chips.items()}
        return {
            "chip_id": self.header["chip"],
            "flipx": {name: chip.flip_x for name, chip in chips.items()},
            "flipy": {name: chip.flip_y for name, chip in chips.items()},
            "rotate": {name: chip.rotate for name, chip in chips.items()},
            "chip_offset_fixed": {name: chip.offset or (None, None) for name, chip in chips.items()},
        }

    def _rare_parameters(self):
        rare = {}
        if self.distortion:
            keyword, sets = self.distortion["keyword"], self.distortion["sets"]
            rare["distort"] = {"functionof": keyword, **copy.deepcopy(sets)} if keyword else dict(sets[""])
        if self.scamp:
            rare["scamp"] = dict(self.scamp)
        if self.keep_keywords:
            rare["dont_remove"] = self.keep_keywords[0] if len(self.keep_keywords) == 1 else list(self.keep_keywords)
        return rare
