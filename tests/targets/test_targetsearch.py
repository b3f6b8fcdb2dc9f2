"""Which targets a field has: the limit of what can be seen, the files with places."""

import numpy as np
import pytest
from astropy.table import Table

import sky
from photometrypipeline.ephemerides.ephemeris import Ephemeris
from photometrypipeline.frames import wcskeywords
from photometrypipeline.targets import targets, targetsearch
from photometrypipeline.targets.targets import Measured, Target


def frame_with(columns, band="R", zp=25.0):
    return Measured(None, {"filtername": band}, Table(columns), {"zp": zp} if zp else None)


def test_the_limit_is_that_of_magnitudes_never_of_their_errors():
    mags = np.linspace(14, 20, 101)
    calibrated = frame_with({"_Rmag": mags, "_e_Rmag": mags / 100})
    by_hand = frame_with({"gp1mag": mags + 1, "e_gp1mag": mags / 100}, band="gp1")
    assert targetsearch.completeness_mag([calibrated]) == pytest.approx(19.4)
    assert targetsearch.completeness_mag([by_hand]) == pytest.approx(20.4)
    assert targetsearch.completeness_mag([calibrated, by_hand]) == pytest.approx(20.4)  # the deepest frame
    assert targetsearch.completeness_mag([frame_with({"MAG_APER": mags}, zp=None)]) is None


def test_targets_whose_files_would_have_one_name_are_told_apart():
    wanted = [Target(name, "fixed", {}) for name in ("a b", "a_b", "a/b", "c")]
    targetsearch._name_apart(wanted)
    assert [target.name for target in wanted] == ["a b", "a_b 2", "a/b 3", "c"]


def test_places_of_a_file_that_move_are_those_of_a_moving_target():
    def target(*places):
        return Target("x", "positions", {f"{n}.fits": place for n, place in enumerate(places)})

    assert target((359.999, 60.0), (0.001, 60.0), (0.004, 60.0)).moves  # 9 arcsec across RA 0, cos Dec counted
    assert not target((359.9995, 60.0), (0.0005, 60.0)).moves
    assert not target((10.0, 5.0)).moves
    assert Target("x", "primary", {}).moves and not Target("x", "fixed", {"a": (1, 1), "b": (2, 2)}).moves


def test_a_solution_that_came_with_the_frame_places_alike_in_both_of_its_usual_forms():
    solution = sky.make_wcs((150.0, 30.0), (600, 400), rotation_deg=20.0)
    as_pc = solution.to_header(relax=True)
    as_cd = as_pc.copy()
    for i in (1, 2):
        for j in (1, 2):
            as_cd[f"CD{i}_{j}"] = solution.wcs.cd[i - 1, j - 1]
    for keyword in [key for key in as_cd if key.startswith(("PC", "CDELT"))]:
        del as_cd[keyword]
    assert "PC1_1" in as_pc and "CD1_1" not in as_pc
    corner = solution.all_pix2world(1.0, 400.0, 1)
    for header in (as_pc, as_cd):
        assert wcskeywords.wcs_of(header).all_world2pix(*corner, 1) == pytest.approx([1.0, 400.0], abs=1e-6)


def test_an_unknown_uncertainty_stays_unknown_and_an_offset_is_taken_off():
    columns = {name: np.array([1.0, 2.0]) for name in Ephemeris.__dataclass_fields__ if name not in ("target",)}
    columns |= {"full_name": "1 Ceres", "source": "x", "jd": np.array([2460000.5, 2460001.5])}
    columns |= {"ra_deg": np.array([0.0001, np.nan]), "dec_deg": np.array([5.0, np.nan])}
    columns["sigma_ra_arcsec"] = np.array([np.nan, 0.1])

    class Named:
        def __init__(self, name, header=()):
            self.name, self.header = name, dict(header)

    frames = [Measured(Named("a"), {}, None, None), Measured(Named("b"), {}, None, None)]
    found = targets.from_ephemeris("Ceres", "primary", frames, Ephemeris("Ceres", **columns), (0.72, -0.36))
    assert found.places == {"a": (pytest.approx(359.9999), pytest.approx(5.0001))}
    assert found.sigma_arcsec == {} and found.v_mag == {"a": 1.0}
    assert found.rate_arcsec_h == {"a": pytest.approx(np.sqrt(2))}
    # a clock that may be off by two hours moves the place by what the body moves in that time
    frames[0] = Measured(Named("a", {"PPTIMERR": 7200.0}), {}, None, None)
    found = targets.from_ephemeris("Ceres", "primary", frames, Ephemeris("Ceres", **columns))
    assert found.sigma_arcsec == {"a": (pytest.approx(2.0), pytest.approx(np.hypot(1, 2)))}
