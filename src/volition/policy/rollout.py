"""Rollouts: what happens when a policy acts."""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Bool, Int, PRNGKeyArray, PyTree, Shaped

from volition.env import AbstractEnvironment, Transition
from volition.env.expected import expect_env
from volition.expect import expect_key
from volition.policy.expected import expect_policy
from volition.policy.finite import Finite, check_finite, finite_steps
from volition.policy.policy import AbstractPolicy
from volition.policy.segment import Segment

ON_HOST = "episodes on the host are played by vl.policy.host_episodes"


def episode(
    key: PRNGKeyArray, env: AbstractEnvironment, policy: AbstractPolicy, n_steps: int
) -> Segment:
    """One episode from its start, as a segment of `n_steps` steps; see `episodes`.

    Args:
        key: consumed.
        env: the world.
        policy: who acts in it.
        n_steps: length of the window, at least 1; what lies behind the end of a shorter
            episode is absorbing (terminated) or padding (truncated).

    Example:
        >>> from volition.env import delivery
        >>> from volition.policy import Random
        >>> seen = episode(jax.random.key(0), delivery(), Random(4), 5)
        >>> seen.length
        5
    """
    expect_key(key)
    expect_env(env, "episode", ON_HOST)
    expect_policy(policy)
    reset_key, steps_key = jax.random.split(key)
    return continued(steps_key, env, policy, env.reset(reset_key), n_steps)


def continued(
    key: PRNGKeyArray,
    env: AbstractEnvironment,
    policy: AbstractPolicy,
    state: PyTree,
    n_steps: int,
) -> Segment:
    """What happens from a state on, as a segment of `n_steps` steps.

    Args:
        key: consumed.
        env: the world.
        policy: who acts in it.
        state: in which it begins, such as one that somebody else came to.
        n_steps: length of the window, at least 1; see `episode`.

    Example:
        >>> from volition.env import CartPole
        >>> from volition.policy import Always
        >>> begun = episode(jax.random.key(0), CartPole(), Always(0), 3)
        >>> seen = continued(jax.random.key(1), CartPole(), Always(1), begun.end, 2)
        >>> seen.transition.state.time.tolist()
        [3, 4]
    """
    choose_fn = lambda key, state, _: policy(key, env.observe(state))
    made = _made(key, env, choose_fn, state, n_steps)
    _check(env, made)
    return made


def act_out(
    key: PRNGKeyArray, env: AbstractEnvironment, actions: Shaped[Array, " time *action"]
) -> Segment:
    """One episode in which the actions are a list, whatever is seen.

    Args:
        key: consumed; the same one brings the same turns of chance as for `episode`.
        env: the world.
        actions: one for each step.

    Example:
        >>> from volition.env import delivery
        >>> seen = act_out(jax.random.key(0), delivery(), jnp.zeros(5, jnp.int32))
        >>> seen.transition.action.tolist()
        [0, 0, 0, 0, 0]
    """
    reset_key, steps_key = jax.random.split(key)
    choose_fn = lambda _, state, step: actions[step]
    made = _made(steps_key, env, choose_fn, env.reset(reset_key), actions.shape[0])
    _check(env, made)
    return made


_steps_of = eqx.filter_jit(finite_steps)


def _check(env: AbstractEnvironment, made: Segment) -> None:
    """Raise where something is not finite, unless this is traced."""
    if not any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(made)):
        check_finite(env, _steps_of(env, made.transition, made.weight))


def _made(
    key: PRNGKeyArray,
    env: AbstractEnvironment,
    choose_fn: Callable[[PRNGKeyArray, PyTree, Array], Any],
    state: PyTree,
    n_steps: int,
) -> Segment:
    def one_step(state, inputs):
        step_key, step = inputs
        act_key, move_key = jax.random.split(step_key)
        terminated, truncated = env.terminated(state), env.truncated(state)
        over = terminated | truncated
        action = choose_fn(act_key, state, step)
        moved = env.step(move_key, state, action)
        moved = jax.tree.map(lambda new, old: jnp.where(over, old, new), moved, state)
        transition = env.transition(state, action, moved)
        features = jnp.asarray(transition.features)
        transition = eqx.tree_at(
            lambda made: (made.features, made.terminated),
            transition,
            (jnp.where(over, 0.0, features), env.terminated(moved)),
        )
        weight = jnp.where(over, 0.0, jnp.ones((), dtype=features.dtype))
        return moved, (transition, weight, ~truncated)

    numbers = jnp.arange(n_steps, dtype=jnp.int32)
    inputs = (jax.random.split(key, n_steps), numbers)
    _, steps = jax.lax.scan(one_step, state, inputs)
    return Segment(*steps, True)


def window(segment: Segment, start: Int[ArrayLike, ""], length: int) -> Segment:
    """The part of a single segment that begins at a step; may reach behind its end.

    It is not marked as a whole episode, see `Segment`.

    Args:
        segment: a single episode.
        start: first step of the window, in `0 .. segment.length - 1`.
        length: steps in the window.
    """
    start = jnp.asarray(start)
    steps = start + jnp.arange(length, dtype=start.dtype)
    inside = steps < segment.length
    position = jnp.minimum(steps, segment.length - 1)
    cut = jax.tree.map(lambda leaf: leaf[position], segment)
    # Behind the end of the record: absorbing where the episode had terminated.
    weight = jnp.where(inside, cut.weight, 0.0)
    transition = jax.vmap(_rest)(inside, cut.transition)
    present = cut.present & (inside | segment.ended)
    return Segment(transition, weight, present)


def _rest(made: Bool[Array, ""], step: Transition) -> Transition:
    """A step that was made as it is, else one that stays where it led, for nothing."""
    state = jax.tree.map(
        lambda was, led: jnp.where(made, was, led), step.state, step.next_state
    )
    features = jnp.where(made, jnp.asarray(step.features), 0.0)
    return Transition(state, step.action, step.next_state, features, step.terminated)


def rollout(
    key: PRNGKeyArray,
    env: AbstractEnvironment | Sequence[AbstractEnvironment],
    policy: AbstractPolicy,
    *,
    n_segments: int,
    length: int,
    n_steps: int | None = None,
) -> Segment:
    """Windows of as many independent episodes, each cut at random: for comparisons.

    Not for what is inferred from behaviour: long episodes are over-represented at each
    step, see `episodes`. A window begins at a random step of its episode and never
    crosses a time limit, so only an episode shorter than the window leaves padding; one
    that terminates inside the window is kept, its rest absorbing.

    Args:
        key: consumed.
        env: the world; or several tasks of one kind, such as `family.train`, which
            share the segments as equally as can be, those of the first task first.
        policy: who acts in it.
        n_segments: how many segments, one from each episode.
        length: steps in each.
        n_steps: steps of each episode; default four times `length`.

    Returns:
        A batch of segments, `[segment, time]`.

    Raises:
        TypeError: where the key, the environment or the policy is something else.
        ValueError: where there is no task, or fewer segments than tasks, or where an
            observation, an action or a feature is NaN or infinite, with episode and
            step.

    Example:
        >>> from volition.env import delivery
        >>> from volition.policy import Random
        >>> pool = rollout(
        ...     jax.random.key(0), delivery(), Random(4), n_segments=6, length=3
        ... )
        >>> pool.weight.shape
        (6, 3)
    """
    expect_key(key)
    expect_policy(policy)
    n_steps = 4 * length if n_steps is None else n_steps
    if not isinstance(env, tuple | list):
        expect_env(env, "rollout", ON_HOST)
    if isinstance(env, AbstractEnvironment):
        return _checked_windows(key, env, policy, n_segments, length, n_steps)
    if not 1 <= len(env) <= n_segments:
        raise ValueError(
            f"{len(env)} tasks are to share n_segments = {n_segments}: give at least "
            "one task, and a segment for each."
        )
    for task in env:
        expect_env(task, "rollout", ON_HOST)
    each, more = divmod(n_segments, len(env))
    parts = [
        _checked_windows(one_key, task, policy, each + (number < more), length, n_steps)
        for number, (one_key, task) in enumerate(
            zip(jax.random.split(key, len(env)), env, strict=True)
        )
    ]
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *parts)


def _checked_windows(
    key: PRNGKeyArray,
    env: AbstractEnvironment,
    policy: AbstractPolicy,
    n_segments: int,
    length: int,
    n_steps: int,
) -> Segment:
    segments, finite = _windows(key, env, policy, n_segments, length, n_steps)
    check_finite(env, finite)
    return segments


@eqx.filter_jit
def _windows(
    key: PRNGKeyArray,
    env: AbstractEnvironment,
    policy: AbstractPolicy,
    n_segments: int,
    length: int,
    n_steps: int,
) -> tuple[Segment, Finite]:
    def one(one_key):
        episode_key, cut_key = jax.random.split(one_key)
        whole = episode(episode_key, env, policy, n_steps)
        made = jnp.sum(whole.weight > 0, dtype=jnp.int32)
        # Any step of an episode that terminated, else one that leaves a whole window.
        latest = jnp.where(whole.ended, made - 1, made - length)
        start = jax.random.randint(cut_key, (), 0, jnp.maximum(latest, 0) + 1)
        cut = window(whole, start, length)
        return cut, finite_steps(env, cut.transition, cut.weight)

    return jax.vmap(one)(jax.random.split(key, n_segments))
