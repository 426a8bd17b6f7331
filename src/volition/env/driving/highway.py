"""A straight motorway with traffic: highway-v0 and highway-fast-v0."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

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

ROAD_LENGTH = 10_000.0  # m; highway-env 1.12, road/road.py
FIRST_SPEED = 25.0  # m/s, of the car; highway-env 1.12, envs/highway_env.py


class Highway(AbstractDriving):
    """A straight motorway; the defaults are highway-env's highway-fast-v0."""

    course: Course
    density: Float[Array, ""]
    first_gap: Float[Array, ""]
    n_vehicles: Int[Array, ""]
    discount: Float[Array, ""]
    n_slots: int = eqx.field(static=True)

    def __init__(
        self,
        n_lanes: int = 3,
        n_vehicles: int = 20,
        *,
        density: float = 1.0,
        speed_limit: float = 30.0,
        drivers: Drivers | None = None,
        duration: int = 30,
        first_gap: float = 1.5,
        simulation_frequency: int = 5,
        everybody: bool = False,
        continuous: bool = False,
        discount: float = 0.95,
        dtype: Any = jnp.float32,
    ):
        made = [
            Lane(
                (0.0, LANE_WIDTH * number),
                (ROAD_LENGTH, LANE_WIDTH * number),
                speed_limit=speed_limit,
            )
            for number in range(n_lanes)
        ]
        self.course = make_course(
            made,
            drivers,
            breadth=LANE_WIDTH * n_lanes,
            time_limit=duration,
            simulation_frequency=simulation_frequency,
            everybody=everybody,
            continuous=continuous,
            dtype=dtype,
        )
        self.density = jnp.asarray(density, dtype=dtype)
        self.first_gap = jnp.asarray(first_gap, dtype=dtype)
        self.n_vehicles = jnp.int32(n_vehicles)
        self.discount = jnp.asarray(discount, dtype=dtype)
        self.n_slots = slots(n_vehicles + 1)

    def traffic(self, key: PRNGKeyArray) -> Vehicles:
        """The car, and the others one after the other ahead of it in random lanes."""
        road, n = self.course.road, self.n_slots
        dtype = road.x.dtype
        lane_key, speed_key, gap_key, exponent_key = jax.random.split(key, 4)
        number = jnp.arange(n, dtype=jnp.int32)
        car = number == 0
        lane = jax.random.randint(lane_key, (n,), 0, road.n_beside[0], dtype=jnp.int32)
        limit = road.speed_limit[0]
        drawn = jax.random.uniform(speed_key, (n,), dtype, 0.7, 0.8) * limit
        speed = jnp.where(car, FIRST_SPEED, drawn)
        spread = jnp.exp(-5.0 / 40.0 * road.n_beside[0].astype(dtype))
        # The first vehicle stands three of its gaps down the road.
        times = jax.random.uniform(gap_key, (n,), dtype, 0.9, 1.1)
        times = jnp.where(car, times + 3.0, times)
        wide = jnp.where(car, self.first_gap, 1.0 / self.density)
        along = jnp.cumsum(times * wide * (12.0 + speed) * spread)
        exponent = jax.random.uniform(exponent_key, (n,), dtype, 3.5, 4.5)
        return placed(
            road,
            lane,
            along,
            speed,
            exponent=exponent,
            present=number <= self.n_vehicles,
        )
