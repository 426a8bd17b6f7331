"""People who each want something of their own, around what they all want."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from tests.reference.paths import answered, featured_world, pairs, sums
from volition.feedback import Dataset
from volition.human import Boltzmann, BradleyTerry, Positive
from volition.inference import Laplace, Normal, fit, fit_people
from volition.reward import Linear

WORLD = featured_world(2, n_features=2)  # the second says nothing in pairs
FORM, HUMAN = Linear(WORLD.feature_names), Boltzmann(choice=BradleyTerry())
N_PEOPLE, N_EACH = 80, 12
PERSON = np.repeat(np.arange(N_PEOPLE), N_EACH)
QUESTIONS = pairs(2, WORLD, N_PEOPLE * N_EACH, 3)
AHEAD = (sums(QUESTIONS)[:, 0] - sums(QUESTIONS)[:, 1])[:, 0]
COMMON, SPREAD = 0.6, 1.2
PRIOR = Normal(2.0)


def said(seed: int, own: np.ndarray) -> tuple[Dataset, np.ndarray]:
    """Answers of people who want so much of the first feature; which took the first."""
    chance = 1.0 / (1.0 + np.exp(-own[PERSON] * AHEAD))
    first = np.random.default_rng(seed).uniform(size=len(chance)) < chance
    answers = answered(QUESTIONS, np.where(first, 0, 1))
    numbers = jnp.asarray(PERSON, dtype=jnp.int32)
    return Dataset.of(type(answers)(**{**vars(answers), "person": numbers})), first


def people(answers: Dataset, n_draws: int = 256):
    spread = Positive(0.5, spread=1.0)
    return fit_people(FORM, HUMAN, answers, prior=PRIOR, spread=spread, n_draws=n_draws)


def by_quadrature(first: np.ndarray, common: float, spread: float) -> float:
    """Log-probability of all answers, each person integrated over a grid."""
    z = np.linspace(-7.0, 7.0, 4001)
    signed = np.where(first, AHEAD, -AHEAD)
    each = -np.logaddexp(0.0, -np.outer(signed, common + spread * z))
    told = np.stack([each[one == PERSON].sum(axis=0) for one in range(N_PEOPLE)])
    return float(np.log(np.trapezoid(np.exp(told) * norm.pdf(z), z, axis=1)).sum())


@pytest.fixture(scope="module")
def differing():
    own = COMMON + SPREAD * np.random.default_rng(0).normal(size=N_PEOPLE)
    answers, first = said(1, own)
    return people(answers), answers, first, own


def test_it_is_the_integral_over_people(differing):
    found, _, first, _ = differing
    common, width = np.asarray(found.common.location), found.log_spread.location
    exact = by_quadrature(first, float(common[0]), float(np.exp(width[0])))
    prior = norm.logpdf(common, 0.0, 2.0).sum()
    prior += norm.logpdf(np.asarray(width), np.log(0.5), 1.0).sum()
    # Draws are 256 points of a plane: an error of a fraction of a nat.
    assert found.result.log_density - prior == pytest.approx(exact, abs=0.5)
    # And greatest there: as good as the best of a grid.
    grid = [
        by_quadrature(first, one, other)
        + norm.logpdf(one, 0.0, 2.0)
        + norm.logpdf(np.log(other), np.log(0.5), 1.0)
        for one in (0.4, 0.5, 0.6, 0.7, 0.8)
        for other in (0.8, 1.0, 1.2, 1.4, 1.6)
    ]
    here = exact + norm.logpdf(common[0], 0.0, 2.0)
    assert here + norm.logpdf(float(width[0]), np.log(0.5), 1.0) > max(grid) - 0.1


def test_it_finds_what_was_there(differing):
    found, answers, _, own = differing
    for belief, truth in (
        (found.common, COMMON),
        (found.log_spread, np.log(SPREAD)),
    ):
        error = float(np.sqrt(belief.covariance[0, 0]))
        assert abs(float(belief.location[0]) - truth) < 3.0 * error < 1.0
    like = np.asarray(found.resemblance(answers, N_PEOPLE + 1))
    np.testing.assert_allclose(like.sum(axis=1), 1.0)
    # Who said nothing is like anybody.
    np.testing.assert_allclose(like[-1], 1.0 / like.shape[1])
    guess = like[:-1] @ np.asarray(found.rewards.weights)[:, 0]
    # Nearer to each than what they all want is.
    assert np.mean((guess - own) ** 2) < 0.6 * np.mean((own - COMMON) ** 2)
    plain = fit(FORM, HUMAN, answers, Laplace(), prior=PRIOR)
    gain = found.result.diagnostics["log_evidence"]
    assert gain > plain.result.diagnostics["log_evidence"] + 10.0


def test_people_who_are_alike_are_found_alike():
    answers, _ = said(2, np.full(N_PEOPLE, COMMON))
    found = people(answers)
    plain = fit(FORM, HUMAN, answers, Laplace(), prior=PRIOR)
    assert float(found.log_spread.location[0]) < np.log(0.5)
    gain = found.result.diagnostics["log_evidence"]
    assert gain < plain.result.diagnostics["log_evidence"]


def test_what_it_cannot_do_it_says(differing):
    _, answers, _, _ = differing
    nobody = Dataset.of(answered(QUESTIONS, np.zeros(len(PERSON))))
    with pytest.raises(ValueError, match="number of its person"):
        people(nobody)
    with pytest.raises(ValueError, match="n_draws = 100 must be a power of 2"):
        people(answers, n_draws=100)


@pytest.mark.slow
def test_other_draws_say_the_same(differing):
    found, answers, _, _ = differing
    other = fit_people(
        FORM,
        HUMAN,
        answers,
        prior=PRIOR,
        spread=Positive(0.5, spread=1.0),
        n_draws=1024,
        key=jax.random.key(7),
    )
    np.testing.assert_allclose(
        other.common.location[0], found.common.location[0], atol=0.05
    )
    np.testing.assert_allclose(
        other.log_spread.location[0], found.log_spread.location[0], atol=0.05
    )
    narrow = fit_people(
        FORM, HUMAN, answers, prior=PRIOR, spread=Positive(0.1, spread=0.05)
    )
    # A prior that is sure of a small spread is believed.
    assert float(narrow.log_spread.location[0]) < np.log(0.15)
