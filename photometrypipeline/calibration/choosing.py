"""Which catalogue a data set is calibrated with, and which of its stars: the first that is good for the band."""

import logging
from dataclasses import dataclass

import numpy as np

from photometrypipeline.base.attempts import attempt
from photometrypipeline.base.errors import CatalogError, NotReachable, Offline, PipelineError
from photometrypipeline.base.files import reference_file
from photometrypipeline.calibration import isolation, leftout, referencestars
from photometrypipeline.calibration.calibrated import Reference
from photometrypipeline.frames import ldac, seeing
from photometrypipeline.sky import sphere, times

log = logging.getLogger("pp.choosing")


@dataclass(frozen=True)
class Limits:
    """What reference stars have to be, mag: how many, how bright, how well known, how near to the Sun's colours."""

    faintest_mag: float
    fewest: int
    most: int
    largest_err_mag: float
    solar_width_mag: float | None = None


def reference(frames, names, settings, limits, fetch, folder, wish=None):
    """Return the Reference of the first catalogue that is good for the band, None if none is.

    names : of catalogues, in this order;  limits : Limits;  wish : (name of the colour, ...) that stars have to have
    fetch : called with (name, ra_deg, dec_deg, radius_deg, faintest mag), returns a Catalog
    folder : where the stars of the catalogue are written, None for nowhere
    Raises NotReachable if services failed and no other catalogue helped.
    """
    seen = [each for each in (_seen(frame, settings.maxflag) for frame in frames) if len(each[0])]
    if not seen:
        return None  # each frame says itself what it lacks
    ra, dec, radius = sphere.skycenter([(ra, dec) for ra, dec, _ in seen])
    fwhm_arcsec = float(np.median([width for _, _, width in seen]))
    epoch = times.julian_epoch(np.mean([frame.number("MIDTIMJD") for frame in frames]))
    refusals, failures = [], []
    for name in dict.fromkeys(names):
        try:
            faintest = referencestars.limit_mag(name, (ra, dec, radius), limits.faintest_mag)
            catalog = fetch(name, ra, dec, radius, faintest)
            return _prepared(catalog, settings, limits, epoch, folder, wish, fwhm_arcsec)
        except NotReachable as error:
            known = isinstance(error, Offline) or str(error) in map(str, failures)
            log.log(logging.INFO if known else logging.WARNING, "catalogue %s: %s; trying the next one", name, error)
            failures.append(error)
        except CatalogError as error:
            log.info("catalogue %s: %s", name, error)
            told = str(error)
            refusals.append(told if told.startswith(f"{name}: ") else f"{name}: {told}")
    if failures:
        log.info("no catalogue can be used: %s", "; ".join(dict.fromkeys([*refusals, *map(str, failures)])))
        raise _in_one(failures, names)
    log.warning("no catalogue can be used: %s", "; ".join(refusals))
    return None


def _in_one(failures, names):
    """Return one NotReachable for all that was met with the catalogues `names`."""
    first = failures[0]
    if all(isinstance(each, Offline) for each in failures) and len(failures) > 1:
        return Offline(first.service, first.host, f"all of {', '.join(names)} there")
    return first


def _seen(frame, maxflag):
    """Return (ra_deg, dec_deg, width of stars in arcsec) of the sources of a frame, empty if it has no list."""
    sources = attempt(lambda path: ldac.read(path, maxflag), frame.ldac)
    if isinstance(sources, PipelineError):
        return np.empty(0), np.empty(0), np.nan
    scale = float(frame.header.get("SECPIX") or np.nan)
    return sources.ra_deg, sources.dec_deg, seeing.bright_fwhm_px(sources.table) * scale


def _prepared(catalog, settings, limits, epoch, folder, wish, fwhm_arcsec):
    """Return the Reference that `catalog` makes in the band; writes its stars into `folder`, unless that is None.

    fwhm_arcsec : of stars, NaN where that is unknown
    Raises CatalogError if too few stars are left.
    """
    log.info("%d stars of %s for the calibration", len(catalog), catalog.release)
    everything = _places_of(catalog.at_epoch(epoch))
    fetched = catalog.name
    left_out, strangers = [], []
    if settings.excluded:
        catalog, left_out, strangers = leftout.without(catalog.at_epoch(epoch), settings.excluded, settings.band)
    catalog, mag, err = referencestars.good(catalog, settings, limits.solar_width_mag, limits.fewest)
    if folder is not None:
        catalog.at_epoch(epoch).write_reference(folder / reference_file(fetched), epoch)
    catalog = referencestars.usable(catalog, mag, err, settings, wish, limits.fewest, limits.largest_err_mag)
    catalog = referencestars.brightest(catalog, mag, limits.most).at_epoch(epoch)
    name = wish[0] if wish else catalog.usual_color()
    colors = catalog.color(name) if name else (None, None)
    uniformity = catalog.survey.uniformity_mag if catalog.survey else 0.0
    light = isolation.neighbour_light(_places_of(catalog), everything, settings.aperture_arcsec, fwhm_arcsec)
    alone = referencestars.stand_alone(catalog, light, settings.fixed)
    scatter = catalog.relation_scatter(settings.band)
    return Reference(catalog, mag, err, epoch, scatter, uniformity, name, *colors, alone, left_out, strangers, light)


def _places_of(catalog):
    """Return (ra_deg, dec_deg, mag) of the stars of a Catalog."""
    return tuple(catalog.values(name) for name in ("ra_deg", "dec_deg", "mag"))
