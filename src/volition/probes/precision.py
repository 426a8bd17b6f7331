"""Audits compute in 64 bits, whatever the session's precision."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from volition.env import FiniteMDP

MOST_READ = 100_000  # different numbers that are read as decimals
NEAR_ONE = 1.0 - 1e-6  # in place of a discount of 1, at which endless sums differ
ROUNDING = 1e-4  # of a sum of probabilities


def as_decimals(tree: PyTree) -> PyTree:
    """The same pytree with every 32-bit float as a 64-bit one.

    A number becomes the shortest decimal that it stands for, so that .1 is .1 and not
    .10000000149: equal actions stay equal, and an audit says the same in 32 bits as in
    64. To be called where 64 bits are on.

    Example:
        >>> with jax.enable_x64(True):
        ...     print(float(as_decimals(np.float32([0.1]))[0]))
        0.1
    """
    return jax.tree.map(_wider, tree)


def _wider(leaf: Any) -> Any:
    if not isinstance(leaf, jax.Array | np.ndarray | np.floating):
        return leaf
    if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return leaf
    if not jnp.issubdtype(leaf.dtype, jnp.floating) or leaf.dtype == np.float64:
        return leaf
    values = np.asarray(leaf)
    wide = values.astype(np.float64)
    if values.dtype == np.float32 and np.isfinite(values).all():
        different, place = np.unique(values, return_inverse=True)
        if len(different) <= MOST_READ:
            read = np.array([float(str(each)) for each in different])
            wide = read[place].reshape(values.shape)
    return jnp.asarray(wide)


def audited_world(env: FiniteMDP) -> FiniteMDP:
    """A world as audits compute with it: in 64 bits, its probabilities adding up.

    A discount of 1 becomes `NEAR_ONE`: policies that end are worth the same to a
    millionth of their length, and those that never end have a value.
    """
    env = as_decimals(env)
    discount = np.asarray(env.discount)
    return eqx.tree_at(
        lambda one: (one.probability, one.initial, one.discount),
        env,
        (
            _adding_up(np.asarray(env.probability)),
            _adding_up(np.asarray(env.initial)),
            jnp.asarray(np.minimum(discount, NEAR_ONE)),
        ),
    )


def _adding_up(odds: np.ndarray) -> jax.Array:
    total = odds.sum(axis=-1, keepdims=True)
    near = np.abs(total - 1.0) < ROUNDING  # what is farther off is no rounding
    return jnp.asarray(np.where(near, odds / np.where(near, total, 1.0), odds))
