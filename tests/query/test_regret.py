"""When to stop: regret against closed forms."""

import jax
import numpy as np
import pytest
from scipy import stats

from tests.reference.paths import valued
from volition import query
from volition.feedback import Dataset
from volition.human import Boltzmann, BradleyTerry
from volition.inference import Normal, fit
from volition.reward import Linear

BELIEF = fit(
    Linear(("worth",)),
    Boltzmann(choice=BradleyTerry()),
    Dataset.empty(),
    prior=Normal(2.0),
)


@pytest.mark.parametrize("seed", [0, 1])
def test_between_two_it_is_half_the_mean_distance(seed):
    """Of w ~ N(0, 2^2) and decisions 0 and w: E max(0, w) = 2 / sqrt(2 pi)."""
    found = query.expected_regret(
        jax.random.key(seed), BELIEF, valued([0.0, 1.0]), n_samples=4000
    )
    exact = 2.0 * stats.norm.pdf(0.0)
    assert abs(float(found.mean) - exact) < 4 * float(found.standard_error)
    # E max(0, w)^2 = 2^2 / 2.
    sd = np.sqrt(2.0 - exact**2)
    assert float(found.standard_error) == pytest.approx(sd / 4000**0.5, rel=0.1)


def test_where_one_is_best_under_all_there_is_none():
    # Two that are the same: whatever is decided, nothing is lost.
    found = query.expected_regret(jax.random.key(0), BELIEF, valued([1.0, 1.0]))
    assert float(found.mean) == 0.0
    assert found.below(1e-9)
    apart = query.expected_regret(jax.random.key(0), BELIEF, valued([0.0, 1.0]))
    assert not apart.below(float(apart.mean))
    assert apart.below(float(apart.mean) + 1.7 * float(apart.standard_error))


def test_scale_is_that_of_the_reward():
    one, ten = (
        query.expected_regret(jax.random.key(0), BELIEF, valued([0.0, worth]))
        for worth in (1.0, 10.0)
    )
    assert float(ten.mean) == pytest.approx(10 * float(one.mean))
    assert int(one.best) in (0, 1)


def test_bad_input_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match=r"^n_samples = 1 must be at least 2\.$"):
        query.expected_regret(jax.random.key(0), BELIEF, valued([0.0]), n_samples=1)
    alone = jax.tree.map(lambda leaf: leaf[0], valued([0.0]))
    with pytest.raises(ValueError, match=r"\[decision, time\], not an array of shape"):
        query.expected_regret(jax.random.key(0), BELIEF, alone)
