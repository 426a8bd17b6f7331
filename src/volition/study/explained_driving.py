"""What the rewards of a highway study say, beside highway-env's own."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jaxtyping import PRNGKeyArray

from volition.env import driving
from volition.evaluation import (
    Estimate,
    episode_return_distance,
    mean_over,
    sampled_epic,
    short_form,
    stability,
)
from volition.policy import AbstractPolicy, Random, Segment, rollout
from volition.reward import HighwayReward, Linear
from volition.study.evaluated_driving import Drives
from volition.study.explained import (
    counterfactuals_record,
    short_record,
    step_spread,
    turned,
)
from volition.study.highway import BASELINES
from volition.study.progress import Progress

N_SEGMENTS, LENGTH = 128, 10
N_COVERAGE, N_CANONICAL = 256, 128
Weights = Mapping[str, Mapping[str, Any]]  # of a seed: by feature, an estimate's record


def linear_of(weights: Weights) -> Linear:
    """The reward of one seed, its weights the medians of the posterior."""
    values = [float(one["value"]) for one in weights.values()]
    return Linear(tuple(weights), values)


def coverages(
    key: PRNGKeyArray, policy: AbstractPolicy, road: driving.AbstractDriving
) -> dict[str, Segment]:
    """Stretches of driving to compare rewards over, by name, `[segment, time]`.

    Args:
        key: consumed.
        policy: of one seed.
        road: where.
    """
    n_steps = int(road.course.time_limit)
    drive = lambda one, key: rollout(
        key, road, one, n_segments=N_SEGMENTS, length=LENGTH, n_steps=n_steps
    )
    keys = jax.random.split(key)
    at_random = drive(Random(len(driving.ACTIONS)), keys[0])
    own = drive(policy, keys[1])
    half = N_SEGMENTS // 2
    both = lambda one, other: jnp.concatenate([one[:half], other[:half]])
    return {
        "drives of random actions": at_random,
        "drives of its own policy": own,
        "half of each": jax.tree.map(both, at_random, own),
    }


def explain_driving(
    key: PRNGKeyArray,
    rewards: Sequence[Linear],
    policies: AbstractPolicy,
    drives: Drives,
    progress: Progress,
) -> dict[str, Any]:
    """Compare the rewards of all seeds with highway-env's own, and with each other.

    Args:
        key: consumed.
        rewards: of each seed.
        policies: what optimising them led to, leaves `[seed]`.
        drives: of everybody in the study.
        progress: is told of each seed.
    """
    road = cast("driving.AbstractDriving", driving.Highway.family().train[0])
    epic_key, pool_key, pairs_key = jax.random.split(key, 3)
    truth, pools = HighwayReward(), []
    epic: dict[str, list[float]] = {}
    returns: dict[str, list[float]] = {}
    for seed, reward in enumerate(rewards):
        progress.step(f"distances to highway-env's own reward, seed {seed}")
        policy = jax.tree.map(lambda leaf, i=seed: leaf[i], policies)
        pools.append(coverages(jax.random.fold_in(pool_key, seed), policy, road))
        for name, pool in pools[-1].items():
            one_key = jax.random.fold_in(epic_key, seed)
            apart = sampled_epic(
                one_key,
                road,
                reward,
                truth,
                pool,
                n_coverage=N_COVERAGE,
                n_canonical=N_CANONICAL,
            )
            epic.setdefault(name, []).append(apart.value)
            far = episode_return_distance(reward, truth, pool)
            returns.setdefault(name, []).append(far.value)
    spread = np.ptp(np.array(list(epic.values())), axis=0)
    over = lambda values: within(mean_over(np.asarray(values), "seeds"), 0.0, 1.0)
    progress.step("terms, short form and decisions")
    return {
        "distances": {
            **{f"EPIC, {name}": over(each) for name, each in epic.items()},
            "EPIC, spread": over(spread),
            **{f"returns, {name}": over(each) for name, each in returns.items()},
        },
        "order": {"kendall": rank(rewards, drives).record()},
        **_terms(rewards, pools[0], pairs_key),
    }


def within(one: Estimate, low: float, high: float) -> dict:
    """The record of an estimate that lies in an interval."""
    return one.within(low, high).record()


def rank(rewards: Sequence[Linear], drives: Drives) -> Estimate:
    """Tau-b of the order of all policies of the study, on the roads learned on."""
    here = np.array([name not in driving.HELD_OUT for name in drives.roads])

    def each_policy(drove: Mapping[str, np.ndarray]) -> np.ndarray:
        parts = []
        for who, rows in drove.items():
            own = rows[:, here].mean(axis=1)
            # Who learned nothing is one policy, of several blocks of episodes.
            parts.append(own.mean(axis=0, keepdims=True) if who in BASELINES else own)
        return np.concatenate(parts)

    true, features = each_policy(drives.returns), each_policy(drives.features)
    taus = np.array(
        [
            scipy.stats.kendalltau(features @ np.asarray(one.weights, float), true)[0]
            for one in rewards
        ],
        dtype=float,
    )
    found = mean_over(taus, f"seeds, each over {len(true)} policies")
    return found.within(-1.0, 1.0)


def _terms(
    rewards: Sequence[Linear], pools: Mapping[str, Segment], key: PRNGKeyArray
) -> dict[str, Any]:
    """What the mean of the rewards comes down to, and whether all of them agree."""
    names = rewards[0].feature_names
    weights = np.stack([np.asarray(one.weights, dtype=float) for one in rewards])
    mean = Linear(names, weights.mean(axis=0))
    usual, own = list(pools.values())[:2]
    spread = step_spread(usual)
    found: dict[str, Any] = {
        "counterfactuals": counterfactuals_record(
            turned(key, mean, usual, names, spread)
        )
    }
    if np.ptp(weights, axis=0).any():
        found["stability"] = stability(names, weights, spread, "seeds").record()
    short = short_form(mean, names, usual, own)
    found["short_form"] = short_record(short)
    return found


def rates_over_seeds(weights: Sequence[Weights]) -> dict[str, Any]:
    """What one unit of each feature is worth, where every seed tells both from 0.

    Each seed asked its own answers, so that seeds are evidence of each other's chance.
    The rate is the geometric mean of theirs, the interval from the t distribution of
    the logarithms over seeds.

    Args:
        weights: of each seed; those of a posterior, with its interval.

    Example:
        >>> told = lambda value: {"value": value, "low": value / 2, "high": 2 * value}
        >>> seeds = [{"speed": told(1.0), "crash": told(v)} for v in (4.0, 9.0)]
        >>> found = rates_over_seeds(seeds)
        >>> found["unit_feature"], round(found["rates"]["crash"]["value"], 3)
        ('speed', 6.0)
    """
    names = tuple(weights[0])
    signs = {
        name: [(one[name]["low"] > 0) - (one[name]["high"] < 0) for one in weights]
        for name in names
    }
    told = [name for name in names if abs(sum(signs[name])) == len(weights)]
    notes = {
        name: f"no rate: {_untold(signs[name])}." for name in names if name not in told
    }
    if len(told) < 2 or len(weights) < 2:
        unit = told[0] if told else None
        return {"unit_feature": unit, "rates": {}, "notes": notes}
    unit, *others = told
    values = {name: np.array([one[name]["value"] for one in weights]) for name in told}
    rates = {}
    for name in others:
        ratio = values[name] / values[unit]
        log = mean_over(np.log(np.abs(ratio)), "seeds")
        ends = sorted(np.sign(ratio[0]) * np.exp([log.low, log.high]))
        middle = float(np.sign(ratio[0]) * np.exp(log.value))
        low, high = (float(end) for end in ends)
        rates[name] = Estimate(middle, low, high, log.n, log.interval).record()
    return {"unit_feature": unit, "rates": rates, "notes": notes}


def _untold(signs: Sequence[int]) -> str:
    n = sum(sign != 0 for sign in signs)
    if n and abs(sum(signs)) < n:
        return "seeds tell its weight from 0 with different signs"
    return f"its weight is told from 0 in {n} of {len(signs)} seeds"
