"""Files of older versions: brought forward with every answer, or left as they were."""

import json
import sqlite3
from contextlib import closing

import jax
import numpy as np
import pytest

from volition.env import delivery
from volition.env.family import fingerprint
from volition.reward import delivery_true
from volition.store import (
    Evidence,
    InputError,
    migration,
    read_evidence,
    rows_of,
    schema,
    write_evidence,
)
from volition.study import simulate

SEED = 3
WORLD = delivery()
# What version 1 wrote, to the letter.
TABLES_1 = """
CREATE TABLE answer (
    number    INTEGER PRIMARY KEY,  -- in the order in which they were given
    source    TEXT NOT NULL,        -- the group of people
    kind      TEXT NOT NULL CHECK (kind = 'comparison'),
    person    INTEGER NOT NULL,     -- -1: not known
    question  INTEGER NOT NULL,     -- equal numbers of one source: the same question
    options   TEXT NOT NULL,        -- JSON, in the order shown: start state and actions
    choice    INTEGER NOT NULL CHECK (choice BETWEEN 0 AND 3),
    seconds   REAL                  -- NULL: not known
) STRICT;
CREATE TRIGGER answer_stays BEFORE UPDATE ON answer
BEGIN SELECT RAISE(ABORT, 'answers are append-only'); END;
CREATE TRIGGER answer_remains BEFORE DELETE ON answer
BEGIN SELECT RAISE(ABORT, 'answers are append-only'); END;
CREATE TRIGGER answer_is_new BEFORE INSERT ON answer  -- REPLACE fires no delete
WHEN EXISTS (SELECT 1 FROM answer WHERE number = NEW.number)
BEGIN SELECT RAISE(ABORT, 'answers are append-only'); END;
"""


@pytest.fixture(scope="module")
def answers():
    return simulate(jax.random.key(SEED), WORLD, delivery_true(), 30)


def rows_1(answers) -> list[tuple]:
    """Two groups; in the second each question is asked twice."""
    rows = rows_of("one", answers)
    again = [row._replace(source="two", same=0, person=4, seconds=1.5) for row in rows]
    return [
        (r.source, "comparison", r.person, r.same, r.options, r.choice, r.seconds)
        for r in [*rows, *again[:2], *again[:2]]
    ]


@pytest.fixture
def old(tmp_path, answers):
    path = tmp_path / "study.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript("BEGIN;" + TABLES_1)
        connection.executemany(
            "INSERT INTO answer (source, kind, person, question, options, choice, "
            "seconds) VALUES (?, ?, ?, ?, ?, ?, ?)",
            rows_1(answers),
        )
    return path


def rows(path, sql: str) -> list[tuple]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def test_every_answer_of_version_1_is_there_afterwards(old, answers):
    back = read_evidence(old, WORLD)
    assert list(back) == ["one", "two"]
    assert fingerprint(back["one"]) == fingerprint(answers)
    assert np.asarray(back["two"].person).tolist() == [4, 4, 4, 4]
    assert np.asarray(back["two"].seconds).tolist() == [1.5] * 4
    assert rows(old, "PRAGMA user_version") == [(schema.VERSION,)]
    assert rows(old, "PRAGMA integrity_check") == [("ok",)]
    assert rows(old, "PRAGMA foreign_key_check") == []


def test_the_words_are_those_of_the_numbers(old, answers):
    before = rows(old, "SELECT choice FROM answer ORDER BY number")
    with Evidence(old) as evidence:
        after = [each.answer.said for each in evidence.standing()]
    words = ["first", "second", "tie", "cannot tell"]
    assert after == [{"choice": words[choice]} for (choice,) in before]
    assert len({choice for (choice,) in before}) == 3


def test_the_same_question_is_one_question(old):
    with Evidence(old) as evidence:
        questions = evidence.questions().values()
        asked = [question for question in questions if question.source == "two"]
        assert [question.same for question in asked] == [0, 0, 0, 0]
        assert asked[0].options != asked[1].options
        # One person who answered it twice was asked twice.
        assert asked[2:] == asked[:2]
        numbers = [each.answer.question for each in evidence.standing()[-4:]]
        assert numbers == [31, 32, 33, 34]


def test_what_was_migrated_equals_what_is_written_anew(old, tmp_path, answers):
    """So that `volition run` goes on in a folder that an older version made."""
    every = [*rows_of("one", answers)]
    fresh, path = tmp_path / "fresh.db", tmp_path / "one.db"
    again = [row._replace(person=3, choice=0) for row in every[:2]]
    every = [*every, *again, *again]
    write_evidence(fresh, every)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript("BEGIN;" + TABLES_1)
        connection.executemany(
            "INSERT INTO answer (source, kind, person, question, options, choice, "
            "seconds) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    r.source,
                    "comparison",
                    r.person,
                    r.same,
                    r.options,
                    r.choice,
                    r.seconds,
                )
                for r in every
            ],
        )
    write_evidence(path, every)
    for table in ("question", "answer"):
        ordered = f"SELECT * FROM {table} ORDER BY number"
        assert rows(path, ordered) == rows(fresh, ordered)
    tables = "SELECT name, sql FROM sqlite_schema ORDER BY name"
    assert rows(path, tables) == rows(fresh, tables)


def test_it_cannot_be_changed_afterwards(old):
    Evidence(old).close()
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        rows(old, "UPDATE answer SET seconds = 0")


def test_a_migration_that_fails_leaves_version_1(old, answers, monkeypatch):
    def fails(connection, **others):
        schema.make_tables(connection, **others)
        connection.execute("SELECT * FROM nowhere")

    monkeypatch.setattr(migration, "make_tables", fails)
    with pytest.raises(InputError, match="nowhere"):
        Evidence(old)
    columns = "source, kind, person, question, options, choice, seconds"
    assert rows(old, f"SELECT {columns} FROM answer") == rows_1(answers)
    assert rows(old, "PRAGMA user_version") == [(0,)]
    monkeypatch.undo()
    assert len(read_evidence(old, WORLD)) == 2


def test_a_file_of_a_newer_version_is_refused_and_stays(old):
    with closing(sqlite3.connect(old)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = old.read_bytes()
    with pytest.raises(InputError, match=r"newer Volition.*version 99"):
        Evidence(old)
    assert old.read_bytes() == before


@pytest.mark.parametrize("version", [-1, 0, 1, 2, 3, 7])
def test_a_database_of_something_else_is_refused_and_stays(tmp_path, version):
    path = tmp_path / "study.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipe (name TEXT)")
        connection.execute(f"PRAGMA user_version = {version}")
    before = path.read_bytes()
    with pytest.raises(InputError, match="not a study's evidence"):
        Evidence(path, make=True)
    assert path.read_bytes() == before


def test_options_are_kept_to_the_letter(old):
    with Evidence(old) as evidence:
        first = evidence.questions()[1].options
    assert json.dumps(first) == rows(old, "SELECT options FROM question")[0][0]
