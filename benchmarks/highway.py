"""Trained here, driven in highway-env itself: `python -m benchmarks.highway`.

Each seed is learned in a process of its own, from nothing: imports, compilation and all
are in `train_seconds`. Then its greedy policy drives 100 episodes of the real
highway-fast-v0, as it is.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.measure import say

N_SEEDS, N_EPISODES = 5, 100
N_STEPS = 800_000
# Recorded on 2026-11-25, a 2-core machine; Stable-Baselines3's DQN: peers.md, 1 seed.
SB3 = {"return": 21.8, "crash_rate": 0.14, "train_seconds": 530.0}


def train(seed: int, path: Path) -> None:
    """Learn highway-fast's own reward in our simulator, and save the policy."""
    import jax

    from volition import env, record, reward, value
    from volition.value import deep
    from volition.value.schedule import Linear

    method = deep.PQN(
        N_STEPS,
        rollout=deep.Rollout(64, 16),
        passes=deep.Passes(4, 8, 0.9),
        optimiser=deep.RAdam(Linear(2e-3, 1e-4, N_STEPS)),
        exploration=Linear(1.0, 0.02, N_STEPS // 2),
        n_stretches=8,
    )
    world = env.Highway(discount=0.94)
    found = value.learn(
        jax.random.key(seed),
        world,
        reward.HighwayReward(),
        method,
        progress=lambda step, curve: say(
            f"seed {seed}: {step:,} steps, return {float(curve.mean_return[-1]):.2f}"
        ),
    )
    record.save(found.policy, path)


def drive(path: Path, n_episodes: int) -> dict[str, list[float]]:
    """Returns and crashes in the real highway-fast-v0."""
    import jax

    from volition import record
    from volition.env import host_env
    from volition.policy import host_episodes

    seen = host_episodes(
        jax.random.key(0),
        host_env("highway_env:highway-fast-v0", 10),
        record.load(path),
        n_episodes=n_episodes,
        seed=1000,
    )
    return {
        "returns": seen.returns.tolist(),
        "crashed": seen.terminated.astype(float).tolist(),
    }


def always_braking(n_episodes: int) -> list[float]:
    """Returns of the car that is told to go slower at every step."""
    import jax

    from volition.env import driving, host_env
    from volition.policy import Always, host_episodes

    seen = host_episodes(
        jax.random.key(0),
        host_env("highway_env:highway-fast-v0", 10),
        Always(driving.SLOWER),
        n_episodes=n_episodes,
        seed=1000,
    )
    return seen.returns.tolist()


def interval(values: np.ndarray) -> list[float]:
    """The mean of episodes and its 95 % interval."""
    from volition.evaluation import mean_over

    found = mean_over(values, "episodes")
    return [found.value, found.low, found.high]


def one_seed(seed: int, folder: Path) -> dict:
    """Learn in a process of its own, and drive."""
    path = folder / f"policy-{seed}.json"
    code = (
        "import sys, pathlib; from benchmarks.highway import train; "
        "train(int(sys.argv[1]), pathlib.Path(sys.argv[2]))"
    )
    # As on a machine that has compiled nothing yet.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("JAX_COMPILATION_CACHE")
    }
    started, before = time.monotonic(), os.times()
    subprocess.run(
        [sys.executable, "-c", code, str(seed), str(path)], check=True, env=environment
    )
    wall, after = time.monotonic() - started, os.times()
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    say(f"seed {seed}: learned in {wall:.0f} s ({cpu:.0f} s of CPU); driving")
    driven = drive(path, N_EPISODES)
    returns, crashed = np.array(driven["returns"]), np.array(driven["crashed"])
    return {
        "seed": seed,
        "return": interval(returns),
        "crash_rate": float(crashed.mean()),
        "train_seconds": wall,
        "train_cpu_seconds": cpu,
    }


def main() -> None:
    """Run everything and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON, last")
    parser.add_argument("--seeds", type=int, default=N_SEEDS)
    options = parser.parse_args()
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    with tempfile.TemporaryDirectory() as folder:
        rows = [one_seed(seed, Path(folder)) for seed in range(options.seeds)]
    for row in rows:
        low, high = row["return"][1:]
        print(
            f"seed {row['seed']}: return {row['return'][0]:.2f} [{low:.2f}, {high:.2f}]"
            f", crashes {row['crash_rate']:.0%} of {N_EPISODES} episodes, "
            f"learned in {row['train_seconds']:.0f} s"
        )
    brake = interval(np.array(always_braking(N_EPISODES)))
    print(f"always braking: return {brake[0]:.2f} [{brake[1]:.2f}, {brake[2]:.2f}]")
    print(f"Stable-Baselines3's DQN (recorded): {SB3}")
    middle = {
        name: float(np.median([row[name] for row in rows]))
        for name in ("crash_rate", "train_seconds", "train_cpu_seconds")
    }
    middle["return"] = float(np.median([row["return"][0] for row in rows]))
    print(f"median of {len(rows)} seeds: {middle}")
    if options.json:
        print(json.dumps(middle | {"seeds": rows, "always_braking": brake}))


if __name__ == "__main__":
    main()
