"""State of a registration at work: which frames are solved, where the others are thought to lie, what was found out."""

from dataclasses import dataclass, field

import numpy as np

from photometrypipeline.base.errors import NotReachable
from photometrypipeline.frames import wcskeywords
from photometrypipeline.frames.frame import set_keyword
from photometrypipeline.instruments.dataset import DataSet
from photometrypipeline.registration import astrometry, locate
from photometrypipeline.sky import sphere

SEPARATION_LIMIT_DEG = 5.0  # fields further apart are different fields
SCALE_TOLERANCE = 0.2  # of the pixel scale


@dataclass
class Attempt:
    """State of the work: the DataSet, extractions in question, first guesses, what is solved so far, by frame name.

    trimmed : {name: SourceList} of the sources that take part;  located : [(Seen, Solution)]
    """

    data: DataSet
    extractions: list
    guesses: dict
    trimmed: dict
    telescope: object
    mask: int
    solved: dict = field(default_factory=dict)
    verdicts: dict = field(default_factory=dict)
    catalogs: dict = field(default_factory=dict)
    located: list = field(default_factory=list)
    failures: dict = field(default_factory=dict)  # {catalogue: error}
    answered: bool = False  # whether any catalogue told what stars there are
    doubted: bool = False  # whether headers are looked at as mistaken
    told_arcsec: float | None = None  # the pixel scale of the headers, where it is doubted

    def open(self, extractions=None):
        """Return those of `extractions` (default all) that are not solved yet."""
        return [each for each in extractions or self.extractions if each.frame.name not in self.solved]

    def refuse(self, extraction, reason, **numbers):
        """Note why a frame is not solved, unless something more telling is noted already."""
        name = extraction.frame.name
        self.verdicts[name] = astrometry.Verdict(name, reason, n_sources=len(self.trimmed[name]), **numbers)

    def write_into(self, frame, verdict):
        """Save a Frame with its solution; return its pixel scale (arcsec) where no header tells it, None elsewhere."""
        solution, header = self.solved[frame.name], frame.header
        wcskeywords.write_solution(header, solution, self.catalogs[frame.name], self.telescope.keep_keywords)
        wcskeywords.note_rms(header, verdict.rms_arcsec, verdict.cv_arcsec)
        wcskeywords.note_pointing(header, unknown=False)
        header["TEL_KEYW"] = self.telescope.key
        scale = wcskeywords.pixel_scale_arcsec(solution) if wcskeywords.NO_SCALE in header else None
        if scale:
            wcskeywords.note_scale(header, scale)
        frame.save()
        return scale

    def raise_if_nothing_answered(self):
        """Raise the NotReachable, or else the CatalogError, for which there were no stars to register on."""
        errors = list(self.failures.values())
        if errors and not (self.answered or self.solved):
            raise next((error for error in errors if isinstance(error, NotReachable)), errors[0])

    @property
    def scale_tolerance(self):
        """How far the pixel scale may be off (fraction)."""
        return max(SCALE_TOLERANCE, float(self.telescope.scamp.get("PIXSCALE_MAXERR", 1.0)) - 1, self.guessed - 1)

    @property
    def guessed(self):
        """The factor within which the pixel scale is right where it is a guess, 1 where it is known."""
        return max((wcskeywords.scale_factor(each.frame.header) for each in self.open()), default=1.0)

    def doubt_scale(self, factor):
        """Take the pixel scale of the headers for a guess, right within `factor`; False where it is one already."""
        if self.guessed > 1:
            return False
        self.told_arcsec = float(np.median([each.frame.number("SECPIXX") for each in self.extractions]))
        for extraction in self.extractions:
            set_keyword(extraction.frame.header, wcskeywords.NO_SCALE, factor, "pixel scale of the header is doubted")
        return True

    def believe_scale(self):
        """Take the pixel scale of the headers as known again."""
        self.told_arcsec = None
        for extraction in self.extractions:
            extraction.frame.header.remove(wcskeywords.NO_SCALE, ignore_missing=True)

    def has_place(self, extraction):
        """Return whether there is a first guess of where a frame lies."""
        return wcskeywords.NO_POINTING not in self.guesses[extraction.frame.name]

    def seen_in(self, extraction):
        """Return what is seen in a frame (locate.Seen)."""
        name = extraction.frame.name
        return locate.Seen.of(name, self.trimmed[name], extraction.frame.size_px, self.guesses[name])

    def widest_deg(self, extraction):
        """Return how wide (deg) a frame may be from corner to corner, whose scale may be a guess."""
        return self.seen_in(extraction).diagonal_deg * wcskeywords.scale_factor(extraction.frame.header)


def drop_other_fields(extractions, verdicts):
    """Return the extractions of the field with the most sources; frames more than 5 deg away get a verdict."""
    lost = [each for each in extractions if wcskeywords.NO_POINTING in each.frame.header]
    extractions = [each for each in extractions if each not in lost]
    if not extractions:
        return lost
    centres = [sphere.mean_direction(*_unflagged(each)) for each in extractions]
    keep = sphere.largest_field(centres, [each.n_sources for each in extractions], SEPARATION_LIMIT_DEG)
    for extraction, kept in zip(extractions, keep, strict=True):
        if not kept:
            name = extraction.frame.name
            verdicts[name] = astrometry.Verdict(
                name, "separate field, more than 5 degrees from the others", n_sources=extraction.n_sources
            )
    return [extraction for extraction, kept in zip(extractions, keep, strict=True) if kept] + lost


def _unflagged(extraction):
    """Return (ra_deg, dec_deg) of the unflagged sources of a frame, or of all if there are none."""
    sources = extraction.sources
    clean = np.asarray(sources.table["FLAGS"]) == 0
    clean = clean if clean.any() else np.ones(len(sources), dtype=bool)
    return sources.ra_deg[clean], sources.dec_deg[clean]
