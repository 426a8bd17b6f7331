"""Whole episodes: what behaviour is inferred from."""

from collections.abc import Sequence
from typing import TypeVar, cast, overload

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Key, PRNGKeyArray, PyTree

from volition.env import AbstractEnvironment, HostEnv
from volition.expect import expect_key
from volition.policy.expected import expect_policy
from volition.policy.finite import Finite, check_finite, finite_steps
from volition.policy.host import act
from volition.policy.policy import AbstractPolicy
from volition.policy.rollout import episode
from volition.policy.segment import Segment

Task = TypeVar("Task", AbstractEnvironment, HostEnv)


@overload
def episodes(
    key: PRNGKeyArray,
    env: AbstractEnvironment | HostEnv,
    policy: AbstractPolicy,
    *,
    n_episodes: int,
    time_limit: int,
) -> Segment: ...
@overload
def episodes(
    key: PRNGKeyArray,
    env: Sequence[Task],
    policy: AbstractPolicy,
    *,
    n_episodes: int,
    time_limit: int,
) -> tuple[Segment, ...]: ...
def episodes(
    key: PRNGKeyArray,
    env: AbstractEnvironment | HostEnv | Sequence[Task],
    policy: AbstractPolicy,
    *,
    n_episodes: int,
    time_limit: int,
) -> Segment | tuple[Segment, ...]:
    """Whole episodes of a policy, each from its start: demonstrations, for instance.

    An episode goes on until an outcome ends it. The environment's own time limit or
    `time_limit` truncates it: that is no end, and what would have followed is not
    known. Which episodes are kept is settled before they begin, so that long and short
    ones are as frequent as they are. Windows for comparisons are drawn by `rollout`.

    Args:
        key: consumed.
        env: a world, a sequence of tasks (such as `family.train`), or an environment on
            the host, see `env.host_env`.
        policy: who acts.
        n_episodes: how many, in each task, at least 1.
        time_limit: steps after which an episode is truncated, at least 1.

    Returns:
        A batch `[episode, time]`, marked as whole episodes; of several tasks a tuple
        with a batch for each. What lies behind an outcome is absorbing, what lies
        behind the environment's own time limit is padding.

    Raises:
        TypeError: where the key, the environment or the policy is something else.
        ValueError: where there is no episode to act, no step, or no task, or where an
            observation, an action or a feature is NaN or infinite.

    Example:
        >>> from volition.env import gridworld
        >>> from volition.policy import Always
        >>> world = gridworld(["S.G"])
        >>> seen = episodes(
        ...     jax.random.key(0), world, Always(3), n_episodes=2, time_limit=4
        ... )
        >>> seen.weight.tolist(), seen.transition.terminated[:, -1].tolist()
        ([[1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0]], [True, True])
    """
    expect_key(key)
    expect_policy(policy)
    if min(n_episodes, time_limit) < 1:
        raise ValueError(
            f"n_episodes = {n_episodes} and time_limit = {time_limit} must be at least "
            "1."
        )
    if isinstance(env, AbstractEnvironment):
        keys = jax.random.split(key, n_episodes)
        segments, finite = _functional(keys, env, policy, time_limit)
        check_finite(env, finite)
        return segments
    if isinstance(env, HostEnv):
        return _host(key, env, policy, n_episodes, time_limit)
    if not isinstance(env, Sequence) or isinstance(env, str):
        raise TypeError(
            f"env is of type {type(env).__name__}: give an environment of Volition's, "
            "a sequence of them, or volition.env.host_env of a Gymnasium environment."
        )
    if not env:
        raise ValueError("there is no task: give at least one environment.")
    keys = jax.random.split(key, len(env))
    return tuple(
        episodes(one_key, task, policy, n_episodes=n_episodes, time_limit=time_limit)
        for one_key, task in zip(keys, env, strict=True)
    )


@eqx.filter_jit
def _functional(
    keys: Key[Array, " episode"],
    env: AbstractEnvironment,
    policy: AbstractPolicy,
    time_limit: int,
) -> tuple[Segment, Finite]:
    def one(key: PRNGKeyArray) -> tuple[Segment, Finite]:
        seen = episode(key, env, policy, time_limit)
        return seen, finite_steps(env, seen.transition, seen.weight)

    return jax.vmap(one)(keys)


def _host(
    key: PRNGKeyArray,
    env: HostEnv,
    policy: AbstractPolicy,
    n_episodes: int,
    time_limit: int,
) -> Segment:
    """Rounds of one episode in each copy, so that none is counted for being short."""
    seed_key, key = jax.random.split(key)
    seed = int(jax.random.randint(seed_key, (), 0, 2**31 - 1, dtype=jnp.int32))
    parts: list[Segment] = []
    for number in range(-(-n_episodes // env.n_envs)):
        round_seed = (seed + number * env.n_envs) % 2**31
        parts.append(
            _round(jax.random.fold_in(key, number), env, policy, round_seed, time_limit)
        )
    joined = jax.tree.map(lambda *leaves: np.concatenate(leaves)[:n_episodes], *parts)
    return cast("Segment", jax.tree.map(jnp.asarray, joined))


def _round(
    key: PRNGKeyArray, env: HostEnv, policy: AbstractPolicy, seed: int, time_limit: int
) -> Segment:
    """One episode in each copy, `[env, time]`."""
    over = np.zeros(env.n_envs, dtype=bool)
    truncated = np.zeros(env.n_envs, dtype=bool)
    made, present, steps = [], [], []
    observation, last = env.reset(seed), None
    for number in range(time_limit):
        made.append(~over)
        present.append(~truncated)
        if last is not None and over.all():
            steps.append(last)  # nothing is left to act; what was made last stays
            continue
        keys = jax.random.split(jax.random.fold_in(key, number), env.n_envs)
        actions = np.asarray(act(policy, keys, observation))
        step = env.step(actions)
        last = _held(env.transition(observation, actions, step), last, over)
        steps.append(last)
        observation = step.observation
        truncated = truncated | (~over & step.truncated & ~step.terminated)
        over = over | step.terminated | step.truncated
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves, axis=1), *steps)
    weight = np.stack(made, axis=1).astype(stacked.features.dtype)
    return Segment(
        stacked, jnp.asarray(weight), jnp.asarray(np.stack(present, axis=1)), True
    )


def _held(step: PyTree, last: PyTree | None, over: Bool[np.ndarray, " env"]) -> PyTree:
    """The step of each copy, or that it stays where its episode led, for nothing."""
    step = jax.tree.map(np.asarray, step)
    if last is None:
        return step
    keep = lambda old, new: np.where(
        over.reshape(-1, *[1] * (np.ndim(new) - 1)), old, new
    )
    return eqx.tree_at(
        lambda one: (
            one.state,
            one.action,
            one.next_state,
            one.features,
            one.terminated,
        ),
        step,
        (
            jax.tree.map(keep, last.next_state, step.state),
            keep(last.action, step.action),
            jax.tree.map(keep, last.next_state, step.next_state),
            keep(np.zeros_like(step.features), step.features),
            keep(last.terminated, step.terminated),
        ),
    )
