"""A table of values, in which a state is one row, or the sum of several."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int

Table = Float[Array, "row action"]
State = Int[Array, ""] | Int[Array, " active"]


def at(array: Array, *place: Int[Array, ""]) -> Array:
    """The entry, or the part, at a place that is within an array.

    Indexing with brackets asks first whether a number counts from the end, or lies
    outside; in a loop of some nanoseconds that is felt.

    Args:
        array: anything.
        place: numbers along its leading axes.

    Example:
        >>> at(jnp.array([[1.0, 2.0], [3.0, 4.0]]), jnp.int32(1)).tolist()
        [3.0, 4.0]
    """
    rest = array.shape[len(place) :]
    start = (*place, *(jnp.int32(0) for _ in rest))
    sizes = (*(1 for _ in place), *rest)
    part = jax.lax.dynamic_slice(array, start, sizes, allow_negative_indices=False)
    return jnp.reshape(part, rest)


def put(array: Array, value: ArrayLike, *place: Int[Array, ""]) -> Array:
    """The array with another entry, or part, at a place that is within it.

    Example:
        >>> put(jnp.zeros((2, 2)), 7.0, jnp.int32(1), jnp.int32(0)).tolist()
        [[0.0, 0.0], [7.0, 0.0]]
    """
    rest = array.shape[len(place) :]
    start = (*place, *(jnp.int32(0) for _ in rest))
    part = jnp.asarray(value, dtype=array.dtype)
    part = jnp.reshape(part, (*(1 for _ in place), *rest))
    return jax.lax.dynamic_update_slice(
        array, part, start, allow_negative_indices=False
    )


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
    return at(q, state) if state.ndim == 0 else jnp.sum(q[state], axis=0)


def entry(q: Table, state: State, action: Int[Array, ""]) -> Float[Array, ""]:
    """The value of one action in a state."""
    if state.ndim == 0:
        return at(q, state, action)
    return jnp.sum(q[state, action])


def move(
    q: Table, state: State, action: Int[Array, ""], by: Float[ArrayLike, ""]
) -> Table:
    """The table in which the value of an action in a state has changed by some units.

    Rows that are summed share the change equally.
    """
    if state.ndim == 0:
        return put(q, at(q, state, action) + by, state, action)
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
