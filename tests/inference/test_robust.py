"""Uncertainty where answers come in clusters."""

import jax
import numpy as np
import pytest

from tests.reference.paths import answered, featured_world, pairs, rows
from volition.feedback import Dataset
from volition.human import Boltzmann, BradleyTerry
from volition.inference import Laplace, Normal, Posterior, fit, over_clusters
from volition.reward import Linear

SEED, N, WIDE = 5, 256, 100.0
WORLD = featured_world(SEED)  # nothing ends: `alive` is the same for all options


@pytest.fixture(scope="module")
def answers():
    """What a person with these weights says, as often as the model says."""
    human = Boltzmann(choice=BradleyTerry())
    judge = human.judge(Linear(WORLD.feature_names, [1.0, -0.5, 0.0]))
    asked = answered(pairs(SEED, WORLD, N, 3), [0] * N)
    log_probs = np.asarray(jax.vmap(judge.log_probs)(asked))
    second = np.random.default_rng(SEED).random(N) < np.exp(log_probs[:, 1])
    return answered(asked.options, second.astype(int))


def believed(answers) -> Posterior:
    reward = Linear(WORLD.feature_names)
    human = Boltzmann(choice=BradleyTerry())
    return fit(reward, human, Dataset.of(answers), Laplace(), prior=Normal(WIDE))


def deviations(posterior: Posterior) -> np.ndarray:
    return np.sqrt(np.diag(np.asarray(posterior.belief.covariance)))


def test_of_independent_answers_it_is_as_wide_as_laplaces(answers):
    plain = believed(answers)
    robust = over_clusters(plain, np.arange(plain.problem.answers.capacity))
    ratio = deviations(robust)[:2] / deviations(plain)[:2]
    # A variance of N draws is off by sqrt(2 / N) = 9 %, a deviation by half of that.
    np.testing.assert_allclose(ratio, 1.0, atol=4 * 0.045)
    np.testing.assert_array_equal(robust.mode, plain.mode)


def test_saying_all_four_times_is_no_more_evidence(answers):
    four = rows(answers, np.tile(np.arange(N), 4))
    once, often = believed(answers), believed(four)
    narrow = over_clusters(once, np.arange(once.problem.answers.capacity))
    whose = np.tile(np.arange(N), 4)
    same = over_clusters(often, whose)
    np.testing.assert_allclose(deviations(same)[:2], deviations(narrow)[:2], rtol=1e-3)
    np.testing.assert_allclose(
        deviations(often)[:2], deviations(once)[:2] / 2.0, rtol=1e-2
    )


def test_what_the_answers_leave_open_stays_as_wide_as_its_prior(answers):
    plain = believed(answers)
    robust = over_clusters(plain, np.arange(plain.problem.answers.capacity) // 4)
    assert deviations(robust)[2] == pytest.approx(WIDE)


def test_one_cluster_has_no_spread(answers):
    plain = believed(answers)
    with pytest.raises(ValueError, match="at least two"):
        over_clusters(plain, np.zeros(plain.problem.answers.capacity, dtype=int))
