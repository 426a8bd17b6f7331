"""Comparisons: which of two segments is better, or neither."""

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
    chosen,
    draw,
    marks,
    time,
    whole,
)
from volition.policy import Segment

# What can be answered. "Cannot tell" says nothing about worth; it is kept, and counts
# for the quality of the question.
FIRST, SECOND, TIE, CANNOT_TELL = range(4)


class Comparison(AbstractAnswer):
    """One answer to "which of these two is better?", or a batch of answers.

    A person who never ties (`volition.human.BradleyTerry`) may still be given ties:
    each counts as half of either answer, `(log P(first) + log P(second)) / 2`, the
    usual baseline, which is no probability of a tie.

    Args:
        options: the two segments in the order shown, `[option, time]`.
        choice: `FIRST`, `SECOND`, `TIE`, `CANNOT_TELL`, or `UNANSWERED`.
        person: number of who answered; `NOBODY` where that is not known.
        question: number of the question; equal numbers mean the same question;
            `UNNUMBERED` until a data set numbers it.
        seconds: how long the answer took; NaN where that is not known.

    Source: H. J. Jeon, S. Milli, A. Dragan, "Reward-rational (implicit) choice", arXiv
    2002.04833, table 1; ties as half as in P. Christiano et al., 2017, section 2.2.3.
    """

    options: Segment
    choice: Int[ArrayLike, "*batch"]
    person: Int[ArrayLike, "*batch"]
    question: Int[ArrayLike, "*batch"]
    seconds: Float[ArrayLike, "*batch"]

    def said(self) -> tuple[str, int]:
        """The choice: first, second, a tie, or cannot tell."""
        return "choice", 4

    def stages(self, judge: AbstractJudge) -> Float[Array, "stage choice"]:
        """Of first, second, and what else the person answers: one stage."""
        worth = jax.vmap(judge.value)(self.options)
        return judge.pair(worth)[None]

    def weights(self, n_choices: int) -> Float[Array, "stage choice"]:
        """The choice; a tie in halves where the person never ties."""
        choice = jnp.asarray(self.choice)
        halves = jnp.where((choice == TIE) & (n_choices <= TIE), jnp.full((), 0.5), 0.0)
        return (marks(choice, n_choices) + halves)[None]

    def sample(self, key: PRNGKeyArray, judge: AbstractJudge) -> "Comparison":
        """Answered by a simulated person."""
        choice_key, wait_key = jax.random.split(key)
        log_probs = self.stages(judge)[0]
        choice, seconds = draw(choice_key, log_probs), judge.wait(wait_key, log_probs)
        where = lambda answer: (answer.choice, answer.seconds)
        return eqx.tree_at(where, self, (choice, seconds))

    def log_prob(self, judge: AbstractJudge) -> Float[Array, ""]:
        """Log-likelihood of a single answer, and of how long it took if that counts."""
        log_probs = self.stages(judge)[0]
        choice = jnp.asarray(self.choice)
        decided = (choice == FIRST) | (choice == SECOND)
        seconds = jnp.where(decided, jnp.asarray(self.seconds), jnp.nan)
        return chosen(self, judge) + judge.hesitate(log_probs, seconds)


def comparison(
    options: Segment,
    choice: int = UNANSWERED,
    *,
    person: int = NOBODY,
    question: int = UNNUMBERED,
    seconds: float = jnp.nan,
) -> Comparison:
    """A single answer, checked; or a question, where the choice is left out.

    Args:
        options: two segments, leaves `[option, time]`.
        choice: 0 the first, 1 the second, 2 a tie, 3 cannot tell, -1 not answered yet.
        person: number of who answered.
        question: number of the question; a data set numbers it if left out.
        seconds: how long it took.

    Raises:
        ValueError: for any other choice, or not two options.

    Example:
        >>> from volition import env, policy
        >>> pair = policy.rollout(
        ...     jax.random.key(0),
        ...     env.delivery(),
        ...     policy.Random(4),
        ...     n_segments=2,
        ...     length=3,
        ... )
        >>> int(comparison(pair, SECOND).choice)
        1
    """
    if choice not in (UNANSWERED, FIRST, SECOND, TIE, CANNOT_TELL):
        raise ValueError(f"a choice is 0, 1, 2 (tie) or 3 (cannot tell), not {choice}.")
    if options.weight.ndim != 2 or options.weight.shape[0] != 2:
        raise ValueError(
            "a comparison has two options, [option, time], not an array of shape "
            f"{options.weight.shape}."
        )
    return Comparison(
        options=options,
        choice=whole(choice),
        person=whole(person),
        question=whole(question),
        seconds=time(seconds),
    )
