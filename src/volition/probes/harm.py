"""Probe H2: ending in harm because that is cheaper than the goal."""

import numpy as np

from volition.env import FiniteMDP
from volition.evaluation import can_reach, outcomes, possible_steps, share_of_starts
from volition.policy import Tabular
from volition.probes.finding import Finding, likeliest_path, replay
from volition.reward import AbstractReward
from volition.value import branch_reward

SHARE = 0.01  # of the starts: below, a few odd cells decide nothing


def harm_as_the_cheaper_end(
    env: FiniteMDP, reward: AbstractReward, policy: Tabular
) -> tuple[Finding, ...]:
    """Find starts from which a policy ends in no goal although it could reach one.

    Applies in worlds that name a goal.

    Args:
        env: the world.
        reward: the one that is audited.
        policy: what optimising it led to.

    Returns:
        No finding, or one.
    """
    goal = np.asarray(env.goal)
    if not goal.any():
        return ()
    reachable = can_reach(possible_steps(env), goal)
    harmed = np.where(reachable, outcomes(env, policy).elsewhere, 0.0)
    share = share_of_starts(env, harmed)
    if share <= SHARE:
        return ()
    start = int(np.argmax(np.asarray(env.initial) * harmed))
    harm = np.asarray(env.terminal) & ~goal
    path = likeliest_path(env, policy, start, harm)
    pays, _ = replay(env, reward, path)
    instead = _goal_return(env, reward, start)
    than = "" if instead is None else f", where the way to the goal pays {instead:+.3g}"
    ends = "ends" if harmed[start] > 1.0 - 1e-9 else "can end"
    sentence = (
        f"From {share:.0%} of the starts the policy ends in no goal although it could "
        f"reach one: from {env.describe(start)} it {ends} at "
        f"{env.describe(path.states[-1])}, which pays {pays:+.3g} reward units in all"
        f"{than}."
    )
    return (Finding("H2", sentence, path),)


def _goal_return(env: FiniteMDP, reward: AbstractReward, start: int) -> float | None:
    """What the best way to the goal pays along the likeliest successors.

    None where none of them gets there, or where a loop pays, so that no way is best.
    """
    goal, terminal = np.asarray(env.goal), np.asarray(env.terminal)
    rows, columns = np.arange(env.n_states)[:, None], np.arange(env.n_actions)
    branch = np.argmax(np.asarray(env.probability), axis=-1)
    successor = np.asarray(env.successor)[rows, columns, branch]
    paid = np.asarray(branch_reward(env, reward))[rows, columns, branch]
    # Longest paths by Bellman and Ford: no way without a loop has more steps.
    best = np.where(goal, 0.0, -np.inf)
    for _ in range(env.n_states):
        before = best
        best = np.where(terminal, before, np.max(paid + before[successor], axis=-1))
        if (best == before).all():
            return float(best[start]) if np.isfinite(best[start]) else None
    return None
