"""The world in which a maximum over noise looks better than it is."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Bool, Float, Int, PRNGKeyArray

from volition.env.environment import AbstractEnvironment, Feature, Transition
from volition.env.leaf import real
from volition.env.spaces import Discrete

FORK, ARMS, END = 0, 1, 2
LEFT, RIGHT = 0, 1


class ArmState(eqx.Module):
    """Where it is, and what the last step paid.

    Args:
        place: 0 is the fork, 1 the arms, 2 the end.
        payoff: of the arm that was pulled last; 0 before.
    """

    place: Int[ArrayLike, "*batch"]
    payoff: Float[ArrayLike, "*batch"]


class MaximizationBias(AbstractEnvironment):
    """A fork: right ends it for nothing, left leads to arms that pay noise.

    At the fork there are two actions, 0 is left and 1 is right; behind it one for each
    arm, which pays a normal number and ends the episode. As the mean is negative, left
    is wrong, and a learner that takes the maximum of noisy values goes there for long.
    The book's reward is 1 for `payoff`.

    Args:
        n_arms: how many arms there are, at least 2.
        mean: of what an arm pays, reward units.
        deviation: its standard deviation, reward units.
        discount: in `[0, 1]`, per step.

    Raises:
        ValueError: where there are too few arms, or the discount is not in `[0, 1]`.

    Example:
        >>> world = MaximizationBias(4)
        >>> world.available(jnp.int32(0)).tolist()
        [True, True, False, False]

    Source: R. S. Sutton, A. G. Barto, "Reinforcement Learning", 2nd ed., example 6.7.
    """

    n_arms: int = eqx.field(static=True, default=10)
    mean: Float[Array, ""] = eqx.field(converter=real, default=-0.1, kw_only=True)
    deviation: Float[Array, ""] = eqx.field(converter=real, default=1.0, kw_only=True)
    discount: Float[Array, ""] = eqx.field(converter=real, default=1.0, kw_only=True)

    features: ClassVar[tuple[Feature, ...]] = (
        Feature("payoff", "1", "what the arm paid that was pulled in this step"),
    )

    def __check_init__(self):
        if self.n_arms < 2:
            raise ValueError(f"n_arms = {self.n_arms}: there must be at least 2.")
        known = not isinstance(self.discount, Tracer)
        if known and not 0.0 <= float(self.discount) <= 1.0:
            raise ValueError(f"discount = {self.discount} must be in [0, 1].")

    def reset(self, key: PRNGKeyArray) -> ArmState:
        """At the fork."""
        del key
        return ArmState(jnp.int32(FORK), jnp.zeros((), dtype=float))

    def step(
        self, key: PRNGKeyArray, state: ArmState, action: Int[ArrayLike, ""]
    ) -> ArmState:
        """Turn, or pull an arm."""
        place = jnp.asarray(state.place)
        left = (place == FORK) & (jnp.asarray(action) == LEFT)
        paid = self.mean + self.deviation * jax.random.normal(key, dtype=float)
        over = place == END
        payoff = jnp.where(place == ARMS, paid, jnp.where(over, state.payoff, 0.0))
        return ArmState(jnp.where(left, ARMS, END).astype(jnp.int32), payoff)

    def available(self, observation: Int[ArrayLike, ""]) -> Bool[Array, " action"]:
        """Two actions at the fork, elsewhere all."""
        actions = jnp.arange(self.n_arms, dtype=jnp.int32)
        return (actions <= RIGHT) | (jnp.asarray(observation) != FORK)

    def observe(self, state: ArmState) -> Int[ArrayLike, ""]:
        """The place."""
        return state.place

    def terminated(self, state: ArmState) -> Bool[Array, ""]:
        """At the end."""
        return jnp.asarray(state.place) == END

    def truncated(self, state: ArmState) -> Bool[Array, ""]:
        """Never."""
        return jnp.zeros_like(jnp.asarray(state.place), dtype=bool)

    def transition(
        self, state: ArmState, action: Int[ArrayLike, ""], next_state: ArmState
    ) -> Transition:
        """A step as a reward sees it."""
        payoff = jnp.where(self.terminated(state), 0.0, next_state.payoff)
        ended = self.terminated(next_state)
        return Transition(state, action, next_state, payoff[None], ended)

    def scene(self, state: ArmState) -> ArmState:
        """The state."""
        return state

    @property
    def action_space(self) -> Discrete:
        """As many as arms."""
        return Discrete(self.n_arms)

    @property
    def observation_space(self) -> Discrete:
        """The places."""
        return Discrete(3)

    @property
    def feature_info(self) -> tuple[Feature, ...]:
        """The payoff."""
        return self.features
