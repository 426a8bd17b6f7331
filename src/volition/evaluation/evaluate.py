"""The verb `evaluate`: what a policy earns, or the policy that a reward leads to."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from volition.env import AbstractEnvironment, Family, FiniteMDP, HostEnv
from volition.env.expected import expect_env, expect_finite
from volition.evaluation.episodes import play
from volition.evaluation.estimate import Estimate, mean_over, share_of
from volition.evaluation.policies import worst_tie_break
from volition.expect import expect_key
from volition.inference import Posterior
from volition.policy import AbstractPolicy, host_episodes
from volition.policy.expected import expect_policy
from volition.reward import AbstractReward, expect_reward
from volition.value import plan

Tasks = AbstractEnvironment | HostEnv | Family | Sequence[AbstractEnvironment | HostEnv]


class Evaluation(eqx.Module):
    """What a policy earned, over episodes of one task or over several tasks.

    Args:
        returns: mean undiscounted return, reward units.
        lengths: mean number of steps.
        terminated: share of episodes that an outcome ended, the others being cut off by
            a time limit.
        tasks: the return in each task, over its episodes, in their order.
    """

    returns: Estimate
    lengths: Estimate
    terminated: Estimate
    tasks: tuple[Estimate, ...]


def evaluate(
    subject: AbstractPolicy | AbstractReward | Posterior,
    env: Tasks,
    truth: AbstractReward | None = None,
    *,
    n_episodes: int = 100,
    n_steps: int = 1000,
    key: PRNGKeyArray | None = None,
) -> Evaluation:
    """Measure by whole episodes what a policy earns.

    A reward, or the mean reward of a posterior, stands for the policy that is optimal
    for it, in finite worlds: of several the one that earns least by the truth.

    Args:
        subject: a policy; or a reward or a posterior, to be optimised first.
        env: the world; several tasks as a tuple; of a family, those held out are
            played (`family.train` are the others); or an environment on the host.
        truth: what is wanted, the reward that scores; left out on the host, where the
            environment pays by itself.
        n_episodes: in each task, at least 2.
        n_steps: after which an episode of a functional world is cut off.
        key: `jax.random.key(0)` if left out; the same one begins the same episodes for
            every policy.

    Returns:
        Means with their 95 % intervals: over the episodes of one task, over the tasks
        where there are several.

    Raises:
        TypeError: where an argument is of another kind.
        ValueError: where the true reward is missing, or given on the host; for fewer
            than 2 episodes, no step, or no task; where an optimal policy is wanted and
            a task has none.

    Example:
        >>> from volition import env, policy, reward
        >>> world, truth = env.delivery(), reward.delivery_true()
        >>> found = evaluate(truth, world, truth, n_episodes=200)
        >>> found.returns.n, round(found.terminated.value, 3)
        (200, 1.0)
        >>> evaluate(policy.Random(4), world, truth).returns.value < found.returns.low
        True
    """
    if n_episodes < 2 or n_steps < 1:
        raise ValueError(
            f"n_episodes = {n_episodes} must be at least 2, as an interval needs two, "
            f"and n_steps = {n_steps} at least 1."
        )
    key = jax.random.key(0) if key is None else key
    expect_key(key)
    if truth is not None:
        expect_reward(truth, "the truth")
    if isinstance(subject, Posterior):
        subject = subject.mean
    if not isinstance(subject, AbstractReward):
        expect_policy(subject, "what is evaluated")
    tasks = env.held_out if isinstance(env, Family) else env
    tasks = tuple(tasks) if isinstance(tasks, tuple | list) else (tasks,)
    if not tasks:
        raise ValueError("there is no task to evaluate in: give at least one.")
    keys = jax.random.split(key, len(tasks))
    seen = [
        _seen(one_key, _policy(subject, task, truth), task, truth, n_episodes, n_steps)
        for one_key, task in zip(keys, tasks, strict=True)
    ]
    by_task = tuple(mean_over(returns, "episodes") for returns, _, _ in seen)
    if len(seen) == 1:
        ((_, lengths, ended),) = seen
        share = share_of(int(ended.sum()), len(ended), "episodes")
        return Evaluation(by_task[0], mean_over(lengths, "episodes"), share, by_task)
    over = [
        mean_over(np.array([part[which].mean() for part in seen]), "tasks")
        for which in range(3)
    ]
    return Evaluation(over[0], over[1], over[2].within(0.0, 1.0), by_task)


def _policy(
    subject: AbstractPolicy | AbstractReward, task: Any, truth: AbstractReward | None
) -> AbstractPolicy:
    """Who acts in a task."""
    if not isinstance(subject, AbstractReward):
        return subject
    learn = "learn a policy with vl.learn, and evaluate that"
    expect_finite(task, "evaluate, of a reward,", learn)
    assert isinstance(task, FiniteMDP)
    if truth is None:
        raise ValueError(_NO_TRUTH)
    plan(task, subject)  # raises where it cannot be optimised
    return worst_tie_break(task, subject, truth)


_NO_TRUTH = (
    "there is nothing to score by: give the true reward, such as evaluate(policy, env, "
    "vl.reward.delivery_true())."
)


def _seen(
    key: PRNGKeyArray,
    policy: AbstractPolicy,
    task: Any,
    truth: AbstractReward | None,
    n_episodes: int,
    n_steps: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns, lengths, and which episodes an outcome ended."""
    if isinstance(task, HostEnv):
        if truth is not None:
            raise ValueError(
                "an environment on the host is scored by what it pays itself: leave "
                "the truth out, or pay it with vl.env.gym.RewardWrapper."
            )
        draw_key, act_key = jax.random.split(key)
        drawn = jax.random.randint(draw_key, (), 0, 2**31 - 1, dtype=jnp.int32)
        met = host_episodes(
            act_key, task, policy, n_episodes=n_episodes, seed=int(drawn)
        )
        return met.returns, met.lengths.astype(float), met.terminated
    expect_env(task, "evaluate", "give a vl.env.host_env")
    if truth is None:
        raise ValueError(_NO_TRUTH)
    found = play(key, task, policy, truth, n_episodes=n_episodes, n_steps=n_steps)
    returns, lengths = (
        np.asarray(one, float) for one in (found.returns, found.lengths)
    )
    return returns, lengths, np.asarray(found.terminated)
