"""Recorded traffic made up: straight lanes, vehicles of given speeds."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

NUMBER = "<{0}><exact>{1}</exact></{0}>"
LANES = (0.0, 3.5)  # m, left of the first lane's centre


def state(tag: str, step: int, x: float, y: float, speed: float) -> str:
    place = f"<position><point><x>{x}</x><y>{y}</y></point></position>"
    values = {"orientation": 0.0, "time": step, "velocity": speed, "acceleration": 0.0}
    rest = "".join(NUMBER.format(name, value) for name, value in values.items())
    return f"<{tag}>{place}{rest}</{tag}>"


def vehicle(
    number: int,
    x: float,
    y: float,
    speed_fn: Callable[[float], float],
    n_steps: int = 71,
    length: float = 5.0,
) -> str:
    """A vehicle that drives along the x axis."""
    speeds = [speed_fn(0.1 * step) for step in range(n_steps)]
    xs = x + np.concatenate([[0.0], np.cumsum(speeds)])[:n_steps] * 0.1
    rows = list(zip(range(n_steps), xs, speeds, strict=True))
    first, *others = rows
    told = "".join(state("state", step, a, y, v) for step, a, v in others)
    shape = f"<rectangle><length>{length}</length><width>2.0</width></rectangle>"
    return (
        f'<dynamicObstacle id="{number}"><type>car</type><shape>{shape}</shape>'
        f"{state('initialState', first[0], first[1], y, first[2])}"
        f"<trajectory>{told}</trajectory></dynamicObstacle>"
    )


def lanelet(number: int, y: float, x: tuple[float, float] = (-50.0, 400.0)) -> str:
    def bound(tag: str, side: float) -> str:
        points = "".join(
            f"<point><x>{at}</x><y>{y + side}</y></point>" for at in np.linspace(*x, 10)
        )
        return f"<{tag}>{points}</{tag}>"

    inside = bound("leftBound", 1.75) + bound("rightBound", -1.75)
    return f'<lanelet id="{number}">{inside}</lanelet>'


def scenario(vehicles: list[str], lanes: tuple[float, ...] = LANES) -> str:
    roads = "".join(lanelet(number, y) for number, y in enumerate(lanes))
    return (
        '<?xml version="1.0"?><commonRoad commonRoadVersion="2020a" timeStepSize="0.1">'
        f"{roads}{''.join(vehicles)}</commonRoad>"
    )


def queue(seed: int, n_vehicles: int = 12, first: int = 0) -> str:
    """Vehicles in a row that all come to the speed of the foremost."""
    rng = np.random.default_rng(seed)
    flow = rng.uniform(10.0, 20.0)
    rows = []
    for number in range(n_vehicles):
        start = flow + rng.normal(0.0, 2.0)
        speed_fn = lambda t, start=start: flow + (start - flow) * np.exp(-t / 3.0)
        rows.append(vehicle(first + number, 40.0 * number, 0.0, speed_fn))
    return scenario(rows)


def write_queues(folder: Path, n_files: int = 3) -> None:
    folder.mkdir(exist_ok=True)
    for number in range(n_files):
        text = queue(number, first=100 * number)
        (folder / f"ROAD_{number}_T-1.xml").write_text(text)
