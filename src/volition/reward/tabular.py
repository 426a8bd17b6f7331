"""Rewards that are a table over a finite world."""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from volition.env import Transition
from volition.reward.contract import AbstractReward


class Tabular(AbstractReward):
    """A number for each state, each state and action, or each full transition.

    Args:
        values: reward units, `[state]` (the state that is left), `[state, action]`, or
            `[state, action, next state]`.

    Raises:
        ValueError: for any other number of axes.

    Example:
        >>> from volition.env import delivery
        >>> reward = Tabular(jnp.arange(100.0))
        >>> float(reward(delivery().branch_transition(98, 0, 0)))
        98.0
    """

    values: Float[Array, "..."]

    def __init__(self, values: ArrayLike):
        self.values = jnp.asarray(values, dtype=float)

    def __check_init__(self):
        if not 1 <= self.values.ndim <= 3:
            raise ValueError(
                "a tabular reward is [state], [state, action] or [state, action, next "
                f"state], not an array of shape {self.values.shape}."
            )

    def __call__(self, transition: Transition) -> Float[Array, ""]:
        """The entry of this transition."""
        position = (
            transition.state.index,
            transition.action,
            transition.next_state.index,
        )
        return self.values[position[: self.values.ndim]]

    @property
    def feature_names(self) -> tuple[str, ...]:
        """None: it reads the state's number."""
        return ()
