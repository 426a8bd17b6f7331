"""Pace: how long an answer takes, which says how close the options were."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from volition.human.parameter import AbstractParameter, Positive

N_TERMS = 8  # of each series: where they meet, the ninth is below 1e-30 of the first
N_POINTS = 512  # of the grid on which a simulated person's time is drawn


class AbstractPace(eqx.Module):
    """How long an answer to a pair takes."""

    @abc.abstractmethod
    def log_density(
        self, ahead: Float[Array, ""], seconds: Float[Array, ""]
    ) -> Float[Array, ""]:
        """Of the time that a decision took, given how far one option is ahead."""

    @abc.abstractmethod
    def sample(self, key: PRNGKeyArray, ahead: Float[Array, ""]) -> Float[Array, ""]:
        """The time of a simulated person, s."""


class Diffusion(AbstractPace):
    """Evidence is gathered until it reaches a bound: close options take longer.

    A Brownian motion begins in the middle between bounds `b` above and below it and
    drifts by `ahead / (2 b)`, so that it first reaches the upper one with probability
    `logistic(ahead)`, as Bradley-Terry has it; before and after it some time passes
    that has nothing to do with the options.

    Args:
        bound: half of how far the bounds are apart, square roots of seconds.
        delay: time that is not spent on deciding, s.

    Example:
        >>> pace = Diffusion(Positive(1.0), Positive(0.3))
        >>> after = jnp.array(3.0)
        >>> easy, hard = (pace.log_density(jnp.array(d), after) for d in (4.0, 0.0))
        >>> bool(hard > easy)
        True

    Source: R. Ratcliff, "A theory of memory retrieval", 1978; E.-J. Wagenmakers et al.,
    "An EZ-diffusion model for response time and response accuracy", 2007, whose model
    this is. Differs: the density itself in place of equations for three moments, so
    that single answers count; its use with preferences is S. Li et al., arXiv
    2409.05798.
    """

    bound: AbstractParameter = eqx.field(
        default_factory=lambda: Positive(1.0, spread=1.0)
    )
    delay: AbstractParameter = eqx.field(
        default_factory=lambda: Positive(0.3, spread=1.0)
    )

    def log_density(
        self, ahead: Float[Array, ""], seconds: Float[Array, ""]
    ) -> Float[Array, ""]:
        """Of first reaching one of the bounds then."""
        bound = self.bound.value
        # Faster than the delay is as good as impossible, but its slope says why.
        late = seconds - self.delay.value
        floor = 1e-3 * bound**2
        time = jnp.where(late > floor, late, floor)
        too_fast = jnp.where(late > floor, 0.0, 1e3 * (floor - late) / bound**2)
        return _log_passage(ahead, time / bound**2) - 2.0 * self._log_bound() - too_fast

    def sample(self, key: PRNGKeyArray, ahead: Float[Array, ""]) -> Float[Array, ""]:
        """Drawn from that density, on a grid."""
        grid = jnp.geomspace(1e-2, 40.0, N_POINTS)
        density = jnp.exp(jax.vmap(_log_passage, (None, 0))(ahead, grid))
        steps = 0.5 * (density[1:] + density[:-1]) * jnp.diff(grid)
        reached = jnp.concatenate([jnp.zeros(1, dtype=grid.dtype), jnp.cumsum(steps)])
        share = jax.random.uniform(key, (), dtype=grid.dtype) * reached[-1]
        return self.delay.value + self.bound.value**2 * jnp.interp(share, reached, grid)

    def _log_bound(self) -> Float[Array, ""]:
        return jnp.log(self.bound.value)


def _log_passage(ahead: Float[Array, ""], time: Float[Array, ""]) -> Float[Array, ""]:
    """Log-density of leaving (-1, 1), from 0, with drift `ahead / 2`, at a time.

    By symmetry it is the same for both ends. With drift v it is that without drift
    times `cosh(v) exp(-v^2 t / 2)` (Girsanov), and without drift it is a series of
    images for short times and of modes for long ones.
    """
    drift = 0.5 * ahead
    odd = 2.0 * jnp.arange(N_TERMS, dtype=time.dtype) + 1.0
    sign = jnp.where(jnp.arange(N_TERMS) % 2 == 0, 1.0, -1.0)
    # Both ends together: twice one. The first term is taken out of each sum.
    short, long = jnp.minimum(time, 1.0), jnp.maximum(time, 0.2)
    images = jnp.sum(sign * odd * jnp.exp(-(odd**2 - 1.0) / (2.0 * short)))
    of_images = (
        jnp.log(2.0)
        - 0.5 * jnp.log(2.0 * jnp.pi * short**3)
        - 0.5 / short
        + jnp.log(jnp.maximum(images, 1e-30))
    )
    rate = jnp.pi**2 / 8.0
    modes = jnp.sum(sign * odd * jnp.exp(-rate * (odd**2 - 1.0) * long))
    of_modes = jnp.log(jnp.pi / 2.0) - rate * long + jnp.log(jnp.maximum(modes, 1e-30))
    without = jnp.where(time < 0.5, of_images, of_modes)
    cosh = jnp.logaddexp(drift, -drift) - jnp.log(2.0)
    return without + cosh - 0.5 * drift**2 * time
