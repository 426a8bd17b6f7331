"""Rewards of a size that learners with networks like."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from volition.feedback import Dataset, Segment
from volition.reward import AbstractReward, Scaled


def of_size_one(reward: AbstractReward, answers: Dataset) -> Scaled:
    """A reward whose root mean square is 1 over the steps that were asked about.

    Nothing is added to it, as that would change what an end is worth.

    Args:
        reward: of any size; one that is 0 everywhere stays so.
        answers: of one kind, whose options are segments.
    """
    options = asked_about(answers)
    size = float(jnp.sqrt(_mean_square(reward, options)))
    return Scaled(reward, 1.0 / size if size > 0 else 1.0)


def asked_about(answers: Dataset) -> Segment:
    """The segments that were asked about, `[answer, option, time]`.

    Args:
        answers: of one kind, whose options are segments.
    """
    (batch,) = answers.batches
    said: Any = batch.answers
    # Room for further answers is filled with copies of the first.
    return eqx.tree_at(
        lambda made: made.weight,
        said.options,
        jnp.where(batch.present[:, None, None], said.options.weight, 0.0),
    )


@eqx.filter_jit
def _mean_square(reward: AbstractReward, options: Segment) -> Float[Array, ""]:
    each = jax.vmap(jax.vmap(jax.vmap(reward)))(options.transition)
    weight = options.weight
    squares = jnp.sum(jnp.where(weight > 0, jnp.square(each), 0.0))
    return squares / jnp.maximum(jnp.sum(weight > 0), 1).astype(squares.dtype)
