"""Policies by whole episodes, in worlds that have no table."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from volition.env import AbstractEnvironment
from volition.env.expected import expect_env
from volition.expect import expect_key
from volition.policy import AbstractPolicy, episode
from volition.policy.expected import expect_policy
from volition.reward import AbstractReward, expect_reward, reading


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
    reward = reading(reward, env.feature_names)
    return _play(key, env, policy, reward, n_episodes, n_steps)


@eqx.filter_jit
def _play(
    key: PRNGKeyArray,
    env: AbstractEnvironment,
    policy: AbstractPolicy,
    reward: AbstractReward,
    n_episodes: int,
    n_steps: int,
) -> Episodes:
    def one(key: PRNGKeyArray) -> Episodes:
        seen = episode(key, env, policy, n_steps)
        paid = jax.vmap(reward)(seen.transition)
        features = jnp.asarray(seen.transition.features)
        weight = seen.weight
        return Episodes(
            returns=jnp.sum(jnp.where(weight > 0, paid, 0.0)),
            lengths=jnp.sum(weight > 0, dtype=jnp.int32),
            terminated=seen.ended,
            features=jnp.sum(features * weight[:, None], axis=0),
        )

    return jax.vmap(one)(jax.random.split(key, n_episodes))
