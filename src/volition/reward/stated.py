"""The rewards that the sources of our worlds state for them."""

from volition.env import AbstractEnvironment
from volition.env.delivery import FEATURES
from volition.reward.linear import Linear


def intended(env: AbstractEnvironment) -> Linear | None:
    """What a world's source says is wanted there, by its features; None if nothing.

    The sum of the features times their `intended` weights, which is to be told from
    what a reward pays: in a world in which a reward misleads, it is the performance.

    Example:
        >>> from volition.env import safety
        >>> print(intended(safety.boat_race()))
        0 step + 0 arrow + 1 clockwise
    """
    weights = [feature.intended for feature in env.feature_info]
    if all(weight is None for weight in weights):
        return None
    return Linear(env.feature_names, [weight or 0.0 for weight in weights])


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


def windy_gridworld() -> Linear:
    """-1 for a step.

    Source: R. S. Sutton, A. G. Barto, "Reinforcement Learning", 2nd ed., example 6.5.
    """
    return Linear(("step",), [-1.0])


def random_walk() -> Linear:
    """-1 for leaving at the left, 1 at the right.

    Source: R. S. Sutton, A. G. Barto, "Reinforcement Learning", 2nd ed., example 7.1.
    """
    return Linear(("left end", "right end"), [-1.0, 1.0])


def blackjack() -> Linear:
    """1 for a game won, -1 for one lost.

    Source: R. S. Sutton, A. G. Barto, "Reinforcement Learning", 2nd ed., example 5.1.
    """
    return Linear(("win", "loss"), [1.0, -1.0])


def dyna_maze() -> Linear:
    """1 for the goal; for the mazes that change as well.

    Source: R. S. Sutton, A. G. Barto, "Reinforcement Learning", 2nd ed., example 8.1.
    """
    return Linear(("step", "goal"), [0.0, 1.0])


def maximization_bias() -> Linear:
    """What the arm pays.

    Source: R. S. Sutton, A. G. Barto, "Reinforcement Learning", 2nd ed., example 6.7.
    """
    return Linear(("payoff",), [1.0])


def mountain_car() -> Linear:
    """-1 for a step.

    Source: R. S. Sutton, A. G. Barto, "Reinforcement Learning", 2nd ed., example 10.1.
    """
    return Linear(("step", "goal"), [-1.0, 0.0])


def cartpole() -> Linear:
    """1 for a step, the one that ends in a fall included.

    Source: Farama Gymnasium, `CartPole-v1`.
    """
    return Linear(("step", "fall"), [1.0, 0.0])


def pendulum() -> Linear:
    """The cost of an angle, of a speed and of a torque.

    Example:
        >>> print(pendulum())
        - 1 angle^2 - 0.1 speed^2 - 0.001 torque^2

    Source: Farama Gymnasium, `Pendulum-v1`.
    """
    return Linear(("angle^2", "speed^2", "torque^2"), [-1.0, -0.1, -0.001])


def acrobot() -> Linear:
    """-1 for a step but the one that reaches the goal, which is 0.

    Source: Farama Gymnasium, `Acrobot-v1`.
    """
    return Linear(("step", "goal"), [-1.0, 1.0])
