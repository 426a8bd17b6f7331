"""Estimates: a number with its interval and its sample size."""

import equinox as eqx
import numpy as np
import scipy


class Estimate(eqx.Module):
    """A number as it is reported.

    Args:
        value: the number.
        low: lower end of its interval.
        high: upper end.
        n: how many independent pieces it rests on.
        interval: what the interval is, in words.

    Example:
        >>> print(Estimate(0.5, 0.4, 0.6, 120, "95 % over questions"))
        0.500 [0.400, 0.600] (n = 120, 95 % over questions)
    """

    value: float
    low: float
    high: float
    n: int
    interval: str = eqx.field(static=True)

    def __str__(self) -> str:
        ends = f"[{self.low:.3f}, {self.high:.3f}]"
        return f"{self.value:.3f} {ends} (n = {self.n}, {self.interval})"

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

    def record(self) -> dict[str, float | int | str]:
        """The same as JSON values."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "n": self.n,
            "interval": self.interval,
        }


def clustered_mean(values: np.ndarray, clusters: np.ndarray) -> Estimate:
    """The mean of values that depend on each other within clusters.

    Args:
        values: `[answer]`.
        clusters: number of the cluster (question or person) of each, `[answer]`.

    Returns:
        The mean with a 95 % interval from the t distribution over clusters; without an
        interval (low and high are NaN) where there is just one.

    Example:
        >>> found = clustered_mean(np.array([1.0, 1.0, 4.0]), np.array([0, 0, 1]))
        >>> found.value, found.n
        (2.0, 2)

    Source: W. G. Cochran, "Sampling Techniques", 3rd ed., equation 2.47 (ratio
    estimate over clusters of unequal size).
    """
    names, place = np.unique(clusters, return_inverse=True)
    mean = float(np.mean(values))
    if len(names) < 2:
        return Estimate(
            mean, float("nan"), float("nan"), len(names), "none: one cluster"
        )
    excess = np.bincount(place, weights=values - mean)
    n = len(names)
    error = np.sqrt(n / (n - 1) * np.sum(excess**2)) / len(values)
    half = float(scipy.stats.t.ppf(0.975, n - 1) * error)
    return Estimate(mean, mean - half, mean + half, n, "95 % over clusters")


def mean_over(values: np.ndarray, what: str) -> Estimate:
    """The mean of independent values, with a 95 % interval from the t distribution.

    Args:
        values: at least two.
        what: what they are, in words.

    Example:
        >>> print(mean_over(np.array([1.0, 2.0, 3.0]), "runs"))
        2.000 [-0.484, 4.484] (n = 3, 95 % over runs)
    """
    n, mean = len(values), float(np.mean(values))
    error = np.std(values, ddof=1) / np.sqrt(n)
    half = float(scipy.stats.t.ppf(0.975, n - 1) * error)
    return Estimate(mean, mean - half, mean + half, n, f"95 % over {what}")


def sample_interval(value: float, samples: np.ndarray, what: str) -> Estimate:
    """A number with the middle 90 % of samples of it.

    Args:
        value: the number.
        samples: `[sample]`.
        what: what was sampled, in words.
    """
    low, high = (float(end) for end in np.quantile(samples, [0.05, 0.95]))
    return Estimate(value, low, high, len(samples), f"90 % of {what}")


def ratio_over(above: np.ndarray, below: np.ndarray, what: str) -> Estimate:
    """A ratio of two sums over independent pieces, with a 95 % interval.

    Args:
        above: of each piece, such as the collisions of an episode; at least two pieces.
        below: of each piece, such as its hours; their sum is positive.
        what: what the pieces are, in words.

    Example:
        >>> found = ratio_over(np.array([1.0, 3.0]), np.array([1.0, 1.0]), "drives")
        >>> found.value, found.n
        (2.0, 2)

    Source: W. G. Cochran, "Sampling Techniques", 3rd ed., equation 2.47.
    """
    n, value = len(above), float(np.sum(above) / np.sum(below))
    error = np.sqrt(n / (n - 1) * np.sum((above - value * below) ** 2))
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
