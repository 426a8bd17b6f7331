"""Designers: what each reward that could have been written would have led to."""

import equinox as eqx
import jax
import jax.numpy as jnp

from volition.env import FiniteMDP
from volition.feedback import Segment
from volition.policy import Tabular
from volition.reward import AbstractReward
from volition.value import AbstractPlanner, PolicyIteration, expected_reward, occupancy


def bag(env: FiniteMDP, policy: Tabular) -> Segment:
    """A policy as an option: its transitions, weighed by how often they are expected.

    Args:
        env: the finite world; from its initial distribution, at its discount.
        policy: what is done.

    Returns:
        A weighted bag of all transitions of the world, `[state x action x branch]`.

    Example:
        >>> from volition import env, policy
        >>> world = env.delivery()
        >>> made = bag(world, policy.Tabular(jnp.full((100, 4), 0.25)))
        >>> made.weight.shape
        (400,)
    """
    visits = occupancy(env, policy.probabilities)[:, :, None] * env.probability
    n_states, n_actions, n_branches = env.successor.shape
    number = jnp.arange(n_states * n_actions * n_branches, dtype=jnp.int32)
    state, rest = jnp.divmod(number, n_actions * n_branches)
    action, branch = jnp.divmod(rest, n_branches)
    transitions = jax.vmap(env.branch_transition)(state, action, branch)
    weight = visits.reshape(-1)
    return Segment(transitions, weight, jnp.ones(weight.shape, dtype=bool))


@eqx.filter_jit
def optimal_bags(
    env: FiniteMDP, rewards: AbstractReward, planner: AbstractPlanner | None = None
) -> Segment:
    """What each of several rewards leads to where it is optimised.

    The options of `volition.feedback.proxy_reward`.

    Args:
        env: the world for which the designer wrote a reward.
        rewards: a batch of those that could have been written, leaves `[reward, ...]`.
        planner: how they are optimised; `PolicyIteration()` if left out.

    Returns:
        A bag of transitions for each, `[reward, transition]`.

    Source: D. Hadfield-Menell et al., "Inverse reward design", NeurIPS 2017, section 4.
    """
    planner = PolicyIteration() if planner is None else planner

    def one(reward: AbstractReward) -> Segment:
        found = planner.solve(env, expected_reward(env, reward))
        return bag(env, found.policy)

    return jax.lax.map(one, rewards)
