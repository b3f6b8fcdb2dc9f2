"""The surroundings of a target in many frames together, for stars that none of them shows alone."""

from dataclasses import dataclass

import numpy as np

from photometrypipeline.photometry import deepstars
from photometrypipeline.photometry.measure import Neighbour

REACH_FWHM = 7.5  # around the places of a target: its ring of sky, and a star next to it
MOST_FRAMES, MOST_ASKED = 12, 48  # that are put together for a box, and that are asked whether they show it
SHALLOW, WIDE = 0.5, 1.4  # frames with so much less light, or so much wider stars, than the median tell nothing


@dataclass
class Look:
    """What is looked at around the way of a target.

    track : measuring.Track;  middle : number of the frame whose pixels all are brought to;  numbers : of frames used
    here : numbers of those in which the target is expected;  fluxes : Neighbour of the target in each of `numbers`
    boxes : deepstars.Boxes, each with the frames that are put together for it
    """

    track: object
    middle: int
    numbers: list
    here: list
    fluxes: dict
    boxes: list

    @classmethod
    def at(cls, track, measuring, lights):
        """Return the Look around a Track of a Measuring, by its first lights; None where it would tell nothing.

        lights : {target name: Light} of each frame
        """
        exposures, telling = measuring.exposures, measuring.telling(track)
        here = [number for number in track.numbers if telling[number]]
        if not track.target.moves or not here:
            return None
        fluxes = {number: _target(track, number, exposures, lights[number]) for number in here}
        trailed = [bool(sketch) and np.hypot(*sketch.trail_px) > 0 for sketch in exposures.sketches]
        fwhm, scale = exposures.fwhm_px, measuring.scale
        good = telling & ~np.array(trailed) & (fwhm < WIDE * np.nanmedian(fwhm)) & (scale > SHALLOW * np.median(scale))
        numbers = [number for number in np.flatnonzero(good).tolist() if fluxes.get(number) or number not in here]
        if len(numbers) < deepstars.FEWEST_FRAMES:
            return None
        middle = numbers[len(numbers) // 2]
        wcs, names = measuring.measured[middle].wcs, [measuring.measured[number].frame.name for number in here]
        places = np.array([(track.places[name].ra_deg, track.places[name].dec_deg) for name in names])
        x, y = wcs.all_world2pix(*places.T, 0, quiet=True)
        reach = REACH_FWHM * fwhm[middle] + max(np.hypot(*track.trails[number]) for number in here) / 2
        boxes = [(box, _some(numbers, box, measuring, middle)) for box in deepstars.boxes(x, y, reach)]
        boxes = [(box, some) for box, some in boxes if len(some) >= deepstars.FEWEST_FRAMES]
        return cls(track, middle, numbers, here, fluxes, boxes) if boxes else None

    def left(self, number, measuring):
        """Return what is left of a frame in each of the boxes (deepstars.leftover), None where it is not asked for."""
        exposure, found = measuring.exposures[number], []
        for box, numbers in self.boxes:
            one = None
            if exposure is not None and number in numbers:
                corners = _corners(box, measuring, self.middle, number)
                centre = corners[1:].mean(axis=0)
                reach = np.hypot(*(corners[1] - corners[2])) / 2 + deepstars.REACH_FWHM[1] * exposure.fwhm_px
                stars = measuring.neighbours(self.track, number, *centre, reach)
                target = self.fluxes.get(number) or Neighbour(*centre, 0.0, 0.0)
                one = deepstars.leftover(exposure, box, corners, stars, target, measuring.trail(self.track, number))
            found.append(one)
        return found

    def found(self, left, measuring):
        """Return (ra_deg, dec_deg), shape (n,), of stars that nothing has shown before.

        left : {number: what `left` gave of a frame}
        """
        each, scale, stars = measuring.measured[self.middle], measuring.scale, self.track.stars
        places = [np.empty((2, 0))]
        for n, (box, numbers) in enumerate(self.boxes):
            parts = [(left[number][n], scale[self.middle] / scale[number]) for number in numbers]
            parts = [(one, factor) for one, factor in parts if one is not None]
            if len(parts) < deepstars.FEWEST_FRAMES:
                continue
            images, models = (np.array([one[k] * factor for one, factor in parts]) for k in (0, 1))
            known = np.column_stack([stars.x[self.middle] - box.column, stars.y[self.middle] - box.row])
            x, y = deepstars.find(images, models, measuring.exposures.fwhm_px[self.middle], known)
            places.append(np.array(each.wcs.all_pix2world(x + box.column, y + box.row, 0)))
        return np.concatenate(places, axis=1)


def _target(track, number, exposures, lights):
    """Return the light of a target in a frame as a Neighbour, None where it is unknown."""
    light = lights.get(track.target.name)
    if light is None:
        return None
    x, y = float(track.x[number]), float(track.y[number])
    return Neighbour(x, y, max(light.psf_flux, 0.0) / exposures[number].share_at(x, y), 0.0)


def _some(numbers, box, measuring, middle):
    """Return up to MOST_FRAMES of `numbers` that show a Box, spread over the night."""
    showing = []
    for number in _spread(numbers, MOST_ASKED):
        columns, rows = measuring.measured[number].frame.size_px
        x, y = _corners(box, measuring, middle, number)[1:].mean(axis=0)
        showing += [number] if 0 < x < columns and 0 < y < rows else []
    return _spread(showing, MOST_FRAMES)


def _spread(numbers, most):
    if len(numbers) <= most:
        return numbers
    return [numbers[n] for n in np.linspace(0, len(numbers) - 1, most).round().astype(int)]


def _corners(box, measuring, middle, number):
    """Return where the corners of a Box of frame `middle` are in another, px, shape (3, 2)."""
    sky = measuring.measured[middle].wcs.all_pix2world(box.corners, 0)
    return measuring.measured[number].wcs.all_world2pix(sky, 0, quiet=True)
