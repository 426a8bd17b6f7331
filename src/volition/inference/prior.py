"""Priors over rewards."""

import abc
from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

Vector = Float[Array, " parameter"]


class AbstractPrior(eqx.Module):
    """A distribution over the parameters of a reward, with a scale free of constraints.

    `fit` moves on the free scale, where every real number is allowed.
    """

    @abc.abstractmethod
    def constrain(self, free: Vector) -> Vector:
        """From the free scale to the parameters of the reward."""

    @abc.abstractmethod
    def release(self, parameters: Vector) -> Vector:
        """From the parameters of the reward to the free scale."""

    @abc.abstractmethod
    def log_density(self, free: Vector) -> Float[Array, ""]:
        """Of a point of the free scale, up to a constant."""

    @abc.abstractmethod
    def scale_of(self, free: Vector) -> Vector:
        """How far each free coordinate may go: its standard deviation."""

    @abc.abstractmethod
    def centre_of(self, free: Vector) -> Vector:
        """The mean of each free coordinate."""


class Normal(AbstractPrior):
    """Independent Gaussians around 0.

    Args:
        scale: standard deviation, reward units per unit of the feature; one number, or
            one for each parameter.

    Example:
        >>> float(Normal(2.0).log_density(jnp.array([2.0])))
        -0.5
    """

    scale: Float[Array, "..."]

    def __init__(self, scale: ArrayLike | Sequence[float] = 10.0):
        self.scale = jnp.asarray(scale, dtype=float)

    def constrain(self, free: Vector) -> Vector:
        """The same."""
        return free

    def release(self, parameters: Vector) -> Vector:
        """The same."""
        return parameters

    def log_density(self, free: Vector) -> Float[Array, ""]:
        """Of the Gaussians."""
        return -0.5 * jnp.sum(jnp.square(free / self.scale_of(free)))

    def scale_of(self, free: Vector) -> Vector:
        """The standard deviations."""
        return jnp.broadcast_to(self.scale.astype(free.dtype), free.shape)

    def centre_of(self, free: Vector) -> Vector:
        """0."""
        return jnp.zeros_like(free)


class Signed(AbstractPrior):
    """Half-Gaussians: the sign of each parameter is known, or left open.

    A parameter of known sign is `sign * exp(free)`; where it is left open it is free as
    in `Normal`. Use it where nobody would dispute the sign: a collision costs.

    Args:
        signs: 1, -1, or 0 for open, `[parameter]`.
        scale: standard deviation of the Gaussian that is halved, reward units per unit
            of the feature.

    Raises:
        ValueError: for any other sign.

    Example:
        >>> Signed([1, -1, 0]).constrain(jnp.zeros(3)).tolist()
        [1.0, -1.0, 0.0]
    """

    signs: tuple[int, ...] = eqx.field(static=True)
    scale: Float[Array, "..."]

    def __init__(self, signs: Sequence[int], scale: ArrayLike | Sequence[float] = 10.0):
        self.signs = tuple(signs)
        self.scale = jnp.asarray(scale, dtype=float)

    def __check_init__(self):
        if any(sign not in (-1, 0, 1) for sign in self.signs):
            raise ValueError(f"a sign is 1, -1 or 0 (open), not one of {self.signs}.")

    def _signs(self, free: Vector) -> Vector:
        if free.shape != (len(self.signs),):
            raise ValueError(
                f"the prior knows {len(self.signs)} signs, the reward has "
                f"{free.shape[0]} parameters: give one sign for each."
            )
        return jnp.asarray(self.signs, dtype=free.dtype)

    def constrain(self, free: Vector) -> Vector:
        """The exponential, with its sign."""
        signs = self._signs(free)
        return jnp.where(signs == 0, free, signs * jnp.exp(free))

    def release(self, parameters: Vector) -> Vector:
        """The logarithm of the size; what has the wrong sign begins near 0."""
        signs = self._signs(parameters)
        size = jnp.where(signs * parameters > 0, signs * parameters, 1e-3)
        return jnp.where(signs == 0, parameters, jnp.log(size))

    def log_density(self, free: Vector) -> Float[Array, ""]:
        """Of the half-Gaussians, on the free scale (with the slope of `exp`)."""
        signs = self._signs(free)
        scale = self.scale.astype(free.dtype)
        inside = -0.5 * jnp.square(self.constrain(free) / scale)
        return jnp.sum(inside + jnp.where(signs == 0, 0.0, free))

    def scale_of(self, free: Vector) -> Vector:
        """Of the logarithm of a half-Gaussian, or of an open parameter itself."""
        # The variance of log |z| for a standard Gaussian z is pi^2 / 8.
        half = jnp.pi / (2.0 * jnp.sqrt(2.0))
        scale = jnp.broadcast_to(self.scale.astype(free.dtype), free.shape)
        return jnp.where(self._signs(free) == 0, scale, half)

    def centre_of(self, free: Vector) -> Vector:
        """Of the logarithm of a half-Gaussian, or 0."""
        # E log |z| = -(Euler's constant + log 2) / 2 for a standard Gaussian z.
        half = jnp.log(self.scale) - 0.5 * (np.euler_gamma + np.log(2.0))
        centre = jnp.broadcast_to(half.astype(free.dtype), free.shape)
        return jnp.where(self._signs(free) == 0, 0.0, centre)
