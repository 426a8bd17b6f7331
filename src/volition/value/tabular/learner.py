"""The loop that every tabular learner runs in: act, step, update, begin anew."""

import abc
from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Int, Key, PRNGKeyArray, PyTree

from volition.env import AbstractEnvironment
from volition.policy import Tabular, greedy
from volition.reward import AbstractReward
from volition.value.schedule import AbstractSchedule, ByVisit, as_schedule
from volition.value.tabular.experience import AbstractExperience, Seen, experience


class Curve(eqx.Module):
    """How learning went, in equal stretches of steps.

    Args:
        step: steps made at the end of each stretch, `[stretch]`.
        mean_return: mean undiscounted return of the episodes that ended in it, reward
            units; NaN where none ended, `[stretch]`.
        n_episodes: how many ended in it, `[stretch]`.
    """

    step: Int[Array, " stretch"]
    mean_return: Float[Array, " stretch"]
    n_episodes: Int[Array, " stretch"]


class Learned(eqx.Module):
    """What a value learner found.

    Args:
        q: value of each action, reward units, `[state, action]`.
        policy: greedy in `q`.
        curve: how it got there.
        watched: what `watch` said after each step, leaves `[step]`; None without one.
    """

    q: Float[Array, "state action"]
    policy: Tabular
    curve: Curve
    watched: PyTree = None


class Draws(eqx.Module):
    """The random numbers of one stretch of learning, one entry for each step.

    Args:
        explore: whether a random action is taken.
        action: which one it would be.
        world: what chance decides in the world.
        own: what chance decides in the learner, if anything.
    """

    explore: Bool[Array, " step"]
    action: Int[Array, " step"]
    world: PyTree
    own: PyTree


class Ahead(eqx.Module):
    """What a learner knows of the step behind the one it learns from.

    Args:
        action: the action taken there, by a learner that commits to it.
        exploration: the probability of a random action there.
    """

    action: Int[Array, ""]
    exploration: Float[Array, ""]


class AbstractLearner(eqx.Module):
    """A tabular learner: what it remembers, and how a step changes that.

    It acts epsilon-greedily in its values; ties between actions go to the first. A
    time limit ends an episode but cuts nothing off.

    Args:
        n_steps: environment steps to learn from.
        step_size: a number in `(0, 1]`, or a schedule: over steps, or `ByVisit`.
        exploration: probability of a random action, or a schedule over steps.
        initial_value: what the table begins with, reward units; terminal rows with 0.
        n_stretches: points of the learning curve; divides `n_steps`.
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

    # Whether the next action is chosen before the update, and then taken.
    commits: ClassVar[bool] = False

    def __check_init__(self):
        if self.n_stretches < 1 or self.n_steps % self.n_stretches != 0:
            raise ValueError(
                f"n_steps = {self.n_steps} must be a multiple of n_stretches = "
                f"{self.n_stretches}."
            )

    @abc.abstractmethod
    def begin(self, q: Float[Array, "state action"]) -> PyTree:
        """What is remembered before the first step; `q` holds the initial values."""

    @abc.abstractmethod
    def q(self, memory: PyTree) -> Float[Array, "state action"]:
        """The values in which it is greedy."""

    def row(self, memory: PyTree, state: Int[Array, ""]) -> Float[Array, " action"]:
        """Those of one state."""
        return self.q(memory)[state]

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
    steps = jnp.asarray(stretch * n_steps + jnp.arange(n_steps, dtype=jnp.int32))
    chance = method.exploration(steps)
    # One number says both whether to explore and, then, which action to take.
    uniform = _uniform(act_key, n_steps)
    action = (uniform / jnp.maximum(chance, 1e-12) * world.n_actions).astype(jnp.int32)
    return Draws(
        explore=uniform < chance,
        action=jnp.minimum(action, world.n_actions - 1),
        world=world.draws(world_key, n_steps),
        own=method.own_draws(own_key, n_steps),
    )


def first(key: PRNGKeyArray, world: AbstractExperience) -> PyTree:
    """Where learning with this key begins, so that others can replay it."""
    return world.first(jax.random.fold_in(key, 2**32 - 1))


def run(
    key: PRNGKeyArray,
    world: AbstractExperience,
    method: AbstractLearner,
    watch: Callable[[Array, Seen], Any] | None = None,
) -> Learned:
    """Learn one chain; pure, so that it can be batched.

    Args:
        key: consumed.
        world: as `experience` makes it.
        method: the learner.
        watch: see `learn`.
    """
    n_steps = method.n_steps // method.n_stretches
    by_visit = isinstance(method.step_size, ByVisit)

    def act(memory, state, explore, action):
        best = jnp.argmax(method.row(memory, state)).astype(jnp.int32)
        return jnp.where(explore, action, best)

    def stretch(carry, number):
        drawn = draws(method, key, world, number)
        steps = number * n_steps + jnp.arange(n_steps, dtype=jnp.int32)
        size = None if by_visit else method.step_size(steps)
        chance = method.exploration(steps)
        zero = jnp.zeros((), dtype=method.initial_value.dtype)
        start = (*carry, zero, jnp.int32(0))
        end, watched = jax.lax.scan(one, start, (drawn, size, chance))
        *carry, total, n_episodes = end
        mean = total / n_episodes.astype(total.dtype)
        return tuple(carry), (mean, n_episodes, watched)

    def one(carry, now):
        memory, visits, where, planned, so_far, total, n_episodes = carry
        drawn, size, chance = now
        state = world.observe(where)
        if method.commits:
            action = planned
        else:
            action = act(memory, state, drawn.explore, drawn.action)
        seen, where = world.step(where, action, drawn.world)
        if method.commits:
            planned = act(memory, seen.next_state, drawn.explore, drawn.action)
        if by_visit:
            size = method.step_size(visits[state, action])
            visits = visits.at[state, action].add(1)
        ahead = Ahead(planned, chance)
        memory = method.update(memory, seen, ahead, size, world.discount, drawn.own)
        if method.commits:
            anew = act(memory, world.observe(where), drawn.explore, drawn.action)
            planned = jnp.where(seen.over, anew, planned)
        so_far = so_far + seen.reward
        total = jnp.where(seen.over, total + so_far, total)
        n_episodes = jnp.where(seen.over, n_episodes + 1, n_episodes)
        so_far = jnp.where(seen.over, 0.0, so_far)
        watched = None if watch is None else watch(method.q(memory), seen)
        end = (memory, visits, where, planned, so_far, total, n_episodes)
        return end, watched

    shape = (world.n_states, world.n_actions)
    q = jnp.where(world.terminal[:, None], 0.0, jnp.full(shape, method.initial_value))
    memory, where = method.begin(q), first(key, world)
    planned = jnp.int32(0)
    if method.commits:
        # The numbers of a stretch that never comes.
        draw = draws(method, key, world, method.n_stretches)
        planned = act(memory, world.observe(where), draw.explore[0], draw.action[0])
    visits = jnp.zeros(shape, dtype=jnp.int32) if by_visit else None
    numbers = jnp.arange(method.n_stretches, dtype=jnp.int32)
    start = (memory, visits, where, planned, jnp.zeros((), dtype=q.dtype))
    (memory, *_), (mean_return, n_episodes, watched) = jax.lax.scan(
        stretch, start, numbers
    )
    curve = Curve((numbers + 1) * n_steps, mean_return, n_episodes)
    # [stretch, step of it] to [step]
    watched = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), watched)
    q = method.q(memory)
    return Learned(q, greedy(q), curve, watched)


def _uniform(key: PRNGKeyArray, n: int) -> Array:
    """Uniform numbers in `[0, 1)` of 32 bits, which resolve a probability to 2e-10."""
    bits = jax.random.bits(key, (n,), dtype=jnp.uint32)
    if jnp.result_type(float) == jnp.float64:
        return bits.astype(float) * 2.0**-32
    # A single float has 24 bits: more would be rounded up to 1.
    return (bits >> jnp.uint32(8)).astype(float) * 2.0**-24


@eqx.filter_jit
def learn(
    key: PRNGKeyArray | Key[Array, " seed"],
    env: AbstractEnvironment,
    reward: AbstractReward,
    method: AbstractLearner,
    *,
    watch: Callable[[Array, Seen], Any] | None = None,
) -> Learned:
    """Learn action values from experience alone.

    Give several keys, `jax.random.split(key, n)`, to learn with several seeds at once:
    every leaf of the result then has a leading axis `[seed]`.

    Args:
        key: one key, or an array of them; consumed.
        env: the world, of which only samples are seen; its observations and actions
            are integers.
        reward: what its transitions are worth.
        method: the learner.
        watch: `(q, seen) -> anything`, asked after every step; what it says is in
            `watched`.

    Raises:
        ValueError: where observations or actions are no integers, or the reward reads
            features that the world does not have.

    Example:
        >>> from volition import env, reward
        >>> from volition.value import QLearning
        >>> world = env.cliff_walking()
        >>> method = QLearning(20_000, step_size=0.5)
        >>> learned = learn(jax.random.key(0), world, reward.cliff_walking(), method)
        >>> float(learned.q[36].max())  # 13 steps along the edge
        -13.0
    """
    seen = experience(env, reward)
    if key.ndim == 0:
        return run(key, seen, method, watch)
    # One chain after the other: on a CPU each is a tight loop of its own, while a
    # batch of them would spend its time on gathers.
    return jax.lax.map(lambda one: run(one, seen, method, watch), key)


@eqx.filter_jit
def sweep(
    keys: Key[Array, " seed"],
    env: AbstractEnvironment,
    reward: AbstractReward,
    methods: AbstractLearner,
    *,
    watch: Callable[[Array, Seen], Any] | None = None,
) -> Learned:
    """Learn with several settings of one method, each with several seeds, at once.

    Args:
        keys: one for each seed; every setting uses the same.
        env: the world.
        reward: what its transitions are worth.
        methods: one learner whose arrays have a leading axis `[setting]`.
        watch: see `learn`.

    Returns:
        Every leaf with leading axes `[setting, seed]`.

    Example:
        >>> from volition import env, reward
        >>> from volition.value import QLearning
        >>> methods = jax.vmap(lambda size: QLearning(600, step_size=size))(
        ...     jnp.array([0.1, 0.5])
        ... )
        >>> keys = jax.random.split(jax.random.key(0), 3)
        >>> found = sweep(keys, env.cliff_walking(), reward.cliff_walking(), methods)
        >>> found.q.shape
        (2, 3, 48, 4)
    """
    seen = experience(env, reward)
    arrays, rest = eqx.partition(methods, eqx.is_array)

    def setting(one):
        method = eqx.combine(one, rest)
        return jax.lax.map(lambda key: run(key, seen, method, watch), keys)

    return jax.lax.map(setting, arrays)
