"""Learners that learn from steps behind them: n-step, tree backup, Monte Carlo."""

import abc
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int

from volition.value.bellman import target
from volition.value.tabular.experience import Seen
from volition.value.tabular.learner import AbstractLearner, Ahead
from volition.value.tabular.table import State, Table, at, entry, move, row


class Recent(eqx.Module):
    """What an n-step learner remembers: the table, and its last steps in a ring.

    Args:
        q: the table.
        state: where each step was made, `[n]`.
        action: what was done, `[n]`.
        reward: what it paid, `[n]`.
        step_size: how far its entry will be moved, `[n]`.
        n_seen: steps of this episode that are in the ring, or have been.
    """

    q: Table
    state: Int[Array, "n ..."]
    action: Int[Array, " n"]
    reward: Float[Array, " n"]
    step_size: Float[Array, " n"]
    n_seen: Int[Array, ""]


class AbstractRecent(AbstractLearner):
    """It learns from steps that lie behind it.

    Args:
        n: how many it keeps, at least 1.
    """

    n: int = eqx.field(static=True, default=4, kw_only=True)

    def __check_init__(self):
        if self.n < 1:
            raise ValueError(f"n = {self.n} steps are looked ahead: at least 1.")

    def begin(self, q: Table, state: State) -> Recent:
        """The table and an empty ring."""
        states = jnp.zeros((self.n, *state.shape), dtype=jnp.int32)
        nothing = jnp.zeros(self.n, dtype=jnp.int32)
        zero = jnp.zeros(self.n, dtype=q.dtype)
        return Recent(q, states, nothing, zero, zero, jnp.int32(0))

    def q(self, memory: Recent) -> Table:
        """The table."""
        return memory.q


def slot_of(memory: Recent, number: Int[Array, ""]) -> Int[Array, ""]:
    """Where in the ring a step of this episode is."""
    # As `%` of numbers that are not negative, without a look at their signs.
    return jax.lax.rem(number, jnp.int32(memory.action.shape[0]))


def keep(memory: Recent, seen: Seen, step_size: Float[Array, ""]) -> Recent:
    """The ring with one step more, in the place of the oldest if it was full."""
    slot = slot_of(memory, memory.n_seen)
    return Recent(
        memory.q,
        memory.state.at[slot].set(seen.state),
        memory.action.at[slot].set(seen.action),
        memory.reward.at[slot].set(seen.reward),
        memory.step_size.at[slot].set(step_size),
        memory.n_seen + 1,
    )


def learn_from(memory: Recent, number: Int[Array, ""], aim: Float[Array, ""]) -> Table:
    """The table moved toward what a step brought."""
    slot = slot_of(memory, number)
    place = (at(memory.state, slot), at(memory.action, slot))
    error = aim - entry(memory.q, *place)
    return move(memory.q, *place, at(memory.step_size, slot) * error)


class AbstractNStep(AbstractRecent):
    """An entry is moved when n steps of what followed it are known, or the end is."""

    @abc.abstractmethod
    def last_value(self, q: Table, seen: Seen, ahead: Ahead) -> Float[Array, ""]:
        """What lies behind the last step is worth this, if it did not end."""

    @abc.abstractmethod
    def mixed(
        self,
        q: Table,
        state: State,
        action: Int[Array, ""],
        later: Float[Array, ""],
    ) -> Float[Array, ""]:
        """What a state is worth from which `action` brought the return `later`."""

    def update(
        self,
        memory: Recent,
        seen: Seen,
        ahead: Ahead,
        step_size: Float[Array, ""],
        discount: Float[ArrayLike, ""],
        drawn: None,
    ) -> Recent:
        """Keep the step, and move the entries of which enough is known."""
        del drawn
        memory = keep(memory, seen, step_size)
        n_seen = memory.n_seen
        # The oldest step that has not been learned from is the first to be; at the end
        # of an episode all of them are, and before n steps none.
        oldest = jnp.maximum(n_seen - self.n, 0)
        known = jnp.where(n_seen >= self.n, oldest + 1, oldest)
        beyond = jnp.where(seen.over, n_seen, known)

        def one(number, q):
            def back(i, later):
                # From the last step but one to the one that is learned from.
                slot = slot_of(memory, n_seen - 2 - i)
                after = slot_of(memory, n_seen - 1 - i)
                place = (at(memory.state, after), at(memory.action, after))
                value = self.mixed(q, *place, later)
                return target(at(memory.reward, slot), False, value, discount)

            value = self.last_value(q, seen, ahead)
            last = target(seen.reward, seen.terminated, value, discount)
            aim = jax.lax.fori_loop(0, n_seen - 1 - number, back, last)
            return learn_from(with_table(memory, q), number, aim)

        q = jax.lax.fori_loop(oldest, beyond, one, memory.q)
        return begun_anew(with_table(memory, q), seen)


def with_table(memory: Recent, q: Table) -> Recent:
    """The same steps, another table."""
    return eqx.tree_at(lambda memory: memory.q, memory, q)


def begun_anew(memory: Recent, seen: Seen) -> Recent:
    """An empty ring behind the end of an episode."""
    n_seen = jnp.where(seen.over, 0, memory.n_seen)
    return eqx.tree_at(lambda memory: memory.n_seen, memory, n_seen)


class NStepSARSA(AbstractNStep):
    """SARSA with the rewards of n steps: between one step and Monte Carlo.

    `q(s,a) += step_size * (r_1 + ... + discount^n q(s_n, a_n) - q(s,a))`. In a world
    with one action it is n-step prediction.

    Source: R. S. Sutton, A. G. Barto, 2nd ed., sections 7.1 and 7.2.

    Example:
        >>> NStepSARSA(1000, n=8, step_size=0.4).n
        8
    """

    commits: ClassVar[bool] = True

    def last_value(self, q: Table, seen: Seen, ahead: Ahead) -> Float[Array, ""]:
        """That of the action taken there."""
        return entry(q, seen.next_state, ahead.action)

    def mixed(
        self,
        q: Table,
        state: State,
        action: Int[Array, ""],
        later: Float[Array, ""],
    ) -> Float[Array, ""]:
        """The return alone."""
        del q, state, action
        return later


class MonteCarlo(AbstractRecent):
    """On-policy control by whole returns: nothing is learned before an end.

    `q(s,a) += step_size * (r_1 + discount r_2 + ... - q(s,a))` for every visit. With
    `step_size=ByVisit()` each value is the mean of the returns that followed it. An
    episode that a time limit cuts off counts what lies behind with its value.

    Args:
        n: steps that are kept; of a longer episode only the last n are learned from.

    Source: R. S. Sutton, A. G. Barto, 2nd ed., sections 5.4 and 6.1 (constant step
    size). Differs: every visit counts, not the first of an episode.

    Example:
        >>> MonteCarlo(1000, n=200, exploration=0.2).n
        200
    """

    commits: ClassVar[bool] = True
    n: int = eqx.field(static=True, default=1000, kw_only=True)

    def update(
        self,
        memory: Recent,
        seen: Seen,
        ahead: Ahead,
        step_size: Float[Array, ""],
        discount: Float[ArrayLike, ""],
        drawn: None,
    ) -> Recent:
        """Keep the step; at the end go through all of them, the last one first."""
        del drawn
        memory = keep(memory, seen, step_size)
        last = memory.n_seen - 1

        def back(i, now):
            q, later = now
            number = last - i
            paid = at(memory.reward, slot_of(memory, number))
            brought = target(paid, (i == 0) & seen.terminated, later, discount)
            return learn_from(with_table(memory, q), number, brought), brought

        kept = jnp.minimum(memory.n_seen, self.n)
        steps = jnp.where(seen.over, kept, 0)
        behind = entry(memory.q, seen.next_state, ahead.action)
        q, _ = jax.lax.fori_loop(0, steps, back, (memory.q, behind))
        return begun_anew(with_table(memory, q), seen)


class TreeBackup(AbstractNStep):
    """Off-policy control over n steps without importance sampling.

    What was done counts with its probability under the greedy policy, the other actions
    with their values: `r + discount (sum_{b != a'} policy(b|s') q(s',b) +
    policy(a'|s') G')`. So a return is followed as far as the actions were greedy.

    Source: D. Precup, R. S. Sutton, S. Singh, "Eligibility traces for off-policy policy
    evaluation", 2000; R. S. Sutton, A. G. Barto, 2nd ed., equation 7.16.

    Example:
        >>> TreeBackup(1000, n=3).n
        3
    """

    def last_value(self, q: Table, seen: Seen, ahead: Ahead) -> Float[Array, ""]:
        """That of the best action."""
        del ahead
        return jnp.max(row(q, seen.next_state))

    def mixed(
        self,
        q: Table,
        state: State,
        action: Int[Array, ""],
        later: Float[Array, ""],
    ) -> Float[Array, ""]:
        """The return where the action was the greedy one, else the best value."""
        values = row(q, state)
        greedy = jnp.argmax(values).astype(jnp.int32) == action
        return jnp.where(greedy, later, jnp.max(values))
