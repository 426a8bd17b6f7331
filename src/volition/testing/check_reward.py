"""A check of the reward contract."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, PRNGKeyArray, PyTree

from volition import record
from volition.env import AbstractEnvironment, Space, Transition
from volition.policy import AbstractPolicy, Segment, episode
from volition.reward import AbstractReward, reading


class _Anything(AbstractPolicy):
    """Whatever the space of actions holds."""

    space: Space

    def __call__(self, key: PRNGKeyArray, observation: PyTree) -> Any:
        del observation
        return self.space.sample(key)


def check_reward(
    reward: AbstractReward,
    env: AbstractEnvironment,
    *,
    key: PRNGKeyArray | None = None,
    n_episodes: int = 4,
    n_steps: int = 16,
) -> None:
    """Check that a reward keeps the contract that everything here relies on.

    It reads only features that the environment has; it compiles, and in a batch is
    worth what it is alone; it is one finite number on every transition, the absorbing
    ones behind an end included, as their weight of 0 would not cancel a NaN; its
    gradient in what is learned of it is finite; saved as JSON or beside arrays and read
    back, it gives the same values bit for bit.

    Args:
        reward: what to check.
        env: a world that it is meant for.
        key: of the random episodes; default `jax.random.key(0)`.
        n_episodes: how many are played, at least 1.
        n_steps: steps of each, at least 1.

    Raises:
        ValueError: for the first thing that is wrong, in a sentence that says what,
            where, and what to do.

    Example:
        >>> from volition.env import gridworld
        >>> from volition.reward import Linear
        >>> world = gridworld(["S.G"])
        >>> check_reward(Linear(world.feature_names, [-0.1, 1.0, -1.0]), world)
    """
    reward = reading(reward, env.feature_names)
    key = jax.random.key(0) if key is None else key
    policy = _Anything(env.action_space)
    seen = _play(env, policy, jax.random.split(key, n_episodes), n_steps)
    # In NumPy, where no shape waits for a compiler.
    transitions = jax.tree.map(
        lambda leaf: jnp.asarray(np.asarray(leaf).reshape(-1, *leaf.shape[2:])),
        seen.transition,
    )
    first = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)[0]), transitions)
    _check_kind(reward, first)
    values = _values(reward, transitions)
    _check_finite(values, "the reward")
    _check_alone(reward, transitions, values)
    _check_gradient(reward, transitions)
    text = json.dumps(record.to_json(reward))
    trust = record.foreign_parts(reward)  # its own: whoever checks it runs it
    back = record.from_json(json.loads(text), trust=trust)
    _check_same(back, transitions, values, "JSON")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reward.json"
        record.save(reward, path)
        _check_same(record.load(path, trust=trust), transitions, values, "a file")


@eqx.filter_jit
def _play(
    env: AbstractEnvironment,
    policy: AbstractPolicy,
    keys: Key[Array, " episode"],
    n_steps: int,
) -> Segment:
    return jax.vmap(lambda key: episode(key, env, policy, n_steps))(keys)


@eqx.filter_jit
def _one(reward: Callable[..., Any], transition: Transition) -> Any:
    return reward(transition)


@eqx.filter_jit
def _slopes(reward: AbstractReward, transitions: Transition) -> PyTree:
    arrays, rest = eqx.partition(reward, reward.learned())

    def total(arrays: PyTree) -> Float[Array, ""]:
        return jnp.sum(jax.vmap(eqx.combine(arrays, rest))(transitions))

    return jax.grad(total)(arrays)


@eqx.filter_jit
def _batch(reward: Callable[..., Any], transitions: Transition) -> Any:
    return jax.vmap(reward)(transitions)


def _values(
    reward: AbstractReward, transitions: Transition
) -> Float[np.ndarray, " step"]:
    try:
        return np.asarray(_batch(reward, transitions))
    except Exception as error:
        raise ValueError(
            f"the reward cannot be compiled and batched ({_first_line(error)}): write "
            "it for one transition, in jax.numpy, without Python branches on values."
        ) from error


def _check_kind(reward: AbstractReward, transition: Transition) -> None:
    try:
        value = eqx.filter_eval_shape(reward, transition)
    except Exception as error:
        raise ValueError(
            f"the reward cannot be traced ({_first_line(error)}): write it for one "
            "transition, in jax.numpy, without Python branches on values."
        ) from error
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape != () or dtype is None or not jnp.issubdtype(dtype, jnp.floating):
        raise ValueError(
            f"the reward of one transition is {value}: return a floating-point scalar."
        )


def _check_finite(values: np.ndarray, name: str) -> None:
    if (wrong := ~np.isfinite(values)).any():
        step = int(wrong.argmax())
        raise ValueError(
            f"{name} is {values[step]} on transition {step}: guard the division or the "
            "logarithm that it comes from, behind an end too."
        )


def _check_alone(
    reward: AbstractReward, transitions: Transition, values: np.ndarray
) -> None:
    """A batch may round in another order, so the comparison leaves half the digits."""
    # Networks compute with fewer digits than their value has.
    kinds = [values.dtype, *(leaf.dtype for leaf in _learned(reward))]
    rounding = max(np.finfo(kind).eps for kind in kinds)
    slack = float(np.sqrt(rounding)) * (1.0 + np.abs(values).max())
    for step in range(0, len(values), max(1, len(values) // 8)):
        one = jax.tree.map(lambda leaf, at=step: np.asarray(leaf)[at], transitions)
        value = _one(reward, jax.tree.map(jnp.asarray, one))
        if not abs(float(value) - values[step]) <= slack:
            raise ValueError(
                f"transition {step} is worth {float(value)} alone and {values[step]} "
                "in a batch: let the reward depend on nothing but its transition."
            )


def _learned(reward: AbstractReward) -> list[Array]:
    return jax.tree.leaves(eqx.filter(reward, reward.learned()))


def _check_gradient(reward: AbstractReward, transitions: Transition) -> None:
    try:
        slopes = _slopes(reward, transitions)
    except Exception as error:
        raise ValueError(
            f"the reward has no gradient in its arrays ({_first_line(error)}): use "
            "operations that JAX can differentiate."
        ) from error
    for path, slope in jax.tree.leaves_with_path(slopes):
        if not np.isfinite(np.asarray(slope)).all():
            raise ValueError(
                f"the gradient in {jax.tree_util.keystr(path).lstrip('.')} is not "
                "finite: guard the root, the norm or the division that it comes from."
            )


def _check_same(
    back: Any, transitions: Transition, values: np.ndarray, where: str
) -> None:
    again = _values(back, transitions)
    if again.dtype != values.dtype or again.tobytes() != values.tobytes():
        step = int((again != values).argmax())
        raise ValueError(
            f"transition {step} is worth {values[step]} before and {again[step]} after "
            f"the reward was written to {where} and read back: keep everything that "
            "its value depends on in its fields."
        )


def _first_line(error: Exception) -> str:
    message = str(error).strip().split("\n")[0]
    return f"{type(error).__name__}: {message}"
