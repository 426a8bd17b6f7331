"""Discriminators: how likely a step is the expert's rather than the policy's."""

import abc
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree

from volition.env import AbstractEnvironment, Transition
from volition.env.inputs import AbstractInputs
from volition.reward import AbstractReward
from volition.value.deep import MLP, Network

# A step as numbers: the state, the action, the next state.
Row = Float[Array, " number"]


class Layout(eqx.Module):
    """How a step becomes a row of numbers.

    A state is what is seen of it, and a 0; the absorbing state, in which every episode
    goes on behind its end, is zeros and a 1. An action is one-hot; in the absorbing
    state there is none, zeros.

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
        state = jnp.zeros(self.n_state, dtype=jnp.float32).at[-1].set(1.0)
        return jnp.concatenate(
            [state, jnp.zeros(self.n_actions, dtype=jnp.float32), state]
        )


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
        g: the reward.
        h: the potential.
        discount: the world's.
        n_state: numbers of a state in a row.
        n_actions: numbers of an action.
        takes_action: whether `g` is one of the action, too.

    Source: J. Fu, K. Luo, S. Levine, "Learning Robust Rewards with Adversarial Inverse
    Reinforcement Learning", ICLR 2018, arXiv 1710.11248, equation 4.
    """

    by_policy: ClassVar[bool] = True
    g: Network
    h: Network
    discount: Float[Array, ""]
    n_state: int = eqx.field(static=True)
    n_actions: int = eqx.field(static=True)
    takes_action: bool = eqx.field(static=True)

    @classmethod
    def begin(
        cls,
        key: PRNGKeyArray,
        network: MLP,
        layout: Layout,
        discount: Float[Array, ""],
        takes_action: bool,
    ) -> "Disentangled":
        """One drawn at random."""
        g_key, h_key = jax.random.split(key)
        n_g = layout.n_state + takes_action * layout.n_actions
        return cls(
            network.begin(g_key, n_g, 1),
            network.begin(h_key, layout.n_state, 1),
            discount,
            layout.n_state,
            layout.n_actions,
            takes_action,
        )

    def reward(self, row: Row) -> Float[Array, ""]:
        """`g`."""
        n = self.n_state + self.takes_action * self.n_actions
        return self.g(row[:n])[0, 0]

    def score(self, row: Row) -> Float[Array, ""]:
        """`f`."""
        discount = jax.lax.stop_gradient(self.discount)
        behind = self.h(row[: self.n_state])[0, 0]
        ahead = self.h(row[-self.n_state :])[0, 0]
        return self.reward(row) + discount * ahead - behind

    def paid(self, row: Row) -> Float[Array, ""]:
        """`f`: with the entropy of a policy that acts softly, `log D - log(1 - D)`."""
        return self.score(row)


class Occupancy(AbstractDiscriminator):
    """`D = sigmoid(d(s, a))`, which pays `-log(1 - D)`.

    Args:
        d: the logit.
        n_taken: numbers of a row that it takes: state and action.

    Source: J. Ho, S. Ermon, "Generative Adversarial Imitation Learning", NeurIPS 2016,
    arXiv 1606.03476, algorithm 1. Differs: D is high for the expert.
    """

    by_policy: ClassVar[bool] = False
    d: Network
    n_taken: int = eqx.field(static=True)

    @classmethod
    def begin(cls, key: PRNGKeyArray, network: MLP, layout: Layout) -> "Occupancy":
        """One drawn at random."""
        n_taken = layout.n_state + layout.n_actions
        return cls(network.begin(key, n_taken, 1), n_taken)

    def score(self, row: Row) -> Float[Array, ""]:
        """`d`."""
        return self.d(row[: self.n_taken])[0, 0]

    def paid(self, row: Row) -> Float[Array, ""]:
        """`-log(1 - D)`, above 0."""
        return jax.nn.softplus(self.score(row))

    def reward(self, row: Row) -> Float[Array, ""]:
        """What it pays."""
        return self.paid(row)


class Recovered(AbstractReward):
    """The reward that a discriminator has come to.

    A step that ends the episode is paid what the rest of time in the absorbing state is
    worth, too: `discount / (1 - discount)` times its reward.

    Args:
        env: the world, by whose `observe` states are seen.
        layout: how a step becomes a row.
        discriminator: whose reward it is.
        rest: `discount / (1 - discount)`, steps.
    """

    env: AbstractEnvironment
    layout: Layout
    discriminator: AbstractDiscriminator
    rest: Float[Array, ""]

    def __call__(self, transition: Transition) -> Float[Array, ""]:
        """Of one transition."""
        ended = jnp.asarray(transition.terminated)
        row = self.layout.row(
            self.env.observe(transition.state),
            jnp.asarray(transition.action),
            self.env.observe(transition.next_state),
            ended,
        )
        step = self.discriminator.reward(row)
        ever = self.rest * self.discriminator.reward(self.layout.absorbing)
        return (step + jnp.where(ended, ever, 0.0)).astype(float)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """None: it looks at states."""
        return ()

    def learned(self) -> PyTree[bool]:
        """The networks."""
        nothing = jax.tree.map(lambda leaf: False, self)
        marks = jax.tree.map(eqx.is_inexact_array, self.discriminator)
        return eqx.tree_at(lambda marks: marks.discriminator, nothing, marks)
