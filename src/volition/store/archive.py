"""Open a tar archive of which no part is read that does not fit into memory."""

import bz2
import contextlib
import io
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from volition import files
from volition.store.errors import InputError

MAX_PACKED = 2**40  # bytes of an archive, which is read piece by piece
MAX_UNPACKED = 16 * 2**30  # bytes that are unpacked in all
XZ_MEMORY = 128 * 2**20  # bytes that unpacking may take; xz -9 takes 65 MiB
PIECE = 2**16
# What a damaged archive fails with.
ARCHIVE_ERRORS = (
    tarfile.TarError,
    lzma.LZMAError,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
)


@contextlib.contextmanager
def open_tar(path: Path, max_bytes: int) -> Iterator[tarfile.TarFile]:
    """Open an archive: `.tar`, or packed by gzip, bzip2 or xz.

    Args:
        path: of the archive.
        max_bytes: of any one part of it, be it a file or what is said about one.

    Yields:
        The archive; reading a larger part raises `InputError`.

    Raises:
        InputError: where it is no regular file.
    """
    with files.open_regular(path, MAX_PACKED) as (stream, _):
        start = stream.read(6)
        stream.seek(0)
        unpack = next(
            (make for magic, make in PACKERS if start.startswith(magic)), None
        )
        plain = (
            stream if unpack is None else io.BufferedReader(_Unpacked(stream, unpack))
        )
        bounded: Any = _Bounded(plain, path, max_bytes)  # no more of a file is needed
        with tarfile.open(fileobj=bounded, mode="r:", errorlevel=2) as archive:
            yield archive


class _Bounded:
    """A stream that refuses to read much at once, or very much in all."""

    def __init__(self, stream: Any, path: Path, max_bytes: int):
        self.stream, self.path, self.max_bytes = stream, path, max_bytes
        self.tell = stream.tell

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= self.max_bytes:
            raise InputError(
                f"{self.path} has a part of {size} bytes, more than any recording: "
                f"give files of at most {self.max_bytes}."
            )
        return self.stream.read(size)

    def seek(self, place: int, whence: int = 0) -> int:
        if whence == 0 and place > MAX_UNPACKED:
            raise InputError(
                f"{self.path} unpacks to more than {MAX_UNPACKED} bytes: give less at "
                "a time."
            )
        return self.stream.seek(place, whence)


class _Unpacked(io.RawIOBase):
    """What a packed stream holds, forwards only.

    Ours, as those of Python's library take as much memory as an xz file asks for.
    """

    def __init__(self, stream: BinaryIO, unpack: Any):
        self.stream, self.unpack = stream, unpack
        self.decompressor = unpack()
        self.place = 0
        self.waiting = b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.place

    def seek(self, place: int, whence: int = 0) -> int:
        place += {0: 0, 1: self.place}.get(whence, 0)
        if whence == 2 or place < self.place:
            raise OSError("a packed archive is read forwards only")
        while self.place < place:
            if not self._next(min(PIECE, place - self.place)):
                break
        return self.place

    def readinto(self, buffer: Any) -> int:
        piece = self._next(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def _next(self, size: int) -> bytes:
        """At most so many bytes; none at the end."""
        while True:
            if self.decompressor.eof:
                self.waiting = self.decompressor.unused_data.lstrip(b"\0") or (
                    self.stream.read(PIECE).lstrip(b"\0")
                )
                if not self.waiting:
                    return b""
                self.decompressor = self.unpack()  # several, one after the other
            if not self.waiting and self.decompressor.needs_input:
                self.waiting = self.stream.read(PIECE)
                if not self.waiting:
                    raise EOFError("it breaks off")
            piece = self.decompressor.decompress(self.waiting, size)
            self.waiting = b""
            if piece:
                self.place += len(piece)
                return piece


class _Gzip:
    """Python's decompressor of gzip with the interface of the others."""

    def __init__(self):
        self.inner = zlib.decompressobj(16 + zlib.MAX_WBITS)

    eof = property(lambda self: self.inner.eof)
    unused_data = property(lambda self: self.inner.unused_data)
    needs_input = property(lambda self: not self.inner.unconsumed_tail)

    def decompress(self, data: bytes, size: int) -> bytes:
        return self.inner.decompress(self.inner.unconsumed_tail + data, size)


PACKERS = (
    (b"\x1f\x8b", _Gzip),
    (b"BZh", bz2.BZ2Decompressor),
    (b"\xfd7zXZ\0", lambda: lzma.LZMADecompressor(memlimit=XZ_MEMORY)),
)
