"""Probe H1: loops that pay, so that ending is never worth while."""

import itertools

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sparse
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.sparse.linalg import spsolve

from volition.env import FiniteMDP
from volition.evaluation import can_reach, outcomes, possible_steps, share_of_starts
from volition.policy import Tabular
from volition.probes.finding import (
    Finding,
    Path,
    follow_policy,
    likeliest_path,
    until_repeat,
)
from volition.probes.searched import best
from volition.reward import AbstractReward
from volition.value import expected_reward

NEAR_ONE = 1.0 - 1e-7  # a discount whose optimal policy also has the best mean
PATIENT = 1.0 - 1e-4  # a discount by which zeros for ever weigh less than any end
ROUNDING = 1e-9  # relative to the largest reward
SHARE = 0.01  # of the starts: below, a few odd cells decide nothing


def loops_that_pay(
    env: FiniteMDP, reward: AbstractReward, policy: Tabular
) -> tuple[Finding, ...]:
    """Find the loop with the highest mean reward, and starts that never end.

    Applies in worlds that name a goal; starts that cannot reach one do not count. A
    loop whose mean reward per step is above 0 is worth more than any end, once the
    discount is near enough to 1; one whose mean is exactly 0 where the best policy then
    stays instead of ending. Found by policy iteration over the state-action pairs that
    can avoid every end; in a deterministic world this is the maximum mean cycle.

    Args:
        env: the world.
        reward: the one that is audited.
        policy: what optimising it led to.

    Returns:
        No finding, or up to two.

    Source: R. M. Karp, "A characterization of the minimum cycle mean in a digraph",
    1978, for the quantity; R. A. Howard, 1960, for the method, right with chance too.
    """
    if not np.asarray(env.goal).any():
        return ()
    env = from_where_it_can_end(env)
    if not np.asarray(env.initial).any():
        return ()
    paid = np.asarray(expected_reward(env, reward))
    found = []
    best = best_loop(env, paid)
    if best is not None:
        mean, cycle, actions = best
        size = ROUNDING * np.abs(paid).max()
        if mean > size or (mean >= -size and _stays(env, paid)):
            path, loop = _path_to(env, cycle, actions)
            found.append(
                Finding("H1", _sentence(env, mean, cycle, actions), path, loop)
            )
    never = outcomes(env, policy).never
    share = share_of_starts(env, never)
    if share > SHARE:
        start = int(np.argmax(np.asarray(env.initial) * never))
        path, loop = until_repeat(_way_to_stay(env, policy, start, never == 1.0))
        found.append(
            Finding(
                "H1",
                f"From {share:.0%} of the starts the policy never ends, for instance "
                f"from {env.describe(start)}.",
                path,
                loop,
            )
        )
    return tuple(found)


def from_where_it_can_end(env: FiniteMDP) -> FiniteMDP:
    """A world without the starts that cannot reach a goal; with none, if none can."""
    can_end = can_reach(possible_steps(env), np.asarray(env.goal))
    starts = np.where(can_end, np.asarray(env.initial), 0.0)
    share = jnp.asarray(starts / (starts.sum() or 1.0), dtype=env.initial.dtype)
    return eqx.tree_at(lambda one: one.initial, env, share)


def _stays(env: FiniteMDP, paid: np.ndarray) -> bool:
    """Whether the best policy stays for ever from some starts, near a discount of 1."""
    patient = eqx.tree_at(
        lambda one: one.discount, env, jnp.asarray(PATIENT, dtype=env.discount.dtype)
    )
    never = outcomes(env, best(patient, paid).policy).never
    return share_of_starts(env, never) > SHARE


def best_loop(
    env: FiniteMDP, paid: np.ndarray
) -> tuple[float, list[int], np.ndarray] | None:
    """The loop with the highest mean reward among those that a start can reach.

    Args:
        env: the world.
        paid: expected rewards, `[state, action]`.

    Returns:
        Its mean reward per step, the states of it in order (in a world of chance: of
        its recurrent class, along the likeliest successors), and the actions taken,
        `[state]`; None where every way ends.
    """
    inside, allowed = staying(env)
    if not inside.any():
        return None
    successor, probability = np.asarray(env.successor), np.asarray(env.probability)
    n_states = env.n_states
    rows = np.flatnonzero(inside)
    place = np.full(n_states, -1)
    place[rows] = np.arange(len(rows))
    actions = np.argmax(np.where(allowed, paid, -np.inf), axis=1)

    def chain_of(actions):
        to = place[successor[rows, actions[rows]]]
        weight = np.where(to >= 0, probability[rows, actions[rows]], 0.0)
        from_rows = np.repeat(np.arange(len(rows)), to.shape[1])
        return sparse.csr_array(
            (weight.reshape(-1), (from_rows, np.maximum(to, 0).reshape(-1))),
            shape=(len(rows), len(rows)),
        )

    # Values are up to mean / (1 - discount): without the mean found so far, their
    # rounding hides no loop that is only a little better.
    shift = 0.0
    for _ in range(200):
        chain = chain_of(actions)
        system = sparse.eye_array(len(rows)) - NEAR_ONE * chain
        net = paid - shift
        value = np.zeros(n_states)
        solved = spsolve(sparse.csc_matrix(system), net[rows, actions[rows]])
        value[rows] = np.asarray(solved)
        q = net + NEAR_ONE * np.sum(probability * value[successor], axis=-1)
        kept = q[np.arange(n_states), actions][:, None]
        gain = np.where(allowed, q - kept, -np.inf)
        better = (gain > 1e-12 * (np.abs(q) + np.abs(kept))).any(axis=1)
        if better.any():
            actions = np.where(better, gain.argmax(axis=1), actions)
            continue
        mean, _ = _best_class(chain, paid[rows, actions[rows]])
        if mean == shift:
            break
        shift = mean
    mean, members = _best_class(chain_of(actions), paid[rows, actions[rows]])
    cycle = _ordered(rows[members], successor, probability, actions)
    return mean, cycle, actions


def staying(env: FiniteMDP) -> tuple[np.ndarray, np.ndarray]:
    """The states from which every end can be avoided for ever, and how.

    Returns:
        Marks of the states that a start can reach, `[state]`, and of the actions that
        surely stay among them, `[state, action]`.
    """
    successor = np.asarray(env.successor)
    possible = np.asarray(env.probability) > 0
    backwards = sparse.csr_array(possible_steps(env).T)
    reached = can_reach(backwards, np.asarray(env.initial) > 0)
    inside = np.asarray(reached & ~np.asarray(env.terminal))
    while True:
        allowed = (inside[successor] | ~possible).all(axis=-1) & inside[:, None]
        left = np.asarray(allowed.any(axis=1))
        if (left == inside).all():
            return inside, allowed
        inside = left


def _sentence(
    env: FiniteMDP, mean: float, cycle: list[int], actions: np.ndarray
) -> str:
    pays = f"{mean:+.3g} reward units per step"
    near = env.describe(cycle[0])
    chances = np.asarray(env.probability)[cycle, actions[cycle]].max(axis=-1)
    if (chances < 1.0).any():
        return (
            f"Acting so as to stay around {near} for ever pays {pays} on average and "
            "never reaches the goal."
        )
    return (
        f"A loop of {len(cycle)} steps through {near} pays {pays} for ever and never "
        "reaches the goal."
    )


def _way_to_stay(
    env: FiniteMDP, policy: Tabular, start: int, stays: np.ndarray
) -> Path:
    """The likeliest path of a policy to where it never ends, and on from there."""
    way = likeliest_path(env, policy, start, stays)
    greedy = np.argmax(np.asarray(policy.probabilities), axis=-1)
    on = follow_policy(env, greedy, way.states[-1], env.n_states + 1)
    return Path((*way.states, *on.states[1:]), (*way.actions, *on.actions))


def _best_class(chain: sparse.csr_array, paid: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean reward and members of the best recurrent class of a chain."""
    chain.eliminate_zeros()
    n_classes, label = connected_components(chain, directed=True, connection="strong")
    rows, columns = chain.nonzero()
    closed = np.ones(n_classes, dtype=bool)
    closed[label[rows][label[rows] != label[columns]]] = False
    best, best_members = -np.inf, np.zeros(0, dtype=int)
    for name in np.flatnonzero(closed):
        members = np.flatnonzero(label == name)
        inner = chain[members][:, members].toarray()
        # The stationary distribution: left null vector of (P - I), summing to 1.
        system = np.vstack([inner.T - np.eye(len(members)), np.ones(len(members))])
        right = np.append(np.zeros(len(members)), 1.0)
        weight = np.linalg.lstsq(system, right, rcond=None)[0]
        mean = float(weight @ paid[members])
        if mean > best:
            best, best_members = mean, members
    return best, best_members


def _ordered(members, successor, probability, actions) -> list[int]:
    """The members of a recurrent class in the order of their likeliest successors."""
    state, seen = int(members[0]), []
    while state not in seen:
        seen.append(state)
        branch = int(np.argmax(probability[state, actions[state]]))
        state = int(successor[state, actions[state], branch])
    return seen[seen.index(state) :]


def _path_to(env: FiniteMDP, cycle: list[int], actions: np.ndarray) -> tuple[Path, int]:
    """From the nearest start into a loop and once around; and where the loop begins."""
    steps = possible_steps(env)
    steps.data[:] = 1.0
    starts = np.flatnonzero(np.asarray(env.initial) > 0)
    length, before, _ = dijkstra(
        steps, indices=starts, return_predecessors=True, min_only=True
    )
    state = min(cycle, key=lambda member: length[member])
    way = [state]
    while before[way[0]] >= 0:
        way.insert(0, int(before[way[0]]))
    successor = np.asarray(env.successor)
    possible = np.asarray(env.probability) > 0
    taken = []
    for here, there in itertools.pairwise(way):
        leads = ((successor[here] == there) & possible[here]).any(axis=-1)
        taken.append(int(np.argmax(leads)))
    around = follow_policy(env, actions, state, len(cycle))
    loop = len(taken)
    return Path((*way, *around.states[1:]), (*taken, *around.actions)), loop
