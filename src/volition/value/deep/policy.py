"""Policies that a network decides."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int, PRNGKeyArray, PyTree

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


class SoftNetwork(AbstractPolicy):
    """Actions at random, better ones more often: `softmax(q / temperature)`.

    Args:
        inputs: how the network takes an observation.
        network: a row of numbers for each action, whose mean is its value.
        temperature: reward units per nat, above 0; of a network that was trained to
            say log-probabilities, 1.

    Example:
        >>> from volition.env import CartPole
        >>> from volition.value.deep import MLP
        >>> from volition.env.inputs import inputs
        >>> network = MLP((8,)).begin(jax.random.key(0), 4, 2)
        >>> policy = SoftNetwork(inputs(CartPole().observation_space), network, 1.0)
        >>> share = jnp.exp(policy.log_probabilities(jnp.zeros(4)))
        >>> float(jnp.sum(share).round(5))
        1.0
    """

    inputs: AbstractInputs
    network: Network
    temperature: ArrayLike = 1.0

    def log_probabilities(self, observation: PyTree) -> Float[Array, " action"]:
        """Of each action, nats."""
        q = jnp.mean(self.network(self.inputs(observation)), axis=-1)
        return jax.nn.log_softmax(q / jnp.asarray(self.temperature, dtype=q.dtype))

    def __call__(self, key: PRNGKeyArray, observation: PyTree) -> Int[Array, ""]:
        """One drawn."""
        drawn = jax.random.categorical(key, self.log_probabilities(observation))
        return drawn.astype(jnp.int32)

    @property
    def greedy(self) -> GreedyNetwork:
        """Always the most probable one."""
        return GreedyNetwork(self.inputs, self.network)


LOG_SPREAD = (-5.0, 2.0)  # of a normal that tanh squashes: outside nothing changes


class SquashedGaussian(AbstractPolicy):
    """Normal actions squashed by tanh between two bounds; as a policy their middle.

    Args:
        inputs: how the network takes an observation.
        network: middle and spread of each entry before squashing, `2 entries` rows.
        low: lowest action, of its shape.
        high: highest.

    Source: T. Haarnoja et al., arXiv 1812.05905, appendix C.
    """

    inputs: AbstractInputs
    network: Network
    low: Float[Array, "*shape"]
    high: Float[Array, "*shape"]

    def draw(
        self, inputs: Float[Array, " input"], noise: Float[Array, " entry"]
    ) -> tuple[Float[Array, " entry"], Float[Array, ""]]:
        """An action, each entry in `[-1, 1]`, and its log-density there.

        Args:
            inputs: as the network takes them.
            noise: standard normal.
        """
        middle, spread = jnp.split(self.network(inputs)[:, 0], 2)
        low, high = LOG_SPREAD
        log_spread = low + (high - low) * 0.5 * (jnp.tanh(spread) + 1.0)
        before = middle + jnp.exp(log_spread) * noise
        normal = -0.5 * noise**2 - log_spread - 0.5 * np.float32(np.log(2.0 * np.pi))
        # log(1 - tanh^2), which rounds to -inf if it is written so.
        log_2 = np.float32(np.log(2.0))
        slope = 2.0 * (log_2 - before - jax.nn.softplus(-2.0 * before))
        # An entry whose bounds are one is not drawn: it is 0, and has no density.
        free = self.free
        unit = jnp.where(free, jnp.tanh(before), 0.0)
        return unit, jnp.sum(jnp.where(free, normal - slope, 0.0))

    @property
    def free(self) -> Bool[Array, " entry"]:
        """Which entries of an action have room between their bounds."""
        return jnp.ravel(self.high > self.low)

    def scaled(self, unit: Float[Array, " entry"]) -> Float[Array, "*shape"]:
        """From `[-1, 1]` to between the bounds."""
        centre, half = self._scale
        action = centre + half * unit.reshape(self.low.shape)
        # Rounding must not lead out of them.
        return jnp.clip(action, self.low, self.high)

    def unit(self, action: Float[Array, "*shape"]) -> Float[Array, " entry"]:
        """And back; 0 where the bounds are one."""
        centre, half = self._scale
        share = (action.astype(jnp.float32) - centre) / jnp.where(half > 0, half, 1.0)
        return jnp.where(self.free, jnp.ravel(share), 0.0)

    @property
    def _scale(self) -> tuple[Float[Array, "*shape"], Float[Array, "*shape"]]:
        """Middle between the bounds and half their distance, also of huge ones."""
        return self.low / 2 + self.high / 2, self.high / 2 - self.low / 2

    def __call__(self, key: PRNGKeyArray, observation: PyTree) -> Any:
        """The middle one."""
        del key
        middle, _ = jnp.split(self.network(self.inputs(observation))[:, 0], 2)
        return self.scaled(jnp.tanh(middle))
