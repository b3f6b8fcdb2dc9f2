"""The account of a magnitude: its steps add up to the number, whatever was recorded."""

import pytest

import fakerun
from photometrypipeline.frames import records, recordtypes
from photometrypipeline.targets import account
from website import with_names


def found_of(field, lights=(), **changed):
    data = {step: getattr(fakerun, step)(field) for step in records.STEPS} | changed
    curves = data["distill"]["targets"]
    data["distill"] = with_names(data["distill"]) | {"lights": list(lights)}
    return {step: records.typed(step, part) for step, part in data.items()}, curves


def light(row, **changed):
    told = dict.fromkeys(recordtypes.TargetLight.__struct_fields__, 0.0)
    told |= {"target": row.target, "frame": row.frame, "x_px": 100.5, "y_px": 50.5, "confirmed": True}
    told |= {"by_source": False, "psf_guessed": False, "psf_stars": 25, "n_struck": 0, "n_empty": 0, "neighbours": []}
    told |= {"trail_px": [3.0, 4.0], "ring_px": [14.0, 22.0], "flux_adu": 10 ** (-0.4 * row.inst), "flux_err_adu": 9.0}
    return told | changed


def steps_of(row, lights=()):
    found, _ = found_of(fakerun.Field(n_frames=3), lights)
    return {step.name: step for step in account.Ledger(found).steps(row)}


def test_the_steps_add_up_to_the_magnitude():
    found, curves = found_of(fakerun.Field(n_frames=3))
    row = curves[0].every[0]
    steps = steps_of(row, [light(row)])
    assert steps["light"].facts["inst_mag"] + steps["zeropoint"].facts["added_mag"] == pytest.approx(row.mag, abs=1e-12)
    assert f"{row.mag:.4f} mag in" in steps["magnitude"].text
    assert steps["trail"].text.startswith("5.00 px long")
    assert steps["frame"].files == [row.frame] and steps["sources"].files == [row.ldac]
    stars = steps["reference stars"].facts["stars"]
    assert len(stars) == len(found["calibrate"].frames[0].stars)
    assert all({"ident", "mag", "weight"} <= set(star) for star in stars)


def test_neighbours_and_bad_pixels_are_told():
    _, curves = found_of(fakerun.Field(n_frames=3))
    row = curves[0].every[0]
    near = {"x_px": 103.5, "y_px": 50.5, "distance_px": 3.0, "flux_adu": 812.0, "err_adu": 20.0}
    steps = steps_of(row, [light(row, neighbours=[near], neighbour_flux_adu=55.0, masked_fraction=0.031, n_struck=2)])
    assert "812 ADU at 3.0 px" in steps["neighbours"].text and "55.0 ADU" in steps["neighbours"].text
    assert "3.1 % of the light" in steps["mask"].text and "2 pixels left out" in steps["mask"].text


def test_a_limit_has_an_account_as_well():
    _, curves = found_of(fakerun.Field(n_frames=3), distill=fakerun.distill(fakerun.Field(n_frames=3), unseen=(1,)))
    row = next(each for curve in curves for each in curve.unseen)
    steps = steps_of(row, [light(row, flux_adu=12.0, noise_adu=15.0, n_empty=40)])
    assert "magnitude" not in steps and f"fainter than {row.mag_limit:.3f} mag" in steps["limit"].text
    assert "40 empty places" in steps["limit"].text
    assert steps["result"].text.startswith("does not count")


def test_records_of_an_earlier_version_have_an_account_without_pixels():
    _, curves = found_of(fakerun.Field(n_frames=3))
    steps = steps_of(curves[0].every[0])
    assert {"frame", "place", "light", "zeropoint", "magnitude", "errors"} <= set(steps)
    assert "PSF" not in steps and "sky" not in steps
