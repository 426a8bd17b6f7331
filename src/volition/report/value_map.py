"""Value maps of gridworlds: what each tile is worth, and the way from it."""

import numpy as np
from jaxtyping import ArrayLike, Float

from volition.env import FiniteMDP
from volition.policy import Tabular

# What moves are drawn as; other actions as a dot.
ARROWS = {"up": "↑", "down": "↓", "left": "←", "right": "→"}


def value_text(
    world: FiniteMDP,
    values: Float[ArrayLike, " state"],
    policy: Tabular | None = None,
    *,
    digits: int = 1,
) -> str:
    """The value of each tile on the board, and the action taken there, as text.

    Tiles that end an episode are shown by their character, as are those that nothing
    leads into.

    Args:
        world: a gridworld with a board, a state for each tile.
        values: of each state, reward units, such as `plan(world, reward).value`.
        policy: whose likeliest action is drawn as an arrow; none if left out.
        digits: behind the point.

    Raises:
        ValueError: for a world without a board, or values of other states.

    Example:
        >>> from volition.env.gridworld import gridworld
        >>> from volition.reward import Linear
        >>> from volition.value import plan
        >>> world = gridworld(["S.G", ".#X"], discount=0.5)
        >>> best = plan(world, Linear(world.feature_names, [-1.0, 8.0, -8.0]))
        >>> print(value_text(world, best.value, best.policy))
        3.0→ 8.0→    G
        0.5↑    #    X
    """
    cells = tile_words(world, values, policy, digits=digits)
    width = max(map(len, cells))
    across = len(world.board[0])
    rows = [cells[first : first + across] for first in range(0, len(cells), across)]
    return "\n".join(" ".join(cell.rjust(width) for cell in row) for row in rows)


def tile_words(
    world: FiniteMDP,
    values: Float[ArrayLike, " state"],
    policy: Tabular | None = None,
    *,
    digits: int = 1,
) -> list[str]:
    """What stands on each tile of such a map, row after row.

    Raises:
        ValueError: as `value_text`.
    """
    tiles, valued = "".join(world.board), np.asarray(values)
    if not tiles or len(tiles) != world.n_states:
        raise ValueError(
            f"a value map needs a board with a tile for each of {world.n_states} "
            f"states; this one has {len(tiles)} tiles."
        )
    if valued.shape != (world.n_states,):
        raise ValueError(
            f"give one value for each of {world.n_states} states, not an array of "
            f"shape {valued.shape}."
        )
    named = entered(world) & ~np.asarray(world.terminal)
    cells = [
        f"{value:.{digits}f}" if shown else tile
        for tile, value, shown in zip(tiles, valued, named, strict=True)
    ]
    if policy is None:
        return cells
    likeliest = np.argmax(np.asarray(policy.probabilities), axis=-1)
    signs = [ARROWS.get(world.action_names[action], "·") for action in likeliest]
    return [
        cell + sign if shown else cell
        for cell, sign, shown in zip(cells, signs, named, strict=True)
    ]


def entered(world: FiniteMDP) -> np.ndarray:
    """Which states an episode may begin in, or come to from another one."""
    successor = np.asarray(world.successor)
    states = np.arange(world.n_states)[:, None, None]
    led = (np.asarray(world.probability) > 0) & (successor != states)
    led &= ~np.asarray(world.terminal)[:, None, None]
    found = np.asarray(world.initial) > 0
    found = found.copy()
    found[np.unique(successor[led])] = True
    return found
