"""Which transitions of a small finite world a distance looks at, and how much."""

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sparse
from jaxtyping import Float

from volition.env import FiniteMDP
from volition.evaluation.policies import can_reach, checked_policy
from volition.inference.irl.demonstrations import transition_matrix
from volition.policy import Tabular

MOST_ENTRIES = 5_000_000  # of an array [state, action, next state]: 40 MB in 64 bits

Coverage = Float[np.ndarray, "state action next_state"]


def dynamics(env: FiniteMDP) -> Coverage:
    """`P(s'|s, a)` in full, where a terminal state stays as it is.

    Args:
        env: a small world.

    Raises:
        ValueError: where it is too large.

    Example:
        >>> from volition import env
        >>> dynamics(env.gridworld(["S.G"]))[:, 3].tolist()  # to the right
        [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]
    """
    n_entries = env.n_states**2 * env.n_actions
    if n_entries > MOST_ENTRIES:
        raise ValueError(
            f"a world of {env.n_states} states and {env.n_actions} actions has "
            f"{n_entries:,} transitions, above {MOST_ENTRIES:,}: use STARC, which "
            "needs no list of them."
        )
    found = transition_matrix(env)
    ends = np.asarray(env.terminal)
    found[ends] = np.eye(env.n_states)[ends][:, None, :]
    return found


def uniform_coverage(env: FiniteMDP) -> Coverage:
    """Every transition alike, also those that the world never makes.

    What is done in a terminal state has no weight, here and in the others.

    Args:
        env: a small world.

    Example:
        >>> from volition import env
        >>> uniform_coverage(env.gridworld(["S.G"])).shape
        (3, 4, 3)
    """
    acting = ~np.asarray(env.terminal)
    shape = (env.n_states, env.n_actions, env.n_states)
    weight = np.broadcast_to(acting[:, None, None], shape).astype(float)
    return weight / weight.sum()


def dynamics_coverage(env: FiniteMDP) -> Coverage:
    """Every state and action alike, then what the world makes of it.

    Args:
        env: a small world.

    Example:
        >>> from volition import env
        >>> weight = dynamics_coverage(env.gridworld(["S.G"]))
        >>> weight[0].sum(axis=0).tolist()  # up, down and left stay; right moves
        [0.375, 0.125, 0.0]
    """
    acting = ~np.asarray(env.terminal)
    weight = dynamics(env) * acting[:, None, None]
    return weight / weight.sum()


def visit_coverage(env: FiniteMDP, policy: Tabular) -> Coverage:
    """Transitions as often as a policy makes them, discounted, from the world's starts.

    Args:
        env: a small world.
        policy: who acts; with a discount of 1 it must end from wherever it comes.

    Raises:
        ValueError: where it does not, or is not a policy of the world.

    Example:
        >>> import jax.numpy as jnp
        >>> from volition import env
        >>> world = env.gridworld(["S.G"], discount=0.9)
        >>> weight = visit_coverage(world, Tabular(jnp.full((3, 4), 0.25)))
        >>> round(float(weight.sum()), 9), float(weight[2].sum())
        (1.0, 0.0)
    """
    acting = ~np.asarray(env.terminal)
    led = dynamics(env)
    taken = np.asarray(checked_policy(env, policy).probabilities, dtype=np.float64)
    taken = taken * acting[:, None]
    steps = np.einsum("sa,sat->st", taken, led)
    initial = np.asarray(env.initial, dtype=np.float64) * acting
    comes = can_reach(sparse.csr_array(steps.T), initial > 0.0) & acting
    ends = can_reach(sparse.csr_array(steps), ~acting)
    if float(env.discount) >= 1.0 and (comes & ~ends).any():
        raise ValueError(
            f"the policy comes to state {int((comes & ~ends).argmax())} and never ends "
            "from there, so that without a discount its visits have no sum: lower the "
            "discount."
        )
    chain = (steps * acting)[np.ix_(comes, comes)]
    system = np.eye(len(chain)) - float(env.discount) * chain.T
    states = np.zeros(env.n_states)
    states[comes] = np.linalg.solve(system, initial[comes])
    weight = (states[:, None] * taken)[:, :, None] * led
    return weight / weight.sum()


def mixed_coverage(
    coverages: Sequence[Coverage], shares: Sequence[float] | None = None
) -> Coverage:
    """A mixture of coverages.

    Args:
        coverages: at least one.
        shares: of each, not negative; all alike if left out.

    Raises:
        ValueError: where shares are negative, or not one for each.

    Example:
        >>> both = [np.full((1, 1, 2), 0.5), np.array([[[1.0, 0.0]]])]
        >>> mixed_coverage(both, [1.0, 3.0]).tolist()
        [[[0.875, 0.125]]]
    """
    weights = np.ones(len(coverages)) if shares is None else np.asarray(shares, float)
    right = np.isfinite(weights).all() and (weights >= 0).all() and weights.sum() > 0
    if len(weights) != len(coverages) or not right:
        raise ValueError(
            f"{len(coverages)} coverages need as many shares that are not negative, "
            f"not {list(weights)}."
        )
    return np.tensordot(weights / weights.sum(), np.stack(coverages), axes=1)
