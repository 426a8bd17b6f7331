"""Double precision inside a fit, whatever the precision outside."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

Tree = TypeVar("Tree")


def in_double(function: Callable[..., Tree], *arguments: Any) -> Tree:
    """A function's result, worked out in 64 bits and returned in the caller's bits.

    A log-likelihood sums over all answers, and features may have a large offset: in 32
    bits its slope is rounding long before it is 0. Where 64 bits are on already, this
    is the plain call.

    Args:
        function: of pytrees; it may compile.
        arguments: their 32-bit floats are widened first.
    """
    if jnp.zeros(()).dtype == jnp.float64:
        return function(*arguments)
    # Numbers that are 32-bit by design, such as a simulator's, meet 64-bit ones here.
    with _in_64_bits(), jax.numpy_dtype_promotion("standard"):
        found = function(*jax.tree.map(_widened, arguments))
        return jax.tree.map(_narrowed, found)


@contextmanager
def _in_64_bits() -> Iterator[None]:
    if hasattr(jax, "enable_x64"):
        with jax.enable_x64(True):
            yield
    else:  # before jax 0.8
        from jax import experimental

        with experimental.enable_x64():  # pyright: ignore[reportAttributeAccessIssue]
            yield


def _widened(leaf: Any) -> Any:
    if getattr(leaf, "dtype", None) == np.float32:
        return jnp.asarray(leaf, dtype=jnp.float64)
    return leaf


def _narrowed(leaf: Any) -> Any:
    for wide, narrow in ((np.float64, np.float32), (np.int64, np.int32)):
        if getattr(leaf, "dtype", None) == wide:
            return jnp.asarray(np.asarray(leaf).astype(narrow))
    return leaf
