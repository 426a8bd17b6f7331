"""The audit's own score: `python -m benchmarks.audit`.

Every probe looks at its controls, drawn anew with each seed: those that it must flag
and those that it must not. Recall is the share of the first that it flags, the false
alarm rate the share of the second.
"""

import argparse
import json
from collections import defaultdict

import jax
from scipy import stats

from benchmarks.measure import say
from volition.testing.controls import controls, fires


def share(n_hits: int, n: int) -> list[float]:
    """A share and its exact 95 % interval.

    Source: C. Clopper and E. Pearson, 1934.
    """
    ends = stats.binomtest(n_hits, n).proportion_ci()
    return [n_hits / n, float(ends.low), float(ends.high)]


def scored(n_seeds: int) -> dict:
    """How often each control was flagged, and both shares."""
    fired: dict[tuple[str, str, bool], list[bool]] = defaultdict(list)
    for seed in range(n_seeds):
        say(f"seed {seed + 1} of {n_seeds}")
        for control in controls(seed):
            where = (control.probe, control.name, control.positive)
            fired[where].append(fires(control))
    found = {}
    for key, positive in (("recall", True), ("false_alarm_rate", False)):
        alike = [each for (*_, must), each in fired.items() if must == positive]
        looks = [one for each in alike for one in each]
        found[key] = share(sum(looks), len(looks))
    return found | {
        "n_seeds": n_seeds,
        "controls": [
            {
                "probe": probe,
                "control": name,
                "positive": positive,
                "flagged": sum(looks),
                "of": len(looks),
            }
            for (probe, name, positive), looks in fired.items()
        ],
    }


def main() -> None:
    """Print the table, or one line of JSON, last."""
    parser = argparse.ArgumentParser(description="The audit's own score.")
    parser.add_argument("--json", action="store_true", help="one line of JSON, last")
    parser.add_argument("--seeds", type=int, default=20)
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    found = scored(options.seeds)
    for row in found["controls"]:
        must = "must" if row["positive"] else "must not"
        told = f"{row['flagged']:3d} of {row['of']}"
        print(f"{row['probe']:6s} {told}  {must:8s}  {row['control']}")
    for key in ("recall", "false_alarm_rate"):
        value, low, high = found[key]
        must = key == "recall"
        n = sum(row["of"] for row in found["controls"] if row["positive"] == must)
        print(f"{key} {value:.3f} [{low:.3f}, {high:.3f}] (n = {n}, 95 %, binomial)")
    if options.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
