"""With what settings of the camera a frame was taken, and which calibration frames go with it."""

from dataclasses import dataclass

import numpy as np

from photometrypipeline.base.errors import PipelineError
from photometrypipeline.frames.frame import Frame
from photometrypipeline.instruments import headers
from photometrypipeline.instruments.dataset import telescope_of
from photometrypipeline.instruments.instrument import as_text
from photometrypipeline.instruments.values import number
from photometrypipeline.reduction import kinds

TEMPERATURES = ("CCD-TEMP", "CCDTEMP", "DET-TEMP", "TEMPERAT", "CCDATEMP", "SET-TEMP")
GAINS, OFFSETS, MODES = ("GAIN",), ("OFFSET", "BLKLEVEL"), ("READOUTM", "READMODE", "CONFMODE")
AMPLIFIER = ("gain", "offset", "mode")  # the parts of Settings.amplifier
EXPOSURES = ("EXPTIME", "EXPOSURE", "EXPOSED", "ITIME")
BINNINGS = (("XBINNING", "YBINNING"), ("CCDXBIN", "CCDYBIN"), ("XBIN", "YBIN"), ("BINX", "BINY"))


@dataclass(frozen=True)
class Settings:
    """Settings of one exposure; None where the header does not tell.

    camera : text that names it;  size_px : (columns, rows);  binning : (x, y);  amplifier : gain setting, offset and
    readout mode as text;  temperature_c : of the detector
    """

    kind: str | None
    camera: str
    size_px: tuple
    binning: tuple
    amplifier: str
    filter: str
    exptime_s: float | None
    temperature_c: float | None

    def same_camera(self, other: "Settings") -> bool:
        """Return whether both were read out in the same way by the same camera: a bias of one suits the other."""
        return not self.unlike(other)

    def unlike(self, other: "Settings") -> str:
        """Return in words how another frame was read out that does not suit this one, '' if it does.

        What one of the two headers does not tell of the amplifier is no difference.
        """
        if self.camera != other.camera:
            return f"of {other.camera or 'no camera'}"
        if self.size_px != other.size_px:
            return "of {} x {} px".format(*other.size_px)
        if self.binning != other.binning:
            return "binned {} x {}".format(*other.binning)
        parts = zip(AMPLIFIER, self.amplifier.split("/"), other.amplifier.split("/"), strict=True)
        odd = [f"{name} {theirs}, not {mine}" for name, mine, theirs in parts if mine and theirs and mine != theirs]
        return f"with {' and '.join(odd)}" if odd else ""

    def apart_c(self, other: "Settings") -> float:
        """Return the difference of the temperatures, 0 where one is not known."""
        if self.temperature_c is None or other.temperature_c is None:
            return 0.0
        return abs(self.temperature_c - other.temperature_c)


def settings_of(frame: Frame) -> Settings:
    """Return the Settings of a frame.  Raises FrameError for a file that cannot be read."""
    header = frame.header
    camera = next((str(header[key]).strip() for key in ("INSTRUME", "DETECTOR", "CAMERA") if header.get(key)), "")
    amplifier = [_text(header, names) for names in (GAINS, OFFSETS, MODES)]
    return Settings(
        kinds.kind_of(header),
        camera or str(header.get("TELESCOP", "")).strip(),
        frame.size_px,
        _binning(frame),
        "/".join(amplifier),
        _filter(frame),
        _number(header, EXPOSURES),
        _number(header, TEMPERATURES),
    )


def _text(header, names):
    return next((as_text(header[name]).replace("/", " ") for name in names if header.get(name) is not None), "")


def _number(header, names):
    values = (number(header[name]) for name in names if name in header)
    return next((float(value) for value in values if np.isfinite(value)), None)


def _binning(frame):
    for pair in BINNINGS:
        values = [number(frame.header.get(name)) for name in pair]
        if np.all(np.isfinite(values)):
            return tuple(int(value) for value in values)
    try:
        return tuple(int(value) for value in headers.binning(frame, telescope_of(frame)))
    except PipelineError:
        return (1, 1)


def _filter(frame):
    try:
        return headers.raw_filter(frame, telescope_of(frame))
    except PipelineError:
        return _text(frame.header, ("FILTER", "FILTER1", "FILTNAM", "FILTERS", "INSFILTE"))
