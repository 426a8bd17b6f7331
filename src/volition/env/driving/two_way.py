"""A road with traffic that comes towards the car: two-way-v0."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from volition.env.driving.checks import check_discount
from volition.env.driving.drivers import Drivers
from volition.env.driving.lanes import LANE_WIDTH, Lane
from volition.env.driving.simulator import AbstractDriving, Course, make_course, placed
from volition.env.driving.vehicle import Vehicles

# highway-env 1.12, envs/two_way_env.py:
LENGTH = 800.0  # m
CAR_AT, CAR_SPEED = 30.0, 30.0  # m, m/s
N_AHEAD, AHEAD_AT, AHEAD_GAP, AHEAD_SPEED, AHEAD_SPREAD = 3, 70.0, 40.0, 24.0, 2.0
N_ONCOMING, ONCOMING_AT, ONCOMING_GAP = 2, 200.0, 100.0
ONCOMING_SPEED, ONCOMING_SPREAD = 20.0, 5.0
PLACE_SPREAD = 10.0  # m


class TwoWay(AbstractDriving):
    """Overtaking against oncoming traffic; highway-env's two-way-v0.

    The car drives behind three slower ones; two more come towards it in the lane that
    it would need to overtake.

    Args:
        speed_limit: m/s.
        drivers: how the others drive; none of them changes lane.
        time_limit: decisions after which an episode is truncated.
        simulation_frequency: steps of the simulation a second.
        continuous: whether actions are acceleration and steering.
        discount: in `[0, 1]`, per second.
        dtype: precision of the simulation.

    Raises:
        ValueError: where a number is out of range.

    Example:
        >>> road = TwoWay()
        >>> oncoming = road.reset(jax.random.key(0)).vehicles
        >>> round(float(oncoming.heading[-1]), 2)
        3.14

    Source: E. Leurent, highway-env, 2018; version 1.12, envs/two_way_env.py. Differs:
    the car observes `kinematics` here too.
    """

    course: Course
    discount: Float[Array, ""]

    def __init__(
        self,
        *,
        speed_limit: float = 20.0,
        drivers: Drivers | None = None,
        time_limit: int = 15,
        simulation_frequency: int = 15,
        continuous: bool = False,
        discount: float = 0.95,
        dtype: Any = jnp.float32,
    ):
        check_discount(discount)
        # Two lanes one way of which the left one is the oncoming lane, too.
        ways = [
            ((0.0, 0.0), (LENGTH, 0.0), 0),
            ((0.0, LANE_WIDTH), (LENGTH, LANE_WIDTH), 0),
            ((LENGTH, 0.0), (0.0, 0.0), 1),
        ]
        made = [
            Lane(start, end, road, 1 - road, speed_limit=speed_limit)
            for start, end, road in ways
        ]
        self.course = make_course(
            made,
            drivers,
            breadth=2.0 * LANE_WIDTH,
            time_limit=time_limit,
            simulation_frequency=simulation_frequency,
            continuous=continuous,
            dtype=dtype,
        )
        self.discount = jnp.asarray(discount, dtype=dtype)

    def traffic(self, key: PRNGKeyArray) -> Vehicles:
        """The car, those ahead of it and those that come towards it."""
        road = self.course.road
        dtype = road.x.dtype
        n = N_AHEAD + N_ONCOMING
        place, spread = jax.random.normal(key, (2, n), dtype)
        ahead = jnp.arange(n, dtype=jnp.int32) < N_AHEAD
        number = jnp.arange(n, dtype=dtype)
        at = jnp.where(
            ahead,
            AHEAD_AT + AHEAD_GAP * number,
            ONCOMING_AT + ONCOMING_GAP * (number - N_AHEAD),
        )
        at = at + PLACE_SPREAD * place
        speed = jnp.where(
            ahead,
            AHEAD_SPEED + AHEAD_SPREAD * spread,
            ONCOMING_SPEED + ONCOMING_SPREAD * spread,
        )
        own = lambda value: jnp.asarray([value], dtype=dtype)
        lane = jnp.where(ahead, 1, 2).astype(jnp.int32)
        return placed(
            road,
            jnp.concatenate([jnp.ones(1, dtype=jnp.int32), lane]),
            jnp.concatenate([own(CAR_AT), at]),
            jnp.concatenate([own(CAR_SPEED), speed]),
            changes_lane=False,
        )
