"""Read the answers of the delivery study, checked."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from volition.env import FiniteMDP
from volition.env.gridworld import MOVES
from volition.feedback import FIRST, NOBODY, SECOND, TIE, Comparison, follow
from volition.store.errors import InputError
from volition.store.npz import read_npz

MAX_ANSWERS = 100_000  # of a group; the largest real one has some thousand
LABELS = {0.0: FIRST, 1.0: SECOND, 0.5: TIE}
NO_MOVE = (0, 0)  # how the files fill up a path behind its end


def delivery_groups(folder: Path) -> dict[str, Path]:
    """The groups in a folder: name and file, in the order of the names.

    Raises:
        InputError: where the folder is missing or holds no `*.npz` file.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder} is not a folder: give --data the folder that holds the groups' "
            "*.npz files."
        )
    groups = {path.stem: path for path in sorted(folder.glob("*.npz"))}
    if not groups:
        raise InputError(
            f"{folder} holds no *.npz file: give --data the folder that holds the "
            "groups' files."
        )
    return groups


def read_delivery(path: Path, world: FiniteMDP) -> Comparison:
    """The answers of one group.

    Args:
        path: an `.npz` with `segments`, integers `[answer, 2, 4, 2]` (the start's row
            and column, then three moves), and `prefers_second`, `[answer]`: 1, 0, or
            0.5 for a tie.
        world: the delivery world.

    Returns:
        A batch `[answer]`; the same pair of paths has the same question number.

    Raises:
        InputError: naming the file, what is wrong in it, and the remedy.
    """
    segments, labels = _read_arrays(path)
    starts, actions = _paths(path, segments, world)
    choices = np.select(
        [labels == label for label in LABELS], list(LABELS.values()), -1
    )
    if (choices < 0).any():
        row = int(np.argmax(choices < 0))
        raise InputError(
            f"{path}: prefers_second[{row}] is {labels[row]}, not 0, 0.5 or 1: correct "
            "or remove that answer."
        )
    _, question = np.unique(
        segments.reshape(len(segments), -1), axis=0, return_inverse=True
    )
    each = jax.vmap(jax.vmap(follow, (None, 0, 0)), (None, 0, 0))
    return Comparison(
        options=each(world, jnp.asarray(starts), jnp.asarray(actions)),
        choice=jnp.asarray(choices, dtype=jnp.int32),
        person=jnp.full(len(labels), NOBODY, dtype=jnp.int32),
        question=jnp.asarray(question.reshape(-1), dtype=jnp.int32),
        seconds=jnp.full(len(labels), jnp.nan),
    )


def _read_arrays(path: Path) -> tuple[np.ndarray, np.ndarray]:
    arrays = read_npz(path, ("segments", "prefers_second"))
    segments, labels = arrays["segments"], arrays["prefers_second"]
    if segments.ndim != 4 or segments.shape[1:] != (2, 4, 2) or len(segments) == 0:
        raise InputError(
            f"{path}: segments has the shape {segments.shape}, not (answers, 2, 4, 2): "
            "give two paths of a start and three moves for each answer."
        )
    if labels.shape != (len(segments),):
        raise InputError(
            f"{path}: prefers_second has the shape {labels.shape}, not "
            f"({len(segments)},): give one label for each answer."
        )
    if len(segments) > MAX_ANSWERS:
        raise InputError(
            f"{path} has {len(segments)} answers: give at most {MAX_ANSWERS} at a time."
        )
    if segments.dtype.kind not in "iu" or labels.dtype.kind not in "iuf":
        raise InputError(
            f"{path}: segments and prefers_second hold {segments.dtype} and "
            f"{labels.dtype}: give integers for the one and numbers for the other."
        )
    return segments.astype(np.int64), labels.astype(np.float64)


def _paths(
    path: Path, segments: np.ndarray, world: FiniteMDP
) -> tuple[np.ndarray, np.ndarray]:
    """Start states `[answer, 2]` and actions `[answer, 2, 3]`."""
    n_rows, n_columns = len(world.board), len(world.board[0])
    row, column = segments[..., 0, 0], segments[..., 0, 1]

    def refuse(bad: np.ndarray, what: str) -> None:
        if bad.any():
            answer, option = np.argwhere(bad.reshape(*bad.shape[:2], -1).any(-1))[0]
            raise InputError(
                f"{path}: segments[{answer}, {option}] {what}: correct or remove that "
                "answer."
            )

    outside = (row < 0) | (row >= n_rows) | (column < 0) | (column >= n_columns)
    refuse(outside, f"starts off the {n_rows} x {n_columns} board")
    starts = row * n_columns + column
    refuse(~(np.asarray(world.initial) > 0)[starts], "starts where no path can start")

    moves = segments[..., 1:, :]
    actions = np.full(moves.shape[:-1], -1)
    for action, move in enumerate(MOVES.values()):
        actions[(moves == move).all(-1)] = action
    still = (moves == NO_MOVE).all(-1)
    refuse(
        (actions < 0) & ~still, "has a move that is not one step up, down, left, right"
    )
    state = starts
    terminal, successor = np.asarray(world.terminal), np.asarray(world.successor)
    for action in np.moveaxis(actions, -1, 0):
        refuse((action < 0) & ~terminal[state], "stands still before its end")
        moved = successor[state, np.maximum(action, 0), 0]
        state = np.where(terminal[state], state, moved)
    return starts, np.maximum(actions, 0)
