"""One answer of a person to a question stands, whatever windows are open."""

import itertools
import json
import random
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import pytest

from tests.reference.version_2 import write_version_2
from volition.store import Conflict, Evidence, InputError, Question, Said, seals
from volition.store.migration import SECOND_ANSWER

FIRST = Said("one", 1, 1, {"choice": "first"}, seconds=1.5)
SECOND = replace(FIRST, showing="two", said={"choice": "second"})


@pytest.fixture
def evidence(tmp_path):
    with Evidence(tmp_path / "study.db", make=True) as evidence:
        evidence.person("me")
        evidence.ask(Question("us", 0, "comparison", ["a", "b"], person=1, rule="x"))
        yield evidence


def numbers(stored) -> list[int]:
    return [each.number for each in stored]


def test_the_answer_in_a_second_window_is_refused(evidence):
    first = evidence.add(FIRST)
    with Evidence(evidence.path) as other:
        with pytest.raises(Conflict, match=r"question 1 .*answer 1.*stands"):
            other.add(SECOND)
        assert other.add(FIRST) == first  # the same once more
        assert other.standing() == other.answers() == [first]


@pytest.mark.parametrize("insert", ["INSERT", "INSERT OR REPLACE", "INSERT OR IGNORE"])
def test_the_file_itself_refuses_a_second(evidence, insert):
    """Another program that knows how to seal a row cannot add it, either."""
    evidence.add(FIRST)
    row = (2, "two", 1, 1, '{"choice": "second"}', None, None, None, "{}")
    with closing(sqlite3.connect(evidence.path)) as connection:
        (before,) = connection.execute("SELECT seal FROM answer").fetchone()
        sealed = (*row, seals.seal_of(before, "answer", row))
        names = "number, showing, question, person, said, seconds, at, replaces, shown"
        add = f"{insert} INTO answer ({names}, seal) VALUES (?,?,?,?,?,?,?,?,?,?)"
        with pytest.raises(sqlite3.IntegrityError, match="stands"):
            connection.execute(add, sealed)
        # The one thing that is wrong with it is who says it.
        other = (*row[:3], 2, *row[4:])
        connection.execute(add, (*other, seals.seal_of(before, "answer", other)))
        connection.commit()
    with Evidence(evidence.path) as again:
        assert numbers(again.standing()) == [1, 2]


def test_what_was_taken_back_makes_room(evidence):
    for number in range(3):
        stored = evidence.add(replace(FIRST, showing=f"a{number}"))
        evidence.take_back(stored, f"b{number}")
    last = evidence.add(SECOND)
    assert evidence.standing() == [last]
    assert len(evidence.answers()) == 7


def test_a_replacement_stands_alone(evidence):
    first = evidence.add(FIRST)
    second = evidence.add(replace(SECOND, replaces=first.number))
    assert evidence.standing() == [second]
    with pytest.raises(Conflict, match="does not stand any more"):
        evidence.add(replace(SECOND, showing="three", replaces=first.number))
    with pytest.raises(Conflict, match="stands"):
        evidence.add(replace(SECOND, showing="three"))
    assert evidence.standing() == [second]


def test_others_and_the_unknown_answer_the_same_question(evidence):
    evidence.add(FIRST)
    evidence.add(replace(FIRST, showing="other", person=2))
    for number in range(3):
        evidence.add(replace(FIRST, showing=f"unknown {number}", person=-1))
    assert len(evidence.standing()) == 5


def test_many_windows_at_once(evidence):
    """Each gets its answer kept, or a sentence; one stands."""

    def answer(number: int) -> str:
        with Evidence(evidence.path) as mine:
            try:
                mine.add(replace(FIRST, showing=f"{number}"))
            except Conflict:
                return "conflict"
            return "kept"

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(answer, range(16)))
    assert sorted(set(found)) == ["conflict", "kept"]
    assert found.count("kept") == len(evidence.standing()) == 1


# ---------------------------------------------------------------- older files


def question_2(number: int, rule: str = "random", person: int | None = 1) -> tuple:
    options = '["a", "b"]'
    return (number, "us", number, person, "comparison", options, rule, None, None)


def answer_2(
    number: int, question: int, person: int, choice: str | None, replaces=None
) -> tuple:
    said = None if choice is None else json.dumps({"choice": choice})
    at = f"2026-01-01T00:00:{number:02d}.000+00:00"
    row = (number, f"showing {number}", question, person, said, None, at)
    return (*row, replaces, "{}")


def test_of_two_standing_answers_the_first_stands_and_the_other_is_kept(tmp_path):
    path = tmp_path / "study.db"
    before = [
        answer_2(1, 1, 1, "first"),
        answer_2(2, 1, 1, "second"),  # another window
        answer_2(3, 2, 1, "tie"),
        answer_2(4, 2, 1, None, replaces=3),
        answer_2(5, 2, 1, "second"),
        answer_2(6, 1, 2, "second"),  # another person
        answer_2(7, 1, 1, "tie"),  # a third window
        answer_2(8, 2, -1, "first"),
        answer_2(9, 2, -1, "first"),
    ]
    questions = [question_2(1), question_2(2)]
    write_version_2(path, person=[(1, "me")], question=questions, answer=before)
    with Evidence(path) as evidence:
        assert numbers(evidence.standing()) == [1, 5, 6, 8, 9]
        answers = evidence.answers()
        assert numbers(evidence.second_answers()) == [2, 7]
        with pytest.raises(Conflict):
            evidence.add(replace(FIRST, showing="new"))
    assert [each.answer.said for each in answers[:9]] == [
        None if row[4] is None else json.loads(row[4]) for row in before
    ]
    assert [each.at for each in answers[:9]] == [row[6] for row in before]
    assert [(e.answer.replaces, e.answer.said) for e in answers[9:]] == [
        (2, None),
        (7, None),
    ]
    assert all(each.answer.shown == SECOND_ANSWER for each in answers[9:])
    bytes_before = path.read_bytes()
    Evidence(path).close()  # a second time there is nothing to do
    assert path.read_bytes() == bytes_before


def test_recorded_answers_of_one_person_all_stand(tmp_path):
    """Somebody's data set: who answers a question twice was asked it twice."""
    path = tmp_path / "study.db"
    questions = [question_2(1, "recorded", None), question_2(2, "recorded", None)]
    asked = [(1, 1), (1, 1), (2, 1), (1, 2), (1, 1), (1, 2)]
    rows = [answer_2(n, *one, "first") for n, one in enumerate(asked, start=1)]
    write_version_2(path, question=questions, answer=rows)
    with Evidence(path) as evidence:
        standing, found = evidence.standing(), evidence.questions()
        assert evidence.second_answers() == []
    assert numbers(standing) == [1, 2, 3, 4, 5, 6]
    pairs = [(each.answer.question, each.answer.person) for each in standing]
    assert len(set(pairs)) == len(pairs)
    same = [found[each.answer.question].same for each in standing]
    assert same == [question for question, _ in asked]


@pytest.mark.parametrize("seed", range(8))
def test_any_history_migrates_to_one_that_stands(tmp_path, seed):
    """Whatever was answered and taken back: all there, in order, and one stands."""
    chance, rows = random.Random(seed), []
    for number in range(1, 60):
        replaced = {row[7] for row in rows}
        standing = [r for r in rows if r[4] is not None and r[0] not in replaced]
        if standing and chance.random() < 0.3:
            old = chance.choice(standing)
            choice = chance.choice([None, "tie"])
            rows.append(answer_2(number, old[2], old[3], choice, replaces=old[0]))
        else:
            question, person = chance.randint(1, 4), chance.choice([-1, 1, 2])
            rows.append(answer_2(number, question, person, "first"))
    questions = [question_2(n, chance.choice(["x", "recorded"])) for n in range(1, 5)]
    path = tmp_path / "study.db"
    write_version_2(path, question=questions, answer=rows)
    with Evidence(path) as evidence:
        answers, standing = evidence.answers(), evidence.standing()
        n_second = len(evidence.second_answers())
    kept = [(a.number, a.answer.showing, a.answer.replaces) for a in answers]
    assert kept[: len(rows)] == [(row[0], row[1], row[7]) for row in rows]
    assert len(kept) == len(rows) + n_second
    pairs = [(a.answer.question, a.answer.person) for a in standing]
    known = [pair for pair in pairs if pair[1] >= 0]
    assert len(set(known)) == len(known)
    replaced = {row[7] for row in rows}
    stood = [row[0] for row in rows if row[4] is not None and row[0] not in replaced]
    assert len(standing) == len(stood) - n_second
    assert set(numbers(standing)) <= set(stood)
    firsts = {}
    for row in rows:
        if row[0] in stood and row[3] >= 0 and questions[row[2] - 1][6] == "x":
            firsts.setdefault((row[2], row[3]), row[0])
    assert set(firsts.values()) <= set(numbers(standing))


def test_an_older_file_with_something_else_than_json_is_left(tmp_path):
    path = tmp_path / "study.db"
    write_version_2(path, clip=[(1, '{"start": 1', None)])
    before = path.read_bytes()
    with pytest.raises(InputError, match="option of clip 1 is no JSON"):
        Evidence(path)
    assert path.read_bytes() == before


def test_numbers_with_gaps_are_kept(tmp_path):
    path = tmp_path / "study.db"
    rows = [answer_2(3, 5, 1, "first"), answer_2(7, 5, 1, "tie")]
    write_version_2(path, question=[question_2(5)], answer=rows)
    with Evidence(path) as evidence:
        assert numbers(evidence.answers()) == [3, 7, 8]
        assert numbers(evidence.standing()) == [3]
        assert list(evidence.questions()) == [5]


def test_every_pair_of_orders_of_two_windows(tmp_path):
    """Undo and answer in two windows in any order: one stands at most, none is lost."""
    moves = ["answer", "undo"]
    for place, order in enumerate(itertools.product(moves, repeat=4)):
        with Evidence(tmp_path / f"{place}.db", make=True) as evidence:
            evidence.ask(Question("us", 0, "comparison", ["a", "b"], rule="x"))
            n_kept = 0
            for number, move in enumerate(order):
                standing = evidence.standing()
                try:
                    if move == "answer":
                        evidence.add(replace(FIRST, showing=f"{number}"))
                    elif standing:
                        evidence.take_back(standing[-1], f"{number}")
                    else:
                        continue
                except Conflict:
                    assert move == "answer"
                    assert standing
                    continue
                n_kept += 1
            assert len(evidence.answers()) == n_kept
            assert len(evidence.standing()) <= 1
