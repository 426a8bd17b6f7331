"""A judge who is told what options are worth, and need not look at them."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from volition.env import Transition
from volition.feedback import AbstractJudge, Segment


def labelled(worth: Float[Array, " option"]) -> Segment:
    """Stand-ins for segments, each of which carries its worth, `[option, 1]`."""
    n_options = worth.shape[0]
    nothing = jnp.zeros((n_options, 1, 0), dtype=worth.dtype)
    ends = jnp.zeros((n_options, 1), dtype=bool)
    step = Transition(None, None, None, nothing, ends)
    return Segment(step, worth[:, None], ~ends)


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
        return option.weight[0]

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
