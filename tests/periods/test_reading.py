"""Sessions from light curves of this suite, tables and files of others; choices; one body for all."""

import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "example_data"))
import make_rotation
from photometrypipeline.base.errors import FrameError, UsageError
from photometrypipeline.base.losses import Losses
from photometrypipeline.base.services import Client
from photometrypipeline.ephemerides import ephemeris, ephemstore
from photometrypipeline.periods import alcdeffile, bodies, choices, phasecurve, phasefunctions, reading, sessions
from photometrypipeline.reports import lightcurve, observations

LIGHT_D_AU = 499.004784 / 86400

ALCDEF = """\
STARTMETADATA
OBJECTNUMBER=3552
OBJECTNAME=Don Quixote
MPCDESIG=1983 SA
MPCCODE=290
OBSERVERS=A. Observer
FILTER=C
MAGBAND=V
STANDARD=INTERNAL
DIFFERMAGS={differ}
LTCAPP={applied}
LTCDAYS=-0.005
REDUCEDMAGS=NONE
PHASE=+12.5
DELIMITER=PIPE
ENDMETADATA
DATA=2457800.700000|15.10|0.012|1.2
DATA=2457800.710000|15.12|0.013|1.2
DATA=2457800.720000|15.11|0.011|1.2
ENDDATA
"""


@pytest.fixture(scope="module")
def nights(tmp_path_factory):
    return make_rotation.write(tmp_path_factory.mktemp("nights"))


def series_and_geometry(folder):
    (path,) = reading.light_curves_in(folder)
    series = observations.read_series(path)
    jds = np.array([each.row.jd for each in series.observations])
    places = ephemeris.positions(series.target, "290", jds, Client(offline=True), data_folder=folder)
    return series, lightcurve.geometry_of(series.observations, places)


def test_a_folder_gives_one_session_with_distances_and_both_errors(nights):
    found, left = reading.from_series(*series_and_geometry(nights[0]))
    (session,) = found
    assert not left and session.key == "2017-02-02 VATT4K R" and session.has_distances
    np.testing.assert_allclose(session.err, make_rotation.ERR_MAG)
    assert session.err_common == make_rotation.ERR_COMMON_MAG
    np.testing.assert_allclose(session.jd - session.jd_light, session.delta_au * LIGHT_D_AU, atol=1e-9)
    expected = session.mag - 5 * np.log10(session.r_au * session.delta_au)
    np.testing.assert_allclose(session.mag_reduced, expected, atol=1e-9)


def test_a_table_gives_the_same_as_the_light_curve_it_was_made_of(nights, tmp_path):
    series, geometry = series_and_geometry(nights[1])
    (expected,), _ = reading.from_series(series, geometry)
    for kind, ending in (("csv", "csv"), ("ecsv", "ecsv")):
        path = tmp_path / f"lightcurve_3552.{ending}"
        lightcurve.write(lightcurve.table([(series, geometry)]), path, kind)
        (found,) = reading.from_table(path)
        np.testing.assert_allclose(found.mag_reduced, expected.mag_reduced, atol=2e-4)
        np.testing.assert_allclose(found.jd_light, expected.jd_light, atol=1e-7)
        assert found.key == expected.key and found.err_common == pytest.approx(expected.err_common, abs=1e-4)


def test_a_wrong_table_is_one_line(tmp_path):
    path = tmp_path / "stars.csv"
    Table({"ra": [1.0], "mag": [2.0]}).write(path, format="ascii.csv")
    with pytest.raises(FrameError, match="no column jd, band, target"):
        reading.from_table(path)
    path.write_text('a,b\n1,2,3\n"')
    with pytest.raises(FrameError) as caught:
        reading.from_table(path)
    assert "\n" not in str(caught.value)
    other = tmp_path / "notes.txt"
    other.write_text("nothing\n")
    with pytest.raises(FrameError, match="is not a light curve"):
        reading.kind_of(other)


@pytest.mark.parametrize(("applied", "shift"), [("NONE", 0.005), ("POINT", 0.0)])
def test_alcdef_is_corrected_for_light_time_once(tmp_path, applied, shift):
    path = tmp_path / "ALCDEF_3552.txt"
    path.write_text(ALCDEF.format(differ="FALSE", applied=applied))
    assert reading.kind_of(path) == "alcdef"
    (session,) = alcdeffile.read(path)
    np.testing.assert_allclose(session.jd_light, np.array([2457800.70, 2457800.71, 2457800.72]) - shift)
    assert session.target == "3552" and session.band == "V" and session.site == "290"
    assert session.full_name == "3552 Don Quixote (1983 SA)"
    np.testing.assert_allclose(session.phase_deg, 12.5)
    assert not session.differential


def test_differential_magnitudes_have_free_offsets(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(ALCDEF.format(differ="TRUE", applied="NONE"))
    joined = sessions.join(alcdeffile.read(path))
    assert joined.points.offset_sigma[0] > 10


def test_a_broken_line_of_alcdef_is_named(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(ALCDEF.format(differ="TRUE", applied="NONE").replace("|15.12|", "|faint|"))
    with pytest.raises(FrameError, match="line 18 is not DATA=JD"):
        alcdeffile.read(path)


def test_several_bodies_are_told(tmp_path):
    path = tmp_path / "a.txt"
    text = ALCDEF.format(differ="TRUE", applied="NONE")
    other = text.replace("3552", "433").replace("Don Quixote", "Eros").replace("1983 SA", "1898 DQ")
    path.write_text(text + other)
    found = alcdeffile.read(path)
    with pytest.raises(UsageError, match=r"2 bodies: 3552 \(.*433 \("):
        bodies.only(found, None)
    assert {each.target for each in bodies.chosen(found, "433")} == {"433"}
    assert bodies.only(bodies.chosen(found, "Eros"), None) == "433 Eros (1898 DQ)"


def test_number_and_designation_name_one_body(tmp_path):
    path = tmp_path / "a.txt"
    text = ALCDEF.format(differ="TRUE", applied="NONE")
    path.write_text(text + text.replace("OBJECTNAME=Don Quixote\n", ""))
    assert bodies.only(alcdeffile.read(path), None) == "3552 Don Quixote (1983 SA)"


def test_known_magnitude_comes_from_the_store(nights):
    found, _ = reading.from_series(*series_and_geometry(nights[0]))
    known = bodies.known("3552", found)
    assert (known["H"], known["G"]) == (make_rotation.H, make_rotation.G)


def test_without_an_ephemeris_the_sessions_go_on(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(ALCDEF.format(differ="FALSE", applied="NONE"))
    found, losses = alcdeffile.read(path), Losses()

    def places(name, site, jds):
        return ephemeris.positions(name, site, jds, Client(offline=True))

    bodies.add_distances(found, places, losses)
    assert not found[0].has_distances and losses
    np.testing.assert_allclose(found[0].mag_reduced, found[0].mag)


def test_choices_are_kept_and_found_again(nights, tmp_path):
    every = [each for night in nights for each in reading.from_series(*series_and_geometry(night))[0]]
    path = tmp_path / "period_3552.toml"
    made = choices.read(path)
    choices.change(made, every, leave=["2"], shifts=[("2017-02-06", 0.03)])
    made.search["period_h"] = [3.0, 12.0]
    choices.write(path, made)
    again = choices.read(path)
    assert again == made
    assert not choices.apply(again, every)
    assert [each.used for each in every] == [True, False, True]
    assert every[2].shift_mag == 0.03
    assert len(sessions.join(every).sessions) == 2
    choices.change(again, every, take=["2017-02-03"])
    choices.apply(again, every)
    assert every[1].used
    with pytest.raises(UsageError, match="more than one session"):
        choices.session_named(every, "VATT4K")


@pytest.mark.parametrize("text", ["[sessions.x]\nuse = 3\n", "[search]\nperiods = 1\n", "nonsense", "[other]\n"])
def test_choices_that_are_none_are_one_line(tmp_path, text):
    path = tmp_path / "period_1.toml"
    path.write_text(text)
    with pytest.raises(FrameError) as caught:
        choices.read(path)
    assert "\n" not in str(caught.value)


def test_phase_functions_are_those_of_the_ephemerides():
    """sbpy's H, G against the formula by which this suite computes magnitudes from elements."""
    from photometrypipeline.ephemerides import orbit

    jd = np.array([2457790.5, 2457830.5, 2457890.5])
    values = orbit.ephemeris({**make_rotation.ORBIT, "H": 13.0, "G": 0.15}, "290", jd)
    v_mag, r_au, delta_au, phase = (
        values[:, ephemstore.COLUMNS.index(name)] for name in ("v_mag", "r_au", "delta_au", "phase_deg")
    )
    expected = 13.0 + 5 * np.log10(r_au * delta_au) + phasefunctions.hg(phase, 0.15)
    np.testing.assert_allclose(v_mag, expected, atol=0.02)
    assert np.ptp(phase) > 5


def test_phase_curve_of_a_campaign_is_that_which_was_put_in(tmp_path):
    from photometrypipeline.periods import solution

    campaign = [(day, 4.0, "V") for day in (60, 75, 90, 110, 130)]
    found = []
    for night in make_rotation.write(tmp_path, campaign):
        found += reading.from_series(*series_and_geometry(night))[0]
    joined = sessions.join(found)
    solved = solution.solve(joined.points, "3552", (6, 9))
    curves = {each.model: each for each in phasecurve.fit(joined, solved)}
    low, high = joined.phase_range_deg
    assert high - low > 4
    (h, h_err), (g, g_err) = curves["HG"].values["H"], curves["HG"].values["G"]
    assert abs(h - make_rotation.H) < 3.5 * h_err and h_err < 0.3
    assert abs(g - make_rotation.G) < 3.5 * g_err and g_err < 0.3
    assert "HG12" in curves


def test_what_a_file_says_of_distances_serves_without_an_ephemeris(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(ALCDEF.format(differ="FALSE", applied="NONE").replace("PHASE", "UCORMAG=-1.82\nPHASE"))
    (session,) = alcdeffile.read(path)
    assert session.at_unit_distance and not session.has_distances
    np.testing.assert_allclose(session.mag_reduced, session.mag - 1.82)
    joined = sessions.join([session])
    assert joined.points.offset_sigma[0] == pytest.approx(0.05)


def test_the_same_night_from_two_files_counts_once(nights, tmp_path):
    series, geometry = series_and_geometry(nights[0])
    own, _ = reading.from_series(series, geometry)
    lightcurve.write(lightcurve.table([(series, geometry)]), tmp_path / "a.csv", "csv")
    other, _ = reading.from_series(*series_and_geometry(nights[1]))
    every = sessions.named_apart([*own, *reading.from_table(tmp_path / "a.csv"), *other])
    ((copy, original),) = sessions.copies(every)
    assert {copy.source, original.source} == {str(tmp_path / "a.csv"), str(series.path)}
