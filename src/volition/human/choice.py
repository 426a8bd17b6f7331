"""Choices: how the worth of two options becomes an answer."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from volition.feedback import CANNOT_TELL, TIE
from volition.human.parameter import AbstractParameter, Fraction, Positive

Worths = Float[Array, "option=2"]


class AbstractChoice(eqx.Module):
    """How the worth of options becomes an answer."""

    @abc.abstractmethod
    def log_probs(self, worth: Worths) -> Float[Array, " answer"]:
        """Log-probability of each possible answer, in the order of the answer codes."""

    @abc.abstractmethod
    def log_prob(self, worth: Worths, choice: Int[Array, ""]) -> Float[Array, ""]:
        """Log-likelihood of an answer; 0 for "cannot tell", which says nothing."""


class BradleyTerry(AbstractChoice):
    """First or second, by the logistic function of the difference in worth.

    A tie counts as half of either answer, `(log P(first) + log P(second)) / 2`: the
    usual baseline, which is no probability of a tie. It never answers with a tie.

    Example:
        >>> each = BradleyTerry().log_probs(jnp.array([0.0, 0.0]))
        >>> [round(float(one), 6) for one in each]
        [-0.693147, -0.693147]

    Source: R. A. Bradley, M. E. Terry, 1952; ties as in P. Christiano et al., 2017,
    section 2.2.3.
    """

    def log_probs(self, worth: Worths) -> Float[Array, " answer"]:
        """Of first and second."""
        return jax.nn.log_softmax(worth)

    def log_prob(self, worth: Worths, choice: Int[Array, ""]) -> Float[Array, ""]:
        """Of an answer, a tie as half of either."""
        each = self.log_probs(worth)
        halves = jnp.append(each, jnp.mean(each))
        return _unless_silent(halves, choice)


class Davidson(AbstractChoice):
    """First, second or a tie, whose weight is the geometric mean of the two.

    `P(first) : P(second) : P(tie) = e^u : e^v : width * e^((u + v) / 2)`

    Args:
        width: above 0; two equal options tie with probability `width / (2 + width)`.

    Example:
        >>> choice = Davidson(Positive(1.0))
        >>> each = jnp.exp(choice.log_probs(jnp.array([0.0, 0.0])))
        >>> [round(float(one), 6) for one in each]
        [0.333333, 0.333333, 0.333333]

    Source: R. R. Davidson, "On extending the Bradley-Terry model to accommodate ties in
    paired comparison experiments", JASA 1970.
    """

    width: AbstractParameter = eqx.field(default_factory=lambda: Positive(0.5))

    def log_probs(self, worth: Worths) -> Float[Array, " answer"]:
        """Of first, second and tie."""
        tie = jnp.mean(worth) + jnp.log(self.width.value)
        return jax.nn.log_softmax(jnp.append(worth, tie))

    def log_prob(self, worth: Worths, choice: Int[Array, ""]) -> Float[Array, ""]:
        """Of an answer."""
        return _unless_silent(self.log_probs(worth), choice)


class RaoKupper(AbstractChoice):
    """First, second or a tie, where a difference below a threshold is not noticed.

    `P(first) = logistic(u - v - width)`, `P(second) = logistic(v - u - width)`,
    `P(tie) = (e^(2 width) - 1) P(first) P(second)`.

    Args:
        width: of the threshold, reward units, above 0.

    Example:
        >>> choice = RaoKupper(Positive(1.0))
        >>> round(float(jnp.exp(choice.log_probs(jnp.array([2.0, 0.5]))).sum()), 9)
        1.0

    Source: P. V. Rao, L. L. Kupper, "Ties in paired-comparison experiments", JASA 1967.
    """

    width: AbstractParameter = eqx.field(default_factory=lambda: Positive(0.5))

    def log_probs(self, worth: Worths) -> Float[Array, " answer"]:
        """Of first, second and tie."""
        width = self.width.value
        ahead = worth[0] - worth[1]
        first = jax.nn.log_sigmoid(ahead - width)
        second = jax.nn.log_sigmoid(-ahead - width)
        # log(e^(2w) - 1) without cancellation for a small width, overflow for a large.
        tie = 2.0 * width + jnp.log(-jnp.expm1(-2.0 * width)) + first + second
        return jnp.stack([first, second, tie])

    def log_prob(self, worth: Worths, choice: Int[Array, ""]) -> Float[Array, ""]:
        """Of an answer."""
        return _unless_silent(self.log_probs(worth), choice)


class Lapse(AbstractChoice):
    """Another choice, but now and then any answer at all.

    `P(answer) = (1 - rate) P_inner(answer) + rate / answers`

    Without it a single slip, the worse of two options that differ a lot, has nearly no
    probability and bends the whole fit.

    Args:
        inner: how the person answers otherwise.
        rate: in `(0, 1)`.

    Example:
        >>> choice = Lapse(Davidson(), Fraction(0.3))
        >>> round(float(jnp.exp(choice.log_probs(jnp.array([0.0, 99.0])))[0]), 6)
        0.1

    Source: F. A. Wichmann, N. J. Hill, "The psychometric function", 2001, equation 1.
    """

    inner: AbstractChoice
    rate: AbstractParameter = eqx.field(default_factory=lambda: Fraction(0.05))

    def log_probs(self, worth: Worths) -> Float[Array, " answer"]:
        """Of each answer of the inner choice."""
        inner = self.inner.log_probs(worth)
        rate = self.rate.value
        return jnp.logaddexp(
            inner + jnp.log1p(-rate), jnp.log(rate) - jnp.log(float(inner.shape[0]))
        )

    def log_prob(self, worth: Worths, choice: Int[Array, ""]) -> Float[Array, ""]:
        """Of an answer."""
        each = self.log_probs(worth)
        halves = jnp.append(each, jnp.mean(each)) if each.shape[0] == TIE else each
        return _unless_silent(halves, choice)


def _unless_silent(each: Float[Array, " answer"], choice: Int[Array, ""]):
    said = each[jnp.minimum(choice, TIE)]
    return jnp.where(choice == CANNOT_TELL, 0.0, said)
