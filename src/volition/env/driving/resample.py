"""Recordings at another time step."""

import dataclasses

import numpy as np

from volition.env.driving.recorded import Recording, Track

STEP = 0.1  # s, of all that is computed with recordings
COARSEST = 0.5  # s; between places farther apart in time too much is made up


def resampled(recording: Recording) -> Recording:
    """The recording at a time step of 0.1 s; itself where it has that step.

    Between two recorded places runs the cubic that has the recorded velocity at both,
    which is exact where the acceleration is constant.

    Args:
        recording: with a time step of at most 0.5 s.

    Raises:
        ValueError: for a larger time step.
    """
    ratio = recording.time_step / STEP
    if abs(ratio - 1.0) < 1e-6:
        return recording
    if not ratio <= COARSEST / STEP + 1e-6:
        raise ValueError(
            f"its time step of {recording.time_step:g} s is longer than {COARSEST} s"
        )
    tracks = (_resampled(track, ratio) for track in recording.tracks)
    return dataclasses.replace(
        recording,
        time_step=STEP,
        tracks=tuple(track for track in tracks if track is not None),
    )


def _resampled(track: Track, ratio: float) -> Track | None:
    """None for a track that is too short to hold one of the new steps."""
    from scipy.interpolate import CubicHermiteSpline

    time = (track.first + np.arange(track.n_steps)) * ratio  # in new steps
    first = int(np.ceil(time[0] - 1e-6))
    last = int(np.floor(time[-1] + 1e-6))
    if last < first:
        return None
    at = np.clip(np.arange(first, last + 1, dtype=np.float64), time[0], time[-1])
    turned = np.unwrap(track.heading)
    step = track.speed * STEP  # m for each new step

    def place(values: np.ndarray, slope: np.ndarray) -> np.ndarray:
        if len(time) == 1:
            return np.full(len(at), values[0])
        return CubicHermiteSpline(time, values, slope)(at)

    between = lambda values: np.interp(at, time, values)
    return dataclasses.replace(
        track,
        first=first,
        x=place(track.x, step * np.cos(turned)),
        y=place(track.y, step * np.sin(turned)),
        heading=between(turned),
        speed=between(track.speed),
        acceleration=between(track.acceleration),
    )
