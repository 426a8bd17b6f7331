"""Double precision inside of inference, whatever the precision outside."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from volition.env import FiniteMDP
from volition.value import in_double, in_precision

Given = ParamSpec("Given")
Found = TypeVar("Found")


def in_64_bits(infer: Callable[Given, Found]) -> Callable[Given, Found]:
    """The same inference, computed in 64 bits, its result in what JAX is set to.

    A log-likelihood sums over all answers or steps, and features may have a large
    offset: in 32 bits its slope is rounding long before it is 0, so that a search stops
    somewhere else. Where 64 bits are on already, this is the plain call.

    Args:
        infer: of pytrees; it may compile. Its 32-bit floats are widened, those of a
            finite world so that its probabilities still sum to 1.

    Example:
        >>> quarter = in_64_bits(lambda x: x / 4)
        >>> float(quarter(jnp.ones(())))
        0.25
    """

    @wraps(infer)
    def inferred(*args: Given.args, **kwargs: Given.kwargs) -> Found:
        if jnp.result_type(float) == jnp.float64:
            return infer(*args, **kwargs)

        def compute(*args: Given.args, **kwargs: Given.kwargs) -> Found:
            # Numbers that are of 32 bits by design, as of a simulator, meet others.
            with jax.numpy_dtype_promotion("standard"):
                is_world = lambda one: isinstance(one, FiniteMDP)
                args, kwargs = jax.tree.map(_world, (args, kwargs), is_leaf=is_world)
                return infer(*args, **kwargs)

        return in_double(compute)(*args, **kwargs)

    return inferred


def _world(leaf: Any) -> Any:
    if isinstance(leaf, FiniteMDP):
        return jax.tree.map(_widened, in_precision(leaf, jnp.float64))
    return leaf


def _widened(leaf: Any) -> Any:
    if getattr(leaf, "dtype", None) == np.float32:
        return jnp.asarray(leaf, dtype=jnp.float64)
    return leaf
