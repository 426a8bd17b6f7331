"""The loop that every tabular learner runs in: act, step, update, begin anew."""

import abc
import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int, Key, PRNGKeyArray, PyTree

from volition.env import AbstractEnvironment, HostEnv
from volition.env.leaf import check_within
from volition.policy import AbstractPolicy
from volition.reward import AbstractReward
from volition.value.learning import (
    AbstractLearned,
    AbstractMethod,
    Curve,
    Progress,
    joined,
)
from volition.value.schedule import AbstractSchedule, ByVisit, as_schedule
from volition.value.tabular import table
from volition.value.tabular.experience import AbstractExperience, Seen
from volition.value.tabular.table import State, Table


class Stand(eqx.Module):
    """Where learning stands between two stretches: all that is needed to go on.

    Args:
        memory: what the learner remembers.
        visits: how often each action was taken, `[row, action]`; None unless step
            sizes go by them.
        where: the state of the world.
        planned: the next action, of a learner that commits to it.
        so_far: return of the episode in progress, reward units.
        stretch: how many there were.
    """

    memory: PyTree
    visits: Int[Array, "row action"] | None
    where: PyTree
    planned: Int[Array, ""]
    so_far: Float[Array, ""]
    stretch: Int[Array, ""]


class Learned(AbstractLearned):
    """What a tabular learner found.

    Args:
        q: value of each action, reward units, `[state, action]`; `-inf` where the world
            says that it is not available. With tile coding, weights `[tile, action]`.
        policy: greedy in `q`.
        curve: how it got there.
        stand: where it stopped; see the argument `after` of `learn`.
        finite: whether all that was observed and paid in a stretch, and the values
            after it, were, `[stretch]`; where they are not, `learn` raises, unless it
            is traced.
        watched: what `watch` said after each step, leaves `[step]`; None without one.
    """

    q: Table
    policy: AbstractPolicy
    curve: Curve
    stand: Stand
    finite: Bool[Array, "*seed stretch"]
    watched: PyTree = None


class Draws(eqx.Module):
    """The random numbers of one stretch of learning, one entry for each step.

    Args:
        explore: whether a random action is taken.
        share: which one it is: so far along the list of those available, or else, where
            ties are broken at random, of the best.
        world: what chance decides in the world.
        own: what chance decides in the learner, if anything.
    """

    explore: Bool[Array, " step"]
    share: Float[Array, " step"]
    world: PyTree
    own: PyTree

    def action(self, n_actions: int) -> Int[Array, "*step"]:
        """Which one it would be where all actions are available."""
        return table.along(jnp.asarray(self.share), n_actions)


class Ahead(eqx.Module):
    """What a learner knows of the step behind the one it learns from.

    Args:
        action: the action taken there, by a learner that commits to it.
        exploration: the probability of a random action there.
    """

    action: Int[Array, ""]
    exploration: Float[Array, ""]


class AbstractLearner(AbstractMethod[Learned]):
    """A tabular learner: what it remembers, and how a step changes that.

    It acts epsilon-greedily in its values. A time limit ends an episode but cuts
    nothing off.

    Args:
        n_steps: environment steps to learn from.
        step_size: a number in `[0, 1]`, or a schedule: over steps, or `ByVisit`.
        exploration: probability of a random action, or a schedule over steps.
        initial_value: what the table begins with, reward units; terminal rows with 0.
        n_stretches: points of the learning curve; divides `n_steps`.
        random_ties: whether it takes any of the best actions alike, and not the first.
    """

    n_steps: int = eqx.field(static=True)
    step_size: AbstractSchedule = eqx.field(
        converter=as_schedule, default=0.1, kw_only=True
    )
    exploration: AbstractSchedule = eqx.field(
        converter=as_schedule, default=0.1, kw_only=True
    )
    initial_value: Float[Array, ""] = eqx.field(
        converter=lambda value: jnp.asarray(value, dtype=float),
        default=0.0,
        kw_only=True,
    )
    n_stretches: int = eqx.field(static=True, default=100, kw_only=True)
    random_ties: bool = eqx.field(static=True, default=False, kw_only=True)

    # Whether the next action is chosen before the update, and then taken.
    commits: ClassVar[bool] = False

    def __check_init__(self):
        if self.n_stretches < 1 or self.n_steps % self.n_stretches != 0:
            raise ValueError(
                f"n_steps = {self.n_steps} must be a multiple of n_stretches = "
                f"{self.n_stretches}."
            )
        ends = np.array([0, max(self.n_steps - 1, 0)], dtype=np.int32)
        for name in ("step_size", "exploration"):
            check_within(name, getattr(self, name)(jnp.asarray(ends)), 0.0, 1.0)

    def learn(
        self,
        key: PRNGKeyArray | Key[Array, " seed"],
        env: AbstractEnvironment | tuple[AbstractEnvironment, ...] | HostEnv,
        reward: AbstractReward,
        *,
        after: Stand | None = None,
        progress: Progress | None = None,
    ) -> Learned:
        """In one call, or where progress is told, in one for each stretch."""
        # What learns with a learner is behind it.
        from volition.value.tabular.learning import learn

        if not isinstance(env, AbstractEnvironment):
            raise ValueError(
                "a tabular learner learns in one functional world: give one of the "
                "tasks, and to Gymnasium's a deep learner."
            )
        if progress is None:
            return learn(key, env, reward, self, after=after)
        each = self.n_steps // self.n_stretches
        one = dataclasses.replace(self, n_steps=each, n_stretches=1)
        curves, found = [], None
        for _ in range(self.n_stretches):
            found = learn(key, env, reward, one, after=after)
            after = found.stand
            curves.append(found.curve)
            curve = joined(curves)
            progress(int(curve.step.max()), curve)
        return eqx.tree_at(lambda found: found.curve, found, joined(curves))

    @abc.abstractmethod
    def begin(self, q: Table, state: State) -> PyTree:
        """What is remembered before the first step.

        Args:
            q: the initial values.
            state: the first one; learners that keep states take its shape from it.
        """

    @abc.abstractmethod
    def q(self, memory: PyTree) -> Table:
        """The values in which it is greedy."""

    def row(self, memory: PyTree, state: State) -> Float[Array, " action"]:
        """Those of one state."""
        return table.row(self.q(memory), state)

    def own_draws(self, key: PRNGKeyArray, n_steps: int) -> PyTree:
        """Random numbers of its own for each step; none unless it says so."""
        del key, n_steps

    @abc.abstractmethod
    def update(
        self,
        memory: PyTree,
        seen: Seen,
        ahead: Ahead,
        step_size: Float[Array, ""],
        discount: Float[ArrayLike, ""],
        drawn: PyTree,
    ) -> PyTree:
        """What is remembered after a step."""


def draws(
    method: AbstractLearner,
    key: PRNGKeyArray,
    world: AbstractExperience,
    stretch: Int[ArrayLike, ""],
) -> Draws:
    """All random numbers of one stretch of learning, so that others can replay it.

    Args:
        method: the learner.
        key: the key given to `learn`.
        world: as `experience` makes it.
        stretch: which one, from 0.
    """
    n_steps = method.n_steps // method.n_stretches
    act_key, world_key, own_key = jax.random.split(jax.random.fold_in(key, stretch), 3)
    chance = method.exploration(_steps(method, stretch))
    explore, share = _choices(act_key, chance)
    return Draws(
        explore=explore,
        share=share,
        world=world.draws(world_key, n_steps),
        own=method.own_draws(own_key, n_steps),
    )


def first(key: PRNGKeyArray, world: AbstractExperience) -> PyTree:
    """Where learning with this key begins, so that others can replay it."""
    return world.first(jax.random.fold_in(key, 2**32 - 1))


def first_choice(
    key: PRNGKeyArray, method: AbstractLearner
) -> tuple[Bool[Array, ""], Float[Array, ""]]:
    """`explore` and `share` of the first step, for a learner that chooses ahead."""
    chance = method.exploration(jnp.zeros(1, dtype=jnp.int32))
    explore, share = _choices(jax.random.fold_in(key, 2**32 - 2), chance)
    return explore[0], share[0]


def begin(
    key: PRNGKeyArray, world: AbstractExperience, method: AbstractLearner
) -> Stand:
    """Where learning stands before the first step."""
    shape = (world.n_states, world.n_actions)
    q = jnp.where(world.terminal[:, None], 0.0, jnp.full(shape, method.initial_value))
    if world.available is not None:
        q = jnp.where(world.available, q, -jnp.inf)
    where = first(key, world)
    state = world.observe(where)
    by_visit = isinstance(method.step_size, ByVisit)
    if by_visit and state.ndim > 0:
        raise ValueError(
            "step sizes by visit need states that can be counted: give a number or a "
            "schedule over steps."
        )
    memory, planned = method.begin(q, state), jnp.int32(0)
    if method.commits:
        choice = first_choice(key, method)
        planned = _act(method, world, method.row(memory, state), *choice)
    visits = jnp.zeros(shape, dtype=jnp.int32) if by_visit else None
    zero = jnp.zeros((), dtype=q.dtype)
    return Stand(memory, visits, where, planned, zero, jnp.int32(0))


def run(
    key: PRNGKeyArray,
    world: AbstractExperience,
    method: AbstractLearner,
    watch: Callable[[Array, Seen], Any] | None = None,
    after: Stand | None = None,
) -> Learned:
    """Learn one chain; pure, so that it can be batched.

    Args:
        key: consumed.
        world: as `experience` makes it.
        method: the learner.
        watch: see `learn`.
        after: see `learn`.
    """
    by_visit = isinstance(method.step_size, ByVisit)

    def act(memory, state, drawn):
        values = method.row(memory, state)
        return _act(method, world, values, drawn.explore, drawn.share)

    def stretch(stand, _):
        drawn = draws(method, key, world, stand.stretch)
        steps = _steps(method, stand.stretch)
        size = None if by_visit else method.step_size(steps)
        chance = method.exploration(steps)
        start = (stand, jnp.zeros_like(stand.so_far), jnp.int32(0), jnp.asarray(True))
        end, watched = jax.lax.scan(one, start, (drawn, size, chance))
        stand, total, n_episodes, observed = end
        number = stand.stretch + 1
        stand = eqx.tree_at(lambda stand: stand.stretch, stand, number)
        mean = total / n_episodes.astype(total.dtype)
        # A reward that is not finite stays in the sums, so that no step need ask.
        finite = observed & jnp.isfinite(total) & jnp.isfinite(stand.so_far)
        finite &= jnp.all(method.q(stand.memory) < jnp.inf)
        return stand, (number, mean, n_episodes, finite, watched)

    def one(carry, now):
        stand, total, n_episodes, observed = carry
        memory, visits = stand.memory, stand.visits
        drawn, size, chance = now
        action = stand.planned
        if not method.commits:
            action = act(memory, world.observe(stand.where), drawn)
        seen, where = world.step(stand.where, action, drawn.world)
        planned = action
        if method.commits:
            planned = act(memory, seen.next_state, drawn)
        if by_visit:
            size = method.step_size(visits[seen.state, action])
            visits = visits.at[seen.state, action].add(1)
        ahead = Ahead(planned, chance)
        memory = method.update(memory, seen, ahead, size, world.discount, drawn.own)
        if method.commits:
            # A loop that is run at an end only: a choice at every step is felt.
            anew = lambda _, before: act(memory, world.observe(where), drawn)
            over = seen.over.astype(jnp.int32)
            planned = jax.lax.fori_loop(0, over, anew, planned)
        so_far = stand.so_far + seen.reward
        total = jnp.where(seen.over, total + so_far, total)
        n_episodes = jnp.where(seen.over, n_episodes + 1, n_episodes)
        so_far = jnp.where(seen.over, 0.0, so_far)
        watched = None if watch is None else watch(method.q(memory), seen)
        stand = Stand(memory, visits, where, planned, so_far, stand.stretch)
        return (stand, total, n_episodes, observed & seen.finite), watched

    stand = begin(key, world, method) if after is None else after
    stand, told = jax.lax.scan(stretch, stand, length=method.n_stretches)
    number, mean_return, n_episodes, finite, watched = told
    each = method.n_steps // method.n_stretches
    curve = Curve(number * each, mean_return, n_episodes)
    # [stretch, step of it] to [step]
    watched = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), watched)
    q = method.q(stand.memory)
    return Learned(
        q=q,
        policy=world.greedy(q),
        curve=curve,
        stand=stand,
        finite=finite,
        watched=watched,
    )


def _act(
    method: AbstractLearner,
    world: AbstractExperience,
    values: Float[Array, " action"],
    explore: Bool[Array, ""],
    share: Float[Array, ""],
) -> Int[Array, ""]:
    """The best action, or a random one that is available."""
    # As `argmax`, which asks for NaN, too: a step of Q-learning takes a seventh less.
    number = jnp.arange(world.n_actions, dtype=jnp.int32)
    highest = values == jnp.max(values)
    best = jnp.min(jnp.where(highest, number, jnp.int32(world.n_actions - 1)))
    if world.available is None and not method.random_ties:
        return jnp.where(explore, table.along(share, world.n_actions), best)
    good = highest if method.random_ties else number == best
    among = jnp.where(explore, values > -jnp.inf, good)
    up_to = jnp.cumsum(among.astype(jnp.int32))
    return jnp.argmax(up_to > table.along(share, up_to[-1])).astype(jnp.int32)


def _steps(method: AbstractLearner, stretch: Int[ArrayLike, ""]) -> Int[Array, " step"]:
    """Numbers of the steps of a stretch."""
    n_steps = method.n_steps // method.n_stretches
    return jnp.asarray(stretch * n_steps + jnp.arange(n_steps, dtype=jnp.int32))


def _choices(
    key: PRNGKeyArray, chance: Float[Array, " step"]
) -> tuple[Bool[Array, " step"], Float[Array, " step"]]:
    """Whether to explore, and how far along the list of actions."""
    # One number says both whether to explore and, then, which action to take: below
    # the chance as well as above it, it is uniform.
    uniform = _uniform(key, chance.shape[0])
    explore = uniform < chance
    above = (uniform - chance) / jnp.maximum(1.0 - chance, 1e-12)
    return explore, jnp.where(explore, uniform / jnp.maximum(chance, 1e-12), above)


def _uniform(key: PRNGKeyArray, n: int) -> Array:
    """Uniform numbers in `[0, 1)` of 32 bits, which resolve a probability to 2e-10."""
    bits = jax.random.bits(key, (n,), dtype=jnp.uint32)
    if jnp.result_type(float) == jnp.float64:
        return bits.astype(float) * 2.0**-32
    # A single float has 24 bits: more would be rounded up to 1.
    return (bits >> jnp.uint32(8)).astype(float) * 2.0**-24
