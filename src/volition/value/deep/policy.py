"""Policies that a network decides."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from volition.policy import AbstractPolicy
from volition.value.deep.network import AbstractInputs, Network


class GreedyNetwork(AbstractPolicy):
    """The action that a network values most.

    Args:
        inputs: how it takes an observation.
        network: a row of numbers for each action, whose mean is its value.
    """

    inputs: AbstractInputs
    network: Network

    def q(self, observation: PyTree) -> Float[Array, " action"]:
        """Value of each action, reward units."""
        return jnp.mean(self.network(self.inputs(observation)), axis=-1)

    def __call__(self, key: PRNGKeyArray, observation: PyTree) -> Int[Array, ""]:
        """The best one, the first among equals."""
        del key
        return jnp.argmax(self.q(observation)).astype(jnp.int32)


