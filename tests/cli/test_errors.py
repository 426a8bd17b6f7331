"""What cannot be used ends in one sentence, exit code 2, and nothing written."""

import os
import subprocess
import sys
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.records import sign
from tests.reference.traffic import queue, scenario, vehicle
from volition import record
from volition.cli.main import command
from volition.cli.start import start_jax
from volition.policy import Always
from volition.reward import (
    AbstractReward,
    Linear,
    Scaled,
    Shaped,
    Tabular,
    delivery_true,
)


@pytest.mark.parametrize("name", [None, *command.commands])
def test_every_command_has_help(volition, name):
    for option in ("--help", "-h"):
        code, out, err = volition(*filter(None, [name, option]))
        assert (code, err) == (0, "")
        assert out.startswith("Usage: volition")
        if name is None:
            assert all(f"  {each} " in out for each in command.commands)
        else:
            parameters = command.commands[name].params
            flags = [flag for each in parameters for flag in each.opts if "--" in flag]
            assert all(flag in out for flag in flags)


def a_group(folder: Path, name: str = "one", **changed) -> None:
    """Ten answers to the same question: up, and up again, from (5, 5) or (9, 9)."""
    folder.mkdir(exist_ok=True)
    pair = [[(5, 5), (-1, 0), (-1, 0), (-1, 0)], [(9, 8), (-1, 0), (0, 1), (0, 0)]]
    arrays = {
        "segments": np.array([pair] * 10, dtype=np.int8),
        "prefers_second": np.tile([1.0, 0.5], 5),
    }
    np.savez(folder / f"{name}.npz", **(arrays | changed))


# Each: the arguments, and what the sentence says.
BAD = {
    "unknown study": (["run", "cooking"], "'cooking'"),
    "unknown command": (["rum"], "'rum'"),
    "unknown group": (["run", "delivery", "--data", "data", "--group", "two"], "'two'"),
    "no data": (["run", "delivery"], "VOLITION_DATA"),
    "missing folder": (["run", "delivery", "--data", "nowhere"], "nowhere"),
    "folder without groups": (["run", "delivery", "--data", "."], "*.npz"),
    "bad group": (["run", "delivery", "--data", "bad"], "prefers_second[1] is 0.7"),
    "bad model": (["run", "delivery", "--data", "data", "--model", "best"], "'best'"),
    "negative seed": (["run", "--seed", "-1"], "-1"),
    "data for a simulated person": (["run", "simulated", "--data", "data"], "--data"),
    "too few questions": (["run", "delivery", "--data", "data"], "--model plain"),
    "unknown road": (["drive", "highwy"], "did you mean 'highway'?"),
    "no such road": (["drive", "river"], "highway, merge, two-way, exit"),
    "unknown policy": (["drive", "merge", "--policy", "slow"], "'slower'?"),
    "a file that is no policy": (["drive", "merge", "--policy", "file"], "file"),
    "pictures into a file": (["drive", "merge", "--out", "file"], "file"),
    "no recordings": (["run", "drivers"], "VOLITION_DATA"),
    "folder without recordings": (["run", "drivers", "--data", "data"], "*.xml"),
    "no such recordings": (["run", "drivers", "--data", "nowhere"], "nowhere"),
    "no archive": (["run", "drivers", "--data", "file"], "tar archive"),
    "recordings without tracks": (["run", "drivers", "--data", "still"], "trajectory"),
    "recordings with NaN": (["run", "drivers", "--data", "nan"], "its x is 'nan"),
    "too few vehicles": (["run", "drivers", "--data", "few"], "too few for 5 folds"),
    "no lanes": (["run", "drivers", "--data", "lanes"], "has no lane"),
    "a group of drivers": (["run", "drivers", "--group", "two"], "--group"),
    "answers of drivers": (["run", "drivers", "--answers", "4"], "--answers"),
    "report of nothing": (["report", "nowhere"], "there is no folder nowhere"),
    "report of a typo": (["report", "emty"], "did you mean empty?"),
    "report of an empty folder": (["report", "empty"], "has no study.toml"),
    "report of what was not run": (["report", "begun"], "has no results yet"),
    "report of a damaged study": (["report", "torn"], "torn/results.json is damaged"),
    "report of another kind": (["report", "label"], "of kind 'label'"),
    "two reports": (["report", "empty", "--json", "--markdown"], "one of them"),
    "audit of nothing": (["audit", "nowhere"], "there is no folder nowhere"),
    "audit of an empty folder": (["audit", "empty"], "has no study.toml"),
    "audit of a file": (["audit", "file"], "file"),
    "audit of another version": (["audit", "old"], "not what this version writes"),
    "audit of drivers": (["audit", "torn"], "nobody optimised"),
    "audit of what was not run": (["audit", "begun"], "has no results yet"),
    "audit into another folder": (["audit", "empty", "--out", "x"], "--out"),
    "evaluation of nothing": (["evaluate", "nowhere"], "there is no folder nowhere"),
    "evaluation of a typo": (["evaluate", "emty"], "did you mean empty?"),
    "evaluation of an empty folder": (["evaluate", "empty"], "has no study.toml"),
    "evaluation of what was not run": (["evaluate", "begun"], "has no results yet"),
    "evaluation of a file": (["evaluate", "file"], "file"),
    "evaluation of another version": (["evaluate", "old"], "not what this version"),
    "evaluation of drivers": (["evaluate", "torn"], "nothing more to evaluate"),
    "evaluation of a damaged study": (
        ["evaluate", "broken"],
        "results.json is damaged",
    ),
    "evaluation of no posterior": (["evaluate", "bare"], "posterior.json is missing"),
    "a file for a folder": (
        ["run", "delivery", "--data", "data", "--model", "plain", "--out", "file"],
        "file",
    ),
    "a folder in a file": (
        ["run", "delivery", "--data", "data", "--model", "plain", "--out", "file/in"],
        "file/in",
    ),
}


def study_of(folder: str, kind: str) -> Path:
    """A study's folder in which nothing has come out yet."""
    Path(folder).mkdir()
    (Path(folder) / "study.toml").write_text(f'study = "{kind}"\n')
    return Path(folder)


def recordings_of(folder: Path, text: str) -> None:
    folder.mkdir()
    (folder / "one.xml").write_text(text)


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_one_sentence_and_nothing_written(volition, kind):
    arguments, said = BAD[kind]
    a_group(Path("data"))
    a_group(Path("bad"), prefers_second=np.array([1.0] + 9 * [0.7]))
    Path("file").write_text("was here before")
    recordings_of(Path("still"), scenario([]))
    recordings_of(
        Path("nan"), queue(0).replace("<position><point><x>", "<position><point><x>nan")
    )
    recordings_of(Path("few"), queue(0, n_vehicles=4))
    recordings_of(Path("lanes"), scenario([vehicle(1, 0.0, 0.0, lambda t: 9.0)], ()))
    Path("empty").mkdir()
    study_of("begun", "highway")
    study_of("label", "label")
    (study_of("old", "highway") / "results.json").write_text('{"scores": {"x": 1}}')
    (study_of("broken", "delivery") / "results.json").write_text('{"groups": ')
    groups = study_of("bare", "delivery")
    (groups / "study.toml").write_text('study = "delivery"\ngroups = ["one"]\n')
    (groups / "results.json").write_text('{"groups": {"one": {}}}')
    (study_of("torn", "drivers") / "results.json").write_text('{"scores": ')
    before = sorted(Path().rglob("*"))
    code, out, err = volition(*arguments)
    assert (code, out) == (2, "")
    # Above the sentence, a mistake in the command itself shows how it is used.
    usage, _, sentence = err.rpartition("Error: ")
    assert usage == "" or usage.startswith("Usage: volition")
    assert said in sentence
    assert sentence.endswith((".\n", "?\n"))
    assert sentence.count("\n") == 1
    assert sorted(Path().rglob("*")) == before
    assert Path("file").read_text() == "was here before"


def test_the_installed_command(tmp_path):
    installed = Path(sys.executable).with_name("volition")
    keep = {"PATH", "HOME", "LANG"}
    environment = {name: os.environ[name] for name in keep & os.environ.keys()}
    environment |= {"JAX_PLATFORMS": "cpu", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        [installed, "run", "delivery", "--out", "study"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: no data: give --data")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize("value", ["", "/some/cache"])
def test_where_compiled_programs_are_kept(monkeypatch, value):
    """An empty XDG_CACHE_HOME counts as none, as its specification says."""
    kept = {}
    monkeypatch.setattr(jax.config, "update", kept.__setitem__)
    monkeypatch.setenv("XDG_CACHE_HOME", value)
    start_jax()
    folder = value or str(Path.home() / ".cache")
    assert kept["jax_compilation_cache_dir"] == f"{folder}/volition/xla"


def test_pictures_are_not_put_into_a_file(volition):
    Path("taken").write_text("mine")
    found = volition("bench", "tabular", "--out", "taken")
    assert found.code == 2
    assert "'taken' is a file" in found.err
    assert Path("taken").read_text() == "mine"


def forged_rewards() -> dict[str, AbstractReward]:
    """What only a changed file holds, or a file for another world."""
    truth = delivery_true()
    change = lambda name, value: eqx.tree_at(
        lambda reward: getattr(reward, name), truth, value
    )
    return {
        "too few weights": change("weights", jnp.ones(5)),
        "rows of weights": change("weights", jnp.ones((1, 6))),
        "a number for weights": change("weights", 3.0),
        "NaN": change("weights", jnp.full(6, jnp.nan)),
        "infinity": change("weights", jnp.full(6, jnp.inf)),
        "99 states": Tabular(jnp.ones(99)),
        "101 states": Tabular(jnp.ones(101)),
        "1 state": Tabular(jnp.ones(1)),
        "3 actions": Tabular(jnp.ones((100, 3))),
        "5 actions": Tabular(jnp.ones((100, 5))),
        "rows": Tabular(jnp.ones((10, 10))),
        "a potential of 99": Shaped(Tabular(jnp.ones(100)), jnp.ones(99), 0.9),
        "a table inside": Shaped(Tabular(jnp.ones(99)), jnp.ones(100), 0.9),
        "scaled": Scaled(Tabular(jnp.ones(99)), 2.0),
        "another world": Linear(("a", "b", "c", "d", "e", "f")),
    }


@pytest.mark.parametrize("command_", ["audit", "evaluate"])
@pytest.mark.parametrize("name", forged_rewards())
def test_a_reward_that_does_not_fit_the_world_is_refused(volition, name, command_):
    record.save(forged_rewards()[name], "reward.json")
    code, out, err = volition(command_, "reward.json")
    assert (code, out) == (2, "")
    assert "reward.json" in err
    assert "delivery world" in err or "not finite" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("subject", ["x" * 300, "loop", "pipe.json", "/dev/zero"])
@pytest.mark.parametrize("command_", ["audit", "evaluate", "report"])
def test_what_nothing_can_be_about(volition, subject, command_):
    Path("loop").symlink_to("loop")
    os.mkfifo("pipe.json")
    code, out, err = volition(command_, subject)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1


def test_a_policy_with_a_function_of_a_stranger_does_not_drive(volition):
    Path("evil_module.py").write_text("open('PWNED', 'w').write('x')\n")
    record.save(Always(1), "policy.json")
    text = Path("policy.json").read_text()
    Path("policy.json").write_text(
        text.replace("volition.policy.policy:Always", "evil_module:Always")
    )
    sign(Path("policy.json"))
    code, out, err = volition("drive", "highway", "--policy", "policy.json")
    assert (code, out) == (2, "")
    assert "is not one of Volition's own classes, and a file runs no code" in err
    assert err.count("\n") == 1
    assert not Path("PWNED").exists()
