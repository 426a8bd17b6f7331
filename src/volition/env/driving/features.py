"""What a step of driving is like: the named features."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from volition.env.driving.collision import Body, separation
from volition.env.driving.drivers import (
    Drivers,
    View,
    acceleration,
    look,
    picked,
)
from volition.env.driving.lanes import Lanes, places_of
from volition.env.driving.neighbours import Neighbour
from volition.env.driving.vehicle import Vehicles
from volition.env.environment import Feature

CAP = 10.0  # s, at which times are cut: beyond it nobody reacts
REACTION_TIME = 2.0  # s: critical times to collision are below it (Hayward 1972)
NEAR = 1.0  # m, the same for a gap that does not close
TOP_SPEEDS = 20.0, 30.0  # m/s, between which highway-env pays for speed

FEATURES = (
    Feature("speed", "m/s", "speed along the lane when the step ends"),
    Feature("alive", "1", "1 for every step, the one that crashes included"),
    Feature("collision", "1", "1 for the step in which the car crashes", harm=True),
    Feature(
        "collision likelihood",
        "1",
        "1 - (1 - exp(-time to collision / 2 s)) (1 - exp(-gap / 1 m)), the greatest "
        "over all vehicles; 1 once crashed",
    ),
    Feature("headway", "s", "gap to the vehicle ahead over speed, at most 10 s"),
    Feature("time to collision", "s", "with the vehicle ahead, at most 10 s"),
    Feature("lane change", "1", "1 for a step in which another lane is steered for"),
    Feature("right lane", "1", "0 in the leftmost lane to 1 in the rightmost"),
    Feature("high speed", "1", "speed mapped from 20 .. 30 m/s to 0 .. 1, cut there"),
    Feature("acceleration", "m/s^2", "mean along the lane over the step"),
    Feature("lateral acceleration", "m/s^2", "greatest size during the step"),
    Feature("jerk", "m/s^3", "change of the mean acceleration, over the step"),
    Feature("off road", "1", "1 where the car is on no lane when the step ends"),
    Feature(
        "induced braking",
        "m/s^2",
        "how much harder the driver behind brakes because of the car",
    ),
)
NAMES = tuple(feature.name for feature in FEATURES)


class Motion(eqx.Module):
    """What happened to the car during a step.

    Args:
        acceleration: mean, m/s^2.
        jerk: m/s^3.
        lateral: greatest size of the lateral acceleration, m/s^2.
        changed: whether another lane was steered for.
    """

    acceleration: Float[Array, ""]
    jerk: Float[Array, ""]
    lateral: Float[Array, ""]
    changed: Array


def at_rest(vehicles: Vehicles) -> Motion:
    """Nothing has happened yet."""
    zero = jnp.zeros_like(vehicles.x[0])
    return Motion(zero, zero, zero, jnp.asarray(False))


def describe(
    road: Lanes, drivers: Drivers, vehicles: Vehicles, motion: Motion
) -> Float[Array, " feature"]:
    """The features of the step that led here, in the order of `FEATURES`."""
    here = places_of(road, vehicles.x, vehicles.y, vehicles.heading)
    view = look(road, drivers, vehicles, here)
    own = picked(vehicles.lane, road.n_slots)
    car = jax.tree.map(lambda leaf: leaf[0], vehicles)
    lane = road.lane(car.lane)
    aim = road.lane(car.target_lane)
    s, r = here.along[car.lane, 0], here.across[car.lane, 0]
    forward = car.speed * jnp.cos(car.heading - lane.heading_at(s))

    ahead = view.find(view.ahead, own)
    first = ahead.index[0]
    half = 0.5 * (vehicles.length[0] + vehicles.length[first])
    gap = jnp.maximum(view.along[car.lane, first] - s - half, 0.0)
    other, me = view.traits.one(first), view.traits.one(0)
    theirs = other.speed * (other.cos * me.cos + other.sin * me.sin)
    exists = ahead.exists[0]
    headway = jnp.where(exists, gap / jnp.maximum(car.speed, 0.1), CAP)
    closing = car.speed - theirs
    left = jnp.where(closing > 0.0, gap / jnp.maximum(closing, 1e-3), CAP)
    left = jnp.where(exists, left, CAP)

    places = jnp.maximum(aim.n_beside - 1, 1).astype(car.x.dtype)
    low, high = TOP_SPEEDS
    values = (
        forward,
        1.0,
        car.crashed,
        likelihood(vehicles),
        jnp.minimum(headway, CAP),
        jnp.minimum(left, CAP),
        motion.changed,
        aim.place.astype(car.x.dtype) / places,
        jnp.clip((forward - low) / (high - low), 0.0, 1.0),
        motion.acceleration,
        motion.lateral,
        motion.jerk,
        ~lane.covers(s, r, 0.0),
        imposed(drivers, vehicles, view, ahead, view.find(view.behind, own)),
    )
    return jnp.stack([jnp.asarray(value).astype(car.x.dtype) for value in values])


def likelihood(vehicles: Vehicles) -> Float[Array, ""]:
    """How likely the car is to collide: `1 - (1 - exp(-t / T)) (1 - exp(-g / G))`.

    `g` is the gap to another vehicle, `t` the time in which it closes if both go
    straight on, `T` = 2 s and `G` = 1 m; of all vehicles the greatest. 1 once crashed.

    Source: ours. Times to collision below some 2 s are counted as conflicts since
    J. C. Hayward, "Near-miss determination through use of a scale of danger", 1972.
    """
    bodies = Body(
        vehicles.x,
        vehicles.y,
        jnp.cos(vehicles.heading),
        jnp.sin(vehicles.heading),
        vehicles.speed,
        vehicles.length,
        vehicles.width,
    )
    car = jax.tree.map(lambda leaf: leaf[0], bodies)

    def one(other: Body) -> Array:
        gap = jnp.maximum(separation(car, other), 0.0)
        time = jnp.minimum(_meeting(car, other), 10.0 * CAP)
        near, soon = jnp.exp(-gap / NEAR), jnp.exp(-time / REACTION_TIME)
        # 1 - (1 - soon) (1 - near), exact where both are small.
        return near + soon * (1.0 - near)

    others = vehicles.present & (jnp.arange(vehicles.x.shape[0]) > 0)
    greatest = jnp.max(jnp.where(others, jax.vmap(one)(bodies), 0.0))
    return jnp.where(vehicles.crashed[0], 1.0, greatest)


def _meeting(me: Body, other: Body) -> Float[Array, ""]:
    """Time until two bodies that go straight on touch, s; endless if they never do.

    In the frame of the first the other one is taken as a box along its axes.
    """
    dx, dy = other.x - me.x, other.y - me.y
    vx = other.speed * other.cos - me.speed * me.cos
    vy = other.speed * other.sin - me.speed * me.sin
    cos = jnp.abs(me.cos * other.cos + me.sin * other.sin)
    sin = jnp.abs(me.cos * other.sin - me.sin * other.cos)
    enter, leave = jnp.zeros_like(dx), jnp.full_like(dx, jnp.inf)
    for axis_x, axis_y, size in (
        (me.cos, me.sin, me.length + other.length * cos + other.width * sin),
        (-me.sin, me.cos, me.width + other.length * sin + other.width * cos),
    ):
        place, rate = dx * axis_x + dy * axis_y, vx * axis_x + vy * axis_y
        rate = jnp.where(jnp.abs(rate) < 1e-6, 1e-6, rate)
        one, two = (-0.5 * size - place) / rate, (0.5 * size - place) / rate
        enter = jnp.maximum(enter, jnp.minimum(one, two))
        leave = jnp.minimum(leave, jnp.maximum(one, two))
    return jnp.where(enter <= leave, enter, jnp.inf)


def imposed(
    drivers: Drivers,
    vehicles: Vehicles,
    view: View,
    ahead: Neighbour,
    behind: Neighbour,
) -> Float[Array, ""]:
    """How much harder the driver behind brakes because of the car, m/s^2."""
    back, front = view.traits_of(behind), view.traits_of(ahead)
    me = view.traits
    there = jnp.ones_like(ahead.exists)
    exponent = vehicles.exponent
    with_car = acceleration(drivers, exponent, back, view, (me, there))
    without = acceleration(drivers, exponent, back, view, (front, ahead.exists))
    limit = drivers.max_acceleration
    braking = jnp.clip(without, -limit, limit) - jnp.clip(with_car, -limit, limit)
    counts = behind.exists & back.drives
    return jnp.where(counts, jnp.maximum(braking, 0.0), 0.0)[0]
