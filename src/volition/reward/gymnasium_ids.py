"""Our worlds and the rewards that are stated for them, under ids of Gymnasium's.

`gymnasium.make("volition/CartPole-v0")` works once both packages are imported,
whichever comes first; `gymnasium.make("volition:volition/CartPole-v0")` imports ours.
Gymnasium keeps a table of ids for the process and looks for no packages by itself, so
that the ids are entered there as soon as somebody imports it; we never do.
"""

import sys
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from typing import TYPE_CHECKING, Any

from volition import env as worlds
from volition.env import AbstractEnvironment
from volition.reward import driving, stated
from volition.reward.contract import AbstractReward

if TYPE_CHECKING:
    from volition.env.gym import GymEnv, GymVectorEnv

# One row, one id.
IDS: dict[
    str, tuple[Callable[[], AbstractEnvironment], Callable[[], AbstractReward]]
] = {
    "Acrobot-v0": (worlds.Acrobot, stated.acrobot),
    "Blackjack-v0": (worlds.blackjack, stated.blackjack),
    "CartPole-v0": (worlds.CartPole, stated.cartpole),
    "CliffWalking-v0": (worlds.cliff_walking, stated.cliff_walking),
    "Delivery-v0": (worlds.delivery, stated.delivery_true),
    "DynaMaze-v0": (worlds.dyna_maze, stated.dyna_maze),
    "Exit-v0": (worlds.Exit, driving.ExitReward),
    "Highway-v0": (worlds.Highway, driving.HighwayReward),
    "MaximizationBias-v0": (worlds.MaximizationBias, stated.maximization_bias),
    "Merge-v0": (worlds.Merge, driving.MergeReward),
    "MountainCar-v0": (worlds.MountainCar, stated.mountain_car),
    "Pendulum-v0": (worlds.Pendulum, stated.pendulum),
    "RandomWalk-v0": (worlds.random_walk, stated.random_walk),
    "TwoWay-v0": (worlds.TwoWay, driving.TwoWayReward),
    "WindyGridworld-v0": (worlds.windy_gridworld, stated.windy_gridworld),
}


def make(
    *,
    name: str,
    world: AbstractEnvironment | None = None,
    reward_fn: AbstractReward | None = None,
    render_mode: str | None = None,
) -> "GymEnv":
    """What `gymnasium.make("volition/NAME")` calls.

    Args:
        name: a row of `IDS`; the id says it.
        world: another than the row's, for instance with other parameters.
        reward_fn: another than the row's.
        render_mode: None; it draws nothing.
    """
    from volition.env.gym import GymEnv

    return GymEnv(*_pair(name, world, reward_fn), render_mode=render_mode)


def make_vec(
    *,
    name: str,
    num_envs: int,
    world: AbstractEnvironment | None = None,
    reward_fn: AbstractReward | None = None,
    autoreset_mode: Any = "NextStep",
) -> "GymVectorEnv":
    """What `gymnasium.make_vec("volition/NAME", num_envs=...)` calls.

    Args:
        name: a row of `IDS`; the id says it.
        num_envs: how many copies.
        world: another than the row's, for instance with other parameters.
        reward_fn: another than the row's.
        autoreset_mode: as in `volition.env.gym.GymVectorEnv`.
    """
    from volition.env.gym import GymVectorEnv

    return GymVectorEnv(
        *_pair(name, world, reward_fn), num_envs=num_envs, autoreset_mode=autoreset_mode
    )


def _pair(
    name: str, world: AbstractEnvironment | None, reward_fn: AbstractReward | None
) -> tuple[AbstractEnvironment, AbstractReward]:
    make_world, make_reward = IDS[name]
    return (
        make_world() if world is None else world,
        make_reward() if reward_fn is None else reward_fn,
    )


def register() -> None:
    """Enter the ids in Gymnasium's table, those that are not there."""
    import gymnasium

    for name in IDS:
        if (entry := f"volition/{name}") not in gymnasium.registry:
            gymnasium.register(
                entry,
                entry_point=f"{__name__}:make",
                vector_entry_point=f"{__name__}:make_vec",
                kwargs={"name": name},
            )


class _Watch(MetaPathFinder):
    """Registers when Gymnasium is imported; finds nothing else, and then goes."""

    def find_spec(self, fullname: str, path: Any, target: Any = None):
        if fullname != "gymnasium":
            return None
        found = PathFinder.find_spec(fullname, path)
        if found is not None and found.loader is not None:
            self._extend(found)
        return found

    def _extend(self, found: ModuleSpec) -> None:
        loader: Any = found.loader
        execute = loader.exec_module

        def exec_module(module: Any) -> None:
            execute(module)
            sys.meta_path.remove(self)
            register()

        loader.exec_module = exec_module


def watch() -> None:
    """Register now, or when Gymnasium is imported."""
    if "gymnasium" in sys.modules:
        register()
    else:
        sys.meta_path.insert(0, _Watch())
