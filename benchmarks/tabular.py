"""Every tabular learner against the same loop in numba: `python -m benchmarks.tabular`."""

from collections.abc import Callable
from typing import Any

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

STEP_SIZE, EXPLORATION = 0.5, 0.1
N_CHAINS = 1_000
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


def cliff() -> tuple[env.FiniteMDP, reward.AbstractReward]:
    """48 states, 4 actions, no chance."""
    return env.cliff_walking(), reward.cliff_walking()


def garnet(n_states: int) -> tuple[env.FiniteMDP, reward.AbstractReward]:
    """A random MDP that never ends: 4 actions, 3 successors each."""
    world_key, reward_key = jax.random.split(jax.random.key(0))
    world = env.random_mdp(world_key, n_states, 4, 3, discount=0.9)
    first = jnp.arange(n_states) == 0
    initial = jnp.where(first, 1.0, 0.0)
    world = env.FiniteMDP(
        world.successor,
        world.probability,
        terminal=world.terminal,
        initial=initial,
        discount=0.9,
    )
    return world, reward.Tabular(jax.random.normal(reward_key, (n_states, 4)))


def method(name: str, n_steps: int, n_stretches: int = 100) -> value.AbstractLearner:
    """A learner as it is by default, but for its step size."""
    settings = {"step_size": STEP_SIZE, "exploration": EXPLORATION}
    return LEARNERS[name](n_steps, n_stretches=n_stretches, **settings)


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


def peer(
    name: str, world: loops.World, n_steps: int, seed: int = 0, numbers: Any = None
) -> np.ndarray:
    """The table that numba's loop learns."""
    loop = loops.compiled(name)
    return loop(world, seed, n_steps, STEP_SIZE, EXPLORATION, numbers)
