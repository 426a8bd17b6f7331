"""Behaviour cloning: the actions that were demonstrated, as classes to predict."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Int, PRNGKeyArray

from volition.env import AbstractEnvironment, HostEnv
from volition.env.inputs import AbstractInputs
from volition.inference.expected import expect_behaviour
from volition.inference.irl.steps import demonstrated, inputs_over
from volition.policy import Segment
from volition.value.deep import MLP, Adam, SoftNetwork
from volition.value.deep.optimiser import AbstractOptimiser


class Passes(eqx.Module):
    """How demonstrations are gone through.

    Args:
        max_epochs: at most so often.
        batch_size: steps for each step of the optimiser.
        held_out: share of the demonstrations that is not learned from, in `[0, 1)`, but
            says when to stop.
        patience: passes without a better prediction of those before it stops.

    Raises:
        ValueError: where one is no such number.
    """

    max_epochs: int = eqx.field(static=True, default=100)
    batch_size: int = eqx.field(static=True, default=256)
    held_out: float = eqx.field(static=True, default=0.2, kw_only=True)
    patience: int = eqx.field(static=True, default=5, kw_only=True)

    def __check_init__(self):
        if min(self.max_epochs, self.batch_size, self.patience) < 1:
            raise ValueError("max_epochs, batch_size and patience are at least 1.")
        if not 0.0 <= self.held_out < 1.0:
            raise ValueError(f"held_out = {self.held_out} is a share, in [0, 1).")


class Cloned(eqx.Module):
    """A policy that does what was demonstrated.

    Args:
        policy: draws actions as probable as its network says; `policy.greedy` takes the
            most probable.
        cross_entropy: mean `-log pi(a|s)` of the steps that were learned from, nats,
            `[epoch]`.
        held_out: the same of those held out, nats; NaN where none was, `[epoch]`.
        best: the pass, from 0, whose policy this is.
    """

    policy: SoftNetwork
    cross_entropy: Float[np.ndarray, " epoch"]
    held_out: Float[np.ndarray, " epoch"]
    best: int


def behaviour_cloning(
    key: PRNGKeyArray,
    env: AbstractEnvironment | HostEnv,
    demonstrations: Segment,
    *,
    network: MLP | None = None,
    optimiser: AbstractOptimiser | None = None,
    passes: Passes | None = None,
) -> Cloned:
    """The policy under which what was demonstrated is most likely.

    Minimises the cross-entropy, the mean of `-log pi(a|s)` over the steps. Whole
    demonstrations are held out, as steps of one are alike; learning stops when they are
    predicted no better, and the best policy is kept. Of a single demonstration nothing
    is held out. All passes are one compiled call.

    Args:
        key: consumed.
        env: the world, whose actions are numbered; also one on the host.
        demonstrations: whole episodes, `[demonstration, time]`, of any length.
        network: its shape; `MLP((64, 64))` if left out.
        optimiser: `Adam(1e-3)` if left out.
        passes: how they are gone through.

    Raises:
        ValueError: where demonstrations are none of this world, see `demonstrated`.

    Example:
        >>> from volition import env, policy
        >>> world = env.CartPole()
        >>> made = policy.episodes(
        ...     jax.random.key(0), world, policy.Always(1), n_episodes=5, time_limit=9
        ... )
        >>> found = behaviour_cloning(jax.random.key(1), world, made)
        >>> seen = world.observe(world.reset(jax.random.key(2)))
        >>> int(found.policy.greedy(jax.random.key(3), seen))
        1

    Source: D. A. Pomerleau, "Efficient training of artificial neural networks for
    autonomous navigation", Neural Computation 3 (1991), 88-97. Differs: classes in
    place of a bump of units.
    """
    expect_behaviour(env, demonstrations, "behaviour_cloning", host=True, key=key)
    network = MLP() if network is None else network
    optimiser = Adam(1e-3) if optimiser is None else optimiser
    passes = Passes() if passes is None else passes
    told = demonstrated(env, demonstrations)
    split_key, begin_key, key = jax.random.split(key, 3)
    inputs = inputs_over(env, told)
    x = np.asarray(jax.vmap(inputs)(told.observation))
    n_held = min(
        round(passes.held_out * told.n_demonstrations), told.n_demonstrations - 1
    )
    order = np.asarray(jax.random.permutation(split_key, told.n_demonstrations))
    held = np.isin(told.number, order[:n_held])
    parts = [(x[rows], told.action[rows]) for rows in (~held, held)]
    start, begun = _begin(begin_key, network, inputs, told.n_actions)
    row, losses, best, n_made = _fit(
        key, start, begun, optimiser, passes, *map(jnp.asarray, (*parts[0], *parts[1]))
    )
    _, unravel = ravel_pytree(begun)
    losses = np.asarray(losses)[: int(n_made)]
    policy = SoftNetwork(inputs, unravel(row), jnp.float32(1.0))
    return Cloned(policy, losses[:, 0], losses[:, 1], int(best))


@eqx.filter_jit
def _begin(key, network: MLP, inputs: AbstractInputs, n_actions: int):
    begun = network.begin(key, inputs.size, n_actions)
    return ravel_pytree(begun)[0], begun


@eqx.filter_jit
def _fit(
    key: PRNGKeyArray,
    start: Float[Array, " parameter"],
    begun,
    optimiser: AbstractOptimiser,
    passes: Passes,
    x: Float[Array, "step input"],
    action: Int[Array, " step"],
    x_held: Float[Array, "held input"],
    action_held: Int[Array, " held"],
):
    """The best parameters, losses of each pass, the best pass, and how many there were.

    Losses are `[epoch, 2]`: of the steps that were learned from, and of those held out.
    """
    _, unravel = ravel_pytree(begun)
    n_steps, n_held = x.shape[0], x_held.shape[0]
    size = min(passes.batch_size, n_steps)
    n_batches = max(n_steps // size, 1)

    def loss(row, x, action):
        logits = jnp.mean(jax.vmap(unravel(row))(x), axis=-1)
        here = jax.nn.one_hot(action, logits.shape[-1], dtype=logits.dtype)
        return -jnp.mean(jnp.sum(jax.nn.log_softmax(logits) * here, axis=-1))

    def step(carry, chosen):
        row, memory = carry
        told, gradient = jax.value_and_grad(loss)(row, x[chosen], action[chosen])
        return optimiser.step(row, gradient, memory, jnp.int32(0)), told

    def epoch(carry):
        row, memory, losses, best_row, best, number = carry
        drawn = jax.random.permutation(jax.random.fold_in(key, number), n_steps)
        chosen = drawn[: n_batches * size].reshape(n_batches, size)
        (row, memory), told = jax.lax.scan(step, (row, memory), chosen)
        held = loss(row, x_held, action_held) if n_held else jnp.float32(jnp.nan)
        losses = losses.at[number].set(jnp.stack([jnp.mean(told), held]))
        # Of nothing held out the last pass is the best.
        better = (held < losses[best, 1]) | (number == 0) | (n_held == 0)
        best_row = jnp.where(better, row, best_row)
        return (
            row,
            memory,
            losses,
            best_row,
            jnp.where(better, number, best),
            number + 1,
        )

    def unfinished(carry):
        *_, best, number = carry
        return (number < passes.max_epochs) & (number - best <= passes.patience)

    losses = jnp.full((passes.max_epochs, 2), jnp.nan, dtype=jnp.float32)
    begin = (start, optimiser.begin(start), losses, start, jnp.int32(0), jnp.int32(0))
    _, _, losses, best_row, best, n_made = jax.lax.while_loop(unfinished, epoch, begin)
    return best_row, losses, best, n_made
