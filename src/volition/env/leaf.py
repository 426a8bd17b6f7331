"""What the arguments of a world become: leaves of its pytree."""

from collections.abc import Sequence

import numpy as np
from jax import numpy as jnp
from jax.core import Tracer
from jaxtyping import Array, ArrayLike


def real(value: ArrayLike | Sequence[float]) -> Array:
    """A number, or several, in the precision of the moment."""
    return jnp.asarray(value, dtype=float)


def count(value: ArrayLike) -> Array:
    """An integer."""
    return jnp.asarray(value, dtype=jnp.int32)


def check_positive(name: str, value: Array) -> None:
    """Raise where a value is known and not above 0.

    Raises:
        ValueError: naming it.

    Example:
        >>> check_positive("mass", real(0.1))
    """
    if not isinstance(value, Tracer) and not np.all(np.asarray(value) > 0.0):
        raise ValueError(f"{name} = {value} must be above 0.")


def check_not_negative(name: str, value: Array) -> None:
    """Raise where a value is known and negative, infinite or NaN.

    Raises:
        ValueError: naming it.

    Example:
        >>> check_not_negative("distance", real(0.0))
    """
    if isinstance(value, Tracer):
        return
    if not np.all((np.asarray(value) >= 0.0) & np.isfinite(np.asarray(value))):
        raise ValueError(f"{name} = {value} must be at least 0 and finite.")


def check_within(name: str, value: Array, low: float, high: float) -> None:
    """That a number is in a range, as far as it is known: not while it is traced.

    Raises:
        ValueError: where it is not.
    """
    if isinstance(value, Tracer):
        return
    numbers = np.asarray(value)
    if not np.all((numbers >= low) & (numbers <= high)):
        wrong = float(numbers[~((numbers >= low) & (numbers <= high))].flat[0])
        shown = f"at least {low:g}" if high == np.inf else f"in [{low:g}, {high:g}]"
        raise ValueError(f"{name} = {wrong:g} must be {shown}.")
