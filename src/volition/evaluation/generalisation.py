"""How much is lost on tasks that were not learned from."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Float, Int

from volition.evaluation.bootstrap import N_RESAMPLES, percentile_interval
from volition.evaluation.estimate import Estimate, mean_over

LearnFn = Callable[[Sequence[Any], Any], Any]  # (tasks, setting) -> what was learned
ScoreFn = Callable[[Any, Any], float]  # (what was learned, task) -> score


def generalisation_gap(
    train: Mapping[str, np.ndarray],
    held_out: Mapping[str, np.ndarray],
    *,
    seed: int = 0,
) -> Estimate:
    """The mean score on tasks that were learned from, less that on others.

    Args:
        train: by name of the task, the score of each run, `[run]`; the runs of one
            number belong together.
        held_out: likewise, of other tasks.
        seed: of the bootstrap.

    Returns:
        The gap, positive where something is lost; its interval is over the tasks of
        both sets and the runs, all drawn again.

    Raises:
        ValueError: where a task is in both sets, a set is empty, runs differ in
            number, or a score is not finite.

    Example:
        >>> found = generalisation_gap(
        ...     {"a": np.array([1.0, 0.8]), "b": np.array([0.9, 0.9])},
        ...     {"c": np.array([0.5, 0.7]), "d": np.array([0.4, 0.4])},
        ... )
        >>> round(found.value, 6), found.n
        (0.4, 2)

    Source: K. Cobbe et al., "Leveraging procedural generation to benchmark
    reinforcement learning", 2020, arXiv 1912.01588, section 3 (disjoint levels).
    """
    both = sorted(set(train) & set(held_out))
    if both:
        raise ValueError(
            f"the task {both[0]!r} is learned from and held out: a gap is between "
            "disjoint sets."
        )
    for name, scores in (*train.items(), *held_out.items()):
        for run, score in enumerate(scores):
            _check_score(f"run {run} of task {name!r}", float(score))
    lengths = {len(scores) for scores in (*train.values(), *held_out.values())}
    if not train or not held_out or len(lengths) != 1:
        raise ValueError(
            f"{len(train)} and {len(held_out)} tasks with {sorted(lengths)} runs are "
            "not two sets of as many runs on each task."
        )
    seen, other = (np.stack(list(scores.values())) for scores in (train, held_out))
    n_runs = lengths.pop()
    generator = np.random.default_rng(seed)
    again = lambda n: generator.integers(0, n, n)

    def one() -> float:
        runs = again(n_runs)
        means = [scores[again(len(scores))][:, runs].mean() for scores in (seen, other)]
        return float(means[0] - means[1])

    value = float(seen.mean() - other.mean())
    drawn = np.array([one() for _ in range(N_RESAMPLES)])
    return percentile_interval(value, drawn, len(other), "tasks and runs")


def _check_score(what: str, score: float) -> None:
    if not np.isfinite(score):
        raise ValueError(
            f"the score of {what} is {score}: a mean of scores needs finite ones."
        )


class TaskScores(eqx.Module):
    """How well tasks are done that were not learned from, each held out once.

    Args:
        held_out: score of each task by what was learned without it, `[task]`.
        train: mean score of the tasks that were learned from then, `[task]`.
        setting: number of the setting that was chosen then, `[task]`.
        mean: of `held_out`, over tasks.
        gap: mean of `train - held_out`, over tasks.
    """

    held_out: Float[np.ndarray, " task"]
    train: Float[np.ndarray, " task"]
    setting: Int[np.ndarray, " task"]
    mean: Estimate
    gap: Estimate


def cross_validate_tasks(
    tasks: Sequence[Any],
    settings: Sequence[Any],
    learn_fn: LearnFn,
    score_fn: ScoreFn,
    *,
    n_folds: int | None = None,
    seed: int = 0,
) -> TaskScores:
    """Hold out every task once, and choose settings without it.

    For each fold of tasks, every setting is judged by holding out the remaining tasks
    in turn, in as many folds; the best one learns from all of them, and is scored on
    the fold. Nothing that a task says about settings touches its own score.

    Args:
        tasks: at least three, or two where there is one setting.
        settings: of the hyperparameters, at least one; the first of equals is chosen.
        learn_fn: `(tasks, setting) -> result`. Called `folds (settings (folds - 1) +
            1)` times where tasks are left out one by one.
        score_fn: `(result, task) -> score`, higher is better.
        n_folds: one for each task if left out (leave one task out).
        seed: of the order in which tasks go to folds, where there are fewer.

    Returns:
        The scores; intervals are from the t distribution over tasks, which share most
        of what they are learned from, so they are somewhat narrow.

    Raises:
        ValueError: for too few tasks, settings or folds, or a score that is not finite.

    Example:
        >>> found = cross_validate_tasks(
        ...     [1.0, 2.0, 3.0, 6.0],
        ...     [np.mean, np.min],
        ...     lambda tasks, setting: setting(tasks),
        ...     lambda learned, task: -abs(learned - task),
        ... )
        >>> found.held_out.round(3).tolist(), found.setting.tolist()
        ([-1.0, -1.333, -2.0, -4.0], [1, 0, 1, 0])

    Source: M. Stone, "Cross-validatory choice and assessment of statistical
    predictions", 1974 (the nested form); tasks in place of observations.
    """
    n = len(tasks)
    n_folds = n if n_folds is None else n_folds
    least = 3 if len(settings) > 1 else 2
    if n < least or len(settings) < 1 or not 2 <= n_folds <= n:
        raise ValueError(
            f"{n} tasks, {len(settings)} settings and {n_folds} folds are too few, or "
            f"more folds than tasks: give at least {least} tasks and one setting."
        )
    score_fn = _finite(score_fn)
    held_out, train, chosen = np.zeros(n), np.zeros(n), np.zeros(n, dtype=int)
    for inside, outside in _splits(n, n_folds, seed):
        seen = [tasks[number] for number in inside]
        best = 0
        if len(settings) > 1:
            judged = [
                _inner_score(seen, setting, learn_fn, score_fn, n_folds, seed)
                for setting in settings
            ]
            best = int(np.argmax(judged))
        result = learn_fn(seen, settings[best])
        at_home = float(np.mean([score_fn(result, task) for task in seen]))
        for number in outside:
            held_out[number] = score_fn(result, tasks[number])
            train[number], chosen[number] = at_home, best
    return TaskScores(
        held_out,
        train,
        chosen,
        mean_over(held_out, "tasks"),
        mean_over(train - held_out, "tasks"),
    )


def _finite(score_fn: ScoreFn) -> ScoreFn:
    """The same, which raises where a score is not finite."""

    def scored(result: Any, task: Any) -> float:
        score = float(score_fn(result, task))
        _check_score(f"task {task!r:.80}", score)
        return score

    return scored


def _inner_score(
    tasks: Sequence[Any],
    setting: Any,
    learn_fn: LearnFn,
    score_fn: ScoreFn,
    n_folds: int,
    seed: int,
) -> float:
    n = len(tasks)
    scores = []
    for inside, outside in _splits(n, min(n, n_folds), seed):
        result = learn_fn([tasks[number] for number in inside], setting)
        scores += [score_fn(result, tasks[number]) for number in outside]
    return float(np.mean(scores))


def _splits(n: int, n_folds: int, seed: int) -> list[tuple[list[int], list[int]]]:
    """Numbers of the tasks inside and outside, for each fold."""
    place = np.arange(n) % n_folds
    if n_folds < n:
        place = np.random.default_rng(seed).permutation(place)
    numbers = lambda chosen: np.flatnonzero(chosen).tolist()
    return [(numbers(place != fold), numbers(place == fold)) for fold in range(n_folds)]
