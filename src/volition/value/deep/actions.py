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
    """Lowest and highest action, as 32-bit floats that lie between the space's.

    Raises:
        ValueError: where actions are numbered, or have no bounds.
    """
    space = spaces.action
    if not isinstance(space, Box):
        raise ValueError(
            f"the actions are {space}, not real numbers between bounds: learn with DQN "
            "or PQN."
        )
    ends = [np.asarray(end, dtype=float) for end in space.bounds]
    # Gymnasium writes the largest float for no bound.
    open_ = [np.abs(end) >= np.finfo(np.float32).max for end in ends]
    if np.any(open_):
        entry = int(np.argmax(np.ravel(open_[0] | open_[1])))
        lowest, highest = (float(np.ravel(end)[entry]) for end in ends)
        raise ValueError(
            f"entry {entry} of an action may be anything in [{lowest:g}, {highest:g}], "
            "and SAC needs bounds to act within: learn with SAC in a world whose "
            "actions have some, which gymnasium.wrappers.TransformAction(env, "
            "lambda action: action, gymnasium.spaces.Box(-1, 1, "
            f"{space.shape})) gives to an environment of Gymnasium's."
        )
    low, high = (end.astype(np.float32) for end in ends)
    # Rounded to the inside; between bounds that are one there is none.
    inner_low = np.where(low < ends[0], np.nextafter(low, np.float32(np.inf)), low)
    inner_high = np.where(high > ends[1], np.nextafter(high, -np.float32(np.inf)), high)
    room = inner_low <= inner_high
    low, high = np.where(room, inner_low, low), np.where(room, inner_high, low)
    return jnp.asarray(low, dtype=jnp.float32), jnp.asarray(high, dtype=jnp.float32)
