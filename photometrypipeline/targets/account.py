"""How a magnitude came about: step by step from the pixels to the number, with the files that each step rests on.

The account is told from what the steps have recorded, for the page of a frame and for pptool_explain alike.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from photometrypipeline.base.files import reference_file, stem_of
from photometrypipeline.frames import records, recordtypes
from photometrypipeline.frames.records import known, number
from photometrypipeline.frames.rows import RECORDED_KINDS
from photometrypipeline.photometry import forced
from photometrypipeline.sky import rounding
from photometrypipeline.sky.times import text_of

MOST_NEIGHBOURS = 6  # of a target, the nearest
STEPS = ("prepare", "register", "photometry", "calibrate")  # whose records are made of frames
MOST_STARS = 8  # that a text names; the facts have all
PSF_HINT = "the aperture does not serve: bad pixels, a neighbour within a FWHM, or more light of others than of it"


@dataclass
class Step:
    """One step of an account: its name, what happened in words, {name: number or list}, the files it rests on."""

    name: str
    text: str
    facts: dict = field(default_factory=dict)
    files: list = field(default_factory=list)


# ---- what pp_distill records


def lights(outcome, measured):
    """Return the TargetLights (list) of the targets that were asked for.

    outcome : measuring.Outcome;  measured : list of targets.Measured
    """
    found = []
    for track in outcome.tracks:
        if track.target.kind not in RECORDED_KINDS:
            continue
        for n in track.numbers:
            light = outcome.lights.get((track.target.name, n))
            if light is not None:
                name = measured[n].frame.name
                at = float(track.x[n]), float(track.y[n])
                place = track.places[name]
                found.append(_light(track.target.name, name, light, outcome.exposures[n], at, place))
    return found


def _light(target, frame, light, exposure, at, place):
    psf, drawn_out = exposure.psf, float(np.hypot(*light.trail_px)) / 2
    near = sorted((float(np.hypot(each.x - at[0], each.y - at[1])), each) for each in light.neighbours)
    return recordtypes.TargetLight(
        target=target,
        frame=frame,
        x_px=at[0] + 1,
        y_px=at[1] + 1,
        place_err_arcsec=_finite(place.sigma_arcsec),
        confirmed=bool(place.confirmed),
        by_source=bool(place.by_source),
        radius_px=float(exposure.radius_px),
        gain=exposure.gain and float(exposure.gain),
        fwhm_px=exposure.fwhm_px,
        psf_stars=len(exposure.ties) if exposure.ties else 0,
        psf_residual=_finite(psf.residual),
        psf_guessed=bool(psf.guessed),
        trail_px=[float(axis) for axis in light.trail_px],
        trail_correction_mag=light.trail_correction_mag,
        pixel_correction_mag=light.pixel_correction_mag,
        ring_px=[float(radius + drawn_out) for radius in exposure.ring_px],
        sky_adu=light.sky,
        sigma_adu=light.sigma,
        flux_adu=light.flux,
        flux_err_adu=light.flux_err,
        scene_err_adu=light.scene_err,
        offset_mag=float(light.offset_mag),
        psf_flux_adu=light.psf_flux,
        psf_flux_err_adu=light.psf_flux_err,
        psf_scene_err_adu=light.psf_scene_err,
        psf_offset_mag=float(light.psf_offset_mag),
        neighbour_flux_adu=light.neighbour_flux,
        masked_fraction=light.masked_fraction,
        n_struck=int(light.n_struck),
        noise_adu=_finite(light.noise),
        n_empty=int(light.n_empty),
        neighbours=[_neighbour(each, apart) for apart, each in near[:MOST_NEIGHBOURS]],
    )


def _neighbour(each, apart):
    return recordtypes.NeighbourLight(
        x_px=each.x + 1, y_px=each.y + 1, distance_px=apart, flux_adu=_finite(each.flux), err_adu=_finite(each.flux_err)
    )


def _finite(value):
    return float(value) if value is not None and math.isfinite(value) else None


# ---- the account


class Ledger:
    """What the steps of a data set have recorded, by frame.

    found : {step: record};  made : as of provenance.made_by, what the steps were made with
    """

    def __init__(self, found, made=()):
        self.records, self.made = found, list(made)
        self.parts = {
            step: {stem_of(str(part.name)): part for part in found[step].frames} for step in STEPS if found.get(step)
        }
        lights = found["distill"].lights if found.get("distill") else []
        self.lights = {(each.target, stem_of(each.frame)): each for each in lights}
        calibrate = found.get("calibrate")
        counts = calibrate and calibrate.night and calibrate.night.counts
        self.night = {star.ident: star for star in calibrate.night.stars} if counts else {}
        self.facts = None, None  # of the stars of the frame asked for last, which all its targets share

    def steps(self, row):
        """Return the Steps (list) that led to a Row."""
        teller = _Teller(self, row)
        told = [teller.frame(), teller.registration(), teller.mask(), teller.sources(), teller.place(), teller.psf()]
        told += [teller.trail(), teller.sky(), teller.neighbours(), teller.light(), teller.zeropoint(), teller.stars()]
        told += [teller.transformation(), teller.magnitude(), teller.errors(), teller.verdict()]
        return [step for step in [*told, *_versions(self.made)] if step]


class _Teller:
    """The parts of the records that belong to one Row, and what is to be said of them."""

    def __init__(self, ledger, row):
        stem = stem_of(row.frame)
        self.row, self.ledger, self.records, self.night = row, ledger, ledger.records, ledger.night
        self.parts = {step: parts.get(stem) for step, parts in ledger.parts.items()}
        self.seen = ledger.lights.get((row.target, stem))
        self.by_psf = row.method == "PSF"

    def frame(self):
        """The exposure, and how its header was read."""
        row, part = self.row, self.parts.get("prepare")
        filters = f", filter {part.filter}" if part and part.filter else ""
        airmass = f", airmass {row.airmass:.3f}" if known(row.airmass) else ""
        size = f", {part.size_px[0]} x {part.size_px[1]} px" if part else ""
        text = (
            f"{row.frame}, middle of the exposure {text_of(row.jd)[:23]} UTC (JD {row.jd:.8f}), {row.exptime_s:g} s"
            f"{filters}{size}{airmass}; read as {row.telescope or 'an unknown camera'}"
        )
        return Step("frame", text, {"jd": row.jd, "exptime_s": row.exptime_s, "airmass": row.airmass}, [row.frame])

    def registration(self):
        """The coordinates."""
        record, part = self.records.get("register"), self.parts.get("register")
        if record is None:
            return None
        if record.skipped or part is None:
            return Step("coordinates", "as the frame came with them (-keep_wcs)", {}, [self.row.frame])
        rms = f', {part.rms_arcsec:.3f}" rms' if known(part.rms_arcsec) else ""
        shape = f"{part.solution}, {part.model or f'degree {part.degree}'}" if part.solution else "no solution"
        text = f"by {part.n_matched} of {part.n_sources} sources that are stars of {record.catalog}{rms}; {shape}"
        facts = {"n_matched": part.n_matched, "rms_arcsec": part.rms_arcsec}
        return Step("coordinates", text, facts, [self.row.frame, reference_file(record.catalog)])

    def mask(self):
        """The pixels that do not count."""
        record = self.records.get("photometry")
        bad = record.bad_pixels if record else None
        words = [f"{bad.number} bad pixels of the detector" if bad and bad.number else "no bad pixels are known"]
        seen, facts = self.seen, {}
        if seen:
            words.append(f"{100 * seen.masked_fraction:.1f} % of the light of the target falls on bad ones")
            facts = {"masked_fraction": seen.masked_fraction, "n_struck": seen.n_struck}
            words += [f"{seen.n_struck} pixels left out that a cosmic ray hit"] if seen.n_struck else []
        return Step("mask", "; ".join(words), facts, [bad.file] if bad and bad.number and bad.file else [])

    def sources(self):
        """The source list and the aperture."""
        record, part = self.records.get("photometry"), self.parts.get("photometry")
        if record is None or part is None:
            return None
        radius = f"aperture of {record.aprad_px:.2f} px radius: {record.basis}" if known(record.aprad_px) else ""
        text = f"{part.n_sources} by Source Extractor, from {record.snr:g} sigma on; {radius or record.method}"
        return Step("sources", text, {"aprad_px": record.aprad_px}, [self.row.ldac])

    def place(self):
        """Where the target was expected, and where it was measured."""
        row, seen = self.row, self.seen
        places = f"RA {row.ra_pred_deg:.6f}, Dec {row.dec_pred_deg:+.6f}"
        source = _SOURCES.get(row.source, row.source)
        words = [f"predicted at {places} deg" + (f" by {source}" if source else "")]
        if known(row.sigma_ra_arcsec):
            words[0] += f' (+- {max(row.sigma_ra_arcsec, row.sigma_dec_arcsec):.2g}")'
        if any((row.offset_ra_arcsec, row.offset_dec_arcsec)):
            words.append(f'an offset of {row.offset_ra_arcsec:g}", {row.offset_dec_arcsec:g}" was given by hand')
        facts = {"ra_pred_deg": row.ra_pred_deg, "dec_pred_deg": row.dec_pred_deg}
        if row.detected and known(row.distance_arcsec):
            odds = f", the target with probability {row.probability:.3f}" if known(row.probability) else ""
            words.append(f'its source lies {row.distance_arcsec:.2f}" from there{odds}')
        if seen:
            why = "as the other frames have it" if seen.confirmed else "which no other frame confirms"
            why = "where this source is" if seen.by_source else why
            words.append(f"measured at x = {seen.x_px:.3f}, y = {seen.y_px:.3f} px, {why}")
            facts |= {"x_px": seen.x_px, "y_px": seen.y_px}
        return Step("place", "; ".join(words), facts)

    def psf(self):
        """The profile of a star."""
        seen = self.seen
        if seen is None:
            return None
        facts = {"fwhm_px": seen.fwhm_px, "psf_stars": seen.psf_stars, "psf_residual": seen.psf_residual}
        facts |= {"pixel_correction_mag": seen.pixel_correction_mag}
        among_pixels = f"; {seen.pixel_correction_mag:+z.4f} mag for its place among the pixels"
        if seen.psf_guessed:
            text = f"guessed from the width of the sources, FWHM {seen.fwhm_px:.2f} px{among_pixels}"
            return Step("PSF", text, facts)
        left = f"; it leaves {100 * seen.psf_residual:.2f} % of a star" if number(seen.psf_residual) >= 5e-5 else ""
        stars = f"{seen.psf_stars} stars tie it to the source list"
        return Step("PSF", f"FWHM {seen.fwhm_px:.2f} px{left}; {stars}{among_pixels}", facts)

    def trail(self):
        """The motion during the exposure."""
        seen = self.seen
        length = math.hypot(*seen.trail_px) if seen else 0.0
        if not length:
            return None
        text = f"{length:.2f} px long; {seen.trail_correction_mag:+.4f} mag for what it takes out of the aperture"
        return Step("trail", text, {"trail_px": seen.trail_px, "trail_correction_mag": seen.trail_correction_mag})

    def sky(self):
        """The background."""
        seen = self.seen
        if seen is None:
            return None
        inner, outer = seen.ring_px
        digits = rounding.decimals(seen.sigma_adu, 2)
        text = f"{seen.sky_adu:.{digits}f} ADU, a pixel scatters by {seen.sigma_adu:.{digits}f}, in a ring from"
        text += f" {inner:.1f} to {outer:.1f} px without sources"
        return Step("sky", text, {"sky_adu": seen.sky_adu, "sigma_adu": seen.sigma_adu, "ring_px": seen.ring_px})

    def neighbours(self):
        """The stars whose light was taken off."""
        seen = self.seen
        if seen is None:
            return None
        if not seen.neighbours:
            return Step("neighbours", "none within reach")
        digits = rounding.decimals(seen.flux_err_adu, 0) if seen.flux_err_adu < 1 else 0
        names = [f"{each.flux_adu:.{digits}f} ADU at {each.distance_px:.1f} px" for each in seen.neighbours]
        many = f"{len(names)} nearest" if len(names) == MOST_NEIGHBOURS else f"{len(names)}"
        text = f"{many} taken off: {', '.join(names)}; in the aperture they have"
        text += f" {seen.neighbour_flux_adu:.{max(digits, 1)}f} ADU"
        facts = {"neighbours": records.plain(seen.neighbours), "neighbour_flux_adu": seen.neighbour_flux_adu}
        return Step("neighbours", text, facts)

    def light(self):
        """What was counted, and the instrumental magnitude of it."""
        row, seen = self.row, self.seen
        if seen is None:
            text = f"instrumental magnitude {row.inst:.4f} +- {row.e_inst:.4f} as Source Extractor has it"
            return Step("light", text, {"inst_mag": row.inst}, [row.ldac]) if row.detected else None
        flux, err, offset = (
            (seen.psf_flux_adu, seen.psf_flux_err_adu, seen.psf_offset_mag)
            if self.by_psf
            else (seen.flux_adu, seen.flux_err_adu, seen.offset_mag)
        )
        by_psf = f"by PSF{' and trail' if any(seen.trail_px) else ''}, since {PSF_HINT}"
        how = by_psf if self.by_psf else "in the aperture"
        digits = rounding.decimals(err, 2)
        text = f"{flux:.{digits}f} +- {err:.{digits}f} ADU {how}"
        facts = {"flux_adu": flux, "flux_err_adu": err, "offset_mag": offset, "method": row.method}
        if row.detected and flux > 0:
            text += f"; -2.5 lg({flux:.{digits}f}) {offset:+.4f} (scale of the source list)"
            text += f" = {row.inst:.4f} mag instrumental"
            facts["inst_mag"] = row.inst
        if row.detected and known(row.mag_psf) and not self.by_psf:
            text += f"; by PSF {row.mag_psf - row.mag:+.4f} mag from that"
        return Step("light", text, facts, [row.frame])

    def zeropoint(self):
        """What was added to the instrumental magnitude."""
        row, part = self.row, self.parts.get("calibrate")
        if part is None or not row.calibrated:
            reason = part.reason if part and part.reason else "the magnitude stays instrumental"
            return Step("zeropoint", f"none: {reason}")
        zp, method = number(part.zp_mag), {"night": "one solution of the night", "frame": "this frame by itself"}
        words = [f"{zp:.4f} mag, by {method.get(part.method, 'hand')}"]
        if part.method == "night" and known(part.zp_frame_mag):
            words.append(f"this frame by itself has {part.zp_frame_mag:.4f}")
        facts = {"zp_mag": part.zp_mag, "zp_sig_mag": part.zp_sig_mag, "zp_frame_mag": part.zp_frame_mag}
        if row.detected and known(row.mag - row.inst):
            facts["added_mag"] = row.mag - row.inst
            if abs(facts["added_mag"] - zp) > 5e-5:
                words.append(f"with the place on the detector, and the colour of a star, {facts['added_mag']:.4f} mag")
        return Step("zeropoint", "; ".join(words), facts, [f"{row.ldac}.db"])

    def stars(self):
        """The reference stars with their weights, those first that matter most."""
        record, part = self.records.get("calibrate"), self.parts.get("calibrate")
        if part is None or not part.stars:
            return None
        if self.ledger.facts[0] is not part:
            facts = sorted(map(self._star, part.stars), key=lambda star: (not star["weight"], -abs(star["moves_mag"])))
            self.ledger.facts = part, facts
        facts = self.ledger.facts[1]
        counted = [star for star in facts if star["weight"]]
        shown = ", ".join(map(_told, counted[:MOST_STARS]))
        more = f" and {len(counted) - MOST_STARS} more" if len(counted) > MOST_STARS else ""
        where = "count in the night" if self.night else "count"
        text = f"{len(counted)} of {len(facts)} on this frame {where}: {shown}{more}"
        file = reference_file(str(record.catalog).removesuffix("_transformed"))
        return Step("reference stars", text, {"stars": facts}, [file])

    def _star(self, star):
        """Return the facts of a reference star; its weight is that in the night, or 1 where the frame used it."""
        of_night = self.night.get(star.ident)
        told = {name: getattr(star, name) for name in ("ident", "ra_deg", "dec_deg", "mag", "e_mag", "inst_mag")}
        weight = number(of_night.weight) if of_night else 0.0 if self.night else float(star.used)
        told["weight"] = weight if math.isfinite(weight) else 0.0
        told["offset_mag"] = of_night.offset if of_night else None
        told["moves_mag"] = of_night.influence if of_night and known(of_night.influence) else 0.0
        return told

    def transformation(self):
        """Between the bands, and for which colour."""
        record = self.records.get("calibrate")
        if record is None or not self.row.calibrated:
            return None
        words = [f"{record.catalog_history or record.catalog or 'set by hand'}"]
        night = record.night
        if night and night.counts:
            told = [f"{term.name} {term.value:+.4f} +- {term.err:.4f}" for term in night.terms if known(term.value)]
            words += [f"terms: {', '.join(told)}"] if told else []
            color = night.target_color
            words += [f"for a source of {color.name} = {color.value:.3f}, {color.origin}"] if color else []
        if record.color_term:
            words.append(f"colour term {record.color_term.coefficient:+.4f} * ({record.color_term.color})")
        return Step("transformation", "; ".join(words), {"band": self.row.band, "magsys": self.row.magsys})

    def magnitude(self):
        """The sum, or the limit."""
        row, seen = self.row, self.seen
        band = f" in {row.band} ({row.magsys})" if row.calibrated else ", instrumental"
        if not row.detected:
            if not known(row.mag_limit):
                return Step("limit", "none")
            text = f"fainter than {row.mag_limit:.3f} mag{band}: {forced.DETECTION_SIGMA:g} times the noise"
            if seen and known(seen.noise_adu):
                digits = rounding.decimals(seen.noise_adu, 1)
                text += f", {seen.noise_adu:.{digits}f} ADU by {seen.n_empty} empty places around"
            return Step("limit", text, {"mag_limit": row.mag_limit, "inst_limit": row.inst_limit}, ["photometry.db"])
        added = f" {row.mag - row.inst:+.4f} = {row.mag:.4f}" if row.calibrated else ""
        return Step("magnitude", f"{row.inst:.4f}{added} mag{band}", {"mag": row.mag}, ["photometry.db"])

    def errors(self):
        """Both errors with their parts."""
        row = self.row
        if not row.detected:
            return None
        words, facts = [], {}
        for total, parts in (
            ("err_frame", ("err_source", "err_zp_frame", "err_scene", "err_psf")),
            ("err_common", ("err_zp_common", "err_transformation", "err_color", "err_uniformity")),
        ):
            value = getattr(row, total)
            own = {name: getattr(row, name) for name in parts if number(getattr(row, name)) > 0}
            facts |= {total: value} | own
            told = ", ".join(f"{_short(name)} {part:.4f}" for name, part in own.items())
            if known(value):
                words.append(f"{value:.4f} mag {_MEANING[total]}" + (f" ({told})" if told else ""))
        return Step("errors", "; ".join(words) or f"{row.sig:.4f} mag", facts)

    def verdict(self):
        """Whether it counts."""
        row = self.row
        return Step("result", "counts" if row.accepted and row.detected else f"does not count: {row.reason}")


_SOURCES = {"store": "the ephemeris in the store"}
_MEANING = {"err_frame": "by which repeated measurements scatter", "err_common": "that all frames share"}
_WORDS = {
    "err_source": "photons and sky",
    "err_zp_frame": "zeropoint",
    "err_scene": "neighbours",
    "err_psf": "PSF",
    "err_zp_common": "mean zeropoint",
    "err_color": "colour",
    "err_uniformity": "catalogue",
}


def _told(star):
    moves = f", moves it by {1000 * star['moves_mag']:+.2f} mmag" if star["moves_mag"] else ""
    return f"{star['ident']} ({number(star['mag']):.3f} mag, weight {star['weight']:.2f}{moves})"


def _short(name):
    return _WORDS.get(name, name.removeprefix("err_"))


def _versions(made):
    """Return the Steps (list) that name what the result was made with."""
    if not made:
        return []
    last = made[-1]
    program, code, python, *packages = last["version"]
    text = f"pipeline {program} (sources {code[:12]}), Python {python}, {', '.join(packages)}"
    text += "".join(f"; {each}" for each in dict.fromkeys(one for step in made for one in step["programs"]))
    options = [f"pp_{step['step']} {' '.join(step['options'])}" for step in made if step["options"]]
    text += f"; options: {'; '.join(options)}" if options else "; all options as they are by default"
    files = [f".diagnostics/stamps/{step['step']}.json" for step in made]
    return [Step("made with", text, {"steps": list(made)}, files)]
