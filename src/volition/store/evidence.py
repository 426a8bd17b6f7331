"""The evidence of a study: every answer, append-only, in one SQLite file."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from volition.env import FiniteMDP
from volition.feedback import Comparison, follow
from volition.store.errors import InputError

SCHEMA = """
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
COLUMNS = "source, kind, person, question, options, choice, seconds"
Row = tuple[str, str, int, int, str, int, float | None]


def rows_of(source: str, answers: Comparison) -> list[Row]:
    """The rows that a batch of comparisons of paths in a finite world makes.

    Args:
        source: the group of people.
        answers: a batch `[answer]`.
    """
    transition = answers.options.transition
    starts = np.asarray(transition.state.index)[:, :, 0].tolist()
    actions = np.asarray(transition.action).tolist()
    seconds = np.asarray(answers.seconds).tolist()
    rows: list[Row] = []
    for number, choice in enumerate(np.asarray(answers.choice).tolist()):
        options = [
            {"start": start, "actions": taken}
            for start, taken in zip(starts[number], actions[number], strict=True)
        ]
        known = seconds[number] == seconds[number]  # not NaN
        rows.append(
            (
                source,
                "comparison",
                int(np.asarray(answers.person)[number]),
                int(np.asarray(answers.question)[number]),
                json.dumps(options),
                choice,
                seconds[number] if known else None,
            )
        )
    return rows


def write_evidence(path: Path, rows: list[Row]) -> None:
    """Begin a study's evidence, or check that it is what is there already.

    Args:
        path: `study.db`; made in one transaction where it is missing.
        rows: all answers, in order.

    Raises:
        InputError: where the file holds other answers.
    """
    # An interrupted run leaves an empty file: SQLite makes it before the transaction.
    if path.exists() and path.stat().st_size > 0:
        if _rows(path) != rows:
            raise InputError(
                f"{path} holds other answers: evidence is never overwritten, so give "
                "--out another folder."
            )
        return
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript("BEGIN;" + SCHEMA)
        connection.executemany(
            f"INSERT INTO answer ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", rows
        )


def read_evidence(path: Path, world: FiniteMDP) -> dict[str, Comparison]:
    """The answers of each source.

    Args:
        path: `study.db`.
        world: the deterministic world that the paths are from.

    Raises:
        InputError: where the file is no evidence.
    """
    batches: dict[str, list[Row]] = {}
    for row in _rows(path):
        batches.setdefault(row[0], []).append(row)
    return {source: _comparisons(rows, world) for source, rows in batches.items()}


def _rows(path: Path) -> list[Row]:
    try:
        uri = f"{path.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            query = f"SELECT {COLUMNS} FROM answer ORDER BY number"
            return connection.execute(query).fetchall()
    except sqlite3.Error as error:
        raise InputError(
            f"{path} is not a study's evidence ({error}): give another folder."
        ) from error


def _comparisons(rows: list[Row], world: FiniteMDP) -> Comparison:
    _, _, person, question, options, choice, seconds = zip(*rows, strict=True)
    paths = [json.loads(each) for each in options]
    starts = np.array([[option["start"] for option in each] for each in paths])
    actions = np.array([[option["actions"] for option in each] for each in paths])
    each = jax.vmap(jax.vmap(follow, (None, 0, 0)), (None, 0, 0))
    return Comparison(
        options=jax.jit(each)(world, jnp.asarray(starts), jnp.asarray(actions)),
        choice=jnp.asarray(choice, dtype=jnp.int32),
        person=jnp.asarray(person, dtype=jnp.int32),
        question=jnp.asarray(question, dtype=jnp.int32),
        seconds=jnp.asarray(
            [jnp.nan if each is None else each for each in seconds], dtype=float
        ),
    )
