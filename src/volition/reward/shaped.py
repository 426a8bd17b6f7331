"""Potential-based shaping."""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from volition.env import Transition
from volition.reward.contract import AbstractReward


class Shaped(AbstractReward):
    """A reward with a potential added, which changes no optimal policy.

    `r'(s, a, s') = r(s, a, s') + discount * potential(s') - potential(s)`

    Args:
        reward: what is shaped.
        potential: reward units, `[state]`; taken as 0 where the episode ended.
        discount: the environment's, in `[0, 1]`.

    Example:
        >>> from volition.env import delivery
        >>> from volition.reward import Tabular
        >>> shaped = Shaped(Tabular(jnp.zeros(100)), jnp.arange(100.0), 0.5)
        >>> float(shaped(delivery().branch_transition(98, 0, 0)))  # up: to state 88
        -54.0

    Source: A. Y. Ng, D. Harada, S. Russell, "Policy invariance under reward
    transformations", ICML 1999, theorem 1.
    """

    reward: AbstractReward
    potential: Float[Array, " state"]
    discount: Float[Array, ""]

    def __init__(
        self, reward: AbstractReward, potential: ArrayLike, discount: ArrayLike
    ):
        self.reward = reward
        self.potential = jnp.asarray(potential, dtype=float)
        self.discount = jnp.asarray(discount, dtype=float)

    def __call__(self, transition: Transition) -> Float[Array, ""]:
        """The shaped reward of one transition."""
        ahead = jnp.where(
            jnp.asarray(transition.terminated),
            0.0,
            self.potential[transition.next_state.index],
        )
        behind = self.potential[transition.state.index]
        return self.reward(transition) + self.discount * ahead - behind

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Those of the reward inside."""
        return self.reward.feature_names

    def check_size(self, n_states: int, n_actions: int) -> None:
        """Raise where the world has other states than the potential."""
        if self.potential.shape != (n_states,):
            raise ValueError(
                f"the potential of the shaped reward has the shape "
                f"{self.potential.shape}, but the world has {n_states} states: give it "
                "a number for each."
            )
        self.reward.check_size(n_states, n_actions)
