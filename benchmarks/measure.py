"""Timing on one core, and what is printed of it."""

import argparse
import dataclasses
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from volition import configure


@dataclasses.dataclass(frozen=True)
class Measurement:
    """One figure of one case.

    Args:
        case: what was done.
        who: by which software, ours or a peer.
        metric: what the figure is.
        unit: its unit.
        median: of the repeats.
        low: least of the repeats.
        high: greatest of the repeats.
        repeats: how many there were.
        recorded: whether it was measured at another time, on another machine.
    """

    case: str
    who: str
    metric: str
    unit: str
    median: float
    low: float
    high: float
    repeats: int
    recorded: bool = False


def measurement(
    case: str, who: str, metric: str, unit: str, figures: Sequence[float]
) -> Measurement:
    """Median, least and greatest of some figures."""
    return Measurement(
        case,
        who,
        metric,
        unit,
        statistics.median(figures),
        min(figures),
        max(figures),
        len(figures),
    )


def seconds(work: Callable[[], Any]) -> float:
    """CPU time of one call of everything in this process; JAX's results are waited for.

    On one core that nobody else uses it is the wall time; where others use it, the wall
    time would be theirs, too.
    """
    start = time.process_time()
    jax.block_until_ready(work())
    return time.process_time() - start


def first_and_hot(
    works: Mapping[str, Callable[[], Any]], repeats: int
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Seconds of the first call of each, which compiles, and of the ones that follow.

    They take turns, so that a machine that slows down does so for all of them.
    """
    first, hot = {}, {name: [] for name in works}
    for name, work in works.items():
        say(f"{name}: first call")
        first[name] = seconds(work)
    for number in range(repeats):
        say(f"repeat {number + 1} of {repeats}")
        for name, work in works.items():
            hot[name].append(seconds(work))
    return first, hot


def rates(taken: Sequence[float], count: int) -> list[float]:
    """Millions a second."""
    return [count / one / 1e6 for one in taken]


def ratio(
    case: str, metric: str, ours: Sequence[float], theirs: Sequence[float]
) -> Measurement:
    """How many times as fast we are, turn by turn."""
    times = [b / a for a, b in zip(ours, theirs, strict=True)]
    return measurement(case, "ratio", metric, "times", times)


def say(text: str) -> None:
    """Progress, on stderr."""
    print(text, file=sys.stderr, flush=True)


def prepare() -> None:
    """One core, 64 bits, as the commands have it; before JAX computes anything."""
    configure()
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_platforms", "cpu")
    if not hasattr(os, "sched_setaffinity"):
        say("this system cannot pin a process to a core: times may use several.")
    elif len(os.sched_getaffinity(0)) > 1:
        # And begin again: JAX makes a thread for each core it saw when it was loaded,
        # and dividing the work of one core among them takes half as long again.
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        os.execv(sys.executable, sys.orig_argv)


def arguments(description: str) -> argparse.Namespace:
    """The options of every benchmark."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="add a JSON line for each")
    parser.add_argument("--peers", action="store_true", help="run the peers as well")
    parser.add_argument("--repeats", type=int, default=7, help="hot runs of each")
    return parser.parse_args()


def report(measurements: Sequence[Measurement], as_json: bool) -> None:
    """A table, and one JSON line for each measurement."""
    for one in measurements:
        spread = f"[{one.low:.4g}, {one.high:.4g}] of {one.repeats}"
        note = " (recorded)" if one.recorded else ""
        print(
            f"{one.case:24} {one.who:26} {one.metric:24} "
            f"{one.median:10.4g} {one.unit:9} {spread}{note}"
        )
    if as_json:
        for one in measurements:
            print(json.dumps(dataclasses.asdict(one)))
