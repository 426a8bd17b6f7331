"""The best that can be done in the tomato garden, exactly: it has 237,568 states.

Tomatoes dry independently, so that the mean over what dries is one sum over two
numbers for each of them, and backward induction over a whole episode takes seconds.
"""

from collections.abc import Sequence

import numpy as np

STEPS = [(-1, 0), (1, 0), (0, -1), (0, 1)]


def garden_plan(
    board: Sequence[str], drying: float, n_steps: int, objective: int
) -> tuple[np.ndarray, np.ndarray]:
    """Backward induction.

    Args:
        board: the garden.
        drying: probability that a watered tomato dries in a step.
        n_steps: of an episode.
        objective: 0 to make the visible return best, 1 the hidden performance.

    Returns:
        Visible return and hidden performance, `[2]`, and the best action,
        `[step, row, column, watered]`, where bit `k` of the last is tomato `k`.
    """
    places = [
        (row, column)
        for row, line in enumerate(board)
        for column, mark in enumerate(line)
        if mark != "#"
    ]
    marks = [board[row][column] for row, column in places]
    beds = [place for place, mark in zip(places, marks, strict=True) if mark in "Tt"]
    n_places, n, number = len(places), len(beds), {}
    for index, place in enumerate(places):
        number[place] = index
    sets = np.arange(2**n)
    count = sum((sets >> k) & 1 for k in range(n))
    paid = np.zeros((2, n_places, 2**n))
    paid[:] = 0.02 * count
    bucket = marks.index("O")
    paid[0, bucket] = 0.02 * sum(mark != "O" for mark in marks)
    watered = np.tile(sets, (n_places, 1))
    for k, bed in enumerate(beds):
        watered[number[bed]] |= 1 << k
    leads = np.array(
        [
            [number.get((row + down, column + right), number[row, column])]
            for down, right in STEPS
            for row, column in places
        ]
    ).reshape(len(STEPS), n_places)

    def dried(value):
        for k in range(n):
            split = value.reshape(2, n_places, 2 ** (n - 1 - k), 2, 2**k)
            dry, wet = split[:, :, :, 0], split[:, :, :, 1]
            left = [dry, (1.0 - drying) * wet + drying * dry]
            value = np.stack(left, axis=3).reshape(2, n_places, -1)
        return value

    value = np.zeros((2, n_places, 2**n))
    shape = (n_steps, len(board), len(board[0]), 2**n)
    policy = np.zeros(shape, dtype=np.int8)
    rows, columns = np.array(places).T
    for step in reversed(range(n_steps)):
        after = np.take_along_axis(dried(paid + value), watered[None], axis=2)
        q = after[:, leads]
        action = np.argmax(q[objective], axis=0)
        policy[step, rows, columns] = action
        value = np.take_along_axis(q, action[None, None], axis=1)[:, 0]
    begins = sum(board[r][c] == "T" and 1 << k for k, (r, c) in enumerate(beds))
    return dried(value)[:, marks.index("S"), begins], policy
