"""Exchange rates: those that are identified, with intervals, and no others."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from tests.reference.paths import segments
from volition.evaluation import exchange_rates, rates_of_draws
from volition.feedback import Comparison, Dataset
from volition.human import Boltzmann, BradleyTerry
from volition.inference import (
    Gaussian,
    Normal,
    Posterior,
    Problem,
    Result,
    Signed,
    fisher_information,
)
from volition.reward import Linear, Tabular

NAMES = ("speed", "crash", "rain")
N = 64


def believed(differences, mode, prior, choice=None) -> Posterior:
    """What answers to pairs of one step say, by Laplace, if this is the mode."""
    pair = np.stack([differences, np.zeros_like(differences)], axis=1)[:, :, None]
    number = jnp.arange(len(differences), dtype=jnp.int32)
    if choice is None:
        second = 1.0 / (1.0 + np.exp(differences @ np.asarray(mode)))
        choice = np.random.default_rng(8).random(N) < second
    choice = jnp.asarray(choice, dtype=jnp.int32)
    said = Comparison(
        segments(pair), choice, -1 - 0 * number, number, jnp.full(N, jnp.nan)
    )
    human = Boltzmann(choice=BradleyTerry())
    problem = Problem(Linear(NAMES), human, Dataset.of(said), prior)
    free = prior.release(jnp.asarray(mode, dtype=float))
    width = jnp.diag(problem.prior_scale() ** -2)
    covariance = jnp.linalg.inv(fisher_information(problem, free) + width)
    result = Result(True, "given", 0.0, {})
    return Posterior(problem, free, Gaussian(free, covariance), result)


def test_the_interval_is_fiellers():
    # Fieller, 1954: the ratios r at which (b - r a)^2 <= q^2 (var_b + r^2 var_a).
    mean, deviation = np.array([2.0, -70.0]), np.array([0.25, 8.0])
    draws = mean + deviation * np.random.default_rng(0).normal(size=(200_000, 2))
    found = rates_of_draws(("speed", "crash"), "speed", mean, draws, 50, "95 %")
    q = stats.norm.ppf(0.975)
    a = mean[0] ** 2 - (q * deviation[0]) ** 2
    c = mean[1] ** 2 - (q * deviation[1]) ** 2
    ends = np.sort(np.roots([a, -2.0 * mean[0] * mean[1], c]))
    rate = found.rates["crash"]
    assert rate.value == pytest.approx(-35.0)
    assert rate.n == 50
    # Both have ends of 2.5 %, in the sense of either; they differ by little here.
    np.testing.assert_allclose([rate.low, rate.high], ends, rtol=0.01)


def test_in_other_units_it_is_the_same_rate():
    draws = np.array([3.0, -9.0, 1.0]) + np.random.default_rng(1).normal(size=(500, 3))
    scale = np.array([0.1, 20.0, 1.0])  # weights are per unit
    found, other = (
        rates_of_draws(NAMES, "speed", one.mean(axis=0), one, 5, "")
        for one in (draws, draws * scale)
    )
    for end in ("value", "low", "high"):
        again = getattr(other.rates["crash"], end) * 0.1 / 20.0
        assert again == pytest.approx(getattr(found.rates["crash"], end))


def test_what_may_be_0_has_no_rate_and_says_so():
    draws = np.array([3.0, 0.1, -4.0]) + np.random.default_rng(2).normal(size=(999, 3))
    mean = draws.mean(axis=0)
    found = rates_of_draws(NAMES, "speed", mean, draws, 5, "95 %")
    assert set(found.rates) == {"rain"}
    assert found.notes == {"crash": "no rate: the weight of crash may be 0."}
    paid = rates_of_draws(NAMES, "crash", mean, draws, 5, "95 %")
    assert paid.rates == {}
    assert set(paid.notes) == {"speed", "rain"}
    assert "crash, which is paid with" in paid.notes["rain"]


def test_a_sign_that_the_prior_alone_knows_is_no_rate():
    # It never rained where anybody was asked, but rain is taken to be bad.
    differences = np.random.default_rng(3).normal(size=(N, 3)) * [1.0, 1.0, 0.0]
    belief = believed(differences, [2.0, -3.0, -1.0], Signed([1, -1, -1], 10.0))
    found = exchange_rates(belief, "speed", jax.random.key(0))
    assert found.weights["rain"].high < 0.0  # so its interval would let it pass
    assert set(found.rates) == {"crash"}
    assert (
        "the answers leave the ratio of rain to speed to the prior"
        in (found.notes["rain"])
    )
    assert found.rates["crash"].low < -1.5 < found.rates["crash"].high


def test_a_ratio_may_be_known_where_no_scale_is():
    # Who is asked about one unit of each at once, and cannot decide, pays one for one;
    # how much either matters, nobody said. Along (1, -1) there is no information.
    differences = np.broadcast_to(np.array([1.0, 1.0, 0.0]), (N, 3))
    belief = believed(differences, [40.0, -40.0, 0.0], Normal(10.0))
    assert len(belief.unidentified()) == 2  # the scale, and the rain
    found = exchange_rates(belief, "speed", jax.random.key(0))
    rate, weight = found.rates["crash"], found.weights["crash"]
    assert weight.high - weight.low > 20.0
    assert rate.value == pytest.approx(-1.0)
    assert rate.high - rate.low < 0.1
    assert found.notes == {"rain": "no rate: the weight of rain may be 0."}
    assert found.record()["rates"]["crash"]["n"] == N


def test_what_nobody_ever_chose_is_at_least_so_bad_and_no_more_is_said():
    # In every other question the first option has a crash, and the second is taken.
    number = np.arange(N)
    differences = np.zeros((N, 3))
    differences[number % 2 == 0, 1] = 1.0
    differences[number % 2 == 1, 0] = 1.0
    choice = np.where(number % 2 == 0, 1, number % 8 == 3)  # a quarter for less speed
    belief = believed(differences, [np.log(3.0), -5.0, 0.0], Normal(10.0), choice)
    found = exchange_rates(belief, "speed", jax.random.key(0))
    assert found.weights["crash"].high < 0.0  # so its interval would let it pass
    assert found.rates == {}
    assert "bound the weight of crash on one side only" in found.notes["crash"]
    assert "at least" in found.notes["crash"]
    paid = exchange_rates(belief, "crash", jax.random.key(0))
    assert paid.rates == {}


def test_what_has_no_weights_is_refused():
    problem = Problem(Tabular(jnp.zeros(3)), Boltzmann(), Dataset.empty(), Normal(1.0))
    belief = Gaussian(problem.start, jnp.eye(4))
    told = Posterior(problem, problem.start, belief, Result(True, "", 0.0, {}))
    with pytest.raises(ValueError, match="a Tabular has no weight for each feature"):
        exchange_rates(told, NAMES[0], jax.random.key(0))
    with pytest.raises(ValueError, match="'wind' is none of the features"):
        rates_of_draws(NAMES, "wind", np.ones(3), np.ones((9, 3)), 1, "")
