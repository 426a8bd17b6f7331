"""Learners that plan with a model they learn: Dyna, prioritised sweeping."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Int, PRNGKeyArray

from volition.env.leaf import check_within
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
        n_planning: steps of planning after each step, at least 0.

    Source: R. S. Sutton, "Integrated architectures for learning, planning, and
    reacting", 1990; R. S. Sutton, A. G. Barto, 2nd ed., section 8.2. Differs: a
    remembered step moves its value by the step size it had.

    Example:
        >>> DynaQ(1000, n_planning=50).n_planning
        50
    """

    n_planning: int = eqx.field(static=True, default=10, kw_only=True)

    def __check_init__(self):
        if self.n_planning < 0:
            raise ValueError(f"n_planning = {self.n_planning} must be at least 0.")

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

    def n_backups(self, memory: LastSeen) -> Int[Array, ""]:
        """How often a value was moved so far: by each step, and by what it planned."""
        return memory.now * (1 + self.n_planning)

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
        curiosity: the factor, reward units, at least 0: give it with rewards of another
            unit in that unit. The values that it learns contain the bonus; with 0 they
            go where Dyna-Q's go.

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

    def __check_init__(self):
        check_within("curiosity", self.curiosity, 0.0, jnp.inf)

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
        value: that of the best action, and in the end 0 for ends, `[state + 1]`.
        count: how often an action led to a state; the last row counts ends,
            `[state + 1, state, action]`.
        visits: how often it was taken, `[state, action]`.
        reward: mean reward so far, `[state, action]`.
        priority: by how much a value is known to be out of date, reward units,
            `[state, action]`.
        greatest: absolute reward so far, reward units.
        n_backups: how many values were set so far.
    """

    q: Table
    value: Float[Array, " successor"]
    count: Float[Array, "successor state action"]
    visits: Float[Array, "state action"]
    reward: Float[Array, "state action"]
    priority: Float[Array, "state action"]
    greatest: Float[Array, ""]
    n_backups: Int[Array, ""]


def foremost(priority: Float[Array, "state action"]) -> Int[Array, ""]:
    """The number of the first of the greatest of numbers that are at least 0."""
    # They are in the order of their bits, whose maximum takes a quarter of the time.
    bits = jax.lax.bitcast_convert_type(
        priority, jnp.int64 if priority.dtype.itemsize == 8 else jnp.int32
    )
    number = jnp.arange(priority.size, dtype=jnp.int32)
    greatest = jnp.ravel(bits == jnp.max(bits))
    return jnp.min(jnp.where(greatest, number, jnp.int32(priority.size - 1)))


class PrioritizedSweeping(AbstractLearner):
    """Full backups with a counted model, the most out of date value first.

    After each step, up to `n_planning` values are set to what the model says; each
    change raises the priority of what leads there by its size times how likely that is.
    Memory grows with the square of the number of states.

    Args:
        n_planning: backups after each step, at least 1.
        threshold: values that are out of date by less are left alone, as a share of the
            greatest absolute reward so far, at least 0.

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

    def __check_init__(self):
        if self.n_planning < 1:
            raise ValueError(f"n_planning = {self.n_planning} must be at least 1.")
        check_within("threshold", self.threshold, 0.0, jnp.inf)

    def begin(self, q: Table, state: State) -> Counted:
        """The table and an empty model."""
        numbered(state)
        nothing = jnp.zeros_like(q)
        value = jnp.append(jnp.max(q, axis=1), 0.0)
        count = jnp.zeros((q.shape[0] + 1, *q.shape), dtype=q.dtype)
        zero = jnp.zeros((), dtype=q.dtype)
        return Counted(q, value, count, nothing, nothing, nothing, zero, jnp.int32(0))

    def q(self, memory: Counted) -> Table:
        """The table."""
        return memory.q

    def n_backups(self, memory: Counted) -> Int[Array, ""]:
        """How often a value was set so far."""
        return memory.n_backups

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
        led = at(memory.count, leads_to, *place) + 1.0
        count = put(memory.count, led, leads_to, *place)
        visits = put(memory.visits, at(memory.visits, *place) + 1.0, *place)
        surprise = (seen.reward - at(memory.reward, *place)) / at(visits, *place)
        reward = put(memory.reward, at(memory.reward, *place) + surprise, *place)

        def error(q, value, place):
            column = (jnp.int32(0), *place)
            sizes = (n_states + 1, 1, 1)
            led = jax.lax.dynamic_slice(
                count, column, sizes, allow_negative_indices=False
            )
            likely = led[:, 0, 0] / jnp.maximum(at(visits, *place), 1.0)
            mean = jnp.sum(likely * value)
            return at(reward, *place) + discount * mean - at(q, *place)

        def most(priority):
            first = foremost(priority)
            return first, at(jnp.ravel(priority), first)

        greatest = jnp.maximum(memory.greatest, jnp.abs(seen.reward))
        least = self.threshold * greatest

        def due(now):
            i, _, _, _, (_, most) = now
            return (i < self.n_planning) & (most > least)

        def sweep(now):
            i, q, value, priority, (first, _) = now
            place = (
                jax.lax.div(first, jnp.int32(n_actions)),
                jax.lax.rem(first, jnp.int32(n_actions)),
            )
            missing = error(q, value, place)
            change = step_size * missing
            before = at(value, place[0])
            q = put(q, at(q, *place) + change, *place)
            after = jnp.max(at(q, place[0]))
            value = put(value, after, place[0])
            priority = put(priority, jnp.abs(missing - change), *place)
            by = discount * jnp.abs(after - before)
            leads_here = at(count, place[0]) / jnp.maximum(visits, 1.0)
            priority = jnp.maximum(priority, by * leads_here)
            return i + 1, q, value, priority, most(priority)

        start = jnp.abs(error(memory.q, memory.value, place))
        priority = put(memory.priority, start, *place)
        start = (jnp.int32(0), memory.q, memory.value, priority, most(priority))
        made, q, value, priority, _ = jax.lax.while_loop(due, sweep, start)
        n_backups = memory.n_backups + made
        return Counted(q, value, count, visits, reward, priority, greatest, n_backups)
