"""Learners that look one step ahead: Q-learning, SARSA and their kin."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Int, PRNGKeyArray

from volition.value.bellman import double_value, expected_value, target
from volition.value.tabular.experience import Seen
from volition.value.tabular.learner import AbstractLearner, Ahead
from volition.value.tabular.table import State, Table, entry, move, row


def _toward(q: Table, seen: Seen, aim: Array, step_size: Array) -> Table:
    """The table with one value moved toward an aim."""
    error = aim - entry(q, seen.state, seen.action)
    return move(q, seen.state, seen.action, step_size * error)


class QLearning(AbstractLearner):
    """Off-policy control, toward the best of what comes next.

    `q(s,a) += step_size * (r + discount max_b q(s',b) - q(s,a))`.

    Source: C. J. C. H. Watkins, PhD thesis, 1989; R. S. Sutton, A. G. Barto, 2nd ed.,
    equation 6.8. Differs: terminal rows are never written.

    Example:
        >>> QLearning(1000, step_size=0.5).n_steps
        1000
    """

    def begin(self, q: Table, state: State) -> Table:
        """The table."""
        del state
        return q

    def q(self, memory: Table) -> Table:
        """The table."""
        return memory

    def update(
        self,
        memory: Table,
        seen: Seen,
        ahead: Ahead,
        step_size: Float[Array, ""],
        discount: Float[ArrayLike, ""],
        drawn: None,
    ) -> Table:
        """Toward the best of what comes next."""
        del ahead, drawn
        best = jnp.max(row(memory, seen.next_state))
        aim = target(seen.reward, seen.terminated, best, discount)
        return _toward(memory, seen, aim, step_size)


class SARSA(AbstractLearner):
    """On-policy control: `q(s,a) += step_size * (r + discount q(s',a') - q(s,a))`.

    The action `a'` is chosen before the update, and taken.

    Source: R. S. Sutton, A. G. Barto, 2nd ed., equation 6.7.

    Example:
        >>> SARSA(1000, exploration=0.2).commits
        True
    """

    commits: ClassVar[bool] = True

    def begin(self, q: Table, state: State) -> Table:
        """The table."""
        del state
        return q

    def q(self, memory: Table) -> Table:
        """The table."""
        return memory

    def update(
        self,
        memory: Table,
        seen: Seen,
        ahead: Ahead,
        step_size: Float[Array, ""],
        discount: Float[ArrayLike, ""],
        drawn: None,
    ) -> Table:
        """Toward the value of the action that is taken next."""
        del drawn
        value = entry(memory, seen.next_state, ahead.action)
        aim = target(seen.reward, seen.terminated, value, discount)
        return _toward(memory, seen, aim, step_size)


class ExpectedSARSA(AbstractLearner):
    """On-policy control by the mean over what might be done next.

    `q(s,a) += step_size * (r + discount sum_b policy(b|s') q(s',b) - q(s,a))`, with the
    epsilon-greedy policy that is followed.

    Source: R. S. Sutton, A. G. Barto, 2nd ed., equation 6.9; H. van Seijen et al., "A
    theoretical and empirical analysis of expected SARSA", 2009.

    Example:
        >>> ExpectedSARSA(1000).commits
        False
    """

    def begin(self, q: Table, state: State) -> Table:
        """The table."""
        del state
        return q

    def q(self, memory: Table) -> Table:
        """The table."""
        return memory

    def update(
        self,
        memory: Table,
        seen: Seen,
        ahead: Ahead,
        step_size: Float[Array, ""],
        discount: Float[ArrayLike, ""],
        drawn: None,
    ) -> Table:
        """Toward the mean of what comes next."""
        del drawn
        values = row(memory, seen.next_state)
        value = expected_value(values, epsilon_greedy(values, ahead.exploration))
        aim = target(seen.reward, seen.terminated, value, discount)
        return _toward(memory, seen, aim, step_size)


def epsilon_greedy(
    values: Float[Array, " action"], exploration: Float[ArrayLike, ""]
) -> Float[Array, " action"]:
    """How likely each action is; the first of equal ones is the greedy one.

    Args:
        values: of the actions; `-inf` of those that are not available.
        exploration: probability of one of the available ones at random.

    Example:
        >>> epsilon_greedy(jnp.array([1.0, 3.0, -jnp.inf]), 0.5).tolist()
        [0.25, 0.75, 0.0]
    """
    best = jnp.arange(values.shape[0]) == jnp.argmax(values).astype(int)
    available = values > -jnp.inf
    exploration = jnp.asarray(exploration, dtype=values.dtype)
    share = exploration / jnp.sum(available.astype(values.dtype))
    return jnp.where(available, share, 0.0) + jnp.where(best, 1.0 - exploration, 0.0)


Twice = Float[Array, "twice action"]  # two tables, one below the other


class DoubleQLearning(AbstractLearner):
    """Q-learning without the bias of a maximum over noise.

    A fair coin picks one of two tables; it is moved toward
    `r + discount q_other(s', argmax_b q(s',b))`. It acts in the mean of the two.

    Source: H. van Hasselt, "Double Q-learning", NeurIPS 2010, algorithm 1; R. S.
    Sutton, A. G. Barto, 2nd ed., section 6.7. Differs: they act in the sum, which has
    the same greedy actions.

    Example:
        >>> DoubleQLearning(1000).commits
        False
    """

    def begin(self, q: Table, state: State) -> Twice:
        """The table twice, one below the other."""
        del state
        # In one array, as of two XLA copies both at every step.
        return jnp.concatenate([q, q])

    def q(self, memory: Twice) -> Table:
        """Their mean."""
        first, second = jnp.split(memory, 2)
        return 0.5 * (first + second)

    def row(self, memory: Twice, state: State) -> Float[Array, " action"]:
        """Their mean in one state."""
        return 0.5 * (row(memory, state) + row(memory, state + _half(memory)))

    def own_draws(self, key: PRNGKeyArray, n_steps: int) -> Bool[Array, " step"]:
        """The coin."""
        return jax.random.bits(key, (n_steps,), dtype=jnp.uint8) < 128

    def update(
        self,
        memory: Twice,
        seen: Seen,
        ahead: Ahead,
        step_size: Float[Array, ""],
        discount: Float[ArrayLike, ""],
        drawn: Bool[Array, ""],
    ) -> Twice:
        """One of the two, toward what the other says of its choice."""
        del ahead
        mine = jnp.where(drawn, 0, _half(memory))
        other = _half(memory) - mine
        after, place = seen.next_state, seen.state + mine
        value = double_value(row(memory, after + mine), row(memory, after + other))
        aim = target(seen.reward, seen.terminated, value, discount)
        error = aim - entry(memory, place, seen.action)
        return move(memory, place, seen.action, step_size * error)


def _half(memory: Twice) -> Int[Array, ""]:
    """Where the second table begins."""
    return jnp.int32(memory.shape[0] // 2)
