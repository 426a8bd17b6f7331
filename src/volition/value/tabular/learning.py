"""Learning in tables: one chain, several, or several settings; checked behind."""

from collections.abc import Callable
from typing import Any, NoReturn

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Key, PRNGKeyArray

from volition.env import AbstractEnvironment
from volition.reward import AbstractReward, check_weights
from volition.value.faults import (
    LEARNER,
    OBSERVATION,
    RETURN,
    REWARD,
    bad_number,
    diverged,
)
from volition.value.tabular.experience import Seen, experience
from volition.value.tabular.learner import AbstractLearner, Learned, Stand, run
from volition.value.tabular.tiles import TileCoding


def learn(
    key: PRNGKeyArray | Key[Array, " seed"],
    env: AbstractEnvironment,
    reward: AbstractReward,
    method: AbstractLearner,
    *,
    coding: TileCoding | None = None,
    after: Stand | None = None,
    watch: Callable[[Array, Seen], Any] | None = None,
) -> Learned:
    """Learn action values, with the options that tabular learners alone have.

    `volition.value.learn` without them is the verb for every method.

    Args:
        key: one key, or an array of them; consumed.
        env: the world, of which only samples are seen; its actions are integers, and so
            are its observations unless they are coded.
        reward: what its transitions are worth.
        method: the learner.
        coding: of observations that are numbers with a fraction; values then are linear
            in the tiles, and step sizes are shared among those that are active.
        after: where an earlier call stopped, its result's `stand`, to go on from there:
            with the same key and `n_steps / n_stretches` as if it had never stopped,
            and in another world of the same shape if one is given.
        watch: `(q, seen) -> anything`, asked after every step; what it says is in
            `watched`.

    Raises:
        ValueError: where observations or actions are no integers, or the reward reads
            features that the world does not have; where a weight of the reward, a
            reward, an observation or a value is NaN or infinite, with the step.

    Example:
        >>> from volition import env, reward
        >>> from volition.value import QLearning
        >>> world = env.cliff_walking()
        >>> method = QLearning(20_000, step_size=0.5)
        >>> learned = learn(jax.random.key(0), world, reward.cliff_walking(), method)
        >>> float(learned.q[36].max())  # 13 steps along the edge
        -13.0
    """
    check_weights(reward)
    found = _learn(key, env, reward, method, coding, after, watch)
    if not isinstance(found.finite, Tracer) and not found.finite.all():
        _name_fault(key, env, reward, method, coding, after, found)
    return found


@eqx.filter_jit
def _learn(
    key: PRNGKeyArray | Key[Array, " seed"],
    env: AbstractEnvironment,
    reward: AbstractReward,
    method: AbstractLearner,
    coding: TileCoding | None,
    after: Stand | None,
    watch: Callable[[Array, Seen], Any] | None,
) -> Learned:
    seen = experience(env, reward, coding)
    if key.ndim == 0:
        return run(key, seen, method, watch, after)
    # One chain after the other: on a CPU each is a tight loop of its own, while a
    # batch of them would spend its time on gathers.
    return jax.lax.map(
        lambda one: run(one[0], seen, method, watch, one[1]), (key, after)
    )


def _name_fault(
    key: PRNGKeyArray | Key[Array, " seed"],
    env: AbstractEnvironment,
    reward: AbstractReward,
    method: AbstractLearner,
    coding: TileCoding | None,
    after: Stand | None,
    found: Learned,
) -> NoReturn:
    """Raise, with the step that was not finite: by learning again and watching."""
    name, where = type(env).__name__, ""
    if key.ndim > 0:
        seed = int(np.argmin(np.asarray(found.finite).all(axis=1)))
        where = f" with key {seed} of {key.shape[0]}"
        key, (after, found) = key[seed], jax.tree.map(lambda x: x[seed], (after, found))
    told = _learn(key, env, reward, method, coding, after, _finite).watched
    observed, paid = (np.broadcast_to(x, method.n_steps) for x in map(np.asarray, told))
    each = method.n_steps // method.n_stretches
    before = 0 if after is None else int(after.stretch) * each
    good = observed & paid
    if good.all():
        last = before + each * int(np.argmin(np.asarray(found.finite)) + 1)
        summed = np.isfinite(np.asarray(found.stand.so_far))
        values = bool((np.asarray(found.q) < np.inf).all())
        kind = RETURN if values and not summed else LEARNER
        raise diverged(kind, f"in {name} after {last} steps{where}")
    step = int(np.argmin(good))
    kind = OBSERVATION if not observed[step] else REWARD
    raise bad_number(kind, f"in {name} at step {before + step + 1}{where}")


def _finite(q: Array, seen: Seen) -> tuple[Array, Array]:
    """Whether what was observed, and what was paid, is finite."""
    del q
    return jnp.asarray(seen.finite), jnp.isfinite(seen.reward)


def sweep(
    keys: Key[Array, " seed"],
    env: AbstractEnvironment,
    reward: AbstractReward,
    methods: AbstractLearner,
    *,
    coding: TileCoding | None = None,
    watch: Callable[[Array, Seen], Any] | None = None,
) -> Learned:
    """Learn with several settings of one method, each with several seeds, at once.

    Args:
        keys: one for each seed; every setting uses the same.
        env: the world.
        reward: what its transitions are worth.
        methods: one learner whose arrays have a leading axis `[setting]`.
        coding: see `learn`.
        watch: see `learn`.

    Returns:
        Every leaf with leading axes `[setting, seed]`.

    Example:
        >>> from volition import env, reward
        >>> from volition.value import QLearning
        >>> methods = jax.vmap(lambda size: QLearning(600, step_size=size))(
        ...     jnp.array([0.1, 0.5])
        ... )
        >>> keys = jax.random.split(jax.random.key(0), 3)
        >>> found = sweep(keys, env.cliff_walking(), reward.cliff_walking(), methods)
        >>> found.q.shape
        (2, 3, 48, 4)
    """
    check_weights(reward)
    found = _sweep(keys, env, reward, methods, coding, watch)
    if isinstance(found.finite, Tracer) or found.finite.all():
        return found
    bad = np.argwhere(~np.asarray(found.finite).all(axis=-1))
    setting, seed = (int(number) for number in bad[0])
    one = jax.tree.map(lambda x: x[setting] if eqx.is_array(x) else x, methods)
    mine = jax.tree.map(lambda x: x[setting, seed], found)
    try:
        _name_fault(keys[seed], env, reward, one, coding, None, mine)
    except ValueError as error:
        raise ValueError(f"setting {setting}, key {seed}: {error}") from None


@eqx.filter_jit
def _sweep(
    keys: Key[Array, " seed"],
    env: AbstractEnvironment,
    reward: AbstractReward,
    methods: AbstractLearner,
    coding: TileCoding | None,
    watch: Callable[[Array, Seen], Any] | None,
) -> Learned:
    seen = experience(env, reward, coding)
    arrays, rest = eqx.partition(methods, eqx.is_array)

    def setting(one):
        method = eqx.combine(one, rest)
        return jax.lax.map(lambda key: run(key, seen, method, watch), keys)

    return jax.lax.map(setting, arrays)
