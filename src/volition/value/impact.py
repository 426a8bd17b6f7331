"""Penalties for changing the world, whatever the reward says: to plan beside one."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from volition.env import FiniteMDP
from volition.value.evaluate import state_distribution
from volition.value.precision import unit_of

CHUNK = 64  # target states looked at together: their values share the successors


def deviation(
    env: FiniteMDP, state: Int[ArrayLike, ""]
) -> Float[Array, "state action"]:
    """How far, in its features, each step leads from a state: the mean distance.

    `sum over s' of P(s'|s,a) |features(s') - features(state)|`, Euclidean.

    Args:
        env: a world whose features are those of the state that a step leads to.
        state: the number of the state that should not change; some step leads there.

    Returns:
        Feature units, `[state, action]`; take a multiple of it from what is paid.

    Example:
        >>> from volition import env
        >>> world = env.room()
        >>> penalty = deviation(world, 2)  # on the door B
        >>> [round(float(one), 3) for one in penalty[2]]  # south, onto the vase: 1.414
        [0.0, 1.414, 1.0, 1.0, 0.0]

    Source: R. Shah et al., "Preferences implicit in the state of the world", ICLR 2019,
    section 5.2.
    """
    leads_there = (env.successor == state) & (env.probability > 0)
    features = env.features.reshape(-1, env.features.shape[-1])
    present = features[jnp.argmax(leads_there.reshape(-1))]
    apart = env.features - present[None, None, None]
    # Over their size, as the square of a number can be 0, or infinite, which is not.
    unit = unit_of(apart)
    distance = unit * jnp.sqrt(jnp.sum((apart / unit) ** 2, axis=-1))
    return jnp.sum(env.probability * distance, axis=-1)


def relative_reachability(
    env: FiniteMDP,
    state: Int[ArrayLike, ""],
    *,
    idle: int,
    n_steps: int,
    ahead: int,
) -> Float[Array, "time state action"]:
    """What each step makes harder to reach than if nothing had been done.

    With `c(s, k)` the greatest probability of standing in state `k`, `ahead` steps
    after `s`, the penalty for being in `s` at time `t` is `sum over k of
    max(c(b, k) - c(s, k), 0)`, its mean over where the world would stand if the person
    had been idle, `b`; divided by the greatest of all such penalties.

    Args:
        env: the world; the work grows with the square of its states.
        state: the number of the present state.
        idle: the action that is doing nothing.
        n_steps: for how long is acted from now on.
        ahead: how many steps ahead is looked.

    Returns:
        In `[0, 1]`, of each step, `[time, state, action]`; take a multiple of it from
        what is paid, and give that to `induction`.

    Example:
        >>> from volition import env
        >>> penalty = relative_reachability(env.room(), 2, idle=4, n_steps=9, ahead=9)
        >>> [round(float(one), 2) for one in penalty[0, 2]]  # south: onto the vase
        [0.0, 1.0, 0.0, 0.0, 0.0]

    Source: V. Krakovna et al., "Penalizing side effects using stepwise relative
    reachability", arXiv 1806.01186, section 3; as in R. Shah et al., ICLR 2019: without
    a discount, after a number of steps in place of ever, and normalised.
    """
    at = jax.nn.one_hot(state, env.n_states, dtype=env.initial.dtype)
    world = eqx.tree_at(lambda env: env.initial, env, at)
    alone = jax.nn.one_hot(idle, env.n_actions, dtype=env.initial.dtype)
    shape = (n_steps, env.n_states, env.n_actions)
    mass = state_distribution(world, jnp.broadcast_to(alone, shape))
    left_alone = jnp.asarray(np.flatnonzero(np.asarray(mass).any(axis=0)))
    lost = jnp.zeros((left_alone.shape[0], env.n_states), dtype=mass.dtype)
    targets = _reachable(env, np.asarray(left_alone), ahead)
    # Padded by a state that there is not, which nobody reaches.
    targets = np.append(targets, np.full(-len(targets) % CHUNK, env.n_states))
    for chunk in targets.reshape(-1, CHUNK).astype(np.int32):
        lost += _lost(env, left_alone, jnp.asarray(chunk), ahead)
    penalty = mass[:, left_alone] @ lost
    penalty = penalty / jnp.maximum(jnp.max(penalty), jnp.finfo(penalty.dtype).tiny)
    each = env.probability[None] * penalty[1:][:, env.successor]
    return jnp.sum(each, axis=-1)


def _reachable(env: FiniteMDP, begins: np.ndarray, n_steps: int) -> np.ndarray:
    """The states where one can be after a number of steps."""
    successor, possible = np.asarray(env.successor), np.asarray(env.probability) > 0
    here = np.zeros(env.n_states, dtype=bool)
    here[begins] = True
    for _ in range(n_steps):
        after = np.zeros_like(here)
        after[successor[here][possible[here]]] = True
        here = after
    return np.flatnonzero(here)


@eqx.filter_jit
def _lost(
    env: FiniteMDP,
    begins: Int[Array, " begin"],
    targets: Int[Array, " target"],
    n_steps: int,
) -> Float[Array, "begin state"]:
    """By how much each state reaches targets less surely than where one may begin."""
    here = jnp.arange(env.n_states, dtype=jnp.int32)
    chance = (here[:, None] == targets[None]).astype(env.probability.dtype)

    def back(chance, _):
        q = jnp.zeros((*env.successor.shape[:2], targets.shape[0]), chance.dtype)
        for branch in range(env.successor.shape[2]):
            ahead = chance[env.successor[:, :, branch]]
            q = q + env.probability[:, :, branch, None] * ahead
        return jnp.max(q, axis=1), None

    chance, _ = jax.lax.scan(back, chance, length=n_steps)

    def one(begin):
        return jnp.sum(jnp.maximum(chance[begin][None] - chance, 0.0), axis=-1)

    return jax.lax.map(one, begins)
