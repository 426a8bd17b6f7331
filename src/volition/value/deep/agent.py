"""What a deep learner is to the loops: it begins, acts, and learns from rollouts."""

import abc

import equinox as eqx
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from volition.policy import AbstractPolicy
from volition.value.deep.world import Rollout, Spaces, Step


class Stand(eqx.Module):
    """Where learning stands between two stretches: all that is needed to go on.

    Args:
        memory: what the learner remembers.
        where: states of the instances.
        so_far: return of each one's episode in progress, reward units.
        stretch: how many there were.
    """

    memory: PyTree
    where: PyTree
    so_far: Float[Array, "*seed env"]
    stretch: Int[Array, "*seed"]


class AbstractAgent(eqx.Module):
    """A learner with a network: what it remembers, and how a rollout changes that.

    It learns from `n_steps` steps of all instances together, rounded up to whole
    rollouts in `n_stretches` equal stretches. Networks are 32-bit floats, whatever the
    world's precision. A time limit ends an episode but cuts nothing off. Rewards can be
    in any unit, and observations be far smaller than their space claims: both are
    scaled by what was seen, which is part of what is remembered, and of the policy. An
    observation or a reward that is NaN or infinite ends learning with a sentence.
    """

    n_steps: eqx.AbstractVar[int]
    rollout: eqx.AbstractVar[Rollout]
    n_stretches: eqx.AbstractVar[int]

    @abc.abstractmethod
    def begin(self, key: PRNGKeyArray, spaces: Spaces, example: Step) -> PyTree:
        """What is remembered before the first step.

        Args:
            key: consumed.
            spaces: what is seen and what can be done.
            example: a step of each, `[env]`, of which the shapes alone matter.
        """

    @abc.abstractmethod
    def act(
        self, key: PRNGKeyArray, memory: PyTree, observations: PyTree, step: Array
    ) -> Array:
        """An action for each of some observations, with the exploration of a step."""

    @abc.abstractmethod
    def update(
        self, key: PRNGKeyArray, memory: PyTree, seen: Step, step: Array
    ) -> PyTree:
        """What is remembered after a rollout, `[time, env]`."""

    @abc.abstractmethod
    def policy(self, memory: PyTree) -> AbstractPolicy:
        """What it would do without exploring."""

    @property
    def n_rollouts(self) -> int:
        """In each stretch."""
        return -(-self.n_steps // (self.n_stretches * self.rollout.n_steps))
