"""The evidence on disk: the same answers back, and none ever changed."""

import sqlite3
from contextlib import closing

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env import delivery
from volition.env.family import fingerprint
from volition.feedback import Comparison
from volition.reward import delivery_true
from volition.store import (
    InputError,
    read_delivery,
    read_evidence,
    rows_of,
    write_evidence,
)
from volition.study import simulate

SEED = 2
WORLD = delivery()


@pytest.fixture(scope="module")
def answers() -> Comparison:
    """Some with a time and a person, some without."""
    made = simulate(jax.random.key(SEED), WORLD, delivery_true(), 40)
    number = jnp.arange(40)
    return Comparison(
        made.options,
        jnp.asarray(number % 4, dtype=jnp.int32),
        jnp.asarray(number % 5 - 1, dtype=jnp.int32),
        made.question,
        jnp.where(number % 3 == 0, jnp.nan, 0.1 + number / 7),
    )


@pytest.fixture
def evidence(tmp_path, answers):
    path = tmp_path / "study.db"
    write_evidence(path, rows_of("one", answers))
    return path


def test_what_was_written_comes_back_to_the_bit(evidence, answers):
    back = read_evidence(evidence, WORLD)
    assert list(back) == ["one"]
    assert fingerprint(back["one"]) == fingerprint(answers)
    assert rows_of("one", back["one"]) == rows_of("one", answers)


def test_real_answers_come_back_to_the_bit(tmp_path, volition_data):
    path = volition_data / "delivery" / "pr-question.npz"
    read = read_delivery(path, WORLD)
    write_evidence(tmp_path / "study.db", rows_of("pr-question", read))
    back = read_evidence(tmp_path / "study.db", WORLD)["pr-question"]
    assert np.shape(back.choice) == (437,)
    assert fingerprint(back) == fingerprint(read)


def test_groups_are_kept_apart_and_in_order(tmp_path, answers):
    path = tmp_path / "study.db"
    write_evidence(path, rows_of("two", answers) + rows_of("one", answers))
    back = read_evidence(path, WORLD)
    assert list(back) == ["two", "one"]
    assert fingerprint(back["two"]) == fingerprint(back["one"]) == fingerprint(answers)


COLUMNS = "question, person, said, seconds, shown"


def run(path, sql: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in sql.split("; "):
            connection.execute(statement)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE answer SET said = '{}' WHERE number = 2",
        "DELETE FROM answer WHERE number = 2",
        "DELETE FROM answer",
        "INSERT OR REPLACE INTO answer SELECT * FROM answer WHERE number = 2",
        "UPDATE OR REPLACE answer SET number = 3 WHERE number = 2",
        "UPDATE question SET options = '[]'",
        "DELETE FROM question",
        "INSERT OR REPLACE INTO question SELECT * FROM question WHERE number = 2",
        "INSERT OR REPLACE INTO answer (showing, question, person, said, shown) "
        "SELECT showing, question, person, '{}', shown FROM answer WHERE number = 2",
    ],
)
def test_no_answer_can_be_changed(evidence, sql):
    before = evidence.read_bytes()
    with pytest.raises(sqlite3.IntegrityError, match=r"append-only|answer .* stands"):
        run(evidence, sql)
    assert evidence.read_bytes() == before


@pytest.mark.parametrize(
    "change",
    ["said = 'left'", "said = NULL", "question = 99", "question = 'first'"],
)
def test_no_answer_of_another_form_can_be_added(evidence, change):
    name, value = change.split(" = ")
    new = COLUMNS.replace(name, value)
    with pytest.raises(sqlite3.IntegrityError):
        run(
            evidence,
            f"PRAGMA foreign_keys = ON; INSERT INTO answer (showing, {COLUMNS}) "
            f"SELECT 'new', {new} FROM answer LIMIT 1",
        )


def test_a_row_of_another_program_needs_a_seal_that_fits(evidence):
    """What nobody can vouch for is refused: at once, or when the file is opened."""
    one = "SELECT 'new', question, 99, said, seconds, shown{} FROM answer LIMIT 1"
    insert = f"INSERT INTO answer (showing, {COLUMNS}{{}}) {one}"
    with pytest.raises(sqlite3.IntegrityError, match=r"NOT NULL.*seal"):
        run(evidence, insert.format("", ""))
    run(evidence, insert.format(", seal", ", 'made up'"))
    with pytest.raises(InputError, match=r"answer 41 is not what was written"):
        read_evidence(evidence, WORLD)


def test_the_same_answers_again_change_nothing(evidence, answers):
    before = evidence.read_bytes()
    write_evidence(evidence, rows_of("one", answers))
    assert evidence.read_bytes() == before


@pytest.mark.parametrize("what", ["fewer", "another order", "another group"])
def test_other_answers_are_refused_and_nothing_changes(evidence, answers, what):
    rows = rows_of("one", answers)
    other = {
        "fewer": rows[:-1],
        "another order": rows[::-1],
        "another group": rows_of("two", answers),
    }[what]
    before = evidence.read_bytes()
    with pytest.raises(InputError, match="give --out another folder") as caught:
        write_evidence(evidence, other)
    assert str(evidence) in str(caught.value)
    assert evidence.read_bytes() == before


@pytest.mark.parametrize("content", [b"not SQLite, but long enough to look at" * 30])
def test_another_file_is_refused_and_stays(tmp_path, answers, content):
    path = tmp_path / "study.db"
    path.write_bytes(content)
    for use in (
        lambda: read_evidence(path, WORLD),
        lambda: write_evidence(path, rows_of("one", answers)),
    ):
        with pytest.raises(InputError, match=r"study\.db is not a study's evidence"):
            use()
    assert path.read_bytes() == content


def test_no_file_is_refused_and_none_is_made(tmp_path):
    with pytest.raises(InputError, match="give another folder"):
        read_evidence(tmp_path / "study.db", WORLD)
    assert not (tmp_path / "study.db").exists()


def test_what_an_interrupted_run_left_can_be_begun_again(tmp_path, answers):
    """SQLite makes an empty file before the one transaction that fills it."""
    path = tmp_path / "study.db"
    path.touch()
    write_evidence(path, rows_of("one", answers))
    assert np.shape(read_evidence(path, WORLD)["one"].choice) == (40,)


def test_a_folder_with_a_name_that_looks_like_a_query(tmp_path, answers):
    folder = tmp_path / "a?mode=rw&b#c %20 [d]"
    folder.mkdir()
    write_evidence(folder / "study.db", rows_of("one", answers))
    back = read_evidence(folder / "study.db", WORLD)["one"]
    np.testing.assert_array_equal(back.choice, answers.choice)
    assert [each.name for each in folder.iterdir()] == ["study.db"]
