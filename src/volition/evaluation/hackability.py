"""Whether a proxy reward can be raised while the true one falls."""

import equinox as eqx
import numpy as np
from jaxtyping import Float, Int

from volition.evaluation.size import sized

# Returns that differ by less, relative to their range, count as equal; and those that
# rounding of their precision cannot tell apart.
TIE = 1e-9


class Hackability(eqx.Module):
    """Where a proxy and the truth order policies of a set differently.

    Pairs are `(from, to)`: numbers of policies, where the proxy prefers `to` (or, of
    blind spots, does not care) and the truth prefers `from`.

    Args:
        inversions: the proxy rises and the truth falls, `[pair, 2]`, the worst first.
        blind_spots: the proxy stays and the truth falls, `[pair, 2]`, the worst first.
        mass: of inversions, as a share of all differences of the truth, in `[0, 1]`.
        blind_mass: likewise, of blind spots.
        lost: what the truth falls by in the worst inversion, as a share of its range; 0
            where there is none.
        lost_blindly: likewise, in the worst blind spot.
        n_policies: that were looked at; nothing is claimed of others.
    """

    inversions: Int[np.ndarray, "inversion pair=2"]
    blind_spots: Int[np.ndarray, "blind pair=2"]
    mass: float
    blind_mass: float
    lost: float
    lost_blindly: float
    n_policies: int = eqx.field(static=True)

    @property
    def hackable(self) -> bool:
        """Whether there is an inversion."""
        return len(self.inversions) > 0

    @property
    def simplifies(self) -> bool:
        """Whether the proxy takes differences away and turns none round."""
        return not self.hackable and len(self.blind_spots) > 0

    @property
    def sentence(self) -> str:
        """The same in words."""
        among = f"among {self.n_policies} policies"
        if self.hackable:
            before, after = self.inversions[0]
            return (
                f"The proxy can be hacked {among}: it prefers policy {after} to policy "
                f"{before}, which costs {self.lost:.0%} of the range of true returns; "
                f"{len(self.inversions)} pairs are turned round."
            )
        if self.simplifies:
            before, after = self.blind_spots[0]
            return (
                f"The proxy turns no pair round {among}, but cannot tell policy "
                f"{after} from policy {before}, which costs {self.lost_blindly:.0%} of "
                "the range of true returns."
            )
        return f"The proxy orders as the truth does {among}; of others nothing is said."


def hackability(
    proxy: Float[np.ndarray, " policy"],
    truth: Float[np.ndarray, " policy"],
    *,
    least: float = 0.0,
) -> Hackability:
    """Compare how two rewards order a set of policies.

    A proxy is hackable where for some two policies it rises as the truth falls. Among
    all policies every proxy is, unless it is the truth or says nothing; so only a set
    of policies can be certified.

    Args:
        proxy: return of each policy, reward units; see `policy_returns`.
        truth: likewise.
        least: differences of the truth that matter, as a share of its range.

    Raises:
        ValueError: for fewer than two policies, or returns that are not finite.

    Example:
        >>> found = hackability(
        ...     np.array([0.0, 1.0, 2.0, 2.0]), np.array([0, 2, 1, 0.5])
        ... )
        >>> found.inversions.tolist(), found.blind_spots.tolist()
        ([[1, 3], [1, 2]], [[2, 3]])

    Source: J. Skalse et al., "Defining and characterizing reward hacking", NeurIPS
    2022, arXiv 2209.13085, definitions 1 and 2.
    """
    n = len(proxy)
    if n < 2 or np.shape(proxy) != np.shape(truth) or np.ndim(proxy) != 1:
        raise ValueError(
            f"returns of the shapes {np.shape(proxy)} and {np.shape(truth)} cannot be "
            "compared: give one number by the proxy and one by the truth for each of "
            "at least two policies."
        )
    proxy, proxy_rounding = _relative(proxy, "proxy")
    truth, truth_rounding = _relative(truth, "truth")
    size = np.ptp(truth)
    # Risen [from, to]: how much better `to` is than `from`.
    by_proxy = proxy[None, :] - proxy[:, None]
    by_truth = truth[None, :] - truth[:, None]
    slack = max(TIE * float(np.ptp(proxy)), proxy_rounding)
    matters = by_truth < -max(max(least, TIE) * size, truth_rounding)
    inverted = matters & (by_proxy > slack)
    blind = matters & (np.abs(by_proxy) <= slack)
    fall = np.maximum(-by_truth, 0.0)
    total = max(float(fall.sum()), np.finfo(float).tiny)
    share = lambda marks: min(1.0, float(fall[marks].sum()) / total)
    worst = lambda marks: float(fall[marks].max() / size) if marks.any() else 0.0

    def listed(marks: np.ndarray) -> np.ndarray:
        pairs = np.argwhere(marks)
        # Falls that differ by rounding alone are in the order of their numbers.
        order = np.round(by_truth[marks] / (size if size > 0.0 else 1.0) / TIE)
        return pairs[np.argsort(order, kind="stable")]

    return Hackability(
        listed(inverted),
        listed(blind),
        share(inverted),
        share(blind),
        worst(inverted),
        worst(blind),
        n,
    )


def _relative(returns: np.ndarray, what: str) -> tuple[np.ndarray, float]:
    """Returns over their size, in 64 bits, and how they were rounded."""
    given = np.asarray(returns)
    numbers = given.astype(np.float64)
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        policy = int(wrong.argmax())
        raise ValueError(
            f"the return of policy {policy} by the {what} is {numbers[policy]}: give "
            "finite returns."
        )
    exact = np.issubdtype(given.dtype, np.floating)
    rounding = 32.0 * float(np.finfo(given.dtype if exact else np.float64).eps)
    return sized(numbers), rounding
