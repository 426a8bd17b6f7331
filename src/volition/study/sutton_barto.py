"""Experiments of the textbook, run again: what its tabular learners do in its worlds.

Source of every protocol: R. S. Sutton, A. G. Barto, "Reinforcement Learning: An
Introduction", 2nd ed., 2018; the example or figure is named with each. Ties between
actions are broken at random, as there.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int, Key, PRNGKeyArray

from volition import env, reward
from volition.env import AbstractEnvironment, FiniteMDP
from volition.policy import greedy
from volition.reward import AbstractReward
from volition.value import (
    SARSA,
    AbstractLearner,
    AbstractSchedule,
    ByVisit,
    DoubleQLearning,
    DynaQ,
    ExpectedSARSA,
    Harmonic,
    Linear,
    MonteCarlo,
    NStepSARSA,
    QLearning,
    TileCoding,
    backup,
    evaluate_policy,
    expected_reward,
    plan,
    sweep,
    tabular,
)
from volition.value.tabular import learn

N_RUNS, N_EPISODES = 200, 500
STEP_SIZE = 0.5
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
        return tabular.run(key, seen, eqx.combine(own, rest), watch)

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


def _control(
    kind: type[AbstractLearner],
    n_steps: int,
    step_size: float | AbstractSchedule = STEP_SIZE,
) -> AbstractLearner:
    return kind(n_steps, step_size=step_size, exploration=0.1, random_ties=True)


def cliff(
    key: PRNGKeyArray, kind: type[AbstractLearner], *, n_runs: int = N_RUNS
) -> tuple[Runs, np.ndarray]:
    """Example 6.6: 500 episodes at the cliff, and where the greedy policy then leads.

    Returns:
        The episodes, and the greedy policy's return after the last one, `[run]`; -inf
        where it goes round for ever.
    """
    world, paid, n_steps = env.cliff_walking(), reward.cliff_walking(), 40_000
    keys, method = jax.random.split(key, n_runs), _control(kind, n_steps)
    found = episodes(learn(keys, world, paid, method, watch=ends), N_EPISODES)

    def stopped(n: Array) -> AbstractLearner:
        return _control(kind, n_steps, Until(jnp.asarray(STEP_SIZE), n))

    last = jnp.asarray(found.end[:, -1] + 1, dtype=jnp.int32)
    methods = jax.vmap(stopped)(last)
    q = np.asarray(each(keys, world, paid, methods).q)
    return found, np.array([greedy_return(world, paid, one) for one in q])


def greedy_return(world: FiniteMDP, paid: AbstractReward, q: np.ndarray) -> float:
    """Return of the greedy policy in a world without chance; -inf if it never ends."""
    each_pays = np.asarray(expected_reward(world, paid))
    successor, terminal = np.asarray(world.successor), np.asarray(world.terminal)
    state, total = int(np.argmax(world.initial)), 0.0
    for _ in range(world.n_states):
        action = int(np.argmax(q[state]))
        total += float(each_pays[state, action])
        state = int(successor[state, action, 0])
        if terminal[state]:
            return total
    return -np.inf


def windy(key: PRNGKeyArray, *, n_runs: int = N_RUNS) -> Runs:
    """Example 6.5: 500 episodes of SARSA in the windy gridworld."""
    world, paid = env.windy_gridworld(), reward.windy_gridworld()
    keys, method = jax.random.split(key, n_runs), _control(SARSA, 25_000)
    return episodes(learn(keys, world, paid, method, watch=ends), N_EPISODES)


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
    turned = np.asarray(learn(keys, world, paid, method, watch=watch).watched)
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
    truth = jnp.asarray(np.arange(1, 20) / 10.0 - 1.0)

    def watch(q, seen):
        error = jnp.sqrt(jnp.mean((q[1:20, 0] - truth) ** 2))
        return error.astype(jnp.float32), seen.over

    make = lambda size: NStepSARSA(5000, n=n, step_size=size, n_stretches=1)
    methods = jax.vmap(make)(jnp.asarray(WALK_SIZES))
    keys = jax.random.split(key, n_runs)
    error, over = map(
        np.asarray, sweep(keys, world, paid, methods, watch=watch).watched
    )
    first = over & (np.cumsum(over, axis=-1) <= n_episodes)
    if not (first.sum(axis=-1) == n_episodes).all():
        raise ValueError(f"a walk ended fewer than {n_episodes} times.")
    return np.where(first, error, 0.0).sum(axis=-1) / n_episodes


def random_policy_values(sweeps: Sequence[int]) -> np.ndarray:
    """Figure 4.1: values of acting at random in a grid of 4 x 4.

    Args:
        sweeps: after how many sweeps of iterative policy evaluation, ascending.

    Returns:
        Reward units, `[entry of sweeps, row, column]`.
    """
    board = ("G...", "....", "....", "...G")
    tiles = {
        ".": env.Tile(ground=("step",), start=True),
        "G": env.Tile(ground=("step",), ends=True, goal=True),
    }
    step = (env.Feature("step", "1", "1 for every step"),)
    world = env.gridworld(board, tiles, step, discount=1.0)
    r = expected_reward(world, reward.Linear(("step",), [-1.0]))
    one = jax.jit(lambda value: jnp.mean(backup(world, r, value), axis=1))
    value, found = jnp.zeros(world.n_states), []
    for number in range(1 + max(sweeps)):
        if number in sweeps:
            found.append(np.asarray(value).reshape(4, 4))
        value = one(value)
    return np.stack(found)


class Hands(NamedTuple):
    """Blackjack as it was learned, by hands.

    Args:
        hits: whether to take a card, `[ace, total 12 to 21, dealer 1 to 10]`.
        best: whether the best policy does, likewise.
        value: of the learned policy's first choice, reward units, likewise.
        lost: what acting as learned loses on the best policy, reward units per game,
            `[run]`.
    """

    hits: np.ndarray
    best: np.ndarray
    value: np.ndarray
    lost: np.ndarray


def blackjack(
    key: PRNGKeyArray, *, n_runs: int = 10, n_steps: int = 1_000_000
) -> Hands:
    """Figure 5.2 by on-policy Monte Carlo control, exploring less and less."""
    world, paid = env.blackjack(), reward.blackjack()
    method = MonteCarlo(
        n_steps,
        n=12,
        step_size=ByVisit(Harmonic(1.0, half=1.0)),
        exploration=Linear(0.5, 0.05, n_steps),
    )
    found = learn(jax.random.split(key, n_runs), world, paid, method)
    best, r = plan(world, paid), expected_reward(world, paid)
    value = lambda q: evaluate_policy(world, greedy(q).probabilities, r) @ world.initial
    lost = best.value @ world.initial - jax.vmap(value)(found.q)
    names = world.action_names.index("hit")
    shown = lambda of_state: np.asarray(of_state)[:200].reshape(2, 10, 10)
    q = found.q[0]
    return Hands(
        shown(jnp.argmax(q, axis=1) == names),
        shown(jnp.argmax(best.q, axis=1) == names),
        shown(jnp.max(q, axis=1)),
        np.asarray(lost),
    )


MAZE_PLANNING = (0, 5, 50)


def maze(
    key: PRNGKeyArray, n_planning: int, *, n_runs: int = 30, n_episodes: int = 50
) -> np.ndarray:
    """Figure 8.2: steps of each episode of Dyna-Q in its maze, `[run, episode]`."""
    world, paid = env.dyna_maze(), reward.dyna_maze()
    n_steps = 30_000 if n_planning == 0 else 8_000
    method = DynaQ(n_steps, n_planning=n_planning, random_ties=True)
    keys = jax.random.split(key, n_runs)
    end = episodes(learn(keys, world, paid, method, watch=ends), n_episodes).end
    return np.diff(end, axis=1, prepend=-1)


class Change(NamedTuple):
    """A maze that changes.

    Args:
        before: how it is at first.
        after: how it is then.
        at: the step at which it changes.
        until: the step at which learning ends.
    """

    before: FiniteMDP
    after: FiniteMDP
    at: int
    until: int


CHANGES = {
    "blocking": lambda: Change(
        env.changing_maze(right=True), env.changing_maze(left=True), 1000, 3000
    ),
    "shortcut": lambda: Change(
        env.changing_maze(left=True),
        env.changing_maze(left=True, right=True),
        3000,
        6000,
    ),
}


def changing_maze(
    key: PRNGKeyArray, kind: type[DynaQ], change: Change, *, n_runs: int = 30
) -> np.ndarray:
    """Figures 8.4 and 8.5: reward so far of a learner in a maze that changes.

    Returns:
        `[run, step]`.
    """
    paid, keys = reward.dyna_maze(), jax.random.split(key, n_runs)
    settings = {"n_planning": 50, "random_ties": True, "step_size": 0.5}
    length = 100  # of a stretch, the same before and after
    make = lambda n: kind(n, n_stretches=n // length, **settings)
    watch = lambda q, seen: seen.reward
    first = learn(keys, change.before, paid, make(change.at), watch=watch)
    rest = make(change.until - change.at)
    then = learn(keys, change.after, paid, rest, watch=watch, after=first.stand)
    earned = [np.asarray(one.watched) for one in (first, then)]
    return np.cumsum(np.concatenate(earned, axis=1), axis=1)


CAR_CODING = TileCoding((-1.2, -0.07), (0.6, 0.07), n_tiles=8, n_tilings=8)
CAR_SETTINGS = ((0.1, 1), (0.2, 1), (0.5, 1), (0.3, 8))  # step size, n


def mountain_car(
    key: PRNGKeyArray,
    step_size: float,
    *,
    n: int = 1,
    n_runs: int = 10,
    n_episodes: int = 500,
) -> tuple[np.ndarray, np.ndarray]:
    """Figures 10.1 to 10.3: semi-gradient SARSA with tile coding on Mountain Car.

    Args:
        key: consumed.
        step_size: of a value; each of its 8 tiles gets an eighth.
        n: steps that are looked ahead.
        n_runs: how many runs.
        n_episodes: of each.

    Returns:
        Steps of each episode, `[run, episode]`, and the weights that the first run
        ended with, `[tile, action]`.
    """
    world, paid = env.MountainCar(time_limit=env.NO_TIME_LIMIT), reward.mountain_car()
    n_steps = max(300 * n_episodes, 80_000)  # the first episodes are the longest
    method = NStepSARSA(
        n_steps, n=n, step_size=step_size, exploration=0.0, random_ties=True
    )
    keys = jax.random.split(key, n_runs)
    found = learn(keys, world, paid, method, coding=CAR_CODING, watch=ends)
    steps = np.diff(episodes(found, n_episodes).end, axis=1, prepend=-1)
    return steps, np.asarray(found.q[0])


def cost_to_go(weights: np.ndarray, n: int = 40) -> np.ndarray:
    """Steps that are still expected on a grid of `[velocity, position]`."""
    coding = CAR_CODING
    axes = [np.linspace(*ends, n) for ends in zip(coding.low, coding.high, strict=True)]
    points = np.stack(np.meshgrid(*axes), axis=-1)
    policy = tabular.GreedyInTiles(coding, jnp.asarray(weights))
    values = jax.vmap(jax.vmap(policy.values))(jnp.asarray(points))
    return -np.asarray(jnp.max(values, axis=-1))
