"""What Gymnasium makes of our ids; importing this enters them in its table."""

import importlib
from typing import Any

from volition.env.environment import AbstractEnvironment
from volition.env.gym.many import GymVectorEnv
from volition.env.gym.one import GymEnv, RewardFn
from volition.gymnasium_ids import IDS, register


def make(
    *,
    name: str,
    world: AbstractEnvironment | None = None,
    reward_fn: RewardFn | None = None,
    render_mode: str | None = None,
) -> GymEnv:
    """What `gymnasium.make("volition/NAME")` calls.

    Args:
        name: a row of `volition.gymnasium_ids.IDS`; the id says it.
        world: another than the row's, for instance with other parameters.
        reward_fn: another than the row's.
        render_mode: None; it draws nothing.
    """
    return GymEnv(*_pair(name, world, reward_fn), render_mode=render_mode)


def make_vec(
    *,
    name: str,
    num_envs: int,
    world: AbstractEnvironment | None = None,
    reward_fn: RewardFn | None = None,
    autoreset_mode: Any = "NextStep",
) -> GymVectorEnv:
    """What `gymnasium.make_vec("volition/NAME", num_envs=...)` calls.

    Args:
        name: a row of `volition.gymnasium_ids.IDS`; the id says it.
        num_envs: how many copies.
        world: another than the row's, for instance with other parameters.
        reward_fn: another than the row's.
        autoreset_mode: as in `volition.env.gym.GymVectorEnv`.
    """
    return GymVectorEnv(
        *_pair(name, world, reward_fn), num_envs=num_envs, autoreset_mode=autoreset_mode
    )


def _pair(
    name: str, world: AbstractEnvironment | None, reward_fn: RewardFn | None
) -> tuple[AbstractEnvironment, RewardFn]:
    for_world, for_reward = IDS[name]
    if world is None:
        world = getattr(importlib.import_module("volition.env"), for_world)()
    if reward_fn is None:
        reward_fn = getattr(importlib.import_module("volition.reward"), for_reward)()
    return world, reward_fn


register()
