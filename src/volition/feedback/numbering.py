"""Numbers of questions: equal where the same was asked, and different where not."""

from collections.abc import Sequence

import equinox as eqx
import jax
import numpy as np

from volition.feedback.answer import UNNUMBERED, AbstractAnswer


def numbered(
    answers: AbstractAnswer, before: AbstractAnswer | None, taken: Sequence[int]
) -> AbstractAnswer:
    """The same answers, each about a question that has a number.

    Numbers that were given are kept. A question without one gets that of the same
    question, shown the same way, where there is such a one; else the next that is free.

    Args:
        answers: a batch on the host, leaves `[answer, ...]`.
        before: answers of the same shapes that are in the data set already.
        taken: all numbers that are in use there.
    """
    number = np.array(answers.question)
    open_ = number == UNNUMBERED
    if not open_.any():
        return answers
    free = max([UNNUMBERED, *taken, *number.tolist()]) + 1
    known: dict[bytes, int] = {}
    if before is not None:
        earlier = np.asarray(before.question).tolist()
        _remember(known, _shown(before), earlier)
    shown = _shown(answers)
    _remember(known, shown, number.tolist())
    for row in np.flatnonzero(open_):
        found = known.setdefault(shown[row], free)
        free += found == free
        number[row] = found
    return eqx.tree_at(lambda one: one.question, answers, number)


def _remember(known: dict[bytes, int], shown: list[bytes], numbers: list[int]) -> None:
    for what, number in zip(shown, numbers, strict=True):
        if number != UNNUMBERED:
            known.setdefault(what, number)


def _shown(answers: AbstractAnswer) -> list[bytes]:
    """What each was asked, as bytes: all but who said what, and how fast."""
    blank = [answers.person, answers.question, answers.seconds]
    told = answers.said()
    if told is not None:
        blank.append(getattr(answers, told[0]))
    said = {id(leaf) for leaf in blank}
    leaves = [leaf for leaf in jax.tree.leaves(answers) if id(leaf) not in said]
    n_answers = np.shape(answers.person)[0]
    rows = [np.ascontiguousarray(np.asarray(leaf)) for leaf in leaves]
    flat = [row.reshape(n_answers, -1).view(np.uint8) for row in rows if row.size]
    if not flat:
        return [b""] * n_answers
    return [row.tobytes() for row in np.concatenate(flat, axis=1)]
