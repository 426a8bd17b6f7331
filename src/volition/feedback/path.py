"""Segments from recorded paths in a finite world."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from volition.env import FiniteMDP
from volition.policy import Segment


def follow(
    mdp: FiniteMDP, start: Int[Array, ""], actions: Int[Array, " time"]
) -> Segment:
    """The segment that a start and a list of actions make in a deterministic world.

    Args:
        mdp: a world with one successor for each state and action.
        start: number of the state in which the path begins.
        actions: what is done; what lies behind an end is absorbing.

    Raises:
        ValueError: where the world is not deterministic.

    Example:
        >>> from volition import env
        >>> seen = follow(env.delivery(), jnp.int32(79), jnp.array([1, 0, 0]))
        >>> seen.weight.tolist(), bool(seen.ended)  # down into the goal
        ([1.0, 0.0, 0.0], True)
    """
    if mdp.successor.shape[-1] != 1:
        raise ValueError("only in a deterministic world do actions say what happened.")

    def one(state, action):
        transition = mdp.branch_transition(state, action, jnp.int32(0))
        over = mdp.terminal[state]
        weight = jnp.where(over, 0.0, jnp.ones((), dtype=mdp.features.dtype))
        return transition.next_state.index, (transition, weight, jnp.ones((), bool))

    start = jnp.asarray(start, dtype=jnp.int32)
    _, steps = jax.lax.scan(one, start, jnp.asarray(actions, dtype=jnp.int32))
    return Segment(*steps, True)
