"""The delivery world with its tiles in another order: where nobody learned."""

import equinox as eqx
import numpy as np

from volition.env import FiniteMDP, delivery
from volition.env.delivery import BOARD, FEATURES, LEGEND
from volition.env.gridworld import gridworld
from volition.evaluation import can_reach, possible_steps

MOST_TRIES = 1000  # for each board; about every second one has a start that is cut off


def other_boards(seed: int, n: int) -> tuple[FiniteMDP, ...]:
    """Boards of the same tiles, on which every start can reach the goal.

    They keep the drawing of the delivery world, so that what was compiled for it serves
    for all; read what a tile is off their features.

    Args:
        seed: of the orders; the same gives the same boards.
        n: how many.

    Raises:
        RuntimeError: where boards on which every start can end well are not found.

    Example:
        >>> world = other_boards(0, 1)[0]
        >>> world.n_states, int((world.initial > 0).sum()), int(world.goal.sum())
        (100, 92, 1)
    """
    generator = np.random.default_rng(seed)
    world, tiles = delivery(), list("".join(BOARD))
    width, found = len(BOARD[0]), []
    for _ in range(MOST_TRIES * n):
        if len(found) == n:
            break
        order = "".join(generator.permutation(tiles))
        rows = [order[first : first + width] for first in range(0, len(order), width)]
        one = gridworld(rows, LEGEND, FEATURES, discount=float(world.discount))
        starts = np.asarray(one.initial) > 0
        if can_reach(possible_steps(one), np.asarray(one.goal))[starts].all():
            found.append(_as(world, one))
    if len(found) < n:
        raise RuntimeError(f"{len(found)} of {n} boards were found: ask for fewer.")
    return tuple(found)


def _as(world: FiniteMDP, other: FiniteMDP) -> FiniteMDP:
    """The numbers of another world of the same shape."""
    where = lambda m: (
        m.successor,
        m.probability,
        m.terminal,
        m.initial,
        m.features,
        m.goal,
    )
    return eqx.tree_at(where, world, where(other))
