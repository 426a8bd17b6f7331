"""Estimates: a number with its interval and its sample size."""

import math

import equinox as eqx
import numpy as np
import scipy

FEW_SAMPLES = 20  # below, no sample lies outside the middle 90 %


class Estimate(eqx.Module):
    """A number as it is reported.

    Args:
        value: the number; NaN where it is not known.
        low: lower end of its interval; NaN where that is not known.
        high: upper end.
        n: how many independent pieces it rests on.
        interval: what the interval is, or why there is none, in words.

    Example:
        >>> print(Estimate(0.5, 0.4, 0.6, 120, "95 % over questions"))
        0.500 [0.400, 0.600] (n = 120, 95 % over questions)
        >>> print(no_interval(0.5, 1, "one question"))
        0.500 (n = 1, no interval: one question)
    """

    value: float
    low: float
    high: float
    n: int
    interval: str = eqx.field(static=True)

    @property
    def has_interval(self) -> bool:
        """Whether its interval is known."""
        return not (math.isnan(self.low) or math.isnan(self.high))

    def __str__(self) -> str:
        value = "not known" if math.isnan(self.value) else f"{self.value:.3f}"
        if not self.has_interval:
            why = self.interval.removeprefix("none: ")
            return f"{value} (n = {self.n}, no interval: {why})"
        ends = f"[{self.low:.3f}, {self.high:.3f}]"
        return f"{value} {ends} (n = {self.n}, {self.interval})"

    def within(self, low: float, high: float) -> "Estimate":
        """The same, its interval cut to what the number can be at all.

        Args:
            low: least value that is possible.
            high: greatest.

        Example:
            >>> print(Estimate(0.1, -0.2, 0.4, 3, "95 %").within(0.0, 1.0))
            0.100 [0.000, 0.400] (n = 3, 95 %)
        """
        least, most = (float(np.clip(end, low, high)) for end in (self.low, self.high))
        return Estimate(self.value, least, most, self.n, self.interval)

    def record(self) -> dict[str, float | int | str | None]:
        """The same as JSON values; what is not known is null."""
        known = lambda number: None if math.isnan(number) else number
        return {
            "value": known(self.value),
            "low": known(self.low),
            "high": known(self.high),
            "n": self.n,
            "interval": self.interval,
        }


def no_interval(value: float, n: int, why: str) -> Estimate:
    """A number without an interval, and why it has none.

    Args:
        value: the number; NaN where it is not known either.
        n: how many independent pieces it rests on.
        why: in words.

    Example:
        >>> no_interval(0.7, 1, "one run").interval
        'none: one run'
    """
    return Estimate(float(value), math.nan, math.nan, int(n), f"none: {why}")


def all_equal(value: float, n: int, what: str) -> Estimate:
    """A number that was the same in all pieces, whose spread is therefore not known.

    Args:
        value: the number.
        n: how many pieces there are, at least 2.
        what: what they are, in words.

    Returns:
        The number without an interval. The words say which share of further pieces can
        differ: at most `1 - 0.05^(1/n)`, at 95 %, about `3 / n`.

    Example:
        >>> print(all_equal(0.7, 3, "runs"))
        0.700 (n = 3, no interval: all 3 runs are equal, and up to 63% of others may \
differ)

    Source: J. A. Hanley, A. Lippman-Hand, "If nothing goes wrong, is everything all
    right?", JAMA 249 (1983), 1743-1745.
    """
    share = 1.0 - 0.05 ** (1.0 / n)
    return no_interval(
        value,
        n,
        f"all {n} {what} are equal, and up to {share:.0%} of others may differ",
    )


def is_constant(values: np.ndarray, tolerance: float = 0.0) -> bool:
    """Whether values differ by no more than rounding.

    Args:
        values: at least one.
        tolerance: of what made them, relative to the largest; rounding of a single
            number if left out.

    Example:
        >>> is_constant(np.array([0.1 + 0.2, 0.3])), is_constant(np.array([1e-9, 2e-9]))
        (True, False)
    """
    values = np.asarray(values)
    kind = values.dtype if np.issubdtype(values.dtype, np.floating) else np.float64
    least = max(8.0 * float(np.finfo(kind).eps), tolerance)
    return bool(np.ptp(values) <= least * np.abs(values).max())


def _checked(values: np.ndarray, what: str, least: int = 1) -> np.ndarray:
    """Numbers, `[piece]`, none of them NaN."""
    values = np.asarray(values)
    if values.dtype.kind in "bui":
        values = values.astype(float)
    if values.ndim != 1 or values.dtype.kind != "f" or len(values) < least:
        raise ValueError(
            f"{what}: the values are {values.dtype}{list(values.shape)}; give at least "
            f"{least} number{'s' * (least > 1)}, [value]."
        )
    if np.isnan(values).any():
        raise ValueError(
            f"{what}: value {int(np.argmax(np.isnan(values)))} of {len(values)} is "
            "NaN: find out why, or leave that piece out and say so."
        )
    return values


def clustered_mean(values: np.ndarray, clusters: np.ndarray) -> Estimate:
    """The mean of values that depend on each other within clusters.

    Args:
        values: `[answer]`.
        clusters: number of the cluster (question or person) of each, `[answer]`.

    Returns:
        The mean with a 95 % interval from the t distribution over clusters; without an
        interval (low and high are NaN) where there is just one, or all have one mean.

    Raises:
        ValueError: where there is no value, or one is NaN.

    Example:
        >>> found = clustered_mean(np.array([1.0, 1.0, 4.0]), np.array([0, 0, 1]))
        >>> found.value, found.n
        (2.0, 2)

    Source: W. G. Cochran, "Sampling Techniques", 3rd ed., equation 2.47 (ratio
    estimate over clusters of unequal size).
    """
    values = _checked(values, "a mean over clusters")
    names, place = np.unique(clusters, return_inverse=True)
    n, mean = len(names), float(np.mean(values))
    if n < 2:
        return no_interval(mean, n, "one cluster")
    if not np.isfinite(values).all():
        return no_interval(mean, n, "not all values are finite")
    size = np.bincount(place)
    if is_constant(np.bincount(place, weights=values) / size):
        return all_equal(mean, n, "clusters")
    excess = np.bincount(place, weights=values - mean)
    error = np.sqrt(n / (n - 1) * np.sum(excess**2)) / len(values)
    half = float(scipy.stats.t.ppf(0.975, n - 1) * error)
    return Estimate(mean, mean - half, mean + half, n, "95 % over clusters")


def mean_over(values: np.ndarray, what: str, *, fixed: bool = False) -> Estimate:
    """The mean of independent values, with a 95 % interval from the t distribution.

    Args:
        values: at least one.
        what: what they are, in words.
        fixed: whether the pieces are the very ones that are asked about, such as the
            starts that a finding is about: then values that are all equal leave no
            chance. Else their spread is not known, and there is no interval.

    Returns:
        The mean; without an interval where there is one value, or all are equal.

    Raises:
        ValueError: where there is no value, or one is NaN.

    Example:
        >>> print(mean_over(np.array([1.0, 2.0, 3.0]), "runs"))
        2.000 [-0.484, 4.484] (n = 3, 95 % over runs)
        >>> mean_over(np.array([1.0, 1.0, 1.0]), "runs").has_interval
        False
    """
    values = _checked(values, f"a mean over {what}")
    n, mean = len(values), float(np.mean(values))
    if n < 2:
        return no_interval(mean, n, f"one of {what}")
    if not np.isfinite(values).all():
        return no_interval(mean, n, "not all values are finite")
    if is_constant(values):
        if fixed:
            return Estimate(mean, mean, mean, n, f"the same in all {n} {what}")
        return all_equal(mean, n, what)
    error = np.std(values, ddof=1) / np.sqrt(n)
    half = float(scipy.stats.t.ppf(0.975, n - 1) * error)
    return Estimate(mean, mean - half, mean + half, n, f"95 % over {what}")


def sample_interval(value: float, samples: np.ndarray, what: str) -> Estimate:
    """A number with the middle 90 % of samples of it.

    Args:
        value: the number.
        samples: `[sample]`; fewer than 20 have no middle 90 %, and give no interval.
        what: what was sampled, in words.

    Raises:
        ValueError: where there is no sample, or one is NaN.
    """
    samples = _checked(samples, f"samples of {what}")
    n = len(samples)
    if n < FEW_SAMPLES:
        return no_interval(value, n, f"{n} of {what} are too few for their middle 90 %")
    low, high = (float(end) for end in np.quantile(samples, [0.05, 0.95]))
    return Estimate(value, low, high, n, f"90 % of {what}")


def ratio_over(above: np.ndarray, below: np.ndarray, what: str) -> Estimate:
    """A ratio of two sums over independent pieces, with a 95 % interval.

    Args:
        above: of each piece, such as the collisions of an episode.
        below: of each piece, such as its hours; their sum is positive.
        what: what the pieces are, in words.

    Returns:
        The ratio; without an interval where there is one piece, or the ratio is the
        same in all.

    Raises:
        ValueError: where the two differ in length, one is NaN, or the sum of `below`
            is not positive.

    Example:
        >>> found = ratio_over(np.array([1.0, 3.0]), np.array([1.0, 1.0]), "drives")
        >>> found.value, found.n
        (2.0, 2)

    Source: W. G. Cochran, "Sampling Techniques", 3rd ed., equation 2.47.
    """
    above = _checked(above, f"a ratio over {what}")
    below = _checked(below, f"a ratio over {what}")
    if len(above) != len(below) or not 0.0 < np.sum(below) < np.inf:
        raise ValueError(
            f"a ratio over {what} is of {len(above)} values to {len(below)}, which sum "
            f"to {np.sum(below):g}: give as many of both, and a positive sum."
        )
    n, value = len(above), float(np.sum(above) / np.sum(below))
    if n < 2:
        return no_interval(value, n, f"one of {what}")
    if not np.isfinite(above).all():
        return no_interval(value, n, "not all values are finite")
    # Where every piece has the same ratio, one is a multiple of the other.
    excess = above - value * below
    rounding = 8.0 * np.finfo(float).eps * np.abs(above).max()
    if np.abs(excess).max() <= rounding:
        return all_equal(value, n, what)
    error = np.sqrt(n / (n - 1) * np.sum(excess**2))
    half = float(scipy.stats.t.ppf(0.975, n - 1) * error / np.sum(below))
    return Estimate(value, value - half, value + half, n, f"95 % over {what}")


def rate_of_none(exposure: float, n: int, what: str) -> Estimate:
    """A rate of events none of which was seen: 0, and the exact end of its interval.

    The spread of pieces that are all 0 says nothing of how rare events are; how long
    there was none does.

    Args:
        exposure: how long was looked, in the unit that the rate is by.
        n: how many pieces that was.
        what: what the pieces are, in words.

    Example:
        >>> print(rate_of_none(2.0, 5, "drives"))
        0.000 [0.000, 1.844] (n = 5, 95 % by Poisson, none seen in 5 drives)

    Source: F. Garwood, "Fiducial limits for the Poisson distribution", 1936.
    """
    high = float(scipy.stats.chi2.ppf(0.975, 2) / 2.0 / exposure)
    interval = f"95 % by Poisson, none seen in {n} {what}"
    return Estimate(0.0, 0.0, high, n, interval)


def share_of_none(n_pieces: int, n: int, what: str) -> Estimate:
    """A share that was 0 in all pieces, with the exact end of its interval.

    Args:
        n_pieces: how many could each have been one.
        n: how many groups of them there were.
        what: what the pieces are, in words.

    Example:
        >>> print(share_of_none(24, 3, "episodes"))
        0.000 [0.000, 0.142] (n = 3, 95 % by the binomial, none of 24 episodes)

    Source: C. Clopper and E. Pearson, "The use of confidence or fiducial limits", 1934.
    """
    high = float(scipy.stats.binomtest(0, n_pieces).proportion_ci().high)
    interval = f"95 % by the binomial, none of {n_pieces} {what}"
    return Estimate(0.0, 0.0, high, n, interval)


def share_of(n_true: int, n: int, what: str) -> Estimate:
    """A share of independent pieces, with its exact interval.

    Args:
        n_true: how many of them are.
        n: how many there are, at least 1.
        what: what they are, in words.

    Example:
        >>> print(share_of(20, 20, "decisions"))
        1.000 [0.832, 1.000] (n = 20, 95 % by the binomial, of decisions)

    Source: as `share_of_none`.
    """
    ends = scipy.stats.binomtest(n_true, n).proportion_ci()
    interval = f"95 % by the binomial, of {what}"
    return Estimate(n_true / n, float(ends.low), float(ends.high), n, interval)


def exactly(value: float) -> Estimate:
    """A number in which there is no chance.

    Example:
        >>> print(exactly(0.5))
        0.500 [0.500, 0.500] (n = 1, exact)
    """
    return Estimate(float(value), float(value), float(value), 1, "exact")
