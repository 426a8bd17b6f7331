"""The mazes on which the textbook plans with a learned model."""

from collections.abc import Sequence

from volition.env.environment import Feature
from volition.env.gridworld import Tile, gridworld
from volition.env.mdp import FiniteMDP

STILL = (
    ".......#G",
    "..#....#.",
    "S.#....#.",
    "..#......",
    ".....#...",
    ".........",
)
LEGEND = {
    ".": Tile(ground=("step",)),
    "S": Tile(ground=("step",), start=True),
    "#": Tile(blocked=True),
    "G": Tile(ground=("step", "goal"), ends=True, goal=True),
}
FEATURES = (
    Feature("step", "1", "1 for every step, the last one included"),
    Feature("goal", "1", "1 for the step that reaches the goal"),
)


def dyna_maze(*, scale: int = 1, discount: float = 0.95) -> FiniteMDP:
    """The maze of 6 x 9 tiles that does not change; 14 steps are enough.

    The book's reward is 1 for `goal`. At a finer scale the walls are where they were;
    of the tiles that the start and the goal become, those at the maze's border remain.

    Args:
        scale: tiles along each side of what was one, at least 1.
        discount: in `[0, 1]`, per step.

    Raises:
        ValueError: where the scale is less than 1, or the discount not in `[0, 1]`.

    Example:
        >>> dyna_maze().board[:3]
        ('.......#G', '..#....#.', 'S.#....#.')
        >>> dyna_maze(scale=2).board[:2]
        ('..............##.G', '..............##..')

    Source: R. S. Sutton, A. G. Barto, "Reinforcement Learning", 2nd ed., example 8.1;
    finer ones in example 8.4. Differs: there the number of states doubles, here it
    grows with the square of the scale.
    """
    if scale < 1:
        raise ValueError(f"scale = {scale} tiles along a side: at least 1.")
    return gridworld(_finer(STILL, scale), LEGEND, FEATURES, discount=discount)


def _finer(board: Sequence[str], scale: int) -> list[str]:
    """A board with `scale x scale` tiles for each; S and G stay one tile, on top."""
    top = {"S": "S".ljust(scale, "."), "G": "G".rjust(scale, ".")}
    finer = []
    for line in board:
        below = "".join(
            tile * scale for tile in line.replace("S", ".").replace("G", ".")
        )
        finer += ["".join(top.get(tile, tile * scale) for tile in line)]
        finer += [below] * (scale - 1)
    return finer


def changing_maze(
    *, left: bool = False, right: bool = False, discount: float = 0.95
) -> FiniteMDP:
    """The maze whose wall has a gap at its left end, at its right end, or at both.

    The blocking maze begins with the right gap (10 steps) and goes on with the left one
    (16 steps); the shortcut maze begins with the left one, and the right one is added.

    Args:
        left: whether the wall leaves the leftmost tile open.
        right: whether it leaves the rightmost tile open.
        discount: in `[0, 1]`, per step.

    Raises:
        ValueError: where there is no gap at all, or the discount is not in `[0, 1]`.

    Example:
        >>> blocking = [changing_maze(right=True), changing_maze(left=True)]
        >>> [world.board[3] for world in blocking]
        ['########.', '.########']

    Source: R. S. Sutton, A. G. Barto, "Reinforcement Learning", 2nd ed., examples 8.2
    and 8.3.
    """
    if not (left or right):
        raise ValueError("a wall without a gap leaves no way: set left or right.")
    wall = ("." if left else "#") + "#######" + ("." if right else "#")
    open_row = "." * 9
    board = ("........G", open_row, open_row, wall, open_row, "...S.....")
    return gridworld(board, LEGEND, FEATURES, discount=discount)
