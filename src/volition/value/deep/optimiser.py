"""Optimisers: how a network follows its gradients."""

import abc
from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int

from volition.value.schedule import AbstractSchedule, as_schedule

if TYPE_CHECKING:
    import optax


class AbstractOptimiser(eqx.Module):
    """Steps along the gradient, which is cut to a greatest norm first."""

    step_size: eqx.AbstractVar[AbstractSchedule]
    max_gradient: eqx.AbstractVar[ArrayLike]

    @abc.abstractmethod
    def scale(self) -> "optax.GradientTransformation":
        """What becomes of the gradient before it is multiplied with the step size."""

    def begin(self, row: Float[Array, " parameter"]) -> tuple[Array, ...]:
        """What it remembers, as plain arrays that can be saved.

        Args:
            row: all parameters in one row, `jax.flatten_util.ravel_pytree`, so that a
                step is a few operations, whatever the number of layers.
        """
        return tuple(jax.tree.leaves(self.scale().init(row)))

    def step(
        self,
        row: Float[Array, " parameter"],
        gradient: Float[Array, " parameter"],
        memory: tuple[Array, ...],
        step: Int[ArrayLike, ""],
    ) -> tuple[Float[Array, " parameter"], tuple[Array, ...]]:
        """The parameters after one step, and what is remembered.

        Args:
            row: the parameters.
            gradient: of them.
            memory: as `begin` made it.
            step: of learning, by which the step size goes.
        """
        scale = self.scale()
        structure = jax.tree.structure(jax.eval_shape(scale.init, row))
        state = jax.tree.unflatten(structure, memory)
        limit = jnp.asarray(self.max_gradient, dtype=row.dtype)
        norm = jnp.sqrt(jnp.sum(gradient**2))
        gradient = gradient * (limit / jnp.maximum(norm, limit))
        with jax.numpy_dtype_promotion("standard"):
            update, state = scale.update(gradient, state, row)
            update = jnp.asarray(update)
        size = self.step_size(jnp.asarray(step)).astype(row.dtype)
        return row - size * update, tuple(jax.tree.leaves(state))


class Adam(AbstractOptimiser):
    """Adam: each gradient relative to the root of its running mean square.

    Args:
        step_size: a number, or a schedule over steps of learning.
        max_gradient: norm to which a longer gradient is cut.

    Source: D. P. Kingma, J. Ba, arXiv 1412.6980, algorithm 1.
    """

    step_size: AbstractSchedule = eqx.field(converter=as_schedule, default=3e-4)
    max_gradient: ArrayLike = 10.0

    def scale(self) -> "optax.GradientTransformation":
        """Adam's."""
        import optax

        return optax.scale_by_adam()


class RAdam(AbstractOptimiser):
    """Rectified Adam, which waits until its running mean square can be trusted.

    Args:
        step_size: a number, or a schedule over steps of learning.
        max_gradient: norm to which a longer gradient is cut.

    Source: L. Liu et al., arXiv 1908.03265, algorithm 2.
    """

    step_size: AbstractSchedule = eqx.field(converter=as_schedule, default=1e-3)
    max_gradient: ArrayLike = 10.0

    def scale(self) -> "optax.GradientTransformation":
        """Rectified Adam's."""
        import optax

        return optax.scale_by_radam()
