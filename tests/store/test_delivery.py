"""Reading a group's answers: what cannot be used is refused in one sentence."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from volition.env import delivery
from volition.feedback import FIRST, NOBODY, SECOND, TIE
from volition.store import InputError, delivery_groups, read_delivery

WORLD = delivery()
UP, DOWN, LEFT, RIGHT, STILL = (-1, 0), (1, 0), (0, -1), (0, 1), (0, 0)
# From (7, 9) down into the goal at once; from (3, 4), beside a house and a sheep.
TO_GOAL = [(7, 9), DOWN, STILL, STILL]
AROUND = [(4, 4), LEFT, UP, UP]


def good() -> dict[str, np.ndarray]:
    segments = [[TO_GOAL, AROUND], [AROUND, TO_GOAL], [TO_GOAL, AROUND]]
    labels = np.array([0.0, 1.0, 0.5], dtype=np.float32)
    return {"segments": np.array(segments, dtype=np.int8), "prefers_second": labels}


def saved(path: Path, **changed) -> Path:
    arrays = good() | changed
    kept = {name: array for name, array in arrays.items() if array is not None}
    np.savez(path, allow_pickle=True, **kept)
    return path


def packed(path: Path) -> None:
    arrays = good()
    segments, labels = arrays["segments"], arrays["prefers_second"]
    np.savez_compressed(path, segments=segments, prefers_second=labels)


def segments_with(answer: int, option: int, path) -> np.ndarray:
    segments = good()["segments"]
    segments[answer, option] = path
    return segments


def test_what_is_read_is_what_was_written(tmp_path):
    read = read_delivery(saved(tmp_path / "group.npz"), WORLD)
    assert np.asarray(read.choice).tolist() == [FIRST, SECOND, TIE]
    assert set(np.asarray(read.person).tolist()) == {NOBODY}
    assert np.isnan(read.seconds).all()
    # The same pair in the same order is the same question.
    first, second, third = np.asarray(read.question).tolist()
    assert first == third != second
    features = np.asarray(read.options.transition.features)
    # Into the goal and no further; around: a step left, up onto (3, 3), up.
    assert features[0, 0].sum(axis=0).tolist() == [0, 1, 0, 0, 0, 0]
    assert features[0, 1].sum(axis=0).tolist() == [3, 0, 0, 0, 0, 0]
    assert np.asarray(read.options.weight)[0].tolist() == [[1, 0, 0], [1, 1, 1]]
    assert np.asarray(read.options.transition.state.index)[0, :, 0].tolist() == [79, 44]


def archive(path: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in members.items():
            packed.writestr(name, content)


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def as_bomb(path: Path) -> None:
    """A few kB that say, and are, 65 MiB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("segments.npy", bytes(65 * 2**20))
    assert path.stat().st_size < 2**20


def cut(path: Path) -> None:
    whole = saved(path).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def packed_and_damaged(path: Path) -> None:
    """Compressed, with a byte of the compressed data changed."""
    packed(path)
    content = bytearray(path.read_bytes())
    start = content.index(b"segments.npy") + len(b"segments.npy") + 20
    content[start + 2] ^= 0xFF
    path.write_bytes(bytes(content))


def encrypted(path: Path) -> None:
    """The flag that says so is set, in both headers."""
    content = bytearray(saved(path).read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = -1
        while (place := content.find(magic, place + 1)) >= 0:
            content[place + offset] |= 1
    path.write_bytes(bytes(content))


def huge_header(path: Path) -> None:
    """A header that promises more than any memory holds."""
    header = (
        b"{'descr': '|i1', 'fortran_order': False, 'shape': (4611686018427387904,), }"
    )
    header += b" " * (117 - len(header)) + b"\n"
    array = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    labels = npy(good()["prefers_second"])
    archive(path, {"segments.npy": array, "prefers_second.npy": labels})


def no_array(path: Path) -> None:
    labels = npy(good()["prefers_second"])
    archive(path, {"segments": b"just text", "prefers_second.npy": labels})


OBJECTS = np.array([[TO_GOAL, None]], dtype=object)
BAD = {
    "not an npz": lambda path: path.write_bytes(b"segments, prefers_second\n"),
    "an npy": lambda path: path.write_bytes(npy(good()["segments"])),
    "nothing in it": lambda path: path.write_bytes(b""),
    "a folder": lambda path: path.mkdir(),
    "truncated": cut,
    "compressed and damaged": packed_and_damaged,
    "encrypted": encrypted,
    "zip bomb": as_bomb,
    "huge header": huge_header,
    "text for an array": no_array,
    "pickled objects": lambda path: saved(path, segments=OBJECTS),
    "missing array": lambda path: saved(path, prefers_second=None),
    "wrong shape": lambda path: saved(path, segments=good()["segments"][:, :, :3]),
    "one axis": lambda path: saved(path, segments=np.arange(3)),
    "zero answers": lambda path: saved(
        path, segments=np.zeros((0, 2, 4, 2), np.int8), prefers_second=np.zeros(0)
    ),
    "labels too few": lambda path: saved(path, prefers_second=np.zeros(2)),
    "labels in a column": lambda path: saved(path, prefers_second=np.zeros((3, 1))),
    "float segments": lambda path: saved(path, segments=good()["segments"] + 0.0),
    "labels in words": lambda path: saved(path, prefers_second=np.array(["1"] * 3)),
    "NaN label": lambda path: saved(path, prefers_second=np.array([0, 1, np.nan])),
    "label .7": lambda path: saved(path, prefers_second=np.array([0, 0.7, 1])),
}
# Each: the path of answer 1's first option, and what is said of it.
BAD_PATHS = {
    "off the board": ([(10, 0), UP, UP, UP], "starts off the 10 x 10 board"),
    "a negative row": ([(-1, 0), UP, UP, UP], "starts off the 10 x 10 board"),
    "in a house": ([(3, 4), UP, UP, UP], "starts where no path can start"),
    "on a sheep": ([(2, 2), UP, UP, UP], "starts where no path can start"),
    "on the goal": ([(8, 9), STILL, STILL, STILL], "starts where no path can start"),
    "diagonal": ([(4, 4), UP, (1, 1), UP], "not one step"),
    "two at once": ([(4, 4), UP, (0, -2), UP], "not one step"),
    "standing still": ([(4, 4), UP, STILL, UP], "stands still before its end"),
    "still at first": ([(4, 4), STILL, UP, UP], "stands still before its end"),
}


def refusal(path: Path) -> str:
    """The one sentence, and nothing changed."""
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(InputError) as caught:
        read_delivery(path, WORLD)
    assert (path.read_bytes() if path.is_file() else None) == before
    said = str(caught.value)
    assert str(path) in said
    assert "\n" not in said
    assert len(said) < 400 + len(str(path))
    remedy = said.rpartition(": ")[2]
    assert remedy.split()[0] in {"copy", "correct", "give", "write"}
    assert said.endswith(".")
    return said


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_refused(tmp_path, kind):
    path = tmp_path / "group.npz"
    BAD[kind](path)
    refusal(path)


@pytest.mark.parametrize("kind", BAD_PATHS)
def test_an_impossible_path_is_refused_by_its_place(tmp_path, kind):
    bad, said = BAD_PATHS[kind]
    path = saved(tmp_path / "group.npz", segments=segments_with(1, 0, bad))
    sentence = refusal(path)
    assert "segments[1, 0]" in sentence
    assert said in sentence


def test_no_file_is_refused(tmp_path):
    refusal(tmp_path / "nowhere.npz")


@pytest.mark.parametrize("kind", ["NaN label", "label .7"])
def test_a_bad_label_is_named(tmp_path, kind):
    path = tmp_path / "group.npz"
    BAD[kind](path)
    row, value = {"NaN label": (2, "nan"), "label .7": (1, "0.7")}[kind]
    assert f"prefers_second[{row}] is {value}" in refusal(path)


def test_nothing_is_ever_unpickled(tmp_path, monkeypatch):
    import pickle

    def never(*_, **__):
        raise AssertionError("unpickled")

    monkeypatch.setattr(pickle, "load", never)
    monkeypatch.setattr(pickle, "loads", never)
    path = tmp_path / "group.npz"
    BAD["pickled objects"](path)
    assert "holds object, no numbers" in refusal(path)


def test_groups_are_the_files_by_name(tmp_path):
    for name in ("b", "a"):
        saved(tmp_path / f"{name}.npz")
    (tmp_path / "notes.txt").write_text("not a group")
    assert list(delivery_groups(tmp_path)) == ["a", "b"]


@pytest.mark.parametrize("made", [True, False], ids=["empty", "missing"])
def test_a_folder_without_groups_is_refused(tmp_path, made):
    folder = tmp_path / "data"
    if made:
        folder.mkdir()
    with pytest.raises(InputError, match="give --data") as caught:
        delivery_groups(folder)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize("compressed", [False, True], ids=["stored", "compressed"])
@pytest.mark.parametrize("seed", range(40))
def test_any_damage_is_refused_or_leaves_valid_answers(tmp_path, seed, compressed):
    """A few bytes changed, taken out, or put in, anywhere."""
    path, rng = tmp_path / "group.npz", np.random.default_rng(seed)
    (packed if compressed else saved)(path)
    content = bytearray(path.read_bytes())
    for _ in range(rng.integers(1, 4)):
        place, kind = int(rng.integers(len(content))), rng.integers(4)
        if kind < 2:
            content[place] = rng.integers(256)
        elif kind == 2:
            del content[place : place + int(rng.integers(1, 20))]
        else:
            content[place:place] = rng.bytes(int(rng.integers(1, 20)))
    path.write_bytes(bytes(content))
    try:
        read = read_delivery(path, WORLD)
    except InputError:
        return
    assert set(np.asarray(read.choice).tolist()) <= {FIRST, SECOND, TIE}
    starts = np.asarray(read.options.transition.state.index)
    assert (np.asarray(WORLD.initial)[starts[..., 0]] > 0).all()
