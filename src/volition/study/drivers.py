"""Real drivers: the reward that their choices on a motorway say they had."""

import dataclasses
from collections.abc import Callable, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

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
from volition.study.driver_choices import Choices, choice_answers, driver_choices
from volition.study.progress import Progress

AT = {"3": 6, "5": 10}  # s, and how many half seconds that is
N_DRAWS = 4000  # of the posterior, for ratios of weights
PRIOR_SCALE = 3.0  # nats by which a usual spread of a feature may move a choice
PINNED = (-10.0, 0.05)  # the published weight of a collision, and how firmly it is held
WIDTHS = (16, 16)

LINEAR, NETWORK = "linear reward", "network reward"
LEAKING = "linear, others as recorded"
PUBLISHED_FIT = "published method"
PUBLISHED_FEATURES = "published features, our fit"
BASELINES = ("constant velocity", "IDM", "IDM fitted", "uniform choice", "nearest")


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
class Prediction:
    """What somebody predicts: distances from what the driver did.

    Args:
        first: of the most probable path, or of all that are as probable,
            `[moment, path, time]`.
        three: of the three most probable; None where there are not three.
        loss: negative log-probability of the option that the driver's was nearest to,
            nats; None for who predicts one path only.
    """

    first: Float[np.ndarray, "moment path time"]
    three: Float[np.ndarray, "moment path3 time"] | None = None
    loss: Float[np.ndarray, " moment"] | None = None


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
            "fde5_others_recorded": (LEAKING, "fde5"),
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
    config: DriversConfig, moments: Sequence[Moment], progress: Progress
) -> DriversResult:
    """Learn from some drivers what they want, and predict the others.

    Args:
        config: what is done.
        moments: of at least as many vehicles as folds.
        progress: told of each step.

    Raises:
        ValueError: for fewer vehicles than folds.
    """
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
    predicted = _baselines(choices, fold)
    for name, learner in learners.items():
        worth = np.zeros(choices.away.shape[:2])
        for number in range(config.n_folds):
            progress.step(f"{name}: fold {number + 1} of {config.n_folds}")
            here = fold == number
            _, worth_of = learner(~here)
            worth[here] = worth_of(here)
        predicted[name] = _ranked(choices, worth)
    progress.step("what all drivers together say")
    posterior, _ = _linear(choices.features, choices, np.ones(len(vehicle), bool))
    clusters = np.zeros(posterior.problem.answers.capacity, dtype=np.int64)
    clusters[: len(vehicle)] = vehicle
    robust = over_clusters(posterior, clusters)
    spread = _spread(choices.features)
    weights, prices, notes = _exchange(robust, spread, len(np.unique(vehicle)), key)
    measures = {name: _measures(one) for name, one in predicted.items()}
    ours = measures[LINEAR]["fde5"]
    order = [*learners, *BASELINES]
    return DriversResult(
        scores={
            name: {
                measure: clustered_mean(values, vehicle)
                for measure, values in measures[name].items()
            }
            for name in order
        },
        ahead={
            name: clustered_mean(measures[name]["fde5"] - ours, vehicle)
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


def _ranked(choices: Choices, worth: Float[np.ndarray, "moment option"]) -> Prediction:
    """The most probable options, and what was said of the one that was chosen."""
    order = np.argsort(-worth, axis=1, kind="stable")[:, :3]
    three = np.take_along_axis(choices.away, order[..., None], axis=1)
    log_probs = worth - np.logaddexp.reduce(worth, axis=1, keepdims=True)
    rows = np.arange(len(worth))
    return Prediction(three[:, :1], three, -log_probs[rows, choices.chosen])


def _baselines(choices: Choices, fold: np.ndarray) -> dict[str, Prediction]:
    fitted = np.zeros_like(choices.idm)
    for number in np.unique(fold):
        here = fold == number
        final = choices.idm_grid[~here, :, -1].mean(axis=0)
        fitted[here] = choices.idm_grid[here, int(np.argmin(final))]
    flat = np.zeros(choices.away.shape[:2])
    nearest = _ranked(choices, -choices.away.mean(axis=-1))
    uniform = _ranked(choices, flat)
    return {
        "constant velocity": Prediction(choices.constant_velocity[:, None]),
        "IDM": Prediction(choices.idm[:, None]),
        "IDM fitted": Prediction(fitted[:, None]),
        # Any of the options, and any three of them.
        "uniform choice": Prediction(choices.away, None, uniform.loss),
        "nearest": Prediction(nearest.first),
    }


def _measures(one: Prediction) -> dict[str, np.ndarray]:
    """Final and average displacement, m, and the loss, nats, each `[moment]`."""
    found = {}
    for at, n_times in AT.items():
        final = lambda away, n=n_times: away[..., n - 1]
        average = lambda away, n=n_times: away[..., :n].mean(axis=-1)
        for name, measure in (("fde", final), ("ade", average)):
            found[name + at] = measure(one.first).mean(axis=1)
            if one.three is not None:
                found[f"{name}{at}_best_of_3"] = measure(one.three).min(axis=1)
    if one.loss is not None:
        found["neg_log_likelihood"] = one.loss
        if one.three is None:
            found |= _any_three(one.first)
    return found


def _any_three(away: Float[np.ndarray, "moment option time"]) -> dict[str, np.ndarray]:
    """What the best of three options that are drawn without replacement is expected."""
    found, n = {}, away.shape[1]
    # The i-th best is the best of three if the others are among the n - 1 - i worse.
    worse = np.arange(n)[::-1].astype(float)
    chance = worse * (worse - 1.0) / 2.0 / (n * (n - 1.0) * (n - 2.0) / 6.0)
    for at, n_times in AT.items():
        final, average = away[..., n_times - 1], away[..., :n_times].mean(axis=-1)
        found[f"fde{at}_best_of_3"] = np.sort(final, axis=1) @ chance
        found[f"ade{at}_best_of_3"] = np.sort(average, axis=1) @ chance
    return found


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
