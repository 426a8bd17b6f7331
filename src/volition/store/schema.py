"""The tables of a study's evidence, and how older files are brought forward."""

import sqlite3
from pathlib import Path

from volition.store.errors import InputError

VERSION = 2  # of the tables, kept in the file's `user_version`
WAIT = 10.0  # s, for another process to finish writing

TABLES = """
CREATE TABLE person (
    number    INTEGER PRIMARY KEY,
    name      TEXT NOT NULL UNIQUE  -- as they call themselves
) STRICT;
CREATE TABLE clip (                 -- what questions can be made of
    number    INTEGER PRIMARY KEY,
    option    TEXT NOT NULL UNIQUE, -- JSON: how a question names it
    scene     TEXT                  -- JSON, to draw it; NULL: the option says it all
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
    at        TEXT                  -- UTC; NULL: not known
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
    CHECK (said IS NOT NULL OR replaces IS NOT NULL)
) STRICT;
CREATE INDEX answers_of_question ON answer (question);
CREATE VIEW standing AS             -- the answers that nobody has taken back
SELECT * FROM answer WHERE said IS NOT NULL
AND number NOT IN (SELECT replaces FROM answer WHERE replaces IS NOT NULL);

CREATE TRIGGER answer_replaces_its_like BEFORE INSERT ON answer
WHEN NEW.replaces IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM standing
    WHERE number = NEW.replaces AND question = NEW.question AND person = NEW.person)
BEGIN SELECT RAISE(ABORT, 'only a standing answer of one''s own is replaced'); END;
""" + "".join(
    # REPLACE fires no delete, hence the third; UNIQUE columns are replaced by, too.
    f"""
CREATE TRIGGER {table}_stays BEFORE UPDATE ON {table}
BEGIN SELECT RAISE(ABORT, '{table}s are append-only'); END;
CREATE TRIGGER {table}_remains BEFORE DELETE ON {table}
BEGIN SELECT RAISE(ABORT, '{table}s are append-only'); END;
CREATE TRIGGER {table}_is_new BEFORE INSERT ON {table}
WHEN EXISTS (SELECT 1 FROM {table} WHERE {clash})
BEGIN SELECT RAISE(ABORT, '{table}s are append-only'); END;
"""
    for table, clash in {
        "person": "number = NEW.number OR name = NEW.name",
        "clip": "number = NEW.number OR option = NEW.option",
        "question": "number = NEW.number",
        "answer": "number = NEW.number OR showing = NEW.showing "
        "OR replaces = NEW.replaces",
    }.items()
)

# The first version had one table, of comparisons, and wrote no `user_version`.
FROM_1_TO_2 = (
    "DROP TRIGGER answer_stays; DROP TRIGGER answer_remains;"
    "DROP TRIGGER answer_is_new; ALTER TABLE answer RENAME TO before;"
    + TABLES
    + """
INSERT INTO question (source, same, kind, options, rule)
SELECT source, question, kind, options, 'recorded' FROM before
GROUP BY source, question, kind, options ORDER BY MIN(number);
INSERT INTO answer (number, showing, question, person, said, seconds, shown)
SELECT before.number,
    before.source || '/' ||
        row_number() OVER (PARTITION BY before.source ORDER BY before.number),
    question.number, before.person,
    '{"choice": "' || CASE before.choice WHEN 0 THEN 'first' WHEN 1 THEN 'second'
        WHEN 2 THEN 'tie' ELSE 'cannot tell' END || '"}',
    before.seconds, '{}'
FROM before JOIN question ON question.source = before.source
    AND question.same = before.question AND question.options = before.options
ORDER BY before.number;
DROP TABLE before;
"""
)


def connect(path: Path, *, make: bool) -> sqlite3.Connection:
    """Open a study's evidence, an older version's brought forward in one transaction.

    A transaction is on the disk when its commit returns, whatever is killed or loses
    its power afterwards: a write-ahead log (WAL) that is synchronised at each commit.

    Args:
        path: `study.db`.
        make: whether to make the tables where there is no file, or an empty one.

    Raises:
        InputError: where the file is missing and not to be made, or is something else.
    """
    try:
        uri = f"{path.resolve().as_uri()}?mode={'rwc' if make else 'rw'}"
        connection = sqlite3.connect(
            uri, uri=True, timeout=WAIT, isolation_level=None, check_same_thread=False
        )
        try:
            _prepare(connection, path, make)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise InputError(
            f"{path} is not a study's evidence ({error}): give another folder."
        ) from error
    return connection


def _prepare(connection: sqlite3.Connection, path: Path, make: bool) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    version = _version(connection, path)
    if version == VERSION:
        _be_durable(connection)
        return
    if version == 0 and not make:
        raise sqlite3.DatabaseError("it is empty")
    _be_durable(connection)
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have been first.
        version = _version(connection, path)
        script = {0: TABLES, 1: FROM_1_TO_2, VERSION: ""}[version]
        for statement in _statements(script):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _be_durable(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """Of the tables: 0 where there are none."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    query = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
    tables = [name for (name,) in connection.execute(query)]
    if version > VERSION:
        raise InputError(
            f"{path} was made by a newer Volition, which keeps tables of version "
            f"{version} where this one knows {VERSION}: install the newer one."
        )
    if version == 0 and not tables:
        return 0
    if version == 0 and tables == ["answer"]:
        return 1
    if version != VERSION or tables != ["answer", "clip", "person", "question"]:
        raise sqlite3.DatabaseError("it has other tables")
    return version


def _statements(script: str) -> list[str]:
    """One by one: `executescript` would commit what is under way."""
    found, statement = [], ""
    for part in script.split(";"):
        statement += part + ";"
        if sqlite3.complete_statement(statement):
            found.append(statement)
            statement = ""
    return found
