"""`volition run` on answers of real people."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from volition import record
from volition.study import Config, read_config

KEYS = {
    "answers",
    "neg_log_likelihood",
    "scaled_return",
    "never_end",
    "end_in_sheep",
    "verdict",
}
FILES = {
    "study.toml",
    "versions.json",
    "study.db",
    "results.json",
    "runs/pr-question.json",
    "runs/pr-question.posterior.json",
    "runs/pr-question.posterior.safetensors",
    "runs/pr-question.reward.json",
    "runs/pr-question.reward.safetensors",
}


@pytest.fixture
def few_samples(monkeypatch):
    monkeypatch.setattr("volition.study.run.N_SAMPLES", 5)


def content(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def no_constant(name):
    raise AssertionError(f"{name} is not JSON")


def arguments(data: Path, out: str, group: str = "pr-question", model: str = "plain"):
    folder = str(data / "delivery")
    options = ["--data", folder, "--model", model, "--group", group, "--json"]
    return ["run", "delivery", *options, "--out", out]


def test_a_plain_study(volition, volition_data, few_samples):
    code, out, err = volition(*arguments(volition_data, "study"))
    assert code == 0
    assert "Traceback" not in err
    said = json.loads(out.splitlines()[-1], parse_constant=no_constant)
    assert list(said) == ["groups"]
    assert list(said["groups"]) == ["pr-question"]
    group = said["groups"]["pr-question"]
    assert group.keys() >= KEYS
    assert (group["answers"], group["verdict"]) == (
        437,
        "nothing found in 5 of 17 checks",
    )
    assert group["neg_log_likelihood"] == pytest.approx(0.4976, abs=0.002)
    assert group["scaled_return"] == pytest.approx(0.995, abs=0.005)
    assert (group["never_end"], group["end_in_sheep"]) == (0.0, 0.0)
    # The table and where the study is are for people: not on standard output.
    assert "pr-question" in err
    assert "The study is in study." in err

    folder, before = Path("study"), content(Path("study"))
    assert before.keys() == FILES
    config = Config("delivery", "plain", 0, ("pr-question",))
    assert read_config(folder / "study.toml") == config
    written = json.loads(before["results.json"], parse_constant=no_constant)
    assert written == said
    detail = json.loads(before["runs/pr-question.json"], parse_constant=no_constant)
    assert detail["converged"] is True
    reward = record.load(folder / "runs" / "pr-question.reward.json")
    assert str(reward) == detail["reward"]
    assert all(math.isfinite(weight) for weight in reward.weights)
    # No pickle: those begin with \x80 and a protocol number.
    assert not any(part[:1] == b"\x80" for part in before.values())

    again = volition(*arguments(volition_data, "study"))
    assert (again.code, again.out) == (0, out)
    assert content(folder) == before

    other = volition(*arguments(volition_data, "study", group="trained-control"))
    assert (other.code, other.out) == (2, "")
    assert "another folder" in other.err
    assert other.err.count("\n") == 1
    assert content(folder) == before


def test_a_name_in_brackets_is_shown_as_it_is(volition, volition_data, few_samples):
    """Brackets are markup to what draws the tables."""
    whole = np.load(volition_data / "delivery" / "pr-question.npz", allow_pickle=False)
    Path("data").mkdir()
    np.savez(Path("data") / "a[b][red].npz", **{name: whole[name] for name in whole})
    code, out, err = volition(
        "run", "delivery", "--data", "data", "--model", "plain", "--out", "in[red]"
    )
    assert (code, err.count("Traceback")) == (0, 0)
    assert "a[b][red]" in out
    assert "The study is in in[red]." in out


@pytest.mark.slow
def test_the_default_study(volition, volition_data):
    code, out, err = volition(*arguments(volition_data, "study", model="default"))
    assert code == 0, err
    group = json.loads(out.splitlines()[-1], parse_constant=no_constant)
    group = group["groups"]["pr-question"]
    assert group.keys() >= KEYS
    assert group["answers"] == 437
    assert group["model"] in {"partial return", "regret", "foresight"}
    losses = {
        name: score["neg_log_likelihood"]["value"]
        for name, score in group["out_of_fold"].items()
    }
    assert len(losses) == 3
    assert group["model"] == min(losses, key=lambda name: losses[name])
    # The people of the pr- groups prefer partial returns, and nobody guesses.
    assert max(losses.values()) < np.log(3.0)
    assert group["scaled_return"] > 0.9
    assert group["never_end"] == 0.0
