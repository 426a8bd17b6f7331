"""The human model: a valuation and a choice."""

import abc
from typing import TypeVar, cast

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from volition.feedback import AbstractAnswer, AbstractJudge, Segment
from volition.human.acting import AbstractActing, AbstractActor
from volition.human.choice import AbstractChoice, Davidson
from volition.human.pace import AbstractPace
from volition.human.parameter import AbstractParameter
from volition.human.valuation import AbstractValuation, PartialReturn, Worth
from volition.reward import AbstractReward

Answer = TypeVar("Answer", bound=AbstractAnswer)


class Judge(AbstractJudge):
    """A person who knows a reward: what `human.judge(reward)` returns.

    One set of probabilities serves the likelihood of an answer, the distribution over
    answers, and the simulated person who answers.

    Args:
        worth: what values a single segment.
        choice: how worth becomes an answer.
        actor: what the person would do; None where that is not modelled.
        pace: how long the person takes; None where that says nothing.
    """

    worth: Worth
    choice: AbstractChoice
    actor: AbstractActor | None = None
    pace: AbstractPace | None = None

    def log_prob(self, answer: AbstractAnswer) -> Float[Array, ""]:
        """Log-likelihood of a single answer."""
        return answer.log_prob(self.by(answer))

    def log_probs(self, question: AbstractAnswer) -> Float[Array, " choice"]:
        """Log-probability of each answer to a question.

        Raises:
            ValueError: where it is answered by several choices in a row, as rankings
                and demonstrations are: `stages` lists them.
        """
        stages = question.stages(self.by(question))
        if stages.shape[0] != 1:
            raise ValueError(
                f"an answer of the kind {type(question).__name__} is "
                f"{stages.shape[0]} choices in a row, too many together to list: see "
                "`question.stages(judge)`."
            )
        return stages[0]

    def sample(self, key: PRNGKeyArray, question: Answer) -> Answer:
        """Answer a question, as a simulated person."""
        said: AbstractAnswer = question.sample(key, self.by(question))
        return cast(Answer, said)

    def by(self, answer: AbstractAnswer) -> "Judge":
        """The one who answered, where parameters differ from person to person."""
        choice, pace = jax.tree.map(
            lambda leaf: leaf.of(answer.person) if _is_parameter(leaf) else leaf,
            (self.choice, self.pace),
            is_leaf=_is_parameter,
        )
        return Judge(self.worth, choice, self.actor, pace)

    def value(self, option: Segment) -> Float[Array, ""]:
        """What a single segment is worth, reward units."""
        return self.worth(option)

    def pair(self, worth: Float[Array, "option=2"]) -> Float[Array, " choice"]:
        """Log-probabilities of first, second, and what else is answered to a pair."""
        return self.choice.pair(worth)

    def among(
        self, worth: Float[Array, " option"], present: Bool[Array, " option"]
    ) -> Float[Array, " option"]:
        """Log-probability of choosing each of the options that are present."""
        return self.choice.among(worth, present)

    def level(self, worth: Float[Array, ""], n_levels: int) -> Float[Array, " level"]:
        """Log-probabilities of the levels of a rating."""
        return self.choice.level(worth, n_levels)

    def degree(self, ahead: Float[Array, ""], n_degrees: int) -> Float[Array, " level"]:
        """Of how much better the second option is."""
        return self.choice.degree(ahead, n_degrees)

    def hesitate(
        self, log_probs: Float[Array, " choice"], seconds: Float[Array, ""]
    ) -> Float[Array, ""]:
        """Log-density of how long the answer to a pair took."""
        if self.pace is None:
            return jnp.zeros((), dtype=log_probs.dtype)
        known = jnp.isfinite(seconds)
        density = self.pace.log_density(
            log_probs[0] - log_probs[1], jnp.where(known, seconds, 1.0)
        )
        return jnp.where(known, density, 0.0)

    def wait(
        self, key: PRNGKeyArray, log_probs: Float[Array, " choice"]
    ) -> Float[Array, ""]:
        """How long a simulated person takes for a pair, s."""
        if self.pace is None:
            return jnp.full((), jnp.nan)
        return self.pace.sample(key, log_probs[0] - log_probs[1])

    def act(self, segment: Segment) -> Float[Array, "time action"]:
        """Log-probabilities of each action in each state of a single segment."""
        return self._actor().act(segment)

    def arrive(
        self, initial: Float[Array, " state"], n_steps: int
    ) -> Float[Array, " state"]:
        """Log-probabilities of where a finite world stands after acting in it."""
        return self._actor().arrive(initial, n_steps)

    def demonstrate(self, key: PRNGKeyArray, segment: Segment) -> Segment:
        """Act for as long as a single segment lasts, from where it begins."""
        return self._actor().demonstrate(key, segment)

    def _actor(self) -> AbstractActor:
        if self.actor is None:
            raise ValueError(
                "this person's acting is not modelled: give "
                "Boltzmann(acting=SoftOptimal(env)) to learn from what people do."
            )
        return self.actor


def _is_parameter(leaf: object) -> bool:
    return isinstance(leaf, AbstractParameter)


class AbstractHuman(eqx.Module):
    """How a person turns a reward into answers.

    Check your own with `volition.testing.check_human`.
    """

    @abc.abstractmethod
    def judge(self, reward: AbstractReward) -> Judge:
        """Do the work that is needed once per reward: planning, soft values."""


class Boltzmann(AbstractHuman):
    """Better options are chosen more often, in proportion to the exponential of worth.

    The scale of the reward and the rationality of the person are one number, so the
    rationality is 1: a reward unit is worth one nat of preference.

    Args:
        valuation: what an option is worth; its partial return if left out.
        choice: how worth becomes an answer; with ties (Davidson) if left out.
        acting: how the person acts, to learn from what they did; left out where
            nothing is demonstrated.
        pace: how long answers to pairs take, to learn from `seconds`, too; left out
            where that says nothing.

    Source: H. J. Jeon, S. Milli, A. Dragan, "Reward-rational (implicit) choice", arXiv
    2002.04833, equation 2.
    """

    valuation: AbstractValuation = eqx.field(default_factory=PartialReturn)
    choice: AbstractChoice = eqx.field(default_factory=Davidson)
    acting: AbstractActing | None = None
    pace: AbstractPace | None = None

    def judge(self, reward: AbstractReward) -> Judge:
        """Prepare the valuation, and plan where the person acts."""
        actor = None if self.acting is None else self.acting.prepare(reward)
        return Judge(self.valuation.prepare(reward), self.choice, actor, self.pace)
