"""A check of the numbers in a finite MDP."""

import jax
import numpy as np

from volition.env import FiniteMDP
from volition.env.table import check_table


def check_finite_mdp(mdp: FiniteMDP) -> None:
    """Check that the arrays of a finite MDP say what they should.

    Args:
        mdp: the world to check.

    Raises:
        ValueError: for the first thing that is wrong, in a sentence that says what,
            where, and what to do.

    Example:
        >>> from volition.env import delivery
        >>> check_finite_mdp(delivery())
    """
    terminal = np.asarray(mdp.terminal)
    check_table(mdp.successor, mdp.probability, mdp.initial, mdp.discount)
    _check_starts(np.asarray(mdp.initial), terminal)
    if (wrong := np.asarray(mdp.goal) & ~terminal).any():
        raise ValueError(
            f"goal names state {wrong.argmax()}, which is not terminal: a goal ends "
            "the episode, so set terminal there."
        )
    _check_features(mdp)
    _check_states(mdp)
    if int(mdp.time_limit) < 1:
        raise ValueError(f"time_limit is {int(mdp.time_limit)}: allow at least 1 step.")


def _check_starts(initial: np.ndarray, terminal: np.ndarray) -> None:
    if (wrong := (initial > 0.0) & terminal).any():
        raise ValueError(
            f"episodes can begin in state {wrong.argmax()}, which is terminal: set its "
            "initial probability to 0."
        )


def _check_features(mdp: FiniteMDP) -> None:
    features, probability = np.asarray(mdp.features), np.asarray(mdp.probability)
    if features.shape[-1] == 0:
        return
    if (wrong := ~np.isfinite(features)).any():
        state, action, branch, feature = _first(wrong)
        raise ValueError(
            f"feature {mdp.feature_names[feature]!r} is "
            f"{features[state, action, branch, feature]} for branch {branch} of action "
            f"{action} in state {state}: make it finite."
        )
    # Branches that cannot happen get a number of their own, so that no two are alike.
    padding = -1 - np.arange(probability.shape[-1], dtype=np.int32)
    successor = np.where(probability > 0.0, np.asarray(mdp.successor), padding)
    order = np.argsort(successor, axis=-1, kind="stable")
    successor = np.take_along_axis(successor, order, axis=-1)
    features = np.take_along_axis(features, order[..., None], axis=-2)
    same = successor[..., 1:] == successor[..., :-1]
    differ = (features[..., 1:, :] != features[..., :-1, :]).any(axis=-1)
    if (wrong := same & differ & ~np.asarray(mdp.terminal)[:, None, None]).any():
        state, action, branch = _first(wrong)
        raise ValueError(
            f"action {action} in state {state} leads to state "
            f"{successor[state, action, branch]} with different features: a step is "
            "told by where it leads, so split that state in two."
        )


def _check_states(mdp: FiniteMDP) -> None:
    for path, leaf in jax.tree.leaves_with_path(mdp.states):
        if np.shape(leaf)[:1] != (mdp.n_states,):
            raise ValueError(
                f"states{jax.tree_util.keystr(path)} has the shape {np.shape(leaf)}: "
                f"give every leaf a leading axis of the {mdp.n_states} states."
            )
    index = getattr(mdp.states, "index", None)
    if index is None or not np.array_equal(index, np.arange(mdp.n_states)):
        raise ValueError(
            "states.index must be the number of each state: set it to "
            f"jnp.arange({mdp.n_states})."
        )


def _first(wrong: np.ndarray) -> tuple[int, ...]:
    place = np.unravel_index(int(wrong.argmax()), wrong.shape)
    return tuple(int(i) for i in place)
