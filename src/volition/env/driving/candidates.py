"""What a driver could do next: paths on and beside his lane."""

import dataclasses

import numpy as np
from jaxtyping import Bool, Float, Int

from volition.env.driving.moments import LANE_WIDTH, TIME_STEP, Moment

N_SPEEDS = 17  # end speeds, evenly spaced, the present one among them
SPEED_STEP = 0.75  # m/s: 17 of them reach 6 m/s up and down, as 98 % of drivers do
LATERAL = 3  # stay, one lane to the left, one to the right
STAYING = 1.0  # m, by which who stays on his lane is at most beside its centre
# Recorded accelerations are differences of places read off a film: half a second later
# next to nothing is left of them (a correlation of -0.08), so that a candidate begins
# with a part of it only.
TRUSTED = 0.25


@dataclasses.dataclass(frozen=True)
class Paths:
    """Candidates: how the driver could move, every half second.

    Args:
        along: the lane, m, `[candidate, time]`, the present moment first.
        left: of its centre, m.
        speed: along it, m/s.
        acceleration: along it, m/s^2.
        jerk: along it, m/s^3.
        lateral: acceleration across it, m/s^2.
        turn: -1 one lane to the right, 0 stays, 1 one lane to the left, `[candidate]`.
        on_road: whether there is a lane where it ends, `[candidate]`.
    """

    along: Float[np.ndarray, "candidate time"]
    left: Float[np.ndarray, "candidate time"]
    speed: Float[np.ndarray, "candidate time"]
    acceleration: Float[np.ndarray, "candidate time"]
    jerk: Float[np.ndarray, "candidate time"]
    lateral: Float[np.ndarray, "candidate time"]
    turn: Int[np.ndarray, " candidate"]
    on_road: Bool[np.ndarray, " candidate"]


def candidates(moment: Moment, horizon: float = 5.0) -> Paths:
    """The same choice for every driver: 17 end speeds on each of three lanes.

    Along the lane the speed is the cubic from the present speed and acceleration to the
    end speed and none; across it the place is the quintic to the end place at rest.
    End speeds are evenly spaced, so that no option stands for more than another; a slow
    driver's begin at 0.

    Args:
        moment: where he begins.
        horizon: s.

    Source: M. Werling et al., "Optimal trajectory generation for dynamic street
    scenarios in a Frenet frame", ICRA 2010; options as in Huang, Wu, Lv, arXiv
    2010.03118, section III-B. Differs: in coordinates of the lane, which bends.
    """
    time = np.linspace(0.0, horizon, round(horizon / TIME_STEP) + 1)
    below = min(N_SPEEDS // 2, int(moment.speed / SPEED_STEP))
    ends = moment.speed + SPEED_STEP * (np.arange(N_SPEEDS) - below)
    centres = moment.centres
    stay = float(np.clip(moment.left, -STAYING, STAYING))
    targets, there = [stay], [True]
    for side in (1, -1):
        beside = centres[np.sign(centres) == side]
        targets.append(float(beside[0]) if len(beside) else side * LANE_WIDTH)
        there.append(bool(len(beside)))

    forward = moment.speed * np.cos(moment.heading)
    start = TRUSTED * moment.acceleration
    # v = v0 + a0 t + b t^2 + c t^3 with v(T) = vT and v'(T) = 0.
    rise = ends - forward
    b = (3.0 * rise - 2.0 * start * horizon) / horizon**2
    c = (start * horizon - 2.0 * rise) / horizon**3
    powers = time[None, :] ** np.arange(6)[:, None]
    speed = (
        forward + start * powers[1] + np.outer(b, powers[2]) + np.outer(c, powers[3])
    )
    along = (
        forward * powers[1]
        + start * powers[2] / 2.0
        + np.outer(b, powers[3]) / 3.0
        + np.outer(c, powers[4]) / 4.0
    )
    # Who would roll backwards stands.
    along = np.maximum.accumulate(along, axis=1)
    speed = np.maximum(speed, 0.0)
    acceleration = start + 2.0 * np.outer(b, powers[1]) + 3.0 * np.outer(c, powers[2])
    jerk = 2.0 * b[:, None] + 6.0 * np.outer(c, powers[1])

    sideways = moment.speed * np.sin(moment.heading)
    left, lateral = (
        np.stack(each)
        for each in zip(
            *(_across(moment.left, sideways, end, powers, horizon) for end in targets),
            strict=True,
        )
    )
    lanes, speeds = (
        np.repeat(np.arange(LATERAL), N_SPEEDS),
        np.tile(np.arange(N_SPEEDS), LATERAL),
    )
    return Paths(
        along=moment.along + along[speeds],
        left=left[lanes],
        speed=speed[speeds],
        acceleration=acceleration[speeds],
        jerk=jerk[speeds],
        lateral=lateral[lanes],
        turn=np.array([0, 1, -1])[lanes],
        on_road=np.array(there)[lanes],
    )


def _across(
    place: float, speed: float, end: float, powers: np.ndarray, horizon: float
) -> tuple[np.ndarray, np.ndarray]:
    """The quintic from a place and a speed to a place at rest: place, acceleration."""
    gap = end - place - speed * horizon
    # At the end: the gap, minus the speed, no acceleration.
    system = np.array(
        [
            [horizon**3, horizon**4, horizon**5],
            [3 * horizon**2, 4 * horizon**3, 5 * horizon**4],
            [6 * horizon, 12 * horizon**2, 20 * horizon**3],
        ]
    )
    a, b, c = np.linalg.solve(system, np.array([gap, -speed, 0.0]))
    left = place + speed * powers[1] + a * powers[3] + b * powers[4] + c * powers[5]
    return left, 6.0 * a * powers[1] + 12.0 * b * powers[2] + 20.0 * c * powers[3]


def driven_path(moment: Moment) -> Paths:
    """What the driver did, as a single path; its speed and so on are differences.

    Args:
        moment: with what he did next.
    """
    x, y = moment.driven[:: moment.stride].T
    along, left, _ = moment.frame.locate(x, y)
    speed = np.gradient(along, TIME_STEP)
    acceleration = np.gradient(speed, TIME_STEP)
    jerk = np.gradient(acceleration, TIME_STEP)
    lateral = np.gradient(np.gradient(left, TIME_STEP), TIME_STEP)
    turn = np.sign(left[-1]) * (np.abs(left[-1]) > LANE_WIDTH / 2.0)
    each = (along, left, speed, acceleration, jerk, lateral)
    along, left, speed, acceleration, jerk, lateral = (one[None] for one in each)
    return Paths(
        along=along,
        left=left,
        speed=speed,
        acceleration=acceleration,
        jerk=jerk,
        lateral=lateral,
        turn=np.array([int(turn)]),
        on_road=np.array([True]),
    )
