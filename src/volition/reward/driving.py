"""The rewards that highway-env states for its roads."""

from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from volition.env import Transition
from volition.env.driving.exit import GOAL_LANES
from volition.env.driving.features import NAMES, TOP_SPEEDS
from volition.env.driving.lanes import lanes
from volition.env.driving.merge import MERGING_LANE, merge_road
from volition.env.driving.simulator import LEFT, RIGHT, DrivingState
from volition.reward.contract import AbstractReward


class HighwayReward(AbstractReward):
    """highway-env's own reward of a motorway: fast, to the right, without a crash.

    `r = on road (w . f - low) / (high - low)` with `f` = (collision, right lane, high
    speed), `low` the weight of a collision and `high` the sum of the others, so that it
    lies in `[0, 1]`; 0 for a step after the end. What is learned of it are the scaled
    weights and the offset, in which it is linear.

    Args:
        collision: weight of the step that crashes.
        right_lane: of how far to the right the lane is that the car steers for.
        high_speed: of the speed, from 20 m/s on, full at 30 m/s.

    Raises:
        ValueError: where a crash is worth as much as the best step.

    Example:
        >>> reward = HighwayReward()
        >>> [round(float(weight), 2) for weight in reward.weights]
        [-0.67, 0.07, 0.27]
        >>> round(float(reward.offset), 2)
        0.67

    Source: E. Leurent, highway-env, 2018; version 1.12, envs/highway_env.py.
    """

    offset: Float[Array, ""]
    weights: Float[Array, "3"]

    def __init__(
        self,
        collision: float = -1.0,
        *,
        right_lane: float = 0.1,
        high_speed: float = 0.4,
    ):
        self.offset, self.weights = _scaled(
            [collision, right_lane, high_speed],
            collision,
            right_lane + high_speed,
        )

    def __call__(self, transition: Transition) -> Float[Array, ""]:
        """What a step is worth."""
        named = _named(transition, self.weights)
        terms = [named[name] for name in ("collision", "right lane", "high speed")]
        counts = named["alive"] * (1.0 - named["off road"])
        return counts * (self.offset + jnp.dot(jnp.stack(terms), self.weights))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Those of the driving worlds."""
        return NAMES


class MergeReward(AbstractReward):
    """highway-env's own reward of a merge: fast, and letting others in.

    As `HighwayReward`, with the lane that the car is on, its speed uncut, the actions
    that change lane, and how far below the speed they want those are who still drive on
    the slip road's end, `sum (wanted - v) / wanted`. It goes by actions in words.

    Args:
        collision: weight of the step that crashes.
        right_lane: of the lane, 0 for the left one, 1 for the right one.
        high_speed: of the speed, 0 at 20 m/s, 1 at 30 m/s.
        merging_speed: of what those who merge lack.
        lane_change: of the actions left and right.

    Raises:
        ValueError: where the worst is worth as much as the best.

    Example:
        >>> [round(float(weight), 2) for weight in MergeReward().weights]
        [-0.56, 0.06, 0.11, -0.28, -0.03]

    Source: E. Leurent, highway-env, 2018; version 1.12, envs/merge_env.py.
    """

    offset: Float[Array, ""]
    weights: Float[Array, "5"]

    def __init__(
        self,
        collision: float = -1.0,
        *,
        right_lane: float = 0.1,
        high_speed: float = 0.2,
        merging_speed: float = -0.5,
        lane_change: float = -0.05,
    ):
        self.offset, self.weights = _scaled(
            [collision, right_lane, high_speed, merging_speed, lane_change],
            collision + merging_speed,
            right_lane + high_speed,
        )

    def __call__(self, transition: Transition) -> Float[Array, ""]:
        """What a step is worth."""
        named = _named(transition, self.weights)
        after: DrivingState = transition.next_state
        everybody, dtype = after.vehicles, self.weights.dtype
        place = lanes(merge_road(1.0)).place.at[everybody.lane[0]].get()
        merges = everybody.lane == MERGING_LANE
        merges &= everybody.present & ~everybody.obstacle
        wanted = jnp.where(merges, everybody.target_speed, 1.0)
        wanted = jnp.where(wanted == 0.0, 1.0, wanted)
        lacking = jnp.where(merges, (wanted - everybody.speed) / wanted, 0.0)
        low, high = TOP_SPEEDS
        action = jnp.asarray(transition.action)
        terms = [
            named["collision"],
            place.astype(dtype),
            ((everybody.speed[0] - low) / (high - low)).astype(dtype),
            jnp.sum(lacking).astype(dtype),
            ((action == LEFT) | (action == RIGHT)).astype(dtype),
        ]
        worth = self.offset + jnp.dot(jnp.stack(terms), self.weights)
        return named["alive"] * worth

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Those of the driving worlds."""
        return NAMES


class ExitReward(AbstractReward):
    """highway-env's own reward of an exit: to be on the way to it, else a little speed.

    Args:
        goal: of a step at the end of which the car steers for the exit or its lane.
        high_speed: in any other, of the speed, from 20 m/s on, full at 30 m/s.

    Example:
        >>> float(ExitReward().goal)
        1.0

    Source: E. Leurent, highway-env, 2018; version 1.12, envs/exit_env.py.
    """

    goal: Float[Array, ""]
    high_speed: Float[Array, ""]

    def __init__(self, goal: float = 1.0, *, high_speed: float = 0.1):
        self.goal, self.high_speed = _real(goal), _real(high_speed)

    def __call__(self, transition: Transition) -> Float[Array, ""]:
        """What a step is worth."""
        named = _named(transition, self.goal)
        after: DrivingState = transition.next_state
        car = after.vehicles
        low, high = TOP_SPEEDS
        speed = jnp.clip((car.speed[0] - low) / (high - low), 0.0, 1.0)
        there = jnp.any(car.target_lane[0] == jnp.asarray(GOAL_LANES, dtype=jnp.int32))
        paid = self.high_speed * speed.astype(self.goal.dtype)
        return named["alive"] * jnp.where(there, self.goal, paid)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Those of the driving worlds."""
        return NAMES


class TwoWayReward(AbstractReward):
    """highway-env's own reward of a two-way road: a high target speed, and the left.

    Args:
        high_speed: of the speed that the car is told to keep, 0 at 20 m/s, 1 at 30 m/s.
        left_lane: of steering for the left lane.

    Example:
        >>> round(float(TwoWayReward().high_speed), 1)
        0.8

    Source: E. Leurent, highway-env, 2018; version 1.12, envs/two_way_env.py, where a
    collision is a constraint beside the reward.
    """

    high_speed: Float[Array, ""]
    left_lane: Float[Array, ""]

    def __init__(self, high_speed: float = 0.8, *, left_lane: float = 0.2):
        self.high_speed, self.left_lane = _real(high_speed), _real(left_lane)

    def __call__(self, transition: Transition) -> Float[Array, ""]:
        """What a step is worth."""
        named = _named(transition, self.high_speed)
        after: DrivingState = transition.next_state
        low, high = TOP_SPEEDS
        told = (after.vehicles.target_speed[0] - low) / (high - low)
        left = 1.0 - named["right lane"]
        worth = self.high_speed * told.astype(left.dtype) + self.left_lane * left
        return named["alive"] * worth

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Those of the driving worlds."""
        return NAMES


def _real(value: ArrayLike | Sequence[float]) -> Array:
    return jnp.asarray(value, dtype=float)


def _scaled(weights: list[float], low: float, high: float) -> tuple[Array, Array]:
    """Offset and weights of `(w . f - low) / (high - low)`."""
    if not low < high:
        raise ValueError(
            f"the worst step is worth {low} and the best {high}: let the best be more."
        )
    wide = high - low
    return _real(-low / wide), _real([weight / wide for weight in weights])


def _named(transition: Transition, like: Array) -> dict[str, Array]:
    features = jnp.asarray(transition.features).astype(like.dtype)
    return {name: features[number] for number, name in enumerate(NAMES)}
