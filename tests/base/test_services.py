"""The polite client against a server that fails in every way: three outcomes, never mixed up."""

import contextlib
import logging
import os
import time

import toolbox

import pytest
import requests

import services as local
from photometrypipeline.base import services, transport
from photometrypipeline.base.errors import NotFound, NotReachable, UsageError
from photometrypipeline.runs.ahead import Scout


@pytest.fixture
def server(monkeypatch):
    with local.Server() as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("PP_OFFLINE", raising=False)
        yield running


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def client(pauses):
    return services.Client(sleep=pauses.append)


def ask(client, check=None):
    fields = {"-source": "none", "-c": "0+0", "-c.rd": "1"}
    body = "\n".join(f"{name}={value}" for name, value in fields.items())
    return client.post("vizier", "a test", data=body, check=check)


def test_an_answer_is_handed_over(server, client):
    assert ask(client).content.startswith(b"<?xml")
    assert server.requests[0].headers["User-Agent"].startswith("photometrypipeline/")


@pytest.mark.parametrize("fault", ["503", "refuse", "cut", "retry_after"])
def test_a_passing_fault_is_survived(server, client, fault):
    server.faults["vizier"] = [fault, fault]
    assert ask(client).status_code == 200
    assert server.count("vizier") == 3


@pytest.mark.parametrize("fault", ["503", "refuse", "cut"])
def test_a_lasting_fault_ends_as_not_reachable(server, client, fault):
    server.faults["vizier"] = fault
    with pytest.raises(NotReachable, match="VizieR"):
        ask(client)
    assert server.count("vizier") == 4


def test_a_request_that_is_refused_is_not_repeated(server, client):
    server.faults["vizier"] = "404"
    with pytest.raises(NotReachable, match="404.*out of order"):
        ask(client)
    assert server.count("vizier") == 1


def test_pauses_grow_and_obey_the_server(server, client, pauses, monkeypatch):
    monkeypatch.setenv("PP_RETRY_PAUSE_S", "2")
    server.faults["vizier"] = ["503", "503", "503"]
    ask(client)
    assert len(pauses) == 3
    assert all(0.75 * first <= pause <= 1.25 * first for first, pause in zip((2, 4, 8), pauses, strict=True))
    pauses.clear()
    server.faults["vizier"], server.retry_after_s = ["retry_after"], 37
    ask(client)
    assert pauses == [37]


def test_a_server_that_asks_for_more_patience_than_we_have(server, client, pauses):
    server.faults["vizier"], server.retry_after_s = "retry_after", 3600
    with pytest.raises(NotReachable):
        ask(client)
    assert pauses == []


def test_retry_after_as_a_date():
    response = requests.Response()
    response.headers["Retry-After"] = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 50))
    assert services.retry_after(response) == pytest.approx(50, abs=2)
    response.headers["Retry-After"] = "soon"
    assert services.retry_after(response) == 0


def test_a_web_page_is_no_data(server, client):
    server.faults["vizier"] = ["html"]
    assert ask(client, lambda response: services.refuse_html(response) or "data") == "data"
    assert server.count("vizier") == 2
    server.faults["vizier"] = "html"
    with pytest.raises(NotReachable, match="Maintenance"):
        ask(client, services.refuse_html)


def test_no_such_thing_is_not_a_failure(server, client):
    def check(response):
        raise NotFound("no such star")

    with pytest.raises(NotFound):
        ask(client, check)
    assert server.count("vizier") == 1


def test_silence_is_cut_short(server, client):
    server.faults["vizier"], server.slow_s = "slow", 1.0

    def send(timeout):
        return requests.get(server.url + "/viz-bin/votable", timeout=timeout)

    with pytest.raises(NotReachable, match="no answer within 0.05 s"):
        client.call("vizier", send, lambda response: response, "slow", tries=2, read_s=0.05)
    assert server.count("vizier") == 2


def test_an_endless_trickle_is_cut_short(server, client, monkeypatch):
    monkeypatch.setattr(services, "TOTAL_LIMIT_S", -1)  # as if the answer had been coming for ten minutes
    with pytest.raises(NotReachable, match="longer than"):
        ask(client)


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_offline_opens_no_socket(server, monkeypatch, how):
    if how == "environment":
        monkeypatch.setenv("PP_OFFLINE", "1")
    client = services.Client(offline=how == "argument")
    with pytest.raises(NotReachable, match="offline.*a test"):
        ask(client)
    assert server.requests == []


def test_a_host_that_is_down_gets_one_more_try_for_a_while(server, client):
    server.faults["vizier"] = "503"
    for expected in (4, 5):
        with pytest.raises(NotReachable):
            ask(client)
        assert server.count("vizier") == expected


@pytest.fixture
def unresolved(monkeypatch):
    """Return what sends a request without a network; `tried`: the time limits of each try."""
    monkeypatch.setattr(services, "door_of_all", lambda facts: contextlib.nullcontext())

    def send(timeout):
        send.tried.append(timeout)
        raise requests.ConnectionError("Failed to resolve 'vizier.example'")

    send.tried = []
    return send


def test_after_a_name_that_cannot_be_looked_up_nothing_waits_for_the_network(pauses, unresolved):
    met = []
    for host in ("https://vizier.example", "https://horizons.example"):
        with pytest.raises(NotReachable, match="cannot be looked up"):
            services.Client(sleep=pauses.append, unreachable=met).call("vizier", unresolved, None, "a test", url=host)
        assert (len(unresolved.tried), len([each for each in pauses if each])) == (4, 3)


def test_steps_do_not_wait_for_a_network_that_was_not_there_when_they_were_prepared(pauses, unresolved):
    of_steps = []
    scout = Scout(of_steps)
    scout._sleep = pauses.append
    for asking in (scout, services.Client(sleep=pauses.append, unreachable=of_steps)):
        with pytest.raises(NotReachable, match="cannot be looked up"):
            asking.call("vizier", unresolved, None, "a test", url="https://vizier.example")
        assert (len(unresolved.tried), len([each for each in pauses if each])) == (2, 1)


def test_retrying_is_announced_once(server, client, caplog):
    server.faults["vizier"] = ["503", "503", "503"]
    with caplog.at_level(logging.INFO, logger="pp.services"):
        ask(client)
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert any("a test" in record.message and "bytes" in record.message for record in caplog.records)


def test_addresses_are_replaced_by_the_environment(monkeypatch):
    monkeypatch.setenv("PP_VIZIER_URL", "http://one/x http://two/y")
    assert services.base_urls("vizier") == ("http://one/x", "http://two/y")
    monkeypatch.delenv("PP_HORIZONS_URL", raising=False)
    assert services.base_url("horizons").startswith("https://ssd.jpl.nasa.gov/")


def test_addresses_are_replaced_by_the_settings(monkeypatch):
    for service in services.SERVICES:
        monkeypatch.delenv(f"PP_{service.upper()}_URL", raising=False)
    monkeypatch.setenv("PP_MAST_URL", "http://environment/")
    before = dict(os.environ)
    try:
        toolbox.use_addresses({"vizier": "http://one/x http://two/y", "mast": "http://settings/"})
        assert services.base_urls("vizier") == ("http://one/x", "http://two/y")
        assert services.base_url("mast") == "http://environment/"
    finally:
        os.environ.clear()
        os.environ.update(before)
    with pytest.raises(UsageError, match="'vizir' is not a service; the services are vizier"):
        toolbox.use_addresses({"vizir": "http://one/x"})


def test_the_cause_of_a_failure_is_told_in_a_few_words():
    host = "vizier.cds.unistra.fr"
    text = (
        f"HTTPSConnectionPool(host='{host}', port=443): Max retries exceeded with url: / (Caused by NameResolutionError"
    )
    text += (
        f"(\"<urllib3.connection.HTTPSConnection object>: Failed to resolve '{host}' ([Errno -2] Name not known)\"))"
    )
    assert transport.cause(requests.ConnectionError(text)).endswith("([Errno -2] Name not known)")
    told = {
        requests.ConnectionError(text): services.NO_NAME,
        requests.ConnectTimeout("x: timed out"): "no connection within 10 s",
        requests.ReadTimeout("x: timed out"): "no answer within 60 s",
        requests.ReadTimeout("the answer takes longer than 600 s"): "the answer takes longer than 600 s (ReadTimeout)",
        requests.ConnectionError(
            "x: [Errno 111] Connection refused"
        ): "[Errno 111] Connection refused (ConnectionError)",
    }
    assert {words: transport.words(error, 10, 60) for error, words in told.items()} == {w: w for w in told.values()}
