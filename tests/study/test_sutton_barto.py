"""The textbook's experiments at small size; benchmarks.sutton_barto has them whole."""

import jax
import numpy as np
import pytest

from benchmarks.sutton_barto import Result, mean, share
from volition.study import sutton_barto as book
from volition.value import QLearning

KEY = jax.random.key(0)


def test_q_learning_walks_along_the_edge():
    runs, greedy = book.cliff(KEY, QLearning, n_runs=3)
    assert runs.total.shape == runs.end.shape == (3, 500)
    assert greedy.tolist() == [-13.0] * 3
    # An episode's return is -1 a step, and -100 in its place for a fall.
    steps = np.diff(runs.end, axis=1, prepend=-1)
    falls = (-runs.total - steps) / 99.0
    np.testing.assert_array_equal(falls, np.round(falls))
    assert steps.min() >= 13
    assert falls[:, -100:].mean() < 1.0


def test_too_few_steps_are_refused():
    class Short(QLearning):
        def __init__(self, n_steps, **settings):
            super().__init__(1000, **settings)

    with pytest.raises(ValueError, match="let it make more steps"):
        book.cliff(KEY, Short, n_runs=2)


def test_noise_draws_q_learning_left_and_double_q_learning_less():
    left = {
        name: book.bias(KEY, kind, n_runs=200, n_episodes=60).mean(axis=0)
        for name, kind in book.BIAS.items()
    }
    assert left["Q-learning"].shape == (60,)
    gap = left["Q-learning"][20:] - left["double Q-learning"][20:]
    assert (gap > 4 * np.sqrt(0.5 / 200)).all()


def test_longer_returns_err_less_in_the_walk():
    one, four = (book.random_walk(KEY, n, n_runs=20).mean(axis=1) for n in (1, 4))
    assert one.shape == (10,)
    assert four.min() < one.min() < 0.55  # that of all values at 0


def test_the_random_policys_values_are_the_books():
    values = book.random_policy_values([1, 1000])
    assert values[0, 0].tolist() == [0.0, -1.0, -1.0, -1.0]
    np.testing.assert_allclose(values[1, 0], [0.0, -14.0, -20.0, -22.0], atol=1e-6)


def test_a_step_of_planning_saves_steps_of_the_world():
    without, with_it = (book.maze(KEY, n, n_runs=5).mean(axis=0) for n in (0, 5))
    assert with_it[2:10].mean() < 0.5 * without[2:10].mean()
    assert with_it[-5:].mean() < 30.0


def test_results_are_compared_in_standard_errors():
    assert Result(1.0, 0.3, 9, 2.5, 0.4).z == pytest.approx(-3.0)
    assert (Result(1.0, 0.0, 1, 1.0, 0.0).z, Result(2.0, 0.0, 1, 1.0, 0.0).z) == (
        0.0,
        np.inf,
    )
    found = share(np.array([1, 1, 0, 1]), 0.5, 100)
    assert found.value == 0.75
    assert found.standard_error == pytest.approx(np.sqrt(0.75 * 0.25 / 4))
    assert mean(np.array([1.0, 3.0]), 0.0).standard_error == pytest.approx(1.0)
