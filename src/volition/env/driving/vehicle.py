"""Vehicles, and how they move: a kinematic bicycle."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

# Farama's highway-env 1.12, vehicle/kinematics.py and vehicle/objects.py:
LENGTH, WIDTH = 5.0, 2.0  # m
OBSTACLE_SIZE = 2.0  # m, both ways
MAX_SPEED = 40.0  # m/s, either way; beyond it a vehicle brakes
CRASH_BRAKING = 1.0  # 1/s, of a crashed vehicle: deceleration over speed
SPEED_BRAKING = 1.0  # 1/s, of a vehicle beyond the greatest speed


class Vehicles(eqx.Module):
    """What drives or stands on the road: every leaf has a leading axis `[slot]`.

    The first is the one that is controlled.

    Args:
        x: of the centre, m.
        y: likewise.
        heading: rad.
        speed: along the heading, m/s.
        target_speed: that it would like to have, m/s.
        lane: number of the lane that it is on.
        target_lane: number of the lane that it steers for.
        timer: s since it last thought of changing lane.
        exponent: of the speed in the driver's acceleration.
        changes_lane: whether it ever changes lane on its own.
        crashed: whether it has crashed.
        hit: whether it is pushed away in the next sub-step.
        push_x: by how much, m.
        push_y: likewise.
        obstacle: whether it is an obstacle, which stands.
        present: False for a slot that is not in use.
    """

    x: Float[Array, "*slot"]
    y: Float[Array, "*slot"]
    heading: Float[Array, "*slot"]
    speed: Float[Array, "*slot"]
    target_speed: Float[Array, "*slot"]
    lane: Int[Array, "*slot"]
    target_lane: Int[Array, "*slot"]
    timer: Float[Array, "*slot"]
    exponent: Float[Array, "*slot"]
    changes_lane: Bool[Array, "*slot"]
    crashed: Bool[Array, "*slot"]
    hit: Bool[Array, "*slot"]
    push_x: Float[Array, "*slot"]
    push_y: Float[Array, "*slot"]
    obstacle: Bool[Array, "*slot"]
    present: Bool[Array, "*slot"]

    @property
    def length(self) -> Float[Array, "*slot"]:
        """m."""
        return jnp.where(self.obstacle, OBSTACLE_SIZE, LENGTH).astype(self.x.dtype)

    @property
    def width(self) -> Float[Array, "*slot"]:
        """m."""
        return jnp.where(self.obstacle, OBSTACLE_SIZE, WIDTH).astype(self.x.dtype)


class Control(eqx.Module):
    """What a driver does in a sub-step.

    Args:
        acceleration: m/s^2.
        slip: sine of the angle between the way that the centre moves and the heading;
            for a steering angle `d` it is `sin(arctan(tan(d) / 2))`.
    """

    acceleration: Float[Array, "*slot"]
    slip: Float[Array, "*slot"]


def moved(
    vehicles: Vehicles,
    control: Control,
    dt: float,
    *,
    cos: Float[Array, "*slot"],
    sin: Float[Array, "*slot"],
) -> Vehicles:
    """A vehicle after a sub-step of `dt` seconds.

    `x' = v cos(h + b)`, `y' = v sin(h + b)`, `h' = v sin(b) / (L / 2)`, `v' = a`, one
    step of Euler's with the old values on the right. A crashed vehicle goes straight
    and brakes. It is pushed out of what it hit, which is when it counts as crashed if
    it did not before.

    Args:
        vehicles: everybody.
        control: what they do.
        dt: s.
        cos: of their headings.
        sin: of their headings.

    Source: P. Polack et al., "The kinematic bicycle model", IV 2017; highway-env 1.12.
    Differs: the slip angle is given by its sine, so that no arctangent is needed.
    """
    slip = jnp.where(vehicles.crashed, 0.0, control.slip)
    ahead = jnp.sqrt(1.0 - slip * slip)
    speed = vehicles.speed
    acceleration = jnp.where(
        vehicles.crashed, -CRASH_BRAKING * speed, control.acceleration
    )
    too_fast = jnp.minimum(acceleration, SPEED_BRAKING * (MAX_SPEED - speed))
    too_slow = jnp.maximum(acceleration, SPEED_BRAKING * (-MAX_SPEED - speed))
    acceleration = jnp.where(speed > MAX_SPEED, too_fast, acceleration)
    acceleration = jnp.where(speed < -MAX_SPEED, too_slow, acceleration)
    x = vehicles.x + speed * (cos * ahead - sin * slip) * dt
    y = vehicles.y + speed * (sin * ahead + cos * slip) * dt
    stands = vehicles.obstacle | ~vehicles.present
    after = (
        x + jnp.where(vehicles.hit, vehicles.push_x, 0.0),
        y + jnp.where(vehicles.hit, vehicles.push_y, 0.0),
        vehicles.heading + speed * slip / (LENGTH / 2.0) * dt,
        speed + acceleration * dt,
        vehicles.timer + dt,
        vehicles.crashed | vehicles.hit,
        jnp.zeros_like(vehicles.hit),
    )

    def where(vehicles: Vehicles) -> tuple:
        return (
            vehicles.x,
            vehicles.y,
            vehicles.heading,
            vehicles.speed,
            vehicles.timer,
            vehicles.crashed,
            vehicles.hit,
        )

    kept = [
        jnp.where(stands, old, new)
        for old, new in zip(where(vehicles), after, strict=True)
    ]
    return eqx.tree_at(where, vehicles, tuple(kept))
