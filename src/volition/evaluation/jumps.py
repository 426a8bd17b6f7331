"""What a reward that reads features says of steps that the world never makes."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from volition.env import FiniteMDP, Transition
from volition.evaluation.canonical import FullReward, finite_table, over_transitions
from volition.evaluation.coverage import Coverage
from volition.reward import AbstractReward, check_world, reading


class Jumps(eqx.Module):
    """The features of a step to each state, wherever it is made from.

    Args:
        arriving: of a step that comes to the state from another, `[state, feature]`.
        staying: of a step that stays in it, `[state, feature]`.
        there: whether any step comes to it, `[state]`.
    """

    arriving: Float[np.ndarray, "state feature"]
    staying: Float[np.ndarray, "state feature"]
    there: Bool[np.ndarray, " state"]


def jump_features(env: FiniteMDP) -> Jumps:
    """Features of jumps, where those of steps depend on nothing but where they lead.

    A jump to a state has the features of arriving in it; one from a state to itself
    those of staying there, or where the world lets nobody stay, those of arriving.

    Args:
        env: a world in which all steps that arrive in a state have the same features,
            and all that stay in it, such as a gridworld.

    Raises:
        ValueError: where they differ.

    Example:
        >>> from volition import env
        >>> found = jump_features(env.gridworld(["S.G"]))
        >>> found.arriving.tolist(), found.staying[2].tolist()
        ([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], [0.0, 1.0, 0.0])
    """
    successor, features = np.asarray(env.successor), np.asarray(env.features)
    made = np.asarray(env.probability) > 0.0
    made &= ~np.asarray(env.terminal)[:, None, None]
    moved = successor != np.arange(env.n_states)[:, None, None]
    arriving, there = _by_end(env, features, successor, made & moved)
    staying, stays = _by_end(env, features, successor, made & ~moved)
    return Jumps(arriving, np.where(stays[:, None], staying, arriving), there)


def _by_end(
    env: FiniteMDP, features: np.ndarray, successor: np.ndarray, which: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Features of the chosen steps by where they lead, and where any leads."""
    led, seen = successor[which], features[which]
    found = np.zeros((env.n_states, features.shape[-1]))
    found[led] = seen
    apart = np.flatnonzero((found[led] != seen).any(axis=-1))
    if len(apart):
        raise ValueError(
            f"steps to {env.describe(int(led[apart[0]]))} differ in their features, so "
            "a jump to it has none of its own: use starc_distance."
        )
    reached = np.zeros(env.n_states, dtype=bool)
    reached[led] = True
    return found, reached


@eqx.filter_jit
def _asked(
    env: FiniteMDP,
    reward: AbstractReward,
    arriving: Float[Array, "state feature"],
    staying: Float[Array, "state feature"],
) -> Float[Array, "state action next_state"]:
    def one(state, action, after):
        features = jnp.where(state == after, staying[after], arriving[after])
        ends = env.terminal[after]
        step = Transition(env.state(state), action, env.state(after), features, ends)
        return reward(step)

    return over_transitions(env, one)


def jump_reward(env: FiniteMDP, reward: AbstractReward) -> FullReward:
    """What a reward says of every transition, jumps described by where they lead.

    Args:
        env: a small world; see `jump_features`.
        reward: any.

    Returns:
        Reward units; 0 behind an end, and from and to states that nobody comes to.

    Raises:
        ValueError: as `jump_features`; where the reward is not finite, or does not fit
            the world.

    Example:
        >>> from volition import env, reward
        >>> world = env.gridworld(["S.G"])
        >>> pays = reward.Linear(world.feature_names, [-1.0, 9.0, -9.0])
        >>> jump_reward(world, pays)[0, 0].tolist()
        [-1.0, -1.0, 9.0]

    Source: the jumps of `sampled_epic`, in a table.
    """
    check_world(reward, env)
    reward = reading(reward, env.feature_names)
    jumps = jump_features(env)
    asked = _asked(env, reward, jnp.asarray(jumps.arriving), jnp.asarray(jumps.staying))
    values = np.array(asked, dtype=float)
    acting = jumps.there & ~np.asarray(env.terminal)
    values = np.where(acting[:, None, None] & jumps.there, values, 0.0)
    return finite_table(values, reward)


def jump_coverage(env: FiniteMDP) -> Coverage:
    """Every jump alike between states that somebody comes to.

    Args:
        env: a small world; see `jump_features`.

    Example:
        >>> from volition import env
        >>> round(float(jump_coverage(env.gridworld(["S.G"]))[0, 0, 2]), 6)
        0.041667
    """
    there = jump_features(env).there
    acting = there & ~np.asarray(env.terminal)
    shape = (env.n_states, env.n_actions, env.n_states)
    weight = np.broadcast_to(acting[:, None, None] & there, shape).astype(float)
    return weight / weight.sum()
