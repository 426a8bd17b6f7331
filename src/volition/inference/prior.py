"""Priors over rewards."""

import abc
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.stats import norm
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

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
        """Of a point of the free scale."""

    @abc.abstractmethod
    def sample(
        self, key: PRNGKeyArray, n_samples: int, like: Vector
    ) -> Float[Array, "sample parameter"]:
        """Draws on the free scale, of as many parameters as a vector has."""

    @abc.abstractmethod
    def scale_of(self, free: Vector) -> Vector:
        """How far each free coordinate may go: its standard deviation."""

    def stretch(self, size: Vector, free: Vector) -> Vector:
        """How far on the free scale a move of the parameters by so much is, about.

        Args:
            size: of the move, in units of each parameter, above 0.
            free: from where.
        """
        del free
        return size


class Normal(AbstractPrior):
    """Independent Gaussians.

    Args:
        scale: standard deviation, reward units per unit of the feature; one number, or
            one for each parameter.
        mean: what they are centred on, such as the weights of a reward that somebody
            wrote; one number, or one for each parameter.

    Example:
        >>> round(float(Normal(2.0).log_density(jnp.array([2.0]))), 6)
        -2.112086
    """

    scale: Float[Array, "..."]
    mean: Float[Array, "..."]

    def __init__(
        self,
        scale: ArrayLike | Sequence[float] = 10.0,
        mean: ArrayLike | Sequence[float] = 0.0,
    ):
        self.scale = jnp.asarray(scale, dtype=float)
        self.mean = jnp.asarray(mean, dtype=float)

    def constrain(self, free: Vector) -> Vector:
        """The same."""
        return free

    def release(self, parameters: Vector) -> Vector:
        """The same."""
        return parameters

    def log_density(self, free: Vector) -> Float[Array, ""]:
        """Of the Gaussians."""
        return jnp.sum(norm.logpdf(free, self._centre(free), self.scale_of(free)))

    def sample(
        self, key: PRNGKeyArray, n_samples: int, like: Vector
    ) -> Float[Array, "sample parameter"]:
        """Gaussian draws."""
        drawn = jax.random.normal(key, (n_samples, *like.shape), dtype=like.dtype)
        return self._centre(like)[None] + self.scale_of(like)[None] * drawn

    def _centre(self, free: Vector) -> Vector:
        return jnp.broadcast_to(self.mean.astype(free.dtype), free.shape)

    def scale_of(self, free: Vector) -> Vector:
        """The standard deviations."""
        return jnp.broadcast_to(self.scale.astype(free.dtype), free.shape)


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
        # A ten-thousandth of the prior: near 0 whatever the unit.
        near = 1e-4 * jnp.broadcast_to(self.scale.astype(signs.dtype), signs.shape)
        size = jnp.where(signs * parameters > 0, signs * parameters, near)
        return jnp.where(signs == 0, parameters, jnp.log(size))

    def log_density(self, free: Vector) -> Float[Array, ""]:
        """Of the half-Gaussians, on the free scale (with the slope of `exp`)."""
        signs = self._signs(free)
        scale = jnp.broadcast_to(self.scale.astype(free.dtype), free.shape)
        inside = norm.logpdf(self.constrain(free), scale=scale)
        return jnp.sum(inside + jnp.where(signs == 0, 0.0, free + jnp.log(2.0)))

    def sample(
        self, key: PRNGKeyArray, n_samples: int, like: Vector
    ) -> Float[Array, "sample parameter"]:
        """Gaussian draws; of a known sign, the logarithm of their size."""
        scale = jnp.broadcast_to(self.scale.astype(like.dtype), like.shape)[None]
        drawn = jax.random.normal(key, (n_samples, *like.shape), dtype=like.dtype)
        known = (self._signs(like) != 0)[None]
        drawn = scale * drawn
        return jnp.where(known, jnp.log(jnp.abs(drawn)), drawn)

    def scale_of(self, free: Vector) -> Vector:
        """Of the logarithm of a half-Gaussian, or of an open parameter itself."""
        # The variance of log |z| for a standard Gaussian z is pi^2 / 8.
        half = jnp.pi / (2.0 * jnp.sqrt(2.0))
        scale = jnp.broadcast_to(self.scale.astype(free.dtype), free.shape)
        return jnp.where(self._signs(free) == 0, scale, half)

    def stretch(self, size: Vector, free: Vector) -> Vector:
        """A factor of e where the sign is known, which depends on no unit."""
        return jnp.where(self._signs(free) == 0, size, 1.0)
