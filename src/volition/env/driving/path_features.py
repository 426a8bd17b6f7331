"""Named features of what a driver could do, among others who go on as they are."""

import dataclasses

import numpy as np
from jaxtyping import Bool, Float

from volition.env.driving.candidates import Paths
from volition.env.driving.moments import LANE_WIDTH, TIME_STEP, Moment

HEADWAY = 3.0  # s, above which more headway is worth nothing more
FAR = 100.0  # m, beyond which nobody is seen
MOST_BRAKING = 8.0  # m/s^2
N_FLOW = 3  # vehicles ahead that make the flow
NAMES = (
    "speed",
    "acceleration",
    "jerk",
    "lateral acceleration",
    "headway shortage",
    "rear headway shortage",
    "closing",
    "flow",
    "induced braking",
    "collision",
    "lane change",
    "off road",
)
UNITS = {
    "speed": "m/s",
    "acceleration": "(m/s^2)^2",
    "jerk": "(m/s^3)^2",
    "lateral acceleration": "(m/s^2)^2",
    "headway shortage": "s below 3 s",
    "rear headway shortage": "s below 3 s",
    "closing": "1/s, inverse time to collision",
    "flow": "(m/s)^2 off the mean of the next three ahead",
    "induced braking": "m/s^2 of who is behind",
    "collision": "share of the time from its beginning",
    "lane change": "whether",
    "off road": "whether",
}


PUBLISHED = (  # of Huang, Wu, Lv, arXiv 2010.03118, section III-C
    "speed",
    "acceleration size",
    "lateral acceleration size",
    "jerk size",
    "front risk",
    "rear risk",
    "collision",
    "induced braking",
)


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """Who is around on each candidate at each time, each `[candidate, time]`.

    Args:
        front: gap to who is ahead on the lane, m; `FAR` where nobody is.
        front_speed: m/s; 0 where nobody is.
        rear: gap to who is behind, m.
        rear_speed: m/s.
        flow: mean speed of the next three ahead, m/s; one's own where nobody is.
        collided: whether there was a collision by then.
    """

    front: Float[np.ndarray, "candidate time"]
    front_speed: Float[np.ndarray, "candidate time"]
    rear: Float[np.ndarray, "candidate time"]
    rear_speed: Float[np.ndarray, "candidate time"]
    flow: Float[np.ndarray, "candidate time"]
    collided: Bool[np.ndarray, "candidate time"]


def others_over_time(
    moment: Moment, n_times: int, recorded: bool
) -> tuple[
    Float[np.ndarray, "other time"],
    Float[np.ndarray, "other time"],
    Float[np.ndarray, "other time"],
]:
    """Where the others will be: along and left of the lane, and their speed.

    Args:
        moment: with the others.
        n_times: how many half seconds, the present one first.
        recorded: what they really did, where it was seen: that is not known at the
            moment, and what is predicted with it has looked into the future. Otherwise
            each keeps his lane and speed.
    """
    others = moment.others
    time = TIME_STEP * np.arange(n_times)
    along = others[:, :1] + others[:, 2:3] * time
    left = np.broadcast_to(others[:, 1:2], along.shape).copy()
    speed = np.broadcast_to(others[:, 2:3], along.shape).copy()
    if recorded and len(others):
        seen = moment.next_others[:, :: moment.stride][:, :n_times]
        known = np.isfinite(seen[..., 0])
        moved = np.gradient(seen[..., 0], TIME_STEP, axis=1)
        along = np.where(known, seen[..., 0], along)
        left = np.where(known, seen[..., 1], left)
        speed = np.where(np.isfinite(moved), moved, speed)
    return along, left, speed


def surroundings(moment: Moment, paths: Paths, recorded: bool = False) -> Surroundings:
    """Who is around on each candidate.

    Args:
        moment: with the others.
        paths: the candidates.
        recorded: see `others_over_time`.
    """
    along, left, speed = others_over_time(moment, paths.along.shape[1], recorded)
    length, width = moment.others[:, 3], moment.others[:, 4]
    # [candidate, time, other]
    ahead = along.T[None] - paths.along[..., None]
    beside = np.abs(left.T[None] - paths.left[..., None])
    gap = np.abs(ahead) - (length + moment.length) / 2.0
    close = beside < (width + moment.width) / 2.0
    overlap = (gap < 0.0) & close
    # Who is faster by 20 m/s is past the other within one step.
    passed = (ahead[:, :-1] > 0.0) != (ahead[:, 1:] > 0.0)
    overlap[:, 1:] |= passed & close[:, 1:] & close[:, :-1]
    same = (beside < LANE_WIDTH / 2.0) & (gap < FAR)
    speeds = np.broadcast_to(speed.T[None], ahead.shape)
    front, front_speed = _nearest(same & (ahead > 0.0), gap, speeds)
    rear, rear_speed = _nearest(same & (ahead <= 0.0), gap, speeds)
    return Surroundings(
        front=front,
        front_speed=front_speed,
        rear=rear,
        rear_speed=rear_speed,
        flow=_flow(same & (ahead > 0.0), gap, speeds, paths.speed),
        # Who was hit is not passed: a collision lasts.
        collided=np.logical_or.accumulate(overlap.any(-1), axis=1),
    )


def path_features(
    paths: Paths, around: Surroundings
) -> Float[np.ndarray, "candidate time feature"]:
    """The named features of every step of every candidate, in the order of `NAMES`.

    Args:
        paths: the candidates.
        around: who is around on them.

    Returns:
        Without the present moment, which is the same for all.
    """
    mine = paths.speed
    headway = around.front / np.maximum(mine, 1.0)
    rear_headway = around.rear / np.maximum(around.rear_speed, 1.0)
    closing = np.maximum(mine - around.front_speed, 0.0)
    closing = np.where(around.front < FAR, closing, 0.0)
    each = np.stack(
        [
            mine,
            paths.acceleration**2,
            paths.jerk**2,
            paths.lateral**2,
            np.maximum(HEADWAY - headway, 0.0),
            np.maximum(HEADWAY - rear_headway, 0.0),
            np.minimum(closing / np.maximum(around.front, 1.0), 2.0),
            (mine - around.flow) ** 2,
            induced_braking(paths, around),
            around.collided,
            np.broadcast_to((paths.turn != 0)[:, None], mine.shape),
            np.broadcast_to(~paths.on_road[:, None], mine.shape),
        ],
        axis=-1,
    )
    return each[:, 1:]


def published_features(
    paths: Paths, around: Surroundings
) -> Float[np.ndarray, "candidate feature"]:
    """Means over time of the features of the published method, see `PUBLISHED`.

    Args:
        paths: the candidates.
        around: who is around on them.

    Source: Huang, Wu, Lv, arXiv 2010.03118, section III-C. Differs: the others are
    predicted, where there they move as they were recorded to.
    """
    front = around.front / np.maximum(paths.speed, 1.0)
    rear = around.rear / np.maximum(around.rear_speed, 1.0)
    each = np.stack(
        [
            paths.speed,
            np.abs(paths.acceleration),
            np.abs(paths.lateral),
            np.abs(paths.jerk),
            np.exp(-front),
            np.exp(-rear),
            around.collided,
            induced_braking(paths, around),
        ],
        axis=-1,
    )
    return each[:, 1:].mean(axis=1)


def induced_braking(
    paths: Paths, around: Surroundings
) -> Float[np.ndarray, "candidate time"]:
    """How hard who is behind must brake not to hit the driver, m/s^2, at most 8.

    `(faster by)^2 / (2 gap)`, the constant braking after which the gap is used up.
    """
    faster = np.maximum(around.rear_speed - paths.speed, 0.0)
    needed = faster**2 / (2.0 * np.maximum(around.rear, 1.0))
    return np.minimum(needed, MOST_BRAKING)


def _nearest(
    there: np.ndarray, gap: np.ndarray, speed: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The gap to the nearest of those that are there, and its speed; far and 0 else."""
    if there.shape[-1] == 0:
        return np.full(there.shape[:-1], FAR), np.zeros(there.shape[:-1])
    far = np.where(there, np.maximum(gap, 0.0), FAR)
    row = np.argmin(far, axis=-1)[..., None]
    any_there = there.any(-1)
    found = np.take_along_axis(speed, row, -1)[..., 0]
    return np.take_along_axis(far, row, -1)[..., 0], np.where(any_there, found, 0.0)


def _flow(
    there: np.ndarray, gap: np.ndarray, speed: np.ndarray, mine: np.ndarray
) -> np.ndarray:
    """Mean speed of the next ones ahead on the lane; one's own where nobody is."""
    n_flow = min(N_FLOW, there.shape[-1])
    if n_flow == 0:
        return mine
    far = np.where(there, gap, np.inf)
    rows = np.argpartition(far, n_flow - 1, axis=-1)[..., :n_flow]
    taken = np.isfinite(np.take_along_axis(far, rows, -1))
    speeds = np.where(taken, np.take_along_axis(speed, rows, -1), 0.0)
    n_taken = taken.sum(-1)
    return np.where(n_taken > 0, speeds.sum(-1) / np.maximum(n_taken, 1), mine)
