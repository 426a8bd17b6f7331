"""A driving reward of few answers, optimised ever harder.

With each seed a reward is learned from 16 answers of a simulated person, as in
`volition run highway`. Then it is optimised in two ways: by PQN, step by step from
nothing, and by taking the best of n drives at random. Either way the learned return
rises with the budget; what the true return does is the question.

For PQN the end is compared with the budget that was best for the other seeds, so that
the best is not chosen by its luck; for best-of-n the curve of Gao et al. is fitted.
"""

import argparse
import json
import os
from pathlib import Path
from typing import cast

import jax
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from benchmarks.measure import say
from benchmarks.refine import FIRST_SEED
from volition.env import driving
from volition.evaluation import (
    Estimate,
    OverOptimisation,
    mean_over,
    over_optimisation,
    play,
)
from volition.inference import of_size_one
from volition.policy import AbstractPolicy, Random
from volition.reward import HighwayReward, Linear as LinearReward, Scaled
from volition.study import HighwayConfig, by_answers
from volition.study.progress import Progress
from volition.value import learn
from volition.value.deep import PQN, Passes, RAdam, Rollout
from volition.value.schedule import Linear

N_ANSWERS = 16
STEP = 10_240  # of PQN from one look to the next, at least
LOOKS = (1, 2, 4, 8, 16, 39)  # in such steps: 10,000 to 400,000
COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)  # of which the best is taken
N_LEARNING = 49_152  # steps while the reward is learned
LENGTH = 30  # decisions of a drive

Points = Float[np.ndarray, "seed point"]


def learned_reward(seed: int, n_answers: int, n_steps: int) -> Scaled:
    """What so many answers say, at a size that networks like."""
    found = by_answers(
        jax.random.key(seed),
        HighwayConfig(n_steps=n_steps, n_answers=n_answers),
        Progress(8),
    )
    return of_size_one(found.posterior.mean, found.answers)


def drives(
    policy: AbstractPolicy, reward: Scaled, key: PRNGKeyArray, n_each: int
) -> tuple[np.ndarray, np.ndarray]:
    """Learned and true return of drives on all roads, `[drive]`.

    Args:
        policy: who drives.
        reward: the learned one, linear in the features.
        key: the same drives for the same key.
        n_each: on each road.
    """
    truth = HighwayReward()
    seen = [
        play(key, road, policy, truth, n_episodes=n_each, n_steps=LENGTH)
        for road in driving.Highway.family().train
    ]
    features = np.concatenate([np.asarray(one.features) for one in seen])
    weights = np.asarray(cast("LinearReward", reward.reward).weights)
    earned = features @ (weights * float(reward.factor))
    return earned, np.concatenate([np.asarray(one.returns) for one in seen])


def by_steps(
    seed: int, reward: Scaled, looks: tuple[int, ...], n_each: int
) -> tuple[list[float], list[float]]:
    """Learned and true mean return as PQN goes on, at each look.

    Args:
        seed: of learning.
        reward: the learned one.
        looks: after how many times `STEP` steps, rising.
        n_each: drives on each road.
    """
    total = STEP * looks[-1]
    learner = PQN(
        STEP,
        rollout=Rollout(64, 16),
        passes=Passes(4, 8, 0.9),
        optimiser=RAdam(Linear(2e-3, 1e-4, total)),
        # As a share of the whole it would make early looks play at random.
        exploration=Linear(1.0, 0.05, 4 * STEP),
        n_stretches=1,
    )
    roads, found, earned, wanted = driving.Highway.family().train, None, [], []
    for number in range(1, looks[-1] + 1):
        after = None if found is None else found.stand
        found = learn(jax.random.key(seed), roads, reward, learner, after=after)
        if number in looks:
            one = drives(found.policy, reward, jax.random.key(2000), n_each)
            earned.append(float(one[0].mean()))
            wanted.append(float(one[1].mean()))
    return earned, wanted


def by_choice(seed: int, reward: Scaled, n_each: int) -> OverOptimisation:
    """The best of n drives at random by the learned reward.

    Args:
        seed: of the drives.
        reward: the learned one.
        n_each: on each road.
    """
    key = jax.random.fold_in(jax.random.key(3000), seed)
    earned, wanted = drives(Random(len(driving.ACTIONS)), reward, key, n_each)
    return over_optimisation(earned, wanted, COUNTS)


def lost_at_the_end(wanted: Points) -> tuple[Estimate, list[int]]:
    """How much less the last point is worth than the best one of the other seeds.

    Args:
        wanted: true return, `[seed, point]`, at least two seeds.

    Returns:
        Last less best, over seeds; and the place of the best for each seed.
    """
    n = len(wanted)
    places = [
        int(np.argmax(np.delete(wanted, seed, axis=0).mean(axis=0)))
        for seed in range(n)
    ]
    change = wanted[:, -1] - wanted[np.arange(n), places]
    return mean_over(change, "seeds"), places


def draw(
    path: Path,
    steps: list[int],
    earned: Points,
    wanted: Points,
    chosen: list[OverOptimisation],
) -> None:
    """Both curves, as a picture.

    Args:
        path: of the PNG.
        steps: of PQN at each look.
        earned: learned return, `[seed, look]`.
        wanted: true return, `[seed, look]`.
        chosen: best-of-n of each seed.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.0, 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    twin = left.twinx()
    for axes, values, name, colour in (
        (left, wanted, "true return", "C0"),
        (twin, earned, "learned return", "C1"),
    ):
        middle = [mean_over(column, "seeds") for column in values.T]
        axes.plot(steps, [one.value for one in middle], "o-", color=colour)
        low, high = [one.low for one in middle], [one.high for one in middle]
        axes.fill_between(steps, low, high, alpha=0.2, color=colour)
        axes.set_ylabel(name, color=colour)
    left.set_xscale("log")
    left.set_xlabel("steps of PQN")
    for one in chosen:
        gold = [point.value for point in one.gold]
        right.plot(np.sqrt(one.divergence), gold, color="C0", alpha=0.4)
    golds = np.array([[point.value for point in one.gold] for one in chosen])
    distance = np.sqrt(chosen[0].divergence)
    right.plot(distance, golds.mean(axis=0), "o-", color="C0")
    right.set_xlabel("square root of the KL divergence of best-of-n, nats")
    right.set_ylabel("true return, standard deviations")
    figure.savefig(path, dpi=150)


def main(arguments: list[str] | None = None) -> None:
    """Run everything and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON, last")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--answers", type=int, default=N_ANSWERS)
    parser.add_argument("--steps", type=int, default=N_LEARNING, help="while asking")
    parser.add_argument("--looks", default=",".join(map(str, LOOKS)))
    parser.add_argument("--drives", type=int, default=100, help="on each of 6 roads")
    parser.add_argument("--samples", type=int, default=300, help="of best-of-n, there")
    parser.add_argument("--png", help="where a picture goes")
    options = parser.parse_args(arguments)
    looks = tuple(int(one) for one in options.looks.split(","))
    steps = [STEP * one for one in looks]
    earned, wanted, chosen = [], [], []
    for seed in range(FIRST_SEED, FIRST_SEED + options.seeds):
        reward = learned_reward(seed, options.answers, options.steps)
        one = by_steps(seed, reward, looks, options.drives)
        earned.append(one[0])
        wanted.append(one[1])
        chosen.append(by_choice(seed, reward, options.samples))
        say(f"seed {seed}: learned {one[0]}, true {one[1]}; {chosen[-1].sentence}")
    earned, wanted = np.asarray(earned), np.asarray(wanted)
    told: dict = {"steps": steps, "learned": [], "true": []}
    for place, n in enumerate(steps):
        two = [mean_over(values[:, place], "seeds") for values in (earned, wanted)]
        told["learned"].append(two[0].record())
        told["true"].append(two[1].record())
        print(f"{n} steps: learned return {two[0]}, true return {two[1]}")
    end, places = lost_at_the_end(wanted)
    best = steps[max(set(places), key=places.count)]
    print(f"true return at the end, less the best budget ({best} steps): {end}")
    told |= {"end less best": end.record(), "best": best, "best of n": []}
    for place, n in enumerate(COUNTS):
        gold = mean_over(np.array([one.gold[place].value for one in chosen]), "seeds")
        told["best of n"].append({"n": n} | gold.record())
        print(f"best of {n}: true return {gold}, in standard deviations")
    peaks = [one.peak.value if one.peak else None for one in chosen]
    told["peaks"] = peaks
    n_peaks = sum(peak is not None for peak in peaks)
    print(f"best-of-n has a fitted peak with {n_peaks} of {len(peaks)} seeds: {peaks}")
    if options.png:
        draw(Path(options.png), steps, earned, wanted, chosen)
    if options.json:
        print(json.dumps(told))


if __name__ == "__main__":
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    jax.config.update("jax_enable_x64", True)
    main()
