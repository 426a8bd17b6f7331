"""Pendulum from 200 comparisons: `python -m benchmarks.pendulum_preferences`.

Pendulum from 200 comparisons of segments, answered by its own reward; steps of the
environment are free. The policy is judged by the true return of 100 episodes.
"""

import argparse
import json
import os
import time

import jax
import numpy as np

from benchmarks.measure import say
from volition import env, human, inference, reward
from volition.evaluation import mean_over, play
from volition.study import LearnedFromAnswers, Rounds, answered_by, learn_from_answers
from volition.value import deep

N_ROUNDS, N_STEPS = 4, 24_000
ROUNDS = Rounds((100, 50, 50, 0), 25, n_steps=200)
# peers.md: its tutorial as printed (200 comparisons), 3 seeds: -1095 to -1232, 11.1 s;
# with 60 iterations about 123,000 steps, -161, 93 s.
IMITATION = {"return": -1232.0, "seconds": 11.1}


def learner() -> deep.SAC:
    """What each round does."""
    return deep.SAC(
        N_STEPS // N_ROUNDS,
        rollout=deep.Rollout(8, 1),
        replay=deep.Replay(32_768, 128, n_updates=1, warm_up=1_000, target_rate=0.01),
        n_stretches=1,
    )


def forms() -> dict[str, tuple]:
    """A reward linear in the three costs, and a network over what is seen and done."""
    world = env.Pendulum()
    network = reward.Network(reward.StepInputs(world, after=False), (32, 32))
    linear = reward.Linear(world.feature_names)
    return {
        "linear": (linear, inference.MAP(), inference.Normal(1.0)),
        "network": (
            network,
            inference.Ensemble(n_members=3, n_steps=1000),
            inference.Normal(network.prior_scale()),
        ),
    }


def learned(seed: int, form: str) -> tuple[LearnedFromAnswers, float]:
    """What came of it, and seconds."""
    world = env.Pendulum()
    person = human.Boltzmann(choice=human.BradleyTerry())
    start, method, prior = forms()[form]
    began = time.monotonic(), time.process_time()
    found = learn_from_answers(
        jax.random.key(seed),
        world,
        start,
        person,
        answered_by(person.judge(reward.pendulum())),
        learner=learner(),
        rounds=ROUNDS,
        method=method,
        prior=prior,
    )
    jax.block_until_ready(found.policy)
    wall, cpu = time.monotonic() - began[0], time.process_time() - began[1]
    say(f"{form}, seed {seed}: {wall:.1f} s, {cpu:.1f} s of CPU")
    return found, cpu


def true_return(found: LearnedFromAnswers) -> float:
    """Mean over 100 episodes."""
    world = env.Pendulum()
    seen = play(
        jax.random.key(1000),
        world,
        found.policy,
        reward.pendulum(),
        n_episodes=100,
        n_steps=200,
    )
    return float(np.mean(np.asarray(seen.returns)))


def main() -> None:
    """Run everything and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON, last")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    told: dict[str, float] = {}
    for form in forms():
        runs = [learned(seed, form) for seed in range(options.seeds)]
        # Once more, now that everything is compiled.
        _, hot = learned(0, form)
        returns = np.array([true_return(found) for found, _ in runs])
        found = mean_over(returns, "seeds")
        print(
            f"{form}: return {found.value:.0f} [{found.low:.0f}, {found.high:.0f}] of "
            f"{options.seeds} seeds; {runs[0][1]:.1f} s of CPU compiling, {hot:.1f} hot"
        )
        told |= {
            f"{form}_return": float(np.median(returns)),
            f"{form}_compiling_s": runs[0][1],
            f"{form}_hot_s": hot,
        }
    print(f"imitation's tutorial (recorded): {IMITATION}")
    if options.json:
        print(json.dumps(told | {"n_answers": sum(ROUNDS.n_answers)}))


if __name__ == "__main__":
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    jax.config.update("jax_enable_x64", True)
    main()
