"""Intervals from few cases: as wide as few cases are, or none with the reason."""

import itertools

import numpy as np
import pytest

from volition.evaluation import (
    agreement,
    bootstrap,
    clustered_mean,
    generalisation_gap,
    interquartile_mean,
    mean_over,
    optimality_gap,
    over_runs,
    pair_agreement,
    paired_difference,
    performance_profile,
    probability_of_improvement,
    ratio_over,
    sample_interval,
    share_of,
)
from volition.evaluation.bootstrap import percentile_interval
from volition.report.document import written
from volition.report.estimates import estimate, in_words

MEAN = lambda drawn: drawn.mean(axis=(-2, -1))

# Everything that makes an interval of `n` equal pieces, each worth the value.
OF_EQUAL = {
    "mean_over": lambda n, v: mean_over(np.full(n, v), "runs"),
    "clustered_mean": lambda n, v: clustered_mean(
        np.full(2 * n, v), np.arange(2 * n) // 2
    ),
    "ratio_over": lambda n, v: ratio_over(
        v * np.arange(1.0, n + 1), np.arange(1.0, n + 1), "drives"
    ),
    "interquartile_mean": lambda n, v: interquartile_mean(np.full((n, 2), v)),
    "equal on each task": lambda n, v: over_runs(
        MEAN, np.tile([0.5 * v, 1.5 * v], (n, 1))
    ),
    "optimality_gap": lambda n, v: optimality_gap(np.full((n, 1), v), 2.0 * v),
    "paired_difference": lambda n, v: paired_difference(
        np.arange(n)[:, None] * 0.0 + 2.0 * v, np.full((n, 1), v)
    ),
    "bootstrap": lambda n, v: bootstrap(lambda rows: float(v), n, "pieces"),
    "solved to rounding": lambda n, v: bootstrap(
        lambda rows: v * (1.0 + 1e-12 * rows[0]), n, "pieces"
    ),
    "generalisation_gap": lambda n, v: generalisation_gap(
        {f"a{i}": np.full(3, 2.0 * v) for i in range(n)},
        {f"b{i}": np.full(3, v) for i in range(n)},
    ),
}


@pytest.mark.parametrize("scale", [1.0, 1e-9, -3.7e6, 0.1 + 0.2])
@pytest.mark.parametrize("n", [1, 2, 3, 10, 50])
@pytest.mark.parametrize("name", OF_EQUAL)
def test_equal_cases_have_no_interval_and_say_why(name, n, scale):
    if name == "optimality_gap" and scale < 0.0:
        scale = -scale
    found = OF_EQUAL[name](n, scale)
    assert found.value == pytest.approx(scale, rel=1e-9)
    assert np.isnan([found.low, found.high]).all(), str(found)
    assert found.interval.startswith("none: ")
    # Wherever it is printed, that shows.
    assert "no interval" in str(found)
    assert "nan" not in str(found)
    assert "no interval" in in_words(found, 3)
    assert written(found)[1] == "[no interval]"
    assert str(estimate(found.record())) == str(found)
    assert found.record()["low"] is None


def test_agreement_of_few_questions_says_so():
    answered = lambda table: agreement(
        np.ravel(np.asarray(table, dtype=float)),
        np.repeat(np.arange(2), len(table[0])),
        np.tile(np.arange(len(table[0])), 2),
    )
    full = answered([[1, 2, 1], [1, 2, 1]])
    assert full.value == 1.0
    assert not full.has_interval
    assert not answered([[1, 2], [2, 1]]).has_interval
    few = answered([[1, 2, 2, 3], [1, 2, 3, 3]])
    assert few.low < few.value < few.high <= 1.0
    with pytest.raises(ValueError, match="answer 1 is infinite"):
        answered([[1, np.inf, 2], [1, 2, 2]])


def test_numbers_without_chance_and_exact_shares_keep_their_intervals():
    fixed = mean_over(np.full(8, 0.5), "starts", fixed=True)
    assert (fixed.low, fixed.high) == (0.5, 0.5)
    assert "all 8 starts" in fixed.interval
    assert share_of(3, 3, "runs").low == pytest.approx(0.025 ** (1 / 3))
    assert not sample_interval(1.0, np.ones(19), "draws").has_interval
    assert sample_interval(1.0, np.arange(20.0), "draws").has_interval


BAD = [np.nan, np.inf]


@pytest.mark.parametrize("bad", BAD)
def test_scores_that_are_no_numbers_are_refused_by_run_and_task(bad):
    scores = np.arange(8.0).reshape(4, 2)
    scores[2, 1] = bad
    good = np.arange(8.0).reshape(4, 2)
    for use in (
        interquartile_mean,
        optimality_gap,
        lambda one: over_runs(MEAN, one),
        lambda one: performance_profile(one, [0.5]),
        lambda one: probability_of_improvement(one, good),
        lambda one: probability_of_improvement(good, one),
        lambda one: paired_difference(one, good),
        lambda one: paired_difference(good, one),
    ):
        with pytest.raises(ValueError, match="run 2 on task 1"):
            use(scores)
    with pytest.raises(ValueError, match="1 that are NaN"):
        performance_profile(good, [0.5, np.nan])


@pytest.mark.parametrize(
    "use",
    [
        lambda values: mean_over(values, "runs"),
        lambda values: clustered_mean(values, np.arange(len(values))),
        lambda values: ratio_over(values, np.ones(len(values)), "drives"),
        lambda values: sample_interval(0.0, values, "draws"),
    ],
)
def test_nothing_and_nan_are_refused_and_infinity_has_no_interval(use):
    with pytest.raises(ValueError, match="value 1 of 3 is NaN"):
        use(np.array([1.0, np.nan, 2.0]))
    with pytest.raises(ValueError, match="give at least"):
        use(np.zeros(0))
    assert not use(np.array([1.0, np.inf, 2.0])).has_interval


def test_lists_and_whole_numbers_are_scores():
    assert interquartile_mean([[1], [2], [3]]).value == pytest.approx(2.0)
    assert optimality_gap([[0.0], [0.5]]).low >= 0.0


def inside(found, truth):
    return found.low <= truth <= found.high


@pytest.mark.parametrize("n", [2, 3, 5, 8])
def test_intervals_of_few_runs_contain_the_truth(n):
    """Normal scores on two tasks that vary unlike: at least 95 %, less four errors."""
    rng = np.random.default_rng(n)
    hits = 0
    for _ in range(300):
        scores = rng.normal([1.0, 3.0], [0.5, 2.0], (n, 2))
        hits += inside(over_runs(MEAN, scores, n_resamples=200), 2.0)
    assert hits / 300 >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / 300)


@pytest.mark.parametrize("shift", [0.0, 0.7, 2.0])
@pytest.mark.parametrize("n", [2, 3, 5])
def test_few_runs_against_few_contain_the_truth(n, shift):
    from scipy import stats

    truth = float(stats.norm.cdf(shift / np.sqrt(2.0)))
    rng = np.random.default_rng(n)
    hits = 0
    for _ in range(300):
        ours, theirs = rng.normal(shift, 1.0, (n, 1)), rng.normal(0.0, 1.0, (n, 1))
        found = probability_of_improvement(ours, theirs, n_resamples=20)
        assert 0.0 <= found.low < found.high <= 1.0
        hits += inside(found, truth)
    assert hits / 300 >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / 300)


@pytest.mark.parametrize(
    ("n_ours", "n_theirs"), list(itertools.product([2, 3, 10], [2, 3, 12]))
)
def test_runs_that_are_all_better_say_as_much_as_there_are_of_them(n_ours, n_theirs):
    ours, theirs = np.arange(n_ours)[:, None] + 100.0, np.arange(n_theirs)[:, None]
    found = probability_of_improvement(ours, theirs)
    assert (found.value, found.high) == (1.0, 1.0)
    assert 0.0 < found.low < 1.0
    # No permutation test at 5 % tells three runs from three (one in twenty, twice).
    if n_ours + n_theirs <= 6:
        assert found.low < 0.5
    turned = probability_of_improvement(theirs, ours)
    assert turned.high == pytest.approx(1.0 - found.low)


def test_profiles_of_few_runs_are_exact_shares():
    found = performance_profile(np.ones((3, 1)), [0.5, 1.0])
    np.testing.assert_allclose(found.low, [0.025 ** (1 / 3), 0.0])
    np.testing.assert_allclose(found.high, [1.0, 1.0 - 0.025 ** (1 / 3)])
    many = performance_profile(np.ones((30, 2)), [0.5])
    assert 0.9 < many.low[0] < 1.0


def test_a_statistic_that_most_draws_leave_undefined_has_no_interval():
    drawn = np.where(np.arange(100) < 60, np.nan, np.arange(100.0))
    assert not percentile_interval(1.0, drawn, 20, "pieces").has_interval
    assert not pair_agreement(np.array([0.0, 1.0]), np.array([0.0, 1.0])).has_interval
