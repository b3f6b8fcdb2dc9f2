"""Which calibration frames go with which frames of the sky."""

from dataclasses import dataclass, field

from photometrypipeline.frames.frame import Frame
from photometrypipeline.reduction import kinds
from photometrypipeline.reduction.settings import Settings

SAME_EXPOSURE = 0.02  # fraction by which exposures of a dark and a frame may differ and count as the same


@dataclass
class Group:
    """Frames taken with the same settings."""

    settings: Settings
    frames: list = field(default_factory=list)


@dataclass
class Recipe:
    """What is applied to one Group of frames of the sky: Groups, None where there are none; and what has to be told."""

    lights: Group
    bias: Group | None = None
    dark: Group | None = None
    flat: Group | None = None
    remarks: list = field(default_factory=list)


def grouped(frames: list[tuple[Frame, Settings]], tolerance_c: float) -> list[Group]:
    """Return the Groups of frames whose settings agree, temperatures within `tolerance_c` of the first of a group."""
    groups: list[Group] = []
    for frame, own in frames:
        for group in groups:
            if _alike(group.settings, own, tolerance_c):
                group.frames.append(frame)
                break
        else:
            groups.append(Group(own, [frame]))
    return groups


def _alike(a, b, tolerance_c):
    same = a.kind == b.kind and a.same_camera(b) and a.apart_c(b) <= tolerance_c
    by_filter = a.kind in (kinds.FLAT, kinds.LIGHT, None)
    by_exposure = a.kind in (kinds.DARK, kinds.DARK_FLAT, kinds.LIGHT, None)
    return same and (not by_filter or a.filter == b.filter) and (not by_exposure or _same_exposure(a, b))


def _same_exposure(a, b):
    if a.exptime_s is None or b.exptime_s is None:
        return a.exptime_s == b.exptime_s
    return abs(a.exptime_s - b.exptime_s) <= SAME_EXPOSURE * max(a.exptime_s, b.exptime_s) + 1e-3


def recipe_for(lights: Group, groups: list[Group], tolerance_c: float) -> Recipe:
    """Return the Recipe for one Group of frames of the sky out of the Groups of calibration frames."""
    own, recipe = lights.settings, Recipe(lights)
    suited = [group for group in groups if group.settings.same_camera(own)]
    warm = [group for group in suited if group.settings.apart_c(own) <= tolerance_c]
    recipe.bias = _nearest(warm or suited, kinds.BIAS, own)
    recipe.dark = dark_for(own, warm, recipe)
    flats = [group for group in suited if group.settings.filter == own.filter]
    recipe.flat = _nearest(flats, kinds.FLAT, own)
    if recipe.flat is None:
        others = sorted({group.settings.filter for group in suited if group.settings.kind == kinds.FLAT})
        recipe.remarks.append(f"no flat in {own.filter or 'this filter'}{_only(others)}: not flat-fielded")
    if recipe.bias is None and recipe.dark is None:
        there = [group.settings for group in groups if group.settings.kind in (kinds.BIAS, kinds.DARK)]
        odd = "; ".join(dict.fromkeys(f"{each.kind} {own.unlike(each)}" for each in there if own.unlike(each)))
        recipe.remarks.append(
            "neither bias nor dark of this camera, binning and gain"
            f"{f' (there are: {odd})' if odd else ''}: the bias level stays in the sky"
        )
    return recipe


def dark_for(own: Settings, groups: list[Group], recipe: Recipe | None = None) -> Group | None:
    """Return the dark for some settings: of the same exposure, else the longest, which can be scaled with a bias."""
    darks = [group for group in groups if group.settings.kind in (kinds.DARK, kinds.DARK_FLAT)]
    same = [group for group in darks if _same_exposure(group.settings, own)]
    if same:
        return max(same, key=lambda group: len(group.frames))
    known = [group for group in darks if group.settings.exptime_s and own.exptime_s]
    has_bias = any(group.settings.kind == kinds.BIAS for group in groups)
    if known and has_bias:
        longest = max(known, key=lambda group: group.settings.exptime_s or 0.0)
        if recipe:
            recipe.remarks.append(f"dark of {longest.settings.exptime_s:g} s scaled to {own.exptime_s:g} s")
        return longest
    if darks and recipe:
        found = ", ".join(f"{group.settings.exptime_s or 0:g} s" for group in darks)
        recipe.remarks.append(f"no dark of {own.exptime_s or 0:g} s (there are {found}), and no bias to scale one with")
    return None


def _nearest(groups, kind, own):
    found = [group for group in groups if group.settings.kind == kind]
    return min(found, key=lambda group: (group.settings.apart_c(own), -len(group.frames)), default=None)


def _only(others):
    return f" (there are flats in {', '.join(others)})" if others else ""
