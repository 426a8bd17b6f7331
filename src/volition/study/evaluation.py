"""Evaluate what a study left: every number that its scorecard asks for."""

from pathlib import Path
from typing import Any, NamedTuple

import jax
from jaxtyping import PRNGKeyArray

from volition.env import delivery
from volition.inference import Posterior
from volition.policy import AbstractPolicy
from volition.reward import AbstractReward, Linear, check_features
from volition.store import InputError, check_finite, read_saved
from volition.study.chapter import CHAPTER
from volition.study.evaluated import N_DRAWS, evaluate_truth
from volition.study.evaluated_driving import drive_all, driving_record, read_policies
from volition.study.explained import explain, explain_belief
from volition.study.explained_driving import (
    explain_driving,
    linear_of,
    rates_over_seeds,
)
from volition.study.highway import BASELINES, PEOPLE, PRICES, price_of
from volition.study.progress import Progress

OF_A_REWARD, OF_A_GROUP = 5, 6  # steps that are told
N_ROADS = 11  # of the family of motorways, each a step


def read_posteriors(folder: Path, groups: list[str]) -> dict[str, Posterior]:
    """What is believed of each group of a study of answers.

    Args:
        folder: of the study.
        groups: their names.

    Raises:
        InputError: where one is missing, damaged, or of another world.
    """
    found = {}
    for name in groups:
        path = folder / "runs" / f"{name}.posterior.json"
        posterior = read_saved(path, Posterior, "posterior")
        mean: AbstractReward | None = None
        try:
            mean = posterior.mean
            fits = mean.feature_names == delivery().feature_names
        except (TypeError, ValueError, IndexError, AttributeError, KeyError):
            fits = False  # it was put together by somebody else
        if not fits:
            raise InputError(
                f"{path} is no posterior of the delivery world: run the study again."
            )
        check_finite(mean, path)
        found[name] = posterior
    return found


def evaluate_reward(
    key: PRNGKeyArray, reward: AbstractReward, progress: Progress
) -> dict[str, Any]:
    """Everything about a reward of the delivery world that needs no posterior.

    Args:
        key: consumed.
        reward: any form.
        progress: is told of `OF_A_REWARD` steps.

    Raises:
        ValueError: where it is none of that world, or says nothing of it.
    """
    check_features(reward, delivery().feature_names)
    truth_key, explain_key = jax.random.split(key)
    found = evaluate_truth(truth_key, reward, (), progress.step)
    progress.step("short form and decisions")
    return found | explain(explain_key, reward)


def evaluate_group(
    key: PRNGKeyArray, posterior: Posterior, progress: Progress
) -> dict[str, Any]:
    """Everything about what one group of the delivery study wants.

    Args:
        key: consumed.
        posterior: of the group.
        progress: is told of `OF_A_GROUP` steps.
    """
    truth_key, draw_key, explain_key, belief_key = jax.random.split(key, 4)
    drawn = posterior.sample(draw_key, N_DRAWS)
    draws = [
        jax.tree.map(lambda leaf, row=row: leaf[row], drawn) for row in range(N_DRAWS)
    ]
    found = evaluate_truth(truth_key, posterior.mean, draws, progress.step)
    progress.step("short form and decisions")
    found |= explain(explain_key, posterior.mean)
    progress.step("terms, their rates, and who said so")
    return found | explain_belief(belief_key, posterior)


class Driven(NamedTuple):
    """What of a highway study is evaluated.

    Args:
        subject: whose reward.
        policies: by who drives, leaves `[seed]`.
        rewards: of the subject, one for each seed.
        weights: of each seed, with intervals; empty where nobody was asked.
        n_episodes: of each policy on each road.
    """

    subject: str
    policies: dict[str, AbstractPolicy]
    rewards: list[Linear]
    weights: list[dict[str, dict[str, Any]]]
    n_episodes: int


def read_highway(
    folder: Path, config: dict[str, Any], results: dict[str, Any]
) -> Driven:
    """What a highway study left.

    Args:
        folder: of the study.
        config: what its `study.toml` says.
        results: what its `results.json` says.

    Raises:
        InputError: where policies are missing, or the results of another version.
    """
    again = f"{folder / 'results.json'} is not what this version writes: run the study"
    try:
        who = [name for name in results["scores"] if name not in BASELINES]
        n_seeds, n_episodes = int(config["n_seeds"]), int(config["n_episodes"])
        weights = list(results["weights"])
        asked = [linear_of(one) for one in weights]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{again} again ({type(error).__name__}).") from error
    subject = PEOPLE if PEOPLE in who else CHAPTER
    names = price_of(PRICES[0]).feature_names
    whole = subject == CHAPTER or (
        len(asked) == n_seeds and all(one.feature_names == names for one in asked)
    )
    if subject not in who or not whole:
        raise InputError(f"{again} again.")
    policies = read_policies(folder, who, n_seeds)
    rewards = asked if subject == PEOPLE else [price_of(PRICES[0])] * n_seeds
    return Driven(subject, policies, rewards, weights, n_episodes)


def highway_evaluation_steps(study: Driven) -> int:
    """How many steps `evaluate_highway` tells of."""
    return N_ROADS + len(study.rewards) + 1


def evaluate_highway(
    key: PRNGKeyArray, study: Driven, progress: Progress
) -> dict[str, Any]:
    """Everything about who drives how, and the reward that the answers led to.

    Args:
        key: consumed.
        study: what it left.
        progress: is told of each step.
    """
    drive_key, explain_key = jax.random.split(key)
    drives = drive_all(drive_key, study.policies, study.n_episodes, progress)
    own = study.policies[study.subject]
    found = explain_driving(explain_key, study.rewards, own, drives, progress)
    if study.subject == PEOPLE:
        found["rates"] = rates_over_seeds(study.weights)
    return {
        "subject": study.subject,
        "driving": driving_record(drives),
        "reward": found,
    }
