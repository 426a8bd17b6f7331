"""Files of version 2 of the tables, as that version wrote them."""

import sqlite3
from contextlib import closing
from pathlib import Path

TABLES_2 = """
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

CREATE TRIGGER person_stays BEFORE UPDATE ON person
BEGIN SELECT RAISE(ABORT, 'persons are append-only'); END;
CREATE TRIGGER person_remains BEFORE DELETE ON person
BEGIN SELECT RAISE(ABORT, 'persons are append-only'); END;
CREATE TRIGGER person_is_new BEFORE INSERT ON person
WHEN EXISTS (SELECT 1 FROM person WHERE number = NEW.number OR name = NEW.name)
BEGIN SELECT RAISE(ABORT, 'persons are append-only'); END;

CREATE TRIGGER clip_stays BEFORE UPDATE ON clip
BEGIN SELECT RAISE(ABORT, 'clips are append-only'); END;
CREATE TRIGGER clip_remains BEFORE DELETE ON clip
BEGIN SELECT RAISE(ABORT, 'clips are append-only'); END;
CREATE TRIGGER clip_is_new BEFORE INSERT ON clip
WHEN EXISTS (SELECT 1 FROM clip WHERE number = NEW.number OR option = NEW.option)
BEGIN SELECT RAISE(ABORT, 'clips are append-only'); END;

CREATE TRIGGER question_stays BEFORE UPDATE ON question
BEGIN SELECT RAISE(ABORT, 'questions are append-only'); END;
CREATE TRIGGER question_remains BEFORE DELETE ON question
BEGIN SELECT RAISE(ABORT, 'questions are append-only'); END;
CREATE TRIGGER question_is_new BEFORE INSERT ON question
WHEN EXISTS (SELECT 1 FROM question WHERE number = NEW.number)
BEGIN SELECT RAISE(ABORT, 'questions are append-only'); END;

CREATE TRIGGER answer_stays BEFORE UPDATE ON answer
BEGIN SELECT RAISE(ABORT, 'answers are append-only'); END;
CREATE TRIGGER answer_remains BEFORE DELETE ON answer
BEGIN SELECT RAISE(ABORT, 'answers are append-only'); END;
CREATE TRIGGER answer_is_new BEFORE INSERT ON answer
WHEN EXISTS (SELECT 1 FROM answer WHERE number = NEW.number OR showing = NEW.showing
    OR replaces = NEW.replaces)
BEGIN SELECT RAISE(ABORT, 'answers are append-only'); END;
"""

COLUMNS = {
    "person": 2,
    "clip": 3,
    "question": 9,
    "answer": 9,
}


def write_version_2(path: Path, **rows: list[tuple]) -> None:
    """A file of version 2.

    Args:
        path: of the new file.
        rows: of each table, with all columns in their order.
    """
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(f"BEGIN;{TABLES_2}PRAGMA user_version = 2;COMMIT;")
        with connection:
            for table, n_columns in COLUMNS.items():
                marks = ", ".join("?" * n_columns)
                connection.executemany(
                    f"INSERT INTO {table} VALUES ({marks})", rows.get(table, [])
                )
