"""The finding chart: one whole frame with the way of the target over it, the reference stars, north and scale."""

import math

from photometrypipeline.frames.records import known
from photometrypipeline.website import quickview
from photometrypipeline.website.pictures import UNDRAWABLE, find
from photometrypipeline.website.pixels import Pixels, View

ROUND_ARCSEC = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200)
LONGEST_BAR = 0.25  # of the width of the picture
MOST_NAMES = 15  # of stars
LETTER_PX = 24  # of the names of stars; the style sheet says the same


def frame_of(target):
    """Return the views.FrameView in the middle of those with a target, calibrated if one is; None without a picture."""
    rows = (target.accepted or target.unseen) if target else []
    shown = [row.frame for row in rows if row.frame.quickview and row.frame.size_px]
    shown = [frame for frame in shown if frame.used_stars] or shown
    return shown[len(shown) // 2] if shown else None


def of(view, folders, names):
    """Return {file, width, height, frame, track, here, used, left_out, labels, north, bar} of the lead of a view.

    Places [column, row], of the track in order of time, are pixels of the picture; north and east are unit steps, bar
    is (length in px, in words).  None without a target, a picture or a WCS.
    names : starnames.StarNames, which also tells the stars that count from those left out
    """
    target, frame = view.lead, frame_of(view.lead)

    def tell(pixels, picture):
        return {
            "track": _track(pixels, _rows(target), picture),
            "here": next(iter(_track(pixels, [row for row in _rows(target) if row.frame is frame], picture)), None),
            **_stars(frame, names),
            **_directions(pixels),
            "bar": _bar(pixels.scale_arcsec * frame.size_px[0] / picture.width, picture.width),
        }

    return on_picture(frame, folders, tell)


def on_picture(frame, folders, tell):
    """Return {file, width, height, frame} of the quick view of a views.FrameView, and what `tell` finds on it.

    tell : function of (pixels.Pixels, Picture) that returns a dict
    None where there is no frame (None), no file in `folders`, or no WCS.
    """
    path = find(frame.name, folders) if frame else None
    if path is None:
        return None
    picture = frame.quickview
    about = {"file": picture.file, "width": picture.width, "height": picture.height, "frame": frame.index}
    try:
        with Pixels(path) as pixels:
            return None if pixels.wcs is None else about | tell(pixels, picture)
    except UNDRAWABLE:
        return None


def view_on(frame):
    """Return the View of the quick view of a views.FrameView."""
    picture = frame.quickview
    return View(0.5, 0.5, picture.width / frame.size_px[0], picture.width, picture.height)


def _rows(target):
    """Return the observations that show where a target was, or should have been, in order of time."""
    return sorted([*target.accepted, *target.unseen], key=lambda row: row.data.jd)


def _track(pixels, rows, picture):
    seen = [(row.data.ra_deg, row.data.dec_deg) for row in rows]
    predicted = [(row.data.ra_pred_deg, row.data.dec_pred_deg) for row in rows]
    places = [
        next((place for place in pair if all(map(known, place))), None) for pair in zip(seen, predicted, strict=True)
    ]
    ra_deg, dec_deg = zip(*filter(None, places), strict=True) if any(places) else ((), ())
    return quickview.places(pixels, max(picture.width, picture.height), ra_deg, dec_deg)


def _places(frame, things):
    view = view_on(frame)
    places = [view.place(thing.x_px, thing.y_px) for thing in things if known(thing.x_px) and known(thing.y_px)]
    return [[round(value, 1) for value in place] for place in places]


def _stars(frame, names):
    stars = [star for star in (frame.calibrate.stars if frame.calibrate else []) if known(star.x_px)]
    used, left_out = ([star for star in stars if names.counts(star) == wanted] for wanted in (True, False))
    width, height = frame.quickview.width, frame.quickview.height
    compass, bar = (width - 180, 0, width, 180), (0.7 * width, 0.9 * height, width, height)  # as overlays.js draws them
    labels = names.labels(used, _places(frame, used), width, LETTER_PX, MOST_NAMES, [compass, bar])
    return {"used": _places(frame, used), "left_out": _places(frame, left_out), "labels": labels}


def _directions(pixels):
    """Return {north, east}: unit steps (columns, rows) on the picture."""
    centre = (pixels.width / 2, pixels.height / 2)
    ra_deg, dec_deg = (float(value) for value in pixels.wcs.all_pix2world(*centre, 1))
    step_deg = pixels.scale_arcsec * 10 / 3600
    found = {}
    for name, ra_step, dec_step in (("north", 0, step_deg), ("east", step_deg / math.cos(math.radians(dec_deg)), 0)):
        x, y = (float(value[0]) for value in pixels.position(ra_deg + ra_step, dec_deg + dec_step))
        across, up = x - centre[0], y - centre[1]
        length = math.hypot(across, up)
        found[name] = [round(across / length, 3), round(-up / length, 3)]
    return found


def _bar(scale_arcsec, width_px):
    """Return [length in px, in words] of a scale bar on a picture of that many arcsec a pixel."""
    fitting = [length for length in ROUND_ARCSEC if length / scale_arcsec < LONGEST_BAR * width_px]
    length = max(fitting, default=ROUND_ARCSEC[0])
    words = f"{length}″" if length < 60 else f"{length // 60}′"
    return [round(length / scale_arcsec, 1), words]
