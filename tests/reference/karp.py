"""Karp's maximum mean cycle: slow and obvious, over the loops that avoid every end."""

import numpy as np

from volition.env import FiniteMDP


def reached(mdp: FiniteMDP) -> list[int]:
    """The states that a start can reach, by walking; an end is not left."""
    successor, probability = np.asarray(mdp.successor), np.asarray(mdp.probability)
    seen = np.flatnonzero(np.asarray(mdp.initial) > 0).tolist()
    for state in seen:  # grows while it is walked through
        if mdp.terminal[state]:
            continue
        for to in successor[state][probability[state] > 0].tolist():
            if to not in seen:
                seen.append(to)
    return seen


def max_mean_cycle(mdp: FiniteMDP, paid: np.ndarray) -> float:
    """The highest mean reward per step of a loop; -inf where there is none.

    In a deterministic world. `best[k][v]` is the most that a walk of `k` steps to `v`
    pays; the answer is the largest over `v` of the least over `k` of
    `(best[n][v] - best[k][v]) / (n - k)`.

    Source: R. M. Karp, 1978, theorem 1.
    """
    terminal = np.asarray(mdp.terminal)
    edges = [
        (state, int(mdp.successor[state, action, 0]), paid[state, action])
        for state in reached(mdp)
        for action in range(mdp.n_actions)
        if not terminal[state] and not terminal[int(mdp.successor[state, action, 0])]
    ]
    n = mdp.n_states
    best = np.full((n + 1, n), -np.inf)
    best[0] = 0.0  # a walk may begin anywhere
    for k in range(n):
        for state, to, reward in edges:
            best[k + 1, to] = max(best[k + 1, to], best[k, state] + reward)
    means = [
        min(
            (best[n, v] - best[k, v]) / (n - k)
            for k in range(n)
            if best[k, v] > -np.inf
        )
        for v in range(n)
        if best[n, v] > -np.inf
    ]
    return max(means, default=-np.inf)
