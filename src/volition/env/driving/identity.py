"""Which tracks of several recordings belong to one driver."""

import re
from collections.abc import Sequence

from volition.env.driving.recorded import Recording, Track

# CommonRoad's names: country, underscore, scene, hyphen, number of the map: the windows
# that were cut from one scene keep the numbers of its vehicles.
SCENE = re.compile(r"([A-Z]{3}_[^-]+)-\d")


def same_drivers(recordings: Sequence[Recording]) -> dict[tuple[str, int], int]:
    """A number for each driver, the same in every recording that shows them.

    Vehicles are numbered within a recording: number 5 of two recordings is one driver
    only where there is evidence of it. The vehicle must have one length and width, and
    either the recordings are cut from one scene, as CommonRoad's names say
    (`USA_US101-3_1_T-1` and `USA_US101-12_4_T-1`), or the tracks share places to the
    centimetre, as windows that overlap do. Counting one driver twice would make
    intervals too narrow and let folds leak, counting two as one would mix what they
    want.

    Args:
        recordings: with names that differ.

    Returns:
        By name of the recording and number of the vehicle, from 0.

    Raises:
        ValueError: for two recordings of one name.
    """
    names = [recording.name for recording in recordings]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(
            f"two recordings are named {twice!r}, which makes their vehicles one: "
            "rename one of them."
        )
    alike: dict[tuple, list[tuple[str, int, set]]] = {}
    for recording in recordings:
        for vehicle, tracks in _by_vehicle(recording).items():
            first = tracks[0]
            size = (vehicle, round(first.length, 2), round(first.width, 2))
            alike.setdefault(size, []).append(
                (recording.name, vehicle, _places(tracks))
            )
    found: dict[tuple[str, int], int] = {}
    for size in sorted(alike):
        groups: list[tuple[set[str], set]] = []  # scenes, places
        members: list[list[tuple[str, int]]] = []
        for name, vehicle, places in alike[size]:
            scenes, who = {_scene(name)}, [(name, vehicle)]
            # Whoever joins two groups makes them one.
            for row in reversed(range(len(groups))):
                if groups[row][0] & scenes or _meet(groups[row][1], places):
                    scenes |= groups[row][0]
                    places = places | groups[row][1]
                    who = members.pop(row) + who
                    groups.pop(row)
            groups.append((scenes, places))
            members.append(who)
        for each in members:
            number = len(set(found.values()))
            found |= dict.fromkeys(each, number)
    return found


def _by_vehicle(recording: Recording) -> dict[int, list[Track]]:
    found: dict[int, list[Track]] = {}
    for track in recording.tracks:
        found.setdefault(track.vehicle, []).append(track)
    return found


def _places(tracks: Sequence[Track]) -> set[tuple[float, float]]:
    return {
        (round(float(x), 2), round(float(y), 2))
        for track in tracks
        for x, y in zip(track.x, track.y, strict=True)
    }


def _meet(one: set, other: set) -> bool:
    """Whether tracks share places: two, or the one where a vehicle stood."""
    return len(one & other) >= min(2, len(one), len(other))


def _scene(name: str) -> str:
    found = SCENE.match(name)
    return found[1] if found else name
