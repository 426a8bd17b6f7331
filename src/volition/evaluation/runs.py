"""Scores of several runs on several tasks, as numbers that can be relied on."""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import numpy as np
import scipy
from jaxtyping import Float

from volition.evaluation.bootstrap import (
    FEW,
    N_RESAMPLES,
    percentile_interval,
    widened,
)
from volition.evaluation.estimate import Estimate, all_equal, is_constant, no_interval

Scores = Float[np.ndarray, "run task"]
# What is taken for scores: that they are such is for us to say, in a sentence.
ScoresLike = np.ndarray | Sequence[Any]
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
    scores: ScoresLike, *, n_resamples: int = N_RESAMPLES, seed: int = 0
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
    scores: ScoresLike,
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
    found = over_runs(gap, scores, n_resamples=n_resamples, seed=seed)
    return found.within(0.0, np.inf)


def over_runs(
    statistic_fn: Statistic,
    scores: ScoresLike,
    *,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Any statistic of runs and tasks, with its stratified bootstrap interval.

    Runs are drawn again within each task, independently; tasks are given. Of fewer than
    10 runs the percentile interval is too narrow, and is made wider by
    `sqrt(n / (n - 1)) t / z`, with the degrees of freedom of all tasks together
    (Satterthwaite). Of a single run, or where the statistic is the same for all draws,
    there is no interval, and the words say why.

    Args:
        statistic_fn: from `[*batch, run, task]` to `[*batch]`.
        scores: finite, `[run, task]`.
        n_resamples: how often.
        seed: of the draws.

    Raises:
        ValueError: for scores that are not finite or not `[run, task]`; it names the
            run and the task.

    Example:
        >>> highest = lambda drawn: drawn.max(axis=(-2, -1))
        >>> over_runs(highest, np.arange(20.0).reshape(5, 4)).value
        19.0

    Source: as `iqm`, section 4.1.
    """
    scores = _checked(scores)
    generator = np.random.default_rng(seed)
    drawn = [
        statistic_fn(_drawn_again(generator, scores, size))
        for size in _sizes(n_resamples, scores.size)
    ]
    return _estimate(float(statistic_fn(scores)), drawn, scores)


def probability_of_improvement(
    ours: ScoresLike,
    theirs: ScoresLike,
    *,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """How probably a run of ours scores above one of theirs on a task drawn at random.

    A tie counts as half. The interval is the stratified bootstrap's; where either has
    fewer than 10 runs, or no draw differs, it is the score interval of the Mann-Whitney
    statistic, by t in place of z: two runs that are both above two others say little.

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
        >>> print(
        ...     probability_of_improvement(np.array([[3.0], [4.0]]), np.eye(2)[:, :1])
        ... )
        1.000 [0.121, 1.000] (n = 2, 95 % by Mann-Whitney, over few runs)

    Source: as `iqm`, section 4.3; the score interval, R. G. Newcombe, "Confidence
    intervals for an effect size measure based on the Mann-Whitney statistic", part 2,
    Statistics in Medicine 25 (2006), 559-573, method 5. Differs: t for few runs; of
    several tasks the variance of the mean, cautiously that of tasks all alike.
    """
    ours, theirs = _checked(ours), _checked(theirs)
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
    n, value = min(len(ours), len(theirs)), float(improved(ours, theirs))
    if n < 2:
        return no_interval(value, n, "one run")
    every = np.concatenate(drawn)
    if n >= FEW and not is_constant(every):
        return percentile_interval(value, every, n, "runs of each task")
    low, high = _mann_whitney(value, len(ours), len(theirs), ours.shape[1])
    return Estimate(value, low, high, n, "95 % by Mann-Whitney, over few runs")


def _mann_whitney(
    value: float, n_ours: int, n_theirs: int, n_tasks: int
) -> tuple[float, float]:
    """Those probabilities from which the one found is not too far away."""
    freedom = n_tasks * (n_ours + n_theirs - 2)
    wide = scipy.stats.t.ppf(0.975, freedom) ** 2 / (n_ours * n_theirs * n_tasks)
    more = (n_ours + n_theirs) / 2.0 - 1.0

    def outside(p: float) -> float:
        spread = 1.0 + more * ((1.0 - p) / (2.0 - p) + p / (1.0 + p))
        return (value - p) ** 2 - wide * p * (1.0 - p) * spread

    def end(edge: float) -> float:
        if outside(edge) <= 0.0:
            return edge
        # Just beside the value, as at 0 and 1 nothing is left of the spread.
        inside = value + np.sign(edge - value) * 1e-9
        return float(scipy.optimize.brentq(outside, edge, inside))

    return 0.0 if value == 0.0 else end(0.0), 1.0 if value == 1.0 else end(1.0)


def paired_difference(
    ours: ScoresLike,
    theirs: ScoresLike,
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
        >>> found.value, found.interval[:24]
        (1.0, 'none: all 5 pairs of run')
    """
    ours, theirs = _checked(ours), _checked(theirs)
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
    value = float(apart(both))
    if len(ours) > 1 and is_constant((ours - theirs).ravel()):
        return all_equal(value, len(ours), "pairs of runs")
    return _estimate(value, drawn, ours - theirs)


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
    scores: ScoresLike,
    threshold: np.ndarray | Sequence[float],
    *,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> Profile:
    """The share of runs above each threshold, the tasks all alike.

    The interval is the stratified bootstrap's; of fewer than 10 runs, and where all or
    no runs are above, it is the exact one of a share of all runs, which is cautious
    where tasks differ.

    Args:
        scores: `[run, task]`.
        threshold: scores, `[threshold]`.
        n_resamples: as of `interquartile_mean`.
        seed: likewise.

    Example:
        >>> scores = np.arange(20.0).reshape(5, 4) / 10.0
        >>> performance_profile(scores, np.array([0.45, 1.45])).share.tolist()
        [0.75, 0.25]

    Raises:
        ValueError: for scores that are not finite, or thresholds that are NaN.

    Source: as `iqm`, section 4.2; C. Clopper and E. Pearson, "The use of confidence or
    fiducial limits", 1934; that it is cautious, W. Hoeffding, "On the distribution of
    the number of successes in independent trials", 1956.
    """
    scores = _checked(scores)
    limits = np.asarray(threshold, dtype=float)
    if limits.ndim != 1 or np.isnan(limits).any():
        raise ValueError(
            f"thresholds are numbers [threshold], not of shape {limits.shape} with "
            f"{int(np.isnan(limits).sum())} that are NaN: give scores to exceed."
        )
    share = lambda drawn: np.stack(
        [(drawn > limit).mean(axis=(-2, -1)) for limit in limits], axis=-1
    )
    generator = np.random.default_rng(seed)
    drawn = [
        share(_drawn_again(generator, scores, size))
        for size in _sizes(n_resamples, scores.size)
    ]
    low, high = np.quantile(np.concatenate(drawn), [0.025, 0.975], axis=0)
    found = share(scores)
    exact = (len(scores) < FEW) | (low == high)
    for place in np.flatnonzero(exact):
        above = int(np.sum(scores > limits[place]))
        ends = scipy.stats.binomtest(above, scores.size).proportion_ci()
        low[place], high[place] = ends.low, ends.high
    return Profile(limits, found, low, high, len(scores))


def _checked(scores: ScoresLike) -> np.ndarray:
    """Scores as an array of numbers, all finite."""
    found = np.asarray(scores)
    if found.ndim != 2 or found.size == 0 or found.dtype.kind not in "buif":
        raise ValueError(
            f"scores are numbers [run, task], not {found.dtype}{list(found.shape)}: "
            "score every run on every task."
        )
    found = found.astype(float)
    if not np.isfinite(found).all():
        run, task = (int(number) for number in np.argwhere(~np.isfinite(found))[0])
        raise ValueError(
            f"the score of run {run} on task {task} is {found[run, task]}: score every "
            "run on every task, or leave that run out and say so."
        )
    return found


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


def _estimate(value: float, drawn: list[np.ndarray], scores: np.ndarray) -> Estimate:
    """With the interval of draws; `scores` are what was drawn from, `[run, task]`."""
    n, every = len(scores), np.concatenate(drawn)
    if n < 2:
        return no_interval(value, n, "one run")
    if all(is_constant(column) for column in scores.T):
        return all_equal(value, n, "runs of each task")
    found = percentile_interval(value, every, max(n, FEW), "runs of each task")
    if n >= FEW or not found.has_interval:
        return Estimate(value, found.low, found.high, n, found.interval)
    spread = scores.var(axis=0, ddof=1)
    freedom = (n - 1) * spread.sum() ** 2 / np.sum(spread**2)
    low, high = widened(value, found.low, found.high, float(freedom), n)
    return Estimate(value, low, high, n, "95 % over few runs of each task")
