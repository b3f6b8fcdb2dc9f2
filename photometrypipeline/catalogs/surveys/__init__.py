"""The reference catalogues: one file each says what to ask for, what to throw away, and why."""

import difflib
import re
from pathlib import Path

from photometrypipeline.base.errors import UsageError
from photometrypipeline.catalogs.surveys import (
    apass,
    gaia,
    gspc,
    panstarrs,
    proper_motions,
    refcat2,
    sdss,
    skymapper,
    twomass,
    tycho2,
    variables,
)
from photometrypipeline.catalogs.surveys.sheet import Survey

SURVEYS = {
    survey.name: survey
    for survey in (
        gaia.DR3,
        gaia.EDR3,
        gaia.DR2,
        gaia.DR1,
        gaia.TGAS,
        gspc.GSPC,
        refcat2.REFCAT2,
        panstarrs.PANSTARRS,
        panstarrs.DR2,
        sdss.R9,
        sdss.R12,
        sdss.R16,
        skymapper.DR1,
        skymapper.DR4,
        apass.APASS9,
        apass.APASS10,
        twomass.TWOMASS,
        tycho2.TYCHO2,
        proper_motions.URAT1,
        proper_motions.UCAC4,
        proper_motions.USNO_B1,
        variables.VSX,
    )
}
# SDSS-R13: the imaging of DR13 to DR17 is the same, and the server of DR13 no longer answers for whole fields
ALIASES = {"GAIA": "GAIA-DR3", "SDSS-R13": "SDSS-R16"}
SPELLINGS = {"USNO-B1.0": "USNO-B1", "URAT1": "URAT-1", "UCAC-4": "UCAC4", "TWOMASS": "2MASS", "PS1": "PANSTARRS"}
NAMES = tuple(sorted([*SURVEYS, *ALIASES]))
SUFFIXES = ("_transformed", "_solar")

__all__ = ["ALIASES", "NAMES", "SURVEYS", "Survey", "canonical", "earlier_names", "get"]


def canonical(name):
    """Return the name of a catalogue in the letters that we use, or None: `gaia-dr2` and `GaiaDR2` are GAIA-DR2."""
    known = {_bare(ours): ours for ours in NAMES} | {_bare(other): ours for other, ours in SPELLINGS.items()}
    return known.get(_bare(name))


def _bare(name):
    """Return the letters and digits of a name."""
    return re.sub(r"[^A-Z0-9]", "", str(name).upper())


def named(name):
    """Return the name of a catalogue in our letters, or the path of an existing file as it is.

    Raises UsageError, which lists the names, for anything else.
    """
    known = canonical(name)
    if known is not None:
        return known
    if Path(name).is_file():
        return str(name)
    near = [ours for ours in NAMES if _bare(name) and _bare(ours).startswith(_bare(name))]
    near = near or difflib.get_close_matches(str(name).upper(), NAMES, 2)
    hint = f"; did you mean {' or '.join(near)}?" if near else f"; catalogues are {', '.join(NAMES)}"
    raise UsageError(f"{str(name) or repr('')} is neither a catalogue nor a file{hint}")


def earlier_names(name):
    """Return [name, ...] that a catalogue has had, the last one as it was fetched or read; see Catalog.name."""
    names = [name]
    while suffix := next((each for each in SUFFIXES if names[-1].endswith(each)), None):
        names.append(names[-1].removesuffix(suffix))
    return names


def get(name):
    """Return the Survey of that name, which may be an alias, in any letter case.  Raises KeyError."""
    known = canonical(name)
    if known is None:
        raise KeyError(name)
    return SURVEYS[ALIASES.get(known, known)]
