"""A reward of ours in an environment of Gymnasium's."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import gymnasium
import numpy as np

from volition.env.environment import Transition
from volition.env.gym.one import RewardFn, their_action


def own_reward(reward: float, info: dict[str, Any]) -> list[float]:
    """The one feature that every environment has: its own reward."""
    del info
    return [reward]


@eqx.filter_jit
def _pay(reward_fn, *told):
    return reward_fn(Transition(*told))


class RewardWrapper(gymnasium.Wrapper):
    """An environment of Gymnasium's that pays a reward of ours.

    The reward sees a transition from observation to observation. What the environment
    itself pays is `info["own_reward"]`.

    Args:
        env: observations and actions must be arrays or numbers.
        reward_fn: what a transition is worth; any of our rewards, or a function.
        features_fn: the features that the reward reads, in its order, from what the
            environment itself pays and its info; default the former alone.

    Example:
        >>> env = gymnasium.make("CartPole-v1")
        >>> leaning = lambda told: -abs(told.next_state[2])
        >>> env = RewardWrapper(env, leaning)
        >>> observation, _ = env.reset(seed=0)
        >>> observation, reward, _, _, info = env.step(1)
        >>> bool(reward == -abs(observation[2])), info
        (True, {'own_reward': 1.0})
    """

    def __init__(
        self,
        env: gymnasium.Env,
        reward_fn: RewardFn,
        *,
        features_fn: Callable[[float, dict[str, Any]], Any] = own_reward,
    ):
        super().__init__(env)
        self.reward_fn, self.features_fn = reward_fn, features_fn
        self._before: Any = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._before = np.array(observation)
        return observation, info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Take one action; pay for the transition."""
        observation, own, terminated, truncated, info = self.env.step(action)
        features = np.asarray(self.features_fn(float(own), info), dtype=float)
        now = np.array(observation)
        reward = _pay(
            self.reward_fn,
            self._before,
            their_action(action),
            now,
            features,
            np.asarray(terminated),
        )
        self._before = now
        info = {**info, "own_reward": float(own)}
        return observation, float(reward), terminated, truncated, info
