"""PQN: Q-learning with many instances in parallel, without replay."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, ArrayLike, PRNGKeyArray, PyTree

from volition.policy import AbstractPolicy
from volition.value.deep.actions import check_discrete, epsilon_greedy, mean_loss
from volition.value.deep.learner import AbstractDeepLearner
from volition.value.deep.network import MLP, Network
from volition.value.deep.normaliser import Normaliser, normaliser
from volition.value.deep.optimiser import AbstractOptimiser, RAdam
from volition.value.deep.policy import GreedyNetwork
from volition.value.deep.targets import AbstractBackup, Hard, Window, returns
from volition.value.deep.world import Rollout, Spaces, Step
from volition.value.schedule import AbstractSchedule, Linear, optional_schedule


class Passes(eqx.Module):
    """How a rollout is learned from.

    Args:
        n_epochs: how often its steps are gone through.
        n_minibatches: parts of a rollout, one for each step of the optimiser.
        trace: the lambda of the returns, in `[0, 1]`.
    """

    n_epochs: int = eqx.field(static=True, default=4)
    n_minibatches: int = eqx.field(static=True, default=8)
    trace: ArrayLike = 0.65


class Memory(eqx.Module):
    """What PQN remembers.

    Args:
        network: what it puts out is in units of `known`.
        known: statistics of observations and rewards.
        optimiser: the optimiser's arrays.
    """

    network: Network
    known: Normaliser
    optimiser: tuple[Array, ...]


class PQN(AbstractDeepLearner):
    """Q(lambda) with a network and layer norm, from rollouts of many instances.

    Args:
        n_steps: environment steps to learn from, of all instances together.
        rollout: instances, and their steps between two times of learning.
        passes: how a rollout is learned from.
        network: its shape.
        optimiser: how it follows its gradients.
        exploration: probability of a random action, or a schedule over steps; if left
            out, from 1 to 0.05 in the first half of learning.
        backup: what a state is worth: `Hard()`, `Soft()` or `Munchausen()`.
        n_stretches: points of the learning curve.

    Source: M. Gallici et al., "Simplifying Deep Temporal Difference Learning", ICLR
    2025, arXiv 2407.04811, algorithm 1. We differ: minibatches are drawn with
    replacement; a time limit does not end the future.
    """

    n_steps: int = eqx.field(static=True, default=500_000)
    rollout: Rollout = eqx.field(default_factory=Rollout, kw_only=True)
    passes: Passes = eqx.field(default_factory=Passes, kw_only=True)
    network: MLP = eqx.field(default_factory=MLP, kw_only=True)
    optimiser: AbstractOptimiser = eqx.field(default_factory=RAdam, kw_only=True)
    exploration: AbstractSchedule | None = eqx.field(
        converter=optional_schedule, default=None, kw_only=True
    )
    backup: AbstractBackup = eqx.field(default_factory=Hard, kw_only=True)
    n_stretches: int = eqx.field(static=True, default=20, kw_only=True)

    def begin(self, key: PRNGKeyArray, spaces: Spaces, example: Step) -> Memory:
        """A random network."""
        del example
        known, n_actions = normaliser(spaces.observation), check_discrete(spaces)
        network = self.network.begin(key, known.inputs.size, n_actions)
        row, _ = ravel_pytree(network)
        return Memory(network, known, self.optimiser.begin(row))

    def act(
        self, key: PRNGKeyArray, memory: Memory, observations: PyTree, step: Array
    ) -> Array:
        """Mostly the best."""
        schedule = self.exploration
        if schedule is None:
            schedule = Linear(1.0, 0.05, self.n_steps / 2)
        greedy = GreedyNetwork(memory.known.inputs, memory.network)
        return epsilon_greedy(key, greedy, observations, schedule(step))

    def update(
        self, key: PRNGKeyArray, memory: Memory, seen: Step, step: Array
    ) -> Memory:
        """Some passes over the rollout."""
        known = memory.known.add(seen)
        inputs, unit = known.inputs, known.scale
        row, network = ravel_pytree(memory.network.times(known.change(memory.known)))
        each = lambda fn: jax.vmap(jax.vmap(fn))
        x, ahead = each(inputs)(seen.observation), each(inputs)(seen.next_observation)
        action = seen.transition.action
        window = Window(action, seen.reward, seen.terminated, seen.over, seen.discount)
        here, there = (unit * each(network(row))(one) for one in (x, ahead))
        worth = jax.vmap(returns, in_axes=(None, 1, 1, 1, 1, None), out_axes=1)(
            self.backup, window, here, there, there, self.passes.trace
        )
        worth = worth / unit
        x, action, worth = jax.tree.map(
            lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), (x, action, worth)
        )
        n_batches = self.passes.n_epochs * self.passes.n_minibatches
        size = max(action.shape[0] // self.passes.n_minibatches, 1)

        def loss(row, *batch):
            return mean_loss(network(row), self.network.head, *batch)

        def one(carry, chosen):
            row, optimiser = carry
            batch = jax.tree.map(lambda leaf: leaf[chosen], (x, action, worth))
            gradient = jax.grad(loss)(row, *batch)
            return self.optimiser.step(row, gradient, optimiser, step), None

        share = jax.random.uniform(key, (n_batches, size), jnp.float32)
        chosen = (share * action.shape[0]).astype(jnp.int32)
        (row, optimiser), _ = jax.lax.scan(one, (row, memory.optimiser), chosen)
        return Memory(network(row), known, optimiser)

    def policy(self, memory: Memory) -> AbstractPolicy:
        """Greedy in the network."""
        known = memory.known
        return GreedyNetwork(known.inputs, memory.network.times(known.scale))
