"""The benchmark of damage at small size, and that it sees the faults it looks for."""

import json
import random

import pytest

from benchmarks import damage

KINDS = ["records", "forged", "databases", "npz", "xml", "xml alone", "toml"]


@pytest.mark.parametrize("name", [*KINDS, "toml alone"])
def test_damaged_files_are_refused_in_a_sentence_or_as_they_were(name):
    found = damage.scored(name, 25, seed=1)
    assert sum(found["outcomes"].values()) == 25
    assert (found["tracebacks"], found["silent"]) == (0, 0), found
    assert found["outcomes"][damage.REFUSED] > 5
    assert found["memory_mb"] < damage.MOST_MEMORY


def test_it_sees_a_traceback_another_content_and_many_lines(monkeypatch):
    said = iter(["whole"] + ["whole", "another"] * 100)
    faults = iter([None, None, KeyError("x"), ValueError("a\nb"), None] * 100)

    def read(folder):
        fault = next(faults)
        if fault is not None:
            raise fault
        return next(said)

    kind = damage.Kind(damage.write_toml, read, (".toml",))
    monkeypatch.setitem(damage.KINDS, "toml", kind)
    found = damage.scored("toml", 50, seed=0)
    assert found["tracebacks"] == 20
    assert found["silent"] == found["outcomes"][damage.OTHER] == 15


def test_most_damage_is_small_and_all_of_it_changes_something():
    chance, content = random.Random(0), json.dumps({"weights": [0.5, -2.0]}).encode()
    damaged = [damage.damage(content, chance) for _ in range(500)]
    assert sum(each == content for each in damaged) < 10
    assert sum(len(each) == len(content) for each in damaged) > 250
    again = random.Random(0)
    assert damaged == [damage.damage(content, again) for _ in range(500)]
