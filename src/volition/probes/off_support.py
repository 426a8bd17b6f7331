"""Probe H7: rewards that the evidence says nothing of, and that are the highest."""

import numpy as np

from volition.env import FiniteMDP
from volition.policy import Tabular
from volition.probes.finding import Finding, shown
from volition.probes.searched import visits_of
from volition.reward import AbstractReward
from volition.value import expected_reward

SHARE = 0.05  # of the time
HIGH = 0.99  # quantile of the rewards in the support


def off_support(
    env: FiniteMDP, reward: AbstractReward, policy: Tabular, support: np.ndarray
) -> tuple[Finding, ...]:
    """Find time spent where no evidence was and the reward is higher than all known.

    Args:
        env: the world.
        reward: the one that is audited.
        policy: what optimising it led to.
        support: which steps the evidence was about, `[state, action]`.

    Returns:
        No finding, or one.
    """
    seen = np.asarray(support, dtype=bool)
    if seen.shape != (env.n_states, env.n_actions) or not seen.any():
        raise ValueError(
            f"support is {list(seen.shape)} with {int(seen.sum())} steps: mark at "
            f"least one step, [state, action] [{env.n_states}, {env.n_actions}]."
        )
    paid = np.asarray(expected_reward(env, reward))
    most = float(np.quantile(paid[seen], HIGH))
    above = ~seen & (paid > most + 1e-9 * np.abs(paid).max())
    time = visits_of(env, np.asarray(policy.probabilities))
    share = float(np.sum(time * above) / max(np.sum(time), 1e-300))
    if share <= SHARE:
        return ()
    state, action = np.unravel_index(int(np.argmax(time * above)), above.shape)
    sentence = (
        f"The policy spends {share:.0%} of its time on steps that no evidence was "
        f"about and that pay more than 99 % of those that some was about "
        f"({most:.3g}): most of it on {env.action_names[action]} from "
        f"{env.describe(int(state))}, which pays {paid[state, action]:.3g}."
    )
    return (Finding("H7", sentence, *shown(env, policy)),)
