"""DQN: Q-learning with a network, replay and a target network."""

import equinox as eqx
import jax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, PRNGKeyArray, PyTree

from volition.policy import AbstractPolicy
from volition.value.deep.actions import check_discrete, epsilon_greedy, mean_loss
from volition.value.deep.learner import AbstractDeepLearner
from volition.value.deep.network import MLP, Network, inputs as inputs_of
from volition.value.deep.optimiser import AbstractOptimiser, Adam
from volition.value.deep.policy import GreedyNetwork
from volition.value.deep.replay import Replay, Ring
from volition.value.deep.targets import AbstractBackup, Hard, Window, returns
from volition.value.deep.world import Rollout, Spaces, Step
from volition.value.schedule import AbstractSchedule, Linear, optional_schedule


class Memory(eqx.Module):
    """What DQN remembers.

    Args:
        greedy: the network that is learning.
        target: the one that lags behind and is trusted.
        optimiser: the optimiser's arrays.
        ring: what was seen.
    """

    greedy: GreedyNetwork
    target: Network
    optimiser: tuple[Array, ...]
    ring: Ring


class DQN(AbstractDeepLearner):
    """Deep Q-learning: double; dueling, n-step, soft, with quantiles as asked for.

    Args:
        n_steps: environment steps to learn from, of all instances together.
        rollout: instances, and their steps between two times of learning.
        replay: what is remembered, and how it is learned from.
        network: its shape; `MLP(dueling=True)`, `MLP(head=Quantile())`.
        optimiser: how it follows its gradients.
        exploration: probability of a random action, or a schedule over steps; if left
            out, from 1 to 0.05 in the first fifth of learning.
        backup: what a state is worth: `Hard()`, `Soft()` or `Munchausen()`.
        n_stretches: points of the learning curve.

    Source: V. Mnih et al., Nature 518 (2015), 529-533, algorithm 1. We differ: several
    instances; squares with a cut gradient in place of Huber's loss; the target network
    follows at every update by a small share.
    """

    n_steps: int = eqx.field(static=True, default=100_000)
    rollout: Rollout = eqx.field(default_factory=lambda: Rollout(8, 4), kw_only=True)
    replay: Replay = eqx.field(default_factory=Replay, kw_only=True)
    network: MLP = eqx.field(default_factory=MLP, kw_only=True)
    optimiser: AbstractOptimiser = eqx.field(default_factory=Adam, kw_only=True)
    exploration: AbstractSchedule | None = eqx.field(
        converter=optional_schedule, default=None, kw_only=True
    )
    backup: AbstractBackup = eqx.field(default_factory=Hard, kw_only=True)
    n_stretches: int = eqx.field(static=True, default=20, kw_only=True)

    def begin(self, key: PRNGKeyArray, spaces: Spaces, example: Step) -> Memory:
        """A random network, its copy, and an empty ring."""
        inputs = inputs_of(spaces.observation)
        network = self.network.begin(key, inputs.size, check_discrete(spaces))
        row, _ = ravel_pytree(network)
        ring = self.replay.begin(example, self.rollout)
        greedy = GreedyNetwork(inputs, network)
        return Memory(greedy, network, self.optimiser.begin(row), ring)

    def act(
        self, key: PRNGKeyArray, memory: Memory, observations: PyTree, step: Array
    ) -> Array:
        """Mostly the best."""
        schedule = self.exploration
        if schedule is None:
            schedule = Linear(1.0, 0.05, self.n_steps / 5)
        return epsilon_greedy(key, memory.greedy, observations, schedule(step))

    def update(
        self, key: PRNGKeyArray, memory: Memory, seen: Step, step: Array
    ) -> Memory:
        """Remember the rollout, and make some updates from all that is remembered."""
        ring = memory.ring.add(seen)
        inputs = memory.greedy.inputs
        row, network = ravel_pytree(memory.greedy.network)
        trusted, _ = ravel_pytree(memory.target)

        def worth(row, trusted, seen):
            """Of the first action of one stretch of steps."""
            live, judge = network(row), network(trusted)
            here = jax.vmap(inputs)(seen.observation)
            there = jax.vmap(inputs)(seen.next_observation)
            window = Window(
                seen.transition, seen.reward, seen.terminated, seen.over, seen.discount
            )
            numbers = (
                jax.vmap(judge)(here),
                jax.vmap(live)(there),
                jax.vmap(judge)(there),
            )
            return (
                here[0],
                window.action[0],
                returns(self.backup, window, *numbers, 1.0)[0],
            )

        def loss(row, *batch):
            return mean_loss(network(row), self.network.head, *batch)

        def one(carry, share):
            row, trusted, optimiser = carry
            seen = ring.windows(share, self.replay.n_ahead)
            batch = jax.vmap(worth, in_axes=(None, None, 0))(row, trusted, seen)
            gradient = jax.grad(loss)(row, *batch)
            row, optimiser = self.optimiser.step(row, gradient, optimiser, step)
            return (row, self.replay.follow(trusted, row), optimiser), None

        start = (row, trusted, memory.optimiser)
        row, trusted, optimiser = jax.lax.cond(
            self.replay.ready(ring),
            lambda: jax.lax.scan(one, start, self.replay.shares(key))[0],
            lambda: start,
        )
        greedy = GreedyNetwork(inputs, network(row))
        return Memory(greedy, network(trusted), optimiser, ring)

    def policy(self, memory: Memory) -> AbstractPolicy:
        """Greedy in the network that learns."""
        return memory.greedy
