"""Scores: every candidate by a rule, from one table of what each segment is worth."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from volition.feedback import NOBODY, Dataset, Segment
from volition.human import Judge
from volition.inference import Posterior, Result
from volition.query.candidates import AbstractCandidates
from volition.query.rule import AbstractRule, Seen
from volition.query.told import labelled, told

# Numbers in flight for each option: half a megabyte in 32 bits, which stays in the
# second-level cache, and 1,300 blocks of the thousand trajectories' pairs at most.
IN_FLIGHT = 2**17
# Differences in worth below this share of the largest are rounding in 32 bits.
ROUNDING = 2.0**-20


def lean(belief: Posterior) -> Posterior:
    """The same belief without the answers and how it was found.

    These change with every answer, and programs would be compiled anew.
    """
    problem = eqx.tree_at(
        lambda problem: problem.answers,
        belief.problem,
        Dataset.empty(),
    )
    return Posterior(problem, belief.mode, belief.belief, Result(True, "", 0.0, {}))


def worths(
    key: PRNGKeyArray, belief: Posterior, segments: Segment, n_samples: int
) -> Float[Array, "sample segment"]:
    """What each segment is worth under each of the rewards drawn from a belief.

    Args:
        key: consumed.
        belief: over rewards and people.
        segments: `[segment, time]`.
        n_samples: rewards drawn.
    """
    judges = belief.sample_judges(key, n_samples)
    # Of linear rewards a product of matrices; a few samples at a time, as steps of all
    # segments under all samples may be more than memory holds.
    n_steps = max(1, segments.weight.size)
    at_once = max(1, min(n_samples, 8 * IN_FLIGHT // n_steps))

    def under(judge: Judge) -> Float[Array, " segment"]:
        return jax.vmap(judge.value)(segments)

    return jax.lax.map(under, judges, batch_size=at_once)


def scores_of(
    key: PRNGKeyArray,
    worth: Float[Array, "sample segment"],
    candidates: AbstractCandidates,
    rule: AbstractRule,
    judge: Judge,
    person: Int[Array, ""],
) -> tuple[Float[Array, " candidate"], Bool[Array, " candidate"]]:
    """The score of each candidate, and whether its options differ under any sample.

    In blocks, so that memory stays bounded whatever the number of candidates.

    Args:
        key: of the random number of each candidate.
        worth: of each segment of the pool under each sample, reward units.
        candidates: what could be asked.
        rule: what makes a question good.
        judge: how worth becomes an answer.
        person: number of who is asked.
    """
    worth = _single(worth, candidates.relative)
    by_segment, n_samples = worth.T, worth.shape[0]
    n_candidates, n_options = candidates.members.shape
    noise = jnp.max(jnp.abs(worth)) * ROUNDING
    seconds = candidates.seconds.astype(worth.dtype)
    blank = candidates.question(labelled(worth[0, :n_options, None]))
    asked = eqx.tree_at(lambda question: question.person, blank, person)
    person_asked = told(judge).by(asked)

    def log_probs(worth: Float[Array, "option 1"]) -> Float[Array, " choice"]:
        question = candidates.question(labelled(worth))
        return only_stage(question.stages(person_asked))

    def one(candidate):
        members, chance = candidate
        mine = by_segment[members]
        seen = Seen(
            worth=mine,
            log_probs=jax.vmap(log_probs, -1, -1)(mine[:, None, :]),
            decisions=worth,
            seconds=seconds,
            chance=chance,
        )
        apart = jnp.max(jnp.abs(mine - mine[:1]))
        return rule.score(seen), (apart > noise) | (n_options == 1)

    chance = jax.random.uniform(key, (n_candidates,), dtype=worth.dtype)
    at_once = max(1, min(n_candidates, IN_FLIGHT // n_samples))
    return jax.lax.map(one, (candidates.members, chance), batch_size=at_once)


def score_one(
    worth: Float[Array, "sample option"],
    candidates: AbstractCandidates,
    rule: AbstractRule,
    judge: Judge,
) -> Float[Array, ""]:
    """The score of a single candidate, about all of its options in their order.

    Args:
        worth: of each option under each sample, reward units.
        candidates: of one kind, with one candidate.
        rule: what makes a question good.
        judge: how worth becomes an answer.
    """
    key, nobody = jax.random.key(0), jnp.int32(NOBODY)
    return scores_of(key, worth, candidates, rule, judge, nobody)[0][0]


def likeness(
    question: Float[Array, "option sample"],
    candidates: AbstractCandidates,
    worth: Float[Array, "sample segment"],
) -> Float[Array, " candidate"]:
    """How much each candidate is like a question: the greatest correlation.

    Args:
        question: worth of its options under each sample.
        candidates: what could be asked.
        worth: of each segment of their pool under the same samples.
    """
    by_segment, n_samples = worth.T, worth.shape[0]
    contrasts = contrasts_of(question)
    at_once = max(1, min(candidates.n_candidates, IN_FLIGHT // n_samples))

    def one(members: Int[Array, " option"]) -> Float[Array, ""]:
        return jnp.max(jnp.abs(contrasts_of(by_segment[members]) @ contrasts.T))

    return jax.lax.map(one, candidates.members, batch_size=at_once)


def contrasts_of(
    worth: Float[Array, "option sample"],
) -> Float[Array, "contrast sample"]:
    """The differences in worth that a question is about, around 0 and of length 1.

    Of a single option, its worth. Where samples do not differ there is none: zeros.
    """
    n_options = worth.shape[0]
    one, other = np.triu_indices(n_options, 1)
    between = worth if n_options == 1 else worth[one] - worth[other]
    between = between - jnp.mean(between, axis=1, keepdims=True)
    length = jnp.linalg.norm(between, axis=1, keepdims=True)
    return jnp.where(length > 0, between / jnp.where(length > 0, length, 1.0), 0.0)


def only_stage(stages: Float[Array, "stage choice"]) -> Float[Array, " choice"]:
    """The answers to a question that is answered at once.

    Raises:
        ValueError: for several choices in a row.
    """
    if stages.shape[0] != 1:
        raise ValueError(
            f"such a question is answered by {stages.shape[0]} choices in a row, too "
            "many together to list: ask for the best of several instead."
        )
    return stages[0]


def _single(worth: Float[Array, "sample segment"], relative: bool):
    """In 32 bits, half the time; what all have in common is taken off before."""
    if relative:
        worth = worth - jnp.mean(worth, axis=1, keepdims=True)
    return worth.astype(jnp.float32)
