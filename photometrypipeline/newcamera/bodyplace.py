"""Where frames without a pointing look: at the body that their headers name, where its ephemeris has it then."""

import logging

import numpy as np

from photometrypipeline.base.errors import FrameError, PipelineError
from photometrypipeline.ephemerides import ephemeris
from photometrypipeline.ephemerides.ephemchoice import Choice
from photometrypipeline.instruments import plausibility
from photometrypipeline.newcamera import generic, recognise
from photometrypipeline.sky.times import SECONDS_PER_DAY

log = logging.getLogger("pp.bodyplace")


def of_frames(frames, telescopes, target, client, choice=Choice()):  # noqa: B008  it is frozen
    """Return {frame name: (ra_deg, dec_deg)} of Frames (DataSet) whose headers have no pointing, but time and target.

    telescopes : {frame name: Telescope};  target : its name by hand, or None;  client : services.Client
    choice : ephemchoice.Choice, how places of bodies are found
    """
    asked = {}  # {name of the body: [(frame name, Julian date)]}
    for frame in frames:
        telescope = telescopes[frame.name]
        moment = None if has_pointing(frame, telescope) else _moment(frame, target)
        if moment:
            asked.setdefault(moment[0], []).append((frame.name, telescope.mpc_code, moment[1]))
    places = {}
    for name, wanted in asked.items():
        try:
            seen = ephemeris.positions(name, wanted[0][1], [jd for *_, jd in wanted], client, frames.folder, choice)
        except PipelineError as error:
            log.info("no pointing from the ephemeris: %s", error)
            continue
        found = {
            frame: (float(ra), float(dec))
            for (frame, *_), ra, dec in zip(wanted, seen.ra_deg, seen.dec_deg, strict=True)
            if np.isfinite([ra, dec]).all()
        }
        if found:
            log.warning("%d images have no pointing: that of %s is taken for it", len(found), seen.full_name)
        places |= found
    return places


def has_pointing(frame, telescope):
    """Return whether the header of a Frame tells where its telescope looked."""
    if telescope.key == generic.KEY:
        return generic.find(frame, "ra") is not None
    try:
        plausibility.checked_pointing(frame, telescope)
    except FrameError:
        return False
    return True


def _moment(frame, target):
    """Return (name of the body, Julian date of the middle) of a frame, None where its header does not tell both."""
    reading = recognise.read(frame.header)
    name, start, exptime = (
        target or getattr(reading.get("object"), "value", ""),
        reading.get("time"),
        reading.get("exptime"),
    )
    if not name or start is None:
        return None
    return name, start.value + (exptime.value if exptime else 0.0) / 2 / SECONDS_PER_DAY
