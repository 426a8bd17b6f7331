"""Finite MDPs found by walking: every standing that can occur from the starts."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from jaxtyping import PyTree

from volition.env.environment import Feature
from volition.env.gridworld import MOVES
from volition.env.mdp import FiniteMDP

# Row and column of whoever acts, and then what else can change.
Standing = TypeVar("Standing", bound=tuple)
# Probability, where it leads, and the features of this step that are not 0.
Outcome = tuple[float, Standing, Mapping[str, float | int]]
Place = tuple[int, int]  # row and column, from the top left
STEPS = tuple(MOVES.values())
TIME_LIMIT = 100  # steps: the source's, in every world
STEP = Feature("step", "1", "1 for every step")
GOAL = Feature("goal", "1", "1 for the step that reaches the goal")
# The same where the source counts them in what it calls performance.
WANTED_STEP = dataclasses.replace(STEP, intended=-1.0)
WANTED_GOAL = dataclasses.replace(GOAL, intended=50.0)


def explored(
    kind: Callable[..., PyTree],
    starts: Mapping[Standing, float],
    move: Callable[[Standing, int], Sequence[Outcome]],
    *,
    feature_info: tuple[Feature, ...],
    board: Sequence[str],
    discount: float,
    goal: Callable[[Standing], bool] = lambda standing: False,
    harm: Callable[[Standing], bool] = lambda standing: False,
) -> FiniteMDP:
    """The finite MDP of all that can occur, numbered in the order of a breadth search.

    Args:
        kind: makes what a reward sees: called with the numbers of all states and then
            with one array for each entry of a standing.
        starts: where episodes begin, with probabilities that sum to 1; those of
            probability 0 are left out.
        move: from a standing and an action's number to what can happen; the same
            standing may be named twice, with the same features.
        feature_info: name, unit and meaning of each feature.
        board: rows of text to draw the world from.
        discount: in `[0, 1]`, per step.
        goal: which standings end the episode as the task names it.
        harm: which others end it.

    Example:
        >>> from volition.env.gridworld import Cell
        >>> move = lambda s, action: [(1.0, (0, min(s[1] + 1, 2)), {"step": 1.0})]
        >>> world = explored(
        ...     Cell,
        ...     {(0, 0): 1.0},
        ...     move,
        ...     feature_info=(STEP,),
        ...     board=("...",),
        ...     discount=0.9,
        ...     goal=lambda s: s == (0, 2),
        ... )
        >>> world.n_states, world.terminal.tolist()
        (3, [False, False, True])
    """
    initial = {at: chance for at, chance in starts.items() if chance > 0.0}
    number = {at: index for index, at in enumerate(initial)}
    standings = list(number)
    rows: list[list[list[Outcome]]] = []
    for at in standings:  # grows while it is walked
        over = goal(at) or harm(at)
        row = [_merged([(1.0, at, {})] if over else move(at, a)) for a in range(4)]
        rows.append(row)
        for _, to, _ in (outcome for found in row for outcome in found):
            if to not in number:
                number[to] = len(standings)
                standings.append(to)

    names = [feature.name for feature in feature_info]
    n_branches = max(len(found) for row in rows for found in row)
    shape = (len(standings), len(STEPS), n_branches)
    successor, probability = np.zeros(shape, dtype=np.int32), np.zeros(shape)
    features = np.zeros((*shape, len(names)))
    for state, row in enumerate(rows):
        for action, found in enumerate(row):
            # Padding leads where the first branch does, with probability 0.
            successor[state, action] = number[found[0][1]]
            for branch, (chance, to, measured) in enumerate(found):
                successor[state, action, branch] = number[to]
                probability[state, action, branch] = chance
                for name, value in measured.items():
                    features[state, action, branch, names.index(name)] = value
    begins = np.zeros(len(standings))
    begins[: len(initial)] = list(initial.values())
    goals = np.array([goal(at) for at in standings])
    columns = (np.array(column) for column in zip(*standings, strict=True))
    return FiniteMDP(
        successor,
        probability,
        terminal=goals | np.array([harm(at) for at in standings]),
        initial=begins,
        discount=discount,
        features=features,
        goal=goals,
        states=kind(np.arange(len(standings), dtype=np.int32), *map(_leaf, columns)),
        time_limit=TIME_LIMIT,
        feature_info=feature_info,
        action_names=tuple(MOVES),
        board=tuple(board),
    )


def _leaf(column: np.ndarray) -> np.ndarray:
    return column if column.dtype == bool else column.astype(np.int32)


def _merged(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Each next standing once, with the sum of its probabilities; no impossible one."""
    found: dict[tuple, Outcome] = {}
    for chance, to, measured in outcomes:
        if chance > 0.0:
            before = found[to][0] if to in found else 0.0
            found[to] = (before + chance, to, measured)
    return list(found.values())


def tile(board: Sequence[str], place: Place) -> str:
    """What is drawn there."""
    return board[place[0]][place[1]]


def walked(board: Sequence[str], place: Place, step: Place) -> Place:
    """Where a step leads; one against a wall `#` stays. Boards are walled all round."""
    to = (place[0] + step[0], place[1] + step[1])
    return place if tile(board, to) == "#" else to
