"""Read and write files: only regular ones, and never more than fits.

A file from a stranger may be a link to a device that never ends, a pipe that nobody
writes to, or small and yet stand for gigabytes. Whatever is read passes through here.
"""

import collections
import contextlib
import hashlib
import io
import json
import os
import re
import stat
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from volition.errors import InputError

MAX_TEXT = 16 * 2**20  # bytes of JSON; a character takes up to 4 in memory
MAX_TOML = 64 * 2**10  # bytes; a dotted key takes the square of its length
MAX_VALUES = 128 * 2**20  # bytes that the values of a JSON text take, as estimated:
CONTAINER, VALUE = 300, 64  # of a list or dict as it is read, of anything in one
SIGNED = "# sha256 of the lines below: "
SUM = re.compile(r"([0-9a-f]{64}) [ *](.+)")
SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


@contextlib.contextmanager
def open_regular(
    path: str | os.PathLike[str], max_bytes: int
) -> Iterator[tuple[io.BufferedReader, int]]:
    """Open a file if it is a regular one of at most so many bytes.

    A directory, device, pipe or socket is refused, also behind a link, and without
    waiting for it.

    Args:
        path: of the file.
        max_bytes: that it may have.

    Yields:
        The file, to be read, and its size in bytes.

    Raises:
        InputError: where it is missing, something else, too large, or not to be read.
    """
    path = Path(path)
    try:
        _check_regular(path, os.stat(path).st_mode)
        # What it was a moment ago may have changed: no waiting for a pipe's writer.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError as error:
        what = "is a link to nothing" if path.is_symlink() else "is missing"
        raise InputError(f"{path} {what}: give another file.") from error
    except InputError:
        raise
    except (OSError, ValueError) as error:  # a name that no file can have
        raise InputError(f"{short(path)} cannot be read: {reason(error)}.") from error
    with os.fdopen(handle, "rb") as stream:
        status = os.fstat(stream.fileno())
        _check_regular(path, status.st_mode)
        if status.st_size > max_bytes:
            raise InputError(
                f"{path} has {status.st_size} bytes, more than the {max_bytes} that "
                "such a file may have: give a smaller one."
            )
        yield stream, status.st_size


def file_size(path: Path) -> int | None:
    """The size of a regular file in bytes; None where nothing is there.

    Links are followed. Devices, pipes and sockets are refused before they are opened.

    Raises:
        InputError: where something else than a regular file is there, a link to
            nothing, or it cannot be looked at.
    """
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        if path.is_symlink():
            raise InputError(
                f"{path} is a link to a file that is not there: put the file back."
            ) from error
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"{short(path)} cannot be read: {reason(error)}.") from error
    _check_regular(path, found.st_mode)
    return found.st_size


def named(name: str) -> Path:
    """The path of a file or folder that a user named, whether it is there or not.

    Raises:
        InputError: where nothing can have that name, or it cannot be looked at.
    """
    try:
        os.stat(name)
    except (FileNotFoundError, NotADirectoryError):
        pass  # who uses it says so in words of their own
    except (OSError, ValueError) as error:
        said = f"{short(name)} cannot be read: {reason(error)}"
        raise InputError(f"{said}: give another name.") from error
    return Path(name)


def read_bytes(path: str | os.PathLike[str], max_bytes: int) -> bytes:
    """The content of a regular file of at most so many bytes.

    Raises:
        InputError: as `open_regular`.
    """
    with open_regular(path, max_bytes) as (stream, size):
        try:
            return stream.read(size)
        except OSError as error:
            raise InputError(f"{path} cannot be read: {reason(error)}.") from error


def read_json(path: str | os.PathLike[str], max_bytes: int = MAX_TEXT) -> Any:
    """The JSON value in a file.

    Raises:
        InputError: as `open_regular`, and as `parse_json`.
    """
    return parse_json(read_bytes(path, max_bytes), path)


def parse_json(text: bytes, what: object) -> Any:
    """The value that a JSON text says, in memory at most some times its own size.

    Args:
        text: UTF-8.
        what: that it is, for messages.

    Raises:
        InputError: where it is no JSON, says a name twice, NaN, infinity or half a
            character, or stands for more values or deeper ones than fit.

    Example:
        >>> parse_json(b'{"weight": 0.5}', "the reward")
        {'weight': 0.5}
    """
    try:
        said = text.decode()
        # How large the values will be in memory: small ones take many times their text.
        size = CONTAINER * (said.count("[") + said.count("{")) + VALUE * said.count(",")
        if size > MAX_VALUES:
            raise ValueError("it holds too many values")
        value = json.loads(
            said, object_pairs_hook=_once, parse_constant=_no_number, parse_float=_float
        )
        if SURROGATE.search(said):
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise InputError(
            f"{what} is damaged (its values are nested too deep): write it again."
        ) from error
    except ValueError as error:
        raise InputError(f"{what} is damaged ({reason(error)}): write it again.") from (
            error
        )
    return value


def read_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a TOML file says.

    Raises:
        InputError: as `open_regular`, and where it is no TOML or nested too deep.
    """
    text = read_bytes(path, MAX_TOML)
    try:
        _check_signature(text)
        return tomllib.loads(text.decode())
    except RecursionError as error:
        raise InputError(
            f"{path} is damaged (its values are nested too deep): write it again."
        ) from error
    # It divides by zero, and worse, on some dates and numbers that are none.
    except (ValueError, TypeError, ArithmeticError, LookupError) as error:
        raise InputError(f"{path} is damaged ({reason(error)}): write it again.") from (
            error
        )


def signed_toml(text: str) -> str:
    """TOML with its checksum as a comment in the first line.

    `read_toml` then finds any change of it. What a user writes needs none.

    Example:
        >>> print(signed_toml('study = "highway"')[:38])
        # sha256 of the lines below: 0b00e651f
    """
    return f"{SIGNED}{hashlib.sha256(text.encode()).hexdigest()}\n{text}"


def _check_signature(text: bytes) -> None:
    """Raise where there is a checksum and it does not hold.

    A first line that was one is still known for one with some of it damaged.
    """
    first, _, rest = text.partition(b"\n")
    if sum(each in b"0123456789abcdef" for each in first) < 48:
        return
    if first.decode() != SIGNED + hashlib.sha256(rest).hexdigest():
        raise ValueError(
            "it is not as it was written: its checksum differs; to change it by hand, "
            "remove the first line"
        )


def check_sums(folder: Path) -> dict[str, str]:
    """What a file SHA256SUMS in a folder says of the others, by their names.

    `sha256sum *.xml > SHA256SUMS` writes one, for formats that have no checksum.

    Args:
        folder: that may hold one.

    Returns:
        SHA-256 in hexadecimal; nothing where there is no such file.

    Raises:
        InputError: where it says something else.
    """
    path = folder / "SHA256SUMS"
    if not os.path.lexists(path):
        return {}
    found = {}
    for line in read_bytes(path, MAX_TEXT).decode(errors="replace").splitlines():
        match = SUM.fullmatch(line)
        if match is None:
            raise InputError(
                f"{path} has the line {short(line)!r}, which is no SHA-256 of a file: "
                "write it again by sha256sum."
            )
        found[match[2]] = match[1]
    return found


def check_sum(path: Path, content: bytes, sums: dict[str, str]) -> None:
    """Raise where a file is not what SHA256SUMS says, or it says nothing of it.

    Args:
        path: of the file.
        content: of it.
        sums: as `check_sums` found them; if there are none nothing is checked.

    Raises:
        InputError: naming it.
    """
    if sums and sums.get(path.name) != hashlib.sha256(content).hexdigest():
        raise InputError(
            f"{path} is not the file of which SHA256SUMS beside it says the checksum: "
            "copy it again, or write SHA256SUMS again."
        )


def reason(error: BaseException) -> str:
    """Why something failed, in one short line that any terminal can show.

    Example:
        >>> reason(ValueError("no number:\\n 'x'."))
        "no number: 'x'"
    """
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return short(" ".join(said.split())).rstrip(".")


def write_text(path: Path, text: str) -> None:
    """Write a file in one go: it is there whole, or as it was before."""
    replace(path, lambda part: part.write_text(text, encoding="utf-8"))


def replace(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file beside another, and put it in its place.

    Args:
        path: whose place it takes.
        write: is told where to write.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    part = Path(name)
    try:
        write(part)
        part.chmod(0o644)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def short(text: object) -> str:
    r"""At most 200 characters of a text, each of which any terminal can show.

    Example:
        >>> short("a\0b")
        'a\\x00b'
    """
    said = str(text).encode(errors="backslashreplace").decode()[:200]
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in said)


def _check_regular(path: Path, mode: int) -> None:
    if stat.S_ISREG(mode):
        return
    kinds = {
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
    }
    kind = kinds.get(stat.S_IFMT(mode), "a device")
    raise InputError(f"{path} is {kind}, not a file: give another.")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = collections.Counter(name for name, _ in pairs)
        twice = counts.most_common(1)[0][0]
        raise ValueError(f"it says {short(twice)!r} twice")
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"it says {name}, which is no number")


def _float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), -float("inf")):
        raise ValueError(f"it says {short(text)}, which is too large a number")
    return value
