"""Statistics over runs and tasks: golden numbers, brute force, coverage."""

import numpy as np
import pytest

from volition.evaluation import (
    interquartile_mean,
    iqm,
    optimality_gap,
    over_runs,
    paired_difference,
    performance_profile,
    probability_of_improvement,
)

GOLDEN = np.arange(20.0).reshape(5, 4) / 10.0


def test_golden_numbers():
    """As of rliable, of the same matrix."""
    assert interquartile_mean(GOLDEN).value == pytest.approx(0.95, abs=1e-6)
    assert optimality_gap(GOLDEN).value == pytest.approx(0.275, abs=1e-6)
    constant = np.full((7, 4), 0.95)
    found = probability_of_improvement(GOLDEN, constant)
    assert found.value == pytest.approx(0.5, abs=1e-6)
    assert found.low < 0.5 < found.high


@pytest.mark.parametrize("seed", range(5))
def test_what_defines_them(seed):
    rng = np.random.default_rng(seed)
    ours, theirs = rng.normal(size=(6, 3)), rng.normal(size=(9, 3))
    few = {"n_resamples": 50}
    # Affine maps of the scores; orders of runs and of tasks; monotone maps.
    assert iqm(2.0 * ours - 1.0) == pytest.approx(2.0 * iqm(ours) - 1.0)
    assert iqm(rng.permuted(ours, axis=0)) == pytest.approx(float(iqm(ours)))
    improved = probability_of_improvement(ours, theirs, **few)
    pairs = [
        1.0 if one > other else 0.5 if one == other else 0.0
        for task in range(3)
        for one in ours[:, task]
        for other in theirs[:, task]
    ]
    assert improved.value == pytest.approx(np.mean(pairs))
    cubed = probability_of_improvement(np.exp(ours), np.exp(theirs), **few)
    assert cubed.value == pytest.approx(improved.value)
    back = probability_of_improvement(theirs, ours, **few)
    assert back.value == pytest.approx(1.0 - improved.value)
    assert probability_of_improvement(ours, ours, **few).value == pytest.approx(0.5)
    # A quarter of the best and of the worst may be anything.
    wild = np.arange(16.0).reshape(4, 4)
    tame = iqm(wild)
    wild[0], wild[3] = -1e9, 1e9
    assert iqm(wild) == pytest.approx(float(tame))
    # The area under the profile is the mean, where all scores are in [0, 1].
    share = (np.arange(1000) + 0.5) / 1000
    profile = performance_profile(rng.random((6, 3)) * 0 + 0.3, share, **few)
    assert profile.share.mean() == pytest.approx(0.3)
    assert optimality_gap(np.full((6, 3), 0.3), **few).value == pytest.approx(0.7)
    assert optimality_gap(np.full((6, 3), 5.0), **few).value == 0.0


def test_profiles_fall_and_lie_in_their_bands():
    found = performance_profile(GOLDEN, np.linspace(-0.05, 1.95, 21), n_resamples=200)
    assert (found.share[0], found.share[-1], found.n) == (1.0, 0.0, 5)
    assert (np.diff(found.share) <= 0.0).all()
    assert (found.low <= found.share).all()
    assert (found.share <= found.high).all()


def test_intervals_contain_the_truth_as_often_as_they_say():
    """The mean of 12 runs on 2 tasks, 200 times: 95 % of intervals, less what a
    percentile bootstrap of 12 falls short (a few per cent)."""
    rng = np.random.default_rng(0)
    mean = lambda drawn: drawn.mean(axis=(-2, -1))
    inside = 0
    for _ in range(200):
        scores = rng.normal([1.0, 3.0], [0.5, 2.0], (12, 2))
        found = over_runs(mean, scores, n_resamples=400)
        inside += found.low <= 2.0 <= found.high
    # Four standard errors of 93 % in 200 are 7 %.
    assert 0.86 <= inside / 200 <= 1.0


def test_paired_seeds_cancel():
    """What a seed does to both is ten times what sets them apart."""
    rng = np.random.default_rng(1)
    luck = 10.0 * rng.normal(size=(12, 3))
    theirs = luck + 0.1 * rng.normal(size=(12, 3))
    ours = luck + 1.0 + 0.1 * rng.normal(size=(12, 3))
    paired = paired_difference(ours, theirs)
    assert 0.5 < paired.low < paired.value < paired.high < 1.5
    assert paired.n == 12
    mean = lambda drawn: drawn.mean(axis=(-2, -1))
    by_mean = paired_difference(ours, theirs, mean, n_resamples=100)
    assert by_mean.value == pytest.approx((ours - theirs).mean())
    shuffled = paired_difference(ours, theirs[::-1], mean)
    assert shuffled.high - shuffled.low > 10 * (by_mean.high - by_mean.low)


def test_the_same_seed_gives_the_same_interval():
    one, two = (interquartile_mean(GOLDEN, seed=3) for _ in range(2))
    assert (one.low, one.high) == (two.low, two.high)
    alone = interquartile_mean(GOLDEN[:1])
    assert np.isnan(alone.low)
    assert "one run" in alone.interval


def test_scores_that_are_not_complete_are_refused():
    holes = GOLDEN.copy()
    holes[0, 0] = np.nan
    with pytest.raises(ValueError, match="score every run"):
        interquartile_mean(holes)
    with pytest.raises(ValueError, match="on the same ones"):
        probability_of_improvement(GOLDEN, GOLDEN[:, :3])
    with pytest.raises(ValueError, match="are no pairs"):
        paired_difference(GOLDEN, GOLDEN[:4])
