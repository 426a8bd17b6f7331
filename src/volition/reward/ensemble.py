"""Several rewards at once."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from volition.env import Transition
from volition.reward.contract import AbstractReward


class Ensemble(AbstractReward):
    """The mean of several rewards of one form.

    `r = mean over members of r_member`: of networks, not the network of the mean
    weights.

    Args:
        members: a batch of rewards, leaves `[member, ...]`.

    Example:
        >>> from volition.reward import Linear
        >>> one = lambda weight: Linear(("speed",), jnp.array([weight]))
        >>> both = jax.vmap(one)(jnp.array([1.0, 4.0]))
        >>> from volition.env import Transition
        >>> step = Transition(None, 0, None, jnp.array([2.0]), False)
        >>> float(Ensemble(both)(step)), float(Ensemble(both).spread(step))
        (5.0, 3.0)
    """

    members: AbstractReward

    def __call__(self, transition: Transition) -> Float[Array, ""]:
        """The mean."""
        return jnp.mean(self.each(transition))

    def each(self, transition: Transition) -> Float[Array, " member"]:
        """What each member says."""
        return jax.vmap(lambda member: member(transition))(self.members)

    def spread(self, transition: Transition) -> Float[Array, ""]:
        """The standard deviation among the members, reward units."""
        return jnp.std(self.each(transition))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Those of the members."""
        return self.members.feature_names

    def check_size(self, n_states: int, n_actions: int) -> None:
        """As each member."""

        def one(member: AbstractReward) -> Float[Array, ""]:
            member.check_size(n_states, n_actions)
            return jnp.zeros(())

        eqx.filter_eval_shape(eqx.filter_vmap(one), self.members)

    def learned(self) -> PyTree[bool]:
        """What of the members is."""
        return eqx.tree_at(lambda marks: marks.members, self, self.members.learned())
