"""Answers: choices that a person made, in one or several stages."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Int, PRNGKeyArray

from volition.policy import Segment

NOBODY = -1  # the person when it is not known who answered
UNNUMBERED = -1  # the question until a data set gives it a number
UNANSWERED = -1  # what is said where nothing was said yet: an answer that is a question


class AbstractJudge(eqx.Module):
    """A person who knows a reward, as answers ask them: see `volition.human.Judge`.

    An answer says which of these it was chosen by; the person says how probable each
    choice is. So a further kind of answer needs no change in any model of people.
    """

    @abc.abstractmethod
    def value(self, option: Segment) -> Float[Array, ""]:
        """What a single segment is worth, reward units."""

    @abc.abstractmethod
    def pair(self, worth: Float[Array, "option=2"]) -> Float[Array, " choice"]:
        """Log-probabilities of first and second, and of a tie if the person ties."""

    @abc.abstractmethod
    def among(
        self, worth: Float[Array, " option"], present: Bool[Array, " option"]
    ) -> Float[Array, " option"]:
        """Log-probability of choosing each of the options that are present."""

    @abc.abstractmethod
    def level(self, worth: Float[Array, ""], n_levels: int) -> Float[Array, " level"]:
        """Log-probabilities of the levels of a rating, the worst first."""

    @abc.abstractmethod
    def degree(self, ahead: Float[Array, ""], n_degrees: int) -> Float[Array, " level"]:
        """Of how much better the second option is, first far better first."""

    @abc.abstractmethod
    def hesitate(
        self, log_probs: Float[Array, " choice"], seconds: Float[Array, ""]
    ) -> Float[Array, ""]:
        """Log-density of how long the answer to a pair took; 0 if nothing is known."""

    @abc.abstractmethod
    def wait(
        self, key: PRNGKeyArray, log_probs: Float[Array, " choice"]
    ) -> Float[Array, ""]:
        """How long a simulated person takes for a pair, s; NaN if that is not known."""

    @abc.abstractmethod
    def act(self, segment: Segment) -> Float[Array, "time action"]:
        """Log-probabilities of each action in each state of a single segment."""

    @abc.abstractmethod
    def arrive(
        self, initial: Float[Array, " state"], n_steps: int
    ) -> Float[Array, " state"]:
        """Log-probabilities of where a finite world stands after acting in it."""

    @abc.abstractmethod
    def demonstrate(self, key: PRNGKeyArray, segment: Segment) -> Segment:
        """Act for as long as a single segment lasts, from where it begins."""


class AbstractAnswer(eqx.Module):
    """An answer, or a batch of answers of one kind: one or several choices in a row.

    Every kind holds what was shown, what was said, `person` (the number of who
    answered; `NOBODY` where that is not known), `question` (its number: equal numbers
    mean the same question; `UNNUMBERED` until a data set numbers it) and `seconds` (how
    long it took; NaN where that is not known). An answer that is not given yet is a
    question: `judge.log_probs` and `judge.sample` take it.
    """

    person: eqx.AbstractVar[Int[ArrayLike, "*batch"]]
    question: eqx.AbstractVar[Int[ArrayLike, "*batch"]]
    seconds: eqx.AbstractVar[Float[ArrayLike, "*batch"]]

    @abc.abstractmethod
    def stages(self, judge: AbstractJudge) -> Float[Array, "stage choice"]:
        """Log-probability of each choice at each stage, given the stages before it."""

    @abc.abstractmethod
    def weights(self, n_choices: int) -> Float[Array, "stage choice"]:
        """What was said: 1 at the choice made, 0 elsewhere; all 0 says nothing."""

    @abc.abstractmethod
    def sample(self, key: PRNGKeyArray, judge: AbstractJudge) -> "AbstractAnswer":
        """The same question, answered by a simulated person."""

    def said(self) -> tuple[str, int] | None:
        """Name of the field that holds what was said, and how many choices there are.

        It holds 0 to one less than that, or `UNANSWERED`. None where what was said is
        no number: then nothing is checked.
        """
        return None

    def check_evidence(self) -> None:
        """Refuse what cannot be evidence, on the host; nothing, unless a kind says so.

        Raises:
            ValueError: for an answer that would mislead whoever infers from it.
        """

    def log_prob(self, judge: AbstractJudge) -> Float[Array, ""]:
        """Log-likelihood of a single answer: of the choices that it is made of."""
        return chosen(self, judge)


def chosen(answer: AbstractAnswer, judge: AbstractJudge) -> Float[Array, ""]:
    """Log-likelihood of the choices that a single answer is made of."""
    log_probs = answer.stages(judge)
    weights = answer.weights(log_probs.shape[-1])
    # What nobody chose may be impossible: -inf must not be multiplied with 0.
    heard = jnp.where(weights > 0, log_probs, 0.0)
    return jnp.sum(weights * heard)


def marks(
    said: Int[ArrayLike, "*stage"], n_choices: int
) -> Float[Array, "*stage choice"]:
    """1 at the choice made; zeros where it is negative: nothing was said."""
    return jax.nn.one_hot(said, n_choices, dtype=float)


def draw(key: PRNGKeyArray, log_probs: Float[Array, " choice"]) -> Int[Array, ""]:
    """One choice, by its probability."""
    return jax.random.categorical(key, log_probs).astype(jnp.int32)


def whole(number: int) -> Int[Array, ""]:
    """A single whole number, as answers hold it."""
    return jnp.asarray(number, dtype=jnp.int32)


def time(seconds: float) -> Float[Array, ""]:
    """A single duration, as answers hold it."""
    return jnp.asarray(seconds, dtype=float)


def check_options(options: Segment, least: int, what: str) -> int:
    """How many options there are.

    Raises:
        ValueError: where they are not `[option, time]`, or too few.
    """
    shape = jnp.shape(options.weight)
    if len(shape) != 2 or shape[0] < least:
        raise ValueError(
            f"{what} has at least {least} options, [option, time], not an array of "
            f"shape {shape}."
        )
    return shape[0]
