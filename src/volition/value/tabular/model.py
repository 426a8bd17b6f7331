"""Learners that plan with a model they learn: Dyna, prioritised sweeping."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Int, PRNGKeyArray

from volition.value.bellman import target
from volition.value.schedule import AbstractSchedule, as_schedule
from volition.value.tabular.experience import Seen
from volition.value.tabular.learner import AbstractLearner, Ahead
from volition.value.tabular.table import State, Table, along, at, entry, move, put


def numbered(state: State) -> None:
    """That a state is one number, as a table of what followed it needs.

    Raises:
        ValueError: where it is several.
    """
    if state.ndim > 0:
        raise ValueError(
            "a learned model needs numbered observations, not tiles: use a learner "
            "that does not plan."
        )


class LastSeen(eqx.Module):
    """What Dyna remembers: the table, and for each action what it last brought.

    Args:
        q: the table.
        next_state: `[state, action]`.
        reward: reward units, `[state, action]`.
        terminated: whether that ended the episode, `[state, action]`.
        step_size: how far that moved its value, `[state, action]`.
        tried: number of the step when it was, from 1; 0 if never, `[state, action]`.
        listed: what may be planned, in the order of its appearance, `[entry]`.
        n_listed: how many entries count.
        now: number of the step.
    """

    q: Table
    next_state: Int[Array, "state action"]
    reward: Float[Array, "state action"]
    terminated: Bool[Array, "state action"]
    step_size: Float[Array, "state action"]
    tried: Int[Array, "state action"]
    listed: Int[Array, " entry"]
    n_listed: Int[Array, ""]
    now: Int[Array, ""]


class DynaQ(AbstractLearner):
    """Q-learning from each step, and again from steps that it remembers.

    After each step, `n_planning` of the actions taken so far are drawn, all alike, and
    learned from as if what they last brought had happened again. That is right in
    worlds without chance. With chance it is biased, toward outcomes from which it comes
    back late, as those are remembered for longer: use `PrioritizedSweeping`.

    Args:
        n_planning: steps of planning after each step.

    Source: R. S. Sutton, "Integrated architectures for learning, planning, and
    reacting", 1990; R. S. Sutton, A. G. Barto, 2nd ed., section 8.2. Differs: a
    remembered step moves its value by the step size it had.

    Example:
        >>> DynaQ(1000, n_planning=50).n_planning
        50
    """

    n_planning: int = eqx.field(static=True, default=10, kw_only=True)

    def begin(self, q: Table, state: State) -> LastSeen:
        """The table and an empty model."""
        numbered(state)
        # In a world that it does not know yet everything leads back, for nothing.
        here = jnp.arange(q.shape[0], dtype=jnp.int32)
        nothing = jnp.zeros(q.shape, dtype=jnp.int32)
        return LastSeen(
            q=q,
            next_state=jnp.broadcast_to(here[:, None], q.shape),
            reward=jnp.zeros_like(q),
            terminated=jnp.zeros(q.shape, dtype=bool),
            step_size=jnp.zeros_like(q),
            tried=nothing,
            listed=jnp.ravel(nothing),
            n_listed=jnp.int32(0),
            now=jnp.int32(0),
        )

    def q(self, memory: LastSeen) -> Table:
        """The table."""
        return memory.q

    def own_draws(self, key: PRNGKeyArray, n_steps: int) -> Float[Array, "step plan"]:
        """How far along the list each remembered step is."""
        shape = (n_steps, self.n_planning)
        return jax.random.uniform(key, shape)

    def entry_of(
        self, memory: LastSeen, seen: Seen
    ) -> tuple[Int[Array, ""], Bool[Array, ""]]:
        """What a step adds to the list, and whether it is new there."""
        number = seen.state * memory.q.shape[1] + seen.action
        return number, at(memory.tried, seen.state, seen.action) == 0

    def planned(self, memory: LastSeen, share: Float[Array, ""]) -> Int[Array, ""]:
        """The number of the state and action so far along the list."""
        return at(memory.listed, along(share, memory.n_listed))

    def bonus(self, since: Int[Array, ""]) -> Float[Array, ""] | float:
        """What an action is worth beside its reward when it was not tried for long."""
        del since
        return 0.0

    def update(
        self,
        memory: LastSeen,
        seen: Seen,
        ahead: Ahead,
        step_size: Float[Array, ""],
        discount: Float[ArrayLike, ""],
        drawn: Float[Array, " plan"],
    ) -> LastSeen:
        """Learn from the step, remember it, and learn from some that are remembered."""
        del ahead
        place = (seen.state, seen.action)
        best = jnp.max(at(memory.q, seen.next_state))
        aim = target(seen.reward, seen.terminated, best, discount)
        q = move(memory.q, *place, step_size * (aim - entry(memory.q, *place)))
        number, new = self.entry_of(memory, seen)
        n_listed = jnp.where(new, memory.n_listed + 1, memory.n_listed)
        # Nothing is added to the time, but `new` is known before it is overwritten:
        # else XLA would copy all times at every step.
        now = memory.now + 1 + jnp.minimum(n_listed, 0)
        memory = LastSeen(
            q=q,
            next_state=put(memory.next_state, seen.next_state, *place),
            reward=put(memory.reward, seen.reward, *place),
            terminated=put(memory.terminated, seen.terminated, *place),
            step_size=put(memory.step_size, step_size, *place),
            tried=put(memory.tried, now, *place),
            # A full list is written no more.
            listed=memory.listed.at[memory.n_listed].set(number, mode="drop"),
            n_listed=n_listed,
            now=now,
        )
        n_actions = jnp.int32(q.shape[1])

        def again(i, q):
            number = self.planned(memory, at(drawn, i))
            place = jax.lax.div(number, n_actions), jax.lax.rem(number, n_actions)
            tried, value = at(memory.tried, *place), at(q, *place)
            paid = at(memory.reward, *place) + self.bonus(now - tried)
            best = jnp.max(at(q, at(memory.next_state, *place)))
            aim = target(paid, at(memory.terminated, *place), best, discount)
            size = jnp.where(tried == 0, step_size, at(memory.step_size, *place))
            error = jnp.where(value > -jnp.inf, aim - value, 0.0)
            return put(q, value + size * error, *place)

        if self.n_planning > 0:
            q = jax.lax.fori_loop(0, self.n_planning, again, q)
        return eqx.tree_at(lambda memory: memory.q, memory, q)


class DynaQPlus(DynaQ):
    """Dyna-Q with a bonus for what was not tried for long: it looks whether all is so.

    In planning, an action that was last tried `t` steps ago pays `curiosity * sqrt(t)`
    more. Actions never tried are planned, too, once their state is known: as leading
    back to it for no reward.

    Args:
        curiosity: the factor, reward units, at least 0. The values that it learns
            contain the bonus; with 0 they go where Dyna-Q's go.

    Source: R. S. Sutton, A. G. Barto, 2nd ed., section 8.3 and its footnote.

    Example:
        >>> float(DynaQPlus(1000).curiosity)
        0.001
    """

    curiosity: Float[Array, ""] = eqx.field(
        converter=lambda value: jnp.asarray(value, dtype=float),
        default=1e-3,
        kw_only=True,
    )

    def bonus(self, since: Int[Array, ""]) -> Float[Array, ""]:
        """By the square root of the time."""
        return self.curiosity * jnp.sqrt(since.astype(self.curiosity.dtype))

    def entry_of(
        self, memory: LastSeen, seen: Seen
    ) -> tuple[Int[Array, ""], Bool[Array, ""]]:
        """The state: each of its actions may be planned."""
        return seen.state, jnp.all(at(memory.tried, seen.state) == 0)

    def planned(self, memory: LastSeen, share: Float[Array, ""]) -> Int[Array, ""]:
        """That of the one so far along the list of all actions of its states."""
        n_actions = memory.q.shape[1]
        place = along(share, memory.n_listed * n_actions)
        action = jax.lax.rem(place, jnp.int32(n_actions))
        state = at(memory.listed, jax.lax.div(place, jnp.int32(n_actions)))
        return state * n_actions + action


class Counted(eqx.Module):
    """What prioritised sweeping remembers: the table, and how often what followed.

    Args:
        q: the table.
        count: how often an action led to a state; the last column counts ends,
            `[state, action, state + 1]`.
        visits: how often it was taken, `[state, action]`.
        reward: mean reward so far, `[state, action]`.
        priority: by how much a value is known to be out of date, reward units,
            `[state, action]`.
    """

    q: Table
    count: Float[Array, "state action successor"]
    visits: Float[Array, "state action"]
    reward: Float[Array, "state action"]
    priority: Float[Array, "state action"]


class PrioritizedSweeping(AbstractLearner):
    """Full backups with a counted model, the most out of date value first.

    After each step, up to `n_planning` values are set to what the model says; each
    change raises the priority of what leads there by its size times how likely that is.
    Memory grows with the square of the number of states.

    Args:
        n_planning: backups after each step, at least 1.
        threshold: values that are out of date by less are left alone, reward units.

    Source: A. W. Moore, C. G. Atkeson, "Prioritized sweeping", Machine Learning 13,
    1993; R. S. Sutton, A. G. Barto, 2nd ed., section 8.4, for worlds without chance.

    Example:
        >>> PrioritizedSweeping(1000).n_planning
        5
    """

    step_size: AbstractSchedule = eqx.field(
        converter=as_schedule, default=1.0, kw_only=True
    )
    n_planning: int = eqx.field(static=True, default=5, kw_only=True)
    threshold: Float[Array, ""] = eqx.field(
        converter=lambda value: jnp.asarray(value, dtype=float),
        default=1e-4,
        kw_only=True,
    )

    def begin(self, q: Table, state: State) -> Counted:
        """The table and an empty model."""
        numbered(state)
        nothing = jnp.zeros_like(q)
        count = jnp.zeros((*q.shape, q.shape[0] + 1), dtype=q.dtype)
        return Counted(q, count, nothing, nothing, nothing)

    def q(self, memory: Counted) -> Table:
        """The table."""
        return memory.q

    def update(
        self,
        memory: Counted,
        seen: Seen,
        ahead: Ahead,
        step_size: Float[Array, ""],
        discount: Float[ArrayLike, ""],
        drawn: None,
    ) -> Counted:
        """Count the step, then sweep."""
        del ahead, drawn
        place = (seen.state, seen.action)
        n_states, n_actions = memory.q.shape
        leads_to = jnp.where(seen.terminated, n_states, seen.next_state)
        count = memory.count.at[(*place, leads_to)].add(1.0)
        visits = memory.visits.at[place].add(1.0)
        surprise = (seen.reward - memory.reward[place]) / visits[place]
        reward = memory.reward.at[place].add(surprise)

        def error(q, place):
            value = jnp.append(jnp.max(q, axis=1), 0.0)
            likely = count[place] / jnp.maximum(visits[place], 1.0)
            return reward[place] + discount * jnp.sum(likely * value) - q[place]

        def sweep(_, now):
            q, priority = now
            first = jnp.argmax(priority).astype(jnp.int32)
            place = (first // n_actions, first % n_actions)
            due = priority[place] > self.threshold
            missing = error(q, place)
            change = jnp.where(due, step_size * missing, 0.0)
            before = jnp.max(q[place[0]])
            q = q.at[place].add(change)
            left = jnp.where(due, jnp.abs(missing - change), priority[place])
            priority = priority.at[place].set(left)
            by = discount * jnp.abs(jnp.max(q[place[0]]) - before)
            leads_here = count[:, :, place[0]] / jnp.maximum(visits, 1.0)
            return q, jnp.maximum(priority, by * leads_here)

        priority = memory.priority.at[place].set(jnp.abs(error(memory.q, place)))
        start = (memory.q, priority)
        q, priority = jax.lax.fori_loop(0, self.n_planning, sweep, start)
        return Counted(q, count, visits, reward, priority)
