"""The textbook's figures of tabular learning, drawn from runs, and their numbers."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import PRNGKeyArray
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from volition.env import dyna_maze
from volition.evaluation import Estimate, mean_over
from volition.study import finer_mazes, sutton_barto as book
from volition.value import DynaQ, DynaQPlus


class Drawn(NamedTuple):
    """One figure.

    Args:
        name: of the file, without its ending.
        figure: the picture.
        numbers: what it shows in numbers: a label and the estimate.
    """

    name: str
    figure: Figure
    numbers: list[tuple[str, Estimate]]


def _axes(title: str, across: str, up: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.add_subplot(title=title, xlabel=across, ylabel=up)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _band(axes: Axes, x: np.ndarray, runs: np.ndarray, label: str) -> None:
    """The mean of `[run, x]` with a 95 % band."""
    mean = runs.mean(axis=0)
    half = 1.96 * runs.std(axis=0, ddof=1) / np.sqrt(len(runs))
    (line,) = axes.plot(x, mean, label=label, linewidth=1.2)
    axes.fill_between(x, mean - half, mean + half, alpha=0.25, color=line.get_color())


def evaluation_4_1(key: PRNGKeyArray) -> Drawn:
    """Iterative policy evaluation; exact, so its numbers have no interval."""
    del key
    sweeps = (0, 1, 2, 3, 10, 1000)
    values = book.random_policy_values(sweeps)
    figure = Figure(figsize=(6.4, 4.6), layout="constrained")
    figure.suptitle("4.1 Value of acting at random, by sweeps of evaluation")
    for number, (sweep, value) in enumerate(zip(sweeps, values, strict=True)):
        axes = figure.add_subplot(2, 3, number + 1, title=f"{sweep} sweeps")
        axes.imshow(value, cmap="viridis", vmin=-22.0, vmax=0.0)
        axes.set_xticks([])
        axes.set_yticks([])
        for (row, column), number in np.ndenumerate(value):
            shade = "black" if number > -11.0 else "white"
            axes.text(column, row, f"{number:.1f}", ha="center", va="center", c=shade)
    far = float(values[-1][0, 3])
    exact = Estimate(far, far, far, 1, "exact")
    return Drawn("4.1-policy-evaluation", figure, [("value of the far corner", exact)])


def blackjack_5_2(key: PRNGKeyArray) -> Drawn:
    """Monte Carlo control."""
    hands = book.blackjack(key)
    figure = Figure(figsize=(7.2, 6.0), layout="constrained")
    figure.suptitle("5.2 Blackjack by Monte Carlo control; outlined: the best policy")
    for ace, name in enumerate(("no usable ace", "usable ace")):
        for row, (shown, what, colours) in enumerate(
            (
                (hands.hits[ace], "hit (dark) or stick", "Greys"),
                (hands.value[ace], "value", "viridis"),
            )
        ):
            axes = figure.add_subplot(2, 2, 2 * row + ace + 1)
            axes.set_title(f"{name}: {what}")
            axes.set_xlabel("dealer shows")
            axes.set_ylabel("player's sum")
            extent = (0.5, 10.5, 11.5, 21.5)
            image = axes.imshow(
                shown.astype(float),
                origin="lower",
                extent=extent,
                cmap=colours,
                vmin=-1.0 if row else -0.3,
                vmax=1.0 if row else 1.3,
            )
            # Each hand as a square of points, so that the line follows its edges.
            best = np.kron(hands.best[ace], np.ones((50, 50)))
            cards, sums = np.linspace(0.5, 10.5, 500), np.linspace(11.5, 21.5, 500)
            axes.contour(cards, sums, best, levels=[0.5], colors="tab:red")
            if row:
                figure.colorbar(image, ax=axes)
    lost = mean_over(hands.lost, "runs")
    return Drawn("5.2-blackjack", figure, [("lost on the best policy, a game", lost)])


def windy_6_5(key: PRNGKeyArray) -> Drawn:
    """Episodes against steps."""
    runs = book.windy(key)
    figure, axes = _axes(
        "Example 6.5: SARSA in the windy gridworld", "steps", "episodes ended"
    )
    steps = np.arange(0, 8001, 50)
    ended = np.stack([np.searchsorted(end, steps) for end in runs.end])
    _band(axes, steps, ended, "mean of runs, 95 %")
    axes.legend(frameon=False)
    by_8000 = (runs.end < 8000).sum(axis=1)
    last = np.diff(runs.end[:, -101:], axis=1).mean(axis=1)
    numbers = [
        ("episodes by step 8,000", mean_over(by_8000, "runs")),
        ("steps, last 100 of 500 episodes", mean_over(last, "runs")),
    ]
    return Drawn("6.5-windy", figure, numbers)


def cliff_6_6(key: PRNGKeyArray) -> Drawn:
    """Return of each episode."""
    figure, axes = _axes(
        "Example 6.6: the cliff, acting 0.1-greedily", "episode", "return"
    )
    numbers = []
    for name, kind in book.CLIFF.items():
        runs, _ = book.cliff(key, kind)
        smooth = runs.total.reshape(len(runs.total), -1, 10).mean(axis=2)
        _band(axes, np.arange(5, 500, 10), smooth, name)
        last = runs.total[:, -100:].mean(axis=1)
        numbers.append((f"{name}, last 100 of 500 episodes", mean_over(last, "runs")))
    axes.set_ylim(-100.0, 0.0)
    axes.legend(frameon=False, loc="lower right", title="means of 10 episodes, 95 %")
    return Drawn("6.6-cliff", figure, numbers)


def bias_6_5(key: PRNGKeyArray) -> Drawn:
    """How often the worse way is taken."""
    figure, axes = _axes(
        "6.5 Maximisation bias: left is wrong", "episode", "share of runs going left"
    )
    numbers = []
    for name, kind in book.BIAS.items():
        left = book.bias(key, kind).astype(float)
        _band(axes, np.arange(1, 301), left, name)
        for episode in (100, 300):
            share = mean_over(left[:, episode - 1], "runs")
            numbers.append((f"{name}, left in episode {episode}", share))
    axes.axhline(
        0.05, color="grey", linestyle=":", label="the best that 0.1-greedy can"
    )
    axes.set_ylim(0.0, 1.0)
    axes.legend(frameon=False)
    return Drawn("6.5-maximization-bias", figure, numbers)


def walk_7_2(key: PRNGKeyArray) -> Drawn:
    """The error by step size, for several n."""
    figure, axes = _axes(
        "7.2 n-step prediction in the random walk",
        "step size",
        "root mean square error, first 10 episodes",
    )
    numbers = []
    for n in book.WALK_N:
        error = book.random_walk(key, n)
        _band(axes, book.WALK_SIZES, error.T, f"n = {n}")
        best = int(error.mean(axis=1).argmin())
        label = f"n = {n}, best step size {book.WALK_SIZES[best]:.1f}"
        numbers.append((label, mean_over(error[best], "runs")))
    axes.set_ylim(0.25, 0.55)
    axes.legend(frameon=False)
    return Drawn("7.2-random-walk", figure, numbers)


def dyna_8_2(key: PRNGKeyArray) -> Drawn:
    """Steps of each episode by how much is planned."""
    figure, axes = _axes("8.2 Dyna-Q in its maze", "episode", "steps")
    numbers = []
    for n in book.MAZE_PLANNING:
        steps = book.maze(key, n)
        _band(axes, np.arange(1, 51), steps, f"{n} steps of planning")
        fifth = mean_over(steps[:, 4], "runs")
        numbers.append((f"{n} steps of planning, steps of episode 5", fifth))
    axes.set_ylim(0.0, 800.0)
    axes.legend(frameon=False)
    return Drawn("8.2-dyna-maze", figure, numbers)


def sweeping_example_8_4(key: PRNGKeyArray) -> Drawn:
    """Backups until a short way is known, by the size of the maze."""
    figure, axes = _axes(
        "Example 8.4: planning in finer and finer mazes",
        "states of the maze",
        "backups until a short way is known",
    )
    axes.set_yscale("log")
    scales = finer_mazes.SCALES
    boards = ["".join(dyna_maze(scale=scale).board) for scale in scales]
    sizes = np.array([len(board) - board.count("#") for board in boards])
    curves: dict[str, list[np.ndarray]] = {}
    for name, kind in finer_mazes.PLANNERS.items():
        for scale in scales:
            found = finer_mazes.until_short(key, kind, scale)
            curves.setdefault(name, []).append(found.total)
            if found.before.any():
                since = f"{name}, since the first goal"
                curves.setdefault(since, []).append(found.total - found.before)
    numbers = []
    for name, by_size in curves.items():
        _band(axes, sizes, np.stack(by_size, axis=1), name)
        numbers += [
            (f"{name}, backups, {size} states", mean_over(found, "runs"))
            for size, found in zip(sizes, by_size, strict=True)
        ]
    axes.legend(frameon=False, title="means of runs, 95 %")
    return Drawn("8.4-example-sweeping", figure, numbers)


def _changing(key: PRNGKeyArray, name: str, number: str) -> Drawn:
    change = book.CHANGES[name]()
    figure, axes = _axes(
        f"{number} The {name} maze, Dyna with 50 steps of planning",
        "steps",
        "goals reached so far",
    )
    numbers = []
    for label, kind in (("Dyna-Q+", DynaQPlus), ("Dyna-Q", DynaQ)):
        earned = book.changing_maze(key, kind, change)
        _band(axes, np.arange(0, change.until, 20), earned[:, ::20], label)
        end = mean_over(earned[:, -1], "runs")
        numbers.append((f"{label}, goals by step {change.until:,}", end))
    axes.axvline(change.at, color="grey", linestyle=":", label="the maze changes")
    axes.legend(frameon=False)
    return Drawn(f"{number}-{name}-maze", figure, numbers)


def blocking_8_4(key: PRNGKeyArray) -> Drawn:
    """A way that is closed."""
    return _changing(key, "blocking", "8.4")


def shortcut_8_5(key: PRNGKeyArray) -> Drawn:
    """A shorter way that opens."""
    return _changing(key, "shortcut", "8.5")


def car_10_2(key: PRNGKeyArray) -> Drawn:
    """Mountain Car: learning curves, and what is left to go."""
    figure = Figure(figsize=(10.0, 4.2), layout="constrained")
    curves = figure.add_subplot(1, 2, 1, xlabel="episode", ylabel="steps", yscale="log")
    curves.set_title("10.2, 10.3 Mountain Car, semi-gradient SARSA, 8 tilings")
    numbers, weights = [], None
    for size, n in book.CAR_SETTINGS:
        steps, weights = book.mountain_car(key, size, n=n)
        label = f"step size {size}/8, n = {n}"
        smooth = steps.reshape(len(steps), -1, 5).mean(axis=2)
        _band(curves, np.arange(3, steps.shape[1], 5), smooth, label)
        first = mean_over(steps[:, :50].mean(axis=1), "runs")
        numbers.append((f"{label}, steps, first 50 episodes", first))
    curves.set_ylim(90.0, 2000.0)
    curves.legend(frameon=False, title="means of 5 episodes, 95 %")
    assert weights is not None  # of the last curve
    map_ = figure.add_subplot(1, 2, 2, xlabel="position", ylabel="velocity")
    map_.set_title("10.1 Steps still to go, n = 8, after 500 episodes")
    image = map_.imshow(
        book.cost_to_go(weights),
        origin="lower",
        extent=(-1.2, 0.6, -0.07, 0.07),
        aspect="auto",
    )
    figure.colorbar(image, ax=map_)
    return Drawn("10.2-mountain-car", figure, numbers)


FIGURES: tuple[Callable[[PRNGKeyArray], Drawn], ...] = (
    evaluation_4_1,
    blackjack_5_2,
    windy_6_5,
    cliff_6_6,
    bias_6_5,
    walk_7_2,
    dyna_8_2,
    sweeping_example_8_4,
    blocking_8_4,
    shortcut_8_5,
    car_10_2,
)


def figures(key: PRNGKeyArray) -> Iterator[Drawn]:
    """Run the experiments one after the other, and draw each.

    Args:
        key: every experiment gets one of its own from it.
    """
    for number, draw in enumerate(FIGURES):
        yield draw(jax.random.fold_in(key, number))
