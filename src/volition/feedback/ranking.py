"""Rankings: several segments in order, or only the best few of them."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Int, PRNGKeyArray

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


class Ranking(AbstractAnswer):
    """Segments in order, the best first, or a batch of such rankings.

    A ranking is a row of choices of the best of what is left (Plackett-Luce):

    `P(order) = product over places j of P(order_j is the best of those not before it)`

    Args:
        options: in the order shown, `[option, time]`.
        order: number of the best, the second best, and so on, as many as were asked
            for; `UNANSWERED` where nothing was said, `[place]`.
        person: number of who ranked; `NOBODY` where that is not known.
        question: number of the question; equal numbers mean the same question;
            `UNNUMBERED` until a data set numbers it.
        seconds: how long it took; NaN where that is not known.

    Source: R. L. Plackett, "The analysis of permutations", 1975.
    """

    options: Segment
    order: Int[ArrayLike, "*batch place"]
    person: Int[ArrayLike, "*batch"]
    question: Int[ArrayLike, "*batch"]
    seconds: Float[ArrayLike, "*batch"]

    def said(self) -> tuple[str, int]:
        """The order, each place of as many as there are options."""
        return "order", jnp.shape(self.options.weight)[-2]

    def stages(self, judge: AbstractJudge) -> Float[Array, "stage choice"]:
        """Of what is left at each place."""
        worth = jax.vmap(judge.value)(self.options)
        taken = marks(self.order, worth.shape[0])
        before = jnp.cumsum(taken, axis=0) - taken
        return jax.vmap(judge.among, (None, 0))(worth, before == 0)

    def weights(self, n_choices: int) -> Float[Array, "stage choice"]:
        """The one chosen at each place."""
        return marks(self.order, n_choices)

    def sample(self, key: PRNGKeyArray, judge: AbstractJudge) -> "Ranking":
        """Ranked by a simulated person, the best first."""
        worth = jax.vmap(judge.value)(self.options)

        def choose(left: Bool[Array, " option"], key: PRNGKeyArray):
            best = draw(key, judge.among(worth, left))
            return left.at[best].set(False), best

        keys = jax.random.split(key, jnp.shape(self.order)[0])
        _, order = jax.lax.scan(choose, jnp.ones(worth.shape, dtype=bool), keys)
        return eqx.tree_at(lambda answer: answer.order, self, order)


def ranking(
    options: Segment,
    order: Sequence[int] | None = None,
    *,
    n_places: int | None = None,
    person: int = NOBODY,
    question: int = UNNUMBERED,
    seconds: float = jnp.nan,
) -> Ranking:
    """A ranking, checked; or the question for one, where the order is left out.

    Args:
        options: at least two segments, leaves `[option, time]`.
        order: numbers of the options, the best first; not all of them need be ranked.
        n_places: how many are asked for where the order is left out; all if left out.
        person: number of who ranked.
        question: number of the question; a data set numbers it if left out.
        seconds: how long it took.

    Raises:
        ValueError: where an option is named twice, or there is none of that number.

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
        >>> judge.sample(jax.random.key(1), ranking(paths, n_places=2)).order.shape
        (2,)
    """
    n_options = check_options(options, 2, "a ranking")
    if order is None:
        n_places = n_options - 1 if n_places is None else n_places
        if not 1 <= n_places <= n_options:
            raise ValueError(
                f"n_places = {n_places} is not in 1 to {n_options}, the options."
            )
        order = [UNANSWERED] * n_places
    elif (
        not order
        or len(set(order)) < len(order)
        or not set(order) <= set(range(n_options))
    ):
        raise ValueError(
            f"the order {list(order)} must name some of the {n_options} options, 0 to "
            f"{n_options - 1}, each once."
        )
    return Ranking(
        options=options,
        order=jnp.asarray(order, dtype=jnp.int32),
        person=whole(person),
        question=whole(question),
        seconds=time(seconds),
    )
