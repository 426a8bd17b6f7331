"""Learning in functional worlds: each stretch is one compiled call."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Key, PRNGKeyArray, PyTree

from volition.value.deep.agent import AbstractAgent, Stand
from volition.value.deep.replay import Ring
from volition.value.deep.world import World
from volition.value.faults import (
    LEARNER,
    RETURN,
    Fault,
    check_faults,
    finite,
    first_fault,
    no_fault,
)
from volition.value.learning import Curve


class Loop(eqx.Module):
    """A learner in instances of a functional world."""

    world: World
    agent: AbstractAgent

    def begin(self, key: PRNGKeyArray | Key[Array, " seed"]) -> Stand:
        """Where learning stands before the first step."""
        return begin(key, self.world, self.agent)

    def resume(self, key: PRNGKeyArray | Key[Array, " seed"], after: Stand) -> Stand:
        """Where it stood, if that fits."""
        check(after, eqx.filter_eval_shape(begin, key, self.world, self.agent))
        return after

    def stretch(
        self, key: PRNGKeyArray | Key[Array, " seed"], stand: Stand
    ) -> tuple[Stand, Curve]:
        """One stretch, and its row of the curve.

        Raises:
            ValueError: where an observation or a reward was NaN or infinite, or what
                the learner made of them.
        """
        after, curve, fault = stretch(key, self.world, self.agent, stand)
        env, n_envs = type(self.world.env).__name__, self.world.n_envs
        step = int(np.max(np.asarray(curve.step))) // n_envs
        check_faults(fault, env, self.world.n_tasks, step)
        return after, curve


@eqx.filter_jit
def begin(
    key: PRNGKeyArray | Key[Array, " seed"],
    world: World,
    agent: AbstractAgent,
) -> Stand:
    """Where learning stands before the first step."""

    def one(key):
        where_key, memory_key = jax.random.split(jax.random.fold_in(key, 2**32 - 1))
        where = world.reset(where_key)
        example = jax.eval_shape(world.example, key, where)
        memory = agent.begin(memory_key, world.spaces, example)
        so_far = jnp.zeros(world.n_envs, dtype=jnp.float32)
        return Stand(memory, where, so_far, jnp.int32(0))

    return one(key) if key.ndim == 0 else jax.vmap(one)(key)


@eqx.filter_jit
def stretch(
    key: PRNGKeyArray | Key[Array, " seed"],
    world: World,
    agent: AbstractAgent,
    stand: Stand,
) -> tuple[Stand, Curve, Fault]:
    """One stretch of learning, its row of the curve, and what was not finite in it."""
    if key.ndim == 0:
        return _stretch(key, world, agent, stand)
    # A batch of networks: one after the other takes a fifth longer.
    each = lambda key, stand: _stretch(key, world, agent, stand)
    return jax.vmap(each)(key, stand)


def _stretch(
    key: PRNGKeyArray, world: World, agent: AbstractAgent, stand: Stand
) -> tuple[Stand, Curve, Fault]:
    each, length, n_envs = agent.rollout.n_steps, agent.rollout.length, world.n_envs
    first = stand.stretch * (each * agent.n_rollouts)

    def one_step(carry, keys):
        memory, where, so_far, total, n_episodes, step = carry
        actions = agent.act(keys[-1], memory, world.observe(where), step)
        of_env = keys[:-1].reshape(n_envs, 2)
        seen, where = world.step(of_env, where, actions)
        so_far = so_far + seen.reward
        total = total + jnp.sum(jnp.where(seen.over, so_far, 0.0))
        n_episodes = n_episodes + jnp.sum(seen.over, dtype=jnp.int32)
        so_far = jnp.where(seen.over, 0.0, so_far)
        return (memory, where, so_far, total, n_episodes, step + n_envs), seen

    def one_rollout(carry, keys):
        carry, fault = carry
        of_steps = keys[:-1].reshape(length, 2 * n_envs + 1)
        made = carry[-1] // n_envs
        carry, seen = jax.lax.scan(one_step, carry, of_steps)
        observed = finite((seen.observation, seen.next_observation), 2)
        acted, paid = finite(seen.transition.action, 2), jnp.isfinite(seen.reward)
        fault = fault.then(first_fault(acted, observed, paid, made))
        memory, *rest, step = carry
        memory = agent.update(keys[-1], memory, seen, step)
        return ((memory, *rest, step), fault), None

    zero = jnp.zeros((), dtype=jnp.float32)
    carry = (stand.memory, stand.where, stand.so_far, zero, jnp.int32(0), first)
    # All keys at once: each split by itself takes 50 to 100 ms to compile.
    n_keys = length * (2 * n_envs + 1) + 1
    key = jax.random.fold_in(key, stand.stretch)
    keys = jax.random.split(key, (agent.n_rollouts, n_keys))
    (carry, fault), _ = jax.lax.scan(one_rollout, (carry, no_fault()), keys)
    memory, where, so_far, total, n_episodes, step = carry
    mean = total / n_episodes.astype(jnp.float32)
    after = Stand(memory, where, so_far, stand.stretch + 1)
    own = jnp.where(sound(memory), jnp.int32(0), jnp.int32(LEARNER))
    summed = jnp.isfinite(total) & jnp.all(jnp.isfinite(so_far))
    own = jnp.where(summed, own, jnp.int32(RETURN))
    fault = fault.then(Fault(own, step // n_envs, jnp.int32(0)))
    return after, Curve(step[None], mean[None], n_episodes[None]), fault


def sound(memory: PyTree) -> Bool[Array, ""]:
    """Whether all that a learner made of what it saw is finite."""
    is_ring = lambda node: isinstance(node, Ring)
    nodes = jax.tree.leaves(memory, is_leaf=is_ring)
    leaves = [finite(node, 0) for node in nodes if not is_ring(node)]
    return jnp.all(jnp.stack([one for one in leaves if one is not None]))


def check(stand: Stand, expected: Stand) -> None:
    """Raise where a stand is not of the shape that the method and world make."""
    if jax.tree.structure(stand) != jax.tree.structure(expected):
        raise ValueError(
            "`after` was left by another method or another kind of world: go on with "
            "those that it comes from."
        )
    named = jax.tree_util.tree_leaves_with_path(expected)
    for (path, leaf), found in zip(named, jax.tree.leaves(stand), strict=True):
        if (found.shape, found.dtype) != (leaf.shape, leaf.dtype):
            name = jax.tree_util.keystr(path)
            raise ValueError(
                f"`after` has {found.dtype}{list(found.shape)} for {name}, where this "
                f"agent and world have {leaf.dtype}{list(leaf.shape)}: go on with the "
                "settings and keys that it comes from."
            )
