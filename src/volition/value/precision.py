"""Arithmetic in 64 bits, whatever JAX is set to, and numbers of a usual size."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import DTypeLike
from jaxtyping import Array, ArrayLike, Float, PyTree

from volition.env import FiniteMDP

Given = ParamSpec("Given")
Result = TypeVar("Result")


def in_double(
    compute_fn: Callable[Given, Result], *, keep: bool = False
) -> Callable[Given, Result]:
    """The same function of arrays, computed in 64 bits, its result in what JAX is set.

    Rounding of a solver in 32 bits would decide between actions that are nearly alike.
    Inside of `jit` and `vmap` the function is called as it is.

    Args:
        compute_fn: takes and returns pytrees. A finite world is passed on as it is, for
            `in_precision`, so that the function knows how it was rounded.
        keep: whether the result stays in 64 bits, as NumPy's arrays.

    Example:
        >>> third = in_double(lambda x: x / 3, keep=True)
        >>> float(third(jnp.ones(()))) == 1 / 3
        True
    """

    def compute(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        given = (args, kwargs)
        if traced(given) or jnp.result_type(float) == jnp.float64:
            found = compute_fn(*args, **kwargs)
            return (
                jax.tree.map(np.asarray, found) if keep and not traced(found) else found
            )
        with jax.enable_x64(True):
            args, kwargs = jax.tree.map(
                _widened, given, is_leaf=lambda one: isinstance(one, FiniteMDP)
            )
            found = compute_fn(*args, **kwargs)
        return jax.tree.map(np.asarray if keep else _narrowed, found)

    return compute


def traced(tree: PyTree) -> bool:
    """Whether some of it is not known yet, as inside of `jit` and `vmap`."""
    return any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(tree))


def in_precision(mdp: FiniteMDP, dtype: DTypeLike) -> FiniteMDP:
    """A world in another precision, its probabilities summing to 1 in that one.

    Args:
        mdp: the world.
        dtype: of what is computed, such as `reward.dtype`.

    Example:
        >>> from volition import env
        >>> in_precision(env.gridworld(["S.G"]), jnp.float32).probability.dtype.name
        'float32'
    """
    dtype = jnp.dtype(dtype)
    if mdp.probability.dtype == dtype:
        return mdp
    probability = mdp.probability.astype(dtype)
    total = jnp.sum(probability, axis=-1, keepdims=True)
    return eqx.tree_at(
        lambda one: (one.probability, one.discount, one.initial),
        mdp,
        (
            probability / jnp.where(total > 0.0, total, 1.0),
            mdp.discount.astype(dtype),
            mdp.initial.astype(dtype),
        ),
    )


def _widened(leaf):
    if eqx.is_inexact_array(leaf) and leaf.dtype == jnp.float32:
        return jnp.asarray(np.asarray(leaf), dtype=jnp.float64)
    return leaf


def _narrowed(leaf):
    if eqx.is_array(leaf) and leaf.dtype == jnp.float64:
        with np.errstate(over="ignore"):
            return jnp.asarray(np.asarray(leaf).astype(np.float32))
    if eqx.is_array(leaf) and leaf.dtype == jnp.int64:
        return jnp.asarray(np.asarray(leaf).astype(np.int32))
    return leaf


def unit_of(
    numbers: Float[Array, "*shape"], least: ArrayLike = 0.0
) -> Float[Array, ""]:
    """The power of two at or below the largest size: dividing by it rounds nothing.

    Args:
        numbers: finite ones.
        least: a further number, of a size that is not above the unit's twice.

    Returns:
        The unit; 1 where all numbers are 0.

    Example:
        >>> float(unit_of(jnp.array([3.0, -5.0])))
        4.0
    """
    largest = jnp.max(jnp.abs(numbers), initial=0.0)
    largest = jnp.maximum(largest, jnp.asarray(least, dtype=numbers.dtype))
    known = (largest > 0.0) & jnp.isfinite(largest)
    _, exponent = jnp.frexp(jnp.where(known, largest, 1.0))
    return jnp.ldexp(jnp.ones((), dtype=numbers.dtype), exponent - 1)
