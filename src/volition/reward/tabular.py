"""Rewards that are a table over a finite world."""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from volition.env import Transition
from volition.env.leaf import count, in_range
from volition.reward.contract import AbstractReward


class Tabular(AbstractReward):
    """A number for each state, each state and action, or each full transition.

    Args:
        values: reward units, `[state]` (the state that is left), `[state, action]`, or
            `[state, action, next state]`.

    Raises:
        ValueError: for any other number of axes, or a number that is too large or too
            small for the precision that JAX is set to. Every verb that takes a world,
            too, refuses a table of another size.

    Example:
        >>> import jax.numpy as jnp
        >>> from volition.env import delivery
        >>> reward = Tabular(jnp.arange(100.0))
        >>> float(reward(delivery().branch_transition(98, 0, 0)))
        98.0
    """

    values: Float[Array, "..."]

    def __init__(self, values: ArrayLike):
        self.values = in_range("a tabular reward", values)

    def __check_init__(self):
        if not 1 <= self.values.ndim <= 3:
            raise ValueError(
                "a tabular reward is [state], [state, action] or [state, action, next "
                f"state], not an array of shape {self.values.shape}."
            )

    def __call__(self, transition: Transition) -> Float[Array, ""]:
        """The entry of this transition; NaN where the table has none."""
        position = (
            transition.state.index,
            transition.action,
            transition.next_state.index,
        )[: self.values.ndim]
        entry = self.values.at[tuple(count(place) for place in position)]
        # NaN where there is none: what lies next to it would be a number made up.
        return entry.get(mode="fill", fill_value=jnp.nan)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """None: it reads the state's number."""
        return ()

    def check_size(self, n_states: int, n_actions: int) -> None:
        """Raise where the world has other states or actions."""
        sizes = (n_states, n_actions, n_states)[: self.values.ndim]
        if self.values.shape != sizes:
            raise ValueError(
                f"the tabular reward has the shape {self.values.shape}, but the world "
                f"has {n_states} states and {n_actions} actions: give it values of the "
                f"shape {sizes}."
            )
