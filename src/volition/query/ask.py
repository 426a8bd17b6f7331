"""The verb `ask`: which question to ask next."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from volition.expect import expect, expect_key
from volition.feedback import NOBODY, AbstractAnswer
from volition.inference import Posterior
from volition.query.candidates import AbstractCandidates
from volition.query.rule import AbstractRule, InformationGain
from volition.query.score import lean, likeness, scores_of, worths

Kinds = AbstractCandidates | Sequence[AbstractCandidates]


def ask(
    key: PRNGKeyArray,
    belief: Posterior,
    candidates: Kinds,
    rule: AbstractRule | None = None,
    *,
    n_samples: int = 100,
    person: int = NOBODY,
) -> AbstractAnswer:
    """The best question to ask next: an answer that is not given yet.

    `argmax over candidates of score(worth and P(answer) under rewards drawn from the
    belief)`. Of equal scores the first is asked.

    Args:
        key: consumed.
        belief: what is known.
        candidates: what could be asked; several kinds may be given.
        rule: `InformationGain()` if left out.
        n_samples: rewards drawn from the belief, at least 2.
        person: number of who is asked, where people differ.

    Raises:
        ValueError: for fewer samples, no candidates, or segments of another world.

    Example:
        >>> from volition import env, feedback, fit, human, policy, query, reward
        >>> world = env.delivery()
        >>> draw, choose = jax.random.split(jax.random.key(0))
        >>> random = policy.Random(4)
        >>> pool = policy.rollout(draw, world, random, n_segments=9, length=3)
        >>> weights = reward.Linear(world.feature_names)
        >>> belief = fit(weights, human.Boltzmann(), feedback.Dataset.empty())
        >>> question = ask(choose, belief, query.pairs(pool))
        >>> question.options.weight.shape, int(question.choice)
        ((2, 3), -1)

    Source: the rules', each. Differs: every rule chooses among the same candidates, and
    none asks about options that are worth the same under every sample.
    """
    expect_key(key)
    expect_belief(belief)
    kinds, rule = _kinds(candidates, n_samples), _default(rule)
    keys, asked = jax.random.split(key, len(kinds)), jnp.int32(person)
    found = [
        _best(one_key, lean(belief), one, rule, n_samples, asked)
        for one_key, one in zip(keys, kinds, strict=True)
    ]
    # A question about options of the same worth comes after every other.
    ranks = [(bool(apart), float(score)) for _, apart, score in found]
    return found[ranks.index(max(ranks))][0]


def scores(
    key: PRNGKeyArray,
    belief: Posterior,
    candidates: AbstractCandidates,
    rule: AbstractRule | None = None,
    *,
    n_samples: int = 100,
    person: int = NOBODY,
) -> Float[Array, " candidate"]:
    """The score of every candidate of one kind, in the unit of the rule.

    Args:
        key: consumed; the same as `ask` uses for a single kind.
        belief: what is known.
        candidates: what could be asked.
        rule: `InformationGain()` if left out.
        n_samples: rewards drawn from the belief, at least 2.
        person: number of who is asked, where people differ.
    """
    expect_key(key)
    expect_belief(belief)
    (one,), (only,) = _kinds(candidates, n_samples), jax.random.split(key, 1)
    rule, asked = _default(rule), jnp.int32(person)
    return _scores(only, lean(belief), one, rule, n_samples, asked)[0]


def ask_several(
    key: PRNGKeyArray,
    belief: Posterior,
    candidates: Kinds,
    rule: AbstractRule | None = None,
    *,
    n_questions: int,
    too_like: float = 0.9,
    n_samples: int = 100,
    person: int = NOBODY,
) -> tuple[AbstractAnswer, ...]:
    """A batch of good questions, no two of them nearly the same.

    Greedy: the best, then the best of those that are not like any chosen, and so on.
    Two questions are alike by the greatest correlation, over samples, of a difference
    in worth between options of the one with one of the other; 1 for the same question
    with its options swapped. Where all are alike, the least alike is taken.

    Args:
        key: consumed.
        belief: what is known.
        candidates: what could be asked; several kinds may be given.
        rule: `InformationGain()` if left out.
        n_questions: how many, at most the number of candidates.
        too_like: correlation above which questions are nearly the same, in `(0, 1]`.
        n_samples: rewards drawn from the belief, at least 2.
        person: number of who is asked, where people differ.

    Raises:
        ValueError: for more questions than candidates, or none.

    Source: greedy with exclusion as in E. Bıyık, D. Sadigh, "Batch active
    preference-based learning of reward functions", CoRL 2018, section 4.3 (successive
    elimination). Differs: likeness by what the samples see, not by features.
    """
    expect_key(key)
    expect_belief(belief)
    kinds, rule = _kinds(candidates, n_samples), _default(rule)
    n_all = sum(one.n_candidates for one in kinds)
    if not 1 <= n_questions <= n_all:
        raise ValueError(
            f"there are {n_all} candidates: ask for 1 to {n_all} questions, not "
            f"{n_questions}."
        )
    if not 0.0 < too_like <= 1.0:
        raise ValueError(f"too_like = {too_like} must be in (0, 1].")
    # The same rewards for all kinds, so that questions of two kinds can be compared.
    (only,), asked = jax.random.split(key, 1), jnp.int32(person)
    seen = [_scores(only, lean(belief), one, rule, n_samples, asked) for one in kinds]
    score, apart = (np.concatenate([each[part] for each in seen]) for part in (0, 1))
    begin = np.cumsum([0, *(one.n_candidates for one in kinds)])
    alike, left, chosen = np.zeros(n_all), np.ones(n_all, dtype=bool), []
    for _ in range(n_questions):
        fresh = left & apart & (alike <= too_like)
        # Where nothing is fresh, the least alike; the same options last of all.
        rest = np.where(left, alike + 2.0 * ~apart, np.inf)
        best = (
            np.where(fresh, score, -np.inf).argmax() if fresh.any() else rest.argmin()
        )
        left[best] = False
        kind = int(np.searchsorted(begin, best, side="right")) - 1
        row = jnp.int32(best - begin[kind])
        chosen.append(_question(kinds[kind], row, asked))
        new = [
            _likeness(kinds[kind], row, seen[kind][2], one, each[2])
            for one, each in zip(kinds, seen, strict=True)
        ]
        alike = np.maximum(alike, np.concatenate(new))
    return tuple(chosen)


def expect_belief(belief: Any) -> None:
    """Raise where a value is no posterior."""
    remedy = "give the posterior that vl.fit returned"
    expect(belief, Posterior, "the belief", remedy)


def _default(rule: AbstractRule | None) -> AbstractRule:
    if rule is not None:
        such = "give one, such as vl.query.InformationGain()"
        expect(rule, AbstractRule, "the rule", such)
    return InformationGain() if rule is None else rule


def _kinds(candidates: Kinds, n_samples: int) -> tuple[AbstractCandidates, ...]:
    if n_samples < 2:
        raise ValueError(f"n_samples = {n_samples}: one reward cannot be in doubt.")
    if isinstance(candidates, AbstractCandidates):
        return (candidates,)
    remedy = "give candidates, such as vl.query.pairs(segments)"
    expect(candidates, (tuple, list), "what could be asked", remedy)
    if len(candidates) == 0:
        raise ValueError("there is nothing to choose from: give candidates.")
    for one in candidates:
        expect(one, AbstractCandidates, "a kind of candidates", remedy)
    return tuple(candidates)


@eqx.filter_jit
def _scores(key, belief, candidates, rule, n_samples, person):
    """Scores, whether options differ, and the worth of each segment."""
    draw_key, chance_key = jax.random.split(key)
    worth = worths(draw_key, belief, candidates.segments, n_samples)
    judge = belief.human.judge(belief.mean)
    found = scores_of(chance_key, worth, candidates, rule, judge, person)
    return *found, worth


@eqx.filter_jit
def _best(key, belief, candidates, rule, n_samples, person):
    """The best question of a kind, whether its options differ, and its score."""
    score, apart, _ = _scores(key, belief, candidates, rule, n_samples, person)
    row = jnp.argmax(jnp.where(apart, score, -jnp.inf))
    return _question(candidates, row, person), apart[row], score[row]


@eqx.filter_jit
def _question(candidates, row, person) -> AbstractAnswer:
    question = candidates.at(row)
    return eqx.tree_at(lambda asked: asked.person, question, person)


@eqx.filter_jit
def _likeness(candidates, row, worth, others, theirs):
    return likeness(worth[:, candidates.members[row]].T, others, theirs)
