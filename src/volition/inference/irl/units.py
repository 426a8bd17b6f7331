"""What makes inference from behaviour independent of units."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from volition.env import FiniteMDP
from volition.reward import AbstractReward
from volition.value import expected_reward

MOST = 256  # parameters whose units are looked at: a table has more, and no features


def parameter_units(
    env: FiniteMDP, form: AbstractReward
) -> Float[np.ndarray, " parameter"]:
    """How much a unit of each parameter changes the reward of some step, at most.

    `max over s, a of |d E[r(s, a)] / d parameter|`: the largest value of a feature, for
    a reward that is linear in features. A search over parameters times this does not
    depend on the units of features. It is 1 where the reward is not linear in what is
    learned, as of a network, whose inputs have units of their own; where the parameter
    changes nothing; and for a table, of course.

    Args:
        env: the finite world.
        form: of the reward.

    Raises:
        ValueError: where what it pays, or a feature, is not finite.

    Example:
        >>> from volition import env, reward
        >>> world = env.gridworld(["S.G"])
        >>> parameter_units(world, reward.Linear(world.feature_names)).tolist()
        [1.0, 1.0, 1.0]
    """
    learned, fixed = eqx.partition(form, form.learned())
    start, unravel = ravel_pytree(learned)
    paid = _paid(start, unravel, fixed, env)
    wrong = ~np.isfinite(np.asarray(paid))
    if wrong.any():
        state, action = (int(number) for number in np.argwhere(wrong)[0])
        raise ValueError(
            f"the reward pays {paid[state, action]} for action {action} in state "
            f"{state}: look at its parameters and at the features there."
        )
    if start.size > MOST:
        return np.ones(start.size)
    here, there = (
        np.asarray(_slopes(point, unravel, fixed, env)) for point in (start, start + 1)
    )
    if not np.isfinite(here).all():
        raise ValueError("a feature of the world is not finite: correct it there.")
    size = np.abs(here).max(axis=(0, 1), initial=0.0)
    if not np.allclose(here, there, rtol=1e-6, atol=0.0):
        return np.ones(start.size)
    return np.where(size > 0.0, size, 1.0).astype(float)


@eqx.filter_jit
def _paid(point, unravel, fixed, env: FiniteMDP) -> Float[Array, "state action"]:
    paid = expected_reward(env, eqx.combine(unravel(point), fixed))
    return jnp.where(env.terminal[:, None], 0.0, paid)


@eqx.filter_jit
def _slopes(
    point, unravel, fixed, env: FiniteMDP
) -> Float[Array, "state action parameter"]:
    return jax.jacfwd(lambda point: _paid(point, unravel, fixed, env))(point)
