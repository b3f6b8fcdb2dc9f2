"""Region files for DS9 (and others that read them): what was measured on a frame, drawn on it."""

from photometrypipeline.base.files import write_text
from photometrypipeline.frames.rows import LightCurve, Row

HEAD = """\
# Region file format: DS9 version 4.1
# written by pp_distill: targets (red, not counted magenta, not seen: cross), reference stars (green, left out orange)
global color=green width=1 font="helvetica 10 normal roman"
icrs
"""
USED, LEFT_OUT, TARGET, NOT_COUNTED, CONTROL_STAR = "green", "orange", "red", "magenta", "cyan"


def name_of(stem: str) -> str:
    """Return the name of the region file of a frame with this stem."""
    return f"{stem}.reg"


def write(path, stars, curves: list[LightCurve], frame: str, radius_arcsec: float) -> None:
    """Write the region file of a frame.

    stars : recordtypes.ReferenceStar of it;  frame : its file name;  radius_arcsec : of the aperture
    """
    lines = [_star(star, radius_arcsec) for star in stars]
    lines += [_target(row, curve, radius_arcsec) for curve in curves for row in curve.every if row.frame == frame]
    write_text(path, HEAD + "".join(f"{line}\n" for line in lines), at_once=False)


def _star(star, radius_arcsec):
    color = USED if star.used else LEFT_OUT
    dashed = "" if star.used else " dash=1"
    return f'circle({star.ra_deg:.7f},{star.dec_deg:+.7f},{radius_arcsec:.2f}") # color={color}{dashed}'


def _target(row: Row, curve, radius_arcsec):
    color = CONTROL_STAR if curve.kind == "control" else TARGET if row.accepted else NOT_COUNTED
    about = f"color={color} width=2 text={{{_plain(curve.name)}}}"
    if not row.detected:
        return f"point({row.ra_pred_deg:.7f},{row.dec_pred_deg:+.7f}) # point=x {about}"
    return f'circle({row.ra_deg:.7f},{row.dec_deg:+.7f},{radius_arcsec:.2f}") # {about}'


def _plain(text):
    return "".join(character for character in str(text) if character.isprintable() and character not in "{}")
