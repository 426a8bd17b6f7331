"""The shortest form of a reward that still says the same."""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float

from volition.env import FiniteMDP
from volition.evaluation.bootstrap import bootstrap
from volition.evaluation.estimate import Estimate
from volition.evaluation.policies import scaled_return, worst_tie_break
from volition.evaluation.size import size_of
from volition.human.valuation import partial_return
from volition.policy import Segment
from volition.reward import AbstractReward, Linear, not_finite

MOST_TERMS = 8  # more than a reader holds in mind at once
LEAST_USUAL, LEAST_OPTIMISED = 0.95, 0.90  # of pairs ordered alike
MOST_LOST = 0.02  # of the scaled return
N_RESAMPLES = 500


class ShortForm(eqx.Module):
    """A reward of few terms that stands for another one.

    Args:
        reward: the short form, in the units of the one that it stands for.
        terms: the features that it uses, the most important first.
        agreement: the share of pairs of usual segments that both put in one order.
        optimised_agreement: the same where segments are of policies that optimise the
            reward; None where none were given.
        scaled_return: what optimising the short form is worth by the reward that it
            stands for, its ties broken the worst way; None without a world.
        faithful: whether all that could be looked at is as good as was asked for.
        message: how it went, in a sentence.
    """

    reward: Linear
    terms: tuple[str, ...] = eqx.field(static=True)
    agreement: Estimate
    optimised_agreement: Estimate | None
    scaled_return: float | None
    faithful: bool = eqx.field(static=True)
    message: str = eqx.field(static=True)

    def record(self) -> dict:
        """The same as JSON values."""
        names, weights = self.reward.feature_names, np.asarray(self.reward.weights)
        optimised = self.optimised_agreement
        return {
            "weights": dict(zip(names, weights.tolist(), strict=True)),
            "terms": list(self.terms),
            "agreement": self.agreement.record(),
            "optimised_agreement": None if optimised is None else optimised.record(),
            "scaled_return": self.scaled_return,
            "faithful": self.faithful,
            "message": self.message,
        }


class _Seen(NamedTuple):
    """Segments of one origin: their summed features and what they are worth."""

    features: Float[np.ndarray, "segment feature"]
    worth: Float[np.ndarray, " segment"]


def short_form(
    reward: AbstractReward,
    feature_names: Sequence[str],
    segments: Segment,
    optimised: Segment | None = None,
    *,
    world: FiniteMDP | None = None,
    most_terms: int = MOST_TERMS,
) -> ShortForm:
    """The linear reward of fewest terms that puts segments in the same order.

    Terms are added one by one, each the one that leaves least of what segments are
    worth unexplained (orthogonal least squares), until the form is faithful: at least
    95 % of the pairs of usual segments and 90 % of those of optimised ones are in the
    same order, and optimising it loses at most .02 of the scaled return. Weights are
    found from every other segment, and shares are of pairs of the rest. A feature that
    goes with another one may stand for it: a short form says what the reward does on
    such segments, and nothing beyond them.

    Args:
        reward: any form; what it is worth is the sum over the steps of a segment.
        feature_names: of the features in the segments.
        segments: usual ones, `[segment, time]`, at least 8.
        optimised: of policies that optimise the reward, likewise.
        world: a finite one in which to optimise the short form.
        most_terms: where to stop.

    Returns:
        The shortest faithful form, or the longest that was looked at, which says what
        it lacks.

    Raises:
        ValueError: for too few segments, or a reward to which all of them are alike.

    Example:
        >>> from volition import env, policy
        >>> world = env.delivery()
        >>> seen = policy.rollout(
        ...     jax.random.key(0), world, policy.Random(4), n_segments=200, length=5
        ... )
        >>> reward = Linear(world.feature_names, [0.0, 50.0, -50.0, 0.1, 0.0, -2.0])
        >>> short_form(reward, world.feature_names, seen).terms
        ('sheep', 'goal', 'mud')

    Source: S. Chen, S. Billings, W. Luo, "Orthogonal least squares methods", 1989, for
    the search.
    """
    names = tuple(feature_names)
    given = [segments] if optimised is None else [segments, optimised]
    origins = [_seen(reward, one, names) for one in given]
    learned = [_Seen(one.features[::2], one.worth[::2]) for one in origins]
    rest = [_Seen(one.features[1::2], one.worth[1::2]) for one in origins]
    # Only order within an origin counts, so each has a constant of its own.
    x = np.concatenate([one.features - one.features.mean(axis=0) for one in learned])
    y = np.concatenate([one.worth - one.worth.mean() for one in learned])
    # Over their size, so that no unit matters.
    x_unit = np.array([size_of(column) for column in x.T])
    y_unit = size_of(y)
    x, y = x / x_unit, y / y_unit
    if not np.ptp(y) > 0.0:
        raise ValueError(
            "all segments are worth the same to the reward: there is no order that a "
            "short form could share; give others."
        )
    chosen: list[int] = []
    found = None
    while len(chosen) < most_terms:
        best = _next_term(x, y, chosen)
        if best is None:
            break
        chosen.append(best)
        weights = _weights(x, y, chosen) * (y_unit / x_unit)
        found = _form(reward, names, weights, chosen, rest, world)
        if found.faithful:
            return found
    if found is None:
        raise ValueError("no feature varies between the segments: give others.")
    return found


def _seen(reward: AbstractReward, segments: Segment, names: tuple[str, ...]) -> _Seen:
    features = np.asarray(segments.transition.features, dtype=np.float64)
    if features.ndim != 3 or features.shape[-1] != len(names) or len(features) < 8:
        raise ValueError(
            f"segments are [segment, time] with {len(names)} features of each step, at "
            f"least 8 of them, not features of the shape {features.shape}."
        )
    weight = np.asarray(segments.weight, dtype=np.float64)[..., None]
    totals, worth = (
        (weight * features).sum(axis=1),
        np.asarray(_worths(reward, segments)),
    )
    if not np.isfinite(worth).all():
        wrong = int(np.argmin(np.isfinite(worth)))
        raise ValueError(
            f"segment {wrong} is worth {worth[wrong]} to the reward"
            f"{not_finite(reward)}: make it finite."
        )
    if not np.isfinite(totals).all():
        wrong, feature = (int(at) for at in np.argwhere(~np.isfinite(totals))[0])
        raise ValueError(
            f"the feature {names[feature]!r} of segment {wrong} is "
            f"{totals[wrong, feature]}: make it finite."
        )
    return _Seen(totals, worth)


@eqx.filter_jit
def _worths(reward: AbstractReward, segments: Segment) -> Float[Array, " segment"]:
    return jax.vmap(partial_return, (None, 0))(reward, segments)


def _weights(x: np.ndarray, y: np.ndarray, chosen: list[int]) -> np.ndarray:
    weights = np.zeros(x.shape[1])
    weights[chosen] = np.linalg.lstsq(x[:, chosen], y, rcond=None)[0]
    return weights


def _next_term(x: np.ndarray, y: np.ndarray, chosen: list[int]) -> int | None:
    """The feature that explains most of what the chosen ones leave; None if none do."""
    basis, _ = np.linalg.qr(x[:, chosen])
    rest_y, rest_x = y - basis @ (basis.T @ y), x - basis @ (basis.T @ x)
    size = np.linalg.norm(rest_x, axis=0)
    new = size > 1e-9 * np.maximum(np.linalg.norm(x, axis=0), 1e-300)
    if not new.any():
        return None
    gain = np.abs(rest_x.T @ rest_y) / np.where(new, size, np.inf)
    return int(np.argmax(np.where(new, gain, -1.0)))


def pair_agreement(
    worth: Float[np.ndarray, " segment"], other: Float[np.ndarray, " segment"]
) -> Estimate:
    """The share of pairs of segments that two rewards put in the same order.

    Pairs that the first takes to be equal are left out; where only the second does, it
    is half right.

    Args:
        worth: by the reward that is stood for.
        other: by the one that stands for it.

    Raises:
        ValueError: where a number is not finite.

    Returns:
        With a 95 % interval over the segments.

    Example:
        >>> worth = np.array([0.0, 1.0, 2.0])
        >>> round(pair_agreement(worth, np.array([0.0, 2.0, 1.0])).value, 3)
        0.667
    """

    for what, numbers in (("stood for", worth), ("standing for it", other)):
        if not np.isfinite(numbers).all():
            wrong = int(np.argmin(np.isfinite(numbers)))
            raise ValueError(
                f"segment {wrong} is worth {numbers[wrong]} to the reward {what}: give "
                "finite numbers."
            )

    def share(rows: np.ndarray) -> float:
        first, second = worth[rows], other[rows]
        order, theirs = _signs(first), _signs(second)
        n_pairs = np.abs(order).sum()
        if n_pairs == 0:
            return np.nan
        return float((0.5 + 0.5 * order * theirs)[order != 0].sum() / n_pairs)

    found = bootstrap(share, len(worth), "segments", n_resamples=N_RESAMPLES)
    return found.within(0.0, 1.0)


def _signs(worth: np.ndarray) -> np.ndarray:
    """The sign of each difference; those within rounding are 0."""
    ahead = worth[:, None] - worth[None]
    own = np.finfo(worth.dtype).eps if worth.dtype.kind == "f" else 0.0
    slack = max(1e-9, 64 * float(own)) * np.max(np.abs(worth))
    return np.where(np.abs(ahead) <= slack, 0.0, np.sign(ahead))


def _form(
    reward: AbstractReward,
    names: tuple[str, ...],
    weights: np.ndarray,
    chosen: list[int],
    rest: list[_Seen],
    world: FiniteMDP | None,
) -> ShortForm:
    short = Linear(names, weights)
    shares = [pair_agreement(one.worth, one.features @ weights) for one in rest]
    kept = None
    if world is not None:
        policy = worst_tie_break(world, short, reward)
        kept = float(scaled_return(world, policy, reward))
    lacks = []
    if not shares[0].value >= LEAST_USUAL:
        lacks.append(f"orders {shares[0].value:.0%} of usual pairs alike")
    if len(shares) > 1 and not shares[1].value >= LEAST_OPTIMISED:
        lacks.append(f"orders {shares[1].value:.0%} of optimised pairs alike")
    if kept is not None and not kept >= 1.0 - MOST_LOST:
        lacks.append(f"earns {kept:.2f} of the scaled return when it is optimised")
    size = f"{len(chosen)} term" + ("s" if len(chosen) > 1 else "")
    looked = ["the order of usual segments"]
    looked += ["that of optimised ones"] if len(shares) > 1 else []
    looked += ["what it leads to"] if kept is not None else []
    said = (
        f"faithful in {', '.join(looked)}" if not lacks else f"it {' and '.join(lacks)}"
    )
    return ShortForm(
        short,
        tuple(names[one] for one in chosen),
        shares[0],
        shares[1] if len(shares) > 1 else None,
        kept,
        not lacks,
        f"{size}: {said}.",
    )
