"""Files that vanish or are replaced, and files that can only be read."""

import os
import shutil
import sqlite3
import subprocess
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path

import pytest

from tests.reference.version_2 import write_version_2
from volition.store import Evidence, InputError, Question, Said, database
from volition.study.label import (
    LabelConfig,
    begin_label,
    open_label,
    random_pair,
    read_label,
)


def said(number: int) -> Said:
    return Said(f"showing {number}", number, 1, {"choice": "tie"})


def fill(path: Path, n_answers: int) -> None:
    with Evidence(path, make=True) as evidence:
        evidence.person("me")
        for number in range(1, n_answers + 1):
            evidence.ask(Question("us", number, "comparison", ["a", "b"], rule="x"))
            evidence.add(said(number))


@pytest.fixture
def path(tmp_path):
    folder = tmp_path / "study"
    folder.mkdir()
    fill(folder / "study.db", 3)
    return folder / "study.db"


def n_answers(path: Path) -> int:
    with Evidence(path) as evidence:
        return len(evidence.standing())


# ------------------------------------------------- deleted or replaced while open


def replace(path: Path) -> None:
    shutil.copy(path, path.with_name("copy"))
    path.with_name("copy").replace(path)


LOSE = {
    "deleted": lambda path: [each.unlink() for each in path.parent.glob("study.db*")],
    "the file alone": lambda path: path.unlink(),
    "the log alone": lambda path: path.with_name("study.db-wal").unlink(),
    "replaced": replace,
    "the folder moved": lambda path: path.parent.rename(path.parent.parent / "moved"),
}


@pytest.mark.parametrize("what", LOSE)
def test_no_answer_is_acknowledged_that_nobody_would_find(path, what):
    with Evidence(path) as evidence:
        evidence.ask(Question("us", 9, "comparison", ["a", "b"], rule="x"))
        LOSE[what](path)
        for _ in range(2):
            with pytest.raises(InputError, match=r"deleted or replaced.*nothing was"):
                evidence.add(said(4))


def test_a_file_that_vanishes_while_it_is_written_is_noticed(path):
    with Evidence(path) as evidence:
        evidence.ask(Question("us", 9, "comparison", ["a", "b"], rule="x"))

        def answer() -> None:
            with evidence.transaction():
                evidence.add(said(4))
                path.unlink()

        with pytest.raises(InputError, match=r"deleted or replaced.*last is lost"):
            answer()


def test_a_link_to_the_file_is_followed(path, tmp_path):
    link = tmp_path / "linked.db"
    link.symlink_to(path)
    with Evidence(link) as evidence:
        evidence.ask(Question("us", 9, "comparison", ["a", "b"], rule="x"))
        evidence.add(said(4))
    assert n_answers(path) == 4


# ------------------------------------------------- lost beside its study.toml


@pytest.fixture
def study(tmp_path):
    begin_label(tmp_path / "study", LabelConfig(n_questions=5))
    labelling = open_label(tmp_path / "study", "me", choose_fn=random_pair)
    with labelling.evidence:
        asked = labelling.ask()
        assert asked is not None
        labelling.answer(asked, "one", {"choice": "first"})
    return tmp_path / "study"


@pytest.mark.parametrize("what", ["deleted", "empty", "an empty database"])
def test_lost_evidence_is_not_begun_anew(study, what):
    path = study / "study.db"
    path.unlink()
    if what == "empty":
        path.touch()
    elif what == "an empty database":
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("VACUUM")
            connection.execute("PRAGMA user_version = 0")
            connection.commit()
    before = {each.name: each.read_bytes() for each in study.iterdir()}
    with pytest.raises(InputError, match=r"study\.db (is missing|is empty|has no)"):
        open_label(study, "me")
    assert {each.name: each.read_bytes() for each in study.iterdir()} == before


def test_a_study_begins_with_its_evidence(tmp_path):
    begin_label(tmp_path / "new", LabelConfig())
    names = sorted(each.name for each in (tmp_path / "new").iterdir())
    assert names == ["study.db", "study.toml"]
    assert [each.name for each in tmp_path.iterdir()] == ["new"]


@pytest.mark.parametrize("name, value", [("n_questions", 7), ("seed", 1)])
def test_a_changed_configuration_is_noticed(study, name, value):
    text = (study / "study.toml").read_text()
    old = f"{name} = {getattr(read_label(study), name)}"
    (study / "study.toml").write_text(text.replace(old, f"{name} = {value}"))
    with pytest.raises(InputError, match=rf"study\.toml says {name} = {value}"):
        open_label(study, "me")


# ------------------------------------------------- several at once


def open_new(path: Path) -> str:
    try:
        Evidence(path, make=True).close()
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return "open"


@pytest.mark.parametrize("n_rounds", [6, pytest.param(60, marks=pytest.mark.slow)])
def test_several_processes_open_a_new_file_at_once(tmp_path, n_rounds):
    with ProcessPoolExecutor(8, mp_context=get_context("spawn")) as pool:
        for number in range(n_rounds):
            paths = [tmp_path / f"{number}.db"] * 16
            assert set(pool.map(open_new, paths)) == {"open"}


# ------------------------------------------------- to be read only


def copied(path: Path, to: Path, monkeypatch) -> Path:
    """As a process that was killed left it: the last answers are in the log."""
    to.mkdir()
    monkeypatch.setattr(Evidence, "_fold_in", lambda self: None)
    with Evidence(path) as evidence:
        evidence.ask(Question("us", 9, "comparison", ["a", "b"], rule="x"))
        evidence.add(said(4))
        for name in ("study.db", "study.db-wal"):
            shutil.copy(path.with_name(name), to / name)
    assert (to / "study.db-wal").stat().st_size > 0
    return to / "study.db"


@pytest.mark.parametrize("killed", [False, True])
def test_what_can_only_be_read_is_read(path, tmp_path, monkeypatch, killed):
    if killed:
        path = copied(path, tmp_path / "killed", monkeypatch)
    monkeypatch.setattr(database, "_can_write", lambda path: False)
    before = {each.name: each.read_bytes() for each in path.parent.iterdir()}
    with Evidence(path) as evidence:
        assert evidence.read_only
        assert len(evidence.standing()) == 3 + killed
        assert evidence.person("me") == 1
        with pytest.raises(InputError, match="can only be read"):
            evidence.person("you")
    assert {each.name: each.read_bytes() for each in path.parent.iterdir()} == before


def test_an_older_version_is_read_where_nothing_can_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "_can_write", lambda path: False)
    path = tmp_path / "study.db"
    write_version_2(path, person=[(1, "me")])
    before = path.read_bytes()
    with Evidence(path) as evidence:
        assert evidence.person("me") == 1
    assert path.read_bytes() == before


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 400 kB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", folder]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount here.")
    if done.returncode:
        pytest.skip("nobody may mount a disk here.")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_disk_that_fills_keeps_what_was_acknowledged(small_disk):
    path = small_disk / "study.db"
    fill(path, 3)
    n_kept, sentence = 3, ""
    with Evidence(path) as evidence:
        for _ in range(1000):
            try:
                number = evidence.ask(
                    Question("us", 9, "comparison", ["a" * 2000, "b"], rule="x")
                )
                evidence.add(said(number))
            except InputError as error:
                sentence = str(error)
                break
            n_kept += 1
    assert "cannot be written" in sentence
    assert 3 < n_kept < 1003
    assert n_answers(path) == n_kept


def test_a_disk_that_is_full_and_one_that_is_read_only_can_be_read(small_disk):
    path = small_disk / "study.db"
    fill(path, 3)
    with pytest.raises(OSError, match="No space"):
        (small_disk / "rest").write_bytes(bytes(400_000))
    assert n_answers(path) == 3
    with pytest.raises(InputError, match="cannot be made a study's folder"):
        begin_label(small_disk / "new", LabelConfig())
    assert not any("new" in name for name in os.listdir(small_disk))
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert n_answers(path) == 3
    with Evidence(path) as evidence, pytest.raises(InputError, match="only be read"):
        evidence.person("you")
    with pytest.raises(InputError, match="cannot be made a study's folder"):
        begin_label(small_disk / "new", LabelConfig())
