"""The environment contract, and the transition that every reward is a function of."""

import abc
from typing import Any

import equinox as eqx
from jaxtyping import Array, ArrayLike, Bool, Float, PRNGKeyArray, PyTree

from volition.env.spaces import Space


class Feature(eqx.Module):
    """A named quantity that an environment reports for every transition.

    Args:
        name: short and unique within an environment.
        unit: its unit; "1" for an indicator or a count.
        meaning: one sentence.
        harm: whether the world names it as a harm: above 0 it is one, whatever a
            reward pays for it. An audit checks whether policies bring it about.
        irrelevant: whether no reward should depend on it.
        sensor_of: the name of the feature that it measures, where what is measured and
            what is can differ; empty where it is no sensor.
        intended: reward units that a unit of it is worth by the world's source, which
            states what is wanted there; None where it states nothing. An audit then
            knows what is wanted, see `volition.reward.intended`.

    Example:
        >>> Feature("speed", "m/s", "speed along the lane").name
        'speed'
    """

    name: str = eqx.field(static=True)
    unit: str = eqx.field(static=True)
    meaning: str = eqx.field(static=True)
    harm: bool = eqx.field(static=True, default=False, kw_only=True)
    irrelevant: bool = eqx.field(static=True, default=False, kw_only=True)
    sensor_of: str = eqx.field(static=True, default="", kw_only=True)
    intended: float | None = eqx.field(static=True, default=None, kw_only=True)


class Transition(eqx.Module):
    """One step of what happened: the argument of every reward.

    Args:
        state: where it began, as the environment describes states to rewards.
        action: what was done.
        next_state: where it led.
        features: the environment's named features of this step, `[feature]`.
        terminated: whether the outcome ended the episode (never a time limit).
    """

    state: PyTree
    action: Any
    next_state: PyTree
    features: Float[ArrayLike, "*batch feature"]
    terminated: Bool[ArrayLike, "*batch"]


class AbstractEnvironment(eqx.Module):
    """A world without a reward: a frozen pytree of its own parameters.

    It describes one instance and is functional; batch it with `jax.vmap`. Time limits
    truncate, outcomes terminate, and the two are never merged. Check your own with
    `volition.testing.check_env`.
    """

    discount: eqx.AbstractVar[ArrayLike]

    @abc.abstractmethod
    def reset(self, key: PRNGKeyArray) -> PyTree:
        """Draw the state in which an episode begins."""

    @abc.abstractmethod
    def step(self, key: PRNGKeyArray, state: PyTree, action: Any) -> PyTree:
        """Draw the next state; a terminated state stays as it is."""

    @abc.abstractmethod
    def observe(self, state: PyTree) -> PyTree:
        """What a policy sees of a state."""

    @abc.abstractmethod
    def terminated(self, state: PyTree) -> Bool[Array, ""]:
        """Whether an outcome has ended the episode in this state."""

    @abc.abstractmethod
    def truncated(self, state: PyTree) -> Bool[Array, ""]:
        """Whether a time limit has cut the episode off in this state."""

    @abc.abstractmethod
    def transition(self, state: PyTree, action: Any, next_state: PyTree) -> Transition:
        """Describe a step to a reward."""

    @abc.abstractmethod
    def scene(self, state: PyTree) -> PyTree:
        """What is needed to draw this state."""

    @property
    @abc.abstractmethod
    def action_space(self) -> Space:
        """What an action can be."""

    @property
    @abc.abstractmethod
    def observation_space(self) -> Space:
        """What an observation can be."""

    @property
    @abc.abstractmethod
    def feature_info(self) -> tuple[Feature, ...]:
        """The features of a transition, in the order of `Transition.features`."""

    def available(self, observation: PyTree) -> Bool[Array, " action"] | None:
        """Which of the numbered actions can be taken; None where all always can.

        It goes by the observation, so that whoever acts can know it. What the others
        would do is up to the world.
        """
        del observation

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the features, in order."""
        return tuple(feature.name for feature in self.feature_info)
