"""Collisions between rotated rectangles, and how they push."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from volition.env.driving.neighbours import Neighbour, nearest, tagged, untagged
from volition.env.driving.vehicle import LENGTH, Vehicles

N_NORMALS = 4  # of the sides of two rectangles, but for their opposites


class Body(eqx.Module):
    """A rectangle that moves.

    Args:
        x: of its centre, m.
        y: likewise.
        cos: of its heading.
        sin: of its heading.
        speed: along it, m/s.
        length: m.
        width: m.
    """

    x: Float[Array, "*body"]
    y: Float[Array, "*body"]
    cos: Float[Array, "*body"]
    sin: Float[Array, "*body"]
    speed: Float[Array, "*body"]
    length: Float[Array, "*body"]
    width: Float[Array, "*body"]


class Contact(eqx.Module):
    """What happens between two bodies.

    Args:
        now: whether they overlap.
        soon: whether they will within the time step, if both go straight on.
        x: by how much the first would have to be moved so that they do not, m.
        y: likewise.
    """

    now: Bool[Array, "*pair"]
    soon: Bool[Array, "*pair"]
    x: Float[Array, "*pair"]
    y: Float[Array, "*pair"]


def contact(me: Body, other: Body, reach: Float[Array, "*pair"], dt: float) -> Contact:
    """Two bodies, or many pairs of them, by the separating axis theorem.

    Two convex shapes do not overlap if and only if there is a side of one of them to
    whose normal their shadows are apart. Of the four normals, each both ways round, the
    one with the least overlap says how they would be pushed apart.

    Args:
        me: one body.
        other: the other one.
        reach: centres farther apart than this, m, do not count.
        dt: the time ahead, s.

    Source: S. Gottschalk, M. Lin, D. Manocha, "OBBTree", SIGGRAPH 1996; what counts and
    how it pushes: highway-env 1.12, vehicle/objects.py and utils.py.
    """
    dx, dy = me.x - other.x, me.y - other.y
    away_x = (me.speed * me.cos - other.speed * other.cos) * dt
    away_y = (me.speed * me.sin - other.speed * other.sin) * dt

    def one(number: Array) -> tuple[Array, Array]:
        """The gap along a normal, and how far to move, or -1 if they stay apart."""
        x, y = _normal(me, other, number)
        between = dx * x + dy * y  # from the other's centre to mine
        mine, theirs = _shadow(me, x, y), _shadow(other, x, y)
        going = away_x * x + away_y * y
        low = between - mine + jnp.minimum(going, 0.0)
        high = between + mine + jnp.maximum(going, 0.0)
        # The gap between `[low, high]` and `[-theirs, theirs]`, negative inside, is
        # measured from the end that comes first: the two ways round differ where one
        # shadow lies within the other.
        ahead = jnp.where(low < -theirs, -theirs - high, low - theirs)
        back = jnp.where(high > theirs, low - theirs, -theirs - high)
        size = jnp.minimum(jnp.abs(ahead), jnp.abs(back))
        meets = (low <= theirs) & (high >= -theirs)
        tag = jnp.where(meets, tagged(size, number, N_NORMALS), -1)
        return jnp.abs(between) - mine - theirs, tag

    # XLA works out a reduction once, and anything simpler once for each of its uses.
    gaps, tags = jax.vmap(one)(jnp.arange(N_NORMALS, dtype=jnp.int32))
    gap, tag = jnp.max(gaps, axis=0), jnp.min(tags, axis=0)
    near = dx * dx + dy * dy <= reach * reach
    soon = (tag >= 0) & near
    size, number = untagged(tag, N_NORMALS)
    x, y = _normal(me, other, number)
    size = jnp.where(soon, jnp.where(dx * x + dy * y > 0.0, size, -size), 0.0)
    return Contact((gap <= 0.0) & near, soon, size * x, size * y)


def _normal(me: Body, other: Body, number: Array) -> tuple[Array, Array]:
    """The direction of a side's normal: two of the first body, two of the other one."""
    own, across = number < 2, number % 2 == 1
    cos = jnp.where(own, me.cos, other.cos)
    sin = jnp.where(own, me.sin, other.sin)
    return jnp.where(across, -sin, cos), jnp.where(across, cos, sin)


def _shadow(body: Body, x: Array, y: Array) -> Array:
    """Half of what a body covers in a direction, m."""
    long = body.length * jnp.abs(x * body.cos + y * body.sin)
    return 0.5 * (long + body.width * jnp.abs(y * body.cos - x * body.sin))


def collided(
    vehicles: Vehicles,
    dt: float,
    everybody: bool,
    *,
    cos: Float[Array, "*slot"],
    sin: Float[Array, "*slot"],
) -> Vehicles:
    """Mark who crashed and how they are pushed.

    The first vehicle is checked against all others, each of the others against the
    nearest one.

    Args:
        vehicles: after they moved.
        dt: sub-step, s.
        everybody: whether the others can crash into each other as well.
        cos: of the headings.
        sin: of the headings.

    Source: highway-env 1.12, road/road.py and vehicle/objects.py. Differs: a vehicle
    that is hit by two others at once is pushed by the nearest one only.
    """
    n = vehicles.x.shape[0]
    bodies = Body(
        vehicles.x,
        vehicles.y,
        cos,
        sin,
        vehicles.speed,
        vehicles.length,
        vehicles.width,
    )
    diagonal = jnp.sqrt(bodies.length**2 + bodies.width**2)
    number = jnp.arange(n, dtype=jnp.int32)
    other_there = vehicles.present & (number != 0)

    first = jax.tree.map(lambda leaf: jnp.full_like(leaf, leaf[0]), bodies)
    reach = 0.5 * (diagonal[0] + diagonal) + vehicles.speed[0] * dt
    to_all = contact(first, bodies, reach, dt)
    now, soon = to_all.now & other_there, to_all.soon & other_there
    # The obstacle pushes with all it has, another vehicle with half of that.
    share = jnp.where(vehicles.obstacle, 1.0, 0.5).astype(bodies.x.dtype)
    # The last one that hits it pushes the first vehicle.
    rank = jnp.where(vehicles.obstacle, number + n, number)
    last = jnp.max(jnp.where(soon, rank, -1))
    by = soon & (rank == last)
    first_x = jnp.sum(jnp.where(by, share * to_all.x, 0.0))
    first_y = jnp.sum(jnp.where(by, share * to_all.y, 0.0))

    is_first = number == 0
    pushed = soon & ~vehicles.obstacle
    crashed = vehicles.crashed | now | (is_first & jnp.any(now))
    hit = pushed | (is_first & (last >= 0))
    push_x = jnp.where(is_first, first_x, -0.5 * to_all.x)
    push_y = jnp.where(is_first, first_y, -0.5 * to_all.y)

    if everybody:
        near = _nearest(vehicles)
        other = jax.tree.map(
            lambda leaf: leaf.at[near.index].get(mode="promise_in_bounds"),
            (bodies, diagonal, vehicles.obstacle),
        )
        body, its_diagonal, is_obstacle = other
        # The speed of the one with the lower number counts; an obstacle's never.
        lower = jnp.where((number < near.index) | is_obstacle, bodies.speed, body.speed)
        reach = 0.5 * (diagonal + its_diagonal) + lower * dt
        between = contact(bodies, body, reach, dt)
        valid = near.exists & vehicles.present & ~vehicles.obstacle & ~is_first
        now, soon = between.now & valid, between.soon & valid
        # A later partner overrules an earlier one, so any but the first overrules it.
        overrules = soon & (near.index != 0)
        share = jnp.where(is_obstacle, 1.0, 0.5).astype(bodies.x.dtype)
        crashed |= now
        hit |= overrules
        push_x = jnp.where(overrules, share * between.x, push_x)
        push_y = jnp.where(overrules, share * between.y, push_y)

    def marks(all: Vehicles) -> tuple:
        return all.crashed, all.hit, all.push_x, all.push_y

    return eqx.tree_at(marks, vehicles, (crashed, hit, push_x, push_y))


def _nearest(vehicles: Vehicles) -> Neighbour:
    """Of each vehicle the one with the least gap around it, by axis-parallel boxes."""
    n = vehicles.x.shape[0]
    number = jnp.arange(n, dtype=jnp.int32)
    length, width = vehicles.length, vehicles.width

    def gap(other):
        beside = jnp.abs(vehicles.x - vehicles.x[other])
        along = beside - 0.5 * (length + length[other])
        beside = jnp.abs(vehicles.y - vehicles.y[other])
        across = beside - 0.5 * (width + width[other])
        # Shifted, so that the tags of overlapping boxes are in order, too.
        shifted = jnp.maximum(jnp.maximum(along, across) + 2.0 * LENGTH, 0.0)
        return shifted, vehicles.present[other] & (number != other)

    return nearest(gap, n, vehicles.x.dtype)


def separation(me: Body, other: Body) -> Float[Array, ""]:
    """Gap between two single bodies, m; negative where they overlap.

    A lower bound of the distance, and equal to it where two sides face each other.

    Example:
        >>> one, two = jnp.array(1.0), jnp.array(2.0)
        >>> zero = jnp.array(0.0)
        >>> me = Body(zero, zero, one, zero, zero, two, one)
        >>> other = Body(jnp.array(5.0), zero, one, zero, zero, two, one)
        >>> float(separation(me, other))
        3.0
    """
    dx, dy = me.x - other.x, me.y - other.y

    def one(number: Array) -> Array:
        x, y = _normal(me, other, number)
        return jnp.abs(dx * x + dy * y) - _shadow(me, x, y) - _shadow(other, x, y)

    return jnp.max(jax.vmap(one)(jnp.arange(N_NORMALS, dtype=jnp.int32)))
