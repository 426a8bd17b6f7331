"""When to stop asking: what is still lost by optimising the mean reward."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from volition.feedback import Segment
from volition.human import partial_return
from volition.inference import Posterior
from volition.query.score import lean


class ExpectedRegret(eqx.Module):
    """What is lost by deciding now, over what the belief holds possible.

    Args:
        mean: reward units; at least 0.
        standard_error: of the mean, from the number of samples.
        n_samples: rewards drawn.
        best: number of the decision that is best by the mean reward.
    """

    mean: Float[Array, ""]
    standard_error: Float[Array, ""]
    n_samples: int = eqx.field(static=True)
    best: Int[Array, ""]

    def below(self, threshold: float) -> bool:
        """Whether to stop: the upper end of its 95 % interval is below a threshold.

        Args:
            threshold: reward units; as the rationality is 1, a unit is also what a
                person tells apart with probability 0.73.
        """
        # One-sided: 1.645 is the 95th percentile of the standard normal.
        return bool(self.mean + 1.645 * self.standard_error < threshold)


@eqx.filter_jit
def _returns(key, belief: Posterior, decisions: Segment, n_samples: int):
    rewards = belief.sample(key, n_samples)

    def under(reward) -> Float[Array, " decision"]:
        return jax.vmap(lambda one: partial_return(reward, one))(decisions)

    return jax.lax.map(under, rewards)


def expected_regret(
    key: PRNGKeyArray, belief: Posterior, decisions: Segment, *, n_samples: int = 1000
) -> ExpectedRegret:
    """How much is lost, on average over the belief, by optimising the mean reward.

    `E[max over decisions of return(decision) - return(best by the mean)]`: what could
    at most be gained by asking on. Once it is small, more answers change nothing that
    matters, however wide the belief still is.

    Args:
        key: consumed.
        belief: over rewards.
        decisions: what could be done: segments, or policies as bags of transitions
            (`volition.human.bag`), `[decision, time]`.
        n_samples: rewards drawn, at least 2.

    Raises:
        ValueError: for fewer than two samples or no decisions.

    Example:
        >>> from volition import env, feedback, fit, human, policy, reward
        >>> world = env.delivery()
        >>> pool = policy.rollout(
        ...     key := jax.random.key(0),
        ...     world,
        ...     policy.Random(4),
        ...     n_segments=9,
        ...     length=3,
        ... )
        >>> weights = reward.Linear(world.feature_names)
        >>> belief = fit(weights, human.Boltzmann(), feedback.Dataset.empty())
        >>> lost = expected_regret(key, belief, pool)
        >>> lost.below(0.1), lost.n_samples
        (False, 1000)

    Source: the expected value of perfect information, H. Raiffa, R. Schlaifer, "Applied
    statistical decision theory", 1961, section 4.5.
    """
    if n_samples < 2:
        raise ValueError(f"n_samples = {n_samples} must be at least 2.")
    if jnp.ndim(decisions.weight) != 2 or decisions.weight.shape[0] == 0:
        raise ValueError(
            "decisions are segments or bags [decision, time], not an array of shape "
            f"{jnp.shape(decisions.weight)}."
        )
    returns = _returns(key, lean(belief), decisions, n_samples)
    best = jnp.argmax(jnp.mean(returns, axis=0))
    lost = jnp.max(returns, axis=1) - returns[:, best]
    error = jnp.std(lost, ddof=1) / n_samples**0.5
    return ExpectedRegret(jnp.mean(lost), error, n_samples, best)
