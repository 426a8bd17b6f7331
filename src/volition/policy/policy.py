"""The policy contract and the policies of finite worlds."""

import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int, PRNGKeyArray, PyTree

from volition.env.mdp import draw


class AbstractPolicy(eqx.Module):
    """How to act: a frozen pytree, called with a key and an observation."""

    @abc.abstractmethod
    def __call__(self, key: PRNGKeyArray, observation: PyTree) -> Any:
        """Choose an action for a single observation; batch with `jax.vmap`."""


class Random(AbstractPolicy):
    """Every action alike.

    Args:
        n_actions: how many there are.
    """

    n_actions: int = eqx.field(static=True)

    def __call__(self, key: PRNGKeyArray, observation: PyTree) -> Int[Array, ""]:
        """An action that ignores the observation."""
        del observation
        return jax.random.randint(key, (), 0, self.n_actions, dtype=jnp.int32)


class Always(AbstractPolicy):
    """The same action whatever is seen.

    Args:
        action: its number.

    Example:
        >>> int(Always(2)(jax.random.key(0), None))
        2
    """

    action: int = eqx.field(static=True)

    def __call__(self, key: PRNGKeyArray, observation: PyTree) -> Int[Array, ""]:
        """That action."""
        del key, observation
        return jnp.int32(self.action)


class Tabular(AbstractPolicy):
    """A distribution over actions for every state number.

    Args:
        probabilities: `[state, action]`, each row sums to 1.

    Example:
        >>> policy = Tabular(jnp.array([[0.0, 1.0]]))
        >>> int(policy(jax.random.key(0), 0))
        1
    """

    probabilities: Float[Array, "state action"]

    def __call__(
        self, key: PRNGKeyArray, observation: Int[ArrayLike, ""]
    ) -> Int[Array, ""]:
        """An action drawn from the row of the state."""
        return draw(self.probabilities[observation], jax.random.uniform(key))


def greedy(q: Float[Array, "state action"]) -> Tabular:
    """The policy that takes the best action, the first among equals.

    Args:
        q: value of each action, reward units, `[state, action]`.

    Example:
        >>> greedy(jnp.array([[0.0, 2.0, 2.0]])).probabilities.tolist()
        [[0.0, 1.0, 0.0]]
    """
    return Tabular(jax.nn.one_hot(jnp.argmax(q, axis=-1), q.shape[-1], dtype=q.dtype))


def epsilon_greedy(q: Float[Array, "state action"], epsilon: ArrayLike) -> Tabular:
    """`greedy(q)` with probability `1 - epsilon`, else any action alike.

    Args:
        q: value of each action, reward units, `[state, action]`.
        epsilon: in `[0, 1]`.

    Example:
        >>> epsilon_greedy(jnp.array([[0.0, 2.0]]), 0.5).probabilities.tolist()
        [[0.25, 0.75]]
    """
    share = jnp.asarray(epsilon, dtype=q.dtype)
    return Tabular((1.0 - share) * greedy(q).probabilities + share / q.shape[-1])
