"""Scores of predicted answers: calibration, ceilings, floors."""

import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.paths import judge_of_worths, valued
from volition.evaluation import (
    brier_score,
    calibration_error,
    noise_ceiling,
    score_answers,
    skill,
)
from volition.feedback import CANNOT_TELL, FIRST, SECOND, TIE, comparison
from volition.human import BradleyTerry

SEEDS = [0, 7]
seeds = pytest.mark.parametrize("seed", SEEDS)


# Bins of equal mass: (.1 .2 | .8 .9) and (.1 .2 .3 | .5 .6 | .9 1.).
@pytest.mark.parametrize(
    "predicted, happened, n_bins, expected",
    [
        # 1/2 |.15 - 1/2| + 1/2 |.85 - 1|
        ([0.1, 0.2, 0.8, 0.9], [0, 1, 1, 1], 2, 0.25),
        # 3/7 |.2 - 1/3| + 2/7 |.55 - 0| + 2/7 |.95 - 1/2|
        ([0.9, 0.1, 0.5, 0.2, 1.0, 0.6, 0.3], [0, 1, 0, 0, 1, 0, 0], 3, 2.4 / 7),
        # as many bins as answers: |.3 - 1|, |.4 - 0|
        ([0.3, 0.4], [1, 0], 10, 0.55),
    ],
    ids=["2 bins", "3 unequal bins", "more bins than answers"],
)
def test_calibration_by_hand(predicted, happened, n_bins, expected):
    found = calibration_error(np.array(predicted), np.array(happened), n_bins)
    assert found == pytest.approx(expected)


def test_what_happens_as_often_as_predicted_is_calibrated():
    predicted = np.repeat([0.2, 0.5, 0.9], 10)
    happened = np.concatenate([np.arange(10) < 10 * p for p in (0.2, 0.5, 0.9)])
    assert calibration_error(predicted, happened, 3) == pytest.approx(0.0, abs=1e-15)
    # One bin sees the same mean; ten bins of equal mass cut through each block.
    assert calibration_error(predicted, happened, 1) == pytest.approx(0.0, abs=1e-15)
    assert calibration_error(predicted, happened, 10) > 0.1


@seeds
def test_bins_hold_equal_shares(seed):
    """Predictions crowded at one end: bins of equal width would be nearly one bin."""
    rng = np.random.default_rng(seed)
    predicted = rng.beta(0.5, 20.0, 1000)
    happened = rng.random(1000) < np.sqrt(predicted)
    gaps = [
        abs(p.mean() - h.mean())
        for p, h in zip(
            np.sort(predicted).reshape(5, 200),
            happened[np.argsort(predicted)].reshape(5, 200),
            strict=True,
        )
    ]
    found = calibration_error(predicted, happened, 5)
    assert found == pytest.approx(np.mean(gaps))
    order = rng.permutation(1000)
    assert calibration_error(predicted[order], happened[order], 5) == pytest.approx(
        found
    )


def test_no_answers_have_no_calibration():
    assert np.isnan(calibration_error(np.zeros(0), np.zeros(0, dtype=bool)))


@pytest.mark.parametrize("p", [0.15, 0.7])
def test_brier_is_least_for_the_truth(p):
    happened = (np.arange(20) < 20 * p).astype(float)
    scores = {q: brier_score(np.full(20, q), happened) for q in np.linspace(0, 1, 21)}
    assert min(scores, key=lambda q: scores[q]) == pytest.approx(p)
    assert min(scores.values()) == pytest.approx(p * (1 - p))


def test_skill_runs_from_nothing_to_all():
    assert skill(0.7, 0.7, 0.3) == 0.0
    assert skill(0.3, 0.7, 0.3) == pytest.approx(1.0)
    assert skill(0.9, 0.7, 0.3) == pytest.approx(-0.5)


@pytest.mark.parametrize("agreement", [0.5, 0.6, 0.82, 1.0])
def test_both_bounds_of_the_ceiling_are_reached(agreement):
    low, high = noise_ceiling(agreement)
    # Every question alike, p^2 + (1 - p)^2 = a: Jensen is an equality.
    p = high
    assert p**2 + (1 - p) ** 2 == pytest.approx(agreement)
    # Some questions are certain, the others a coin: a = w + (1 - w) / 2 = accuracy.
    assert low == agreement


@seeds
@pytest.mark.parametrize("shape", [(0.4, 0.4), (5.0, 2.0)])
def test_the_ceiling_holds_in_a_simulation(seed, shape):
    rng, n = np.random.default_rng(seed), 40_000
    first = rng.beta(
        shape[0], shape[1], n
    )  # how probable "first" is, question by question
    raters = rng.random((2, n)) < first
    best = np.maximum(first, 1 - first).mean()
    agreement = (raters[0] == raters[1]).mean()
    low, high = noise_ceiling(float(agreement))
    error = 4 * np.sqrt(0.25 / n)
    assert low - error <= best <= high + 2 * error
    assert high - low > 0.03


@pytest.mark.parametrize("agreement", [0.49, 1.01, float("nan")])
def test_an_impossible_agreement_is_refused(agreement):
    with pytest.raises(ValueError, match="agreement is in"):
        noise_ceiling(agreement)


def plain_score(worths, choices):
    """As Bradley-Terry predicts."""
    choice = BradleyTerry()
    log_probs = np.array([choice.pair(jnp.asarray(worth)) for worth in worths])
    each = [
        float(judge_of_worths(choice).log_prob(comparison(valued(worth), code)))
        for worth, code in zip(worths, choices, strict=True)
    ]
    questions = np.arange(len(choices))
    return score_answers(log_probs, np.array(each), np.array(choices), questions)


def test_ties_as_half_cannot_go_below_their_share_of_log_2():
    choices = [FIRST, SECOND, TIE, SECOND, FIRST, TIE, FIRST, SECOND]  # a quarter ties
    sure = {FIRST: [60.0, 0.0], SECOND: [0.0, 60.0], TIE: [1.0, 1.0]}
    found = plain_score([sure[code] for code in choices], choices)
    floor = 0.25 * np.log(2.0)
    assert found.neg_log_likelihood.value == pytest.approx(floor, abs=1e-12)
    assert skill(found.neg_log_likelihood.value, np.log(2.0), floor) == pytest.approx(1)
    assert (found.accuracy.value, found.accuracy.n) == (1.0, 6)
    leaning = sure | {TIE: [1.0, 1.2]}
    worse = plain_score([leaning[code] for code in choices], choices)
    assert worse.neg_log_likelihood.value > floor + 1e-4


def test_accuracy_counts_who_decided_and_equal_odds_half():
    worths = [[2.0, 0.0], [2.0, 0.0], [0.0, 0.0], [0.0, 5.0], [0.0, 5.0]]
    choices = [FIRST, SECOND, SECOND, TIE, CANNOT_TELL]
    found = plain_score(worths, choices)
    assert found.accuracy.value == pytest.approx((1 + 0 + 0.5) / 3)
    assert found.accuracy.n == 3
    assert found.neg_log_likelihood.n == 5


def test_where_nobody_decides_there_is_no_accuracy():
    found = plain_score([[2.0, 0.0], [0.0, 1.0]], [TIE, CANNOT_TELL])
    assert np.isnan(found.accuracy.value)
    assert np.isnan(found.calibration_error)
    assert found.accuracy.n == 0
    assert np.isfinite(found.neg_log_likelihood.value)


def test_odds_beyond_what_a_double_holds():
    found = plain_score([[2000.0, 0.0], [0.0, 2000.0]], [FIRST, SECOND])
    assert found.calibration_error == 0.0
    assert found.neg_log_likelihood.value == 0.0
