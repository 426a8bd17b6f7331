"""Instances of a world side by side, and what one step of them shows."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key, PRNGKeyArray, PyTree

from volition.env import AbstractEnvironment, Transition
from volition.env.spaces import Space
from volition.reward import AbstractReward, check_weights, reading


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
    length: int = eqx.field(static=True, default=16)

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


class Spaces(eqx.Module):
    """What a network must fit: what is seen, and what can be done."""

    observation: Space
    action: Space


class World(eqx.Module):
    """Instances of a world, or of several tasks, that begin anew by themselves.

    Args:
        env: the world; of several tasks, a leading axis `[env]` on every leaf.
        reward: what its transitions are worth.
        n_envs: how many instances.
        n_tasks: how many tasks they are of, in turn; of one, nothing is spread.
    """

    env: AbstractEnvironment
    reward: AbstractReward
    n_envs: int = eqx.field(static=True)
    n_tasks: int = eqx.field(static=True)

    @property
    def spaces(self) -> Spaces:
        """Of each instance."""
        return Spaces(self.env.observation_space, self.env.action_space)

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

    def example(self, key: PRNGKeyArray, states: PyTree) -> Step:
        """A step of each instance that shows what a step looks like.

        Raises:
            ValueError: where not all actions can always be taken.
        """
        can = self._each(lambda env, seen: env.available(seen), self.observe(states))
        if can is not None:
            raise ValueError(
                "some actions of this world cannot always be taken, which deep "
                "learners do not heed: learn with a tabular one."
            )
        keys = jax.random.split(key, (self.n_envs, 2))
        actions = jax.vmap(self.env.action_space.sample)(keys[:, 0])
        return self.step(keys, states, actions)[0]

    def _each(self, fn, *arguments):
        axes = (0 if self.n_tasks > 1 else None, *([0] * len(arguments)))
        return jax.vmap(fn, in_axes=axes)(self.env, *arguments)


def world(
    env: AbstractEnvironment | tuple[AbstractEnvironment, ...],
    reward: AbstractReward,
    n_envs: int,
) -> World:
    """Instances of one world, or of tasks of one shape, in equal numbers.

    Raises:
        ValueError: where the reward reads features that it does not have or has weights
            that are not finite, tasks differ in more than their numbers, or there are
            more tasks than instances.
    """
    tasks = env if isinstance(env, tuple) else (env,)
    reward = reading(reward, tasks[0].feature_names)
    check_weights(reward)
    tasks = tuple(jax.tree.map(jnp.asarray, task) for task in tasks)
    if len(tasks) == 1:
        return World(tasks[0], reward, n_envs, 1)
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
    return World(spread, reward, n_envs, len(tasks))


def _shape(tree: PyTree) -> tuple:
    leaves, structure = jax.tree.flatten(tree)
    return structure, tuple((leaf.shape, leaf.dtype) for leaf in leaves)
