"""The loop that every deep learner runs in: a rollout of instances, then learning."""

import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key, PRNGKeyArray, PyTree

from volition.env import AbstractEnvironment, Transition
from volition.env.spaces import Space
from volition.policy import AbstractPolicy
from volition.reward import AbstractReward, check_features
from volition.value.deep.network import AbstractInputs, inputs
from volition.value.learning import (
    AbstractLearned,
    AbstractMethod,
    Curve,
    Progress,
    joined,
)


class Step(eqx.Module):
    """A step of every instance, as deep learners see it; or several, `[time, env]`.

    Args:
        observation: what the action was chosen by.
        transition: what the reward is a function of; its action is the one chosen.
        reward: reward units.
        next_observation: what was seen next, before any reset.
        terminated: whether the outcome ended the episode: no future.
        over: whether a new episode begins, for that or for a time limit.
        discount: of the world.
    """

    observation: PyTree
    transition: Transition
    reward: Float[Array, "*batch"]
    next_observation: PyTree
    terminated: Bool[Array, "*batch"]
    over: Bool[Array, "*batch"]
    discount: Float[Array, "*batch"]


class Rollout(eqx.Module):
    """How much is seen between two times of learning.

    Args:
        n_envs: instances of the world side by side; of several tasks, spread over them.
        length: steps of each.
    """

    n_envs: int = eqx.field(static=True, default=32)
    length: int = eqx.field(static=True, default=32)

    def __check_init__(self):
        if self.n_envs < 1 or self.length < 1:
            raise ValueError(
                f"a rollout needs at least one instance and one step, not "
                f"{self.n_envs} and {self.length}."
            )

    @property
    def n_steps(self) -> int:
        """Of all instances together."""
        return self.n_envs * self.length


class World(eqx.Module):
    """Instances of a world, or of several tasks, that begin anew by themselves.

    Args:
        env: the world; with `spread`, a leading axis `[env]` on every leaf.
        reward: what its transitions are worth.
        n_envs: how many instances.
        spread: whether they differ.
    """

    env: AbstractEnvironment
    reward: AbstractReward
    n_envs: int = eqx.field(static=True)
    spread: bool = eqx.field(static=True)

    @property
    def action_space(self) -> Space:
        """Of each instance."""
        return self.env.action_space

    def inputs(self) -> AbstractInputs:
        """How a network takes what is observed."""
        return inputs(self.env.observation_space)

    def reset(self, key: PRNGKeyArray) -> PyTree:
        """A state of each instance."""
        keys = jax.random.split(key, self.n_envs)
        return self._each(lambda env, one: env.reset(one), keys)

    def observe(self, states: PyTree) -> PyTree:
        """What is seen of each."""
        return self._each(lambda env, state: env.observe(state), states)

    def step(
        self, keys: Key[Array, "env 2"], states: PyTree, actions: Any
    ) -> tuple[Step, PyTree]:
        """A step of each, and where the next one is made."""

        def one(env, keys, state, action):
            step_key, reset_key = keys
            moved = env.step(step_key, state, action)
            transition = env.transition(state, action, moved)
            terminated = env.terminated(moved)
            over = terminated | env.truncated(moved)
            fresh = env.reset(reset_key)
            after = jax.tree.map(lambda a, b: jnp.where(over, a, b), fresh, moved)
            reward = self.reward(transition).astype(jnp.float32)
            discount = jnp.asarray(env.discount).astype(jnp.float32)
            seen = Step(
                env.observe(state),
                jax.tree.map(jnp.asarray, transition),
                reward,
                env.observe(moved),
                terminated,
                over,
                discount,
            )
            return seen, after

        return self._each(one, keys, states, actions)

    def _each(self, fn, *arguments):
        axes = (0 if self.spread else None, *([0] * len(arguments)))
        return jax.vmap(fn, in_axes=axes)(self.env, *arguments)


def world(
    env: AbstractEnvironment | tuple[AbstractEnvironment, ...],
    reward: AbstractReward,
    n_envs: int,
) -> World:
    """Instances of one world, or of tasks of one shape, in equal numbers.

    Raises:
        ValueError: where the reward reads features that it does not have, tasks differ
            in more than their numbers, or there are more tasks than instances.
    """
    tasks = env if isinstance(env, tuple) else (env,)
    check_features(reward, tasks[0].feature_names)
    tasks = tuple(jax.tree.map(jnp.asarray, task) for task in tasks)
    if len(tasks) == 1:
        return World(tasks[0], reward, n_envs, False)
    if len(tasks) > n_envs:
        raise ValueError(
            f"{len(tasks)} tasks need as many instances: give a rollout of n_envs >= "
            f"{len(tasks)}, not {n_envs}."
        )
    for number, task in enumerate(tasks):
        if _shape(task) != _shape(tasks[0]):
            raise ValueError(
                f"task {number} is of another shape than task 0: tasks to learn "
                "together differ in their numbers alone."
            )
    turn = np.arange(n_envs) % len(tasks)
    spread = jax.tree.map(
        lambda *leaves: jnp.asarray(np.stack([np.asarray(x) for x in leaves])[turn]),
        *tasks,
    )
    return World(spread, reward, n_envs, True)


class Stand(eqx.Module):
    """Where learning stands between two stretches: all that is needed to go on.

    Args:
        memory: what the learner remembers.
        where: states of the instances.
        so_far: return of each one's episode in progress, reward units.
        stretch: how many there were.
    """

    memory: PyTree
    where: PyTree
    so_far: Float[Array, "*seed env"]
    stretch: Int[Array, "*seed"]


class Trained(AbstractLearned):
    """What a deep learner found.

    Args:
        policy: greedy in what it learned.
        curve: how it got there.
        stand: where it stopped; see the argument `after` of `learn`.
    """

    policy: AbstractPolicy
    curve: Curve
    stand: Stand


class AbstractDeepLearner(AbstractMethod[Trained]):
    """A learner with a network: what it remembers, and how a rollout changes that.

    It learns from `n_steps` steps of all instances together, rounded up to whole
    rollouts in `n_stretches` equal stretches. Networks are 32-bit floats, whatever the
    world's precision. A time limit ends an episode but cuts nothing off.
    """

    n_steps: eqx.AbstractVar[int]
    rollout: eqx.AbstractVar[Rollout]
    n_stretches: eqx.AbstractVar[int]

    @abc.abstractmethod
    def begin(self, key: PRNGKeyArray, world: World, example: Step) -> PyTree:
        """What is remembered before the first step.

        Args:
            key: consumed.
            world: the instances.
            example: a step of each, `[env]`, of which the shapes alone matter.
        """

    @abc.abstractmethod
    def act(
        self, key: PRNGKeyArray, memory: PyTree, observations: PyTree, step: Array
    ) -> Array:
        """An action for each of some observations, with the exploration of a step."""

    @abc.abstractmethod
    def update(
        self, key: PRNGKeyArray, memory: PyTree, seen: Step, step: Array
    ) -> PyTree:
        """What is remembered after a rollout, `[time, env]`."""

    @abc.abstractmethod
    def policy(self, memory: PyTree) -> AbstractPolicy:
        """What it would do without exploring."""

    @property
    def n_rollouts(self) -> int:
        """In each stretch."""
        return -(-self.n_steps // (self.n_stretches * self.rollout.n_steps))

    def learn(
        self,
        key: PRNGKeyArray | Key[Array, " seed"],
        env: AbstractEnvironment | tuple[AbstractEnvironment, ...],
        reward: AbstractReward,
        *,
        after: Stand | None = None,
        progress: Progress | None = None,
    ) -> Trained:
        """One compiled call for each stretch."""
        instances = world(env, reward, self.rollout.n_envs)
        if after is None:
            stand = begin(key, instances, self)
        else:
            stand = after
            _check(stand, eqx.filter_eval_shape(begin, key, instances, self))
        rows = []
        for _ in range(self.n_stretches):
            stand, row = stretch(key, instances, self, stand)
            rows.append(row)
            if progress is not None:
                curve = joined(rows)
                progress(int(curve.step.max()), curve)
        return Trained(self.policy(stand.memory), joined(rows), stand)


@eqx.filter_jit
def begin(
    key: PRNGKeyArray | Key[Array, " seed"],
    world: World,
    method: AbstractDeepLearner,
) -> Stand:
    """Where learning stands before the first step."""

    def one(key):
        where_key, memory_key = jax.random.split(jax.random.fold_in(key, 2**32 - 1))
        where = world.reset(where_key)
        example, _ = jax.eval_shape(_any_step, key, world, where)
        memory = method.begin(memory_key, world, example)
        so_far = jnp.zeros(world.n_envs, dtype=jnp.float32)
        return Stand(memory, where, so_far, jnp.int32(0))

    return one(key) if key.ndim == 0 else jax.lax.map(one, key)


@eqx.filter_jit
def stretch(
    key: PRNGKeyArray | Key[Array, " seed"],
    world: World,
    method: AbstractDeepLearner,
    stand: Stand,
) -> tuple[Stand, Curve]:
    """One stretch of learning, and its row of the curve."""
    if key.ndim == 0:
        return _stretch(key, world, method, stand)
    return jax.lax.map(
        lambda one: _stretch(one[0], world, method, one[1]), (key, stand)
    )


def _any_step(key: PRNGKeyArray, world: World, where: PyTree) -> tuple[Step, PyTree]:
    """A step of each instance that shows what a step looks like."""
    keys = jax.random.split(key, (world.n_envs, 2))
    actions = jax.vmap(world.action_space.sample)(keys[:, 0])
    return world.step(keys, where, actions)


def _stretch(
    key: PRNGKeyArray, world: World, method: AbstractDeepLearner, stand: Stand
) -> tuple[Stand, Curve]:
    each, length, n_envs = method.rollout.n_steps, method.rollout.length, world.n_envs
    first = stand.stretch * (each * method.n_rollouts)

    def one_step(carry, keys):
        memory, where, so_far, total, n_episodes, step = carry
        actions = method.act(keys[-1], memory, world.observe(where), step)
        of_env = keys[:-1].reshape(n_envs, 2)
        seen, where = world.step(of_env, where, actions)
        so_far = so_far + seen.reward
        total = total + jnp.sum(jnp.where(seen.over, so_far, 0.0))
        n_episodes = n_episodes + jnp.sum(seen.over, dtype=jnp.int32)
        so_far = jnp.where(seen.over, 0.0, so_far)
        return (memory, where, so_far, total, n_episodes, step + n_envs), seen

    def one_rollout(carry, keys):
        of_steps = keys[:-1].reshape(length, 2 * n_envs + 1)
        carry, seen = jax.lax.scan(one_step, carry, of_steps)
        memory, *rest, step = carry
        memory = method.update(keys[-1], memory, seen, step)
        return (memory, *rest, step), None

    zero = jnp.zeros((), dtype=jnp.float32)
    carry = (stand.memory, stand.where, stand.so_far, zero, jnp.int32(0), first)
    # All keys at once: each split by itself takes 50 to 100 ms to compile.
    n_keys = length * (2 * n_envs + 1) + 1
    key = jax.random.fold_in(key, stand.stretch)
    keys = jax.random.split(key, (method.n_rollouts, n_keys))
    carry, _ = jax.lax.scan(one_rollout, carry, keys)
    memory, where, so_far, total, n_episodes, step = carry
    mean = total / n_episodes.astype(jnp.float32)
    after = Stand(memory, where, so_far, stand.stretch + 1)
    return after, Curve(step[None], mean[None], n_episodes[None])


def _shape(tree: PyTree) -> tuple:
    leaves, structure = jax.tree.flatten(tree)
    return structure, tuple((leaf.shape, leaf.dtype) for leaf in leaves)


def _check(stand: Stand, expected: Stand) -> None:
    """Raise where a stand is not of the shape that the method and world make."""
    if jax.tree.structure(stand) != jax.tree.structure(expected):
        raise ValueError(
            "`after` was left by another method or another kind of world: go on with "
            "those that it comes from."
        )
    named = jax.tree_util.tree_leaves_with_path(expected)
    for (path, leaf), found in zip(named, jax.tree.leaves(stand), strict=True):
        if (found.shape, found.dtype) != (leaf.shape, leaf.dtype):
            name = jax.tree_util.keystr(path)
            raise ValueError(
                f"`after` has {found.dtype}{list(found.shape)} for {name}, where this "
                f"method and world have {leaf.dtype}{list(leaf.shape)}: go on with the "
                "settings and keys that it comes from."
            )
