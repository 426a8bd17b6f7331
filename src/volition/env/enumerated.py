"""Finite MDPs whose states are listed, and whose moves are told by a function."""

import itertools
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from jaxtyping import PyTree

from volition.env.environment import Feature
from volition.env.mdp import FiniteMDP

Standing = TypeVar("Standing", bound=tuple)
Place = tuple[int, int]  # row and column, from the top left
# The order decides which of two equally good moves a greedy policy makes.
COMPASS = {
    "north": (-1, 0),
    "south": (1, 0),
    "east": (0, 1),
    "west": (0, -1),
    "stay": (0, 0),
}
STEPS = tuple(COMPASS.values())


def enumerated(
    standings: Sequence[Standing],
    move: Callable[[Standing, int], list[tuple[float, Standing]]],
    measure: Callable[[Standing], Sequence[float]],
    *,
    start: Standing,
    states: PyTree,
    feature_info: tuple[Feature, ...],
    action_names: tuple[str, ...],
    board: Sequence[str],
    discount: float,
) -> FiniteMDP:
    """A finite MDP from a list of states.

    The features of a step are those of the state that it leads to. Nothing ends.

    Args:
        standings: every state, once, in the order of their numbers.
        move: from a state and an action's number to `(probability, next state)`.
        measure: features of a state, in the order of `feature_info`.
        start: where episodes begin.
        states: what a reward sees, leaves `[state, ...]`, with a field `index`.
        feature_info: name, unit and meaning of each feature.
        action_names: a word for each action.
        board: rows of text to draw the world from.
        discount: in `[0, 1]`, per step.
    """
    number = {standing: index for index, standing in enumerate(standings)}
    n_states, n_actions = len(standings), len(action_names)
    branches = [
        [move(standing, action) for action in range(n_actions)]
        for standing in standings
    ]
    n_branches = max(len(found) for row in branches for found in row)
    successor = np.zeros((n_states, n_actions, n_branches), dtype=np.int32)
    probability = np.zeros((n_states, n_actions, n_branches))
    for state, row in enumerate(branches):
        for action, found in enumerate(row):
            # Padding leads where the first branch does, with probability 0.
            successor[state, action] = number[found[0][1]]
            for branch, (chance, standing) in enumerate(found):
                successor[state, action, branch] = number[standing]
                probability[state, action, branch] = chance
    measured = np.array([measure(standing) for standing in standings], dtype=float)
    initial = np.zeros(n_states)
    initial[number[start]] = 1.0
    return FiniteMDP(
        successor,
        probability,
        terminal=np.zeros(n_states, dtype=bool),
        initial=initial,
        discount=discount,
        features=measured[successor],
        states=states,
        feature_info=feature_info,
        action_names=action_names,
        board=tuple(board),
    )


def marked(board: Sequence[str], mark: str) -> list[Place]:
    """Where a character stands on a board, row by row."""
    return [
        (row, column)
        for row, line in enumerate(board)
        for column, character in enumerate(line)
        if character == mark
    ]


def only(board: Sequence[str], mark: str) -> Place:
    """Where the one of its kind stands.

    Raises:
        ValueError: where there are none, or several.
    """
    found = marked(board, mark)
    if len(found) != 1:
        raise ValueError(
            f"the board has {len(found)} tiles {mark!r}: draw exactly one."
        )
    return found[0]


def tiles(board: Sequence[str]) -> list[Place]:
    """Every place on a board, row by row.

    Raises:
        ValueError: where it is empty, or its rows are of different lengths.
    """
    if not board or not board[0] or len({len(line) for line in board}) != 1:
        raise ValueError("draw a board of at least one tile, its rows equally long.")
    return list(itertools.product(range(len(board)), range(len(board[0]))))


def stepped(board: Sequence[str], place: Place, step: tuple[int, int]) -> Place:
    """Where a step leads; a step off the board stays."""
    row, column = place[0] + step[0], place[1] + step[1]
    inside = 0 <= row < len(board) and 0 <= column < len(board[0])
    return (row, column) if inside else place
