"""Moments of recorded traffic: a driver, who is around, and where he drove next."""

import dataclasses
from collections.abc import Iterable

import numpy as np
from jaxtyping import Float

from volition.env.driving.lane_frame import LaneFrame, lane_frames
from volition.env.driving.recorded import Recording, Track

LANE_WIDTH = 3.5  # m; of US-101 3.3 to 3.8
TIME_STEP = 0.5  # s, between two points of what is predicted
BESIDE = 5.0  # m, within which the centre of a lane beside one's own is looked for


@dataclasses.dataclass(frozen=True)
class Moment:
    """A driver at one moment, in coordinates of the lane that he is on.

    Args:
        recording: name of the recording.
        vehicle: number of the driver's vehicle.
        step: of the recording.
        time_step: of it, s.
        frame: coordinates of his lane.
        along: where he is along it, m.
        left: how far left of its centre, m.
        heading: against the lane's direction, rad.
        speed: m/s.
        acceleration: m/s^2.
        length: of his vehicle, m.
        width: of it, m.
        centres: how far left of his lane's centre the centres of the lanes are that
            there are: his own (0) and the ones beside it, m, `[lane]`.
        others: along, left, speed, length and width of every other vehicle, m and m/s,
            `[other, 5]`.
        next_others: along and left of them, at every step to the horizon; NaN where
            nobody saw them. Not known at the moment, m, `[other, step, 2]`.
        driven: x and y of where he drove, at every step to the horizon, m,
            `[step, 2]`. Not known at the moment.
        kind: of his vehicle, where the recording says.
    """

    recording: str
    vehicle: int
    step: int
    time_step: float
    frame: LaneFrame
    along: float
    left: float
    heading: float
    speed: float
    acceleration: float
    length: float
    width: float
    centres: Float[np.ndarray, " lane"]
    others: Float[np.ndarray, "other 5"]
    next_others: Float[np.ndarray, "other step 2"]
    driven: Float[np.ndarray, "step 2"]
    kind: str = ""

    @property
    def stride(self) -> int:
        """Recorded steps between two points of what is predicted."""
        return round(TIME_STEP / self.time_step)


def moments(
    recordings: Iterable[Recording], horizon: float = 5.0, every: float = 1.0
) -> tuple[Moment, ...]:
    """All moments after which a driver was seen to the horizon.

    Recordings that overlap hold the same driver at the same place: that is one moment,
    taken from the recording with most vehicles.

    Args:
        recordings: with lanes.
        horizon: s, a multiple of half a second.
        every: between two moments of a driver in one recording, s.

    Returns:
        In the order of vehicles, recordings and steps.

    Raises:
        ValueError: for a recording without lanes, or whose time step does not divide
            half a second.
    """
    found: dict[tuple, Moment] = {}
    for recording in sorted(recordings, key=lambda one: (-len(one.tracks), one.name)):
        n_steps = round(horizon / recording.time_step)
        ratio = TIME_STEP / recording.time_step
        if ratio < 0.5 or abs(round(ratio) - ratio) > 1e-6:
            raise ValueError(
                f"{recording.name} has a step of {recording.time_step} s, which does "
                f"not divide {TIME_STEP} s: give recordings with one that does."
            )
        stride = max(1, round(every / recording.time_step))
        frames = lane_frames(recording)
        placed = [_placed(frame, recording.tracks) for frame in frames]
        for number, track in enumerate(recording.tracks):
            for start in range(0, track.n_steps - n_steps, stride):
                where = (
                    track.vehicle,
                    round(track.x[start], 2),
                    round(track.y[start], 2),
                )
                if where not in found:
                    found[where] = _moment(
                        recording, frames, placed, number, start, n_steps
                    )
    ordered = sorted(found.values(), key=lambda m: (m.vehicle, m.recording, m.step))
    return tuple(ordered)


def _placed(frame: LaneFrame, tracks: tuple[Track, ...]) -> list[np.ndarray]:
    """Along, left, and heading against the lane, of every track, each `[step, 3]`."""
    found = []
    for track in tracks:
        along, left, direction = frame.locate(track.x, track.y)
        turn = (track.heading - direction + np.pi) % (2.0 * np.pi) - np.pi
        found.append(np.stack([along, left, turn], axis=-1))
    return found


def _moment(
    recording: Recording,
    frames: tuple[LaneFrame, ...],
    placed: list[list[np.ndarray]],
    number: int,
    start: int,
    n_steps: int,
) -> Moment:
    me = recording.tracks[number]
    here = np.stack([lane[number][start] for lane in placed])
    covered = np.array(
        [
            frame.begins <= along <= frame.ends
            for frame, along in zip(frames, here[:, 0], strict=True)
        ]
    )
    away = np.abs(here[:, 1]) + np.where(covered, 0.0, BESIDE)
    own = int(np.argmin(away))
    along, left, turn = here[own]
    offsets = left - here[covered, 1]
    beside = offsets[(np.abs(offsets) > 1.0) & (np.abs(offsets) < BESIDE)]
    step = me.first + start
    others, futures = [], []
    for track, where in zip(recording.tracks, placed[own], strict=True):
        row = step - track.first
        if track is me or not 0 <= row < track.n_steps:
            continue
        speed = track.speed[row]
        others.append([*where[row, :2], speed, track.length, track.width])
        seen = np.full((n_steps + 1, 2), np.nan)
        future = where[row : row + n_steps + 1, :2]
        seen[: len(future)] = future
        futures.append(seen)
    rows = slice(start, start + n_steps + 1)
    return Moment(
        recording=recording.name,
        vehicle=me.vehicle,
        step=step,
        time_step=recording.time_step,
        frame=frames[own],
        along=float(along),
        left=float(left),
        heading=float(turn),
        speed=float(me.speed[start]),
        acceleration=float(me.acceleration[start]),
        length=me.length,
        width=me.width,
        centres=np.sort(np.append(beside, 0.0)),
        others=np.array(others).reshape(-1, 5),
        next_others=np.array(futures).reshape(-1, n_steps + 1, 2),
        driven=np.stack([me.x[rows], me.y[rows]], axis=-1),
        kind=me.kind,
    )
