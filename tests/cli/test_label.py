"""`volition label`: keys in, answers in the study; by lines and in a real terminal."""

import contextlib
import io
import json
import os
import pty
import re
import select
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.reference.version_2 import write_version_2
from volition.cli import keys
from volition.env import delivery
from volition.store import Evidence, read_evidence
from volition.study.label import (
    ENOUGH,
    LabelConfig,
    begin_label,
    open_label,
    random_pair,
)


@pytest.fixture
def label(volition, monkeypatch):
    """`volition label`, with lines for standard input."""

    def run(lines: str, *arguments: str):
        monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
        return volition("label", *arguments)

    return run


def said(folder: str = "study") -> list[dict]:
    with Evidence(Path(folder) / "study.db") as evidence:
        return [each.answer.said or {} for each in evidence.standing()]


def acknowledged(out: str) -> list[str]:
    found = re.findall(r"^(Saved|Taken back): (.*?)\. \d+ answered", out, re.M)
    return [f"{what}: {word}" for what, word in found]


def test_from_the_first_question_to_the_last(label):
    found = label("l\nR\ntie\nc\nleft\n", "study", "--n", "5", "--seed", "3")
    assert (found.code, found.err) == (0, "")
    words = ["left", "right, strongly", "tie", "cannot tell", "left"]
    assert acknowledged(found.out) == [f"Saved: {word}" for word in words]
    assert said() == [
        {"choice": "first", "strength": 1},
        {"choice": "second", "strength": 2},
        {"choice": "tie"},
        {"choice": "cannot tell"},
        {"choice": "first", "strength": 1},
    ]
    assert "5 answered, 0 left." in found.out
    assert "All questions are answered: thank you." in found.out
    assert "study/study.db" in found.out
    learned = " ".join(found.out.partition("Learned so far")[2].split())
    assert f"(n = {ENOUGH})" in learned
    for name in delivery().feature_names:
        assert re.search(rf"\b{name} [+-][\d.]+ \[-?[\d.]+, -?[\d.]+\]", learned)
    batch = read_evidence(Path("study/study.db"), delivery())["delivery"]
    assert np.asarray(batch.choice).tolist() == [0, 1, 2, 3, 0]
    assert min(np.asarray(batch.seconds).tolist()) > 0


def test_what_is_shown_is_what_is_asked(label):
    found = label("", "study", "--seed", "3")
    with Evidence(Path("study/study.db")) as evidence:
        (question,) = evidence.questions().values()
    shown = found.out.partition("Question 1 of 20.")[2]
    for heading in ("LEFT", "RIGHT"):
        assert heading in shown
    moves = [delivery().action_names[a] for o in question.options for a in o["actions"]]
    for number, move in enumerate(moves):
        assert re.search(rf"\b{number % 3 + 1} {move}", shown)


def test_it_goes_on_where_it_stopped(label):
    first = label("l\nl\n", "study", "--n", "4")
    assert "Stopped. 2 answered, 2 left. The same command goes on." in first.out
    assert "Learned" not in first.out
    open_question = first.out.rpartition("Question 3 of 4.")[2].partition("\n\nStop")[0]
    second = label("r\nr\nr\n", "study")
    assert open_question in second.out
    assert "Question 2 of 4" not in second.out
    assert len(said()) == 4
    third = label("l\n", "study", "--n", "4")
    assert acknowledged(third.out) == []
    assert "All questions are answered" in third.out
    other = label("l\n", "study", "--person", "you")
    assert "Question 1 of 4" in other.out
    assert len(said()) == 5


def test_undo_help_and_keys_that_mean_nothing(label):
    found = label("u\nl\nr\nu\nu\nt\n\nx\nh\nq\nl\n", "study")
    assert found.code == 0
    assert "There is nothing to take back." in found.out
    assert acknowledged(found.out) == [
        "Saved: left",
        "Saved: right",
        "Taken back: right",
        "Taken back: left",
        "Saved: tie",
    ]
    assert "That key means nothing here" in found.out
    assert found.out.count(keys.KEYS_HELP) == 2
    assert said() == [{"choice": "tie"}]
    with Evidence(Path("study/study.db")) as evidence:
        assert len(evidence.answers()) == 5


def test_a_narrow_terminal_has_one_drawing_above_the_other(label, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    found = label("", "study")
    shown = found.out.partition("Question 1")[2].split("\n")
    assert "LEFT" in shown
    assert "RIGHT" in shown


@pytest.mark.parametrize(
    "typed, meant",
    [
        ("\x1b[D", keys.LEFT),
        ("\x1bOC", keys.RIGHT),
        ("\x1b[1;2D", keys.LEFT_STRONGLY),
        ("R", keys.RIGHT_STRONGLY),
        ("\x1b[A", keys.TIE),
        ("\x1b[B", keys.CANNOT_TELL),
        ("\x7f", keys.UNDO),
        ("\x1b[Dr", keys.LEFT),
        ("\x1b", keys.UNKNOWN),
        ("\x1b[5~", keys.UNKNOWN),
        ("", keys.UNKNOWN),
        ("ü", keys.UNKNOWN),
    ],
)
def test_what_keys_mean(typed, meant):
    assert keys.meaning(typed) == meant


# Each: what is there before, the arguments, and what the sentence says.
BAD = {
    "unknown world": ("nothing", ["new", "--env", "moon"], "'moon'"),
    "no questions": ("nothing", ["new", "--n", "0"], "0"),
    "no name": ("nothing", ["new", "--person", " "], "say who answers"),
    "no study": ("nothing", [], "STUDY"),
    "unknown option": ("nothing", ["new", "--persn", "me"], "--person"),
    "empty folder": ("empty", ["here"], "here is an empty folder"),
    "other folder": ("other", ["here"], "here is not a study's folder"),
    "another kind of study": ("kind", ["here"], "of another kind, 'delivery'"),
    "a file": ("file", ["here"], "here is not a folder"),
    "in a file": ("file", ["here/study"], "here/study cannot be made"),
    "other questions": ("study", ["here", "--n", "7"], "here has --n 20, not 7"),
    "other world": ("study", ["here", "--env", "highway"], "--env delivery"),
    "damaged": ("damaged", ["here"], "here/study.db is not a study's evidence"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_used_is_one_sentence_and_nothing_written(label, kind):
    there, arguments, sentence = BAD[kind]
    here = Path("here")
    if there == "file":
        here.write_text("was here before")
    elif there in ("study", "damaged"):
        begin_label(here, LabelConfig())
    elif there != "nothing":
        here.mkdir()
    if there == "damaged":
        (here / "study.db").write_bytes(b"no database at all, but long enough" * 30)
    if there == "other":
        (here / "notes.txt").write_text("mine")
    if there == "kind":
        (here / "study.toml").write_text('study = "delivery"\nmodel = "plain"\n')
    before = sorted(Path().rglob("*"))
    found = label("l\n", *arguments)
    assert (found.code, found.out) == (2, "")
    usage, _, last = found.err.rpartition("Error: ")
    assert usage == "" or usage.startswith("Usage: volition label")
    assert sentence in last
    assert last.endswith((".\n", "?\n", "?)\n"))
    assert last.count("\n") == 1
    assert sorted(Path().rglob("*")) == before


class Terminal:
    """`volition label` in a pseudo-terminal."""

    def __init__(self, folder: Path, *arguments: str):
        self.text, program = "", "from volition.cli.main import main; main()"
        command = [sys.executable, "-c", program, "label", "study", *arguments]
        ours, theirs = pty.openpty()
        self.ours = ours
        self.child = subprocess.Popen(
            command,
            cwd=folder,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            env=os.environ
            | {"XDG_CACHE_HOME": str(folder / "cache"), "COLUMNS": "100"},
        )
        os.close(theirs)

    def wait_for(self, text: str, seconds: float = 60.0) -> bool:
        """Whether it comes, behind what came before; forgets what is in front of it."""
        end = time.monotonic() + seconds
        while text not in self.text:
            ready, _, _ = select.select([self.ours], [], [], 0.05)
            if ready:
                with contextlib.suppress(OSError):  # the other side has closed
                    self.text += os.read(self.ours, 4096).decode().replace("\r", "")
            if time.monotonic() > end:
                return False
        self.text = self.text.partition(text)[2]
        return True

    def press(self, typed: str, answer: str) -> None:
        """Until it is heard: what comes before the terminal listens is forgotten."""
        for _ in range(20):
            os.write(self.ours, typed.encode())
            if self.wait_for(answer, 3.0):
                return
        raise AssertionError(f"{typed!r} brought no {answer!r} but {self.text!r}")

    def close(self) -> int:
        code = self.child.wait(60.0)
        os.close(self.ours)
        return code


def test_in_a_real_terminal(tmp_path):
    terminal = Terminal(tmp_path, "--n", "9")
    assert terminal.wait_for("Question 1 of 9.")
    terminal.press("\x1b[D", "Saved: left. 1 answered, 8 left.")
    assert terminal.wait_for("Question 2 of 9.")
    terminal.press("\x1b[1;2C", "Saved: right, strongly. 2 answered")
    assert terminal.wait_for("Question 3 of 9.")
    terminal.press("\x7f", "Taken back: right, strongly. 1 answered")
    assert terminal.wait_for("Question 2 of 9.")
    terminal.press("\x1b[B", "Saved: cannot tell. 2 answered")
    assert terminal.wait_for("Question 3 of 9.")
    terminal.press("\x03", "Stopped. 2 answered, 7 left.")
    assert terminal.wait_for("study.db.")
    assert terminal.close() == 0
    labelling = open_label(tmp_path / "study", "me")
    with labelling.evidence:
        found = [each.answer.said for each in labelling.standing()]
        shown = labelling.standing()[0].answer.shown
        assert len(labelling.evidence.answers()) == 4
    assert found == [{"choice": "first", "strength": 1}, {"choice": "cannot tell"}]
    assert shown["interface"] == "terminal"


@pytest.mark.parametrize("n_answers", [1, pytest.param(6, marks=pytest.mark.slow)])
def test_interrupted_while_it_waits_for_a_line(tmp_path, n_answers):
    """At once: what was learned is not computed."""
    program = "from volition.cli.main import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", program, "label", "study"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")},
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write("l\n" * n_answers)
        child.stdin.flush()
        for line in child.stdout:
            if line.startswith(f"Question {n_answers + 1}"):
                break
        time.sleep(0.2)  # s, for the rest of the question
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60.0)
    assert (child.returncode, err) == (0, "")
    assert f"Stopped. {n_answers} answered, {20 - n_answers} left." in out
    assert "Learned" not in out
    with Evidence(tmp_path / "study" / "study.db") as evidence:
        assert len(evidence.standing()) == n_answers


def test_a_second_window_of_the_same_person(label, monkeypatch):
    """Its answer is not kept, it is told, and goes on with the next question."""
    begin_label(Path("study"), LabelConfig(n_questions=3))
    other = open_label(Path("study"), "me", choose_fn=random_pair)
    real, n_read = keys.LineKeys.read, []

    def read(self):
        n_read.append(1)
        if len(n_read) == 1:
            asked = other.ask()
            assert asked is not None
            other.answer(asked, "the other window", {"choice": "tie"})
        return real(self)

    monkeypatch.setattr(keys.LineKeys, "read", read)
    with other.evidence:
        found = label("l\nr\nr\n", "study")
    assert found.code == 0
    assert "Not saved: question 1 has been answered by the same person" in found.out
    assert acknowledged(found.out) == ["Saved: right", "Saved: right"]
    assert [each["choice"] for each in said()] == ["tie", "second", "second"]


@pytest.mark.parametrize("what", ["deleted", "emptied"])
def test_a_lost_file_is_not_begun_anew(label, what):
    label("l\n", "study")
    path = Path("study/study.db")
    path.unlink()
    if what == "emptied":
        path.touch()
    found = label("l\n", "study")
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith("Error: study/study.db is")
    assert sorted(each.name for each in Path("study").iterdir()) == (
        ["study.db", "study.toml"] if what == "emptied" else ["study.toml"]
    )


def test_answers_that_an_older_version_kept_twice(label):
    label("l\n", "study", "--n", "3")
    path = Path("study/study.db")
    columns = {
        "person": "number, name",
        "clip": "number, option, scene",
        "question": "number, source, same, person, kind, options, rule, predicted, at",
        "answer": "number, showing, question, person, said, seconds, at, "
        "replaces, shown",
    }
    with contextlib.closing(sqlite3.connect(path)) as connection:
        rows = {
            table: connection.execute(f"SELECT {names} FROM {table}").fetchall()
            for table, names in columns.items()
        }
    (first,) = rows["answer"]
    rows["answer"].append((2, "another", *first[2:4], '{"choice": "tie"}', *first[5:]))
    path.unlink()
    write_version_2(path, **rows)
    found = label("", "study")
    assert "1 of your answers were to questions that you had answered before" in (
        found.out
    )
    assert "1 answered, 2 left." in found.out
    assert [each["choice"] for each in said()] == ["first"]


@pytest.mark.slow
def test_driving_is_drawn_and_answered(label):
    found = label("l\nr\nt\n", "roads", "--env", "highway", "--n", "3")
    assert (found.code, found.err) == (0, "")
    assert len(said("roads")) == 3
    first = found.out.partition("Question 1 of 3.")[2].partition("Saved")[0]
    # Two drives, four moments each, three lanes, and the car in each moment.
    assert first.count(" m/s  ") == 8
    assert len(re.findall(r"^[.o>X@]{70}$", first, re.M)) == 24
    assert first.count("@>") + len(re.findall(r"CRASHED", first)) == 8
    with Evidence(Path("roads/study.db")) as evidence:
        options = evidence.questions()[1].options
        json.dumps([evidence.scene(option) for option in options])
