"""Episodes of a policy in an environment on the host."""

import itertools
import warnings
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key, PRNGKeyArray

from volition.env import HostEnv, HostStep
from volition.policy.policy import AbstractPolicy


class HostEpisodes(eqx.Module):
    """What episodes came to.

    Args:
        returns: sum of what the environment itself paid, reward units, `[episode]`.
        lengths: steps, `[episode]`.
        terminated: whether an outcome ended it, else a time limit, `[episode]`.
        infos: what the environment told of the last step of each; nothing of one that
            was cut off.
        measured: sum of what `measure_fn` said, `[episode]`; 0 without one.
        cut: whether it was left unfinished after `time_limit` steps, `[episode]`: its
            return is that of the steps so far.
    """

    returns: Float[np.ndarray, " episode"]
    lengths: Int[np.ndarray, " episode"]
    terminated: Bool[np.ndarray, " episode"]
    infos: list[dict[str, Any]]
    measured: Float[np.ndarray, " episode"]
    cut: Bool[np.ndarray, " episode"]

    @property
    def n_cut(self) -> int:
        """How many were left unfinished."""
        return int(np.sum(self.cut))


@eqx.filter_jit
def act(policy: AbstractPolicy, keys: Key[Array, " env"], observations: Any) -> Any:
    """An action in each copy."""
    return jax.vmap(policy)(keys, observations)


def host_episodes(
    key: PRNGKeyArray,
    env: HostEnv,
    policy: AbstractPolicy,
    *,
    n_episodes: int,
    seed: int,
    time_limit: int = 10_000,
    measure_fn: Callable[[HostStep], np.ndarray] | None = None,
) -> HostEpisodes:
    """Whole episodes of a policy, the same number in each copy or one more.

    Which episodes are counted is settled before they begin: were it the first to end,
    short ones would be too many.

    Args:
        key: of the policy; consumed.
        env: its copies are reset.
        policy: called for all copies at once.
        n_episodes: at least 1.
        seed: of the environment, see `HostEnv.reset`.
        time_limit: steps after which an episode that the environment has not ended is
            left, so that an endless task comes to an end, too; such episodes are marked
            in `cut`, and a warning says how many there are.
        measure_fn: a number of each copy after each step, which is added up.

    Returns:
        The episodes, those of the first copy first.

    Raises:
        ValueError: where there is no episode to play; where a reward, an observation,
            an action or what is measured is NaN or infinite, with copy and step.

    Warns:
        UserWarning: where episodes were left unfinished.

    Example:
        >>> from volition.env import host_env
        >>> from volition.policy import Random
        >>> env = host_env("CartPole-v1", 2)
        >>> key = jax.random.key(0)
        >>> seen = host_episodes(key, env, Random(2), n_episodes=3, seed=0)
        >>> bool((seen.returns == seen.lengths).all()), seen.terminated.tolist()
        (True, [True, True, True])
    """
    if n_episodes < 1:
        raise ValueError(f"n_episodes = {n_episodes}: there must be at least 1.")
    if time_limit < 1:
        raise ValueError(f"time_limit = {time_limit}: there must be at least 1 step.")
    quota = [len(range(copy, n_episodes, env.n_envs)) for copy in range(env.n_envs)]
    ended: list[list[tuple[float, int, bool, dict, float, bool]]] = [[] for _ in quota]
    total, length = np.zeros(env.n_envs), np.zeros(env.n_envs, dtype=int)
    measured = np.zeros(env.n_envs)
    observation = env.reset(seed)
    while any(len(made) < due for made, due in zip(ended, quota, strict=True)):
        key, act_key = jax.random.split(key)
        actions = act(policy, jax.random.split(act_key, env.n_envs), observation)
        step = env.step(actions)
        observation, total, length = step.observation, total + step.reward, length + 1
        _check(env, "reward", step.reward, length)
        if measure_fn is not None:
            told = np.asarray(measure_fn(step))
            _check(env, "measured number", told, length)
            measured = measured + told
        over = step.terminated | step.truncated
        left = ~over & (length >= time_limit)
        for copy in np.flatnonzero(over | left):
            if len(ended[copy]) < quota[copy]:
                info = _one(step.info.get("final_info", {}), int(copy))
                ended[copy].append(
                    (
                        float(total[copy]),
                        int(length[copy]),
                        bool(step.terminated[copy]),
                        {} if left[copy] else info,
                        float(measured[copy]),
                        bool(left[copy]),
                    )
                )
            total[copy], length[copy], measured[copy] = 0.0, 0, 0.0
        due = [len(made) < n for made, n in zip(ended, quota, strict=True)]
        if (left & due).any():
            observation = env.begin_anew(left)
    returns, lengths, terminated, infos, sums, cut = zip(
        *itertools.chain(*ended), strict=True
    )
    if any(cut):
        warnings.warn(
            f"{sum(cut)} of {n_episodes} episodes of {env.name} did not end within "
            f"{time_limit} steps and were left there, marked in `cut`: their returns "
            "are those of the steps so far, so raise time_limit if that is too early.",
            stacklevel=2,
        )
    return HostEpisodes(
        np.asarray(returns),
        np.asarray(lengths),
        np.asarray(terminated),
        list(infos),
        np.asarray(sums),
        np.asarray(cut),
    )


def _check(
    env: HostEnv,
    what: str,
    numbers: Float[np.ndarray, " env"],
    length: Int[np.ndarray, " env"],
) -> None:
    """That numbers of the copies are finite."""
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        copy = int(np.argmax(wrong))
        raise ValueError(
            f"the {what} in copy {copy} of {env.name} at step {length[copy]} of its "
            f"episode is {numbers[copy]}: correct the environment, since no return can "
            "be told."
        )


def _one(infos: dict[str, Any], copy: int) -> dict[str, Any]:
    """What was told of one copy, from what Gymnasium batches with a mask of each."""
    return {
        name: _one(told, copy) if isinstance(told, dict) else told[copy]
        for name, told in infos.items()
        if f"_{name}" in infos and infos[f"_{name}"][copy]
    }
