"""pp_calibrate with one solution for the night, on source lists with a known truth."""

import toolbox

import numpy as np
import pytest
from test_calibrate import COEFFICIENT, ZEROPOINT, calibrate, exposed, fill, reference_stars

import pp_setup
from photometrypipeline.frames import framedb

N_FRAMES = 6
TRUTH = ZEROPOINT - 0.1 * np.arange(N_FRAMES)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pp_setup, "one_solution", True)
    return tmp_path


@pytest.fixture
def stars(folder):
    found = reference_stars(150.0, 2.0)
    fill(folder, "REFCAT2", found, (150.0, 2.0, 0.3))
    return found


def zeropoints(record):
    return np.array([frame.zp_mag for frame in record.frames], dtype=float)


def test_the_zeropoints_of_all_frames_come_from_one_solution(folder, stars):
    frames = exposed(stars, 150.0, 2.0, n_frames=N_FRAMES)
    rng = np.random.default_rng(5)
    for _, sources, _ in frames:
        sources["inst"][:10] += rng.normal(0, 0.3, 10)  # variable stars
    record = calibrate(folder, frames).record
    error = zeropoints(record) - TRUTH
    assert np.std(error) < 0.001
    assert abs(error.mean()) < 3 * record.night.err_common
    own = np.array([frame.zp_frame_mag for frame in record.frames]) - TRUTH
    assert np.std(error) < np.std(own)
    assert record.night.differences.scatter == pytest.approx(np.std(error - own), rel=1e-3)
    header, table, zeropoint = framedb.read(folder / "f2.ldac.db")
    assert zeropoint["method"] == "night" and "one solution for 6 frames" in header["description"]
    assert zeropoint["zp"] == zeropoint["zp_night"] != zeropoint["zp_frame"]
    assert zeropoint["zp_err"] == pytest.approx(np.hypot(zeropoint["err_zp_frame"], zeropoint["err_zp_common"]))
    assert zeropoint["zp_sig"] > 0.01  # as documented, from the frame itself
    assert np.abs(table["_Vmag"] - table["MAG_APER"] - zeropoint["zp"]).max() < 0.01  # the place on the detector
    assert (table["err_frame"] < table["err_total"]).all() and (table["err_common"] > 0.005).all()
    worst = sorted(record.night.stars, key=lambda star: star.scatter / star.expected)[-9:]
    assert min(star.scatter for star in worst) > 0.1 and max(star.weight for star in worst) < 0.5


def test_a_target_of_another_colour_gets_its_own_zeropoint(folder, stars):
    frames = exposed(stars, 150.0, 2.0, COEFFICIENT, n_frames=3)
    record = calibrate(folder, frames, colorterm="g-r", target_color=0.9).record
    assert zeropoints(record) == pytest.approx(TRUTH[:3] + COEFFICIENT * 0.9, abs=0.008)
    term = framedb.read_colorterm(folder / "f0.ldac.db")
    assert term["coefficient"] == pytest.approx(COEFFICIENT, abs=4 * term["err"])
    assert term["target_color"] == 0.9
    asteroid = calibrate(folder, frames).record
    (told,) = [term for term in asteroid.night.terms if term.name == "color"]
    assert told.value == pytest.approx(COEFFICIENT, abs=0.03)  # the prior, 0 +- 0.05, pulls a little
    assert zeropoints(asteroid) == pytest.approx(TRUTH[:3] + COEFFICIENT * 0.55, abs=0.008)
    stored = framedb.read(folder / "f0.ldac.db")[2]
    assert stored["err_color"] == pytest.approx(abs(told.value) * 0.1, rel=0.05)


def test_minstars_and_a_single_frame_keep_to_the_frames(folder, stars):
    frames = exposed(stars, 150.0, 2.0, n_frames=3)
    record = calibrate(folder, frames, minstars=0.5).record
    assert [frame.method for frame in record.frames] == ["frame"] * 3
    assert zeropoints(record).tolist() == [frame.zp_frame_mag for frame in record.frames]
    assert record.night.counts is False and record.frames[0].zp_night_mag
    record = calibrate(folder, frames[:1]).record
    assert record.night is None and record.frames[0].method == "frame"


def test_a_frame_without_enough_stars_of_its_own_hangs_on_the_rest(folder, stars):
    frames = exposed(stars, 150.0, 2.0, n_frames=4)
    rng = np.random.default_rng(8)
    for number, (_, sources, _) in enumerate(frames):  # stars of the field that the catalogue does not know
        for _ in range(20):
            place = 150.0 + 0.05 * np.cos(_), 2.0 + 0.05 * np.sin(2.1 * _)
            inst = 15.5 + 0.05 * _ - TRUTH[number] + rng.normal(0, 0.003)
            sources.add_row([*place, inst, 0.003])
    name, sources, jd = frames[3]
    cut = np.arange(len(sources)) >= len(sources) - 20
    cut[:2] = True  # two stars of the catalogue
    frames[3] = name, sources[cut], jd
    losses = toolbox.Losses()
    record = calibrate(folder, frames, losses).record
    assert not losses.entries
    assert record.frames[3].method == "night" and record.frames[3].zp_frame_mag is None
    error = zeropoints(record) - TRUTH[:4]
    assert abs(error[3] - error[:3].mean()) < 0.003
    _, table, zeropoint = framedb.read(folder / "f3.ldac.db")
    assert np.isfinite(table["_Vmag"]).all() and zeropoint["zp_sig"] > 0


def test_stars_taken_out_by_hand_take_part_in_nothing(folder, stars):
    frames = exposed(stars, 150.0, 2.0, n_frames=3)
    whole = calibrate(folder, frames).record
    first, second = whole.frames[0].stars[:2]
    (folder / "out.txt").write_text(f"{first.ident}\n{second.ra_deg} {second.dec_deg} 3\n10.0 10.0\n")
    fewer = calibrate(folder, frames, exclude_stars="out.txt").record
    for frame in fewer.frames:
        assert frame.n_matched == whole.frames[0].n_matched - 2
        assert not {first.ident, second.ident} & {star.ident for star in frame.stars}
    kept = {star.ident: star.influence for star in whole.night.stars}
    moved = np.mean(zeropoints(fewer) - zeropoints(whole))
    assert moved == pytest.approx(kept[first.ident] + kept[second.ident], abs=2e-4)


def test_targets_that_stand_still_are_no_reference_stars_of_the_night(folder, stars):
    frames = exposed(stars, 150.0, 2.0, n_frames=4)
    for number, (_, sources, _) in enumerate(frames):
        sources["e_inst"][7] = 0.0005
        sources["inst"][7] += 0.02 * (number > 1)  # a transit
    place = frames[0][1]["ra_deg"][7], frames[0][1]["dec_deg"][7]
    (folder / "fixed.txt").write_text(f"host {place[0]} {place[1]}\n")
    record = calibrate(folder, frames, fixedtargets="fixed.txt").record
    apart = [np.hypot(star.ra_deg - place[0], star.dec_deg - place[1]) for star in record.night.stars]
    assert min(apart) > 1 / 3600
    tables = [framedb.read(folder / f"f{number}.ldac.db")[1] for number in range(4)]
    mags = np.array([table["_Vmag"][7] for table in tables])
    assert mags[2:].mean() - mags[:2].mean() == pytest.approx(0.02, abs=0.008)
    assert np.isfinite(tables[0]["rp1mag"][7])  # its own colour is still known
