"""The rewards that the sources of our worlds state for them."""

from volition.env.delivery import FEATURES
from volition.reward.linear import Linear


def delivery_true() -> Linear:
    """The true reward of the delivery world, to score with and nothing else.

    Example:
        >>> print(delivery_true())
        - 1 gas + 50 goal - 50 sheep + 1 coin - 1 roadblock - 2 mud

    Source: W. B. Knox et al., arXiv 2206.02231, section 4.
    """
    names = tuple(feature.name for feature in FEATURES)
    return Linear(names, [-1.0, 50.0, -50.0, 1.0, -1.0, -2.0])


def cliff_walking() -> Linear:
    """-1 for a step, -100 for the cliff.

    Source: R. S. Sutton, A. G. Barto, "Reinforcement Learning", 2nd ed., example 6.6.
    """
    return Linear(("step", "cliff"), [-1.0, -100.0])
