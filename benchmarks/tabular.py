"""Every tabular learner against numba: `python -m benchmarks.tabular`."""

import warnings
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from benchmarks import tabular_loops as loops
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
from benchmarks.q_learning_loops import needed
from volition import env, reward, value
from volition.value import tabular
from volition.value.tabular.learner import first_choice

STEP_SIZE, EXPLORATION = 0.5, 0.1
N_CHAINS = 1_000
# Ratios measured on 2026-11-25, one core of a 2-core x86 machine, numba 0.68: median,
# least, greatest, and the repeats.
RECORDED: dict[str, dict[str, tuple[float, float, float, int]]] = {
    "cliff": {
        "Q-learning": (0.704, 0.623, 0.712, 5),
        "SARSA": (0.892, 0.769, 0.935, 7),
        "expected SARSA": (0.555, 0.539, 0.556, 5),
        "double Q-learning": (0.763, 0.744, 0.788, 5),
        "n-step SARSA": (0.584, 0.578, 0.592, 5),
        "tree backup": (0.551, 0.539, 0.699, 5),
        "Monte Carlo": (0.557, 0.504, 0.585, 7),
        "SARSA(lambda)": (0.944, 0.575, 1.28, 5),
        "Watkins's Q(lambda)": (0.818, 0.808, 0.831, 5),
        "Peng's Q(lambda)": (0.611, 0.578, 0.662, 5),
        "Dyna-Q": (0.636, 0.628, 0.685, 5),
        "Dyna-Q+": (0.727, 0.55, 0.737, 5),
        "prioritised sweeping": (0.756, 0.698, 0.782, 5),
    },
    "1000 chains": {
        "Q-learning": (0.732, 0.718, 0.759, 5),
        "SARSA": (0.964, 0.948, 0.994, 5),
        "expected SARSA": (0.622, 0.617, 0.64, 5),
        "double Q-learning": (0.868, 0.859, 0.874, 5),
        "n-step SARSA": (0.667, 0.614, 0.679, 5),
        "tree backup": (0.778, 0.707, 0.824, 5),
        "Monte Carlo": (0.583, 0.466, 0.741, 5),
        "SARSA(lambda)": (1.04, 0.977, 1.13, 5),
        "Watkins's Q(lambda)": (1.05, 1.0, 1.38, 5),
        "Peng's Q(lambda)": (0.672, 0.629, 0.689, 5),
        "Dyna-Q": (0.678, 0.626, 0.741, 5),
        "Dyna-Q+": (0.777, 0.733, 0.799, 5),
        "prioritised sweeping": (0.736, 0.721, 0.792, 5),
    },
    "1000 states": {
        "Q-learning": (0.633, 0.612, 0.644, 5),
        "SARSA": (0.698, 0.648, 0.725, 7),
        "expected SARSA": (0.637, 0.616, 0.681, 5),
        "double Q-learning": (0.718, 0.709, 0.762, 5),
        "Dyna-Q": (0.64, 0.57, 0.663, 5),
        "Dyna-Q+": (0.684, 0.655, 0.723, 5),
        "prioritised sweeping": (0.747, 0.703, 0.846, 5),
    },
}
LEARNERS: dict[str, type[value.AbstractLearner]] = {
    "Q-learning": value.QLearning,
    "SARSA": value.SARSA,
    "expected SARSA": value.ExpectedSARSA,
    "double Q-learning": value.DoubleQLearning,
    "n-step SARSA": value.NStepSARSA,
    "tree backup": value.TreeBackup,
    "Monte Carlo": value.MonteCarlo,
    "SARSA(lambda)": value.SARSALambda,
    "Watkins's Q(lambda)": value.WatkinsQ,
    "Peng's Q(lambda)": value.PengQ,
    "Dyna-Q": value.DynaQ,
    "Dyna-Q+": value.DynaQPlus,
    "prioritised sweeping": value.PrioritizedSweeping,
}
PLANNERS = ("Dyna-Q", "Dyna-Q+", "prioritised sweeping")
# Steps of one chain, and of each of many; learners that do more with each make fewer.
N_STEPS = {"traces": 200_000, "Dyna": 200_000, "sweeping": 50_000}
EACH = {"traces": 1_000, "Dyna": 1_000, "sweeping": 200}
BIG = ("Q-learning", "SARSA", "expected SARSA", "double Q-learning", *PLANNERS)
N_STATES = 1_000  # of the bigger world


def cliff() -> tuple[env.FiniteMDP, reward.AbstractReward]:
    """48 states, 4 actions, no chance."""
    return env.cliff_walking(), reward.cliff_walking()


def garnet(n_states: int) -> tuple[env.FiniteMDP, reward.AbstractReward]:
    """A random world that never ends: 4 actions with 3 successors each."""
    world_key, reward_key = jax.random.split(jax.random.key(0))
    world = env.random_mdp(world_key, n_states, 4, 3, discount=0.9)
    first = jnp.where(jnp.arange(n_states) == 0, 1.0, 0.0)
    world = eqx.tree_at(lambda world: world.initial, world, first)
    return world, reward.Tabular(jax.random.normal(reward_key, (n_states, 4)))


def method(name: str, n_steps: int, n_stretches: int = 100) -> value.AbstractLearner:
    """A learner as it is by default, but for its step size."""
    kind = LEARNERS[name]
    return kind(
        n_steps, step_size=STEP_SIZE, exploration=EXPLORATION, n_stretches=n_stretches
    )


def arrays(world: env.FiniteMDP, paid: reward.AbstractReward) -> loops.World:
    """A world as numba takes it."""
    return loops.World(
        np.asarray(world.successor, dtype=np.int64),
        np.asarray(world.probability),
        np.asarray(value.branch_reward(world, paid)),
        np.asarray(world.terminal),
        int(jnp.argmax(world.initial)),
        float(world.discount),
    )


def numbers(
    key: PRNGKeyArray,
    world: env.FiniteMDP,
    paid: reward.AbstractReward,
    learner: value.AbstractLearner,
) -> loops.Numbers:
    """The random numbers of our chain."""
    seen = tabular.experience(world, paid)
    stretches = jnp.arange(learner.n_stretches, dtype=jnp.int32)
    drawn = jax.lax.map(lambda one: tabular.draws(learner, key, seen, one), stretches)
    explore, share = np.ravel(drawn.explore), np.ravel(drawn.share)
    if learner.commits:
        first = first_choice(key, learner)
        explore = np.append(np.asarray(first[0]), explore)
        share = np.append(np.asarray(first[1]), share)
    own = np.zeros((learner.n_steps, 1))
    if drawn.own is not None:
        own = np.asarray(drawn.own)
        # A coin that is True stands for a number below a half.
        own = np.where(own, 0.0, 1.0) if own.dtype == bool else own
    return loops.Numbers(
        explore, share, np.ravel(drawn.world.branch), own.reshape(learner.n_steps, -1)
    )


def peer(
    name: str,
    world: loops.World,
    n_steps: int,
    seed: int = 0,
    given: loops.Numbers | None = None,
) -> np.ndarray:
    """The table that numba's loop learns."""
    q = loops.compiled(name)(world, seed, n_steps, STEP_SIZE, EXPLORATION, given)
    return q if q.ndim == 2 else q.mean(axis=0)


def versus(
    case: str,
    name: str,
    works: dict[str, Callable[[], Any]],
    n_steps: int,
    repeats: int,
) -> list[Measurement]:
    """Ours and, if it runs, numba's, taking turns."""
    say(f"{case}, {name}")
    _, hot = first_and_hot(works, repeats)
    lines = [
        measurement(f"{case}, {who}", name, "hot", "M/s", rates(taken, n_steps))
        for who, taken in hot.items()
    ]
    if "numba" in hot:
        taken = ratio(case, f"{name} to numba", hot["volition"], hot["numba"])
        return [*lines, taken]
    found = RECORDED[case].get(name)
    if found is not None:
        recorded = Measurement(
            case, "ratio", f"{name} to numba", "times", *found, recorded=True
        )
        lines.append(recorded)
    return lines


def kind_of(name: str) -> str:
    """Which learners take about as long."""
    if name == "prioritised sweeping":
        return "sweeping"
    return "Dyna" if "Dyna" in name else "traces" if "lambda" in name else "one step"


def chain(
    case: str, name: str, n_steps: int, repeats: int, run_peers: bool
) -> list[Measurement]:
    """One chain."""
    world, paid = cliff() if case == "cliff" else garnet(N_STATES)
    learner, theirs = method(name, n_steps), arrays(world, paid)
    key = jax.random.key(0)
    works: dict[str, Callable[[], Any]] = {
        "volition": lambda: value.learn(key, world, paid, learner)
    }
    if run_peers:
        works["numba"] = lambda: peer(name, theirs, n_steps)
    return versus(case, name, works, n_steps, repeats)


def chains(name: str, n_steps: int, repeats: int, run_peers: bool) -> list[Measurement]:
    """Many chains in one compilation; in numba one after the other."""
    world, paid = cliff()
    learner, theirs = method(name, n_steps, n_stretches=10), arrays(world, paid)
    keys = jax.random.split(jax.random.key(0), N_CHAINS)
    works: dict[str, Callable[[], Any]] = {
        "volition": lambda: value.learn(keys, world, paid, learner)
    }
    if run_peers:
        works["numba"] = lambda: np.stack(
            [peer(name, theirs, n_steps, seed) for seed in range(N_CHAINS)]
        )
    return versus("1000 chains", name, works, N_CHAINS * n_steps, repeats)


def main() -> None:
    """Run everything and report."""
    options = arguments(__doc__ or "")
    prepare()
    if options.peers:
        needed("numba")
        warnings.simplefilter("ignore")  # numba's, about NumPy
    lines = []
    for name in LEARNERS:
        kind = kind_of(name)
        settings = (options.repeats, options.peers)
        lines += chain("cliff", name, N_STEPS.get(kind, 1_000_000), *settings)
        lines += chains(name, EACH.get(kind, 5_000), *settings)
        if name in BIG:
            n_steps = 500 if kind == "sweeping" else 100_000
            lines += chain("1000 states", name, n_steps, *settings)
    report(lines, options.json)


if __name__ == "__main__":
    main()
