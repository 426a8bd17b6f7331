"""What happens to the true reward as its proxy is optimised ever harder."""

from collections.abc import Sequence

import equinox as eqx
import numpy as np
import scipy
from jaxtyping import Float, Int
from scipy.special import gammaln

from volition.evaluation.bootstrap import percentile_interval
from volition.evaluation.estimate import Estimate
from volition.evaluation.size import sized

COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)
N_RESAMPLES = 500
DOUBLE_AT_MOST = 700.0  # nats of KL divergence: exp of more has no double


def best_of_n_kl(n: int | float) -> float:
    """How far choosing the best of `n` moves a policy: `log n - (n - 1) / n`, nats.

    The KL divergence from the policy that is drawn from.

    Args:
        n: at least 1.

    Raises:
        ValueError: for another.

    Example:
        >>> [round(best_of_n_kl(n), 6) for n in (1, 4, 1000)]
        [0.0, 0.636294, 5.908755]

    Source: L. Gao, J. Schulman, J. Hilton, "Scaling laws for reward model
    overoptimization", 2022, arXiv 2210.10760, section 3.1.
    """
    if not n >= 1.0:
        raise ValueError(f"n = {n} must be at least 1.")
    return float(np.log(n) - (n - 1.0) / n)


def count_of_kl(divergence: float) -> float:
    """The `n` whose best-of-n is so far, not necessarily a whole number.

    Args:
        divergence: nats; 1 for none, infinite above 700.

    Raises:
        ValueError: where it is NaN.

    Example:
        >>> round(count_of_kl(best_of_n_kl(16)), 6)
        16.0
    """
    if np.isnan(divergence):
        raise ValueError("a divergence of nan nats has no count: give a number.")
    if divergence <= 0.0:
        return 1.0
    if not divergence < DOUBLE_AT_MOST:
        return float("inf")
    apart = lambda log_n: log_n + np.expm1(-log_n) - divergence
    root = scipy.optimize.brentq(apart, 0.0, divergence + 1.0, xtol=1e-12)
    return float(np.exp(np.asarray(root, dtype=float)))


def best_of_n(
    proxy: Float[np.ndarray, " sample"], gold: Float[np.ndarray, " sample"], n: int
) -> float:
    """The mean gold reward of the best of `n` by the proxy, without bias.

    `sum over i of C(i - 1, n - 1) / C(m, n) * gold_i`, where samples are in the order
    of the proxy: the mean over all sets of `n` of the `m` samples. Of equals any may be
    the best.

    Args:
        proxy: what is optimised, of independent samples of one policy.
        gold: what is wanted, of the same ones.
        n: at most as many as there are samples.

    Raises:
        ValueError: for another `n`, numbers that are not finite, or not as many of
            either.

    Example:
        >>> proxy, gold = np.array([3.0, 1.0, 2.0]), np.array([9.0, 0.0, 3.0])
        >>> round(best_of_n(proxy, gold, 2), 6)
        7.0

    Source: R. Nakano et al., "WebGPT", 2021, arXiv 2112.09332, appendix I.
    """
    _check_samples(proxy, gold)
    order = np.argsort(proxy, kind="stable")
    equal = np.unique(proxy, return_inverse=True)[1][order]
    return float(_weights(len(proxy), (n,))[0] @ _levelled(gold[order], equal))


def _check_samples(proxy: np.ndarray, gold: np.ndarray) -> None:
    """That there are as many numbers of either, and all are finite."""
    if np.ndim(proxy) != 1 or np.shape(proxy) != np.shape(gold) or len(proxy) == 0:
        raise ValueError(
            f"proxy and gold of the shapes {np.shape(proxy)} and {np.shape(gold)} are "
            "not one number each per sample: give two rows of one length, at least 1."
        )
    for what, numbers in (("proxy", proxy), ("gold", gold)):
        _check_numbers(f"the {what} reward of sample", numbers)


def _check_numbers(what: str, numbers: np.ndarray) -> None:
    wrong = ~np.isfinite(np.asarray(numbers, dtype=np.float64))
    if wrong.any():
        place = int(wrong.argmax())
        raise ValueError(
            f"{what} {place} is {float(numbers[place])}: give finite numbers."
        )


def _levelled(
    gold: Float[np.ndarray, " sample"], equal: Int[np.ndarray, " sample"]
) -> Float[np.ndarray, " sample"]:
    """The mean over those of one number, in place of each."""
    total = np.bincount(equal, weights=gold)
    return (total / np.maximum(np.bincount(equal), 1))[equal]


def _weights(m: int, counts: Sequence[int]) -> Float[np.ndarray, "count sample"]:
    """How probably the sample of each rank is the best of `n`."""
    if min(counts) < 1 or max(counts) > m:
        raise ValueError(
            f"the best of {min(counts)} to {max(counts)} cannot be chosen of {m} "
            "samples: draw more, or ask for fewer."
        )
    rank = np.arange(1.0, m + 1.0)
    found = np.zeros((len(counts), m))
    for row, n in enumerate(counts):
        top = rank[n - 1 :]
        below = gammaln(top) - gammaln(n) - gammaln(top - n + 1.0)
        sets = gammaln(m + 1.0) - gammaln(n + 1.0) - gammaln(m - n + 1.0)
        found[row, n - 1 :] = np.exp(below - sets)
    return found / found.sum(axis=1, keepdims=True)  # 1 but for rounding


class FittedCurve(eqx.Module):
    """Gold reward by distance `d = sqrt(KL)`, fitted.

    Args:
        alpha: slope at the beginning, reward units.
        beta: how it bends down.
        peak: the `d` of the highest gold; infinite where it rises, 0 where it falls.
    """

    alpha: float
    beta: float
    peak: float


def _check_points(distance: np.ndarray, gold: np.ndarray) -> None:
    """That a curve can be fitted to them."""
    if np.ndim(distance) != 1 or np.shape(distance) != np.shape(gold):
        raise ValueError(
            f"distances of the shape {np.shape(distance)} and gold rewards of the "
            f"shape {np.shape(gold)} are not one each per point."
        )
    _check_numbers("the distance of point", distance)
    _check_numbers("the gold reward of point", gold)
    if not (np.asarray(distance) > 0.0).any() or (np.asarray(distance) < 0.0).any():
        raise ValueError(
            "the distances of a curve must not be negative, and not all be 0."
        )


def fit_best_of_n(
    distance: Float[np.ndarray, " point"], gold: Float[np.ndarray, " point"]
) -> FittedCurve:
    """Fit `gold = d (alpha - beta d)` by least squares; its peak is `alpha / 2 beta`.

    Args:
        distance: `sqrt(KL)`, not all 0.
        gold: as much above the beginning, reward units.

    Example:
        >>> d = np.array([0.5, 1.0, 2.0])
        >>> found = fit_best_of_n(d, d * (3.0 - 0.5 * d))
        >>> round(found.alpha, 6), round(found.beta, 6), round(found.peak, 6)
        (3.0, 0.5, 3.0)

    Source: Gao et al. 2022, as `best_of_n_kl`, equation 1.
    """
    _check_points(distance, gold)
    columns = np.stack([distance, -(distance**2)], axis=1)
    alpha, beta = (float(one) for one in np.linalg.lstsq(columns, gold)[0])
    if alpha > 0.0 and beta > 0.0:
        return FittedCurve(alpha, beta, alpha / (2.0 * beta))
    # It rises all the way, or falls from the start, at least as far as was looked.
    rises = alpha - beta * float(np.max(distance)) > 0.0
    return FittedCurve(alpha, beta, float("inf") if rises else 0.0)


def fit_reinforcement(
    distance: Float[np.ndarray, " point"], gold: Float[np.ndarray, " point"]
) -> FittedCurve:
    """Fit `gold = d (alpha - beta log d)`; its peak is `exp(alpha / beta - 1)`.

    The form for policies that were trained, and not chosen from. Distances of the two
    forms are not to be compared.

    Args:
        distance: `sqrt(KL)`; those of 0 count for nothing.
        gold: as much above the beginning, reward units.

    Example:
        >>> d = np.array([0.5, 1.0, 4.0])
        >>> found = fit_reinforcement(d, d * (3.0 - 2.0 * np.log(d)))
        >>> round(found.alpha, 6), round(found.beta, 6), round(found.peak, 6)
        (3.0, 2.0, 1.648721)

    Source: as `fit_best_of_n`.
    """
    _check_points(distance, gold)
    logs = np.log(np.where(distance > 0.0, distance, 1.0))
    columns = np.stack([distance, -distance * logs], axis=1)
    alpha, beta = (float(one) for one in np.linalg.lstsq(columns, gold)[0])
    peak = float(np.exp(min(alpha / beta - 1.0, 700.0))) if beta > 0 else float("inf")
    return FittedCurve(alpha, beta, peak)


class OverOptimisation(eqx.Module):
    """The gold reward as the proxy is optimised by best-of-n.

    Args:
        n: of each point, `[point]`.
        divergence: KL of each, nats, `[point]`.
        gold: mean gold reward of each, in its standard deviations above the beginning.
        curve: fitted to them.
        peak: the `n` of the fitted peak, with an interval over the samples; None where
            the curve need not peak within what was tried.
        best: of the `n` that were tried, the one of the highest gold, likewise.
        sentence: the same in words.
    """

    n: Int[np.ndarray, " point"]
    divergence: Float[np.ndarray, " point"]
    gold: tuple[Estimate, ...]
    curve: FittedCurve
    peak: Estimate | None
    best: Estimate
    sentence: str = eqx.field(static=True)


def over_optimisation(
    proxy: Float[np.ndarray, " sample"],
    gold: Float[np.ndarray, " sample"],
    counts: Sequence[int] = COUNTS,
    *,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> OverOptimisation:
    """Ask whether optimising a proxy harder ends up costing gold reward.

    There is a peak where the fitted curve has one before the largest `n` that was
    tried, in more than 97.5 % of the resamples.

    Args:
        proxy: what is optimised, of independent samples of one policy, `[sample]`.
        gold: what is wanted, of the same ones.
        counts: the `n` to try, at least three, rising.
        n_resamples: how often samples are drawn again.
        seed: of the draws.

    Returns:
        The points, the fitted curve, and the peak.

    Raises:
        ValueError: where there are not so many samples, numbers are not finite, or
            gold is constant.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> gold = rng.normal(size=4000)
        >>> proxy = gold + rng.standard_t(2.2, size=4000)
        >>> found = over_optimisation(proxy, gold, n_resamples=50)
        >>> found.peak is not None and 5 < found.peak.value < 30
        True

    Source: Gao et al. 2022, as `best_of_n_kl`.
    """
    if len(counts) < 3 or list(counts) != sorted(set(counts)):
        raise ValueError(f"counts = {list(counts)} must be at least three, rising.")
    _check_samples(proxy, gold)
    gold = sized(gold)
    spread = float(np.std(gold))
    if not spread > 1e-12:
        raise ValueError("the gold reward is the same for all samples: vary them.")
    weights = _weights(len(proxy), counts)
    order = np.argsort(proxy, kind="stable")
    ranked = (gold[order] - gold.mean()) / spread
    divergence = np.array([best_of_n_kl(n) for n in counts])
    distance = np.sqrt(divergence)
    equal = np.unique(proxy, return_inverse=True)[1][order]
    value = weights @ _levelled(ranked, equal)
    generator = np.random.default_rng(seed)
    drawn = np.zeros((n_resamples, len(counts)))
    for row in range(n_resamples):
        # Samples are in the order of the proxy: sorted numbers of them are, too.
        rows = np.sort(generator.integers(0, len(proxy), len(proxy)))
        again = _levelled(ranked[rows], equal[rows])
        drawn[row] = weights @ again - again.mean()
    m = len(proxy)
    points = tuple(
        percentile_interval(float(one), column, m, "samples")
        for one, column in zip(value, drawn.T, strict=True)
    )
    curve = fit_best_of_n(distance, value)
    peaks = np.array([fit_best_of_n(distance, one).peak for one in drawn])
    tried = np.array(counts)
    highest = tried[np.argmax(drawn, axis=1)].astype(float)
    best = percentile_interval(float(tried[np.argmax(value)]), highest, m, "samples")
    peak = None
    sentence = (
        f"Choosing the best by the proxy costs no gold reward: no peak up to n = "
        f"{counts[-1]}."
    )
    moves = bool(np.max(np.abs(value)) > 1e-9)  # more than rounding
    inside = np.mean(peaks < distance[-1]) > 0.975 and curve.peak < distance[-1]
    if moves and inside:
        as_counts = np.array([count_of_kl(one**2) for one in peaks])
        peak = percentile_interval(count_of_kl(curve.peak**2), as_counts, m, "samples")
        sentence = (
            f"Gold reward is highest at n = {best.value:.0f} [{best.low:.0f}, "
            f"{best.high:.0f}] of those tried, and peaks at n = {peak.value:.0f} "
            f"[{peak.low:.0f}, {peak.high:.0f}] of the fitted curve; choosing harder "
            "costs it."
        )
    return OverOptimisation(tried, divergence, points, curve, peak, best, sentence)
