"""A policy that is now one, now another."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Int, PRNGKeyArray, PyTree

from volition.policy.policy import AbstractPolicy


class Mixed(AbstractPolicy):
    """One policy in a share of the steps, another in the others.

    Args:
        first: whose share it is.
        second: who takes the others.
        share: probability that a step is the first's, in `[0, 1]`.

    Example:
        >>> from volition.policy import Always
        >>> int(Mixed(Always(3), Always(1), 1.0)(jax.random.key(0), None))
        3
    """

    first: AbstractPolicy
    second: AbstractPolicy
    share: ArrayLike

    def __call__(self, key: PRNGKeyArray, observation: PyTree) -> Int[Array, ""]:
        """An action of either."""
        coin, act_key = jax.random.split(key)
        firsts = jnp.asarray(self.first(act_key, observation), dtype=jnp.int32)
        seconds = jnp.asarray(self.second(act_key, observation), dtype=jnp.int32)
        turn = jax.random.uniform(coin) < jnp.asarray(self.share)
        return jnp.where(turn, firsts, seconds)
