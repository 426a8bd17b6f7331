"""What was seen of each driver before: which moments are over when others begin."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from volition.env.driving import Moment

MOVED = 1.0  # m; who moved less was at no place that tells a time
ROUNDING = 0.05  # m, within which recordings that overlap agree


@dataclasses.dataclass(frozen=True)
class History:
    """Moments by what was known when they came.

    Two moments of a driver that are closer than the horizon share what he did next:
    what is learned from one leaks into the other, and both say the same.

    Args:
        apart: moments that share nothing with each other: as many as there are.
        earlier: those that were over before any of the later ones of the same driver.
        later: those; of drivers who were seen long enough.
    """

    apart: Bool[np.ndarray, " moment"]
    earlier: Bool[np.ndarray, " moment"]
    later: Bool[np.ndarray, " moment"]


def histories(moments: Sequence[Moment]) -> History:
    """The moments of each driver, cut in two so that the smaller part is largest.

    Args:
        moments: all with the same horizon.
    """
    driver = np.array([moment.driver for moment in moments])
    apart, earlier, later = (np.zeros(len(driver), dtype=bool) for _ in range(3))
    for number in np.unique(driver):
        rows = np.flatnonzero(driver == number)
        own = [moments[row] for row in rows.tolist()]
        over = np.array([[_is_over(first, then) for then in own] for first in own])
        apart[rows[_chain(over)]] = True
        before, after = _cut(over)
        earlier[rows[before]] = True
        later[rows[after]] = True
    return History(apart, earlier, later)


def _is_over(first: Moment, then: Moment) -> bool:
    """Whether what a driver did next had ended when another of his moments began."""
    if first.recording == then.recording:
        return then.step >= first.step + len(first.driven) - 1
    # Recordings have no common clock; but nobody drives back on a motorway.
    way = first.driven[-1] - first.driven[0]
    length = float(np.hypot(*way))
    if length < MOVED:
        return False
    beyond = float((then.driven[0] - first.driven[-1]) @ way) / length
    return beyond >= -ROUNDING


def _chain(over: Bool[np.ndarray, "first then"]) -> list[int]:
    """As many moments, each over before the next, as the one that ends first allows."""
    found: list[int] = []
    # Who ends first is over before most.
    for row in np.argsort(-over.sum(axis=1), kind="stable"):
        if not found or over[found[-1], row]:
            found.append(int(row))
    return found


def _cut(
    over: Bool[np.ndarray, "first then"],
) -> tuple[Bool[np.ndarray, " moment"], Bool[np.ndarray, " moment"]]:
    """Moments that are over before all of the others that are taken."""
    nothing = np.zeros(len(over), dtype=bool)
    best, found = (0, 0), (nothing, nothing)
    for row in range(len(over)):
        before = over[:, row]
        after = np.all(over[before], axis=0) if before.any() else nothing
        n_before, n_after = int(np.sum(before)), int(np.sum(after))
        sizes = (min(n_before, n_after), n_before + n_after)
        if sizes > best:
            best, found = sizes, (before, after)
    return found
