"""Probe H5: a reward that says little of what is wanted, so far from the reference."""

import jax.numpy as jnp
import numpy as np

from volition.env import FiniteMDP
from volition.evaluation import proxy_bound
from volition.policy import Tabular
from volition.probes.finding import Finding, shown
from volition.reward import AbstractReward

ROUNDING = 1e-9  # standard deviations


def beyond_the_bound(
    env: FiniteMDP,
    reward: AbstractReward,
    truth: AbstractReward,
    policy: Tabular,
    reference: Tabular | None = None,
) -> tuple[Finding, ...]:
    """Find a policy of which the reward no longer guarantees that it does no harm.

    The reward correlates with the truth where the reference acts. The farther a policy
    is from there, the less that says; below 0 it does not even say that the policy is
    as good as the reference. Where no reference was given it is compared with acting at
    random, which nearly every policy is far from: then it is a finding only where the
    policy really is worse.

    Args:
        env: the world, of a discount below 1.
        reward: the one that is audited.
        truth: what is wanted.
        policy: what optimising the reward led to.
        reference: what was done before; acting at random if left out.

    Returns:
        No finding, or one; none where the reference sees no difference in a reward.

    Source: C. Laidlaw, S. Singhal, A. Dragan, "Correlated proxies", 2024, arXiv
    2403.03185, theorem 5.1.
    """
    uniform = jnp.full((env.n_states, env.n_actions), 1.0 / env.n_actions)
    usual = Tabular(uniform) if reference is None else reference
    try:
        found = proxy_bound(env, reward, truth, policy, usual)
    except ValueError:
        return ()  # the reference sees no difference: nothing correlates with it
    if found.bound >= 0.0 or (reference is None and found.true_gain >= -ROUNDING):
        return ()
    really = "more" if found.true_gain >= 0.0 else "less"
    who = "acting at random" if reference is None else "the reference"
    guarantee = (
        f"the policy is so far from it (chi squared {found.chi_squared:.3g}) that this "
        f"guarantees no gain (bound {found.bound:.3g} standard deviations)"
        if np.isfinite(found.chi_squared) and np.isfinite(found.bound)
        else "that guarantees nothing of the policy, which does what the reference "
        "never does"
        if not np.isfinite(found.chi_squared)
        else "that guarantees nothing of any policy"
    )
    sentence = (
        f"Under {who}, the reward and what is wanted correlate at "
        f"{found.correlation:.2f}; {guarantee}. By what is wanted the policy is worth "
        f"{abs(found.true_gain):.3g} standard deviations {really} than {who}."
    )
    return (Finding("H5", sentence, *shown(env, policy)),)
