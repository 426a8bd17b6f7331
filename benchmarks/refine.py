"""Whether findings that are turned into questions pay: `benchmarks.refine`.

A car learns to drive from the answers of a simulated person, as in `volition run
highway`, with each number of answers three times: asking as ever; asking as ever, but
choosing among as many pairs as findings make; and with all questions from the second
round on about what the policy of the moment was found to do
(`volition.study.Findings`). Seeds, roads, steps and the person are the same. Then it
drives on the roads it learned on, always the same episodes.

The saving is by how much fewer answers reach the same true return: the two curves of
true return over the number of answers, made monotone, as far apart along the logarithm
of that number as they are in the mean over all returns that both reach.
"""

import argparse
import json
import os
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PRNGKeyArray
from scipy.optimize import isotonic_regression

from benchmarks.measure import say
from volition.env import driving
from volition.evaluation import Estimate, bootstrap, mean_over, play, ratio_over
from volition.feedback import Segment
from volition.inference import Posterior
from volition.policy import AbstractPolicy, Always, rollout
from volition.query import InformationGain, ask_several, pairs
from volition.reward import HighwayReward
from volition.study import HighwayConfig, by_answers
from volition.study.highway import findings_of_driving
from volition.study.preferences import Exploring, Finder
from volition.study.progress import Progress

COUNTS = (8, 16, 32, 64)
N_STEPS = 200_704  # as `volition run highway`
FIRST_SEED = 100  # settings were tried on seeds 0 to 3
WITHOUT, MORE, WITH = ARMS = ("without", "more candidates", "with")
SAVED = 0.3  # of the answers, that the loop is to save
N_TARGETS = 50  # returns at which the two curves are compared
N_SEGMENTS = 24  # whose 276 pairs are as many as the 240 that findings make

Table = Float[np.ndarray, "arm count seed"]


def more_candidates(n_steps: int = 30) -> Finder:
    """Questions as ever, chosen among as many pairs as findings make."""
    roads = driving.Highway.family().train
    n_each = N_SEGMENTS // len(roads)
    # A fifth of any actions at all, as `volition run highway` mixes them.
    places = np.arange(len(roads) + 1)
    random = np.diff(round(0.2 * N_SEGMENTS) * places // len(roads))

    def find(
        key: PRNGKeyArray, belief: Posterior, policy: AbstractPolicy, n_questions: int
    ) -> Segment:
        choose_key, *keys = jax.random.split(key, 1 + 2 * len(roads))
        parts = []
        for number, road in enumerate(roads):
            mixture = ((random[number], 1.0), (n_each - random[number], 0.3))
            for half, (n, share) in enumerate(mixture):
                if n > 0:
                    parts.append(
                        rollout(
                            keys[2 * number + half],
                            road,
                            Exploring(policy, road.action_space, jnp.asarray(share)),
                            n_segments=int(n),
                            length=10,
                            n_steps=n_steps,
                        )
                    )
        pool = jax.tree.map(lambda *leaves: jnp.asarray(np.concatenate(leaves)), *parts)
        chosen = ask_several(
            choose_key, belief, pairs(pool), InformationGain(), n_questions=n_questions
        )
        options = [one.options for one in chosen]  # pyright: ignore[reportAttributeAccessIssue]
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *options)

    return find


def one_run(
    seed: int, n_answers: int, arm: str, *, n_steps: int, n_episodes: int
) -> dict:
    """Learn from so many answers, and drive.

    Args:
        seed: of all that is random.
        n_answers: in all, divisible by 4.
        arm: whether findings are turned into questions, of `ARMS`.
        n_steps: of learning.
        n_episodes: on each road.
    """
    started = time.process_time()
    config = HighwayConfig(n_steps=n_steps, n_answers=n_answers)
    learned = by_answers(
        jax.random.key(seed),
        config,
        Progress(8, lambda what, done, n: None),
        {WITHOUT: None, MORE: more_candidates(), WITH: findings_of_driving()}[arm],
    )
    taken = time.process_time() - started
    seen = [
        play(
            jax.random.key(1000 + number),
            road,
            learned.policy,
            HighwayReward(),
            n_episodes=n_episodes,
            n_steps=30,
        )
        for number, road in enumerate(driving.Highway.family().train)
    ]
    weights = np.asarray(learned.posterior.mean.weights)  # pyright: ignore[reportAttributeAccessIssue]
    return {
        "seed": seed,
        "n_answers": n_answers,
        "arm": arm,
        "n_steps": n_steps,
        "returns": float(np.mean([one.returns for one in seen])),
        "collisions": float(np.sum([one.terminated for one in seen])),
        "hours": float(np.sum([one.lengths for one in seen])) / 3600.0,
        "weights": [round(float(each), 4) for each in weights],
        "cpu": taken,
    }


def agreements(rows: list[dict], n_segments: int = 200) -> list[dict]:
    """The same rows with how well the learned reward agrees with the true one.

    `agreement` is the correlation of the two over ten-second segments of three drivers
    who hold an action, or with probability 0.3 do anything: a figure of the reward
    alone, without what learning to drive adds to it by chance.

    Args:
        rows: of `one_run`.
        n_segments: of each driver.
    """
    road, truth = driving.Highway.family().train[0], HighwayReward()
    worth, features = [], []
    for number, action in enumerate((driving.IDLE, driving.FASTER, driving.SLOWER)):
        seen = rollout(
            jax.random.key(4000 + number),
            road,
            Exploring(Always(action), road.action_space, 0.3),
            n_segments=n_segments,
            length=10,
            n_steps=30,
        )
        paid = jax.jit(jax.vmap(jax.vmap(truth)))(seen.transition)
        weight = np.asarray(seen.weight)
        worth.append((np.asarray(paid) * weight).sum(axis=1))
        made = np.asarray(seen.transition.features) * weight[..., None]
        features.append(made.sum(axis=1))
    true, seen_features = np.concatenate(worth), np.concatenate(features)
    return [
        row
        | {
            "agreement": float(
                np.corrcoef(seen_features @ np.asarray(row["weights"]), true)[0, 1]
            )
        }
        for row in rows
    ]


def table(rows: list[dict], what: str) -> tuple[Table, tuple[int, ...]]:
    """A figure of every run by arm, number of answers and seed, of whole seeds alone.

    Args:
        rows: of `one_run`.
        what: the figure.

    Returns:
        The table, and the numbers of answers.
    """
    counts = sorted({row["n_answers"] for row in rows})
    cells = {(row["arm"], row["n_answers"], row["seed"]): row[what] for row in rows}
    seeds = [
        seed
        for seed in sorted({row["seed"] for row in rows})
        if all((arm, n, seed) in cells for arm in ARMS for n in counts)
    ]
    values = [[[cells[arm, n, seed] for seed in seeds] for n in counts] for arm in ARMS]
    return np.asarray(values).reshape(len(ARMS), len(counts), len(seeds)), tuple(counts)


def saving(returns: Table, counts: tuple[int, ...]) -> Estimate:
    """The share of the answers that findings save at the same true return.

    Args:
        returns: true, `[arm, count, seed]`.
        counts: numbers of answers, rising.

    Returns:
        `1 - n_with / n_without`, in the geometric mean over returns, with an interval
        over seeds, which are drawn for both arms at once. Below 0 it costs answers; NaN
        where no return is reached by both.
    """
    at = lambda rows: _saved(returns[:, :, rows].mean(axis=2), counts)
    return bootstrap(at, returns.shape[2], "seeds")


def _saved(curves: Float[np.ndarray, "arm count"], counts: tuple[int, ...]) -> float:
    rising = np.stack([isotonic_regression(curve).x for curve in curves])
    low, high = rising[:, 0].max(), rising[:, -1].min()
    if not low < high:
        return float("nan")
    targets = np.linspace(low, high, N_TARGETS)
    without, with_them = (_reached(curve, counts, targets) for curve in rising)
    return float(1.0 - np.exp(np.mean(with_them - without)))


def _reached(
    curve: Float[np.ndarray, " count"],
    counts: tuple[int, ...],
    targets: Float[np.ndarray, " target"],
) -> Float[np.ndarray, " target"]:
    """The logarithm of the least number of answers that reaches each return."""
    logs = np.log(np.asarray(counts, dtype=float))
    after = np.clip(np.searchsorted(curve, targets), 1, len(curve) - 1)
    low, high = curve[after - 1], curve[after]
    wide = high - low
    share = np.where(wide > 0.0, (targets - low) / np.where(wide > 0.0, wide, 1.0), 0.0)
    share = np.clip(share, 0.0, 1.0)
    return logs[after - 1] + share * (logs[after] - logs[after - 1])


def compared(rows: list[dict]) -> dict[str, dict[str, Estimate]]:
    """Every arm at each number of answers, and findings beside each other arm."""
    returns, counts = table(rows, "returns")
    agreed, _ = table(agreements(rows), "agreement")
    crashes, hours = (table(rows, what)[0] for what in ("collisions", "hours"))
    found: dict[str, dict[str, Estimate]] = {}
    for place, n in enumerate(counts):
        for arm, name in enumerate(ARMS):
            rate = ratio_over(crashes[arm, place], hours[arm, place], "seeds")
            found[f"{n} answers, {name}"] = {
                "return": mean_over(returns[arm, place], "seeds"),
                "agreement": mean_over(agreed[arm, place], "seeds"),
                "collisions an hour": rate.within(0.0, np.inf),
            }
    own = ARMS.index(WITH)
    for arm, name in enumerate(ARMS[:own]):
        both = np.array([arm, own])

        def fewer(seeds, both=both) -> float:
            """Collisions an hour, all numbers of answers together."""
            picked = np.ix_(both, np.arange(len(counts)), seeds)
            rate = crashes[picked].sum((1, 2)) / hours[picked].sum((1, 2))
            return float(rate[0] - rate[1])

        found[f"{WITH} findings, beside {name}"] = {
            "return, more": mean_over((returns[own] - returns[arm]).mean(0), "seeds"),
            "agreement, more": mean_over((agreed[own] - agreed[arm]).mean(0), "seeds"),
            "collisions an hour, fewer": bootstrap(fewer, returns.shape[2], "seeds"),
            "answers saved": saving(returns[both], counts),
            "answers saved at the same agreement": saving(agreed[both], counts),
        }
    return found


def verdict(found: dict[str, dict[str, Estimate]]) -> str:
    """Whether it pays, in sentences."""
    told = []
    for name in ARMS[: ARMS.index(WITH)]:
        one = found[f"{WITH} findings, beside {name}"]
        saved, fewer = one["answers saved"], one["collisions an hour, fewer"]
        if saved.low >= SAVED or fewer.low > 0.0:
            word = "pays"
        elif saved.value >= SAVED and saved.low > 0.0:
            word = "pays, as far as these seeds tell"
        else:
            word = "is not shown to pay"
        alike = one["answers saved at the same agreement"]
        told.append(
            f"Beside {name!r}, to turn findings into questions {word}: the same true "
            f"return takes {_percent(saved)} fewer answers, a reward that agrees as "
            f"well with the true one {_percent(alike)}; with as many answers there are "
            f"{fewer.value:.1f} [{fewer.low:.1f}, {fewer.high:.1f}] fewer collisions "
            f"an hour (n = {saved.n} seeds)."
        )
    return " ".join(told)


def _percent(share: Estimate) -> str:
    return f"{share.value:.0%} [{share.low:.0%}, {share.high:.0%}]"


def all_runs(options: argparse.Namespace, counts: tuple[int, ...]) -> list[dict]:
    """Every run, seed by seed; those that the file of rows holds are not run again."""
    kept = Path(options.rows) if options.rows else None
    text = kept.read_text() if kept is not None and kept.exists() else ""
    rows = [json.loads(line) for line in text.splitlines()]
    rows = [row for row in rows if row["n_steps"] == options.steps]
    done = {(row["seed"], row["n_answers"], row["arm"]) for row in rows}
    for seed in range(FIRST_SEED, FIRST_SEED + options.seeds):
        for n_answers in counts:
            for arm in ARMS:
                if (seed, n_answers, arm) in done:
                    continue
                row = one_run(
                    seed,
                    n_answers,
                    arm,
                    n_steps=options.steps,
                    n_episodes=options.episodes,
                )
                rows.append(row)
                say(json.dumps(row))
                if kept is not None:
                    with kept.open("a") as file:
                        file.write(json.dumps(row) + "\n")
    wanted = range(FIRST_SEED, FIRST_SEED + options.seeds)
    return [r for r in rows if r["seed"] in wanted and r["n_answers"] in counts]


def main(arguments: list[str] | None = None) -> None:
    """Run everything and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON, last")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--answers", default=",".join(map(str, COUNTS)))
    parser.add_argument("--steps", type=int, default=N_STEPS)
    parser.add_argument("--episodes", type=int, default=100, help="on each of 6 roads")
    parser.add_argument("--rows", help="a file that keeps each run, to go on from")
    options = parser.parse_args(arguments)
    counts = tuple(int(n) for n in options.answers.split(","))
    found = compared(all_runs(options, counts))
    for where, figures in found.items():
        for name, figure in figures.items():
            print(f"{where}, {name}: {figure}")
    print(verdict(found))
    if options.json:
        told: dict = {
            where: {name: figure.record() for name, figure in figures.items()}
            for where, figures in found.items()
        }
        print(json.dumps(told | {"verdict": verdict(found)}))


if __name__ == "__main__":
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    jax.config.update("jax_enable_x64", True)
    main()
