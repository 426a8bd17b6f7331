"""A reward in other units."""

import equinox as eqx
import jax
from jaxtyping import Array, ArrayLike, Float, PyTree

from volition.env import Transition
from volition.env.leaf import check_positive, real
from volition.reward.contract import AbstractReward


class Scaled(AbstractReward):
    """A reward times a positive number, which changes no optimal policy.

    Learners with networks want rewards of about 1. Nothing may be added for that: where
    episodes end, a constant is what staying alive is worth.

    Args:
        reward: what is scaled.
        factor: above 0.

    Raises:
        ValueError: for a factor that is not.

    Example:
        >>> from volition.reward import Linear
        >>> step = Transition(None, 0, None, jax.numpy.array([3.0]), False)
        >>> float(Scaled(Linear(("speed",), [1.0]), 0.5)(step))
        1.5
    """

    reward: AbstractReward
    factor: Float[Array, ""]

    def __init__(self, reward: AbstractReward, factor: ArrayLike):
        self.reward = reward
        self.factor = real(factor)

    def __check_init__(self):
        check_positive("factor", self.factor)

    def __call__(self, transition: Transition) -> Float[Array, ""]:
        """The product."""
        return self.factor * self.reward(transition)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Those of the reward inside."""
        return self.reward.feature_names

    def check_size(self, n_states: int, n_actions: int) -> None:
        """As the reward inside."""
        self.reward.check_size(n_states, n_actions)

    @property
    def single_precision(self) -> bool:
        """As the reward inside."""
        return self.reward.single_precision

    def prior_scale(self) -> Float[Array, " parameter"] | None:
        """That of the reward inside."""
        return self.reward.prior_scale()

    def with_inputs_scaled(self, steps: Transition | None) -> "Scaled":
        """With the inputs of the reward inside scaled."""
        inside = self.reward.with_inputs_scaled(steps)
        return eqx.tree_at(lambda one: one.reward, self, inside)

    def learned(self) -> PyTree[bool]:
        """What of the reward inside is; not the factor."""
        nothing = jax.tree.map(lambda leaf: False, self)
        return eqx.tree_at(lambda marks: marks.reward, nothing, self.reward.learned())
