"""Findings: what a probe found, in a sentence, with a path that can be replayed."""

import itertools

import equinox as eqx
import numpy as np
import scipy.sparse as sparse
from scipy.sparse.csgraph import dijkstra

from volition.env import FiniteMDP
from volition.evaluation import can_reach, policy_chain
from volition.policy import Tabular
from volition.probes.check import NAMES
from volition.reward import AbstractReward
from volition.value import branch_reward


class Path(eqx.Module):
    """A path through a finite world.

    Args:
        states: numbers of the states, `[step + 1]`.
        actions: numbers of the actions between them, `[step]`.
    """

    states: tuple[int, ...]
    actions: tuple[int, ...]

    def describe(self, env: FiniteMDP) -> str:
        """The path in words."""
        words = [env.describe(self.states[0])]
        for action, state in zip(self.actions, self.states[1:], strict=True):
            words.append(f"{env.action_names[action]} to {env.describe(state)}")
        return ", ".join(words)


class Finding(eqx.Module):
    """Something that a reward incentivises and nobody wants.

    Args:
        probe: its name in the audit.
        sentence: what was found, for a reader.
        path: where it can be seen; replay it with `replay`.
        loop: from which step on the path repeats itself; None where it does not.
        env: the world that the path is of, where it is not the one audited.
        assumed: what was taken for granted because nobody said it; empty where the
            finding rests only on what was given and on the world.
    """

    probe: str
    sentence: str
    path: Path
    loop: int | None = None
    env: FiniteMDP | None = None
    assumed: str = ""

    @property
    def name(self) -> str:
        """The check that found it, in words."""
        return NAMES[self.probe]

    def record(self, env: FiniteMDP) -> dict:
        """The same as JSON values, with the path in words of its world.

        Args:
            env: the world that was audited.
        """
        return {
            "probe": self.probe,
            "check": self.name,
            "sentence": self.sentence,
            "states": list(self.path.states),
            "actions": list(self.path.actions),
            "loop": self.loop,
            "path": self.path.describe(env if self.env is None else self.env),
            "assumed": self.assumed,
        }


def replay(
    env: FiniteMDP, reward: AbstractReward, path: Path
) -> tuple[float, tuple[float, ...]]:
    """Walk a path again and add up what a reward pays for it.

    Args:
        env: the world.
        reward: what pays.
        path: what was done.

    Returns:
        The undiscounted sum, and the reward of each step, reward units.

    Raises:
        ValueError: where a step of the path cannot happen.
    """
    if len(path.states) != len(path.actions) + 1:
        raise ValueError(
            f"a path of {len(path.actions)} actions has one state more than that, not "
            f"{len(path.states)}."
        )
    successor = np.asarray(env.successor)
    # Nothing happens any more where the episode has ended.
    possible = (np.asarray(env.probability) > 0) & ~np.asarray(env.terminal)[
        :, None, None
    ]
    paid = np.asarray(branch_reward(env, reward))
    rewards = []
    steps = zip(path.states, path.actions, path.states[1:], strict=False)
    for number, (state, action, after) in enumerate(steps):
        fits = possible[state, action] & (successor[state, action] == after)
        if not fits.any():
            raise ValueError(
                f"step {number} of the path, {env.action_names[action]} from "
                f"{env.describe(state)} to {env.describe(after)}, cannot happen here."
            )
        rewards.append(float(paid[state, action, int(np.argmax(fits))]))
    return float(np.sum(rewards)), tuple(rewards)


def follow_policy(
    env: FiniteMDP, actions: np.ndarray, start: int, n_steps: int
) -> Path:
    """The path that always takes the most probable successor, until it ends.

    Args:
        env: the world.
        actions: what is done in each state, `[state]`.
        start: number of the first state.
        n_steps: no more than so many steps.
    """
    successor, terminal = np.asarray(env.successor), np.asarray(env.terminal)
    likeliest = np.argmax(np.asarray(env.probability), axis=-1)
    states, taken = [start], []
    while len(taken) < n_steps and not terminal[states[-1]]:
        state = states[-1]
        action = int(actions[state])
        taken.append(action)
        states.append(int(successor[state, action, likeliest[state, action]]))
    return Path(tuple(states), tuple(taken))


def likeliest_path(
    env: FiniteMDP, policy: Tabular, start: int, target: np.ndarray
) -> Path:
    """The most probable path of a policy from a state to the nearest target.

    Args:
        env: the world.
        policy: who acts.
        start: number of the first state.
        target: marks of the states to get to, `[state]`; one must be within reach.
    """
    n_states, n_actions, n_branches = env.successor.shape
    weight = np.asarray(policy.probabilities)[:, :, None] * np.asarray(env.probability)
    weight = np.where(np.asarray(env.terminal)[:, None, None], 0.0, weight).reshape(-1)
    here = np.repeat(np.arange(n_states), n_actions * n_branches)
    there = np.asarray(env.successor).reshape(-1)
    # Later entries replace earlier ones: the likeliest action and branch of each step.
    order = np.argsort(weight, kind="stable")
    order = order[weight[order] > 0.0]
    best = dict(zip(zip(here[order], there[order], strict=True), order, strict=True))
    rows, columns = np.array(list(best)).T
    chosen = np.array(list(best.values()))
    # Of equally likely paths the shortest: each step costs a trifle.
    cost = 1e-9 - np.log(weight[chosen])
    graph = sparse.csr_array((cost, (rows, columns)), shape=(n_states, n_states))
    length, before = dijkstra(graph, indices=start, return_predecessors=True)
    states = [int(np.argmin(np.where(target, length, np.inf)))]
    while states[0] != start:
        states.insert(0, int(before[states[0]]))
    steps = itertools.pairwise(states)
    taken = [int(best[step] // n_branches % n_actions) for step in steps]
    return Path(tuple(states), tuple(taken))


def until_repeat(path: Path) -> tuple[Path, int | None]:
    """A path up to the first state that it visits again, and where that was.

    Args:
        path: where it never comes back, it is returned as it is, and None.
    """
    for step, state in enumerate(path.states):
        if state in path.states[:step]:
            cut = Path(path.states[: step + 1], path.actions[:step])
            return cut, path.states.index(state)
    return path, None


def shown(env: FiniteMDP, policy: Tabular) -> tuple[Path, int | None]:
    """What a policy most likely does from the likeliest start, until it repeats.

    Args:
        env: the world.
        policy: who acts.

    Returns:
        The path, and from which step on it repeats itself, if it does.
    """
    greedy = np.argmax(np.asarray(policy.probabilities), axis=-1)
    start = int(np.argmax(np.asarray(env.initial)))
    return until_repeat(follow_policy(env, greedy, start, env.n_states + 1))


def way_to(env: FiniteMDP, policy: Tabular, weight: np.ndarray) -> Path:
    """The likeliest path of a policy to one step, that step with it.

    Args:
        env: the world.
        policy: who acts; it must get to the step from some start.
        weight: the step is where this is largest, `[state, action, branch]`.
    """
    place = np.unravel_index(int(np.argmax(weight)), weight.shape)
    state, action, branch = (int(number) for number in place)
    marks = np.zeros(env.n_states, dtype=bool)
    marks[state] = True
    reaches = can_reach(policy_chain(env, policy), marks)
    start = int(np.argmax(np.asarray(env.initial) * reaches))
    way = likeliest_path(env, policy, start, marks)
    after = int(np.asarray(env.successor)[state, action, branch])
    return Path((*way.states, after), (*way.actions, action))
