"""A world of ours as a `gymnasium.Env`."""

import importlib
from collections.abc import Callable
from typing import Any

import equinox as eqx
import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray, PyTree, UInt32

from volition.env.environment import AbstractEnvironment, Transition
from volition.env.gym.spaces import their_space
from volition.env.spaces import Discrete, Space

RewardFn = Callable[[Transition], Float[ArrayLike, ""]]


class Made(eqx.Module):
    """One step, as Gymnasium tells it.

    Args:
        observation: of the state that it led to.
        reward: for it.
        terminated: whether an outcome ended the episode.
        truncated: whether a time limit did.
        features: the world's named features of it, `[feature]`.
    """

    observation: PyTree
    reward: Float[Array, "*batch"]
    terminated: Array
    truncated: Array
    features: Float[Array, "*batch feature"]


def begin(env: AbstractEnvironment, key: PRNGKeyArray) -> tuple[PyTree, PyTree, Array]:
    """The key from now on, the first state, and what is seen of it."""
    key, reset_key = jax.random.split(key)
    state = env.reset(reset_key)
    return key, state, env.observe(state)


def advance(
    env: AbstractEnvironment,
    reward_fn: RewardFn,
    key: PRNGKeyArray,
    state: PyTree,
    action: Any,
) -> tuple[PyTree, PyTree, Made]:
    """The key from now on, the next state, and what is told of the step."""
    key, step_key = jax.random.split(key)
    after = env.step(step_key, state, action)
    told = env.transition(state, action, after)
    return (
        key,
        after,
        Made(
            observation=env.observe(after),
            reward=jnp.asarray(reward_fn(told)),
            terminated=env.terminated(after),
            truncated=env.truncated(after),
            features=jnp.asarray(told.features),
        ),
    )


def key_of(words: UInt32[ArrayLike, "2"]) -> PRNGKeyArray:
    """The key of two random words."""
    words = jnp.asarray(words)
    return jax.random.fold_in(jax.random.key(words[0]), words[1])


def words_of(generator: np.random.Generator) -> np.ndarray:
    """Two random words from Gymnasium's generator."""
    return generator.integers(0, 2**32, size=2, dtype=np.uint32)


def by_name(reward_fn: RewardFn, world: AbstractEnvironment) -> RewardFn:
    """A reward of ours as it reads the features of a world; a function as it is."""
    if not isinstance(getattr(reward_fn, "feature_names", None), tuple):
        return reward_fn
    # Rewards come after worlds in the order of packages.
    rewards = importlib.import_module("volition.reward")
    return rewards.reading(reward_fn, world.feature_names)


_key_of = jax.jit(key_of)
_begin = eqx.filter_jit(begin)
_advance = eqx.filter_jit(advance)


class GymEnv(gymnasium.Env):
    """A world of ours, with a reward, as a `gymnasium.Env`.

    The state between two steps is `state`; the world's named features of a step are
    `info["features"]`. All randomness comes from the seed of `reset`; a `reset` without
    a seed goes on from there.

    Args:
        world: any environment of ours.
        reward_fn: what a transition is worth; any of our rewards, or a function.
        render_mode: None; it draws nothing.

    Example:
        >>> from volition.env import CartPole
        >>> env = GymEnv(CartPole(), lambda told: told.features[0])
        >>> observation, _ = env.reset(seed=0)
        >>> _, reward, terminated, truncated, info = env.step(1)
        >>> reward, terminated, truncated, info
        (1.0, False, False, {'features': {'step': 1.0, 'fall': 0.0}})
    """

    metadata = {"render_modes": []}  # noqa: RUF012

    def __init__(
        self,
        world: AbstractEnvironment,
        reward_fn: RewardFn,
        *,
        render_mode: str | None = None,
    ):
        self.world, self.reward_fn = world, by_name(reward_fn, world)
        self.render_mode = render_mode
        self.action_space = their_space(world.action_space)
        self.observation_space = their_space(world.observation_space)
        self.key: Any = None
        self.state: PyTree = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode; a seed makes it, and all that follow, repeatable."""
        super().reset(seed=seed)
        if seed is not None or self.key is None:
            self.key = _key_of(words_of(self.np_random))
        self.key, self.state, observation = _begin(self.world, self.key)
        return self._seen(observation), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Take one action."""
        if self.key is None:
            raise gymnasium.error.ResetNeeded("call reset before step.")
        action = checked_action(self.world.action_space, action)
        self.key, self.state, made = _advance(
            self.world, self.reward_fn, self.key, self.state, action
        )
        features = np.asarray(made.features).tolist()
        return (
            self._seen(made.observation),
            float(made.reward),
            bool(made.terminated),
            bool(made.truncated),
            {"features": dict(zip(self.world.feature_names, features, strict=True))},
        )

    def _seen(self, observation: Any) -> Any:
        # A copy: what JAX hands out can neither be written to nor kept.
        seen = np.array(observation, dtype=self.observation_space.dtype)
        return seen[()] if isinstance(self.world.observation_space, Discrete) else seen


def checked_action(space: Space, action: Any, *leading: int) -> np.ndarray:
    """Actions as our worlds take them, once they are known to be actions.

    Real ones out of range are left to the world, as Gymnasium's own do.

    Args:
        space: of the actions.
        action: one, or one of each copy.
        leading: how many copies there are; none for a single world.

    Raises:
        ValueError: for another shape or kind, NaN, or a number that is no action.

    Example:
        >>> checked_action(Discrete(5), 4)
        array(4, dtype=int32)
    """
    array = np.asarray(action)
    is_number = isinstance(space, Discrete)
    shape = (*leading, *(() if is_number else space.shape))
    if array.shape != shape or array.dtype.kind not in ("iu" if is_number else "fiu"):
        raise ValueError(
            f"the action {action} has the shape {array.shape} and the type "
            f"{array.dtype}: give the shape {shape} of {space}."
        )
    if is_number and ((array < 0) | (array >= space.n)).any():
        raise ValueError(f"the action {action} is not in 0 .. {space.n - 1}.")
    if not is_number and not np.isfinite(array).all():
        raise ValueError(f"the action {action} is not finite: find what made it so.")
    return their_action(array)


def their_action(action: Any) -> np.ndarray:
    """Actions as our worlds take them: 32 bits, integer or real."""
    array = np.asarray(action)
    return array.astype(np.int32 if array.dtype.kind in "iu" else np.float32)
