"""Experiments of the textbook, run again: what its tabular learners do in its worlds.

Source of every protocol: R. S. Sutton, A. G. Barto, "Reinforcement Learning: An
Introduction", 2nd ed., 2018; the example or figure is named with each. Ties between
actions are broken at random, as there.
"""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int, Key, PRNGKeyArray

from volition import env, reward
from volition.env import AbstractEnvironment, FiniteMDP
from volition.reward import AbstractReward
from volition.value import (
    SARSA,
    AbstractLearner,
    AbstractSchedule,
    DoubleQLearning,
    ExpectedSARSA,
    NStepSARSA,
    QLearning,
    plan,
    sweep,
    tabular,
)

N_RUNS, N_EPISODES = 200, 500
CONTROL = {"step_size": 0.5, "exploration": 0.1, "random_ties": True}
CLIFF = {
    "Q-learning": QLearning,
    "SARSA": SARSA,
    "expected SARSA": ExpectedSARSA,
}


class Runs(NamedTuple):
    """What some runs went through, episode by episode.

    Args:
        total: return of each episode, reward units, `[run, episode]`.
        end: number of the step that ended it, from 0, `[run, episode]`.
    """

    total: np.ndarray
    end: np.ndarray


class Until(AbstractSchedule):
    """A number up to a step, then 0: what is learned is kept as it is then."""

    value: Float[ArrayLike, ""]
    n_steps: Int[ArrayLike, ""]

    def __call__(self, step: Int[Array, "*step"]) -> Float[Array, "*step"]:
        """The number at a step."""
        return jnp.where(step < self.n_steps, jnp.asarray(self.value), 0.0)


@eqx.filter_jit
def each(
    keys: Key[Array, " run"],
    world: AbstractEnvironment,
    paid: AbstractReward,
    methods: AbstractLearner,
    watch: Callable | None = None,
) -> tabular.Learned:
    """One run for each key, each with its own setting: leaves `[run]`."""
    seen = tabular.experience(world, paid)
    arrays, rest = eqx.partition(methods, eqx.is_array)

    def one(given):
        key, own = given
        return tabular.learner.run(key, seen, eqx.combine(own, rest), watch)

    return jax.lax.map(one, (keys, arrays))


def episodes(found: tabular.Learned, n_episodes: int) -> Runs:
    """The first episodes of runs that watched `ends`.

    Raises:
        ValueError: where a run did not come so far.
    """
    paid, over = (np.asarray(leaf) for leaf in found.watched)
    fewest = int(over.sum(axis=1).min())
    if fewest < n_episodes:
        raise ValueError(
            f"a run ended {fewest} episodes, not {n_episodes}: let it make more steps."
        )
    so_far = np.cumsum(paid, axis=1, dtype=float)
    end = np.stack([np.flatnonzero(row)[:n_episodes] for row in over])
    total = np.diff(np.take_along_axis(so_far, end, axis=1), axis=1, prepend=0.0)
    return Runs(total, end)


def ends(q: Array, seen: tabular.Seen) -> tuple[Array, Array]:
    """What `episodes` needs of each step."""
    del q
    return seen.reward.astype(jnp.float32), seen.over


def many(method: AbstractLearner, n: int) -> AbstractLearner:
    """The same settings for each of n runs."""
    arrays, rest = eqx.partition(method, eqx.is_array)
    repeat = lambda leaf: jnp.broadcast_to(leaf, (n, *leaf.shape))
    return eqx.combine(jax.tree.map(repeat, arrays), rest)


def cliff(
    key: PRNGKeyArray, kind: type[AbstractLearner], *, n_runs: int = N_RUNS
) -> tuple[Runs, np.ndarray]:
    """Example 6.6: 500 episodes at the cliff, and where the greedy policy then leads.

    Returns:
        The episodes, and the greedy policy's return after the last one, `[run]`; -inf
        where it goes round for ever.
    """
    world, paid, n_steps = env.cliff_walking(), reward.cliff_walking(), 40_000
    keys = jax.random.split(key, n_runs)
    method = kind(n_steps, **CONTROL)
    found = episodes(each(keys, world, paid, many(method, n_runs), ends), N_EPISODES)

    def stopped(n: Array) -> AbstractLearner:
        return kind(n_steps, **CONTROL | {"step_size": Until(jnp.asarray(0.5), n)})

    methods = jax.vmap(stopped)(jnp.asarray(found.end[:, -1] + 1))
    q = np.asarray(each(keys, world, paid, methods).q)
    return found, np.array([greedy_return(world, paid, one) for one in q])


def greedy_return(world: FiniteMDP, paid: AbstractReward, q: np.ndarray) -> float:
    """Return of the greedy policy in a world without chance; -inf if it never ends."""
    features, weights = np.asarray(world.features), np.asarray(paid.weights)
    successor, terminal = np.asarray(world.successor), np.asarray(world.terminal)
    state, total = int(np.argmax(world.initial)), 0.0
    for _ in range(world.n_states):
        action = int(np.argmax(q[state]))
        total += float(features[state, action, 0] @ weights)
        state = int(successor[state, action, 0])
        if terminal[state]:
            return total
    return -np.inf


def windy(key: PRNGKeyArray, *, n_runs: int = N_RUNS) -> Runs:
    """Example 6.5: 500 episodes of SARSA in the windy gridworld."""
    world, paid = env.windy_gridworld(), reward.windy_gridworld()
    method = many(SARSA(25_000, **CONTROL), n_runs)
    keys = jax.random.split(key, n_runs)
    return episodes(each(keys, world, paid, method, ends), N_EPISODES)


def shortest_windy() -> float:
    """Steps of the shortest way through the wind."""
    world = env.windy_gridworld()
    return -float(plan(world, reward.windy_gridworld()).value @ world.initial)


BIAS = {"Q-learning": QLearning, "double Q-learning": DoubleQLearning}


def bias(
    key: PRNGKeyArray,
    kind: type[AbstractLearner],
    *,
    n_runs: int = 10_000,
    n_episodes: int = 300,
) -> np.ndarray:
    """Figure 6.5: which runs go left at the fork, `[run, episode]`."""
    world, paid = env.MaximizationBias(), reward.maximization_bias()
    # At most two steps an episode.
    method = kind(
        2 * n_episodes, step_size=0.1, exploration=0.1, random_ties=True, n_stretches=1
    )
    keys = jax.random.split(key, n_runs)
    watch = lambda q, seen: jnp.where(seen.state == 0, seen.action, -1).astype(jnp.int8)
    turned = np.asarray(each(keys, world, paid, many(method, n_runs), watch).watched)
    return np.stack([row[row >= 0][:n_episodes] == 0 for row in turned])


WALK_N = (1, 2, 4, 8, 16)
WALK_SIZES = np.arange(1, 11) / 10


def random_walk(
    key: PRNGKeyArray, n: int, *, n_runs: int = 100, n_episodes: int = 10
) -> np.ndarray:
    """Figure 7.2: the error of n-step prediction in the random walk of 19 states.

    Returns:
        The root mean square error over states, at the end of each of the first
        episodes, averaged over them; `[step size, run]`, of `WALK_SIZES`.
    """
    world, paid = env.random_walk(), reward.random_walk()
    truth = jnp.arange(1, 20) / 10.0 - 1.0

    def watch(q, seen):
        error = jnp.sqrt(jnp.mean((q[1:20, 0] - truth) ** 2))
        return error.astype(jnp.float32), seen.over

    make = lambda size: NStepSARSA(5000, n=n, step_size=size, n_stretches=1)
    methods = jax.vmap(make)(jnp.asarray(WALK_SIZES))
    keys = jax.random.split(key, n_runs)
    error, over = (
        np.asarray(leaf)
        for leaf in sweep(keys, world, paid, methods, watch=watch).watched
    )
    first = over & (np.cumsum(over, axis=-1) <= n_episodes)
    if not (first.sum(axis=-1) == n_episodes).all():
        raise ValueError(f"a walk ended fewer than {n_episodes} times.")
    return np.where(first, error, 0.0).sum(axis=-1) / n_episodes
