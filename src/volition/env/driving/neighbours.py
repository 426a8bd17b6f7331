"""Who drives ahead and behind, in every lane."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int


class Neighbour(eqx.Module):
    """A vehicle next to another one.

    Args:
        index: its number; any where there is none.
        exists: whether there is one.
    """

    index: Int[Array, "*vehicle"]
    exists: Bool[Array, "*vehicle"]


def in_every_lane(
    along: Float[Array, "lane vehicle"], inside: Bool[Array, "lane vehicle"]
) -> tuple[Int[Array, "lane vehicle"], Int[Array, "lane vehicle"]]:
    """Of each vehicle the nearest one ahead and the nearest one behind, lane by lane.

    One that is level counts as ahead. What is returned are tags, for `neighbour`.

    Args:
        along: where each vehicle is along each lane, m.
        inside: whether it counts as being in that lane.
    """
    return jax.vmap(_in_lane)(along, inside)


def _in_lane(
    along: Float[Array, " vehicle"], inside: Bool[Array, " vehicle"]
) -> tuple[Int[Array, " vehicle"], Int[Array, " vehicle"]]:
    n = along.shape[0]
    # [other, vehicle]: the reduction is over the leading axis, which XLA's CPU backend
    # turns into vector instructions; over the last one it does not.
    distance = along[:, None] - along[None, :]
    tag = tagged(jnp.abs(distance))
    others = inside[:, None] & ~jnp.eye(n, dtype=bool)
    nobody = _nobody(tag)
    ahead = jnp.min(jnp.where(others & (distance >= 0.0), tag, nobody), axis=0)
    behind = jnp.min(jnp.where(others & (distance < 0.0), tag, nobody), axis=0)
    return ahead, behind


def tagged(distance: Float[Array, "other vehicle"]) -> Int[Array, "other vehicle"]:
    """Distances as integers in the same order that carry the number of the other one.

    The bits of a float that is not negative are in the order of an integer; the last
    of them make room for the number. So one minimum finds both distance and number, to
    about 1e-5 of the distance in single precision.
    """
    n, bits = distance.shape[0], _bits(distance.shape[0])
    kind = jnp.int64 if distance.dtype == jnp.float64 else jnp.int32
    whole = jax.lax.bitcast_convert_type(distance, kind)
    cleared = (whole >> bits) << bits
    return cleared | jnp.arange(n, dtype=kind)[:, None]


def neighbour(tag: Int[Array, " vehicle"], n: int) -> Neighbour:
    """The vehicle that a tag names.

    Args:
        tag: as `in_every_lane` gives it.
        n: how many vehicles there are.
    """
    exists = tag != _nobody(tag)
    index = (tag & (2 ** _bits(n) - 1)).astype(jnp.int32)
    return Neighbour(jnp.where(exists, index, 0), exists)


def of_lane(
    tags: Int[Array, "lane vehicle"], picked: Bool[Array, "lane vehicle"]
) -> Int[Array, " vehicle"]:
    """The tags in the lane that is picked for each vehicle; nobody where none is."""
    return jnp.min(jnp.where(picked, tags, _nobody(tags)), axis=0)


def _bits(n: int) -> int:
    return max(1, (n - 1).bit_length())


def _nobody(tag: Int[Array, "..."]) -> Array:
    return jnp.asarray(jnp.iinfo(tag.dtype).max, dtype=tag.dtype)
