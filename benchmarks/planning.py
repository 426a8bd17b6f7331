"""Optimal values against SciPy's sparse sweeps: `python -m benchmarks.planning`."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import scipy.sparse as sparse

from benchmarks.measure import (
    Measurement,
    arguments,
    first_and_hot,
    measurement,
    prepare,
    ratio,
    report,
    say,
)
from volition import env, reward, value

RESIDUAL = 1e-6  # what both must reach, reward units
N_ACTIONS, N_SUCCESSORS, DISCOUNT = 10, 10, 0.99
SCIPY = "scipy, CSR sweeps"
# Measured on 2026-11-23, one core of a 2-core x86 machine that others used as well
# (CPU time), SciPy 1.17.1: median, least, greatest seconds, and the repeats.
RECORDED = {
    "random, 10000 states": (2.588, 2.504, 2.717, 4),
    "maze, slip 0.0": (11.52, 10.36, 12.67, 2),
    "maze, slip 0.1": (12.74, 12.53, 12.94, 2),
}


def garnet(n_states: int) -> tuple[env.FiniteMDP, reward.Tabular]:
    """A random MDP with standard normal rewards for each state and action."""
    world_key, reward_key = jax.random.split(jax.random.key(0))
    world = env.random_mdp(
        world_key, n_states, N_ACTIONS, N_SUCCESSORS, discount=DISCOUNT
    )
    shape = (n_states, N_ACTIONS)
    return world, reward.Tabular(jax.random.normal(reward_key, shape))


def maze(
    size: int, slip: float, discount: float
) -> tuple[env.FiniteMDP, reward.Linear]:
    """A square board, a fifth of it walls at random, with a goal that ends it."""
    generator = np.random.default_rng(0)
    tiles = np.where(generator.random((size, size)) < 0.2, "#", ".")
    tiles[0, 0], tiles[-1, -1] = ".", "G"
    world = env.gridworld(["".join(row) for row in tiles], slip=slip, discount=discount)
    return world, reward.Linear(world.feature_names, [-1.0, 0.0, 0.0])


class Sparse:
    """A world as SciPy has it: one CSR row for each state and action."""

    def __init__(self, world: env.FiniteMDP, paid: np.ndarray):
        n_states, n_actions, n_branches = world.successor.shape
        indices = np.asarray(world.successor).ravel()
        probability = np.asarray(world.probability).ravel()
        rows = np.arange(0, indices.size + 1, n_branches)
        shape = (n_states * n_actions, n_states)
        self.matrix = sparse.csr_matrix((probability, indices, rows), shape=shape)
        self.reward = np.asarray(paid).ravel()
        self.discount = float(world.discount)
        self.open = ~np.asarray(world.terminal)
        self.n_actions = n_actions

    def sweep(self, values: np.ndarray) -> np.ndarray:
        """The Bellman optimality operator."""
        q = self.reward + self.discount * (self.matrix @ values)
        return q.reshape(-1, self.n_actions).max(axis=1) * self.open

    def residual(self, values: np.ndarray) -> float:
        """Largest difference between the two sides of the Bellman equation."""
        return float(np.abs(self.sweep(values) - values).max())

    def solve(self, residual: float) -> np.ndarray:
        """Value iteration until the residual of what is returned is small enough."""
        values = np.zeros(self.open.size)
        while True:
            new = self.sweep(values)
            # The next residual is at most the discount times this one.
            if self.discount * np.abs(new - values).max() <= residual:
                return new
            values = new


def compare(
    case: str,
    world: env.FiniteMDP,
    paid: reward.AbstractReward,
    repeats: int,
    run_peers: bool,
) -> list[Measurement]:
    """Time of ours and theirs, and the residual of each, found by SciPy."""
    peer = Sparse(world, np.asarray(value.expected_reward(world, paid)))
    works: dict[str, Callable[[], Any]] = {
        "volition": lambda: value.plan(world, paid).value
    }
    if run_peers:
        works[SCIPY] = lambda: peer.solve(RESIDUAL)
    first, hot = first_and_hot(works, repeats)
    ours = hot["volition"]
    compiling = first["volition"] - statistics.median(ours)
    lines = [measurement(case, "volition", "trace and compile", "s", [compiling])]
    for name, work in works.items():
        lines.append(measurement(case, name, "hot", "s", hot[name]))
        left = peer.residual(np.asarray(work()))
        lines.append(measurement(case, name, "residual", "reward", [left]))
    if run_peers:
        whole = [one + compiling for one in ours]
        lines.append(ratio(case, "hot", ours, hot[SCIPY]))
        lines.append(ratio(case, "with compile", whole, hot[SCIPY]))
    elif case in RECORDED:
        figures = RECORDED[case]
        lines.append(Measurement(case, SCIPY, "hot", "s", *figures, recorded=True))
    return lines


def large(n_states: int) -> dict[str, float]:
    """Build and solve one large world; seconds, peak memory and residual."""
    import resource  # Unix only

    start = time.process_time()
    world, paid = garnet(n_states)
    jax.block_until_ready(world.probability)
    building = time.process_time() - start
    found = jax.block_until_ready(value.plan(world, paid).value)
    whole = time.process_time() - start
    # Kibibytes on Linux, bytes on macOS; read before the check, which is not ours.
    scale = 2**30 if sys.platform == "darwin" else 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale
    left = Sparse(world, np.asarray(paid.values)).residual(np.asarray(found))
    return {"build": building, "total": whole, "peak": peak, "residual": left}


def large_in_fresh_process(n_states: int) -> list[Measurement]:
    """`large` in a process of its own, as its peak is that of a process."""
    code = (
        "import json; from benchmarks.measure import prepare; prepare()\n"
        "from benchmarks.planning import large\n"
        f"print(json.dumps(large({n_states})))"
    )
    say(f"{n_states} states: one process")
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    found = json.loads(done.stdout)
    case = f"random, {n_states} states"
    units = {"build": "s", "total": "s", "peak": "GiB", "residual": "reward"}
    return [
        measurement(case, "volition", name, unit, [found[name]])
        for name, unit in units.items()
    ]


def main() -> None:
    """Run everything and report."""
    options = arguments(__doc__ or "")
    prepare()
    lines = compare(
        "random, 10000 states", *garnet(10_000), options.repeats, options.peers
    )
    few = max(options.repeats // 2, 1)
    for slip in (0.0, 0.1):
        say(f"maze, slip {slip}")
        world, paid = maze(100, slip, 0.999)
        lines += compare(f"maze, slip {slip}", world, paid, few, options.peers)
    lines += large_in_fresh_process(1_000_000)
    report(lines, options.json)


if __name__ == "__main__":
    main()
