"""Q-learning as a Python loop."""

import numpy as np

from volition.env import FiniteMDP


def q_learning(
    mdp: FiniteMDP,
    reward: np.ndarray,
    stretches: list[dict[str, np.ndarray]],
    *,
    first_state: int,
    initial_value: float,
) -> tuple[np.ndarray, list[float], list[int]]:
    """The table, and for each stretch the mean return and number of episodes.

    Args:
        mdp: the world.
        reward: `[state, action, branch]`.
        stretches: the arrays `explore`, `action`, `branch`, `restart` and `step_size`
            of each, an entry for each step.
        first_state: where the first episode begins.
        initial_value: of every state that is not terminal.
    """
    successor, probability = np.asarray(mdp.successor), np.asarray(mdp.probability)
    terminal, discount = np.asarray(mdp.terminal), float(mdp.discount)
    q = np.full(successor.shape[:2], initial_value)
    q[terminal] = 0.0
    state, time, so_far = first_state, 0, 0.0
    mean_returns, counts = [], []
    for draws in stretches:
        ended: list[float] = []
        for step in range(len(draws["explore"])):
            if draws["explore"][step]:
                action = draws["action"][step]
            else:
                action = q[state].argmax()
            cumulative = probability[state, action].cumsum()
            branch = np.searchsorted(cumulative, draws["branch"][step], side="right")
            to = successor[state, action, branch]
            paid = reward[state, action, branch]
            aim = paid if terminal[to] else paid + discount * q[to].max()
            q[state, action] += draws["step_size"][step] * (aim - q[state, action])
            so_far, time, state = so_far + paid, time + 1, to
            if terminal[to] or time == int(mdp.time_limit):
                ended.append(so_far)
                so_far, time, state = 0.0, 0, draws["restart"][step]
        mean_returns.append(float(np.mean(ended)) if ended else float("nan"))
        counts.append(len(ended))
    return q, mean_returns, counts
