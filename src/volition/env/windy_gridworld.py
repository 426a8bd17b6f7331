"""The windy gridworld of the textbook."""

import jax.numpy as jnp
import numpy as np

from volition.env.environment import Feature
from volition.env.gridworld import KING_MOVES, MOVES, Cell
from volition.env.mdp import FiniteMDP

WIND = (0, 0, 0, 1, 1, 1, 2, 2, 1, 0)  # tiles upwards, by the column that is left
N_ROWS, START, GOAL = 7, (3, 0), (3, 7)
FEATURES = (Feature("step", "1", "1 for every step, the last one included"),)


def windy_gridworld(
    *, kings_moves: bool = False, stochastic: bool = False, discount: float = 1.0
) -> FiniteMDP:
    """7 x 10 tiles with a wind that blows upwards in the middle columns.

    A step is moved up by the wind of the column that it leaves, as far as the edge
    lets it. The book's reward is -1 for `step`; 15 steps are enough, and 7 with king's
    moves.

    Args:
        kings_moves: eight moves in place of four (exercise 6.9).
        stochastic: where there is wind it is one less or one more than said, a third
            of the times each (exercise 6.10).
        discount: in `[0, 1]`, per step.

    Returns:
        The MDP; undiscounted unless you say otherwise, so that a policy that never
        arrives has no finite value.

    Raises:
        ValueError: where the discount is not in `[0, 1]`.

    Example:
        >>> world = windy_gridworld()
        >>> right = world.action_names.index("right")
        >>> world.describe(int(world.successor[36, right, 0]))  # from (3, 6)
        '(1, 7)'

    Source: R. S. Sutton, A. G. Barto, "Reinforcement Learning", 2nd ed., example 6.5.
    """
    moves = np.array(list((KING_MOVES if kings_moves else MOVES).values()))
    n_columns = len(WIND)
    row, column = np.divmod(np.arange(N_ROWS * n_columns), n_columns)
    wind = np.array(WIND)[column]
    gust = np.array([0, -1, 1] if stochastic else [0])
    # Where no wind blows the gusts have no effect.
    up = wind[:, None] + np.where(wind[:, None] > 0, gust, 0)
    to_row = row[:, None, None] + moves[:, :1] - up[:, None, :]
    to_column = column[:, None, None] + moves[:, 1:]
    successor = n_columns * np.clip(to_row, 0, N_ROWS - 1)
    successor = successor + np.clip(to_column, 0, n_columns - 1)
    terminal = (row == GOAL[0]) & (column == GOAL[1])
    at_goal = np.arange(terminal.size)[:, None, None]
    successor = np.where(terminal[:, None, None], at_goal, successor)
    features = np.broadcast_to(~terminal[:, None, None, None], (*successor.shape, 1))
    index = jnp.arange(terminal.size, dtype=jnp.int32)
    return FiniteMDP(
        successor,
        np.full(successor.shape, 1.0 / gust.size),
        terminal=terminal,
        initial=((row == START[0]) & (column == START[1])).astype(float),
        discount=discount,
        features=features,
        goal=terminal,
        states=Cell(index, index // n_columns, index % n_columns),
        feature_info=FEATURES,
        action_names=tuple(KING_MOVES if kings_moves else MOVES),
    )
