"""Pictures of an episode of driving: a strip of its moments, and an animation."""

import os
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from volition.env.driving import SceneLog

BEHIND, AHEAD = 60.0, 120.0  # m of road in the picture
TALLEST = 40.0  # m across, where roads lead further apart; ours
BESIDE = 14.0  # m to the car's right that stay in the picture; ours
VERGE = 1.5  # m beside the road
DASH, PERIOD = 6.0, 18.0  # m, broken lines of motorways; German RMS-1
CHAMFER = 0.9  # m, cut from a vehicle's front corners, so that it shows its way
# Okabe and Ito, "Color universal design", 2008:
BLUE, VERMILION = "#0072B2", "#D55E00"
ROAD, LINE, OTHER, VERGE_GREEN = "#E4E4E4", "#6E6E6E", "#FFFFFF", "#F7F7F2"
FRAMES_PER_SECOND = 10
HOLD = 2.0  # s, for which the last picture stays
SHADES = 12  # of grey, and half as many of each colour, in the palette of an animation


class Stage:
    """A stretch of road around the car on axes, on which any moment can be shown."""

    def __init__(self, axes: Axes, log: SceneLog):
        self.axes, self.log = axes, jax.tree.map(np.asarray, log)
        self.low, self.high = _extent(self.log)
        self.height = _height(self.low, self.high)
        axes.set_aspect("equal")
        axes.set_facecolor(VERGE_GREEN)
        axes.set_xlim(-BEHIND, AHEAD)
        axes.set_xticks(np.arange(-BEHIND, AHEAD + 1.0, 20.0))
        axes.set_yticks([])
        axes.tick_params(labelsize=7, length=2)
        none: Any = []
        self.road = PolyCollection(none, facecolors=ROAD, zorder=1)
        self.lines = LineCollection(none, colors=LINE, linewidths=1.0, zorder=2)
        self.bodies = PolyCollection(none, linewidths=0.8, zorder=4)
        self.panes = PolyCollection(none, facecolors="black", zorder=5)
        for layer in (self.road, self.lines, self.bodies, self.panes):
            axes.add_collection(layer)
        (self.crashes,) = axes.plot(
            [], [], "X", ms=6, mfc=VERMILION, mec="black", zorder=6
        )

    def show(self, time: float) -> None:
        """Put everything where it is at a time, s."""
        now, log = self.log.at(time), self.log
        own = np.array([now.x[0], now.y[0]], dtype=float)
        bottom = max(min(own[1] + BESIDE, self.high), self.low + self.height)
        # y is positive to the right, which is down.
        self.axes.set_ylim(bottom, bottom - self.height)
        here = np.array([own[0], 0.0])
        surfaces, lines = [], []
        for lane in log.lanes:
            sides = [np.asarray(side, dtype=float) for side in (lane.left, lane.right)]
            surfaces.append(np.concatenate([sides[0], sides[1][::-1]]) - here)
            for side, adjoins in zip(
                sides, (lane.adjoins_left, lane.adjoins_right), strict=True
            ):
                lines += _lines(side, adjoins, own[0])
        self.road.set_verts(surfaces)
        self.lines.set_segments([line - here for line in lines])
        near = np.flatnonzero(np.abs(now.x - own[0]) < BEHIND + AHEAD)
        bodies, panes = [], []
        for number in near:
            place = _placed(now, number, here)
            length = float(log.bodies.length[number])
            width = float(log.bodies.width[number])
            stands = bool(log.bodies.obstacle[number])
            bodies.append(place(_body(length, width, stands)))
            if not stands:
                panes.append(place(_pane(length, width)))
        fill = [_fill(number, log.bodies.obstacle) for number in near]
        edge = [VERMILION if now.crashed[number] else "black" for number in near]
        self.bodies.set(verts=bodies, facecolors=fill, edgecolors=edge)
        self.panes.set_verts(panes)
        hurt = near[now.crashed[near]]
        self.crashes.set_data(now.x[hurt] - own[0], now.y[hurt])


def strip(
    log: SceneLog,
    path: str | os.PathLike[str],
    n_moments: int = 7,
    *,
    wide: float = 8.0,
) -> None:
    """A PNG of some moments of an episode, one above the other, the last one its end.

    Args:
        log: the episode.
        path: of the PNG.
        n_moments: at most so many, evenly spaced.
        wide: inches; text keeps its size.
    """
    last = log.frames.x.shape[0] - 1
    chosen = np.unique(np.linspace(0, last, n_moments).round().astype(int))
    height = _height(*_extent(log))
    panel = wide * height / (BEHIND + AHEAD) + 0.32
    figure = Figure(figsize=(wide, len(chosen) * panel + 0.35), layout="constrained")
    all_axes = np.atleast_1d(figure.subplots(len(chosen), 1, sharex=True))
    for axes, frame in zip(all_axes, chosen, strict=True):
        Stage(axes, log).show(frame * log.interval)
        axes.set_title(_caption(log, frame * log.interval), loc="left", fontsize=8)
    all_axes[-1].set_xlabel("metres ahead of the car (blue)", fontsize=8)
    figure.savefig(path, dpi=150, format="png")


def animate(
    log: SceneLog,
    path: str | os.PathLike[str],
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """A GIF of an episode in real time, which shows its end for a while and repeats.

    Ten pictures a second; between the frames of the log everybody is on the straight
    line from one to the next.

    Args:
        log: the episode.
        path: of the GIF.
        tell: is told how many pictures are drawn, and of how many.
    """
    wide, dpi = 7.2, 100  # inches, dots per inch
    panel = 0.96 * wide * _height(*_extent(log)) / (BEHIND + AHEAD)
    figure = Figure(figsize=(wide, panel + 0.7), dpi=dpi)
    canvas = FigureCanvasAgg(figure)
    tall = panel + 0.7
    axes = figure.add_axes((0.02, 0.42 / tall, 0.96, panel / tall))
    stage = Stage(axes, log)
    axes.set_xlabel("metres ahead of the car (blue)", fontsize=7, labelpad=1)
    title = axes.set_title("", loc="left", fontsize=8)
    times = np.arange(0.0, log.duration + 1e-6, 1.0 / FRAMES_PER_SECOND)
    palette = _palette()
    drawn: list[Image.Image] = []
    for number, time in enumerate(times):
        stage.show(float(time))
        title.set_text(_caption(log, float(time)))
        canvas.draw()
        picture = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
        drawn.append(picture.quantize(palette=palette, dither=Image.Dither.NONE))
        tell(number + 1, len(times))
    each = 1000 // FRAMES_PER_SECOND
    durations = [each] * (len(drawn) - 1) + [int(1000 * HOLD)]
    drawn[0].save(
        path,
        format="GIF",
        save_all=True,
        append_images=drawn[1:],
        duration=durations,
        loop=0,
    )


def _palette() -> Image.Image:
    """The colours in use and what lies between them; one for all pictures of a GIF."""
    bases = [to_rgb(name) for name in (ROAD, LINE, VERGE_GREEN)]
    for first, second, n in (
        ("black", "white", SHADES),
        (BLUE, "black", SHADES // 2),
        (BLUE, ROAD, SHADES // 2),
        (VERMILION, "black", SHADES // 2),
        (VERMILION, "white", SHADES // 2),
    ):
        shares = np.linspace(0.0, 1.0, n)[:, None]
        mixed = (1.0 - shares) * to_rgb(first) + shares * to_rgb(second)
        bases += [tuple(colour) for colour in mixed]
    picture = Image.new("P", (1, 1))
    picture.putpalette((255.0 * np.array(bases)).round().astype(np.uint8).tobytes())
    return picture


def _extent(log: SceneLog) -> tuple[float, float]:
    """Leftmost and rightmost y of the road, m."""
    sides = [
        np.asarray(side)[:, 1] for lane in log.lanes for side in (lane.left, lane.right)
    ]
    return (
        float(min(side.min() for side in sides)) - VERGE,
        float(max(side.max() for side in sides)) + VERGE,
    )


def _height(low: float, high: float) -> float:
    return min(high - low, TALLEST)


def _lines(side: np.ndarray, adjoins: np.ndarray, x: float) -> list[np.ndarray]:
    """A side as solid lines and dashes, those in the picture alone."""
    found = []
    for i in range(len(side) - 1):
        ends = side[i : i + 2]
        if ends[:, 0].max() < x - BEHIND or ends[:, 0].min() > x + AHEAD:
            continue
        if not adjoins[i]:
            found.append(ends)
            continue
        # Dashes keep their place on the road, whichever lane and way they belong to.
        low = max(ends[:, 0].min(), x - BEHIND)
        high = min(ends[:, 0].max(), x + AHEAD)
        slope = (ends[1] - ends[0]) / (ends[1, 0] - ends[0, 0])
        for start in np.arange(np.floor(low / PERIOD) * PERIOD, high, PERIOD):
            part = np.clip([start, start + DASH], low, high)
            found.append(ends[0] + (part - ends[0, 0])[:, None] * slope)
    return found


def _body(length: float, width: float, obstacle: bool) -> np.ndarray:
    """Corners of a vehicle that heads along x, m; its front is tapered."""
    x, y = 0.5 * length, 0.5 * width
    cut = 0.0 if obstacle else CHAMFER
    half = [(-x, -y), (x - cut, -y), (x, -y + 0.6 * cut)]
    return np.array([*half, *((far, -side) for far, side in reversed(half))])


def _pane(length: float, width: float) -> np.ndarray:
    """Corners of its windscreen."""
    x, y = 0.5 * length, 0.5 * width
    return np.array(
        [
            (0.2 * x, -0.8 * y),
            (0.5 * x, -0.8 * y),
            (0.5 * x, 0.8 * y),
            (0.2 * x, 0.8 * y),
        ]
    )


def _placed(
    now: Any, number: Any, here: np.ndarray
) -> Callable[[np.ndarray], np.ndarray]:
    cos, sin = np.cos(now.heading[number]), np.sin(now.heading[number])
    turn = np.array([[cos, sin], [-sin, cos]], dtype=float)
    centre = np.array([now.x[number], now.y[number]], dtype=float) - here
    return lambda corners: corners @ turn + centre


def _fill(number: Any, obstacle: np.ndarray) -> str:
    if number == 0:
        return BLUE
    return "black" if obstacle[number] else OTHER


def _caption(log: SceneLog, time: float) -> str:
    """When, how fast, doing what, and how near to a crash."""
    now, number = log.at(time), log.decision_at(time)
    parts = [
        # Figure spaces, as wide as a digit, keep the rest in place.
        f"{time:4.1f}\N{NO-BREAK SPACE}s".replace(" ", "\N{FIGURE SPACE}"),
        f"{float(now.speed[0]):4.1f}\N{NO-BREAK SPACE}m/s".replace(
            " ", "\N{FIGURE SPACE}"
        ),
        f"at {float(now.x[0]):.0f} m",
    ]
    if now.crashed[0]:
        return "    ".join([*parts, "CRASHED"])
    if time >= log.duration:
        return "    ".join([*parts, "end"])
    action = np.asarray(log.decisions.action[number])
    words = log.decisions.words
    done = words[int(action)] if words else ", ".join(f"{part:+.2f}" for part in action)
    likely = f"likelihood of a collision {float(log.decisions.collision[number]):.2f}"
    return "    ".join([*parts, done, likely])
