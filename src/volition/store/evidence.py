"""The evidence of a study: every question and answer, append-only, in one file."""

import dataclasses
import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from volition.store.errors import InputError
from volition.store.schema import connect


@dataclasses.dataclass(frozen=True)
class Question:
    """What is asked; the values in it are JSON's.

    Args:
        source: the group of people.
        same: equal numbers of one source mean the same question, whatever the order of
            its options.
        kind: what can be answered, such as "comparison".
        options: in the order shown.
        person: number of whom it is put to; None for anybody.
        rule: by which it was chosen.
        predicted: probability of each answer when it was; None where nobody knew.
    """

    source: str
    same: int
    kind: str
    options: list
    _: dataclasses.KW_ONLY
    person: int | None = None
    rule: str
    predicted: list[float] | None = None


@dataclasses.dataclass(frozen=True)
class Said:
    """What a person said to a question; the values in it are JSON's.

    Args:
        showing: made by who showed the question, unique: each showing counts once.
        question: number of the question.
        person: number of who answered; -1 where that is not known.
        said: such as `{"choice": "first"}`; None takes back the answer it replaces.
        seconds: from the showing on; None where that is not known.
        replaces: number of the answer that this one takes the place of.
        shown: by what program, and how.
    """

    showing: str
    question: int
    person: int
    said: dict[str, Any] | None
    _: dataclasses.KW_ONLY
    seconds: float | None = None
    replaces: int | None = None
    shown: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Stored:
    """An answer as it is stored: its number, and when it came, UTC."""

    number: int
    at: str | None
    answer: Said


class Conflict(InputError):
    """A showing that was answered is answered again, otherwise."""


QUESTION = "source, same, kind, options, person, rule, predicted"
SAID = "showing, question, person, said, seconds, replaces, shown"


class Evidence:
    """The open file: what was asked and said, to be read and added to.

    Whatever a method that writes has returned from is on the disk. Several processes
    may have the same file open; in one process, one thread at a time uses it.

    Args:
        path: `study.db`; an older version's is brought forward.
        make: whether to make it where it is missing.

    Raises:
        InputError: where it is missing and not to be made, or is something else.

    Example:
        >>> import tempfile
        >>> with (
        ...     tempfile.TemporaryDirectory() as folder,
        ...     Evidence(Path(folder) / "study.db", make=True) as evidence,
        ... ):
        ...     asked = evidence.ask(
        ...         Question("us", 0, "comparison", ["tea", "coffee"], rule="by hand")
        ...     )
        ...     me = evidence.person("me")
        ...     kept = evidence.add(Said("one", asked, me, {"choice": "first"}))
        ...     again = evidence.add(Said("one", asked, me, {"choice": "first"}))
        ...     kept == again, [each.answer.said for each in evidence.standing()]
        (True, [{'choice': 'first'}])
    """

    def __init__(self, path: Path, *, make: bool = False):
        self.path = path
        self._connection = connect(path, make=make)

    def __enter__(self) -> "Evidence":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the log beside it is folded in."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written inside is there, or nothing; may be inside another."""
        if self._connection.in_transaction:
            yield
            return
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield
            self._connection.execute("COMMIT")
        except BaseException as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.OperationalError):
                raise InputError(
                    f"{self.path} cannot be written ({error}), and nothing was: see "
                    "to that and answer again."
                ) from error
            raise

    def person(self, name: str) -> int:
        """The number of a person, who is new where the name is."""
        with self.transaction():
            query = "SELECT number FROM person WHERE name = ?"
            found = self._connection.execute(query, (name,)).fetchone()
            if found is None:
                insert = "INSERT INTO person (name) VALUES (?) RETURNING number"
                found = self._connection.execute(insert, (name,)).fetchone()
        return found[0]

    def add_clips(self, clips: Iterable[tuple[Any, Any | None]]) -> None:
        """Keep what questions can be made of.

        Args:
            clips: for each, how a question names it and what is needed to draw it,
                both as JSON values; None where the former says it all.
        """
        insert = "INSERT INTO clip (option, scene) VALUES (?, ?)"
        with self.transaction():
            self._connection.executemany(
                insert, [(_text(option), _text(scene)) for option, scene in clips]
            )

    def clips(self) -> list[Any]:
        """How questions name what they can be made of, in order."""
        rows = self._connection.execute("SELECT option FROM clip ORDER BY number")
        return [json.loads(option) for (option,) in rows]

    def scene(self, option: Any) -> Any | None:
        """What is needed to draw an option.

        Raises:
            KeyError: where no clip is named so.
        """
        query = "SELECT scene FROM clip WHERE option = ?"
        found = self._connection.execute(query, (_text(option),)).fetchone()
        if found is None:
            raise KeyError(_text(option))
        return _value(found[0])

    def ask(self, question: Question, at: str | None = None) -> int:
        """Keep a question; returns its number.

        Args:
            question: what is asked.
            at: when, UTC; None where that is not known.
        """
        row = (
            question.source,
            question.same,
            question.kind,
            _text(question.options),
            question.person,
            question.rule,
            _text(question.predicted),
        )
        insert = f"INSERT INTO question (at, {QUESTION}) VALUES (?, {_marks(row)})"
        with self.transaction():
            number = self._connection.execute(insert, (at, *row)).lastrowid
        assert number is not None
        return number

    def questions(self) -> dict[int, Question]:
        """Every question by its number, in the order in which they were asked."""
        query = f"SELECT number, {QUESTION} FROM question ORDER BY number"
        return {row[0]: _question(row[1:]) for row in self._connection.execute(query)}

    def add(self, answer: Said, at: str | None = None) -> Stored:
        """Keep an answer; the same once more changes nothing.

        Args:
            answer: what was said.
            at: when, UTC; None where that is not known.

        Returns:
            The answer as it is stored, now or since before.

        Raises:
            Conflict: where the same showing was answered otherwise.
            InputError: where it cannot be kept.
        """
        row = (
            answer.showing,
            answer.question,
            answer.person,
            _text(answer.said),
            answer.seconds,
            answer.replaces,
            _text(answer.shown),
        )
        query = f"SELECT number, at, {SAID} FROM answer WHERE showing = ?"
        insert = f"INSERT INTO answer (at, {SAID}) VALUES (?, {_marks(row)})"
        with self.transaction():
            known = self._connection.execute(query, (answer.showing,)).fetchone()
            if known is None:
                self._connection.execute(insert, (at, *row))
                known = self._connection.execute(query, (answer.showing,)).fetchone()
        if known[2:] != row:
            raise Conflict(
                f"the showing {answer.showing} was answered before, otherwise: take "
                "that answer back and show the question again."
            )
        return _stored(known)

    def take_back(self, stored: Stored, showing: str) -> Stored:
        """Undo an answer: a further row says so, and the answer stays on record.

        Args:
            stored: the answer.
            showing: made by who asks for it, unique; the same once more changes
                nothing.

        Raises:
            Conflict: where the answer does not stand any more.
        """
        old = stored.answer
        undone = Said(showing, old.question, old.person, None, replaces=stored.number)
        try:
            return self.add(undone, now())
        except sqlite3.IntegrityError as error:
            raise Conflict(
                f"answer {stored.number} does not stand any more, so it cannot be "
                "taken back: look again at what does."
            ) from error

    def answers(self) -> list[Stored]:
        """Every answer ever given or taken back, in order."""
        return self._answers("answer")

    def standing(self) -> list[Stored]:
        """The answers that were not taken back, in the order in which they came."""
        return self._answers("standing")

    def _answers(self, table: str) -> list[Stored]:
        query = f"SELECT number, at, {SAID} FROM {table} ORDER BY number"
        return [_stored(row) for row in self._connection.execute(query)]


def now() -> str:
    """The present, UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _text(value: Any | None) -> str | None:
    return None if value is None else json.dumps(value, allow_nan=False)


def _value(text: str | None) -> Any | None:
    return None if text is None else json.loads(text)


def _marks(row: tuple) -> str:
    return ", ".join("?" * len(row))


def _question(row: tuple) -> Question:
    source, same, kind, options, person, rule, predicted = row
    return Question(
        source,
        same,
        kind,
        json.loads(options),
        person=person,
        rule=rule,
        predicted=_value(predicted),
    )


def _stored(row: tuple) -> Stored:
    number, at, showing, question, person, said, seconds, replaces, shown = row
    answer = Said(
        showing,
        question,
        person,
        _value(said),
        seconds=seconds,
        replaces=replaces,
        shown=json.loads(shown),
    )
    return Stored(number, at, answer)
