"""Answer questions in a process that is killed, again and again; print what was heard.

    python answer_and_die.py FOLDER N_KILLS SEED {store|early|windows|label}

Each round kills by SIGKILL at a random moment. "store" forks for each round, so that
nothing is imported again, and adds answers to FOLDER/study.db; "early" does, too, but
acknowledges them before they are kept, which a test must notice; "windows" forks two,
in which one person answers the same questions; "label" is `volition
label FOLDER`, fed with keys, in a new process: a fork cannot use JAX. Printed as JSON:
for each round what was acknowledged before the kill, and what the file holds after it.
"""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from subprocess import PIPE
from threading import Event
from typing import TextIO

from volition.store import Conflict, Evidence, Question, Said, now

LATEST = 0.1  # s, of a kill
LATEST_LABEL = 0.5  # s, of a kill, since the first question or the beginning
NOBODY = -1  # may answer a question again and again
EARLY = 0.25  # share of the latter


def add_some(folder: Path, n_answers: int, synchronous: str) -> None:
    """Answer and acknowledge on standard output, and end without closing."""
    evidence = Evidence(folder / "study.db")
    if synchronous:
        evidence._connection.execute(f"PRAGMA synchronous = {synchronous}")
    for number in range(n_answers):
        showing = f"showing {number}"
        evidence.add(Said(showing, 1, NOBODY, {"choice": "tie"}), now())
        os.write(1, f"{showing}\n".encode())
    os._exit(0)


def add_for_ever(folder: Path, out: int, early: bool) -> None:
    with Evidence(folder / "study.db") as evidence:
        # As a client does that never heard back: the last answer again.
        for old in evidence.answers()[-1:]:
            assert evidence.add(old.answer, now()) == old
        while True:
            showing = str(uuid.uuid4())
            if early:
                os.write(out, f"{showing}\n".encode())
            evidence.add(Said(showing, 1, NOBODY, {"choice": "tie"}), now())
            if not early:
                os.write(out, f"{showing}\n".encode())


def answer_what_is_open(folder: Path, out: int) -> None:
    """As a person does in one of two windows: the next open question, or a new one."""
    with Evidence(folder / "study.db") as evidence:
        while True:
            answered = {each.answer.question for each in evidence.standing()}
            number = next((n for n in evidence.questions() if n not in answered), None)
            if number is None:
                options = ["a", "b"]
                question = Question("us", 0, "comparison", options, rule="x")
                number = evidence.ask(question, now())
            showing = str(uuid.uuid4())
            try:
                evidence.add(Said(showing, number, 1, {"choice": "tie"}), now())
            except Conflict:
                continue
            os.write(out, f"{showing}\n".encode())


def stored_until_killed(folder: Path, mode: str) -> list[str]:
    """What was acknowledged: whole lines."""
    heard, out = os.pipe()
    children = [os.fork()]
    if mode == "windows" and children != [0]:
        children.append(os.fork())
    if 0 in children:
        os.close(heard)
        if mode == "windows":
            answer_what_is_open(folder, out)
        add_for_ever(folder, out, mode == "early")
    os.close(out)
    with os.fdopen(heard) as pipe, ThreadPoolExecutor(1) as pool:
        said = pool.submit(listen, pipe, Event())
        time.sleep(random.uniform(0.0, LATEST))
        for child in children:
            os.kill(child, signal.SIGKILL)
        lines = said.result()
    for child in children:
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), "it ended by itself"
    return lines


def labelled_until_killed(folder: Path) -> list[str]:
    """The same of the command."""
    program = "from volition.cli.main import main; main()"
    command = [sys.executable, "-c", program, "label", str(folder), "--n", "1000"]
    with (
        subprocess.Popen(command, text=True, stdin=PIPE, stdout=PIPE) as child,
        ThreadPoolExecutor(1) as pool,
    ):
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write("\n".join(random.choices("lrtcLRu", k=4000)))
        child.stdin.flush()
        started = Event()
        said = pool.submit(listen, child.stdout, started)
        if random.random() > EARLY:
            started.wait(60.0)
        time.sleep(random.uniform(0.0, LATEST_LABEL))
        child.kill()
        lines = said.result()
    assert child.returncode == -signal.SIGKILL, "it ended by itself"
    return lines


def listen(pipe: TextIO, started: Event) -> list[str]:
    """Whole lines, to the end of the pipe."""
    found = []
    for line in pipe:
        if line.startswith("Question"):
            started.set()
        if line.endswith("\n"):
            found.append(line[:-1])
    return found


def held(path: Path) -> tuple[list[str], list[tuple]]:
    """What SQLite says of the file, and its answers."""
    if not path.exists() or path.stat().st_size == 0:
        return ["ok"], []
    with closing(sqlite3.connect(path)) as connection:
        intact = [one for (one,) in connection.execute("PRAGMA integrity_check")]
        tables = connection.execute("SELECT name FROM sqlite_schema").fetchall()
        if ("answer",) not in tables:
            return intact, []
        query = "SELECT showing, said FROM answer ORDER BY number"
        return intact, connection.execute(query).fetchall()


if __name__ == "__main__":
    where, rounds, seed, kind = sys.argv[1:]
    random.seed(int(seed))
    found = []
    for _ in range(int(rounds)):
        if kind == "label":
            lines = labelled_until_killed(Path(where))
        else:
            lines = stored_until_killed(Path(where), kind)
        intact, rows = held(Path(where) / "study.db")
        found.append({"heard": lines, "intact": intact, "rows": rows})
    json.dump(found, sys.stdout)
