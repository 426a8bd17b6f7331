"""`volition run drivers` on traffic made up."""

import functools
import json
from pathlib import Path

import pytest

from tests.reference.traffic import write_queues
from volition.study import DriversConfig

KEYS = ("fde5", "fde5_best_of_3", "fde5_constant_velocity", "fde5_idm")


@pytest.fixture
def linear_alone(monkeypatch):
    config = functools.partial(DriversConfig, n_members=0, n_groups=0)
    monkeypatch.setattr("volition.cli.run.DriversConfig", config)


def test_it_says_how_far_off_everybody_is(volition, linear_alone):
    write_queues(Path("recorded"))
    arguments = ("run", "drivers", "--data", "recorded", "--out", "study", "--json")
    code, out, err = volition(*arguments)
    assert code == 0
    said = json.loads(out)
    for name in (*KEYS, "fde5_published"):
        value, low, high = said[name]
        assert low < value < high
    # The tables are for people: not on standard output.
    for word in ("linear", "constant", "IDM", "flow", "The study is in study."):
        assert word in err
    assert "Traceback" not in err
    assert "\u2026" not in err  # nothing is cut off at the usual width
    assert json.loads(Path("study/results.json").read_text()) == said
