"""AIRL and GAIL until they balance a pole: `python -m benchmarks.adversarial`.

CPU seconds, from 20 episodes of an expert, until 20 greedy and 20 sampled episodes of
CartPole-v1 both come to 475 steps in the mean. imitation's figures are of
seals/CartPole, whose episodes never end early, as its library asks for; ours end where
the pole falls. AIRL's recovered reward is learned from anew, alone, by another soft
learner: how many steps that takes, and what 20 further greedy episodes come to.
"""

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.measure import Measurement, arguments, measurement, prepare, report, say
from benchmarks.peers import ask

HERE = Path(__file__).parent
CASES = ("airl", "gail")
# peers.md, imitation 1.0.1, tutorial settings, 60 demonstrations, one seed: CPU seconds
# and steps on another machine.
RECORDED = {"airl": (186.0, 475_000.0), "gail": (143.0, 475_000.0)}


def runs(case: str, n_seeds: int) -> list[dict[str, Any]]:
    """Each seed in a process of its own."""
    told = []
    for seed in range(n_seeds):
        say(f"volition {case}: seed {seed + 1} of {n_seeds}")
        told.append(ask(sys.executable, HERE / "adversarial_volition.py", case, seed))
        if told[-1]["mean"] < 475.0:
            say(f"{case}: seed {seed} stopped at {told[-1]['mean']} of 475")
    return told


def lines(case: str, told: list[dict[str, Any]]) -> list[Measurement]:
    """What is shown of them, and of imitation."""
    name = f"CartPole-v1, {case}"
    seconds, steps = RECORDED[case]
    column = lambda key: [float(one[key]) for one in told]
    recorded = lambda metric, unit, figure: Measurement(
        name, "imitation", metric, unit, figure, figure, figure, 1, recorded=True
    )
    total = column("total")
    ratios = [seconds / one for one in total]
    shown = [
        measurement(name, "volition", "with compile", "s", total),
        measurement(name, "volition", "hot", "s", column("taken")),
        measurement(name, "volition", "steps", "steps", column("steps")),
        measurement(name, "volition", "return", "1", column("mean")),
        measurement(name, "volition", "return of fresh episodes", "1", column("fresh")),
        recorded("seconds", "s", seconds),
        recorded("steps", "steps", steps),
    ]
    if case == "airl":
        anew = column("anew_steps"), column("anew_fresh")
        shown += [
            measurement(name, "volition", "steps, anew", "steps", anew[0]),
            measurement(name, "volition", "return, anew", "1", anew[1]),
        ]
    return [*shown, measurement(name, "ratio", f"ratio_{case}", "times", ratios)]


def keys(found: dict[str, list[Measurement]]) -> dict[str, float]:
    """The medians by name: `airl_s`, `airl_hot_s`, `ratio_airl` and so on."""
    named = {}
    for case, shown in found.items():
        named[f"{case}_s"] = shown[0].median
        named[f"{case}_hot_s"] = shown[1].median
        named[f"ratio_{case}"] = shown[-1].median
    return named


def main() -> None:
    """Run everything and report."""
    options = arguments(__doc__ or "")
    prepare()
    found = {case: lines(case, runs(case, options.repeats)) for case in CASES}
    report([line for each in found.values() for line in each], options.json)
    if options.json:
        print(json.dumps(keys(found)))


if __name__ == "__main__":
    main()
