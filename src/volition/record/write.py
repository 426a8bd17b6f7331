"""Write records: any frozen pytree of the library as JSON, exactly."""

import dataclasses
import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from safetensors.numpy import save_file

from volition.files import parse_json, replace, write_text
from volition.record.arrays import MAX_BYTES, check_shape, digest, file_digest, inline
from volition.record.fields import check_fields
from volition.record.names import import_path

MAX_DEPTH = 100  # of values in values; what Python can follow is a few hundred


def to_json(value: Any) -> Any:
    """Encode a pytree of modules as JSON values, arrays as nested lists.

    Numbers survive to the last bit: Python prints the shortest decimal that reads back
    as the same double.

    Args:
        value: modules of the library, arrays, numbers, strings, tuples, dicts, None, or
            functions that can be imported by name. A named tuple becomes a plain one.

    Returns:
        What `json.dumps` accepts.

    Raises:
        ValueError: for a lambda or a local function, for any other kind of object, and
            for a module with something else in a field than its annotation says.

    Example:
        >>> to_json((1.5, "speed"))
        {'tuple': [1.5, 'speed']}
    """
    return _encode(value, inline)


def save(value: Any, path: str | os.PathLike[str]) -> None:
    """Write a record: `path` as JSON and its arrays beside it as `.safetensors`.

    The JSON holds a checksum of both (`sha256`), by which `load` sees what was changed.

    Args:
        value: as in `to_json`.
        path: a file name ending in `.json`.

    Raises:
        ValueError: as `to_json`; nothing is written then.
        TypeError: where the path is none.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(
            f"the path is a {type(path).__name__}: the value comes first, then the "
            "path, record.save(reward, 'reward.json')."
        )
    arrays: dict[str, np.ndarray] = {}

    def store(array: np.ndarray) -> dict[str, Any]:
        check_shape(array.shape)
        name = f"array{len(arrays)}"
        # Not `ascontiguousarray`, which gives a scalar an axis.
        arrays[name] = np.asarray(array, order="C")
        return {"stored": name}

    made = _encode(value, store)
    n_bytes = sum(array.nbytes for array in arrays.values())
    if n_bytes > MAX_BYTES // 2:
        most = MAX_BYTES // 2
        raise ValueError(f"{n_bytes} bytes are too many: a record has at most {most}.")
    body = made if isinstance(made, dict) else {"value": made}
    path = Path(path)
    # What cannot be read again is not written.
    parse_json(json.dumps(body, allow_nan=False).encode(), "the record")
    beside = path.with_suffix(".safetensors")

    def write_both(part: Path) -> None:
        save_file(arrays, part)
        said = body | {"sha256": digest(body, file_digest(part))}
        texts.append(json.dumps(said, indent=1, allow_nan=False) + "\n")

    texts: list[str] = []
    replace(beside, write_both)
    write_text(path, texts[0])


def _encode(
    value: Any, array: Callable[[np.ndarray], dict[str, Any]], depth: int = 0
) -> Any:
    if depth > MAX_DEPTH:
        raise ValueError(f"a record holds values in values at most {MAX_DEPTH} deep.")
    if value is None or isinstance(value, bool | int | float | str):
        return _plain(value)
    if isinstance(value, jax.Array) and jnp.issubdtype(
        value.dtype, jax.dtypes.prng_key
    ):
        raise ValueError("a random key cannot be recorded: save what it was made from.")
    if isinstance(value, jax.Array | np.ndarray | np.generic):
        return array(np.asarray(value))
    inside = lambda item: _encode(item, array, depth + 1)
    if isinstance(value, tuple):
        return {"tuple": [inside(item) for item in value]}
    if isinstance(value, dict):
        return {"dict": {_name(name): inside(item) for name, item in value.items()}}
    if isinstance(value, eqx.Module):
        check_fields(value)
        fields = {
            field.name: inside(getattr(value, field.name))
            for field in dataclasses.fields(value)
        }
        return {"class": import_path(type(value)), "fields": fields}
    if callable(value):
        return {"function": import_path(value)}
    raise ValueError(f"{value!r} cannot be recorded: only modules, arrays and numbers.")


def _name(name: Any) -> str:
    if not isinstance(name, str):
        raise ValueError(f"{name!r} cannot be the name of an entry: use a string.")
    return _plain(name)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"the number {value} has no place in a record.")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"the text {value!r} has half a character, which no file can hold."
            ) from error
    return value
