"""Gaps between tasks that were learned from and others: no leak, known answers."""

import numpy as np
import pytest

from volition.evaluation import cross_validate_tasks, generalisation_gap


def test_what_is_scored_was_never_learned_from():
    calls = []

    def learn(tasks, setting):
        calls.append((tuple(tasks), setting))
        return frozenset(tasks), setting

    def score(result, task):
        seen, setting = result
        return 10.0 if task in seen else float(setting)

    for n_folds in (None, 3):
        calls.clear()
        tasks = list(range(7))
        found = cross_validate_tasks(tasks, [1, 3, 2], learn, score, n_folds=n_folds)
        # A task that was seen would have scored 10.
        assert found.held_out.tolist() == [3.0] * 7
        assert found.train.tolist() == [10.0] * 7
        assert found.setting.tolist() == [1] * 7
        assert found.gap.value == 7.0
        assert found.mean.n == 7
        n = 7 if n_folds is None else n_folds
        inner = 6 if n_folds is None else n
        assert len(calls) == n * (3 * inner + 1)


def test_settings_are_chosen_without_the_task_that_is_scored():
    """Each setting remembers one task by heart; a choice that peeked would score 1.

    Without peeking the setting of a task that is held out is never better than others
    on the rest, so the first of equals is chosen.
    """
    tasks = list(range(5))
    found = cross_validate_tasks(
        tasks,
        tasks,
        lambda seen, setting: setting,
        lambda result, task: float(result == task),
    )
    assert found.held_out.tolist() == [0.0] * 5
    assert found.setting.tolist() == [1, 0, 0, 0, 0]
    # With peeking: the best setting on all tasks, for each task its own.
    assert max(float(result == 0) for result in tasks) == 1.0


def test_ridge_regression_chooses_what_closed_forms_say():
    """Tasks are numbers around 4; shrinking a mean of 5 of them by what was drawn."""
    rng = np.random.default_rng(0)
    tasks = (4.0 + rng.normal(size=6)).tolist()
    learn = lambda seen, shrink: (1.0 - shrink) * float(np.mean(seen))
    score = lambda result, task: -((result - task) ** 2)
    found = cross_validate_tasks(tasks, [0.9, 0.5, 0.0], learn, score)
    assert found.setting.tolist() == [2] * 6
    others = (np.sum(tasks) - np.array(tasks)) / 5
    np.testing.assert_allclose(found.held_out, -((others - tasks) ** 2))
    # Leave-one-out of a mean: (n / (n - 1))^2 times the squares around it.
    around = np.array(tasks) - np.mean(tasks)
    np.testing.assert_allclose(found.held_out, -((6 / 5 * around) ** 2))
    assert found.gap.value > 0.0


def test_the_gap_of_disjoint_sets():
    """Tasks of mean .8 and .5, spread .1, over runs of spread .02."""
    rng = np.random.default_rng(0)
    draw = lambda mean, names: {
        name: mean + 0.1 * rng.normal() + 0.02 * rng.normal(size=10) for name in names
    }
    train, held_out = draw(0.8, "abcdefgh"), draw(0.5, "ijklmnop")
    found = generalisation_gap(train, held_out)
    means = [np.mean(list(scores.values())) for scores in (train, held_out)]
    assert found.value == pytest.approx(means[0] - means[1])
    # The standard error is .1 sqrt(2 / 8) = .05.
    assert 0.1 < found.high - found.low < 0.35
    assert found.low < 0.3 < found.high
    assert found.n == 8
    back = generalisation_gap(held_out, train)
    assert back.value == pytest.approx(-found.value)
    with pytest.raises(ValueError, match="'a' is learned from and held out"):
        generalisation_gap(train, train)
    with pytest.raises(ValueError, match="as many runs"):
        generalisation_gap(train, {"z": np.zeros(3)})


def test_too_little_is_refused():
    for tasks, settings, n_folds in (
        ([1, 2], [1, 2], None),
        ([1], [1], None),
        ([1, 2, 3], [], None),
        ([1, 2, 3], [1], 4),
    ):
        with pytest.raises(ValueError, match="too few"):
            cross_validate_tasks(
                tasks, settings, lambda *_: 0, lambda *_: 0.0, n_folds=n_folds
            )
