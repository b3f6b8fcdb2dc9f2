"""The sky cut into 165 914 tiles of at most 0.25 square degrees, and the cones that touch or enclose them.

Strip k holds declinations from -90 + 0.5 k to -90 + 0.5 (k + 1) deg; it is cut into n_k = ceil(720 cos dec) equal cells
of right ascension, dec being the edge of the strip nearest the equator. A tile is the number 1000 k + cell. No pole and
no RA of 0 needs a special case.

Where stars are dense a tile is cut into ACROSS x ACROSS parts, which are fetched and kept as tiles are: the number of a
part is FIRST_PART + ACROSS^2 times that of its tile + its place in it, row by row.
"""

import numpy as np

from photometrypipeline.sky import sphere

HEIGHT_DEG = 0.5
STRIPS = 360
ACROSS, FIRST_PART = 4, 1_000_000
EDGE_STEPS = 17  # places along an edge that are looked at


def cells(strip):
    """Return the number of cells of each `strip` (int or array)."""
    low = -90 + HEIGHT_DEG * np.asarray(strip)
    nearest = np.where(low >= 0, low, np.minimum(0, low + HEIGHT_DEG))
    # 720 cos 60 deg is 360, on some machines 360.00000000000006: the tiles have to be the same everywhere
    return np.ceil(720 * np.cos(np.radians(nearest)) - 1e-9).astype(int)


def tile_of(ra_deg, dec_deg):
    """Return the tile (int array) of each position."""
    strip = np.clip(np.floor((np.asarray(dec_deg) + 90) / HEIGHT_DEG).astype(int), 0, STRIPS - 1)
    count = cells(strip)
    cell = np.floor(np.mod(ra_deg, 360.0) / 360 * count).astype(int)
    return 1000 * strip + np.minimum(cell, count - 1)


def part_of(ra_deg, dec_deg):
    """Return the part of a tile (int array) that each position lies in."""
    tile = tile_of(ra_deg, dec_deg)
    strip, cell = np.divmod(tile, 1000)
    across = np.mod(ra_deg, 360.0) / 360 * cells(strip) - cell
    upwards = (np.asarray(dec_deg) + 90) / HEIGHT_DEG - strip
    column, row = (np.clip(np.floor(each * ACROSS).astype(int), 0, ACROSS - 1) for each in (across, upwards))
    return FIRST_PART + ACROSS**2 * tile + ACROSS * row + column


def whole(tile):
    """Return the tile that a part belongs to, and a tile itself."""
    return int(tile) if tile < FIRST_PART else (int(tile) - FIRST_PART) // ACROSS**2


def parts(tile):
    """Return the parts (list) of a tile."""
    first = FIRST_PART + ACROSS**2 * int(tile)
    return list(range(first, first + ACROSS**2))


def area_deg2(tile):
    """Return the area of a tile or part, at most."""
    return (HEIGHT_DEG if tile < FIRST_PART else HEIGHT_DEG / ACROSS) ** 2


def bounds(tile):
    """Return (ra_low, ra_high, dec_low, dec_high) of a tile or part, deg."""
    if tile >= FIRST_PART:
        ra_low, ra_high, dec_low, dec_high = bounds(whole(tile))
        row, column = divmod((int(tile) - FIRST_PART) % ACROSS**2, ACROSS)
        wide, high = (ra_high - ra_low) / ACROSS, (dec_high - dec_low) / ACROSS
        left, low = ra_low + column * wide, dec_low + row * high
        return left, left + wide, low, low + high
    strip, cell = divmod(int(tile), 1000)
    width = 360 / int(cells(strip))
    low = -90 + HEIGHT_DEG * strip
    return cell * width, (cell + 1) * width, low, low + HEIGHT_DEG


def touched(ra_deg, dec_deg, radius_deg):
    """Return the tiles that a cone touches, nearest to its centre first (list of int)."""
    lowest, highest = max(dec_deg - radius_deg, -90), min(dec_deg + radius_deg, 90)
    first = int(np.clip((lowest + 90) // HEIGHT_DEG, 0, STRIPS - 1))
    last = int(np.clip((highest + 90) // HEIGHT_DEG, 0, STRIPS - 1))
    found = []
    for strip in range(first, last + 1):
        low = -90 + HEIGHT_DEG * strip
        half = half_width(dec_deg, radius_deg, max(low, lowest), min(low + HEIGHT_DEG, highest))
        count = int(cells(strip))
        width = 360 / count
        start, end = int((ra_deg - half) // width), int((ra_deg + half) // width)
        number = min(end - start + 1, count)
        found += [1000 * strip + (start + step) % count for step in range(number)]
    distance = sphere.separation_deg(ra_deg, dec_deg, *np.transpose([middle(tile) for tile in found]))
    return [found[index] for index in np.argsort(distance, kind="stable")]


def touched_parts(tile, ra_deg, dec_deg, radius_deg):
    """Return the parts of a tile that a cone touches (list)."""
    centre, reach = int(part_of(ra_deg, dec_deg)), radius_deg + HEIGHT_DEG / ACROSS / (EDGE_STEPS - 1) / 2
    return [part for part in parts(tile) if part == centre or _edge_deg(part, ra_deg, dec_deg) <= reach]


def _edge_deg(tile, ra_deg, dec_deg):
    """Return the distance (deg) of a place from the nearest of EDGE_STEPS places along the edges of a tile."""
    return float(sphere.separation_deg(ra_deg, dec_deg, *edges(bounds(tile), EDGE_STEPS)).min())


def half_width(dec_deg, radius_deg, dec_low, dec_high):
    """Return the largest distance in RA (deg) that a cone around `dec_deg` reaches between two declinations."""
    if radius_deg >= 90 - abs(dec_deg):  # it holds a pole, and is widest towards it
        widest = np.copysign(90.0, dec_deg)
    else:
        widest = np.degrees(np.arcsin(np.sin(np.radians(dec_deg)) / np.cos(np.radians(radius_deg))))
    at, centre = np.radians(np.clip(widest, dec_low, dec_high)), np.radians(dec_deg)
    cosine = (np.cos(np.radians(radius_deg)) - np.sin(at) * np.sin(centre)) / (np.cos(at) * np.cos(centre))
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1)))) + 1e-9


def middle(tile):
    """Return (ra_deg, dec_deg) of the centre of a tile."""
    ra_low, ra_high, dec_low, dec_high = bounds(tile)
    return (ra_low + ra_high) / 2, (dec_low + dec_high) / 2


def enclosing_cone(boxes, margin_deg):
    """Return (ra_deg, dec_deg, radius_deg) of a cone around `boxes`, tuples as `bounds` returns them."""
    ra_deg, dec_deg = np.concatenate([edges(box, 9) for box in boxes], axis=1)
    ra, dec = sphere.mean_direction(ra_deg, dec_deg)
    radius = sphere.separation_deg(ra, dec, ra_deg, dec_deg).max()
    return round(ra, 9) % 360, dec, float(radius) * 1.001 + margin_deg


def edges(box, steps):
    """Return (ra_deg, dec_deg), shape (2, 4 steps), of places along the edges of a box as `bounds` returns it."""
    ra_low, ra_high, dec_low, dec_high = box
    step = np.linspace(0, 1, steps)
    ra, dec = ra_low + (ra_high - ra_low) * step, dec_low + (dec_high - dec_low) * step
    low, high = np.full(steps, ra_low), np.full(steps, ra_high)
    bottom, top = np.full(steps, dec_low), np.full(steps, dec_high)
    return np.array([np.concatenate([ra, ra, low, high]), np.concatenate([bottom, top, dec, dec])])


def quarters(box):
    """Return the four boxes into which a box is cut."""
    ra_low, ra_high, dec_low, dec_high = box
    ra, dec = (ra_low + ra_high) / 2, (dec_low + dec_high) / 2
    return [(a, b, c, d) for a, b in ((ra_low, ra), (ra, ra_high)) for c, d in ((dec_low, dec), (dec, dec_high))]


def halves(boxes):
    """Return two lists of boxes, as `bounds` returns them, on either side of the middle of where they extend most."""
    ra_low, _, dec_low, dec_high = np.transpose(boxes)
    east = (ra_low - ra_low[0] + 180) % 360 - 180
    across = np.ptp(east) * np.cos(np.radians((dec_low.min() + dec_high.max()) / 2))
    order = np.argsort(east if across > np.ptp(dec_low) else dec_low, kind="stable")
    first, second = np.sort(order[: len(boxes) // 2]), np.sort(order[len(boxes) // 2 :])
    return [boxes[index] for index in first], [boxes[index] for index in second]


def groups(tiles):
    """Return `tiles` as lists of tiles that adjoin one another, each in the order given."""
    remaining = list(tiles)
    found = []
    while remaining:
        group, front = [], [remaining.pop(0)]
        while front:
            tile = front.pop(0)
            group.append(tile)
            near = [other for other in remaining if adjoin(tile, other)]
            remaining = [other for other in remaining if other not in near]
            front += near
        found.append(group)
    return found


def adjoin(one, other):
    """Return whether two tiles share an edge or a corner."""
    a, b = bounds(one), bounds(other)
    if a[2] > b[3] or b[2] > a[3]:
        return False
    middle_distance = abs(((a[0] + a[1]) / 2 - (b[0] + b[1]) / 2 + 180) % 360 - 180)
    return middle_distance <= (a[1] - a[0] + b[1] - b[0]) / 2 + 1e-9
