"""Best-of-n, and the two cases whose answer is known."""

import itertools

import numpy as np
import pytest

from volition.evaluation import (
    best_of_n,
    best_of_n_kl,
    count_of_kl,
    fit_best_of_n,
    fit_reinforcement,
    over_optimisation,
)

GOLDEN_KL = {
    2: 0.193147,
    4: 0.636294,
    16: 1.835089,
    64: 3.174508,
    256: 4.549084,
    1000: 5.908755,
}
# Gold of the best of n, where the proxy is gold of N(0, 1) with noise: the mean of the
# greatest of n normal numbers over sqrt(2) (closed form), and what was measured.
GAUSSIAN = {4: 0.728, 16: 1.249, 64: 1.657, 1000: 2.292}
STUDENT = {4: 0.574, 16: 0.745, 64: 0.550, 256: 0.307, 1000: 0.156}
M = 20_000


def drawn(noise: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    gold = rng.normal(size=M)
    kinds = {"Gaussian": rng.normal, "Student": lambda size: rng.standard_t(2.2, size)}
    return gold + kinds[noise](size=M), gold


@pytest.mark.parametrize("n", GOLDEN_KL)
def test_golden_divergences(n):
    assert best_of_n_kl(n) == pytest.approx(GOLDEN_KL[n], abs=1e-6)
    assert count_of_kl(best_of_n_kl(n)) == pytest.approx(n)


def test_divergence_is_that_of_the_ranks():
    """Of 12 ranks, the best of n with repetition: P(rank <= k) = (k / 12)^n, whose
    divergence from uniform approaches `log n - (n - 1) / n` as ranks grow."""
    ranks = 20_000
    for n in (2, 7):
        mass = np.diff((np.arange(ranks + 1) / ranks) ** n)
        kept = mass[mass > 0]
        measured = np.sum(kept * np.log(kept * ranks))
        assert measured == pytest.approx(best_of_n_kl(n), abs=1e-3)
    assert count_of_kl(-1.0) == 1.0
    assert count_of_kl(1e6) == float("inf")


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_best_of_n_is_the_mean_over_all_sets(n):
    rng = np.random.default_rng(n)
    proxy, gold = rng.normal(size=8), rng.normal(size=8)
    sets = itertools.combinations(range(8), n)
    expected = np.mean([gold[max(one, key=lambda row: proxy[row])] for one in sets])
    assert best_of_n(proxy, gold, n) == pytest.approx(expected)
    # Any monotone map of the proxy chooses alike; gold may be in any unit.
    assert best_of_n(np.exp(proxy), 3.0 * gold + 1.0, n) == pytest.approx(
        3.0 * expected + 1.0
    )
    with pytest.raises(ValueError, match="draw more"):
        best_of_n(proxy, gold, 9)


def test_any_of_equals_is_the_best():
    proxy = np.array([0.0, 1.0, 1.0, 2.0, 2.0, 2.0])
    gold = np.array([5.0, 1.0, 4.0, 0.0, 7.0, 2.0])
    for n in (1, 2, 3, 6):
        expected = []
        for one in itertools.combinations(range(6), n):
            chosen = list(one)
            top = proxy[chosen] == proxy[chosen].max()
            expected.append(gold[chosen][top].mean())
        assert best_of_n(proxy, gold, n) == pytest.approx(np.mean(expected))
        order = np.random.default_rng(n).permutation(6)
        assert best_of_n(proxy[order], gold[order], n) == pytest.approx(
            np.mean(expected)
        )
    # A proxy that says nothing chooses at random: no gold is gained or lost.
    found = over_optimisation(np.ones(2000), drawn("Gaussian")[1][:2000])
    assert found.peak is None
    assert all(abs(one.value) < 1e-9 for one in found.gold)


def test_gaussian_noise_has_no_peak():
    found = over_optimisation(*drawn("Gaussian"), n_resamples=200)
    assert found.peak is None
    assert "no peak up to n = 1000" in found.sentence
    at = dict(zip(found.n.tolist(), found.gold, strict=True))
    for n, value in GAUSSIAN.items():
        # Four standard errors: the interval is twice 1.96 wide.
        error = (at[n].high - at[n].low) / 3.92
        assert abs(at[n].value - value) < 4.0 * error + 0.001
    assert at[1].value == pytest.approx(0.0, abs=1e-9)


def test_heavy_tails_peak_at_about_16():
    found = over_optimisation(*drawn("Student"), n_resamples=200)
    assert found.peak is not None
    # A parabola in d is not quite the shape of it, so the fit is a little off.
    assert 8 <= found.peak.value <= 24
    assert found.peak.low < found.peak.value < found.peak.high < 64
    assert (found.best.value, found.best.n) == (16.0, M)
    assert 8 <= found.best.low <= found.best.high <= 32
    at = dict(zip(found.n.tolist(), found.gold, strict=True))
    assert max(at, key=lambda n: at[n].value) == 16
    for n, value in STUDENT.items():
        error = (at[n].high - at[n].low) / 3.92
        assert abs(at[n].value - value) < 4.0 * error + 0.02  # measured by few draws
    assert "costs it" in found.sentence


def test_neither_scale_nor_unit_matters():
    proxy, gold = (values[:3000] for values in drawn("Student", 1))
    one = over_optimisation(proxy, gold, n_resamples=20)
    other = over_optimisation(np.arctan(proxy), 5.0 * gold - 3.0, n_resamples=20)
    assert one.curve.peak == pytest.approx(other.curve.peak)
    for a, b in zip(one.gold, other.gold, strict=True):
        assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high))


def test_an_opposed_proxy_is_worst_from_the_start():
    proxy, gold = (values[:3000] for values in drawn("Gaussian"))
    found = over_optimisation(-proxy, gold, n_resamples=50)
    assert found.peak is not None
    assert found.peak.value == found.best.value == 1.0


@pytest.mark.parametrize("beta", [0.4, -0.2])
def test_fitted_curves_are_those_that_were_drawn(beta):
    d = np.sqrt([best_of_n_kl(n) for n in GOLDEN_KL])
    one = fit_best_of_n(d, d * (1.3 - beta * d))
    two = fit_reinforcement(d, d * (1.3 - beta * np.log(d)))
    for found in (one, two):
        assert (found.alpha, found.beta) == pytest.approx((1.3, beta))
    if beta < 0:
        assert one.peak == two.peak == float("inf")
        return
    grid = np.linspace(0.01, 20, 100_000)
    assert one.peak == pytest.approx(grid[np.argmax(grid * (1.3 - beta * grid))], 1e-3)
    best = grid[np.argmax(grid * (1.3 - beta * np.log(grid)))]
    assert two.peak == pytest.approx(best, 1e-3)


def test_what_cannot_be_fitted_is_refused():
    proxy, gold = (values[:2000] for values in drawn("Gaussian"))
    with pytest.raises(ValueError, match="rising"):
        over_optimisation(proxy, gold, [4, 2, 1])
    with pytest.raises(ValueError, match="vary them"):
        over_optimisation(proxy, np.ones(2000))
