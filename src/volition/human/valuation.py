"""Valuations: what an option is worth to a person under a reward, in reward units."""

import abc
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from volition.env import FiniteMDP
from volition.human.parameter import AbstractParameter, Fraction
from volition.policy import Segment
from volition.reward import AbstractReward
from volition.value import (
    AbstractPlanner,
    PolicyIteration,
    expected_reward,
    optimal_value,
)

Worth = Callable[[Segment], Float[Array, ""]]


class AbstractValuation(eqx.Module):
    """What an option is worth to a person."""

    @abc.abstractmethod
    def prepare(self, reward: AbstractReward) -> Worth:
        """Do the work that is needed once per reward; return what values a segment.

        The function returned is a pytree and values a single segment.
        """


def partial_return(reward: AbstractReward, segment: Segment) -> Float[Array, ""]:
    """The sum of the rewards of a single segment, nothing behind its end.

    Example:
        >>> from volition import env, policy, reward
        >>> seen = policy.episode(
        ...     jax.random.key(1), env.delivery(), policy.Random(4), 3
        ... )
        >>> float(partial_return(reward.delivery_true(), seen)) < 0
        True
    """
    rewards = jax.vmap(reward)(segment.transition)
    # Simulators may be of another precision than rewards.
    weight = segment.weight.astype(rewards.dtype)
    return jnp.sum(jnp.where(weight > 0, weight * rewards, 0.0))


def value_change(values: Float[Array, " state"], segment: Segment) -> Float[Array, ""]:
    """By how much a single segment raised the value of where things stand.

    `v(end) - v(start)`, with `v(end) = 0` where the episode ended.

    Args:
        values: of each state, reward units, `[state]`.
        segment: a single segment of a finite world.
    """
    after = jnp.where(segment.ended, 0.0, values[segment.end.index])
    return after - values[segment.start.index]


class PartialReturn(AbstractValuation):
    """A segment is worth the sum of its rewards: `sum over t of r_t`.

    Source: P. Christiano et al., "Deep reinforcement learning from human preferences",
    2017, equation 1.
    """

    def prepare(self, reward: AbstractReward) -> Worth:
        """Nothing to prepare."""
        return jax.tree_util.Partial(partial_return, reward)


class Discounted(AbstractValuation):
    """Early steps count more: `sum over t of discount^t r_t`.

    Args:
        discount: per step, in `(0, 1)`.
    """

    discount: AbstractParameter = eqx.field(default_factory=lambda: Fraction(0.9))

    def prepare(self, reward: AbstractReward) -> Worth:
        """Nothing to prepare."""
        return jax.tree_util.Partial(_faded, reward, self.discount.value, 1.0)


class Myopic(AbstractValuation):
    """What was seen last counts most: `sum over t of discount^(length - 1 - t) r_t`.

    Args:
        discount: per step back in time, in `(0, 1)`.

    Source: K. Lee et al., "B-Pref", NeurIPS 2021, section 4.2.
    """

    discount: AbstractParameter = eqx.field(default_factory=lambda: Fraction(0.9))

    def prepare(self, reward: AbstractReward) -> Worth:
        """Nothing to prepare."""
        return jax.tree_util.Partial(_faded, reward, self.discount.value, 0.0)


def _faded(reward, discount, forward, segment):
    """The sum of rewards, fading forwards in time (1) or backwards (0)."""
    length = segment.weight.shape[0]
    steps = jnp.arange(length, dtype=segment.weight.dtype)
    ago = forward * steps + (1.0 - forward) * (length - 1 - steps)
    faded = segment.weight * jnp.power(discount, ago)
    return partial_return(reward, eqx.tree_at(lambda s: s.weight, segment, faded))


def _foresighted(reward, values, share, segment):
    return partial_return(reward, segment) + share * value_change(values, segment)


class Regret(AbstractValuation):
    """A segment is worth its negated regret: what it paid and what it left to be had.

    `sum over t of r_t + V*(end) - V*(start)`, with `V*` of the same reward. An optimal
    segment is worth 0 and no segment of a deterministic world is worth more.

    Args:
        env: the finite world that the segments are from.
        planner: how `V*` is found.
        discount: what the person plans with; the world's if left out.

    Source: W. B. Knox et al., arXiv 2206.02231, equation 3. Differs: the sum over the
    segment is not discounted, as in their experiments.
    """

    env: FiniteMDP
    planner: AbstractPlanner

    def __init__(
        self,
        env: FiniteMDP,
        planner: AbstractPlanner | None = None,
        *,
        discount: ArrayLike | None = None,
    ):
        self.env = at_discount(env, discount)
        self.planner = PolicyIteration() if planner is None else planner

    def prepare(self, reward: AbstractReward) -> Worth:
        """Plan."""
        values = optimal_value(
            self.planner, self.env, expected_reward(self.env, reward)
        )
        return jax.tree_util.Partial(_foresighted, reward, values, 1.0)


class Foresight(AbstractValuation):
    """Between partial return and regret: part of what comes after is seen.

    `sum over t of r_t + share * (V*(end) - V*(start))`: a share of 0 is the partial
    return, 1 is the regret. People who look at a short path think of some, not all, of
    where it leads; how much is inferred with the reward.

    Args:
        env: the finite world that the segments are from.
        planner: how `V*` is found.
        share: in `(0, 1)`.
        discount: what the person plans with; the world's if left out.

    Source: ours, the line between the two models of W. B. Knox et al., arXiv
    2206.02231, sections 2.2 and 3.
    """

    env: FiniteMDP
    planner: AbstractPlanner
    share: AbstractParameter

    def __init__(
        self,
        env: FiniteMDP,
        planner: AbstractPlanner | None = None,
        *,
        share: AbstractParameter | None = None,
        discount: ArrayLike | None = None,
    ):
        self.env = at_discount(env, discount)
        self.planner = PolicyIteration() if planner is None else planner
        self.share = Fraction(0.5, spread=2.0) if share is None else share

    def prepare(self, reward: AbstractReward) -> Worth:
        """Plan."""
        values = optimal_value(
            self.planner, self.env, expected_reward(self.env, reward)
        )
        return jax.tree_util.Partial(_foresighted, reward, values, self.share.value)


def at_discount(env: FiniteMDP, discount: ArrayLike | None) -> FiniteMDP:
    """The same world with another discount, or as it is for None."""
    if discount is None:
        return env
    return eqx.tree_at(lambda world: world.discount, env, jnp.asarray(discount, float))
