"""Sutton and Barto's results against ours: `python -m benchmarks.sutton_barto`."""

import argparse
import dataclasses
import json
import math
import sys
import time

import jax
import numpy as np

from benchmarks.measure import say
from volition.cli.start import start_jax
from volition.study import sutton_barto as book

KEY = 0


@dataclasses.dataclass(frozen=True)
class Result:
    """One figure beside the one to be reproduced.

    Args:
        value: ours.
        standard_error: of it; 0 where it is exact.
        n: runs.
        reference: the figure to be reproduced.
        reference_error: its standard error.
    """

    value: float
    standard_error: float
    n: int
    reference: float
    reference_error: float

    @property
    def z(self) -> float:
        """Standard errors between the two; 0 where they are equal, infinite where not.

        The last is said of figures without any error.
        """
        error = math.hypot(self.standard_error, self.reference_error)
        gap = self.value - self.reference
        return gap / error if error > 0 else (0.0 if gap == 0 else math.inf)


def mean(values: np.ndarray, reference: float, error: float | None = None) -> Result:
    """Ours is a mean over runs; without an error theirs is one over 100 such runs."""
    n, spread = len(values), float(np.std(values, ddof=1))
    theirs = spread / 10.0 if error is None else error
    return Result(float(np.mean(values)), spread / math.sqrt(n), n, reference, theirs)


def share(hits: np.ndarray, reference: float, n: int) -> Result:
    """Ours is a share of runs, theirs of n runs."""
    error = lambda p, n: math.sqrt(p * (1.0 - p) / n)
    p = float(np.mean(hits))
    return Result(p, error(p, len(hits)), len(hits), reference, error(reference, n))


def cliff() -> dict[str, Result]:
    """Example 6.6."""
    found = {
        name: book.cliff(jax.random.key(KEY), kind) for name, kind in book.CLIFF.items()
    }
    last = {
        name: runs.total[:, -100:].mean(axis=1) for name, (runs, _) in found.items()
    }
    after = {name: greedy for name, (_, greedy) in found.items()}
    return {
        "SARSA": mean(last["SARSA"], -26.8, 0.4),
        "Q": mean(last["Q-learning"], -50.0, 0.5),
        "expected SARSA": mean(last["expected SARSA"], -21.0, 0.1),
        "greedy Q -13": share(after["Q-learning"] == -13, 1.0, 200),
        "greedy expected SARSA -15": share(after["expected SARSA"] == -15, 1.0, 200),
        "greedy SARSA -17": share(after["SARSA"] == -17, 145 / 200, 200),
        "greedy SARSA loops": share(np.isinf(after["SARSA"]), 37 / 200, 200),
    }


def windy() -> dict[str, Result]:
    """Example 6.5.

    The 9 of "159 +- 9" is taken as the deviation of single runs, which ours have too,
    and their number, which is not recorded, as 200, that of the cliff.
    """
    runs = book.windy(jax.random.key(KEY))
    by_8000 = (runs.end < 8000).sum(axis=1)
    last = np.diff(runs.end[:, -101:], axis=1).mean(axis=1)
    shortest = book.shortest_windy()
    return {
        "episodes by step 8,000": mean(by_8000, 159.0, 9.0 / math.sqrt(200)),
        "minimum greedy length": Result(shortest, 0.0, 1, 15.0, 0.0),
        # Recorded as "about 20": taken as rounded to a whole step.
        "mean epsilon-greedy length": mean(last, 20.0, 1.0 / math.sqrt(12)),
    }


def bias() -> dict[str, Result]:
    """Figure 6.5."""
    expected = {
        "Q-learning": (0.94, 0.458, 0.156, 0.118),
        "double Q-learning": (0.50, 0.090, 0.076, 0.069),
    }
    results = {}
    for name, (peak, *later) in expected.items():
        left = book.bias(jax.random.key(KEY), book.BIAS[name])
        short = name.replace("-learning", "")
        best = int(left.mean(axis=0).argmax())
        results[f"{short} peak"] = share(left[:, best], peak, len(left))
        for episode, reference in zip((100, 200, 300), later, strict=True):
            at = left[:, episode - 1]
            results[f"{short} ep{episode}"] = share(at, reference, len(left))
    return results


def walk() -> dict[str, Result]:
    """Figure 7.2."""
    expected = {1: 0.348, 2: 0.280, 4: 0.268, 8: 0.283, 16: 0.324}
    results = {}
    for n, reference in expected.items():
        error = book.random_walk(jax.random.key(KEY), n)
        best = int(error.mean(axis=1).argmin())
        label = f"n={n} (step size {book.WALK_SIZES[best]:.1f})"
        results[label] = mean(error[best], reference)
    return results


TASKS = {
    "cliff 6.6": cliff,
    "windy 6.5": windy,
    "double-Q bias 6.7": bias,
    "random walk 7.2": walk,
}


def main() -> None:
    """Run everything, print it, and fail where something is off by 3 errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON, last")
    options = parser.parse_args()
    start_jax()
    start, results = time.perf_counter(), {}
    for task, work in TASKS.items():
        say(task)
        results[task] = work()
        for name, one in results[task].items():
            print(
                f"{task:18} {name:28} {one.value:9.4g} +- {one.standard_error:<8.2g} "
                f"(n = {one.n:5}; theirs {one.reference:g} +- "
                f"{one.reference_error:.2g}; {one.z:+.1f} errors apart)"
            )
    off = [
        f"{task}, {name}"
        for task, found in results.items()
        for name, one in found.items()
        if not abs(one.z) <= 3.0
    ]
    print(f"{time.perf_counter() - start:.0f} s; off by 3 errors: {off or 'none'}")
    if options.json:
        record = lambda one: dataclasses.asdict(one) | {"z": one.z}
        records = {
            task: {name: record(one) for name, one in found.items()}
            for task, found in results.items()
        }
        print(json.dumps(records))
    sys.exit(1 if off else 0)


if __name__ == "__main__":
    main()
