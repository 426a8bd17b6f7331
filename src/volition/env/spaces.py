"""Spaces: what an action or an observation can be."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int, PRNGKeyArray


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

    def near(
        self, key: PRNGKeyArray, value: Int[ArrayLike, ""], spread: ArrayLike
    ) -> Int[Array, ""]:
        """A value instead of one: any, as numbers of actions have no neighbours.

        Args:
            key: consumed.
            value: the one.
            spread: has no effect; see `Box.near`.
        """
        del value, spread
        return self.sample(key)

    def contains(self, value: Any) -> Bool[Array, ""]:
        """Whether one value is an integer scalar in range."""
        value = jnp.asarray(value)
        if value.shape != () or not jnp.issubdtype(value.dtype, jnp.integer):
            return jnp.asarray(False)
        return (value >= 0) & (value < self.n)


def _bound(value: Any) -> float | tuple[float, ...]:
    """A number, or one for each entry."""
    if np.ndim(value) == 0:
        return float(value)
    return tuple(float(each) for each in np.ravel(value))


class Box(eqx.Module):
    """Real arrays between two bounds.

    Args:
        low: lowest value of every entry, in the unit of the quantity; or of each
            entry, row by row.
        high: highest value, likewise.
        shape: shape of the array; `()` is a scalar.

    Raises:
        ValueError: where the bounds are the wrong way round or NaN, or not as many as
            the entries.

    Example:
        >>> space = Box(low=-1.0, high=1.0, shape=(2,))
        >>> bool(space.contains(jnp.array([0.5, -1.0])))
        True
    """

    low: float | tuple[float, ...] = eqx.field(static=True, converter=_bound)
    high: float | tuple[float, ...] = eqx.field(static=True, converter=_bound)
    shape: tuple[int, ...] = eqx.field(static=True, default=())

    def __check_init__(self):
        for bound in (self.low, self.high):
            if np.ndim(bound) > 0 and np.size(bound) != np.prod(self.shape):
                raise ValueError(
                    f"the bounds {bound} are not one for each entry of {self.shape}."
                )
        if not np.all(np.asarray(self.low) <= np.asarray(self.high)):  # NaN is not
            raise ValueError(
                f"a box needs low <= high, not {self.low} and {self.high}."
            )

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest value of every entry, arrays of the shape."""
        low, high = (
            np.broadcast_to(
                np.reshape(end, self.shape) if np.ndim(end) else end, self.shape
            )
            for end in (self.low, self.high)
        )
        return low, high

    def sample(self, key: PRNGKeyArray) -> Float[Array, "*shape"]:
        """A value: uniform between finite bounds, else a clipped standard normal."""
        low, high = self._bounds(float)
        if self._bounded:
            return jax.random.uniform(key, self.shape, minval=low, maxval=high)
        return jnp.clip(jax.random.normal(key, self.shape), low, high)

    def near(
        self, key: PRNGKeyArray, value: Float[ArrayLike, "*shape"], spread: ArrayLike
    ) -> Float[Array, "*shape"]:
        """A value instead of one: normal around it, cut at the bounds.

        The same key with the opposite spread leads as far the other way.

        Args:
            key: consumed.
            value: the one.
            spread: standard deviation, as a share of the way between the bounds; in
                the unit of the quantity where a bound is infinite.

        Example:
            >>> space = Box(low=-1.0, high=1.0)
            >>> there, back = (
            ...     space.near(jax.random.key(0), jnp.asarray(0.5), by)
            ...     for by in (0.01, -0.01)
            ... )
            >>> round(float(there + back), 5)
            1.0
        """
        low, high = self._bounds(float)
        wide = high - low if self._bounded else jnp.ones_like(high - low)
        step = jnp.asarray(spread, dtype=float) * wide
        moved = jnp.asarray(value, dtype=float) + step * jax.random.normal(
            key, self.shape
        )
        return jnp.clip(moved, low, high)

    def contains(self, value: Any) -> Bool[Array, ""]:
        """Whether one value has the shape, is real, and lies between the bounds."""
        value = jnp.asarray(value)
        if value.shape != self.shape or not jnp.issubdtype(value.dtype, jnp.floating):
            return jnp.asarray(False)
        # NaN compares False, so it is outside.
        low, high = self._bounds(value.dtype)
        return jnp.all((value >= low) & (value <= high))

    @property
    def _bounded(self) -> bool:
        """Whether all bounds are finite, and so is what lies between them."""
        low, high = (end.astype(jnp.result_type(float)) for end in self.bounds)
        with np.errstate(over="ignore", invalid="ignore"):
            # Gymnasium writes the largest 32-bit float for no bound.
            room = np.maximum(np.abs(low), np.abs(high)) < np.finfo(np.float32).max
            return bool(np.all(room & np.isfinite(high - low)))

    def _bounds(self, dtype: Any) -> tuple[Array, Array]:
        low, high = jnp.asarray(self.low, dtype), jnp.asarray(self.high, dtype)
        return (
            low.reshape(self.shape if low.ndim else ()),
            high.reshape(self.shape if high.ndim else ()),
        )


Space = Discrete | Box
