"""What can be wrong with a road, its drivers, or a traffic of one's own."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from volition.env.driving.collision import Body, separation
from volition.env.driving.lanes import at_every_lane
from volition.env.driving.simulator import AbstractDriving
from volition.env.driving.vehicle import LENGTH, Vehicles

LEAST_SHARE = 0.9  # of a gap, the shortest drawn; highway-env 1.12, kinematics.py


def check_discount(discount: float) -> None:
    """Raise where a discount is not in `[0, 1]`.

    Raises:
        ValueError: saying so.

    Example:
        >>> check_discount(0.95)
    """
    if not 0.0 <= discount <= 1.0:  # NaN is not
        raise ValueError(f"discount = {discount} must be in [0, 1].")


def check_counts(n_vehicles: int, n_lanes: int = 1) -> None:
    """Raise where there is no lane, or less than no other vehicle.

    Raises:
        ValueError: naming the number.

    Example:
        >>> check_counts(0, n_lanes=2)
    """
    if n_lanes < 1:
        raise ValueError(f"n_lanes = {n_lanes} must be at least 1.")
    if n_vehicles < 0:
        raise ValueError(f"n_vehicles = {n_vehicles} must be at least 0.")


def check_density(density: float, *, speed: float, n_lanes: int) -> None:
    """Raise where vehicles would start inside each other.

    The shortest gap between two is `0.9 (12 + speed) exp(-n_lanes / 8) / density`, and
    they may be in one lane.

    Args:
        density: of the others, 1 for highway-env's.
        speed: least speed that one starts with, m/s.
        n_lanes: side by side.

    Raises:
        ValueError: saying how dense it may be.

    Example:
        >>> check_density(2.0, speed=21.0, n_lanes=3)

    Source: highway-env 1.12, vehicle/kinematics.py, `create_random`.
    """
    if not (0.0 < density < math.inf):
        raise ValueError(f"density = {density} must be above 0 and finite.")
    most = LEAST_SHARE * (12.0 + speed) * math.exp(-5.0 / 40.0 * n_lanes) / LENGTH
    if density > most:
        raise ValueError(
            f"density = {density} starts vehicles inside each other: on {n_lanes} "
            f"lanes at these speeds it may be at most {most:.3g}."
        )


def checked(env: AbstractDriving, vehicles: Vehicles) -> Vehicles:
    """A traffic of one's own, once it is known that an episode can begin with it.

    It looks at values, so that it cannot be compiled: `env.begin(checked(env, mine))`.

    Args:
        env: the road.
        vehicles: everybody; the first is the car.

    Returns:
        The same vehicles.

    Raises:
        ValueError: for the first that is wrong: no car, a number that is not finite, a
            lane that is not there, a vehicle off the road or inside another, more of
            them than the road has room for, or an episode that is over at once.

    Example:
        >>> from volition.env.driving import Highway, placed
        >>> road = Highway()
        >>> mine = placed(road.course.road, [1, 1], [0.0, 40.0], [25.0, 20.0])
        >>> state = road.begin(checked(road, mine))
        >>> float(state.get_speed())
        25.0
    """
    _check_room(env, vehicles)
    there = np.asarray(vehicles.present)
    _check_numbers(env, vehicles, there)
    _check_places(env, vehicles, there)
    _check_overlaps(vehicles, there)
    if bool(vehicles.crashed[0]) or float(vehicles.x[0]) > float(env.course.finish):
        raise ValueError(
            "the episode is over when it begins: let the car start before the finish "
            "and not crashed."
        )
    return vehicles


def _check_room(env: AbstractDriving, vehicles: Vehicles) -> None:
    shapes = {leaf.shape for leaf in jax.tree.leaves(vehicles)}
    if len(shapes) > 1 or any(len(shape) != 1 for shape in shapes):
        raise ValueError(f"the leaves of the vehicles have the shapes {shapes}: one.")
    room = jax.eval_shape(env.reset, jax.random.key(0)).vehicles.x.shape[0]
    n = vehicles.x.shape[0]
    if not 0 < n <= room:
        raise ValueError(
            f"there are {n} vehicles, but this road has room for 1 .. {room}: make one "
            "with more n_vehicles, or start with fewer."
        )
    if not bool(vehicles.present[0]) or bool(vehicles.obstacle[0]):
        raise ValueError("the first vehicle is the car: let it be there and drive.")


def _check_numbers(env: AbstractDriving, vehicles: Vehicles, there: np.ndarray) -> None:
    for path, leaf in jax.tree.leaves_with_path(vehicles):
        values = np.asarray(leaf)
        if values.dtype.kind == "f" and not np.isfinite(values[there]).all():
            which = int(np.flatnonzero(there & ~np.isfinite(values))[0])
            name = jax.tree_util.keystr(path).lstrip(".")
            raise ValueError(f"{name} of vehicle {which} is {values[which]}.")
    most = env.course.road.n_slots
    for name, lane in (("lane", vehicles.lane), ("target_lane", vehicles.target_lane)):
        numbers = np.asarray(lane)
        wrong = there & ~((numbers >= 0) & (numbers < most))
        if wrong.any():
            which = int(wrong.argmax())
            raise ValueError(
                f"{name} of vehicle {which} is {numbers[which]}, but the lanes are "
                f"0 .. {most - 1}."
            )


def _check_places(env: AbstractDriving, vehicles: Vehicles, there: np.ndarray) -> None:
    road = env.course.road
    places = at_every_lane(road, vehicles.x, vehicles.y)
    each = jax.vmap(type(road).covers, in_axes=(None, 0, 0, None))
    over = jax.vmap(each, in_axes=(0, 0, 0, None))(road, *places, 0.0)
    off = there & ~np.asarray(over).any(axis=0)
    if off.any():
        which = int(off.argmax())
        raise ValueError(
            f"vehicle {which} at ({float(vehicles.x[which]):g}, "
            f"{float(vehicles.y[which]):g}) m is on no lane: put it on one, for "
            "instance with `placed`."
        )


def _check_overlaps(vehicles: Vehicles, there: np.ndarray) -> None:
    bodies = Body(
        vehicles.x,
        vehicles.y,
        jnp.cos(vehicles.heading),
        jnp.sin(vehicles.heading),
        vehicles.speed,
        vehicles.length,
        vehicles.width,
    )
    row = jax.vmap(separation, in_axes=(None, 0))
    gap = np.asarray(jax.vmap(row, in_axes=(0, None))(bodies, bodies))
    pairs = np.triu(there[:, None] & there[None, :], 1)
    if (wrong := pairs & (gap < 0.0)).any():
        one, other = np.unravel_index(int(wrong.argmax()), wrong.shape)
        raise ValueError(
            f"vehicles {one} and {other} start inside each other, by "
            f"{-gap[one, other]:.3g} m: move them apart."
        )
