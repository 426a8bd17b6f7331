"""Episodes of driving, drawn as text: moments of a scene log, one above the other."""

import numpy as np

from volition.env.driving import SceneLog
from volition.env.driving.scene import Frame, LaneScene

BEHIND, AHEAD = 40.0, 100.0  # m of road in a row
STEP = 2.0  # m along the road, of a character
LANE = 4.0  # m across, of a row; a lane of highway-env
N_COLUMNS = int((BEHIND + AHEAD) / STEP)


def road_strip(log: SceneLog, n_moments: int = 4) -> str:
    """Some moments of an episode, one above the other, the last one its end.

    Args:
        log: the episode.
        n_moments: at most so many, at least 2, evenly spaced.
    """
    last = log.frames.x.shape[0] - 1
    chosen = np.unique(np.linspace(0, last, n_moments).round().astype(int))
    return "\n".join(road_text(log, frame * log.interval) for frame in chosen)


def road_text(log: SceneLog, time: float) -> str:
    """One moment of an episode: a row for each lane, the left one on top.

    Dots are road. The car is `@>`, others `o>`, obstacles `#`, and who has crashed is
    `X`; the tip points forward. A character is 2 m of road, and a vehicle has as many
    as it is long.

    Args:
        log: the episode.
        time: s from its beginning.

    Returns:
        A line that says when, how fast and doing what, and the rows below it.
    """
    now = log.at(time)
    centre = float(now.x[0])
    columns = centre - BEHIND + STEP * (np.arange(N_COLUMNS) + 0.5)
    low, high = _extent(log.lanes)
    rows = np.full((round((high - low) / LANE) + 1, N_COLUMNS), " ")
    for lane in log.lanes:
        along, across = np.asarray(lane.centre, dtype=float).T
        inside = (columns >= along.min()) & (columns <= along.max())
        order = np.argsort(along)
        y = np.interp(columns[inside], along[order], across[order])
        rows[_row(y, low), np.flatnonzero(inside)] = "."
    # The car last, so that nobody hides it.
    beside = _row(np.asarray(now.y, dtype=float), low)
    for number in reversed(range(len(now.x))):
        row = int(beside[number])
        if 0 <= row < len(rows):
            _put(rows[row], _body(log, now, number), float(now.x[number]) - centre)
    return "\n".join([_when(log, time), *("".join(row).rstrip() for row in rows)])


def _extent(lanes: tuple[LaneScene, ...]) -> tuple[float, float]:
    """Leftmost and rightmost centre line, m."""
    across = np.concatenate([np.asarray(lane.centre)[:, 1] for lane in lanes])
    return float(across.min()), float(across.max())


def _row(y: np.ndarray, low: float) -> np.ndarray:
    return np.rint((y - low) / LANE).astype(int)


def _body(log: SceneLog, now: Frame, number: int) -> str:
    """As long as the vehicle, but never nothing."""
    length = max(round(float(log.bodies.length[number]) / STEP), 1)
    if bool(now.crashed[number]):
        return "X" * length
    if bool(log.bodies.obstacle[number]):
        return "#" * length
    who = "@" if number == 0 else "o"
    if length == 1:
        return who
    forward = np.cos(float(now.heading[number])) >= 0.0
    body = "=" * (length - 2)
    return f"{body}{who}>" if forward else f"<{who}{body}"


def _put(row: np.ndarray, body: str, ahead: float) -> None:
    """Where the middle of the vehicle is, as far as that is in the picture."""
    first = round((ahead + BEHIND) / STEP - len(body) / 2)
    for number, character in enumerate(body):
        if 0 <= first + number < len(row):
            row[first + number] = character


def _when(log: SceneLog, time: float) -> str:
    now = log.at(time)
    parts = [f"{time:.1f} s", f"{float(now.speed[0]):.0f} m/s"]
    if bool(now.crashed[0]):
        parts.append("CRASHED")
    elif time >= log.duration:
        parts.append("end")
    elif log.decisions.words:
        action = int(log.decisions.action[log.decision_at(time)])
        parts.append(log.decisions.words[action].lower())
    return "  ".join(parts)
