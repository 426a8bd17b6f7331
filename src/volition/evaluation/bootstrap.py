"""Intervals by drawing again what was seen."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Int

from volition.evaluation.estimate import Estimate

N_RESAMPLES = 2000  # ends of a 95 % interval, to about a tenth of its width


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
        The statistic of all pieces; an interval of NaN where there is one piece only.
        Resamples for which the statistic is NaN are left out.

    Example:
        >>> values = np.arange(100.0)
        >>> found = bootstrap(lambda rows: float(values[rows].mean()), 100, "values")
        >>> found.value, bool(40 < found.low < 46), bool(53 < found.high < 59)
        (49.5, True, True)

    Source: B. Efron, R. Tibshirani, "An introduction to the bootstrap", 1993, chapter
    13.
    """
    value = float(statistic_fn(np.arange(n)))
    if n < 2:
        return Estimate(value, np.nan, np.nan, n, f"none: one of {what}")
    generator = np.random.default_rng(seed)
    drawn = [statistic_fn(generator.integers(0, n, n)) for _ in range(n_resamples)]
    return percentile_interval(value, np.asarray(drawn), n, what)


def percentile_interval(value: float, drawn: np.ndarray, n: int, what: str) -> Estimate:
    """A statistic with the middle 95 % of what resamples gave.

    Args:
        value: the statistic.
        drawn: of each resample; NaN where it is not defined.
        n: how many pieces were drawn from.
        what: what they are, in words.
    """
    known = drawn[~np.isnan(drawn)]
    if len(known) == 0:
        return Estimate(value, np.nan, np.nan, n, f"not defined over {what}")
    # Of the draws themselves, as one between two may be infinite.
    low, high = np.quantile(known, [0.025, 0.975], method="nearest")
    return Estimate(value, float(low), float(high), n, f"95 % over {what}")
