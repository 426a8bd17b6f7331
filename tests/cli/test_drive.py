"""`volition drive`."""

import functools
import json
from pathlib import Path

import jax.numpy as jnp
import pytest
from PIL import Image

from volition import record
from volition.cli import drive
from volition.env.driving import SceneLog, TwoWay
from volition.policy import Always, Random, Tabular


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setitem(drive.ROADS, "two-way", functools.partial(TwoWay, time_limit=2))


def test_a_saved_policy_drives(volition):
    record.save(Always(4), "mine.json")
    found = volition("drive", "two-way", "--policy", "mine.json", "--json")
    assert found.code == 0
    said = json.loads(found.out)
    assert said["seconds"] == pytest.approx(2.0)
    assert not said["crashed"]
    assert "its pictures are in drives/two-way" in found.err
    folder = Path("drives/two-way")
    log = record.from_json(json.loads((folder / "episode.json").read_text()))
    assert isinstance(log, SceneLog)
    assert log.decisions.action.tolist() == [4, 4]
    assert said["speed"] == pytest.approx(float(log.decisions.speed[1:].mean()))
    with Image.open(folder / "episode.gif") as moving:
        assert moving.n_frames == 21
    with Image.open(folder / "episode.png") as still:
        assert still.format == "PNG"


@pytest.mark.parametrize(
    ("saved", "said"),
    [
        (("no", "policy"), "holds a tuple"),
        (Tabular(jnp.ones((2, 2)) / 2.0), "cannot act on what the car sees"),
        (Always(5), "outside of 0 .. 4"),
        (Random(500), "outside of 0 .. 4"),
    ],
    ids=str,
)
def test_a_policy_of_another_world_is_refused(volition, saved, said):
    record.save(saved, "mine.json")
    found = volition("drive", "two-way", "--policy", "mine.json")
    assert (found.code, found.out) == (2, "")
    assert said in found.err
    assert found.err.count("\n") == 1
    assert not Path("drives").exists()
