"""A record from a stranger runs no code: it names our own classes, or trusted ones."""

import json
import subprocess
import sys
from pathlib import Path

import equinox as eqx
import jax.numpy as jnp
import pytest
from safetensors.numpy import save_file

from tests.reference.records import sign
from volition import record
from volition.reward import Function, Linear, Shaped, Tabular


class Mine(eqx.Module):
    """A user's own class."""

    part: Linear
    fn: object = None


def by_row(state, action):
    return 2.0 * state.row + action


def other(state, action):
    return 0.0


def function(path: str) -> dict:
    return {"function": path}


def partial(path: str, *args: str) -> dict:
    fields = {"func": function(path), "args": {"tuple": list(args)}}
    return {
        "class": "equinox._module._prebuilt:Partial",
        "fields": fields | {"keywords": {"dict": {}}},
    }


def reward(fn: object) -> dict:
    return {"class": "volition.reward.function:Function", "fields": {"fn": fn}}


STATEMENT = "open('PWNED', 'w').write('x')"
STRANGE = {
    "a statement by a profiler": reward(partial("cProfile:run", STATEMENT)),
    "a statement by a clock": reward(partial("timeit:timeit", "pass", STATEMENT)),
    "a module that does something": function("this:s"),
    "a module where Python was started": reward(function("evil_module:f")),
    "a module in ours": function("volition.reward.os:system"),
    "a module from a folder above": reward(function("volition...evil_module:f")),
    "a class of a module there": {"class": "evil_module:F", "fields": {}},
    "a command": {"class": "os:system", "fields": {}},
    "a process": {"class": "subprocess:Popen", "fields": {}},
    "a builtin": reward(function("builtins:exec")),
    "a function of ours": reward(function("volition.record.write:save")),
    "the command of ours": reward(function("volition.cli.main:main")),
    "a class of Equinox's": {"class": "equinox:Partial", "fields": {}},
    "JAX's": reward(function("jax.numpy:exp")),
    "within a tuple": {"tuple": [reward(function("evil_module:f"))]},
    "within a dict": {"dict": {"a": {"tuple": [function("evil_module:f")]}}},
    "a line break": function("os:system\nvolition.reward:Linear"),
    "no name": {"class": "evil_module", "fields": {}},
}


@pytest.mark.parametrize("name", STRANGE)
@pytest.mark.parametrize("signed", [True, False])
def test_nothing_is_imported_or_called(name, signed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    Path("evil_module.py").write_text(f"{STATEMENT}\ndef f(s, a): return 0.0\n")
    path = tmp_path / "reward.json"
    path.write_text(json.dumps(STRANGE[name]))
    save_file({}, path.with_suffix(".safetensors"))
    if signed:
        sign(path)
    loaded = set(sys.modules)
    sentence = "is not one of Volition's own classes, and a file runs no code"
    with pytest.raises(ValueError, match=sentence):
        record.load(path)
    with pytest.raises(ValueError, match=sentence):
        record.from_json(STRANGE[name])
    assert set(sys.modules) - loaded <= {"this", "cProfile"} & loaded
    assert not Path("PWNED").exists()


def test_what_is_trusted_comes_back(tmp_path):
    path = tmp_path / "mine.json"
    value = (Mine(Linear(("speed",), [2.0])), Function(by_row))
    assert record.foreign_parts(value) == (Mine, by_row)
    record.save(value, path)
    mine, paid = record.load(path, trust=(Mine, by_row))
    assert type(mine) is Mine
    assert eqx.tree_equal(mine, value[0])
    assert paid.fn is by_row
    assert eqx.tree_equal(
        record.from_json(record.to_json(value), trust=[by_row, Mine]), value
    )


@pytest.mark.parametrize("trust", [(), (Mine,), (by_row,), (Mine, other)])
def test_trust_in_one_thing_is_not_trust_in_another(trust, tmp_path):
    path = tmp_path / "mine.json"
    record.save((Mine(Linear(("speed",), [2.0])), Function(by_row)), path)
    with pytest.raises(ValueError, match=r"test_trust:(Mine|by_row)', which is not"):
        record.load(path, trust=trust)


@pytest.mark.parametrize(
    "trust", ["my_module", b"my_module", ("my_module:f",), (3,)], ids=str
)
def test_trust_is_in_things_and_not_in_names(trust, tmp_path):
    record.save((), tmp_path / "value.json")
    with pytest.raises(TypeError, match=r"such as trust=\(MyReward, my_function\)"):
        record.load(tmp_path / "value.json", trust=trust)


def test_our_own_need_no_trust_wherever_they_are():
    value = (Shaped(Tabular(jnp.ones(3)), jnp.ones(3), 0.9), Linear(("a",)))
    assert record.foreign_parts({"a": (value, 1.0, jnp.ones(2))}) == ()


def test_a_class_is_found_where_only_the_package_is_imported(tmp_path):
    """As when somebody reads the policy of a study."""
    program = (
        "import jax.numpy as jnp\n"
        "from volition import record\n"
        "from volition.study.highway import Blind\n"
        "record.save(Blind(jnp.ones(5)), 'policy.json')\n"
    )
    again = (
        "from volition import record\n"
        "print(type(record.load('policy.json')).__name__)\n"
    )
    for text in (program, again):
        done = subprocess.run(
            [sys.executable, "-c", text],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stdout == "Blind\n"
