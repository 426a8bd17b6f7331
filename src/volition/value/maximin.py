"""Planning for the worst of several rewards that may be the right one."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy
import scipy.sparse as sparse
from jaxtyping import Array, Float

from volition.env import FiniteMDP
from volition.policy import Tabular
from volition.reward import AbstractReward
from volition.value.bellman import expected_reward


class WorstCase(eqx.Module):
    """What does best where one is most mistaken.

    Args:
        policy: probability of each action, `[state, action]`; where it never comes,
            all alike.
        occupancy: its expected discounted visits, steps, `[state, action]`.
        margin: by how much it is better than the reference under each reward, reward
            units, `[reward]`; the least of them is as great as it can be.
    """

    policy: Tabular
    occupancy: Float[Array, "state action"]
    margin: Float[Array, " reward"]


def worst_case(
    env: FiniteMDP, rewards: AbstractReward, reference: Float[Array, " reward"]
) -> WorstCase:
    """The policy whose least gain over a reference, over several rewards, is greatest.

    `max over d of min over i of (d . r_i - reference_i)`, with `d` an occupancy of the
    world: a linear programme, solved exactly. The reference makes rewards comparable
    that differ by a constant. With draws of a posterior, what was never seen may be the
    worst there is. The best policy may be a random one: it takes what chance of that
    the rewards under which it is bad have gain to spare for. The unit of the rewards
    does not matter, as long as it is the same for all of them.

    Args:
        env: the finite world, from its initial distribution, at its discount: below 1
            where not everything ends.
        rewards: a batch, such as draws of a posterior, leaves `[reward, ...]`.
        reference: what the reference behaviour returns under each, reward units.

    Raises:
        ValueError: where a reward or the reference is not finite, or there is not one
            number for each reward.
        RuntimeError: where the programme has no solution: nothing ends, at discount 1.

    Example:
        >>> from volition import env, reward
        >>> tiles = {
        ...     "S": env.Tile(ground=("dirt",), start=True),
        ...     ".": env.Tile(ground=("dirt",)),
        ...     "L": env.Tile(ground=("lava",)),
        ...     "G": env.Tile(ground=("home",)),
        ... }
        >>> names = ("dirt", "lava", "home")
        >>> info = tuple(env.Feature(name, "1", f"1 on {name}") for name in names)
        >>> world = env.gridworld(["SLG", "..."], tiles, info, discount=0.9)
        >>> maybe = jnp.array([[0.0, 0.0, 1.0], [0.0, -9.0, 1.0]])  # lava: no, or bad
        >>> rewards = jax.vmap(lambda weights: reward.Linear(names, weights))(maybe)
        >>> found = worst_case(world, rewards, jnp.zeros(2))
        >>> round(float(found.occupancy[1].sum()), 6)  # steps on the lava
        0.0
        >>> [round(float(gain), 3) for gain in found.margin]  # the way around
        [7.29, 7.29]

    Source: D. Hadfield-Menell et al., "Inverse reward design", NeurIPS 2017, section 4,
    over policies in place of trajectories; the programme is that of U. Syed et al.,
    "Apprenticeship learning using linear programming", ICML 2008, section 4.
    """
    each = jax.lax.map(lambda one: expected_reward(env, one), rewards)
    paid = np.asarray(each, dtype=np.float64)
    n_rewards, n_states, n_actions = paid.shape
    least = np.asarray(reference, dtype=np.float64)
    _check(env, paid, least)
    # The solver's tolerances are of numbers about 1.
    unit = max(np.max(np.abs(paid)), np.finfo(float).tiny)
    paid, least = paid / unit, least / unit

    # Free numbers: the occupancy of each state and action, and the least gain.
    n_pairs = n_states * n_actions
    terminal = np.asarray(env.terminal)
    gains = sparse.hstack(
        [sparse.csr_matrix(-paid.reshape(n_rewards, n_pairs)), np.ones((n_rewards, 1))]
    )
    flow = sparse.hstack([_flow(env), sparse.csr_matrix((n_states, 1))])
    initial = np.where(terminal, 0.0, np.asarray(env.initial, dtype=np.float64))
    # Where no episode comes, a loop would count as visits from nowhere.
    most = np.where(np.repeat(terminal | ~_comes(env), n_actions), 0.0, np.inf)
    bounds = [(0.0, one) for one in most] + [(None, None)]
    found = scipy.optimize.linprog(
        -np.eye(n_pairs + 1)[-1],
        A_ub=gains.tocsr(),
        b_ub=-least,
        A_eq=flow.tocsr()[~terminal],
        b_eq=initial[~terminal],
        bounds=bounds,
        method="highs",
    )
    if found.status != 0:
        raise RuntimeError(
            f"no policy is best in the worst case: {found.message} Give a discount "
            "below 1 where not everything ends."
        )
    visits = np.maximum(found.x[:-1].reshape(n_states, n_actions), 0.0)
    total = visits.sum(axis=1, keepdims=True)
    chance = np.where(
        total > 0, visits / np.where(total > 0, total, 1.0), 1.0 / n_actions
    )
    margin = unit * (paid.reshape(n_rewards, n_pairs) @ visits.reshape(-1) - least)
    return WorstCase(
        Tabular(jnp.asarray(chance, dtype=each.dtype)),
        jnp.asarray(visits, dtype=each.dtype),
        jnp.asarray(margin, dtype=each.dtype),
    )


def _check(env: FiniteMDP, paid: np.ndarray, least: np.ndarray) -> None:
    if least.shape != (len(paid),):
        raise ValueError(
            f"{len(paid)} rewards need as many numbers of what the reference returns, "
            f"not an array of shape {least.shape}."
        )
    wrong = np.argwhere(~np.isfinite(paid))
    if len(wrong):
        number, state, action = (int(place) for place in wrong[0])
        raise ValueError(
            f"reward {number} pays {paid[number, state, action]} for action {action} "
            f"({env.action_names[action]}) in state {state} ({env.describe(state)}): "
            "make it finite."
        )
    if not np.isfinite(least).all():
        raise ValueError(
            f"the reference returns {least[~np.isfinite(least)][0]} under reward "
            f"{int(np.argmin(np.isfinite(least)))}: give finite numbers."
        )


def _comes(env: FiniteMDP) -> np.ndarray:
    """The states to which some policy comes."""
    successor, possible = np.asarray(env.successor), np.asarray(env.probability) > 0
    found, terminal = np.asarray(env.initial) > 0, np.asarray(env.terminal)
    while True:
        here = found & ~terminal
        more = found.copy()
        more[successor[here][possible[here]]] = True
        if (more == found).all():
            return found
        found = more


def _flow(env: FiniteMDP) -> sparse.csr_matrix:
    """Visits that leave less discounted ones that arrive, `[state, state x action]`."""
    n_states, n_actions, n_branches = env.successor.shape
    pair = np.arange(n_states * n_actions)
    leave = sparse.csr_matrix(
        (np.ones(pair.size), (pair // n_actions, pair)), shape=(n_states, pair.size)
    )
    chance = np.asarray(env.probability, dtype=np.float64)
    chance = (chance / chance.sum(axis=-1, keepdims=True)).reshape(-1)
    arrive = sparse.csr_matrix(
        (chance, (np.asarray(env.successor).reshape(-1), np.repeat(pair, n_branches))),
        shape=(n_states, pair.size),
    )
    return leave - float(env.discount) * arrive
