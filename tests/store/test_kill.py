"""Killed at any moment: what was acknowledged is stored, once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from volition.store import Evidence, Question

PROGRAM = Path(__file__).with_name("answer_and_die.py")
# Acknowledged first and stored then: a kill in between loses an answer, and most fall
# there. The kills of the everyday run must be enough to notice.
N_EVERYDAY = 12


def rounds_of(folder: Path, n_kills: int, seed: int, mode: str) -> list[dict]:
    done = subprocess.run(
        [sys.executable, PROGRAM, folder, str(n_kills), str(seed), mode],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"XDG_CACHE_HOME": str(folder.parent / "cache")},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) == n_kills
    assert all(one["intact"] == ["ok"] for one in found)
    return found


@pytest.fixture
def asked(tmp_path):
    with Evidence(tmp_path / "study.db", make=True) as evidence:
        evidence.ask(Question("us", 0, "comparison", ["a", "b"], rule="by hand"))
        evidence.person("me")
    return tmp_path


def lost(found: list[dict]) -> int:
    """Answers that were acknowledged and are not there in the end."""
    heard = [line for one in found for line in one["heard"]]
    stored = [showing for showing, _ in found[-1]["rows"]]
    assert len(set(stored)) == len(stored)
    return len(set(heard) - set(stored))


@pytest.mark.parametrize(
    "n_kills", [N_EVERYDAY, pytest.param(1000, marks=pytest.mark.slow)]
)
def test_no_acknowledged_answer_is_lost(asked, n_kills):
    found = rounds_of(asked, n_kills, 1, "store")
    assert lost(found) == 0
    heard = sum(len(one["heard"]) for one in found)
    assert heard > n_kills
    # Each kill leaves one at most that is stored and was not acknowledged.
    assert heard <= len(found[-1]["rows"]) <= heard + n_kills


def test_the_test_notices_an_answer_that_is_acknowledged_too_early(asked):
    assert lost(rounds_of(asked, N_EVERYDAY, 1, "early")) > 0


@pytest.mark.parametrize(
    "n_kills", [N_EVERYDAY, pytest.param(400, marks=pytest.mark.slow)]
)
def test_one_person_in_two_windows_has_one_standing_answer(asked, n_kills):
    found = rounds_of(asked, n_kills, 3, "windows")
    assert lost(found) == 0
    with Evidence(asked / "study.db") as evidence:
        pairs = [(a.answer.question, a.answer.person) for a in evidence.standing()]
    assert len(set(pairs)) == len(pairs)
    heard = sum(len(one["heard"]) for one in found)
    assert n_kills < heard <= len(pairs) <= heard + 2 * n_kills


@pytest.mark.parametrize("n_kills", [3, pytest.param(60, marks=pytest.mark.slow)])
def test_volition_label_loses_nothing(tmp_path, n_kills):
    """From the making of the study on; what it says was saved is there, in order."""
    found = rounds_of(tmp_path / "study", n_kills, 2, "label")
    before: list = []
    n_heard = 0
    for one in found:
        heard = [
            line.split(":")[0]
            for line in one["heard"]
            if line.startswith(("Saved:", "Taken back:"))
        ]
        n_heard += len(heard)
        assert one["rows"][: len(before)] == before
        new = one["rows"][len(before) :]
        assert len(heard) <= len(new) <= len(heard) + 1
        kinds = ["Taken back" if said is None else "Saved" for _, said in new]
        assert kinds[: len(heard)] == heard
        before = one["rows"]
    showings = [showing for showing, _ in before]
    assert len(set(showings)) == len(showings)
    assert n_heard > n_kills
