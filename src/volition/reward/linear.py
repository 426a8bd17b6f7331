"""Rewards that are linear in named features."""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from volition.env import Transition
from volition.env.leaf import in_range
from volition.reward.contract import AbstractReward, other_number


class Linear(AbstractReward):
    """A weighted sum of the environment's named features: `r = weights . features`.

    Args:
        feature_names: of the features that it reads: all of the environment's, or some,
            in any order.
        weights: reward units per unit of each feature, `[feature]`; zeros if left out.

    Raises:
        ValueError: where the numbers of names and weights differ, a name is twice, or a
            weight is too large or too small for the precision that JAX is set to.

    Example:
        >>> reward = Linear(("speed", "collision"), [1.0, -50.0])
        >>> print(reward)
        1 speed - 50 collision
    """

    _feature_names: tuple[str, ...] = eqx.field(static=True)
    weights: Float[Array, " feature"]

    def __init__(
        self, feature_names: Sequence[str], weights: ArrayLike | Sequence | None = None
    ):
        self._feature_names = tuple(feature_names)
        if weights is None:
            weights = jnp.zeros(len(self._feature_names))
        self.weights = in_range("a weight of a linear reward", weights)

    def __check_init__(self):
        names = self._feature_names
        if self.weights.shape != (len(names),):
            raise ValueError(
                f"{len(names)} features {names} need as many weights, not an array of "
                f"shape {self.weights.shape}."
            )
        if len(set(names)) != len(names):
            raise ValueError(f"a feature is named twice in {names}.")

    def __call__(self, transition: Transition) -> Float[Array, ""]:
        """The weighted sum for one transition."""
        features = jnp.asarray(transition.features)
        if features.shape[-1] != len(self._feature_names):
            raise ValueError(other_number(self._feature_names, features.shape[-1]))
        # A product of matrices once it is batched, which is ten times as fast as a sum.
        return jnp.dot(features.astype(self.weights.dtype), self.weights)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features in the order of the weights."""
        return self._feature_names

    def __str__(self) -> str:
        terms = [
            f"{'-' if weight < 0 else '+'} {abs(float(weight)):.4g} {name}"
            for name, weight in zip(self._feature_names, self.weights, strict=True)
        ]
        return " ".join(terms).removeprefix("+ ") or "0"
