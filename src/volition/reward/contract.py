"""The reward contract."""

import abc
from collections.abc import Callable

import equinox as eqx
import jax
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, PyTree

from volition.env import FiniteMDP, Transition


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

    def check_size(self, n_states: int, n_actions: int) -> None:
        """Raise where it is a table for a world of another size; most are none.

        Raises:
            ValueError: with both sizes.
        """
        del n_states, n_actions

    @property
    def single_precision(self) -> bool:
        """Whether it computes in 32 bits, whatever the precision of everything else."""
        return False

    def prior_scale(self) -> Float[Array, " parameter"] | None:
        """Standard deviation of each learned number under the prior of this form.

        None where the data say: then `fit` takes 10 reward units over the range of each
        feature.
        """
        return None

    def with_inputs_scaled(self, steps: Transition | None) -> "AbstractReward":
        """The same form, with inputs of its own scaled by steps that were seen.

        Args:
            steps: leaves `[step, ...]`; None where none were seen.
        """
        del steps
        return self


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


def check_world(reward: AbstractReward, env: FiniteMDP) -> None:
    """Raise where a reward does not fit a finite world: other features, another size.

    Raises:
        ValueError: naming what differs.

    Example:
        >>> from volition.env import delivery
        >>> from volition.reward import Tabular
        >>> check_world(Tabular(np.zeros(100)), delivery())
    """
    check_features(reward, env.feature_names)
    reward.check_size(env.n_states, env.n_actions)


def not_finite(reward: AbstractReward) -> str:
    """What of a reward is NaN or infinite, to go on in a sentence; empty for nothing.

    Example:
        >>> from volition.reward import Linear
        >>> not_finite(Linear(("speed", "jerk"), [1.0, float("inf")]))
        ", as its weight of 'jerk' is inf"
    """
    for path, leaf in jax.tree.leaves_with_path(reward):
        if not eqx.is_inexact_array(leaf) or isinstance(leaf, Tracer):
            continue
        numbers = np.asarray(leaf)
        wrong = np.argwhere(~np.isfinite(numbers))
        if len(wrong) == 0:
            continue
        place = tuple(int(number) for number in wrong[0])
        name = jax.tree_util.keystr(path).removeprefix(".")
        names = reward.feature_names
        if name == "weights" and numbers.shape == (len(names),):
            return f", as its weight of {names[place[0]]!r} is {numbers[place]}"
        at = f"[{', '.join(map(str, place))}]" if place else ""
        return f", as its {name}{at} is {numbers[place]}"
    return ""
