"""Copies of a world of ours as a `gymnasium.vector.VectorEnv`."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from jaxtyping import PyTree

from volition.env.environment import AbstractEnvironment
from volition.env.gym.one import (
    Made,
    RewardFn,
    advance,
    begin,
    by_name,
    checked_action,
    key_of,
    words_of,
)
from volition.env.gym.spaces import their_space

_keys_of = jax.jit(jax.vmap(key_of))


@eqx.filter_jit
def _begin(env: AbstractEnvironment, keys: PyTree) -> tuple[PyTree, PyTree, PyTree]:
    return jax.vmap(lambda key: begin(env, key))(keys)


@eqx.filter_jit
def _same_step(env, reward_fn, keys, states, actions) -> tuple[PyTree, ...]:
    """Step, and reset at once where that ended an episode."""

    def one(key, state, action):
        key, after, made = advance(env, reward_fn, key, state, action)
        fresh = begin(env, key)
        over = made.terminated | made.truncated
        now = _where(over, fresh, (key, after, made.observation))
        return *now, made

    return jax.vmap(one)(keys, states, actions)


@eqx.filter_jit
def _next_step(env, reward_fn, keys, states, actions, over) -> tuple[PyTree, ...]:
    """Step, but only reset where the step before ended an episode."""

    def one(key, state, action, over):
        after_key, after, made = advance(env, reward_fn, key, state, action)
        fresh = begin(env, key)
        now = _where(over, fresh, (after_key, after, made.observation))
        nothing = jax.tree.map(jnp.zeros_like, made)
        return *now, _where(over, nothing, made)

    return jax.vmap(one)(keys, states, actions, over)


def _where(condition: Any, one: PyTree, other: PyTree) -> PyTree:
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), one, other)


class GymVectorEnv(gymnasium.vector.VectorEnv):
    """Copies of a world, with a reward, stepped together in one compiled call.

    It does what Gymnasium's `SyncVectorEnv` does with as many `GymEnv`, from the same
    random numbers. Where an episode ended, `NEXT_STEP` shows the last observation
    and resets in the next step, which takes no action and is worth 0; `SAME_STEP`
    resets at once, the last observation is `info["final_obs"]`, and the features of
    that step are in `info["final_info"]`.

    Args:
        world: any environment of ours.
        reward_fn: what a transition is worth; any of our rewards, or a function.
        num_envs: how many copies, at least 1.
        autoreset_mode: `NEXT_STEP` or `SAME_STEP`, or the value of it.

    Raises:
        ValueError: for `DISABLED`, and where there is no copy.

    Example:
        >>> from volition.env import CartPole
        >>> envs = GymVectorEnv(CartPole(), lambda told: told.features[0], num_envs=3)
        >>> observations, _ = envs.reset(seed=0)
        >>> envs.step(np.array([0, 1, 1]))[1].tolist()
        [1.0, 1.0, 1.0]
    """

    def __init__(
        self,
        world: AbstractEnvironment,
        reward_fn: RewardFn,
        *,
        num_envs: int,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    ):
        mode = AutoresetMode(autoreset_mode)
        if mode is AutoresetMode.DISABLED:
            raise ValueError(
                "autoreset_mode is DISABLED: choose NEXT_STEP or SAME_STEP, or wrap "
                "single GymEnv in gymnasium.vector.SyncVectorEnv."
            )
        if num_envs < 1:
            raise ValueError(f"num_envs = {num_envs}: there must be at least 1.")
        self.world, self.reward_fn = world, by_name(reward_fn, world)
        self.num_envs = num_envs
        self.autoreset_mode = mode
        self.metadata = {"render_modes": [], "autoreset_mode": mode}
        self.single_action_space = their_space(world.action_space)
        self.single_observation_space = their_space(world.observation_space)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.keys: Any = None
        self.states: PyTree = None
        self._over = np.zeros(num_envs, dtype=bool)

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Begin as many episodes; of a seed, the copies take `seed, seed + 1, ...`."""
        if isinstance(seed, int):
            super().reset(seed=seed)
            seed = range(seed, seed + self.num_envs)
        if seed is None and self.keys is None:
            seed = [None] * self.num_envs
        if seed is not None:
            if len(seed) != self.num_envs:
                raise ValueError(f"{self.num_envs} copies need as many seeds: {seed}.")
            words = [words_of(seeding.np_random(each)[0]) for each in seed]
            self.keys = _keys_of(np.stack(words))
        self._over = np.zeros(self.num_envs, dtype=bool)
        self.keys, self.states, observations = _begin(self.world, self.keys)
        return self._seen(observations), {}

    def step(
        self, actions: Any
    ) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Take one action in each copy."""
        if self.keys is None:
            raise gymnasium.error.ResetNeeded("call reset before step.")
        actions = checked_action(self.world.action_space, actions, self.num_envs)
        known = self.world, self.reward_fn, self.keys, self.states
        if self.autoreset_mode is AutoresetMode.SAME_STEP:
            out = _same_step(*known, actions)
        else:
            out = _next_step(*known, actions, self._over)
        self.keys, self.states = out[:2]
        observations, made = jax.device_get(out[2:])
        terminated, truncated = np.array(made.terminated), np.array(made.truncated)
        over = terminated | truncated
        if self.autoreset_mode is AutoresetMode.SAME_STEP:
            info = self._same_step_info(made, over)
        else:
            info = self._features(made, ~self._over)
        self._over = over
        rewards = np.array(made.reward, dtype=np.float64)
        return self._seen(observations), rewards, terminated, truncated, info

    def _same_step_info(self, made: Made, over: np.ndarray) -> dict[str, Any]:
        info = self._features(made, ~over)
        if over.any():
            last, seen = np.full(self.num_envs, None, dtype=object), made.observation
            for copy in np.flatnonzero(over):
                last[copy] = self._seen(seen[copy])
            final_info = self._features(made, over)
            info |= {"final_obs": last, "_final_obs": over.copy()}
            info |= {"final_info": final_info, "_final_info": over.copy()}
        return info

    def _features(self, made: Made, told: np.ndarray) -> dict[str, Any]:
        """As Gymnasium batches infos: each with a mask of where it was told."""
        if not told.any():
            return {}
        features: dict[str, Any] = {}
        for name, values in zip(self.world.feature_names, made.features.T, strict=True):
            features[name] = np.where(told, values, 0.0).astype(float)
            features[f"_{name}"] = told.copy()
        return {"features": features, "_features": told.copy()}

    def _seen(self, observations: Any) -> Any:
        return np.array(observations, dtype=self.single_observation_space.dtype)
