"""What belongs in one run: frames of the sky, from one camera, in one filter."""

import logging
from collections import Counter

from photometrypipeline.base.errors import FrameError, TelescopeError, UsageError
from photometrypipeline.instruments import headers
from photometrypipeline.instruments.dataset import telescope_of
from photometrypipeline.reduction import kinds

log = logging.getLogger("pp.onekind")


def of_the_sky(frames):
    """Return the Frames without bias, dark and flat frames.  Raises UsageError where the others need those."""
    found = {frame.name: kinds.kind_of(frame.header) for frame in frames}
    counts = Counter(kind for kind in found.values() if kind in kinds.CALIBRATIONS)
    sky = [frame for frame in frames if found[frame.name] not in kinds.CALIBRATIONS]
    told = ", ".join(f"{number} {kind}" for kind, number in sorted(counts.items()))
    if counts and not (sky and all(kinds.is_reduced(frame.header) for frame in sky)):
        raise UsageError(
            f"{told} among {len(frames)} frames: these are raw; run pptool_reduce here, then pp_run in reduced/"
            " (or leave the calibration frames out, if the others have been reduced)"
        )
    if counts:
        log.warning("%s left out, since the others have been reduced", told)
    return sky


def check(frames, band):
    """Raise UsageError unless all frames come from one camera and one filter; what differs is listed per file."""
    cameras = {frame.name: key_of(frame) for frame in frames}
    if len(set(cameras.values())) > 1:
        raise UsageError(
            f"frames of several instruments: {_listed(cameras)}; run each instrument in a folder of its own"
        )
    filters = {}
    for frame in frames:
        try:
            filters[frame.name] = headers.raw_filter(frame, telescope_of(frame))
        except (FrameError, TelescopeError):
            continue  # pp_prepare says what is missing
    if len(set(filters.values())) > 1:
        if not band:
            raise UsageError(
                f"frames in several filters: {_listed(filters)}; sort them into folders of their own "
                "(`pp_run all -split` does), or give one band with -filter"
            )
        log.warning(
            "frames in several filters (%s) are all taken as %s",
            ", ".join(sorted(set(filters.values()))),
            band,
        )
    if filters and not band and key_of(frames[0]) != "GENERIC":  # of which the nearest band is taken
        telescope_of(frames[0]).band(next(iter(filters.values())))  # raises UnknownFilter


def key_of(frame):
    """Return the key of the frame's telescope, GENERIC where its header names none."""
    try:
        return telescope_of(frame).key
    except TelescopeError:
        return "GENERIC"


def _listed(values):
    groups = {}
    for name, value in values.items():
        groups.setdefault(value, []).append(name)
    return "; ".join(
        f"{value!r}: {', '.join(names[:5])}{' ...' if len(names) > 5 else ''}" for value, names in groups.items()
    )
