"""Example 8.4 of the textbook, run again: how planning grows with the size of a maze.

Source: R. S. Sutton, A. G. Barto, "Reinforcement Learning: An Introduction", 2nd ed.,
2018, example 8.4. Recorded there: 5 to 10 times fewer backups by prioritised sweeping.
Ours are 10 to 35 times fewer, counted since the first goal, and 40 to 70 with those
before it, in which Dyna-Q sets zeros to zero.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key, PRNGKeyArray

from volition import env, reward
from volition.env import FiniteMDP
from volition.reward import AbstractReward
from volition.value import DynaQ, PrioritizedSweeping, plan, tabular

PLANNERS = {"prioritised sweeping": PrioritizedSweeping, "Dyna-Q": DynaQ}
SCALES = (1, 2, 3, 4)
# A way counts that is up to a fifth longer than a shortest one. To the very last step a
# run may wait for a million steps: not for backups, but for exploring by chance.
SLACK = 1.2


class Backups(NamedTuple):
    """How much was computed until a short way was known, by run.

    Args:
        before: backups before anything was known but zeros, `[run]`.
        total: backups until the greedy way was short, `[run]`.
    """

    before: np.ndarray
    total: np.ndarray


def until_short(
    key: PRNGKeyArray,
    kind: type[PrioritizedSweeping] | type[DynaQ],
    scale: int,
    *,
    n_runs: int = 10,
    n_steps: int = 1_000_000,
) -> Backups:
    """Backups until the greedy way is short: up to `SLACK` times a shortest one.

    The book waits for the optimal solution. Both plan up to 5 times a step, and each
    backup moves a value all the way. Dyna-Q's from the step itself count, too.

    Args:
        key: consumed.
        kind: who plans.
        scale: of the maze.
        n_runs: how many runs.
        n_steps: of the world in each, at most.

    Raises:
        ValueError: where a run has not come so far by then.
    """
    world, paid = env.dyna_maze(scale=scale), reward.dyna_maze()
    # A stretch is one step, after which it is asked whether to go on.
    method = kind(1, n_planning=5, step_size=1.0, random_ties=True, n_stretches=1)
    length = jnp.int32(int(SLACK * shortest(world, paid)))
    keys = jax.random.split(key, n_runs)
    found, *counts = _until(keys, world, paid, method, length, jnp.int32(n_steps))
    if not np.all(found):
        raise ValueError(f"a run knew no short way after {n_steps} steps.")
    return Backups(*(np.asarray(count) for count in counts))


def shortest(world: FiniteMDP, paid: AbstractReward) -> int:
    """Steps of a shortest way to a reward of 1 at its end, by what the way is worth."""
    value = float(plan(world, paid).value @ world.initial)
    return 1 + round(float(np.log(value) / np.log(float(world.discount))))


@eqx.filter_jit
def _until(
    keys: Key[Array, " run"],
    world: FiniteMDP,
    paid: AbstractReward,
    method: PrioritizedSweeping | DynaQ,
    length: Int[Array, ""],
    n_steps: Int[Array, ""],
) -> tuple[Bool[Array, " run"], Int[Array, " run"], Int[Array, " run"]]:
    """Whether the greedy way became so short, and the backups until then."""
    seen = tabular.experience(world, paid)
    start = jnp.argmax(world.initial).astype(jnp.int32)

    def arrives(q: Float[Array, "state action"]) -> Bool[Array, ""]:
        def step(_, state):
            # Terminal states lead to themselves.
            return world.successor[state, jnp.argmax(q[state]), 0]

        return world.terminal[jax.lax.fori_loop(0, length, step, start)]

    def on(now):
        stand, _ = now
        return (stand.stretch < n_steps) & ~arrives(method.q(stand.memory))

    def one(key):
        def more(now):
            stand, before = now
            stand = tabular.run(key, seen, method, after=stand).stand
            nothing = jnp.all(method.q(stand.memory) == 0.0)
            n_backups = method.n_backups(stand.memory)
            return stand, jnp.where(nothing, n_backups, before)

        start = (tabular.begin(key, seen, method), jnp.int32(0))
        stand, before = jax.lax.while_loop(on, more, start)
        n_backups = method.n_backups(stand.memory)
        return arrives(method.q(stand.memory)), before, n_backups

    return jax.lax.map(one, keys)
