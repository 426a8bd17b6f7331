"""Every tabular learner as a numba loop: the peers of ours.

One loop acts, steps and begins anew; what a learner remembers and how a step changes it
are functions of `tabular_updates`. A loop draws its random numbers as it goes, as who
writes for numba does; or it is given them, and does what ours does with them.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmarks import tabular_updates as updates
from benchmarks.tabular_updates import Numbers as Numbers, Step, inline, njit

# Without counting references to arrays, which takes as long again as the rest.
run = njit(_nrt=False)


class World(NamedTuple):
    """A finite world that begins in one state and has no time limit.

    Args:
        successor: `[state, action, branch]`.
        probability: `[state, action, branch]`.
        reward: `[state, action, branch]`.
        terminal: `[state]`.
        start: where an episode begins.
        discount: per step.
    """

    successor: np.ndarray
    probability: np.ndarray
    reward: np.ndarray
    terminal: np.ndarray
    start: int
    discount: float


class Loop(NamedTuple):
    """How a learner is put into the loop.

    Args:
        begin: `(n_states, n_actions) -> memory`, the table first.
        update: `(memory, step, numbers)`, changes the memory.
        commits: whether it chooses the next action before it learns.
        choose: `(table, state) -> action`.
    """

    begin: Callable
    update: Callable
    commits: bool = False
    choose: Callable = updates.greedy


LOOPS = {
    "Q-learning": Loop(updates.of_table, updates.q_learning),
    "SARSA": Loop(updates.of_table, updates.sarsa, commits=True),
    "expected SARSA": Loop(updates.of_table, updates.expected_sarsa),
    "double Q-learning": Loop(
        updates.of_two, updates.double_q_learning, choose=updates.greedy_in_mean
    ),
    "n-step SARSA": Loop(
        updates.of_ring(updates.N), updates.n_step_sarsa, commits=True
    ),
    "tree backup": Loop(updates.of_ring(updates.N), updates.tree_backup),
    "Monte Carlo": Loop(
        updates.of_ring(updates.KEPT), updates.monte_carlo, commits=True
    ),
    "SARSA(lambda)": Loop(updates.of_traces, updates.sarsa_lambda, commits=True),
    "Watkins's Q(lambda)": Loop(updates.of_traces, updates.watkins_q, commits=True),
    "Peng's Q(lambda)": Loop(updates.of_traces, updates.peng_q),
    "Dyna-Q": Loop(updates.of_model, updates.dyna_q),
    "Dyna-Q+": Loop(updates.of_model, updates.dyna_q_plus),
    "prioritised sweeping": Loop(updates.of_counts, updates.prioritized_sweeping),
}


def acting(choose: Callable) -> Callable:
    """Epsilon-greedy choice by a random number of one's own, or one that is given."""

    @inline
    def act(q, state, exploration, numbers, row):
        if numbers is None:
            drawn = np.random.random()  # noqa: NPY002
            if drawn < exploration:
                return int(drawn / exploration * q.shape[-1])
        elif numbers.explore[row]:
            return int(numbers.share[row] * q.shape[-1])
        return choose(q, state)

    return act


@functools.cache
def compiled(name: str) -> Callable[..., np.ndarray]:
    """The loop of a learner; it returns the table, of double Q-learning both."""
    begin, update, commits, choose = LOOPS[name]
    act = acting(choose)

    @run
    def go(memory, world, seed, n_steps, size, exploration, numbers):
        np.random.seed(seed)  # noqa: NPY002
        q, state, action, row = memory[0], world.start, 0, 0
        if commits:
            action, row = act(q, state, exploration, numbers, 0), 1
        for number in range(n_steps):
            if not commits:
                action = act(q, state, exploration, numbers, number)
            branch = updates.draw(world.probability, state, action, numbers, number)
            to = world.successor[state, action, branch]
            paid, ended = world.reward[state, action, branch], world.terminal[to]
            ahead = 0
            if commits:
                ahead = act(q, to, exploration, numbers, row + number)
            step = Step(
                number,
                state,
                action,
                paid,
                to,
                ended,
                ahead,
                size,
                exploration,
                world.discount,
            )
            update(memory, step, numbers)
            state = world.start if ended else to
            action = ahead
            if commits and ended:
                action = act(q, state, exploration, numbers, row + number)

    def loop(world, *settings):
        memory = begin(*world.successor.shape[:2])
        go(memory, world, *settings)
        return memory[0]

    return loop
