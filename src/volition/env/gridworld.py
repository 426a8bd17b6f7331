"""Gridworlds drawn as text."""

from collections.abc import Mapping, Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Int

from volition.env.environment import Feature
from volition.env.mdp import NO_TIME_LIMIT, FiniteMDP

MOVES = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
KING_MOVES = MOVES | {
    "up-left": (-1, -1),
    "up-right": (-1, 1),
    "down-left": (1, -1),
    "down-right": (1, 1),
}


class Cell(eqx.Module):
    """A state of a gridworld: its number, its row and column from the top left."""

    index: Int[ArrayLike, "*batch"]
    row: Int[ArrayLike, "*batch"]
    column: Int[ArrayLike, "*batch"]

    def __str__(self) -> str:
        return f"({self.row}, {self.column})"


class Tile(eqx.Module):
    """What a character of the drawing stands for.

    Args:
        ground: features of every step that ends here, a step that stays put included.
        enter: further features of a step that comes here from elsewhere.
        blocked: nobody can come here; a step against it stays put.
        ends: coming here ends the episode.
        goal: this end is what the task names as its goal.
        start: episodes begin here; without any such tile they begin, all alike, on
            every tile that is neither blocked nor an end.
        returns: coming here puts back to the start (there must be just one).

    Raises:
        ValueError: where two of these exclude each other.
    """

    ground: tuple[str, ...] = eqx.field(static=True, default=())
    enter: tuple[str, ...] = eqx.field(static=True, default=())
    blocked: bool = eqx.field(static=True, default=False)
    ends: bool = eqx.field(static=True, default=False)
    goal: bool = eqx.field(static=True, default=False)
    start: bool = eqx.field(static=True, default=False)
    returns: bool = eqx.field(static=True, default=False)

    def __check_init__(self):
        if self.goal and not self.ends:
            raise ValueError("a goal tile must end the episode: set ends=True.")
        if self.blocked + self.ends + self.returns + self.start > 1:
            raise ValueError("a tile is only one of blocked, ends, returns and start.")


LEGEND = {
    ".": Tile(ground=("step",)),
    "S": Tile(ground=("step",), start=True),
    "#": Tile(blocked=True),
    "G": Tile(enter=("goal",), ends=True, goal=True),
    "X": Tile(enter=("pit",), ends=True),
}
LEGEND_FEATURES = (
    Feature("step", "1", "1 for every step that ends on open ground"),
    Feature("goal", "1", "1 for the step that reaches the goal"),
    Feature("pit", "1", "1 for the step that falls into a pit", harm=True),
)


def gridworld(
    board: Sequence[str],
    legend: Mapping[str, Tile] = LEGEND,
    feature_info: tuple[Feature, ...] = LEGEND_FEATURES,
    *,
    moves: Mapping[str, tuple[int, int]] = MOVES,
    slip: float = 0.0,
    discount: float = 0.99,
    time_limit: int = NO_TIME_LIMIT,
) -> FiniteMDP:
    """Build a finite MDP from a drawing.

    A move off the board or into a blocked tile stays put. With probability `slip` one
    of the moves, all alike, is made instead of the chosen one.

    Args:
        board: the rows, all of one length, a character of `legend` per tile.
        legend: what each character stands for.
        feature_info: the features that the tiles name, in order.
        moves: name of each action and its (row, column) step.
        slip: in `[0, 1]`; 0 where a tile returns, as a fall from beside the start could
            not be told from a slip that stays there.
        discount: in `[0, 1]`, per step.
        time_limit: steps after which an episode is truncated.

    Returns:
        An MDP with one state per tile, row by row; `Cell` is what a reward sees.

    Raises:
        ValueError: where the drawing cannot be read, in a sentence that says where, or
            a number is out of range.

    Example:
        >>> mdp = gridworld(["S.G", "..#"])
        >>> mdp.n_states, mdp.describe(4), mdp.feature_names
        (6, '(1, 1)', ('step', 'goal', 'pit'))
    """
    if not 0.0 <= slip <= 1.0:
        raise ValueError(f"slip = {slip} must be in [0, 1].")
    tiles = read_tiles(board, legend, feature_info)
    if slip > 0 and any(tile.returns for tile in tiles):
        raise ValueError("a board with a tile that returns needs slip = 0.")
    n_rows, n_columns = len(board), len(board[0])
    n_states, n_actions = n_rows * n_columns, len(moves)
    names = [feature.name for feature in feature_info]

    blocked = np.array([tile.blocked for tile in tiles])
    terminal = np.array([tile.ends for tile in tiles])
    initial = start_distribution(tiles)
    target = np.empty((n_states, n_actions), dtype=np.int32)
    features = np.zeros((n_states, n_actions, len(names)))
    for state in range(n_states):
        row, column = divmod(state, n_columns)
        for action, (down, right) in enumerate(moves.values()):
            to_row, to_column = row + down, column + right
            inside = 0 <= to_row < n_rows and 0 <= to_column < n_columns
            to = to_row * n_columns + to_column if inside else state
            to = state if blocked[to] else to
            paid = tiles[to].ground + (tiles[to].enter if to != state else ())
            for name in paid:
                features[state, action, names.index(name)] += 1.0
            back = tiles[to].returns and to != state
            target[state, action] = np.argmax(initial) if back else to
    features[terminal] = 0.0

    # With slip, every action may lead where each of the moves leads.
    n_branches = n_actions if slip > 0 else 1
    successor, probability = target[:, :, None], np.ones((n_states, n_actions, 1))
    branch_features = features[:, :, None, :]
    if n_branches > 1:
        shape = (n_states, n_actions, n_actions)
        successor = np.broadcast_to(target[:, None, :], shape)
        probability = np.broadcast_to(
            slip / n_actions + (1.0 - slip) * np.eye(n_actions), shape
        )
        branch_features = np.broadcast_to(
            features[:, None], (*shape, features.shape[-1])
        )
    index = jnp.arange(n_states, dtype=jnp.int32)
    return FiniteMDP(
        successor,
        probability,
        terminal=terminal,
        initial=initial,
        discount=discount,
        features=branch_features,
        goal=np.array([tile.goal for tile in tiles]),
        states=Cell(index, index // n_columns, index % n_columns),
        time_limit=time_limit,
        feature_info=feature_info,
        action_names=tuple(moves),
        board=tuple(board),
    )


def read_tiles(
    board: Sequence[str],
    legend: Mapping[str, Tile],
    feature_info: tuple[Feature, ...],
) -> list[Tile]:
    """The tiles of a drawing, row by row, checked."""
    if not board or not board[0]:
        raise ValueError("the board is empty: draw at least one tile.")
    for number, row in enumerate(board):
        if len(row) != len(board[0]):
            raise ValueError(
                f"row {number} of the board has {len(row)} tiles, row 0 has "
                f"{len(board[0])}: make them equally long."
            )
        for character in row:
            if character not in legend:
                raise ValueError(
                    f"row {number} of the board has the character {character!r}, which "
                    f"is not in the legend {''.join(legend)!r}: add it there."
                )
    names = [feature.name for feature in feature_info]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"feature_info describes {name!r} twice: do it once.")
    tiles = [legend[character] for row in board for character in row]
    for name in sorted({name for tile in tiles for name in tile.ground + tile.enter}):
        if name not in names:
            raise ValueError(
                f"a tile names the feature {name!r}, which is not in feature_info: "
                "describe it there."
            )
    return tiles


def start_distribution(tiles: Sequence[Tile]) -> np.ndarray:
    """Where episodes begin: the start tiles, else all open ones, all alike."""
    starts = np.array([tile.start for tile in tiles])
    if any(tile.returns for tile in tiles) and starts.sum() != 1:
        raise ValueError("a board with a tile that returns needs exactly one start.")
    if not starts.any():
        starts = np.array(
            [not (tile.blocked or tile.ends or tile.returns) for tile in tiles]
        )
    if not starts.any():
        raise ValueError("the board has no tile where an episode could begin.")
    return starts / starts.sum()
