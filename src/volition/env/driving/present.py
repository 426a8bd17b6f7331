"""What a driver sees at a moment: himself, and who is around on three lanes."""

import numpy as np
from jaxtyping import Float

from volition.env.driving.moments import LANE_WIDTH, Moment
from volition.env.driving.path_features import FAR

SIDES = {"own": 0, "left": 1, "right": -1}
PRESENT = (
    "speed",
    "acceleration",
    "left of the centre",
    "heading",
    "lane to the left",
    "lane to the right",
    *(
        f"{what}, {lane} lane"
        for lane in SIDES
        for what in ("gap ahead", "faster ahead", "gap behind", "faster behind")
    ),
)


def present(moment: Moment) -> Float[np.ndarray, " present"]:
    """The features of the present moment, in the order of `PRESENT`.

    Of each lane the gaps ahead and behind, m, at most `FAR`, and by how much who is
    there is faster than the driver, m/s, 0 where nobody is.

    Args:
        moment: with the others.
    """
    beside = [bool((np.sign(moment.centres) == side).any()) for side in (1, -1)]
    mine = [moment.speed, moment.acceleration, moment.left, moment.heading, *beside]
    lanes = [_neighbours(moment, side) for side in SIDES.values()]
    return np.concatenate([np.array(mine, dtype=np.float64), *lanes])


def _neighbours(moment: Moment, side: int) -> Float[np.ndarray, " four"]:
    along, left, speed, length, _ = moment.others.T
    there = moment.centres[np.sign(moment.centres) == side]
    centre = there[0] if len(there) else side * LANE_WIDTH
    ahead = along - moment.along
    gap = np.maximum(np.abs(ahead) - (length + moment.length) / 2.0, 0.0)
    inside = (np.abs(left - centre) < LANE_WIDTH / 2.0) & (gap < FAR)
    found = []
    for here in (inside & (ahead > 0.0), inside & (ahead <= 0.0)):
        rows = np.flatnonzero(here)
        if len(rows) == 0:
            found += [FAR, 0.0]
            continue
        row = rows[np.argmin(gap[rows])]
        found += [gap[row], speed[row] - moment.speed]
    return np.array(found)
