"""Demonstrations in finite worlds: checked, and where they spend their time."""

import numpy as np
from jaxtyping import Float

from volition.env import FiniteMDP
from volition.policy import Segment, check_whole


def check_demonstrations(env: FiniteMDP, demonstrations: Segment) -> None:
    """Check that demonstrations can have happened in a world.

    Args:
        env: the finite world.
        demonstrations: whole episodes, `[demonstration, time]`.

    Raises:
        ValueError: for the first step that cannot: none was made, a state or an action
            that the world does not have, a number that is not finite, a state that does
            not follow. It says which demonstration and step. Also for windows, see
            `volition.policy.check_whole`.

    Example:
        >>> import jax
        >>> from volition import env, policy
        >>> world = env.cliff_walking()
        >>> made = policy.episodes(
        ...     jax.random.key(0),
        ...     world,
        ...     policy.Random(4),
        ...     n_episodes=3,
        ...     time_limit=5,
        ... )
        >>> check_demonstrations(world, made)
    """
    weight = np.asarray(demonstrations.weight)
    if weight.ndim != 2:
        raise ValueError(
            f"demonstrations are [demonstration, time], not of shape {weight.shape}: "
            "give a batch of segments."
        )
    taken = weight > 0
    if len(taken) == 0 or not taken.any(axis=1).all():
        which = int(np.argmin(taken.any(axis=1))) if len(taken) else 0
        raise ValueError(f"demonstration {which} has no step: leave it out.")
    told = demonstrations.transition
    columns = {
        "state": (np.asarray(told.state.index), env.n_states),
        "action": (np.asarray(told.action), env.n_actions),
        "next state": (np.asarray(told.next_state.index), env.n_states),
    }
    for what, (numbers, n) in columns.items():
        if not np.issubdtype(numbers.dtype, np.integer):
            raise ValueError(
                f"the {what} of demonstrations is of {numbers.dtype}, not a whole "
                "number: give the number of each."
            )
        _refuse(
            taken & ((numbers < 0) | (numbers >= n)),
            lambda where, numbers=numbers, what=what, n=n: (
                f"has the {what} {numbers[where]}, where the world has 0 to {n - 1}"
            ),
        )
    for what, values in (
        ("feature", np.asarray(told.features).reshape(*weight.shape, -1)),
        ("weight", weight[..., None]),
    ):
        _refuse(
            taken & ~np.isfinite(values).all(axis=-1),
            lambda where, what=what: f"has a {what} that is not finite",
        )
    state, action, after = (numbers for numbers, _ in columns.values())
    branches = np.asarray(env.successor)[state, action]
    there = (branches == after[..., None]) & (
        np.asarray(env.probability)[state, action] > 0
    )
    _refuse(
        taken & np.asarray(env.terminal)[state],
        lambda where: f"acts in state {state[where]}, where the world has ended",
    )
    _refuse(
        taken & ~there.any(axis=-1),
        lambda where: (
            f"goes from state {state[where]} by action {action[where]} to state "
            f"{after[where]}, which the world never does"
        ),
    )
    breaks = np.zeros_like(taken)
    breaks[:, 1:] = taken[:, 1:] & taken[:, :-1] & (state[:, 1:] != after[:, :-1])
    _refuse(
        breaks,
        lambda where: (
            f"begins in state {state[where]}, where the step before led to "
            f"{after[where[0], where[1] - 1]}"
        ),
    )
    check_whole(demonstrations)


def _refuse(wrong: np.ndarray, what) -> None:
    if wrong.any():
        where = tuple(int(number) for number in np.argwhere(wrong)[0])
        raise ValueError(
            f"step {where[1]} of demonstration {where[0]} {what(where)}: leave the "
            "demonstration out, or give the world that it is from."
        )


def transition_matrix(
    env: FiniteMDP,
) -> Float[np.ndarray, "state action next_state"]:
    """`P(s'|s, a)` in full, for small worlds."""
    n_states, n_actions, _ = env.successor.shape
    found = np.zeros((n_states, n_actions, n_states))
    rows = np.arange(n_states)[:, None, None]
    kinds = np.arange(n_actions)[None, :, None]
    np.add.at(found, (rows, kinds, np.asarray(env.successor)), env.probability)
    return found


def state_visits(
    env: FiniteMDP, demonstrations: Segment
) -> Float[np.ndarray, "demonstration state"]:
    """How much discounted time each demonstration spends acting in each state.

    Args:
        env: the world, whose discount applies.
        demonstrations: checked, `[demonstration, time]`.

    Returns:
        Steps, `[demonstration, state]`.
    """
    weight = np.asarray(demonstrations.weight)
    discounts = float(env.discount) ** np.arange(weight.shape[1])
    found = np.zeros((len(weight), env.n_states))
    rows = np.broadcast_to(np.arange(len(weight))[:, None], weight.shape)
    state = np.asarray(demonstrations.transition.state.index)
    np.add.at(found, (rows, state), weight * discounts)
    return found
