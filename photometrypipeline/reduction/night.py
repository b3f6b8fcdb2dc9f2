"""One night of raw frames: what there is, the masters made of it, and every frame of the sky reduced with them."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from photometrypipeline.base.errors import FrameError, PipelineError
from photometrypipeline.base.files import replacing, safe_name
from photometrypipeline.base.losses import Losses
from photometrypipeline.frames import fitsbytes
from photometrypipeline.frames.frame import Frame, printable, set_keyword
from photometrypipeline.frames.hdus import SCALING
from photometrypipeline.frames.intake import chips
from photometrypipeline.reduction import apply, kinds, lacosmic, plan, settings
from photometrypipeline.reduction.apply import Calibration
from photometrypipeline.reduction.lacosmic import Detector
from photometrypipeline.reduction.masters import Master, combine

log = logging.getLogger("pp.reduce")

WITHOUT_OVERSCAN = ".trimmed"  # folder for frames whose overscan has been taken off; goes when all is done


@dataclass
class Night:
    """Raw frames sorted: lights and calibrations as plan.Groups, and those of neither kind (names)."""

    lights: list
    calibrations: list
    others: list = field(default_factory=list)


def sort(frames: list[Frame], tolerance_c: float, losses: Losses) -> Night:
    """Return the Night of `frames`; those that cannot be read, and those already reduced, go to `losses`."""
    lights, calibrations, others = [], [], []
    for frame in frames:
        try:
            own = settings.settings_of(frame)
        except FrameError as error:
            losses.add_error(frame, error)
            continue
        if own.kind in kinds.CALIBRATIONS:
            calibrations.append((frame, own))
        elif kinds.is_reduced(frame.header):
            losses.add(frame.name, "has already been reduced, as its header says; left as it is")
        elif own.kind == kinds.LIGHT or own.kind is None:
            lights.append((frame, own))
        else:
            others.append(frame.name)
    return Night(plan.grouped(lights, tolerance_c), plan.grouped(calibrations, tolerance_c), others)


def trimmed(frame: Frame, folder: Path) -> Frame:
    """Return the frame without its overscan, made in `folder`; the frame itself where it has none."""
    if not chips.has_overscan(frame.header):
        return frame
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{frame.stem}.fits"
    chips.write_without_overscan(frame.path, path)
    return Frame(path)


class Masters:
    """The master frames of a night, made once each when they are first asked for, and written to `folder`."""

    def __init__(self, groups: list[plan.Group], folder: Path, tell: Callable[[str], None]):
        self.groups, self.folder, self.tell = groups, folder, tell
        self._made: dict = {}

    def calibration(self, recipe: plan.Recipe) -> tuple[Calibration, dict]:
        """Return (Calibration, {part: name of the master's file}) for a recipe.  Raises FrameError."""
        bias = self._of(recipe.bias, lambda frames: combine(frames))
        dark = self._of(recipe.dark, lambda frames: combine(frames))
        flat = self._of(recipe.flat, lambda frames: self._flat(recipe, frames, bias))
        parts = {"bias": (recipe.bias, bias), "dark": (recipe.dark, dark), "flat": (recipe.flat, flat)}
        names = {part: name_of(group.settings) for part, (group, made) in parts.items() if group and made is not None}
        return Calibration(bias, dark, flat), names

    def _flat(self, recipe, frames, bias):
        own = recipe.flat.settings
        group = plan.dark_for(own, [each for each in self.groups if each.settings.same_camera(own)])
        dark = self._of(group, lambda darks: combine(darks))
        return apply.master_flat(frames, Calibration(bias, dark), own.exptime_s)

    def _of(self, group, make):
        if group is None:
            return None
        name = name_of(group.settings)
        if name not in self._made:
            master = make(group.frames)
            master.exptime_s = group.settings.exptime_s or 0.0
            write_master(self.folder / name, group, master)
            self.tell(f"{name}: {len(group.frames)} frames, error of a pixel {master.error_adu:.4g}")
            self._made[name] = master
        return self._made[name]


def name_of(own: settings.Settings) -> str:
    """Return the file name of a master: kind, camera, binning, and what else tells it from the others."""
    parts = [own.kind, own.camera, "x".join(map(str, own.binning))]
    if own.kind == kinds.FLAT:
        parts.append(own.filter)
    elif own.exptime_s is not None and own.kind != kinds.BIAS:
        parts.append(f"{own.exptime_s:g}s")
    parts += [f"{own.temperature_c:.0f}C"] if own.temperature_c is not None else []
    parts += [own.amplifier.strip("/").replace("/", "-")] if own.amplifier.strip("/") else []
    return safe_name("_".join(part for part in parts if part)) + ".fits"


def write_master(path: Path, group: plan.Group, master: Master) -> None:
    """Write a master frame; its header is that of the first of its frames, and names all of them in HISTORY."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = group.frames[0].header.copy()
    for keyword in (*SCALING, "CHECKSUM", "DATASUM"):
        header.remove(keyword, ignore_missing=True)
    header["BITPIX"] = -32
    set_keyword(header, "PPNFRAME", len(master.names), "frames combined")
    if np.isfinite(master.error_adu):
        set_keyword(header, "PPERROR", master.error_adu, "error of one pixel, in its unit")
    for name in master.names:
        header.add_history(f"made of {printable(name)}")
    with replacing(path) as temporary:
        temporary.write_bytes(fitsbytes.header_bytes(header, b"", path) + fitsbytes.stored(master.image))


def write_mask(path: Path, bad: np.ndarray) -> None:
    """Write bad pixels as a weight image, 0 where a pixel is bad: the form that `masks` of an instrument name."""
    from astropy.io import fits

    with replacing(path) as temporary, open(temporary, "wb") as stream:
        fits.PrimaryHDU((~bad).astype(np.uint8)).writeto(stream)


def reduce_frame(frame: Frame, path: Path, calibration: Calibration, names: dict, detector: Detector | None) -> Path:
    """Write the reduced image of a raw frame to `path`, and return it; with a `detector` cosmic rays are repaired.

    Raises FrameError.
    """
    for master in (calibration.bias, calibration.dark, calibration.flat):
        if master is not None and master.image.shape != frame.size_px[::-1]:
            raise FrameError(frame.path, "differs in size from its calibration frames", "remove it from the folder")
    image, number = apply.reduced(frame, calibration), None
    if not np.isfinite(image).any():
        raise PipelineError(f"{frame.name}: no pixel is left after the flat")
    if detector:
        hit, image = lacosmic.find(image, detector)
        number = int(hit.sum())
    apply.write(path, frame, image, calibration, names, number)
    return path
