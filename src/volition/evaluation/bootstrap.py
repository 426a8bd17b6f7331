"""Intervals by drawing again what was seen."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Int
from scipy import stats

from volition.evaluation.estimate import Estimate, is_constant, no_interval

N_RESAMPLES = 2000  # ends of a 95 % interval, to about a tenth of its width
FEW = 10  # pieces; of fewer a percentile interval is too narrow, and is made wider
SOLVED = 1e-9  # relative rounding of statistics that solve equations
MANY = 100  # pieces; of so many, at most 3 % of further ones differ from all of these


def bootstrap(
    statistic_fn: Callable[[Int[np.ndarray, " piece"]], float],
    n: int,
    what: str,
    *,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """A statistic with the 95 % percentile interval of resampled pieces.

    Args:
        statistic_fn: takes the numbers of pieces, `[piece]`, some of them several
            times.
        n: how many independent pieces there are, at least 1.
        what: what they are, in words.
        n_resamples: how often they are drawn again.
        seed: of the draws: the same pieces give the same interval.

    Returns:
        The statistic of all pieces; see `percentile_interval`.

    Raises:
        ValueError: where there is no piece.

    Example:
        >>> values = np.arange(100.0)
        >>> found = bootstrap(lambda rows: float(values[rows].mean()), 100, "values")
        >>> found.value, bool(40 < found.low < 46), bool(53 < found.high < 59)
        (49.5, True, True)

    Source: B. Efron, R. Tibshirani, "An introduction to the bootstrap", 1993, chapter
    13.
    """
    if n < 1:
        raise ValueError(f"there are no {what} to draw again: give at least one.")
    value = float(statistic_fn(np.arange(n)))
    if n < 2:
        return no_interval(value, n, f"one of {what}")
    generator = np.random.default_rng(seed)
    drawn = [statistic_fn(generator.integers(0, n, n)) for _ in range(n_resamples)]
    return percentile_interval(value, np.asarray(drawn), n, what)


def percentile_interval(value: float, drawn: np.ndarray, n: int, what: str) -> Estimate:
    """A statistic with the middle 95 % of what resamples gave.

    Of fewer than 10 pieces the interval is made wider about the statistic, by
    `sqrt(n / (n - 1)) t(n - 1) / z`: resamples vary less than new pieces would, and how
    much is known badly.

    Args:
        value: the statistic.
        drawn: of each resample; NaN where it is not defined.
        n: how many pieces were drawn from.
        what: what they are, in words.

    Returns:
        The statistic; without an interval where it is not defined, in half of the
        resamples or more is not, or is the same in all of them and pieces are fewer
        than 100.

    Example:
        >>> percentile_interval(1.0, np.ones(200), 3, "runs").has_interval
        False

    Source: T. Hesterberg, "What teachers should know about the bootstrap", The American
    Statistician 69 (2015), section 4.2 (intervals that are too narrow, and by how
    much).
    """
    known = drawn[~np.isnan(drawn)]
    if np.isnan(value) or len(known) == 0:
        return no_interval(value, n, f"not defined over {what}")
    if 2 * len(known) <= len(drawn):
        return no_interval(value, n, f"not defined for most draws of {n} {what}")
    # Of the draws themselves, as one between two may be infinite.
    low, high = (
        float(end) for end in np.quantile(known, [0.025, 0.975], method="nearest")
    )
    if low == high or (np.isfinite([low, high]).all() and is_constant(known, SOLVED)):
        if n < MANY:
            share = 1.0 - 0.05 ** (1.0 / n)  # see `estimate.all_equal`
            why = (
                f"the same for all draws of {n} {what}, and up to {share:.0%} of others"
            )
            return no_interval(value, n, f"{why} may differ")
        return Estimate(value, low, high, n, f"95 % over {what}, all draws alike")
    if n < FEW:
        low, high = widened(value, low, high, n - 1.0, n)
        return Estimate(value, low, high, n, f"95 % over {what}, made wider as few")
    return Estimate(value, low, high, n, f"95 % over {what}")


def widened(
    value: float, low: float, high: float, freedom: float, n: int
) -> tuple[float, float]:
    """The ends of a percentile interval, further from the statistic as pieces are few.

    Args:
        value: the statistic.
        low: lower end of the percentile interval.
        high: upper end.
        freedom: degrees of freedom of its spread, above 0.
        n: pieces that were drawn together, at least 2.
    """
    by = np.sqrt(n / (n - 1)) * stats.t.ppf(0.975, freedom) / stats.norm.ppf(0.975)
    # The statistic itself may lie outside what resamples gave.
    return (
        value - float(by) * max(value - low, 0.0),
        value + float(by) * max(high - value, 0.0),
    )
