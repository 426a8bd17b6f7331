"""Policies by whole episodes, in worlds that have no table."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from volition.env import AbstractEnvironment, FiniteMDP
from volition.env.expected import expect_env
from volition.expect import expect_key
from volition.policy import AbstractPolicy, episode
from volition.policy.expected import expect_policy
from volition.policy.finite import Finite, check_finite, finite_steps
from volition.reward import (
    AbstractReward,
    check_weights,
    check_world,
    expect_reward,
    reading,
)


class Episodes(eqx.Module):
    """What episodes came to.

    Args:
        returns: undiscounted, reward units, `[episode]`.
        lengths: steps made, `[episode]`.
        terminated: whether an outcome ended it, `[episode]`.
        features: of all its steps added up, `[episode, feature]`.
    """

    returns: Float[Array, "*batch"]
    lengths: Int[Array, "*batch"]
    terminated: Bool[Array, "*batch"]
    features: Float[Array, "*batch feature"]


def play(
    key: PRNGKeyArray,
    env: AbstractEnvironment,
    policy: AbstractPolicy,
    reward: AbstractReward,
    *,
    n_episodes: int,
    n_steps: int,
) -> Episodes:
    """Play whole episodes, all at once.

    Args:
        key: consumed; the same key begins the same episodes for every policy.
        env: the world.
        policy: who acts.
        reward: what steps are worth.
        n_episodes: how many.
        n_steps: after which an episode is left, if it is not over.

    Raises:
        ValueError: where the reward reads features that the world does not have, or is
            a table of another size; where an observation, an action, a feature or a
            reward is NaN or infinite, with episode and step.

    Example:
        >>> from volition import env, policy, reward
        >>> seen = play(
        ...     jax.random.key(0),
        ...     env.CartPole(),
        ...     policy.Random(2),
        ...     reward.cartpole(),
        ...     n_episodes=4,
        ...     n_steps=500,
        ... )
        >>> seen.returns.tolist() == seen.lengths.tolist()
        True
    """
    expect_key(key)
    expect_env(env, "play", "episodes on the host are played by vl.evaluate")
    expect_policy(policy)
    expect_reward(reward)
    check_weights(reward)
    if isinstance(env, FiniteMDP):
        check_world(reward, env)
    reward = reading(reward, env.feature_names)
    played, finite, paid = _play(key, env, policy, reward, n_episodes, n_steps)
    check_finite(env, finite)
    if not isinstance(paid, Tracer) and not paid.all():
        episode, step = (int(number) for number in np.argwhere(~np.asarray(paid))[0])
        raise ValueError(
            f"the reward at step {step + 1} of episode {episode} in "
            f"{type(env).__name__} is NaN or infinite: correct the reward, or the "
            "features and states that it reads."
        )
    return played


@eqx.filter_jit
def _play(
    key: PRNGKeyArray,
    env: AbstractEnvironment,
    policy: AbstractPolicy,
    reward: AbstractReward,
    n_episodes: int,
    n_steps: int,
) -> tuple[Episodes, Finite, Bool[Array, "episode time"]]:
    """Also whether what was seen and paid at each step is finite."""

    def one(key: PRNGKeyArray) -> tuple[Episodes, Finite, Bool[Array, " time"]]:
        seen = episode(key, env, policy, n_steps)
        paid = jax.vmap(reward)(seen.transition)
        features = jnp.asarray(seen.transition.features)
        weight = seen.weight
        played = Episodes(
            returns=jnp.sum(jnp.where(weight > 0, paid, 0.0)),
            lengths=jnp.sum(weight > 0, dtype=jnp.int32),
            terminated=seen.ended,
            features=jnp.sum(features * weight[:, None], axis=0),
        )
        finite = finite_steps(env, seen.transition, weight)
        return played, finite, (weight == 0) | jnp.isfinite(paid)

    return jax.vmap(one)(jax.random.split(key, n_episodes))
