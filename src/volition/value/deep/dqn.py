"""DQN: Q-learning with a network, replay and a target network."""

import equinox as eqx
import jax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, PRNGKeyArray, PyTree

from volition.policy import AbstractPolicy
from volition.value.deep.actions import check_discrete, epsilon_greedy, mean_loss
from volition.value.deep.learner import AbstractDeepLearner
from volition.value.deep.network import MLP, Network
from volition.value.deep.normaliser import Normaliser, normaliser
from volition.value.deep.optimiser import AbstractOptimiser, Adam
from volition.value.deep.policy import GreedyNetwork
from volition.value.deep.replay import Replay, Ring
from volition.value.deep.targets import AbstractBackup, Hard, Window, returns
from volition.value.deep.world import Rollout, Spaces, Step
from volition.value.schedule import AbstractSchedule, Linear, optional_schedule


class Memory(eqx.Module):
    """What DQN remembers.

    Args:
        network: the one that is learning; what it puts out is in units of `known`.
        target: the one that lags behind and is trusted.
        known: statistics of observations and rewards.
        optimiser: the optimiser's arrays.
        ring: what was seen.
    """

    network: Network
    target: Network
    known: Normaliser
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
        known, n_actions = normaliser(spaces.observation), check_discrete(spaces)
        network = self.network.begin(key, known.inputs.size, n_actions)
        row, _ = ravel_pytree(network)
        ring = self.replay.begin(example, self.rollout)
        return Memory(network, network, known, self.optimiser.begin(row), ring)

    def act(
        self, key: PRNGKeyArray, memory: Memory, observations: PyTree, step: Array
    ) -> Array:
        """Mostly the best."""
        schedule = self.exploration
        if schedule is None:
            schedule = Linear(1.0, 0.05, self.n_steps / 5)
        greedy = GreedyNetwork(memory.known.inputs, memory.network)
        return epsilon_greedy(key, greedy, observations, schedule(step))

    def update(
        self, key: PRNGKeyArray, memory: Memory, seen: Step, step: Array
    ) -> Memory:
        """Remember the rollout, and make some updates from all that is remembered."""
        ring, known = memory.ring.add(seen), memory.known.add(seen)
        inputs, unit = known.inputs, known.scale
        change = known.change(memory.known)
        row, network = ravel_pytree(memory.network.times(change))
        trusted, _ = ravel_pytree(memory.target.times(change))

        def worth(row, trusted, seen):
            """Of the first action of one stretch of steps."""
            live, judge = network(row), network(trusted)
            here = jax.vmap(inputs)(seen.observation)
            there = jax.vmap(inputs)(seen.next_observation)
            window = Window(
                seen.transition, seen.reward, seen.terminated, seen.over, seen.discount
            )
            numbers = (
                unit * jax.vmap(judge)(here),
                unit * jax.vmap(live)(there),
                unit * jax.vmap(judge)(there),
            )
            return (
                here[0],
                window.action[0],
                returns(self.backup, window, *numbers, 1.0)[0] / unit,
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
        return Memory(network(row), network(trusted), known, optimiser, ring)

    def policy(self, memory: Memory) -> AbstractPolicy:
        """Greedy in the network that learns."""
        known = memory.known
        return GreedyNetwork(known.inputs, memory.network.times(known.scale))
