"""Scores of several runs on several tasks, as numbers that can be relied on."""

from collections.abc import Callable

import equinox as eqx
import numpy as np
import scipy
from jaxtyping import ArrayLike, Float

from volition.evaluation.bootstrap import N_RESAMPLES, percentile_interval
from volition.evaluation.estimate import Estimate

Scores = Float[np.ndarray, "run task"]
# Those of the other method; that they fit is for us to say, in a sentence.
OtherScores = Float[np.ndarray, "other_run other_task"]
# From scores `[*batch, run, task]` to a number for each of the batch.
Statistic = Callable[[np.ndarray], np.ndarray]

AT_A_TIME = 2_000_000  # numbers that are drawn again in one go: 16 MB


def iqm(scores: Float[np.ndarray, "*batch run task"]) -> Float[np.ndarray, "*batch"]:
    """The mean of the middle half of all runs on all tasks.

    Example:
        >>> round(float(iqm(np.arange(20.0).reshape(5, 4) / 10.0)), 9)
        0.95

    Source: R. Agarwal et al., "Deep reinforcement learning at the edge of the
    statistical precipice", NeurIPS 2021, arXiv 2108.13264, section 4.3.
    """
    pooled = scores.reshape(*scores.shape[:-2], -1)
    return np.asarray(scipy.stats.trim_mean(pooled, 0.25, axis=-1))


def interquartile_mean(
    scores: Scores, *, n_resamples: int = N_RESAMPLES, seed: int = 0
) -> Estimate:
    """The interquartile mean with its stratified bootstrap interval.

    A claim about a method takes at least 10 runs.

    Args:
        scores: normalised, so that tasks can be compared, `[run, task]`.
        n_resamples: how often the runs of each task are drawn again.
        seed: of the draws.

    Example:
        >>> found = interquartile_mean(np.arange(20.0).reshape(5, 4) / 10.0)
        >>> round(found.value, 9), found.n
        (0.95, 5)

    Source: as `iqm`.
    """
    return over_runs(iqm, scores, n_resamples=n_resamples, seed=seed)


def optimality_gap(
    scores: Scores,
    target: float = 1.0,
    *,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """By how much runs stay below a target on average, `target - E min(x, target)`.

    Args:
        scores: normalised, `[run, task]`.
        target: the score that is good enough.
        n_resamples: as of `interquartile_mean`.
        seed: likewise.

    Example:
        >>> round(optimality_gap(np.arange(20.0).reshape(5, 4) / 10.0).value, 9)
        0.275

    Source: as `iqm`.
    """
    gap = lambda drawn: target - np.minimum(drawn, target).mean(axis=(-2, -1))
    return over_runs(gap, scores, n_resamples=n_resamples, seed=seed)


def over_runs(
    statistic_fn: Statistic,
    scores: Scores,
    *,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Any statistic of runs and tasks, with its stratified bootstrap interval.

    Runs are drawn again within each task, independently; tasks are given.

    Args:
        statistic_fn: from `[*batch, run, task]` to `[*batch]`.
        scores: finite, `[run, task]`.
        n_resamples: how often.
        seed: of the draws.

    Raises:
        ValueError: for scores that are not finite or not `[run, task]`.

    Example:
        >>> highest = lambda drawn: drawn.max(axis=(-2, -1))
        >>> over_runs(highest, np.arange(20.0).reshape(5, 4)).value
        19.0

    Source: as `iqm`, section 4.1.
    """
    _check(scores)
    generator = np.random.default_rng(seed)
    drawn = [
        statistic_fn(_drawn_again(generator, scores, size))
        for size in _sizes(n_resamples, scores.size)
    ]
    return _estimate(float(statistic_fn(scores)), drawn, len(scores))


def probability_of_improvement(
    ours: Scores, theirs: OtherScores, *, n_resamples: int = N_RESAMPLES, seed: int = 0
) -> Estimate:
    """How probably a run of ours scores above one of theirs on a task drawn at random.

    A tie counts as half.

    Args:
        ours: `[run, task]`.
        theirs: on the same tasks, not necessarily of as many runs.
        n_resamples: as of `interquartile_mean`.
        seed: likewise.

    Raises:
        ValueError: where the tasks differ in number.

    Example:
        >>> ours = np.arange(20.0).reshape(5, 4) / 10.0
        >>> probability_of_improvement(ours, np.full((3, 4), 0.95)).value
        0.5

    Source: as `iqm`, section 4.3.
    """
    _check(ours)
    _check(theirs)
    if ours.shape[1] != theirs.shape[1]:
        raise ValueError(
            f"{ours.shape[1]} tasks of ours and {theirs.shape[1]} of theirs cannot be "
            "compared: give scores on the same ones."
        )

    def improved(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        apart = np.sign(one[..., :, None, :] - other[..., None, :, :])
        return np.asarray(((apart + 1.0) / 2.0).mean(axis=(-3, -2, -1)))

    generator = np.random.default_rng(seed)
    drawn = [
        improved(
            _drawn_again(generator, ours, size), _drawn_again(generator, theirs, size)
        )
        for size in _sizes(n_resamples, ours.size * len(theirs))
    ]
    n = min(len(ours), len(theirs))
    return _estimate(float(improved(ours, theirs)), drawn, n)


def paired_difference(
    ours: Scores,
    theirs: OtherScores,
    statistic_fn: Statistic = iqm,
    *,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """By how much a statistic of ours is above theirs, where runs are paired.

    Runs of the same number share their seed, so that they are drawn again together, and
    what a seed does to both cancels.

    Args:
        ours: `[run, task]`.
        theirs: of the same shape.
        statistic_fn: from `[*batch, run, task]` to `[*batch]`.
        n_resamples: as of `interquartile_mean`.
        seed: likewise.

    Raises:
        ValueError: where they differ in shape.

    Example:
        >>> theirs = np.arange(20.0).reshape(5, 4)
        >>> found = paired_difference(theirs + 1.0, theirs)
        >>> found.value, found.low, found.high
        (1.0, 1.0, 1.0)
    """
    _check(ours)
    _check(theirs)
    if ours.shape != theirs.shape:
        raise ValueError(
            f"runs of shape {ours.shape} and {theirs.shape} are no pairs: give one of "
            "each for every seed and task."
        )
    both = np.concatenate([ours, theirs], axis=1)
    n_tasks = ours.shape[1]
    apart = lambda pair: (
        statistic_fn(pair[..., :n_tasks]) - statistic_fn(pair[..., n_tasks:])
    )
    generator = np.random.default_rng(seed)
    drawn = []
    for size in _sizes(n_resamples, both.size):
        rows = generator.integers(0, len(ours), (size, *ours.shape))
        rows = np.concatenate([rows, rows], axis=-1)
        drawn.append(apart(both[rows, np.arange(2 * n_tasks)]))
    return _estimate(float(apart(both)), drawn, len(ours))


class Profile(eqx.Module):
    """Which share of runs scores above each threshold.

    Args:
        threshold: `[threshold]`.
        share: of all runs on all tasks, `[threshold]`.
        low: lower end of the 95 % interval of each, `[threshold]`.
        high: upper end.
        n: how many runs of each task there are.
    """

    threshold: Float[np.ndarray, " threshold"]
    share: Float[np.ndarray, " threshold"]
    low: Float[np.ndarray, " threshold"]
    high: Float[np.ndarray, " threshold"]
    n: int = eqx.field(static=True)


def performance_profile(
    scores: Scores,
    threshold: Float[ArrayLike, " threshold"],
    *,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> Profile:
    """The share of runs above each threshold, the tasks all alike.

    Args:
        scores: `[run, task]`.
        threshold: scores, `[threshold]`.
        n_resamples: as of `interquartile_mean`.
        seed: likewise.

    Example:
        >>> scores = np.arange(20.0).reshape(5, 4) / 10.0
        >>> performance_profile(scores, np.array([0.45, 1.45])).share.tolist()
        [0.75, 0.25]

    Source: as `iqm`, section 4.2.
    """
    _check(scores)
    limits = np.asarray(threshold, dtype=float)
    share = lambda drawn: np.stack(
        [(drawn > limit).mean(axis=(-2, -1)) for limit in limits], axis=-1
    )
    generator = np.random.default_rng(seed)
    drawn = [
        share(_drawn_again(generator, scores, size))
        for size in _sizes(n_resamples, scores.size)
    ]
    low, high = np.quantile(np.concatenate(drawn), [0.025, 0.975], axis=0)
    return Profile(limits, share(scores), low, high, len(scores))


def _check(scores: np.ndarray) -> None:
    if scores.ndim != 2 or scores.size == 0 or not np.isfinite(scores).all():
        raise ValueError(
            f"scores are finite numbers [run, task], not of shape {scores.shape} with "
            f"{int((~np.isfinite(scores)).sum())} that are not: score every run on "
            "every task."
        )


def _sizes(n_resamples: int, each: int) -> list[int]:
    most = max(1, AT_A_TIME // each)
    whole, rest = divmod(n_resamples, most)
    return [most] * whole + [rest] * (rest > 0)


def _drawn_again(
    generator: np.random.Generator, scores: Scores, size: int
) -> Float[np.ndarray, "resample run task"]:
    n_tasks = scores.shape[1]
    rows = generator.integers(0, len(scores), (size, *scores.shape))
    return scores[rows, np.arange(n_tasks)]


def _estimate(value: float, drawn: list[np.ndarray], n: int) -> Estimate:
    if n < 2:
        return Estimate(value, np.nan, np.nan, n, "none: one run")
    return percentile_interval(value, np.concatenate(drawn), n, "runs of each task")
