"""A world of which the answer is known, to find out whether a learner learns."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Int, PRNGKeyArray

from volition.env import AbstractEnvironment, Box, Discrete, Feature, Transition


def _real(value: ArrayLike) -> Array:
    return jnp.asarray(value, dtype=float)


class KnownState(eqx.Module):
    """What there is to know.

    Args:
        sign: -1 or 1, the same for the whole episode.
        time: steps made.
    """

    sign: Float[ArrayLike, "*batch"]
    time: Int[ArrayLike, "*batch"]


class KnownAnswer(AbstractEnvironment):
    """Episodes of a fixed length in which nothing changes but the time.

    A coin decides a sign, which is seen, as is the time unless it is hidden. With a
    reward that is linear in the features the values can be written down: 1 for `step`
    is worth `1 + discount + ...` to the end of the episode where an outcome ends it,
    and `1 / (1 - discount)` where a time limit does and time is hidden.

    Args:
        length: steps of an episode.
        truncates: whether a time limit ends it, and not an outcome.
        hidden: whether the time is not seen.
        continuous: whether the action is a real number in `[-2, 2]`; otherwise it is 0
            or 1.
        discount: in `[0, 1]`, per step.

    Example:
        >>> world = KnownAnswer(length=1)
        >>> state = world.step(jax.random.key(0), KnownState(-1.0, 0), 1)
        >>> bool(world.terminated(state)), world.observe(state).tolist()
        (True, [-1.0, 1.0])

    Source: the idea, A. Jones, "Debugging RL, Without the Agonizing Pain", 2020.
    """

    length: Int[Array, ""] = eqx.field(
        converter=lambda value: jnp.asarray(value, dtype=jnp.int32), default=1
    )
    truncates: Bool[Array, ""] = eqx.field(
        converter=jnp.asarray, default=False, kw_only=True
    )
    hidden: Bool[Array, ""] = eqx.field(
        converter=jnp.asarray, default=False, kw_only=True
    )
    continuous: bool = eqx.field(static=True, default=False, kw_only=True)
    discount: Float[Array, ""] = eqx.field(converter=_real, default=0.5, kw_only=True)

    features: ClassVar[tuple[Feature, ...]] = (
        Feature("step", "1", "1 for every step"),
        Feature("last", "1", "1 for the step that ends the episode"),
        Feature("sign", "1", "the sign"),
        Feature("action", "1", "-1 or 1 by the action, or the action itself"),
        Feature("both", "1", "sign times action"),
        Feature("square", "1", "square of the action"),
    )

    def reset(self, key: PRNGKeyArray) -> KnownState:
        """Toss the coin."""
        up = jax.random.bernoulli(key)
        return KnownState(jnp.where(up, 1.0, -1.0).astype(float), jnp.int32(0))

    def step(
        self, key: PRNGKeyArray, state: KnownState, action: ArrayLike
    ) -> KnownState:
        """Time passes until it is over."""
        del key, action
        time = jnp.minimum(jnp.asarray(state.time) + 1, self.length)
        return KnownState(state.sign, time.astype(jnp.int32))

    def observe(self, state: KnownState) -> Float[Array, "2"]:
        """The sign, and the share of the time."""
        share = jnp.asarray(state.time).astype(float) / self.length.astype(float)
        seen = jnp.where(self.hidden, 0.0, share)
        return jnp.stack([jnp.asarray(state.sign).astype(float), seen])

    def terminated(self, state: KnownState) -> Bool[Array, ""]:
        """Whether an outcome ended it."""
        return (jnp.asarray(state.time) >= self.length) & ~self.truncates

    def truncated(self, state: KnownState) -> Bool[Array, ""]:
        """Whether the time limit did."""
        return (jnp.asarray(state.time) >= self.length) & self.truncates

    def transition(
        self, state: KnownState, action: ArrayLike, next_state: KnownState
    ) -> Transition:
        """A step as a reward sees it."""
        done = jnp.asarray(action).astype(float).reshape(())
        done = done if self.continuous else 2.0 * done - 1.0
        sign = jnp.asarray(state.sign).astype(float)
        on = (~self.terminated(state)).astype(float)
        last = (jnp.asarray(next_state.time) >= self.length).astype(float)
        one = jnp.ones((), dtype=float)
        features = jnp.stack([one, last, sign, done, sign * done, done**2])
        ended = self.terminated(next_state)
        return Transition(state, action, next_state, on * features, ended)

    def scene(self, state: KnownState) -> KnownState:
        """The state."""
        return state

    @property
    def action_space(self) -> Discrete | Box:
        """One of two, or a real number."""
        return Box(-2.0, 2.0, (1,)) if self.continuous else Discrete(2)

    @property
    def observation_space(self) -> Box:
        """Sign and time."""
        return Box((-1.0, 0.0), (1.0, 1.0), (2,))

    @property
    def feature_info(self) -> tuple[Feature, ...]:
        """What can be paid for."""
        return self.features
