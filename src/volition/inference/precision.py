"""Double precision inside a fit, whatever the precision outside."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from volition.env import FiniteMDP
from volition.value import in_double, in_precision

Tree = TypeVar("Tree")


def in_64_bits(function: Callable[..., Tree], *arguments: Any) -> Tree:
    """A function's result, worked out in 64 bits and returned in the caller's bits.

    A log-likelihood sums over all answers, and features may have a large offset: in 32
    bits its slope is rounding long before it is 0. Where 64 bits are on already, this
    is the plain call.

    Args:
        function: of pytrees; it may compile.
        arguments: their 32-bit floats are widened first, those of a finite world so
            that its probabilities still sum to 1.
    """
    if jnp.result_type(float) == jnp.float64:
        return function(*arguments)

    def compute(*given: Any) -> Tree:
        # Numbers that are 32-bit by design, such as a simulator's, meet 64-bit ones.
        with jax.numpy_dtype_promotion("standard"):
            is_world = lambda one: isinstance(one, FiniteMDP)
            return function(*jax.tree.map(_world, given, is_leaf=is_world))

    return in_double(compute)(*arguments)


def _world(leaf: Any) -> Any:
    if isinstance(leaf, FiniteMDP):
        return jax.tree.map(_widened, in_precision(leaf, jnp.float64))
    return leaf


def _widened(leaf: Any) -> Any:
    if getattr(leaf, "dtype", None) == np.float32:
        return jnp.asarray(leaf, dtype=jnp.float64)
    return leaf
