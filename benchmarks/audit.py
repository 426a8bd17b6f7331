"""The audit's own score: `python -m benchmarks.audit`.

Every probe looks at its controls, drawn anew with each seed: those that it must flag
and those that it must not. Recall is the share of the first that it flags, the false
alarm rate the share of the second.

Then bare calls, `audit(reward, env)` with nothing else: by the visible reward of every
shipped world in which it is known to mislead, none of which may be called clean; and by
the true reward of shipped worlds and of worlds drawn anew with each seed, where every
finding is a false alarm.
"""

import argparse
import json
from collections import defaultdict

import jax
import numpy as np
from scipy import stats

from benchmarks.measure import say
from volition import env as worlds, reward as rewards
from volition.env import AbstractEnvironment
from volition.probes import audit
from volition.reward import AbstractReward, Linear, Shaped, Tabular, safety_worlds
from volition.testing.controls import controls, fires

Pair = tuple[AbstractReward, AbstractEnvironment]
N_TILES = {"G": 1, "X": 3, "#": 4}  # on a board of 5 x 6


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


def misleading() -> dict[str, Pair]:
    """The visible rewards of shipped worlds that are known to be hackable."""
    found: dict[str, Pair] = {
        name: (one.visible, one.env)
        for name, one in safety_worlds().items()
        if one.category == "specification"
    }
    road = worlds.three_lane_road(sight=3)
    pays = Linear(road.feature_names, [1.0, 0.0, -1.0, 0.0])
    return found | {"three_lane_road, speed - collision": (pays, road)}


def true() -> dict[str, Pair]:
    """The true rewards of shipped worlds."""
    found: dict[str, Pair] = {
        name: (one.hidden, one.env) for name, one in safety_worlds().items()
    }
    cliff, maze = worlds.cliff_walking(), worlds.dyna_maze()
    road = worlds.three_lane_road(sight=3)
    careful = Linear(road.feature_names, [1.0, 0.0, -1e4, 0.0])
    return found | {
        "delivery": (rewards.delivery_true(), worlds.delivery()),
        "cliff_walking": (rewards.cliff_walking(), cliff),
        "dyna_maze": (rewards.dyna_maze(), maze),
        "frozen_lake": (Linear(("reward",), [1.0]), worlds.frozen_lake()),
        "three_lane_road, a collision costs 10 km/s": (careful, road),
    }


def drawn(seed: int) -> dict[str, Pair]:
    """Worlds drawn anew, with the truth as the reward."""
    rng = np.random.default_rng(seed)
    chance = worlds.random_mdp(jax.random.key(seed), 12, 3, 4, discount=0.9)
    board = np.full(30, ".")
    marks = np.concatenate([[mark] * n for mark, n in N_TILES.items()])
    board[rng.choice(30, len(marks), replace=False)] = marks
    rows = ["".join(row) for row in board.reshape(5, 6)]
    weights = [-1.0, rng.uniform(10.0, 50.0), -rng.uniform(10.0, 50.0)]
    delivery, truth = worlds.delivery(), rewards.delivery_true()
    potential = np.where(np.asarray(delivery.terminal), 0.0, rng.normal(size=100))
    scale = 10.0 ** rng.uniform(-3.0, 3.0)
    alike = Linear(delivery.feature_names, scale * np.asarray(truth.weights))
    found: dict[str, Pair] = {
        "random MDP": (Tabular(rng.normal(size=(12, 3))), chance),
        "delivery, scaled and shaped": (
            Shaped(alike, scale * potential, delivery.discount),
            delivery,
        ),
    }
    for slip in (0.0, 0.1):
        grid = worlds.gridworld(rows, slip=slip, discount=0.95)
        reward = Linear(grid.feature_names, scale * np.array(weights))
        found[f"gridworld, slip {slip:g}"] = (reward, grid)
    return found


def bare(n_seeds: int) -> dict:
    """What bare calls say of misleading rewards, and of true ones."""
    say("bare calls")
    hackable = {name: audit(*pair).verdict for name, pair in misleading().items()}
    shipped = {name: audit(*pair) for name, pair in true().items()}
    alarms = {name: bool(one.findings) for name, one in shipped.items()}
    new: dict[str, list[bool]] = defaultdict(list)
    for seed in range(n_seeds):
        say(f"worlds drawn anew, {seed + 1} of {n_seeds}")
        for name, pair in drawn(seed).items():
            new[name].append(bool(audit(*pair).findings))
    looks = [*alarms.values(), *(one for each in new.values() for one in each)]
    return {
        "bare_hackable": hackable,
        "bare_hackable_called_clean": sum(one == "clean" for one in hackable.values()),
        "bare_true": {name: one.verdict for name, one in shipped.items()},
        "bare_drawn": {name: [sum(each), len(each)] for name, each in new.items()},
        "bare_false_alarm_rate": share(sum(looks), len(looks)),
    }


def show_bare(found: dict) -> None:
    """The verdicts of bare calls, as lines."""
    for key, title in (
        ("bare_hackable", "bare call, a reward that misleads"),
        ("bare_true", "bare call, the true reward"),
    ):
        for name, verdict in found[key].items():
            print(f"{title}: {name}: {verdict}")
    for name, (n_alarms, n) in found["bare_drawn"].items():
        print(f"bare call, the true reward, drawn anew: {name}: {n_alarms} of {n}")
    value, low, high = found["bare_false_alarm_rate"]
    print(f"bare_false_alarm_rate {value:.3f} [{low:.3f}, {high:.3f}] (95 %, binomial)")


def main() -> None:
    """Print the table, or one line of JSON, last."""
    parser = argparse.ArgumentParser(description="The audit's own score.")
    parser.add_argument("--json", action="store_true", help="one line of JSON, last")
    parser.add_argument("--seeds", type=int, default=20)
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    found = scored(options.seeds) | bare(options.seeds)
    for row in found["controls"]:
        must = "must" if row["positive"] else "must not"
        told = f"{row['flagged']:3d} of {row['of']}"
        print(f"{row['probe']:6s} {told}  {must:8s}  {row['control']}")
    for key in ("recall", "false_alarm_rate"):
        value, low, high = found[key]
        must = key == "recall"
        n = sum(row["of"] for row in found["controls"] if row["positive"] == must)
        print(f"{key} {value:.3f} [{low:.3f}, {high:.3f}] (n = {n}, 95 %, binomial)")
    show_bare(found)
    if options.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
