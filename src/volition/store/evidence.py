"""The evidence of a study: every question and answer, append-only, in one file."""

import dataclasses
import json
import math
import operator
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from volition.store import database
from volition.store.database import connect, inode_of, log_of, sentences
from volition.store.errors import InputError
from volition.store.migration import SECOND_ANSWER
from volition.store.seals import append


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
    """An answer is given to what has another answer that stands."""


FOLD_EVERY = 1.0  # s, between the times that the log is emptied into the file; ours
QUESTION = "source, same, kind, options, person, rule, predicted"
SAID = "showing, question, person, said, seconds, replaces, shown"


class Evidence:
    """The open file: what was asked and said, to be read and added to.

    Whatever a method that writes has returned from is on the disk, in the file that the
    path leads to. Several processes may have the same file open; in one process, one
    thread at a time uses it. When it is opened, every row is checked against its seal.
    One answer of a person to a question stands; the file itself sees to that. Where
    nothing can be written, it can be read.

    Args:
        path: `study.db`; an older version's is brought forward.
        make: whether to make it where it is missing.

    Raises:
        InputError: where it is missing and not to be made, damaged, locked for too
            long, or something else.

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
        self.path = Path(path)
        self._connection, self.read_only = connect(self.path, make=make)
        self._files = self._now_there()
        self._folded_in = -math.inf

    def __enter__(self) -> "Evidence":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the log beside it is folded in."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written inside is there, or nothing; may be inside another.

        Raises:
            InputError: where it cannot be written, or where the file was deleted or
                replaced since it was opened, so that nobody would find what is written.
        """
        if self._connection.in_transaction:
            yield
            return
        if self.read_only:
            raise InputError(
                f"{self.path} can only be read here, so nothing was written: give its "
                "folder the right to write, or copy the study to another."
            )
        self._check_there("nothing was written")
        try:
            self._rows("BEGIN IMMEDIATE")
            yield
            self._rows("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._rows("ROLLBACK")
            raise
        self._check_there("what was written last is lost")
        self._fold_in()

    def _fold_in(self) -> None:
        """Empty the log into the file, which then has it all by itself.

        At most once in `FOLD_EVERY`: a person's answers come more slowly, and it takes
        longer than the commit.
        """
        if time.monotonic() < self._folded_in + FOLD_EVERY:
            return
        self._folded_in = time.monotonic()
        execute = self._connection.execute
        # Another process may be reading, or the disk full: then all stays in the log,
        # which is on the disk, until the next time.
        with suppress(sqlite3.Error):
            execute("PRAGMA busy_timeout = 0")
            execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        with suppress(sqlite3.Error):
            execute(f"PRAGMA busy_timeout = {int(1000 * database.WAIT)}")

    def _now_there(self) -> list:
        """The files that the path and that of its log lead to."""
        return [inode_of(self.path), inode_of(log_of(self.path))]

    def _check_there(self, so: str) -> None:
        """That this is still the file that another program would open."""
        now = self._now_there()
        if self._files[1] is None:
            self._files[1] = now[1]  # the log is made when it is first needed
        if now != self._files:
            which = self.path if now[0] != self._files[0] else log_of(self.path)
            raise InputError(
                f"{which} was deleted or replaced while it was open, and {so}: put it "
                "back, keep other programs from the folder, and start again."
            )

    def _rows(self, query: str, values: tuple = ()) -> list[tuple]:
        with sentences(self.path):
            return self._connection.execute(query, values).fetchall()

    def _append(self, table: str, *values: object) -> int:
        with self.transaction(), sentences(self.path):
            return append(self._connection, table, *values)

    def begin(self, settings: dict[str, Any]) -> None:
        """Keep what a study's configuration says when it begins.

        Raises:
            InputError: where that was kept before.
        """
        with self.transaction():
            if self.settings() is not None:
                raise InputError(f"{self.path} has begun: give another folder.")
            self._append("study", _text(settings))

    def settings(self) -> dict[str, Any] | None:
        """What the configuration said when the study began; None: not known."""
        rows = self._rows("SELECT settings FROM study")
        return self._value(rows[0][0], "the settings") if rows else None

    def person(self, name: str) -> int:
        """The number of a person, who is new where the name is.

        Raises:
            InputError: where the name is empty, or cannot be written.
        """
        if not isinstance(name, str) or not name.strip() or "\0" in name:
            raise InputError(f"{name!r} is no name of a person: say who answers.")
        query = "SELECT number FROM person WHERE name = ?"
        found = self._rows(query, (name,))
        if found:
            return found[0][0]
        with self.transaction():
            found = self._rows(query, (name,))
            return found[0][0] if found else self._append("person", name)

    def add_clips(self, clips: Iterable[tuple[Any, Any | None]]) -> None:
        """Keep what questions can be made of.

        Args:
            clips: for each, how a question names it and what is needed to draw it,
                both as JSON values; None where the former says it all.
        """
        with self.transaction():
            for option, scene in clips:
                self._append("clip", _text(option), _text(scene))

    def clips(self) -> list[Any]:
        """How questions name what they can be made of, in order."""
        rows = self._rows("SELECT option, number FROM clip ORDER BY number")
        return [self._value(option, f"clip {number}") for option, number in rows]

    def scene(self, option: Any) -> Any | None:
        """What is needed to draw an option.

        Raises:
            KeyError: where no clip is named so.
        """
        query = "SELECT scene, number FROM clip WHERE option = ?"
        for scene, number in self._rows(query, (_text(option),)):
            return self._value(scene, f"clip {number}")
        raise KeyError(_text(option))

    def ask(self, question: Question, at: str | None = None) -> int:
        """Keep a question; returns its number.

        Args:
            question: what is asked.
            at: when, UTC; None where that is not known.

        Raises:
            InputError: where it cannot be kept.
        """
        person = question.person
        return self._append(
            "question",
            question.source,
            _whole(question.same, "the number of a question"),
            None if person is None else _whole(person, "the number of a person"),
            question.kind,
            _text(question.options),
            question.rule,
            _text(question.predicted),
            at,
        )

    def questions(self) -> dict[int, Question]:
        """Every question by its number, in the order in which they were asked."""
        rows = self._rows(f"SELECT number, {QUESTION} FROM question ORDER BY number")
        return {row[0]: self._question(*row) for row in rows}

    def _question(self, number: int, *row: Any) -> Question:
        source, same, kind, options, person, rule, predicted = row
        what = f"question {number}"
        return Question(
            source,
            same,
            kind,
            self._value(options, what),
            person=person,
            rule=rule,
            predicted=self._value(predicted, what),
        )

    def add(self, answer: Said, at: str | None = None) -> Stored:
        """Keep an answer; the same once more changes nothing.

        Args:
            answer: what was said.
            at: when, UTC; None where that is not known.

        Returns:
            The answer as it is stored, now or since before.

        Raises:
            Conflict: where the same showing was answered otherwise; where another
                answer of this person to the question stands, as after an answer in
                another window; where the answer that it replaces does not stand.
            InputError: where it cannot be kept.
        """
        seconds = _seconds(answer.seconds)
        replaces = answer.replaces
        row = (
            answer.showing,
            _whole(answer.question, "the number of a question"),
            _whole(answer.person, "the number of a person"),
            _text(answer.said),
            seconds,
            None if replaces is None else _whole(replaces, "the number of an answer"),
            _text(answer.shown),
        )
        query = f"SELECT number, at, {SAID} FROM answer WHERE showing = ?"
        with self.transaction():
            known = self._rows(query, (answer.showing,))
            if not known:
                self._check_fits(answer)
                self._append("answer", *row[:5], at, *row[5:])
                known = self._rows(query, (answer.showing,))
        if known[0][2:] != row:
            raise Conflict(
                f"the showing {answer.showing} was answered before, otherwise: take "
                "that answer back and show the question again."
            )
        return self._stored(*known[0])

    def _check_fits(self, answer: Said) -> None:
        """Say why the tables would refuse an answer."""
        one, of = "SELECT 1 FROM question WHERE number = ?", (answer.question,)
        if not self._rows(one, of):
            raise InputError(
                f"{self.path} has no question {answer.question}: ask it first."
            )
        if answer.replaces is not None:
            query = (
                "SELECT 1 FROM standing WHERE number = ? AND question = ? "
                "AND person = ?"
            )
            if not self._rows(query, (answer.replaces, *of, answer.person)):
                raise Conflict(
                    f"answer {answer.replaces} does not stand any more, or is not of "
                    "this person and question, so it cannot be taken back: look again "
                    "at what stands."
                )
        if answer.said is not None and answer.person >= 0:
            query = (
                "SELECT number FROM answer AS one WHERE question = ? AND person = ? "
                "AND said IS NOT NULL AND number IS NOT ? AND NOT EXISTS "
                "(SELECT 1 FROM answer WHERE replaces = one.number)"
            )
            for (number,) in self._rows(query, (*of, answer.person, answer.replaces)):
                raise Conflict(
                    f"question {answer.question} has been answered by the same person, "
                    f"perhaps in another window (answer {number}), and that answer "
                    "stands: go on, or take it back first."
                )

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
        return self.add(undone, now())

    def answers(self) -> list[Stored]:
        """Every answer ever given or taken back, in order."""
        return self._answers("answer")

    def standing(self) -> list[Stored]:
        """The answers that were not taken back, in the order in which they came."""
        return self._answers("standing")

    def second_answers(self) -> list[Stored]:
        """Answers that an older version let stand beside one that was given before.

        They do not stand any more, and are on record: when the file was brought
        forward, a row was added that takes each back.
        """
        every = {each.number: each for each in self.answers()}
        return [
            every[each.answer.replaces]
            for each in every.values()
            if each.answer.shown == SECOND_ANSWER and each.answer.replaces in every
        ]

    def _answers(self, table: str) -> list[Stored]:
        rows = self._rows(f"SELECT number, at, {SAID} FROM {table} ORDER BY number")
        return [self._stored(*row) for row in rows]

    def _stored(self, number: int, at: str | None, *row: Any) -> Stored:
        showing, question, person, said, seconds, replaces, shown = row
        what = f"answer {number}"
        answer = Said(
            showing,
            question,
            person,
            self._value(said, what),
            seconds=seconds,
            replaces=replaces,
            shown=self._value(shown, what),
        )
        return Stored(number, at, answer)

    def _value(self, text: str | None, what: str) -> Any:
        try:
            return None if text is None else json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{self.path} has something else than JSON in {what} ({error}): put a "
                "copy back, or give another folder."
            ) from error


def now() -> str:
    """The present, UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _text(value: Any | None) -> str | None:
    try:
        return None if value is None else json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"this cannot be kept as JSON ({error}): give finite numbers, strings, "
            "lists and dicts."
        ) from error


def _whole(value: Any, what: str) -> int:
    try:
        return operator.index(value)
    except TypeError as error:
        raise InputError(f"{what} is a whole number, not {value!r}.") from error


def _seconds(value: Any) -> float | None:
    """As they are kept: NaN would come back as not known."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"seconds are a number or None, not {value!r}.") from error
    if not math.isfinite(seconds):
        raise InputError(f"seconds = {seconds} are not finite: give None: not known.")
    return seconds
