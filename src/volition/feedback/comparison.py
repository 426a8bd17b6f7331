"""Comparisons: which of two segments is better, or neither."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import ArrayLike, Float, Int

from volition.policy import Segment

# What can be answered. "Cannot tell" says nothing about worth; it is kept, and counts
# for the quality of the question.
FIRST, SECOND, TIE, CANNOT_TELL = range(4)
NOBODY = -1  # the person when it is not known who answered


class Comparison(eqx.Module):
    """One answer to "which of these two is better?", or a batch of answers.

    Args:
        options: the two segments in the order shown, `[option, time]`.
        choice: `FIRST`, `SECOND`, `TIE` or `CANNOT_TELL`.
        person: number of who answered; `NOBODY` where that is not known.
        question: number of the question; equal numbers mean the same question.
        seconds: how long the answer took; NaN where that is not known.
    """

    options: Segment
    choice: Int[ArrayLike, "*batch"]
    person: Int[ArrayLike, "*batch"]
    question: Int[ArrayLike, "*batch"]
    seconds: Float[ArrayLike, "*batch"]


def comparison(
    options: Segment,
    choice: int,
    *,
    person: int = NOBODY,
    question: int = 0,
    seconds: float = jnp.nan,
) -> Comparison:
    """A single answer, checked.

    Args:
        options: two segments, leaves `[option, time]`.
        choice: 0 the first, 1 the second, 2 a tie, 3 cannot tell.
        person: number of who answered.
        question: number of the question.
        seconds: how long it took.

    Raises:
        ValueError: for any other choice, or not two options.
    """
    if choice not in (FIRST, SECOND, TIE, CANNOT_TELL):
        raise ValueError(f"a choice is 0, 1, 2 (tie) or 3 (cannot tell), not {choice}.")
    if options.weight.ndim != 2 or options.weight.shape[0] != 2:
        raise ValueError(
            "a comparison has two options, [option, time], not an array of shape "
            f"{options.weight.shape}."
        )
    return Comparison(
        options,
        jnp.asarray(choice, dtype=jnp.int32),
        jnp.asarray(person, dtype=jnp.int32),
        jnp.asarray(question, dtype=jnp.int32),
        jnp.asarray(seconds, dtype=float),
    )
