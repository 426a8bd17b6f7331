"""Q-learning against Python's loop and numba's: `python -m benchmarks.q_learning`."""

import subprocess
import sys
import time

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
    seconds,
)
from volition import env, reward, value

CASE = "cliff walking"
STEP_SIZE, EXPLORATION = 0.5, 0.1
# Measured on 2026-11-23, one core of a 2-core x86 machine (Sapphire Rapids, 2.1 GHz),
# Python 3.11, Gymnasium 1.4.0, numba 0.68.1: million updates a second.
RECORDED: dict[str, tuple[float, float, float, int]] = {}


def learn(n_steps: int, key: PRNGKeyArray) -> value.Learned:
    """Ours."""
    method = value.QLearning(n_steps, step_size=STEP_SIZE, exploration=EXPLORATION)
    return value.learn(key, env.cliff_walking(), reward.cliff_walking(), method)


def table() -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Cliff walking as successors, rewards, terminal states and the start."""
    world = env.cliff_walking()
    paid = value.branch_reward(world, reward.cliff_walking())[:, :, 0]
    start = int(jnp.argmax(world.initial))
    successors = np.asarray(world.successor[:, :, 0], dtype=np.int64)
    return successors, np.asarray(paid), np.asarray(world.terminal), start


def draws(n_steps: int, key: PRNGKeyArray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The random numbers of our chain: explore, action, restart, `[step]` each."""
    method = value.QLearning(n_steps, step_size=STEP_SIZE, exploration=EXPLORATION)
    world = env.cliff_walking()
    numbers = jnp.arange(method.n_stretches, dtype=jnp.int32)
    drawn = jax.lax.map(lambda number: method.draws(key, world, number), numbers)
    explore, action, restart = drawn.explore, drawn.action, drawn.restart
    return np.ravel(explore), np.ravel(action), np.ravel(restart)


def single(n_steps: int, repeats: int) -> tuple[list[Measurement], list[float]]:
    """One chain of ours; also its hot seconds for a step."""
    key = jax.random.key(0)
    method = value.QLearning(n_steps, step_size=STEP_SIZE, exploration=EXPLORATION)
    world, paid = env.cliff_walking(), reward.cliff_walking()
    first, hot = first_and_hot(lambda: value.learn(key, world, paid, method), repeats)
    compiling = [first[0] - float(np.median(hot))]
    each = [one / n_steps for one in hot]
    return [
        measurement(CASE, "volition", "hot", "M/s", rates(hot, n_steps)),
        measurement(CASE, "volition", "trace and compile", "s", compiling),
    ], each


def seeds(n_seeds: int, n_steps: int, repeats: int) -> list[Measurement]:
    """Many chains in one compilation."""
    keys = jax.random.split(jax.random.key(1), n_seeds)
    method = value.QLearning(n_steps, step_size=STEP_SIZE, exploration=EXPLORATION)
    world, paid = env.cliff_walking(), reward.cliff_walking()
    first, hot = first_and_hot(lambda: value.learn(keys, world, paid, method), repeats)
    case = f"{n_seeds} seeds"
    return [
        measurement(case, "volition", "hot", "M/s", rates(hot, n_seeds * n_steps)),
        measurement(case, "volition", "first call", "s", first),
    ]


def peers(n_steps: int, repeats: int) -> dict[str, list[float]]:
    """Hot seconds for a step of each peer, by its name."""
    successors, paid, terminal, start = table()
    lists = (successors.tolist(), paid.tolist(), terminal.tolist(), start)
    arrays = (successors, paid, terminal, start)
    settings = (STEP_SIZE, EXPLORATION, 1.0)
    fewer = max(n_steps // 5, 1)  # Python is slow enough to be timed on fewer
    drawn = draws(n_steps, jax.random.key(0))
    own, fed = loops.compiled(loops.drawing), loops.compiled(loops.replayed)
    work = {
        "python, gymnasium": (
            fewer,
            lambda: loops.textbook_on_gymnasium("CliffWalking-v1", fewer, *settings),
        ),
        "python, table": (
            fewer,
            lambda: loops.textbook_on_table(*lists, fewer, *settings),
        ),
        "numba": (n_steps, lambda: own(*arrays, n_steps, *settings)),
        "numba, numbers given": (
            n_steps,
            lambda: fed(*arrays, *drawn, STEP_SIZE, 1.0),
        ),
    }
    found = {}
    for name, (count, run) in work.items():
        say(f"{CASE}: {name}")
        if name.startswith("numba"):
            run()  # compiles
        found[name] = [one / count for one in seconds(run, repeats)]
    return found


def against_peers(
    ours: list[float], n_steps: int, repeats: int, run: bool
) -> list[Measurement]:
    """The peers' rates, and how we compare; recorded ones unless they are to run."""
    lines = []
    if not run:
        for name, (median, low, high, count) in RECORDED.items():
            lines.append(
                Measurement(CASE, name, "hot", "M/s", median, low, high, count, True)
            )
        return lines
    for name, each in peers(n_steps, repeats).items():
        lines.append(measurement(CASE, name, "hot", "M/s", rates(each, 1)))
        lines.append(ratio(CASE, f"ours to {name}", ours, each))
    return lines


def taxi(n_steps: int) -> tuple[float, float, float]:
    """Learn taxi; the greedy policy's exact mean return, the optimum, the seconds."""
    start = time.perf_counter()
    world = env.taxi()
    paid = reward.Linear(world.feature_names, [1.0])
    # Its steps have no chance in them, so each target can be taken as it is.
    method = value.QLearning(n_steps, step_size=1.0, exploration=0.1)
    learned = value.learn(jax.random.key(0), world, paid, method)
    policy = jax.block_until_ready(learned.policy.probabilities)
    taken = time.perf_counter() - start
    expected = value.expected_reward(world, paid)
    found = value.evaluate_policy(world, policy, expected) @ world.initial
    best = value.plan(world, paid).value @ world.initial
    return float(found), float(best), taken


def taxi_in_fresh_process(n_steps: int, repeats: int) -> list[Measurement]:
    """Taxi from nothing: build, compile and learn, after the imports and with them."""
    code = (
        "from benchmarks.measure import prepare; prepare()\n"
        "from benchmarks.q_learning import taxi\n"
        f"print(*taxi({n_steps}))"
    )
    inside, gaps, whole = [], [], []
    for _ in range(repeats):
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        )
        whole.append(time.perf_counter() - start)
        found, best, taken = map(float, done.stdout.split())
        inside.append(taken)
        gaps.append(best - found)
    return [
        measurement("taxi", "volition", "build, compile, learn", "s", inside),
        measurement("taxi", "volition", "process, with scoring", "s", whole),
        measurement("taxi", "volition", "optimum - found", "reward", gaps),
    ]


def main() -> None:
    """Run everything and report."""
    options = arguments(__doc__)
    prepare()
    n_steps = 1_000_000
    say(f"{CASE}: volition")
    lines, ours = single(n_steps, options.repeats)
    lines += against_peers(ours, n_steps, options.repeats, options.peers)
    say("100 seeds: volition")
    lines += seeds(100, 100_000, options.repeats)
    say("taxi: volition, in fresh processes")
    lines += taxi_in_fresh_process(1_000_000, 3)
    report(lines, options.json)


if __name__ == "__main__":
    main()
