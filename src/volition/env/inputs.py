"""Inputs: the numbers by which a network takes an observation or an action."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from volition.env.spaces import Discrete, Space


class AbstractInputs(eqx.Module):
    """From an observation to the numbers that a network takes."""

    @property
    @abc.abstractmethod
    def size(self) -> int:
        """How many they are."""

    @abc.abstractmethod
    def __call__(self, observation: PyTree) -> Float[Array, " input"]:
        """Those of one observation, as 32-bit floats."""


class Scaled(AbstractInputs):
    """Real arrays as a row, each entry in `[-1, 1]` where it is bounded.

    Args:
        centre: what becomes 0, `[input]`.
        half: what is this far from it becomes 1, `[input]`.
    """

    centre: Float[Array, "*seed input"]
    half: Float[Array, "*seed input"]

    @property
    def size(self) -> int:
        """Entries of the array."""
        return self.centre.shape[-1]

    def __call__(self, observation: PyTree) -> Float[Array, " input"]:
        """The entries, scaled."""
        entries = jnp.ravel(jnp.asarray(observation)).astype(self.centre.dtype)
        # The offset goes before any precision does.
        return ((entries - self.centre) / self.half).astype(jnp.float32)


class OneHot(AbstractInputs):
    """A number as a row of zeros with a one.

    Args:
        n: how many numbers there are.
    """

    n: int = eqx.field(static=True)

    @property
    def size(self) -> int:
        """As many as numbers."""
        return self.n

    def __call__(self, observation: PyTree) -> Float[Array, " input"]:
        """1 at the number's place."""
        return jax.nn.one_hot(observation, self.n, dtype=jnp.float32)


def inputs(space: Space) -> AbstractInputs:
    """How a network takes the observations of a space.

    Example:
        >>> from volition.env import Box
        >>> inputs(Box((0.0, -1.0), (4.0, 1.0), (2,)))(jnp.array([3.0, -1.0])).tolist()
        [0.5, -1.0]
    """
    if isinstance(space, Discrete):
        return OneHot(space.n)
    low, high = map(np.ravel, space.bounds)
    # Gymnasium writes the largest float for no bound.
    bounded = (high < np.finfo(np.float32).max) & (low > np.finfo(np.float32).min)
    bounded &= high > low
    low, high = np.where(bounded, low, 0.0), np.where(bounded, high, 0.0)
    centre = low / 2 + high / 2
    half = np.where(bounded, high / 2 - low / 2, 1.0)
    return Scaled(
        jnp.asarray(centre, dtype=jnp.float32), jnp.asarray(half, dtype=jnp.float32)
    )
