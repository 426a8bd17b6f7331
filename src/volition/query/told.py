"""A judge who is told what options are worth, and need not look at them."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from volition.env import Transition
from volition.feedback import AbstractJudge, Segment


def labelled(worth: Float[Array, "option 1"]) -> Segment:
    """Stand-ins for segments, of one step each, whose weight is their worth."""
    ends = jnp.zeros(worth.shape, dtype=bool)
    nothing = jnp.zeros((*worth.shape, 0), dtype=worth.dtype)
    return Segment(Transition(None, None, None, nothing, ends), worth, ~ends)


class Told(AbstractJudge):
    """Another judge, who values `labelled` stand-ins at what they carry.

    So a question about segments whose worth is known is answered by the same code as
    one about segments themselves.

    Args:
        judge: who answers.
    """

    judge: AbstractJudge

    def value(self, option: Segment) -> Float[Array, ""]:
        """What the stand-in carries."""
        # A sum of one: to take the first entry would move the axis of the batch, and
        # what is computed from it would take three times as long.
        return jnp.sum(option.weight)

    def pair(self, worth: Float[Array, "option=2"]) -> Float[Array, " choice"]:
        """The judge's."""
        return self.judge.pair(worth)

    def among(
        self, worth: Float[Array, " option"], present: Bool[Array, " option"]
    ) -> Float[Array, " option"]:
        """The judge's."""
        return self.judge.among(worth, present)

    def level(self, worth: Float[Array, ""], n_levels: int) -> Float[Array, " level"]:
        """The judge's."""
        return self.judge.level(worth, n_levels)

    def degree(self, ahead: Float[Array, ""], n_degrees: int) -> Float[Array, " level"]:
        """The judge's."""
        return self.judge.degree(ahead, n_degrees)

    def act(self, segment: Segment) -> Float[Array, "time action"]:
        """The judge's."""
        return self.judge.act(segment)

    def arrive(
        self, initial: Float[Array, " state"], n_steps: int
    ) -> Float[Array, " state"]:
        """The judge's."""
        return self.judge.arrive(initial, n_steps)

    def demonstrate(self, key: PRNGKeyArray, segment: Segment) -> Segment:
        """The judge's."""
        return self.judge.demonstrate(key, segment)
