"""Worlds that many tests share, as arrays that NumPy can be asked about."""

import jax
import numpy as np

from volition.env import FiniteMDP, random_mdp

GOLDEN_P = np.array(
    [
        [[0.8, 0.2, 0.0], [0.0, 0.5, 0.5]],
        [[0.3, 0.7, 0.0], [0.0, 0.1, 0.9]],
        [[0.5, 0.0, 0.5], [0.0, 0.0, 1.0]],
    ]
)


def golden_mdp(discount: float = 0.9) -> FiniteMDP:
    """Three states, two actions, three branches: the world of the golden vectors."""
    shape = (3, 2, 3)
    return FiniteMDP(
        np.broadcast_to(np.arange(3), shape),
        GOLDEN_P,
        terminal=np.zeros(3, dtype=bool),
        initial=np.full(3, 1.0 / 3.0),
        discount=discount,
    )


def golden_rewards() -> dict[str, np.ndarray]:
    """The five rewards of the golden vectors, `[state, action, next state]`."""
    number = np.arange(18.0).reshape(3, 2, 3)
    potential = np.array([1.0, -2.0, 0.5])
    r1, r3 = np.sin(1.0 + number), np.cos(1.0 + number)
    shaped = r1 + 0.9 * potential[None, None, :] - potential[:, None, None]
    return {"R1": r1, "R2": 2.5 * shaped, "R3": r3, "R4": -r1, "R5": r1 + 0.3 * r3}


def small_world(
    seed: int,
    n_states: int = 7,
    n_actions: int = 3,
    n_successors: int = 4,
    *,
    discount: float = 0.85,
    terminal: tuple[int, ...] = (),
    **arguments,
) -> FiniteMDP:
    """A random world in which some states end the episode and most may begin it."""
    drawn = random_mdp(jax.random.key(seed), n_states, n_actions, n_successors)
    ends = np.isin(np.arange(n_states), terminal)
    # Unequal on purpose: 1, 2, 3, ... over their sum, never where it ends.
    initial = np.where(ends, 0.0, 1.0 + np.arange(n_states))
    return FiniteMDP(
        drawn.successor,
        drawn.probability,
        terminal=ends,
        initial=initial / initial.sum(),
        discount=discount,
        **arguments,
    )


def table(seed: int, *shape: int) -> np.ndarray:
    """Random rewards of mean 0.3 and standard deviation 2, the same for one seed."""
    return 0.3 + 2.0 * np.random.default_rng(seed).standard_normal(shape)


def random_policy(seed: int, n_states: int, n_actions: int) -> np.ndarray:
    """A policy with unequal probabilities, all above 0."""
    drawn = np.random.default_rng(seed).random((n_states, n_actions)) + 0.1
    return drawn / drawn.sum(axis=1, keepdims=True)
