"""Archives and XML that a stranger made to fill the memory, or to lead elsewhere."""

import hashlib
import io
import lzma
import os
import tarfile
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest

from tests.reference.traffic import queue
from volition.store import InputError, read_recording, read_recordings

GOOD = queue(0).encode()
MB = 2**20
HEAD = b'<?xml version="1.0"?>'


def member(archive: tarfile.TarFile, name: str, content: bytes, **more) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in more.items():
        setattr(info, field, value)
    archive.addfile(info, io.BytesIO(content))


def packed(path: Path, fill, mode: Any = "w:xz") -> Path:
    with tarfile.open(path, mode) as archive:
        fill(archive)
    return path


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_every_way_to_pack_gives_the_same(mode, tmp_path):
    def fill(archive):
        member(archive, "noise.bin", os.urandom(300_000))
        for number in range(3):
            # Whose parts end in the middle of a block and at the end of one.
            padded = GOOD + b" " * (-len(GOOD) % 512) + b"\n" * number
            member(archive, f"a/road-{number}.xml", padded)
            member(archive, "zeros.bin", bytes(3 * MB + number))

    found = read_recordings(packed(tmp_path / "roads.tar.any", fill, mode))
    assert [one.name for one in found] == [f"road-{number}" for number in range(3)]
    assert {len(one.tracks) for one in found} == {len(read_recording(GOOD, "a").tracks)}


def test_streams_one_after_the_other_are_one(tmp_path):
    plain = packed(
        tmp_path / "roads.tar", lambda archive: member(archive, "a.xml", GOOD), "w"
    ).read_bytes()
    half = len(plain) // 2
    path = tmp_path / "roads.tar.xz"
    path.write_bytes(lzma.compress(plain[:half]) + lzma.compress(plain[half:]))
    assert len(read_recordings(path)) == 1


def long_description(path: Path) -> Path:
    """What is said about a file, read whole into memory before the file itself."""

    def fill(archive):
        member(archive, "long", bytes(150 * MB), type=tarfile.XHDTYPE)
        member(archive, "a.xml", GOOD)

    return packed(path / "roads.tar.xz", fill)


def long_name(path: Path) -> Path:
    def fill(archive):
        member(archive, "long", b"a" * (150 * MB), type=tarfile.GNUTYPE_LONGNAME)
        member(archive, "a.xml", GOOD)

    return packed(path / "roads.tar.gz", fill, "w:gz")


def long_file(path: Path) -> Path:
    fill = lambda archive: member(archive, "a.xml", bytes(80 * MB))
    return packed(path / "roads.tar.xz", fill)


def long_dictionary(path: Path) -> Path:
    """For which xz takes as much memory as the file says."""
    plain = packed(
        path / "roads.tar", lambda archive: member(archive, "a.xml", GOOD), "w"
    )
    # The size of the dictionary is one byte of the header, which is changed.
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": MB}]
    content = bytearray(lzma.compress(plain.read_bytes(), filters=filters))
    size_of_header = 4 * (content[12] + 1)
    at = 12 + 2 + content[14 : 12 + size_of_header].index(0x21) + 2
    content[at] = 36  # 1 GiB
    end = 12 + size_of_header - 4
    content[end : end + 4] = zlib.crc32(content[12:end]).to_bytes(4, "little")
    (path / "roads.tar").unlink()
    (path / "roads.tar.xz").write_bytes(content)
    return path / "roads.tar.xz"


BOMBS = {
    long_description: "more than any recording",
    long_name: "more than any recording",
    long_file: "more than any recording",
    long_dictionary: "cannot be read as a tar archive",
}


@pytest.mark.parametrize("make", BOMBS)
def test_no_part_is_read_that_does_not_fit(make, tmp_path):
    path = make(tmp_path)
    assert path.stat().st_size < MB
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=BOMBS[make]) as refused:
            read_recordings(path)
        assert tracemalloc.get_traced_memory()[1] < 128 * MB
    finally:
        tracemalloc.stop()
    assert "\n" not in str(refused.value)


def test_what_is_skipped_takes_no_memory(tmp_path):
    def fill(archive):
        member(archive, "a.bin", bytes(150 * MB))
        member(archive, "a.xml", GOOD)

    path = packed(tmp_path / "roads.tar.xz", fill)
    tracemalloc.start()
    try:
        assert len(read_recordings(path)) == 1
        assert tracemalloc.get_traced_memory()[1] < 64 * MB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("suffix", [".xml", ".tar.xz"])
@pytest.mark.parametrize("kind", ["/dev/zero", "/nowhere", None])
def test_what_is_no_file_is_refused_at_once(kind, suffix, tmp_path):
    path = tmp_path / f"one{suffix}"
    os.mkfifo(path) if kind is None else path.symlink_to(kind)
    with pytest.raises(InputError, match=r"is (a pipe|a device|a link to nothing)"):
        read_recordings(tmp_path)


LAUGHS = b"".join(
    b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10)
)
XML = {
    "entities of entities": (
        b'<!DOCTYPE x [<!ENTITY a0 "lol">'
        + LAUGHS
        + b"]><commonRoad>&a9;</commonRoad>",
        "declares a document type",
    ),
    "an entity of a file": (
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><commonRoad/>',
        "declares a document type",
    ),
    "many elements": (b"<commonRoad>" + b"<a/>" * 10**6, "more than 1000000 elements"),
    "many attributes": (
        b"<commonRoad " + b" ".join(b'a%d=""' % n for n in range(10**6)) + b"/>",
        "more than 1000000 elements",
    ),
    "deep elements": (
        b'<commonRoad timeStepSize="0.1">' + b'<a b="/>">' * 10**5 + b"</a>" * 10**5,
        "more than 64 deep",
    ),
    "two bytes a letter": ("<commonRoad/>".encode("utf-16"), "is not in UTF-8"),
    "nothing but zeros": (bytes(1000), "is not in UTF-8"),
    "an unknown encoding": (
        b'<?xml version="1.0" encoding="moon"?><commonRoad/>',
        "is not XML that can be read",
    ),
    "an encoding of many bytes": (
        b'<?xml version="1.0" encoding="utf-7"?><commonRoad/>',
        "is not XML that can be read",
    ),
}


@pytest.mark.parametrize("name", XML)
def test_xml_that_stands_for_more_than_it_holds(name):
    text, said = XML[name]
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=said) as refused:
            read_recording(text, "one.xml")
        assert tracemalloc.get_traced_memory()[1] < 64 * MB
    finally:
        tracemalloc.stop()
    assert "\n" not in str(refused.value)


def test_recordings_are_held_to_their_checksums(tmp_path):
    (tmp_path / "a.xml").write_bytes(GOOD)
    line = f"{hashlib.sha256(GOOD).hexdigest()}  a.xml\n"
    (tmp_path / "SHA256SUMS").write_text(line)
    assert len(read_recordings(tmp_path)) == 1
    (tmp_path / "a.xml").write_bytes(GOOD.replace(b"40.0", b"41.0", 1))
    with pytest.raises(InputError, match="of which SHA256SUMS beside it says"):
        read_recordings(tmp_path)
    (tmp_path / "SHA256SUMS").write_text("no checksum")
    with pytest.raises(InputError, match="which is no SHA-256 of a file"):
        read_recordings(tmp_path)
