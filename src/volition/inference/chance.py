"""What answers are worth as evidence to somebody to whom all options are alike."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from volition.feedback import AbstractJudge, Segment
from volition.human import AbstractHuman, Judge
from volition.inference.problem import Problem
from volition.reward import AbstractReward


class Indifferent(AbstractJudge):
    """A person to whom every option is worth the same, otherwise like another.

    Ties, lapses and scales are those of the other; every action that the other may take
    is as probable as any.

    Args:
        inner: the other.
    """

    inner: Judge

    def value(self, option: Segment) -> Float[Array, ""]:
        """Nothing."""
        del option
        return jnp.zeros(())

    def pair(self, worth: Float[Array, "option=2"]) -> Float[Array, " choice"]:
        """As the other, of options worth the same."""
        return self.inner.pair(worth)

    def among(
        self, worth: Float[Array, " option"], present: Bool[Array, " option"]
    ) -> Float[Array, " option"]:
        """As the other."""
        return self.inner.among(worth, present)

    def level(self, worth: Float[Array, ""], n_levels: int) -> Float[Array, " level"]:
        """As the other."""
        return self.inner.level(worth, n_levels)

    def degree(self, ahead: Float[Array, ""], n_degrees: int) -> Float[Array, " level"]:
        """As the other."""
        return self.inner.degree(ahead, n_degrees)

    def hesitate(
        self, log_probs: Float[Array, " choice"], seconds: Float[Array, ""]
    ) -> Float[Array, ""]:
        """As the other."""
        return self.inner.hesitate(log_probs, seconds)

    def wait(
        self, key: PRNGKeyArray, log_probs: Float[Array, " choice"]
    ) -> Float[Array, ""]:
        """As the other."""
        return self.inner.wait(key, log_probs)

    def act(self, segment: Segment) -> Float[Array, "time action"]:
        """Any action that the other may take."""
        return _even(self.inner.act(segment))

    def arrive(
        self, initial: Float[Array, " state"], n_steps: int
    ) -> Float[Array, " state"]:
        """Any state that the other may reach."""
        return _even(self.inner.arrive(initial, n_steps))

    def demonstrate(self, key: PRNGKeyArray, segment: Segment) -> Segment:
        """As the other."""
        return self.inner.demonstrate(key, segment)


def _even(log_probs: Float[Array, "*row choice"]) -> Float[Array, "*row choice"]:
    possible = log_probs > -jnp.inf
    n = jnp.sum(possible, axis=-1, keepdims=True).astype(log_probs.dtype)
    even = jnp.broadcast_to(-jnp.log(n), log_probs.shape)
    return jnp.where(possible, even, log_probs)


@eqx.filter_jit
def beside_chance(
    problem: Problem, reward: AbstractReward, human: AbstractHuman
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Log-likelihood of all answers, and what it is if every option is worth the same.

    Args:
        problem: with the answers.
        reward: by which they are foreseen.
        human: likewise; the second number is of the same person.
    """
    judge = human.judge(reward)
    told, chance = jnp.zeros(()), jnp.zeros(())
    for batch in problem.answers.batches:

        def each(answer):
            person = judge.by(answer)
            return answer.log_prob(person), answer.log_prob(Indifferent(person))

        said, guessed = jax.vmap(each)(batch.answers)
        told += jnp.sum(jnp.where(batch.present, said, 0.0))
        chance += jnp.sum(jnp.where(batch.present, guessed, 0.0))
    return told, chance
