"""Acting: what a person would do in a world, for demonstrations and what they leave."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int, PRNGKeyArray

from volition.env import FiniteMDP
from volition.feedback import Segment
from volition.human.parameter import AbstractParameter, Positive
from volition.human.valuation import at_discount
from volition.policy import Tabular, episode
from volition.reward import AbstractReward
from volition.value import (
    PolicyIteration,
    SoftValueIteration,
    backup,
    expected_reward,
    induction,
    optimal_value,
    state_distribution,
)


class AbstractActor(eqx.Module):
    """A person who knows what to do: what `acting.prepare(reward)` returns.

    Args:
        env: the world.
        paid: expected reward of each action times rationality, nats, `[state, action]`.
    """

    env: eqx.AbstractVar[FiniteMDP]
    paid: eqx.AbstractVar[Float[Array, "state action"]]

    @abc.abstractmethod
    def act(self, segment: Segment) -> Float[Array, "time action"]:
        """Log-probabilities of each action in each state of a single segment."""

    @abc.abstractmethod
    def demonstrate(self, key: PRNGKeyArray, segment: Segment) -> Segment:
        """Act from where a single segment begins, for as long."""

    def arrive(
        self, initial: Float[Array, " state"], n_steps: int
    ) -> Float[Array, " state"]:
        """Log-probabilities of where the world stands after `n_steps` of acting.

        The person plans for these steps alone, and soft: at step `t` by the soft value
        of the `n_steps - t` that are left.
        """
        plan = induction(self.env, self.paid, n_steps, temperature=1.0)
        return _arrived(self.env, initial, plan.policies)


def _arrived(
    env: FiniteMDP,
    initial: Float[Array, " state"],
    policies: Float[Array, "time state action"],
) -> Float[Array, " state"]:
    world = _beginning(env, jnp.asarray(initial, dtype=policies.dtype))
    mass = state_distribution(world, policies)[-1]
    # Where nobody can have come, the slope is nothing, not NaN.
    there = mass > 0
    return jnp.where(there, jnp.log(jnp.where(there, mass, 1.0)), -jnp.inf)


def _beginning(env: FiniteMDP, initial: Float[Array, " state"]) -> FiniteMDP:
    return eqx.tree_at(lambda env: env.initial, env, initial)


def _from(env: FiniteMDP, index: Int[ArrayLike, ""]) -> FiniteMDP:
    at = jax.nn.one_hot(index, env.n_states, dtype=env.initial.dtype)
    return _beginning(env, at)


class Endless(AbstractActor):
    """A person who acts as if there were no end of time.

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
        world = _from(self.env, segment.start.index)
        return episode(key, world, policy, segment.weight.shape[0])


class Stationary(Endless):
    """A person who acts alike whatever the time, and is found where that leads."""

    def arrive(
        self, initial: Float[Array, " state"], n_steps: int
    ) -> Float[Array, " state"]:
        """Log-probabilities of where the world stands after `n_steps` of acting."""
        policy = jax.nn.softmax(self.q, axis=-1)
        return _arrived(self.env, initial, jnp.stack([policy] * n_steps))


class Within(AbstractActor):
    """A person who acts for as many steps as a segment is long, and then no more.

    Args:
        env: the world.
        paid: expected reward of each action times rationality, nats, `[state, action]`.
    """

    env: FiniteMDP
    paid: Float[Array, "state action"]

    def act(self, segment: Segment) -> Float[Array, "time action"]:
        """Log-probabilities of each action in each state of a single segment."""
        length = segment.weight.shape[0]
        plan = induction(self.env, self.paid, length, temperature=1.0)
        # A segment that is padded has fewer steps than places; one that ended was
        # planned for all of them.
        begun = length - jnp.sum(segment.present, dtype=jnp.int32)
        step = jnp.minimum(begun + jnp.arange(length, dtype=jnp.int32), length - 1)
        state = segment.transition.state.index
        q = jax.vmap(lambda value: backup(self.env, self.paid, value))(plan.value[1:])
        return jax.nn.log_softmax(q[step, state], axis=-1)

    def demonstrate(self, key: PRNGKeyArray, segment: Segment) -> Segment:
        """Act from where a single segment begins, for as long."""
        length = segment.weight.shape[0]
        plan = induction(self.env, self.paid, length, temperature=1.0)

        def one(index, now):
            step_key, policy = now
            made = episode(step_key, _from(self.env, index), Tabular(policy), 1)
            return made.end.index, jax.tree.map(lambda leaf: leaf[0], made)

        keys = jax.random.split(key, length)
        _, made = jax.lax.scan(one, segment.start.index, (keys, plan.policies))
        return made


class AbstractActing(eqx.Module):
    """How a person acts in a world."""

    @abc.abstractmethod
    def prepare(self, reward: AbstractReward) -> AbstractActor:
        """Do the work that is needed once per reward: planning."""


def _unknown() -> AbstractParameter:
    return Positive(1.0, spread=1.0)


class SoftOptimal(AbstractActing):
    """Acts by the soft value of each action: `pi(a|s) = exp(q(s,a) - v(s))`.

    With `q` and `v` soft-optimal for the reward times the rationality: maximum causal
    entropy, in a deterministic world a Boltzmann choice among all paths. Where nothing
    ends it needs a discount below 1; without one take `SoftHorizon`.

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
        self.rationality = _unknown() if rationality is None else rationality
        self.planner = SoftValueIteration()

    def prepare(self, reward: AbstractReward) -> Endless:
        """Plan."""
        paid = self.rationality.value * expected_reward(self.env, reward)
        value = optimal_value(self.planner, self.env, paid)
        return Endless(self.env, paid, backup(self.env, paid, value))


class BoltzmannOptimal(AbstractActing):
    """Acts by the value of each action to one who goes on without a slip.

    `pi(a|s) = exp(beta q*(s,a)) / sum over b of exp(beta q*(s,b))`, with `q*` the
    optimal value: Bayesian inverse reinforcement learning. Unlike `SoftOptimal` the
    person does not reckon with own slips to come.

    Args:
        env: the finite world.
        rationality: beta, nats per reward unit, above 0.
        discount: what the person plans with; the world's if left out.

    Example:
        >>> from volition import env, human, reward
        >>> world = env.delivery(discount=0.9)
        >>> person = human.Boltzmann(acting=human.BoltzmannOptimal(world))
        >>> judge = person.judge(reward.delivery_true())
        >>> from volition.feedback import follow
        >>> into = follow(world, jnp.int32(79), jnp.array([1]))  # the goal, below
        >>> int(jnp.argmax(judge.act(into)[0]))
        1

    Source: D. Ramachandran, E. Amir, "Bayesian inverse reinforcement learning", IJCAI
    2007, equation 1 (there alpha). With `MAP` and an unknown rationality it is maximum
    likelihood IRL; with `NUTS` its posterior, where PolicyWalk walks on a grid.
    """

    env: FiniteMDP
    rationality: AbstractParameter
    planner: PolicyIteration

    def __init__(
        self,
        env: FiniteMDP,
        rationality: AbstractParameter | None = None,
        *,
        discount: ArrayLike | None = None,
    ):
        self.env = at_discount(env, discount)
        self.rationality = _unknown() if rationality is None else rationality
        self.planner = PolicyIteration()

    def prepare(self, reward: AbstractReward) -> Stationary:
        """Plan."""
        paid = expected_reward(self.env, reward)
        value = optimal_value(self.planner, self.env, paid)
        beta = self.rationality.value
        return Stationary(self.env, beta * paid, beta * backup(self.env, paid, value))


class SoftHorizon(AbstractActing):
    """Acts as `SoftOptimal`, for as many steps as the answer is about: time runs out.

    At each step the soft value is that of the steps that are left, so a discount of 1
    is well defined. In a deterministic world it is a Boltzmann choice among all paths
    of that length.

    Args:
        env: the finite world.
        rationality: nats per reward unit, above 0.
        discount: what the person plans with; the world's if left out.

    Source: R. Shah et al., "Preferences implicit in the state of the world", ICLR 2019,
    section 3; the soft form is algorithm 9.1 of B. D. Ziebart, PhD thesis, 2010.
    """

    env: FiniteMDP
    rationality: AbstractParameter

    def __init__(
        self,
        env: FiniteMDP,
        rationality: AbstractParameter | None = None,
        *,
        discount: ArrayLike | None = None,
    ):
        self.env = at_discount(env, discount)
        self.rationality = _unknown() if rationality is None else rationality

    def prepare(self, reward: AbstractReward) -> Within:
        """Tell what each action pays; how long ahead to plan, the answer says."""
        paid = self.rationality.value * expected_reward(self.env, reward)
        return Within(self.env, paid)
