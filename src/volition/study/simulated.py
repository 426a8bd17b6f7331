"""A simulated person who compares short paths in the delivery world."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from volition.env import FiniteMDP
from volition.feedback import Comparison, comparison, follow
from volition.human import Boltzmann, Davidson, Fraction, Lapse, PartialReturn
from volition.reward import AbstractReward

LENGTH = 3  # moves of a path, as in the delivery study


def person() -> Boltzmann:
    """One who sums up rewards, ties now and then, and slips in one of 50 answers."""
    return Boltzmann(PartialReturn(), Lapse(Davidson(), Fraction(0.02)))


@eqx.filter_jit
def simulate(
    key: PRNGKeyArray, world: FiniteMDP, truth: AbstractReward, n_answers: int
) -> Comparison:
    """Answers of the simulated person to random pairs of random paths.

    Args:
        key: consumed.
        world: a deterministic world.
        truth: what the person wants.
        n_answers: how many.

    Returns:
        A batch `[answer]`, every question different.
    """
    judge = person().judge(truth)

    def one(one_key: PRNGKeyArray, number: Array) -> Comparison:
        start_key, action_key, answer_key = jax.random.split(one_key, 3)
        starts = jax.random.choice(start_key, world.n_states, (2,), p=world.initial)
        shape = (2, LENGTH)
        actions = jax.random.randint(action_key, shape, 0, world.n_actions)
        options = jax.vmap(follow, (None, 0, 0))(world, starts, actions)
        answer = judge.sample(answer_key, comparison(options))
        return eqx.tree_at(lambda made: made.question, answer, number)

    numbers = jnp.arange(n_answers, dtype=jnp.int32)
    return jax.vmap(one)(jax.random.split(key, n_answers), numbers)
