"""Probe H8: a bonus that is said to be mere shaping, and changes what is best."""

import jax.numpy as jnp
import numpy as np

from volition.env import FiniteMDP
from volition.policy import Tabular
from volition.probes.finding import Finding, shown
from volition.probes.searched import best, range_of
from volition.reward import AbstractReward
from volition.value import branch_reward, evaluate_policy, expected_reward

TOLERANCE = 1e-6  # of the largest reward, and of the range of returns


def leaking_shaping(
    env: FiniteMDP, reward: AbstractReward, unshaped: AbstractReward
) -> tuple[Finding, ...]:
    """Find what a reward has beyond the shaping of another.

    `bonus(s, a, s') = reward - unshaped` is shaping just if it is a difference of
    potentials, `discount Phi(s') - Phi(s)`, which is told without knowing them: with
    `v` the value of acting at random for the bonus, `bonus - v(s) + discount v(s')`
    is then 0 wherever a step can lead.

    Args:
        env: the world.
        reward: the one that is audited.
        unshaped: what it is said to be a shaping of.

    Returns:
        No finding, or one; its path is the way of the policy that is best for the
        reward.

    Source: A. Y. Ng, D. Harada, S. Russell, ICML 1999, theorem 1; the canonical form is
    VALPotential of J. Skalse et al., "STARC", arXiv 2309.15257.
    """
    whole = np.asarray(branch_reward(env, reward))
    bonus = whole - np.asarray(branch_reward(env, unshaped))
    probability = np.asarray(env.probability)
    uniform = jnp.full((env.n_states, env.n_actions), 1.0 / env.n_actions)
    mean = jnp.asarray(np.sum(probability * bonus, axis=-1))
    value = np.asarray(evaluate_policy(env, uniform, mean))
    ahead = float(env.discount) * value[np.asarray(env.successor)]
    left = bonus - value[:, None, None] + ahead
    open_states = ~np.asarray(env.terminal)[:, None, None]
    left = np.where((probability > 0) & open_states, left, 0.0)
    # Relative to both, so that the unit of the reward does not matter.
    size = max(np.abs(whole).max(), np.abs(whole - bonus).max())
    if np.abs(left).max() <= TOLERANCE * size:
        return ()
    paid = np.asarray(expected_reward(env, reward))
    plain = np.asarray(expected_reward(env, unshaped))
    policy = best(env, paid).policy
    low, high = range_of(env, plain)
    earned = float(
        np.asarray(env.initial)
        @ np.asarray(evaluate_policy(env, policy.probabilities, jnp.asarray(plain)))
    )
    lost = high - earned
    changes = (
        f"the policy that is best with it earns {earned:.3g} without it, where "
        f"{high:.3g} could be had"
        if lost > TOLERANCE * max(high - low, 1e-300)
        else "here the best policy stays the best, elsewhere it need not"
    )
    sentence = (
        "What is added to the reward is no difference of potentials (up to "
        f"{np.abs(left).max():.3g} reward units of a step are not): {changes}."
    )
    return (Finding("H8", sentence, *shown(env, Tabular(policy.probabilities))),)
