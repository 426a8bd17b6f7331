"""Optimisers: how a network follows its gradients."""

import abc
from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, ArrayLike, Int, PyTree

from volition.value.schedule import AbstractSchedule, as_schedule

Parameters = TypeVar("Parameters", bound=PyTree)


class AbstractOptimiser(eqx.Module):
    """Steps along the gradient, which is cut to a greatest norm first."""

    step_size: eqx.AbstractVar[AbstractSchedule]
    max_gradient: eqx.AbstractVar[ArrayLike]

    @abc.abstractmethod
    def scale(self) -> optax.GradientTransformation:
        """What becomes of the gradient before it is multiplied with the step size."""

    def begin(self, parameters: PyTree) -> tuple[Array, ...]:
        """What it remembers, as plain arrays that can be saved."""
        return tuple(jax.tree.leaves(self.scale().init(parameters)))

    def step(
        self,
        parameters: Parameters,
        gradient: PyTree,
        memory: tuple[Array, ...],
        step: Int[Array, ""],
    ) -> tuple[Parameters, tuple[Array, ...]]:
        """The parameters after one step, and what is remembered.

        Args:
            parameters: a pytree of 32-bit floats.
            gradient: of the same shape.
            memory: as `begin` made it.
            step: of learning, by which the step size goes.
        """
        scale = self.scale()
        structure = jax.tree.structure(jax.eval_shape(scale.init, parameters))
        state = jax.tree.unflatten(structure, memory)
        with jax.numpy_dtype_promotion("standard"):
            norm = optax.global_norm(gradient)
            limit = jnp.asarray(self.max_gradient, dtype=jnp.float32)
            cut = jnp.minimum(1.0, limit / jnp.maximum(norm, 1e-12))
            gradient = jax.tree.map(lambda leaf: leaf * cut, gradient)
            updates, state = scale.update(gradient, state, parameters)
        size = self.step_size(step).astype(jnp.float32)
        moved = jax.tree.map(lambda leaf, by: leaf - size * by, parameters, updates)
        return moved, tuple(jax.tree.leaves(state))


class Adam(AbstractOptimiser):
    """Adam: each gradient relative to the root of its running mean square.

    Args:
        step_size: a number, or a schedule over steps of learning.
        max_gradient: norm to which a longer gradient is cut.

    Source: D. P. Kingma, J. Ba, arXiv 1412.6980, algorithm 1.
    """

    step_size: AbstractSchedule = eqx.field(converter=as_schedule, default=3e-4)
    max_gradient: ArrayLike = 10.0

    def scale(self) -> optax.GradientTransformation:
        """Adam's."""
        return optax.scale_by_adam()


class RAdam(AbstractOptimiser):
    """Rectified Adam, which waits until its running mean square can be trusted.

    Args:
        step_size: a number, or a schedule over steps of learning.
        max_gradient: norm to which a longer gradient is cut.

    Source: L. Liu et al., arXiv 1908.03265, algorithm 2.
    """

    step_size: AbstractSchedule = eqx.field(converter=as_schedule, default=5e-4)
    max_gradient: ArrayLike = 10.0

    def scale(self) -> optax.GradientTransformation:
        """Rectified Adam's."""
        return optax.scale_by_radam()
