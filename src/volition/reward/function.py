"""A plain function as a reward."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from volition.env import Transition
from volition.reward.contract import AbstractReward, other_number


class Function(AbstractReward):
    """A plain function of `(state, action)` or `(state, action, next_state)`.

    With `features`, it is one of the values of those features instead, in that order;
    the world may have others besides. It is saved as an import path, so a lambda can be
    used but not saved.

    Args:
        fn: traceable by JAX; takes the state as the environment describes it to
            rewards, or the features; returns reward units.
        features: the names of the features that it takes; none if left out.

    Raises:
        ValueError: where it takes neither two nor three arguments; or not one for each
            feature.

    Example:
        >>> from volition.env import delivery
        >>> world = delivery()
        >>> reward = Function(lambda state, action: state.row + action)
        >>> float(reward(world.branch_transition(98, 0, 0)))
        9.0
        >>> thrifty = Function(
        ...     lambda goal, gas: 50 * goal - gas, features=("goal", "gas")
        ... )
        >>> from volition.value import plan
        >>> float(plan(world, thrifty).value.max())
        50.0
    """

    fn: Callable[..., Any] = eqx.field(static=True)
    features: tuple[str, ...] = eqx.field(static=True)

    def __init__(self, fn: Callable[..., Any], *, features: Sequence[str] = ()):
        if isinstance(features, str):
            raise TypeError(
                f"features is the str {features!r}: give a tuple of names, "
                f"({features!r},)."
            )
        self.fn, self.features = fn, tuple(features)

    def __check_init__(self):
        if not callable(self.fn):
            raise TypeError(
                f"fn is of type {type(self.fn).__name__}: give a function of (state, "
                "action)."
            )
        n_arguments = len(inspect.signature(self.fn).parameters)
        if self.features and n_arguments != len(self.features):
            raise ValueError(
                f"a reward function of the features {self.features} takes one argument "
                f"for each; {self.fn!r} takes {n_arguments}."
            )
        if not self.features and n_arguments not in (2, 3):
            raise ValueError(
                "a reward function takes (state, action) or (state, action, "
                f"next_state); {self.fn!r} takes {n_arguments} arguments: name the "
                "features that it takes with features=(...)."
            )

    def __call__(self, transition: Transition) -> Float[Array, ""]:
        """The function's value on this transition."""
        if self.features:
            values = jnp.asarray(transition.features)
            if values.shape[-1] != len(self.features):
                raise ValueError(other_number(self.features, values.shape[-1]))
            paid = self.fn(*(values[..., place] for place in range(len(self.features))))
            return jnp.asarray(paid, dtype=float)
        arguments = (transition.state, transition.action, transition.next_state)
        n_arguments = len(inspect.signature(self.fn).parameters)
        return jnp.asarray(self.fn(*arguments[:n_arguments]), dtype=float)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features that it takes; none where it reads the state itself."""
        return self.features
