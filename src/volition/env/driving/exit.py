"""A motorway that the car is to leave: exit-v0."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from volition.env.driving.checks import (
    check_counts,
    check_density,
    check_discount,
)
from volition.env.driving.drivers import Drivers
from volition.env.driving.lanes import LANE_WIDTH, Lane
from volition.env.driving.simulator import (
    AbstractDriving,
    Course,
    make_course,
    placed,
    slots,
)
from volition.env.driving.vehicle import Vehicles

# highway-env 1.12, envs/exit_env.py, m:
ROAD_LENGTH, EXIT_AT, EXIT_LENGTH, RADIUS = 1000.0, 400.0, 100.0, 150.0
CAR_SPEED = 25.0  # m/s
CAR_GAP = 2.0  # of the first vehicle, in gaps
N_LANES = 6
# Numbers of the lane beside the motorway and of the exit, behind 6 + 6 and 19 others.
GOAL_LANES = (2 * N_LANES, 3 * N_LANES + 1)
LEFT_LIMIT, LIMIT_STEP = 26.0, 3.4  # m/s, of the leftmost lane and less for each other


class Exit(AbstractDriving):
    """Six lanes and an exit on the right that the car is to take; exit-v0.

    Args:
        n_vehicles: others, at least 0.
        density: of the others, above 0; 1.5 in highway-env.
        drivers: how the others drive; none of them changes lane.
        duration: decisions after which an episode is truncated.
        simulation_frequency: steps of the simulation a second.
        continuous: whether actions are acceleration and steering.
        discount: in `[0, 1]`, per second.
        dtype: precision of the simulation.

    Raises:
        ValueError: where a number is out of range.

    Example:
        >>> Exit().course.road.n_slots
        20

    Source: E. Leurent, highway-env, 2018; version 1.12, envs/exit_env.py. Differs: the
    car observes `kinematics` here too.
    """

    course: Course
    density: Float[Array, ""]
    n_vehicles: Int[Array, ""]
    discount: Float[Array, ""]
    n_lanes: int = eqx.field(static=True)
    n_slots: int = eqx.field(static=True)

    def __init__(
        self,
        n_vehicles: int = 20,
        *,
        density: float = 1.5,
        drivers: Drivers | None = None,
        duration: int = 18,
        simulation_frequency: int = 5,
        continuous: bool = False,
        discount: float = 0.95,
        dtype: Any = jnp.float32,
    ):
        n_lanes = N_LANES
        check_counts(n_vehicles)
        check_discount(discount)
        slowest = LEFT_LIMIT - LIMIT_STEP * (n_lanes - 1)
        check_density(density, speed=slowest, n_lanes=n_lanes)
        ends = np.cumsum(
            [0.0, EXIT_AT, EXIT_LENGTH, ROAD_LENGTH - EXIT_AT - EXIT_LENGTH]
        )
        made = []
        for road, wide in enumerate((n_lanes, n_lanes + 1, n_lanes)):
            for number in range(wide):
                y = LANE_WIDTH * number
                # Where two roads follow, the nearer: the last lane leads to the exit.
                leaves = road == 1 and number == n_lanes
                made.append(
                    Lane(
                        (float(ends[road]), y),
                        (float(ends[road + 1]), y),
                        road,
                        (1, 3 if leaves else 2, -1)[road],
                        speed_limit=LEFT_LIMIT - LIMIT_STEP * number,
                    )
                )
        centre = (float(ends[2]), n_lanes * LANE_WIDTH + RADIUS)
        quarter = float(np.pi) / 2.0
        arc = (*centre, RADIUS, 3.0 * quarter, 4.0 * quarter)
        made.append(Lane(road=3, arc=arc, forbidden=True))
        self.course = make_course(
            made,
            drivers,
            breadth=n_lanes * LANE_WIDTH,
            time_limit=duration,
            simulation_frequency=simulation_frequency,
            target_speeds=(18.0, 30.0),
            continuous=continuous,
            dtype=dtype,
        )
        self.density = jnp.asarray(density, dtype=dtype)
        self.n_vehicles = jnp.int32(n_vehicles)
        self.discount = jnp.asarray(discount, dtype=dtype)
        self.n_lanes = n_lanes
        self.n_slots = slots(n_vehicles + 1)

    def traffic(self, key: PRNGKeyArray) -> Vehicles:
        """The car in the leftmost lane, the others ahead, more of them on the right."""
        road, n = self.course.road, self.n_slots
        dtype = road.x.dtype
        lane_key, gap_key = jax.random.split(key)
        number = jnp.arange(n, dtype=jnp.int32)
        car = number == 0
        # In proportion to the lane's number, so nobody else is in the leftmost one.
        weight = jnp.arange(self.n_lanes, dtype=dtype)
        lane = jax.random.categorical(lane_key, jnp.log(weight), shape=(n,))
        lane = jnp.where(car, 0, lane.astype(jnp.int32))
        speed = jnp.where(car, CAR_SPEED, road.speed_limit[lane])
        times = jax.random.uniform(gap_key, (n,), dtype, 0.9, 1.1)
        times = jnp.where(car, times + 3.0, times)
        wide = jnp.where(car, CAR_GAP, 1.0 / self.density)
        spread = jnp.exp(jnp.asarray(-5.0 / 40.0 * self.n_lanes, dtype=dtype))
        return placed(
            road,
            lane,
            jnp.cumsum(times * wide * (12.0 + speed) * spread),
            speed,
            target_speed=jnp.where(car, 24.0, speed),
            present=number <= self.n_vehicles,
            changes_lane=False,
        )
