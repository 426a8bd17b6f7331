"""Apple trees whose apples somebody carries to a basket."""

import itertools
from collections.abc import Sequence

import equinox as eqx
import numpy as np
from jaxtyping import ArrayLike, Bool, Int

from volition.env.enumerated import (
    COMPASS,
    STEPS,
    enumerated,
    marked,
    only,
    stepped,
    tiles,
)
from volition.env.environment import Feature
from volition.env.mdp import FiniteMDP

BOARD = (
    "T.T",
    "...",
    "SB.",
    "...",
    "..T",
)
CAPACITY = 10  # apples; Shah et al.'s code, envs/apples_spec.py
STAY, USE = 4, 5
IN_BASKET = Feature("apples in the basket", "1", "number of them")
ON_TREES = Feature("apples on trees", "1", "number of trees that bear one")
CARRIED = Feature("apple carried", "1", "1 while the person carries an apple")


class AppleState(eqx.Module):
    """The person, where they face (0 to 3, as the moves are), and the apples."""

    index: Int[ArrayLike, "*batch"]
    row: Int[ArrayLike, "*batch"]
    column: Int[ArrayLike, "*batch"]
    facing: Int[ArrayLike, "*batch"]
    bears: Bool[ArrayLike, "*batch tree"]
    basket: Int[ArrayLike, "*batch"]
    carries: Bool[ArrayLike, "*batch"]

    def __str__(self) -> str:
        facing = tuple(COMPASS)[np.asarray(self.facing).item()]
        return (
            f"at ({self.row}, {self.column}) facing {facing}, trees that bear: "
            f"{self.bears}, {self.basket} in the basket, one carried: {self.carries}"
        )


def apples(
    board: Sequence[str] = BOARD, *, regrowth: float = 0.1, discount: float = 0.99
) -> FiniteMDP:
    """An orchard: apples are picked, carried, and put into a basket.

    Moves turn the person, and lead on where nothing stands in the way. `use` picks the
    apple of the tree that the person faces, or lets go of the one that is carried: into
    the basket if that is faced, else it is lost.

    Args:
        board: `S` where the person begins, facing north, `T` a tree, `B` the basket,
            `.` floor.
        regrowth: probability that a bare tree bears again, per step, in `[0, 1]`.
        discount: in `[0, 1]`, per step.

    Raises:
        ValueError: where the board cannot be read, or the probability is none.

    Example:
        >>> world = apples()
        >>> world.n_states, world.successor.shape[2]
        (7744, 8)

    Source: R. Shah et al., "Preferences implicit in the state of the world", ICLR 2019,
    arXiv 1902.04198, section 5.1.
    """
    if not 0.0 <= regrowth <= 1.0:
        raise ValueError(f"regrowth = {regrowth} must be in [0, 1].")
    trees, basket = marked(board, "T"), only(board, "B")
    floor = [place for place in tiles(board) if place not in (*trees, basket)]
    standings = [
        (place, facing, bears, filled, carries)
        for facing in range(STAY)
        for place in floor
        for bears in itertools.product([True, False], repeat=len(trees))
        for filled in range(CAPACITY + 1)
        for carries in (True, False)
    ]

    def move(standing, action: int):
        place, facing, bears, filled, carries = standing
        left = list(bears)
        if action < STAY:
            facing, ahead = action, stepped(board, place, STEPS[action])
            place = ahead if ahead in floor else place
        elif action == USE:
            ahead = stepped(board, place, STEPS[facing])
            if carries:
                filled = min(filled + (ahead == basket), CAPACITY)
                carries = False
            elif ahead in trees and bears[trees.index(ahead)]:
                carries, left[trees.index(ahead)] = True, False
        # Only what was bare before grows: not what was picked just now.
        each = [
            [(1.0, still)] if bore else [(regrowth, True), (1.0 - regrowth, False)]
            for bore, still in zip(bears, left, strict=True)
        ]
        return [
            (
                float(np.prod([chance for chance, _ in grown])),
                (place, facing, tuple(bear for _, bear in grown), filled, carries),
            )
            for grown in itertools.product(*each)
        ]

    def measure(standing):
        place, _, bears, filled, carries = standing
        here = [place == other for other in floor]
        return [filled, bears.count(True), carries, *here]

    where = np.array([place for place, *_ in standings], dtype=np.int32)
    return enumerated(
        standings,
        move,
        measure,
        start=(only(board, "S"), 0, (True,) * len(trees), 0, False),
        states=AppleState(
            np.arange(len(standings), dtype=np.int32),
            where[:, 0],
            where[:, 1],
            np.array([facing for _, facing, *_ in standings], dtype=np.int32),
            np.array([bears for _, _, bears, _, _ in standings], dtype=bool),
            np.array([filled for *_, filled, _ in standings], dtype=np.int32),
            np.array([carries for *_, carries in standings], dtype=bool),
        ),
        feature_info=(
            IN_BASKET,
            ON_TREES,
            CARRIED,
            *(
                Feature(f"at {place}", "1", "1 while the person is there")
                for place in floor
            ),
        ),
        action_names=(*COMPASS, "use"),
        board=board,
        discount=discount,
    )
