"""Recorded traffic: where real vehicles were, and the lanes that they drove on."""

import dataclasses

import numpy as np
from jaxtyping import Float


@dataclasses.dataclass(frozen=True)
class Track:
    """Where one vehicle was, step after step without a gap.

    Args:
        vehicle: its number; the same vehicle has the same number in every recording.
        first: number of the recording's step at which the track begins.
        x: of the centre, m, `[step]`.
        y: of the centre, m, `[step]`.
        heading: against the x axis, rad, `[step]`.
        speed: m/s, `[step]`.
        acceleration: along the heading, m/s^2, `[step]`.
        length: m.
        width: m.
        kind: such as "car" or "truck", where the recording says.
    """

    vehicle: int
    first: int
    x: Float[np.ndarray, " step"]
    y: Float[np.ndarray, " step"]
    heading: Float[np.ndarray, " step"]
    speed: Float[np.ndarray, " step"]
    acceleration: Float[np.ndarray, " step"]
    length: float
    width: float
    kind: str = ""

    @property
    def n_steps(self) -> int:
        """How many steps the vehicle was seen for."""
        return len(self.x)


@dataclasses.dataclass(frozen=True)
class Lanelet:
    """A piece of a lane.

    Args:
        left: points of its left bound in driving direction, m, `[point, 2]`.
        right: as many points of its right bound, m, `[point, 2]`.
        successors: names of the pieces that it goes on in.
    """

    left: Float[np.ndarray, "point 2"]
    right: Float[np.ndarray, "point 2"]
    successors: tuple[str, ...]

    @property
    def centre(self) -> Float[np.ndarray, "point 2"]:
        """The middle between the bounds."""
        return (self.left + self.right) / 2.0


@dataclasses.dataclass(frozen=True)
class Recording:
    """What was seen of a piece of road for some seconds.

    Args:
        name: of the file, without its ending.
        time_step: s.
        tracks: one for each vehicle.
        lanelets: the pieces of the lanes, by name.
    """

    name: str
    time_step: float
    tracks: tuple[Track, ...]
    lanelets: dict[str, Lanelet]
