"""Evidence of older versions, brought forward: every question and answer is kept.

Version 1 had one table, of comparisons, and wrote no `user_version`. Version 2 had the
tables of today without seals, and one person could have two standing answers to one
question (two terminals). Of those the first stands, as it does today; the others stay
on record, each with a row that takes it back and says why.
"""

import itertools
import json
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

from volition.store.schema import COLUMNS, make_tables
from volition.store.seals import Damaged, append, verify_pages

RECORDED = "recorded"  # the rule of questions that others have asked
SECOND_ANSWER = {
    "by": "migration to version 3",
    "why": "this person had answered the question before",
}
WORDS_1 = ("first", "second", "tie", "cannot tell")
# Where JSON is kept, which is read once before it is sealed.
JSON_COLUMNS = {
    "clip": ("option", "scene"),
    "question": ("options", "predicted"),
    "answer": ("said", "shown"),
}

Tables = dict[str, list[tuple]]  # rows with their number, in order
Row2 = dict[str, Any]


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Bring a file forward, inside a transaction: the caller commits or rolls back.

    Raises:
        Damaged: where the file is not what it should be.
        sqlite3.Error: where it cannot be read or written.
    """
    tables = read_older(connection, version)
    _drop_all(connection)

    def fill() -> None:
        for table, rows in tables.items():
            for number, *values in rows:
                append(connection, table, *values, number=number)

    make_tables(connection, fill=fill)


def read_older(connection: sqlite3.Connection, version: int) -> Tables:
    """The rows that an older version's file has today; changes nothing.

    Raises:
        Damaged: where the file is not what it should be.
        sqlite3.Error: where it cannot be read.
    """
    verify_pages(connection)
    tables = READERS[version](connection)
    _check_json(tables)
    return tables


def _read_1(connection: sqlite3.Connection) -> Tables:
    query = (
        "SELECT number, source, kind, person, question, options, choice, seconds "
        "FROM answer ORDER BY number"
    )
    asked: dict[tuple, int] = {}
    n_answers: dict[str, int] = {}
    times: dict[tuple, int] = {}
    questions: list[tuple] = []
    answers: list[tuple] = []
    for number, source, kind, person, same, options, choice, seconds in list(
        connection.execute(query)
    ):
        one = (source, same, kind, options)
        time = times[*one, person] = times.get((*one, person), -1) + 1
        # Who is not known may be anybody, each time.
        key = (*one, time if person >= 0 else 0)
        if key not in asked:
            asked[key] = len(asked) + 1
            row = (source, same, None, kind, options, RECORDED, None, None)
            questions.append((asked[key], *row))
        n_answers[source] = n_answers.get(source, 0) + 1
        said = json.dumps({"choice": WORDS_1[choice]})
        showing = f"{source}/{n_answers[source]}"
        row = (showing, asked[key], person, said, seconds, None, None, "{}")
        answers.append((number, *row))
    return {"question": questions, "answer": answers}


def _read_2(connection: sqlite3.Connection) -> Tables:
    tables = {}
    for table in ("person", "clip", "question", "answer"):
        names = ", ".join(("number", *COLUMNS[table]))
        query = f"SELECT {names} FROM {table} ORDER BY number"
        tables[table] = connection.execute(query).fetchall()
    questions = [dict(_named("question", row)) for row in tables["question"]]
    answers = [dict(_named("answer", row)) for row in tables["answer"]]
    _ask_again(questions, answers)
    answers += _take_back(answers)
    tables["question"] = [tuple(row.values()) for row in questions]
    tables["answer"] = [tuple(row.values()) for row in answers]
    return tables


def _named(table: str, row: tuple) -> Iterator[tuple[str, object]]:
    return zip(("number", *COLUMNS[table]), row, strict=True)


def _second(answers: list[Row2]) -> Iterator[Row2]:
    """Standing answers of a person who gave one before that stands, too."""
    replaced = {row["replaces"] for row in answers}
    stands: set[tuple] = set()
    for row in answers:
        key = (row["question"], row["person"])
        known = row["person"] != -1
        if known and row["said"] is not None and row["number"] not in replaced:
            if key in stands:
                yield row
            stands.add(key)


def _ask_again(questions: list[Row2], answers: list[Row2]) -> None:
    """A recorded question that one person answered twice was put to them twice."""
    recorded = {row["number"]: row for row in questions if row["rule"] == RECORDED}
    made: dict[tuple, int] = {}
    times: dict[tuple, int] = {}
    last_question = max((row["number"] for row in questions), default=0)
    for row in list(_second(answers)):
        question = row["question"]
        if question not in recorded or row["replaces"] is not None:
            continue
        person = (question, row["person"])
        time = times[person] = times.get(person, 0) + 1
        if (question, time) not in made:
            number = last_question = last_question + 1
            made[question, time] = number
            questions.append(recorded[question] | {"number": number})
        row["question"] = made[question, time]


def _take_back(answers: list[Row2]) -> list[Row2]:
    showings = {row["showing"] for row in answers}
    last = max((row["number"] for row in answers), default=0)
    free = (f"migration/{n}" for n in itertools.count(1))
    return [
        {
            "number": last + place,
            "showing": next(name for name in free if name not in showings),
            "question": row["question"],
            "person": row["person"],
            "said": None,
            "seconds": None,
            "at": None,
            "replaces": row["number"],
            "shown": json.dumps(SECOND_ANSWER),
        }
        for place, row in enumerate(_second(answers), start=1)
    ]


def _check_json(tables: Tables) -> None:
    for table, names in JSON_COLUMNS.items():
        for row in tables.get(table, []):
            values = dict(_named(table, row))
            for name in names:
                text = values[name]
                try:
                    if text is not None:
                        json.loads(str(text))
                except (ValueError, RecursionError) as error:
                    raise Damaged(
                        f"the {name} of {table} {row[0]} is no JSON"
                    ) from error


def _drop_all(connection: sqlite3.Connection) -> None:
    """Remove what the older version made, when all of it has been read."""
    query = "SELECT type, name FROM sqlite_schema WHERE sql IS NOT NULL"
    found = connection.execute(query).fetchall()
    # What others rest on goes last: answers name questions.
    for kind in ("trigger", "view", "index", "table"):
        for name in sorted(name for its_kind, name in found if its_kind == kind):
            if not name.startswith("sqlite_"):
                connection.execute(f'DROP {kind} "{name}"')


READERS: dict[int, Callable[[sqlite3.Connection], Tables]] = {1: _read_1, 2: _read_2}
