"""Policies at the door of a verb."""

from typing import Any

from volition.expect import described
from volition.policy.policy import AbstractPolicy


def expect_policy(policy: Any, what: str = "the policy") -> None:
    """Raise where a value is no policy.

    Raises:
        TypeError: naming what was given, and the remedy.

    Example:
        >>> from volition.policy import Random
        >>> expect_policy(Random(4))
    """
    if isinstance(policy, AbstractPolicy):
        return
    remedy = "give a policy, such as vl.policy.Random(n_actions)"
    if isinstance(getattr(policy, "policy", None), AbstractPolicy):
        remedy = "give the policy in it, its `policy`"
    raise TypeError(f"{what} is {described(policy)}: {remedy}.")
