"""Teachers: simulated people whose answers are wrong in ways that are known."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jaxtyping import Array, Float

from volition.human.boltzmann import Boltzmann
from volition.human.choice import BradleyTerry, Davidson
from volition.human.habit import Equal, Mistake, Rational, SideBias, Skip, Unsure
from volition.human.parameter import Fraction, Positive, Real
from volition.human.valuation import Myopic

# Of 26,108 answers of a crowd, 71.4 % agree with the reward that the clips were scored
# by; ties are 10 to 39 % by domain; the left is chosen 2 % too often (Uni-RLHF's
# published labels, Y. Yuan et al., ICLR 2024, counted anew).
AGREEMENT, TIES, SIDE = 0.71, 0.25, 0.02
SILENT = (
    0.05  # "cannot tell": rare where people are asked to avoid it; no count is known
)


def oracle(rationality: float = 1e4) -> Boltzmann:
    """Always the better one: B-Pref's "oracle", up to the limit of a finite number.

    Source of these teachers: K. Lee et al., "B-Pref", NeurIPS 2021, section 4.2.
    """
    return Boltzmann(choice=Rational(BradleyTerry(), Positive(rationality)))


def stochastic(rationality: float = 1.0) -> Boltzmann:
    """Boltzmann without ties."""
    return Boltzmann(choice=Rational(BradleyTerry(), Positive(rationality)))


def mistaken(rate: float = 0.1) -> Boltzmann:
    """The better one, but the wrong key with this probability."""
    return Boltzmann(choice=Mistake(oracle().choice, Fraction(rate)))


def skipping(threshold: float) -> Boltzmann:
    """The better one, but nothing where neither is worth as much as a threshold."""
    return Boltzmann(choice=Skip(oracle().choice, threshold))


def equal(threshold: float) -> Boltzmann:
    """The better one, but a tie where the difference is below a threshold."""
    return Boltzmann(choice=Equal(oracle().choice, threshold))


def myopic(discount: float = 0.9) -> Boltzmann:
    """The better one, where what was seen last counts most."""
    return Boltzmann(Myopic(Fraction(discount)), oracle().choice)


def realistic(
    ahead: Float[Array, " question"],
    *,
    agreement: float = AGREEMENT,
    ties: float = TIES,
) -> Boltzmann:
    """One with the noise that real people show, for questions such as these.

    Rationality and the width of ties are set so that, over the questions, the better
    option is chosen in the given share of the answers that choose, and the given share
    of answers is a tie; the first option is chosen 2 % too often, and one of twenty
    answers is "cannot tell". The figures' source stands at the constants.

    Args:
        ahead: by how much the first option is worth more than the second under the
            true reward, in each of some typical questions, reward units.
        agreement: in `(0.5, 1)`.
        ties: in `(0, 1)`.

    Raises:
        ValueError: where no person agrees so often on such questions: all alike.

    Example:
        >>> gaps = jax.random.normal(jax.random.key(0), (500,))
        >>> person = realistic(gaps)
        >>> each = jnp.exp(jax.vmap(person.choice.pair)(jnp.stack([gaps, 0 * gaps], 1)))
        >>> round(float(each[:, 2].mean() / 0.95), 2)  # ties among what was told
        0.25
    """
    gaps = np.asarray(ahead, dtype=float)
    gaps = gaps[np.abs(gaps) > 0]
    if not 0.5 < agreement < 1.0 or not 0.0 < ties < 1.0 or len(gaps) == 0:
        raise ValueError(
            f"nobody agrees in {agreement} of the answers and ties in {ties} on "
            f"{len(gaps)} questions whose options differ: give shares in (0.5, 1) and "
            "(0, 1), and questions that can be told apart."
        )
    unit = float(np.sqrt(np.mean(gaps**2)))
    # The bias that makes a share of 0.5 + SIDE of two equal options.
    bias = float(np.log((0.5 + SIDE) / (0.5 - SIDE)))

    def person(rationality: float, width: float) -> Rational:
        inner = SideBias(Davidson(Positive(width)), Real(bias))
        return Rational(inner, Positive(rationality / unit))

    def told(rationality: float, width: float) -> tuple[float, float]:
        worth = jnp.asarray(np.stack([gaps, np.zeros_like(gaps)], axis=1))
        each = np.exp(np.asarray(jax.vmap(person(rationality, width).pair)(worth)))
        right = np.where(gaps > 0, each[:, 0], each[:, 1])
        return float(right.sum() / each[:, :2].sum()), float(each[:, 2].mean())

    def width_at(rationality: float) -> float:
        missing = lambda log_width: told(rationality, math.exp(log_width))[1] - ties
        return math.exp(_root(missing, -12.0, 40.0))

    def short(log_rationality: float) -> float:
        rationality = math.exp(log_rationality)
        return told(rationality, width_at(rationality))[0] - agreement

    rationality = math.exp(_root(short, -4.0, 4.0))
    choice = person(rationality, width_at(rationality))
    return Boltzmann(choice=Unsure(choice, Fraction(SILENT)))


def _root(short: Callable[[float], float], low: float, high: float) -> float:
    return float(scipy.optimize.brentq(short, low, high, xtol=1e-6))
