"""Real drivers: the reward that their choices on a motorway say they had."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Array

from volition import record
from volition.env.driving import NAMES, Moment, Skipped, skipped_notes
from volition.evaluation import Estimate, clustered_mean, folds
from volition.inference import Posterior, over_clusters
from volition.reward import Linear
from volition.study.config import begin_study
from volition.study.driver_choices import Choices, choice_answers, driver_choices
from volition.study.driver_groups import (
    DriverGroup,
    groups_by,
    groups_found,
    known_groups,
)
from volition.study.driver_history import histories
from volition.study.driver_learners import (
    Learned,
    cloning,
    linear,
    network,
    published,
    spread,
)
from volition.study.driver_people import FEWEST, PeopleResult, differing
from volition.study.driver_predictions import baselines, measures, ranked
from volition.study.driver_prices import prices_of_posterior
from volition.study.progress import Progress
from volition.study.run import to_text

LINEAR, NETWORK = "linear reward", "network reward"
CLONING = "behaviour cloning"
LEAKING = "linear, future known"
PUBLISHED_FIT = "published method"
PUBLISHED_FEATURES = "published features"


@dataclasses.dataclass(frozen=True)
class DriversConfig:
    """What is done.

    Args:
        seed: of folds and networks.
        n_folds: of vehicles; who is predicted was never learned from.
        n_members: of the networks' ensembles; 0 leaves the networks out.
        n_steps: of their training.
        n_groups: of drivers that are looked for, at most, at least 2; 0 leaves single
            drivers and groups of them out.
    """

    seed: int = 0
    n_folds: int = 5
    n_members: int = 3
    n_steps: int = 1500
    n_groups: int = 3


@dataclasses.dataclass(frozen=True)
class DriversResult:
    """What the study found.

    Args:
        scores: of everybody who predicts, by measure; errors in m.
        ahead: by how much the linear reward's `fde5` is below another's, m, in pairs.
        weights: of the linear reward, reward units per unit of each feature.
        prices: how much mean speed it is worth to have one unit less of a feature, m/s;
            only where neither weight may be 0.
        people: how drivers differ, where enough were seen again.
        groups: of drivers, those known beforehand first.
        notes: what was not identified, and how inference went.
        n_moments: how many.
        n_vehicles: of how many vehicles.
        posterior: of the linear reward, over features in their usual spread.
    """

    scores: dict[str, dict[str, Estimate]]
    ahead: dict[str, Estimate]
    weights: dict[str, Estimate]
    prices: dict[str, Estimate]
    people: PeopleResult | None
    groups: tuple[DriverGroup, ...]
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
            "fde5_behaviour_cloning": (CLONING, "fde5"),
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
            "drivers": None if self.people is None else _people(self.people),
            "groups": [_group(one) for one in self.groups],
            "notes": list(self.notes),
        }


def _triple(estimate: Estimate) -> list[float]:
    return [estimate.value, estimate.low, estimate.high]


def _triples(estimates: dict[str, Estimate]) -> dict[str, list[float]]:
    return {name: _triple(one) for name, one in estimates.items()}


def _people(found: PeopleResult) -> dict:
    return {
        "n_drivers": found.n_drivers,
        "n_moments": found.n_moments,
        "evidence": found.evidence,
        "spread": _triples(found.spread),
        "scores": {who: _triples(one) for who, one in found.scores.items()},
        "ahead": {who: _triples(one) for who, one in found.ahead.items()},
    }


def _group(found: DriverGroup) -> dict:
    return {
        "by": found.by,
        "name": found.name,
        "n_vehicles": found.n_vehicles,
        "n_moments": found.n_moments,
        "weights": _triples(found.weights),
        "prices": _triples(found.prices),
        "gain": None if found.gain is None else _triple(found.gain),
    }


def drivers_steps(config: DriversConfig) -> int:
    """How many steps the study tells of."""
    n_learners = 4 + 2 * (config.n_members > 0)
    n_more = 4 + config.n_folds if config.n_groups else 0
    return 2 + config.n_folds * n_learners + n_more


def run_drivers(
    config: DriversConfig,
    moments: Sequence[Moment],
    folder: Path,
    progress: Progress,
    skipped: Sequence[Skipped] = (),
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
        skipped: what of the recordings is not used, for the notes.

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
    vehicle = choices.driver
    fold_key, key = jax.random.split(jax.random.key(config.seed))
    answers = choice_answers(choices.features[:, :, :1], choices.chosen, vehicle)
    fold = folds(answers, config.n_folds, fold_key)[: len(vehicle)]
    learners: dict[str, Callable[[np.ndarray], Learned]] = {
        LINEAR: lambda seen: linear(choices.features, choices, seen),
        LEAKING: lambda seen: linear(choices.leaking, choices, seen),
        PUBLISHED_FIT: lambda seen: published(choices, seen),
        PUBLISHED_FEATURES: lambda seen: linear(choices.published_only, choices, seen),
    }
    if config.n_members:
        size = (config.n_members, config.n_steps)
        learners[NETWORK] = lambda seen: network(choices, seen, *size, key)
        learners[CLONING] = lambda seen: cloning(choices, seen, *size, key)
    baseline = baselines(choices, fold)
    predicted, worths = dict(baseline), {}
    for name, learner in learners.items():
        worth = np.zeros(choices.away.shape[:2])
        for number in range(config.n_folds):
            progress.step(f"{name}: fold {number + 1} of {config.n_folds}")
            here = fold == number
            _, worth_of = learner(~here)
            worth[here] = worth_of(here)
        predicted[name], worths[name] = ranked(choices, worth), worth
    progress.step("what all drivers together say")
    posterior, _ = linear(choices.features, choices, np.ones(len(vehicle), bool))
    clusters = np.zeros(posterior.problem.answers.capacity, dtype=np.int64)
    clusters[: len(vehicle)] = vehicle
    robust = over_clusters(posterior, clusters)
    n_vehicles = len(np.unique(vehicle))
    told = prices_of_posterior(robust, spread(choices.features), n_vehicles, key)
    people, groups, notes = _apart(
        config, moments, choices, fold, worths[LINEAR], key, progress
    )
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
        weights=told.weights,
        prices=told.prices,
        people=people,
        groups=groups,
        notes=(*told.notes, *notes, *skipped_notes(skipped)),
        n_moments=len(vehicle),
        n_vehicles=n_vehicles,
        posterior=robust,
    )
    record.save(result.reward, folder / "runs" / "reward.json")
    text = to_text(result.summary())
    record.write_text(folder / "results.json", text + "\n")
    return result


def _apart(
    config: DriversConfig,
    moments: Sequence[Moment],
    choices: Choices,
    fold: np.ndarray,
    general: np.ndarray,
    key: Array,
    progress: Progress,
) -> tuple[PeopleResult | None, tuple[DriverGroup, ...], tuple[str, ...]]:
    """What drivers want one by one, and in groups."""
    if config.n_groups < 2:
        return None, (), ()
    people_key, found_key, known_key = jax.random.split(key, 3)
    progress.step("groups of drivers that are known")
    known = groups_by(known_groups(moments), choices, fold, general, known_key)
    progress.step("groups of drivers that are found")
    history = histories(moments)
    found = groups_found(choices, history, config.n_groups, found_key)
    n_again = len(np.unique(choices.driver[history.later]))
    if n_again < FEWEST:
        note = (
            f"how single drivers differ is not told: {n_again} were seen again after "
            f"what they did first was over, and {FEWEST} are needed."
        )
        return None, (*known, *found), (note,)
    progress.step("drivers one by one")
    n_groups = max(2, len(found))
    people = differing(
        choices, history, fold, general, n_groups, people_key, progress.step
    )
    return people, (*known, *found), people.notes
