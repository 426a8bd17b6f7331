"""Read recorded traffic: CommonRoad's XML files, checked."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from volition import files
from volition.env.driving import Lanelet, Recording, Track
from volition.store.archive import ARCHIVE_ERRORS, open_tar
from volition.store.errors import InputError
from volition.store.markup import xml_events

MAX_BYTES = 32 * 2**20  # of one file; the largest of US-101 has 3 MB
MAX_FILES = 10_000  # in a folder or an archive
STATE = {  # what is read of each state: field, and where it is
    "x": "position/point/x",
    "y": "position/point/y",
    "heading": "orientation/exact",
    "speed": "velocity/exact",
}
ACCELERATION = "acceleration/exact"  # which some files leave out


def read_recordings(path: Path) -> tuple[Recording, ...]:
    """All recordings in a folder of XML files or in a tar archive of them.

    Files without trajectories are left out: some of CommonRoad's hold sets of possible
    places instead, which are no record of what anybody did.

    Args:
        path: a folder with `*.xml` files, at any depth, or a `.tar`, `.tar.xz` or
            `.tar.gz` of such files, which is read without being unpacked, or a folder
            with such archives.

    Returns:
        In the order of their names; at least one, each with at least one track.

    Raises:
        InputError: naming the file, what is wrong in it, and the remedy.
    """
    found = {name: read_recording(text, name) for name, text in _files(path)}
    if not found:
        raise InputError(
            f"{path} holds no *.xml file: give --data a folder or a tar archive with "
            "CommonRoad's files."
        )
    recordings = tuple(found[name] for name in sorted(found) if found[name].tracks)
    if not recordings:
        raise InputError(
            f"{path}: none of its {len(found)} XML files has a vehicle's trajectory: "
            "give recordings (on CommonRoad's site their names end in _T-1)."
        )
    return recordings


def read_recording(text: bytes, name: str) -> Recording:
    """One recording.

    Args:
        text: XML in CommonRoad's format of 2018 to 2020.
        name: of the file, for messages.

    Raises:
        InputError: naming the file, what is wrong in it, and the remedy.
    """
    time_step, tracks, lanelets = float("nan"), {}, {}
    root = None
    for event, element in xml_events(text, name):
        if root is None:
            root = element
            if root.tag != "commonRoad":
                raise InputError(
                    f"{name} is about {root.tag!r}, not 'commonRoad': give files in "
                    "CommonRoad's format."
                )
            time_step = _number(root.get("timeStepSize"), name, "timeStepSize")
        elif event == "end" and element.tag in ("dynamicObstacle", "obstacle"):
            track = _track(element, name, time_step)
            if track is not None:
                tracks[track.vehicle] = track
            element.clear()
        elif event == "end" and element.find("leftBound") is not None:
            lanelets[element.get("id", "")] = _lanelet(element, name)
            element.clear()
    if not 0.0 < time_step < 10.0:
        raise InputError(
            f"{name}: timeStepSize is {time_step}, not a number of seconds above 0: "
            "correct it."
        )
    return Recording(name, time_step, tuple(tracks.values()), lanelets)


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of each XML file."""
    if path.is_dir():
        loose = sorted(path.rglob("*.xml"))
        for number, each in enumerate(loose):
            _check_number(number)
            content = files.read_bytes(each, MAX_BYTES)
            files.check_sum(each, content, files.check_sums(each.parent))
            yield each.stem, content
        # A folder of archives, such as the one that they were loaded into.
        for each in [] if loose else sorted(path.glob("*.tar*")):
            yield from _packed(each)
        return
    if not path.exists():
        raise InputError(
            f"{path} does not exist: give --data a folder or a tar archive with "
            "CommonRoad's files."
        )
    yield from _packed(path)


def _packed(path: Path) -> Iterator[tuple[str, bytes]]:
    """Those in a tar archive."""
    try:
        with open_tar(path, MAX_BYTES) as archive:
            members = (m for m in archive if m.isfile() and m.name.endswith(".xml"))
            for number, member in enumerate(members):
                _check_number(number)
                inside = archive.extractfile(member)
                assert inside is not None  # a plain file has content
                yield Path(member.name).stem, inside.read()
    except InputError:
        raise
    except ARCHIVE_ERRORS as error:
        raise InputError(
            f"{path} cannot be read as a tar archive ({files.reason(error)}): copy it "
            "again, or give a folder with the files in it."
        ) from error


def _check_number(number: int) -> None:
    if number >= MAX_FILES:
        raise InputError(
            f"there are more than {MAX_FILES} XML files: give fewer at a time."
        )


def _number(text: str | None, name: str, what: str) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise InputError(
            f"{name}: {what} is {text!r}, not a finite number: correct or remove it."
        )
    return value


def _track(obstacle: ET.Element, name: str, time_step: float) -> Track | None:
    """The track of one vehicle; None where there is no trajectory."""
    states = obstacle.findall("trajectory/state")
    if not states:
        return None
    what = f"the vehicle {obstacle.get('id')}"
    vehicle = int(_number(obstacle.get("id"), name, f"the id of {what}"))
    first = obstacle.find("initialState")
    states = states if first is None else [first, *states]
    length, width = (
        _number(
            obstacle.findtext(f"shape/rectangle/{side}"), name, f"the {side} of {what}"
        )
        for side in ("length", "width")
    )
    times = [
        _number(s.findtext("time/exact"), name, f"a time of {what}") for s in states
    ]
    if not np.array_equal(np.diff(times), np.ones(len(times) - 1)):
        raise InputError(
            f"{name}: the states of {what} are not one step after the other: fill the "
            "gap or remove the vehicle."
        )

    def column(field: str, place: str) -> np.ndarray:
        numbers = (
            _number(state.findtext(place), name, f"the {field} of {what} at {time:g}")
            for state, time in zip(states, times, strict=True)
        )
        return np.fromiter(numbers, dtype=np.float64, count=len(states))

    columns = {field: column(field, place) for field, place in STATE.items()}
    if all(state.find(ACCELERATION) is not None for state in states):
        columns["acceleration"] = column("acceleration", ACCELERATION)
    else:
        rise = np.gradient(columns["speed"]) if len(states) > 1 else np.zeros(1)
        columns["acceleration"] = rise / time_step
    kind = (obstacle.findtext("type") or "").strip()
    return Track(
        vehicle, int(times[0]), **columns, length=length, width=width, kind=kind
    )


def _lanelet(element: ET.Element, name: str) -> Lanelet:
    what = f"the lanelet {element.get('id')}"

    def bound(side: str) -> np.ndarray:
        points = [
            [_number(point.findtext(axis), name, f"{side} of {what}") for axis in "xy"]
            for point in element.findall(f"{side}/point")
        ]
        return np.array(points).reshape(-1, 2)

    left, right = bound("leftBound"), bound("rightBound")
    if len(left) != len(right) or len(left) < 2:
        raise InputError(
            f"{name}: {what} has {len(left)} points on its left and {len(right)} on "
            "its right: give as many on both sides, at least 2."
        )
    successors = tuple(each.get("ref", "") for each in element.findall("successor"))
    return Lanelet(left, right, successors)
