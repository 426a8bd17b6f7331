"""Stops: when a person pulled the plug."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int, PRNGKeyArray

from volition.feedback.answer import (
    NOBODY,
    UNANSWERED,
    UNNUMBERED,
    AbstractAnswer,
    AbstractJudge,
    draw,
    marks,
    time,
    whole,
)
from volition.policy import Segment


class Stop(AbstractAnswer):
    """After how many steps a person stopped what happened, or a batch of such stops.

    The options are all the ways to stop it, and to let it run to its end. What was
    stopped is over: from there on it pays nothing, as behind an end.

    Args:
        shown: what happens if nobody stops it, `[time]`.
        after: steps that were let happen, from 0 to the length of the segment, where
            it was not stopped at all; or `UNANSWERED`.
        person: number of who watched; `NOBODY` where that is not known.
        question: number of the question; equal numbers mean the same question;
            `UNNUMBERED` until a data set numbers it.
        seconds: how long it took; NaN where that is not known.

    Source: Jeon et al., arXiv 2002.04833, table 1, "off". Differs: there the state in
    which it was stopped is repeated for the rest of the time; here the rest is
    absorbing, as in every segment, and the person may stop at any step.
    """

    shown: Segment
    after: Int[ArrayLike, "*batch"]
    person: Int[ArrayLike, "*batch"]
    question: Int[ArrayLike, "*batch"]
    seconds: Float[ArrayLike, "*batch"]

    def said(self) -> tuple[str, int]:
        """The steps let happen: from none to all."""
        return "after", jnp.shape(self.shown.weight)[-1] + 1

    def stages(self, judge: AbstractJudge) -> Float[Array, "stage choice"]:
        """Of stopping after 0 steps, after 1, ... and not at all: one stage."""
        n_steps = self.shown.weight.shape[0]
        after = jnp.arange(n_steps + 1, dtype=jnp.int32)
        worth = jax.vmap(lambda n: judge.value(stopped(self.shown, n)))(after)
        return judge.among(worth, jnp.ones(worth.shape, dtype=bool))[None]

    def weights(self, n_choices: int) -> Float[Array, "stage choice"]:
        """The number of steps."""
        return marks(self.after, n_choices)[None]

    def sample(self, key: PRNGKeyArray, judge: AbstractJudge) -> "Stop":
        """Stopped by a simulated person."""
        after = draw(key, self.stages(judge)[0])
        return eqx.tree_at(lambda answer: answer.after, self, after)


def stopped(segment: Segment, after: Int[ArrayLike, ""]) -> Segment:
    """A single segment that ends after so many steps, the rest being absorbing."""
    steps = jnp.arange(segment.weight.shape[0], dtype=jnp.int32)
    kept = steps < jnp.asarray(after, dtype=jnp.int32)
    terminated = jnp.asarray(segment.transition.terminated)
    return eqx.tree_at(
        lambda cut: (cut.weight, cut.transition.terminated),
        segment,
        (jnp.where(kept, segment.weight, 0.0), terminated | ~kept),
    )


def stop(
    shown: Segment,
    after: int = UNANSWERED,
    *,
    person: int = NOBODY,
    question: int = UNNUMBERED,
    seconds: float = jnp.nan,
) -> Stop:
    """A stop, checked; or the question, where nothing was said yet.

    Args:
        shown: a single segment, leaves `[time]`.
        after: steps that were let happen; its length where it was not stopped.
        person: number of who watched.
        question: number of the question; a data set numbers it if left out.
        seconds: how long it took.

    Raises:
        ValueError: for more steps than there are, or more than one segment.

    Example:
        >>> from volition import env, human, policy, reward
        >>> path = policy.episode(
        ...     jax.random.key(1), env.delivery(), policy.Random(4), 3
        ... )
        >>> judge = human.Boltzmann().judge(reward.delivery_true())
        >>> judge.log_probs(stop(path)).shape  # after 0, 1, 2 steps, or not
        (4,)
    """
    if jnp.ndim(shown.weight) != 1:
        raise ValueError(
            "one segment is stopped, [time], not an array of shape "
            f"{jnp.shape(shown.weight)}."
        )
    if not UNANSWERED <= after <= shown.weight.shape[0]:
        raise ValueError(
            f"after = {after} steps is not in 0 to {shown.weight.shape[0]}, the "
            "segment's length."
        )
    return Stop(
        shown=shown,
        after=whole(after),
        person=whole(person),
        question=whole(question),
        seconds=time(seconds),
    )
