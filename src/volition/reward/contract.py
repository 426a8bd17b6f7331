"""The reward contract."""

import abc
from collections.abc import Callable

import equinox as eqx
import jax
from jaxtyping import Array, Float, PyTree

from volition.env import Transition


class AbstractReward(eqx.Module):
    """What one step is worth, in reward units: a frozen pytree, called on a transition.

    Its floating-point arrays are what `fit` learns, unless `learned` says otherwise.
    Check your own with `volition.testing.check_reward`.
    """

    @abc.abstractmethod
    def __call__(self, transition: Transition) -> Float[Array, ""]:
        """The reward of a single transition; batch it with `jax.vmap`."""

    @property
    @abc.abstractmethod
    def feature_names(self) -> tuple[str, ...]:
        """The features that it reads, in the order of a transition; empty for none."""

    def learned(self) -> PyTree[bool]:
        """Which of its leaves `fit` learns: the same tree, of marks."""
        return jax.tree.map(eqx.is_inexact_array, self)

    def abridged(self) -> tuple["AbstractReward", Callable[[Transition], Transition]]:
        """The same reward of transitions that were worked through once, and how.

        For rewards that look at states through what is not learned: the same work need
        not be done at every step of learning. What is learned is the same in both.
        """
        return self, _as_it_is

    def last(self) -> PyTree[bool]:
        """Those of them in which it is linear, whatever the others: all if not said."""
        return self.learned()


def _as_it_is(transition: Transition) -> Transition:
    return transition


def check_features(reward: AbstractReward, feature_names: tuple[str, ...]) -> None:
    """Raise where a reward reads features that an environment does not have.

    It may read some of them, in any order: see `volition.reward.reading`.

    Raises:
        ValueError: naming the first.

    Example:
        >>> from volition.reward import Linear
        >>> check_features(Linear(("speed",)), ("speed",))
    """
    unknown = [name for name in reward.feature_names if name not in feature_names]
    if unknown:
        raise ValueError(
            f"the reward reads the feature {unknown[0]!r}, which the environment does "
            f"not have: give it the environment's feature_names, which are "
            f"{feature_names}."
        )


def other_number(feature_names: tuple[str, ...], n_features: int) -> str:
    """Say that a transition has another number of features than a reward reads."""
    return (
        f"the reward reads the {len(feature_names)} features {feature_names}, and the "
        f"transition has {n_features}: select them by name, "
        "vl.reward.reading(reward, env.feature_names)."
    )
