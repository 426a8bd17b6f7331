"""Eligibility traces: SARSA(lambda), which is TD(lambda) too, and Q(lambda)."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from volition.env.leaf import check_within
from volition.value.bellman import target
from volition.value.tabular.experience import Seen
from volition.value.tabular.learner import AbstractLearner, Ahead
from volition.value.tabular.table import State, Table, entry, row


class Traced(eqx.Module):
    """What is remembered with traces.

    Args:
        q: the table.
        trace: how far each entry moves for each unit of error: its step size when it
            was visited, decayed since, `[row, action]`.
    """

    q: Table
    trace: Table


class AbstractTraces(AbstractLearner):
    """What is learned at one step moves all that led there.

    Args:
        trace: the lambda, in `[0, 1]`; 0 is one-step, 1 is Monte Carlo.
        replacing: whether a visit sets a trace and does not add to it.
    """

    trace: Float[Array, ""] = eqx.field(
        converter=lambda value: jnp.asarray(value, dtype=float),
        default=0.9,
        kw_only=True,
    )
    replacing: bool = eqx.field(static=True, default=False, kw_only=True)

    def __check_init__(self):
        check_within("trace", self.trace, 0.0, 1.0)

    def begin(self, q: Table, state: State) -> Traced:
        """The table and no traces."""
        del state
        return Traced(q, jnp.zeros_like(q))

    def q(self, memory: Traced) -> Table:
        """The table."""
        return memory.q

    def visited(self, trace: Table, seen: Seen, step_size: Float[Array, ""]) -> Table:
        """The traces after a visit."""
        place = (seen.state, seen.action)
        if self.replacing:
            return trace.at[place].set(step_size / seen.state.size)
        return move_one(trace, seen, step_size)


def move_one(q: Table, seen: Seen, by: Float[Array, ""]) -> Table:
    """As `move`, but behind a pass over the whole table half as fast again."""
    return q.at[seen.state, seen.action].add(by / seen.state.size)


def moved(q: Table, trace: Table, error: Float[Array, ""]) -> Table:
    """The table, every entry as far as its trace says."""
    return q + trace * error


class SARSALambda(AbstractTraces):
    """SARSA with traces: `q += trace * (r + discount q(s',a') - q(s,a))`, everywhere.

    In a world with one action it is TD(lambda).

    Source: R. S. Sutton, A. G. Barto, 2nd ed., sections 12.2 and 12.7. Differs: the
    step size is in the trace, so that each visit can have its own.

    Example:
        >>> float(SARSALambda(1000, trace=0.5).trace)
        0.5
    """

    commits: ClassVar[bool] = True

    def update(
        self,
        memory: Traced,
        seen: Seen,
        ahead: Ahead,
        step_size: Float[Array, ""],
        discount: Float[ArrayLike, ""],
        drawn: None,
    ) -> Traced:
        """All that led here, toward the value of the action that is taken next."""
        del drawn
        value = entry(memory.q, seen.next_state, ahead.action)
        aim = target(seen.reward, seen.terminated, value, discount)
        error = aim - entry(memory.q, seen.state, seen.action)
        trace = self.visited(memory.trace, seen, step_size)
        on = jnp.where(seen.over, 0.0, self.trace * discount)
        return Traced(moved(memory.q, trace, error), on * trace)


class WatkinsQ(AbstractTraces):
    """Q(lambda) that follows a return as far as the actions were greedy.

    An action that is not cuts all traces, so that its fixed point is the optimum
    whatever the exploration.

    Source: C. J. C. H. Watkins, PhD thesis, 1989; R. S. Sutton, A. G. Barto, 1st ed.,
    section 7.6.

    Example:
        >>> WatkinsQ(1000).commits  # the next action decides whether traces are cut
        True
    """

    commits: ClassVar[bool] = True

    def update(
        self,
        memory: Traced,
        seen: Seen,
        ahead: Ahead,
        step_size: Float[Array, ""],
        discount: Float[ArrayLike, ""],
        drawn: None,
    ) -> Traced:
        """All that led here by greedy actions, toward the best of what comes next."""
        del drawn
        values = row(memory.q, seen.next_state)
        best = jnp.max(values)
        aim = target(seen.reward, seen.terminated, best, discount)
        error = aim - entry(memory.q, seen.state, seen.action)
        trace = self.visited(memory.trace, seen, step_size)
        cut = seen.over | (values[ahead.action] < best)
        on = jnp.where(cut, 0.0, self.trace * discount)
        return Traced(moved(memory.q, trace, error), on * trace)


class PengQ(AbstractTraces):
    """Q(lambda) that follows a return whatever the actions were.

    Faster than Watkins's, and its fixed point depends on how it acts: acting by a fixed
    policy `b` it is `q = r + discount P (lambda sum_a b(a) q(a) + (1 - lambda) max q)`.
    With exploration that vanishes that is the optimum.

    Source: J. Peng, R. J. Williams, "Incremental multi-step Q-learning", Machine
    Learning 22, 1996; its fixed point: T. Kozuno et al., "Revisiting Peng's Q(lambda)
    for modern reinforcement learning", ICML 2021.

    Example:
        >>> PengQ(1000, trace=0.7).commits
        False
    """

    def update(
        self,
        memory: Traced,
        seen: Seen,
        ahead: Ahead,
        step_size: Float[Array, ""],
        discount: Float[ArrayLike, ""],
        drawn: None,
    ) -> Traced:
        """The last action by its own error, what led to it by that of its state."""
        del ahead, drawn
        best = jnp.max(row(memory.q, seen.next_state))
        aim = target(seen.reward, seen.terminated, best, discount)
        before = memory.trace * (self.trace * discount)
        error = aim - jnp.max(row(memory.q, seen.state))
        own = aim - entry(memory.q, seen.state, seen.action)
        q = moved(memory.q, before, error)
        q = move_one(q, seen, step_size * own)
        trace = self.visited(before, seen, step_size)
        return Traced(q, jnp.where(seen.over, 0.0, trace))
