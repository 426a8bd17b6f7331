"""Demonstrations in worlds with numbered actions: checked, and step by step."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int, PyTree

from volition.env import AbstractEnvironment, Discrete, HostEnv
from volition.env.inputs import AbstractInputs, OneHot, Scaled
from volition.policy import Segment, check_whole


class Demonstrated(eqx.Module):
    """All steps that were made, one after the other.

    Args:
        observation: what was seen before each, leaves `[step, ...]`.
        action: what was done, `[step]`.
        next_observation: what was seen after it, leaves `[step, ...]`.
        terminated: whether the outcome ended the episode with it, `[step]`.
        number: of the demonstration that it is from, `[step]`.
        n_actions: that the world has.
    """

    observation: PyTree
    action: Int[np.ndarray, " step"]
    next_observation: PyTree
    terminated: Bool[np.ndarray, " step"]
    number: Int[np.ndarray, " step"]
    n_actions: int = eqx.field(static=True)

    @property
    def n_demonstrations(self) -> int:
        """How many they are from."""
        return int(self.number[-1]) + 1


def demonstrated(
    env: AbstractEnvironment | HostEnv, demonstrations: Segment
) -> Demonstrated:
    """Check demonstrations, and take their steps.

    They can be of any length: what lies behind the end of one, absorbing or padding, is
    no step.

    Args:
        env: the world, whose actions are numbered; also one on the host.
        demonstrations: whole episodes, `[demonstration, time]`, see `policy.episodes`.

    Raises:
        ValueError: where actions are not numbered, one is out of range, a demonstration
            has no step, or a step is seen as a number that is not finite. It says which
            demonstration and step. Also for windows, see `policy.check_whole`.

    Example:
        >>> from volition import env, policy
        >>> world = env.CartPole()
        >>> made = policy.episodes(
        ...     jax.random.key(0), world, policy.Random(2), n_episodes=3, time_limit=5
        ... )
        >>> demonstrated(world, made).action.shape
        (15,)
    """
    space = env.action_space
    if not isinstance(space, Discrete):
        raise ValueError(
            f"the actions are {space}, not numbers: imitation takes worlds with "
            "discrete actions."
        )
    weight = np.asarray(demonstrations.weight)
    if weight.ndim != 2:
        raise ValueError(
            f"demonstrations are [demonstration, time], not of shape {weight.shape}: "
            "give a batch of segments."
        )
    _refuse(~np.isfinite(weight), lambda where: "has a weight that is not finite")
    made = (weight > 0) & np.asarray(demonstrations.present)
    if len(made) == 0 or not made.any(axis=1).all():
        which = int(np.argmin(made.any(axis=1))) if len(made) else 0
        raise ValueError(f"demonstration {which} has no step: leave it out.")
    told = demonstrations.transition
    action = np.asarray(told.action)
    if not np.issubdtype(action.dtype, np.integer) or action.shape != weight.shape:
        raise ValueError(
            f"the actions of demonstrations are {action.dtype}{list(action.shape)}, "
            "not one whole number for each step: give the number of each."
        )
    _refuse(
        made & ((action < 0) | (action >= space.n)),
        lambda where: (
            f"has the action {action[where]}, where the world has 0 to {space.n - 1}"
        ),
    )
    before, after = _seen(env, told.state), _seen(env, told.next_state)
    for what, seen in (("before", before), ("after", after)):
        for leaf in jax.tree.leaves(seen):
            finite = np.isfinite(leaf).reshape(*weight.shape, -1).all(axis=-1)
            _refuse(
                made & ~finite,
                lambda where, what=what: (
                    f"has an observation {what} it that is not finite"
                ),
            )
    check_whole(demonstrations)
    pick = lambda leaf: np.asarray(leaf)[made]
    return Demonstrated(
        jax.tree.map(pick, before),
        pick(action).astype(np.int32),
        jax.tree.map(pick, after),
        pick(told.terminated).astype(bool),
        np.nonzero(made)[0].astype(np.int32),
        space.n,
    )


@eqx.filter_jit
def _observed(env: AbstractEnvironment, states: PyTree) -> PyTree:
    return jax.vmap(jax.vmap(env.observe))(jax.tree.map(jnp.asarray, states))


def _seen(env: AbstractEnvironment | HostEnv, states: PyTree) -> PyTree:
    if isinstance(env, HostEnv):  # its states are what is seen of them
        return jax.tree.map(np.asarray, states)
    return jax.tree.map(np.asarray, _observed(env, states))


def _refuse(wrong: Bool[np.ndarray, "demonstration time"], what) -> None:
    if wrong.any():
        where = tuple(int(number) for number in np.argwhere(wrong)[0])
        raise ValueError(
            f"step {where[1]} of demonstration {where[0]} {what(where)}: leave the "
            "demonstration out, or give the world that it is from."
        )


def inputs_over(
    env: AbstractEnvironment | HostEnv, told: Demonstrated
) -> AbstractInputs:
    """How a network takes what is seen: as the demonstrations vary.

    Numbers have mean 0 and standard deviation 1 over the steps, or 0 where they never
    varied, whatever their unit; numbered observations are one-hot.

    Args:
        env: the world.
        told: what was demonstrated in it.
    """
    space = env.observation_space
    if isinstance(space, Discrete):
        return OneHot(space.n)
    rows = np.asarray(told.observation, dtype=float).reshape(len(told.action), -1)
    spread = spread_of(rows)
    single = lambda row: jnp.asarray(row, dtype=jnp.float32)
    return Scaled(single(rows.mean(axis=0)), single(spread))


def spread_of(
    rows: Float[np.ndarray, "step number"],
) -> Float[np.ndarray, " number"]:
    """Standard deviation of each number, in its own unit; 1 where it never varied.

    Args:
        rows: `[step, number]`.

    Example:
        >>> spread_of(np.array([[1e-12, 5.0], [3e-12, 5.0]])).tolist()
        [1e-12, 1.0]
    """
    spread = rows.std(axis=0)
    # Rounding of the mean is relative to the size of the numbers.
    varied = spread > 1e-8 * np.abs(rows).max(axis=0)
    return np.where(varied, spread, 1.0)
