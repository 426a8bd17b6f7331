"""The tables of a study's evidence."""

import sqlite3
from collections.abc import Callable

ONE_STANDS = "answer_stands_alone"  # the trigger below
VERSION = 3  # of the tables, kept in the file's `user_version`

TABLES = """
CREATE TABLE study (                -- what study.toml said when the study began
    number    INTEGER PRIMARY KEY CHECK (number = 1),
    settings  TEXT NOT NULL CHECK (json_valid(settings)),
    seal      TEXT NOT NULL UNIQUE  -- see `seals.py`; likewise in each table
) STRICT;
CREATE TABLE person (
    number    INTEGER PRIMARY KEY,
    name      TEXT NOT NULL UNIQUE, -- as they call themselves
    seal      TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE clip (                 -- what questions can be made of
    number    INTEGER PRIMARY KEY,
    option    TEXT NOT NULL UNIQUE, -- JSON: how a question names it
    scene     TEXT,                 -- JSON, to draw it; NULL: the option says it all
    seal      TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE question (             -- what was asked, each time that it was asked anew
    number    INTEGER PRIMARY KEY,  -- in the order in which they were asked
    source    TEXT NOT NULL,        -- the group of people
    same      INTEGER NOT NULL,     -- equal numbers of one source: the same question
    person    INTEGER,              -- to whom it was put; NULL: to anybody
    kind      TEXT NOT NULL,        -- what can be answered: comparison, ranking, ...
    options   TEXT NOT NULL CHECK (json_valid(options)),  -- in the order shown
    rule      TEXT NOT NULL,        -- by which it was chosen
    predicted TEXT CHECK (predicted IS NULL OR json_valid(predicted)),  -- JSON:
                                    -- probability of each answer; NULL: not known
    at        TEXT,                 -- UTC; NULL: not known
    seal      TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE answer (
    number    INTEGER PRIMARY KEY,  -- in the order in which they were given
    showing   TEXT NOT NULL UNIQUE, -- made by who showed the question: each counts once
    question  INTEGER NOT NULL REFERENCES question (number),
    person    INTEGER NOT NULL,     -- -1: not known
    said      TEXT CHECK (said IS NULL OR json_valid(said)),  -- JSON; NULL: takes back
    seconds   REAL,                 -- from the showing on; NULL: not known
    at        TEXT,                 -- UTC; NULL: not known
    replaces  INTEGER UNIQUE REFERENCES answer (number),  -- the one taken back
    shown     TEXT NOT NULL CHECK (json_valid(shown)),  -- JSON: by what, and how
    seal      TEXT NOT NULL UNIQUE,
    CHECK (said IS NOT NULL OR replaces IS NOT NULL)
) STRICT;
CREATE INDEX answers_of_question ON answer (question, person);
CREATE VIEW standing AS             -- the answers that nobody has taken back
SELECT * FROM answer WHERE said IS NOT NULL
AND number NOT IN (SELECT replaces FROM answer WHERE replaces IS NOT NULL);

CREATE TRIGGER answer_replaces_its_like BEFORE INSERT ON answer
WHEN NEW.replaces IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM standing
    WHERE number = NEW.replaces AND question = NEW.question AND person = NEW.person)
BEGIN SELECT RAISE(ABORT, 'only a standing answer of one''s own is replaced'); END;
CREATE TRIGGER answer_stands_alone BEFORE INSERT ON answer
WHEN NEW.said IS NOT NULL AND NEW.person >= 0 AND EXISTS (
    SELECT 1 FROM answer AS other
    WHERE other.question = NEW.question AND other.person = NEW.person
    AND other.said IS NOT NULL AND other.number IS NOT NEW.replaces
    AND NOT EXISTS (SELECT 1 FROM answer WHERE replaces = other.number))
BEGIN SELECT RAISE(ABORT, 'one answer of a person to a question stands'); END;
""" + "".join(
    # REPLACE fires no delete, hence the third; UNIQUE columns are replaced by, too.
    f"""
CREATE TRIGGER {table}_stays BEFORE UPDATE ON {table}
BEGIN SELECT RAISE(ABORT, '{plural} are append-only'); END;
CREATE TRIGGER {table}_remains BEFORE DELETE ON {table}
BEGIN SELECT RAISE(ABORT, '{plural} are append-only'); END;
CREATE TRIGGER {table}_is_new BEFORE INSERT ON {table}
WHEN EXISTS (SELECT 1 FROM {table} WHERE {clash})
BEGIN SELECT RAISE(ABORT, '{plural} are append-only'); END;
"""
    for table, plural, clash in (
        ("study", "settings", "number = NEW.number OR seal = NEW.seal"),
        (
            "person",
            "persons",
            "number = NEW.number OR name = NEW.name OR seal = NEW.seal",
        ),
        (
            "clip",
            "clips",
            "number = NEW.number OR option = NEW.option OR seal = NEW.seal",
        ),
        ("question", "questions", "number = NEW.number OR seal = NEW.seal"),
        (
            "answer",
            "answers",
            "number = NEW.number OR showing = NEW.showing "
            "OR replaces = NEW.replaces OR seal = NEW.seal",
        ),
    )
)

# What a seal is computed of, in this order, behind the number.
COLUMNS = {
    "study": ("settings",),
    "person": ("name",),
    "clip": ("option", "scene"),
    "question": (
        *("source", "same", "person", "kind", "options", "rule", "predicted", "at"),
    ),
    "answer": (
        *("showing", "question", "person", "said", "seconds", "at"),
        *("replaces", "shown"),
    ),
}


def statements(script: str) -> list[str]:
    """One by one: `executescript` would commit what is under way."""
    found, statement = [], ""
    for part in script.split(";"):
        statement += part + ";"
        if sqlite3.complete_statement(statement):
            found.append(statement)
            statement = ""
    return found


def make_tables(
    connection: sqlite3.Connection, *, fill: Callable[[], None] | None = None
) -> None:
    """Make all tables in a file that has none; inside a transaction.

    Args:
        connection: in a transaction.
        fill: called to fill them, before the one rule holds that older files break.
    """
    script = statements(TABLES)
    late = [each for each in script if f"TRIGGER {ONE_STANDS} " in each]
    for statement in script:
        if statement not in late:
            connection.execute(statement)
    if fill is not None:
        fill()
    for statement in late:
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {VERSION}")


def objects_of(connection: sqlite3.Connection) -> dict[str, str]:
    """Every table, index, view and trigger of a file, and how it was made."""
    query = "SELECT type || ' ' || name, sql FROM sqlite_schema WHERE sql IS NOT NULL"
    return {
        name: text
        for name, text in connection.execute(query)
        # What ANALYZE leaves.
        if not name.startswith("table sqlite_stat")
    }
