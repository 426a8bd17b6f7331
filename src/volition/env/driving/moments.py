"""Moments of recorded traffic: a driver, who is around, and where he drove next."""

import dataclasses
from collections.abc import Iterable

import numpy as np
from jaxtyping import Bool, Float

from volition.env.driving.identity import same_drivers
from volition.env.driving.lane_frame import LaneFrame, fitting_lanes
from volition.env.driving.recorded import Recording, Skipped, Track, skipped_notes
from volition.env.driving.resample import resampled

LANE_WIDTH = 3.5  # m; of US-101 3.3 to 3.8
TIME_STEP = 0.5  # s, between two points of what is predicted
BESIDE = 5.0  # m, within which the centre of a lane beside one's own is looked for
UPON = 1.0  # m, within which two lanes are one
MARGIN = 20.0  # m, added to how far a driver comes at the present speed
NEAR = 5.0  # m, behind a driver, where the lane must still fit
PARALLEL = np.pi / 6.0  # rad, between the directions of lanes that lead the same way
NO_DRIVERS = ("pedestrian", "bicycle", "train")


@dataclasses.dataclass(frozen=True)
class Moment:
    """A driver at one moment, in coordinates of the lane that he is on.

    Args:
        recording: name of the recording.
        vehicle: number of the driver's vehicle, in the recording.
        driver: number of the driver, the same in all recordings; see `same_drivers`.
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
        others: along, left, speed along the lane (below 0 for oncoming vehicles),
            length and width of every other vehicle, m and m/s, `[other, 5]`.
        next_others: along and left of them, at every step to the horizon; NaN where
            nobody saw them. Not known at the moment, m, `[other, step, 2]`.
        driven: x and y of where he drove, at every step to the horizon, m,
            `[step, 2]`. Not known at the moment.
        kind: of his vehicle, where the recording says.
    """

    recording: str
    vehicle: int
    driver: int
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


@dataclasses.dataclass(frozen=True)
class Found:
    """The moments of recordings, and what of them is not used.

    Args:
        moments: in the order of vehicles, recordings and steps.
        skipped: vehicles, lanes and moments that are left out, and why.
    """

    moments: tuple[Moment, ...]
    skipped: tuple[Skipped, ...]


def moments(
    recordings: Iterable[Recording], horizon: float = 5.0, every: float = 1.0
) -> tuple[Moment, ...]:
    """`find_moments` without what is left out.

    Raises:
        ValueError: where nothing can be used, with the reasons.
    """
    found = find_moments(recordings, horizon, every)
    if not found.moments and found.skipped:
        why = " ".join(skipped_notes(found.skipped)[:3])
        raise ValueError(f"the recordings hold no moment that can be used. {why}")
    return found.moments


def find_moments(
    recordings: Iterable[Recording], horizon: float = 5.0, every: float = 1.0
) -> Found:
    """All moments after which a driver was seen to the horizon.

    Recordings that overlap hold the same driver at the same place: that is one moment,
    taken from the recording with most vehicles. Which drivers are the same is decided
    by `same_drivers`. Time steps other than 0.1 s are resampled.

    What the model does not fit is left out and counted: vehicles on no lane that leads
    in their direction, lanes that close on themselves, moments at which the lane forks
    (the other branch is no option of this model) or bends too much within reach, and
    recordings without lanes or with a time step above half a second. Pedestrians and
    cyclists are seen by drivers and are none themselves.

    Args:
        recordings: with names that differ.
        horizon: s, a multiple of half a second.
        every: between two moments of a driver in one recording, s.
    """
    recordings = tuple(recordings)
    drivers = same_drivers(recordings)
    found: dict[tuple, Moment] = {}
    skipped: list[Skipped] = []
    for recording in sorted(recordings, key=lambda one: (-len(one.tracks), one.name)):
        skipped += recording.skipped
        if not recording.tracks:
            continue
        try:
            seen = resampled(recording)
        except ValueError as error:
            skipped.append(Skipped(recording.name, "all", str(error)))
            continue
        skipped += _add(found, seen, drivers, horizon, every)
    ordered = sorted(found.values(), key=lambda m: (m.vehicle, m.recording, m.step))
    return Found(tuple(ordered), tuple(skipped))


def _add(
    found: dict[tuple, Moment],
    recording: Recording,
    drivers: dict[tuple[str, int], int],
    horizon: float,
    every: float,
) -> list[Skipped]:
    """Add a recording's moments to those found, and return what is left out."""
    frames, misfits = fitting_lanes(recording)
    skipped = list(misfits)
    if not frames:
        if not misfits:
            skipped.append(Skipped(recording.name, "all", "it has no lanes"))
        return skipped
    n_steps = round(horizon / recording.time_step)
    stride = max(1, round(every / recording.time_step))
    placed = [_placed(frame, recording.tracks) for frame in frames]
    for number, track in enumerate(recording.tracks):
        what = f"vehicle {track.vehicle}"
        if track.kind in NO_DRIVERS:
            reason = f"a {track.kind} does not drive"
            skipped.append(Skipped(recording.name, what, reason))
            continue
        for start in range(0, track.n_steps - n_steps, stride):
            driver = drivers[recording.name, track.vehicle]
            where = (driver, round(track.x[start], 2), round(track.y[start], 2))
            if where in found:
                continue
            here = np.stack([lane[number][start] for lane in placed])
            reach = track.speed[start] * horizon + MARGIN
            own = _own_lane(frames, here, reach)
            if isinstance(own, str):
                at = f"{what} at {(track.first + start) * recording.time_step:g} s"
                skipped.append(Skipped(recording.name, at, own))
                continue
            found[where] = _moment(
                recording, frames, placed, number, start, n_steps, own, driver
            )
    return skipped


def _own_lane(
    frames: tuple[LaneFrame, ...], here: Float[np.ndarray, "lane 3"], reach: float
) -> int | str:
    """The lane that a driver is on, or why there is none."""
    along, left, turn = here.T
    away = np.abs(left) + np.where(_covered(frames, along), 0.0, BESIDE)
    away = np.where(np.abs(turn) < np.pi / 2.0, away, np.inf)
    own = int(np.argmin(away))
    if not abs(left[own]) <= BESIDE or not np.isfinite(away[own]):
        return f"no lane within {BESIDE:g} m leads in its direction"
    bends = frames[own].bends - along[own]
    if ((bends > -NEAR) & (bends < reach)).any():
        return "its lane bends too much within reach"
    ahead = along[own] + reach * np.array([1.0, 2.0, 3.0]) / 3.0
    ahead = ahead[ahead <= frames[own].ends]
    x, y = frames[own].place(ahead, np.zeros(len(ahead)))
    for number, frame in enumerate(frames):
        upon = number != own and abs(left[number] - left[own]) < UPON
        if upon and frame.begins <= along[number] <= frame.ends and len(ahead):
            place, apart, _ = frame.locate(x, y)
            if (np.abs(apart[place <= frame.ends]) > UPON).any():
                return "its lane forks within reach"
    return own


def _covered(
    frames: tuple[LaneFrame, ...], along: Float[np.ndarray, " lane"]
) -> Bool[np.ndarray, " lane"]:
    begins = np.array([frame.begins for frame in frames])
    ends = np.array([frame.ends for frame in frames])
    return (begins <= along) & (along <= ends)


def _placed(frame: LaneFrame, tracks: tuple[Track, ...]) -> list[np.ndarray]:
    """Along, left, and heading against the lane, of every track, each `[step, 3]`."""
    found = []
    for track in tracks:
        along, left, direction = frame.locate(track.x, track.y)
        found.append(np.stack([along, left, _turn(track.heading - direction)], axis=-1))
    return found


def _turn(angle: np.ndarray) -> np.ndarray:
    """The same angle from -pi to pi."""
    return (angle + np.pi) % (2.0 * np.pi) - np.pi


def _moment(
    recording: Recording,
    frames: tuple[LaneFrame, ...],
    placed: list[list[np.ndarray]],
    number: int,
    start: int,
    n_steps: int,
    own: int,
    driver: int,
) -> Moment:
    me = recording.tracks[number]
    here = np.stack([lane[number][start] for lane in placed])
    along, left, turn = here[own]
    # Lanes that lead elsewhere, such as oncoming ones, are no options.
    parallel = np.abs(_turn(here[:, 2] - turn)) < PARALLEL
    offsets = left - here[_covered(frames, here[:, 0]) & parallel, 1]
    beside = offsets[(np.abs(offsets) > UPON) & (np.abs(offsets) < BESIDE)]
    step = me.first + start
    others, futures = [], []
    for track, where in zip(recording.tracks, placed[own], strict=True):
        row = step - track.first
        if track is me or not 0 <= row < track.n_steps:
            continue
        speed = track.speed[row] * np.cos(where[row, 2])
        others.append([*where[row, :2], speed, track.length, track.width])
        seen = np.full((n_steps + 1, 2), np.nan)
        future = where[row : row + n_steps + 1, :2]
        seen[: len(future)] = future
        futures.append(seen)
    rows = slice(start, start + n_steps + 1)
    return Moment(
        recording=recording.name,
        vehicle=me.vehicle,
        driver=driver,
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
