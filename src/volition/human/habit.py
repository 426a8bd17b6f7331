"""Habits: what people do beside choosing by worth; each wraps another choice."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from volition.human.choice import (
    AbstractChoice,
    LogProbs,
    Several,
    There,
    Worth,
    Worths,
    ordinal,
)
from volition.human.parameter import AbstractParameter, Fraction, Positive, Real


class AbstractHabit(AbstractChoice):
    """Another choice, in all that a habit does not change."""

    inner: eqx.AbstractVar[AbstractChoice]

    def pair(self, worth: Worths) -> LogProbs:
        """As otherwise."""
        return self.inner.pair(worth)

    def among(self, worth: Several, present: There) -> Several:
        """As otherwise."""
        return self.inner.among(worth, present)

    def level(self, worth: Worth, n_levels: int) -> LogProbs:
        """As otherwise."""
        return self.inner.level(worth, n_levels)

    def degree(self, ahead: Worth, n_degrees: int) -> LogProbs:
        """As otherwise."""
        return self.inner.degree(ahead, n_degrees)


class Graded(AbstractHabit):
    """Another choice, of a person who can also give ratings and degrees.

    The cuts of a rating lie `gap` apart around `centre`; those of degrees around 0,
    `width` apart, so that the middle of an odd number of degrees is a tie.

    Args:
        inner: how the person answers otherwise.
        centre: worth of what is rated in the middle, reward units.
        gap: between the cuts of a rating, reward units.
        width: between the cuts of a degree, reward units.

    Example:
        >>> from volition.human import Davidson
        >>> choice = Graded(Davidson(), gap=Positive(2.0))
        >>> each = jnp.exp(choice.level(jnp.array(0.0), 3))
        >>> [round(float(one), 4) for one in each]
        [0.2689, 0.4621, 0.2689]
    """

    inner: AbstractChoice
    centre: AbstractParameter = eqx.field(default_factory=lambda: Real(0.0, spread=5.0))
    gap: AbstractParameter = eqx.field(default_factory=lambda: Positive(1.0))
    width: AbstractParameter = eqx.field(default_factory=lambda: Positive(1.0))

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


class Rational(AbstractHabit):
    """Another choice, of a person who sees differences more or less sharply.

    All worth is multiplied by the rationality: 0 answers at random, infinity always
    with the best. As a common rationality is the scale of the reward, it is for
    several people: `Rational(Davidson(), PerPerson(Positive(1.0), n, known=True))`.

    Args:
        inner: how the person answers otherwise.
        rationality: nats per reward unit, above 0.

    Example:
        >>> from volition.human import BradleyTerry
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


class SideBias(AbstractHabit):
    """Another choice, of a person drawn to what is shown first (or, below 0, second).

    Args:
        inner: how the person answers otherwise.
        bias: added to the worth of the first option, reward units.

    Example:
        >>> from volition.human import BradleyTerry
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

    def degree(self, ahead: Worth, n_degrees: int) -> LogProbs:
        """With the first ahead by the bias."""
        return self.inner.degree(ahead - self.bias.value, n_degrees)


class Lapse(AbstractHabit):
    """Another choice, but now and then any answer at all.

    `P(answer) = (1 - rate) P_inner(answer) + rate / answers`

    Without it a single slip, the worse of two options that differ a lot, has nearly no
    probability and bends the whole fit.

    Args:
        inner: how the person answers otherwise.
        rate: in `(0, 1)`.

    Example:
        >>> from volition.human import Davidson
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


class Mistake(AbstractHabit):
    """Another choice, of a person who sometimes presses the wrong of two keys.

    `P(first) = (1 - rate) P_inner(first) + rate P_inner(second)`, and the same the
    other way round; ties stay.

    Args:
        inner: how the person answers otherwise.
        rate: in `(0, 1)`.

    Example:
        >>> from volition.human import BradleyTerry
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


class Unsure(AbstractHabit):
    """Another choice, of a person who now and then says that they cannot tell.

    How often says nothing of worth: `P(cannot tell) = rate`, whatever is shown.

    Args:
        inner: how the person answers otherwise, with ties.
        rate: in `(0, 1)`.

    Example:
        >>> from volition.human import Davidson
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


class Equal(AbstractHabit):
    """Another choice, of a person who always ties where the difference is small.

    Args:
        inner: how the person answers otherwise, with ties.
        threshold: difference in worth below which it is a tie, reward units.

    Example:
        >>> from volition.human import Davidson
        >>> choice = Equal(Davidson(), 0.5)
        >>> [
        ...     round(float(one), 3)
        ...     for one in jnp.exp(choice.pair(jnp.array([0.3, 0.0])))
        ... ]
        [0.0, 0.0, 1.0]

    Source: K. Lee et al., "B-Pref", NeurIPS 2021, section 4.2.
    """

    inner: AbstractChoice
    threshold: float

    def pair(self, worth: Worths) -> LogProbs:
        """A tie, if the two are close."""
        logs = self.inner.pair(worth)
        logs = logs if logs.shape[0] > 2 else jnp.append(logs, -jnp.inf)
        tie = jnp.where(jnp.arange(logs.shape[0]) == 2, 0.0, -jnp.inf)
        return jnp.where(jnp.abs(worth[0] - worth[1]) < self.threshold, tie, logs)


class Skip(AbstractHabit):
    """Another choice, of a person who cannot tell where neither option is worth much.

    Args:
        inner: how the person answers otherwise.
        threshold: worth below which both must be, reward units.

    Example:
        >>> from volition.human import Davidson
        >>> choice = Skip(Davidson(), 0.5)
        >>> each = jnp.exp(choice.pair(jnp.array([0.3, 0.0])))
        >>> [round(float(one), 3) for one in each]
        [0.0, 0.0, 0.0, 1.0]

    Source: K. Lee et al., "B-Pref", NeurIPS 2021, section 4.2.
    """

    inner: AbstractChoice
    threshold: float

    def pair(self, worth: Worths) -> LogProbs:
        """Cannot tell, if neither is worth much."""
        logs = self.inner.pair(worth)
        logs = jnp.append(logs, jnp.full(4 - logs.shape[0], -jnp.inf))
        silent = jnp.where(jnp.arange(4) == 3, 0.0, -jnp.inf)
        return jnp.where(jnp.max(worth) < self.threshold, silent, logs)

    def degree(self, ahead: Worth, n_degrees: int) -> LogProbs:
        """As otherwise."""
        return self.inner.degree(ahead, n_degrees)
