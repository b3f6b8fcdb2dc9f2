"""pp_run and the services: asked once, not reachable, without an answer."""

import re
import time

import numpy as np
import pytest
from test_commands import OFFLINE, light_curve, results_of

import pp_distill
import pp_run
import sky
from photometrypipeline.base.errors import PipelineError
from photometrypipeline.frames import records
from photometrypipeline.runs import outcomes


@pytest.fixture
def server(tmp_path):
    """Yield (folder, Truth, server) of a data set without a store; the server knows its stars and its asteroid."""
    from horizons import Body
    from services import Server

    truth = sky.make_dataset(tmp_path, 2, store=False)
    tables = {"I/355/gaiadr3": truth.vizier_table("GAIA-DR3"), "II/349/ps1": truth.vizier_table("PANSTARRS")}
    body = Body(number=3552, name="Don Quixote", designation="1983 SA", path=lambda jd: place_at(truth, jd))
    with Server(tables, [body]) as running:
        yield tmp_path, truth, running


def timed(running):
    """Return {route: [(start, end), ...]} of the requests that a server answers from now on."""
    spans, reply = {}, running.reply

    def answer(request):
        start = time.monotonic()
        try:
            return reply(request)
        finally:
            spans.setdefault(request.route, []).append((start, time.monotonic()))

    running.reply = answer
    return spans


def place_at(truth, jd):
    return float(np.interp(jd, truth.midtime_jd, truth.ra_deg)), float(np.interp(jd, truth.midtime_jd, truth.dec_deg))


def test_what_services_answered_once_is_never_asked_again(server, run_command):
    folder, truth, running = server
    spans = timed(running)
    running.faults = {"vizier": ["slow", "slow"], "horizons": ["slow"]}
    done = run_command("pp_run", "-injections", 0, *truth.files, cwd=folder, env=running.environment())
    assert done.returncode == 0, done.stderr
    first = [spans["vizier"][0], spans["vizier"][1], spans["horizons"][0]]
    assert max(start for start, _ in first) < min(end for _, end in first)  # all at the same time
    np.testing.assert_allclose(light_curve(folder)["mag"], truth.mag, atol=0.06)  # noise 0.011, zeropoint 0.004
    assert running.count("vizier") == 2  # a question for each catalogue
    cones = [float(request.fields["-c.rd"]) for request in running.requests if request.route == "vizier"]
    assert max(cones) < 0.4  # one tile of 0.5 deg, for a field of 4'
    told = [line for line in (folder / "LOG").read_text().splitlines() if ", radius " in line and " rows" in line]
    assert len(told) == 2
    rows = [int(re.search(r"(\d+) rows", line)[1]) for line in told]
    assert all(0 < number < 20_000 for number in rows)
    assert 1 <= running.count("horizons") <= 2
    asked, before = len(running.requests), results_of(folder)
    again = run_command(
        "pp_run", "-injections", 0, *truth.files, OFFLINE, "-force", cwd=folder, env=running.environment()
    )
    assert again.returncode == 0, again.stderr
    assert results_of(folder) == before
    assert len(running.requests) == asked


def test_services_that_cannot_be_reached_are_an_error_and_not_an_empty_field(server, run_command):
    folder, truth, running = server
    running.faults = dict.fromkeys(("vizier", "horizons"), "503")
    done = run_command("pp_run", "-injections", 0, *truth.files, cwd=folder, env=running.environment())
    assert done.returncode == 1
    assert "could not be reached" in done.stderr and "VizieR" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_field_that_was_fetched_ahead_needs_no_catalogue_service(server, run_command):
    folder, truth, running = server
    ra_deg, dec_deg = truth.ra_deg[0], truth.dec_deg[0]
    (folder / "fields.txt").write_text(f"{ra_deg:.4f} {dec_deg:.4f}  # where the target will be\n")
    ahead = ["prefetch", "-catalogs", "GAIA,PANSTARRS", "-fields", "fields.txt", "-radius", 0.15]
    done = run_command("pptool_store", *ahead, cwd=folder, env=running.environment())
    assert done.returncode == 0, done.stderr
    asked = running.count("vizier")
    assert asked == 2  # a catalogue each
    running.faults = {"vizier": "503"}
    done = run_command("pp_run", "-injections", 0, *truth.files, cwd=folder, env=running.environment())
    assert done.returncode == 0, done.stderr
    assert running.count("vizier") == asked
    np.testing.assert_allclose(light_curve(folder)["mag"], truth.mag, atol=0.06)


def test_without_horizons_the_frames_are_still_calibrated(server, run_command):
    folder, truth, running = server
    running.faults = {"horizons": "503"}
    done = run_command("pp_run", "-injections", 0, *truth.files, cwd=folder, env=running.environment())
    assert done.returncode == 1
    assert "Horizons" in done.stderr and "could not be reached" in done.stderr
    assert light_curve(folder, "photometry_Control_Star.dat")["[7]"][0] == "R"


def test_a_name_that_horizons_does_not_know_is_no_error_of_the_network(server, run_command):
    folder, truth, running = server
    done = run_command(
        "pp_run", "-injections", 0, "-target", "99999", *truth.files, cwd=folder, env=running.environment()
    )
    assert done.returncode == 3
    assert "could not be reached" not in done.stderr
    assert "no target was found" in done.stderr


def test_the_step_that_lacked_its_catalogue_is_the_one_that_failed(tmp_path, run_command):
    """What could be done without it is done: the light curve is instrumental."""
    truth = sky.make_dataset(tmp_path, 2)
    done = run_command("pp_run", "-injections", 0, *truth.files, OFFLINE, "-catalog", "APASS9", cwd=tmp_path)
    assert done.returncode == 1 and "APASS9" in done.stderr
    assert light_curve(tmp_path)["[7]"][0] == "-"
    assert [step for step, _ in records.read_failures(tmp_path)] == ["calibrate"]
    assert outcomes.read(tmp_path)["step"] == "calibrate"
    assert "pp_distill failed" not in (tmp_path / "diagnostics.html").read_text()


def test_what_an_earlier_step_lacked_is_told_although_a_later_one_fails(tmp_path, monkeypatch):
    truth = sky.make_dataset(tmp_path, 2)
    monkeypatch.chdir(tmp_path)

    def broken(*_, **__):
        raise PipelineError("not one database can be read")

    monkeypatch.setattr(pp_distill, "distill", broken)
    assert pp_run.main([*truth.files, OFFLINE, "-catalog", "APASS9"]) == 1
    assert [step for step, _ in records.read_failures(tmp_path)] == ["calibrate", "distill"]
    page = (tmp_path / "diagnostics.html").read_text()
    assert "pp_calibrate failed" in page and "not one database can be read" in page
