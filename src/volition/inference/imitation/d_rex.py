"""D-REX: demonstrations that rank themselves, by how much noise they bear."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from volition.env import AbstractEnvironment, Discrete
from volition.human import AbstractHuman
from volition.inference.expected import expect_behaviour
from volition.inference.imitation.cloning import behaviour_cloning
from volition.inference.irl.t_rex import t_rex
from volition.inference.map import AbstractMethod
from volition.inference.posterior import Posterior
from volition.inference.prior import AbstractPrior
from volition.policy import AbstractPolicy, Mixed, Random, Segment, episode
from volition.reward import AbstractReward, reading

NOISES = (1.0, 0.75, 0.5, 0.25, 0.0)  # ours; the paper takes 20 levels down to 0.01


class Ranked(eqx.Module):
    """What came of ranking a clone's episodes by their noise.

    Args:
        posterior: over the reward that the ranks speak for; `posterior.mean` is one.
        policy: the clone.
        rollouts: its episodes, `[rollout, time]`.
        noise: share of random actions in each, `[rollout]`.
    """

    posterior: Posterior
    policy: AbstractPolicy
    rollouts: Segment
    noise: Float[np.ndarray, " rollout"]

    @property
    def ranks(self) -> Int[np.ndarray, " rollout"]:
        """Of each: the less noise, the higher."""
        return np.unique(-self.noise, return_inverse=True)[1].reshape(-1)


def noisy_rollouts(
    key: PRNGKeyArray,
    env: AbstractEnvironment,
    policy: AbstractPolicy,
    noise: Float[np.ndarray, " rollout"],
    length: int,
) -> Segment:
    """Episodes of a policy, a share of whose actions are random.

    Args:
        key: consumed.
        env: the world, whose actions are numbered.
        policy: who acts.
        noise: probability of a random action at each step of each episode, in `[0, 1]`,
            `[rollout]`.
        length: steps of each, if it does not end before.

    Raises:
        ValueError: where actions are not numbered, or noise is no probability.

    Example:
        >>> from volition import env, policy
        >>> world = env.gridworld(["S.."])
        >>> made = noisy_rollouts(
        ...     jax.random.key(0), world, policy.Always(3), np.array([0.0, 1.0]), 2
        ... )
        >>> made.transition.action[0].tolist()
        [3, 3]
    """
    space = env.action_space
    if not isinstance(space, Discrete):
        raise ValueError(
            f"the actions are {space}, not numbers: noise is drawn among discrete ones."
        )
    if noise.size == 0 or not ((noise >= 0.0) & (noise <= 1.0)).all():
        raise ValueError(f"noise = {noise} is probabilities, each in [0, 1].")
    shares = jnp.asarray(noise, dtype=float)
    return _acted(key, env, policy, shares, space.n, length)


def d_rex(
    key: PRNGKeyArray,
    env: AbstractEnvironment,
    demonstrations: Segment,
    reward: AbstractReward,
    *,
    policy: AbstractPolicy | None = None,
    noises: tuple[float, ...] = NOISES,
    n_each: int = 5,
    n_steps: int = 100,
    n_comparisons: int = 1000,
    length: int = 50,
    later: bool = False,
    human: AbstractHuman | None = None,
    method: AbstractMethod | None = None,
    prior: AbstractPrior | None = None,
) -> Ranked:
    """A reward from demonstrations that nobody ranked, which can do better than them.

    A clone of the demonstrations acts with more and more of its actions at random. What
    it does is taken to be the worse, the more noise there is, and these ranks give a
    reward as in `t_rex`. This holds where the demonstrator does better than chance.

    Args:
        key: consumed.
        env: the world, whose actions are numbered.
        demonstrations: whole episodes, `[demonstration, time]`, of any length.
        reward: its form.
        policy: a clone of the demonstrations; `behaviour_cloning`'s if left out.
        noises: shares of random actions, at least two different ones, in `[0, 1]`.
        n_each: episodes with each.
        n_steps: of each episode, if it does not end before.
        n_comparisons: as in `t_rex`.
        length: steps of each part that is compared.
        later: see `ranked_comparisons`.
        human: as in `t_rex`.
        method: likewise.
        prior: likewise.

    Raises:
        ValueError: where a number is out of range, or demonstrations are none of this
            world.
        RuntimeError: where inference did not converge.

    Example:
        >>> from volition import env, policy, reward
        >>> world = env.gridworld(["S...."], discount=0.9)
        >>> made = policy.episodes(
        ...     jax.random.key(0), world, policy.Always(3), n_episodes=2, time_limit=8
        ... )
        >>> found = d_rex(
        ...     jax.random.key(1),
        ...     world,
        ...     made,
        ...     reward.Tabular(jnp.zeros(5)),
        ...     n_steps=9,
        ...     length=9,
        ... )
        >>> int(jnp.argmax(found.posterior.mean.values))
        4

    Source: D. S. Brown, W. Goo, S. Niekum, "Better-than-Demonstrator Imitation Learning
    via Automatically-Ranked Demonstrations", CoRL 2019, arXiv 1907.03976, algorithm 1.
    """
    expect_behaviour(env, demonstrations, "d_rex", key=key, reward=reward)
    reward = reading(reward, env.feature_names)
    if min(n_each, n_steps) < 1 or len(set(noises)) < 2:
        raise ValueError(
            f"n_each = {n_each} and n_steps = {n_steps} are at least 1, and of noises "
            f"= {noises} there are at least two different ones."
        )
    clone_key, act_key, fit_key = jax.random.split(key, 3)
    if policy is None:
        policy = behaviour_cloning(clone_key, env, demonstrations).policy
    noise = np.repeat(np.asarray(noises, dtype=float), n_each)
    rollouts = noisy_rollouts(act_key, env, policy, noise, n_steps)
    posterior = t_rex(
        fit_key,
        rollouts,
        reward,
        np.unique(-noise, return_inverse=True)[1].reshape(-1),
        n_comparisons=n_comparisons,
        length=length,
        later=later,
        human=human,
        method=method,
        prior=prior,
    )
    return Ranked(posterior, policy, rollouts, noise)


@eqx.filter_jit
def _acted(
    key: PRNGKeyArray,
    env: AbstractEnvironment,
    policy: AbstractPolicy,
    noise: Float[Array, " rollout"],
    n_actions: int,
    length: int,
) -> Segment:
    def one(key, share):
        return episode(key, env, Mixed(Random(n_actions), policy, share), length)

    return jax.vmap(one)(jax.random.split(key, noise.shape[0]), noise)
