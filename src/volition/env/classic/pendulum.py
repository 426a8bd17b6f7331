"""A pendulum that is swung up and held there by a weak motor."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int, PRNGKeyArray

from volition.env.classic.angle import wrap
from volition.env.environment import AbstractEnvironment, Feature, Transition
from volition.env.leaf import check_positive, count, real
from volition.env.spaces import Box

# Gymnasium, `Pendulum-v1`.
TIME_STEP = 0.05  # s
TOP_SPEED = 8.0  # rad/s
TOP_TORQUE = 2.0  # N m


class PendulumState(eqx.Module):
    """Where the pendulum is.

    Args:
        angle: rad from upright, in `[-pi, pi)`.
        velocity: rad/s, in `[-8, 8]`.
        time: steps made.
    """

    angle: Float[ArrayLike, "*batch"]
    velocity: Float[ArrayLike, "*batch"]
    time: Int[ArrayLike, "*batch"]


class Pendulum(AbstractEnvironment):
    """A rod that hangs on one end, turned by a torque of at most 2 N m.

    It never terminates. Equal to Gymnasium's `Pendulum-v1` step by step, whose reward
    is `-1 angle^2 - 0.1 speed^2 - 0.001 torque^2`. Leaves of another precision, and it
    computes in that.

    Args:
        gravity: m/s^2.
        mass: of the rod, kg.
        length: of the rod, m.
        time_limit: steps after which an episode is truncated.
        discount: in `[0, 1]`, per step; the default is what deep learners use for it.

    Raises:
        ValueError: where the mass or the length is not above 0.

    Example:
        >>> world = Pendulum()
        >>> state = PendulumState(jnp.asarray(0.0), jnp.asarray(1.0), jnp.int32(0))
        >>> after = world.step(jax.random.key(0), state, jnp.array([2.0]))
        >>> print(f"{after.velocity:.2f} {after.angle:.3f}")
        1.30 0.065

    Source: Farama Gymnasium, `Pendulum-v1`.
    Differs: the angle is kept in `[-pi, pi)`, so that it is as exact after many turns.
    """

    # Gymnasium, `Pendulum-v1`.
    gravity: Float[Array, ""] = eqx.field(converter=real, default=10.0, kw_only=True)
    mass: Float[Array, ""] = eqx.field(converter=real, default=1.0, kw_only=True)
    length: Float[Array, ""] = eqx.field(converter=real, default=1.0, kw_only=True)
    time_limit: Int[Array, ""] = eqx.field(converter=count, default=200, kw_only=True)
    discount: Float[Array, ""] = eqx.field(converter=real, default=0.99, kw_only=True)

    features: ClassVar[tuple[Feature, ...]] = (
        Feature("angle^2", "rad^2", "squared angle from upright before the step"),
        Feature("speed^2", "rad^2/s^2", "squared angular velocity before the step"),
        Feature("torque^2", "N^2 m^2", "squared torque of the step"),
    )

    def __check_init__(self):
        check_positive("mass", self.mass)
        check_positive("length", self.length)

    def reset(self, key: PRNGKeyArray) -> PendulumState:
        """Any angle, a speed up to 1 rad/s."""
        # Gymnasium, `Pendulum-v1`.
        most = jnp.asarray((np.pi, 1.0), self.gravity.dtype)
        start = jax.random.uniform(key, (2,), self.gravity.dtype, -most, most)
        return PendulumState(wrap(start[0]), start[1], jnp.int32(0))

    def step(
        self, key: PRNGKeyArray, state: PendulumState, action: Float[ArrayLike, "1"]
    ) -> PendulumState:
        """Turn for one time step, by the semi-implicit Euler method."""
        del key
        angle, velocity = jnp.asarray(state.angle), jnp.asarray(state.velocity)
        # A rod about its end, of the moment of inertia m l^2 / 3.
        pull = 3.0 * self.gravity / (2.0 * self.length) * jnp.sin(angle)
        turn = 3.0 / (self.mass * self.length**2) * self._torque(action)
        faster = velocity + (pull + turn) * TIME_STEP
        faster = jnp.clip(faster, -TOP_SPEED, TOP_SPEED)
        further = wrap(angle + faster * TIME_STEP)
        return PendulumState(further, faster, jnp.asarray(state.time) + 1)

    def observe(self, state: PendulumState) -> Float[Array, "3"]:
        """Cosine and sine of the angle, and the velocity."""
        angle, velocity = jnp.asarray(state.angle), jnp.asarray(state.velocity)
        return jnp.stack([jnp.cos(angle), jnp.sin(angle), velocity])

    def terminated(self, state: PendulumState) -> Bool[Array, ""]:
        """Never."""
        return jnp.zeros_like(jnp.asarray(state.time), dtype=bool)

    def truncated(self, state: PendulumState) -> Bool[Array, ""]:
        """Whether the time limit is reached."""
        return jnp.asarray(state.time) >= self.time_limit

    def transition(
        self,
        state: PendulumState,
        action: Float[ArrayLike, "1"],
        next_state: PendulumState,
    ) -> Transition:
        """A step as a reward sees it."""
        angle, velocity = jnp.asarray(state.angle), jnp.asarray(state.velocity)
        features = jnp.stack([wrap(angle), velocity, self._torque(action)]) ** 2
        ended = self.terminated(next_state)
        return Transition(state, action, next_state, features, ended)

    def _torque(self, action: Float[ArrayLike, "1"]) -> Float[Array, ""]:
        torque = jnp.asarray(action)[0].astype(self.gravity.dtype)
        return jnp.clip(torque, -TOP_TORQUE, TOP_TORQUE)

    def scene(self, state: PendulumState) -> PendulumState:
        """The state."""
        return state

    @property
    def action_space(self) -> Box:
        """A torque, N m."""
        return Box(-TOP_TORQUE, TOP_TORQUE, (1,))

    @property
    def observation_space(self) -> Box:
        """Cosine, sine, velocity."""
        high = (1.0, 1.0, TOP_SPEED)
        return Box(tuple(-bound for bound in high), high, (3,))

    @property
    def feature_info(self) -> tuple[Feature, ...]:
        """The three costs."""
        return self.features
