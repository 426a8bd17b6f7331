"""A plain function as a reward."""

import inspect
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from volition.env import Transition
from volition.reward.contract import AbstractReward


class Function(AbstractReward):
    """A plain function of `(state, action)` or `(state, action, next_state)`.

    It is saved as an import path, so a lambda can be used but not saved.

    Args:
        fn: traceable by JAX; takes the state as the environment describes it to
            rewards; returns reward units.

    Raises:
        ValueError: where it takes neither two nor three arguments.

    Example:
        >>> from volition.env import delivery
        >>> world = delivery()
        >>> reward = Function(lambda state, action: state.row + action)
        >>> float(reward(world.branch_transition(98, 0, 0)))
        9.0
    """

    fn: Callable[..., Any] = eqx.field(static=True)

    def __check_init__(self):
        n_arguments = len(inspect.signature(self.fn).parameters)
        if n_arguments not in (2, 3):
            raise ValueError(
                "a reward function takes (state, action) or (state, action, "
                f"next_state); {self.fn!r} takes {n_arguments} arguments."
            )

    def __call__(self, transition: Transition) -> Float[Array, ""]:
        """The function's value on this transition."""
        arguments = (transition.state, transition.action, transition.next_state)
        n_arguments = len(inspect.signature(self.fn).parameters)
        return jnp.asarray(self.fn(*arguments[:n_arguments]), dtype=float)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """None: it reads the state itself."""
        return ()
