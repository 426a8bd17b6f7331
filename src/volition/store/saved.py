"""Read what was saved as a record and must be of one kind, checked."""

from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np

from volition import record
from volition.store.errors import InputError

T = TypeVar("T")


def read_saved(path: Path, kind: type[T], what: str) -> T:
    """The reward, policy or posterior in a file.

    Args:
        path: of the `.json` of a record.
        kind: that it must be of, such as `AbstractReward`.
        what: that is in words, such as "reward".

    Raises:
        InputError: where it is missing, damaged, of another kind, or names code that
            is not Volition's own.
    """
    try:
        found = record.load(path)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(str(error)) from error
    if not isinstance(found, kind):
        raise InputError(
            f"{path} holds a {type(found).__name__}: give the file of a {what}."
        )
    return found


def check_finite(tree: Any, path: Path) -> None:
    """Refuse what was saved with NaN or infinity in it.

    Raises:
        InputError: where one of its numbers is.
    """
    for leaf in jax.tree.leaves(tree):
        numbers = np.asarray(leaf)
        if numbers.dtype.kind == "f" and not np.isfinite(numbers).all():
            raise InputError(
                f"{path} holds numbers that are not finite: learn it again, from data "
                "that are."
            )
