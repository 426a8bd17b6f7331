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
