"""Records: everything comes back as it was, and nothing is lost on the way."""

import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

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
    assert_same(record.from_json(json.loads(text)), VALUES[name])


@pytest.mark.parametrize("name", VALUES)
def test_a_file_gives_back_the_same_bits(name, tmp_path):
    path = tmp_path / "value.json"
    record.save(VALUES[name], path)
    assert_same(record.load(path), VALUES[name])


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
DAMAGED = {
    "half a text": ('{"tuple": [1', "value.json is not a record"),
    "no text": (b"\xff\xfe\x00", "value.json is not a record"),
    "unknown module": ({"class": "volition.nowhere:A", "fields": {}}, "nowhere:A, not"),
    "unknown class": ({"class": "volition.reward:A", "fields": {}}, "reward:A, not to"),
    "empty path": ({"function": ""}, "not to be imported here"),
    "not a module": ({"class": "builtins:dict", "fields": {}}, "which is not a module"),
    "other fields": (LINEAR | {"fields": {"bias": 1.0}}, r"has the fields \['bias'\]"),
    "no fields": (LINEAR, "value.json is not a record"),
    "unknown part": ({"set": [1]}, r"no known kind: \['set'\]"),
    "a list": ([1.0, 2.0], "no known kind: a bare list"),
    "no dtype": ({"array": [1.0]}, "value.json is not a record"),
    "wrong dtype": ({"array": [1.0], "dtype": "float99"}, "value.json is not a record"),
    "missing array": ({"stored": "array7"}, "array 'array7' is missing"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_record_is_refused_in_one_sentence(name, tmp_path):
    content, sentence = DAMAGED[name]
    path = tmp_path / "value.json"
    record.save((), path)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(ValueError, match=sentence) as refused:
        record.load(path)
    assert "\n" not in str(refused.value)


def test_json_that_was_changed_is_refused():
    with pytest.raises(ValueError, match=r"this is not a record \(KeyError"):
        record.from_json({"array": [1.0]})


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    path = tmp_path / "reward.json"
    record.save(VALUES["linear"], path)
    monkeypatch.setattr(record, "MAX_BYTES", 10)
    with pytest.raises(ValueError, match="is larger than 10 bytes: not a record"):
        record.load(path)
