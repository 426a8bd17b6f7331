"""Seconds to solve CartPole-v1, beside the peers: `python -m benchmarks.cartpole`."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.measure import Measurement, arguments, measurement, prepare, report, say
from benchmarks.peers import ask, environment

HERE = Path(__file__).parent
# Who can do which, with what in an environment of its own.
CASES = {"volition": ("pqn", "dqn"), "rejax": ("pqn", "dqn"), "sb3": ("dqn",)}
NEEDS = {
    # Newer ones of gymnax return six values from a step, where rejax takes five.
    "rejax": ("rejax==0.1.3", "gymnax==0.0.9", "jax==0.10.2"),
    "sb3": ("stable-baselines3==2.9.2", "torch==2.13.0"),
}
# Measured on 2026-11-26 by CPU time, in one run with ours, one core of a 2-core x86
# machine that was busy with other work: median, least, greatest, and the seeds.
RECORDED: dict[tuple[str, str, str], tuple[float, float, float, int]] = {
    ("rejax", "pqn", "hot"): (0.3554, 0.08166, 0.4409, 5),
    ("rejax", "pqn", "with compile"): (4.231, 4.11, 4.527, 5),
    ("rejax", "pqn", "steps"): (86020.0, 20480.0, 110600.0, 5),
    ("rejax", "dqn", "hot"): (8.984, 4.03, 12.59, 5),
    ("rejax", "dqn", "with compile"): (13.14, 8.267, 16.83, 5),
    ("rejax", "dqn", "steps"): (62000.0, 31000.0, 84000.0, 5),
    ("sb3", "dqn", "hot"): (20.11, 6.929, 23.63, 5),
    ("sb3", "dqn", "with compile"): (20.11, 6.929, 23.63, 5),
    ("sb3", "dqn", "steps"): (31000.0, 11000.0, 37000.0, 5),
}


def runs(who: str, case: str, n_seeds: int) -> list[dict[str, Any]]:
    """Each seed in a process of its own: seconds with compile and hot, steps."""
    python = sys.executable if who == "volition" else environment(who, NEEDS[who])
    told = []
    for seed in range(n_seeds):
        say(f"{who} {case}: seed {seed + 1} of {n_seeds}")
        told.append(ask(python, HERE / f"cartpole_{who}.py", case, seed))
        if told[-1]["mean"] < 475.0:
            say(f"{who} {case}: seed {seed} stopped at {told[-1]['mean']} of 475")
    return told


def lines(who: str, case: str, told: list[dict[str, Any]]) -> list[Measurement]:
    """What is shown of them."""
    name = f"CartPole-v1, {case}"
    return [
        measurement(name, who, "hot", "s", [one["hot"] for one in told]),
        measurement(name, who, "with compile", "s", [one["total"] for one in told]),
        measurement(name, who, "steps", "steps", [one["steps"] for one in told]),
    ]


def keys(found: Mapping[tuple[str, str], list[Measurement]]) -> dict[str, float]:
    """The medians by name: `pqn_hot_s`, `rejax_pqn_hot_s` and so on."""
    named = {}
    for (who, case), (hot, total, _) in found.items():
        prefix = "" if who == "volition" else f"{who}_"
        named[f"{prefix}{case}_hot_s"] = hot.median
        named[f"{prefix}{case}_total_s"] = total.median
    return named


def recorded(who: str, case: str) -> list[Measurement]:
    """As measured earlier."""
    return [
        Measurement(f"CartPole-v1, {case}", who, metric, unit, *figures, recorded=True)
        for metric, unit in (("hot", "s"), ("with compile", "s"), ("steps", "steps"))
        for figures in [RECORDED[who, case, metric]]
    ]


def main() -> None:
    """Run everything and report."""
    options = arguments(__doc__ or "")
    prepare()
    found = {}
    for who, cases in CASES.items():
        for case in cases:
            if who == "volition" or options.peers:
                found[who, case] = lines(who, case, runs(who, case, options.repeats))
            else:
                found[who, case] = recorded(who, case)
    report([line for each in found.values() for line in each], options.json)
    if options.json:
        print(json.dumps(keys(found)))


if __name__ == "__main__":
    main()
