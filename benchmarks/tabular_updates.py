"""What each tabular learner remembers, and how a step changes it, for numba.

numba compiles these functions into the one loop of `tabular_loops`; without numba they
are plain Python.
"""

import importlib.util
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from benchmarks.q_learning_loops import needed

HAS_NUMBA = importlib.util.find_spec("numba") is not None
njit: Any = needed("numba").njit if HAS_NUMBA else lambda **options: lambda work: work
inline = njit(inline="always")
# The learners' settings, constants for numba: ours by default.
N, KEPT, N_PLANNING, N_BACKUPS = 4, 1000, 10, 5
TRACE, CURIOSITY, THRESHOLD = 0.9, 1e-3, 1e-4


class Numbers(NamedTuple):
    """The random numbers of a chain that is given them.

    Args:
        explore: whether the action is random, `[step]`; that of a learner that chooses
            ahead has one more, the first.
        share: how far along the list of actions it then is, likewise.
        branch: of the world, uniform, `[step]`.
        own: of the learner, `[step, ...]`, at least one in each.
    """

    explore: np.ndarray
    share: np.ndarray
    branch: np.ndarray
    own: np.ndarray


class Step(NamedTuple):
    """One step as a learner sees it, with what it knows of the next one."""

    number: int
    state: int
    action: int
    paid: float
    to: int
    ended: bool
    ahead: int
    size: float
    exploration: float
    discount: float


@inline
def uniform(numbers, step, number):
    """A random number of the learner's own; numba decides by type where from."""
    if numbers is None:
        return np.random.random()  # noqa: NPY002 (numba compiles it to a call)
    return numbers.own[step, number]


@inline
def uniform_of_world(numbers, step):
    """A random number of the world's."""
    if numbers is None:
        return np.random.random()  # noqa: NPY002
    return numbers.branch[step]


@inline
def draw(probability, state, action, numbers, step):
    """The branch that the world takes."""
    last = probability.shape[2] - 1
    if last == 0:
        return 0
    left = uniform_of_world(numbers, step)
    for branch in range(last):
        left -= probability[state, action, branch]
        if left < 0.0:
            return branch
    return last


@inline
def greedy(q, state):
    """The first of the best actions."""
    best = 0
    for action in range(1, q.shape[1]):
        if q[state, action] > q[state, best]:
            best = action
    return best


@inline
def greedy_in_mean(q, state):
    """The first of the best actions by the mean of two tables."""
    best, most = 0, q[0, state, 0] + q[1, state, 0]
    for action in range(1, q.shape[2]):
        value = q[0, state, action] + q[1, state, action]
        if value > most:
            best, most = action, value
    return best


@inline
def highest(q, state):
    """The value of the best action."""
    best = q[state, 0]
    for action in range(1, q.shape[1]):
        best = max(best, q[state, action])
    return best


@inline
def target(step, value):
    """Reward and what comes after it."""
    return step.paid if step.ended else step.paid + step.discount * value


@inline
def of_table(n_states, n_actions):
    """What the one-step learners remember."""
    return (np.zeros((n_states, n_actions)),)


@inline
def q_learning(memory, step, numbers):
    """Toward the best of what comes next."""
    (q,) = memory
    aim = target(step, highest(q, step.to))
    q[step.state, step.action] += step.size * (aim - q[step.state, step.action])


@inline
def sarsa(memory, step, numbers):
    """Toward what is done next."""
    (q,) = memory
    aim = target(step, q[step.to, step.ahead])
    q[step.state, step.action] += step.size * (aim - q[step.state, step.action])


@inline
def expected_sarsa(memory, step, numbers):
    """Toward the mean of what may be done next."""
    (q,) = memory
    total, best, n_actions = 0.0, q[step.to, 0], q.shape[1]
    for action in range(n_actions):
        total += q[step.to, action]
        best = max(best, q[step.to, action])
    mean = step.exploration * total / n_actions + (1.0 - step.exploration) * best
    aim = target(step, mean)
    q[step.state, step.action] += step.size * (aim - q[step.state, step.action])


@inline
def of_two(n_states, n_actions):
    """What double Q-learning remembers."""
    return (np.zeros((2, n_states, n_actions)),)


@inline
def double_q_learning(memory, step, numbers):
    """One table, toward what the other says of its choice."""
    (q,) = memory
    mine = 0 if uniform(numbers, step.number, 0) < 0.5 else 1
    best = greedy(q[mine], step.to)
    aim = target(step, q[1 - mine, step.to, best])
    error = aim - q[mine, step.state, step.action]
    q[mine, step.state, step.action] += step.size * error


def of_ring(length: int) -> Callable:
    """What is remembered of the last steps: ring and number of steps."""

    @njit()
    def begin(n_states, n_actions):
        places = np.zeros((length, 2), dtype=np.int64)
        seen = np.zeros(1, dtype=np.int64)
        return np.zeros((n_states, n_actions)), places, np.zeros(length), seen

    return begin


@inline
def keep(memory, step):
    """Put a step into the ring; how many there were."""
    _, places, paid, seen = memory
    slot = seen[0] % len(paid)
    places[slot, 0], places[slot, 1], paid[slot] = step.state, step.action, step.paid
    number = seen[0] + 1
    seen[0] = 0 if step.ended else number
    return number


@inline
def n_step_sarsa(memory, step, numbers):
    """When n steps are known, and at the end, toward their return."""
    q, places, paid, _ = memory
    number = keep(memory, step)
    oldest = max(number - N, 0)
    known = oldest + 1 if number >= N else oldest
    for first in range(oldest, number if step.ended else known):
        aim = target(step, q[step.to, step.ahead])
        for at in range(number - 2, first - 1, -1):
            aim = paid[at % N] + step.discount * aim
        state, action = places[first % N]
        q[state, action] += step.size * (aim - q[state, action])


@inline
def tree_backup(memory, step, numbers):
    """The same, but a return is followed as far as its actions are greedy."""
    q, places, paid, _ = memory
    number = keep(memory, step)
    oldest = max(number - N, 0)
    known = oldest + 1 if number >= N else oldest
    for first in range(oldest, number if step.ended else known):
        aim = target(step, highest(q, step.to))
        for at in range(number - 2, first - 1, -1):
            state, action = places[(at + 1) % N]
            best = greedy(q, state)
            value = aim if best == action else q[state, best]
            aim = paid[at % N] + step.discount * value
        state, action = places[first % N]
        q[state, action] += step.size * (aim - q[state, action])


@inline
def monte_carlo(memory, step, numbers):
    """At the end, every step toward what followed it."""
    q, places, paid, _ = memory
    number = keep(memory, step)
    if not step.ended:
        return
    brought = 0.0
    for at in range(number - 1, max(number - KEPT, 0) - 1, -1):
        brought = paid[at % KEPT] + step.discount * brought
        state, action = places[at % KEPT]
        q[state, action] += step.size * (brought - q[state, action])


@inline
def of_traces(n_states, n_actions):
    """What is remembered with traces."""
    return np.zeros((n_states, n_actions)), np.zeros((n_states, n_actions))


@inline
def spread(q, trace, error, on):
    """Move every value as far as its trace says, and let the traces decay."""
    for state in range(q.shape[0]):
        for action in range(q.shape[1]):
            q[state, action] += trace[state, action] * error
            trace[state, action] *= on


@inline
def sarsa_lambda(memory, step, numbers):
    """All that led here, toward what is done next."""
    q, trace = memory
    aim = target(step, q[step.to, step.ahead])
    error = aim - q[step.state, step.action]
    trace[step.state, step.action] += step.size
    spread(q, trace, error, 0.0 if step.ended else TRACE * step.discount)


@inline
def watkins_q(memory, step, numbers):
    """All that led here by greedy actions, toward the best of what comes next."""
    q, trace = memory
    best = highest(q, step.to)
    error = target(step, best) - q[step.state, step.action]
    trace[step.state, step.action] += step.size
    cut = step.ended or q[step.to, step.ahead] < best
    spread(q, trace, error, 0.0 if cut else TRACE * step.discount)


@inline
def peng_q(memory, step, numbers):
    """The last action by its own error, what led to it by that of its state."""
    q, trace = memory
    aim = target(step, highest(q, step.to))
    error = aim - highest(q, step.state)
    own_error = aim - q[step.state, step.action]
    on = TRACE * step.discount
    for state in range(q.shape[0]):
        for action in range(q.shape[1]):
            trace[state, action] *= on
            q[state, action] += trace[state, action] * error
    q[step.state, step.action] += step.size * own_error
    trace[step.state, step.action] += step.size
    if step.ended:
        trace[:] = 0.0


@inline
def of_model(n_states, n_actions):
    """What Dyna remembers: table, successor, reward, end, when tried, list, counts."""
    shape = (n_states, n_actions)
    to = np.empty(shape, dtype=np.int32)
    for state in range(n_states):
        to[state] = state
    return (
        np.zeros(shape),
        to,
        np.zeros(shape),
        np.zeros(shape, dtype=np.bool_),
        np.zeros(shape, dtype=np.int32),
        np.zeros(n_states * n_actions, dtype=np.int32),
        np.zeros(2, dtype=np.int64),
    )


@inline
def remember(memory, step):
    """Learn from a step and put it into the model; whether state, action are new."""
    q, to, paid, ended, tried, _, counts = memory
    q_learning((q,), step, None)
    place = step.state, step.action
    new = tried[place] == 0
    new_state = new
    for action in range(q.shape[1]):
        new_state = new_state and tried[step.state, action] == 0
    counts[1] += 1
    to[place], paid[place], ended[place] = step.to, step.paid, step.ended
    tried[place] = counts[1]
    return new_state, new


@inline
def learn_again(memory, state, action, bonus, step):
    """Learn from what an action last brought."""
    q, to, paid, ended, _, _, _ = memory
    aim = paid[state, action] + bonus
    if not ended[state, action]:
        aim += step.discount * highest(q, to[state, action])
    q[state, action] += step.size * (aim - q[state, action])


@inline
def dyna_q(memory, step, numbers):
    """Q-learning from the step, and from some that are remembered."""
    listed, counts, n_actions = memory[5], memory[6], memory[0].shape[1]
    _, new = remember(memory, step)
    if new:
        listed[counts[0]] = step.state * n_actions + step.action
        counts[0] += 1
    for number in range(N_PLANNING):
        place = listed[int(uniform(numbers, step.number, number) * counts[0])]
        learn_again(memory, place // n_actions, place % n_actions, 0.0, step)


@inline
def dyna_q_plus(memory, step, numbers):
    """The same with a bonus for what was not tried for long."""
    tried, listed, counts = memory[4], memory[5], memory[6]
    n_actions = memory[0].shape[1]
    new, _ = remember(memory, step)
    if new:
        listed[counts[0]] = step.state
        counts[0] += 1
    for number in range(N_PLANNING):
        place = int(uniform(numbers, step.number, number) * counts[0] * n_actions)
        state, action = listed[place // n_actions], place % n_actions
        bonus = CURIOSITY * np.sqrt(float(counts[1] - tried[state, action]))
        learn_again(memory, state, action, bonus, step)


@inline
def of_counts(n_states, n_actions):
    """What prioritised sweeping remembers: table, value, counts, visits, reward, queue.

    The queue is the array of priorities.
    """
    shape = (n_states, n_actions)
    count = np.zeros((n_states + 1, n_states, n_actions))
    value, visits = np.zeros(n_states + 1), np.zeros(shape)
    return np.zeros(shape), value, count, visits, np.zeros(shape), np.zeros(shape)


@inline
def missing(memory, state, action, discount):
    """What the model says, less the value."""
    q, value, count, visits, reward, _ = memory
    mean = 0.0
    for to in range(len(value)):
        mean += count[to, state, action] * value[to]
    mean /= max(visits[state, action], 1.0)
    return reward[state, action] + discount * mean - q[state, action]


@inline
def prioritized_sweeping(memory, step, numbers):
    """Count the step, then set the values that are most out of date."""
    q, value, count, visits, reward, priority = memory
    n_states, n_actions = q.shape
    place = step.state, step.action
    count[n_states if step.ended else step.to, step.state, step.action] += 1.0
    visits[place] += 1.0
    reward[place] += (step.paid - reward[place]) / visits[place]
    priority[place] = abs(missing(memory, step.state, step.action, step.discount))
    for _ in range(N_BACKUPS):
        state, action = 0, 0
        for other in range(n_states):
            for then in range(n_actions):
                if priority[other, then] > priority[state, action]:
                    state, action = other, then
        if priority[state, action] <= THRESHOLD:
            break
        error = missing(memory, state, action, step.discount)
        q[state, action] += step.size * error
        priority[state, action] = abs(error - step.size * error)
        best = highest(q, state)
        by = step.discount * abs(best - value[state])
        value[state] = best
        for other in range(n_states):
            for then in range(n_actions):
                seen = max(visits[other, then], 1.0)
                likely = count[state, other, then] / seen
                priority[other, then] = max(priority[other, then], by * likely)
