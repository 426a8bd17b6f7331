"""Whether two rewards put policies, and transitions, in the same order."""

import itertools
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jax.core import Tracer
from jaxtyping import Array, Float, PRNGKeyArray

from volition.env import FiniteMDP
from volition.evaluation.bootstrap import bootstrap
from volition.evaluation.canonical import starc_canonical
from volition.evaluation.estimate import Estimate
from volition.evaluation.size import sized
from volition.reward import AbstractReward
from volition.value import (
    PolicyIteration,
    branch_reward,
    checked_reward,
    evaluate_policy,
    from_start,
    in_double,
)

Policies = Float[Array, "policy state action"]

# Of soft policies, as shares of the largest gap between two actions' values.
TEMPERATURES = tuple(np.geomspace(0.01, 1.0, 9).tolist())
N_RESAMPLES = 500


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
        Probabilities, `[policy, state, action]`; the same for every unit of a reward.

    Raises:
        ValueError: where a reward is not finite, or does not fit the world.
    """
    paid = [checked_reward(env, reward) for reward in rewards]
    return _policy_set(key, env, paid, n_random)


@in_double
@eqx.filter_jit
def _policy_set(
    key: PRNGKeyArray,
    env: FiniteMDP,
    paid: list[Float[Array, "state action"]],
    n_random: int,
) -> Policies:
    shape = (n_random, env.n_states)
    sets = [jax.random.dirichlet(key, jnp.ones(env.n_actions), shape)]
    for one in paid:
        found = PolicyIteration().solve(env, one)
        best = jnp.max(found.q, axis=-1, keepdims=True)
        # Below the best, so that no action has a number that softmax cannot take.
        below = jnp.where(jnp.isfinite(found.q), found.q - best, -jnp.inf)
        below = jnp.where(jnp.isfinite(best), below, 0.0)
        gap = jnp.max(jnp.where(jnp.isfinite(below), -below, 0.0))
        gap = jnp.where(gap > 0.0, gap, 1.0)
        scale = jnp.asarray(TEMPERATURES, below.dtype)[:, None, None]
        soft = jax.nn.softmax(below[None] / gap / scale, axis=-1)
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


def policy_returns(
    env: FiniteMDP, reward: AbstractReward, policies: Policies
) -> Float[Array, " policy"]:
    """Mean discounted return of each policy, from the world's starts.

    Args:
        env: the world.
        reward: what pays.
        policies: probabilities, `[policy, state, action]`.

    Returns:
        Reward units, `[policy]`; at a discount of 1 infinite, or NaN, for one that may
        go on for ever.

    Raises:
        ValueError: where the reward is not finite, or the policies do not fit the
            world.
    """
    paid = checked_reward(env, reward)
    return in_double(_returns)(env, paid, _checked(env, policies))


@eqx.filter_jit
def _returns(
    env: FiniteMDP, paid: Float[Array, "state action"], policies: Policies
) -> Float[Array, " policy"]:
    one = lambda policy: from_start(env, evaluate_policy(env, policy, paid))
    return jax.lax.map(one, policies)


def _checked(env: FiniteMDP, policies: Policies) -> Policies:
    shape = (env.n_states, env.n_actions)
    if jnp.ndim(policies) != 3 or policies.shape[1:] != shape:
        raise ValueError(
            f"policies are [policy, state, action], here [policy, {shape[0]}, "
            f"{shape[1]}], not an array of shape {jnp.shape(policies)}."
        )
    if not isinstance(policies, Tracer):
        rows = np.asarray(policies)
        right = (rows >= 0.0) & (np.abs(rows.sum(axis=-1, keepdims=True) - 1.0) < 1e-4)
        if not right.all():
            number, state, _ = (int(place) for place in np.argwhere(~right)[0])
            raise ValueError(
                f"the probabilities of policy {number} in state {state} are "
                f"{rows[number, state].tolist()}: give numbers that are not negative "
                "and sum to 1."
            )
    return policies


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
        ValueError: for fewer than 50 policies; where a reward is not finite, or does
            not fit the world; where, at a discount of 1, a policy never ends.

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
    grain = max(1e-9, 64 * float(jnp.finfo(env.probability.dtype).eps))
    returns = []
    for what, one in (("learned", learned), ("true", truth)):
        paid = checked_reward(env, one, f"the {what} reward")
        each = in_double(_returns, keep=True)(env, paid, _checked(env, policies))
        if not np.isfinite(each).all():
            raise ValueError(
                f"policy {int(np.argmin(np.isfinite(each)))} has the return "
                f"{each[np.argmin(np.isfinite(each))]} by the {what} reward, as it may "
                "go on for ever without a discount: lower the discount, or leave it "
                "out."
            )
        returns.append(_rounded(np.asarray(each), grain))
    kendall = bootstrap(
        lambda rows: _or_nan(
            scipy.stats.kendalltau, returns[0][rows], returns[1][rows]
        ),
        n,
        "policies",
        n_resamples=N_RESAMPLES,
    )
    there = np.asarray(env.probability > 0) & ~np.asarray(env.terminal)[:, None, None]
    raw = [sized(np.asarray(_paid(env, one))[there]) for one in (learned, truth)]
    acting = ~np.asarray(env.terminal)
    forms = [
        sized(np.asarray(starc_canonical(env, one))[acting].ravel())
        for one in (learned, truth)
    ]
    return RankCorrelation(
        kendall,
        _or_nan(scipy.stats.pearsonr, *raw),
        _or_nan(scipy.stats.spearmanr, *raw),
        _or_nan(scipy.stats.pearsonr, *forms),
        _or_nan(scipy.stats.spearmanr, *(_rounded(one, grain) for one in forms)),
    )


_paid = eqx.filter_jit(branch_reward)


def _rounded(values: np.ndarray, grain: float) -> np.ndarray:
    """Relative to the largest, without the last digits, so that ties are equal."""
    size = float(np.max(np.abs(values)))
    return values if size == 0.0 else np.round(values / size / grain)


def _or_nan(statistic_fn, one: np.ndarray, other: np.ndarray) -> float:
    if np.ptp(one) == 0.0 or np.ptp(other) == 0.0:
        return float("nan")
    return float(statistic_fn(one, other).statistic)
