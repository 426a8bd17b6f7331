"""Choices: how the worth of options becomes an answer."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from volition.human.parameter import AbstractParameter, Positive

Worths = Float[Array, "option=2"]
Several = Float[Array, " option"]
There = Bool[Array, " option"]
Worth = Float[Array, ""]
LogProbs = Float[Array, " choice"]


class AbstractChoice(eqx.Module):
    """How the worth of options becomes an answer.

    Each kind of answer asks for one of these four; a choice that wraps another, such as
    `Lapse`, changes all of them.
    """

    @abc.abstractmethod
    def pair(self, worth: Worths) -> LogProbs:
        """Log-probability of first, second, and of what else is answered to a pair."""

    @abc.abstractmethod
    def among(self, worth: Several, present: There) -> Several:
        """Log-probability of each option that is present; -inf for the others."""

    @abc.abstractmethod
    def level(self, worth: Worth, n_levels: int) -> LogProbs:
        """Log-probability of each level of a rating, the worst first."""

    @abc.abstractmethod
    def degree(self, ahead: Worth, n_degrees: int) -> LogProbs:
        """Of how far the second is ahead, from the first being far ahead."""


def luce(worth: Several, present: There) -> Several:
    """Boltzmann: each option in proportion to the exponential of its worth.

    Source: R. D. Luce, "Individual choice behavior", 1959.
    """
    return jax.nn.log_softmax(jnp.where(present, worth, -jnp.inf))


def _no_scale(what: str):
    raise ValueError(
        f"this person has no scale to give {what} on: wrap the choice in Graded(...)."
    )


class BradleyTerry(AbstractChoice):
    """First or second, by the logistic function of the difference in worth.

    It never answers with a tie.

    Example:
        >>> each = BradleyTerry().pair(jnp.array([0.0, 0.0]))
        >>> [round(float(one), 6) for one in each]
        [-0.693147, -0.693147]

    Source: R. A. Bradley, M. E. Terry, 1952.
    """

    def pair(self, worth: Worths) -> LogProbs:
        """Of first and second."""
        return jax.nn.log_softmax(worth)

    def among(self, worth: Several, present: There) -> Several:
        """Boltzmann."""
        return luce(worth, present)

    def level(self, worth: Worth, n_levels: int) -> LogProbs:
        """Refused."""
        return _no_scale("ratings")

    def degree(self, ahead: Worth, n_degrees: int) -> LogProbs:
        """Refused."""
        return _no_scale("degrees")


class Davidson(AbstractChoice):
    """First, second or a tie, whose weight is the geometric mean of the two.

    `P(first) : P(second) : P(tie) = e^u : e^v : width * e^((u + v) / 2)`

    Args:
        width: above 0; two equal options tie with probability `width / (2 + width)`.

    Example:
        >>> choice = Davidson(Positive(1.0))
        >>> each = jnp.exp(choice.pair(jnp.array([0.0, 0.0])))
        >>> [round(float(one), 6) for one in each]
        [0.333333, 0.333333, 0.333333]

    Source: R. R. Davidson, "On extending the Bradley-Terry model to accommodate ties in
    paired comparison experiments", JASA 1970.
    """

    width: AbstractParameter = eqx.field(default_factory=lambda: Positive(0.5))

    def pair(self, worth: Worths) -> LogProbs:
        """Of first, second and tie."""
        tie = jnp.mean(worth) + jnp.log(self.width.value)
        return jax.nn.log_softmax(jnp.append(worth, tie))

    def among(self, worth: Several, present: There) -> Several:
        """Boltzmann."""
        return luce(worth, present)

    def level(self, worth: Worth, n_levels: int) -> LogProbs:
        """Refused."""
        return _no_scale("ratings")

    def degree(self, ahead: Worth, n_degrees: int) -> LogProbs:
        """Refused."""
        return _no_scale("degrees")


class RaoKupper(AbstractChoice):
    """First, second or a tie, where a difference below a threshold is not noticed.

    `P(first) = logistic(u - v - width)`, `P(second) = logistic(v - u - width)`,
    `P(tie) = (e^(2 width) - 1) P(first) P(second)`.

    Args:
        width: of the threshold, reward units, above 0.

    Example:
        >>> choice = RaoKupper(Positive(1.0))
        >>> round(float(jnp.exp(choice.pair(jnp.array([2.0, 0.5]))).sum()), 9)
        1.0

    Source: P. V. Rao, L. L. Kupper, "Ties in paired-comparison experiments", JASA 1967.
    """

    width: AbstractParameter = eqx.field(default_factory=lambda: Positive(0.5))

    def pair(self, worth: Worths) -> LogProbs:
        """Of first, second and tie."""
        width = self.width.value
        ahead = worth[1] - worth[0]
        first, tie, second = ordinal(ahead, jnp.stack([-width, width]))
        return jnp.stack([first, second, tie])

    def among(self, worth: Several, present: There) -> Several:
        """Boltzmann."""
        return luce(worth, present)

    def level(self, worth: Worth, n_levels: int) -> LogProbs:
        """Refused."""
        return _no_scale("ratings")

    def degree(self, ahead: Worth, n_degrees: int) -> LogProbs:
        """Refused."""
        return _no_scale("degrees")


def ordinal(
    worth: Float[Array, ""], cuts: Float[Array, " cut"]
) -> Float[Array, " level"]:
    """Log-probabilities of the levels that cuts divide a scale into.

    `P(level >= j) = logistic(worth - cut_j)`

    Args:
        worth: where something is on the scale.
        cuts: rising, `[cut]`.

    Returns:
        One more than cuts.

    Example:
        >>> logs = ordinal(jnp.array(0.0), jnp.array([-1.0, 1.0]))
        >>> [round(float(one), 4) for one in jnp.exp(logs)]
        [0.2689, 0.4621, 0.2689]

    Source: P. McCullagh, "Regression models for ordinal data", 1980, the proportional
    odds model.
    """
    above, below = jax.nn.log_sigmoid(worth - cuts), jax.nn.log_sigmoid(cuts - worth)
    # P(a < worth + noise < b) = logistic(worth - a) logistic(b - worth) (1 - e^(a-b)),
    # which cancels nothing, however close the cuts or far the worth.
    between = jnp.log(-jnp.expm1(cuts[:-1] - cuts[1:]))
    inner = above[:-1] + below[1:] + between
    return jnp.concatenate([below[:1], inner, above[-1:]])
