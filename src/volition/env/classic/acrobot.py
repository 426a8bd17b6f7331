"""Two links that swing up by a motor at the joint between them."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int, PRNGKeyArray

from volition.env.classic.angle import wrap
from volition.env.environment import AbstractEnvironment, Feature, Transition
from volition.env.leaf import check_positive, count, real
from volition.env.spaces import Box, Discrete

TIME_STEP = 0.2  # s: Gymnasium, `Acrobot-v1`; Sutton's is 0.05 s, four to a decision
TOP_SPEEDS = (4.0 * np.pi, 9.0 * np.pi)  # rad/s: Sutton 1996


class AcrobotState(eqx.Module):
    """Where the links are.

    Args:
        angle: of the first link, rad from hanging down, in `[-pi, pi)`.
        bend: of the second link, rad from the first one's direction, in `[-pi, pi)`.
        velocity: of `angle`, rad/s, in `[-4 pi, 4 pi]`.
        bend_velocity: of `bend`, rad/s, in `[-9 pi, 9 pi]`.
        time: steps made.
    """

    angle: Float[ArrayLike, "*batch"]
    bend: Float[ArrayLike, "*batch"]
    velocity: Float[ArrayLike, "*batch"]
    bend_velocity: Float[ArrayLike, "*batch"]
    time: Int[ArrayLike, "*batch"]


class Acrobot(AbstractEnvironment):
    """Two links hanging from a pivot, with a torque between them: back, none, forth.

    An episode ends where the tip is higher above the pivot than the first link is
    long. Equal to Gymnasium's `Acrobot-v1` step by step, whose reward is -1 for `step`
    and 1 for `goal`. Leaves of another precision, and it computes in that.

    Args:
        gravity: m/s^2.
        masses: of the links, kg, `[2]`.
        lengths: of the links, m, `[2]`; the weight is in their middle.
        inertia: of each link about its middle, kg m^2.
        torque: of the motor, N m.
        time_limit: steps after which an episode is truncated.
        discount: in `[0, 1]`, per step; the default is what deep learners use for it.

    Raises:
        ValueError: where a mass, a length or the inertia is not above 0.

    Example:
        >>> world = Acrobot()
        >>> state = world.reset(jax.random.key(0))
        >>> bool(abs(state.angle) <= 0.1), bool(world.terminated(state))
        (True, False)

    Source: R. S. Sutton, "Generalization in reinforcement learning", NeurIPS 8, 1996,
    with the equations of R. S. Sutton, A. G. Barto, 1st ed., section 11.3; Farama
    Gymnasium, `Acrobot-v1`.
    """

    # Sutton, Barto, 1st ed., section 11.3, all but the last two.
    gravity: Float[Array, ""] = eqx.field(converter=real, default=9.8, kw_only=True)
    masses: Float[Array, "2"] = eqx.field(
        converter=real, default=(1.0, 1.0), kw_only=True
    )
    lengths: Float[Array, "2"] = eqx.field(
        converter=real, default=(1.0, 1.0), kw_only=True
    )
    inertia: Float[Array, ""] = eqx.field(converter=real, default=1.0, kw_only=True)
    torque: Float[Array, ""] = eqx.field(converter=real, default=1.0, kw_only=True)
    # Gymnasium, `Acrobot-v1`.
    time_limit: Int[Array, ""] = eqx.field(converter=count, default=500, kw_only=True)
    discount: Float[Array, ""] = eqx.field(converter=real, default=0.99, kw_only=True)

    features: ClassVar[tuple[Feature, ...]] = (
        Feature("step", "1", "1 for every step, the last one included"),
        Feature("goal", "1", "1 for the step that brings the tip up"),
    )

    def __check_init__(self):
        check_positive("masses", self.masses)
        check_positive("lengths", self.lengths)
        check_positive("inertia", self.inertia)

    def reset(self, key: PRNGKeyArray) -> AcrobotState:
        """Almost hanging down, almost at rest."""
        # Gymnasium, `Acrobot-v1`.
        start = jax.random.uniform(key, (4,), self.gravity.dtype, -0.1, 0.1)
        return AcrobotState(start[0], start[1], start[2], start[3], jnp.int32(0))

    def step(
        self, key: PRNGKeyArray, state: AcrobotState, action: Int[ArrayLike, ""]
    ) -> AcrobotState:
        """Swing for one time step, by the classical Runge-Kutta method."""
        del key
        here = (
            jnp.asarray(state.angle),
            jnp.asarray(state.bend),
            jnp.asarray(state.velocity),
            jnp.asarray(state.bend_velocity),
        )
        push = (jnp.asarray(action) - 1).astype(here[0].dtype) * self.torque

        def along(slope, share):
            return tuple(
                x + share * TIME_STEP * k for x, k in zip(here, slope, strict=True)
            )

        first = self._slope(here, push)
        second = self._slope(along(first, 0.5), push)
        third = self._slope(along(second, 0.5), push)
        fourth = self._slope(along(third, 1.0), push)
        slope = tuple(
            (a + 2.0 * b + 2.0 * c + d) / 6.0
            for a, b, c, d in zip(first, second, third, fourth, strict=True)
        )
        angle, bend, velocity, bend_velocity = along(slope, 1.0)
        there = (
            wrap(angle),
            wrap(bend),
            jnp.clip(velocity, -TOP_SPEEDS[0], TOP_SPEEDS[0]),
            jnp.clip(bend_velocity, -TOP_SPEEDS[1], TOP_SPEEDS[1]),
        )
        over = self.terminated(state)
        kept = tuple(
            jnp.where(over, old, new) for old, new in zip(here, there, strict=True)
        )
        return AcrobotState(*kept, time=jnp.asarray(state.time) + 1)

    def _slope(
        self, at: tuple[Float[Array, ""], ...], push: Float[Array, ""]
    ) -> tuple[Float[Array, ""], ...]:
        """Time derivatives of angle, bend and their velocities."""
        angle, bend, velocity, bend_velocity = at
        mass_1, mass_2 = self.masses[0], self.masses[1]
        length, middle_1, middle_2 = (
            self.lengths[0],
            0.5 * self.lengths[0],
            0.5 * self.lengths[1],
        )
        coupling = mass_2 * length * middle_2
        cosine, sine = coupling * jnp.cos(bend), coupling * jnp.sin(bend)
        # The inertia of both links about the pivot, the part of it that bending shares,
        # and that of the second link about the joint.
        own = mass_2 * middle_2**2 + self.inertia
        shared = own + cosine
        whole = (
            mass_1 * middle_1**2
            + mass_2 * length**2
            + self.inertia
            + own
            + 2.0 * cosine
        )
        pull_2 = mass_2 * middle_2 * self.gravity * jnp.sin(angle + bend)
        pull_1 = (mass_1 * middle_1 + mass_2 * length) * self.gravity * jnp.sin(angle)
        swing = (2.0 * velocity + bend_velocity) * bend_velocity * sine
        load = pull_1 + pull_2 - swing
        bending = (push + shared / whole * load - velocity**2 * sine - pull_2) / (
            own - shared**2 / whole
        )
        return velocity, bend_velocity, -(shared * bending + load) / whole, bending

    def observe(self, state: AcrobotState) -> Float[Array, "6"]:
        """Cosine and sine of the angle and of the bend, and both velocities."""
        angle, bend = jnp.asarray(state.angle), jnp.asarray(state.bend)
        return jnp.stack(
            [
                jnp.cos(angle),
                jnp.sin(angle),
                jnp.cos(bend),
                jnp.sin(bend),
                jnp.asarray(state.velocity),
                jnp.asarray(state.bend_velocity),
            ]
        )

    def terminated(self, state: AcrobotState) -> Bool[Array, ""]:
        """Whether the tip is higher above the pivot than the first link is long."""
        angle, bend = jnp.asarray(state.angle), jnp.asarray(state.bend)
        first, second = self.lengths[0], self.lengths[1]
        return -first * jnp.cos(angle) - second * jnp.cos(angle + bend) > first

    def truncated(self, state: AcrobotState) -> Bool[Array, ""]:
        """Whether the time limit is reached before the goal."""
        late = jnp.asarray(state.time) >= self.time_limit
        return late & ~self.terminated(state)

    def transition(
        self, state: AcrobotState, action: Int[ArrayLike, ""], next_state: AcrobotState
    ) -> Transition:
        """A step as a reward sees it."""
        counts = ~self.terminated(state)
        ended = self.terminated(next_state)
        features = jnp.stack([counts, counts & ended]).astype(self.gravity.dtype)
        return Transition(state, action, next_state, features, ended)

    def scene(self, state: AcrobotState) -> AcrobotState:
        """The state."""
        return state

    @property
    def action_space(self) -> Discrete:
        """Back, none, forth."""
        return Discrete(3)

    @property
    def observation_space(self) -> Box:
        """Cosines, sines, velocities."""
        high = (1.0, 1.0, 1.0, 1.0, *TOP_SPEEDS)
        return Box(tuple(-bound for bound in high), high, (6,))

    @property
    def feature_info(self) -> tuple[Feature, ...]:
        """Steps and the goal."""
        return self.features
