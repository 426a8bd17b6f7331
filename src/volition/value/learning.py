"""The verb: learn to act from experience, by whatever method is given."""

import abc
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, PRNGKeyArray, PyTree

from volition.env import AbstractEnvironment, HostEnv
from volition.expect import expect, expect_key
from volition.policy import AbstractPolicy
from volition.reward import AbstractReward, expect_reward


class Curve(eqx.Module):
    """How learning went, in equal stretches of steps.

    Args:
        step: steps made at the end of each stretch, `[stretch]`.
        mean_return: mean undiscounted return of the episodes that ended in it, reward
            units; NaN where none ended, `[stretch]`.
        n_episodes: how many ended in it, `[stretch]`.
    """

    step: Int[Array, "*seed stretch"]
    mean_return: Float[Array, "*seed stretch"]
    n_episodes: Int[Array, "*seed stretch"]


def joined(curves: Sequence[Curve]) -> Curve:
    """Stretches one after the other."""
    # By NumPy, as each number of stretches would be a shape to compile for.
    return jax.tree.map(
        lambda *parts: jnp.asarray(
            np.concatenate([np.asarray(part) for part in parts], axis=-1)
        ),
        *curves,
    )


# Told after each stretch: the steps made so far, and the curve so far.
Progress = Callable[[int, Curve], object]


class AbstractLearned(eqx.Module):
    """What a method found: a policy, how it got there, and where it stopped."""

    policy: eqx.AbstractVar[AbstractPolicy]
    curve: eqx.AbstractVar[Curve]
    stand: eqx.AbstractVar[PyTree]


Found = TypeVar("Found", bound=AbstractLearned)


class AbstractMethod(eqx.Module, Generic[Found]):
    """A way to learn, with its settings: a frozen pytree."""

    @abc.abstractmethod
    def learn(
        self,
        key: PRNGKeyArray | Key[Array, " seed"],
        env: AbstractEnvironment | tuple[AbstractEnvironment, ...] | HostEnv,
        reward: AbstractReward,
        *,
        after: PyTree = None,
        progress: Progress | None = None,
    ) -> Found:
        """See `volition.value.learn`."""


def learn(
    key: PRNGKeyArray | Key[Array, " seed"],
    env: AbstractEnvironment | tuple[AbstractEnvironment, ...] | HostEnv,
    reward: AbstractReward,
    method: AbstractMethod[Found],
    *,
    after: PyTree = None,
    progress: Progress | None = None,
) -> Found:
    """Learn to act in a world, or in all tasks of a family, from experience alone.

    Give several keys, `jax.random.split(key, n)`, to learn with several seeds in one
    compilation: every leaf of the result then has a leading axis `[seed]`.

    Args:
        key: one key, or an array of them; consumed.
        env: the world; or, for deep learners, several tasks of one shape, such as
            `family.train`, or an environment of Gymnasium's, `volition.env.host_env`.
        reward: what its transitions are worth.
        method: the learner, such as `QLearning(n_steps)` or `PQN()`.
        after: where an earlier call stopped, its result's `stand`, to go on from there:
            with the same key and stretches of the same length as if it had never
            stopped, and in another world of the same shape if one is given.
        progress: called after each stretch with the steps so far and the curve so far.

    Returns:
        What the method finds: at least a `policy`, a `curve`, and the `stand` to go on
        from.

    Raises:
        TypeError: where an argument is of another kind.
        ValueError: where the method cannot learn in such a world, the reward reads
            features that the world does not have, or `after` is of another shape.

    Example:
        >>> import jax
        >>> from volition import env, reward
        >>> from volition.value import QLearning
        >>> world = env.cliff_walking()
        >>> method = QLearning(20_000, step_size=0.5)
        >>> learned = learn(jax.random.key(0), world, reward.cliff_walking(), method)
        >>> float(learned.q[36].max())  # 13 steps along the edge
        -13.0
    """
    expect_key(key, several=True)
    kinds = (AbstractEnvironment, HostEnv, tuple)
    expect(
        env,
        kinds,
        "the environment",
        "give a world, its tasks as a tuple, or a vl.env.host_env",
    )
    expect_reward(reward)
    expect(
        method,
        AbstractMethod,
        "the method",
        "give a learner, such as vl.value.QLearning(n_steps) or vl.value.PQN()",
    )
    return method.learn(key, env, reward, after=after, progress=progress)
