"""Checks of the numbers that a finite world is made of, and tables from dense ones."""

import numpy as np
from jax.core import Tracer
from jaxtyping import ArrayLike

TOLERANCE = 1e-5  # of sums of probabilities: single precision over many branches


def check_table(
    successor: ArrayLike,
    probability: ArrayLike,
    initial: ArrayLike,
    discount: ArrayLike,
) -> None:
    """Raise where the numbers of a finite world are not what they should be.

    Numbers that are not known yet, as inside of `jit`, are not looked at.

    Args:
        successor: `[state, action, branch]`.
        probability: likewise.
        initial: `[state]`.
        discount: one number.

    Raises:
        ValueError: for the first that is wrong, in a sentence that says where.

    Example:
        >>> try:
        ...     one = np.ones((1, 1, 1))
        ...     check_table(0 * one.astype(int), 0.9 * one, np.ones(1), 0.5)
        ... except ValueError as error:
        ...     print(error)
        the probabilities of action 0 in state 0 sum to 0.9: make them sum to 1, with \
a step to itself for an action that cannot be taken and for a terminal state.
    """
    if _known(discount):
        check_discount(np.asarray(discount))
    if _known(successor):
        numbers = np.asarray(successor)
        check_successor(numbers)
        # A dense array has a branch for each state; steps that all lead to state 1 do
        # with one branch and are the same numbers rightly.
        dense = numbers.shape[-1] == numbers.shape[0]
        same = _known(probability) and np.array_equal(numbers, probability)
        if dense and same:
            raise ValueError(
                "successor and probability are the same numbers: successor holds the "
                "numbers of states, [state, action, branch]. Give a dense array P[s, "
                "a, s'] to FiniteMDP.from_dense."
            )
    if _known(probability):
        check_probability(np.asarray(probability))
    if _known(initial):
        check_initial(np.asarray(initial))


def _known(value: ArrayLike) -> bool:
    return not isinstance(value, Tracer)


def check_discount(discount: np.ndarray) -> None:
    """That it is one number in `[0, 1]`."""
    if discount.shape != () or not 0.0 <= float(discount) <= 1.0:
        raise ValueError(f"discount = {discount} must be in [0, 1].")


def check_successor(successor: np.ndarray) -> None:
    """That they are numbers of states."""
    n_states = len(successor)
    if not np.issubdtype(successor.dtype, np.integer):
        raise ValueError(
            f"successor holds numbers of the type {successor.dtype}: it must hold the "
            f"whole numbers of states, 0 .. {n_states - 1}, in an array of integers. "
            "Give a dense array P[s, a, s'] to FiniteMDP.from_dense."
        )
    if successor.min() >= 0 and successor.max() < n_states:
        return
    state, action, branch = _first((successor < 0) | (successor >= n_states))
    raise ValueError(
        f"successor[{state}, {action}, {branch}] is "
        f"{successor[state, action, branch]}, but states are 0 .. {n_states - 1}: "
        "name one of them, for padding too."
    )


def check_probability(probability: np.ndarray) -> None:
    """That they are in `[0, 1]` and sum to 1 for each state and action."""
    probability = np.asarray(probability, dtype=_real(probability))
    # Of NaN both comparisons are False.
    if not (probability.min() >= 0.0 and probability.max() <= 1.0 + TOLERANCE):
        wrong = ~((probability >= 0.0) & (probability <= 1.0 + TOLERANCE))
        state, action, branch = _first(wrong)
        raise ValueError(
            f"probability[{state}, {action}, {branch}] is "
            f"{probability[state, action, branch]}: give a number in [0, 1]."
        )
    total = probability.sum(axis=-1)
    if (wrong := np.abs(total - 1.0) > TOLERANCE).any():
        state, action = _first(wrong)
        raise ValueError(
            f"the probabilities of action {action} in state {state} sum to "
            f"{total[state, action]:.6g}: make them sum to 1, with a step to itself "
            "for an action that cannot be taken and for a terminal state."
        )


def check_initial(initial: np.ndarray) -> None:
    """That it is a distribution."""
    initial = np.asarray(initial, dtype=_real(initial))
    if (wrong := ~((initial >= 0.0) & (initial <= 1.0 + TOLERANCE))).any():
        state = int(wrong.argmax())
        raise ValueError(
            f"initial[{state}] is {initial[state]}: give a probability in [0, 1]."
        )
    if abs(initial.sum() - 1.0) > TOLERANCE:
        raise ValueError(f"initial sums to {initial.sum():.6g}: make it sum to 1.")


def _real(numbers: np.ndarray) -> np.dtype:
    """Their own type, or 64 bits for whole numbers and truth values."""
    inexact = np.issubdtype(numbers.dtype, np.floating)
    return numbers.dtype if inexact else np.dtype(np.float64)


def sparse_table(
    dense: np.ndarray, terminal: np.ndarray, features: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Successors, probabilities and features by branch, of a dense `P[s, a, s']`.

    As many branches as the row with most successors has. Padding leads where the last
    branch does, with probability 0.

    Args:
        dense: `P(s' | s, a)`, `[state, action, next state]`.
        terminal: `[state]`.
        features: `[state, action, next state, feature]`, or none.

    Raises:
        ValueError: where the shapes are not those of one world, or a row is none.

    Example:
        >>> dense = np.array([[[0.0, 1.0]], [[0.5, 0.5]]])
        >>> successor, probability, _ = sparse_table(dense, np.zeros(2, bool), None)
        >>> successor.tolist(), probability.tolist()
        ([[[1, 1]], [[0, 1]]], [[[1.0, 0.0]], [[0.5, 0.5]]])
    """
    if dense.ndim != 3 or dense.shape[0] != dense.shape[2] or 0 in dense.shape:
        raise ValueError(
            "a dense table is P[state, action, next state], with at least one state "
            f"and action, not an array of shape {dense.shape}."
        )
    n_states = len(dense)
    if terminal.shape != (n_states,):
        raise ValueError(
            f"terminal must have the shape {(n_states,)}, not {terminal.shape}."
        )
    if features is not None and features.shape[:3] != dense.shape:
        raise ValueError(
            "features of a dense table are [state, action, next state, feature], "
            f"{dense.shape} and how many features, not {features.shape}."
        )
    # Nothing is done in a terminal state: it stays, whatever its rows say.
    dense = np.where(terminal[:, None, None], np.eye(n_states)[:, None, :], dense)
    check_probability(dense)
    n_branches = max(1, int((dense > 0.0).sum(axis=-1).max()))
    # Those that can happen first, in the order of their numbers.
    order = np.argsort(~(dense > 0.0), axis=-1, kind="stable")[..., :n_branches]
    probability = np.take_along_axis(dense, order, axis=-1)
    last = np.maximum((probability > 0.0).sum(axis=-1, keepdims=True) - 1, 0)
    padding = np.take_along_axis(order, last, axis=-1)
    successor = np.where(probability > 0.0, order, padding).astype(np.int32)
    if features is not None:
        features = np.take_along_axis(features, successor[..., None], axis=2)
    return successor, probability, features


def _first(wrong: np.ndarray) -> tuple[int, ...]:
    place = np.unravel_index(int(wrong.argmax()), wrong.shape)
    return tuple(int(i) for i in place)
