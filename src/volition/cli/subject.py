"""What a command is said to be about: a saved reward, or a study that has results."""

from pathlib import Path

import jax
import jax.numpy as jnp

from volition import files
from volition.env import FiniteMDP, delivery
from volition.errors import InputError
from volition.reward import AbstractReward, Shaped, Tabular, check_features
from volition.store import check_finite, read_saved

# What a reward of another world, or one that was tampered with, fails with.
_UNFIT = (TypeError, ValueError, IndexError, KeyError, AttributeError, AssertionError)


def saved_reward(path: Path) -> AbstractReward:
    """The reward of the delivery world in a file.

    Raises:
        InputError: where it is missing, damaged, no reward, or one of another world.
    """
    reward = read_saved(path, AbstractReward, "reward")
    world = delivery()
    try:
        for cls in type(reward).__mro__:
            if "__check_init__" in vars(cls):
                vars(cls)["__check_init__"](reward)
        check_features(reward, world.feature_names)
        _check_tables(reward, world)
        made = jax.eval_shape(reward, world.branch_transition(0, 0, 0))
        if made.shape != () or not jnp.issubdtype(made.dtype, jnp.floating):
            raise ValueError("it pays no single number for a step")
    except _UNFIT as error:
        said = str(error) or type(error).__name__
        raise InputError(
            f"the reward in {path} is none of the delivery world: "
            f"{files.reason(ValueError(said))}."
        ) from error
    check_finite(reward, path)
    return reward


def _check_tables(reward: AbstractReward, world: FiniteMDP) -> None:
    """Beyond the end of a table nothing fails: its last number is taken."""
    sizes = (world.n_states, world.n_actions, world.n_states)
    is_part = lambda part: isinstance(part, Tabular | Shaped) and part is not reward
    for part in jax.tree.leaves(reward, is_leaf=is_part):
        if is_part(part):
            _check_tables(part, world)
    if isinstance(reward, Tabular | Shaped):
        table = reward.values if isinstance(reward, Tabular) else reward.potential
        n_axes = table.ndim if isinstance(reward, Tabular) else 1
        if table.shape != sizes[:n_axes]:
            raise ValueError(
                f"it has a table of shape {table.shape}, for a world of {sizes[0]} "
                f"states and {sizes[1]} actions"
            )
