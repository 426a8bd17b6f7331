"""Segments: windows of fixed length of what happened."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PyTree

from volition.env import Transition


class Segment(eqx.Module):
    """A window of fixed length of what happened, or a batch of such windows.

    Where the episode terminated inside the window, the rest is absorbing: the state
    stays, `weight` is 0, so that it has no features and no reward. Where a time limit
    cut it off, the rest is padding: `present` is False. Either way the last entry says
    where the window ended and whether that was an end of the episode.

    Args:
        transition: leaves with a leading axis `[time]` (batches: `[batch, time]`).
        weight: 1 for a step that was made, 0 behind the end, `[time]`.
        present: False for padding, `[time]`.
    """

    transition: Transition
    weight: Float[Array, "*batch time"]
    present: Bool[Array, "*batch time"]

    @property
    def length(self) -> int:
        """Steps in the window."""
        return self.weight.shape[-1]

    @property
    def start(self) -> PyTree:
        """The state in which a single (not batched) window begins."""
        return jax.tree.map(lambda leaf: leaf[0], self.transition.state)

    @property
    def end(self) -> PyTree:
        """The state in which a single (not batched) window ends."""
        return jax.tree.map(lambda leaf: leaf[-1], self.transition.next_state)

    @property
    def ended(self) -> Bool[Array, ""]:
        """Whether the episode of a single (not batched) window terminated in it."""
        return jnp.asarray(self.transition.terminated)[-1]
