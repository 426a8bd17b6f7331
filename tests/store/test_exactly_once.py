"""Answers: kept once, taken back by a further row, and on the disk when they are."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import pytest

from volition.env import delivery
from volition.store import (
    Conflict,
    Evidence,
    InputError,
    Question,
    Said,
    evidence as evidence_module,
    read_evidence,
)

QUESTION = Question(
    "us",
    7,
    "ranking",
    [{"start": 1}, {"start": 2}, "three"],
    person=1,
    rule="information gain",
    predicted=[0.25, 0.75],
)
SAID = Said("a", 1, 1, {"order": [2, 0, 1]}, seconds=1.25, shown={"interface": "x"})
WHEN = "2026-01-02T03:04:05.678+00:00"


@pytest.fixture
def evidence(tmp_path):
    with Evidence(tmp_path / "study.db", make=True) as evidence:
        assert evidence.person("me") == 1
        assert evidence.ask(QUESTION, WHEN) == 1
        yield evidence


def again(evidence) -> Evidence:
    return Evidence(evidence.path)


def test_what_was_asked_and_said_comes_back_whatever_its_kind(evidence):
    kept = evidence.add(SAID, WHEN)
    assert (kept.number, kept.at, kept.answer) == (1, WHEN, SAID)
    with again(evidence) as other:
        assert other.questions() == {1: QUESTION}
        assert other.standing() == other.answers() == [kept]


def test_a_repeat_returns_what_is_stored(evidence):
    first = evidence.add(SAID, WHEN)
    with again(evidence) as other:
        assert other.add(SAID, "2027-01-01T00:00:00.000+00:00") == first
        assert other.standing() == [first]


@pytest.mark.parametrize(
    "change",
    [
        {"said": {"order": [0, 1, 2]}},
        {"seconds": 1.5},
        {"seconds": None},
        {"person": 2},
        {"question": 2},
        {"shown": {}},
    ],
)
def test_a_repeat_that_says_otherwise_is_refused(evidence, change):
    evidence.ask(QUESTION)
    first = evidence.add(SAID, WHEN)
    with pytest.raises(Conflict, match="answered before, otherwise"):
        evidence.add(replace(SAID, **change), WHEN)
    assert evidence.answers() == [first]


def test_undo_is_a_further_row(evidence):
    first = evidence.add(SAID, WHEN)
    undone = evidence.take_back(first, "b")
    assert undone.answer == Said("b", 1, 1, None, replaces=1)
    assert evidence.standing() == []
    assert evidence.answers() == [first, undone]
    assert evidence.take_back(first, "b") == undone
    second = evidence.add(replace(SAID, showing="c"), WHEN)
    assert evidence.standing() == [second]


@pytest.mark.parametrize("what", ["twice", "of another", "of another question"])
def test_only_a_standing_answer_of_ones_own_is_taken_back(evidence, what):
    evidence.ask(QUESTION)
    first = evidence.add(SAID, WHEN)
    change = {"of another": {"person": 2}, "of another question": {"question": 2}}
    given = replace(first, answer=replace(SAID, **change.get(what, {})))
    if what == "twice":
        evidence.take_back(first, "b")
    before = evidence.answers()
    with pytest.raises(Conflict, match="does not stand"):
        evidence.take_back(given, "c")
    assert evidence.answers() == before


def test_an_answer_needs_its_question(evidence):
    with pytest.raises(InputError, match="has no question 2"):
        evidence.add(replace(SAID, question=2), WHEN)
    assert evidence.answers() == []


def test_a_transaction_is_kept_whole_or_not_at_all(evidence):
    def half() -> None:
        with evidence.transaction():
            evidence.add(SAID, WHEN)
            evidence.ask(QUESTION)
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        half()
    with again(evidence) as other:
        assert (other.answers(), len(other.questions())) == ([], 1)


def test_a_person_has_one_number(evidence):
    assert evidence.person("you") == 2
    with again(evidence) as other:
        assert [other.person(name) for name in ("me", "you", "me")] == [1, 2, 1]


def test_clips_come_back_in_order(evidence):
    evidence.add_clips([({"b": 1}, None), ({"a": 2.5}, [1, 2])])
    with again(evidence) as other:
        assert other.clips() == [{"b": 1}, {"a": 2.5}]
        assert other.scene({"b": 1}) is None
        assert other.scene({"a": 2.5}) == [1, 2]
        with pytest.raises(KeyError):
            other.scene({"a": 3})


def test_several_write_side_by_side(evidence):
    def answer(number: int) -> None:
        with again(evidence) as mine:
            for each in range(20):
                # Every other showing is the same for all.
                showing = f"{each}" if each % 2 else f"{number}-{each}"
                mine.add(replace(SAID, showing=showing, person=-1), WHEN)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(answer, range(4)))
    showings = [each.answer.showing for each in evidence.answers()]
    assert len(showings) == len(set(showings)) == 4 * 10 + 10


def test_each_commit_is_synchronised(evidence):
    """SQLite's documentation: NORMAL may lose the last commits at a loss of power."""
    ask = evidence._connection.execute
    assert ask("PRAGMA journal_mode").fetchone() == ("wal",)
    assert ask("PRAGMA synchronous").fetchone() == (2,)
    assert ask("PRAGMA foreign_keys").fetchone() == (1,)


def test_a_closed_study_is_one_file(evidence):
    evidence.add(SAID, WHEN)
    evidence.close()
    assert [each.name for each in evidence.path.parent.iterdir()] == ["study.db"]


def test_the_file_alone_has_every_answer_that_a_person_gave(
    evidence, tmp_path, monkeypatch
):
    """Who copies it, or loses the log after a kill, loses nothing."""
    monkeypatch.setattr(evidence_module, "FOLD_EVERY", 0.0)  # s, slower than people
    for number in range(3):
        evidence.add(replace(SAID, showing=f"{number}", person=number), WHEN)
        (tmp_path / "copy").mkdir(exist_ok=True)
        copy = tmp_path / "copy" / "study.db"
        copy.write_bytes(evidence.path.read_bytes())
        with Evidence(copy) as other:
            assert other.answers() == evidence.answers()
            assert len(other.answers()) == number + 1


def test_a_full_disk_keeps_nothing_and_says_so(evidence):
    evidence._connection.execute("PRAGMA max_page_count = 1")
    with pytest.raises(InputError, match=r"cannot be written.*full"):
        evidence.add(replace(SAID, said={"order": "x" * 200_000}), WHEN)
    evidence._connection.execute("PRAGMA max_page_count = 1000000")
    assert evidence.answers() == []
    kept = evidence.add(SAID, WHEN)
    assert evidence.standing() == [kept]


def test_the_file_can_be_read_without_this_program(evidence):
    evidence.add(SAID, WHEN)
    with closing(sqlite3.connect(evidence.path)) as connection:
        query = (
            "SELECT person.name, kind, rule, said ->> '$.order[0]' FROM standing "
            "JOIN question ON question.number = standing.question "
            "JOIN person ON person.number = standing.person"
        )
        found = connection.execute(query).fetchall()
    assert found == [("me", "ranking", "information gain", 2)]


def test_comparisons_of_something_else_are_not_read_as_paths(evidence):
    asked = evidence.ask(replace(QUESTION, kind="comparison", options=[{}, {}]))
    evidence.add(Said("b", asked, 1, {"choice": "tie"}))
    with pytest.raises(InputError, match=r"not about paths.*'start'"):
        read_evidence(evidence.path, delivery())


def test_answers_of_another_kind_are_left_out_of_the_comparisons(evidence):
    evidence.add(SAID, WHEN)
    assert read_evidence(evidence.path, delivery()) == {}
