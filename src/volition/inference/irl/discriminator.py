"""Discriminators: how likely a step is the expert's rather than the policy's."""

import abc
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PyTree

from volition.env import AbstractEnvironment, Transition
from volition.env.inputs import AbstractInputs
from volition.reward import AbstractReward
from volition.value.deep import Network

# A step as numbers: the state, the action, the next state.
Row = Float[Array, " number"]


class Layout(eqx.Module):
    """How a step becomes a row of numbers.

    A state is what is seen of it, and a 0; the absorbing state, in which every episode
    goes on behind its end, is zeros and a 1. An action is one-hot; in the absorbing
    state all are the same, and each has an equal share.

    Args:
        inputs: numbers of an observation.
        n_actions: how many there are.
    """

    inputs: AbstractInputs
    n_actions: int = eqx.field(static=True)

    @property
    def n_state(self) -> int:
        """Numbers of a state."""
        return self.inputs.size + 1

    @property
    def size(self) -> int:
        """Numbers of a step."""
        return 2 * self.n_state + self.n_actions

    def row(
        self,
        observation: PyTree,
        action: Int[Array, ""],
        next_observation: PyTree,
        terminated: Bool[Array, ""],
    ) -> Row:
        """Of a step; one that ends the episode leads to the absorbing state."""
        state = jnp.pad(self.inputs(observation), (0, 1))
        done = jax.nn.one_hot(action, self.n_actions, dtype=jnp.float32)
        ahead = jnp.pad(self.inputs(next_observation), (0, 1))
        ahead = jnp.where(terminated, self.absorbing[-self.n_state :], ahead)
        return jnp.concatenate([state, done, ahead])

    @property
    def absorbing(self) -> Row:
        """Of a step from the absorbing state to itself."""
        state = np.zeros(self.n_state, dtype=np.float32)
        state[-1] = 1.0
        share = np.full(self.n_actions, 1.0 / self.n_actions, dtype=np.float32)
        return jnp.asarray(np.concatenate([state, share, state]))


class AbstractDiscriminator(eqx.Module):
    """A classifier of steps.

    Args:
        by_policy: whether its logit has `-log pi(a|s)` of the policy in it.
    """

    by_policy: eqx.AbstractClassVar[bool]

    @abc.abstractmethod
    def score(self, row: Row) -> Float[Array, ""]:
        """The logit, without what is said of the policy, nats."""

    @abc.abstractmethod
    def paid(self, row: Row) -> Float[Array, ""]:
        """What the policy is paid for a step."""

    @abc.abstractmethod
    def reward(self, row: Row) -> Float[Array, ""]:
        """What is kept of it as a reward."""


class Disentangled(AbstractDiscriminator):
    """`D = exp(f) / (exp(f) + pi(a|s))`, `f = g(s[, a]) + discount h(s') - h(s)`.

    Args:
        network: from a state to `g` (of each action, or of all) and `h`.
        discount: the world's.

    Source: J. Fu, K. Luo, S. Levine, "Learning Robust Rewards with Adversarial Inverse
    Reinforcement Learning", ICLR 2018, arXiv 1710.11248, equation 4. Differs: `g` and
    `h` are outputs of one network.
    """

    by_policy: ClassVar[bool] = True
    network: Network
    discount: float = eqx.field(static=True)

    def reward(self, row: Row) -> Float[Array, ""]:
        """`g`."""
        told = self._told(row)[0]
        return self._g(told, row)

    def score(self, row: Row) -> Float[Array, ""]:
        """`f`."""
        here, ahead = self._told(row)
        return self._g(here, row) + self.discount * ahead[-1] - here[-1]

    def paid(self, row: Row) -> Float[Array, ""]:
        """`f`: with the entropy of a policy that acts softly, `log D - log(1 - D)`."""
        return self.score(row)

    def _told(self, row: Row) -> Float[Array, "2 output"]:
        """Of the state, and of the next."""
        n_state = _n_inputs(self.network)
        states = jnp.stack([row[:n_state], row[-n_state:]])
        return jax.vmap(self.network)(states)[..., 0]

    def _g(self, told: Float[Array, " output"], row: Row) -> Float[Array, ""]:
        n_state = _n_inputs(self.network)
        n_g = told.shape[0] - 1
        return told[0] if n_g == 1 else told[:-1] @ row[n_state : n_state + n_g]


class Occupancy(AbstractDiscriminator):
    """`D = sigmoid(d(s, a))`, which pays `-log(1 - D)`.

    Args:
        network: from a state to `d` of each action.

    Source: J. Ho, S. Ermon, "Generative Adversarial Imitation Learning", NeurIPS 2016,
    arXiv 1606.03476, algorithm 1. Differs: D is high for the expert.
    """

    by_policy: ClassVar[bool] = False
    network: Network

    def score(self, row: Row) -> Float[Array, ""]:
        """`d`."""
        n_state = _n_inputs(self.network)
        told = self.network(row[:n_state])[:, 0]
        return told @ row[n_state : n_state + told.shape[0]]

    def paid(self, row: Row) -> Float[Array, ""]:
        """`-log(1 - D)`, above 0."""
        return jax.nn.softplus(self.score(row))

    def reward(self, row: Row) -> Float[Array, ""]:
        """What it pays."""
        return self.paid(row)


def _n_inputs(network: Network) -> int:
    return (*network.layers, network.rows)[0].weight.shape[-2]


class Recovered(AbstractReward):
    """The reward that a discriminator has come to, above that of the absorbing state.

    As what the absorbing state is paid is taken from every step, nothing is to be paid
    behind an end.

    Args:
        env: the world, by whose `observe` states are seen.
        layout: how a step becomes a row.
        discriminator: whose reward it is.
    """

    env: AbstractEnvironment
    layout: Layout
    discriminator: AbstractDiscriminator

    def __call__(self, transition: Transition) -> Float[Array, ""]:
        """Of one transition."""
        row = self.layout.row(
            self.env.observe(transition.state),
            jnp.asarray(transition.action),
            self.env.observe(transition.next_state),
            jnp.asarray(transition.terminated),
        )
        nothing = self.discriminator.reward(self.layout.absorbing)
        return (self.discriminator.reward(row) - nothing).astype(float)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """None: it looks at states."""
        return ()

    def learned(self) -> PyTree[bool]:
        """The network."""
        nothing = jax.tree.map(lambda leaf: False, self)
        network = jax.tree.map(eqx.is_inexact_array, self.discriminator)
        return eqx.tree_at(lambda marks: marks.discriminator, nothing, network)
