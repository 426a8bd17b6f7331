"""Targets: what an action turned out to be worth, along a stretch of steps."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from volition.value.bellman import (
    double_value,
    expected_value,
    lambda_returns,
    munchausen_bonus,
    soft_policy,
)

# The numbers of an action: one, its mean return; or quantiles, whose mean is that.
Rows = Float[Array, "action column"]


class AbstractBackup(eqx.Module):
    """What a state is worth, given the numbers of its actions."""

    @abc.abstractmethod
    def value(self, chooser: Rows, judge: Rows) -> Float[Array, " column"]:
        """Of a state.

        Args:
            chooser: by the network that is learning.
            judge: by the one that is trusted; they can be the same.
        """

    def entropy(self, judge: Rows) -> Float[Array, ""]:
        """What a step is paid for leaving its action to chance; 0 unless it says so."""
        del judge
        return jnp.zeros((), dtype=jnp.float32)

    def bonus(self, judge: Rows, action: Int[Array, ""]) -> Float[Array, ""]:
        """What is paid on top for an action that was taken; 0 unless it says so."""
        del judge, action
        return jnp.zeros((), dtype=jnp.float32)


class Hard(AbstractBackup):
    """The best action's value, as in Q-learning.

    Args:
        double: whether the network that is learning chooses the action and the trusted
            one values it; without a target network they are the same.

    Source: H. van Hasselt, A. Guez, D. Silver, "Deep Reinforcement Learning with Double
    Q-learning", arXiv 1509.06461, equation 4.
    """

    double: bool = eqx.field(static=True, default=True)

    def value(self, chooser: Rows, judge: Rows) -> Float[Array, " column"]:
        """Each number of the action that is best in the mean."""
        best = jnp.mean(chooser if self.double else judge, axis=-1)
        return jax.vmap(double_value, in_axes=(None, 1))(best, judge)


class Soft(AbstractBackup):
    """The value of acting softly, `temperature * log sum exp(q / temperature)`.

    Args:
        temperature: reward units per nat, above 0.

    Source: T. Haarnoja et al., "Reinforcement Learning with Deep Energy-Based
    Policies", arXiv 1702.08165, equation 11.
    """

    temperature: ArrayLike = 0.03

    def value(self, chooser: Rows, judge: Rows) -> Float[Array, " column"]:
        """Each number's mean under the soft policy, and the entropy."""
        del chooser
        share = soft_policy(jnp.mean(judge, axis=-1), _float(self.temperature))
        mean = jax.vmap(expected_value, in_axes=(1, None))(judge, share)
        return mean + self.entropy(judge)

    def entropy(self, judge: Rows) -> Float[Array, ""]:
        """`temperature` times that of the soft policy."""
        temperature = _float(self.temperature)
        return temperature * _entropy(jnp.mean(judge, axis=-1) / temperature)


class Munchausen(AbstractBackup):
    """Softly, with a share of the action's own log-probability added to the reward.

    Args:
        temperature: reward units per nat, above 0.
        scale: share of the log-probability, in `[0, 1)`.
        floor: least of `temperature * log pi`, reward units; below 0.

    Source: N. Vieillard, O. Pietquin, M. Geist, "Munchausen Reinforcement Learning",
    NeurIPS 2020, arXiv 2007.14430, equation 2; the values are theirs.
    """

    temperature: ArrayLike = 0.03
    scale: ArrayLike = 0.9
    floor: ArrayLike = -1.0

    def value(self, chooser: Rows, judge: Rows) -> Float[Array, " column"]:
        """As `Soft`."""
        return Soft(self.temperature).value(chooser, judge)

    def entropy(self, judge: Rows) -> Float[Array, ""]:
        """As `Soft`."""
        return Soft(self.temperature).entropy(judge)

    def bonus(self, judge: Rows, action: Int[Array, ""]) -> Float[Array, ""]:
        """`scale * max(temperature * log pi(action), floor)`."""
        q = jnp.mean(judge, axis=-1)
        own = munchausen_bonus(q, action, _float(self.temperature), _float(self.floor))
        return _float(self.scale) * own


class Window(eqx.Module):
    """A stretch of steps of one instance, as targets are made from it.

    Args:
        action: what was done.
        reward: reward units.
        terminated: whether the outcome ended the episode: no future.
        over: whether a new episode begins behind it, for that or for a time limit.
        discount: of the world.
    """

    action: Int[Array, "time ..."]
    reward: Float[Array, "time ..."]
    terminated: Bool[Array, "time ..."]
    over: Bool[Array, "time ..."]
    discount: Float[Array, "time ..."]


def returns(
    backup: AbstractBackup,
    seen: Window,
    here: Float[Array, "time action column"],
    chooser: Float[Array, "time action column"],
    judge: Float[Array, "time action column"],
    trace: Float[ArrayLike, ""],
) -> Float[Array, "time column"]:
    """What the action of each step turned out to be worth.

    The lambda-return, of which a trace of 1 is the n-step return and a trace of 0 the
    one-step target. It looks no further than the end of an episode: behind an outcome
    is nothing, behind a time limit the value of the observation before the reset.

    Args:
        backup: what a state is worth.
        seen: the steps.
        here: numbers of the actions where each step began, by the trusted network.
        chooser: where it led, before any reset, by the network that is learning.
        judge: the same by the trusted network.
        trace: the lambda, in `[0, 1]`.

    Returns:
        Reward units, `[time, column]`; of quantiles, each by itself, so that where
        several steps are mixed their mean is exact and their spread is not.

    Source: J. Peng, R. J. Williams, "Incremental multi-step Q-learning", 1996; with a
    bonus for entropy, each step behind the first is paid its own.
    """
    values = jax.vmap(backup.value)(chooser, judge)
    further = jnp.where(seen.over, 0.0, jnp.asarray(trace, dtype=jnp.float32))
    # The last step looks at the value alone, which has the entropy in it.
    inside = further.at[-1].set(0.0)
    entropy = seen.discount * inside * jax.vmap(backup.entropy)(judge)
    reward = seen.reward + entropy + jax.vmap(backup.bonus)(here, seen.action)
    each = jax.vmap(lambda_returns, in_axes=(None, None, 1, None, None), out_axes=1)
    return each(reward, seen.terminated, values, seen.discount, further)


def _float(value: ArrayLike) -> Float[Array, ""]:
    return jnp.asarray(value, dtype=jnp.float32)


def _entropy(logits: Float[Array, " action"]) -> Float[Array, ""]:
    log_share = jax.nn.log_softmax(logits)
    return -jnp.sum(jnp.exp(log_share) * log_share)
