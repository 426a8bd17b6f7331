"""Q-learning against Python's loop and numba's: `python -m benchmarks.q_learning`."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from benchmarks import q_learning_loops as loops
from benchmarks.measure import (
    Measurement,
    arguments,
    first_and_hot,
    measurement,
    prepare,
    rates,
    ratio,
    report,
    say,
)
from volition import env, policy, reward, value

CASE = "cliff walking"
STEP_SIZE, EXPLORATION = 0.5, 0.1
# Measured on 2026-11-24, one core of a 2-core x86 machine (CPU time), Gymnasium 1.4.0,
# numba 0.68.1: median, least, greatest million updates a second, and the repeats.
RECORDED = {
    "python, gymnasium": (0.1618, 0.161, 0.1657, 5),
    "python, table": (2.211, 1.978, 2.241, 5),
    "numba": (58.6, 51.56, 60.24, 5),
    "numba, numbers given": (120.8, 109.0, 122.8, 5),
}


def ours(n_steps: int) -> Callable[[PRNGKeyArray], value.Learned]:
    """Q-learning of ours, for one key or many."""
    method = value.QLearning(n_steps, step_size=STEP_SIZE, exploration=EXPLORATION)
    world, paid = env.cliff_walking(), reward.cliff_walking()
    return lambda key: value.learn(key, world, paid, method)


def table() -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Cliff walking as successors, rewards, terminal states and the start."""
    world = env.cliff_walking()
    paid = value.branch_reward(world, reward.cliff_walking())[:, :, 0]
    start = int(jnp.argmax(world.initial))
    successors = np.asarray(world.successor[:, :, 0], dtype=np.int64)
    return successors, np.asarray(paid), np.asarray(world.terminal), start


def draws(
    n_steps: int, key: PRNGKeyArray
) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    """The random numbers of our chain: first state; explore, action, restart."""
    method = value.QLearning(n_steps, step_size=STEP_SIZE, exploration=EXPLORATION)
    world = env.cliff_walking()
    numbers = jnp.arange(method.n_stretches, dtype=jnp.int32)
    seen = value.tabular.experience(world, reward.cliff_walking())
    drawn = jax.lax.map(
        lambda number: value.tabular.draws(method, key, seen, number), numbers
    )
    explore, restart = drawn.explore, drawn.world.restart
    action = drawn.action(world.n_actions)
    first = int(value.tabular.first(key, seen).index)
    return first, np.ravel(explore), np.ravel(action), np.ravel(restart)


def peers(n_steps: int) -> dict[str, tuple[int, Callable[[], Any]]]:
    """The loops of others: how many steps a call makes, and the call."""
    successors, paid, terminal, start = table()
    lists = (successors.tolist(), paid.tolist(), terminal.tolist(), start)
    settings = (STEP_SIZE, EXPLORATION, 1.0)
    first, *drawn = draws(n_steps, jax.random.key(0))
    given = (successors, paid, terminal, first, *drawn, STEP_SIZE, 1.0)
    own, fed = loops.compiled(loops.drawing), loops.compiled(loops.replayed)
    fewer = max(n_steps // 5, 1)  # Python is slow enough to be timed on fewer
    return {
        "python, gymnasium": (
            fewer,
            lambda: loops.textbook_on_gymnasium("CliffWalking-v1", fewer, *settings),
        ),
        "python, table": (
            fewer,
            lambda: loops.textbook_on_table(*lists, fewer, *settings),
        ),
        "numba": (
            n_steps,
            lambda: own(successors, paid, terminal, start, n_steps, *settings),
        ),
        "numba, numbers given": (n_steps, lambda: fed(*given)),
    }


def single(n_steps: int, repeats: int, run_peers: bool) -> list[Measurement]:
    """One chain, against the peers."""
    key, learn = jax.random.key(0), ours(n_steps)
    counts: dict[str, int] = {"volition": n_steps}
    works: dict[str, Callable[[], Any]] = {"volition": lambda: learn(key)}
    for name, (count, work) in (peers(n_steps) if run_peers else {}).items():
        counts[name], works[name] = count, work
    first, hot = first_and_hot(works, repeats)
    compiling = first["volition"] - statistics.median(hot["volition"])
    lines = [measurement(CASE, "volition", "trace and compile", "s", [compiling])]
    each = {name: [one / counts[name] for one in hot[name]] for name in works}
    for name, taken in each.items():
        lines.append(measurement(CASE, name, "hot", "M/s", rates(taken, 1)))
    for name in list(each)[1:]:
        lines.append(ratio(CASE, f"to {name}", each["volition"], each[name]))
    if not run_peers:
        lines += [
            Measurement(CASE, name, "hot", "M/s", *figures, recorded=True)
            for name, figures in RECORDED.items()
        ]
    return lines


def seeds(n_seeds: int, n_steps: int, repeats: int) -> list[Measurement]:
    """Many chains in one compilation."""
    keys, learn = jax.random.split(jax.random.key(1), n_seeds), ours(n_steps)
    case, total = f"{n_seeds} seeds", n_seeds * n_steps
    first, hot = first_and_hot({case: lambda: learn(keys)}, repeats)
    return [
        measurement(case, "volition", "hot", "M/s", rates(hot[case], total)),
        measurement(case, "volition", "first call", "s", [first[case]]),
    ]


def taxi(n_steps: int) -> tuple[float, float, float]:
    """Learn taxi; the greedy policy's exact mean return, the optimum, the seconds."""
    start = time.process_time()
    world = env.taxi()
    paid = reward.Linear(world.feature_names, [1.0])
    # Its steps have no chance in them, so each target can be taken as it is.
    method = value.QLearning(n_steps, step_size=1.0, exploration=0.1)
    learned = value.learn(jax.random.key(0), world, paid, method)
    probabilities = policy.greedy(jax.block_until_ready(learned.q)).probabilities
    taken = time.process_time() - start
    expected = value.expected_reward(world, paid)
    found = value.evaluate_policy(world, probabilities, expected) @ world.initial
    best = value.plan(world, paid).value @ world.initial
    return float(found), float(best), taken


def taxi_in_fresh_process(n_steps: int, repeats: int) -> list[Measurement]:
    """Taxi from nothing: build, compile and learn, after the imports and with them."""
    code = (
        "from benchmarks.measure import prepare; prepare()\n"
        "from benchmarks.q_learning import taxi; import time\n"
        f"before = time.process_time(); print(before, *taxi({n_steps}))"
    )
    inside, gaps, whole = [], [], []
    for number in range(repeats):
        say(f"taxi: process {number + 1} of {repeats}")
        done = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        )
        before, found, best, taken = map(float, done.stdout.split())
        inside.append(taken)
        whole.append(before + taken)
        gaps.append(best - found)
    return [
        measurement("taxi", "volition", "build, compile, learn", "s", inside),
        measurement("taxi", "volition", "with imports", "s", whole),
        measurement("taxi", "volition", "optimum - found", "reward", gaps),
    ]


def main() -> None:
    """Run everything and report."""
    options = arguments(__doc__ or "")
    prepare()
    lines = single(1_000_000, options.repeats, options.peers)
    lines += seeds(100, 100_000, options.repeats)
    lines += taxi_in_fresh_process(1_000_000, 3)
    report(lines, options.json)


if __name__ == "__main__":
    main()
