"""The verdicts on top of the page: which numbers make a run good, doubtful or failed."""

import math

import pytest

import fakerun
import pp_setup
from photometrypipeline.frames import records
from photometrypipeline.frames.rows import OUTSIDE
from photometrypipeline.website import verdicts
from website import view_of as view_of_records


@pytest.fixture
def field():
    return fakerun.Field(n_frames=10)


def judged(field, failures=(), **changed):
    """{name: Verdict} of the complete fake run, with the records of `changed` instead."""
    data = {step: changed.get(step, getattr(fakerun, step)(field)) for step in records.STEPS}
    view = view_of_records({step: record for step, record in data.items() if record is not None}, failures)
    return {verdict.name: verdict for verdict in verdicts.judge(view, pp_setup.confverdict)}


def test_a_good_run_is_good_in_all_four_lines(field):
    told = judged(field)
    assert {name: verdict.state for name, verdict in told.items()} == {
        "Registration": "good",
        "Aperture": "good",
        "Calibration": "good",
        "Target": "good",
    }
    assert told["Registration"].words == (
        '10 of 10 frames registered (doubtful below 100%); scatter 0.071" against the catalogue (doubtful above 0.3)'
    )


@pytest.mark.parametrize(
    ("lost", "state"), [((), "good"), ((0,), "doubtful"), (range(5), "doubtful"), (range(6), "failed")]
)
def test_registration_is_judged_by_the_share_of_frames(field, lost, state):
    told = judged(field, register=fakerun.register(field, lost=lost))["Registration"]
    assert told.state == state
    assert told.words.startswith(f"{10 - len(lost)} of 10 frames registered")


@pytest.mark.parametrize(("scatter", "state"), [(0.29, "good"), (0.31, "doubtful"), (1.1, "failed")])
def test_registration_is_judged_by_its_scatter_which_then_comes_first(field, scatter, state):
    record = fakerun.register(field)
    for frame in record["frames"]:
        frame["sigma_dec_arcsec"] = scatter  # the larger of both counts
    told = judged(field, register=record)["Registration"]
    assert told.state == state
    assert (told.words.startswith("scatter")) == (state != "good")


def test_flux_within_a_radius_is_that_of_a_gaussian():
    assert verdicts.flux_fraction(2.0, 4.0) == pytest.approx(0.5)  # half the light is within half the FWHM
    sigma = 4.0 / math.sqrt(8 * math.log(2))
    assert verdicts.flux_fraction(sigma, 4.0) == pytest.approx(1 - math.exp(-0.5))


@pytest.mark.parametrize(("worst_fwhm_px", "state"), [(7.5, "good"), (10.0, "doubtful"), (16.0, "failed")])
def test_the_aperture_is_judged_by_the_frame_with_the_worst_seeing(field, worst_fwhm_px, state):
    record = fakerun.photometry(field)  # radius 4.53 px
    record["frames"][3]["fwhm_px"] = worst_fwhm_px
    told = judged(field, photometry=record)["Aperture"]
    held = 1 - 0.5 ** ((2 * 4.53 / worst_fwhm_px) ** 2)
    assert told.words.startswith(f"holds {held:.0%} of a star's light")
    assert told.state == state
    assert told.anchor == "photometry"  # nothing has been drawn here


def test_an_aperture_chosen_without_the_target_is_doubtful_and_one_set_by_hand_is_not(field):
    record = fakerun.photometry(field)
    background_only = record | {"curve": record["curve"] | {"target": None}}
    assert judged(field, photometry=background_only)["Aperture"].state == "doubtful"
    star = fakerun.distill(field)
    star["targets"][1].kind = "fixed"  # a star is as the others are
    assert judged(field, photometry=background_only, distill=star)["Aperture"].state == "good"
    by_hand = record | {"curve": None, "basis": "set by hand", "n_target": None, "n_background": None}
    assert judged(field, photometry=by_hand)["Aperture"].state == "good"


def test_errors_without_photon_noise_are_doubtful(field):
    unknown = fakerun.photometry(field) | {"gain_known": False}
    told = judged(field, photometry=unknown)["Aperture"]
    assert told.state == "doubtful" and "no gain is known" in told.words


def test_thin_clouds_are_harmless_and_thick_ones_doubtful(field):
    record = fakerun.calibrate(field)  # falls by 0.18 mag over the run
    assert judged(field, calibrate=record)["Calibration"].advice == ""
    record["frames"][4]["zp_mag"] -= 0.4
    told = judged(field, calibrate=record)["Calibration"]
    assert (told.state, told.advice) == ("good", "clouds of 0.5 mag: harmless, all stars lose the same")
    record["frames"][4]["zp_mag"] -= 1.5
    told = judged(field, calibrate=record)["Calibration"]
    assert told.state == "doubtful"
    clear = max(frame["zp_mag"] for frame in record["frames"])
    assert told.measures[0].advice == f"leave out mscience0221.fits, with zeropoints below {clear - 1.5:.2f} mag"
    assert told.words.startswith("zeropoint varies by 1.980 mag over the frames (good up to 1.5)")


def test_frames_without_a_zeropoint_and_runs_without_any(field):
    assert judged(field, calibrate=fakerun.calibrate(field, lost=(2,)))["Calibration"].state == "doubtful"
    none = judged(field, calibrate=fakerun.calibrate(field, lost=range(10)))["Calibration"]
    assert (none.state, none.words) == ("failed", "no zeropoint for any of 10 frames")
    record = fakerun.calibrate(field, lost=range(10))
    frames = [frame | {"reason": None} for frame in record["frames"]]
    asked_for = record | {"mode": "instrumental", "frames": frames}
    assert judged(field, calibrate=asked_for)["Calibration"].state == "not judged"
    forced = record | {"mode": "instrumental", "frames": [frame | {"reason": "no catalogue"} for frame in frames]}
    assert judged(field, calibrate=forced)["Calibration"].state == "failed"


@pytest.mark.parametrize(("rejected", "state"), [(1, "good"), (2, "doubtful"), (6, "failed")])
def test_the_target_is_judged_by_the_share_of_accepted_rows(field, rejected, state):
    told = judged(field, distill=fakerun.distill(field, rejected=range(rejected)))["Target"]
    assert told.state == state
    assert told.words.startswith(f"3552: {10 - rejected} of 10 rows accepted")


def test_rows_taken_out_by_hand_do_not_count_against_the_target(field):
    record = fakerun.distill(field, rejected=range(5))
    for row in record["targets"][1].rows[:5]:
        row.reason = "by hand"
    told = judged(field, distill=record)["Target"]
    assert told.state == "good"
    assert told.words.startswith("3552: 5 of 10 rows accepted, 5 taken out by hand")


def test_a_control_star_that_varies_makes_the_target_doubtful(field):
    record = fakerun.distill(field)
    for count, row in enumerate(record["targets"][0].rows):
        row.mag += 0.04 * (-1) ** count  # errors are 0.0131 mag
    told = judged(field, distill=record)["Target"]
    assert told.state == "doubtful"
    scatter = 0.04 * math.sqrt(10 / 9)
    assert told.words.startswith(f"Control Star, bright and constant, scatters by {scatter:.3f} mag (good up to 0.03)")
    assert f"Control Star scatters {scatter / 0.0131:.1f} times its errors (good up to 2)" in told.words


def test_a_useless_light_curve_is_not_good_even_if_its_errors_say_so(field):
    """A constant star that scatters by 0.09 mag, with error bars that are as large."""
    record = fakerun.distill(field)
    for count, row in enumerate(record["targets"][0].rows):
        row.mag += 0.09 * (-1) ** count
        row.err_total = 0.09
    assert judged(field, distill=record)["Target"].state == "doubtful"
    faint = fakerun.distill(field)
    for row in faint["targets"][1].rows:
        row.err_total = 0.4
    told = judged(field, distill=faint)["Target"]
    assert (told.state, told.words.split(";")[0]) == (
        "failed",
        "a point is uncertain by 0.400 mag (doubtful up to 0.3)",
    )
    assert "stack" in told.advice


def test_a_limit_is_a_result_and_the_verdict_says_how_to_go_deeper(field):
    every = judged(field, distill=fakerun.distill(field, unseen=range(10)))
    told, limit = every["Target"], f"{fakerun.LIMIT_MAG:.1f}"
    assert (told.state, told.measures[0].words) == (
        "not detected", f"3552 was detected on none of 10 frames, it is fainter than {limit} mag (3 σ, typical frame)"
    )  # fmt: skip
    deeper = f"{fakerun.LIMIT_MAG + 2.5 * math.log10(math.sqrt(10)):.1f}"  # noise falls with the root of ten frames
    assert told.advice == f"a stack goes down to {deeper} mag: pp_stackedphotometry -comoving"
    whole = verdicts.overall(list(every.values()))
    assert (whole.state, whole.head) == ("not detected", "The target was not detected; its limit can be used as it is.")


def test_frames_without_a_detection_are_not_rejected_rows(field):
    """A source far from the place is another one, one next to it may well be the target."""
    record = fakerun.distill(field, rejected=(1, 2))  # 12" off
    for count in (1, 2):
        record["targets"][1].every.append(fakerun._unseen(field, count))
        record["targets"][1].rows[count].distance_arcsec = 12.0
    told = judged(field, distill=record)["Target"]
    assert told.state == "good" and told.measures[0].words == "3552: 8 of 8 rows accepted"
    assert "not detected in 2 frames" in [measure.words for measure in told.measures]
    for row in record["targets"][1].rows:
        row.distance_arcsec = 0.5
    told = judged(field, distill=record)["Target"]
    assert told.state == "doubtful" and told.measures[0].words == "3552: 8 of 10 rows accepted"


def test_the_overall_verdict_is_the_worst_and_says_what_to_do(field):
    whole = verdicts.overall(list(judged(field).values()))
    assert (whole.state, whole.words) == ("good", "The light curve can be used as it is.")
    record = fakerun.photometry(field)  # radius 4.53 px
    record["frames"][3]["fwhm_px"] = 7.5
    whole = verdicts.overall(list(judged(field, photometry=record).values()))
    assert whole.state == "good"
    assert "Aperture holds 64% in the worst seeing: harmless" in whole.words
    assert "-aprad 5.7 holds 80%" in whole.words
    assert verdicts.flux_fraction(5.715, 7.5) == pytest.approx(0.8, abs=0.001)
    lost = fakerun.register(field, lost=range(6))
    whole = verdicts.overall(list(judged(field, register=lost).values()))
    assert whole.state == "failed"
    assert whole.head == "Not usable as it is."
    assert whole.notes[0].startswith("Registration: 4 of 10 frames registered (doubtful from 50% on): leave these")


def test_steps_that_failed_or_have_not_been_run_say_so(field):
    told = judged(field, [("calibrate", "VizieR could not be reached")], calibrate=None, distill=None)
    assert told["Calibration"].state == "failed"
    assert told["Calibration"].words == "pp_calibrate failed: VizieR could not be reached"
    assert (told["Target"].state, told["Target"].words) == ("not judged", "pp_distill has not been run")
    assert told["Target"].anchor is None


@pytest.mark.parametrize(("within_2", "state"), [(0.954, "good"), (0.70, "doubtful"), (0.4, "failed")])
def test_errors_are_judged_by_most_artificial_targets_not_by_the_worst(field, within_2, state):
    """The share within two sigma: the rms is that of the one that came to lie on a star."""
    level = {
        "mag": 19.4,
        "n": 200,
        "bias_mag": 0.0,
        "bias_err_mag": 0.001,
        "scatter": 9.0,
        "within_1": 0.68,
        "found": 1.0,
    }
    injected = {
        "target": "3552",
        "tracks": 20,
        "frames": 10,
        "limit_mag": 22.0,
        "levels": [level | {"within_2": within_2}],
    }
    told = judged(field, distill=fakerun.distill(field) | {"injections": [injected]})["Target"]
    assert told.state == state
    assert verdicts.widened(0.9545) == pytest.approx(1.0, abs=1e-3)
    assert any(measure.words.startswith("artificial targets scatter") for measure in told.measures)


def test_frames_that_a_star_is_outside_of_are_no_rejections(field):
    record = fakerun.distill(field, rejected=(1, 2, 3, 4))
    for row in record["targets"][1].rows[1:5]:
        row.reason = OUTSIDE
    told = judged(field, distill=record)["Target"]
    assert told.state == "good" and told.measures[0].words == "3552: 6 of 6 rows accepted"
    assert "outside of 4 frames" in [measure.words for measure in told.measures]


@pytest.mark.parametrize(("error_s", "state"), [(2.0, "good"), (3600.0, "doubtful")])
def test_times_that_may_be_off_are_told_with_the_place_of_the_reason(field, error_s, state):
    record = fakerun.distill(field)
    for row in record["targets"][1].rows[:4]:
        row.time_err_s = error_s
    told = judged(field, distill=record)["Target"]
    assert told.state == state
    assert f"mid-times of 4 of 10 frames may be off by up to {'2.0 s' if error_s == 2 else '60.0 min'}" in told.words
    assert ("PPDOUBT" in told.advice) == (state != "good")


def test_a_band_that_is_a_guess_makes_the_calibration_doubtful(field):
    guess = "filter 'G' is taken to be a filter for colour pictures; V is the nearest band"
    told = judged(field, calibrate={**fakerun.calibrate(field), "band_doubt": guess})
    assert told["Calibration"].state == "doubtful" and guess in told["Calibration"].words
    assert f"{guess[0].upper()}{guess[1:]}." in verdicts.overall(told.values()).notes
