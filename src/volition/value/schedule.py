"""Schedules: numbers that change as learning goes on."""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int


class AbstractSchedule(eqx.Module):
    """A number for every step of learning."""

    @abc.abstractmethod
    def __call__(self, step: Int[Array, "*step"]) -> Float[Array, "*step"]:
        """The number at a step, or at each of several; the first step is 0."""


class Constant(AbstractSchedule):
    """Always the same.

    Example:
        >>> float(Constant(0.5)(jnp.int32(7)))
        0.5
    """

    value: ArrayLike

    def __call__(self, step: Int[Array, "*step"]) -> Float[Array, "*step"]:
        """The value."""
        return jnp.broadcast_to(jnp.asarray(self.value, dtype=float), step.shape)


class Linear(AbstractSchedule):
    """From `first` to `last` in `n_steps` equal steps, then `last`.

    Example:
        >>> float(Linear(1.0, 0.0, n_steps=4)(jnp.int32(1)))
        0.75
    """

    first: ArrayLike
    last: ArrayLike
    n_steps: ArrayLike

    def __call__(self, step: Int[Array, "*step"]) -> Float[Array, "*step"]:
        """The value on the way."""
        n_steps = jnp.asarray(self.n_steps, dtype=float)
        share = jnp.clip(step.astype(n_steps.dtype) / n_steps, 0.0, 1.0)
        first, last = (jnp.asarray(end, dtype=float) for end in (self.first, self.last))
        return first + (last - first) * share


class Harmonic(AbstractSchedule):
    """`first * half / (half + step)`: falls to half of `first` after `half` steps.

    Its sum diverges and the sum of its squares does not, as the convergence of
    stochastic approximation asks (Robbins and Monro 1951).

    Example:
        >>> float(Harmonic(0.5, half=100.0)(jnp.int32(100)))
        0.25
    """

    first: ArrayLike
    half: ArrayLike

    def __call__(self, step: Int[Array, "*step"]) -> Float[Array, "*step"]:
        """The value at the step."""
        half = jnp.asarray(self.half, dtype=float)
        first = jnp.asarray(self.first, dtype=float)
        return first * half / (half + step.astype(half.dtype))


class ByVisit(AbstractSchedule):
    """Counts the visits of a state and action in place of steps.

    `ByVisit(Harmonic(1.0, half=1.0))`, what `ByVisit()` is, has the step sizes
    1, 1/2, 1/3, ...: each entry is the average of its targets.

    Example:
        >>> ByVisit()(jnp.arange(4, dtype=jnp.int32)).tolist()
        [1.0, 0.5, 0.3333333333333333, 0.25]
    """

    schedule: AbstractSchedule = eqx.field(
        default_factory=lambda: Harmonic(1.0, half=1.0)
    )

    def __call__(self, step: Int[Array, "*step"]) -> Float[Array, "*step"]:
        """The number at a visit; the first is 0."""
        return self.schedule(step)


def as_schedule(value: ArrayLike | AbstractSchedule) -> AbstractSchedule:
    """A schedule as it is, a number as one that is constant."""
    if isinstance(value, AbstractSchedule):
        return value
    return Constant(jnp.asarray(value, dtype=float))


def optional_schedule(
    value: ArrayLike | AbstractSchedule | None,
) -> AbstractSchedule | None:
    """As `as_schedule`; None stays, for a schedule that goes by other settings."""
    return None if value is None else as_schedule(value)
