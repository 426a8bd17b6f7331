"""Parameters of a person: numbers that are inferred along with the reward."""

import abc
import math
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm
from jaxtyping import Array, Float, Int, PyTree

Numbers = float | Sequence[float]


class AbstractParameter(eqx.Module):
    """A number of a person, or several, on a scale where any real value is allowed.

    Its floating-point arrays are what `fit` changes, on that scale; it carries its own
    prior there.
    """

    @property
    @abc.abstractmethod
    def value(self) -> Float[Array, "..."]:
        """The number itself."""

    @abc.abstractmethod
    def log_prior(self) -> Float[Array, ""]:
        """Log-density of the prior where the parameter is."""

    @abc.abstractmethod
    def scales(self) -> Float[Array, " free"]:
        """Standard deviation of the prior of each free number, in their order."""

    @abc.abstractmethod
    def free(self) -> PyTree[bool]:
        """Which of its arrays are inferred: the same tree, of marks."""

    @abc.abstractmethod
    def of(self, person: Int[Array, ""]) -> "AbstractParameter":
        """That of one person."""


class AbstractScale(AbstractParameter):
    """A parameter with a Gaussian prior on the free scale, the same for everybody.

    Args:
        raw: the numbers on the free scale.
        mean: of the prior.
        spread: standard deviation of the prior.
    """

    raw: eqx.AbstractVar[Float[Array, "..."]]
    mean: eqx.AbstractVar[float | tuple[float, ...]]
    spread: eqx.AbstractVar[float]

    def log_prior(self) -> Float[Array, ""]:
        """Of a Gaussian."""
        mean = jnp.asarray(self.mean, dtype=self.raw.dtype)
        return jnp.sum(norm.logpdf(self.raw, mean, self.spread))

    def scales(self) -> Float[Array, " free"]:
        """The spread, for each number."""
        return jnp.full(self.raw.size, self.spread, dtype=self.raw.dtype)

    def free(self) -> PyTree[bool]:
        """All."""
        return jax.tree.map(eqx.is_inexact_array, self)

    def of(self, person: Int[Array, ""]) -> "AbstractScale":
        """The same."""
        del person
        return self


def _begin(value: Numbers, release, check, what: str):
    """The free numbers that stand for a value, and the same as an array.

    With the standard library, so that it also works while JAX traces.
    """
    values = [float(one) for one in np.ravel(value)]
    for one in values:
        if not check(one):
            raise ValueError(f"{what}, not {one}.")
    free = tuple(release(one) for one in values)
    mean = free if np.ndim(value) else free[0]
    return mean, jnp.asarray(mean, dtype=float)


class Fraction(AbstractScale):
    """A number in `(0, 1)`: the logistic function of `raw`.

    Args:
        value: where it begins, and the median of its prior, in `(0, 1)`; or several.
        spread: standard deviation of the prior, in logits.

    Raises:
        ValueError: for a value out of that range.

    Example:
        >>> round(float(Fraction(0.02).value), 6)
        0.02
    """

    raw: Float[Array, "..."]
    mean: float | tuple[float, ...] = eqx.field(static=True)
    spread: float = eqx.field(static=True)

    def __init__(self, value: Numbers, *, spread: float = 1.5):
        self.mean, self.raw = _begin(
            value,
            lambda one: math.log(one / (1.0 - one)),
            lambda one: 0.0 < one < 1.0,
            "a fraction is in (0, 1)",
        )
        self.spread = spread

    @property
    def value(self) -> Float[Array, "..."]:
        """The fraction."""
        return jax.nn.sigmoid(self.raw)


class Positive(AbstractScale):
    """A number above 0: the exponential of `raw`.

    Args:
        value: where it begins, and the median of its prior, above 0; or several.
        spread: standard deviation of the prior of its logarithm.

    Raises:
        ValueError: for a value out of that range.

    Example:
        >>> round(float(Positive(0.5).value), 6)
        0.5
    """

    raw: Float[Array, "..."]
    mean: float | tuple[float, ...] = eqx.field(static=True)
    spread: float = eqx.field(static=True)

    def __init__(self, value: Numbers, *, spread: float = 2.0):
        self.mean, self.raw = _begin(
            value,
            math.log,
            lambda one: 0.0 < one < math.inf,
            "a positive number is in (0, inf)",
        )
        self.spread = spread

    @property
    def value(self) -> Float[Array, "..."]:
        """The number."""
        return jnp.exp(self.raw)


class Real(AbstractScale):
    """Any number: `raw` itself.

    Args:
        value: where it begins, and the mean of its prior; or several.
        spread: standard deviation of the prior.

    Raises:
        ValueError: for a value that is not finite.

    Example:
        >>> float(Real(-0.5).value)
        -0.5
    """

    raw: Float[Array, "..."]
    mean: float | tuple[float, ...] = eqx.field(static=True)
    spread: float = eqx.field(static=True)

    def __init__(self, value: Numbers, *, spread: float = 1.0):
        self.mean, self.raw = _begin(
            value, float, math.isfinite, "a real number is finite"
        )
        self.spread = spread

    @property
    def value(self) -> Float[Array, "..."]:
        """The number."""
        return self.raw


class Known(AbstractParameter):
    """A number that is known: nothing is inferred of it.

    Args:
        value: the number.

    Example:
        >>> float(Known(1.0).value)
        1.0
    """

    number: Float[Array, ""]

    def __init__(self, value: float):
        self.number = jnp.asarray(value, dtype=float)

    @property
    def value(self) -> Float[Array, ""]:
        """The number."""
        return self.number

    def log_prior(self) -> Float[Array, ""]:
        """Nothing: 0."""
        return jnp.zeros((), dtype=self.number.dtype)

    def scales(self) -> Float[Array, " free"]:
        """None."""
        return jnp.zeros(0, dtype=self.number.dtype)

    def free(self) -> PyTree[bool]:
        """None of it."""
        return jax.tree.map(lambda leaf: False, self)

    def of(self, person: Int[Array, ""]) -> "Known":
        """The same."""
        del person
        return self


class PerPerson(AbstractParameter):
    """A parameter that differs from person to person, around one of them all.

    Person `i` has the free number `raw + spread z_i`, with `z_i` standard normal and
    the spread inferred, too: who answered little is drawn to the others. Where it is
    not known who answered, `z = 0`.

    Args:
        common: of them all, where the prior of each is centred.
        n_people: how many there are; `answer.person` is from 0 to `n_people - 1`.
        spread: by how much people differ, standard deviation on the free scale.
        known: whether the common number is known: it is not inferred then, as for
            rationality, of which the reward's scale is the common part.

    Raises:
        ValueError: for fewer than one person, or a common parameter of several numbers.

    Example:
        >>> both = PerPerson(Positive(1.0), 2)
        >>> both.value.tolist()
        [1.0, 1.0]

    Source: A. Gelman et al., "Bayesian data analysis", 3rd ed., section 5.4; the form
    in which `z` is free is that of M. Betancourt, M. Girolami, arXiv 1312.0906.
    """

    common: AbstractScale
    spread: AbstractScale
    offset: Float[Array, " person"]
    known: bool = eqx.field(static=True)

    def __init__(
        self,
        common: AbstractScale,
        n_people: int,
        *,
        spread: AbstractScale | None = None,
        known: bool = False,
    ):
        if n_people < 1:
            raise ValueError(f"n_people = {n_people} must be at least 1.")
        if common.raw.ndim > 0:
            raise ValueError("only a single number differs from person to person.")
        self.common = common
        # A factor of e^0.5 from person to person, uncertain by a factor of e.
        self.spread = Positive(0.5, spread=1.0) if spread is None else spread
        self.offset = jnp.zeros(n_people)
        self.known = known

    @property
    def value(self) -> Float[Array, " person"]:
        """Of each person."""
        people = jnp.arange(self.offset.shape[0], dtype=jnp.int32)
        return jax.vmap(lambda person: self.of(person).value)(people)

    def log_prior(self) -> Float[Array, ""]:
        """Of them all, of how much they differ, and of each."""
        common = 0.0 if self.known else self.common.log_prior()
        return common + self.spread.log_prior() + jnp.sum(norm.logpdf(self.offset))

    def scales(self) -> Float[Array, " free"]:
        """Of the same, in this order."""
        each = jnp.ones(self.offset.shape[0], dtype=self.offset.dtype)
        common = [] if self.known else [self.common.scales()]
        return jnp.concatenate([*common, self.spread.scales(), each])

    def free(self) -> PyTree[bool]:
        """All, but for a common number that is known."""
        marks = jax.tree.map(eqx.is_inexact_array, self)
        return eqx.tree_at(lambda each: each.common.raw, marks, not self.known)

    def of(self, person: Int[Array, ""]) -> AbstractScale:
        """That of one person."""
        person = jnp.asarray(person)
        z = jnp.where(person < 0, 0.0, self.offset[jnp.maximum(person, 0)])
        moved = self.common.raw + self.spread.value * z
        return eqx.tree_at(lambda common: common.raw, self.common, moved)
