"""Where a driver would be if he kept his speed, or followed who is ahead."""

import numpy as np
from jaxtyping import ArrayLike, Float

from volition.env.driving.moments import LANE_WIDTH, TIME_STEP, Moment
from volition.env.driving.path_features import FAR

SPEED_LIMIT = 29.06  # m/s: 65 mph, of US-101
EXPONENT = 4.0  # of the speed in IDM
USUAL_LENGTH = 5.0  # m, of the vehicles that `Drivers.distance` is between
SUB_STEP = 0.1  # s
MAX_ACCELERATION = 6.0  # m/s^2, as `Drivers.max_acceleration`


def constant_velocity(
    moment: Moment, horizon: float = 5.0
) -> Float[np.ndarray, "time 2"]:
    """Straight on at the present speed and heading: x and y every half second, m."""
    time = np.linspace(0.0, horizon, round(horizon / TIME_STEP) + 1)
    x, y = moment.driven[0]
    _, _, direction = moment.frame.locate(np.array(x), np.array(y))
    heading = float(direction) + moment.heading
    way = moment.speed * time
    return np.stack([x + way * np.cos(heading), y + way * np.sin(heading)], axis=-1)


def follow_leader(
    moment: Moment,
    *,
    acceleration: ArrayLike = 3.0,
    braking: ArrayLike = 5.0,
    distance: ArrayLike = 10.0,
    headway: ArrayLike = 1.5,
    desired: ArrayLike = SPEED_LIMIT,
    horizon: float = 5.0,
) -> Float[np.ndarray, "*parameters time 2"]:
    """IDM on the present lane, behind a leader who keeps his speed.

    `a (1 - (v / v0)^4 - ((s0 + v T + v dv / (2 sqrt(a b))) / s)^2)`

    Args:
        moment: where he begins.
        acceleration: comfortable, m/s^2; like the next four, a number or an array of
            one shape `[*parameters]`, for as many drivers at once.
        braking: comfortable, m/s^2, positive.
        distance: to the centre of a leader of usual length at a standstill, m.
        headway: desired time gap, s.
        desired: speed, m/s.
        horizon: s.

    Returns:
        x and y every half second, m, the present moment first.

    Source: M. Treiber, A. Hennecke, D. Helbing, Phys. Rev. E 62, 2000; the constants
    left out are those of `Drivers`. Differs: one leader, chosen at the moment.
    """
    a, b, s0, wanted, v0 = np.broadcast_arrays(
        *(
            np.asarray(value, dtype=np.float64)
            for value in (acceleration, braking, distance, headway, desired)
        )
    )
    others = moment.others
    beside = np.abs(others[:, 1] - moment.left) < LANE_WIDTH / 2.0
    gaps = np.where(beside & (others[:, 0] > moment.along), others[:, 0], np.inf)
    leader = int(np.argmin(gaps)) if len(gaps) else -1
    free = leader < 0 or gaps[leader] - moment.along > FAR
    # From centre to centre, as if both were of usual length.
    ahead = 0.0 if free else gaps[leader] - moment.along + USUAL_LENGTH
    ahead -= 0.0 if free else (others[leader, 3] + moment.length) / 2.0
    leading = 0.0 if free else others[leader, 2]

    n_sub = round(TIME_STEP / SUB_STEP)
    way, speed = np.zeros(a.shape), np.full(a.shape, moment.speed)
    along = [way]
    for step in range(round(horizon / SUB_STEP)):
        push = 1.0 - (speed / v0) ** EXPONENT
        if not free:
            gap = np.maximum(ahead + leading * SUB_STEP * step - way, 1.0)
            closing = speed * (speed - leading) / (2.0 * np.sqrt(a * b))
            share = (s0 + speed * wanted + closing) / gap
            push = push - np.maximum(share, 0.0) ** 2
        change = np.clip(a * push, -MAX_ACCELERATION, MAX_ACCELERATION)
        faster = np.maximum(speed + change * SUB_STEP, 0.0)
        way = way + (speed + faster) / 2.0 * SUB_STEP
        speed = faster
        if (step + 1) % n_sub == 0:
            along.append(way)
    reached = moment.along + np.stack(along, axis=-1)
    x, y = moment.frame.place(reached, np.full(reached.shape, moment.left))
    return np.stack([x, y], axis=-1)
