"""A study in its folder: refused, resumed, and told where it did not converge."""

import functools
import json
from pathlib import Path

import jax
import pytest
import scipy.optimize

from volition.env import delivery
from volition.feedback import Comparison
from volition.reward import delivery_true
from volition.store import InputError
from volition.study import Config, Progress, run_study, simulate

SEED = 4
WORLD = delivery()
PLAIN = Config("simulated", "plain", SEED, ("simulated",))


@pytest.fixture(scope="module")
def answers() -> dict[str, Comparison]:
    made = simulate(jax.random.key(SEED), WORLD, delivery_true(), 60)
    return {"simulated": made}


@pytest.fixture(autouse=True)
def few_samples(monkeypatch):
    monkeypatch.setattr("volition.study.run.N_SAMPLES", 4)


def run(config: Config, folder: Path, answers):
    return run_study(config, folder, answers, Progress(10))


def content(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_study_is_its_evidence_and_configuration(tmp_path, answers):
    """From those two alone everything else comes again, to the bit."""
    run(PLAIN, tmp_path / "one", answers)
    before = content(tmp_path / "one")
    assert before.keys() == {
        "study.toml",
        "study.db",
        "versions.json",
        "results.json",
        "runs/simulated.json",
        "runs/simulated.posterior.json",
        "runs/simulated.posterior.safetensors",
        "runs/simulated.reward.json",
        "runs/simulated.reward.safetensors",
    }
    run(PLAIN, tmp_path / "one", answers)
    assert content(tmp_path / "one") == before
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "study.db").write_bytes(before["study.db"])
    run(PLAIN, tmp_path / "two", None)
    assert content(tmp_path / "two") == before


@pytest.mark.parametrize(
    "other",
    [
        Config("simulated", "default", SEED, ("simulated",)),
        Config("simulated", "plain", SEED + 1, ("simulated",)),
        Config("simulated", "plain", SEED, ("nobody",)),
    ],
    ids=["model", "seed", "group"],
)
def test_another_study_is_refused_and_nothing_changes(tmp_path, answers, other):
    run(PLAIN, tmp_path, answers)
    before = content(tmp_path)
    with pytest.raises(InputError, match="another folder") as caught:
        run(other, tmp_path, answers)
    assert str(tmp_path) in str(caught.value)
    assert content(tmp_path) == before


def test_a_group_without_answers_is_refused(tmp_path, answers):
    with pytest.raises(InputError, match="no answers of 'nobody'"):
        run(Config("simulated", "plain", 0, ("nobody",)), tmp_path, answers)


def test_too_few_questions_to_compare_models_are_refused(tmp_path, answers):
    few = {name: jax.tree.map(lambda leaf: leaf[:9], answers[name]) for name in answers}
    config = Config("simulated", "default", 0, ("simulated",))
    with pytest.raises(InputError, match=r"9 questions.*plain"):
        run(config, tmp_path / "study", few)
    assert not (tmp_path / "study").exists()


def test_inference_that_does_not_converge_is_no_traceback(
    tmp_path, answers, monkeypatch
):
    """Each search may take a single step."""
    short = functools.partial(scipy.optimize.minimize)

    def minimize(*arguments, options, **named):
        return short(*arguments, options=options | {"maxiter": 1}, **named)

    monkeypatch.setattr(scipy.optimize, "minimize", minimize)
    found = run(PLAIN, tmp_path, answers)["simulated"]
    assert not found.posterior.result.converged
    said = json.loads((tmp_path / "runs" / "simulated.json").read_text())
    assert said["converged"] is False
    assert "still gains" in said["inference"]
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["groups"]["simulated"]["converged"] is False


def test_one_answer_has_a_result_without_an_interval(tmp_path, answers):
    one = {name: jax.tree.map(lambda leaf: leaf[:1], answers[name]) for name in answers}
    run(PLAIN, tmp_path, one)

    def never(name):
        raise AssertionError(f"{name} in the results")

    text = (tmp_path / "results.json").read_text()
    said = json.loads(text, parse_constant=never)["groups"]["simulated"]
    assert said["answers"] == 1
    assert said["intervals"]["neg_log_likelihood"]["low"] is None
