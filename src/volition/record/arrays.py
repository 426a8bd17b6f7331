"""Arrays of records: as nested lists in JSON, or in a safetensors file beside it."""

import hashlib
import json
import math
import struct
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from volition.files import open_regular

MAX_BYTES = 4 * 2**30  # a larger file is refused before it is read
MAX_HEADER = 4 * 2**20  # bytes: the names of some ten thousand arrays
MAX_LENGTH = 2**31  # of an axis, and of all together
MAX_AXES = 32
TYPES = {
    "bool": bool,
    **dict.fromkeys(["int8", "int16", "int32", "int64"], int),
    **dict.fromkeys(["uint8", "uint16", "uint32", "uint64"], int),
    **dict.fromkeys(["bfloat16", "float16", "float32", "float64"], float),
}


def inline(array: np.ndarray) -> dict[str, Any]:
    """An array as JSON values.

    Raises:
        ValueError: for numbers that are not finite, or of a kind that JSON lacks.
    """
    if str(array.dtype) not in TYPES:
        raise ValueError(f"an array of {array.dtype} has no place in a record.")
    if TYPES[str(array.dtype)] is float and not np.isfinite(array).all():
        raise ValueError("an array with NaN or infinity has no place in a record.")
    shape = {} if array.size else {"shape": list(array.shape)}  # [] has no columns
    return {"array": array.tolist(), "dtype": str(array.dtype), **shape}


def from_inline(value: dict[str, Any]) -> np.ndarray:
    """The array that `inline` encoded.

    Raises:
        ValueError: where it is none. Nothing larger than its text is made.
    """
    name = value["dtype"]
    if not isinstance(name, str) or name not in TYPES:
        raise ValueError(f"an array has the dtype {str(name)[:50]!r}, which is none.")
    numbers, shape = _flat(value["array"])
    kind = TYPES[name]
    allowed = (float, int) if kind is float else (kind,)
    if not all(type(each) in allowed for each in numbers):
        raise ValueError(f"an array of {name} holds something else.")
    if "shape" in value:
        shape = value["shape"]
        check_shape(shape)
        if math.prod(shape) != len(numbers):
            raise ValueError(f"{len(numbers)} numbers are no array of shape {shape}.")
    with np.errstate(over="ignore"):  # which the next line finds
        array = np.asarray(numbers, dtype=np.dtype(name)).reshape(shape)
    if kind is float and not np.isfinite(array).all():
        raise ValueError(f"an array holds a number that is too large for {name}.")
    return array


def _flat(nested: Any) -> tuple[list[Any], list[int]]:
    """What is in nested lists, and the shape that they have."""
    level, shape = [nested], []
    while level and any(isinstance(each, list) for each in level):
        if len(shape) == MAX_AXES:
            raise ValueError(f"an array has more than {MAX_AXES} axes.")
        lengths = {len(each) if isinstance(each, list) else None for each in level}
        shape.append(len(level[0]) if isinstance(level[0], list) else 0)
        if lengths != {shape[-1]}:
            raise ValueError("an array's rows differ in their length.")
        level = [item for each in level for item in each]
    return level, shape


def check_shape(shape: Any) -> None:
    """Raise where a shape is none that an array can have here."""
    plain = isinstance(shape, list | tuple) and len(shape) <= MAX_AXES
    if not plain or not all(
        type(each) is int and 0 <= each <= MAX_LENGTH for each in shape
    ):
        raise ValueError(f"an array has the shape {str(shape)[:100]}, which is none.")
    if math.prod(each for each in shape if each) > MAX_LENGTH:
        raise ValueError(f"an array of shape {str(shape)[:100]} is too large.")


def file_digest(path: Path) -> str:
    """SHA-256 of a file of arrays, in hexadecimal; read piece by piece.

    Raises:
        InputError: where it is missing, no regular file, or larger than `MAX_BYTES`.
    """
    with open_regular(path, MAX_BYTES) as (stream, _):
        return hashlib.file_digest(stream, "sha256").hexdigest()


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays in a safetensors file.

    Raises:
        InputError: as `file_digest`.
        ValueError: where it holds something else.
    """
    with open_regular(path, MAX_BYTES) as (stream, size):
        _check_header(stream.read(8), stream, size)
    try:
        arrays = load_file(path)
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    for array in arrays.values():
        check_shape(array.shape)
    return arrays


def _check_header(length: bytes, stream: Any, size: int) -> None:
    """Raise where the header is too large to be one; its content is checked later."""
    n_bytes = struct.unpack("<Q", length)[0] if len(length) == 8 else 0
    if not 0 < n_bytes <= min(MAX_HEADER, size - 8):
        raise ValueError(f"the header of its arrays has {n_bytes} bytes")
    if stream.read(n_bytes).count(b"{") > MAX_HEADER // 64:
        raise ValueError("the header of its arrays names too many")


def digest(value: Any, arrays: str) -> str:
    """SHA-256 of a record: of its values and of the file of its arrays.

    Args:
        value: as JSON values; how they are set out does not matter.
        arrays: `file_digest` of the others.

    Example:
        >>> digest({"tuple": []}, "")[:8] == digest({"tuple": [0]}, "")[:8]
        False
    """
    plain = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{plain}\n{arrays}".encode()).hexdigest()


def on_device(array: np.ndarray) -> Any:
    """The array as JAX's.

    Raises:
        ValueError: where numbers of 64 bits do not fit into the 32 that JAX is set to.
    """
    with np.errstate(over="ignore"):
        made = jnp.asarray(array)
    if made.dtype != array.dtype:
        back = np.asarray(made).astype(array.dtype)
        same = back == array
        if array.dtype.kind == "f":  # whose last digits a user has chosen to do without
            same = np.isfinite(back) == np.isfinite(array)
        if not same.all():
            raise ValueError(
                f"an array of {array.dtype} does not fit into 32 bits: set "
                "jax_enable_x64."
            )
    return made
