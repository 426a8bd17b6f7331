"""A car in a valley that is too weak to drive straight up."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Bool, Float, Int, PRNGKeyArray

from volition.env.environment import AbstractEnvironment, Feature, Transition
from volition.env.leaf import count, real
from volition.env.spaces import Box, Discrete

LOW, HIGH = -1.2, 0.6  # positions
TOP_SPEED = 0.07


class CarState(eqx.Module):
    """Where the car is.

    Args:
        position: along the road, in `[-1.2, 0.6]`; the bottom of the valley is at
            `-pi / 6`.
        velocity: position per step, in `[-0.07, 0.07]`.
        time: steps made.
    """

    position: Float[ArrayLike, "*batch"]
    velocity: Float[ArrayLike, "*batch"]
    time: Int[ArrayLike, "*batch"]


class MountainCar(AbstractEnvironment):
    """Mountain Car with three actions: push back, do nothing, push forward.

    Equal to Gymnasium's `MountainCar-v0` step by step, where `time_limit` is 200. The
    usual reward is -1 for `step`.

    Args:
        force: of a push, position per step squared.
        gravity: pull on a vertical road, position per step squared.
        goal: position at which the episode ends.
        time_limit: steps after which an episode is truncated; the textbook has none,
            `NO_TIME_LIMIT`.
        discount: in `[0, 1]`, per step.

    Raises:
        ValueError: where the goal is not on the road.

    Example:
        >>> car = MountainCar()
        >>> state = car.reset(jax.random.key(0))
        >>> [round(float(x), 3) for x in car.observe(state)]
        [-0.516, 0.0]

    Source: A. W. Moore, PhD thesis, 1990; R. S. Sutton, A. G. Barto, 2nd ed., example
    10.1; Farama Gymnasium, `MountainCar-v0`.
    """

    force: Float[Array, ""] = eqx.field(converter=real, default=0.001, kw_only=True)
    gravity: Float[Array, ""] = eqx.field(converter=real, default=0.0025, kw_only=True)
    goal: Float[Array, ""] = eqx.field(converter=real, default=0.5, kw_only=True)
    time_limit: Int[Array, ""] = eqx.field(converter=count, default=200, kw_only=True)
    discount: Float[Array, ""] = eqx.field(converter=real, default=1.0, kw_only=True)

    features: ClassVar[tuple[Feature, ...]] = (
        Feature("step", "1", "1 for every step, the last one included"),
        Feature("goal", "1", "1 for the step that reaches the goal"),
    )

    def __check_init__(self):
        known = not isinstance(self.goal, Tracer)
        if known and not LOW < float(self.goal) <= HIGH:
            raise ValueError(f"goal = {self.goal} must lie in ({LOW}, {HIGH}].")

    def reset(self, key: PRNGKeyArray) -> CarState:
        """At rest near the bottom."""
        position = jax.random.uniform(key, (), self.force.dtype, -0.6, -0.4)
        return CarState(position, jnp.zeros_like(position), jnp.int32(0))

    def step(
        self, key: PRNGKeyArray, state: CarState, action: Int[ArrayLike, ""]
    ) -> CarState:
        """Push, roll, and stop at the left end of the road."""
        del key
        position, velocity = jnp.asarray(state.position), jnp.asarray(state.velocity)
        push = (jnp.asarray(action) - 1).astype(position.dtype) * self.force
        faster = velocity + push - jnp.cos(3.0 * position) * self.gravity
        faster = jnp.clip(faster, -TOP_SPEED, TOP_SPEED)
        further = jnp.clip(position + faster, LOW, HIGH)
        faster = jnp.where((further <= LOW) & (faster < 0.0), 0.0, faster)
        over = self.terminated(state)
        return CarState(
            jnp.where(over, position, further),
            jnp.where(over, velocity, faster),
            jnp.asarray(state.time) + 1,
        )

    def observe(self, state: CarState) -> Float[Array, "2"]:
        """Position and velocity."""
        return jnp.stack([jnp.asarray(state.position), jnp.asarray(state.velocity)])

    def terminated(self, state: CarState) -> Bool[Array, ""]:
        """At the goal, not rolling back."""
        position, velocity = jnp.asarray(state.position), jnp.asarray(state.velocity)
        return (position >= self.goal) & (velocity >= 0.0)

    def truncated(self, state: CarState) -> Bool[Array, ""]:
        """Whether the time limit is reached before the goal."""
        late = jnp.asarray(state.time) >= self.time_limit
        return late & ~self.terminated(state)

    def transition(
        self, state: CarState, action: Int[ArrayLike, ""], next_state: CarState
    ) -> Transition:
        """A step as a reward sees it."""
        counts = ~self.terminated(state)
        ended = self.terminated(next_state)
        features = jnp.stack([counts, counts & ended]).astype(self.force.dtype)
        return Transition(state, action, next_state, features, ended)

    def scene(self, state: CarState) -> CarState:
        """The state."""
        return state

    @property
    def action_space(self) -> Discrete:
        """Back, nothing, forward."""
        return Discrete(3)

    @property
    def observation_space(self) -> Box:
        """Position and velocity."""
        return Box((LOW, -TOP_SPEED), (HIGH, TOP_SPEED), (2,))

    @property
    def feature_info(self) -> tuple[Feature, ...]:
        """Steps and the goal."""
        return self.features
