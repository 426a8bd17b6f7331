"""Tabular learners as a Python loop over given random numbers."""

import numpy as np

from volition.env import FiniteMDP


def greedy(row) -> int:
    """The first of the best."""
    return int(np.argmax(row))


def q_learning(q, step, size, discount):
    """Toward the best of what comes next."""
    ahead = 0.0 if step["terminated"] else discount * q[0][step["to"]].max()
    error = step["paid"] + ahead - q[0][step["state"], step["action"]]
    q[0][step["state"], step["action"]] += size * error


def sarsa(q, step, size, discount):
    """Toward what is done next."""
    value = q[0][step["to"], step["next_action"]]
    ahead = 0.0 if step["terminated"] else discount * value
    error = step["paid"] + ahead - q[0][step["state"], step["action"]]
    q[0][step["state"], step["action"]] += size * error


def expected_sarsa(q, step, size, discount):
    """Toward the mean of what may be done next."""
    row = q[0][step["to"]]
    mean = step["exploration"] * row.mean() + (1 - step["exploration"]) * row.max()
    ahead = 0.0 if step["terminated"] else discount * mean
    error = step["paid"] + ahead - q[0][step["state"], step["action"]]
    q[0][step["state"], step["action"]] += size * error


def double_q_learning(q, step, size, discount):
    """One table, toward what the other says of its choice."""
    mine, other = q if step["own"] else q[::-1]
    value = other[step["to"], greedy(mine[step["to"]])]
    ahead = 0.0 if step["terminated"] else discount * value
    error = step["paid"] + ahead - mine[step["state"], step["action"]]
    mine[step["state"], step["action"]] += size * error


def learned(
    mdp: FiniteMDP,
    reward: np.ndarray,
    stretches: list[dict[str, np.ndarray]],
    *,
    first_state: int,
    initial_value: float,
    rule=q_learning,
    first_action: int | None = None,
    n_tables: int = 1,
) -> tuple[np.ndarray, list[float], list[int]]:
    """The table, and for each stretch the mean return and number of episodes.

    Args:
        mdp: the world.
        reward: `[state, action, branch]`.
        stretches: the arrays `explore`, `action`, `branch`, `restart`, `own`,
            `step_size` and `exploration` of each, an entry for each step.
        first_state: where the first episode begins.
        initial_value: of every state that is not terminal.
        rule: what a step does to the tables.
        first_action: of a rule that chooses the next action ahead; else None.
        n_tables: how many tables there are; what is acted in is their mean.
    """
    successor, probability = np.asarray(mdp.successor), np.asarray(mdp.probability)
    terminal, discount = np.asarray(mdp.terminal), float(mdp.discount)
    q = [np.full(successor.shape[:2], initial_value) for _ in range(n_tables)]
    for one in q:
        one[terminal] = 0.0
    state, time, so_far, planned = first_state, 0, 0.0, first_action
    mean_returns, counts = [], []

    def act(at, now):
        best = greedy(np.mean([one[at] for one in q], axis=0))
        return now["action"] if now["explore"] else best

    for draws in stretches:
        ended: list[float] = []
        for row in range(len(draws["explore"])):
            now = {name: values[row] for name, values in draws.items()}
            action = act(state, now) if first_action is None else planned
            cumulative = probability[state, action].cumsum()
            branch = np.searchsorted(cumulative, now["branch"], side="right")
            to = successor[state, action, branch]
            paid = reward[state, action, branch]
            planned = None if first_action is None else act(to, now)
            told = {"state": state, "action": action, "paid": paid, "to": to}
            told |= {"terminated": terminal[to], "next_action": planned} | {
                name: now.get(name) for name in ("own", "exploration")
            }
            rule(q, told, now["step_size"], discount)
            so_far, time, state = so_far + paid, time + 1, to
            if terminal[to] or time == int(mdp.time_limit):
                ended.append(so_far)
                so_far, time, state = 0.0, 0, now["restart"]
                planned = None if first_action is None else act(state, now)
        mean_returns.append(float(np.mean(ended)) if ended else float("nan"))
        counts.append(len(ended))
    return np.mean(q, axis=0), mean_returns, counts
