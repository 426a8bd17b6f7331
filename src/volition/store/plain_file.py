"""Whether a path can be read as a file at all, before anything is read of it."""

import stat
from pathlib import Path

from volition.store.errors import InputError


def file_size(path: Path) -> int | None:
    """The size of a regular file in bytes; None where nothing is there.

    Links are followed. Devices, pipes and sockets are refused before they are opened:
    reading them may never end.

    Raises:
        InputError: where something else than a regular file is there, or cannot be
            looked at.
    """
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        if path.is_symlink():
            raise InputError(
                f"{path} is a link to a file that is not there: put the file back, or "
                "give another folder."
            ) from error
        return None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(
            f"{path} cannot be looked at ({why}): give another folder."
        ) from error
    if not stat.S_ISREG(found.st_mode):
        what = "a folder" if stat.S_ISDIR(found.st_mode) else "a device or a pipe"
        raise InputError(f"{path} is {what}, not a file: give another folder.")
    return found.st_size


def read_small_text(path: Path, max_bytes: int) -> str:
    """The text of a file that is known to be small, such as a configuration.

    Raises:
        FileNotFoundError: where nothing is there.
        InputError: where it is no regular file, too large, or no UTF-8.
    """
    size = file_size(path)
    if size is None:
        raise FileNotFoundError(f"{path} is missing.")
    if size > max_bytes:
        raise InputError(
            f"{path} has {size} bytes where at most {max_bytes} are expected: give "
            "another folder."
        )
    try:
        with path.open("rb") as file:
            return file.read(max_bytes + 1).decode()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}): give another folder."
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not text ({error.reason} at byte {error.start}): give another "
            "folder."
        ) from error
