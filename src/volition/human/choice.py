"""Choices: how the worth of options becomes an answer."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from volition.human.parameter import AbstractParameter, Fraction, Positive, Real

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


class Graded(AbstractChoice):
    """Another choice, of a person who can also give ratings and degrees.

    The cuts of a rating lie `gap` apart around `centre`; those of degrees around 0,
    `width` apart, so that the middle of an odd number of degrees is a tie.

    Args:
        inner: how the person answers otherwise.
        centre: worth of what is rated in the middle, reward units.
        gap: between the cuts of a rating, reward units.
        width: between the cuts of a degree, reward units.

    Example:
        >>> choice = Graded(Davidson(), gap=Positive(2.0))
        >>> each = jnp.exp(choice.level(jnp.array(0.0), 3))
        >>> [round(float(one), 4) for one in each]
        [0.2689, 0.4621, 0.2689]
    """

    inner: AbstractChoice
    centre: AbstractParameter = eqx.field(default_factory=lambda: Real(0.0, spread=5.0))
    gap: AbstractParameter = eqx.field(default_factory=lambda: Positive(1.0))
    width: AbstractParameter = eqx.field(default_factory=lambda: Positive(1.0))

    def pair(self, worth: Worths) -> LogProbs:
        """As otherwise."""
        return self.inner.pair(worth)

    def among(self, worth: Several, present: There) -> Several:
        """As otherwise."""
        return self.inner.among(worth, present)

    def level(self, worth: Worth, n_levels: int) -> LogProbs:
        """By equal cuts around the centre."""
        gap = self.gap.value
        return ordinal(worth, self.centre.value + gap * middled(n_levels - 1, gap))

    def degree(self, ahead: Worth, n_degrees: int) -> LogProbs:
        """By equal cuts around 0."""
        width = self.width.value
        return ordinal(ahead, width * middled(n_degrees - 1, width))


def middled(n: int, like: Float[Array, "..."]) -> Float[Array, " n"]:
    """`n` numbers 1 apart, around 0, of the precision of another."""
    return jnp.arange(n, dtype=like.dtype) - 0.5 * (n - 1)


class Rational(AbstractChoice):
    """Another choice, of a person who sees differences more or less sharply.

    All worth is multiplied by the rationality: 0 answers at random, infinity always
    with the best. As a common rationality is the scale of the reward, it is for
    several people: `Rational(Davidson(), PerPerson(Positive(1.0), n, known=True))`.

    Args:
        inner: how the person answers otherwise.
        rationality: nats per reward unit, above 0.

    Example:
        >>> choice = Rational(BradleyTerry(), Positive(2.0))
        >>> round(float(jnp.exp(choice.pair(jnp.array([0.5, 0.0])))[0]), 6)
        0.731059

    Source: Jeon et al., arXiv 2002.04833, equation 2 (there beta).
    """

    inner: AbstractChoice
    rationality: AbstractParameter = eqx.field(
        default_factory=lambda: Positive(1.0, spread=1.0)
    )

    def pair(self, worth: Worths) -> LogProbs:
        """Of a sharper or duller worth."""
        return self.inner.pair(self.rationality.value * worth)

    def among(self, worth: Several, present: There) -> Several:
        """Of a sharper or duller worth."""
        return self.inner.among(self.rationality.value * worth, present)

    def level(self, worth: Worth, n_levels: int) -> LogProbs:
        """Of a sharper or duller worth."""
        return self.inner.level(self.rationality.value * worth, n_levels)

    def degree(self, ahead: Worth, n_degrees: int) -> LogProbs:
        """Of a sharper or duller worth."""
        return self.inner.degree(self.rationality.value * ahead, n_degrees)


class SideBias(AbstractChoice):
    """Another choice, of a person drawn to what is shown first (or, below 0, second).

    Args:
        inner: how the person answers otherwise.
        bias: added to the worth of the first option, reward units.

    Example:
        >>> choice = SideBias(BradleyTerry(), Real(0.08))
        >>> round(float(jnp.exp(choice.pair(jnp.zeros(2)))[0]), 3)
        0.52
    """

    inner: AbstractChoice
    bias: AbstractParameter = eqx.field(default_factory=lambda: Real(0.0, spread=0.5))

    def pair(self, worth: Worths) -> LogProbs:
        """With the first ahead by the bias."""
        return self.inner.pair(worth.at[0].add(self.bias.value))

    def among(self, worth: Several, present: There) -> Several:
        """With the first ahead by the bias."""
        return self.inner.among(worth.at[0].add(self.bias.value), present)

    def level(self, worth: Worth, n_levels: int) -> LogProbs:
        """As otherwise: nothing is shown beside it."""
        return self.inner.level(worth, n_levels)

    def degree(self, ahead: Worth, n_degrees: int) -> LogProbs:
        """With the first ahead by the bias."""
        return self.inner.degree(ahead - self.bias.value, n_degrees)


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
        >>> round(float(jnp.exp(choice.pair(jnp.array([0.0, 99.0])))[0]), 6)
        0.1

    Source: F. A. Wichmann, N. J. Hill, "The psychometric function", 2001, equation 1.
    """

    inner: AbstractChoice
    rate: AbstractParameter = eqx.field(default_factory=lambda: Fraction(0.05))

    def pair(self, worth: Worths) -> LogProbs:
        """Of each answer of the inner choice."""
        inner = self.inner.pair(worth)
        return self._mixed(inner, jnp.ones(inner.shape, dtype=bool))

    def among(self, worth: Several, present: There) -> Several:
        """Of each option that is there."""
        return self._mixed(self.inner.among(worth, present), present)

    def level(self, worth: Worth, n_levels: int) -> LogProbs:
        """Of each level."""
        return self._mixed(
            self.inner.level(worth, n_levels), jnp.ones(n_levels, dtype=bool)
        )

    def degree(self, ahead: Worth, n_degrees: int) -> LogProbs:
        """Of each degree."""
        return self._mixed(
            self.inner.degree(ahead, n_degrees), jnp.ones(n_degrees, dtype=bool)
        )

    def _mixed(self, inner: LogProbs, present: Bool[Array, " choice"]) -> LogProbs:
        rate = self.rate.value
        n_present = jnp.sum(present, dtype=inner.dtype)
        any_of_them = jnp.log(rate) - jnp.log(n_present)
        # What is not there is impossible, and its slope is nothing, not NaN.
        safe = jnp.where(present, inner, 0.0)
        mixed = jnp.logaddexp(safe + jnp.log1p(-rate), any_of_them)
        return jnp.where(present, mixed, -jnp.inf)


class Mistake(AbstractChoice):
    """Another choice, of a person who sometimes presses the wrong of two keys.

    `P(first) = (1 - rate) P_inner(first) + rate P_inner(second)`, and the same the
    other way round; ties stay.

    Args:
        inner: how the person answers otherwise.
        rate: in `(0, 1)`.

    Example:
        >>> choice = Mistake(BradleyTerry(), Fraction(0.1))
        >>> round(float(jnp.exp(choice.pair(jnp.array([0.0, 99.0])))[0]), 6)
        0.1

    Source: K. Lee et al., "B-Pref", NeurIPS 2021, section 4.2.
    """

    inner: AbstractChoice
    rate: AbstractParameter = eqx.field(default_factory=lambda: Fraction(0.1))

    def pair(self, worth: Worths) -> LogProbs:
        """With first and second confused now and then."""
        return self._confused(self.inner.pair(worth), [1, 0])

    def among(self, worth: Several, present: There) -> Several:
        """As otherwise: there is no key that is the wrong one."""
        return self.inner.among(worth, present)

    def level(self, worth: Worth, n_levels: int) -> LogProbs:
        """As otherwise."""
        return self.inner.level(worth, n_levels)

    def degree(self, ahead: Worth, n_degrees: int) -> LogProbs:
        """With the two sides confused now and then."""
        logs = self.inner.degree(ahead, n_degrees)
        return self._confused(logs, list(range(n_degrees))[::-1])

    def _confused(self, logs: LogProbs, order: list[int]) -> LogProbs:
        whole = order + list(range(len(order), logs.shape[0]))
        rate = self.rate.value
        return jnp.logaddexp(
            logs + jnp.log1p(-rate), logs[jnp.asarray(whole)] + jnp.log(rate)
        )


class Unsure(AbstractChoice):
    """Another choice, of a person who now and then says that they cannot tell.

    How often says nothing of worth: `P(cannot tell) = rate`, whatever is shown.

    Args:
        inner: how the person answers otherwise, with ties.
        rate: in `(0, 1)`.

    Example:
        >>> choice = Unsure(Davidson(Positive(1.0)), Fraction(0.4))
        >>> [round(float(one), 6) for one in jnp.exp(choice.pair(jnp.zeros(2)))]
        [0.2, 0.2, 0.2, 0.4]
    """

    inner: AbstractChoice
    rate: AbstractParameter = eqx.field(default_factory=lambda: Fraction(0.1))

    def pair(self, worth: Worths) -> LogProbs:
        """Of first, second, tie and "cannot tell"."""
        logs, rate = self.inner.pair(worth), self.rate.value
        if logs.shape[0] != 3:
            raise ValueError(
                "a person who cannot tell can tie, too: give Unsure a choice with "
                "ties, such as Davidson()."
            )
        return jnp.append(logs + jnp.log1p(-rate), jnp.log(rate))

    def among(self, worth: Several, present: There) -> Several:
        """As otherwise: it is asked of pairs alone."""
        return self.inner.among(worth, present)

    def level(self, worth: Worth, n_levels: int) -> LogProbs:
        """As otherwise."""
        return self.inner.level(worth, n_levels)

    def degree(self, ahead: Worth, n_degrees: int) -> LogProbs:
        """As otherwise."""
        return self.inner.degree(ahead, n_degrees)
