"""Stand-ins for segments whose worth is known, and a judge who goes by it."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from volition.env import Transition
from volition.feedback import Segment
from volition.human import Judge


def labelled(worth: Float[Array, "option 1"]) -> Segment:
    """Stand-ins for segments, of one step each, whose weight is their worth."""
    ends = jnp.zeros(worth.shape, dtype=bool)
    nothing = jnp.zeros((*worth.shape, 0), dtype=worth.dtype)
    return Segment(Transition(None, None, None, nothing, ends), worth, ~ends)


def told(judge: Judge) -> Judge:
    """The same person, who values such stand-ins at what they carry.

    So a question about segments whose worth is known is answered by the same code as
    one about segments themselves. In 32 bits, as scores are.
    """

    def single(leaf):
        return leaf.astype(jnp.float32) if eqx.is_inexact_array(leaf) else leaf

    choice = jax.tree.map(single, judge.choice)
    return Judge(jax.tree_util.Partial(_label), choice)


def _label(option: Segment) -> Float[Array, ""]:
    # A sum of one: to take the first entry would move the axis of the batch, and what
    # is computed from it would take three times as long.
    return jnp.sum(option.weight)
