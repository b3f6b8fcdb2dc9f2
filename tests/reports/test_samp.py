"""What is sent by SAMP arrives, by the hub that comes with the library."""

import threading

import pytest

from photometrypipeline.base.errors import PipelineError
from photometrypipeline.reports import samp


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub on this machine, whose lock file lies in a home of its own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    library = samp.library()
    with library.conf.set_temp("use_internet", False):
        running = library.SAMPHubServer(web_profile=False, addr="127.0.0.1", lockfile=str(tmp_path / ".samp"))
        running.start()
        yield library
        running.stop()


def test_tables_and_images_go_to_the_programs_that_take_them(hub, tmp_path):
    arrived, got = threading.Event(), []

    def receive(private_key, sender_id, message_id, kind, parameters, extra):
        got.append((kind, parameters))
        arrived.set()

    topcat = hub.SAMPIntegratedClient(name="TOPCAT", addr="127.0.0.1")
    topcat.connect()
    topcat.bind_receive_notification(samp.TABLE, receive)
    table, frame = tmp_path / "light curve.vot", tmp_path / "a.fits"
    told = samp.send([samp.table(table), samp.image(frame)])
    assert arrived.wait(10)
    topcat.disconnect()
    assert told == ["light curve.vot: sent to TOPCAT", "a.fits: no program here takes it"]
    ((kind, parameters),) = got
    assert kind == "table.load.votable" and parameters["url"] == table.as_uri() and "%20" in parameters["url"]


def test_without_a_hub_one_line_says_what_to_start(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SAMP_HUB", raising=False)
    with pytest.raises(PipelineError, match="no SAMP hub is running; start TOPCAT, Aladin or DS9"):
        samp.send([samp.table("a.vot")])
