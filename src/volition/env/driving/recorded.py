"""Recorded traffic: where real vehicles were, and the lanes that they drove on."""

import dataclasses
from collections.abc import Iterable

import numpy as np
from jaxtyping import Float


@dataclasses.dataclass(frozen=True)
class Track:
    """Where one vehicle was, step after step without a gap.

    Args:
        vehicle: its number, which names it within its recording only.
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
class Skipped:
    """Something in a recording that is not used.

    Args:
        recording: name of the recording or file.
        what: such as "vehicle 7" or "the file".
        reason: why it is not used, a clause such as "it has no length".
    """

    recording: str
    what: str
    reason: str


def skipped_notes(skipped: Iterable[Skipped]) -> tuple[str, ...]:
    """One sentence for each reason, with its count and the first places.

    Example:
        >>> one = Skipped("a", "vehicle 7", "it has no length")
        >>> skipped_notes([one, Skipped("b", "vehicle 9", "it has no length")])
        ('Not used: 2 x it has no length (vehicle 7 of a, vehicle 9 of b).',)
    """
    by_reason: dict[str, list[str]] = {}
    for one in skipped:
        by_reason.setdefault(one.reason, []).append(f"{one.what} of {one.recording}")
    return tuple(
        f"Not used: {len(places)} x {reason} ({', '.join(places[:3])}"
        + (", ...)." if len(places) > 3 else ").")
        for reason, places in by_reason.items()
    )


@dataclasses.dataclass(frozen=True)
class Recording:
    """What was seen of a piece of road for some seconds.

    Args:
        name: of the file, without its ending.
        time_step: s.
        tracks: one for each vehicle; several, one after the other, for a vehicle that
            was out of sight in between.
        lanelets: the pieces of the lanes, by name.
        skipped: what the file holds beside and why it is not used.
    """

    name: str
    time_step: float
    tracks: tuple[Track, ...]
    lanelets: dict[str, Lanelet]
    skipped: tuple[Skipped, ...] = ()
