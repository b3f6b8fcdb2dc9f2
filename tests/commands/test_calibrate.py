"""pp_calibrate on source lists with a known truth: fields anywhere on the sky, colour terms, nothing but the store."""

import re
import socket
from types import SimpleNamespace

import toolbox

import numpy as np
import pytest
from astropy.table import Table
from astropy.time import Time

import calibrationset
import pp_calibrate
import pp_setup
import services as local
import starlist
from catalog import Catalog
from photometrypipeline.base.errors import FAILED, OK, PARTIAL, USAGE, UsageError
from photometrypipeline.calibration import calibrated
from photometrypipeline.catalogs import skystore, surveys, vizier
from photometrypipeline.frames import framedb, records, recordtypes
from photometrypipeline.frames.frame import Frame
from photometrypipeline.instruments import telescopes

ZEROPOINT, COEFFICIENT, JD = 25.0, -0.12, 2461000.5
PLACES = [(0.0, 12.0), (359.99, -0.3), (123.0, 89.9), (201.0, -47.5)]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def reference_stars(ra_deg, dec_deg, number=120):
    """Return stars for REFCAT2 with colours from 0.2 to 1.1 that do not depend on brightness, and proper motions."""
    rng = np.random.default_rng(11)
    stars = starlist.make("REFCAT2", number, ra_deg, dec_deg, 0.15, seed=4)
    stars["rp1mag"] = rng.uniform(14, 17, number)
    color = rng.uniform(0.2, 1.1, number)
    stars["gp1mag"], stars["ip1mag"] = stars["rp1mag"] + color, stars["rp1mag"] - 0.4 * color
    stars["zp1mag"], stars["Gmag"] = stars["ip1mag"] - 0.15 * color, stars["rp1mag"]
    stars["pmra"], stars["pmdec"] = rng.choice([-150.0, 150.0], number), 100.0  # moved 2.8 arcsec by now
    stars["flag_dupvar"] = 0.0
    return stars


def fill(folder, name, stars, cone):
    skystore.write_tiles(folder / "pp_store", name, stars, cone, 25.0)


def exposed(stars, ra_deg, dec_deg, coefficient=0.0, seed=2, n_frames=3):
    """Return [(name, sources, JD)]: what a camera with a colour term of its own sees of stars in V, at their places."""
    rng = np.random.default_rng(seed)
    survey = surveys.get("REFCAT2")
    catalog = Catalog("REFCAT2", stars, "", "", survey.systems, survey.bands, survey)
    moved = catalog.at_epoch(Time(JD, format="jd").jyear)
    band, mag, _ = moved.in_band("V", use_all=True)
    color = band.color("g-r")[0]
    frames = []
    for number in range(n_frames):
        sources = Table({"ra_deg": band.values("ra_deg"), "dec_deg": band.values("dec_deg")})
        zeropoint = ZEROPOINT - 0.1 * number
        sources["inst"] = band.values(mag) - coefficient * color - zeropoint + rng.normal(0, 0.005, len(band))
        sources["e_inst"] = 0.005
        frames.append((f"f{number}", sources, JD + number / 1000))
    return frames


def calibrate(folder, frames, losses=None, **options):
    written = [calibrationset.write(folder, *frame) for frame in frames]
    losses = losses if losses is not None else toolbox.Losses()
    options = {"filter": "V", "catalog": ("REFCAT2",), "offline": True} | options
    return pp_calibrate.calibrate(written, losses, pp_calibrate.Options(**options))


# ---- right stars, right radius


@pytest.mark.parametrize(("ra_deg", "dec_deg"), PLACES)
def test_a_field_anywhere_is_calibrated_with_its_own_stars(folder, ra_deg, dec_deg):
    stars = reference_stars(ra_deg, dec_deg)
    fill(folder, "REFCAT2", stars, (ra_deg, dec_deg, 0.3))
    done = calibrate(folder, exposed(stars, ra_deg, dec_deg))
    for number, frame in enumerate(done.record.frames):
        assert frame.n_matched >= 0.9 * len(stars)  # the radius of the cone leaves out the outermost per cent
        assert frame.zp_mag == pytest.approx(ZEROPOINT - 0.1 * number, abs=3 * frame.zp_err_mag)
        assert frame.zp_err_mag < 0.005
    _, table, _ = framedb.read(folder / "f0.ldac.db")
    joined = np.isfinite(table["rp1mag"])
    assert joined.sum() == done.record.frames[0].n_matched
    # every source is beside the star that it is: its r magnitude tells them apart
    inst = table["MAG_APER"][joined] + ZEROPOINT
    by_star = table["rp1mag"][joined] + 0.006 + 0.474 * (table["gp1mag"] - table["rp1mag"])[joined]
    assert np.abs(inst - by_star).max() < 0.05
    assert [path.name for path in folder.glob("*.cat")] == ["REFCAT2.cat"]  # called as it was fetched


def test_the_stars_of_the_record_are_those_of_the_source_list_with_the_colour_term_taken_out(folder):
    stars = reference_stars(150.0, 2.0)
    fill(folder, "REFCAT2", stars, (150.0, 2.0, 0.3))
    frames = exposed(stars, 150.0, 2.0, COEFFICIENT)
    record = calibrate(folder, frames, colorterm="g-r", target_color=0.44).record
    frame, sources = record.frames[0], frames[0][1]
    names = recordtypes.ReferenceStar.__struct_fields__
    shown = {name: np.array([getattr(star, name) for star in frame.stars]) for name in names}
    rows = [int(np.argmin(np.abs(sources["inst"] - inst))) for inst in shown["inst_mag"]]
    assert len(set(rows)) == frame.n_matched
    np.testing.assert_allclose(shown["inst_mag"], sources["inst"][rows], atol=1e-5)
    np.testing.assert_allclose(shown["ra_deg"], sources["ra_deg"][rows], atol=1e-5)  # catalogue and source, 0.04 arcsec
    correction = record.color_term.coefficient * (shown["color_mag"] - 0.44)
    np.testing.assert_allclose(shown["color_correction_mag"], correction, atol=1e-6)
    residual = shown["inst_mag"] + frame.zp_mag + shown["color_correction_mag"] - shown["mag"]
    assert residual.std() == pytest.approx(0.005, rel=0.3)  # the noise of the sources
    step = SimpleNamespace(n_used=3, zp=np.float64(25.12345678), sig=0.01, chi2=1.23456789e-9)
    told = calibrated._step_record(step)
    assert (told.n, told.zp_mag, told.sig_mag, told.chi2) == (3, 25.123457, 0.01, 1.23457e-9)


def test_a_run_whose_field_is_in_the_store_opens_no_socket(folder, monkeypatch):
    stars = reference_stars(150.0, 2.0)
    fill(folder, "REFCAT2", stars, (150.0, 2.0, 0.3))
    opened = []

    def refuse(*arguments, **options):
        opened.append(arguments)
        raise OSError("no socket, please")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    done = calibrate(folder, exposed(stars, 150.0, 2.0), offline=False)  # it may ask, and need not
    assert opened == []
    assert not done.uncalibrated


# ---- services that fail: what is told, what is kept, how the command ends


@pytest.fixture
def server(folder, monkeypatch):
    stars = reference_stars(150.0, 2.0)
    sheets = {name: surveys.get(name) for name in ("REFCAT2", "PANSTARRS")}
    served = {sheets["REFCAT2"].table: local.as_vizier(sheets["REFCAT2"], stars)}
    with local.Server(served) as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        for frame in exposed(stars, 150.0, 2.0):
            calibrationset.write(folder, *frame)
        yield running


def run_calibrate(*arguments):
    return pp_calibrate.main(["-filter", "V", "-catalog", "REFCAT2", *arguments, "f0.fits", "f1.fits"])


def zeropoints(folder):
    return [framedb.read(folder / f"f{number}.ldac.db")[2]["zp"] for number in (0, 1)]


@pytest.mark.parametrize("fault", ["", "503", "retry_after", "slow", "cut", "truncated", "html", "garbage", "refuse"])
def test_a_fault_that_passes_leaves_no_trace_in_the_result(folder, server, fault):
    server.faults["vizier"], server.slow_s, server.retry_after_s = [fault] if fault else [], 0.3, 0
    assert run_calibrate() == OK
    assert zeropoints(folder) == pytest.approx([ZEROPOINT, ZEROPOINT - 0.1], abs=0.005)
    assert server.count("vizier") == (1 if fault in ("", "slow") else 2)
    log = (folder / "LOG").read_text()
    assert "bytes" in log and "REFCAT2 at 15" in log  # every request, with the size of its answer


@pytest.mark.parametrize(
    ("fault", "status", "told"),
    [
        ("503", FAILED, "could not be reached: HTTP 503"),
        ("refuse", FAILED, "could not be reached"),
        ("cut", FAILED, "could not be reached"),
        ("truncated", FAILED, "VOTable that cannot be read"),
        ("html", FAILED, "no VOTable.*Maintenance"),
        ("garbage", FAILED, "no VOTable"),
        ("error_info", FAILED, "not currently reachable"),
        ("404", FAILED, "HTTP 404"),
        ("empty", PARTIAL, "no stars in this field"),
        ("missing:gmag", PARTIAL, "without column gmag"),
        ("unit:pmRA=arcsec/yr", PARTIAL, "column pmRA has unit arcsec"),
    ],
)
def test_a_fault_that_stays_is_named_and_ends_as_specified(folder, server, capsys, fault, status, told):
    server.faults["vizier"] = fault
    assert run_calibrate() == status
    everything = capsys.readouterr()
    assert re.search(told, everything.err + (folder / "LOG").read_text())
    assert "Traceback" not in everything.err + everything.out
    assert "instrumental" in everything.err
    assert zeropoints(folder) == [None, None]  # what could be done is kept: the databases, without wrong magnitudes
    assert server.count("vizier") <= 4


def test_the_next_catalogue_is_taken_where_one_fails(folder, server, capsys, monkeypatch):
    server.faults["vizier"] = ["error_info"] * 4
    frames = [Frame(folder / f"f{number}.fits") for number in (0, 1)]
    losses = toolbox.Losses()
    done = pp_calibrate.calibrate(frames, losses, pp_calibrate.Options(filter="V", catalog=("GSPC", "REFCAT2")))
    assert done.record.catalog == "REFCAT2_transformed" and not done.failure
    server.faults["vizier"] = []
    done = pp_calibrate.calibrate(
        frames, losses, pp_calibrate.Options(filter="V", catalog=("SDSS-R16", "REFCAT2"))
    )  # nothing there
    assert done.record.catalog == "REFCAT2_transformed"


def test_a_few_requests_serve_a_data_set_and_none_a_second_run(folder, server):
    assert run_calibrate() == OK
    asked = server.count("vizier")
    assert asked == 1
    assert run_calibrate() == OK and run_calibrate("-colorterm", "g-r") == OK
    assert server.count("vizier") == asked


# ---- colour terms


def test_a_colour_term_makes_the_magnitudes_of_a_target_right(folder):
    stars = reference_stars(150.0, 2.0)
    fill(folder, "REFCAT2", stars, (150.0, 2.0, 0.3))
    frames = exposed(stars, 150.0, 2.0, COEFFICIENT)
    plain = calibrate(folder, frames, minstars=0.5).record
    assert plain.color == "g-r" and plain.color_term is None
    stars_of = [star for frame in plain.frames for star in frame.stars if star.used]
    assert {star.color_correction_mag for star in stars_of} == {0.0}
    slope = np.polyfit(*zip(*((star.color_mag, star.mag - star.inst_mag) for star in stars_of), strict=True), 1)[0]
    assert slope == pytest.approx(COEFFICIENT, abs=0.05)  # the record shows that a term is wanted

    for target in (None, 0.9):
        done = calibrate(folder, frames, colorterm="g-r", target_color=target, minstars=0.5).record
        term, color = done.color_term, 0.55 if target is None else target
        assert term.coefficient == pytest.approx(COEFFICIENT, abs=4 * term.err)
        assert 0 < term.err < 0.006
        assert term.target_color == color
        for number, frame in enumerate(done.frames):
            # m = inst + zp holds for a source of the target's colour
            expected = ZEROPOINT - 0.1 * number + COEFFICIENT * color
            error = np.hypot(frame.zp_err_mag, term.err * abs(color - term.mean_color))
            assert frame.zp_mag == pytest.approx(expected, abs=4 * error)
        header, table, zeropoint = framedb.read(folder / "f0.ldac.db")
        assert f"for a source of g-r = {color:.3f}" in header["description"]
        stored = framedb.read_colorterm(folder / "f0.ldac.db")
        assert stored["coefficient"] == term.coefficient and stored["target_color"] == color
        expected = np.hypot(zeropoint["relation_err"], stored["color_err"])
        assert table["err_transformation"][0] == pytest.approx(expected)


def test_without_the_option_no_colour_term_is_anywhere(folder):
    stars = reference_stars(150.0, 2.0)
    fill(folder, "REFCAT2", stars, (150.0, 2.0, 0.3))
    calibrate(folder, exposed(stars, 150.0, 2.0), minstars=0.5)
    assert framedb.read_colorterm(folder / "f0.ldac.db") is None
    assert "colour" not in framedb.read(folder / "f0.ldac.db")[0]["description"]
    record = records.read(folder)["calibrate"]
    assert record.color == "g-r"
    assert all(0.2 < star.color_mag < 1.4 for star in record.frames[0].stars)


def test_a_colour_term_that_the_stars_do_not_determine_is_a_loss(folder):
    stars = reference_stars(150.0, 2.0)
    stars["gp1mag"] = stars["rp1mag"] + 0.5
    fill(folder, "REFCAT2", stars, (150.0, 2.0, 0.3))
    losses = toolbox.Losses()
    done = calibrate(folder, exposed(stars, 150.0, 2.0), losses, colorterm="g-r")
    assert done.record.color_term is None and not done.uncalibrated
    assert "colour term" in str(losses.entries) and "g-r" in str(losses.entries)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"colorterm": "gr"}, "gr is not a colour"),
        ({"colorterm": "g-g"}, "not a colour"),
        ({"colorterm": "gsm-rsm"}, "gsm-rsm of asteroids.*-target_color"),
        ({"target_color": "Z"}, "neither a number nor a taxonomic class"),
        ({"exclude_stars": "nowhere.txt"}, "nowhere.txt.*cannot be read"),
    ],
)
def test_mistakes_with_options_are_explained_at_once(folder, options, message):
    with pytest.raises(UsageError, match=message):
        pp_calibrate.Options.chosen(**options)
    for right in ({"target_color": "C"}, {"target_color": -0.2}, {"colorterm": "gsm-rsm", "target_color": "0.4"}):
        pp_calibrate.Options.chosen(**right)


def test_a_colour_that_the_catalogue_lacks_is_no_traceback(folder, run_command):
    stars = reference_stars(150.0, 2.0)
    fill(folder, "REFCAT2", stars, (150.0, 2.0, 0.3))
    losses = toolbox.Losses()
    done = calibrate(folder, exposed(stars, 150.0, 2.0), losses, colorterm="U-B")
    assert done.record.mode == "instrumental"
    assert "no catalogue is usable" in str(losses.entries)
    wrong = run_command("pp_calibrate", "-filter", "V", "-colorterm", "green", "f0.fits", cwd=folder)
    assert wrong.returncode == USAGE and "green is not a colour" in wrong.stderr


# ---- frames far apart in time


def test_each_frame_meets_the_stars_where_they_were_then(folder):
    stars = reference_stars(150.0, 2.0)
    fill(folder, "REFCAT2", stars, (150.0, 2.0, 0.3))
    early = exposed(stars, 150.0, 2.0, n_frames=1)
    late = [("late", early[0][1].copy(), JD + 8 * 365.25)]  # 1.4 arcsec further
    late[0][1]["dec_deg"] += 100 * 8 / 3.6e6
    moving = np.where(stars["pmra"][: len(late[0][1])] > 0, 150.0, -150.0)
    late[0][1]["ra_deg"] += moving * 8 / 3.6e6 / np.cos(np.radians(2.0))
    done = calibrate(folder, early + late)
    for frame in done.record.frames:
        assert frame.n_matched > 100


# ---- real stars


def recorded(shared_data, name):
    file = {"APASS9": "all_apass_ey_uma.ecsv", "REFCAT2": "all_refcat2_ey_uma.ecsv"}[name]
    return vizier.to_schema(Table.read(shared_data / "catalogs" / file), surveys.get(name))


def ey_uma_frames(shared_data):
    """Return [(name, sources, JD)] of the 94 frames in R of EY UMa, 2014-12-29."""
    measured = Table.read(shared_data / "tables" / "ey_uma_2014-12-29_photometry.fits")
    measured = measured[np.isfinite(measured["mag_inst_R"]) & (np.asarray(measured["mag_error"]) < 0.2)]
    frames = []
    for number, group in enumerate(measured.group_by("date-obs").groups):
        sources = Table({"ra_deg": np.asarray(group["RA"]), "dec_deg": np.asarray(group["Dec"])})
        sources["inst"], sources["e_inst"] = np.asarray(group["mag_inst_R"]), np.asarray(group["mag_error"])
        start = group["date-obs"][0]
        start = start.decode() if isinstance(start, bytes) else str(start)
        frames.append((f"ey{number:03d}", sources, Time(start).jd + 45 / 86400))
    return frames


@pytest.fixture
def ey_uma(folder, shared_data, monkeypatch):
    """Return calibrate(catalogue, colorterm, n_frames): the record of a night calibrated frame by frame."""
    for name in ("APASS9", "REFCAT2"):
        fill(folder, name, recorded(shared_data, name), (135.55, 49.84, 0.25))
    frames = [calibrationset.write(folder, *frame) for frame in ey_uma_frames(shared_data)]
    monkeypatch.setattr(pp_setup, "diagnostics", False)
    monkeypatch.setattr(pp_setup.confcalibrate, "save_caldata", False)

    def run(name, colorterm, n_frames=94):
        chosen = {"filter": "R", "catalog": (name,), "colorterm": colorterm, "minstars": 0.5}
        options = pp_calibrate.Options(**chosen, offline=True, jobs=2)
        return pp_calibrate.calibrate(frames[:n_frames], toolbox.Losses(), options).record

    return run


def differences(one, other):
    """Return (differences of the zeropoints, their error, that of their mean), mag, of two records of one night."""
    pair = (one, other)
    zps = np.array([[frame.zp_mag for frame in record.frames] for record in pair])
    errors = np.array([[frame.zp_err_mag for frame in record.frames] for record in pair])
    common = np.hypot(*(record.systematics.total_mag for record in pair))
    return zps[0] - zps[1], np.hypot(*errors), np.hypot(common, np.hypot(*errors).mean())


def test_two_catalogues_give_ey_uma_the_same_zeropoints_once_the_colour_term_is_on(ey_uma):
    apass, refcat = ey_uma("APASS9", "g-r"), ey_uma("REFCAT2", "g-r")
    difference, error, error_of_mean = differences(apass, refcat)
    assert difference.size == 94
    # The stars that both list are brighter in APASS by 0.04 (r), 0.05 (V), 0.07 mag (i): nothing that a calibration
    # could mend, and 1.4 times what is stated for a field of APASS.
    assert abs(difference.mean()) < 2 * error_of_mean < 0.12
    assert np.abs(difference - difference.mean()).max() < 1.5 * error.min()  # the same course of the night
    terms = [record.color_term for record in (apass, refcat)]
    assert abs(terms[0].coefficient - terms[1].coefficient) < np.hypot(terms[0].err, terms[1].err)
    plain = differences(ey_uma("APASS9", None, 40), ey_uma("REFCAT2", None, 40))[0]
    assert difference[:40].std() < 0.7 * plain.std()
    of_night = np.array([[frame.zp_night_mag for frame in record.frames] for record in (apass, refcat)])
    together = of_night[0] - of_night[1]  # one solution of all frames
    assert together.std() < 0.4 * difference.std()
    told = "APASS9 - REFCAT2: {:+.4f} +- {:.4f} mag, frame by frame {:.4f}, without colour term {:.4f}, night {:.4f}"
    print(told.format(difference.mean(), error_of_mean, difference.std(), plain.std(), together.std()))
    for record in (apass, refcat):
        print(record.color_term, record.systematics, np.mean([frame.zp_err_mag for frame in record.frames]))


@pytest.mark.parametrize(("raw", "key"), [("Clear", "GENERIC"), ("TOP 1 BOT 1", "VATT4K")])
def test_a_frame_without_a_filter_is_told_how_it_can_be_calibrated(raw, key):
    """By its name, or by the definition of the telescope."""
    told = pp_calibrate.no_band(raw, telescopes.get(key))
    assert told == f"filter {raw!r} is not a band: magnitudes stay instrumental; -filter G calibrates to the nearest"
    assert "give it with -filter" in pp_calibrate.no_band("Blocking", telescopes.get("GENERIC"))
