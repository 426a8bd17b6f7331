"""What behaviour says of a reward, and what it leaves open, in finite worlds."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, ArrayLike, Float

from volition.env import FiniteMDP
from volition.inference.irl.demonstrations import transition_matrix
from volition.reward import AbstractReward, Tabular
from volition.value import expected_reward


class Ambiguity(eqx.Module):
    """What the soft-optimal policies of several worlds leave open of their reward.

    Args:
        n_open: dimensions of rewards `[state, action]` that lead to the same policies
            in all of the worlds; 1 is the constant.
        directions: of these, orthonormal, `[direction, state, action]`.
        sentence: the same in words.
    """

    n_open: int = eqx.field(static=True)
    directions: Float[np.ndarray, "direction state action"]
    sentence: str = eqx.field(static=True)


def rewards_alike(worlds: Sequence[FiniteMDP]) -> Ambiguity:
    """Which rewards `[state, action]` cannot be told apart by behaviour in some worlds.

    In one world, `r(s, a) = log pi(a|s) + v(s) - discount sum P(s'|s,a) v(s')` leads to
    `pi` for every `v`, so that as many dimensions are open as there are states. Two
    worlds of the same reward, which differ in their discount or dynamics, leave those
    that are of this form in both: the constant alone, where the matrix of the two has
    rank `2 S - 1`.

    Args:
        worlds: at least one, of the same states and actions; terminal states pay
            nothing, so that no constant is open where a world ends.

    Raises:
        ValueError: where they differ in their states or actions.

    Example:
        >>> import jax
        >>> from volition import env
        >>> one = env.random_mdp(jax.random.key(0), 3, 2, 2, discount=0.9)
        >>> other = env.random_mdp(jax.random.key(0), 3, 2, 2, discount=0.5)
        >>> rewards_alike([one]).n_open, rewards_alike([one, other]).n_open
        (3, 1)

    Source: H. Cao, S. Cohen, L. Szpruch, "Identifiability in inverse reinforcement
    learning", NeurIPS 2021, arXiv 2106.03498, theorems 1 and 2.
    """
    shapings = [_shaping(world) for world in _alike(worlds)]
    # What is of the form in all worlds: the intersection of their ranges.
    inside = _range(shapings[0])
    for other in shapings[1:]:
        inside = _common(inside, _range(other))
    where = "this world" if len(worlds) == 1 else f"these {len(worlds)} worlds"
    return _told(worlds[0], inside, f"Behaviour in {where}")


def left_open(
    world: FiniteMDP, reward: AbstractReward, horizon: int | None = None
) -> Ambiguity:
    """Which changes of a reward within its form no soft-optimal behaviour shows.

    Without a horizon, of the rewards in `rewards_alike` those that the form can make.
    With one, time is seen to run out: `r` and `r - c` lead to the same policies where
    what is saved by `c` to the end, `u_1 = c` and `u_{k+1} = c + discount P u_k`, never
    depends on the action, `P u_k(s, a) = P u_k(s, b)` for `k < horizon`.

    Args:
        world: where one behaves; terminal states pay nothing.
        reward: of a form that is linear in what is learned of it, or near enough here:
            what is learned is moved by a little.
        horizon: steps for which was planned; left out, as if there were no end of time.

    Returns:
        Of rewards `[state, action]`, with a sentence.

    Example:
        >>> from volition import env
        >>> world = env.random_mdp(jax.random.key(0), 4, 2, 1, discount=0.9)
        >>> left_open(world, Tabular(jnp.zeros((4, 2)))).n_open
        4
        >>> left_open(world, Tabular(jnp.zeros(4))).sentence
        'Behaviour leaves a constant open, and nothing else, of a reward of this form.'

    Source: without a horizon, Cao et al. 2021, as `rewards_alike`; with one, the soft
    Bellman equation from the last step backwards.
    """
    made = np.asarray(_changes(reward, world), dtype=float)
    made = made[~np.asarray(world.terminal)].reshape(-1, made.shape[-1])
    # Whatever the units of a feature; and networks are of 32 bits.
    length = np.linalg.norm(made, axis=0)
    made = made / np.where(length > 0.0, length, 1.0)
    hidden = _shaping(world) if horizon is None else _saved(world, horizon)
    inside = _common(_range(hidden), _range(made, tolerance=1e-6))
    return _told(world, inside, "Behaviour", " of a reward of this form")


@eqx.filter_jit
def _changes(
    reward: AbstractReward, world: FiniteMDP
) -> Float[Array, "state action parameter"]:
    """How the expected reward goes with each number that is learned."""
    learned, fixed = eqx.partition(reward, reward.learned())
    point, unravel = ravel_pytree(learned)
    paid = lambda point: expected_reward(world, eqx.combine(unravel(point), fixed))
    return jax.jacfwd(paid)(point)


def _saved(world: FiniteMDP, horizon: int) -> Float[np.ndarray, "pair direction"]:
    """The `c` of `left_open`, of each state and action."""
    acting = ~np.asarray(world.terminal)
    led = transition_matrix(world)[acting][..., acting]
    basis = saved = np.eye(len(led))
    # As of the powers of a matrix: more of them than states tell nothing more.
    for _ in range(min(horizon - 1, len(led))):
        ahead = np.einsum("sat,td->sad", led, saved)
        rows = (len(led) * world.n_actions, basis.shape[1])
        kept = _kernel((ahead - ahead[:, :1]).reshape(rows))
        basis, ahead = basis @ kept, ahead[:, 0] @ kept
        saved = basis + float(world.discount) * ahead
    return np.repeat(basis, world.n_actions, axis=0)


def _told(
    world: FiniteMDP,
    inside: Float[np.ndarray, "pair direction"],
    whose: str,
    of: str = "",
) -> Ambiguity:
    """What is open, of states that do not end, as it is told."""
    acting, n_open = ~np.asarray(world.terminal), inside.shape[1]
    directions = np.zeros((n_open, world.n_states, world.n_actions))
    shape = (n_open, int(acting.sum()), world.n_actions)
    directions[:, acting] = inside.T.reshape(shape)
    constant = np.full(len(inside), 1.0) / np.sqrt(len(inside))
    has_constant = bool(np.linalg.norm(inside.T @ constant) > 1.0 - 1e-9)
    sentence = _sentence(n_open, has_constant, whose, of)
    return Ambiguity(n_open, directions, sentence)


def _sentence(n_open: int, has_constant: bool, whose: str, of: str) -> str:
    if n_open == 0:
        return f"{whose} leaves nothing open{of}: the reward is identified."
    comma = "," if of else ""
    if n_open == 1 and has_constant:
        return f"{whose} leaves a constant open, and nothing else{comma}{of}."
    more = n_open - has_constant
    constant = "a constant and " if has_constant else ""
    dimensions = "1 dimension" if more == 1 else f"{more} dimensions"
    return (
        f"{whose} leaves {constant}{dimensions} of shaping open{of}: a world of "
        "another discount or dynamics would tell more."
    )


def common_reward(
    worlds: Sequence[FiniteMDP], policies: Sequence[Float[ArrayLike, "state action"]]
) -> tuple[Tabular, float]:
    """The reward `[state, action]` that explains the behaviour in several worlds.

    Args:
        worlds: as of `rewards_alike`.
        policies: the soft-optimal policy in each, every action with some probability.

    Returns:
        The reward of least squares, with a mean of 0 where a constant is open, and the
        greatest error that it leaves, nats; far from 0 where no one reward does.

    Raises:
        ValueError: where a policy never takes an action, or shapes differ.

    Source: Cao et al. 2021, as `rewards_alike`, theorem 2.
    """
    worlds = _alike(worlds)
    acting = ~np.asarray(worlds[0].terminal)
    n_states = int(acting.sum())
    logs = []
    for policy in policies:
        kept = np.asarray(policy, dtype=float)[acting]
        if kept.shape != (n_states, worlds[0].n_actions) or not (kept > 0).all():
            raise ValueError(
                "each policy gives every action in every state some probability, "
                f"[state, action]; one has the shape {np.shape(policy)} and a least "
                f"probability of {kept.min():.2g}."
            )
        logs.append(np.log(kept).ravel())
    if len(logs) != len(worlds):
        raise ValueError(
            f"{len(worlds)} worlds need as many policies, not {len(logs)}."
        )
    # r - A_i v_i = log pi_i for all worlds i: solved for r and all v_i.
    n = logs[0].size
    rows = []
    for number, world in enumerate(worlds):
        blocks = [np.eye(n)] + [np.zeros((n, n_states))] * len(worlds)
        blocks[1 + number] = -_shaping(world)
        rows.append(np.hstack(blocks))
    system, told = np.vstack(rows), np.concatenate(logs)
    found = np.linalg.lstsq(system, told, rcond=None)[0]
    error = float(np.max(np.abs(system @ found - told)))
    reward = np.zeros((worlds[0].n_states, worlds[0].n_actions))
    reward[acting] = found[:n].reshape(n_states, -1)
    if not np.asarray(worlds[0].terminal).any():
        reward -= reward.mean()
    return Tabular(jnp.asarray(reward)), error


def _alike(worlds: Sequence[FiniteMDP]) -> Sequence[FiniteMDP]:
    if len(worlds) == 0:
        raise ValueError("there is no world to look at: give at least one.")
    first = worlds[0]
    for number, world in enumerate(worlds):
        same = world.n_states == first.n_states and world.n_actions == first.n_actions
        if not same or (np.asarray(world.terminal) != np.asarray(first.terminal)).any():
            raise ValueError(
                f"world {number} has other states, actions or ends than world 0: a "
                "reward can be compared over the same ones."
            )
    return worlds


def _shaping(world: FiniteMDP) -> Float[np.ndarray, "pair state"]:
    """`v(s) - discount sum P(s'|s,a) v(s')` as a matrix, of states that do not end."""
    led = transition_matrix(world)
    acting = ~np.asarray(world.terminal)
    stay = np.eye(world.n_states)[:, None, :]
    matrix = (stay - float(world.discount) * led)[acting][..., acting]
    return matrix.reshape(-1, int(acting.sum()))


def _range(matrix: np.ndarray, tolerance: float = 1e-10) -> np.ndarray:
    """An orthonormal basis of what a matrix can make."""
    left, values, _ = np.linalg.svd(matrix, full_matrices=False)
    return left[:, values > tolerance * values.max(initial=0.0)]


def _kernel(matrix: np.ndarray) -> np.ndarray:
    """An orthonormal basis of what a matrix makes nothing of."""
    _, values, rows = np.linalg.svd(matrix)
    return rows[int((values > 1e-10).sum()) :].T


def _common(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """An orthonormal basis of what two such bases can both make."""
    _, cosines, rows = np.linalg.svd(other.T @ one)
    return one @ rows[: int((cosines > 1.0 - 1e-9).sum())].T
