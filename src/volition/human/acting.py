"""Acting: what a person would do in a world, for demonstrations and what they leave."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from volition.env import FiniteMDP
from volition.feedback import Segment
from volition.human.parameter import AbstractParameter, Positive
from volition.human.valuation import at_discount
from volition.policy import Tabular, episode
from volition.reward import AbstractReward
from volition.value import (
    SoftValueIteration,
    backup,
    expected_reward,
    induction,
    optimal_value,
    state_distribution,
)


class Actor(eqx.Module):
    """A person who knows what to do: what `acting.prepare(reward)` returns.

    Args:
        env: the world.
        paid: expected reward of each action times rationality, nats, `[state, action]`.
        q: soft value of each action, nats, `[state, action]`.
    """

    env: FiniteMDP
    paid: Float[Array, "state action"]
    q: Float[Array, "state action"]

    def act(self, segment: Segment) -> Float[Array, "time action"]:
        """Log-probabilities of each action in each state of a single segment."""
        return jax.nn.log_softmax(self.q[segment.transition.state.index], axis=-1)

    def demonstrate(self, key: PRNGKeyArray, segment: Segment) -> Segment:
        """Act from where a single segment begins, for as long."""
        policy = Tabular(jax.nn.softmax(self.q, axis=-1))
        begins = jax.nn.one_hot(
            segment.start.index, self.env.n_states, dtype=self.env.initial.dtype
        )
        world = eqx.tree_at(lambda env: env.initial, self.env, begins)
        return episode(key, world, policy, segment.weight.shape[0])

    def arrive(
        self, initial: Float[Array, " state"], n_steps: int
    ) -> Float[Array, " state"]:
        """Log-probabilities of where the world stands after `n_steps` of acting.

        The person plans for these steps alone, and soft: at step `t` by the soft value
        of the `n_steps - t` that are left.
        """
        begins = jnp.asarray(initial, dtype=self.paid.dtype)
        world = eqx.tree_at(lambda env: env.initial, self.env, begins)
        plan = induction(world, self.paid, n_steps, temperature=1.0)
        mass = state_distribution(world, plan.policies)[-1]
        # Where nobody can have come, the slope is nothing, not NaN.
        there = mass > 0
        return jnp.where(there, jnp.log(jnp.where(there, mass, 1.0)), -jnp.inf)


class AbstractActing(eqx.Module):
    """How a person acts in a world."""

    @abc.abstractmethod
    def prepare(self, reward: AbstractReward) -> Actor:
        """Do the work that is needed once per reward: planning."""


class SoftOptimal(AbstractActing):
    """Acts by the soft value of each action: `pi(a|s) = exp(q(s,a) - v(s))`.

    With `q` and `v` soft-optimal for the reward times the rationality: maximum causal
    entropy, in a deterministic world a Boltzmann choice among all paths.

    Args:
        env: the finite world.
        rationality: nats per reward unit, above 0.
        discount: what the person plans with; the world's if left out.

    Source: B. D. Ziebart, PhD thesis, 2010, section 5.3.
    """

    env: FiniteMDP
    rationality: AbstractParameter
    planner: SoftValueIteration

    def __init__(
        self,
        env: FiniteMDP,
        rationality: AbstractParameter | None = None,
        *,
        discount: ArrayLike | None = None,
    ):
        self.env = at_discount(env, discount)
        self.rationality = (
            Positive(1.0, spread=1.0) if rationality is None else rationality
        )
        self.planner = SoftValueIteration()

    def prepare(self, reward: AbstractReward) -> Actor:
        """Plan."""
        paid = self.rationality.value * expected_reward(self.env, reward)
        value = optimal_value(self.planner, self.env, paid)
        return Actor(self.env, paid, backup(self.env, paid, value))
