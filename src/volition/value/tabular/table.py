"""A table of values, in which a state is one row, or the sum of several."""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int

Table = Float[Array, "row action"]
State = Int[Array, ""] | Int[Array, " active"]


def row(q: Table, state: State) -> Float[Array, " action"]:
    """The values of the actions in a state.

    Args:
        q: reward units; a linear function of binary features has one row for each.
        state: the row's number; or those of the rows whose sum it is.

    Example:
        >>> q = jnp.array([[1.0, 2.0], [10.0, 20.0]])
        >>> row(q, jnp.int32(1)).tolist(), row(q, jnp.array([0, 1])).tolist()
        ([10.0, 20.0], [11.0, 22.0])
    """
    return q[state] if state.ndim == 0 else jnp.sum(q[state], axis=0)


def entry(q: Table, state: State, action: Int[Array, ""]) -> Float[Array, ""]:
    """The value of one action in a state."""
    return q[state, action] if state.ndim == 0 else jnp.sum(q[state, action])


def move(
    q: Table, state: State, action: Int[Array, ""], by: Float[ArrayLike, ""]
) -> Table:
    """The table in which the value of an action in a state has changed by some units.

    Rows that are summed share the change equally.
    """
    return q.at[state, action].add(jnp.asarray(by) / state.size)


def along(share: Float[Array, "*step"], n: Int[ArrayLike, ""]) -> Int[Array, "*step"]:
    """The place in a list of n that is so far along it.

    Args:
        share: in `[0, 1)`.
        n: entries of the list.

    Example:
        >>> along(jnp.array([0.0, 0.49, 0.5]), 2).tolist()
        [0, 0, 1]
    """
    n = jnp.asarray(n, dtype=jnp.int32)
    return jnp.minimum((share * n.astype(share.dtype)).astype(jnp.int32), n - 1)
