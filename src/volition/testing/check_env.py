"""A check of the environment contract."""

import re
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key, PRNGKeyArray, PyTree

from volition.env import AbstractEnvironment, FiniteMDP
from volition.testing.check_finite_mdp import check_finite_mdp

_REMEDY = "draw from the key alone, not from a global generator"


class Played(eqx.Module):
    """What episodes showed: of the state before each step, and of the step."""

    observation: PyTree
    inside: Bool[Array, "*batch"]
    terminated: Bool[Array, "*batch"]
    truncated: Bool[Array, "*batch"]
    features: Float[Array, "*batch feature"]
    told_terminated: Bool[Array, "*batch"]


def check_env(
    env: AbstractEnvironment,
    *,
    key: PRNGKeyArray | None = None,
    n_episodes: int = 8,
    n_steps: int = 32,
) -> None:
    """Check that an environment keeps the contract that everything here relies on.

    It compiles and batches; its state keeps its structure, so that it can be scanned;
    the same key gives the same bits; observations lie in their space; terminated and
    truncated are scalars, never both; a terminated state stays; features are as many as
    named and finite; the discount is in `[0, 1]`. A finite MDP is checked number by
    number too, see `check_finite_mdp`.

    Args:
        env: the world to check.
        key: of the random episodes; default `jax.random.key(0)`.
        n_episodes: how many are played, at least 1.
        n_steps: steps of each, at least 2; ends are seen only where random actions
            reach one within them.

    Raises:
        ValueError: for the first thing that is wrong, in a sentence that says what,
            where, and what to do.

    Example:
        >>> from volition.env import gridworld
        >>> check_env(gridworld(["S.G"]))
    """
    key = jax.random.key(0) if key is None else key
    _check_names(env)
    _check_discount(env)
    if isinstance(env, FiniteMDP):
        check_finite_mdp(env)
    _check_shapes(env, key)
    _check_traces(env, key)
    keys = jax.random.split(key, n_episodes)
    play = _players(env, n_steps)
    played = play(keys)
    _check_same(
        played,
        play(keys),
        f"differs between two runs with the same key: {_REMEDY}",
    )
    _check_same(
        jax.tree.map(lambda leaf: leaf[::-1], played),
        play(keys[::-1]),
        "depends on its place in a batch: keep instances apart",
    )
    _check_ends(env, played)
    _check_values(env, played)


def _check_names(env: AbstractEnvironment) -> None:
    names = env.feature_names
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                f"the feature {name!r} is named twice in feature_info: give each a "
                "name of its own."
            )


def _check_discount(env: AbstractEnvironment) -> None:
    discount = np.asarray(env.discount)
    if discount.shape != () or not 0.0 <= discount <= 1.0:
        raise ValueError(f"discount is {discount}: give one number in [0, 1].")


def _check_shapes(env: AbstractEnvironment, key: PRNGKeyArray) -> None:
    """Everything that tracing alone can tell."""
    state = _trace("reset", lambda env, key: env.reset(key), env, key)
    action = _trace(
        "action_space", lambda env, key: env.action_space.sample(key), env, key
    )
    after = _trace(
        "step", lambda env, *given: env.step(*given), env, key, state, action
    )
    if jax.tree.structure(state) != jax.tree.structure(after):
        raise ValueError(
            "step returns a state of another structure than reset "
            f"({jax.tree.structure(after)}, not {jax.tree.structure(state)}): return "
            "the same kind of state from both."
        )
    leaves = zip(jax.tree.leaves_with_path(state), jax.tree.leaves(after), strict=True)
    for (path, before), leaf in leaves:
        if (before.shape, before.dtype) != (leaf.shape, leaf.dtype):
            raise ValueError(
                f"state{jax.tree_util.keystr(path)} is {before.dtype}{before.shape} "
                f"after reset and {leaf.dtype}{leaf.shape} after step: cast or reshape "
                "it, so that episodes can be scanned."
            )
    for name in ("terminated", "truncated"):
        flag = _trace(
            name, lambda env, state, name=name: getattr(env, name)(state), env, state
        )
        if getattr(flag, "shape", None) != () or flag.dtype != bool:
            raise ValueError(f"{name} gives {flag}: return a boolean scalar.")
    transition = _trace(
        "transition",
        lambda env, *given: env.transition(*given),
        env,
        state,
        action,
        after,
    )
    shape = jnp.shape(transition.features)
    if shape != (len(env.feature_names),):
        raise ValueError(
            f"transition gives features of the shape {shape}, but feature_info names "
            f"{len(env.feature_names)}: make them as many."
        )
    _trace("observe", lambda env, state: env.observe(state), env, state)
    _trace("scene", lambda env, state: env.scene(state), env, state)


def _trace(name: str, fn: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return eqx.filter_eval_shape(fn, *arguments)
    except Exception as error:
        first_line = str(error).strip().split("\n")[0]
        raise ValueError(
            f"{name} cannot be compiled ({type(error).__name__}: {first_line}): write "
            "it in jax.numpy, without Python branches on values."
        ) from error


def _check_traces(env: AbstractEnvironment, key: PRNGKeyArray) -> None:
    """Whether tracing twice gives the same program: a draw in Python would be in it."""

    def reset_and_step(env, key):
        state = env.reset(key)
        return env.step(key, state, env.action_space.sample(key))

    def program():
        # A new function each time, as traces are kept by function.
        anew = eqx.filter_make_jaxpr(lambda env, key: reset_and_step(env, key))
        traced, _, _ = anew(env, key)
        # Where functions lie in memory differs from trace to trace.
        text = re.sub("0x[0-9a-f]+", "", str(traced))
        return text, [_bits(np.asarray(constant)) for constant in traced.consts]

    if program() != program():
        raise ValueError(f"reset and step differ from trace to trace: {_REMEDY}.")


def _players(
    env: AbstractEnvironment, n_steps: int
) -> Callable[[Key[Array, " episode"]], Played]:
    """A compiled function that plays episodes with random actions."""

    def episode(env, key):
        def one_step(state, step_key):
            act_key, move_key = jax.random.split(step_key)
            action = env.action_space.sample(act_key)
            after = env.step(move_key, state, action)
            told = env.transition(state, action, after)
            observation = env.observe(state)
            return after, Played(
                observation=observation,
                inside=env.observation_space.contains(observation),
                terminated=env.terminated(state),
                truncated=env.truncated(state),
                features=jnp.asarray(told.features),
                told_terminated=jnp.asarray(told.terminated),
            )

        keys = jax.random.split(key, n_steps + 1)
        return jax.lax.scan(one_step, env.reset(keys[0]), keys[1:])[1]

    batch = eqx.filter_jit(lambda env, keys: jax.vmap(lambda k: episode(env, k))(keys))

    def play(keys):
        try:
            return jax.tree.map(np.asarray, batch(env, keys))
        except Exception as error:
            first_line = str(error).strip().split("\n")[0]
            raise ValueError(
                f"episodes cannot be compiled and batched ({type(error).__name__}: "
                f"{first_line}): write every method for one instance, in jax.numpy."
            ) from error

    return play


def _check_same(one: PyTree, other: PyTree, sentence: str) -> None:
    pairs = zip(jax.tree.leaves_with_path(one), jax.tree.leaves(other), strict=True)
    for (path, a), b in pairs:
        if _bits(a) != _bits(b):
            name = jax.tree_util.keystr(path).lstrip(".")
            raise ValueError(f"an episode's {name} {sentence}.")


def _bits(array: np.ndarray) -> bytes:
    return np.ascontiguousarray(array).tobytes()


def _check_ends(env: AbstractEnvironment, played: Played) -> None:
    terminated, truncated = np.asarray(played.terminated), np.asarray(played.truncated)
    if (wrong := terminated & truncated).any():
        raise ValueError(
            f"a state after {wrong.any(axis=0).argmax()} steps is both terminated and "
            "truncated: an outcome comes first, so let truncated exclude terminated."
        )
    if (terminated | truncated)[:, 0].any():
        raise ValueError(
            "an episode is over when it begins: let reset avoid such states."
        )
    was, stays = terminated[:, :-1], terminated[:, 1:]
    for leaf in jax.tree.leaves(played.observation):
        moved = leaf[:, 1:] != leaf[:, :-1]
        stays = stays & ~moved.reshape(*was.shape, -1).any(axis=-1)
    if (wrong := was & ~stays).any():
        raise ValueError(
            f"a terminated state is left in step {wrong.any(axis=0).argmax()}: let "
            "step return it as it is."
        )
    told = np.asarray(played.told_terminated)[:, :-1]
    if (wrong := told != terminated[:, 1:]).any():
        raise ValueError(
            f"transition and terminated disagree on step {wrong.any(axis=0).argmax()}: "
            "set Transition.terminated to terminated(next_state)."
        )


def _check_values(env: AbstractEnvironment, played: Played) -> None:
    if (wrong := ~np.asarray(played.inside)).any():
        raise ValueError(
            f"an observation after {wrong.any(axis=0).argmax()} steps lies outside "
            f"observation_space, {env.observation_space}: widen the space, or give the "
            "observation its shape, type and range."
        )
    if (wrong := ~np.isfinite(np.asarray(played.features))).any():
        _, step, feature = np.unravel_index(int(wrong.argmax()), wrong.shape)
        raise ValueError(
            f"feature {env.feature_names[feature]!r} is not finite in step {step}: "
            "guard the division or the logarithm that it comes from."
        )
