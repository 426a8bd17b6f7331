"""Real drivers: the reward that their choices on a motorway say they had."""

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from volition import record
from volition.env.driving import NAMES, PUBLISHED, Moment
from volition.env.inputs import Scaled
from volition.evaluation import Estimate, clustered_mean, folds
from volition.feedback import Dataset, OneOf
from volition.human import Boltzmann, BradleyTerry, PartialReturn
from volition.inference import (
    AbstractMethod,
    AbstractPrior,
    Ensemble,
    Laplace,
    Normal,
    Posterior,
    fit,
    over_clusters,
)
from volition.reward import AbstractReward, FeatureInputs, Linear, Network
from volition.study.config import begin_study
from volition.study.driver_choices import Choices, choice_answers, driver_choices
from volition.study.driver_predictions import baselines, measures, ranked
from volition.study.progress import Progress

N_DRAWS = 4000  # of the posterior, for ratios of weights
PRIOR_SCALE = 3.0  # nats by which a usual spread of a feature may move a choice
PINNED = (-10.0, 0.05)  # the published weight of a collision, and how firmly it is held
WIDTHS = (16, 16)

LINEAR, NETWORK = "linear reward", "network reward"
LEAKING = "linear, future known"
PUBLISHED_FIT = "published method"
PUBLISHED_FEATURES = "published features"


@dataclasses.dataclass(frozen=True)
class DriversConfig:
    """What is done.

    Args:
        seed: of folds and networks.
        n_folds: of vehicles; who is predicted was never learned from.
        n_members: of the network's ensemble; 0 leaves the network out.
        n_steps: of their training.
    """

    seed: int = 0
    n_folds: int = 5
    n_members: int = 3
    n_steps: int = 1500


@dataclasses.dataclass(frozen=True)
class DriversResult:
    """What the study found.

    Args:
        scores: of everybody who predicts, by measure; errors in m.
        ahead: by how much the linear reward's `fde5` is below another's, m, in pairs.
        weights: of the linear reward, reward units per unit of each feature.
        prices: how much mean speed it is worth to have one unit less of a feature, m/s;
            only where neither weight may be 0.
        notes: what was not identified, and how inference went.
        n_moments: how many.
        n_vehicles: of how many vehicles.
        posterior: of the linear reward, over features in their usual spread.
    """

    scores: dict[str, dict[str, Estimate]]
    ahead: dict[str, Estimate]
    weights: dict[str, Estimate]
    prices: dict[str, Estimate]
    notes: tuple[str, ...]
    n_moments: int
    n_vehicles: int
    posterior: Posterior

    @property
    def reward(self) -> Linear:
        """The linear reward, in units of the features."""
        return Linear(NAMES, [one.value for one in self.weights.values()])

    def summary(self) -> dict:
        """The same as JSON values, each estimate as `[value, low, high]`."""
        short = {
            "fde5": (LINEAR, "fde5"),
            "fde5_best_of_3": (LINEAR, "fde5_best_of_3"),
            "fde5_constant_velocity": ("constant velocity", "fde5"),
            "fde5_idm": ("IDM", "fde5"),
            "fde5_idm_fitted": ("IDM fitted", "fde5"),
            "fde5_published": (PUBLISHED_FIT, "fde5"),
            "fde5_published_features": (PUBLISHED_FEATURES, "fde5"),
            "fde5_future_known": (LEAKING, "fde5"),
            "fde5_network": (NETWORK, "fde5"),
        }
        found = {
            key: _triple(self.scores[who][measure])
            for key, (who, measure) in short.items()
            if who in self.scores
        }
        parts = {"ahead": self.ahead, "weights": self.weights, "prices": self.prices}
        return found | {
            "n_moments": self.n_moments,
            "n_vehicles": self.n_vehicles,
            "scores": {who: _triples(one) for who, one in self.scores.items()},
            **{name: _triples(part) for name, part in parts.items()},
            "notes": list(self.notes),
        }


def _triple(estimate: Estimate) -> list[float]:
    return [estimate.value, estimate.low, estimate.high]


def _triples(estimates: dict[str, Estimate]) -> dict[str, list[float]]:
    return {name: _triple(one) for name, one in estimates.items()}


def drivers_steps(config: DriversConfig) -> int:
    """How many steps the study tells of."""
    return 2 + config.n_folds * (4 + (config.n_members > 0))


def run_drivers(
    config: DriversConfig, moments: Sequence[Moment], folder: Path, progress: Progress
) -> DriversResult:
    """Learn from some drivers what they want, and predict the others.

    At each moment a driver chose one of the same 51 paths, in proportion to the
    exponential of its mean reward (`Boltzmann`); the weights have a Gaussian posterior
    (`Laplace`), made as wide as the spread over vehicles (`over_clusters`). All moments
    of a vehicle are in one fold.

    Args:
        config: what is done.
        moments: of at least as many vehicles as folds.
        folder: made where it is missing; `study.toml` says what was done,
            `results.json` what came out, `runs/reward.json` is the linear reward.
        progress: told of each step.

    Raises:
        InputError: where the folder holds another study or cannot be made.
        ValueError: for fewer vehicles than folds.

    Source: Z. Huang, J. Wu, C. Lv, "Driving behavior modeling using naturalistic human
    driving data with inverse reinforcement learning", arXiv 2010.03118. Differs: the
    driver's own path is not in the sum, no weight is given, the others are predicted,
    and who is predicted was not learned from.
    """
    begin_study("drivers", config, folder)
    progress.step("what drivers could have done")
    choices = driver_choices(moments)
    vehicle = choices.vehicle
    fold_key, key = jax.random.split(jax.random.key(config.seed))
    answers = choice_answers(choices.features[:, :, :1], choices.chosen, vehicle)
    fold = folds(answers, config.n_folds, fold_key)[: len(vehicle)]
    learners: dict[str, Callable] = {
        LINEAR: lambda seen: _linear(choices.features, choices, seen),
        LEAKING: lambda seen: _linear(choices.leaking, choices, seen),
        PUBLISHED_FIT: lambda seen: _published(choices, seen),
        PUBLISHED_FEATURES: lambda seen: _linear(choices.published_only, choices, seen),
    }
    if config.n_members:
        learners[NETWORK] = lambda seen: _network(choices, seen, config, key)
    baseline = baselines(choices, fold)
    predicted = dict(baseline)
    for name, learner in learners.items():
        worth = np.zeros(choices.away.shape[:2])
        for number in range(config.n_folds):
            progress.step(f"{name}: fold {number + 1} of {config.n_folds}")
            here = fold == number
            _, worth_of = learner(~here)
            worth[here] = worth_of(here)
        predicted[name] = ranked(choices, worth)
    progress.step("what all drivers together say")
    posterior, _ = _linear(choices.features, choices, np.ones(len(vehicle), bool))
    clusters = np.zeros(posterior.problem.answers.capacity, dtype=np.int64)
    clusters[: len(vehicle)] = vehicle
    robust = over_clusters(posterior, clusters)
    spread = _spread(choices.features)
    weights, prices, notes = _exchange(robust, spread, len(np.unique(vehicle)), key)
    measured = {name: measures(one) for name, one in predicted.items()}
    ours = measured[LINEAR]["fde5"]
    order = [*learners, *baseline]
    result = DriversResult(
        scores={
            name: {
                measure: clustered_mean(values, vehicle)
                for measure, values in measured[name].items()
            }
            for name in order
        },
        ahead={
            name: clustered_mean(measured[name]["fde5"] - ours, vehicle)
            for name in order
            if name != LINEAR
        },
        weights=weights,
        prices=prices,
        notes=notes,
        n_moments=len(vehicle),
        n_vehicles=len(np.unique(vehicle)),
        posterior=robust,
    )
    record.save(result.reward, folder / "runs" / "reward.json")
    text = json.dumps(result.summary())
    record.write_text(folder / "results.json", text + "\n")
    return result


def _spread(features: Float[np.ndarray, "moment option time feature"]) -> np.ndarray:
    """Standard deviation of each feature among the options of one moment."""
    mean = features.mean(axis=2)
    within = mean - mean.mean(axis=1, keepdims=True)
    spread = np.sqrt(np.mean(within**2, axis=(0, 1)))
    return np.where(spread > 1e-9, spread, 1.0)


def _learn(
    reward: AbstractReward,
    features: Float[np.ndarray, "moment option time feature"],
    chosen: np.ndarray,
    choices: Choices,
    seen: np.ndarray,
    method: AbstractMethod,
    prior: AbstractPrior,
    key: Array | None = None,
) -> tuple[Posterior, Callable[[np.ndarray], np.ndarray]]:
    """The posterior of those who were seen, and what it says options are worth."""
    human = Boltzmann(PartialReturn(), BradleyTerry())
    answers = choice_answers(features, chosen, choices.vehicle)
    keep = np.zeros(answers.capacity, dtype=bool)
    keep[: len(seen)] = seen
    part = answers.subset(jnp.asarray(keep))
    posterior = fit(reward, human, part, method, prior=prior, key=key, throw=False)

    def worth_of(rows: np.ndarray) -> np.ndarray:
        judge = posterior.human.judge(posterior.mean)
        worth = np.asarray(_worths(judge.worth, answers))[: len(rows)][rows]
        return worth[:, : choices.away.shape[1]]

    return posterior, worth_of


@eqx.filter_jit
def _worths(worth_fn: Callable, answers: Dataset) -> Float[Array, "capacity option"]:
    (batch,) = answers.batches
    assert isinstance(batch.answers, OneOf)
    # One moment after the other: a network over all options of all is large.
    return jax.lax.map(jax.vmap(worth_fn), batch.answers.options)


def _linear(
    features: np.ndarray, choices: Choices, seen: np.ndarray
) -> tuple[Posterior, Callable]:
    """A reward linear in the features, each in its usual spread."""
    mean = features.mean(axis=2, keepdims=True) / _spread(features)
    names = NAMES if features.shape[-1] == len(NAMES) else PUBLISHED
    reward = Linear(names, np.zeros(len(names)))
    return _learn(
        reward, mean, choices.chosen, choices, seen, Laplace(), Normal(PRIOR_SCALE)
    )


def _published(choices: Choices, seen: np.ndarray) -> tuple[Posterior, Callable]:
    """The published features, maximum entropy with the driver's own path in the sum.

    Kept of the published code: the features, the driver's recorded path as one more
    option, and the weight of a collision, which is not learned. Not kept: a normaliser
    that is the last moment's alone, and tests on those who were learned from.
    """
    largest = np.maximum(np.abs(choices.published).max(axis=(0, 1)), 1e-9)
    features = (choices.published / largest)[:, :, None]
    chosen = np.full(len(seen), features.shape[1] - 1)
    mean, scale = np.zeros(len(PUBLISHED)), np.full(len(PUBLISHED), 10.0)
    place = PUBLISHED.index("collision")
    mean[place], scale[place] = PINNED
    reward = Linear(PUBLISHED, mean)
    prior = Normal(scale, mean)
    return _learn(reward, features, chosen, choices, seen, Laplace(), prior)


def _network(
    choices: Choices, seen: np.ndarray, config: DriversConfig, key: Array
) -> tuple[Posterior, Callable]:
    """A network over the features of each half second."""
    spread = jnp.asarray(_spread(choices.features), dtype=jnp.float32)
    inputs = FeatureInputs(NAMES, Scaled(jnp.zeros_like(spread), spread))
    return _learn(
        Network(inputs, WIDTHS),
        choices.features,
        choices.chosen,
        choices,
        seen,
        Ensemble(config.n_members, n_steps=config.n_steps),
        Normal(1.0),
        key,
    )


def _exchange(
    posterior: Posterior, spread: np.ndarray, n_vehicles: int, key: Array
) -> tuple[dict[str, Estimate], dict[str, Estimate], tuple[str, ...]]:
    """Weights per unit, prices in speed, and what is not identified."""
    rewards = posterior.sample(key, N_DRAWS)
    assert isinstance(rewards, Linear)
    assert isinstance(posterior.mean, Linear)
    draws = np.asarray(rewards.weights) / spread
    mean = np.asarray(posterior.mean.weights) / spread
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    interval = "95 % over vehicles"
    weights = {
        name: Estimate(float(m), float(a), float(b), n_vehicles, interval)
        for name, m, a, b in zip(NAMES, mean, low, high, strict=True)
    }
    notes = [one.sentence for one in posterior.unidentified()]
    if not posterior.result.converged:
        notes.append(f"inference did not converge: {posterior.result.message}")
    speed = NAMES.index("speed")
    if not low[speed] > 0.0:
        notes.append(
            "the weight of the speed may be 0, so that nothing has a price in speed."
        )
        return weights, {}, tuple(notes)
    told = (low > 0.0) | (high < 0.0)
    open_names = [name for name, known in zip(NAMES, told, strict=True) if not known]
    if open_names:
        notes.append(
            "no price, as the choices do not tell their weights from 0: "
            f"{', '.join(open_names)}."
        )
    prices = {}
    for place, name in enumerate(NAMES):
        if place != speed and told[place]:
            ratio = -draws[:, place] / draws[:, speed]
            ends = [float(end) for end in np.quantile(ratio, [0.025, 0.975])]
            value = float(-mean[place] / mean[speed])
            prices[name] = Estimate(value, ends[0], ends[1], n_vehicles, interval)
    return weights, prices, tuple(notes)
