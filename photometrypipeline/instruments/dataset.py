"""A data set: frames of one field, and what they have in common, found out once and handed on from step to step."""

import logging
from functools import cached_property
from pathlib import Path

from photometrypipeline.base.errors import UnknownFilter, UsageError
from photometrypipeline.instruments import headers, telescopes

log = logging.getLogger("pp.dataset")


class DataSet(list):
    """The Frames of a data set.

    folder : Path of the folder where results, records and LOG lie: that of the frames; if these lie in several folders
        the present one
    unreachable : the NotReachables (list) that its clients have met
    ahead : onelist.Lists of what was measured before the frames were registered, or None
    """

    def __init__(self, frames=(), folder=None, unreachable=None, ahead=None):
        super().__init__(frames)
        self.folder = folder_of(frame.path for frame in self) if folder is None else Path(folder)
        self.unreachable = [] if unreachable is None else unreachable
        self.ahead = ahead

    @classmethod
    def of(cls, frames):
        """Return `frames` if they are a DataSet, else one of them."""
        return frames if isinstance(frames, cls) else cls(frames)

    def only(self, frames):
        """Return the DataSet with other `frames` of the same field."""
        return DataSet(frames, self.folder, self.unreachable, self.ahead)

    @cached_property
    def telescope(self):
        """The Telescope of the first frame, and so of all.  Raises TelescopeError."""
        return telescope_of(self[0])

    @cached_property
    def _bands(self):
        found = [band_of(frame) for frame in self]
        for band, doubt in dict.fromkeys(found):
            if doubt:
                log.warning("%s%s", doubt, f"; taken for {band}" if band else "")
        return found

    @property
    def band_doubt(self):
        """What is in doubt about the band, in words, "" if nothing is."""
        return next((doubt for _, doubt in self._bands if doubt), "")

    @cached_property
    def band(self):
        """The band of all frames (str), None where they have none.  Raises UsageError for several."""
        bands = {frame.name: band for frame, (band, _) in zip(self, self._bands, strict=True)}
        if len(set(bands.values())) > 1:
            listed = ", ".join(f"{name}: {band}" for name, band in bands.items())
            raise UsageError(
                f"the frames have several bands ({listed}); calibrate each by itself, or give one with -filter"
            )
        return next(iter(bands.values()))

    def client(self, offline=False):
        """Return a Client for the requests of one step, whose NotReachables are noted here."""
        from photometrypipeline.base.services import Client  # brings requests along

        return Client(offline, unreachable=self.unreachable)


def folder_of(paths):
    """Return the Path of the folder in which all files lie, relative if they are; the present one for several."""
    folders = {Path(path).parent for path in paths}
    return folders.pop() if len(folders) == 1 else Path()


def telescope_of(frame):
    """Return the Telescope of a Frame, which its header names; found out once.  Raises TelescopeError."""
    if frame.telescope is None:
        frame.telescope = telescopes.identify(frame.header)
    return frame.telescope


def band_of(frame):
    """Return (band or None, what is in doubt about it or "") of one frame.

    A filter that is not in the definition of its telescope is taken for the band itself; one of a camera without a
    definition for the band that is nearest to it, if any is.
    """
    telescope = telescope_of(frame)
    raw = headers.raw_filter(frame, telescope)
    try:
        return telescope.band(raw), ""
    except UnknownFilter as error:
        return (error.band if telescope.key == "GENERIC" else raw), str(error)
