"""Inputs of a reward network: the numbers by which it takes a transition."""

import abc
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, PyTree

from volition.env import AbstractEnvironment, Transition
from volition.env.inputs import Scaled, inputs
from volition.expect import described


class AbstractTransitionInputs(eqx.Module):
    """From a transition to the numbers that a reward network takes."""

    @property
    @abc.abstractmethod
    def size(self) -> int:
        """How many they are."""

    @property
    @abc.abstractmethod
    def feature_names(self) -> tuple[str, ...]:
        """The features that they are made of; empty for none."""

    @abc.abstractmethod
    def __call__(self, transition: Transition) -> Float[Array, " input"]:
        """Those of a single transition, as 32-bit floats."""

    def scaled_by(self, steps: Transition | None) -> "AbstractTransitionInputs":
        """The same, each in `[-1, 1]` over what was seen, where nobody scaled them.

        Args:
            steps: leaves `[step, ...]`; None where none were seen.
        """
        del steps
        return self


class FeatureInputs(AbstractTransitionInputs):
    """The environment's named features, each scaled.

    Args:
        feature_names: the environment's names, in its order.
        scaled: what of each becomes 0, and what 1.

    Raises:
        ValueError: where there are not as many numbers as names.

    Example:
        >>> seen = FeatureInputs.over(("speed",), np.array([[20.0], [30.0]]))
        >>> float(seen.scaled.centre[0]), float(seen.scaled.half[0])
        (25.0, 5.0)
    """

    _feature_names: tuple[str, ...] = eqx.field(static=True)
    scaled: Scaled

    def __init__(self, feature_names: Sequence[str], scaled: Scaled | None = None):
        self._feature_names = tuple(feature_names)
        if scaled is None:
            zeros = jnp.zeros(len(self._feature_names), dtype=jnp.float32)
            scaled = Scaled(zeros, zeros + 1.0)
        self.scaled = scaled

    def __check_init__(self):
        if self.scaled.size != len(self._feature_names):
            raise ValueError(
                f"{len(self._feature_names)} features {self._feature_names} need as "
                f"many scales, not {self.scaled.size}."
            )

    @classmethod
    def over(cls, feature_names: Sequence[str], seen: ArrayLike) -> "FeatureInputs":
        """Each feature in `[-1, 1]` over what was seen; one that never varied is 0.

        Args:
            feature_names: the environment's names, in its order.
            seen: features of some steps, `[..., feature]`.

        Raises:
            ValueError: where nothing was seen, or a feature is not finite.
        """
        rows = np.asarray(seen, dtype=float).reshape(-1, np.shape(seen)[-1])
        if len(rows) == 0 or not np.isfinite(rows).all():
            raise ValueError(
                "features are scaled by some finite ones that were seen: give steps "
                "that were made."
            )
        return cls(feature_names, _scaled(rows))

    def scaled_by(self, steps: Transition | None) -> "FeatureInputs":
        """Over what was seen, where they are still as they were given."""
        given = np.all(self.scaled.centre == 0.0) and np.all(self.scaled.half == 1.0)
        if steps is None or not given:
            return self
        return FeatureInputs.over(self._feature_names, np.asarray(steps.features))

    @property
    def size(self) -> int:
        """As many as features."""
        return self.scaled.size

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features in order."""
        return self._feature_names

    def __call__(self, transition: Transition) -> Float[Array, " input"]:
        """The features, scaled."""
        return self.scaled(jnp.asarray(transition.features))


def _scaled(rows: np.ndarray) -> Scaled:
    """To `[-1, 1]` over rows; what never varied becomes 0."""
    low, high = rows.min(axis=0), rows.max(axis=0)
    half = np.where(high > low, high / 2.0 - low / 2.0, 1.0)
    # Not in 32 bits, which a large offset would fill.
    number = lambda row: jnp.asarray(row, dtype=float)
    return Scaled(number(low / 2.0 + high / 2.0), number(half))


@eqx.filter_jit
def _all(
    inputs: AbstractTransitionInputs, steps: Transition
) -> Float[Array, "step input"]:
    return jax.vmap(inputs)(steps)


class StepInputs(AbstractTransitionInputs):
    """What is seen before a step, what is done, what is seen after it, and its end.

    Observations and actions are scaled by the bounds of their spaces.

    Args:
        env: the world, by whose `observe` states are seen.
        before: whether the observation before the step is taken.
        action: whether the action is.
        after: whether the observation after the step is, and whether the outcome ended
            the episode.

    Raises:
        ValueError: where nothing is taken.

    Example:
        >>> from volition.env import CartPole
        >>> StepInputs(CartPole()).size  # 4 + 2 + 4 + 1
        11
    """

    env: AbstractEnvironment
    before: bool = eqx.field(static=True, default=True)
    action: bool = eqx.field(static=True, default=True)
    after: bool = eqx.field(static=True, default=True)

    def __check_init__(self):
        if not (self.before or self.action or self.after):
            raise ValueError("a reward network takes something: before, action, after.")

    def scaled_by(self, steps: Transition | None) -> AbstractTransitionInputs:
        """Each by what was seen of it."""
        if steps is None:
            return self
        seen = np.asarray(_all(self, steps), dtype=float)
        if not np.isfinite(seen).all():
            raise ValueError(
                f"{int((~np.isfinite(seen)).sum())} numbers that the reward network "
                "takes of the steps asked about are not finite: mend the observations."
            )
        return SeenInputs(self, _scaled(seen))

    @property
    def size(self) -> int:
        """Of those taken together."""
        seen = inputs(self.env.observation_space).size
        done = inputs(self.env.action_space).size
        return self.before * seen + self.action * done + self.after * (seen + 1)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """None: it looks at states."""
        return ()

    def __call__(self, transition: Transition) -> Float[Array, " input"]:
        """The parts, one after the other."""
        seen = inputs(self.env.observation_space)
        parts = []
        if self.before:
            parts.append(seen(self._observed(transition.state)))
        if self.action:
            parts.append(inputs(self.env.action_space)(transition.action))
        if self.after:
            ended = jnp.asarray(transition.terminated).astype(jnp.float32)
            parts += [seen(self._observed(transition.next_state)), ended[None]]
        return jnp.concatenate(parts)

    def _observed(self, state: PyTree) -> PyTree:
        """What is seen of a state; an observation in its place is seen as it is.

        The same world elsewhere, such as Gymnasium's own, shows rewards observations.
        """
        try:
            return self.env.observe(state)
        except (AttributeError, TypeError) as error:
            shape = getattr(self.env.observation_space, "shape", ())
            if getattr(state, "shape", None) == shape:
                return state
            raise TypeError(
                f"the reward looks at states of {type(self.env).__name__}, or at its "
                f"observations of shape {shape}, and was shown {described(state)}: use "
                "it in that world."
            ) from error


class SeenInputs(AbstractTransitionInputs):
    """Other inputs, each in `[-1, 1]` over the steps that were seen.

    A space may claim far more than is ever seen, or claim no bounds.

    Args:
        inner: the others.
        scaled: what of each becomes 0, and what 1.
    """

    inner: AbstractTransitionInputs
    scaled: Scaled

    @property
    def size(self) -> int:
        """As many as the others."""
        return self.scaled.size

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Those of the others."""
        return self.inner.feature_names

    def __call__(self, transition: Transition) -> Float[Array, " input"]:
        """The others, scaled."""
        return self.scaled(self.inner(transition))


class GivenInputs(AbstractTransitionInputs):
    """Features that are the inputs as they are: what `Network.abridged` leaves.

    Args:
        n: how many.
    """

    n: int = eqx.field(static=True)

    @property
    def size(self) -> int:
        """As many as given."""
        return self.n

    @property
    def feature_names(self) -> tuple[str, ...]:
        """None of an environment's."""
        return ()

    def __call__(self, transition: Transition) -> Float[Array, " input"]:
        """The features."""
        return jnp.asarray(transition.features)
