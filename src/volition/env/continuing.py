"""A world in which nothing ends what can be earned."""

from typing import Any

import equinox as eqx
from jaxtyping import Array, ArrayLike, Bool, PRNGKeyArray, PyTree

from volition.env.environment import AbstractEnvironment, Feature, Transition
from volition.env.spaces import Space


class Continuing(AbstractEnvironment):
    """The same world, whose episodes are cut off where they would end.

    An outcome that ends an episode costs all that could be earned after it, beside what
    a reward says of it. Here the two come apart: an outcome costs what the reward says,
    and the future is taken to be as good as from any state like it, as if the next
    episode went on from there (a continuing task).

    Args:
        env: whose outcomes become cuts.

    Example:
        >>> import jax
        >>> from volition.env import CartPole
        >>> env = Continuing(CartPole())
        >>> fallen = eqx.tree_at(
        ...     lambda s: s.position, env.reset(jax.random.key(0)), 9.0
        ... )
        >>> bool(env.env.terminated(fallen)), bool(env.terminated(fallen))
        (True, False)
        >>> bool(env.truncated(fallen))
        True

    Source: R. Sutton and A. Barto, Reinforcement Learning, 2018, section 3.4; F. Pardo
    et al., "Time Limits in Reinforcement Learning", 2018, eq. 6, on bootstrapping at a
    cut.
    """

    env: AbstractEnvironment
    discount: ArrayLike

    def __init__(self, env: AbstractEnvironment):
        self.env, self.discount = env, env.discount

    def reset(self, key: PRNGKeyArray) -> PyTree:
        """As there."""
        return self.env.reset(key)

    def step(self, key: PRNGKeyArray, state: PyTree, action: Any) -> PyTree:
        """As there; a state that is over there stays as it is."""
        return self.env.step(key, state, action)

    def observe(self, state: PyTree) -> PyTree:
        """As there."""
        return self.env.observe(state)

    def terminated(self, state: PyTree) -> Bool[Array, ""]:
        """Never."""
        over = self.env.terminated(state)
        return over & ~over

    def truncated(self, state: PyTree) -> Bool[Array, ""]:
        """Where the episode is over there, for either reason."""
        return self.env.terminated(state) | self.env.truncated(state)

    def transition(self, state: PyTree, action: Any, next_state: PyTree) -> Transition:
        """As there, but that no outcome has ended the episode."""
        made = self.env.transition(state, action, next_state)
        return eqx.tree_at(
            lambda one: one.terminated, made, self.terminated(next_state)
        )

    def scene(self, state: PyTree) -> PyTree:
        """As there."""
        return self.env.scene(state)

    @property
    def action_space(self) -> Space:
        """As there."""
        return self.env.action_space

    @property
    def observation_space(self) -> Space:
        """As there."""
        return self.env.observation_space

    @property
    def feature_info(self) -> tuple[Feature, ...]:
        """As there."""
        return self.env.feature_info

    def available(self, observation: PyTree) -> Bool[Array, " action"] | None:
        """As there."""
        return self.env.available(observation)
