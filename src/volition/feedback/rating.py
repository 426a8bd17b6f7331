"""Ratings: how good a segment is, and how much better one is than another."""

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
    check_options,
    draw,
    marks,
    time,
    whole,
)
from volition.policy import Segment


class Rating(AbstractAnswer):
    """How good a segment is on a scale of levels, or a batch of such ratings.

    With two levels: a thumb up or down.

    Args:
        option: the segment, `[time]`.
        level: from 0, the worst; or `UNANSWERED`.
        person: number of who rated; `NOBODY` where that is not known.
        question: number of the question; equal numbers mean the same question;
            `UNNUMBERED` until a data set numbers it.
        seconds: how long it took; NaN where that is not known.
        n_levels: of the scale, at least 2.
    """

    option: Segment
    level: Int[ArrayLike, "*batch"]
    person: Int[ArrayLike, "*batch"]
    question: Int[ArrayLike, "*batch"]
    seconds: Float[ArrayLike, "*batch"]
    n_levels: int = eqx.field(static=True)

    def said(self) -> tuple[str, int]:
        """The level."""
        return "level", self.n_levels

    def stages(self, judge: AbstractJudge) -> Float[Array, "stage choice"]:
        """Of each level: one stage."""
        return judge.level(judge.value(self.option), self.n_levels)[None]

    def weights(self, n_choices: int) -> Float[Array, "stage choice"]:
        """The level."""
        return marks(self.level, n_choices)[None]

    def sample(self, key: PRNGKeyArray, judge: AbstractJudge) -> "Rating":
        """Rated by a simulated person."""
        level = draw(key, self.stages(judge)[0])
        return eqx.tree_at(lambda answer: answer.level, self, level)


class Strength(AbstractAnswer):
    """Which of two segments is better, and by how much, or a batch of such answers.

    Args:
        options: the two segments in the order shown, `[option, time]`.
        degree: from 0, the first is far better, to `n_degrees - 1`, the second is far
            better; the one in the middle of an odd number is a tie. Or `UNANSWERED`.
        person: number of who answered; `NOBODY` where that is not known.
        question: number of the question; equal numbers mean the same question;
            `UNNUMBERED` until a data set numbers it.
        seconds: how long it took; NaN where that is not known.
        n_degrees: of the scale, at least 2.
    """

    options: Segment
    degree: Int[ArrayLike, "*batch"]
    person: Int[ArrayLike, "*batch"]
    question: Int[ArrayLike, "*batch"]
    seconds: Float[ArrayLike, "*batch"]
    n_degrees: int = eqx.field(static=True)

    def said(self) -> tuple[str, int]:
        """The degree."""
        return "degree", self.n_degrees

    def stages(self, judge: AbstractJudge) -> Float[Array, "stage choice"]:
        """Of each degree: one stage."""
        worth = jax.vmap(judge.value)(self.options)
        return judge.degree(worth[1] - worth[0], self.n_degrees)[None]

    def weights(self, n_choices: int) -> Float[Array, "stage choice"]:
        """The degree."""
        return marks(self.degree, n_choices)[None]

    def sample(self, key: PRNGKeyArray, judge: AbstractJudge) -> "Strength":
        """Answered by a simulated person."""
        degree = draw(key, self.stages(judge)[0])
        return eqx.tree_at(lambda answer: answer.degree, self, degree)


def rating(
    option: Segment,
    level: int = UNANSWERED,
    *,
    n_levels: int = 5,
    person: int = NOBODY,
    question: int = UNNUMBERED,
    seconds: float = jnp.nan,
) -> Rating:
    """A rating, checked; or the question for one, where the level is left out.

    Args:
        option: a single segment, leaves `[time]`.
        level: from 0, the worst, to `n_levels - 1`, the best.
        n_levels: of the scale, at least 2.
        person: number of who rated.
        question: number of the question; a data set numbers it if left out.
        seconds: how long it took.

    Raises:
        ValueError: for a level that the scale does not have, or more than one segment.

    Example:
        >>> from volition import env, human, policy, reward
        >>> path = policy.episode(
        ...     jax.random.key(1), env.delivery(), policy.Random(4), 3
        ... )
        >>> person = human.Boltzmann(choice=human.Graded(human.Davidson()))
        >>> judge = person.judge(reward.delivery_true())
        >>> judge.log_probs(rating(path, n_levels=3)).shape
        (3,)
    """
    if jnp.ndim(option.weight) != 1:
        raise ValueError(
            "a rating is of one segment, [time], not of an array of shape "
            f"{jnp.shape(option.weight)}."
        )
    _check_scale("level", level, n_levels)
    return Rating(
        option=option,
        level=whole(level),
        n_levels=n_levels,
        person=whole(person),
        question=whole(question),
        seconds=time(seconds),
    )


def strength(
    options: Segment,
    degree: int = UNANSWERED,
    *,
    n_degrees: int = 5,
    person: int = NOBODY,
    question: int = UNNUMBERED,
    seconds: float = jnp.nan,
) -> Strength:
    """How much better one of two is, checked; or the question, without the degree.

    Args:
        options: two segments, leaves `[option, time]`.
        degree: from 0, the first is far better, to `n_degrees - 1`, the second is.
        n_degrees: of the scale, at least 2.
        person: number of who answered.
        question: number of the question; a data set numbers it if left out.
        seconds: how long it took.

    Raises:
        ValueError: for a degree that the scale does not have, or not two options.

    Example:
        >>> from volition import env, human, policy, reward
        >>> pair = policy.rollout(
        ...     jax.random.key(0),
        ...     env.delivery(),
        ...     policy.Random(4),
        ...     n_segments=2,
        ...     length=3,
        ... )
        >>> person = human.Boltzmann(choice=human.Graded(human.Davidson()))
        >>> judge = person.judge(reward.delivery_true())
        >>> judge.log_probs(strength(pair)).shape
        (5,)
    """
    n_options = check_options(options, 2, "a comparison by degrees")
    if n_options != 2:
        raise ValueError(f"a comparison by degrees has 2 options, not {n_options}.")
    _check_scale("degree", degree, n_degrees)
    return Strength(
        options=options,
        degree=whole(degree),
        n_degrees=n_degrees,
        person=whole(person),
        question=whole(question),
        seconds=time(seconds),
    )


def _check_scale(name: str, said: int, n: int) -> None:
    if n < 2 or not UNANSWERED <= said < n:
        raise ValueError(
            f"{name} = {said} is not on a scale of {n}: give 0 to n - 1, with n at "
            "least 2."
        )
