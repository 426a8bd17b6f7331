"""Parameters of a person: numbers that are inferred along with the reward."""

import abc
import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class AbstractParameter(eqx.Module):
    """A number on a scale where any real value is allowed, with a Gaussian prior there.

    Args:
        raw: the number on that scale: what `fit` changes.
        mean: of the prior.
        spread: standard deviation of the prior.
    """

    raw: eqx.AbstractVar[Float[Array, ""]]
    mean: eqx.AbstractVar[float]
    spread: eqx.AbstractVar[float]

    @property
    @abc.abstractmethod
    def value(self) -> Float[Array, ""]:
        """The number itself."""


class Fraction(AbstractParameter):
    """A number in `(0, 1)`: the logistic function of `raw`.

    Args:
        value: where it begins, and the median of its prior, in `(0, 1)`.
        spread: standard deviation of the prior, in logits.

    Raises:
        ValueError: for a value out of that range.

    Example:
        >>> round(float(Fraction(0.02).value), 6)
        0.02
    """

    raw: Float[Array, ""]
    mean: float = eqx.field(static=True)
    spread: float = eqx.field(static=True)

    def __init__(self, value: float, *, spread: float = 1.5):
        if not 0.0 < value < 1.0:
            raise ValueError(f"a fraction is in (0, 1), not {value}.")
        # With the standard library, so that it also works while JAX traces.
        self.mean = math.log(value / (1.0 - value))
        self.raw = jnp.asarray(self.mean, dtype=float)
        self.spread = spread

    @property
    def value(self) -> Float[Array, ""]:
        """The fraction."""
        return jax.nn.sigmoid(self.raw)


class Positive(AbstractParameter):
    """A number above 0: the exponential of `raw`.

    Args:
        value: where it begins, and the median of its prior, above 0.
        spread: standard deviation of the prior of its logarithm.

    Raises:
        ValueError: for a value out of that range.

    Example:
        >>> round(float(Positive(0.5).value), 6)
        0.5
    """

    raw: Float[Array, ""]
    mean: float = eqx.field(static=True)
    spread: float = eqx.field(static=True)

    def __init__(self, value: float, *, spread: float = 2.0):
        if not 0.0 < value < math.inf:
            raise ValueError(f"a positive number is in (0, inf), not {value}.")
        self.mean = math.log(value)
        self.raw = jnp.asarray(self.mean, dtype=float)
        self.spread = spread

    @property
    def value(self) -> Float[Array, ""]:
        """The number."""
        return jnp.exp(self.raw)
