"""Whether answers are in their range: checked where a data set is made of them."""

import jax
import numpy as np

from volition.feedback.answer import UNANSWERED, AbstractAnswer


def check_answers(answers: AbstractAnswer) -> None:
    """Refuse a batch of answers that hold what cannot be answered.

    Args:
        answers: of one kind, leaves with a leading axis `[answer]`.

    Raises:
        ValueError: for a choice that there is not, an option that is ranked twice,
            numbers of people or questions below -1, a time that is negative or
            infinite, or arrays of different numbers of answers.
    """
    kind = type(answers).__name__
    n_answers = np.shape(answers.person)[0]
    for leaf in jax.tree.leaves(answers):
        if np.shape(leaf)[:1] != (n_answers,):
            raise ValueError(
                f"a batch of {n_answers} answers of the kind {kind} holds an array of "
                f"shape {np.shape(leaf)}: every array has one row for each answer."
            )
    for name in ("person", "question"):
        _check_whole(kind, name, np.asarray(getattr(answers, name)), None)
    seconds = np.asarray(answers.seconds, dtype=float)
    wrong = np.flatnonzero((seconds < 0) | np.isinf(seconds))
    if len(wrong):
        raise ValueError(
            f"seconds = {seconds[wrong[0]]} of answer {wrong[0]} ({kind}): give a time "
            "from 0 up, or NaN where it is not known."
        )
    told = answers.said()
    if told is None:
        return
    name, n_choices = told
    said = np.asarray(getattr(answers, name))
    _check_whole(kind, name, said, n_choices)
    if said.ndim > 1:  # several choices in a row, each of another option
        ordered = np.sort(said, axis=-1)
        again = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] != UNANSWERED)
        wrong = np.flatnonzero(again.any(axis=-1))
        if len(wrong):
            raise ValueError(
                f"{name} = {said[wrong[0]].tolist()} of answer {wrong[0]} ({kind}) "
                "names an option twice: name each once."
            )


def _check_whole(kind: str, name: str, numbers: np.ndarray, n: int | None) -> None:
    """Whole numbers from -1 up, below `n` if that is given."""
    if numbers.dtype.kind not in "iub":
        raise ValueError(
            f"{name} of answers of the kind {kind} holds numbers of the kind "
            f"{numbers.dtype}: give whole numbers."
        )
    wrong = numbers < UNANSWERED
    if n is not None:
        wrong = wrong | (numbers >= n)
    if not wrong.any():
        return
    place = tuple(np.argwhere(wrong)[0].tolist())
    most = "from 0 up" if n is None else f"0 to {n - 1}"
    nothing = "not known" if n is None else "not said yet"
    raise ValueError(
        f"{name} = {numbers[place]} of answer {place[0]} ({kind}) is out of range: "
        f"give {most}, or {UNANSWERED} where it is {nothing}."
    )
