"""Read recorded traffic: CommonRoad's XML files, checked."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from volition import files
from volition.env.driving import Lanelet, Recording, Skipped, Track, skipped_notes
from volition.store.archive import ARCHIVE_ERRORS, open_tar
from volition.store.errors import InputError
from volition.store.markup import xml_events

MAX_BYTES = 32 * 2**20  # of one file; the largest of US-101 has 3 MB
MAX_FILES = 10_000  # in a folder or an archive
LARGEST = 1e8  # of any number: metres, steps or numbers of vehicles
STATE = {  # what is read of each state: field, and where it is
    "x": "position/point/x",
    "y": "position/point/y",
    "speed": "velocity/exact",
}
HEADING, ACROSS = "orientation/exact", "velocityY/exact"  # one of them may be missing
ACCELERATION = "acceleration/exact"  # which some files leave out
STANDING = 0.5  # m/s, below which places do not show where a vehicle heads


class _Unusable(Exception):
    """Why a vehicle is left out."""


def read_recordings(path: Path) -> tuple[Recording, ...]:
    """All recordings in a folder of XML files or in a tar archive of them.

    Files without trajectories are left out: some of CommonRoad's hold sets of possible
    places instead, which are no record of what anybody did. A file or a vehicle that
    cannot be used does not stop the others: it is in `skipped` of its recording, with
    the reason, and `skipped_notes` puts that in sentences.

    Args:
        path: a folder with `*.xml` files, at any depth, or a `.tar`, `.tar.xz` or
            `.tar.gz` of such files, which is read without being unpacked, or a folder
            with such archives.

    Returns:
        In the order of their names; at least one has a track. Those without a track
        have something that was skipped.

    Raises:
        InputError: where no file can be used, with the reasons.
    """
    found: dict[str, Recording] = {}
    for name, text in _files(path):
        if name in found:
            raise InputError(
                f"{path} holds two files named {name!r}: their vehicles would be taken "
                "for the same ones; rename one of them."
            )
        try:
            if isinstance(text, InputError):
                raise text
            found[name] = read_recording(text, name)
        except InputError as error:
            reason = str(error).removeprefix(f"{name} ").removeprefix(f"{name}: ")
            skipped = (Skipped(name, "the file", reason.removesuffix(".")),)
            found[name] = Recording(name, float("nan"), (), {}, skipped)
    if not found:
        raise InputError(
            f"{path} holds no *.xml file: give --data a folder or a tar archive with "
            "CommonRoad's files."
        )
    recordings = tuple(found[name] for name in sorted(found))
    if not any(one.tracks for one in recordings):
        why = skipped_notes(each for one in recordings for each in one.skipped)
        raise InputError(
            f"{path}: none of its {len(found)} XML files has a vehicle's trajectory to "
            "use: give recordings (on CommonRoad's site their names end in _T-1). "
            f"{' '.join(why)}".rstrip()
        )
    return tuple(one for one in recordings if one.tracks or one.skipped)


def read_recording(text: bytes, name: str) -> Recording:
    """One recording; what of it cannot be used is in its `skipped`.

    Args:
        text: XML in CommonRoad's format of 2018 to 2020.
        name: of the file, for messages.

    Raises:
        InputError: naming the file, what is wrong in it, and the remedy.
    """
    time_step, lanelets = float("nan"), {}
    tracks: dict[int, tuple[Track, ...]] = {}
    skipped: list[Skipped] = []
    root = None
    for event, element in xml_events(text, name):
        if root is None:
            root = element
            if root.tag != "commonRoad":
                raise InputError(
                    f"{name} is about {root.tag!r}, not 'commonRoad': give files "
                    "in CommonRoad's format."
                )
            time_step = _number(root.get("timeStepSize"), name, "timeStepSize")
        elif event == "end" and element.tag in ("dynamicObstacle", "obstacle"):
            skipped += _add_tracks(tracks, element, name, time_step)
            element.clear()
        elif event == "end" and element.tag == "staticObstacle":
            reason = "obstacles that stand are no part of the model"
            skipped.append(Skipped(name, _which("obstacle", element), reason))
            element.clear()
        elif event == "end" and element.find("leftBound") is not None:
            lanelets[element.get("id", "")] = _lanelet(element, name)
            element.clear()
    if not 0.0 < time_step < 10.0:
        raise InputError(
            f"{name}: timeStepSize is {time_step}, not a number of seconds above 0: "
            "correct it."
        )
    flat = tuple(piece for pieces in tracks.values() for piece in pieces)
    return Recording(name, time_step, flat, lanelets, tuple(skipped))


def _files(path: Path) -> Iterator[tuple[str, bytes | InputError]]:
    """Name and content of each XML file, or why it cannot be read."""
    if path.is_dir():
        loose = sorted(path.rglob("*.xml"))
        for number, each in enumerate(loose):
            _check_number(number)
            try:
                content = files.read_bytes(each, MAX_BYTES)
                files.check_sum(each, content, files.check_sums(each.parent))
            except InputError as error:
                yield each.stem, error
            else:
                yield each.stem, content
        # A folder of archives, such as the one that they were loaded into.
        for each in [] if loose else sorted(path.glob("*.tar*")):
            yield from _packed(each)
        return
    if not path.exists() and not path.is_symlink():
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


def _which(kind: str, element: ET.Element) -> str:
    return f"{kind} {str(element.get('id'))[:20]}"


def _add_tracks(
    tracks: dict[int, tuple[Track, ...]],
    obstacle: ET.Element,
    name: str,
    time_step: float,
) -> list[Skipped]:
    """Add a vehicle to those found, or return why not."""
    try:
        pieces = _tracks(obstacle, time_step)
        if pieces and pieces[0].vehicle in tracks:
            raise _Unusable("another vehicle has its number")
    except _Unusable as reason:
        return [Skipped(name, _which("vehicle", obstacle), str(reason))]
    tracks.update({one.vehicle: pieces for one in pieces})
    return []


def _value(text: str | None, what: str) -> float:
    """A number of a vehicle.

    Raises:
        _Unusable: for text that is none.
    """
    try:
        value = float(text or "")
    except ValueError:
        value = float("nan")
    if not abs(value) <= LARGEST:
        short = None if text is None else text.strip()[:40]
        raise _Unusable(f"its {what} is {short!r}, not a number that can be used")
    return value


def _tracks(obstacle: ET.Element, time_step: float) -> tuple[Track, ...]:
    """The tracks of one vehicle: one for each time without a gap; none if not seen.

    Raises:
        _Unusable: for a vehicle that cannot be used.
    """
    states = obstacle.findall("trajectory/state")
    if not states:
        return ()
    vehicle = _value(obstacle.get("id"), "number")
    if vehicle != int(vehicle):
        raise _Unusable("its number is no whole number")
    first = obstacle.find("initialState")
    states = states if first is None else [first, *states]
    length, width = _size(obstacle)
    time = np.array([_value(one.findtext("time/exact"), "time") for one in states])
    kept = np.concatenate([[True], np.diff(time) != 0.0])  # the first state, said twice
    states = [one for one, keep in zip(states, kept, strict=True) if keep]
    time = time[kept]
    if (np.diff(time) < 0.0).any() or (time != np.round(time)).any():
        raise _Unusable("the times of its states are not whole numbers that increase")
    columns = {
        field: np.array([_value(one.findtext(place), field) for one in states])
        for field, place in STATE.items()
    }
    columns = _with_heading(columns, states)
    kind = (obstacle.findtext("type") or "").strip()
    accelerations = None
    if all(one.find(ACCELERATION) is not None for one in states):
        accelerations = np.array(
            [_value(one.findtext(ACCELERATION), "acceleration") for one in states]
        )
    found = []
    for rows in np.split(np.arange(len(time)), np.flatnonzero(np.diff(time) > 1) + 1):
        speed = columns["speed"][rows]
        if accelerations is None:
            slope = np.gradient(speed) if len(rows) > 1 else np.zeros(1)
            acceleration = slope / time_step
        else:
            acceleration = accelerations[rows]
        found.append(
            Track(
                int(vehicle),
                int(time[rows[0]]),
                **{field: values[rows] for field, values in columns.items()},
                acceleration=acceleration,
                length=length,
                width=width,
                kind=kind,
            )
        )
    return tuple(found)


def _size(obstacle: ET.Element) -> tuple[float, float]:
    """Length and width, m: of a rectangle, or of the one around another shape.

    Raises:
        _Unusable: for a shape that has none, or none above 0.
    """
    corners = obstacle.findall("shape/polygon/point")
    if (radius := obstacle.findtext("shape/circle/radius")) is not None:
        length = width = 2.0 * _value(radius, "radius")
    elif corners:  # in coordinates of the vehicle, whose first axis is its heading
        length, width = (
            float(np.ptp([_value(one.findtext(axis), "shape") for one in corners]))
            for axis in "xy"
        )
    else:
        rectangle = obstacle.find("shape/rectangle")
        if rectangle is None:
            raise _Unusable("its shape is no rectangle, polygon or circle")
        length, width = (
            _value(rectangle.findtext(side), side) for side in ("length", "width")
        )
    if not min(length, width) > 0.0:
        raise _Unusable("its length or width is not above 0")
    return length, width


def _with_heading(
    columns: dict[str, np.ndarray], states: list[ET.Element]
) -> dict[str, np.ndarray]:
    """The same with the heading, and with the speed along it.

    A state without an orientation may have a velocity along each axis; otherwise its
    heading is that of the places before and after it.

    Raises:
        _Unusable: where nothing shows the heading.
    """
    if all(one.find("orientation") is not None for one in states):
        heading = [_value(one.findtext(HEADING), "orientation") for one in states]
        return columns | {"heading": np.array(heading)}
    if all(one.find("velocityY") is not None for one in states):
        across = np.array([_value(one.findtext(ACROSS), "velocityY") for one in states])
        along = columns["speed"]
        columns = columns | {"speed": np.hypot(along, across)}
        return columns | {"heading": np.arctan2(across, along)}
    if len(states) < 2 or not columns["speed"].min() > STANDING:
        raise _Unusable("it has no orientation, and stands at times")
    way = [np.gradient(columns[axis]) for axis in ("y", "x")]
    return columns | {"heading": np.arctan2(*way)}


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
