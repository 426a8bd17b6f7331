"""H3 for a posterior: rewards that fit the answers and make the policy a bad one."""

import equinox as eqx
import jax
import numpy as np

from volition.env import FiniteMDP
from volition.policy import Tabular
from volition.probes.finding import Finding, shown
from volition.probes.searched import range_of, visits_of
from volition.reward import AbstractReward
from volition.value import expected_reward

N_DRAWS = 40
SHARE = 0.05  # of the rewards drawn
LEAST = 0.01  # of the range of returns


def bad_by_the_answers(
    env: FiniteMDP, draws: AbstractReward, policy: Tabular
) -> tuple[Finding, ...]:
    """Find a policy that rewards which fit the answers call worse than random.

    Args:
        env: the world.
        draws: rewards drawn from a posterior, leaves `[draw, ...]`.
        policy: what optimising their mean led to.

    Returns:
        No finding, or one where it is so for more than a twentieth of them.
    """
    paid = np.asarray(_paid(env, draws))
    uniform = np.full((env.n_states, env.n_actions), 1.0 / env.n_actions)
    gain = visits_of(env, np.asarray(policy.probabilities)) - visits_of(env, uniform)
    gains = np.einsum("dsa,sa->d", paid, gain)
    ranges = [high - low for low, high in (range_of(env, one) for one in paid)]
    worse = gains < -LEAST * np.array(ranges)
    if worse.mean() <= SHARE:
        return ()
    sentence = (
        f"By {worse.sum()} of {len(worse)} rewards drawn from the posterior, the "
        "policy is worse than acting at random: the answers do not settle what is "
        "wanted."
    )
    return (Finding("H3", sentence, *shown(env, policy)),)


@eqx.filter_jit
def _paid(env: FiniteMDP, draws: AbstractReward) -> jax.Array:
    return eqx.filter_vmap(lambda one: expected_reward(env, one))(draws)
