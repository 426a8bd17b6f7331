"""What the car sees: the kinematics of the nearest vehicles."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from volition.env.driving.lanes import Lanes
from volition.env.driving.vehicle import LENGTH, MAX_SPEED, Vehicles

PERCEPTION = 5.0 * MAX_SPEED  # m
SPEED_RANGE = 2.0 * MAX_SPEED  # m/s
N_OBSERVED = 5  # rows, the car itself included


def kinematics(
    road: Lanes, vehicles: Vehicles, breadth: Float[Array, ""]
) -> Float[Array, "5 5"]:
    """Presence, position and velocity of the car and of the four nearest others.

    Others count from two lengths behind the car on, within 200 m, and come in the order
    of their distance along its lane. Their rows are relative to the car's. Positions
    are divided by 200 m and by `breadth`, velocities by 80 m/s, and cut to `[-1, 1]`.

    Args:
        road: its lanes.
        vehicles: everybody, obstacles included.
        breadth: of the road, m.

    Source: highway-env 1.12, envs/common/observation.py, `Kinematics`.
    """
    n = vehicles.x.shape[0]
    own = jax.tree.map(lambda leaf: leaf[vehicles.lane[0]], road)
    each = jax.vmap(type(road).local, in_axes=(None, 0, 0))
    along, _ = each(own, vehicles.x, vehicles.y)
    distance = along - along[0]
    dx, dy = vehicles.x - vehicles.x[0], vehicles.y - vehicles.y[0]
    speed = jnp.where(vehicles.obstacle, 0.0, vehicles.speed)
    vx, vy = speed * jnp.cos(vehicles.heading), speed * jnp.sin(vehicles.heading)
    number = jnp.arange(n, dtype=jnp.int32)
    seen = vehicles.present & (number > 0)
    seen &= (dx * dx + dy * dy < PERCEPTION**2) & (distance > -2.0 * LENGTH)
    key = jnp.where(seen, jnp.abs(distance), jnp.inf)
    # How many come before each: sorting by counting. Obstacles follow in the slots.
    before = (key[:, None] < key[None, :]) | (
        (key[:, None] == key[None, :]) & (number[:, None] < number[None, :])
    )
    rank = jnp.sum(before, axis=0, dtype=jnp.int32)
    scale = jnp.stack([jnp.full_like(breadth, PERCEPTION), breadth])
    scale = jnp.concatenate([scale, jnp.full_like(scale, SPEED_RANGE)])

    def scaled(rows: Array) -> Array:
        return jnp.clip(rows / scale[None, :], -1.0, 1.0)

    car = scaled(jnp.stack([vehicles.x[0], vehicles.y[0], vx[0], vy[0]])[None])
    relative = jnp.stack([dx, dy, vx - vx[0], vy - vy[0]], axis=1)
    row = jnp.arange(N_OBSERVED - 1, dtype=jnp.int32)
    here = (rank[:, None] == row[None, :]) & seen[:, None]
    others = scaled(
        jnp.sum(jnp.where(here[:, :, None], relative[:, None], 0.0), axis=0)
    )
    present = jnp.any(here, axis=0).astype(others.dtype)
    rows = jnp.concatenate([present[:, None], others], axis=1)
    one = jnp.ones_like(car[:, :1])
    return jnp.concatenate([jnp.concatenate([one, car], axis=1), rows])
