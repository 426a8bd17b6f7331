"""A check of the contract of human models."""

import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, PRNGKeyArray

from volition import record
from volition.feedback import CANNOT_TELL, Batch, Dataset, comparison
from volition.human import AbstractHuman
from volition.inference import Normal, Problem
from volition.policy import Segment
from volition.reward import AbstractReward

_WORDS = ("first", "second", "tie", "cannot tell")  # in the order of the answer codes


class _Heard(eqx.Module):
    """What a person answers to a question, and how likely each answer is."""

    alone: Float[Array, " answer"]
    batch: Float[Array, "order answer"]
    each: Float[Array, " code"]
    slopes: Float[Array, "code free"]
    drawn: Int[Array, " sample"]


def check_human(
    human: AbstractHuman,
    reward: AbstractReward,
    question: Segment,
    *,
    key: PRNGKeyArray | None = None,
    n_samples: int = 2000,
) -> None:
    """Check that a human model keeps the contract that everything here relies on.

    It compiles, and in a batch judges as it does alone; the probabilities of the
    answers that it lists add up to 1, and are those that `log_prob` gives; "cannot
    tell" has log-likelihood 0; the slopes of the log-likelihood in the reward and in
    the person's parameters are finite; a simulated person answers as often as the
    probabilities say, within 4 standard errors; written as JSON and read back, it gives
    the same values bit for bit.

    Args:
        human: what to check.
        reward: what the person wants.
        question: two segments, leaves `[option, time]`.
        key: of the simulated answers; default `jax.random.key(0)`.
        n_samples: how many of them, at least 1.

    Raises:
        ValueError: for the first thing that is wrong, in a sentence that says what,
            where, and what to do.

    Example:
        >>> from volition import env, human, policy, reward
        >>> world = env.delivery()
        >>> pair = policy.rollout(
        ...     jax.random.key(1), world, policy.Random(4), n_segments=2, length=3
        ... )
        >>> check_human(human.Boltzmann(), reward.delivery_true(), pair)
    """
    comparison(question, 0)
    keys = jax.random.split(jax.random.key(0) if key is None else key, n_samples)
    _check_kind(human, reward, question)
    heard = _listen(human, reward, question, keys)
    _check_sum(heard.alone)
    _check_batch(heard)
    _check_each(heard)
    _check_slopes(heard.slopes)
    _check_samples(heard.alone, heard.drawn)
    text = json.dumps(record.to_json(human))
    back = record.from_json(json.loads(text), trust=record.foreign_parts(human))
    again = _listen(back, reward, question, keys).alone
    if np.asarray(again).tobytes() != np.asarray(heard.alone).tobytes():
        raise ValueError(
            f"the log-probabilities are {heard.alone} before and {again} after the "
            "human was written to JSON and read back: keep everything that they depend "
            "on in its fields."
        )


@eqx.filter_jit
def _hear(
    human: AbstractHuman,
    reward: AbstractReward,
    question: Segment,
    keys: Key[Array, " sample"],
) -> _Heard:
    judge = human.judge(reward)
    both = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf[::-1]]), question)
    asked = comparison(question)
    answers = jax.tree.map(
        lambda leaf: jnp.broadcast_to(leaf, (len(_WORDS), *leaf.shape)), asked
    )
    codes = jnp.arange(len(_WORDS), dtype=jnp.int32)
    answers = eqx.tree_at(lambda answer: answer.choice, answers, codes)
    # Not by Dataset.of, which works on the host: this is traced.
    batch = Batch(answers, jnp.ones(len(_WORDS), dtype=bool))
    problem = Problem(reward, human, Dataset((batch,)), Normal())
    return _Heard(
        judge.log_probs(asked),
        jax.vmap(lambda options: judge.log_probs(comparison(options)))(both),
        problem.each_log_likelihood(problem.start),
        jax.jacrev(problem.each_log_likelihood)(problem.start),
        jnp.asarray(jax.vmap(judge.sample, (0, None))(keys, asked).choice),
    )


def _listen(
    human: AbstractHuman,
    reward: AbstractReward,
    question: Segment,
    keys: Key[Array, " sample"],
) -> _Heard:
    try:
        return _hear(human, reward, question, keys)
    except Exception as error:
        raise ValueError(
            f"the human cannot be compiled, batched and differentiated "
            f"({_first_line(error)}): write it for one question, in jax.numpy, without "
            "Python branches on values."
        ) from error


def _check_kind(
    human: AbstractHuman, reward: AbstractReward, question: Segment
) -> None:
    try:
        told = eqx.filter_eval_shape(
            lambda: human.judge(reward).log_probs(comparison(question)),
        )
    except Exception as error:
        raise ValueError(
            f"the human cannot be traced ({_first_line(error)}): write it for one "
            "question, in jax.numpy, without Python branches on values."
        ) from error
    shape, dtype = getattr(told, "shape", ()), getattr(told, "dtype", np.dtype(bool))
    if len(shape) != 1 or shape[0] < 2 or not jnp.issubdtype(dtype, jnp.floating):
        raise ValueError(
            f"log_probs of one question is {told}: return a floating-point vector, an "
            "entry for each answer that can be given."
        )


def _check_sum(log_probs: Float[Array, " answer"]) -> None:
    total = float(jnp.sum(jnp.exp(log_probs)))
    # Half the digits: sums of probabilities round.
    if not abs(total - 1.0) <= float(jnp.sqrt(jnp.finfo(log_probs.dtype).eps)):
        raise ValueError(
            f"the probabilities of the answers add up to {total}: normalise them, in "
            "log space, over all answers that log_probs lists."
        )


def _check_batch(heard: _Heard) -> None:
    alone, batch = np.asarray(heard.alone), np.asarray(heard.batch)[0]
    if not np.allclose(alone, batch, rtol=np.sqrt(np.finfo(alone.dtype).eps)):
        raise ValueError(
            f"the log-probabilities of a question are {alone} alone and {batch} in a "
            "batch: let them depend on nothing but the question."
        )


def _check_each(heard: _Heard) -> None:
    listed = heard.alone.shape[0] > CANNOT_TELL
    if not listed and float(heard.each[CANNOT_TELL]) != 0.0:
        raise ValueError(
            f'"cannot tell" has the log-likelihood {float(heard.each[CANNOT_TELL])}: '
            "return 0 for it, as it says nothing about worth."
        )
    rtol = float(jnp.sqrt(jnp.finfo(heard.alone.dtype).eps))
    for word, listed, said in zip(_WORDS, heard.alone, heard.each, strict=False):
        if not np.allclose(listed, said, rtol=rtol):
            raise ValueError(
                f"the answer {word!r} has the log-probability {float(listed)} by "
                f"log_probs and {float(said)} by log_prob: compute one from the other."
            )


def _check_slopes(slopes: Float[Array, "code free"]) -> None:
    wrong = ~np.isfinite(np.asarray(slopes))
    if wrong.any():
        code, free = np.argwhere(wrong)[0]
        raise ValueError(
            f"the slope of log P({_WORDS[code]}) in free parameter {free} (those of "
            "the reward, then the person's) is not finite: guard the division, the "
            "root or the logarithm that it comes from."
        )


def _check_samples(
    log_probs: Float[Array, " answer"], drawn: Int[Array, " sample"]
) -> None:
    choices, expected = np.asarray(drawn), np.exp(np.asarray(log_probs))
    if ((choices < 0) | (choices >= len(expected))).any():
        raise ValueError(
            f"the simulated person gives answers from {choices.min()} to "
            f"{choices.max()}, log_probs lists {len(expected)}: draw from log_probs."
        )
    shares = np.bincount(choices, minlength=len(expected)) / len(choices)
    error = np.sqrt(expected * (1.0 - expected) / len(choices))
    # And one answer more or less, as the count of a rare one is not Gaussian.
    far = np.abs(shares - expected) > 4.0 * error + 1.0 / len(choices)
    if far.any():
        code = int(np.argmax(far))
        raise ValueError(
            f"the simulated person answers {_WORDS[code]!r} in a share of "
            f"{shares[code]:.3g}, log_probs says {expected[code]:.3g}: draw from "
            "log_probs."
        )


def _first_line(error: Exception) -> str:
    message = str(error).strip().split("\n")[0]
    return f"{type(error).__name__}: {message}"
