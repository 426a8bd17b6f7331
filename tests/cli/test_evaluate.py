"""`volition evaluate`, on a reward, and on studies as `volition run` leaves them."""

import json
from pathlib import Path

import pytest

from volition import record
from volition.reward import delivery_true
from volition.study import HighwayConfig

pytestmark = pytest.mark.slow
SMALL = HighwayConfig(n_seeds=2, n_steps=8192, n_episodes=3, n_real=0, n_answers=8)


@pytest.fixture
def few(monkeypatch):
    """As little of everything as there can be."""
    monkeypatch.setattr("volition.cli.run.N_SIMULATED", 60)
    monkeypatch.setattr("volition.study.run.N_SAMPLES", 4)
    monkeypatch.setattr("volition.study.evaluation.N_DRAWS", 3)
    monkeypatch.setattr("volition.study.evaluated.OPTIMISERS", 1)
    monkeypatch.setattr("volition.study.evaluated.N_BOARDS", 2)


def content(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_the_truth_is_the_truth(volition):
    record.save(delivery_true(), "truth.json")
    code, out, err = volition("evaluate", "truth.json", "--json")
    assert code == 0, err
    found = json.loads(out)["rewards"]["truth.json"]
    assert all(one["value"] < 1e-6 for one in found["distances"].values())
    assert found["known"]["equivalent"] < 1e-6
    assert found["known"]["opposite"] == pytest.approx(1.0)
    assert found["order"]["kendall"]["value"] == pytest.approx(1.0)
    # By how the warmest optimiser is defined, it gives away 5 %.
    assert found["optimised"]["worst"]["value"] == pytest.approx(0.95, abs=0.01)
    assert found["other_boards"]["least"]["value"] == pytest.approx(1.0)
    assert found["short_form"]["faithful"]
    assert found["counterfactuals"]["flipped"]["value"] == 1.0
    assert "distance, STARC: 0.000 (exact)" in err
    # No posterior, so nothing of it is said.
    assert not {"rates", "stability", "moved"} & found.keys()
    assert volition("evaluate", "truth.json", "--json").out == out


def test_the_opposite_of_the_truth_is_as_far_as_can_be(volition, few):
    truth = delivery_true()
    record.save(type(truth)(truth.feature_names, -truth.weights), "worst.json")
    code, out, err = volition("evaluate", "worst.json", "--json")
    assert code == 0, err
    found = json.loads(out)["rewards"]["worst.json"]
    spread = found["distances"].pop("EPIC, spread")
    assert spread["value"] < 1e-6
    values = [one["value"] for one in found["distances"].values()]
    assert values == pytest.approx([1.0] * len(values))
    assert found["order"]["kendall"]["value"] < -0.9
    assert found["optimised"]["worst"]["value"] < 0.0


def test_a_study_of_answers(volition, few, monkeypatch):
    made = volition("run", "simulated", "--model", "plain", "--out", "study")
    assert made.code == 0, made.err
    before = content(Path("study"))
    code, out, err = volition("evaluate", "study")
    assert code == 0, err
    assert out.startswith("simulated:\n")
    assert out.endswith("The evaluation is study/evaluation.json.\n")
    after = content(Path("study"))
    assert set(after) - set(before) == {"evaluation.json"}
    assert {name: after[name] for name in before} == before
    found = json.loads(after["evaluation.json"])["rewards"]["simulated"]
    assert found["distances"]["STARC"]["n"] == 3
    assert len(found["moved"]["goal"]) == 3
    numbers = {"rates", "notes", "weights", "unit_feature"}
    assert found["rates"].keys() == numbers
    assert volition("evaluate", "study").code == 0
    assert content(Path("study")) == after
    text = volition("report", "study", "--markdown").out
    line = next(line for line in text.splitlines() if line.startswith("| A4 | "))
    assert not line.endswith("| not measured |")

    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("volition.cli.evaluate.evaluate_group", stopped)
    assert volition("evaluate", "study", "--seed", "1").code == 1
    assert content(Path("study")) == after


def test_a_highway_study(volition):
    from volition.cli.highway import show_highway

    assert volition("--version").code == 0  # in its folder, with its settings
    show_highway(SMALL, Path("study"), True)
    code, out, err = volition("evaluate", "study", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert json.loads(Path("study/evaluation.json").read_text()) == found
    drivers = found["driving"]["drivers"]
    assert drivers["random"]["train"]["iqm"]["value"] == 0.0
    assert found["subject"] == "answers of people"
    assert drivers["answers of people"]["held out"]["iqm"]["n"] == 2
    reward = found["reward"]
    assert -1.0 <= reward["order"]["kendall"]["value"] <= 1.0
    for one in reward["distances"].values():
        assert 0.0 <= one["low"] <= one["value"] <= one["high"] <= 1.0
    assert volition("evaluate", "study", "--json").out == out
    text = volition("report", "study", "--markdown").out
    assert "Share of runs above a scaled return" in text
    # Where nobody was asked, it is about the reward of the textbook.
    results = json.loads(Path("study/results.json").read_text())
    del results["scores"]["answers of people"]
    Path("study/results.json").write_text(json.dumps(results | {"weights": []}))
    code, out, err = volition("evaluate", "study", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["subject"] == "speed - collision"
    assert "rates" not in found["reward"]
    assert volition("report", "study").code == 0
    Path("study/runs/policy-1-1.json").unlink()
    code, out, err = volition("evaluate", "study")
    assert (code, out) == (2, "")
    assert "study/runs/policy-1-1.json is missing" in err
