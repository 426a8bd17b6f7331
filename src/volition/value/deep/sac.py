"""SAC: soft actor-critic, for actions that are real numbers."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray, PyTree

from volition.policy import AbstractPolicy
from volition.value.bellman import target
from volition.value.deep.actions import bounds
from volition.value.deep.learner import AbstractDeepLearner
from volition.value.deep.network import MLP, Network
from volition.value.deep.normaliser import Normaliser, normaliser
from volition.value.deep.optimiser import AbstractOptimiser, Adam
from volition.value.deep.policy import SquashedGaussian
from volition.value.deep.replay import Replay, Ring
from volition.value.deep.world import Rollout, Spaces, Step

# Of the greatest reward seen, per nat: where it begins to adapt. Chosen here: with 1,
# bandits of 3,000 steps end two to seven times as far from their best action.
TEMPERATURE = 0.1


class Players(eqx.Module):
    """All that gradients change.

    Args:
        actor: the policy's network.
        critics: two of them, a leading axis on every leaf.
        log_temperature: of the price of entropy, in units of the greatest reward per
            nat.
    """

    actor: Network
    critics: Network
    log_temperature: Float[Array, "*seed"]


class Memory(eqx.Module):
    """What SAC remembers.

    Args:
        policy: the actor.
        critics: those that are learning; what they put out is in units of `known`.
        log_temperature: of the price of entropy.
        trusted: the critics that lag behind.
        known: statistics of observations and rewards.
        optimiser: the optimiser's arrays.
        ring: what was seen.
    """

    policy: SquashedGaussian
    critics: Network
    log_temperature: Float[Array, "*seed"]
    trusted: Network
    known: Normaliser
    optimiser: tuple[Array, ...]
    ring: Ring


class SAC(AbstractDeepLearner):
    """Soft actor-critic with two critics and a temperature that adapts.

    Args:
        n_steps: environment steps to learn from, of all instances together.
        rollout: instances, and their steps between two times of learning.
        replay: what is remembered, and how it is learned from; `n_ahead` is 1.
        network: shape of the actor and of each critic.
        optimiser: how all of them follow their gradients.
        entropy: that the policy is held at, nats for each entry of an action scaled to
            `[-1, 1]`; the default is the source's.
        n_stretches: points of the learning curve.

    Raises:
        ValueError: where `n_ahead` is not 1.

    Source: T. Haarnoja et al., "Soft Actor-Critic Algorithms and Applications", arXiv
    1812.05905, algorithm 1 and section 5. We differ: all parameters take their step at
    the same time.
    """

    n_steps: int = eqx.field(static=True, default=50_000)
    rollout: Rollout = eqx.field(default_factory=lambda: Rollout(8, 1), kw_only=True)
    replay: Replay = eqx.field(
        default_factory=lambda: Replay(target_rate=0.01), kw_only=True
    )
    network: MLP = eqx.field(
        default_factory=lambda: MLP((64, 64), layer_norm=False), kw_only=True
    )
    optimiser: AbstractOptimiser = eqx.field(
        default_factory=lambda: Adam(1e-3), kw_only=True
    )
    entropy: ArrayLike = eqx.field(default=-1.0, kw_only=True)
    n_stretches: int = eqx.field(static=True, default=20, kw_only=True)

    def __check_init__(self):
        if self.replay.n_ahead != 1:
            raise ValueError(
                f"SAC looks one step ahead, not n_ahead = {self.replay.n_ahead}."
            )

    def begin(self, key: PRNGKeyArray, spaces: Spaces, example: Step) -> Memory:
        """Random networks, copies of the critics, and an empty ring."""
        known, (low, high) = normaliser(spaces.observation), bounds(spaces)
        inputs = known.inputs
        actor_key, critic_key = jax.random.split(key)
        actor = self.network.begin(actor_key, inputs.size, 2 * low.size)
        critics = jax.vmap(
            lambda key: self.network.begin(key, inputs.size + low.size, 1)
        )(jax.random.split(critic_key))
        players = Players(actor, critics, jnp.log(jnp.float32(TEMPERATURE)))
        row, _ = ravel_pytree(players)
        return Memory(
            SquashedGaussian(inputs, actor, low, high),
            critics,
            players.log_temperature,
            critics,
            known,
            self.optimiser.begin(row),
            self.replay.begin(example, self.rollout),
        )

    def act(
        self, key: PRNGKeyArray, memory: Memory, observations: PyTree, step: Array
    ) -> Array:
        """Drawn from the policy; before there is enough to learn from, any alike."""
        policy = memory.policy
        n_envs, n = self.rollout.n_envs, policy.low.size
        noise_key, any_key = jax.random.split(key)
        noise = jax.random.normal(noise_key, (n_envs, n), jnp.float32)
        drawn, _ = jax.vmap(policy.draw)(jax.vmap(policy.inputs)(observations), noise)
        alike = jax.random.uniform(any_key, (n_envs, n), jnp.float32, -1.0, 1.0)
        unit = jnp.where(step < self.replay.warm_up, alike, drawn)
        return jax.vmap(policy.scaled)(unit)

    def update(
        self, key: PRNGKeyArray, memory: Memory, seen: Step, step: Array
    ) -> Memory:
        """Remember the rollout, and make some updates from all that is remembered."""
        ring, known = memory.ring.add(seen), memory.known.add(seen)
        policy = eqx.tree_at(lambda policy: policy.inputs, memory.policy, known.inputs)
        change = known.change(memory.known)
        row, players = ravel_pytree(
            Players(
                policy.network,
                memory.critics.times(change),
                memory.log_temperature + jnp.log(change),
            )
        )
        trusted, critics = ravel_pytree(memory.trusted.times(change))
        share_key, noise_key = jax.random.split(key)
        shape = (self.replay.n_updates, 2, self.replay.batch_size, policy.low.size)
        noise = jax.random.normal(noise_key, shape, jnp.float32)

        def loss(row, trusted, batch, noise):
            return jnp.mean(
                jax.vmap(self.loss, in_axes=(None, None, None, 0, 0))(
                    players(row), critics(trusted), policy, batch, noise
                )
            )

        def one(carry, drawn):
            row, trusted, optimiser = carry
            share, noise = drawn
            batch = jax.tree.map(lambda leaf: leaf[:, 0], ring.windows(share, 1))
            paid = batch.reward / known.scale
            batch = eqx.tree_at(lambda batch: batch.reward, batch, paid)
            noise = jnp.moveaxis(noise, 0, 1)
            gradient = jax.grad(loss)(row, trusted, batch, noise)
            row, optimiser = self.optimiser.step(row, gradient, optimiser, step)
            own, _ = ravel_pytree(players(row).critics)
            return (row, self.replay.follow(trusted, own), optimiser), None

        start = (row, trusted, memory.optimiser)
        row, trusted, optimiser = jax.lax.cond(
            self.replay.ready(ring),
            lambda: jax.lax.scan(one, start, (self.replay.shares(share_key), noise))[0],
            lambda: start,
        )
        after = players(row)
        policy = eqx.tree_at(lambda policy: policy.network, policy, after.actor)
        return Memory(
            policy,
            after.critics,
            after.log_temperature,
            critics(trusted),
            known,
            optimiser,
            ring,
        )

    def loss(
        self,
        players: Players,
        trusted: Network,
        policy: SquashedGaussian,
        seen: Any,
        noise: Float[Array, "2 entry"],
    ) -> Float[Array, ""]:
        """Of one step: the critics', the actor's and the temperature's together.

        Each is cut from the parameters that it is not about, so that the gradient of
        the sum is the gradient of each.
        """
        here = policy.inputs(seen.observation)
        there = policy.inputs(seen.next_observation)
        actor = eqx.tree_at(lambda policy: policy.network, policy, players.actor)
        fixed = jax.lax.stop_gradient(players)
        temperature = jnp.exp(fixed.log_temperature)

        next_action, next_log = actor.draw(there, noise[0])
        ahead = jnp.min(_judge(trusted, there, next_action)) - temperature * next_log
        worth = target(seen.reward, seen.terminated, ahead, seen.discount)
        own = _judge(players.critics, here, policy.unit(seen.transition))
        critic = 0.5 * jnp.sum((own - jax.lax.stop_gradient(worth)) ** 2)

        action, log = actor.draw(here, noise[1])
        judged = jnp.min(_judge(fixed.critics, here, action))
        acting = temperature * log - judged

        n_free = jnp.sum(policy.free, dtype=jnp.float32)
        held = jnp.asarray(self.entropy, dtype=jnp.float32) * n_free
        price = -players.log_temperature * jax.lax.stop_gradient(log + held)
        return critic + acting + price

    def policy(self, memory: Memory) -> AbstractPolicy:
        """The middle of the actor's actions."""
        return memory.policy


def _judge(
    critics: Network, inputs: Float[Array, " input"], action: Float[Array, " entry"]
) -> Float[Array, "2"]:
    """By both critics."""
    x = jnp.concatenate([inputs, action])
    return jax.vmap(lambda critic: critic(x)[0, 0])(critics)
