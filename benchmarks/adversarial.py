"""AIRL and GAIL until they balance a pole: `python -m benchmarks.adversarial --peers`.

CPU seconds, from 20 episodes of an expert, until 20 greedy and 20 sampled episodes of
CartPole-v1 both come to 475 steps in the mean. imitation learns from 60 episodes, to
the same rule, on seals/CartPole, whose episodes never end early, as its library asks
for; ours end where the pole falls. It is stopped after a million steps, and then its
ratio is one that is at least so great. AIRL's recovered reward is learned from anew,
alone, by another soft learner: how many steps that takes, and what 20 further greedy
episodes come to.
"""

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.measure import Measurement, arguments, measurement, prepare, report, say
from benchmarks.peers import ask, environment
from benchmarks.preferences_networks import NEEDS

HERE = Path(__file__).parent
CASES = ("airl", "gail")
# peers.md, imitation 1.0.1, tutorial settings, 60 demonstrations, one seed: CPU seconds
# and steps on another machine.
RECORDED = {"airl": (186.0, 475_000.0), "gail": (143.0, 475_000.0)}
LIMIT = 1_000_000  # steps of imitation; its tutorials name 0.8 and 2 million


def runs(who: str, case: str, n_seeds: int) -> list[dict[str, Any]]:
    """Each seed in a process of its own."""
    ours = who == "volition"
    python = sys.executable if ours else environment(who, NEEDS)
    limit = () if ours else (LIMIT,)
    told = []
    for seed in range(n_seeds):
        say(f"{who} {case}: seed {seed + 1} of {n_seeds}")
        told.append(ask(python, HERE / f"adversarial_{who}.py", case, seed, *limit))
        if told[-1]["mean"] < 475.0:
            say(f"{who} {case}: seed {seed} stopped at {told[-1]['mean']} of 475")
    return told


def lines(
    case: str, ours: list[dict[str, Any]], theirs: list[dict[str, Any]] | None
) -> list[Measurement]:
    """What is shown of us and of imitation, which was recorded where it is None."""
    name = f"CartPole-v1, {case}"
    column = lambda told, key: [float(one[key]) for one in told]
    total = column(ours, "total")
    shown = [
        measurement(name, "volition", "with compile", "s", total),
        measurement(name, "volition", "hot", "s", column(ours, "taken")),
        measurement(name, "volition", "steps", "steps", column(ours, "steps")),
        measurement(name, "volition", "return", "1", column(ours, "mean")),
        measurement(
            name, "volition", "return of fresh episodes", "1", column(ours, "fresh")
        ),
        *(recorded(case, name) if theirs is None else measured(name, theirs)),
    ]
    if case == "airl":
        shown += [
            measurement(
                name, "volition", "steps, anew", "steps", column(ours, "anew_steps")
            ),
            measurement(
                name, "volition", "return, anew", "1", column(ours, "anew_fresh")
            ),
        ]
    others = (
        [RECORDED[case][0]] * len(total) if theirs is None else column(theirs, "total")
    )
    ratios = [other / one for other, one in zip(others, total, strict=True)]
    return [*shown, measurement(name, "ratio", f"ratio_{case}", "times", ratios)]


def recorded(case: str, name: str) -> list[Measurement]:
    """imitation as it was measured earlier."""
    seconds, steps = RECORDED[case]
    show = lambda metric, unit, figure: Measurement(
        name, "imitation", metric, unit, figure, figure, figure, 1, recorded=True
    )
    return [show("seconds", "s", seconds), show("steps", "steps", steps)]


def measured(name: str, theirs: list[dict[str, Any]]) -> list[Measurement]:
    """imitation as it was measured now."""
    column = lambda key: [float(one[key]) for one in theirs]
    there = [float(mean >= 475.0) for mean in column("mean")]
    return [
        measurement(name, "imitation", "seconds", "s", column("total")),
        measurement(name, "imitation", "steps", "steps", column("steps")),
        measurement(name, "imitation", "return", "1", column("mean")),
        measurement(
            name, "imitation", "return of fresh episodes", "1", column("fresh")
        ),
        measurement(name, "imitation", "seeds that got there", "1", [sum(there)]),
    ]


def keys(found: dict[str, list[Measurement]]) -> dict[str, float]:
    """The medians by name: `airl_s`, `airl_hot_s`, `ratio_airl` and so on."""
    named = {}
    for case, shown in found.items():
        named[f"{case}_s"] = shown[0].median
        named[f"{case}_hot_s"] = shown[1].median
        named[f"ratio_{case}"] = shown[-1].median
        theirs = {one.metric: one.median for one in shown if one.who == "imitation"}
        named[f"imitation_{case}_s"] = theirs["seconds"]
    return named


def main() -> None:
    """Run everything and report."""
    options = arguments(__doc__ or "")
    prepare()
    found = {}
    for case in CASES:
        ours = runs("volition", case, options.repeats)
        theirs = runs("imitation", case, options.repeats) if options.peers else None
        found[case] = lines(case, ours, theirs)
    report([line for each in found.values() for line in each], options.json)
    if options.json:
        print(json.dumps(keys(found)))


if __name__ == "__main__":
    main()
