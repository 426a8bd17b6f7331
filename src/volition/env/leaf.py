"""What the arguments of a world become: leaves of its pytree."""

from collections.abc import Sequence

import numpy as np
from jax import numpy as jnp
from jax.core import Tracer
from jaxtyping import Array, ArrayLike


def real(value: ArrayLike | Sequence[float]) -> Array:
    """A number, or several, in the precision of the moment."""
    return jnp.asarray(value, dtype=float)


def in_range(what: str, value: ArrayLike | Sequence) -> Array:
    """Real numbers in the precision of the moment, none of them lost by it.

    Raises:
        ValueError: where a number becomes infinite in this precision, or 0 though it is
            not small beside the others.

    Example:
        >>> in_range("a weight", [0.5, 0.0]).tolist()
        [0.5, 0.0]
    """
    with np.errstate(over="ignore"):
        found = jnp.asarray(value, dtype=float)
    if isinstance(found, Tracer):
        return found
    given = np.abs(np.asarray(value, dtype=np.float64))
    limits = jnp.finfo(found.dtype)
    # Numbers below the smallest normal one are computed with as 0.
    wrong = np.isfinite(given) & (given > float(limits.max))
    matters = given > float(limits.eps) * np.max(given, initial=0.0)
    wrong |= (given < float(limits.tiny)) & matters
    if wrong.any():
        bits = 8 * found.dtype.itemsize
        lost = float(np.asarray(value, dtype=np.float64)[wrong][0])
        remedy = ", or set jax_enable_x64" if bits < 64 else ""
        raise ValueError(
            f"{what} is {lost:g}, which {bits} bits cannot hold: give it in another "
            f"unit{remedy}."
        )
    return found


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
