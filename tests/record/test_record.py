"""Records: everything comes back as it was, and nothing is lost on the way."""

import json
import os
import struct

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float

from tests.reference.records import sign
from tests.reference.worlds import small_world, table
from volition import record
from volition.policy import Tabular as TabularPolicy
from volition.reward import Function, Linear, Shaped, Tabular
from volition.value import Harmonic, QLearning, learn


def by_name(state, action):
    return 0.5 * state.index + action


VALUES = {
    "linear": Linear(("speed", "collision"), [1.0 / 3.0, -50.0]),
    "function": Function(by_name),
    "nested": Shaped(Tabular(table(0, 5, 2)), table(1, 5), 0.9),
    "world": small_world(2, terminal=(3,), time_limit=9),
    "method": QLearning(40, step_size=Harmonic(0.5, 7.0), n_stretches=4),
    "policy": TabularPolicy(jnp.array([[0.25, 0.75], [0.1, 0.9]])),
    "scalars": (jnp.array(0.1), np.float32(0.1), np.int32(7), jnp.array(True)),
    "plain": (1.5, 3, True, None, "speed", -0.0, 10**30, {"nested": (), "b": (2,)}),
    "types": tuple(
        jnp.arange(6).reshape(2, 3).astype(kind)
        for kind in ("int8", "uint32", "float16", "float32", "bool")
    ),
    "tiny and huge": jnp.array([5e-324, 2.0**-1022, 1.7e308, -0.0, 0.1 + 0.2]),
    "no rows": jnp.zeros((0, 3), dtype=jnp.float32),
    "no columns": jnp.zeros((3, 0)),
    "no arrays": (),
}


def assert_same(back, value) -> None:
    """Same structure, shapes, types and bits: -0.0 is not 0.0."""
    assert jax.tree.structure(back) == jax.tree.structure(value)
    for mine, theirs in zip(jax.tree.leaves(back), jax.tree.leaves(value), strict=True):
        if isinstance(theirs, bool | int | float | str):
            assert (type(mine), repr(mine)) == (type(theirs), repr(theirs))
            continue
        a, b = np.asarray(mine), np.asarray(theirs)
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("name", VALUES)
def test_json_gives_back_the_same_bits(name):
    text = json.dumps(record.to_json(VALUES[name]), allow_nan=False)
    back = record.from_json(json.loads(text), trust=(by_name,))
    assert_same(back, VALUES[name])


@pytest.mark.parametrize("name", VALUES)
def test_a_file_gives_back_the_same_bits(name, tmp_path):
    path = tmp_path / "value.json"
    record.save(VALUES[name], path)
    assert_same(record.load(path, trust=(by_name,)), VALUES[name])


def test_a_file_holds_no_arrays_in_its_text(tmp_path):
    record.save(VALUES["linear"], tmp_path / "reward.json")
    assert (
        "array"
        not in json.loads((tmp_path / "reward.json").read_text())["fields"]["weights"]
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "reward.json",
        "reward.safetensors",
    ]


def test_an_array_that_is_not_contiguous_comes_back(tmp_path):
    value = np.arange(12.0).reshape(3, 4).T[::2]
    record.save(value, tmp_path / "value.json")
    np.testing.assert_array_equal(record.load(tmp_path / "value.json"), value)


def test_a_learned_table_with_an_empty_stretch_comes_back(tmp_path):
    """No episode ends in some stretches, whose mean return is NaN."""
    world = small_world(2, terminal=(3,))
    method = QLearning(8, n_stretches=4)
    learned = learn(jax.random.key(0), world, Tabular(table(0, 7)), method)
    assert np.isnan(learned.curve.mean_return).any()
    record.save(learned, tmp_path / "learned.json")
    assert_same(record.load(tmp_path / "learned.json"), learned)


class Point(eqx.Module):
    x: float


def local_function():
    def inside(state, action):
        return 1.0

    return inside


REFUSED = {
    "a lambda": (Function(lambda state, action: 0.0), "cannot be saved: define it by"),
    "a local function": (local_function(), "cannot be saved: define it by name"),
    "NaN in a field": (Point(float("nan")), "no place in a record"),
    "infinity in a field": (Point(-float("inf")), "no place in a record"),
    "a list": ([1.0], r"\[1.0\] cannot be recorded"),
    "bytes": (b"ab", "cannot be recorded"),
    "a random key": (jax.random.key(0), "cannot be recorded"),
    "a number as a name": ({1: 2.0}, "1 cannot be the name of an entry"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_recorded_is_refused(name, tmp_path):
    value, sentence = REFUSED[name]
    with pytest.raises(ValueError, match=sentence):
        record.to_json(value)
    with pytest.raises(ValueError, match=sentence):
        record.save(value, tmp_path / "value.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_json_refuses_an_array_that_is_not_finite(number):
    with pytest.raises(ValueError, match="NaN or infinity has no place"):
        record.to_json(Linear(("speed",), [number]))


def test_a_failed_save_leaves_the_old_record(tmp_path):
    path = tmp_path / "reward.json"
    record.save(VALUES["linear"], path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    # The arrays can be written; the function behind them cannot.
    with pytest.raises(ValueError, match="cannot be saved"):
        record.save((jnp.ones(3), lambda state: 0.0), path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_write_that_breaks_off_leaves_the_old_text(tmp_path):
    path = tmp_path / "note.json"
    record.write_text(path, "old")
    with pytest.raises(UnicodeEncodeError):
        record.write_text(path, "new \udc80")  # a lone surrogate has no UTF-8
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["note.json"]


@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
def test_a_missing_file_is_named(suffix, tmp_path):
    path = tmp_path / "reward.json"
    record.save(VALUES["linear"], path)
    path.with_suffix(suffix).unlink()
    with pytest.raises(ValueError, match=rf"reward\{suffix} is missing"):
        record.load(path)


@pytest.mark.parametrize("n_bytes", [0, 5, 40, -1])
def test_a_truncated_file_of_arrays_is_no_record(n_bytes, tmp_path):
    path = tmp_path / "reward.json"
    record.save(VALUES["linear"], path)
    arrays = path.with_suffix(".safetensors")
    arrays.write_bytes(arrays.read_bytes()[:n_bytes])
    with pytest.raises(ValueError, match=r"reward\.json is not a record"):
        record.load(path)


LINEAR = {"class": "volition.reward.linear:Linear"}


def linear(**fields) -> dict:
    """A record of a linear reward with something else in its fields."""
    whole = record.to_json(VALUES["linear"])
    return whole | {"fields": whole["fields"] | fields}


def array(numbers, dtype="float64", **more) -> dict:
    return {"array": numbers, "dtype": dtype, **more}


DAMAGED = {
    "half a text": ('{"tuple": [1', "value.json is damaged"),
    "nothing": ("", "value.json is damaged"),
    "no text": (b"\xff\xfe\x00", "value.json is damaged"),
    "a mark of the byte order": ("\ufeff{}", "value.json is damaged"),
    "NaN": ('{"tuple": [NaN]}', "it says NaN, which is no number"),
    "infinity": ('{"tuple": [1e999]}', "too large a number"),
    "a name twice": ('{"tuple": [], "tuple": []}', "says 'tuple' twice"),
    "half a character": ('{"tuple": ["\\ud800"]}', "value.json is damaged"),
    "endless digits": ('{"tuple": [' + "9" * 10**6 + "]}", "value.json is damaged"),
    "deep lists": ("[" * 10**6 + "]" * 10**6, "value.json is damaged"),
    "deep tuples": ('{"tuple":[' * 10**5 + "]}" * 10**5, "value.json is damaged"),
    "many lists": ("[" + "[]," * 10**6 + "0]", "it holds too many values"),
    "unknown module": (
        {"class": "volition.reward.nowhere:A", "fields": {}},
        "nowhere:A, which this version of Volition does not have",
    ),
    "unknown class": (
        {"class": "volition.reward:A", "fields": {}},
        "reward:A, which this version of Volition does not have",
    ),
    "empty path": ({"function": ""}, "names the function '', which is not one of"),
    "no path": ({"function": 5}, "names the function 5, which is not one of"),
    "a number for a class": ({"class": 5, "fields": {}}, "names the class 5"),
    "a kind": (
        {"class": "volition.reward.contract:AbstractReward", "fields": {}},
        "of which there are only kinds",
    ),
    "not a module": (
        {"class": "volition.feedback.path:follow", "fields": {}},
        "which is not a module's class",
    ),
    "what one of ours imports": (
        {"class": "volition.reward.linear:Sequence", "fields": {}},
        "which is not one of Volition's own classes",
    ),
    "other fields": (LINEAR | {"fields": {"bias": 1.0}}, r"has the fields \['bias'\]"),
    "no fields": (LINEAR, r"no known kind: \['class'\]"),
    "fields in a list": (LINEAR | {"fields": ["weights"]}, "is not a record"),
    "fields of nothing": (LINEAR | {"fields": None}, "is not a record"),
    "unknown part": ({"set": [1]}, r"no known kind: \['set'\]"),
    "a part too many": ({"tuple": [], "dict": {}}, "no known kind"),
    "a list": ({"tuple": [[1.0]]}, "no known kind: a bare list"),
    "tuple of a number": ({"tuple": 5}, "value.json is not a record"),
    "tuple of a text": ({"tuple": "abc"}, "value.json is not a record"),
    "dict of a list": ({"dict": [1]}, "value.json is not a record"),
    "no dtype": ({"array": [1.0]}, r"no known kind: \['array'\]"),
    "missing array": ({"stored": "array7"}, "array 'array7' is missing"),
    "a list as an array's name": ({"stored": []}, "value.json is not a record"),
    "wrong dtype": (array([1.0], "float99"), "the dtype 'float99', which is none"),
    # These made hundreds of megabytes of a few bytes, or ran into the machine's memory.
    "long text as dtype": (array([1.0] * 6, "S200000000"), "which is none"),
    "objects as dtype": (array([1.0], "object"), "which is none"),
    "a list as dtype": (array([1.0], [1]), "which is none"),
    "dates as dtype": (array([1], "datetime64[s]"), "which is none"),
    "complex numbers": (array([1.0], "complex128"), "which is none"),
    "a huge shape": (array([], shape=[10**12]), "which is none"),
    "a huge shape of nothing": (array([], shape=[0, 10**12]), "which is none"),
    "a large shape of nothing": (array([], shape=[0, 2**20, 2**20]), "is too large"),
    "a negative shape": (array([1.0], shape=[-1]), "which is none"),
    "a shape of text": (array([1.0], shape="1"), "which is none"),
    "another shape": (array([1.0, 2.0], shape=[3]), r"are no array of shape \[3\]"),
    "unequal rows": (array([[1.0], [1.0, 2.0]]), "rows differ in their length"),
    "a row and a number": (array([[1.0], 1.0]), "rows differ in their length"),
    "many axes": (array(json.loads("[" * 99 + "]" * 99)), "more than 32 axes"),
    "a text in an array": (array(["1.0"]), "an array of float64 holds something else"),
    "a fraction of a count": (array([1.5], "int32"), "of int32 holds something else"),
    "a count beyond its type": (array([300], "int8"), "value.json is not a record"),
    "a number beyond its type": (array([1e300], "float32"), "too large for float32"),
    "nested deeper": (json.loads('{"tuple":[' * 102 + "]}" * 102), "100 deep"),
    "text as weights": (linear(weights="x"), "the field weights of Linear holds a str"),
    "no weights": (
        linear(weights=None),
        "weights of Linear holds a NoneType",
    ),
    "a count as weights": (
        linear(weights=array([1, 2], "int32")),
        "the field weights of Linear holds a int32 array",
    ),
    "a huge count as weights": (
        linear(weights=10**400),
        "weights of Linear holds a int",
    ),
    "numbers as names": (
        linear(_feature_names={"tuple": [1, 2]}),
        "the field _feature_names of Linear holds a tuple",
    ),
    "a text as names": (linear(_feature_names="ab"), "_feature_names of Linear holds"),
    "a dict as a function": (
        {
            "class": "volition.reward.function:Function",
            "fields": {"fn": {"dict": {}}, "features": {"tuple": []}},
        },
        "the field fn of Function holds a dict",
    ),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_record_is_refused_in_one_sentence(name, tmp_path):
    """Also if whoever changed it knew how to make the checksum fit."""
    content, sentence = DAMAGED[name]
    path = tmp_path / "value.json"
    record.save((), path)
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, str):
        path.write_text(content)
    else:
        path.write_text(json.dumps(content))
        sign(path)
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    with pytest.raises(ValueError, match=sentence) as refused:
        record.load(path)
    assert "\n" not in str(refused.value)
    assert str(path) in str(refused.value)
    assert len(str(refused.value)) < 600
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before


def test_json_that_was_changed_is_refused():
    with pytest.raises(ValueError, match=r"this is not a record \(TypeError"):
        record.from_json({"tuple": 5})
    with pytest.raises(ValueError, match="which is no number"):
        record.from_json({"tuple": [float("nan")]})


def test_values_as_deep_as_is_allowed_come_back(tmp_path):
    value = (1.0,)
    for _ in range(98):
        value = (value,)
    record.save(value, tmp_path / "value.json")
    assert record.load(tmp_path / "value.json") == value
    with pytest.raises(ValueError, match="at most 100 deep"):
        record.save((((value,),),), tmp_path / "value.json")
    assert record.load(tmp_path / "value.json") == value


class Loose(eqx.Module):
    weights: Float[Array, " feature"]
    names: tuple[str, ...] = ()
    limit: float | None = None


@pytest.mark.parametrize(
    "wrong",
    [
        {"weights": "text"},
        {"weights": jnp.ones(2, dtype=int)},
        {"weights": jnp.ones(2), "names": ("a", 1)},
        {"weights": jnp.ones(2), "limit": "0.5"},
    ],
    ids=str,
)
def test_what_would_not_be_read_is_not_written(wrong, tmp_path):
    loose = object.__new__(Loose)
    for name, value in ({"names": (), "limit": None} | wrong).items():
        object.__setattr__(loose, name, value)
    with pytest.raises(ValueError, match="which cannot be what it is for"):
        record.save(loose, tmp_path / "loose.json")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    path = tmp_path / "reward.json"
    record.save(VALUES["linear"], path)
    monkeypatch.setattr("volition.record.arrays.MAX_BYTES", 10)
    with pytest.raises(ValueError, match="more than the 10 that such a file may have"):
        record.load(path)


def header(said: dict, body: bytes = b"") -> bytes:
    text = json.dumps(said).encode()
    return struct.pack("<Q", len(text)) + text + body


def of_arrays(shape, ends, dtype="F64", name="array0") -> dict:
    return {name: {"dtype": dtype, "shape": shape, "data_offsets": ends}}


ARRAYS = {
    "nothing": b"",
    "four bytes": b"1234",
    "a header of 2^62 bytes": struct.pack("<Q", 2**62) + b"{}",
    "a header of 5 MB": header({}).replace(b"{}", b"{" + b" " * 5 * 2**20 + b"}"),
    "text": b"{}" * 100,
    "a huge shape": header(of_arrays([10**12], [0, 8]), b"\0" * 8),
    "a huge shape of nothing": header(of_arrays([0, 10**15], [0, 0])),
    "one in another": header(
        of_arrays([2], [0, 16]) | of_arrays([2], [0, 16], name="b"), b"\0" * 16
    ),
    "too little": header(of_arrays([2], [0, 16]), b"\0" * 8),
    "too much": header(of_arrays([2], [0, 16]), b"\0" * 24),
    "another type": header(of_arrays([2], [0, 16], dtype="X64"), b"\0" * 16),
    "counts": header(of_arrays([2], [0, 16], dtype="I64"), b"\0" * 16),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_damaged_arrays_are_refused_in_one_sentence(name, tmp_path):
    path = tmp_path / "reward.json"
    record.save(VALUES["linear"], path)
    path.with_suffix(".safetensors").write_bytes(ARRAYS[name])
    with pytest.raises(ValueError, match="the checksum differs"):
        record.load(path)
    sign(path)  # whoever changed it knew how to make the checksum fit
    with pytest.raises(ValueError, match=r"reward\.json") as refused:
        record.load(path)
    assert "\n" not in str(refused.value)


SPECIAL = {
    "a folder": lambda path: path.mkdir(),
    "a pipe": os.mkfifo,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to nothing": lambda path: path.symlink_to("/nowhere/at/all"),
}


@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
@pytest.mark.parametrize("kind", SPECIAL)
def test_what_is_no_file_is_refused_at_once(kind, suffix, tmp_path):
    path = tmp_path / "reward.json"
    record.save(VALUES["linear"], path)
    path.with_suffix(suffix).unlink()
    SPECIAL[kind](path.with_suffix(suffix))
    with pytest.raises(ValueError, match=rf"reward\{suffix} is {kind}"):
        record.load(path)


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000])
def test_a_name_that_no_file_can_have(name):
    with pytest.raises(ValueError, match="cannot be read"):
        record.load(f"{name}.json")
