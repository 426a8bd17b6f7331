"""Rewards at the door of a verb."""

import inspect
from typing import Any

from volition.expect import described
from volition.reward.contract import AbstractReward


def expect_reward(
    reward: Any, what: str = "the reward", remedy: str | None = None
) -> None:
    """Raise where a value is no reward.

    Args:
        reward: what was given.
        what: what it was given as, such as "the truth".
        remedy: what to do, where it is neither a plain function nor a posterior.

    Raises:
        TypeError: naming what was given, and the remedy.

    Example:
        >>> try:
        ...     expect_reward(lambda state, action: 1.0)
        ... except TypeError as error:
        ...     print(error)
        the reward is a plain function: wrap it, vl.reward.Function(fn).
    """
    if isinstance(reward, AbstractReward):
        return
    if inspect.isroutine(reward):
        remedy = "wrap it, vl.reward.Function(fn)"
    elif isinstance(getattr(reward, "mean", None), AbstractReward):
        remedy = "give the mean reward, its `mean`"
    elif remedy is None:
        remedy = "give one, such as vl.reward.Linear(env.feature_names, weights)"
    raise TypeError(f"{what} is {described(reward)}: {remedy}.")
