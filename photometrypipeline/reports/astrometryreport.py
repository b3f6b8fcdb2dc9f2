"""From light curves to what the Minor Planet Center wants to know of each observation and of who made it."""

import logging
import re
from dataclasses import dataclass

import numpy as np

import photometrypipeline
from photometrypipeline.frames.means import PER_RELATIVE_FLUX, WEAK_MAG
from photometrypipeline.instruments import telescopes
from photometrypipeline.instruments.values import number
from photometrypipeline.reports import adesrules, mpccodes
from photometrypipeline.reports.ades import Block
from photometrypipeline.reports.centroids import position_errors
from photometrypipeline.reports.designations import Designation, designation, of_body
from photometrypipeline.sky import rounding, times
from photometrypipeline.targets import clock

log = logging.getLogger("pp.astrometryreport")

LEAST_RMS_ARCSEC = 0.001
MOST_TIME_ERROR_S = 60.0  # by which a reported time may be off
OLD_STYLE = re.compile(r"A\d{3} ")  # provisional designations before 1925, which not every state of ADES allows


FITS = {"fit": "own fit to the reference stars", "SCAMP": "SCAMP"}  # solution of the registration: how it is called


@dataclass
class Record:
    """One observation as it is reported: the Observation, its Designation, and `ades`, {field: text}."""

    observation: object
    designation: Designation
    ades: dict


def name_of(series, identifier=None):
    """Return the Designation of a Series: of `identifier` (str) if given, else of what is known of the target."""
    known = of_body(series.full_name)
    given = designation(identifier) if identifier else None
    if known and given and lacks_number(given) and given.prov_id == known.prov_id:
        return known  # which has its number
    return given or known or designation(series.target)


def lacks_number(named):
    """Return whether ADES refuses a Designation: one from before 1925 alone, all of which have numbers by now."""
    return bool(OLD_STYLE.match(named.prov_id)) and not named.perm_id


def records_of(series, named, settings, astcat=None):
    """Return the Records (list) of the accepted rows of a Series; `astcat` overrides REGCAT of the images."""
    rows = [each.row for each in series.observations]
    scales = [number(each.header.get("SECPIX")) for each in series.observations]
    scale_arcsec = max((scale for scale in scales if scale > 0), default=0.0)
    about_clock = clock.told({series.target: rows}, scale_arcsec) if series.kind in clock.KINDS else ""
    return [
        Record(each, named, _fields(each, named, settings, astcat, about_clock))
        for each in series.observations
        if each.row.accepted
    ]


def _fields(each, named, settings, astcat, about_clock):
    """Return {field of ADES: text} of an Observation; what is not known is left out."""
    telescope = telescopes.get(each.row.telescope)
    rms_ra, rms_dec, correlation, rms_fit = position_errors(each)
    registered = each.header.get("REGCAT")
    fields = {
        "permID": _with_fragment(named.perm_id, named),
        "provID": "" if named.perm_id and OLD_STYLE.match(named.prov_id) else _with_fragment(named.prov_id, named),
        "trkSub": named.trk_sub,
        "mode": settings.telescope(telescope.key)["mode"],
        "stn": each.station,
        **time_of(each.row),
        "ra": f"{round(each.row.ra_deg, 7) % 360:.7f}",  # what is nearly 360 deg is 0
        "dec": f"{each.row.dec_deg:+.7f}",
        "astCat": astcat or mpccodes.catalog_codes(registered)[0],
        **_photometry(each),
        "logSNR": _number(np.log10(PER_RELATIVE_FLUX / each.row.e_inst) if each.row.e_inst > 0 else np.nan, 2),
        "seeing": _number(each.row.fwhm_arcsec, 2),
        "exp": _number(each.row.exptime_s, 2).rstrip("0").rstrip("."),
    }
    if np.isfinite([rms_ra, rms_dec, correlation]).all():
        fields["rmsRA"], fields["rmsDec"] = (_number(max(rms, LEAST_RMS_ARCSEC), 3) for rms in (rms_ra, rms_dec))
        fields["rmsCorr"] = f"{np.clip(round(correlation, 3), -0.999, 0.999) + 0.0:.3f}"  # never -0.000
    if np.isfinite(rms_fit) and rms_fit > 0:
        fields["rmsFit"] = _number(max(rms_fit, LEAST_RMS_ARCSEC), 3)
    if each.registration and each.registration.n_matched:
        fields["nStars"] = str(each.registration.n_matched)
    remarks = _remarks(each, fields, about_clock)
    if remarks:
        fields["remarks"] = remarks
    return {name: text for name, text in fields.items() if text}


def _with_fragment(name, named):
    return f"{name}-{named.fragment}" if name and named.fragment else name


def time_of(row):
    """Return the fields of the time of a Row, with what it may be off by (s) where that is in doubt."""
    unsure = row.time_err_s > 0
    return {"obsTime": iso_of(row.jd), **({"uncTime": f"{row.time_err_s:.1f}"} if unsure else {})}


def iso_of(jd):
    """Return `YYYY-MM-DDTHH:MM:SS.ssZ` of a UTC Julian date, seconds rounded and carried over."""
    midnight, hundredths = rounding.day_and_parts(jd, 8640000)
    date = times.text_of(midnight + 1e-6).split()[0]
    return f"{date}T{rounding.sexagesimal(hundredths / 360000, 2, ':')}Z"


def _photometry(each):
    """Return the fields of the magnitude; none for an instrumental one, or a band for which the MPC has no name."""
    row = each.row
    band = mpccodes.band_codes(row.band)[0]
    if not (row.calibrated and band):
        return {}
    aperture = each.card("APRAD") * each.pixel_scale_arcsec
    return {
        "mag": f"{row.mag:.3f}",
        "rmsMag": _number(max(row.err_whole, 0.001), 3),
        "band": band,
        "photCat": mpccodes.catalog_codes(row.catalog)[0],
        "photAp": _number(aperture, 2) if row.method == "APER" else "",
    }


def _remarks(each, fields, about_clock):
    row, found = each.row, [about_clock] if about_clock else []
    if row.e_inst > WEAK_MAG:
        found.append(f"weak detection, S/N {PER_RELATIVE_FLUX / row.e_inst:.1f}")
    if row.calibrated and not fields.get("photCat"):
        known = "a zeropoint given by hand" if row.catalog == "manual_zp" else f"photometric catalogue {row.catalog}"
        found.append(
            known if fields.get("mag") else f"magnitude in {row.band} left out: the MPC has no name for this band"
        )
    return "; ".join(found)


def _number(value, decimals):
    return f"{value:.{decimals}f}" if np.isfinite(value) else ""


def context_of(key, station, settings, fits=()):
    """Return the header {group: entries} for the observations with one telescope and camera, called `key`.

    station : code of the MPC;  fits : what made the astrometric solutions, as the registration calls it
    """
    about = settings.telescope(key)
    texts = {"aperture": about.get("aperture_m"), "fRatio": about.get("f_ratio"), "design": about.get("design")}
    texts |= {"detector": about["detector"], "name": about.get("name")}
    order = ("name", "design", "aperture", "detector", "fRatio")
    version = f"Photometry Pipeline {photometrypipeline.__version__}"
    context = {
        "observatory": [("mpcCode", station)],
        "submitter": [("name", settings.submitter), ("institution", settings.institution)],
        "observers": [("name", name) for name in settings.observers],
        "measurers": [("name", name) for name in settings.measurers],
        "telescope": [(name, str(texts[name])) for name in order if texts[name]],
        "software": [("astrometry", ", ".join([version, *fits])), ("photometry", f"{version}, Source Extractor")],
        "coinvestigators": [("name", name) for name in settings.coinvestigators],
        "collaborators": [("name", name) for name in settings.collaborators],
        "fundingSource": settings.funding,
        "comment": [("line", line) for line in settings.comment.splitlines()],
    }
    cleaned = {
        group: entries if isinstance(entries, str) else [(name, text) for name, text in entries if text]
        for group, entries in context.items()
    }
    return {group: entries for group, entries in cleaned.items() if entries}


def blocks_of(records, settings):
    """Return the Blocks (list) of a report: one for each camera and station, records in order of time."""
    blocks = []
    for (key, station), own in by_camera(records).items():
        known = {each.solution for each in (record.observation.registration for record in own) if each}
        fits = [name for solution, name in FITS.items() if solution in known]
        blocks.append(Block(context_of(key, station, settings, fits), [record.ades for record in own]))
    return blocks


def by_camera(records):
    """Return {(key of the telescope, station): Records in order of time}; a family of cameras has many stations."""
    found = {}
    for record in records:
        found.setdefault((record.observation.row.telescope, record.observation.station), []).append(record)
    return {pair: sorted(own, key=lambda record: record.observation.row.jd) for pair, own in found.items()}


def sound(records, losses):
    """Return the Records that the MPC would not refuse; the others go to `losses`, with the reason."""
    good = []
    for record in records:
        reasons = adesrules.check_record(record.ades)
        time_err_s = record.observation.row.time_err_s
        if time_err_s > MOST_TIME_ERROR_S:
            losses.add(
                record.observation.image,
                f"not reported: its time may be off by {times.spoken_s(time_err_s)}; PPDOUBT in its header says why",
            )
        elif reasons:
            losses.add(
                record.observation.image, f"not reported: {'; '.join(_explained(record, reason) for reason in reasons)}"
            )
        else:
            good.append(record)
    refused = dict(adesrules.check_series([record.ades for record in good]))
    for place, reason in refused.items():
        losses.add(good[place].observation.image, f"not reported: {reason}")
    return [record for place, record in enumerate(good) if place not in refused]


def _explained(record, reason):
    """Add what to do about a breach."""
    if not reason.startswith("astCat"):
        return reason
    known = record.observation.header.get("REGCAT")
    if known:
        return f"the MPC has no name for {known}, the catalogue of its registration; use another, or give -astcat"
    return "the catalogue behind its positions is unknown; register it with pp_register, or give -astcat"
