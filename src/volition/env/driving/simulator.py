"""Driving among others: what all roads have in common."""

import abc
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int, PRNGKeyArray, PyTree

from volition.env.driving.collision import collided
from volition.env.driving.drivers import Drivers, act, look
from volition.env.driving.features import (
    FEATURES,
    NAMES,
    Motion,
    at_rest,
    describe,
)
from volition.env.driving.lanes import (
    Lane,
    Lanes,
    Places,
    at_every_lane,
    headings_at,
    lanes,
    places_of,
)
from volition.env.driving.neighbours import tagged, untagged
from volition.env.driving.observe import N_OBSERVED, kinematics
from volition.env.driving.vehicle import (
    LENGTH,
    MAX_SPEED,
    SPEED_BRAKING,
    Control,
    Vehicles,
    moved,
)
from volition.env.environment import AbstractEnvironment, Feature, Transition
from volition.env.spaces import Box, Discrete

LEFT, IDLE, RIGHT, FASTER, SLOWER = range(5)
ACTIONS = ("left", "idle", "right", "faster", "slower")
ACCELERATION_RANGE = 5.0  # m/s^2, of continuous control; highway-env 1.12
STEERING_RANGE = float(np.pi) / 4  # rad, of continuous control; highway-env 1.12


NOWHERE = 1e9  # m; no infinity, which has no place in a record


class Course(eqx.Module):
    """A road, who drives on it, and the rules of an episode.

    Args:
        road: its lanes.
        drivers: how the others drive.
        target_speeds: lowest and highest speed that the car can be told to keep, m/s.
        time_limit: decisions after which an episode is truncated.
        finish: x behind which the episode is over, m; `NOWHERE` for none.
        breadth: of the road, by which observations are scaled, m.
        decision: seconds from one decision to the next.
        n_substeps: steps of the simulation in that time.
        n_speeds: how many target speeds there are, evenly spaced.
        everybody: whether the others can crash into each other, too.
        continuous: whether actions are acceleration and steering, not words.
    """

    road: Lanes
    drivers: Drivers
    target_speeds: Float[Array, "2"]
    time_limit: Int[Array, ""]
    finish: Float[Array, ""]
    breadth: Float[Array, ""]
    decision: float = eqx.field(static=True, default=1.0)
    n_substeps: int = eqx.field(static=True, default=5)
    n_speeds: int = eqx.field(static=True, default=3)
    everybody: bool = eqx.field(static=True, default=False)
    continuous: bool = eqx.field(static=True, default=False)

    @property
    def dt(self) -> float:
        """Of a step of the simulation, s."""
        return self.decision / self.n_substeps


def make_course(
    made: Sequence[Lane],
    drivers: Drivers | None,
    *,
    breadth: float,
    time_limit: int,
    simulation_frequency: int,
    finish: float = NOWHERE,
    target_speeds: tuple[float, float] = (20.0, 30.0),
    everybody: bool = True,
    continuous: bool = False,
    dtype: Any = jnp.float32,
) -> Course:
    """A course from plain numbers.

    Raises:
        ValueError: where one of them is out of range.
    """
    if simulation_frequency < 1:
        raise ValueError(
            f"simulation_frequency = {simulation_frequency} must be at least 1, a step "
            "a second."
        )
    if time_limit < 1:
        raise ValueError(f"the time limit {time_limit} must be at least one decision.")
    real = lambda value: jnp.asarray(value, dtype=dtype)
    return Course(
        road=lanes(made, dtype=dtype),
        drivers=jax.tree.map(real, Drivers() if drivers is None else drivers),
        target_speeds=real(target_speeds),
        time_limit=jnp.int32(time_limit),
        finish=real(finish),
        breadth=real(breadth),
        n_substeps=simulation_frequency,
        everybody=everybody,
        continuous=continuous,
    )


class DrivingState(eqx.Module):
    """Where everybody is, and what the last step was like.

    Args:
        vehicles: everybody; the first is the car.
        time: decisions made.
        acceleration: the car's, mean over the last step, m/s^2.
        features: of the step that led here, `[feature]`.
    """

    vehicles: Vehicles
    time: Int[Array, "*batch"]
    acceleration: Float[Array, "*batch"]
    features: Float[Array, "*batch feature"]

    def get_speed(self) -> Float[Array, "*batch"]:
        """Speed of the car along its lane, m/s."""
        return self.features[..., NAMES.index("speed")]

    def get_collision(self) -> Float[Array, "*batch"]:
        """How likely the car is to collide, in `[0, 1]`; 1 once it has."""
        return self.features[..., NAMES.index("collision likelihood")]


class AbstractDriving(AbstractEnvironment):
    """A car among others, in the physics of highway-env.

    Nothing in a step is left to chance; how an episode begins is.
    """

    course: eqx.AbstractVar[Course]

    @abc.abstractmethod
    def traffic(self, key: PRNGKeyArray) -> Vehicles:
        """Everybody when an episode begins; lanes are worked out from the places."""

    def reset(self, key: PRNGKeyArray) -> DrivingState:
        """Draw the traffic."""
        return self.begin(self.traffic(key))

    def begin(self, vehicles: Vehicles) -> DrivingState:
        """An episode from a traffic of one's own; `checked` finds its faults.

        Args:
            vehicles: everybody; the first is the car. `placed` makes them.

        Example:
            >>> from volition.env.driving import TwoWay
            >>> road = TwoWay()
            >>> mine = placed(road.course.road, [1, 1], [0.0, 30.0], [20.0, 10.0])
            >>> float(road.begin(mine).features[NAMES.index("time to collision")])
            2.5
        """
        course = self.course
        return DrivingState(
            vehicles,
            jnp.int32(0),
            jnp.zeros_like(vehicles.x[0]),
            describe(course.road, course.drivers, vehicles, at_rest(vehicles)),
        )

    def step(
        self, key: PRNGKeyArray, state: DrivingState, action: ArrayLike
    ) -> DrivingState:
        """One decision, and the time until the next; a terminated state stays."""
        del key
        course = self.course
        vehicles, control = told(course, state.vehicles, jnp.asarray(action))
        began = vehicles.speed[0]
        start = (vehicles, _places(course, vehicles), control)
        (after, _, _), lateral = jax.lax.scan(
            lambda carry, _: sub_step(course, carry), start, length=course.n_substeps
        )
        mean = (after.speed[0] - began) / course.decision
        motion = Motion(
            acceleration=mean,
            jerk=(mean - state.acceleration) / course.decision,
            lateral=jnp.max(lateral),
            changed=after.target_lane[0] != state.vehicles.target_lane[0],
        )
        features = describe(course.road, course.drivers, after, motion)
        made = DrivingState(after, state.time + 1, mean, features)
        over = self.terminated(state)
        return jax.tree.map(lambda old, new: jnp.where(over, old, new), state, made)

    def sub_steps(self, state: DrivingState, action: ArrayLike) -> Vehicles:
        """Everybody after each sub-step of a decision, `[sub-step, slot]`.

        The last is where `step` leads, to the bit.
        """
        course = self.course
        vehicles, control = told(course, state.vehicles, jnp.asarray(action))

        def one(carry, _):
            carry, lateral = sub_step(course, carry)
            # The unused number keeps the compiled arithmetic that of `step`.
            return carry, (carry[0], lateral)

        start = (vehicles, _places(course, vehicles), control)
        _, (made, _) = jax.lax.scan(one, start, length=course.n_substeps)
        over = self.terminated(state)
        stay = lambda old, new: jnp.where(over, old[None], new)
        return jax.tree.map(stay, state.vehicles, made)

    def observe(self, state: DrivingState) -> Float[Array, "5 5"]:
        """What the car sees; see `kinematics`."""
        course = self.course
        return kinematics(course.road, state.vehicles, course.breadth)

    def terminated(self, state: DrivingState) -> Bool[Array, ""]:
        """Whether the car has crashed or reached the finish."""
        return state.vehicles.crashed[0] | (state.vehicles.x[0] > self.course.finish)

    def truncated(self, state: DrivingState) -> Bool[Array, ""]:
        """Whether the time is up."""
        return (state.time >= self.course.time_limit) & ~self.terminated(state)

    def transition(
        self, state: DrivingState, action: ArrayLike, next_state: DrivingState
    ) -> Transition:
        """A step as a reward sees it; a step after the end has no features."""
        over = self.terminated(state)
        return Transition(
            state=state,
            action=jnp.asarray(action),
            next_state=next_state,
            features=jnp.where(over, 0.0, next_state.features),
            terminated=self.terminated(next_state),
        )

    def scene(self, state: DrivingState) -> PyTree:
        """Everybody."""
        return state.vehicles

    @property
    def action_space(self) -> Discrete | Box:
        """Left, idle, right, faster, slower; or acceleration and steering."""
        return Box(-1.0, 1.0, (2,)) if self.course.continuous else Discrete(5)

    @property
    def observation_space(self) -> Box:
        """Five rows of five numbers."""
        return Box(-1.0, 1.0, (N_OBSERVED, 5))

    @property
    def feature_info(self) -> tuple[Feature, ...]:
        """As listed in `FEATURES`."""
        return FEATURES


Carry = tuple[Vehicles, Places, Control]


def _places(course: Course, vehicles: Vehicles) -> Places:
    return places_of(course.road, vehicles.x, vehicles.y, vehicles.heading)


def sub_step(course: Course, carry: Carry) -> tuple[Carry, Float[Array, ""]]:
    """One step of the simulation.

    Args:
        course: the road and its drivers.
        carry: everybody, their places, and what is done with wheel and pedals.

    Returns:
        The same afterwards, and the size of the car's lateral acceleration, m/s^2.
    """
    vehicles, here, pressed = carry
    view = look(course.road, course.drivers, vehicles, here)
    vehicles, wanted = act(course.road, course.drivers, vehicles, view)
    if course.continuous:
        pressed = _cut(pressed, vehicles)
        wanted = _instead(wanted, pressed)
    vehicles = moved(vehicles, wanted, course.dt, cos=here.cos, sin=here.sin)
    here = _places(course, vehicles)
    lane = nearest_lane(course.road, here.along, here.across, vehicles.heading)
    vehicles = eqx.tree_at(lambda all: all.lane, vehicles, lane)
    if course.continuous:
        vehicles = _aimless(vehicles)
    vehicles = collided(
        vehicles, course.dt, course.everybody, cos=here.cos, sin=here.sin
    )
    speed = vehicles.speed[0]
    lateral = jnp.abs(speed * speed * wanted.slip[0] / (LENGTH / 2.0))
    return (vehicles, here, pressed), lateral


def told(course: Course, vehicles: Vehicles, action: Array) -> tuple[Vehicles, Control]:
    """The car with its new targets, or what its driver does with wheel and pedals."""
    zero = jnp.zeros_like(vehicles.x)
    if course.continuous:
        pressed = jnp.clip(action.astype(vehicles.x.dtype), -1.0, 1.0)
        tangent = jnp.tan(STEERING_RANGE * pressed[1])
        # sin(arctan(tan(d) / 2))
        slip = 0.5 * tangent / jnp.sqrt(1.0 + 0.25 * tangent * tangent)
        control = Control(zero + ACCELERATION_RANGE * pressed[0], zero + slip)
        return _aimless(vehicles), control
    road = course.road
    car = jax.tree.map(lambda leaf: leaf[0], vehicles)
    along, _ = _on_lane(road, car, car.target_lane)
    past = along > road.length[car.target_lane] - LENGTH / 2.0
    aim = jnp.where(past, road.following[car.target_lane], car.target_lane)
    side = jnp.where(action == LEFT, road.left[aim], aim)
    side = jnp.where(action == RIGHT, road.right[aim], side)
    lane = road.lane(side)
    reachable = lane.reachable(*_on_lane(road, car, side))
    aim = jnp.where(reachable, side, aim)

    low, high = course.target_speeds[0], course.target_speeds[1]
    most = course.n_speeds - 1
    now = jnp.clip(jnp.round((car.speed - low) / (high - low) * most), 0, most)
    shift = jnp.where(action == FASTER, 1.0, jnp.where(action == SLOWER, -1.0, 0.0))
    index = jnp.clip(now + shift.astype(now.dtype), 0, most)
    speed = low + index * (high - low) / most
    speed = jnp.where(shift == 0.0, car.target_speed, speed)
    first = _first(vehicles)
    targets = (
        jnp.where(first, aim, vehicles.target_lane),
        jnp.where(first, speed, vehicles.target_speed),
    )
    where = lambda all: (all.target_lane, all.target_speed)
    return eqx.tree_at(where, vehicles, targets), Control(zero, zero)


def _on_lane(road: Lanes, car: Vehicles, number: Array) -> tuple[Array, Array]:
    return road.lane(number).local(car.x, car.y)


def _first(vehicles: Vehicles) -> Bool[Array, " slot"]:
    return jnp.arange(vehicles.x.shape[0], dtype=jnp.int32) == 0


def _aimless(vehicles: Vehicles) -> Vehicles:
    """The car by hand: no speed or lane that it is to have, as others see it."""
    first = _first(vehicles)
    aims = (
        jnp.where(first, vehicles.lane, vehicles.target_lane),
        jnp.where(first, 0.0, vehicles.target_speed),
    )
    where = lambda all: (all.target_lane, all.target_speed)
    return eqx.tree_at(where, vehicles, aims)


def _cut(control: Control, vehicles: Vehicles) -> Control:
    """The pedals from now on: beyond the greatest speed they are let go until the end.

    highway-env cuts the stored action itself, so that it stays cut until the next.
    """
    speed = vehicles.speed
    most = jnp.minimum(control.acceleration, SPEED_BRAKING * (MAX_SPEED - speed))
    least = jnp.maximum(control.acceleration, SPEED_BRAKING * (-MAX_SPEED - speed))
    kept = jnp.where(speed > MAX_SPEED, most, control.acceleration)
    kept = jnp.where(speed < -MAX_SPEED, least, kept)
    return Control(kept, control.slip)


def _instead(wanted: Control, control: Control) -> Control:
    """The first one's by hand."""
    first = jnp.arange(wanted.slip.shape[0], dtype=jnp.int32) == 0
    return jax.tree.map(lambda own, hand: jnp.where(first, hand, own), wanted, control)


def nearest_lane(
    road: Lanes,
    along: Float[Array, "lane vehicle"],
    across: Float[Array, "lane vehicle"],
    heading: Float[Array, " vehicle"],
) -> Int[Array, " vehicle"]:
    """The lane that each vehicle is on: the nearest in place and heading."""
    turned = heading[None, :] - headings_at(road, along)
    each = jax.vmap(jax.vmap(type(road).distance, in_axes=(None, 0, 0, 0)))
    distance = each(road, along, across, turned)
    number = jnp.arange(road.n_slots, dtype=jnp.int32)
    tags = jax.vmap(tagged, in_axes=(0, 0, None))(distance, number, road.n_slots)
    return untagged(jnp.min(tags, axis=0), road.n_slots)[1]


def slots(n: int) -> int:
    """Room for `n` vehicles, rounded up to what vector instructions take at once."""
    return -(-n // 8) * 8


def placed(
    road: Lanes,
    lane: Int[ArrayLike, " slot"] | Sequence[int],
    along: Float[ArrayLike, " slot"] | Sequence[float],
    speed: Float[ArrayLike, " slot"] | Sequence[float],
    *,
    target_speed: Float[ArrayLike, " slot"] | Sequence[float] | None = None,
    exponent: Float[ArrayLike, " slot"] | Sequence[float] | None = None,
    present: Bool[ArrayLike, " slot"] | Sequence[bool] | None = None,
    obstacle: Bool[ArrayLike, " slot"] | Sequence[bool] | None = None,
    changes_lane: bool = True,
) -> Vehicles:
    """Vehicles in the middle of lanes, heading along them.

    Args:
        road: its lanes.
        lane: of each vehicle.
        along: m from the beginning of its lane.
        speed: m/s.
        target_speed: m/s; default the speed.
        exponent: of the speed in a driver's acceleration; default 4.
        present: which slots are in use; default all.
        obstacle: which are obstacles; default none.
        changes_lane: whether the others ever change lane.

    Example:
        >>> from volition.env.driving import Highway
        >>> placed(Highway().course.road, [0, 2], [0.0, 30.0], [25.0, 20.0]).y.tolist()
        [0.0, 8.0]
    """
    lane = jnp.asarray(lane, dtype=jnp.int32)
    speed = jnp.asarray(speed, dtype=road.x.dtype)
    along = jnp.asarray(along, dtype=road.x.dtype)
    n = lane.shape[0]
    its = road.lane(lane)
    x, y = jax.vmap(type(road).position)(its, along, jnp.zeros_like(along))
    heading = jax.vmap(type(road).heading_at)(its, along)
    no = jnp.zeros(n, dtype=bool)
    obstacle = no if obstacle is None else jnp.asarray(obstacle)
    actual = nearest_lane(road, *at_every_lane(road, x, y), heading)
    return Vehicles(
        x=x,
        y=y,
        heading=heading,
        speed=speed,
        target_speed=speed
        if target_speed is None
        else jnp.asarray(target_speed, dtype=speed.dtype),
        lane=actual,
        target_lane=actual,
        # Where everybody begins to think of changing lane; highway-env 1.12.
        timer=jnp.mod((x + y) * jnp.pi, 1.0).astype(speed.dtype),
        exponent=jnp.full_like(speed, 4.0)
        if exponent is None
        else jnp.asarray(exponent, dtype=speed.dtype),
        changes_lane=~(no | obstacle) & changes_lane & ~_first_of(n),
        crashed=no,
        hit=no,
        push_x=jnp.zeros_like(speed),
        push_y=jnp.zeros_like(speed),
        obstacle=obstacle,
        present=~no if present is None else jnp.asarray(present),
    )


def _first_of(n: int) -> Bool[Array, " slot"]:
    return jnp.arange(n, dtype=jnp.int32) == 0
