"""One of several options: best of k, and what people say by doing."""

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


class OneOf(AbstractAnswer):
    """The choice of one option among several, or a batch of such choices.

    What the options are makes the kind of feedback; see `best_of`, `correction`,
    `approval`, `demonstrated` and `proxy_reward`.

    Args:
        options: the option set, `[option, time]`.
        choice: the one chosen, or `UNANSWERED`.
        person: number of who chose; `NOBODY` where that is not known.
        question: number of the question; equal numbers mean the same question;
            `UNNUMBERED` until a data set numbers it.
        seconds: how long it took; NaN where that is not known.

    Source: H. J. Jeon, S. Milli, A. Dragan, "Reward-rational (implicit) choice", arXiv
    2002.04833, equation 2 and table 1.
    """

    options: Segment
    choice: Int[ArrayLike, "*batch"]
    person: Int[ArrayLike, "*batch"]
    question: Int[ArrayLike, "*batch"]
    seconds: Float[ArrayLike, "*batch"]

    def said(self) -> tuple[str, int]:
        """The choice, of as many as there are options."""
        return "choice", jnp.shape(self.options.weight)[-2]

    def stages(self, judge: AbstractJudge) -> Float[Array, "stage choice"]:
        """Of each option: one stage."""
        worth = jax.vmap(judge.value)(self.options)
        return judge.among(worth, jnp.ones(worth.shape, dtype=bool))[None]

    def weights(self, n_choices: int) -> Float[Array, "stage choice"]:
        """The choice."""
        return marks(self.choice, n_choices)[None]

    def sample(self, key: PRNGKeyArray, judge: AbstractJudge) -> "OneOf":
        """Chosen by a simulated person."""
        choice = draw(key, self.stages(judge)[0])
        return eqx.tree_at(lambda answer: answer.choice, self, choice)


def best_of(
    options: Segment,
    choice: int = UNANSWERED,
    *,
    person: int = NOBODY,
    question: int = UNNUMBERED,
    seconds: float = jnp.nan,
) -> OneOf:
    """The best of several segments.

    Args:
        options: at least two, leaves `[option, time]`.
        choice: number of the best; -1 where it was not said yet.
        person: number of who answered.
        question: number of the question; a data set numbers it if left out.
        seconds: how long it took.

    Raises:
        ValueError: for fewer than two options, or a choice that is none of them.

    Example:
        >>> from volition import env, human, policy, reward
        >>> paths = policy.rollout(
        ...     jax.random.key(0),
        ...     env.delivery(),
        ...     policy.Random(4),
        ...     n_segments=4,
        ...     length=3,
        ... )
        >>> judge = human.Boltzmann().judge(reward.delivery_true())
        >>> judge.log_probs(best_of(paths)).shape
        (4,)
    """
    n_options = check_options(options, 2, "a choice of the best")
    if not UNANSWERED <= choice < n_options:
        raise ValueError(
            f"the best of {n_options} is in 0 to {n_options - 1}, not {choice}."
        )
    return OneOf(
        options=options,
        choice=whole(choice),
        person=whole(person),
        question=whole(question),
        seconds=time(seconds),
    )


def correction(
    original: Segment,
    corrected: Segment,
    *,
    person: int = NOBODY,
    question: int = UNNUMBERED,
    seconds: float = jnp.nan,
) -> OneOf:
    """What should have been done, chosen over what was done.

    Both run from the moment at which the person took over, for the same length.

    Args:
        original: what was done from there on, a single segment.
        corrected: what the person did instead.
        person: number of who corrected.
        question: number of the question; a data set numbers it if left out.
        seconds: how long it took.

    Returns:
        The choice of option 1, the correction, over option 0.

    Raises:
        ValueError: where the two are of different lengths.

    Example:
        >>> from volition import env, human, reward
        >>> from volition.feedback import follow
        >>> world = env.delivery()
        >>> start = jnp.int32(79)  # above the goal
        >>> away = follow(world, start, jnp.array([0]))
        >>> into = follow(world, start, jnp.array([1]))
        >>> judge = human.Boltzmann().judge(reward.delivery_true())
        >>> bool(judge.log_prob(correction(away, into)) > -1e-9)
        True

    Source: Jeon et al., arXiv 2002.04833, table 1, "improvement".
    """
    options = _beside(original, corrected)
    return best_of(options, 1, person=person, question=question, seconds=seconds)


def approval(
    shown: Segment,
    expected: Segment,
    approves: bool,
    *,
    person: int = NOBODY,
    question: int = UNNUMBERED,
    seconds: float = jnp.nan,
) -> OneOf:
    """Approval or disapproval of what was shown, beside what was to be expected.

    Of a moment, where both are one step long.

    Args:
        shown: a single segment.
        expected: what would usually have happened instead, of the same length.
        approves: whether the person approved.
        person: number of who did.
        question: number of the question; a data set numbers it if left out.
        seconds: how long it took.

    Returns:
        The choice of option 1, what was shown, or option 0, what was expected.

    Raises:
        ValueError: where the two are of different lengths.

    Example:
        >>> from volition import env, human, reward
        >>> from volition.feedback import follow
        >>> world = env.delivery()
        >>> moves = [follow(world, jnp.int32(79), jnp.array([a])) for a in (0, 1)]
        >>> judge = human.Boltzmann().judge(reward.delivery_true())
        >>> bool(judge.log_prob(approval(*moves, approves=True)) < -50.0)
        True

    Source: Jeon et al., arXiv 2002.04833, table 1, "reward and punishment".
    """
    options, choice = _beside(expected, shown), int(approves)
    return best_of(options, choice, person=person, question=question, seconds=seconds)


def _beside(other: Segment, one: Segment) -> Segment:
    lengths = jnp.shape(other.weight), jnp.shape(one.weight)
    if lengths[0] != lengths[1] or len(lengths[0]) != 1:
        raise ValueError(
            f"what is chosen between has the shapes {lengths[0]} and {lengths[1]}: "
            "give two single segments, [time], of the same length."
        )
    return jax.tree.map(lambda a, b: jnp.stack([a, b]), other, one)


def proxy_reward(
    occupancies: Segment,
    choice: int = UNANSWERED,
    *,
    person: int = NOBODY,
    question: int = UNNUMBERED,
) -> OneOf:
    """A designer's choice of a reward, by what optimising it does where it was tested.

    The designer wrote this reward *for that environment*: it says which of the
    behaviours that rewards could have brought about there was wanted, and nothing of
    what never came up there (inverse reward design).

    Args:
        occupancies: for each reward that could have been written, the expected visits
            of its optimal policy in the training world, as a weighted bag of
            transitions, `[option, transition]`; see `volition.human.optimal_bags`.
        choice: number of the reward that was written.
        person: number of the designer.
        question: number of the training world; a data set numbers it if left out.

    Raises:
        ValueError: for fewer than two, or a choice that is none of them.

    Example:
        >>> from volition import env, human, reward
        >>> world = env.delivery(discount=0.9)
        >>> weights = jnp.array([[-1.0, 50, -50, 1, -1, -2], [-1.0, 0, 0, 1, -1, -2]])
        >>> candidates = jax.vmap(lambda w: reward.Linear(world.feature_names, w))
        >>> bags = human.optimal_bags(world, candidates(weights))
        >>> judge = human.Boltzmann().judge(reward.delivery_true())
        >>> int(jnp.argmax(judge.log_probs(proxy_reward(bags))))  # it names the goal
        0

    Source: D. Hadfield-Menell et al., "Inverse reward design", NeurIPS 2017,
    equation 4, with the normaliser over the rewards that could have been written.
    """
    return best_of(occupancies, choice, person=person, question=question)
