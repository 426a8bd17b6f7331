"""Segments from arrays of what was recorded."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Bool, PyTree

from volition.env import AbstractEnvironment, Discrete, FiniteMDP, Transition
from volition.env.mdp import MDPState
from volition.policy.segment import Segment


def from_arrays(
    env: AbstractEnvironment,
    states: Sequence[PyTree],
    actions: Sequence[ArrayLike | Sequence[int]],
    terminated: Sequence[bool] | None = None,
) -> Segment:
    """Recorded episodes as segments: demonstrations, for instance.

    Args:
        env: the world that they are from, which describes each step (`env.transition`).
        states: of each episode, before its first step and after each, as the world has
            them: leaves `[time + 1, ...]`; of a finite world, their numbers.
        actions: of each episode, `[time, ...]`; episodes can be of any length.
        terminated: whether an outcome ended each; left out, as the world says of the
            last state. Else something cut it off, and what lies behind is padding.

    Returns:
        A batch `[episode, time]`, as long as the longest, marked as whole episodes.

    Raises:
        ValueError: where there is no episode, one has no step, or its states, actions
            and end do not fit together, or the world never goes where one goes. It says
            which.

    Example:
        >>> from volition import env
        >>> world = env.gridworld(["S.G"], discount=0.9)
        >>> made = from_arrays(world, [[0, 1, 2], [0, 0]], [[3, 3], [2]])
        >>> made.weight.tolist(), made.present.tolist()
        ([[1.0, 1.0], [1.0, 0.0]], [[True, True], [True, False]])
    """
    acted = [np.asarray(one) for one in actions]
    seen = [_state(env, number, one) for number, one in enumerate(states)]
    n_steps = _lengths(seen, acted)
    _check_actions(env, acted)
    longest = max(n_steps)
    # Behind the end of each: where it stood, and what was done last.
    action = np.stack([_held(one, longest) for one in acted])
    if np.issubdtype(action.dtype, np.integer):
        action = action.astype(np.int32)
    held = [
        jax.tree.map(lambda leaf: _held(leaf, longest + 1), one)  # one more than steps
        for one in seen
    ]
    state = jax.tree.map(lambda *leaves: np.stack(leaves), *held)
    made = np.arange(longest)[None] < np.array(n_steps)[:, None]
    step, over, same = _described(env, state, action)
    for number, time in np.argwhere(made & ~np.asarray(same)):
        raise ValueError(
            f"step {time} of episode {number} goes where the world never does by that "
            "action: give the world that it is from, and finite states."
        )
    ended = _ended(np.asarray(over), n_steps, terminated)
    last = made & (np.arange(longest)[None] == np.array(n_steps)[:, None] - 1)
    features = jnp.asarray(step.features)
    step = eqx.tree_at(
        lambda one: (one.features, one.terminated),
        step,
        (
            jnp.where(jnp.asarray(made)[..., None], features, 0.0),
            jnp.asarray(ended[:, None] & (last | ~made)),
        ),
    )
    weight = jnp.asarray(made, dtype=features.dtype)
    return Segment(step, weight, jnp.asarray(made | ended[:, None]), True)


def _state(env: AbstractEnvironment, number: int, states: PyTree) -> PyTree:
    """States of one episode, those of a finite world in its own form."""
    if not isinstance(env, FiniteMDP):
        return jax.tree.map(np.asarray, states)
    index = np.asarray(states)
    if index.ndim != 1 or not np.issubdtype(index.dtype, np.integer):
        raise ValueError(
            f"the states of episode {number} are {index.dtype}{list(index.shape)}, not "
            "numbers: give the number of each."
        )
    if not ((index >= 0) & (index < env.n_states)).all():
        raise ValueError(
            f"episode {number} is in states {index.min()} to {index.max()}, where the "
            f"world has 0 to {env.n_states - 1}."
        )
    return MDPState(index.astype(np.int32), np.arange(len(index), dtype=np.int32))


def _check_actions(env: AbstractEnvironment, actions: list[np.ndarray]) -> None:
    space = env.action_space
    if not isinstance(space, Discrete):
        return
    for number, acted in enumerate(actions):
        whole = acted.ndim == 1 and np.issubdtype(acted.dtype, np.integer)
        if not whole or not ((acted >= 0) & (acted < space.n)).all():
            raise ValueError(
                f"an action of episode {number} is none of 0 to {space.n - 1}: number "
                "each as the world does."
            )


def _lengths(states: list[PyTree], actions: list[np.ndarray]) -> list[int]:
    if not actions or len(states) != len(actions):
        raise ValueError(
            f"there are states of {len(states)} episodes and actions of "
            f"{len(actions)}: give both, of at least one."
        )
    for number, (seen, acted) in enumerate(zip(states, actions, strict=True)):
        n = acted.shape[0] if acted.ndim else 0
        if n == 0:
            raise ValueError(f"episode {number} has no step: leave it out.")
        for leaf in jax.tree.leaves(seen):
            if leaf.ndim == 0 or leaf.shape[0] != n + 1:
                raise ValueError(
                    f"episode {number} has {n} actions and a state of shape "
                    f"{leaf.shape}: give one state more than actions."
                )
    return [acted.shape[0] for acted in actions]


def _held(leaf: np.ndarray, length: int) -> np.ndarray:
    """The last one again and again."""
    return leaf[np.minimum(np.arange(length), leaf.shape[0] - 1)]


@eqx.filter_jit
def _described(
    env: AbstractEnvironment, states: PyTree, actions: PyTree
) -> tuple[Transition, PyTree, PyTree]:
    """Each step, whether each state is an end, and whether the world goes there."""
    states = jax.tree.map(jnp.asarray, states)
    before, after = (
        jax.tree.map(lambda leaf, cut=cut: leaf[:, cut], states)
        for cut in (slice(None, -1), slice(1, None))
    )
    each = lambda fn: jax.vmap(jax.vmap(fn))
    step = each(env.transition)(before, jnp.asarray(actions), after)
    told = jax.tree.map(
        lambda a, b: jnp.all((a == b).reshape(*a.shape[:2], -1), axis=-1),
        each(env.observe)(step.next_state),
        each(env.observe)(after),
    )
    same = jnp.all(jnp.stack(jax.tree.leaves(told)), axis=0)
    return step, each(env.terminated)(states), same


def _ended(
    over: Bool[np.ndarray, "episode time"],
    n_steps: list[int],
    terminated: Sequence[bool] | None,
) -> Bool[np.ndarray, " episode"]:
    """Whether an outcome ended each episode, checked against what the world says."""
    if terminated is not None and len(terminated) != len(n_steps):
        raise ValueError(
            f"terminated says of {len(terminated)} episodes how they ended: give it of "
            f"all {len(n_steps)}."
        )
    for number, n in enumerate(n_steps):
        if over[number, :n].any():
            raise ValueError(
                f"episode {number} acts on in step {int(over[number, :n].argmax())}, "
                "where the world has ended: cut it off there."
            )
    last = over[np.arange(len(n_steps)), n_steps]
    return last if terminated is None else np.asarray(terminated, dtype=bool)
