"""Maximum causal entropy beside imitation's: `python -m benchmarks.mce_irl`.

Random worlds of 4 actions with 10 successors each, 40 steps, a reward of the state, and
the expected visits of its soft-optimal policy as demonstrations. Each goes on until no
state is visited more or less than demonstrated by over 1e-3 steps. imitation takes the
same worlds, as the matrices that it needs, and a linear reward of one-hot states.
"""

import tempfile
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.measure import (
    Measurement,
    arguments,
    measurement,
    prepare,
    report,
    say,
)
from benchmarks.peers import ask, environment
from benchmarks.preferences_networks import NEEDS
from volition.env import FiniteMDP, random_mdp
from volition.inference.irl import Matched, max_causal_entropy
from volition.inference.irl.demonstrations import transition_matrix
from volition.reward import Tabular
from volition.value import expected_reward, induction, state_distribution

HERE = Path(__file__).parent
SIZES = (50, 200, 1000)
N_ACTIONS, N_BRANCHES, HORIZON, TOLERANCE = 4, 10, 40, 1e-3
# imitation 1.0.1 on 2026-11-26, in one run with ours, one core of a 2-core x86 machine
# that was busy with other work: CPU seconds.
RECORDED = {50: 1.97, 200: 4.82, 1000: 75.0}


def world(n_states: int) -> tuple[FiniteMDP, jax.Array, jax.Array]:
    """A random world, how often an expert acts in each state and action, and where.

    Where: in each state, the one that the last step leads to included.
    """
    env = random_mdp(jax.random.key(0), n_states, N_ACTIONS, N_BRANCHES, discount=1.0)
    truth = Tabular(jax.random.normal(jax.random.key(1), (n_states,)))
    plan = induction(env, expected_reward(env, truth), HORIZON, temperature=1.0)
    mass = state_distribution(env, plan.policies)
    acts = jnp.einsum("ts,tsa->sa", mass[:-1], plan.policies)
    return env, acts, jnp.sum(mass, axis=0)


def ours(n_states: int, repeats: int) -> tuple[float, list[float]]:
    """CPU seconds of the first call, which compiles, and of the ones after."""
    env, visits, _ = world(n_states)

    def once() -> float:
        started = time.process_time()
        found: Matched = max_causal_entropy(
            env, visits, horizon=HORIZON, tolerance=TOLERANCE
        )
        taken = time.process_time() - started
        if found.gap > TOLERANCE:
            raise SystemExit(f"S = {n_states}: {found.message}")
        return taken

    first = once()
    return first, [once() for _ in range(repeats)]


def theirs(n_states: int) -> dict:
    """The same world and visits, by imitation."""
    env, _, visits = world(n_states)
    leads = transition_matrix(env)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "world.npz"
        np.savez(path, leads=leads, initial=env.initial, visits=visits)
        python = environment("imitation", NEEDS)
        return ask(python, HERE / "mce_irl_imitation.py", path, HORIZON, TOLERANCE)


def size(n_states: int, repeats: int, peers: bool) -> list[Measurement]:
    """Both at one size, and the ratios."""
    case = f"S = {n_states}"
    say(f"{case}: ours")
    first, hot = ours(n_states, repeats)
    lines = [
        measurement(case, "volition", "hot", "s", hot),
        measurement(case, "volition", "with compile", "s", [first]),
    ]
    if peers:
        say(f"{case}: imitation")
        told = theirs(n_states)
        taken = told["seconds"]
        if told["gap"] > TOLERANCE:
            say(f"{case}: imitation stopped at a gap of {told['gap']:.2g}")
        lines.append(measurement(case, "imitation", "seconds", "s", [taken]))
        lines.append(
            measurement(case, "imitation", "iterations", "1", [told["iterations"]])
        )
    else:
        taken = RECORDED[n_states]
        recorded = (taken, taken, taken, 1)
        lines.append(
            Measurement(case, "imitation", "seconds", "s", *recorded, recorded=True)
        )
    ratios = [taken / one for one in hot]
    lines.append(measurement(case, "ratio", f"ratio_hot_{n_states}", "times", ratios))
    total = measurement(
        case, "ratio", f"ratio_total_{n_states}", "times", [taken / first]
    )
    return [*lines, total]


def main() -> None:
    """Run everything and report."""
    options = arguments(__doc__ or "")
    prepare()
    lines = []
    for n_states in SIZES:
        lines += size(n_states, options.repeats, options.peers)
    report(lines, options.json)
    print({one.metric: one.median for one in lines if one.who == "ratio"})


if __name__ == "__main__":
    main()
