"""How well a model of people predicts answers it was not fitted to."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray
from scipy.special import expit

from volition.evaluation.estimate import Estimate, clustered_mean, no_interval
from volition.expect import expect, expect_key
from volition.feedback import (
    FIRST,
    NOBODY,
    SECOND,
    UNANSWERED,
    Answers,
    Comparison,
    Dataset,
)
from volition.human import AbstractHuman
from volition.inference import (
    AbstractMethod,
    AbstractPrior,
    Problem,
    default_prior,
    solve,
)
from volition.inference.expected import expect_problem
from volition.reward import AbstractReward


class Reliability(NamedTuple):
    """One point of a reliability diagram: answers of much the same prediction.

    Args:
        predicted: mean probability.
        happened: share in which it did.
        n: how many answers.
    """

    predicted: float
    happened: float
    n: int


class AnswerScore(eqx.Module):
    """How well answers were predicted.

    Args:
        neg_log_likelihood: mean over answers, nats.
        accuracy: share of first-or-second answers for which the one given was the more
            probable of the two; predictions of equal odds count half.
        calibration_error: expected calibration error of those two, in `[0, 1]`.
        reliability: that calibration bin by bin, by the probability of the second.
        each: log-likelihood of each answer, `[answer]`.
    """

    neg_log_likelihood: Estimate
    accuracy: Estimate
    calibration_error: float
    reliability: tuple[Reliability, ...]
    each: Float[np.ndarray, " answer"]


def score_answers(
    log_probs: Float[np.ndarray, "answer choice"],
    log_likelihood: Float[np.ndarray, " answer"],
    choices: np.ndarray,
    clusters: np.ndarray,
) -> AnswerScore:
    """Score predictions of answers.

    Args:
        log_probs: predicted of comparisons, for first, second and any further answer.
        log_likelihood: predicted for the answer given.
        choices: the answers given to comparisons; -1 for answers of other kinds.
        clusters: question or person of each answer.
    """
    decided = (choices == FIRST) | (choices == SECOND)
    ahead = log_probs[decided, SECOND] - log_probs[decided, FIRST]
    second = choices[decided] == SECOND
    right = np.where(ahead == 0.0, 0.5, (ahead > 0) == second)
    accuracy = (
        clustered_mean(right, clusters[decided])
        if decided.any()
        else no_interval(float("nan"), 0, "no answer decides")
    )
    return AnswerScore(
        clustered_mean(-log_likelihood, clusters),
        accuracy,
        calibration_error(expit(ahead), second),
        reliability(expit(ahead), second),
        log_likelihood,
    )


def calibration_error(
    predicted: Float[np.ndarray, " answer"],
    happened: np.ndarray,
    n_bins: int = 10,
) -> float:
    """Expected calibration error over bins of equal mass.

    `sum over bins of share(bin) |mean predicted - share that happened|`

    Args:
        predicted: probabilities, `[answer]`.
        happened: whether it did, `[answer]`.
        n_bins: how many bins; fewer where there are fewer answers.

    Returns:
        In `[0, 1]`; NaN for no answers.

    Example:
        >>> round(calibration_error(np.array([0.75, 0.75]), np.array([1, 1])), 3)
        0.25

    Source: M. P. Naeini, G. Cooper, M. Hauskrecht, "Obtaining well calibrated
    probabilities using Bayesian binning", AAAI 2015; bins of equal mass in place of
    equal width.
    """
    points = reliability(predicted, happened, n_bins)
    if not points:
        return float("nan")
    gaps = [abs(point.predicted - point.happened) for point in points]
    return float(np.dot(gaps, [point.n / len(predicted) for point in points]))


def reliability(
    predicted: Float[np.ndarray, " answer"],
    happened: np.ndarray,
    n_bins: int = 10,
) -> tuple[Reliability, ...]:
    """A reliability diagram: what was predicted and what happened, in bins.

    Args:
        predicted: probabilities, `[answer]`.
        happened: whether it did, `[answer]`.
        n_bins: how many bins of equal mass; fewer where there are fewer answers.

    Example:
        >>> reliability(np.array([0.25, 0.75]), np.array([0, 1]), n_bins=1)
        (Reliability(predicted=0.5, happened=0.5, n=2),)

    Source: A. Murphy, R. Winkler, "Reliability of subjective probability forecasts of
    precipitation and temperature", 1977; bins of equal mass.
    """
    if len(predicted) == 0:
        return ()
    order = np.argsort(predicted, kind="stable")
    bins = np.array_split(order, min(n_bins, len(order)))
    return tuple(
        Reliability(
            float(predicted[rows].mean()), float(happened[rows].mean()), len(rows)
        )
        for rows in bins
    )


def brier_score(predicted: np.ndarray, happened: np.ndarray) -> float:
    """Mean squared difference between probabilities and what happened (1, 0 or 1/2).

    Example:
        >>> brier_score(np.array([0.75, 0.25]), np.array([1.0, 0.0]))
        0.0625

    Source: G. W. Brier, 1950.
    """
    return float(np.mean(np.square(predicted - happened)))


def noise_ceiling(agreement: float) -> tuple[float, float]:
    """Between which bounds the best accuracy lies when two raters agree so often.

    `a <= accuracy <= (1 + sqrt(2 a - 1)) / 2`; the upper bound is Jensen's.

    Args:
        agreement: probability that two independent raters agree, in `[0.5, 1]`.

    Raises:
        ValueError: for an agreement outside.

    Example:
        >>> low, high = noise_ceiling(0.82)
        >>> low, round(high, 3)
        (0.82, 0.9)
    """
    if not 0.5 <= agreement <= 1.0:
        raise ValueError(f"agreement is in [0.5, 1] (0.5 is chance), not {agreement}.")
    return agreement, float((1.0 + np.sqrt(2.0 * agreement - 1.0)) / 2.0)


def skill(loss: float, null: float, ceiling: float) -> float:
    """How far a loss is on the way from knowing nothing to what can be known.

    `(null - loss) / (null - ceiling)`: 0 knows nothing, 1 all that can be known.

    Args:
        loss: mean negative log-likelihood, nats.
        null: of a model that knows nothing.
        ceiling: of the best possible model. Where ties are a share `t` of symmetric
            answers and count as half, it is at least `t log 2`.

    Example:
        >>> round(skill(0.5, 0.7, 0.3), 3)
        0.5
    """
    return (null - loss) / (null - ceiling)


@eqx.filter_jit
def _predict(
    problem: Problem, free: Float[Array, " free"]
) -> tuple[Float[Array, "capacity pair=2"], Float[Array, " capacity"]]:
    """Of first and second where two were compared, and of what was answered."""
    reward, human = problem.unpack(free)
    judge = human.judge(reward)
    pairs = [jnp.zeros((0, 2), dtype=free.dtype)]
    for batch in problem.answers.batches:
        if isinstance(batch.answers, Comparison):
            pairs.append(jax.vmap(judge.log_probs)(batch.answers)[:, :2])
        else:
            pairs.append(jnp.full((batch.capacity, 2), jnp.nan, dtype=free.dtype))
    return jnp.concatenate(pairs), problem.each_log_likelihood(free)


def _choices(answers: Dataset) -> np.ndarray:
    """What was answered where two were compared, -1 elsewhere, `[capacity]`."""
    parts = [
        np.asarray(batch.answers.choice)
        if isinstance(batch.answers, Comparison)
        else np.full(batch.capacity, UNANSWERED)
        for batch in answers.batches
    ]
    return np.concatenate(parts)


def folds(
    answers: Dataset,
    n_folds: int,
    key: PRNGKeyArray,
    clusters: Int[np.ndarray, " capacity"] | None = None,
) -> np.ndarray:
    """Which fold each place of a data set belongs to, `[capacity]`.

    All answers of a person are in one fold where people are known, else all answers to
    a question, so that nothing that is predicted was seen.

    Args:
        answers: with at least `n_folds` people or questions.
        n_folds: at least 2.
        key: of the random order.
        clusters: what is kept together; as above if left out.

    Raises:
        ValueError: where there are too few.
    """
    clusters = clusters_of(answers) if clusters is None else np.asarray(clusters)
    names = np.unique(clusters[np.asarray(answers.present)])
    if n_folds < 2 or len(names) < n_folds:
        raise ValueError(
            f"{n_folds} folds need at least 2 and at most as many as there are people "
            f"or questions, which are {len(names)}."
        )
    order = np.asarray(jax.random.permutation(key, len(names)))
    # A place without an answer gets any fold.
    place = np.minimum(np.searchsorted(names, clusters), len(names) - 1)
    return (order % n_folds)[place]


def clusters_of(answers: Dataset) -> np.ndarray:
    """The person of each place where people are known, else the question."""
    if not answers.batches:
        raise ValueError("there are no answers yet: ask first.")
    people = np.asarray(answers.person)
    known = (people != NOBODY)[np.asarray(answers.present)].all()
    return people if known else np.asarray(answers.question)


def cross_validate(
    reward: AbstractReward,
    human: AbstractHuman,
    answers: Dataset | Answers,
    method: AbstractMethod,
    *,
    prior: AbstractPrior | None = None,
    n_folds: int = 10,
    clusters: Int[np.ndarray, " capacity"] | None = None,
    key: PRNGKeyArray | None = None,
) -> AnswerScore:
    """Predict every answer from a fit that has not seen it, nor its person or question.

    Args:
        reward: where each search begins.
        human: likewise.
        answers: the evidence.
        method: of inference; its mode is what predicts.
        prior: over the reward's parameters; that of the reward's form at the scale of
            the data if left out, as in `fit`.
        n_folds: how many fits.
        clusters: what is kept together in a fold, a number for each place; people where
            they are known, else questions, if left out. Give the questions to score a
            model of people by what it says of people whom it knows.
        key: of the folds; `jax.random.key(0)` if left out.

    Returns:
        The score of all answers, each predicted out of fold.
    """
    expect_problem(reward, human, method, prior)
    expect(answers, Dataset, "the evidence", "give a vl.feedback.Dataset of answers")
    if key is not None:
        expect_key(key)
    fold_key, fit_key = jax.random.split(jax.random.key(0) if key is None else key)
    answers = Dataset.of(answers)
    if prior is None:
        reward, prior = default_prior(reward, answers)
    clusters = clusters_of(answers) if clusters is None else np.asarray(clusters)
    place = folds(answers, n_folds, fold_key, clusters)
    log_probs = each = None
    for fold in range(n_folds):
        seen = Problem(reward, human, answers.subset(jnp.asarray(place != fold)), prior)
        mode, _, _ = solve(jax.random.fold_in(fit_key, fold), seen, method)
        whole = Problem(reward, human, answers, prior)
        fold_probs, fold_each = (np.asarray(part) for part in _predict(whole, mode))
        if log_probs is None or each is None:
            log_probs, each = fold_probs.copy(), fold_each.copy()
        rows = place == fold
        log_probs[rows], each[rows] = fold_probs[rows], fold_each[rows]
    assert log_probs is not None
    assert each is not None
    there = np.asarray(answers.present)
    return score_answers(
        log_probs[there], each[there], _choices(answers)[there], clusters[there]
    )
