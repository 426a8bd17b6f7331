"""Files that are damaged, of others, or not there: a sentence, and nothing altered."""

import os
import random
import sqlite3
import time
from contextlib import closing

import pytest

from volition.store import Evidence, InputError, Question, Said, schema
from volition.store.seals import seal_of

N_ANSWERS = 30
TRIGGERS = {
    statement.split()[2]: statement
    for statement in map(str.strip, schema.statements(schema.TABLES))
    if statement.startswith("CREATE TRIGGER")
}


def write(path) -> None:
    with Evidence(path, make=True) as evidence, evidence.transaction():
        evidence.begin({"env": "delivery"})
        me = evidence.person("me")
        evidence.add_clips([({"clip": n}, [n] if n % 2 else None) for n in range(9)])
        for n in range(N_ANSWERS):
            options = [{"clip": n % 9}, {"clip": (n + 1) % 9}]
            asked = evidence.ask(
                Question("us", n, "comparison", options, person=me, rule="random")
            )
            said = {"choice": ["first", "second", "tie"][n % 3]}
            evidence.add(Said(f"showing {n}", asked, me, said, seconds=n / 7))
        evidence.take_back(evidence.standing()[4], "undo")


def content(path) -> tuple:
    with Evidence(path) as evidence:
        return (
            evidence.settings(),
            evidence.person("me"),
            [(clip, evidence.scene(clip)) for clip in evidence.clips()],
            evidence.questions(),
            evidence.answers(),
            evidence.standing(),
        )


@pytest.fixture
def path(tmp_path):
    write(tmp_path / "study.db")
    return tmp_path / "study.db"


def change(path, sql: str) -> None:
    """What somebody does who knows how to switch the triggers off, and on again."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for name in TRIGGERS:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(sql)
        for text in TRIGGERS.values():
            connection.execute(text)


def test_nothing_is_wrong_with_a_file_that_was_only_opened(path):
    before, bytes_before = content(path), path.read_bytes()
    with closing(sqlite3.connect(path)) as connection:
        for name, sql in TRIGGERS.items():
            connection.execute(f"DROP TRIGGER {name}")
            connection.execute(sql)
        connection.rollback()
        connection.execute("ANALYZE")  # what it leaves is nobody's evidence
        connection.commit()
        connection.execute("VACUUM")
    assert content(path) == before
    assert path.read_bytes() != bytes_before


@pytest.mark.parametrize(
    "sql, where",
    [
        ("UPDATE answer SET said = '[1]' WHERE number = 3", "answer 3"),
        ("UPDATE answer SET seconds = 1e9 WHERE number = 30", "answer 30"),
        ("UPDATE answer SET at = NULL WHERE number = 31", "answer 31"),
        ("UPDATE answer SET seconds = 9e999 WHERE number = 2", "answer 2"),
        ("UPDATE answer SET person = 2 WHERE number = 7", "answer 7"),
        ("UPDATE question SET options = '[]' WHERE number = 11", "question 11"),
        ("UPDATE question SET rule = 'mine' WHERE number = 1", "question 1"),
        ("UPDATE clip SET option = '{' WHERE number = 3", "clip 3"),
        ("UPDATE clip SET scene = '[2]' WHERE number = 9", "clip 9"),
        ("UPDATE person SET name = 'you'", "person 1"),
        ("UPDATE study SET settings = '{}'", "study 1"),
        ("DELETE FROM answer WHERE number = 12", "answer 13"),
        ("DELETE FROM clip WHERE number = 1", "clip 2"),
        ("UPDATE answer SET seal = 'x' WHERE number = 8", "answer 8"),
    ],
)
def test_a_changed_row_is_named(path, sql, where):
    change(path, sql)
    before = path.read_bytes()
    with pytest.raises(
        InputError, match=rf"study\.db is damaged.*\b{where} "
    ) as caught:
        Evidence(path)
    assert str(caught.value).count("\n") == 0
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "sql, what",
    [
        ("DROP TRIGGER answer_stays", "no trigger answer_stays"),
        ("DROP VIEW standing", "no view standing"),
        ("DROP INDEX answers_of_question", "no index answers_of_question"),
        ("CREATE TABLE other (x)", "other tables"),
        ("CREATE VIEW other AS SELECT 1", "a view other"),
        (
            "CREATE TRIGGER other AFTER INSERT ON answer BEGIN SELECT 1; END",
            "a trigger other",
        ),
    ],
)
def test_other_objects_are_named(path, sql, what):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(sql)
    with pytest.raises(InputError, match=what):
        Evidence(path)


def test_another_view_of_what_stands_is_noticed(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP VIEW standing")
        connection.execute("CREATE VIEW standing AS SELECT * FROM answer")
    with pytest.raises(InputError, match="its view standing is not what it should be"):
        Evidence(path)


@pytest.mark.parametrize("n_files", [120, pytest.param(3000, marks=pytest.mark.slow)])
def test_bytes_at_random_are_noticed_or_change_nothing(tmp_path, n_files):
    """A sentence, or what was written, to the letter; and the file stays as it is."""
    good, path = tmp_path / "good.db", tmp_path / "study.db"
    write(good)
    right, whole, chance = content(good), good.read_bytes(), random.Random(0)
    n_noticed = n_same = 0
    for number in range(n_files):
        damaged = bytearray(whole)
        kind = number % 4
        if kind == 3:
            begin = chance.randrange(len(whole))
            end = min(len(whole), begin + chance.choice([1, 100, 4096]))
            damaged[begin:end] = bytes(end - begin) if number % 8 == 3 else b""
        else:
            for _ in range([1, 4, 64][kind]):
                damaged[chance.randrange(len(whole))] = chance.randrange(256)
        path.write_bytes(bytes(damaged))
        try:
            found = content(path)
        except InputError:
            n_noticed += 1
            assert path.read_bytes() == bytes(damaged)
        else:
            n_same += 1
            assert found == right
        for each in tmp_path.glob("study.db-*"):
            each.unlink()
    assert n_noticed > n_files / 3
    assert n_same > n_files / 20


OTHERS = {
    "one byte": lambda path: path.write_bytes(b"S"),
    "a text": lambda path: path.write_text("hello\n" * 1000),
    "a folder": lambda path: path.mkdir(),
    "a link to nothing": lambda path: path.symlink_to("/nonexistent/study.db"),
    "a link to itself": lambda path: path.symlink_to(path),
    "an endless device": lambda path: path.symlink_to("/dev/zero"),
    "a pipe": lambda path: os.mkfifo(path),
    "columns of others": lambda path: other_tables(path, schema.COLUMNS, 3),
    "columns of others, version 2": lambda path: other_tables(
        path, schema.COLUMNS.keys() - {"study"}, 2
    ),
    "a table answer of others": lambda path: other_tables(path, ["answer"], 0),
    "another program's version 3": lambda path: other_tables(path, ["places"], 3),
    "another program's version 99": lambda path: other_tables(path, ["places"], 99),
}


def other_tables(path, names, version: int) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for name in names:
            connection.execute(f"CREATE TABLE {name} (x)")
        connection.execute(f"PRAGMA user_version = {version}")


@pytest.mark.parametrize("make", [False, True])
@pytest.mark.parametrize("what", OTHERS)
def test_what_is_of_others_is_left_alone(tmp_path, what, make):
    path = tmp_path / "study.db"
    OTHERS[what](path)
    regular = path.is_file()
    before = path.read_bytes() if regular else None
    with pytest.raises(InputError, match=r"study\.db ") as caught:
        Evidence(path, make=make)
    assert str(caught.value).endswith((".", ". "))
    assert [each.name for each in tmp_path.iterdir()] == ["study.db"]
    assert before is None or path.read_bytes() == before


@pytest.mark.parametrize("end", ["-wal", "-shm", "-journal"])
def test_a_pipe_beside_it_is_not_waited_for(path, end):
    os.mkfifo(path.with_name(path.name + end))
    with pytest.raises(InputError, match="is a pipe"):
        Evidence(path)


@pytest.mark.parametrize("make", [False, True])
def test_a_name_that_cannot_be_one(tmp_path, make):
    with pytest.raises(InputError, match="null byte"):
        Evidence(tmp_path / "a\0b", make=make)


@pytest.mark.parametrize("bad", ["", " ", "a\0b", "\ud83d"])
def test_a_name_that_cannot_be_kept(path, bad):
    before = content(path)
    with Evidence(path) as evidence, pytest.raises(InputError):
        evidence.person(bad)
    assert content(path) == before


@pytest.mark.parametrize(
    "bad",
    [
        {"said": {"choice": float("nan")}},
        {"said": {"choice": object()}},
        {"said": None},
        {"seconds": float("nan")},
        {"seconds": float("inf")},
        {"question": 2**70},
        {"question": 99},
        {"showing": "\ud83d"},
    ],
)
def test_an_answer_that_cannot_be_kept(path, bad):
    right = {"showing": "new", "question": 5, "person": 1, "said": {"choice": "tie"}}
    before = content(path)
    with Evidence(path) as evidence:
        with pytest.raises(InputError) as caught:
            evidence.add(Said(**(right | bad)))
        assert str(caught.value).endswith(".")
        assert evidence.add(Said(**right)).number == 32
    assert content(path)[4][:-1] == before[4]


def test_a_seal_hangs_on_the_row_the_table_and_the_row_before():
    row = (1, "showing", 1, 1, None, 0.5, None, None, "{}")
    seals = {
        seal_of("", "answer", row),
        seal_of("x", "answer", row),
        seal_of("", "question", row),
        *(seal_of("", "answer", (*row[:n], "9", *row[n + 1 :])) for n in range(9)),
    }
    assert len(seals) == 12


def test_a_file_held_by_another_program_is_a_sentence(path, monkeypatch):
    monkeypatch.setattr("volition.store.database.WAIT", 0.2)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        with Evidence(path) as evidence:
            other.execute("BEGIN IMMEDIATE")
            began = time.monotonic()
            with pytest.raises(InputError, match="locked by another program"):
                evidence.person("you")
            assert time.monotonic() - began < 5.0
            other.execute("ROLLBACK")
            assert evidence.person("you") == 2
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(InputError, match="locked by another program"):
            Evidence(path)
