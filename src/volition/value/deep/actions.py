"""What is done while learning, in worlds whose actions are numbered."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from volition.env import Box, Discrete
from volition.value.deep.network import AbstractHead, Network
from volition.value.deep.policy import GreedyNetwork
from volition.value.deep.world import Spaces


def epsilon_greedy(
    key: PRNGKeyArray,
    greedy: GreedyNetwork,
    observations: PyTree,
    exploration: Float[Array, ""],
) -> Int[Array, " env"]:
    """The best action of each instance, or with some probability any.

    Args:
        key: consumed.
        greedy: the policy that knows the best.
        observations: `[env]`.
        exploration: the probability.
    """
    q = jax.vmap(greedy.q)(observations)
    uniform = jax.random.uniform(key, q.shape[:1], jnp.float32)
    chance = exploration.astype(jnp.float32)
    # One number says both: below the chance it is uniform, and so picks the action.
    share = uniform / jnp.maximum(chance, 1e-6)
    n_actions = q.shape[1]
    any_of_them = jnp.minimum((share * n_actions).astype(jnp.int32), n_actions - 1)
    best = jnp.argmax(q, axis=1).astype(jnp.int32)
    return jnp.where(uniform < chance, any_of_them, best)


def check_discrete(spaces: Spaces) -> int:
    """How many actions there are.

    Raises:
        ValueError: where they are not numbered, or not always all there.
    """
    space = spaces.action
    if not isinstance(space, Discrete):
        raise ValueError(
            f"the actions are {space}, not numbers: learn with SAC, or give a world "
            "with discrete actions."
        )
    return space.n


def mean_loss(
    network: Network,
    head: AbstractHead,
    inputs: Float[Array, "batch input"],
    action: Int[Array, " batch"],
    worth: Float[Array, "batch column"],
) -> Float[Array, ""]:
    """How far the numbers of some actions are from what the actions were worth."""

    def one(x, action, worth):
        numbers = network(x)
        # Without a gather, whose gradient would be a scatter.
        here = jnp.arange(numbers.shape[0], dtype=action.dtype) == action
        numbers = jnp.sum(jnp.where(here[:, None], numbers, 0.0), axis=0)
        return head.loss(numbers, worth)

    return jnp.mean(jax.vmap(one)(inputs, action, worth))


def bounds(spaces: Spaces) -> tuple[Float[Array, "*shape"], Float[Array, "*shape"]]:
    """Lowest and highest action, as 32-bit floats.

    Raises:
        ValueError: where actions are numbered, or have no bounds.
    """
    space = spaces.action
    if not isinstance(space, Box) or not np.isfinite([space.low, space.high]).all():
        raise ValueError(
            f"the actions are {space}, not real numbers between bounds: learn with DQN "
            "or PQN where they are numbered, or bound them."
        )
    low, high = space.bounds
    return jnp.asarray(low, dtype=jnp.float32), jnp.asarray(high, dtype=jnp.float32)
