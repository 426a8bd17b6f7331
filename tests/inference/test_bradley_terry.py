"""Bradley-Terry with a Gaussian prior: Newton's method, Fisher's matrix, coverage."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
from scipy import stats

from tests.reference import bradley_terry as twin
from tests.reference.paths import answered, featured_world, pairs, sums
from volition.feedback import CANNOT_TELL, Dataset
from volition.human import Boltzmann, BradleyTerry, Davidson, Lapse
from volition.inference import (
    MAP,
    Laplace,
    Normal,
    Problem,
    fisher_information,
    fit,
)
from volition.reward import Linear

HUMAN = Boltzmann(choice=BradleyTerry())
SCALE = np.array([0.8, 1.5, 0.4])
SEEDS = [2, 9]
seeds = pytest.mark.parametrize("seed", SEEDS)


def case(seed, n_answers=60):
    """A world, questions about it, their differences, and answers with ties."""
    world = featured_world(seed, terminal=(1,))
    options = pairs(seed, world, n_answers, 3)
    ahead = sums(options)[:, 0] - sums(options)[:, 1]
    choices = np.random.default_rng(seed).integers(0, 3, n_answers)
    return world, options, ahead, choices


def infer(world, options, choices, method, **arguments):
    answers = Dataset.of(answered(options, choices))
    reward = Linear(world.feature_names)
    prior = Normal(SCALE)
    return fit(reward, HUMAN, answers, method, prior=prior, **arguments)


@seeds
def test_the_mode_is_that_of_newtons_method(seed):
    world, options, ahead, choices = case(seed)
    belief = infer(world, options, choices, MAP())
    expected = twin.mode(ahead, choices, SCALE)
    np.testing.assert_allclose(belief.mode, expected, atol=1e-6)
    np.testing.assert_allclose(belief.mean.weights, belief.mode, atol=0)
    loss = -twin.log_likelihood(ahead, choices, expected) / len(choices)
    assert float(belief.neg_log_likelihood()) == pytest.approx(loss, abs=1e-9)

    def scipys(weights):
        prior = stats.norm(scale=SCALE).logpdf(weights).sum()
        return -twin.log_likelihood(ahead, choices, weights) - prior

    found = scipy.optimize.minimize(scipys, np.zeros(3), options={"gtol": 1e-6})
    np.testing.assert_allclose(belief.mode, found.x, atol=1e-5)


@seeds
def test_laplaces_covariance_is_the_inverse_of_the_information(seed):
    world, options, ahead, choices = case(seed)
    belief = infer(world, options, choices, Laplace())
    precision = twin.information(ahead, np.asarray(belief.mode)) + np.diag(SCALE**-2.0)
    covariance = np.linalg.inv(precision)
    np.testing.assert_allclose(belief.belief.covariance, covariance, rtol=1e-10)
    # Without ties of its own Bradley-Terry's observed curvature is the expected one.
    observed = -jax.jit(jax.hessian(belief.problem.log_density))(belief.mode)
    np.testing.assert_allclose(observed, precision, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("choice", [BradleyTerry(), Davidson(), Lapse(Davidson())])
@pytest.mark.parametrize("seed", SEEDS[:1])
def test_the_information_is_minus_the_expected_curvature(seed, choice):
    """By brute force: every answer to every question, weighed by its probability."""
    world, options, _, _ = case(seed, n_answers=6)
    n_answers = 2 if isinstance(choice, BradleyTerry) else 3
    reward, human = Linear(world.feature_names), Boltzmann(choice=choice)
    free = jnp.concatenate(
        [jnp.array([0.5, -0.8, 0.2]), jnp.array([-0.4, -2.0])[: n_answers - 2]]
    )
    n_free = 3 + len(jax.tree.leaves(eqx.filter(human, eqx.is_inexact_array)))
    free = jnp.resize(free, n_free)
    each = [
        Problem(reward, human, Dataset.of(answered(options, [code] * 6), 6), Normal())
        for code in range(n_answers)
    ]

    @eqx.filter_jit
    def brute(problem):
        chance = jnp.exp(problem.each_log_likelihood(free))
        curvature = jax.jacfwd(jax.jacfwd(problem.each_log_likelihood))(free)
        return -jnp.einsum("q,qij->ij", chance, curvature)

    found = fisher_information(each[0], free)
    expected = np.sum([brute(problem) for problem in each], axis=0)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    # Whatever was answered.
    np.testing.assert_array_equal(found, fisher_information(each[1], free))
    assert np.linalg.eigvalsh(found).min() > -1e-12


@seeds
def test_questions_without_an_answer_teach_nothing(seed):
    # "Cannot tell" has likelihood 1 under every reward, so the posterior is the prior.
    world, options, _, _ = case(seed)
    silent = infer(world, options, np.full(60, CANNOT_TELL), Laplace())
    np.testing.assert_allclose(silent.mode, 0.0, atol=1e-8)
    np.testing.assert_allclose(
        silent.belief.covariance, np.diag(SCALE**2), rtol=1e-12, atol=1e-14
    )
    assert len(silent.unidentified()) == 3
    # And beside other answers it is as if it had not been asked.
    _, options, _, choices = case(seed)
    choices[40:] = CANNOT_TELL
    with_them = infer(world, options, choices, Laplace())
    kept = jax.tree.map(lambda leaf: leaf[:40], options)
    without = infer(world, kept, choices[:40], Laplace())
    np.testing.assert_allclose(with_them.mode, without.mode, atol=1e-6)
    np.testing.assert_allclose(
        with_them.belief.covariance, without.belief.covariance, rtol=1e-5, atol=1e-9
    )


@pytest.mark.parametrize("seed", [0])
def test_intervals_cover_the_truth_as_often_as_they_say(seed):
    """Weights from the prior, answers from the weights: 100 simulated studies."""
    n_studies, n_answers = 100, 60
    world, options, ahead, _ = case(seed, n_answers)
    generator = np.random.default_rng(seed)
    truths = SCALE * generator.standard_normal((n_studies, 3))
    covered, distance = [], []
    for truth in truths:
        first = generator.random(n_answers) < twin.chance_of_first(ahead, truth)
        belief = infer(world, options, np.where(first, 0, 1), Laplace(), throw=False)
        error, covariance = belief.mode - truth, np.asarray(belief.belief.covariance)
        half_width = stats.norm.ppf(0.95) * np.sqrt(np.diag(covariance))
        covered.append(np.mean(np.abs(error) <= half_width))
        distance.append(error @ np.linalg.solve(covariance, error))
    # The three intervals of a study are not independent, so the study is the unit.
    standard_error = np.std(covered) / np.sqrt(n_studies)
    assert standard_error < 0.03
    assert abs(np.mean(covered) - 0.9) < 4 * standard_error
    # All directions at once: chi-squared of 3 degrees, mean 3, variance 6; and the
    # Gaussian is itself an approximation, here good to a tenth.
    assert abs(np.mean(distance) - 3.0) < 4 * np.sqrt(6 / n_studies) + 0.3
