"""What a proxy guarantees of the truth, if they correlate where people act."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from volition.env import FiniteMDP
from volition.evaluation.policies import checked_policy
from volition.evaluation.size import sized
from volition.policy import Tabular
from volition.reward import AbstractReward
from volition.value import checked_reward, in_double, occupancy

# Visits below count as none: what a solver leaves of them.
ROUNDING = 1e-12


class ProxyBound(eqx.Module):
    """How a policy that was optimised for a proxy compares with a reference.

    Gains are of the mean reward per step, discounted, in standard deviations of the
    reward under the reference.

    Args:
        correlation: of proxy and truth over what the reference does, in `[-1, 1]`.
        chi_squared: how far the policy is from the reference, `sum d^2 / d_ref - 1`;
            infinite where it does what the reference never does.
        proxy_gain: of the policy over the reference, by the proxy.
        bound: the true gain is at least that; minus infinity where nothing is said.
        true_gain: what it is.
    """

    correlation: float
    chi_squared: float
    proxy_gain: float
    bound: float
    true_gain: float

    @property
    def hacked(self) -> bool:
        """Whether proxy and truth correlate, and the truth still fell."""
        return self.correlation > 0.0 and self.true_gain < 0.0


def gain_bound(correlation: float, proxy_gain: float, chi_squared: float) -> float:
    """What the true reward gains at least, in its standard deviations.

    `(proxy_gain - sqrt((1 - correlation^2) chi_squared)) / correlation`: what of the
    proxy is not correlated with the truth may account for its whole rise.

    Args:
        correlation: above 0, up to 1, under the reference.
        proxy_gain: in standard deviations of the proxy under the reference.
        chi_squared: of the policy from the reference, not negative.

    Returns:
        The bound; minus infinity where the two do not correlate.

    Raises:
        ValueError: where a number is NaN or out of its range.

    Example:
        >>> round(gain_bound(0.6, 2.0, 4.0), 6)
        0.666667

    Source: C. Laidlaw, S. Singhal, A. Dragan, "Correlated proxies: a new definition and
    improved mitigation for reward hacking", 2024, arXiv 2403.03185, theorem 5.1.
    """
    numbers = (correlation, proxy_gain, chi_squared)
    if np.isnan(numbers).any() or chi_squared < 0.0 or not abs(correlation) <= 1.0:
        raise ValueError(
            f"a correlation of {correlation}, a gain of {proxy_gain} and a chi-squared "
            f"of {chi_squared} bound nothing: the first is in [-1, 1], the last not "
            "negative, and none is NaN."
        )
    if not correlation > 0.0:
        return float("-inf")
    left = max(0.0, 1.0 - correlation**2)
    if left == 0.0:
        return proxy_gain / correlation
    return (proxy_gain - float(np.sqrt(left * chi_squared))) / correlation


@eqx.filter_jit
def _visits(env: FiniteMDP, policy: Tabular) -> Float[Array, "state action"]:
    return occupancy(env, policy.probabilities)


def _measured(
    env: FiniteMDP, reward: AbstractReward, policy: Tabular, what: str
) -> tuple[np.ndarray, np.ndarray]:
    """The mean rewards over their size, and where the policy spends its time."""
    paid = sized(np.asarray(checked_reward(env, reward, what)))
    spent = in_double(_visits, keep=True)(env, checked_policy(env, policy))
    return paid, np.asarray(spent)


def proxy_bound(
    env: FiniteMDP,
    proxy: AbstractReward,
    truth: AbstractReward,
    policy: Tabular,
    reference: Tabular,
) -> ProxyBound:
    """Measure the bound exactly in a finite world.

    Time behind an end counts as a state of its own that pays nothing, so that visits
    always add up to 1.

    Args:
        env: the world, of a discount below 1.
        proxy: what was optimised.
        truth: what is wanted.
        policy: what was found.
        reference: what people do.

    Raises:
        ValueError: for a discount of 1, or where the reference sees no difference in
            one of the rewards; where a reward is not finite, or does not fit the world.

    Example:
        >>> import jax.numpy as jnp
        >>> from volition import env, reward
        >>> world = env.gridworld(["S.G"], discount=0.9)
        >>> pays = reward.Tabular(jnp.arange(12.0).reshape(3, 4))
        >>> usual = Tabular(jnp.full((3, 4), 0.25))
        >>> found = proxy_bound(world, pays, pays, usual, usual)
        >>> round(found.correlation, 6), abs(round(found.bound, 6))
        (1.0, 0.0)

    Source: as `gain_bound`.

    Differs: rewards of a state and action are means over where they lead.
    """
    discount = float(env.discount)
    if discount >= 1.0:
        raise ValueError(
            "the bound is on discounted visits, and the discount is 1: give the world "
            "one below."
        )
    mine, found = _measured(env, proxy, policy, "the proxy")
    true, usual = _measured(env, truth, reference, "the truth")
    visits, base = (
        np.append((1.0 - discount) * one.ravel(), 0.0) for one in (found, usual)
    )
    for one in (visits, base):
        one[one < ROUNDING] = 0.0
        ended = 1.0 - one.sum()
        one[-1] = ended if ended > ROUNDING else 0.0
    rewards = [np.append(one.ravel(), 0.0) for one in (mine, true)]
    units = []
    for name, values in zip(("proxy", "truth"), rewards, strict=True):
        apart = values - base @ values
        spread = np.sqrt(base @ apart**2)
        if not spread > 1e-12:
            raise ValueError(
                f"the {name} is the same for all that the reference does: nothing "
                "correlates with it."
            )
        units.append(apart / spread)
    correlation = float(np.clip(base @ (units[0] * units[1]), -1.0, 1.0))
    new = (base <= 0.0) & (visits > 0.0)
    ratio = np.divide(visits**2, base, out=np.zeros_like(base), where=base > 0.0)
    chi_squared = float("inf") if new.any() else max(0.0, float(ratio.sum() - 1.0))
    gains = [float(visits @ values) for values in units]
    return ProxyBound(
        correlation,
        chi_squared,
        gains[0],
        gain_bound(correlation, gains[0], chi_squared),
        gains[1],
    )
