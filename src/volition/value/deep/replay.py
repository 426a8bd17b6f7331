"""Replay: a ring of what was seen, and how a learner learns from it."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int, PRNGKeyArray, PyTree

from volition.reward import AbstractReward
from volition.value.deep.world import Rollout, Step


class Ring(eqx.Module):
    """The last steps of every instance, the newest over the oldest.

    Args:
        seen: leaves `[slot, env]`.
        position: the slot that is written next.
        filled: how many slots hold something.
    """

    seen: Step
    position: Int[Array, "*seed"]
    filled: Int[Array, "*seed"]

    def add(self, seen: Step) -> "Ring":
        """With a rollout, `[time, env]`, of the length that the ring was made for."""
        length, n_slots = seen.over.shape[0], self.seen.over.shape[0]

        def write(ring, new):
            new = new.astype(ring.dtype)
            return jax.lax.dynamic_update_slice_in_dim(ring, new, self.position, 0)

        return Ring(
            jax.tree.map(write, self.seen, seen),
            (self.position + length) % n_slots,
            jnp.minimum(self.filled + length, n_slots),
        )

    def windows(self, share: Float[Array, "batch 2"], length: int) -> Step:
        """Stretches of steps of one instance each, all that there are alike.

        Args:
            share: uniform in `[0, 1)`: along the slots, and along the instances.
            length: steps in a row; at an end of an episode a new one begins.

        Returns:
            Leaves `[batch, time]`; without the transitions.
        """
        n_slots, n_envs = self.seen.over.shape
        n_starts = self.filled - (length - 1)
        oldest = jnp.where(self.filled < n_slots, 0, self.position)
        # Rounding must not reach one place further.
        along = share[:, 0] * n_starts.astype(jnp.float32)
        start = jnp.minimum(along.astype(jnp.int32), n_starts - 1)
        env = jnp.minimum((share[:, 1] * n_envs).astype(jnp.int32), n_envs - 1)
        ahead = jnp.arange(length, dtype=jnp.int32)
        slot = (oldest + start[:, None] + ahead[None, :]) % n_slots
        flat = slot * n_envs + env[:, None]
        pick = lambda leaf: leaf.reshape(-1, *leaf.shape[2:])[flat]
        action = self.seen.transition.action
        lean = eqx.tree_at(lambda seen: seen.transition, self.seen, action)
        return jax.tree.map(pick, lean)

    def relabel(self, reward: AbstractReward) -> "Ring":
        """With the rewards of all steps by another reward."""
        each = jax.vmap(reward)
        for _ in range(self.seen.over.ndim - 1):
            each = jax.vmap(each)
        paid = each(self.seen.transition).astype(self.seen.reward.dtype)
        return eqx.tree_at(lambda ring: ring.seen.reward, self, paid)


@eqx.filter_jit
def relabel(stand: PyTree, reward: AbstractReward) -> PyTree:
    """Where learning stands, with what it remembers paid by another reward.

    For rewards that change while a learner goes on: `learn(..., new_reward, method,
    after=relabel(found.stand, new_reward))`. What was never seen is paid, too, and
    never used.

    Args:
        stand: of a learner with replay; others come back as they are.
        reward: the new one.

    Example:
        >>> from volition import env, reward
        >>> from volition.value import DQN, Replay, learn
        >>> world = env.CartPole()
        >>> method = DQN(512, replay=Replay(capacity=512, warm_up=256), n_stretches=1)
        >>> key = jax.random.key(0)
        >>> stand = learn(key, world, reward.cartpole(), method).stand
        >>> worse = reward.Linear(world.feature_names, [0.0, -3.0])
        >>> rewards = relabel(stand, worse).memory.ring.seen.reward
        >>> float(rewards.min()), float(rewards.max())
        (-3.0, 0.0)

    Source: K. Lee, L. Smith, P. Abbeel, "PEBBLE", ICML 2021, arXiv 2106.05091,
    algorithm 2.
    """
    is_ring = lambda node: isinstance(node, Ring)
    anew = lambda node: node.relabel(reward) if is_ring(node) else node
    return jax.tree.map(anew, stand, is_leaf=is_ring)


class Replay(eqx.Module):
    """How a learner learns from what it remembers.

    Args:
        capacity: steps that are remembered, of all instances together, rounded up to
            whole rollouts.
        batch_size: stretches of steps in each update.
        n_updates: steps of the optimiser behind each rollout.
        warm_up: steps before the first update.
        n_ahead: steps in a row whose rewards a target sums, the n of n-step returns.
        target_rate: share in `(0, 1]` by which the target network goes towards the one
            that is learning, at each update.
    """

    capacity: int = eqx.field(static=True, default=50_000)
    batch_size: int = eqx.field(static=True, default=128)
    n_updates: int = eqx.field(static=True, default=4, kw_only=True)
    warm_up: int = eqx.field(static=True, default=1_000, kw_only=True)
    n_ahead: int = eqx.field(static=True, default=1, kw_only=True)
    target_rate: ArrayLike = eqx.field(default=0.01, kw_only=True)

    def __check_init__(self):
        if min(self.capacity, self.batch_size, self.n_updates, self.n_ahead) < 1:
            raise ValueError(
                "capacity, batch_size, n_updates and n_ahead of a replay are at least "
                "1."
            )
        if self.warm_up > self.capacity:
            raise ValueError(
                f"warm_up = {self.warm_up} steps do not fit into a capacity of "
                f"{self.capacity}: no update would ever be made."
            )

    def begin(self, example: Step, rollout: Rollout) -> Ring:
        """An empty ring.

        Args:
            example: a step of each instance, of which the shapes alone matter.
            rollout: what will be added at a time.
        """
        n_rollouts = -(-max(self.capacity, self.n_ahead) // rollout.n_steps)
        n_slots = n_rollouts * rollout.length
        empty = jax.tree.map(
            lambda leaf: jnp.zeros((n_slots, *leaf.shape), leaf.dtype), example
        )
        return Ring(empty, jnp.int32(0), jnp.int32(0))

    def ready(self, ring: Ring) -> Array:
        """Whether there is enough to learn from."""
        n_envs = ring.seen.over.shape[1]
        enough = max(-(-self.warm_up // n_envs), self.n_ahead)
        return ring.filled >= enough

    def shares(self, key: PRNGKeyArray) -> Float[Array, "update batch 2"]:
        """Random numbers for all updates behind a rollout."""
        shape = (self.n_updates, self.batch_size, 2)
        return jax.random.uniform(key, shape, jnp.float32)

    def follow(self, target: Array, row: Array) -> Array:
        """The target network's parameters behind an update."""
        rate = jnp.asarray(self.target_rate, dtype=row.dtype)
        return target + rate * (row - target)
