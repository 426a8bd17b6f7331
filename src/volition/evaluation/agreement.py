"""How far people agree with each other."""

import numpy as np
from jaxtyping import Float, Int

from volition.evaluation.bootstrap import bootstrap
from volition.evaluation.estimate import Estimate, no_interval
from volition.feedback import FIRST, SECOND, TIE, Comparison

N_RESAMPLES = 1000
SEED = 0  # of the bootstrap: the same answers give the same interval


def agreement(
    values: Float[np.ndarray, " answer"],
    person: Int[np.ndarray, " answer"],
    question: Int[np.ndarray, " answer"],
    *,
    ordered: bool = True,
) -> Estimate:
    """Krippendorff's alpha: 1 for full agreement, 0 for that of chance.

    Of one person's several answers to a question the last one counts.

    Args:
        values: what was answered, on a scale; NaN where nothing was said.
        person: who answered.
        question: what was asked.
        ordered: whether the scale is ordered; else two values are the same or not.

    Returns:
        Alpha with a 95 % bootstrap interval over the questions that at least two people
        answered, and their number; NaN, with the reason in words, where it is not
        defined: no question has two answers, or all answers are the same. Where draws
        of few questions do not differ, it has no interval.

    Raises:
        ValueError: for values that are infinite.

    Example:
        >>> said = np.array([0.0, 0.0, 2.0, 2.0, 1.0, 2.0])
        >>> found = agreement(said, np.array([0, 1] * 3), np.array([0, 0, 1, 1, 2, 2]))
        >>> round(found.value, 3), found.n
        (0.778, 3)

    Source: K. Krippendorff, "Content analysis", 4th ed., chapter 12; computed by the
    package `krippendorff`.
    """
    values = np.asarray(values, dtype=float)
    if np.isinf(values).any():
        raise ValueError(
            f"answer {int(np.argmax(np.isinf(values)))} is infinite, which is no level "
            "of a scale: give the level, or NaN where nothing was said."
        )
    people, row = np.unique(person, return_inverse=True)
    questions, column = np.unique(question, return_inverse=True)
    table = np.full((len(people), len(questions)), np.nan)
    table[row, column] = values
    shared = table[:, (~np.isnan(table)).sum(axis=0) >= 2]
    n = shared.shape[1]
    if n == 0:
        return _undefined(0, "no question was answered by two people")
    if len(np.unique(shared[~np.isnan(shared)])) < 2:
        return _undefined(n, "all answers are the same")

    def alpha(columns: np.ndarray) -> float:
        chosen = shared[:, columns]
        if len(np.unique(chosen[~np.isnan(chosen)])) < 2:
            return np.nan
        level = "ordinal" if ordered else "nominal"
        import krippendorff

        return float(krippendorff.alpha(chosen, level_of_measurement=level))

    found = bootstrap(alpha, n, "questions", n_resamples=N_RESAMPLES, seed=SEED)
    return found.within(-np.inf, 1.0)


def _undefined(n: int, why: str) -> Estimate:
    return no_interval(float("nan"), n, f"not defined: {why}")


def comparison_agreement(answers: Comparison) -> Estimate:
    """Krippendorff's alpha of comparisons, a tie lying between first and second.

    Args:
        answers: a batch `[answer]`; equal question numbers mean the same two options in
            the same order.
    """
    scale = {FIRST: -1.0, TIE: 0.0, SECOND: 1.0}
    choices = np.asarray(answers.choice).tolist()
    values = np.array([scale.get(choice, np.nan) for choice in choices])
    return agreement(values, np.asarray(answers.person), np.asarray(answers.question))
