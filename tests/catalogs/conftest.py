"""A user's store that is empty, and a server that has stars."""

import pytest

import services as local


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("PP_OFFLINE", raising=False)
    return tmp_path / "data" / "photometrypipeline"


@pytest.fixture
def server(monkeypatch, home):
    with local.Server() as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        yield running
