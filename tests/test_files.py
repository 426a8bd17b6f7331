"""Files are read whole or refused in a sentence, and never waited for."""

import json
import os
import tracemalloc

import pytest

from volition import files
from volition.errors import InputError

MB = 2**20


def test_a_regular_file_is_read(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"content")
    assert files.read_bytes(path, 7) == b"content"
    (tmp_path / "link").symlink_to(path)
    assert files.read_bytes(tmp_path / "link", 7) == b"content"
    with pytest.raises(InputError, match=r"a\.txt has 7 bytes, more than the 6"):
        files.read_bytes(path, 6)


SPECIAL = {
    "a folder": lambda path: path.mkdir(),
    "a pipe": os.mkfifo,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to nothing": lambda path: path.symlink_to("/nowhere"),
    "missing": lambda path: None,
}


@pytest.mark.parametrize("kind", SPECIAL)
def test_what_is_no_regular_file_is_refused(kind, tmp_path):
    SPECIAL[kind](tmp_path / "it")
    with pytest.raises(InputError, match=rf"it is {kind}"):
        files.read_bytes(tmp_path / "it", 100)


def test_a_link_in_a_circle_is_refused(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    path = str(tmp_path / "loop")
    for look in (files.named, lambda path: files.read_bytes(path, 9)):
        with pytest.raises(InputError, match="loop cannot be read"):
            look(path)


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "\udcff\0"])
def test_a_name_that_nothing_can_have_is_refused(name):
    with pytest.raises(InputError, match=r"cannot be read: .*: give another name"):
        files.named(name)


def test_a_name_of_nothing_is_fine(tmp_path):
    assert not files.named(str(tmp_path / "nowhere")).exists()
    (tmp_path / "file").touch()
    assert not files.named(str(tmp_path / "file" / "in")).exists()


BAD_JSON = {
    "nothing": b"",
    "no text": b"\xff\xfe",
    "half": b'{"a": [1, 2',
    "twice": b'{"a": 1, "a": 2}',
    "twice inside": b'{"b": [{"a": 1, "a": 1}]}',
    "NaN": b'{"a": NaN}',
    "infinity": b"[-Infinity]",
    "too large": b"[1e999]",
    "digits": b"9" * 10**6,
    "half a character": rb'{"a": "\ud83d"}',
    "half a character as name": rb'{"\udc00": 1}',
    "deep lists": b"[" * 10**5 + b"]" * 10**5,
    "deep objects": b'{"a":' * 10**5 + b"1" + b"}" * 10**5,
    "half deep": b"[" * 10**6,
    "lists": b"[" + b"[]," * 10**6 + b"0]",
    "objects": b"[" + b"{}," * 10**6 + b"0]",
    "entries": b"{" + b",".join(b'"%d":0' % n for n in range(2_100_000)) + b"}",
    "numbers": b"[" + b"1.5," * 3 * 10**6 + b"0]",
    "twice of many": b"{"
    + b",".join(b'"%d":0' % (n // 2) for n in range(10**6))
    + b"}",
}


@pytest.mark.parametrize("kind", BAD_JSON)
def test_what_is_no_json_or_too_much_of_it_is_refused(kind):
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=r"^it is damaged \(.*\): write it again"):
            files.parse_json(BAD_JSON[kind], "it")
        assert tracemalloc.get_traced_memory()[1] < 200 * MB
    finally:
        tracemalloc.stop()


def test_whole_characters_beyond_the_first_plane_are_fine():
    assert files.parse_json(json.dumps({"a": "\U0001f600"}).encode(), "it") == {
        "a": "\U0001f600"
    }


BAD_TOML = {
    "half": b"a = [1,",
    "no text": b'a = "\xe9"',
    "twice": b"a = 1\na = 2",
    "deep lists": b"a = " + b"[" * 5000 + b"]" * 5000,
    "deep tables": b"a = " + b"{b = " * 5000 + b"1" + b"}" * 5000,
    "no date": b"a = 2026-02-30",
    "digits": b"a = " + b"9" * 10**4,
    "much": b"# " + b"x" * 10**6,
}


@pytest.mark.parametrize("kind", BAD_TOML)
def test_what_is_no_toml_is_refused(kind, tmp_path):
    (tmp_path / "a.toml").write_bytes(BAD_TOML[kind])
    with pytest.raises(InputError, match=r"a\.toml (is damaged|has \d+ bytes)"):
        files.read_toml(tmp_path / "a.toml")


SETTINGS = 'study = "highway"\nseed = 0\n'


def test_every_change_of_signed_settings_is_found(tmp_path):
    """Each bit, and the text cut off at each place."""
    path = tmp_path / "study.toml"
    whole = files.signed_toml(SETTINGS).encode()
    path.write_bytes(whole)
    said = files.read_toml(path)
    assert said == {"study": "highway", "seed": 0}
    changed = [whole[:n] for n in range(1, len(whole))] + [
        whole[: n // 8] + bytes([whole[n // 8] ^ 1 << n % 8]) + whole[n // 8 + 1 :]
        for n in range(8 * len(whole))
    ]
    for text in changed:
        path.write_bytes(text)
        try:
            back = files.read_toml(path)
        except InputError:
            continue
        assert back in (said, {})  # nothing but half of the first line was left


def test_settings_that_somebody_wrote_need_no_checksum(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(f"# mine\n{SETTINGS}")
    assert files.read_toml(path)["seed"] == 0
    path.write_text(files.signed_toml(SETTINGS).replace("seed = 0", "seed = 1"))
    with pytest.raises(InputError, match="to change it by hand, remove the first line"):
        files.read_toml(path)
    path.write_text(path.read_text().partition("\n")[2])
    assert files.read_toml(path)["seed"] == 1


def test_what_is_said_of_an_error_can_be_printed():
    assert files.reason(ValueError("a\n b\0\udc80 c.")) == r"a b\x00\udc80 c"
    assert len(files.reason(ValueError("x" * 10**6))) == 200
