"""Whether the terms of a reward keep their order and sign over draws or seeds."""

import itertools
from collections.abc import Sequence

import equinox as eqx
import numpy as np
import scipy
from jaxtyping import Float

from volition.evaluation.bootstrap import percentile_interval
from volition.evaluation.estimate import Estimate

FIRST = 5  # terms whose sign is looked at
RARELY = 0.05  # of the draws, in which a sign may differ


class Stability(eqx.Module):
    """How the terms of linear rewards that should be the same differ.

    Args:
        kendall: tau-b between the importances of terms in two of them, on average.
        order: the terms, the most important first.
        flips: of each of the first five, the share of rewards in which its weight has
            the other sign than the mean's.
    """

    kendall: Estimate
    order: tuple[str, ...] = eqx.field(static=True)
    flips: dict[str, float] = eqx.field(static=True)

    @property
    def turned(self) -> tuple[str, ...]:
        """The terms among the first whose sign differs more than rarely."""
        return tuple(name for name, share in self.flips.items() if share > RARELY)

    def record(self) -> dict:
        """The same as JSON values."""
        return {
            "kendall": self.kendall.record(),
            "order": list(self.order),
            "flips": dict(self.flips),
            "turned": list(self.turned),
        }


def stability(
    names: Sequence[str],
    weights: Float[np.ndarray, "reward feature"],
    spread: Float[np.ndarray, " feature"],
    what: str,
    *,
    most_pairs: int = 1000,
) -> Stability:
    """Compare linear rewards that were learned alike, term by term.

    A term is as important as its weight is large times how much its feature usually
    varies.

    Args:
        names: of the features.
        weights: of at least two rewards, `[reward, feature]`.
        spread: usual standard deviation of each feature, in its unit.
        what: what the rewards are, in words.
        most_pairs: of rewards that are compared; evenly taken where there are more.

    Returns:
        The mean of tau over the pairs; its interval is the middle 95 % of them.

    Raises:
        ValueError: for fewer than two rewards or two features, or a number that is not
            finite.

    Example:
        >>> weights = np.array([[3.0, -1.0], [2.0, -1.5]])
        >>> found = stability(("speed", "jerk"), weights, np.ones(2), "seeds")
        >>> found.kendall.value, found.order, found.turned
        (1.0, ('speed', 'jerk'), ())

    Source: M. G. Kendall, 1945, by SciPy.
    """
    n, n_features = weights.shape
    terms = [str(name) for name in names]
    if n < 2 or n_features < 2:
        raise ValueError(
            f"{n} rewards of {n_features} features have no order to compare: give at "
            "least two of either."
        )
    for whose, numbers in (("weight", weights), ("spread", spread)):
        if not np.isfinite(numbers).all():
            term = terms[int(np.argwhere(~np.isfinite(numbers))[0][-1])]
            raise ValueError(
                f"the {whose} of {term!r} is not finite in every reward: make it so."
            )
    importance = np.abs(weights) * spread[None]
    pairs = list(itertools.combinations(range(n), 2))
    pairs = pairs[:: -(-len(pairs) // most_pairs)]
    taus = np.array(
        [scipy.stats.kendalltau(importance[i], importance[j])[0] for i, j in pairs],
        dtype=float,
    )
    mean = weights.mean(axis=0)
    order = np.argsort(-np.abs(mean) * spread, kind="stable")
    against = np.sign(weights) != np.sign(mean)[None]
    flips = {terms[k]: float(against[:, k].mean()) for k in order[:FIRST]}
    kendall = percentile_interval(float(np.nanmean(taus)), taus, n, what)
    return Stability(kendall, tuple(terms[k] for k in order), flips)
