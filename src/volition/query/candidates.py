"""Candidates: what could be asked about a pool of segments."""

import abc
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int, PRNGKeyArray

from volition.feedback import (
    AbstractAnswer,
    Segment,
    best_of,
    comparison,
    rating,
    strength,
)

Members = Int[Array, "candidate option"]


class AbstractCandidates(eqx.Module):
    """Questions of one kind about a pool of segments.

    The pool is kept once and a question names its options by number, so that what each
    segment is worth is computed once, however many questions it is part of.
    """

    segments: eqx.AbstractVar[Segment]
    members: eqx.AbstractVar[Members]
    seconds: eqx.AbstractVar[Float[Array, ""]]

    @abc.abstractmethod
    def question(self, options: Segment) -> AbstractAnswer:
        """The question about some options, `[option, time]`, not answered yet."""

    @property
    @abc.abstractmethod
    def relative(self) -> bool:
        """Whether only differences in worth matter, as between options shown."""

    def __check_init__(self):
        shape = jnp.shape(self.segments.weight)
        if len(shape) != 2:
            raise ValueError(
                "a pool of segments has leaves [segment, time], not an array of shape "
                f"{shape}."
            )
        if self.members.shape[0] == 0:
            raise ValueError("there is nothing to choose from: give a larger pool.")

    @property
    def n_candidates(self) -> int:
        """How many questions there are."""
        return self.members.shape[0]

    def at(self, row: Int[ArrayLike, ""]) -> AbstractAnswer:
        """One of the questions, with its segments."""
        members = self.members[row]
        return self.question(jax.tree.map(lambda leaf: leaf[members], self.segments))


class Pairs(AbstractCandidates):
    """Which of two segments is better? Made by `pairs`.

    Args:
        segments: the pool, `[segment, time]`.
        members: numbers of first and second, `[candidate, 2]`.
        seconds: that an answer takes the person.
    """

    segments: Segment
    members: Members
    seconds: Float[Array, ""]

    def question(self, options: Segment) -> AbstractAnswer:
        """A comparison."""
        return comparison(options)

    @property
    def relative(self) -> bool:
        """Yes."""
        return True


class BestOf(AbstractCandidates):
    """Which of several segments is the best? Made by `choices`.

    Args:
        segments: the pool, `[segment, time]`.
        members: numbers of the options, `[candidate, option]`.
        seconds: that an answer takes the person.
    """

    segments: Segment
    members: Members
    seconds: Float[Array, ""]

    def question(self, options: Segment) -> AbstractAnswer:
        """A choice of the best."""
        return best_of(options)

    @property
    def relative(self) -> bool:
        """Yes."""
        return True


class Ratings(AbstractCandidates):
    """How good is this segment? Made by `ratings`.

    Args:
        segments: the pool, `[segment, time]`.
        members: number of the segment, `[candidate, 1]`.
        seconds: that an answer takes the person.
        n_levels: of the scale.
    """

    segments: Segment
    members: Members
    seconds: Float[Array, ""]
    n_levels: int = eqx.field(static=True)

    def question(self, options: Segment) -> AbstractAnswer:
        """A rating."""
        alone = jax.tree.map(lambda leaf: leaf[0], options)
        return rating(alone, n_levels=self.n_levels)

    @property
    def relative(self) -> bool:
        """No: a level stands for a worth."""
        return False


class Strengths(AbstractCandidates):
    """Which of two segments is better, and by how much? Made by `strengths`.

    Args:
        segments: the pool, `[segment, time]`.
        members: numbers of first and second, `[candidate, 2]`.
        seconds: that an answer takes the person.
        n_degrees: of the scale.
    """

    segments: Segment
    members: Members
    seconds: Float[Array, ""]
    n_degrees: int = eqx.field(static=True)

    def question(self, options: Segment) -> AbstractAnswer:
        """A graded comparison."""
        return strength(options, n_degrees=self.n_degrees)

    @property
    def relative(self) -> bool:
        """Yes."""
        return True


def pairs(
    pool: Segment,
    *,
    n_pairs: int | None = None,
    key: PRNGKeyArray | None = None,
    seconds: float = 1.0,
) -> Pairs:
    """All pairs of a pool of segments, or some of them drawn at random.

    Args:
        pool: at least two segments, `[segment, time]`.
        n_pairs: how many; all `n (n - 1) / 2` if left out.
        key: which pairs, where not all are taken.
        seconds: that an answer takes the person, above 0; see `PerSecond`.

    Raises:
        ValueError: for fewer than two segments, more pairs than there are, or some
            pairs without a key.

    Example:
        >>> from volition import env, policy
        >>> pool = policy.rollout(
        ...     jax.random.key(0),
        ...     env.delivery(),
        ...     policy.Random(4),
        ...     n_segments=5,
        ...     length=3,
        ... )
        >>> pairs(pool).n_candidates
        10
    """
    members = _combinations(pool, 2, n_pairs, key)
    return Pairs(pool, members, _positive(seconds))


def choices(
    pool: Segment,
    *,
    n_options: int,
    n_choices: int,
    key: PRNGKeyArray,
    seconds: float = 1.0,
) -> BestOf:
    """Questions for the best of several segments, drawn at random.

    Args:
        pool: at least as many segments as options, `[segment, time]`.
        n_options: in each question, at least 2.
        n_choices: how many questions.
        key: which segments.
        seconds: that an answer takes the person, above 0.

    Raises:
        ValueError: for fewer segments than options, or more questions than there are.
    """
    members = _combinations(pool, n_options, n_choices, key)
    return BestOf(pool, members, _positive(seconds))


def ratings(pool: Segment, *, n_levels: int = 5, seconds: float = 1.0) -> Ratings:
    """A question for the rating of each segment of a pool.

    Args:
        pool: `[segment, time]`.
        n_levels: of the scale, at least 2.
        seconds: that an answer takes the person, above 0.
    """
    everyone = jnp.arange(_size(pool, 1), dtype=jnp.int32)[:, None]
    return Ratings(pool, everyone, _positive(seconds), n_levels)


def strengths(
    pool: Segment,
    *,
    n_degrees: int = 5,
    n_pairs: int | None = None,
    key: PRNGKeyArray | None = None,
    seconds: float = 1.0,
) -> Strengths:
    """As `pairs`, but it is also asked by how much.

    Args:
        pool: at least two segments, `[segment, time]`.
        n_degrees: of the scale, at least 2.
        n_pairs: how many; all if left out.
        key: which pairs, where not all are taken.
        seconds: that an answer takes the person, above 0.
    """
    members = _combinations(pool, 2, n_pairs, key)
    return Strengths(pool, members, _positive(seconds), n_degrees)


def _size(pool: Segment, least: int) -> int:
    shape = jnp.shape(pool.weight)
    if len(shape) != 2 or shape[0] < least:
        raise ValueError(
            f"the pool must hold at least {least} segments, [segment, time], not an "
            f"array of shape {shape}."
        )
    return shape[0]


def _positive(seconds: float) -> Float[Array, ""]:
    if not 0.0 < seconds < math.inf:
        raise ValueError(f"an answer takes more than 0 seconds, not {seconds}.")
    return jnp.asarray(seconds, dtype=float)


def _combinations(
    pool: Segment, n_options: int, n_wanted: int | None, key: PRNGKeyArray | None
) -> Members:
    """Sets of different segments, each set at most once."""
    if n_options < 2:
        raise ValueError(f"a question has at least two options, not {n_options}.")
    n_segments = _size(pool, n_options)
    n_all = math.comb(n_segments, n_options)
    if n_wanted is None:
        return jnp.asarray(np.stack(np.triu_indices(n_segments, 1), 1, dtype=np.int32))
    if not 1 <= n_wanted <= n_all:
        raise ValueError(
            f"{n_segments} segments make {n_all} sets of {n_options}: ask for 1 to "
            f"{n_all} of them, not {n_wanted}."
        )
    if key is None:
        raise ValueError("which questions are taken is drawn at random: give a key.")
    generator = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    ranks = generator.choice(n_all, n_wanted, replace=False)
    return jnp.asarray(_unrank(ranks, n_segments, n_options))


def _unrank(ranks: np.ndarray, n_segments: int, n_options: int) -> np.ndarray:
    """The sets of that rank in colexicographic order, `[rank, option]`.

    The rank of `c_1 < ... < c_k` is the sum of the binomials `(c_i over i)`, so that no
    list of all sets is needed.

    Source: D. E. Knuth, "The art of computer programming" 4A, section 7.2.1.3,
    theorem L.
    """
    members = np.empty((len(ranks), n_options), dtype=np.int32)
    left = ranks.astype(np.int64)
    for place in range(n_options, 0, -1):
        below = np.array([math.comb(c, place) for c in range(n_segments + 1)])
        members[:, place - 1] = np.searchsorted(below, left, side="right") - 1
        left = left - below[members[:, place - 1]]
    return members
