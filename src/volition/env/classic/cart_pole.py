"""A pole that is balanced on a cart."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int, PRNGKeyArray

from volition.env.environment import AbstractEnvironment, Feature, Transition
from volition.env.leaf import check_positive, count, real
from volition.env.spaces import Box, Discrete

TIME_STEP = 0.02  # s: Barto, Sutton, Anderson 1983, appendix
FURTHEST = 2.4  # m from the middle of the track: the same
STEEPEST = 12.0 * np.pi / 180.0  # rad from upright: the same


class CartPoleState(eqx.Module):
    """Where cart and pole are.

    Args:
        position: of the cart, m from the middle of the track.
        velocity: of the cart, m/s.
        angle: of the pole, rad from upright, clockwise.
        angular_velocity: of the pole, rad/s.
        time: steps made.
    """

    position: Float[ArrayLike, "*batch"]
    velocity: Float[ArrayLike, "*batch"]
    angle: Float[ArrayLike, "*batch"]
    angular_velocity: Float[ArrayLike, "*batch"]
    time: Int[ArrayLike, "*batch"]


class CartPole(AbstractEnvironment):
    """A pole on a cart without friction, pushed left or right.

    An episode ends where the pole leans by more than 12 degrees or the cart is more
    than 2.4 m from the middle. Equal to Gymnasium's `CartPole-v1` step by step, whose
    reward is 1 for `step`. Leaves of another precision, and it computes in that.

    Args:
        gravity: m/s^2.
        cart_mass: kg.
        pole_mass: kg.
        half_length: of the pole, m.
        force: of a push, N.
        time_limit: steps after which an episode is truncated.
        discount: in `[0, 1]`, per step; the default is what deep learners use for it.

    Raises:
        ValueError: where a mass or the length is not above 0.

    Example:
        >>> world = CartPole()
        >>> state = world.step(jax.random.key(0), world.reset(jax.random.key(0)), 1)
        >>> bool(state.velocity > 0.1), bool(world.terminated(state))
        (True, False)

    Source: A. G. Barto, R. S. Sutton, C. W. Anderson, IEEE Transactions on Systems,
    Man, and Cybernetics 13 (1983), 834-846; the equations as corrected by R. V.
    Florian, "Correct equations for the dynamics of the cart-pole system", 2007; Farama
    Gymnasium, `CartPole-v1`.
    """

    # Barto, Sutton, Anderson 1983, appendix, all but the last two.
    gravity: Float[Array, ""] = eqx.field(converter=real, default=9.8, kw_only=True)
    cart_mass: Float[Array, ""] = eqx.field(converter=real, default=1.0, kw_only=True)
    pole_mass: Float[Array, ""] = eqx.field(converter=real, default=0.1, kw_only=True)
    half_length: Float[Array, ""] = eqx.field(converter=real, default=0.5, kw_only=True)
    force: Float[Array, ""] = eqx.field(converter=real, default=10.0, kw_only=True)
    # Gymnasium, `CartPole-v1`.
    time_limit: Int[Array, ""] = eqx.field(converter=count, default=500, kw_only=True)
    discount: Float[Array, ""] = eqx.field(converter=real, default=0.99, kw_only=True)

    features: ClassVar[tuple[Feature, ...]] = (
        Feature("step", "1", "1 for every step, the last one included"),
        Feature("fall", "1", "1 for the step that ends the episode"),
    )

    def __check_init__(self):
        check_positive("cart_mass", self.cart_mass)
        check_positive("pole_mass", self.pole_mass)
        check_positive("half_length", self.half_length)

    def reset(self, key: PRNGKeyArray) -> CartPoleState:
        """Almost upright in the middle, almost at rest."""
        # Gymnasium, `CartPole-v1`.
        start = jax.random.uniform(key, (4,), self.gravity.dtype, -0.05, 0.05)
        return CartPoleState(start[0], start[1], start[2], start[3], jnp.int32(0))

    def step(
        self, key: PRNGKeyArray, state: CartPoleState, action: Int[ArrayLike, ""]
    ) -> CartPoleState:
        """Push for one time step, by Euler's method."""
        del key
        position, velocity = jnp.asarray(state.position), jnp.asarray(state.velocity)
        angle = jnp.asarray(state.angle)
        turning = jnp.asarray(state.angular_velocity)
        push = jnp.where(jnp.asarray(action) == 1, self.force, -self.force)
        cosine, sine = jnp.cos(angle), jnp.sin(angle)
        mass, moment = (
            self.cart_mass + self.pole_mass,
            self.pole_mass * self.half_length,
        )
        # Florian 2007, equations 23 and 24 without friction.
        pull = (push + moment * turning**2 * sine) / mass
        lean = (self.gravity * sine - cosine * pull) / (
            self.half_length * (4.0 / 3.0 - self.pole_mass * cosine**2 / mass)
        )
        gain = pull - moment * lean * cosine / mass
        over = self.terminated(state)
        return CartPoleState(
            jnp.where(over, position, position + TIME_STEP * velocity),
            jnp.where(over, velocity, velocity + TIME_STEP * gain),
            jnp.where(over, angle, angle + TIME_STEP * turning),
            jnp.where(over, turning, turning + TIME_STEP * lean),
            jnp.asarray(state.time) + 1,
        )

    def observe(self, state: CartPoleState) -> Float[Array, "4"]:
        """Position, velocity, angle, angular velocity."""
        return jnp.stack(
            [
                jnp.asarray(state.position),
                jnp.asarray(state.velocity),
                jnp.asarray(state.angle),
                jnp.asarray(state.angular_velocity),
            ]
        )

    def terminated(self, state: CartPoleState) -> Bool[Array, ""]:
        """Whether the pole leans, or the cart is, too far."""
        position, angle = jnp.asarray(state.position), jnp.asarray(state.angle)
        return (jnp.abs(position) > FURTHEST) | (jnp.abs(angle) > STEEPEST)

    def truncated(self, state: CartPoleState) -> Bool[Array, ""]:
        """Whether the time limit is reached before a fall."""
        late = jnp.asarray(state.time) >= self.time_limit
        return late & ~self.terminated(state)

    def transition(
        self,
        state: CartPoleState,
        action: Int[ArrayLike, ""],
        next_state: CartPoleState,
    ) -> Transition:
        """A step as a reward sees it."""
        counts = ~self.terminated(state)
        ended = self.terminated(next_state)
        features = jnp.stack([counts, counts & ended]).astype(self.gravity.dtype)
        return Transition(state, action, next_state, features, ended)

    def scene(self, state: CartPoleState) -> CartPoleState:
        """The state."""
        return state

    @property
    def action_space(self) -> Discrete:
        """Left, right."""
        return Discrete(2)

    @property
    def observation_space(self) -> Box:
        """Twice as far as an episode goes, so that the end of it lies inside."""
        high = (2.0 * FURTHEST, np.inf, 2.0 * STEEPEST, np.inf)
        return Box(tuple(-bound for bound in high), high, (4,))

    @property
    def feature_info(self) -> tuple[Feature, ...]:
        """Steps and the fall."""
        return self.features
