"""Open a study's `study.db`: new, as it is, an older one brought forward, to read."""

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from volition.store.errors import InputError
from volition.store.migration import READERS, migrate, read_older
from volition.store.plain_file import file_size
from volition.store.schema import COLUMNS, VERSION, make_tables
from volition.store.seals import Damaged, verify

WAIT = 10.0  # s, for another process to finish writing
PAUSE = 0.02  # s, before a file that is being made is looked at again
LONGEST = 64 * 2**20  # bytes of one value; a larger one is damage
LARGEST = 2**30  # bytes of a file that is read without a place to write beside it
LONGEST_QUOTE = 120  # characters of SQLite's message
HEADER = 100  # bytes; a shorter file is no database (sqlite.org/fileformat.html)
# Nothing can be written here, which does not say that nothing can be read.
NO_PLACE = (
    *(sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY),
    *(sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL),
)


class Opened(NamedTuple):
    """An open file.

    Args:
        connection: to it, or to a copy in memory.
        read_only: whether it is a copy: what is written to it is lost.
    """

    connection: sqlite3.Connection
    read_only: bool


class Inode(NamedTuple):
    """Which file a path leads to: its device, and its number there."""

    device: int
    number: int


def inode_of(path: Path) -> Inode | None:
    """The file that a path leads to; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return Inode(found.st_dev, found.st_ino)


def log_of(path: Path) -> Path:
    """The write-ahead log (WAL) beside a file."""
    return path.with_name(path.name + "-wal")


def connect(path: Path, *, make: bool) -> Opened:
    """Open a study's evidence, an older version's brought forward in one transaction.

    Every row is checked. A transaction is on the disk when its commit returns, whatever
    is killed or loses its power afterwards: a write-ahead log (WAL), synchronised at
    each commit. Where nothing can be written (a read-only disk, another's folder, a
    full disk) a copy in memory is opened, to be read.

    Args:
        path: `study.db`.
        make: whether to make the tables where there is no file, or an empty one.

    Raises:
        InputError: where the file is missing and not to be made, damaged, in use for
            too long, or something else.
    """
    size = file_size(path)
    if not make and size is None:
        raise InputError(f"{path} is missing: put it back, or give another folder.")
    if not make and size == 0:
        raise InputError(
            f"{path} is empty, so the answers are lost: put a copy back, or give "
            "another folder."
        )
    if size is not None and 0 < size < HEADER:
        raise InputError(
            f"{path} is not a study's evidence (it has {size} bytes): give another "
            "folder."
        )
    for end in ("-wal", "-shm", "-journal"):
        file_size(path.with_name(path.name + end))
    with sentences(path):
        if size and not _can_write(path):
            return Opened(_copy(path), True)
        try:
            return Opened(_connect(path, make), False)
        except sqlite3.OperationalError as error:
            if not size or primary_code(error) not in NO_PLACE:
                raise
            try:
                return Opened(_copy(path), True)
            except (sqlite3.Error, OSError):
                raise error from None


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 where Python found the error."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


@contextmanager
def sentences(path: Path) -> Iterator[None]:
    """What SQLite or the disk says of a file, in a sentence with a remedy.

    Raises:
        InputError: instead of any error of SQLite, of the disk or of the content.
    """
    try:
        yield
    except Damaged as error:
        raise InputError(
            f"{path} is damaged or was changed by another program ({error}), and was "
            "left as it is: put a copy back, or give another folder."
        ) from error
    except sqlite3.Error as error:
        raise InputError(_sentence(path, error)) from error
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}): see to that, or give another "
            "folder."
        ) from error
    except (UnicodeError, OverflowError) as error:
        raise InputError(
            f"{path} cannot keep this ({error}): give text that is UTF-8 and whole "
            "numbers of at most 64 bits."
        ) from error


def _sentence(path: Path, fault: sqlite3.Error) -> str:
    code, error = primary_code(fault), _short(fault)
    misuse = (sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError)
    if isinstance(fault, misuse):
        return f"{path} cannot keep this ({error}), and nothing was written."
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return (
            f"{path} is locked by another program ({error}), for longer than "
            f"{WAIT:.0f} s: nothing was written; end that program and try again."
        )
    if code == sqlite3.SQLITE_FULL:
        return (
            f"{path} cannot be written ({error}), and nothing was: make room, and try "
            "again."
        )
    if code in NO_PLACE or code == sqlite3.SQLITE_PERM:
        return (
            f"{path} cannot be opened or written ({error}), and nothing was: see to "
            "that and try again."
        )
    if code == sqlite3.SQLITE_NOTADB:
        return f"{path} is not a study's evidence ({error}): give another folder."
    return (
        f"{path} is damaged, or not a study's evidence ({error}), and was left as it "
        "is: put a copy back, or give another folder."
    )


def _short(error: Exception) -> str:
    """SQLite may quote a whole table."""
    text = " ".join(str(error).split())
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]} ..."


def _can_write(path: Path) -> bool:
    return os.access(path, os.W_OK) and os.access(path.resolve().parent, os.W_OK)


def _connect(path: Path, make: bool) -> sqlite3.Connection:
    """Wait as long as another process makes the same file, or brings it forward."""
    end = time.monotonic() + WAIT
    while True:
        try:
            return _connect_once(path, make)
        except sqlite3.OperationalError as error:
            # SQLite does not wait by itself while the kind of journal changes.
            if primary_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(PAUSE)


def _connect_once(path: Path, make: bool) -> sqlite3.Connection:
    connection = _plain(path, "rwc" if make else "rw", WAIT)
    try:
        prepare(connection, path, make=make)
    except BaseException:
        connection.close()
        raise
    return connection


def _plain(path: Path, mode: str, wait: float) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode={mode}",
        uri=True,
        timeout=wait,
        isolation_level=None,
        check_same_thread=False,
    )
    _be_careful(connection)
    return connection


def _be_careful(connection: sqlite3.Connection) -> None:
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
    connection.execute("PRAGMA cell_size_check = ON")
    connection.execute("PRAGMA foreign_keys = ON")


def prepare(connection: sqlite3.Connection, path: Path, *, make: bool) -> None:
    """Check a file, or make its tables, or bring an older version forward.

    Raises:
        Damaged: where a row is not what was written.
        InputError: where it is of another program, or of a newer version.
        sqlite3.Error: where SQLite cannot read or write it.
    """
    connection.execute("BEGIN")
    try:
        version = version_of(connection, path)
        if version == VERSION:
            verify(connection)
        elif version in READERS:
            read_older(connection, version)
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    if version == 0 and not make:
        raise InputError(
            f"{path} has no tables, so the answers are lost: put a copy back, or give "
            "another folder."
        )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    if version == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have been first.
        version = version_of(connection, path)
        if version == 0:
            make_tables(connection)
        elif version in READERS:
            migrate(connection, version)
        verify(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def version_of(connection: sqlite3.Connection, path: Path) -> int:
    """Of the tables: 0 where there are none. Inside a transaction.

    Raises:
        InputError: where they are of something else, or of a newer version.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    query = "SELECT name FROM sqlite_schema WHERE type = 'table'"
    tables = {
        name for (name,) in connection.execute(query) if not name.startswith("sqlite_")
    }
    if version > VERSION and "answer" in tables:
        raise InputError(
            f"{path} was made by a newer Volition, which keeps tables of version "
            f"{version} where this one knows {VERSION}: install the newer one."
        )
    if version == 0 and not tables:
        return 0
    if version == 0 and tables == {"answer"}:
        return 1
    if version == 2 and tables == COLUMNS.keys() - {"study"}:
        return 2
    if version != VERSION or tables != COLUMNS.keys():
        raise InputError(
            f"{path} is not a study's evidence (it has other tables, or the version "
            f"{version}): give another folder."
        )
    return version


def _copy(path: Path) -> sqlite3.Connection:
    """All that a file and its log hold, in memory."""
    if (size := file_size(path) or 0) > LARGEST:
        raise InputError(
            f"{path} has {size} bytes, too many to be read where nothing can be "
            "written: copy it to a folder of your own."
        )
    memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    try:
        with tempfile.TemporaryDirectory(prefix="volition.") as folder:
            whole = Path(folder) / "study.db"
            if file_size(log_of(path)):
                # The last answers are in the log, which SQLite folds in.
                shutil.copyfile(log_of(path), log_of(whole))
                shutil.copyfile(path, whole)
                mode = "rw"
            else:
                whole, mode = path, "ro&immutable=1"
            with closing(_plain(whole, mode, WAIT)) as source:
                source.backup(memory)
        _be_careful(memory)
        prepare(memory, path, make=False)
    except BaseException:
        memory.close()
        raise
    return memory
