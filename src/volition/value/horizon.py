"""Planning over a finite horizon: backward induction."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from volition.env import FiniteMDP
from volition.env.leaf import check_positive
from volition.reward import AbstractReward
from volition.value.bellman import backup, checked_reward, soft_maximum
from volition.value.precision import in_double, in_precision


class HorizonPlan(eqx.Module):
    """A policy for each step of a finite horizon.

    Args:
        value: of each state at each step, reward units, `[time + 1, state]`; the last
            row is 0.
        policies: probability of each action at each step, `[time, state, action]`.
    """

    value: Float[Array, "points state"]
    policies: Float[Array, "time state action"]


def backward_induction(
    env: FiniteMDP,
    reward: AbstractReward,
    horizon: int,
    *,
    temperature: ArrayLike | None = None,
) -> HorizonPlan:
    """The best policy for a fixed number of steps, from the last step backwards.

    It is computed in 64 bits. Of actions that are equal but for rounding the first is
    taken, so that the unit of the reward changes no policy.

    Args:
        env: the world; its discount applies.
        reward: what its transitions are worth.
        horizon: how many steps are made, at least 1.
        temperature: reward units per nat for the soft (maximum causal entropy) policy,
            above 0; left out, the policy is greedy.

    Raises:
        ValueError: where the reward is not finite or does not fit the world, or a
            number is out of its range.

    Example:
        >>> from volition import env, reward
        >>> found = backward_induction(env.delivery(), reward.delivery_true(), 3)
        >>> round(float(found.value[0, 59]), 3)  # three steps above the goal
        46.902

    Source: R. Bellman, "Dynamic Programming", 1957; the soft form is algorithm 9.1 of
    B. D. Ziebart, PhD thesis, 2010.
    """
    if horizon < 1:
        raise ValueError(f"horizon = {horizon} must be at least 1.")
    if temperature is not None:
        check_positive("temperature", jnp.asarray(temperature))
    paid = checked_reward(env, reward)
    return _induction(env, paid, horizon, temperature)


@in_double
@eqx.filter_jit
def _induction(
    env: FiniteMDP,
    paid: Float[Array, "state action"],
    horizon: int,
    temperature: ArrayLike | None,
) -> HorizonPlan:
    return induction(env, paid, horizon, temperature=temperature)


def induction(
    env: FiniteMDP,
    paid: Float[Array, "*time state action"],
    horizon: int,
    *,
    temperature: ArrayLike | None = None,
) -> HorizonPlan:
    """`backward_induction` of an expected reward; pure, for use inside `jit`.

    Args:
        env: the world; its discount applies.
        paid: as `expected_reward` gives it, or such an array for each of the steps.
        horizon: how many steps are made, at least 1.
        temperature: reward units per nat; left out, the policy is greedy.
    """
    rounding = 64 * float(jnp.finfo(env.probability.dtype).eps)
    env = in_precision(env, paid.dtype)

    def one(value, now):
        q = backup(env, paid if now is None else now, value)
        if temperature is None:
            best = jnp.max(q, axis=-1)
            slack = rounding * jnp.max(jnp.abs(q))
            first = jnp.argmax(q >= best[:, None] - slack, axis=-1)
            policy = jax.nn.one_hot(first, env.n_actions, dtype=q.dtype)
        else:
            policy = jax.nn.softmax(q / temperature, axis=-1)
            best = soft_maximum(q, temperature)
        best = jnp.where(env.terminal, 0.0, best)
        return best, (best, policy)

    last = jnp.zeros(env.n_states, dtype=paid.dtype)
    each = paid if paid.ndim == 3 else None
    _, (values, policies) = jax.lax.scan(one, last, each, length=horizon, reverse=True)
    return HorizonPlan(jnp.concatenate([values, last[None]]), policies)
