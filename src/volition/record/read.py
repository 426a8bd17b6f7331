"""Read records: Volition's own classes and what is trusted, checked; no code is run."""

import dataclasses
import inspect
import math
import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from volition.errors import InputError
from volition.files import read_json, reason
from volition.record.arrays import (
    digest,
    file_digest,
    from_inline,
    load_arrays,
    on_device,
)
from volition.record.fields import check_fields
from volition.record.names import find_class, find_function, trusted_names
from volition.record.write import MAX_DEPTH

# What a changed record fails with.
_DAMAGED = (LookupError, TypeError, ArithmeticError, AttributeError, AssertionError)
_KINDS = {
    "stored": {"stored"},
    "array": {"array", "dtype"},
    "array without entries": {"array", "dtype", "shape"},
    "tuple": {"tuple"},
    "dict": {"dict"},
    "function": {"function"},
    "class": {"class", "fields"},
}


class _Known(NamedTuple):
    """What is known where a record is decoded: its arrays, and who is trusted."""

    stored: dict[str, np.ndarray]
    trusted: dict[str, Any]


def from_json(value: Any, *, trust: Iterable[Any] = ()) -> Any:
    """Rebuild what `to_json` encoded.

    Only Volition's own classes are built, and nothing else is imported: a record from
    a stranger runs no code.

    Args:
        value: JSON values.
        trust: other classes (`equinox.Module`) and functions that it may name, such as
            `(MyReward, my_function)`; `foreign_parts` lists those of a value.

    Raises:
        ValueError: where the record is damaged, or names anything else.

    Example:
        >>> from volition.record import to_json
        >>> from_json(to_json((1.5, "speed")))
        (1.5, 'speed')
    """
    try:
        return _decode(value, _Known({}, trusted_names(trust)))
    except _DAMAGED as error:
        raise ValueError(
            f"this is not a record ({type(error).__name__}: {reason(error)}): save it "
            "again."
        ) from error


def load(path: str | os.PathLike[str], *, trust: Iterable[Any] = ()) -> Any:
    """Read what `save` wrote, as it was written: a change of either file is found.

    Only Volition's own classes are built, and nothing else is imported: a record from
    a stranger runs no code. The checksum tells damage, not who wrote the file.

    A record without a checksum, as version 0.1 wrote it, is read with a warning.

    Args:
        path: of the `.json`; the `.safetensors` lies beside it.
        trust: other classes (`equinox.Module`) and functions that the record may name,
            such as `(MyReward, my_function)`. They are given themselves, not by name:
            to trust code is to import it.

    Raises:
        ValueError: where a file is missing, no regular file, too large, changed, or no
            record, or names what is neither Volition's nor trusted.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from volition.record import save
        >>> from volition.reward import Function
        >>> def my_function(state, action):
        ...     return state.row
        >>> my_function.__module__ = "my_module"  # as if it had been imported
        >>> path = Path(tempfile.mkdtemp()) / "reward.json"
        >>> save(Function(my_function), path)
        >>> load(path, trust=(my_function,)).fn is my_function
        True
    """
    path = Path(path)
    beside = path.with_suffix(".safetensors")
    trusted = trusted_names(trust)
    body = read_json(path)
    try:
        checked, body = _verified(body, path, beside)
        made = _decode(body, _Known(load_arrays(beside), trusted))
    except _DAMAGED as error:
        why = f"{type(error).__name__}: {reason(error)}"
        raise ValueError(f"{path} is not a record ({why}): save it again.") from error
    except InputError:
        raise  # which names its file
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if not checked:
        warnings.warn(
            f"{path} has no checksum, as version 0.1 wrote it: whether it was damaged "
            "cannot be told. Save it again.",
            stacklevel=2,
        )
    return made


def _verified(body: Any, path: Path, beside: Path) -> tuple[bool, Any]:
    """Whether the record has a checksum, which then holds; and it without one."""
    arrays = file_digest(beside)
    if not isinstance(body, dict) or "sha256" not in body:
        return False, body
    checksum = body.pop("sha256")
    if digest(body, arrays) != checksum:
        raise InputError(
            f"{path} is not a record as it was saved, or {beside.name} is not (the "
            "checksum differs): copy both again, or save it again."
        )
    return True, body["value"] if set(body) == {"value"} else body


def _decode(value: Any, known: _Known, depth: int = 0) -> Any:
    if depth > MAX_DEPTH:
        raise ValueError(f"the record is nested more than {MAX_DEPTH} deep.")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"the record holds {value}, which is no number.")
    if isinstance(value, list):
        raise ValueError("the record has a part of no known kind: a bare list.")
    if not isinstance(value, dict):
        return value
    kind = next((kind for kind in _KINDS if value.keys() == _KINDS[kind]), None)
    if kind is None:
        names = reason(ValueError(str(sorted(value))))
        raise ValueError(f"the record has a part of no known kind: {names}.")
    return _DECODE[kind.split()[0]](value, known, depth + 1)


def _decode_stored(value: dict[str, Any], known: _Known, depth: int) -> Any:
    if value["stored"] not in known.stored:
        raise ValueError(f"the record's array {value['stored']!r} is missing.")
    return on_device(known.stored[value["stored"]])


def _decode_inline(value: dict[str, Any], known: _Known, depth: int) -> Any:
    return on_device(from_inline(value))


def _decode_tuple(value: dict[str, Any], known: _Known, depth: int) -> Any:
    if not isinstance(value["tuple"], list):
        raise TypeError("a tuple is no list")
    return tuple(_decode(item, known, depth) for item in value["tuple"])


def _decode_dict(value: dict[str, Any], known: _Known, depth: int) -> Any:
    return {key: _decode(item, known, depth) for key, item in value["dict"].items()}


def _decode_function(value: dict[str, Any], known: _Known, depth: int) -> Any:
    return find_function(value["function"], known.trusted)


def _decode_module(value: dict[str, Any], known: _Known, depth: int) -> Any:
    cls = find_class(value["class"], known.trusted)
    names = [field.name for field in dataclasses.fields(cls)]
    if _is_earlier(cls, names, value["fields"]):
        # Saved before a field with a default was added: the constructor fills it in.
        module = cls(
            **{
                key: _decode(part, known, depth)
                for key, part in value["fields"].items()
            }
        )
        check_fields(module)
        return module
    if sorted(names) != sorted(value["fields"].keys()):
        told = reason(ValueError(str(sorted(value["fields"]))))
        raise ValueError(
            f"the record of {value['class']} has the fields {told}, this version "
            f"{sorted(names)}: save it again with this version."
        )
    # As equinox does when it unflattens: fields as they were, no constructor.
    module = object.__new__(cls)
    for name in names:
        item = _decode(value["fields"][name], known, depth)
        object.__setattr__(module, name, item)
    check_fields(module)
    return module


def _is_earlier(cls: type, names: list[str], fields: dict[str, Any]) -> bool:
    """Whether a record lacks only fields that the constructor can leave out."""
    lacking = set(names) - set(fields)
    if not lacking or not set(fields) <= set(names):
        return False
    given = inspect.signature(cls).parameters
    return all(
        name in given and given[name].default is not inspect.Parameter.empty
        for name in lacking
    )


_DECODE = {
    "stored": _decode_stored,
    "array": _decode_inline,
    "tuple": _decode_tuple,
    "dict": _decode_dict,
    "function": _decode_function,
    "class": _decode_module,
}
