"""Read an .npz of plain arrays: nothing is unpacked that is larger than it says."""

import io
import math
import zipfile
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from volition import files
from volition.store.errors import InputError

MAX_BYTES = 64 * 2**20  # of a file, packed or unpacked; the largest real one has 162 kB
MAX_MEMBERS = 1000
MAX_HEADER = 10_000  # bytes: of numpy's own
KINDS = "biuf"  # of numbers: truth, counts, and reals


def read_npz(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Some of the arrays of numbers in an `.npz`.

    Args:
        path: of the file.
        names: of the arrays; others are not read.

    Raises:
        InputError: where the file is no such archive, an array is missing or none of
            numbers, or what is to be read does not fit into `MAX_BYTES`.
    """
    packed = files.read_bytes(path, MAX_BYTES)
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            members = {each.filename: each for each in archive.infolist()}
            if len(archive.infolist()) > MAX_MEMBERS:
                raise ValueError("it has too many members")
            found = {}
            for name in names:
                if f"{name}.npy" not in members:
                    raise InputError(
                        f"{path} has no array {name!r}: write it with numpy.savez("
                        f"file, {', '.join(f'{each}=...' for each in names)})."
                    )
                found[name] = (archive, members[f"{name}.npy"])
            size = sum(member.file_size for _, member in found.values())
            if size > MAX_BYTES:
                raise InputError(
                    f"{path} unpacks to {size} bytes, more than any group has: give a "
                    f"file of at most {MAX_BYTES}."
                )
            return {name: _array(*each) for name, each in found.items()}
    except InputError:
        raise
    except Exception as error:  # there is no end to what a damaged archive fails with
        why = files.reason(error)
        raise InputError(
            f"{path} cannot be read as an .npz of plain arrays ({why}): copy it again."
        ) from error


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    content = archive.read(member)  # never more than the member's size, and checked
    stream = io.BytesIO(content)
    version = npy.read_magic(stream)
    read_header = {
        (1, 0): npy.read_array_header_1_0,
        (2, 0): npy.read_array_header_2_0,
    }.get(version)
    if read_header is None:
        raise ValueError(f"{member.filename} has the format {version}")
    shape, fortran_order, dtype = read_header(stream, max_header_size=MAX_HEADER)
    if dtype.kind not in KINDS or dtype.names or dtype.subdtype:
        raise ValueError(f"{member.filename} holds {dtype}, no numbers")
    if any(type(length) is not int or length < 0 for length in shape):
        raise ValueError(f"{member.filename} has the shape {shape}")
    n_bytes = math.prod(shape) * dtype.itemsize
    if n_bytes != len(content) - stream.tell():
        raise ValueError(
            f"{member.filename} has {len(content) - stream.tell()} bytes, not the "
            f"{n_bytes} of {dtype} {shape}"
        )
    flat = np.frombuffer(content, dtype=dtype, offset=stream.tell())
    return flat.reshape(shape, order="F" if fortran_order else "C")
