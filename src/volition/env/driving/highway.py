"""A straight motorway with traffic: highway-v0 and highway-fast-v0."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from volition.env.driving.checks import (
    check_counts,
    check_density,
    check_discount,
)
from volition.env.driving.drivers import Drivers
from volition.env.driving.lanes import LANE_WIDTH, Lane
from volition.env.driving.merge import Merge
from volition.env.driving.simulator import (
    AbstractDriving,
    Course,
    make_course,
    placed,
    slots,
)
from volition.env.driving.vehicle import Vehicles
from volition.env.family import Family
from volition.env.leaf import check_positive, real

ROAD_LENGTH = 10_000.0  # m; highway-env 1.12, road/road.py
SLOWEST, FASTEST = 0.7, 0.8  # of the speed limit; highway-env 1.12, kinematics.py
TRAIN_DENSITIES = (0.8, 1.0, 1.2)  # around highway-env's own, 1
TRAIN_HEADWAYS = (1.2, 1.8)  # s, around highway-env's own, 1.5
FIRST_SPEED = 25.0  # m/s, of the car; highway-env 1.12, envs/highway_env.py


class Highway(AbstractDriving):
    """A straight motorway; the defaults are highway-env's highway-fast-v0.

    The car starts in a random lane at 25 m/s, the others ahead of it, one after the
    other in random lanes, at 0.7 to 0.8 of the speed limit. It is told once a second to
    change lane, or to keep 20, 25 or 30 m/s. The episode ends where it crashes.

    Args:
        n_lanes: side by side, at least 1.
        n_vehicles: others, at least 0.
        density: of the others, above 0; their gaps are in proportion to one over it.
        speed_limit: m/s, above 0; nobody but the car goes faster.
        drivers: how the others drive.
        duration: decisions after which an episode is truncated, at least 1.
        first_gap: what the car's place is in proportion to, above 0; highway-env calls
            it `ego_spacing`.
        simulation_frequency: steps of the simulation a second.
        everybody: whether the others can crash into each other as well, which takes
            longer.
        continuous: whether actions are acceleration (5 m/s^2) and steering (pi / 4),
            each in `[-1, 1]`.
        discount: in `[0, 1]`, per second.
        dtype: precision of the simulation.

    Raises:
        ValueError: where a number is out of range, or so dense a traffic would start
            inside each other.

    Example:
        >>> road = Highway(n_vehicles=2, density=0.5)
        >>> state = road.reset(jax.random.key(0))
        >>> state.vehicles.present.tolist()
        [True, True, True, False, False, False, False, False]
        >>> float(state.get_speed()), float(state.get_collision()) < 0.01
        (25.0, True)

    highway-v0 is `Highway(4, 50, duration=40, first_gap=2.0, simulation_frequency=15,
    everybody=True)`.

    Source: E. Leurent, "An environment for autonomous driving decision-making", 2018;
    highway-env 1.12, envs/highway_env.py. Differs: how an episode begins has the same
    distribution, not the same random numbers; see also `act` and `collided`.
    """

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
        check_counts(n_vehicles, n_lanes)
        check_discount(discount)
        check_positive("speed_limit", real(speed_limit))
        check_positive("first_gap", real(first_gap))
        check_density(density, speed=SLOWEST * speed_limit, n_lanes=n_lanes)
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

    @staticmethod
    def family() -> Family:
        """Motorways of several densities and kinds of drivers, and others held out.

        To train on: densities 0.8, 1 and 1.2 with drivers who keep 1.2 or 1.8 s, which
        have one shape, so that they are learned on side by side. Held out, in the order
        of `HELD_OUT`: traffic half as dense again, drivers who keep shorter gaps and
        cut in, a lower speed limit, a fourth lane, and a slip road.

        Example:
            >>> family = Highway.family()
            >>> len(family.train), len(family.held_out)
            (6, 5)
        """
        train = tuple(
            Highway(density=density, drivers=Drivers(headway=headway))
            for density in TRAIN_DENSITIES
            for headway in TRAIN_HEADWAYS
        )
        return Family(train, tuple(make() for make in HELD_OUT.values()))

    def traffic(self, key: PRNGKeyArray) -> Vehicles:
        """The car, and the others one after the other ahead of it in random lanes."""
        road, n = self.course.road, self.n_slots
        dtype = road.x.dtype
        # One draw for all, as each compiles for a good part of a second.
        lane, speed, gap, exponent = jax.random.uniform(key, (4, n), dtype)
        number = jnp.arange(n, dtype=jnp.int32)
        car = number == 0
        n_lanes = road.n_beside[0]
        lane = (lane * n_lanes.astype(dtype)).astype(jnp.int32)
        # Rounding in single precision can reach the end of the interval.
        lane = jnp.minimum(lane, n_lanes - 1)
        speed = (SLOWEST + (FASTEST - SLOWEST) * speed) * road.speed_limit[0]
        speed = jnp.where(car, FIRST_SPEED, speed)
        spread = jnp.exp(-5.0 / 40.0 * n_lanes.astype(dtype))
        # The first vehicle stands three of its gaps down the road.
        times = 0.9 + 0.2 * gap
        times = jnp.where(car, times + 3.0, times)
        wide = jnp.where(car, self.first_gap, 1.0 / self.density)
        along = jnp.cumsum(times * wide * (12.0 + speed) * spread)
        exponent = 3.5 + exponent
        return placed(
            road,
            lane,
            along,
            speed,
            exponent=exponent,
            present=number <= self.n_vehicles,
        )


HELD_OUT = {
    "denser": lambda: Highway(density=1.5),
    "pushier drivers": lambda: Highway(
        drivers=Drivers(headway=0.8, distance=8.0, gain=0.0, imposed=4.0)
    ),
    "slower traffic": lambda: Highway(speed_limit=25.0),
    "four lanes": lambda: Highway(4),
    "slip road": Merge,
}
