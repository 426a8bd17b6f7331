"""Learned from answers alone, driven in highway-env: `benchmarks.highway_preferences`.

With each seed one learner is trained three times with the same number of steps: on the
true reward; on what at most 500 answers of a simulated person say of it; and on what as
many answers of a person say who ties, slips, cannot always tell and leans to one side.
The greedy policies then drive the real highway-fast-v0 and merge-v0, as they are.

`closed` is how much of the way from the car that always brakes to the car that learned
the true reward is made: `(learned - brake) / (true - brake)`, over the same episodes.
"""

import argparse
import json
import os
import time

import jax
import numpy as np

from benchmarks.measure import say
from volition import env, human, inference, query, reward
from volition.env import AbstractEnvironment, driving, host_env
from volition.evaluation import mean_over, play
from volition.feedback import CANNOT_TELL, SECOND, TIE
from volition.policy import AbstractPolicy, Always, host_episodes
from volition.reward import AbstractReward
from volition.study import (
    Rounds,
    answered_by,
    learn_from_answers,
    range_prior,
)
from volition.value import deep, learn
from volition.value.schedule import Linear

N_STEPS, N_ROUNDS = 400_000, 8
ROUNDS = Rounds(
    (100,) * 5 + (0,) * 3,
    10,
    n_steps=30,
    random=0.2,
    rule=query.InformationGain(),
)
# Settings were chosen on seeds 0 to 2 in our simulator; figures are of others.
FIRST_SEED = 100
# The real ones, and the decisions of an episode.
REAL = {
    "highway": ("highway_env:highway-fast-v0", 30),
    "merge": ("highway_env:merge-v0", 60),
}


def stated(road: str) -> tuple[AbstractEnvironment, AbstractReward]:
    """Our world, at the discount of benchmarks/highway.py, and its true reward."""
    if road == "merge":
        return env.Merge(discount=0.94), reward.MergeReward()
    return env.Highway(discount=0.94), reward.HighwayReward()


def people() -> dict[str, tuple[human.AbstractHuman, human.AbstractHuman]]:
    """Who answers, and how inference takes them, which knows none of the numbers."""
    exact = human.Boltzmann(choice=human.BradleyTerry())
    # A 71 % agreement with the reward, 13 to 37 % ties and a side bias of 2 points are
    # what Uni-RLHF's 26,108 answers of a crowd show; slips: B-Pref's 10 %.
    leaning = human.SideBias(human.Davidson(human.Positive(1.0)), human.Real(0.08))
    duller = human.Rational(leaning, human.Positive(0.6))
    slipping = human.Mistake(duller, human.Fraction(0.1))
    teacher = human.Boltzmann(choice=human.Unsure(slipping, human.Fraction(0.05)))
    model = human.Boltzmann(
        choice=human.Unsure(human.Lapse(human.SideBias(human.Davidson())))
    )
    return {"boltzmann": (exact, exact), "realistic": (teacher, model)}


def learner(n_steps: int) -> deep.PQN:
    """One round of what benchmarks/highway.py learns with, schedules over all."""
    return deep.PQN(
        n_steps // N_ROUNDS,
        rollout=deep.Rollout(64, 16),
        passes=deep.Passes(4, 8, 0.9),
        optimiser=deep.RAdam(Linear(2e-3, 1e-4, n_steps)),
        exploration=Linear(1.0, 0.02, n_steps // 2),
        n_stretches=1,
    )


def on_truth(seed: int, road: str, n_steps: int) -> AbstractPolicy:
    """The same steps on the true reward."""
    world, truth = stated(road)
    found = None
    for _ in range(N_ROUNDS):
        after = None if found is None else found.stand
        found = learn(jax.random.key(seed), world, truth, learner(n_steps), after=after)
    assert found is not None
    return found.policy


def on_answers(
    seed: int, road: str, who: str, n_steps: int
) -> tuple[AbstractPolicy, dict]:
    """The same steps on what answers say, and what the answers were like."""
    world, truth = stated(road)
    teacher, model = people()[who]
    judge = teacher.judge(truth)
    found = learn_from_answers(
        jax.random.key(seed),
        world,
        reward.Linear(world.feature_names),
        model,
        answered_by(judge),
        learner=learner(n_steps),
        rounds=ROUNDS,
        method=inference.Laplace(),
        prior=range_prior(world, REAL[road][1]),
    )
    said = found.answers.answers()
    choice = np.asarray(said.choice)
    worth = np.asarray(jax.jit(jax.vmap(jax.vmap(judge.value)))(said.options))
    decided = choice <= SECOND
    right = (worth[:, 1] > worth[:, 0]) == (choice == SECOND)
    told = {
        "n_answers": len(found.answers),
        "agreement": float(right[decided].mean()),
        "ties": float((choice == TIE).mean()),
        "cannot_tell": float((choice == CANNOT_TELL).mean()),
        "reward": str(found.posterior.mean),
    }
    return found.policy, told


def drive(policy: AbstractPolicy, road: str, n_episodes: int, here: bool) -> np.ndarray:
    """True returns of the same episodes for everybody."""
    (world, truth), (name, n_steps) = stated(road), REAL[road]
    if here:
        seen = play(
            jax.random.key(1000),
            world,
            policy,
            truth,
            n_episodes=n_episodes,
            n_steps=n_steps,
        )
        return np.asarray(seen.returns)
    real = host_env(name, 10)
    driven = host_episodes(
        jax.random.key(0), real, policy, n_episodes=n_episodes, seed=1000
    )
    return driven.returns


def one_road(road: str, options: argparse.Namespace) -> dict:
    """All seeds on a road."""
    n_episodes, here, n_steps = options.episodes, options.here, options.steps
    brake = drive(Always(driving.SLOWER), road, n_episodes, here)
    say(f"{road}: always braking {brake.mean():.2f}")
    rows = []
    for seed in range(FIRST_SEED, FIRST_SEED + options.seeds):
        started = time.monotonic()
        policies = {"true": on_truth(seed, road, n_steps)}
        answers = {}
        for who in people() if road == "highway" else ("boltzmann",):
            policies[who], answers[who] = on_answers(seed, road, who, n_steps)
        learned = time.monotonic() - started
        returns = {
            who: float(drive(policy, road, n_episodes, here).mean())
            for who, policy in policies.items()
        }
        wide = returns["true"] - brake.mean()
        closed = {who: float((returns[who] - brake.mean()) / wide) for who in answers}
        say(f"{road} seed {seed}: {returns}, closed {closed}, {learned:.0f} s")
        for who, told in answers.items():
            say(f"  {who}: {told}")
        rows.append({"returns": returns, "closed": closed, "answers": answers})
    interval = mean_over(brake, "episodes")
    return {"brake": [interval.value, interval.low, interval.high], "seeds": rows}


def spread(values: list[float]) -> list[float]:
    """Median over seeds, and the 95 % interval of their mean."""
    found = mean_over(np.asarray(values), "seeds")
    return [float(np.median(values)), found.low, found.high]


def main() -> None:
    """Run everything and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON, last")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--steps", type=int, default=N_STEPS)
    parser.add_argument("--here", action="store_true", help="drive in our simulator")
    parser.add_argument("--roads", default="highway,merge")
    options = parser.parse_args()
    told: dict[str, dict] = {}
    middle: dict[str, float] = {"n_answers": sum(ROUNDS.n_answers)}
    for road in options.roads.split(","):
        told[road] = found = one_road(road, options)
        prefix = "" if road == "highway" else f"{road}_"
        middle[f"{prefix}return_brake"] = found["brake"][0]
        true = [row["returns"]["true"] for row in found["seeds"]]
        middle[f"{prefix}return_true"] = float(np.median(true))
        print(f"{road}: always braking {found['brake']}, true reward {spread(true)}")
        for who in found["seeds"][0]["closed"]:
            closed = [row["closed"][who] for row in found["seeds"]]
            middle[f"{prefix}closed_{who}"] = float(np.median(closed))
            each = [row["returns"][who] for row in found["seeds"]]
            print(f"{road}, {who}: return {spread(each)}, closed {spread(closed)}")
    print("median, and 95 % interval of the mean over seeds; braking: over episodes")
    if options.json:
        print(json.dumps(middle | {"roads": told}))


if __name__ == "__main__":
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    jax.config.update("jax_enable_x64", True)
    main()
