"""Run a study: answers in, a reward, a policy and a verdict for each group out."""

import json
import math
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from volition import record
from volition.env import FiniteMDP, delivery
from volition.evaluation import (
    AnswerScore,
    Estimate,
    PolicyScore,
    clustered_mean,
    sample_interval,
    score_reward,
)
from volition.evaluation.answers import clusters_of
from volition.feedback import Comparison, Dataset
from volition.inference import Posterior
from volition.probes import Audit, audit
from volition.reward import AbstractReward, delivery_true
from volition.store import InputError, file_size, read_evidence, rows_of, write_evidence
from volition.study.config import Config, read_config
from volition.study.models import N_FOLDS, fit_default, fit_plain
from volition.study.progress import Progress
from volition.study.versions import write_versions

N_SAMPLES = 100  # rewards drawn from the posterior for the intervals of a policy
STEPS = {"plain": 2, "default": 5}  # that `run_group` tells of, for each model


class GroupResult(eqx.Module):
    """What came out for one group of people.

    Args:
        model: of the people.
        posterior: over rewards and people.
        neg_log_likelihood: of the answers that were fitted, nats per answer.
        out_of_fold: score of each model of people on answers not fitted.
        scaled_return: of optimising the mean reward, under the truth.
        never_end: share of starts from which that never ends.
        end_in_sheep: share of starts from which that ends in no goal.
        audit: of the mean reward.
    """

    model: str
    posterior: Posterior
    neg_log_likelihood: Estimate
    out_of_fold: dict[str, AnswerScore]
    scaled_return: Estimate
    never_end: Estimate
    end_in_sheep: Estimate
    audit: Audit

    def summary(self) -> dict:
        """The few numbers of the table, and their intervals."""
        numbers = {
            "neg_log_likelihood": self.neg_log_likelihood,
            "scaled_return": self.scaled_return,
            "never_end": self.never_end,
            "end_in_sheep": self.end_in_sheep,
        }
        scores = self.out_of_fold.items()
        return (
            {
                "answers": len(self.posterior.problem.answers),
                "model": self.model,
                "converged": self.posterior.result.converged,
            }
            | {name: number.value for name, number in numbers.items()}
            | {"verdict": self.audit.verdict}
            | {"intervals": {name: number.record() for name, number in numbers.items()}}
            | {
                "out_of_fold": {
                    name: {
                        "neg_log_likelihood": score.neg_log_likelihood.record(),
                        "accuracy": score.accuracy.record(),
                        "calibration_error": score.calibration_error,
                        "reliability": [each._asdict() for each in score.reliability],
                    }
                    for name, score in scores
                }
            }
        )

    def details(self, env: FiniteMDP) -> dict:
        """All that a reader of the study may ask for; paths in words of the world."""
        return self.summary() | {
            "reward": str(self.posterior.mean),
            "inference": self.posterior.result.message,
            "diagnostics": self.posterior.result.diagnostics,
            "unidentified": [each.sentence for each in self.posterior.unidentified()],
            "findings": [each.record(env) for each in self.audit.findings],
            "searched": list(self.audit.searched),
            "not_searched": list(self.audit.not_searched),
            "checks": [one.record() for one in self.audit.checks],
        }


def run_study(
    config: Config,
    folder: Path,
    answers: dict[str, Comparison] | None,
    progress: Progress,
) -> dict[str, GroupResult]:
    """Run a study in its folder; the same inputs give the same bits.

    Args:
        config: what to do; written to `study.toml`.
        folder: made where it is missing.
        answers: of each group; None takes what `study.db` holds.
        progress: is told of each step.

    Returns:
        What came out for each group; the same is in `results.json` and `runs/`.

    Raises:
        InputError: where the folder holds another study or cannot be made, or there
            are too few answers.
    """
    world, truth = delivery(), delivery_true()
    database = folder / "study.db"
    given = read_evidence(database, world) if answers is None else answers
    _check(config, folder, given)
    if answers is not None:
        rows = [row for name in answers for row in rows_of(name, answers[name])]
        _make(folder)
        write_evidence(database, rows)
    evidence = read_evidence(database, world)
    record.write_text(folder / "study.toml", config.to_toml())
    write_versions(folder)
    (folder / "runs").mkdir(exist_ok=True)
    results = {}
    for name in config.groups:
        progress.where = name
        # A group's key depends on its name alone, not on which others are run.
        group_key = jax.random.fold_in(jax.random.key(config.seed), number_of(name))
        batch = Dataset.of(evidence[name])
        results[name] = run_group(
            world, truth, batch, config.model, group_key, progress
        )
        path = folder / "runs" / f"{name}.json"
        record.write_text(path, to_text(results[name].details(world), indent=1) + "\n")
        posterior = results[name].posterior
        record.save(posterior.mean, folder / "runs" / f"{name}.reward.json")
        # What `volition evaluate` asks for intervals and for what is identified.
        record.save(posterior, folder / "runs" / f"{name}.posterior.json")
    record.write_text(folder / "results.json", results_text(results) + "\n")
    return results


def _check(config: Config, folder: Path, answers: dict[str, Comparison]) -> None:
    """Refuse what would fail, before anything is written."""
    written = folder / "study.toml"
    if written.exists():
        if read_config(written) != config:
            raise InputError(
                f"{written} is another study's: give --out another folder."
            )
        # It is written behind the evidence, which is not begun anew in silence.
        if not file_size(folder / "study.db"):
            raise InputError(
                f"{folder / 'study.db'} is missing or empty beside {written.name}, so "
                "the answers are lost: put a copy back, or give --out another folder."
            )
    missing = set(config.groups) - set(answers)
    if missing:
        raise InputError(
            f"there are no answers of {sorted(missing)[0]!r}: the groups are "
            f"{sorted(answers)}."
        )
    for name in config.groups if config.model == "default" else ():
        n_questions = len(np.unique(np.asarray(answers[name].question)))
        if n_questions < N_FOLDS:
            raise InputError(
                f"{name} has answers to {n_questions} questions, and models of people "
                f"are compared over {N_FOLDS}: give more, or --model plain."
            )


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{folder} cannot be made ({error.strerror}): give --out another folder."
        ) from error


def run_group(
    world: FiniteMDP,
    truth: AbstractReward,
    answers: Dataset,
    model: str,
    key: PRNGKeyArray,
    progress: Progress,
) -> GroupResult:
    """Infer, optimise, evaluate and audit for one group of people.

    Args:
        world: where they compared paths.
        truth: the true reward; it scores, and nothing else.
        answers: theirs.
        model: "default" or "plain".
        key: consumed.
        progress: is told of each step.
    """
    fit_key, sample_key = jax.random.split(key)
    scores: dict[str, AnswerScore] = {}
    if model == "plain":
        progress.step("fitting")
        name, posterior = "plain", fit_plain(world, answers)
    else:
        name, posterior, scores = fit_default(world, answers, fit_key, progress)
    progress.step("optimising, evaluating and auditing")
    learned = posterior.mean
    score = score_reward(world, learned, truth)
    samples = posterior.sample(sample_key, N_SAMPLES)
    spread = [
        score_reward(
            world, jax.tree.map(lambda leaf, row=row: leaf[row], samples), truth
        )
        for row in range(N_SAMPLES)
    ]
    problem = posterior.problem
    each = np.asarray(_each_log_likelihood(posterior))
    there = np.asarray(answers.present)
    return GroupResult(
        model=name,
        posterior=posterior,
        neg_log_likelihood=clustered_mean(
            -each[there], clusters_of(problem.answers)[there]
        ),
        out_of_fold=scores,
        scaled_return=_spread(score, spread, "scaled_return"),
        never_end=_spread(score, spread, "never_end"),
        end_in_sheep=_spread(score, spread, "end_elsewhere"),
        audit=audit(learned, world),
    )


def _spread(score: PolicyScore, spread: list[PolicyScore], name: str) -> Estimate:
    samples = np.array([getattr(one, name) for one in spread])
    return sample_interval(getattr(score, name), samples, "rewards of the posterior")


@eqx.filter_jit
def _each_log_likelihood(posterior: Posterior):
    problem = posterior.problem
    return problem.each_log_likelihood(posterior.belief.mean(problem))


def number_of(name: str) -> int:
    """A number for a name: its bytes, modulo a prime below 2^32."""
    return int.from_bytes(name.encode(), "big") % 4_294_967_291


def results_text(results: dict[str, GroupResult]) -> str:
    """The results of all groups as one line of JSON."""
    groups = {name: result.summary() for name, result in results.items()}
    return to_text({"groups": groups})


def to_text(value: dict, indent: int | None = None) -> str:
    """JSON in which a number that is not there is null."""
    return json.dumps(_finite(value), indent=indent, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
