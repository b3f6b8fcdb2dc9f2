"""Plots of the website, made from the records of the steps.

Each function returns a matplotlib Figure, which is good until the next one is asked for: no pyplot, nothing to close.
"""

import contextlib
import math
import warnings
from functools import cache

import numpy as np

from photometrypipeline.frames.records import known, number
from photometrypipeline.sky.times import text_of
from photometrypipeline.website import imagefile

SIZE_IN = (6.4, 4.8)
LONGEST_TITLE = 60  # characters
MOST_TICKS = 6  # a label takes as long to draw as all points
MINUTES_PER_DAY = 1440.0


@contextlib.contextmanager
def plain_style():
    """Within the block matplotlib draws as it comes, whatever the user's matplotlibrc says (TeX, dark styles)."""
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore", matplotlib.MatplotlibDeprecationWarning)  # of settings that nobody sets
        matplotlib.rcParams.update(  # rcdefaults() reads all style sheets
            {name: value for name, value in matplotlib.rcParamsDefault.items() if not name.startswith("backend")}
        )
        matplotlib.rcParams["axes.titlesize"] = "medium"
        matplotlib.rcParams["text.hinting"] = "none"  # the letters look the same and cost less
        matplotlib.rcParams["svg.fonttype"] = "none"  # text stays text, and can be set in the type of the paper
        matplotlib.rcParams["svg.hashsalt"] = "photometry pipeline"  # else names in a drawing change each time
        matplotlib.rcParams["axes.titley"] = 1.0  # looking for a better place takes longer than the drawing
        warnings.filterwarnings("ignore", "Glyph .* missing")  # names may be in any script; a box stands for it then
        yield


def warm_up():
    """Load what plots take."""
    import astropy.visualization
    import astropy.wcs  # noqa: F401

    from photometrypipeline.website import twins

    with plain_style():
        figure, axes = _single()
        axes.set_title("0123456789", parse_math=False)
        twins.both(figure)


def save(figure, path, file_format, dpi, drawing=None):
    """Write `figure` to `path`, and to `drawing` as lines (SVG); return its size (width, height) in pixels."""
    from photometrypipeline.website import twins

    figure.set_dpi(dpi)  # the places of points are asked for later
    if drawing is None:
        return imagefile.save(twins.picture(figure), path, file_format)
    picture, lines = twins.both(figure)
    drawing.write_text(lines, encoding="utf-8")
    return imagefile.save(picture, path, file_format)


def pixels(figure, points):
    """Return the places of `points` (list of (x, y) in data units of the first axes) in the saved picture.

    A list of (column, row), int, from the upper left corner; None for a point that is not on the axes.
    """
    axes = figure.axes[0]
    height = figure.bbox.height
    shown = []
    for x, y in points:
        if not (math.isfinite(x) and math.isfinite(y)):
            shown.append(None)
            continue
        column, row = axes.transData.transform((x, y))
        inside = axes.bbox.x0 <= column <= axes.bbox.x1 and axes.bbox.y0 <= row <= axes.bbox.y1
        shown.append((round(float(column)), round(float(height - row))) if inside else None)
    return shown


def numbers(values):
    """Return a list of values as ndarray of float, NaN for what is no number."""
    return np.array([number(value) for value in values], dtype=float)


def minutes(jds):
    """Return (minutes since the first of `jds`, the first as text); jds is a list of Julian dates or None."""
    jd = numbers(jds)
    if not np.isfinite(jd).any():
        return jd, "unknown time"
    return (jd - np.nanmin(jd)) * MINUTES_PER_DAY, text_of(float(np.nanmin(jd)))


def short(text):
    """Return `text` in one line of at most LONGEST_TITLE characters."""
    text = " ".join(str(text).split())
    text = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
    return text if len(text) <= LONGEST_TITLE else text[: LONGEST_TITLE - 1] + "…"


def curve_of_growth(curve, aprad_px, flux_limit):
    """Return the Figure of a combined curve of growth (field `curve` of the photometry record) and its S/N."""
    radius = numbers(curve["radius_px"])
    figure = new_figure()
    flux_axes, snr_axes = figure.subplots(2, sharex=True, height_ratios=(3, 2))
    figure.subplots_adjust(left=0.11, right=0.97, top=0.97, bottom=0.11, hspace=0.06)
    for key, colour, label in (("background", "black", "background sources"), ("target", "red", "target")):
        if curve[key] is None:
            continue
        flux, sigma, snr = (_same_length(curve[key][name], radius.size) for name in ("flux", "sigma", "snr"))
        flux_axes.fill_between(radius, flux - sigma, flux + sigma, color=colour, alpha=0.2, linewidth=0)
        flux_axes.plot(radius, flux, color=colour, label=label)
        snr_axes.plot(radius, snr, color=colour)
    if known(flux_limit):
        flux_axes.axhline(flux_limit, color="black", linestyle="dashed")
    for axes in (flux_axes, snr_axes):
        axes.grid(True, alpha=0.4)
        axes.locator_params(nbins=MOST_TICKS)
        axes.yaxis.set_label_coords(-0.085, 0.5)
        if known(aprad_px):
            axes.axvline(aprad_px, color="blue", linewidth=3, alpha=0.8)
    if radius.size > 1 and np.isfinite(radius[[0, -1]]).all() and radius[0] != radius[-1]:
        snr_axes.set_xlim(radius[0], radius[-1])
    flux_axes.set_ylim(bottom=0)
    flux_axes.set_ylabel("Fractional Combined Flux")
    if flux_axes.get_legend_handles_labels()[0]:
        flux_axes.legend(loc="lower right")
    snr_axes.set_ylim(-0.1, 1.1)
    snr_axes.set_ylabel("SNR")
    snr_axes.set_xlabel("Aperture Radius (px)")
    return figure


def fwhm(frames, aprad_px):
    """Return (Figure, data points): the median FWHM of each frame of the photometry record against time."""
    minute, first = minutes([frame["midtime_jd"] for frame in frames])
    width_px = numbers([frame["fwhm_px"] for frame in frames])
    diameter_px = 2 * number(aprad_px)
    figure, axes = _single()
    axes.plot(minute, width_px, color="black", marker="o", linestyle="none")
    top = [value for value in (diameter_px + 1, *width_px) if math.isfinite(value)]
    if math.isfinite(diameter_px):
        axes.axhline(diameter_px, color="blue", label="aperture diameter")
        axes.legend(loc="lower right")
    axes.set_ylim(0, max(top, default=1) or 1)
    axes.set_title("Median PSF FWHM per Frame")
    axes.set_xlabel(f"Minutes after {first} UT")
    axes.set_ylabel("Point Source FWHM (px)")
    return figure, list(zip(minute.tolist(), width_px.tolist(), strict=True))


def zeropoints(frames, band):
    """Return (Figure, data points): the zeropoint of each frame of the calibrate record against time."""
    minute, first = minutes([frame["midtime_jd"] for frame in frames])
    zeropoint = numbers([frame["zp"] for frame in frames])
    figure, axes = _single()
    errorbar(axes, minute, zeropoint, [frame["zp_sig"] for frame in frames], color="blue", fmt="s", capsize=3)
    axes.invert_yaxis()
    axes.set_xlabel(f"Minutes after {first} UT")
    axes.set_ylabel(f"{short(band)}-Band Magnitude Zeropoints (mag)", parse_math=False)
    return figure, list(zip(minute.tolist(), zeropoint.tolist(), strict=True))


def light_curve(name, rows, band, limits=()):
    """Return (Figure, data points): the magnitudes of `rows` (of a target of the distill record) against time.

    All rows given are drawn; leave out rejected ones.  Without a band the magnitudes are called instrumental.
    limits : non-detections (jd, mag_limit), drawn as open triangles that point to fainter magnitudes
    """
    minute, first = minutes([row["jd"] for row in [*rows, *limits]])
    minute, later = minute[: len(rows)], minute[len(rows) :]
    magnitude = numbers([row["mag"] for row in rows])
    figure, axes = _single()
    errorbar(axes, minute, magnitude, [row["sig"] for row in rows], color="red", fmt="o", capsize=3)
    if limits:
        faintest = numbers([row["mag_limit"] for row in limits])
        axes.plot(later, faintest, color="red", marker="v", markerfacecolor="none", linestyle="none")
    axes.invert_yaxis()
    axes.set_title(short(name), parse_math=False)
    axes.set_xlabel(f"Minutes after {first} UT")
    axes.set_ylabel(f"Magnitude ({short(band)})" if band else "Magnitude (instrumental)", parse_math=False)
    return figure, list(zip(minute.tolist(), magnitude.tolist(), strict=True))


def residuals(name, rows):
    """Return the Figure of predicted minus measured place of `rows` (of a target of the distill record) against time.

    All rows given are drawn; leave out rejected ones.  RA is in arcsec of coordinate, without cos Dec.
    """
    minute, first = minutes([row["jd"] for row in rows])
    figure, axes = _single()
    for key, label, colour, marker in (("dra_arcsec", "RA", "blue", "s"), ("ddec_arcsec", "Dec", "red", "o")):
        offset = numbers([row[key] for row in rows])
        axes.plot(minute, offset, color=colour, marker=marker, markersize=4, linestyle="none", label=label)
    axes.axhline(0, color="black", linestyle="dashed", linewidth=1)
    axes.legend(loc="best" if len(rows) < LONGEST_TITLE else "upper right")  # looking for a place takes its time
    axes.set_title(short(name), parse_math=False)
    axes.set_xlabel(f"Minutes after {first} UT")
    axes.set_ylabel("Predicted minus measured (arcsec)")
    return figure


def new_figure():
    """Return an empty Figure of the size of all plots."""
    from matplotlib.figure import Figure

    return Figure(figsize=SIZE_IN)


def _single():
    """Return (Figure, its only axes), empty: the same ones each time, as making them takes a third of a plot.

    What was drawn on them before is gone.
    """
    figure, axes = _blank()
    for artist in (*axes.lines, *axes.collections, axes.get_legend()):
        if artist is not None:
            artist.remove()
    axes.containers.clear()
    axes.set_title("")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_inverted(False)
    axes.dataLim.set_points(np.array([[np.inf, np.inf], [-np.inf, -np.inf]]))
    axes.autoscale(True)
    return figure, axes


@cache
def _blank():
    with plain_style():
        figure = new_figure()
        axes = figure.subplots()
        figure.subplots_adjust(left=0.13, right=0.96, top=0.93, bottom=0.11)
        axes.grid(True, alpha=0.4)
        axes.ticklabel_format(useOffset=False)
        axes.locator_params(nbins=MOST_TICKS)
        axes.xaxis.set_label_coords(0.5, -0.08)  # looking for free places takes its time
        axes.yaxis.set_label_coords(-0.115, 0.5)
    return figure, axes


def errorbar(axes, x, y, error, **style):
    """Draw the points that have both numbers, an unknown error as none; return their container, None without any."""
    error = np.nan_to_num(np.abs(numbers(error)))
    shown = np.isfinite(x) & np.isfinite(y)
    return axes.errorbar(x[shown], y[shown], yerr=error[shown], **style) if shown.any() else None


def _same_length(values, size):
    values = numbers(values)[:size]
    return np.pad(values, (0, size - values.size), constant_values=math.nan)
