"""Whether the numbers of a reward are numbers."""

import equinox as eqx
import jax
import numpy as np
from jax.core import Tracer

from volition.env import AbstractEnvironment
from volition.reward.contract import AbstractReward


def check_weights(reward: AbstractReward) -> None:
    """Raise where a weight of a reward is NaN or infinite, as far as it is known.

    Weights that are traced are not known. An environment that a reward looks at states
    through is not its weights.

    Raises:
        ValueError: naming the first.

    Example:
        >>> from volition.reward import Linear
        >>> check_weights(Linear(("speed",), [1.0]))
    """
    is_world = lambda node: isinstance(node, AbstractEnvironment)
    named = jax.tree_util.tree_leaves_with_path(reward, is_leaf=is_world)
    for path, leaf in named:
        if not eqx.is_inexact_array_like(leaf) or isinstance(leaf, Tracer):
            continue
        wrong = np.argwhere(~np.isfinite(np.asarray(leaf)))
        if len(wrong):
            entry = "".join(f"[{number}]" for number in wrong[0])
            name = jax.tree_util.keystr(path).lstrip(".") + entry
            value = np.asarray(leaf)[tuple(wrong[0])]
            raise ValueError(
                f"the reward {type(reward).__name__} has {value} for {name}: give it "
                "weights that are finite."
            )
