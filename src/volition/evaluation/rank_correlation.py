"""Whether two rewards put policies, and transitions, in the same order."""

import itertools
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jaxtyping import Array, Float, PRNGKeyArray

from volition.env import FiniteMDP
from volition.evaluation.bootstrap import bootstrap
from volition.evaluation.canonical import starc_canonical
from volition.evaluation.estimate import Estimate
from volition.reward import AbstractReward
from volition.value import (
    PolicyIteration,
    branch_reward,
    evaluate_policy,
    expected_reward,
)

Policies = Float[Array, "policy state action"]

# Of soft policies, as shares of the largest gap between two actions' values.
TEMPERATURES = tuple(np.geomspace(0.01, 1.0, 9).tolist())
N_RESAMPLES = 500


@eqx.filter_jit
def policy_set(
    key: PRNGKeyArray,
    env: FiniteMDP,
    rewards: Sequence[AbstractReward],
    n_random: int = 40,
) -> Policies:
    """Policies to compare rewards by: from random ones to the best.

    Of each reward the best, and for each of 9 temperatures the Boltzmann policy of its
    values; with two rewards and 40 random ones, 60 in all.

    Args:
        key: of the random ones; consumed.
        env: the world.
        rewards: which are optimised, at least one.
        n_random: how many have uniformly random probabilities (a flat Dirichlet).

    Returns:
        Probabilities, `[policy, state, action]`.
    """
    shape = (n_random, env.n_states)
    drawn = jax.random.dirichlet(key, jnp.ones(env.n_actions), shape)
    sets = [drawn.astype(env.probability.dtype)]
    for reward in rewards:
        found = PolicyIteration().solve(env, expected_reward(env, reward))
        gap = jnp.max(jnp.max(found.q, axis=-1) - jnp.min(found.q, axis=-1))
        scale = jnp.maximum(gap, 1e-12) * jnp.asarray(TEMPERATURES, found.q.dtype)
        soft = jax.nn.softmax(found.q[None] / scale[:, None, None], axis=-1)
        sets += [soft, found.policy.probabilities[None]]
    return jnp.concatenate(sets)


def deterministic_policies(env: FiniteMDP, most: int = 10_000) -> Policies:
    """All policies that take one action in each state.

    Args:
        env: a tiny world; what would be done in a terminal state is left at action 0.
        most: how many there may be.

    Raises:
        ValueError: where there are more.

    Example:
        >>> from volition import env
        >>> deterministic_policies(env.gridworld(["S.G"])).shape
        (16, 3, 4)
    """
    acting = np.flatnonzero(~np.asarray(env.terminal))
    n = env.n_actions ** len(acting)
    if n > most:
        raise ValueError(
            f"the world has {n:,} deterministic policies, above {most:,}: use "
            "policy_set."
        )
    taken = np.zeros((n, env.n_states), dtype=int)
    choices = itertools.product(range(env.n_actions), repeat=len(acting))
    taken[:, acting] = np.array(list(choices), dtype=int).reshape(n, -1)
    return jnp.asarray(np.eye(env.n_actions)[taken])


@eqx.filter_jit
def policy_returns(
    env: FiniteMDP, reward: AbstractReward, policies: Policies
) -> Float[Array, " policy"]:
    """Mean discounted return of each policy, from the world's starts.

    Args:
        env: the world.
        reward: what pays.
        policies: probabilities, `[policy, state, action]`.

    Returns:
        Reward units, `[policy]`.
    """
    paid = expected_reward(env, reward)
    one = lambda policy: jnp.sum(env.initial * evaluate_policy(env, policy, paid))
    return jax.lax.map(one, policies)


class RankCorrelation(eqx.Module):
    """How far two rewards agree on an order; each number is in `[-1, 1]`.

    Args:
        kendall: tau-b of the policies' returns, over the policies.
        pearson: of the rewards of all possible transitions.
        spearman: likewise, of their ranks.
        pearson_canonical: of what each action is worth on balance under acting at
            random, which no shaping changes.
        spearman_canonical: likewise, of their ranks.

    NaN where one of the two is constant.
    """

    kendall: Estimate
    pearson: float
    spearman: float
    pearson_canonical: float
    spearman_canonical: float


def rank_correlation(
    env: FiniteMDP,
    learned: AbstractReward,
    truth: AbstractReward,
    policies: Policies,
) -> RankCorrelation:
    """Compare two rewards by the order that they put policies and transitions in.

    Args:
        env: the world.
        learned: any reward.
        truth: likewise.
        policies: at least 50, good ones among them; see `policy_set`.

    Raises:
        ValueError: for fewer than 50 policies.

    Example:
        >>> from volition import env, reward
        >>> world = env.gridworld(["S.G"], discount=0.9)
        >>> truth = reward.Tabular(np.arange(12.0).reshape(3, 4))
        >>> policies = policy_set(jax.random.key(0), world, [truth])
        >>> found = rank_correlation(world, truth, truth, policies)
        >>> round(found.kendall.value, 6), round(found.pearson, 6)
        (1.0, 1.0)

    Source: M. G. Kendall, "The treatment of ties in ranking problems", 1945 (tau-b), by
    SciPy.
    """
    n = len(policies)
    if n < 50:
        raise ValueError(
            f"{n} policies are too few to compare rewards by: take at least 50, for "
            "instance of policy_set."
        )
    returns = [
        _rounded(np.asarray(policy_returns(env, one, policies)))
        for one in (learned, truth)
    ]
    kendall = bootstrap(
        lambda rows: _or_nan(
            scipy.stats.kendalltau, returns[0][rows], returns[1][rows]
        ),
        n,
        "policies",
        n_resamples=N_RESAMPLES,
    )
    there = np.asarray(env.probability > 0) & ~np.asarray(env.terminal)[:, None, None]
    raw = [np.asarray(_paid(env, one))[there] for one in (learned, truth)]
    acting = ~np.asarray(env.terminal)
    forms = [
        np.asarray(starc_canonical(env, one))[acting].ravel()
        for one in (learned, truth)
    ]
    return RankCorrelation(
        kendall,
        _or_nan(scipy.stats.pearsonr, *raw),
        _or_nan(scipy.stats.spearmanr, *raw),
        _or_nan(scipy.stats.pearsonr, *forms),
        _or_nan(scipy.stats.spearmanr, *map(_rounded, forms)),
    )


_paid = eqx.filter_jit(branch_reward)


def _rounded(values: np.ndarray) -> np.ndarray:
    """Without the last digits, so that what is equal but for rounding is a tie."""
    size = float(np.max(np.abs(values)))
    if size == 0.0:
        return values
    step = 1e-9 * size
    return np.round(values / step) * step


def _or_nan(statistic_fn, one: np.ndarray, other: np.ndarray) -> float:
    if np.ptp(one) == 0.0 or np.ptp(other) == 0.0:
        return float("nan")
    return float(statistic_fn(one, other).statistic)
