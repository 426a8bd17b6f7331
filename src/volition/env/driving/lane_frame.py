"""Lanes of recorded roads as coordinates: how far along a lane, how far beside it."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from volition.env.driving.recorded import Lanelet, Recording, Skipped

BEYOND = 500.0  # m, by which a lane goes straight on beyond both of its ends
SMOOTHED = 20.0  # m, over which its direction is averaged
MISFIT = 0.5  # m, by which averaging may move the centre: bends of 100 m radius or more
SHORTEST = 1.0  # m


@dataclasses.dataclass(frozen=True)
class LaneFrame:
    """Coordinates along the centre of a lane.

    Args:
        points: of the centre, evenly spaced, m, `[point, 2]`.
        along: how far along each of them is, m, `[point]`.
        begins: where the recorded lane begins, m along.
        ends: where it ends, m along.
        bends: where it bends so much that the evenly spaced centre is not the recorded
            one, m along, `[bend]`.
    """

    points: Float[np.ndarray, "point 2"]
    along: Float[np.ndarray, " point"]
    begins: float
    ends: float
    bends: Float[np.ndarray, " bend"] = dataclasses.field(
        default_factory=lambda: np.zeros(0)
    )

    def locate(
        self, x: Float[np.ndarray, "*any"], y: Float[np.ndarray, "*any"]
    ) -> tuple[
        Float[np.ndarray, "*any"], Float[np.ndarray, "*any"], Float[np.ndarray, "*any"]
    ]:
        """How far along and how far to the left points are, and the lane's direction.

        Args:
            x: m.
            y: m.

        Returns:
            m, m, rad.

        Example:
            >>> lane = frame_of(np.array([[0.0, 0.0], [100.0, 0.0]]))
            >>> [
            ...     float(part.round(6))
            ...     for part in lane.locate(np.array(30.0), np.array(2.0))
            ... ]
            [30.0, 2.0, 0.0]
        """
        place = np.stack([x, y], axis=-1)[..., None, :]
        step = np.diff(self.points, axis=0)
        size = np.hypot(step[:, 0], step[:, 1])
        unit = step / size[:, None]
        from_start = place - self.points[:-1]
        share = np.clip(np.sum(from_start * unit, axis=-1), 0.0, size)
        away = from_start - share[..., None] * unit
        nearest = np.argmin(np.sum(away**2, axis=-1), axis=-1)[..., None]
        at = lambda values: np.take_along_axis(values, nearest, axis=-1)[..., 0]
        cross = unit[:, 0] * from_start[..., 1] - unit[:, 1] * from_start[..., 0]
        direction = np.arctan2(unit[:, 1], unit[:, 0])[nearest[..., 0]]
        # Of a single point NumPy makes scalars.
        found = (at(self.along[:-1] + share), at(cross), direction)
        return np.asarray(found[0]), np.asarray(found[1]), np.asarray(found[2])

    def place(
        self, along: Float[np.ndarray, "*any"], left: Float[np.ndarray, "*any"]
    ) -> tuple[Float[np.ndarray, "*any"], Float[np.ndarray, "*any"]]:
        """The point so far along and to the left of the lane's centre: x and y, m.

        Example:
            >>> lane = frame_of(np.array([[0.0, 0.0], [0.0, 100.0]]))
            >>> x, y = lane.place(np.array(10.0), np.array(2.0))
            >>> round(float(x), 6), round(float(y), 6)
            (-2.0, 10.0)
        """
        step = np.diff(self.points, axis=0)
        size = np.hypot(step[:, 0], step[:, 1])
        unit = step / size[:, None]
        last = len(unit) - 1
        row = np.clip(np.searchsorted(self.along, along, side="right") - 1, 0, last)
        ahead = along - self.along[row]
        x = self.points[row, 0] + ahead * unit[row, 0] - left * unit[row, 1]
        y = self.points[row, 1] + ahead * unit[row, 1] + left * unit[row, 0]
        return np.asarray(x), np.asarray(y)


def frame_of(centre: Float[np.ndarray, "point 2"]) -> LaneFrame:
    """The coordinates of a lane, which goes straight on beyond its ends.

    Args:
        centre: points of its centre in driving direction, m, `[point, 2]`.

    Example:
        >>> lane = frame_of(np.array([[0.0, 0.0], [50.0, 0.0]]))
        >>> lane.begins, lane.ends
        (0.0, 50.0)
    """
    step = np.hypot(*np.diff(centre, axis=0).T)
    centre = centre[np.concatenate([[True], step > 1e-6])]
    reach = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(centre, axis=0).T))])
    length = float(reach[-1])
    # Points drawn by hand zigzag by centimetres, which makes a direction of metres:
    # every 5 m, and averaged.
    n_pieces = max(1, round(length / 5.0))
    even = np.linspace(0.0, length, n_pieces + 1)
    points = np.stack([np.interp(even, reach, centre[:, axis]) for axis in (0, 1)], -1)
    n_side = min(round(SMOOTHED / 10.0), n_pieces // 2)
    if n_side:
        ends = 2.0 * points[[0, -1]]
        before = ends[0] - points[n_side:0:-1]
        behind = ends[1] - points[-2 : -2 - n_side : -1]
        padded = np.concatenate([before, points, behind])
        window = np.ones(2 * n_side + 1) / (2 * n_side + 1)
        points = np.stack(
            [np.convolve(padded[:, axis], window, "valid") for axis in (0, 1)], -1
        )
    first, final = (_unit(points[near] - points[far]) for near, far in _ends(points))
    whole = np.concatenate(
        [points[:1] + BEYOND * first, points, points[-1:] + BEYOND * final]
    )
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(whole, axis=0).T))])
    along = along - BEYOND
    return LaneFrame(whole, along, 0.0, float(along[-2]))


def _ends(points: np.ndarray) -> tuple[tuple[int, int], tuple[int, int]]:
    """Between which points the direction at either end is taken: 15 m."""
    n_back = min(3, len(points) - 1)
    return (0, n_back), (-1, -1 - n_back)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.hypot(vector[0], vector[1])


def lane_frames(recording: Recording) -> tuple[LaneFrame, ...]:
    """The lanes of a recording, each as long as its pieces go on.

    Args:
        recording: with at least one lanelet.

    Raises:
        ValueError: for a recording without a lane that these coordinates fit.
    """
    frames, misfits = fitting_lanes(recording)
    if not recording.lanelets:
        raise ValueError(f"{recording.name} has no lane: give a recording with lanes.")
    if not frames:
        raise ValueError(
            f"{recording.name} has no lane that can be used ({misfits[0].reason}): "
            "give a recording of another road."
        )
    return frames


def fitting_lanes(
    recording: Recording,
) -> tuple[tuple[LaneFrame, ...], tuple[Skipped, ...]]:
    """The lanes that these coordinates fit, and those that they do not.

    Where a lane forks, there is a lane for each branch, and before the fork they are
    one upon the other. In a lane that closes on itself "along" means nothing.

    Args:
        recording: any.
    """
    frames, misfits = [], []
    for names in _chains(recording.lanelets):
        what = f"the lane of lanelet {names[0]}"
        centre = np.concatenate([recording.lanelets[name].centre for name in names])
        if reason := _why_not(recording.lanelets, names, centre):
            misfits.append(Skipped(recording.name, what, reason))
            continue
        frame = frame_of(centre)
        along, left, _ = frame.locate(centre[:, 0], centre[:, 1])
        bends = along[np.abs(left) > MISFIT]
        frames.append(dataclasses.replace(frame, bends=bends))
    return tuple(frames), tuple(misfits)


def _why_not(
    lanelets: dict[str, Lanelet], names: list[str], centre: np.ndarray
) -> str | None:
    if any(after in names for after in lanelets[names[-1]].successors):
        return "a lane closes on itself"
    if np.hypot(*np.diff(centre, axis=0).T).sum() < SHORTEST:
        return f"a lane is shorter than {SHORTEST} m"
    return None


def _chains(lanelets: dict[str, Lanelet]) -> list[list[str]]:
    """Names of lanelets that follow each other; each lanelet is in at least one."""
    before: dict[str, str] = {}
    for name, piece in lanelets.items():
        for after in piece.successors:
            before.setdefault(after, name)
    firsts = [name for name in lanelets if name not in before]
    found: list[list[str]] = []
    covered: set[str] = set()
    for name in (*firsts, *lanelets):
        if name in covered:
            continue
        chain = _followed(name, lambda last: (before.get(last, ""),), lanelets)[::-1]
        ahead = lambda last: lanelets[last].successors
        chain += _followed(name, ahead, lanelets, chain)[1:]
        covered.update(chain)
        found.append(chain)
    return found


def _followed(
    name: str,
    next_fn: Callable[[str], Sequence[str]],
    lanelets: dict[str, Lanelet],
    seen: Sequence[str] = (),
) -> list[str]:
    """From a lanelet on, the first of the next ones each time, none of them twice."""
    chain = [name]
    while True:
        each = [one for one in next_fn(chain[-1]) if one in lanelets][:1]
        if not each or each[0] in chain or each[0] in seen:
            return chain
        chain += each
