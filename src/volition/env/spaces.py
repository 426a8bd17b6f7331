"""Spaces: what an action or an observation can be."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray


class Discrete(eqx.Module):
    """The integers `0 .. n - 1`.

    Args:
        n: how many values there are, at least 1.

    Raises:
        ValueError: where there is none.

    Example:
        >>> space = Discrete(4)
        >>> bool(space.contains(3)), bool(space.contains(4))
        (True, False)
    """

    n: int = eqx.field(static=True)

    def __check_init__(self):
        if self.n < 1:
            raise ValueError(f"a discrete space needs n >= 1 values, not n = {self.n}.")

    def sample(self, key: PRNGKeyArray) -> Int[Array, ""]:
        """A value, all alike."""
        return jax.random.randint(key, (), 0, self.n, dtype=jnp.int32)

    def contains(self, value: Any) -> Bool[Array, ""]:
        """Whether one value is an integer scalar in range."""
        value = jnp.asarray(value)
        if value.shape != () or not jnp.issubdtype(value.dtype, jnp.integer):
            return jnp.asarray(False)
        return (value >= 0) & (value < self.n)


class Box(eqx.Module):
    """Real arrays between two bounds.

    Args:
        low: lowest value of every entry, in the unit of the quantity.
        high: highest value of every entry.
        shape: shape of the array; `()` is a scalar.

    Raises:
        ValueError: where the bounds are the wrong way round or NaN.

    Example:
        >>> space = Box(low=-1.0, high=1.0, shape=(2,))
        >>> bool(space.contains(jnp.array([0.5, -1.0])))
        True
    """

    low: float = eqx.field(static=True)
    high: float = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True, default=())

    def __check_init__(self):
        if not self.low <= self.high or np.isnan(self.low) or np.isnan(self.high):
            raise ValueError(
                f"a box needs low <= high, not {self.low} and {self.high}."
            )

    def sample(self, key: PRNGKeyArray) -> Float[Array, "*shape"]:
        """A value: uniform between finite bounds, else a clipped standard normal."""
        if np.isfinite(self.low) and np.isfinite(self.high):
            return jax.random.uniform(
                key, self.shape, minval=self.low, maxval=self.high
            )
        return jnp.clip(jax.random.normal(key, self.shape), self.low, self.high)

    def contains(self, value: Any) -> Bool[Array, ""]:
        """Whether one value has the shape, is real, and lies between the bounds."""
        value = jnp.asarray(value)
        if value.shape != self.shape or not jnp.issubdtype(value.dtype, jnp.floating):
            return jnp.asarray(False)
        # NaN compares False, so it is outside.
        return jnp.all((value >= self.low) & (value <= self.high))


Space = Discrete | Box
