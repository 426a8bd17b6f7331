"""Records: any frozen pytree of the library as JSON, exactly, and back. No pickle."""

import dataclasses
import importlib
import inspect
import json
import math
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

MAX_BYTES = 4 * 2**30  # a larger record is refused before it is read
_DAMAGED = (KeyError, TypeError, OverflowError)  # what a changed record fails with


def to_json(value: Any) -> Any:
    """Encode a pytree of modules as JSON values, arrays as nested lists.

    Numbers survive to the last bit: Python prints the shortest decimal that reads back
    as the same double.

    Args:
        value: modules of the library, arrays, numbers, strings, tuples, dicts, None, or
            functions that can be imported by name.

    Returns:
        What `json.dumps` accepts.

    Raises:
        ValueError: for a lambda or a local function, and for any other kind of object.

    Example:
        >>> to_json((1.5, "speed"))
        {'tuple': [1.5, 'speed']}
    """
    return _encode(value, _inline)


def from_json(value: Any) -> Any:
    """Rebuild what `to_json` encoded.

    Classes and functions are found by their import path; classes must be modules of
    the library's kind (`equinox.Module`). Read records that you trust: importing a path
    runs the module that it names.

    Raises:
        ValueError: where the record names something that is not there.

    Example:
        >>> from_json(to_json((1.5, "speed")))
        (1.5, 'speed')
    """
    try:
        return _decode(value, {})
    except _DAMAGED as error:
        raise ValueError(f"this is not a record ({error!r}): save it again.") from error


def save(value: Any, path: str | os.PathLike[str]) -> None:
    """Write a record: `path` as JSON and its arrays beside it as `.safetensors`.

    Args:
        value: as in `to_json`.
        path: a file name ending in `.json`.
    """
    arrays: dict[str, np.ndarray] = {}

    def store(array: np.ndarray) -> dict[str, Any]:
        name = f"array{len(arrays)}"
        # Not `ascontiguousarray`, which gives a scalar an axis.
        arrays[name] = np.asarray(array, order="C")
        return {"stored": name}

    text = json.dumps(_encode(value, store), indent=1, allow_nan=False)
    path = Path(path)
    _replace(path.with_suffix(".safetensors"), lambda part: save_file(arrays, part))
    write_text(path, text + "\n")


def load(path: str | os.PathLike[str]) -> Any:
    """Read what `save` wrote.

    Raises:
        ValueError: where a file is missing, too large, or no record.
    """
    path = Path(path)
    beside = path.with_suffix(".safetensors")
    for part in (path, beside):
        if not part.is_file():
            raise ValueError(
                f"{part} is missing: a record is a .json and .safetensors."
            )
        if part.stat().st_size > MAX_BYTES:
            raise ValueError(f"{part} is larger than {MAX_BYTES} bytes: not a record.")
    try:
        return _decode(json.loads(path.read_text()), load_file(beside))
    except (
        json.JSONDecodeError,
        UnicodeDecodeError,
        SafetensorError,
        *_DAMAGED,
    ) as error:
        raise ValueError(f"{path} is not a record ({error}): save it again.") from error


def write_text(path: Path, text: str) -> None:
    """Write a file in one go: it is there whole, or as it was before."""
    _replace(path, lambda part: part.write_text(text))


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    part = Path(name)
    try:
        write(part)
        part.chmod(0o644)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _inline(array: np.ndarray) -> dict[str, Any]:
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError("an array with NaN or infinity has no place in a record.")
    shape = {} if array.size else {"shape": list(array.shape)}  # [] has no columns
    return {"array": array.tolist(), "dtype": str(array.dtype), **shape}


def _encode(value: Any, array: Callable[[np.ndarray], dict[str, Any]]) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"the number {value} has no place in a record.")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, jax.Array) and jnp.issubdtype(
        value.dtype, jax.dtypes.prng_key
    ):
        raise ValueError("a random key cannot be recorded: save what it was made from.")
    if isinstance(value, jax.Array | np.ndarray | np.generic):
        return array(np.asarray(value))
    if isinstance(value, tuple | dict):
        return _encode_items(value, array)
    if isinstance(value, eqx.Module):
        fields = {
            field.name: _encode(getattr(value, field.name), array)
            for field in dataclasses.fields(value)
        }
        return {"class": import_path(type(value)), "fields": fields}
    if callable(value):
        return {"function": import_path(value)}
    raise ValueError(f"{value!r} cannot be recorded: only modules, arrays and numbers.")


def _encode_items(
    value: tuple | dict, array: Callable[[np.ndarray], dict[str, Any]]
) -> dict[str, Any]:
    if isinstance(value, tuple):
        return {"tuple": [_encode(item, array) for item in value]}
    for name in value:
        if not isinstance(name, str):
            raise ValueError(f"{name!r} cannot be the name of an entry: use a string.")
    return {"dict": {name: _encode(item, array) for name, item in value.items()}}


def import_path(thing: Any) -> str:
    """`module:name` of a class or function, if it can be imported again.

    Example:
        >>> import_path(import_path)
        'volition.record:import_path'
    """
    module = getattr(thing, "__module__", None)
    name = getattr(thing, "__qualname__", None)
    if module is None or name is None or "<" in name or module == "__main__":
        raise ValueError(
            f"{thing!r} cannot be saved: define it by name in a module that can be "
            "imported, not as a lambda or inside a function or script."
        )
    return f"{module}:{name}"


def _resolve(path: str) -> Any:
    module, _, name = path.partition(":")
    try:
        thing = importlib.import_module(module)
        for part in name.split("."):
            thing = getattr(thing, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(
            f"the record names {path}, not to be imported here."
        ) from error
    return thing


def _decode(value: Any, stored: dict[str, np.ndarray]) -> Any:
    if isinstance(value, list):
        raise ValueError("the record has a part of no known kind: a bare list.")
    if not isinstance(value, dict):
        return value
    if "stored" in value:
        if value["stored"] not in stored:
            raise ValueError(f"the record's array {value['stored']!r} is missing.")
        return jnp.asarray(stored[value["stored"]])
    if "array" in value:
        array = np.asarray(value["array"], dtype=value["dtype"])
        return jnp.asarray(array.reshape(value.get("shape", array.shape)))
    if "tuple" in value:
        return tuple(_decode(item, stored) for item in value["tuple"])
    if "dict" in value:
        return {key: _decode(item, stored) for key, item in value["dict"].items()}
    if "function" in value:
        return _resolve(value["function"])
    if "class" not in value:
        raise ValueError(f"the record has a part of no known kind: {sorted(value)}.")
    return _decode_module(value, stored)


def _decode_module(value: dict[str, Any], stored: dict[str, np.ndarray]) -> Any:
    cls = _resolve(value["class"])
    if not (isinstance(cls, type) and issubclass(cls, eqx.Module)):
        raise ValueError(f"the record names {value['class']}, which is not a module.")
    names = [field.name for field in dataclasses.fields(cls)]
    if _is_earlier(cls, names, value["fields"]):
        # Saved before a field with a default was added: the constructor fills it in.
        parts = {key: _decode(part, stored) for key, part in value["fields"].items()}
        return cls(**parts)
    if sorted(names) != sorted(value["fields"]):
        raise ValueError(
            f"the record of {value['class']} has the fields {sorted(value['fields'])}, "
            f"this version {sorted(names)}: save it again with this version."
        )
    # As equinox does when it unflattens: fields as they were, no constructor.
    module = object.__new__(cls)
    for name in names:
        object.__setattr__(module, name, _decode(value["fields"][name], stored))
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
