"""What is done while learning, in worlds whose actions are numbered."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from volition.env import Discrete
from volition.value.deep.loop import World


def epsilon_greedy(
    key: PRNGKeyArray, q: Float[Array, "env action"], exploration: Float[Array, ""]
) -> Int[Array, " env"]:
    """The best action of each instance, or with some probability any.

    Args:
        key: consumed.
        q: value of each action.
        exploration: the probability.
    """
    uniform = jax.random.uniform(key, q.shape[:1], jnp.float32)
    chance = exploration.astype(jnp.float32)
    # One number says both: below the chance it is uniform, and so picks the action.
    share = uniform / jnp.maximum(chance, 1e-6)
    n_actions = q.shape[1]
    any_of_them = jnp.minimum((share * n_actions).astype(jnp.int32), n_actions - 1)
    best = jnp.argmax(q, axis=1).astype(jnp.int32)
    return jnp.where(uniform < chance, any_of_them, best)


def check_discrete(world: World) -> int:
    """How many actions there are.

    Raises:
        ValueError: where they are not numbered, or not always all there.
    """
    space = world.action_space
    if not isinstance(space, Discrete):
        raise ValueError(
            f"the actions are {space}, not numbers: learn with SAC, or give a world "
            "with discrete actions."
        )
    return space.n
