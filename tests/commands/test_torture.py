"""A small part of what `make torture` does: each way of harm a few times, with cases that the seed tells."""

import argparse
import sys

import pytest
from conftest import ROOT

sys.path.append(str(ROOT / "benchmarks"))
import torture

NUMBERS = {"files": 4, "headers": 2, "kills": 1, "programs": 2, "services": 2, "disk": 3, "names": 3, "calls": 3}


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    for command in torture.COMMANDS:
        __import__(command.split()[0])
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
            patch.setenv(name, str(tmp_path_factory.mktemp("home")))
        yield torture.Ground(tmp_path_factory.mktemp("torture"), quick=True)


@pytest.mark.parametrize("part", torture.PARTS)
def test_harm_of_any_kind_does_no_harm_elsewhere(part, ground):
    args = argparse.Namespace(number=NUMBERS[part], start=0, only=None, seed=1, command=None)
    score = torture.PARTS[part](ground, args)
    assert score.tried and not score.wrong
