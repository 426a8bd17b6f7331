"""A policy that is disturbed."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from volition.env.spaces import Space
from volition.policy.policy import AbstractPolicy


class Perturbed(AbstractPolicy):
    """Another policy that now and then does anything at all.

    Args:
        policy: what it does otherwise.
        space: of actions.
        rate: how often it does anything, in `[0, 1]`.
    """

    policy: AbstractPolicy
    space: Space
    rate: Float[Array, ""]

    def __call__(self, key: PRNGKeyArray, observation: PyTree) -> Any:
        """The policy's action, or any."""
        coin_key, any_key, own_key = jax.random.split(key, 3)
        anything = self.space.sample(any_key)
        own = self.policy(own_key, observation)
        slips = jax.random.uniform(coin_key, dtype=self.rate.dtype) < self.rate
        return jax.tree.map(lambda a, b: jnp.where(slips, a, b), anything, own)
