"""The human model: a valuation and a choice."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from volition.feedback import Comparison
from volition.feedback.comparison import comparison
from volition.human.choice import AbstractChoice, Davidson
from volition.human.valuation import AbstractValuation, PartialReturn, Worth
from volition.policy import Segment
from volition.reward import AbstractReward


class Judge(eqx.Module):
    """A person who knows a reward: what `human.judge(reward)` returns.

    One set of probabilities serves the likelihood of an answer, the distribution over
    answers, and the simulated person who answers.
    """

    worth: Worth
    choice: AbstractChoice

    def log_prob(self, answer: Comparison) -> Float[Array, ""]:
        """Log-likelihood of a single answer."""
        worth = jax.vmap(self.worth)(answer.options)
        return self.choice.log_prob(worth, jnp.asarray(answer.choice))

    def log_probs(self, question: Segment) -> Float[Array, " answer"]:
        """Log-probability of each answer to two segments, `[option, time]`."""
        return self.choice.log_probs(jax.vmap(self.worth)(question))

    def sample(self, key: PRNGKeyArray, question: Segment) -> Comparison:
        """Answer a question, as a simulated person."""
        choice = jax.random.categorical(key, self.log_probs(question))
        answer = comparison(question, 0)
        return eqx.tree_at(lambda made: made.choice, answer, choice.astype(jnp.int32))


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

    Source: H. J. Jeon, S. Milli, A. Dragan, "Reward-rational (implicit) choice", arXiv
    2002.04833, equation 2.
    """

    valuation: AbstractValuation = eqx.field(default_factory=PartialReturn)
    choice: AbstractChoice = eqx.field(default_factory=Davidson)

    def judge(self, reward: AbstractReward) -> Judge:
        """Prepare the valuation."""
        return Judge(self.valuation.prepare(reward), self.choice)
