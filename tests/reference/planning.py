"""Slow, obvious planning in NumPy: loops over states, actions and branches."""

import itertools

import numpy as np

from volition.env import FiniteMDP


def transitions(mdp: FiniteMDP) -> np.ndarray:
    """P(s' | s, a), `[state, action, next state]`; a terminal state stays."""
    successor, probability = np.asarray(mdp.successor), np.asarray(mdp.probability)
    n_states, n_actions, n_branches = successor.shape
    p = np.zeros((n_states, n_actions, n_states))
    for state in range(n_states):
        for action in range(n_actions):
            for branch in range(n_branches):
                to = successor[state, action, branch]
                p[state, action, to] += probability[state, action, branch]
            if mdp.terminal[state]:
                p[state, action] = np.eye(n_states)[state]
    return p


def mean_rewards(mdp: FiniteMDP, values: np.ndarray) -> np.ndarray:
    """Mean reward of each action for a table `[s]`, `[s, a]` or `[s, a, s']`."""
    p = transitions(mdp)
    n_states, n_actions, _ = p.shape
    r = np.zeros((n_states, n_actions))
    for state, action, to in np.ndindex(p.shape):
        if not mdp.terminal[state]:
            place = (state, action, to)[: values.ndim]
            r[state, action] += p[state, action, to] * values[place]
    return r


def action_values(
    mdp: FiniteMDP, r: np.ndarray, v: np.ndarray, p: np.ndarray | None = None
) -> np.ndarray:
    """One application of the Bellman operator; terminal states are worth 0."""
    p = transitions(mdp) if p is None else p
    ends = np.asarray(mdp.terminal)
    q = r + float(mdp.discount) * p @ np.where(ends, 0.0, v)
    return np.where(ends[:, None], 0.0, q)


def policy_values(
    mdp: FiniteMDP, policy: np.ndarray, r: np.ndarray, p: np.ndarray | None = None
) -> np.ndarray:
    """The value of each state under a policy, by a dense solve."""
    p = transitions(mdp) if p is None else p
    ends = np.asarray(mdp.terminal)
    chain = np.einsum("sa,sat->st", policy, p)
    chain[ends] = 0.0
    chain[:, ends] = 0.0
    paid = np.where(ends, 0.0, (policy * r).sum(axis=1))
    return np.linalg.solve(np.eye(len(paid)) - float(mdp.discount) * chain, paid)


def deterministic_policies(n_states: int, n_actions: int):
    """Every deterministic policy, as probabilities."""
    for actions in itertools.product(range(n_actions), repeat=n_states):
        yield np.eye(n_actions)[list(actions)]


def best_values(mdp: FiniteMDP, r: np.ndarray) -> np.ndarray:
    """The best value of each state over all deterministic policies."""
    p = transitions(mdp)
    values = [
        policy_values(mdp, policy, r, p)
        for policy in deterministic_policies(mdp.n_states, mdp.n_actions)
    ]
    return np.max(values, axis=0)


def soft_values(
    mdp: FiniteMDP, r: np.ndarray, temperature: float, n_sweeps: int = 2000
) -> tuple[np.ndarray, np.ndarray]:
    """Soft value and Boltzmann policy, by very many sweeps."""
    p, v = transitions(mdp), np.zeros(mdp.n_states)
    for _ in range(n_sweeps):
        q = action_values(mdp, r, v, p)
        top = q.max(axis=1)
        total = np.exp((q - top[:, None]) / temperature).sum(axis=1)
        v = np.where(np.asarray(mdp.terminal), 0.0, top + temperature * np.log(total))
    q = action_values(mdp, r, v, p)
    weights = np.exp((q - q.max(axis=1)[:, None]) / temperature)
    return v, weights / weights.sum(axis=1)[:, None]


def finite_horizon(
    mdp: FiniteMDP, r: np.ndarray, horizon: int, temperature: float | None = None
) -> np.ndarray:
    """The best value with `horizon`, ..., 1, 0 steps to go, `[time + 1, state]`."""
    values = [np.zeros(mdp.n_states)]
    for _ in range(horizon):
        q = action_values(mdp, r, values[0])
        best = q.max(axis=1)
        if temperature is not None:
            best = temperature * np.log(np.exp(q / temperature).sum(axis=1))
        values.insert(0, np.where(np.asarray(mdp.terminal), 0.0, best))
    return np.array(values)


def occupancies(mdp: FiniteMDP, policy: np.ndarray, n_steps: int = 1500) -> np.ndarray:
    """Discounted visits to each open state and action, step after step."""
    p = transitions(mdp)
    mass, total = np.array(mdp.initial), np.zeros_like(policy)
    for step in range(n_steps):
        mass = np.where(np.asarray(mdp.terminal), 0.0, mass)
        visits = mass[:, None] * policy
        total += float(mdp.discount) ** step * visits
        mass = np.einsum("sa,sat->t", visits, p)
    return total
