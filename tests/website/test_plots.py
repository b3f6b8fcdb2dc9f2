"""The plots: what each of them shows, and that the files of matplotlib show the same."""

import math

import numpy as np
import pytest
from PIL import Image

import fakerun
from photometrypipeline.frames import records
from photometrypipeline.frames.rows import Row
from photometrypipeline.website import plotfiles, plots, starnames, views
from website import view_of as view_of_records

MINUTES = [0, 4, 8]  # the fake frames are taken every 240 s


@pytest.fixture
def field():
    return fakerun.Field(n_frames=3)


def view_of(field, **changed):
    data = {step: getattr(fakerun, step)(field) for step in records.STEPS} | changed
    return view_of_records(data)


def run_plots(view):
    return {plot.name: plot for plot in plots.of_run(view)}


def frame_plots(view, index=0):
    return {plot.name: plot for plot in plots.of_frame(view, view.frames[index], starnames.of(view))}


def axes_of(*shown):
    return plotfiles.draw(list(shown)).axes


def error_bars(axes):
    """(x, y, half lengths) of the error bars of a plot."""
    line, _, (bars,) = axes.containers[0]
    lengths = [(segment[1][1] - segment[0][1]) / 2 for segment in bars.get_segments()]
    return line.get_xdata(), line.get_ydata(), lengths


def test_the_curve_of_growth_has_both_curves_the_limit_and_the_radius(field):
    view = view_of(field)
    flux, snr = (run_plots(view)[name] for name in ("growth", "growth-snr"))
    upper, lower = axes_of(flux, snr)
    assert lower.get_xlabel() == "Aperture Radius (px)"
    assert (upper.get_xlim(), upper.get_ylim()[0], lower.get_ylim()) == ((2, 10), 0, (-0.1, 1.1))
    assert {(line.axis, line.at, line.look) for line in flux.lines} == {
        ("x", 4.53, "thick blue"), ("y", 0.7, "dashed black"),
    }  # fmt: skip
    assert [(series.label, series.look) for series in flux.series] == [
        ("background sources", "line black"), ("target", "line red"),
    ]  # fmt: skip
    curve = view.records["photometry"].curve.target
    np.testing.assert_allclose(flux.series[1].value, curve.flux)
    band = upper.collections[1].get_paths()[0].vertices  # target +- 0.05
    assert band[:, 1].max() == pytest.approx(max(curve.flux) + 0.05)


@pytest.mark.parametrize(("missing", "left"), [("target", "background sources"), ("background", "target")])
def test_a_curve_of_growth_of_one_kind_only_has_one_curve(field, missing, left):
    photometry = fakerun.photometry(field)
    photometry["curve"][missing] = None
    shown = run_plots(view_of(field, photometry=photometry))["growth"]
    assert [series.label for series in shown.series] == [left]


def test_fwhm_is_compared_with_the_diameter_of_the_aperture(field):
    shown = run_plots(view_of(field))["fwhm"]
    assert [(line.at, line.look) for line in shown.lines] == [(9.06, "solid blue")]
    (axes,) = axes_of(shown)
    assert axes.get_ylim() == (0, pytest.approx(10.06))
    assert axes.get_xlabel() == "Minutes after 2017-02-02 10:57:33 UT"
    photometry = fakerun.photometry(field)
    for frame in photometry["frames"]:
        frame["fwhm_px"] = 30.0
    assert run_plots(view_of(field, photometry=photometry))["fwhm"].y.limits == (0, 30)


def test_zeropoints_point_down_and_leave_out_frames_without_one(field):
    shown = run_plots(view_of(field, calibrate=fakerun.calibrate(field, lost=(1,))))["zeropoints"]
    (axes,) = axes_of(shown)
    assert axes.yaxis_inverted()
    assert axes.get_ylabel() == "V-Band Magnitude Zeropoints (mag)"
    minutes, zeropoints, errors = error_bars(axes)
    np.testing.assert_allclose(minutes, [0, 8], atol=1e-4)
    np.testing.assert_allclose(zeropoints, [25.0, 24.96])
    np.testing.assert_allclose(errors, [0.0283, 0.0283])


def test_points_below_three_sigma_are_open_circles(field):
    distill = fakerun.distill(field)
    distill["targets"][0].rows[1].e_inst = distill["targets"][1].rows[1].e_inst = 0.37
    shown = run_plots(view_of(field, distill=distill))["target-3552"]
    assert [series.look for series in shown.series][:2] == ["dot red", "ring red"]
    assert [[value is not None for value in series.value] for series in shown.series[:2]] == [
        [True, False, True],
        [False, True, False],
    ]
    assert "Open circles: light at the place, below 3 σ." in shown.caption
    (axes,) = axes_of(shown)
    assert [container[0].get_markerfacecolor() for container in axes.containers[:2]] == ["red", "none"]


@pytest.mark.parametrize(("band", "label"), [("V", "Magnitude (V)"), (None, "Magnitude (instrumental)")])
def test_a_light_curve_points_down_names_the_band_and_has_the_error_of_each_point(field, band, label):
    distill = fakerun.distill(field)
    for target in distill["targets"]:
        for row in target.rows:
            row.band, row.err_total = band or "-", 0.02
    (axes,) = axes_of(run_plots(view_of(field, distill=distill))["target-3552"])
    minutes, magnitudes, errors = error_bars(axes)
    np.testing.assert_allclose(minutes, MINUTES, atol=1e-4)
    np.testing.assert_allclose(magnitudes, [19.4, 19.4 + 0.15 * math.sin(0.5), 19.4 + 0.15 * math.sin(1)])
    np.testing.assert_allclose(errors, 0.02)
    assert (axes.yaxis_inverted(), axes.get_ylabel(), axes.get_title()) == (True, label, "3552")


def test_error_bars_are_what_measurements_scatter_by_and_thin_ones_add_what_all_share():
    assert views.errors_of(Row(err_total=0.02, sig=0.05)) == (0.02, None)
    assert views.errors_of(Row(err_total=0.02, err_frame=0.01, err_common=0.03)) == (0.01, 0.03)


def test_limits_of_non_detections_are_open_triangles_at_their_time(field):
    shown = run_plots(view_of(field, distill=fakerun.distill(field, unseen=(0,))))["target-3552"]
    (axes,) = axes_of(shown)
    (limits,) = [line for line in axes.lines if line.get_marker() == "v"]
    assert limits.get_xydata().tolist() == [[0, fakerun.LIMIT_MAG]]
    assert shown.data()["frames"] == [0, 1, 2]  # in order of time


def test_residuals_of_stars_are_drawn_against_colour_where_it_is_known(field):
    calibrate = fakerun.calibrate(field) | {"color": "g-r"}
    for count, star in enumerate(calibrate["frames"][0]["stars"]):
        star |= {"color_mag": 0.02 * count, "color_correction_mag": 0.05 if count == 1 else None}
    against = frame_plots(view_of(field, calibrate=calibrate))["residuals-color"]
    assert against.x.label == "Reference Star g-r (mag)"
    np.testing.assert_allclose(against.at[:3], [0.02, 0.04, 0.08])  # every third star is not used
    np.testing.assert_allclose(against.series[0].value[:3], [0.05, 0, 0], atol=1e-9)  # what the colour term adds


def test_the_calibration_of_a_frame_shows_the_choice_and_the_residuals_of_the_stars_used(field):
    calibrate = fakerun.calibrate(field)
    calibrate["frames"][0]["stars"][1]["inst_mag"] += 0.1  # calibrated 0.1 mag too faint
    shown = frame_plots(view_of(field, calibrate=calibrate))
    steps, residuals = shown["rejection"], shown["residuals"]
    assert steps.title == "mscience0217.ldac: V-band from SDSS-R9_transformed"
    assert {(line.axis, line.at) for line in steps.lines} == {("x", 20), ("right", 1)}
    assert (steps.y.down, residuals.y.down, steps.right.log) == (True, True, True)
    assert (max(steps.at), min(steps.at)) == (30, 15)
    np.testing.assert_allclose(steps.series[0].error, 0.01 * np.array(steps.at) / 20)
    assert len(residuals.at) == 20
    np.testing.assert_allclose(residuals.at[0], field.mag[1])
    np.testing.assert_allclose(residuals.series[0].value[:3], [0.1, 0, 0], atol=1e-9)
    np.testing.assert_allclose(residuals.series[0].error[0], np.hypot(0.003 + 0.002 / 3, 0.0283))


def test_points_come_in_the_order_of_x_and_those_without_x_not_at_all():
    series = plots.Series("dot red", [1.0, 2.0, None, 4.0], error=[0.1, 0.2, 0.3, float("nan")])
    shown = plots.Plot(
        "a", "b", "", plots.Axis("x"), plots.Axis("y"), [3.0, None, 1.0, 2.0], [series], names=list("pqrs")
    )
    data = shown.data()
    assert (data["at"], data["names"]) == ([1.0, 2.0, 3.0], ["r", "s", "p"])
    assert (data["series"][0]["value"], data["series"][0]["error"]) == ([None, 4.0, 1.0], [0.3, None, 0.1])


@pytest.mark.parametrize("dpi", [50, 100])
def test_a_file_is_as_large_as_the_settings_say_and_shows_its_points(tmp_path, field, dpi):
    shown = run_plots(view_of(field))["target-3552"]
    assert plotfiles.save([shown], tmp_path / "plot.png", "png", dpi) == (6.4 * dpi, 4.8 * dpi)
    picture = np.asarray(Image.open(tmp_path / "plot.png").convert("RGB"))
    assert picture.shape[1::-1] == (6.4 * dpi, 4.8 * dpi)
    assert (picture == (255, 0, 0)).all(axis=-1).sum() > 30


def test_what_was_drawn_before_leaves_no_trace_in_a_file(tmp_path, field):
    every = [[plot] for plot in plots.of_run(view_of(field)) if plot.file and plot.section != "photometry"]
    every.append([run_plots(view_of(field))["fwhm"]])

    def files(groups):
        made = []
        for number, group in enumerate(groups):
            plotfiles.save(group, tmp_path / f"{number}.png", "png", 50)
            made.append((tmp_path / f"{number}.png").read_bytes())
        return made

    plotfiles._sheet.cache_clear()
    first = files(every)
    assert len(every) > 3 and files(every[::-1]) == first[::-1]
    for group, content in zip(every, first, strict=True):
        plotfiles._sheet.cache_clear()
        assert files([group]) == [content]


@pytest.mark.parametrize("name", ["$\\frac{1$", "2009 $x_1$", "星" * 200, "a\nb\x00c", "", "\udcff"])
def test_any_name_can_be_a_title(tmp_path, field, name):
    distill = fakerun.distill(field, name=name)
    for target in distill["targets"]:
        for row in target.rows:
            row.band = name or "-"
    shown = next(plot for plot in plots.of_run(view_of(field, distill=distill)) if plot.leads_to.startswith("target"))
    plotfiles.save([shown], tmp_path / "plot.png", "png", 50)
    assert len(shown.title) <= 60
    assert "\n" not in shown.title


def test_the_users_own_style_does_not_reach_the_plots():
    import matplotlib

    with matplotlib.rc_context({"text.usetex": True, "axes.facecolor": "black"}):
        with plotfiles.plain_style():
            assert not matplotlib.rcParams["text.usetex"]
            assert matplotlib.rcParams["axes.facecolor"] == "white"
        assert matplotlib.rcParams["text.usetex"]


def test_a_light_curve_has_the_times_at_the_body_and_the_control_star_below(field):
    record = fakerun.distill(field)
    for row in record["targets"][1].every:
        row.light_time_s = 864.0  # a hundredth of a day
    view = view_of(field, distill=record)
    shown = run_plots(view)["target-3552"]
    np.testing.assert_allclose(np.subtract(shown.times["JD at target"], shown.at), -0.01, atol=1e-8)
    own, star = shown.series
    assert min(star.value) > max(own.value) and star.label == "Control Star" and star.shift > 0
    control = [row.data.mag for row in view.targets[-1].rows]
    np.testing.assert_allclose(np.diff(star.value), np.diff(control), atol=1e-12)
    (alone,) = (plot for plot in plots.of_run(view) if plot.name == "target-control-star")
    assert len(alone.series) == 1 and alone.times == {}  # nothing known of them


def test_stars_have_barycentric_times_where_all_points_do(field):
    record = fakerun.distill(field)
    rows = record["targets"][1].every
    for row in rows:
        row.bjd_tdb = row.jd + 0.003
    assert list(run_plots(view_of(field, distill=record))["target-3552"].times) == ["BJD TDB"]
    rows[1].bjd_tdb = math.nan
    assert run_plots(view_of(field, distill=record))["target-3552"].times == {}
