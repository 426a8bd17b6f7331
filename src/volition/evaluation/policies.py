"""How good a policy is in a finite world under a known reward, and how it ends."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sparse
from jax.core import Tracer
from jaxtyping import Array, Float
from scipy.sparse.csgraph import breadth_first_order
from scipy.sparse.linalg import splu

from volition.env import FiniteMDP
from volition.env.expected import expect_finite
from volition.policy import Tabular
from volition.reward import AbstractReward, expect_reward
from volition.value import (
    PolicyIteration,
    checked_reward,
    evaluate_policy,
    from_start,
    in_double,
    plan,
)

# Two action values that differ by less, relative to the largest value, count as equal;
# in 32 bits those that rounding of the world and the reward cannot tell apart.
TIE = 1e-9

Paid = Float[Array, "state action"]


def mean_return(
    env: FiniteMDP, policy: Tabular, reward: AbstractReward
) -> Float[Array, ""]:
    """Mean discounted return from the world's initial distribution, reward units.

    At a discount of 1 it is infinite, or NaN, where the policy may go on for ever and
    be paid for it; see `volition.value.evaluate_policy`.

    Raises:
        ValueError: where the reward is not finite, or the policy is not one of the
            world's.
    """
    paid = checked_reward(env, reward)
    return _mean_return(env, checked_policy(env, policy), paid)


@in_double
@eqx.filter_jit
def _mean_return(env: FiniteMDP, policy: Tabular, paid: Paid) -> Float[Array, ""]:
    return from_start(env, evaluate_policy(env, policy.probabilities, paid))


def checked_policy(env: FiniteMDP, policy: Tabular) -> Tabular:
    """A policy, if it is a distribution over the actions of each state of a world.

    Raises:
        ValueError: where it is not, in a sentence that says where.

    Example:
        >>> from volition import env
        >>> world = env.gridworld(["S.G"])
        >>> checked_policy(world, Tabular(jnp.full((3, 4), 0.25))).probabilities.shape
        (3, 4)
    """
    chance = policy.probabilities
    shape = (env.n_states, env.n_actions)
    if chance.shape != shape:
        raise ValueError(
            f"the policy has probabilities of the shape {chance.shape}, but the world "
            f"has {shape[0]} states and {shape[1]} actions: give it one row per state."
        )
    if isinstance(chance, Tracer):
        return policy
    rows = np.asarray(chance)
    wrong = ~((rows >= 0.0).all(axis=1) & (np.abs(rows.sum(axis=1) - 1.0) < 1e-4))
    if wrong.any():
        state = int(wrong.argmax())
        raise ValueError(
            f"the policy's probabilities in state {state} are {rows[state].tolist()}: "
            "give numbers that are not negative and sum to 1."
        )
    return policy


def scaled_return(
    env: FiniteMDP, policy: Tabular, reward: AbstractReward
) -> Float[Array, ""]:
    """The mean return on a scale where random actions are 0 and the best policy is 1.

    `(J(policy) - J(uniform)) / (J(best) - J(uniform))`; below 0 it is worse than acting
    at random. The unit of the reward does not matter.

    Args:
        env: the world.
        policy: what is scored.
        reward: the true one.

    Returns:
        The number; minus infinity where the policy may go on for ever at a cost, at a
        discount of 1. NaN where there is no scale: acting at random is the best there
        is, or has no finite return itself.

    Raises:
        ValueError: where the reward is not finite, or the policy is not one of the
            world's.

    Example:
        >>> from volition import env, reward, value
        >>> world, truth = env.delivery(), reward.delivery_true()
        >>> best = value.plan(world, truth).policy
        >>> round(float(scaled_return(world, best, truth)), 6)
        1.0
    """
    paid = checked_reward(env, reward)
    return _scaled_return(env, checked_policy(env, policy), paid)


@in_double
@eqx.filter_jit
def _scaled_return(env: FiniteMDP, policy: Tabular, paid: Paid) -> Float[Array, ""]:
    found = PolicyIteration().solve(env, paid)
    uniform = Tabular(jnp.full_like(paid, 1.0 / env.n_actions))
    one, low, high = (
        from_start(env, evaluate_policy(env, each.probabilities, paid))
        for each in (policy, uniform, found.policy)
    )
    known = jnp.isfinite(low) & jnp.isfinite(high)
    # Of a reward that tells no policies apart, rounding is left, and no scale.
    rounding = 64 * float(jnp.finfo(paid.dtype).eps)
    size = jnp.maximum(jnp.abs(high), jnp.abs(low))
    known &= high - low > rounding * size
    scaled = (one - low) / jnp.where(known, high - low, 1.0)
    return jnp.where(known, scaled, jnp.nan)


def worst_tie_break(
    env: FiniteMDP, learned: AbstractReward, truth: AbstractReward
) -> Tabular:
    """Of the policies that are optimal for a learned reward, the worst for the truth.

    A learned reward that leaves two actions equal leaves open which one is taken; what
    it is worth is what it is worth in the worst case.

    Args:
        env: the world.
        learned: the reward that is optimised.
        truth: the reward that scores.

    Raises:
        ValueError: where one of them is not finite, or does not fit the world.
    """
    paid = checked_reward(env, learned, "the learned reward")
    true = checked_reward(env, truth, "the true reward")
    return _worst_tie_break(env, paid, true)


@in_double
@eqx.filter_jit
def _worst_tie_break(env: FiniteMDP, paid: Paid, true: Paid) -> Tabular:
    q = PolicyIteration().solve(env, paid).q
    known = jnp.isfinite(q)
    low, high = (end(jnp.where(known, q, 0.0)) for end in (jnp.min, jnp.max))
    size = jnp.maximum(jnp.max(jnp.abs(paid)), high - low)
    tie = max(TIE, 64 * float(jnp.finfo(env.probability.dtype).eps))
    q = jnp.where(jnp.isnan(q), -jnp.inf, q)
    equal = q >= jnp.max(q, axis=-1, keepdims=True) - tie * size
    # In place of an action that is not among the best, the first that is.
    first = jnp.argmax(equal, axis=-1)
    taken = jnp.where(equal, jnp.arange(env.n_actions)[None], first[:, None])
    rows = jnp.arange(env.n_states)[:, None]
    world = eqx.tree_at(
        lambda one: (one.successor, one.probability),
        env,
        (env.successor[rows, taken], env.probability[rows, taken]),
    )
    found = PolicyIteration().solve(world, -true[rows, taken]).policy.probabilities
    worst = taken[rows[:, 0], jnp.argmax(found, axis=-1)]
    return Tabular(jax.nn.one_hot(worst, env.n_actions, dtype=true.dtype))


class Outcomes(eqx.Module):
    """How episodes end under a policy, from each state.

    Args:
        goal: probability of ending in a goal, `[state]`.
        elsewhere: of ending in another terminal state, `[state]`.
        never: of never ending, `[state]`.
    """

    goal: Float[np.ndarray, " state"]
    elsewhere: Float[np.ndarray, " state"]
    never: Float[np.ndarray, " state"]


def outcomes(env: FiniteMDP, policy: Tabular) -> Outcomes:
    """How episodes end under a policy, exactly and without a time limit.

    Args:
        env: the world.
        policy: who acts.

    Example:
        >>> from volition import env, reward, value
        >>> world = env.delivery()
        >>> best = value.plan(world, reward.delivery_true()).policy
        >>> ends = outcomes(world, best)
        >>> round(float(ends.goal @ np.asarray(world.initial)), 6)
        1.0
    """
    terminal, goal = np.asarray(env.terminal), np.asarray(env.goal)
    chain = policy_chain(env, policy)
    ends = can_reach(chain, terminal)
    moving = np.flatnonzero(ends & ~terminal)
    found = np.zeros((env.n_states, 2))
    found[goal & terminal, 0] = 1.0
    found[terminal & ~goal, 1] = 1.0
    if len(moving):
        inner = chain[moving][:, moving]
        arrive = chain[moving] @ np.where(terminal[:, None], found, 0.0)
        system = sparse.eye_array(len(moving), format="csc") - inner.tocsc()
        found[moving] = splu(sparse.csc_matrix(system)).solve(np.asarray(arrive))
    found = np.clip(found, 0.0, 1.0)
    never = np.clip(1.0 - found.sum(axis=1), 0.0, 1.0)
    never[never < 1e-9] = 0.0  # rounding of the solver
    return Outcomes(found[:, 0], found[:, 1], never)


def policy_chain(env: FiniteMDP, policy: Tabular) -> sparse.csr_array:
    """The Markov chain of a policy, `[state, next state]`; terminal states stay."""
    n_states, n_actions, n_branches = env.successor.shape
    weight = np.asarray(policy.probabilities)[:, :, None] * np.asarray(env.probability)
    rows = np.repeat(np.arange(n_states), n_actions * n_branches)
    columns = np.asarray(env.successor).reshape(-1)
    columns = np.where(np.asarray(env.terminal)[rows], rows, columns)
    chain = sparse.csr_array(
        (weight.reshape(-1), (rows, columns)), shape=(n_states, n_states)
    )
    chain.sum_duplicates()
    chain.eliminate_zeros()
    return chain


def possible_steps(env: FiniteMDP) -> sparse.csr_array:
    """Which steps some action can make: `[state, next state]`, non-zero for those."""
    uniform = jnp.full((env.n_states, env.n_actions), 1.0 / env.n_actions)
    return policy_chain(env, Tabular(uniform))


def can_reach(chain: sparse.csr_array, target: np.ndarray) -> np.ndarray:
    """From which states of a chain a target is reached with some probability.

    Args:
        chain: `[state, next state]`, non-zero where a step is possible.
        target: marks, `[state]`.
    """
    n_states = len(target)
    if not target.any():
        return np.zeros(n_states, dtype=bool)
    # One more node, from which the search against the arrows begins at all targets.
    rows, columns = chain.nonzero()
    first = np.flatnonzero(target)
    graph = sparse.csr_array(
        (
            np.ones(len(rows) + len(first)),
            (
                np.concatenate([columns, np.full(len(first), n_states)]),
                np.concatenate([rows, first]),
            ),
        ),
        shape=(n_states + 1, n_states + 1),
    )
    order = breadth_first_order(graph, n_states, return_predecessors=False)
    reached = np.zeros(n_states + 1, dtype=bool)
    reached[order] = True
    return reached[:-1]


def share_of_starts(env: FiniteMDP, probability: np.ndarray) -> float:
    """The share of the world's starts, weighted as they are drawn."""
    initial = np.asarray(env.initial)
    return float(min(1.0, initial @ probability / initial.sum()))


class PolicyScore(eqx.Module):
    """What a learned reward is worth when it is optimised.

    Args:
        scaled_return: of the worst policy that is optimal for it, under the truth.
        never_end: share of starts from which that policy never ends.
        end_elsewhere: share of starts from which it ends in no goal.
    """

    scaled_return: float
    never_end: float
    end_elsewhere: float


def score_reward(
    env: FiniteMDP, learned: AbstractReward, truth: AbstractReward
) -> PolicyScore:
    """Optimise a learned reward and score what comes out.

    Args:
        env: the world.
        learned: what is optimised; ties are broken in the worst way.
        truth: what scores.

    Raises:
        ValueError: where one of the rewards is not finite, or does not fit the world.
        RuntimeError: where the learned reward cannot be optimised.

    Example:
        >>> from volition import env, reward
        >>> world, truth = env.delivery(), reward.delivery_true()
        >>> score_reward(world, truth, truth).never_end
        0.0
    """
    expect_finite(
        env, "score_reward", "use vl.evaluate with policies that were learned"
    )
    expect_reward(learned, "the learned reward")
    expect_reward(truth, "the truth")
    plan(env, learned)  # raises where it cannot be optimised
    policy = worst_tie_break(env, learned, truth)
    ends = outcomes(env, policy)
    return PolicyScore(
        float(scaled_return(env, policy, truth)),
        share_of_starts(env, ends.never),
        share_of_starts(env, ends.elsewhere),
    )
