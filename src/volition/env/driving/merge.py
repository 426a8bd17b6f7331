"""A motorway with a slip road that ends: merge-v0."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from volition.env.driving.checks import check_discount
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

# highway-env 1.12, envs/merge_env.py, m:
BEFORE, CONVERGING, BESIDE, AFTER = 150.0, 80.0, 80.0, 150.0
MERGING_LANE = 4  # number of the slip road's last lane, beside the motorway
AMPLITUDE = 3.25  # of the slip road's sine
FINISH = 370.0
CAR_AT, CAR_SPEED = 30.0, 30.0  # m, m/s
SLIP_AT, SLIP_SPEED, SLIP_TARGET = 110.0, 20.0, 30.0  # m, m/s, m/s
OTHERS = ((90.0, 29.0), (70.0, 31.0), (5.0, 31.5))  # m, m/s
SCATTER, SPEED_SCATTER = 5.0, 1.0  # m, m/s


def merge_road(speed_limit: float) -> list[Lane]:
    """Two lanes in three parts, and a slip road that ends beside the middle part."""
    ends = np.cumsum([0.0, BEFORE + CONVERGING, BESIDE, AFTER])
    made, a, b, c, j, k = [], 0, 1, 2, 3, 4
    aside = 2.0 * AMPLITUDE + 2.0 * LANE_WIDTH  # y of the slip road at its beginning
    for road, following in ((a, b), (b, c), (c, -1)):
        for number in range(2):
            y = LANE_WIDTH * number
            made.append(
                Lane(
                    (float(ends[road]), y),
                    (float(ends[road + 1]), y),
                    road,
                    following,
                    speed_limit=speed_limit,
                )
            )
        if road == b:
            y = 2.0 * LANE_WIDTH
            made.append(
                Lane(
                    (float(ends[b]), y),
                    (float(ends[c]), y),
                    b,
                    c,
                    speed_limit=speed_limit,
                    forbidden=True,
                )
            )
    made.append(
        Lane(
            (0.0, aside), (BEFORE, aside), j, k, forbidden=True, speed_limit=speed_limit
        )
    )
    y = aside - AMPLITUDE
    sine = (AMPLITUDE, float(np.pi) / CONVERGING, float(np.pi) / 2.0)
    bend = Lane(
        (BEFORE, y),
        (BEFORE + CONVERGING, y),
        k,
        b,
        forbidden=True,
        sine=sine,
        speed_limit=speed_limit,
    )
    return [*made, bend]


class Merge(AbstractDriving):
    """Traffic that comes from a slip road onto a motorway; highway-env's merge-v0.

    The slip road ends with an obstacle. The episode is over behind it.

    Args:
        n_vehicles: others on the motorway, in `0 .. 3`.
        speed_limit: m/s; highway-env leaves it at 20, so that the others brake.
        drivers: how the others drive.
        time_limit: decisions after which an episode is truncated; highway-env has none,
            and a car that stands never ends.
        simulation_frequency: steps of the simulation a second.
        continuous: whether actions are acceleration and steering.
        discount: in `[0, 1]`, per second.
        dtype: precision of the simulation.

    Raises:
        ValueError: where a number is out of range.

    Example:
        >>> merge = Merge()
        >>> merge.reset(jax.random.key(0)).vehicles.present.shape
        (8,)

    Source: E. Leurent, highway-env, 2018; version 1.12, envs/merge_env.py.
    """

    course: Course
    n_vehicles: Int[Array, ""]
    discount: Float[Array, ""]
    slip_lane: int = eqx.field(static=True)

    def __init__(
        self,
        n_vehicles: int = 3,
        *,
        speed_limit: float = 20.0,
        drivers: Drivers | None = None,
        time_limit: int = 60,
        simulation_frequency: int = 15,
        continuous: bool = False,
        discount: float = 0.95,
        dtype: Any = jnp.float32,
    ):
        if not 0 <= n_vehicles <= len(OTHERS):
            raise ValueError(
                f"n_vehicles = {n_vehicles} must be in 0 .. {len(OTHERS)}."
            )
        check_discount(discount)
        made = merge_road(speed_limit)
        self.course = make_course(
            made,
            drivers,
            breadth=2.0 * LANE_WIDTH,
            time_limit=time_limit,
            simulation_frequency=simulation_frequency,
            finish=FINISH,
            continuous=continuous,
            dtype=dtype,
        )
        self.n_vehicles = jnp.int32(n_vehicles)
        self.discount = jnp.asarray(discount, dtype=dtype)
        self.slip_lane = len(made) - 2

    def traffic(self, key: PRNGKeyArray) -> Vehicles:
        """The car, three others near it, one on the slip road, and the obstacle."""
        road, n = self.course.road, len(OTHERS)
        dtype = road.x.dtype
        # One draw for all, as each compiles for a good part of a second.
        lane, place, spread = jax.random.uniform(key, (3, n), dtype)
        lane = (lane >= 0.5).astype(dtype)
        at, speed = jnp.asarray(OTHERS, dtype=dtype).T
        at = at + SCATTER * (2.0 * place - 1.0)
        speed = speed + SPEED_SCATTER * (2.0 * spread - 1.0)
        unused = slots(n + 3) - (n + 3)

        def all_of(
            car: float | int, others: Array, slip: float | int, obstacle: float | int
        ) -> Array:
            ends = jnp.asarray([slip, obstacle] + [0.0] * unused, dtype=dtype)
            return jnp.concatenate([jnp.asarray([car], dtype=dtype), others, ends])

        number = jnp.arange(n + 3 + unused, dtype=jnp.int32)
        on_slip, ends = self.slip_lane, MERGING_LANE
        return placed(
            road,
            all_of(1, lane, on_slip, ends).astype(jnp.int32),
            all_of(CAR_AT, at, SLIP_AT, BESIDE),
            all_of(CAR_SPEED, speed, SLIP_SPEED, 0.0),
            target_speed=all_of(CAR_SPEED, speed, SLIP_TARGET, 0.0),
            present=(number <= self.n_vehicles) | ((number > n) & (number < n + 3)),
            obstacle=number == n + 2,
        )
