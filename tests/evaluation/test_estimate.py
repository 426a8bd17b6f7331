"""Estimates: intervals that are as wide as the evidence is thin."""

import json

import numpy as np
import pytest
from scipy import stats

from volition.evaluation import Estimate, clustered_mean, sample_interval

SEEDS = [0, 7]
seeds = pytest.mark.parametrize("seed", SEEDS)


def clustered(rng, n_clusters: int = 30, spread: float = 1.0):
    """Answers of mean 0.4 that share a cluster's effect; sizes 1 to 8."""
    sizes = rng.integers(1, 9, n_clusters)
    clusters = np.repeat(np.arange(n_clusters), sizes)
    effect = spread * rng.standard_normal(n_clusters)
    return 0.4 + effect[clusters] + rng.standard_normal(len(clusters)), clusters


@seeds
@pytest.mark.parametrize("n", [2, 5, 40])
def test_one_answer_in_each_cluster_is_the_plain_t_interval(seed, n):
    values = np.random.default_rng(seed).exponential(3.0, n)
    found = clustered_mean(values, np.random.default_rng(seed).permutation(n) + 10)
    plain = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    np.testing.assert_allclose((found.low, found.high), plain, rtol=1e-12)
    assert found.value == pytest.approx(values.mean())
    assert found.n == n


@seeds
def test_the_interval_covers_the_mean_as_often_as_it_says(seed):
    rng, hits, plain_hits, n_repeats = np.random.default_rng(seed), 0, 0, 2000
    for _ in range(n_repeats):
        values, clusters = clustered(rng)
        found = clustered_mean(values, clusters)
        hits += found.low <= 0.4 <= found.high
        plain = clustered_mean(values, np.arange(len(values)))
        plain_hits += plain.low <= 0.4 <= plain.high
    # 4 standard errors of the count; a ratio of 30 clusters is a percent short of 95 %.
    error = 4 * np.sqrt(0.95 * 0.05 / n_repeats)
    assert 0.94 - error <= hits / n_repeats <= 0.95 + error
    assert plain_hits / n_repeats < 0.85


@seeds
def test_saying_everything_twice_adds_nothing(seed):
    values, clusters = clustered(np.random.default_rng(seed))
    once = clustered_mean(values, clusters)
    twice = clustered_mean(np.repeat(values, 2), np.repeat(clusters, 2))
    assert (twice.low, twice.high) == pytest.approx((once.low, once.high))
    assert twice.n == once.n == 30


@seeds
def test_shift_scale_order_and_names(seed):
    rng = np.random.default_rng(seed)
    values, clusters = clustered(rng)
    one = clustered_mean(values, clusters)
    order, names = rng.permutation(len(values)), rng.permutation(30) - 12
    other = clustered_mean((-2.5 * values + 3.0)[order], names[clusters][order])
    ends = (3.0 - 2.5 * one.high, 3.0 - 2.5 * one.low)
    assert (other.low, other.high) == pytest.approx(ends)


def test_one_cluster_has_no_interval():
    found = clustered_mean(np.array([1.0, 2.0, 6.0]), np.array([4, 4, 4]))
    assert (found.value, found.n) == (3.0, 1)
    assert np.isnan([found.low, found.high]).all()
    assert "one cluster" in found.interval


def test_the_middle_of_samples():
    found = sample_interval(60.0, np.arange(101.0)[::-1], "rewards")
    assert (found.value, found.low, found.high, found.n) == (60.0, 5.0, 95.0, 101)


def test_an_estimate_is_json():
    made = Estimate(0.5, 0.25, 1.0, 12, "95 % over people")
    assert Estimate(**json.loads(json.dumps(made.record()))) == made
