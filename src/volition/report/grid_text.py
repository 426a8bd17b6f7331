"""Paths in a gridworld, drawn as text."""

from collections.abc import Mapping, Sequence

from volition.env import FiniteMDP
from volition.env.gridworld import Tile

# Of the start and of where each step leads.
MARKS = "0123456789abcdefghijklmnopqrstuvwxyz"


def grid_text(world: FiniteMDP, start: int, actions: Sequence[int]) -> str:
    """A path on the board: behind each tile the steps after which it stood there.

    The start is marked 0. Below the board are the steps in words.

    Args:
        world: a deterministic gridworld with a board.
        start: number of the state in which the path begins.
        actions: what is done; what lies behind an end is not drawn.

    Raises:
        ValueError: for a path of more than 35 steps.

    Example:
        >>> from volition.env.gridworld import gridworld
        >>> world = gridworld(["S.G", "..#"])
        >>> print(grid_text(world, 1, [1, 3, 0, 3]))
        S  .03 G4
        .  .12 #
        0 start
        1 down
        2 right, stays
        3 up
        4 right, the end
    """
    if len(actions) >= len(MARKS):
        raise ValueError(
            f"a path of {len(actions)} steps is too long to be drawn: "
            f"{len(MARKS) - 1} at most."
        )
    states, words = _walk(world, start, actions)
    marks = [""] * world.n_states
    for number, state in enumerate(states):
        marks[state] += MARKS[number]
    tiles = "".join(world.board)
    cells = [tile + mark for tile, mark in zip(tiles, marks, strict=True)]
    width = len(world.board[0])
    # A column is as wide as its widest cell, and at least as one with a mark.
    wide = [max(2, *map(len, cells[column::width])) for column in range(width)]
    rows = [
        " ".join(map(str.ljust, cells[first : first + width], wide)).rstrip()
        for first in range(0, len(cells), width)
    ]
    steps = [f"{MARKS[number]} {word}" for number, word in enumerate(words)]
    return "\n".join([*rows, *steps])


def _walk(
    world: FiniteMDP, start: int, actions: Sequence[int]
) -> tuple[list[int], list[str]]:
    """Where it stands at the start and after each step, and that in words."""
    states, words = [start], ["start"]
    for action in actions:
        state = states[-1]
        if bool(world.terminal[state]):
            break
        after = int(world.successor[state, action, 0])
        name = world.action_names[action]
        words.append(name if after != state else f"{name}, stays")
        if bool(world.terminal[after]):
            words[-1] += ", the end"
        states.append(after)
    return states, words


def legend_text(world: FiniteMDP, legend: Mapping[str, Tile]) -> list[str]:
    """What the characters of a board stand for, one by one.

    Example:
        >>> from volition.env.gridworld import LEGEND, gridworld
        >>> legend_text(gridworld(["S.G"]), LEGEND)
        ['S step', '. step', 'G goal, the end']
    """
    found = dict.fromkeys("".join(world.board))
    return [f"{character} {_tile_words(legend[character])}" for character in found]


def _tile_words(tile: Tile) -> str:
    words = [*tile.enter, *tile.ground]
    if tile.blocked:
        words.append("no way in")
    if tile.ends:
        words.append("the end")
    return ", ".join(words)
