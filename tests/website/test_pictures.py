"""Plots, quick views, cut-outs and their overlays: what is drawn, and that it lies where it belongs."""

import math

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image
from scipy import ndimage

import diagnostics
import fakerun
import wholeplot
from photometrypipeline.frames import records
from photometrypipeline.website import calibrationplot, figures, gallery, images, overlays, twins
from photometrypipeline.website.websettings import DiagnosticsSettings
from website import record

MINUTES = [0, 4, 8]  # the fake frames are taken every 240 s


def completed(step, data):
    return records.complete(records.RECORDS[step], records.plain(data))


def facts(rows):
    """Return Rows as the plots take them (list of dict)."""
    names = ("jd", "mag", "sig", "mag_limit", "dra_arcsec", "ddec_arcsec")
    return [{name: getattr(row, name) for name in names} for row in rows]


@pytest.fixture
def field():
    return fakerun.Field(n_frames=3)


def vertical_lines(axes):
    """Abscissae of the straight vertical lines of a plot."""
    lines = [line.get_xdata() for line in axes.lines]
    return [x[0] for x in lines if len(x) == 2 and len(set(x)) == 1]


def horizontal_lines(axes):
    """{ordinate: (colour, line style)} of the straight horizontal lines of a plot."""
    lines = [line for line in axes.lines if len(line.get_ydata()) == 2 and len(set(line.get_ydata())) == 1]
    return {line.get_ydata()[0]: (line.get_color(), line.get_linestyle()) for line in lines}


def error_bars(axes):
    """(x, y, half lengths) of the error bars of a plot."""
    line, _, (bars,) = axes.containers[0]
    lengths = [(segment[1][1] - segment[0][1]) / 2 for segment in bars.get_segments()]
    return line.get_xdata(), line.get_ydata(), lengths


# ---- plots


def test_curve_of_growth_shows_both_curves_the_limit_and_the_radius(field):
    data = completed("photometry", fakerun.photometry(field))
    figure = figures.curve_of_growth(data["curve"], data["aprad_px"], data["flux_limit"])
    upper, lower = figure.axes
    assert lower.get_xlabel() == "Aperture Radius (px)"
    assert (upper.get_xlim(), upper.get_ylim()[0], lower.get_ylim()) == ((2, 10), 0, (-0.1, 1.1))
    assert vertical_lines(upper) == vertical_lines(lower) == [4.53]
    assert horizontal_lines(upper) == {0.7: ("black", "--")}
    curves = {line.get_label(): line for line in upper.lines}
    assert curves["background sources"].get_color() == "black"
    assert curves["target"].get_color() == "red"
    np.testing.assert_allclose(curves["target"].get_ydata(), data["curve"]["target"]["flux"])
    band = upper.collections[1].get_paths()[0].vertices  # target +- 0.05
    assert band[:, 1].max() == pytest.approx(max(data["curve"]["target"]["flux"]) + 0.05)


@pytest.mark.parametrize(("missing", "left"), [("target", "background sources"), ("background", "target")])
def test_curve_of_growth_of_one_kind_only_has_one_curve(field, missing, left):
    curve = completed("photometry", fakerun.photometry(field))["curve"] | {missing: None}
    upper = figures.curve_of_growth(curve, 4.53, 0.7).axes[0]
    assert upper.get_legend_handles_labels()[1] == [left]


def test_fwhm_is_compared_with_the_diameter_of_the_aperture(field):
    data = completed("photometry", fakerun.photometry(field))
    figure, points = figures.fwhm(data["frames"], 4.53)
    axes = figure.axes[0]
    assert horizontal_lines(axes) == {9.06: ("blue", "-")}
    assert axes.get_ylim() == (0, pytest.approx(10.06))
    assert axes.get_xlabel() == "Minutes after 2017-02-02 10:57:33 UT"
    np.testing.assert_allclose(points, np.transpose([MINUTES, [4.0, 4.2, 4.4]]), atol=1e-4)
    wide, _ = figures.fwhm([frame | {"fwhm_px": 30.0} for frame in data["frames"]], 4.53)
    assert wide.axes[0].get_ylim() == (0, 30)


def test_zeropoints_point_down_and_leave_out_frames_without_one(field):
    frames = completed("calibrate", fakerun.calibrate(field, lost=(1,)))["frames"]
    figure, points = figures.zeropoints(frames, "V")
    axes = figure.axes[0]
    assert axes.yaxis_inverted()
    assert axes.get_ylabel() == "V-Band Magnitude Zeropoints (mag)"
    minutes, zeropoints, errors = error_bars(axes)
    np.testing.assert_allclose(minutes, [0, 8], atol=1e-4)
    np.testing.assert_allclose(zeropoints, [25.0, 24.96])
    np.testing.assert_allclose(errors, [0.0283, 0.0283])
    assert len(points) == 3  # one per frame, so that links can be told apart
    assert math.isnan(points[1][1])


@pytest.mark.parametrize(("band", "label"), [("V", "Magnitude (V)"), (None, "Magnitude (instrumental)")])
def test_light_curve_points_down_and_names_the_band(field, band, label):
    rows = facts(fakerun.distill(field)["targets"][1].rows)
    figure, _ = figures.light_curve("3552", rows, band)
    axes = figure.axes[0]
    minutes, magnitudes, errors = error_bars(axes)
    np.testing.assert_allclose(minutes, MINUTES, atol=1e-4)
    np.testing.assert_allclose(magnitudes, [19.4, 19.4 + 0.15 * math.sin(0.5), 19.4 + 0.15 * math.sin(1)])
    np.testing.assert_allclose(errors, 0.0308)
    assert (axes.yaxis_inverted(), axes.get_ylabel(), axes.get_title()) == (True, label, "3552")


def test_limits_of_non_detections_are_open_triangles_at_their_time(field):
    target = fakerun.distill(field, unseen=(0,))["targets"][1]
    figure, points = figures.light_curve("3552", facts(target.rows), "V", facts(target.unseen))
    (limits,) = [line for line in figure.axes[0].lines if line.get_marker() == "v"]
    assert limits.get_xydata().tolist() == [[0, fakerun.LIMIT_MAG]]
    np.testing.assert_allclose([minute for minute, _ in points], MINUTES[1:], atol=1e-4)  # after the limit, the first


def test_residuals_are_drawn_against_colour_where_it_is_known(field):
    frame = completed("calibrate", fakerun.calibrate(field))["frames"][0]
    for count, star in enumerate(frame["stars"]):
        star |= {"color": 0.02 * count, "color_correction": 0.05 if count == 1 else None}
    figure = wholeplot.calibration_analysis(frame, "V", "SDSS-R9", "g-r")
    (against_color,) = [axes for axes in figure.axes if axes.get_xlabel() == "Reference Star g-r (mag)"]
    color, residual, _ = error_bars(against_color)
    np.testing.assert_allclose(color[:3], [0.02, 0.04, 0.08])  # every third star is not used
    np.testing.assert_allclose(residual[:3], [0.05, 0, 0], atol=1e-9)  # what the colour term adds to this star


def test_calibration_analysis_shows_the_choice_and_the_residuals_of_the_stars_used(field):
    data = completed("calibrate", fakerun.calibrate(field))
    frame = data["frames"][0]
    frame["stars"][1]["inst"] += 0.1  # calibrated 0.1 mag too faint
    figure = wholeplot.calibration_analysis(frame, "V", "SDSS-R9_transformed")
    steps, residuals, chi2 = figure.axes
    assert steps.get_title() == "mscience0217.ldac: V-band from SDSS-R9_transformed"
    assert vertical_lines(steps) == [20]
    assert steps.yaxis_inverted()
    assert residuals.yaxis_inverted()
    assert chi2.get_yscale() == "log"
    assert horizontal_lines(chi2) == {1: ("blue", ":")}
    n_stars, _, sigma = error_bars(steps)
    assert (max(n_stars), min(n_stars)) == (30, 15)
    np.testing.assert_allclose(sigma, 0.01 * n_stars / 20)
    mag, residual, error = error_bars(residuals)
    assert len(mag) == 20
    np.testing.assert_allclose(mag[0], field.mag[1])
    np.testing.assert_allclose(residual[:3], [0.1, 0, 0], atol=1e-9)
    np.testing.assert_allclose(error[0], np.hypot(0.003 + 0.002 / 3, 0.0283))


def test_calibration_plots_of_a_run_look_as_matplotlib_draws_them_and_leave_nothing_behind(tmp_path, field):
    frames = completed("calibrate", fakerun.calibrate(field))["frames"]
    for frame in frames:
        for count, star in enumerate(frame["stars"]):
            star["color"] = 0.02 * count
    limits = calibrationplot.limits_of(frames)

    def blocks(name):  # of 8 x 8 pixels: where letters and edges lie within a pixel does not count
        return np.asarray(Image.open(tmp_path / name).convert("RGB").reduce(8), float)

    drawn = []
    for frame in (*frames, frames[0]):
        arguments = (frame, "V", "SDSS-R9", "g-r", limits)
        size = calibrationplot.save(tmp_path / "fast.png", "png", 100, *arguments)
        with figures.plain_style():
            whole = figures.save(wholeplot.calibration_analysis(*arguments), tmp_path / "whole.png", "png", 100)
        assert size == whole == (640, 480)
        assert np.abs(blocks("fast.png") - blocks("whole.png")).max() < 32  # of 255
        drawn.append((tmp_path / "fast.png").read_bytes())
    assert drawn[0] == drawn[-1]
    frames[0]["stars"][1]["inst"] += 0.02  # mag; the picture of the others shows it
    calibrationplot.save(tmp_path / "off.png", "png", 100, frames[0], "V", "SDSS-R9", "g-r", limits)
    assert np.abs(blocks("off.png") - blocks("whole.png")).max() > 64


def test_clickable_points_are_where_the_dots_are(tmp_path, field):
    rows = facts(fakerun.distill(field)["targets"][1].rows)
    for dpi in (50, 100):
        figure, points = figures.light_curve("3552", rows, "V")
        size = figures.save(figure, tmp_path / "plot.png", "png", dpi)
        picture = np.asarray(Image.open(tmp_path / "plot.png").convert("RGB"))
        assert size == picture.shape[1::-1] == (6.4 * dpi, 4.8 * dpi)
        for column, row in figures.pixels(figure, points):
            assert tuple(picture[row, column]) == (255, 0, 0)


@pytest.mark.parametrize("name", ["$\\frac{1$", "2009 $x_1$", "星" * 200, "a\nb\x00c", "", "\udcff"])
def test_any_name_can_be_a_title(tmp_path, field, name):
    rows = facts(fakerun.distill(field)["targets"][1].rows)
    with figures.plain_style():
        figure, _ = figures.light_curve(name, rows, name)
        figures.save(figure, tmp_path / "plot.png", "png", 50)
    title = figure.axes[0].get_title()
    assert len(title) <= 60
    assert "\n" not in title


def test_the_users_own_style_does_not_reach_the_plots():
    import matplotlib

    with matplotlib.rc_context({"text.usetex": True, "axes.facecolor": "black"}):
        with figures.plain_style():
            assert not matplotlib.rcParams["text.usetex"]
            assert matplotlib.rcParams["axes.facecolor"] == "white"
        assert matplotlib.rcParams["text.usetex"]


# ---- pictures of frames


def write_stars(path, shape, places, **keywords):
    """Write a frame with a bright round star at each FITS position of `places`."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    pixels = np.random.default_rng(seed=3).normal(100, 3, shape)
    for x, y in places:
        pixels += 5000 * np.exp(-((columns + 1 - x) ** 2 + (rows + 1 - y) ** 2) / (2 * 3.0**2))
    fits.writeto(path, pixels.astype(np.float32), fits.Header(keywords.items()))


def centroid(picture, near, reach=12):
    """Centre of light (column, row; edges of pixels count, as in View) around a place of a picture."""
    left, top = round(near[0]) - reach, round(near[1]) - reach
    part = np.asarray(picture, float)[top : top + 2 * reach, left : left + 2 * reach]
    row, column = ndimage.center_of_mass(np.where(part > 0.6 * part.max(), part, 0))
    return left + column + 0.5, top + row + 0.5


@pytest.mark.parametrize("shape", [(500, 2000), (2000, 500), (90, 120)])
def test_circles_of_star_maps_sit_on_the_stars(tmp_path, shape):
    height, width = shape
    places = [(width * 0.2, height * 0.3), (width * 0.75, height * 0.8)]
    write_stars(tmp_path / "a.fits", shape, places)
    with images.Pixels(tmp_path / "a.fits") as pixels:
        picture, view = images.quickview(pixels, 1000, 750, "linear")
    assert max(picture.size) == 750
    assert picture.size[0] / picture.size[1] == pytest.approx(width / height, rel=0.01)
    overlay = np.asarray(overlays.star_map(view, places, 150, 10, 0.3).convert("RGBA"))
    for place in places:
        column, row = view.place(*place)
        assert centroid(picture, (column, row)) == pytest.approx((column, row), abs=1)
        around = overlay[round(row) - 13 : round(row) + 13, round(column) - 13 : round(column) + 13]
        drawn = np.argwhere(around[..., 3] > 60)
        centre = (drawn.max(axis=0) + drawn.min(axis=0) + 1) / 2  # of the circle, row and column
        assert centre + [round(row) - 13, round(column) - 13] == pytest.approx([row, column], abs=1)
        assert overlay[round(row), round(column), 3] == 0  # nothing on the star itself


def test_the_number_of_a_star_at_the_edge_is_on_the_picture():
    view = images.View(0.5, 0.5, 1, 100, 60)
    inside, at_the_edge = (
        np.asarray(overlays.star_map(view, [(x, 30.0)], 150, 10, 0.3, numbered=True).convert("RGBA"))[..., 3] > 60
        for x in (50.0, 92.0)
    )
    plain = np.asarray(overlays.star_map(view, [(92.0, 30.0)], 150, 10, 0.3).convert("RGBA"))[..., 3] > 60
    number = at_the_edge & ~plain
    circle = np.asarray(overlays.star_map(view, [(50.0, 30.0)], 150, 10, 0.3).convert("RGBA"))[..., 3] > 60
    assert number.sum() == (inside & ~circle).sum() > 0  # all of it
    assert np.flatnonzero(number.any(axis=0)).max() < 92 - 10


@pytest.mark.parametrize("place", [(150.0, 90.0), (150.4, 90.4), (3.3, 118.7)])
def test_a_cutout_has_its_source_under_the_circle_even_at_the_edge(tmp_path, place):
    write_stars(tmp_path / "a.fits", (120, 300), [place])
    with images.Pixels(tmp_path / "a.fits") as pixels:
        picture, view = images.cutout(pixels, *place, 60, 375, "linear")
    shown = np.asarray(picture)
    centre = view.place(*place)
    assert centre == pytest.approx((375 / 2, 375 / 2), abs=0.51 * view.scale)  # half a pixel of the frame
    if place[0] > 30:
        assert centroid(shown, centre, 40) == pytest.approx(centre, abs=0.5 * view.scale)
    else:
        assert shown[:, :100].max() == 0  # off the frame: left, and above
        assert shown[:100].max() == 0
        assert shown[round(centre[1]) + 3, round(centre[0]) + 3] == 255


def test_dead_and_saturated_pixels_do_not_spoil_the_contrast(tmp_path):
    write_stars(tmp_path / "clean.fits", (200, 200), [(50, 60)])
    pixels = fits.getdata(tmp_path / "clean.fits").copy()
    pixels[150:, 150:] = np.nan
    pixels[:4] = 1e9
    fits.writeto(tmp_path / "bad.fits", pixels, fits.Header({"SATURATE": 60000}))
    shown = []
    for name in ("clean.fits", "bad.fits"):
        with images.Pixels(tmp_path / name) as frame:
            shown.append(np.asarray(images.quickview(frame, 1000, 200, "linear")[0], float))
    part = (slice(60, 190), slice(0, 140))
    assert np.abs(shown[0][part] - shown[1][part]).mean() < 12


def test_unsigned_integers_are_read_with_their_offset(tmp_path):
    pixels = np.full((50, 60), 40000, dtype=np.uint16)
    pixels[20:30, 20:30] = 65535
    fits.writeto(tmp_path / "a.fits", pixels)
    with images.Pixels(tmp_path / "a.fits") as frame:
        assert frame.whole().min() == 40000
        assert frame.window(15, 15, 10)[9, 9] == 65535
        assert np.isnan(frame.window(-5, 0, 10)[0, :5]).all()


def test_pixel_scale_of_a_frame_on_its_side(tmp_path):
    """Rotated by 90 degrees, every single element of the CD matrix that is not zero is off the diagonal."""
    header = fakerun.Field().header(0)
    header["CD1_1"], header["CD2_2"] = 0.0, 0.0
    header["CD1_2"], header["CD2_1"] = 0.3 / 3600, 0.5 / 3600
    fits.writeto(tmp_path / "a.fits", np.ones((10, 10), np.float32), header)
    with images.Pixels(tmp_path / "a.fits") as frame:
        assert frame.scale_arcsec == pytest.approx(math.sqrt(0.3 * 0.5))


def test_places_on_a_distorted_frame_are_those_of_its_stars(tmp_path):
    """SIP terms move a star at the corner by 12 pixels; the marks have to go with it."""
    header = fakerun.Field().header(0)
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN-SIP", "DEC--TAN-SIP"
    header["A_ORDER"] = header["B_ORDER"] = 2
    header["A_2_0"], header["B_0_2"] = 5e-4, -3e-4
    fits.writeto(tmp_path / "a.fits", np.ones((200, 300), np.float32), header)
    x, y = header["CRPIX1"] + 120.0, header["CRPIX2"] - 80.0
    moved = np.array([120 + 5e-4 * 120**2, -80 - 3e-4 * 80**2])  # Shupe et al. 2005
    across, along = np.radians([header["CD1_1"], header["CD2_2"]]) * moved  # of the tangential plane
    dec0 = math.radians(header["CRVAL2"])
    below = math.cos(dec0) - along * math.sin(dec0)
    ra_deg = header["CRVAL1"] + math.degrees(math.atan2(across, below))
    dec_deg = math.degrees(math.atan2(math.sin(dec0) + along * math.cos(dec0), math.hypot(across, below)))
    with images.Pixels(tmp_path / "a.fits") as frame:
        assert np.ravel(frame.position(ra_deg, dec_deg)) == pytest.approx([x, y], abs=0.01)


def test_prediction_and_scale_bars_of_a_cutout():
    """1.5 picture pixels per frame pixel of 0.5 arcsec: a bar of 10 arcsec is 30 pixels long."""
    view = images.cutout_view(100, 100, 200, 300)
    settings = DiagnosticsSettings(thumb_predicted_pos_color="#0000ff", thumb_linewidth=1)
    row = {"x_px": 100.0, "y_px": 100.0, "aprad_px": 10.0}
    drawn = np.asarray(
        overlays.target_marks(view, row, ("", ""), (140.0, 130.0), 0.5, settings).convert("RGBA")
    ).astype(int)
    opaque = drawn[..., 3] > 128
    blue = np.argwhere(opaque & (drawn[..., 2] > 200) & (drawn[..., 0] < 100))
    column, line = view.place(140.0, 130.0)  # to the right and, as rows count upwards, above
    assert blue.mean(axis=0) == pytest.approx([line - 0.5, column - 0.5], abs=1)
    red = np.argwhere(opaque & (drawn[..., 0] > 200) & (drawn[..., 1] < 100))
    assert np.ptp(red, axis=0) + 1 == pytest.approx([2 * 10 * 1.5] * 2, abs=3)
    white = opaque & (drawn[..., :3].min(axis=-1) > 200)
    assert white[round(view.height * 0.9) - 1].sum() == pytest.approx(30, abs=2)


def test_an_animation_has_its_own_frames_in_order_of_time(tmp_path):
    """Target 3552 does not pick up the cut-outs of 35521, and later frames come later whatever their names."""
    field = fakerun.Field(n_frames=4)
    field.names = ["d.fits", "c.fits", "b.fits", "a.fits"]
    field.write_frames(tmp_path)
    data = fakerun.distill(field, rejected=(2,))
    data["targets"].append(fakerun.distill(field, name="35521")["targets"][1])
    record("distill", data, tmp_path)
    diagnostics.render(tmp_path)
    place = tmp_path / ".diagnostics"
    with Image.open(place / "3552.gif") as animation:
        assert (animation.n_frames, animation.info["duration"], animation.info["loop"]) == (3, 500, 0)
        for index, stem in enumerate(("d", "c", "a")):
            animation.seek(index)
            shown = np.asarray(animation.convert("L"), float)
            still = np.asarray(Image.open(place / f"3552_{stem}_thumb.png").convert("L"), float)
            assert np.median(np.abs(shown - still)) < 4  # the palette has 184 greys
    with Image.open(place / "35521.gif") as animation:
        assert animation.n_frames == 4


def test_an_animation_shows_the_cutout_under_its_overlay_in_the_colours_of_both(tmp_path):
    grey = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (64, 1))
    over = np.zeros((64, 64, 4), np.uint8)
    for row, colour in enumerate([(255, 40, 40), (0, 0, 255), (255, 255, 255), (0, 0, 0)]):
        over[10 * row : 10 * row + 8] = (*colour, 255 if row < 3 else 128)
    Image.fromarray(grey).save(tmp_path / "a.png")
    Image.fromarray(over).save(tmp_path / "b.png")
    overlays.save_animation([(tmp_path / "a.png", tmp_path / "b.png")] * 2, tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as animation:
        shown = np.asarray(animation.convert("RGB"), float)
    together = Image.alpha_composite(Image.fromarray(grey).convert("RGBA"), Image.fromarray(over)).convert("RGB")
    wanted = together.quantize(palette=overlays._palette(), dither=Image.Dither.NONE).convert("RGB")
    assert np.abs(shown - np.asarray(wanted, float)).max() <= 16  # the next colour of the palette, or the one beside it


def test_an_animation_leaves_out_a_frame_that_cannot_be_read_any_more(tmp_path):
    field = fakerun.Field(n_frames=4)
    field.write_frames(tmp_path)
    for _ in range(2):
        record("distill", fakerun.distill(field), tmp_path)
        diagnostics.render(tmp_path)
        with Image.open(tmp_path / ".diagnostics" / "3552.gif") as animation:
            n_frames = animation.n_frames
        (tmp_path / field.names[1]).write_bytes(b"no image any more")
    assert n_frames == 3


def test_a_picture_that_cannot_be_drawn_any_more_is_not_shown_as_an_earlier_run_left_it(tmp_path):
    easel = gallery.Easel(tmp_path, {})
    (tmp_path / "old.png").write_bytes(b"of an earlier run")

    def fail(path):
        raise ValueError("no such star")

    assert easel.picture("old.png", lambda: ["new"], fail) is None
    assert not (tmp_path / "old.png").exists()


def test_a_plot_in_few_colours_looks_as_it_is_drawn(tmp_path):
    """White stays white and black black; the colours of lines and letters change by less than the eye sees (6 %)."""
    with figures.plain_style():
        figure, _ = figures.light_curve("3552", [{"jd": 2457000.5 + n, "mag": 17.0, "sig": 0.1} for n in range(5)], "R")
        full = np.asarray(twins.picture(figure)).astype(int)
        figures.save(figure, tmp_path / "plot.png", "png", 100)
    saved = np.asarray(Image.open(tmp_path / "plot.png").convert("RGB")).astype(int)
    assert np.abs(saved - full).max() <= 16
    for extreme in (0, 255):
        there = (full == extreme).all(axis=-1)
        assert there.any()
        assert (saved[there] == extreme).all()
