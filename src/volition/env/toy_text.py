"""Gymnasium's toy worlds as finite MDPs, from its own transition tables."""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Bool, Float, Int

from volition.env.environment import Feature
from volition.env.gridworld import Cell
from volition.env.mdp import FiniteMDP

FEATURES = (Feature("reward", "1", "the reward that Gymnasium pays for the step"),)
# Gymnasium's registry: FrozenLake-v1, FrozenLake8x8-v1 and Taxi-v4.
FROZEN_LAKE_TIME_LIMITS = {"4x4": 100, "8x8": 200}
TAXI_TIME_LIMIT = 200


class TaxiState(eqx.Module):
    """A state of the taxi world: its number, and what the number stands for.

    Args:
        index: the state's number.
        row: of the taxi, from the top, in `0 .. 4`.
        column: of the taxi, from the left, in `0 .. 4`.
        passenger: the stop where the passenger is, in `0 .. 3`; 4 is inside the taxi.
        destination: the stop to go to, in `0 .. 3`.
    """

    index: Int[ArrayLike, "*batch"]
    row: Int[ArrayLike, "*batch"]
    column: Int[ArrayLike, "*batch"]
    passenger: Int[ArrayLike, "*batch"]
    destination: Int[ArrayLike, "*batch"]

    def __str__(self) -> str:
        passenger = ("red", "green", "yellow", "blue", "in")[np.asarray(self.passenger)]
        to = ("red", "green", "yellow", "blue")[np.asarray(self.destination)]
        return f"({self.row}, {self.column}), passenger {passenger}, destination {to}"


class Table(eqx.Module):
    """A Gymnasium transition table as arrays, duplicates merged, padded with 0."""

    successor: Int[np.ndarray, "state action branch"]
    probability: Float[np.ndarray, "state action branch"]
    reward: Float[np.ndarray, "state action branch"]
    terminal: Bool[np.ndarray, " state"]


def frozen_lake(
    board: Sequence[str] | None = None,
    *,
    map_name: str = "4x4",
    is_slippery: bool = True,
    discount: float = 0.99,
    time_limit: int | None = None,
) -> FiniteMDP:
    """Gymnasium's FrozenLake: over the ice to the goal, past the holes.

    Args:
        board: rows of `S`tart, `F`rozen, `H`ole and `G`oal; replaces `map_name`.
        map_name: one of Gymnasium's maps, "4x4" or "8x8".
        is_slippery: whether each move goes astray to either side with 1/3 each.
        discount: in `[0, 1]`, per step.
        time_limit: steps after which an episode is truncated; default Gymnasium's, 100,
            and 200 for "8x8".

    Returns:
        The MDP; its one feature, `reward`, is what Gymnasium pays.

    Raises:
        ValueError: where the map is not known or cannot be read.
        ImportError: where Gymnasium is not installed.

    Example:
        >>> lake = frozen_lake()
        >>> lake.n_states, int(lake.terminal.sum()), int(lake.goal.sum())
        (16, 5, 1)

    Source: Gymnasium, `FrozenLake-v1`.

    Differs: falling into a hole and reaching the goal end the episode in states of
    their own right, in which nothing is paid.
    """
    if board is None and map_name not in FROZEN_LAKE_TIME_LIMITS:
        raise ValueError(
            f"there is no map {map_name!r}: choose one of "
            f"{tuple(FROZEN_LAKE_TIME_LIMITS)}, or give a board."
        )
    if board is not None:
        check_lake(board)
    if time_limit is None:
        time_limit = FROZEN_LAKE_TIME_LIMITS["4x4" if board is not None else map_name]
    world = toy_text("frozen_lake").FrozenLakeEnv(
        desc=None if board is None else list(board),
        map_name=map_name,
        is_slippery=is_slippery,
    )
    table = read_table(world.P, world.initial_state_distrib)
    index = jnp.arange(world.desc.size, dtype=jnp.int32)
    n_columns = world.desc.shape[1]
    return FiniteMDP(
        table.successor,
        table.probability,
        terminal=table.terminal,
        initial=world.initial_state_distrib,
        discount=discount,
        features=table.reward[..., None],
        goal=(world.desc == b"G").ravel(),
        states=Cell(index, index // n_columns, index % n_columns),
        time_limit=time_limit,
        feature_info=FEATURES,
        action_names=("left", "down", "right", "up"),
        board=tuple(row.tobytes().decode() for row in world.desc),
    )


def taxi(*, discount: float = 0.99, time_limit: int = TAXI_TIME_LIMIT) -> FiniteMDP:
    """Gymnasium's Taxi: fetch a passenger at one of four stops, bring them to another.

    Args:
        discount: in `[0, 1]`, per step.
        time_limit: steps after which an episode is truncated; default Gymnasium's.

    Returns:
        The MDP; its one feature, `reward`, is what Gymnasium pays. Its goal is the
        passenger set down at the destination, one terminal state per stop; 96 of its
        500 states cannot occur.

    Raises:
        ImportError: where Gymnasium is not installed.

    Example:
        >>> world = taxi()
        >>> world.n_states, int(world.terminal.sum()), int((world.initial > 0).sum())
        (500, 4, 300)

    Source: Gymnasium, `Taxi-v4`, without rain and with a steadfast passenger; T. G.
    Dietterich, "Hierarchical reinforcement learning with the MAXQ value function
    decomposition", JAIR 13 (2000), section 3.1.
    """
    world = toy_text("taxi").TaxiEnv()
    table = read_table(world.P, world.initial_state_distrib)
    index = jnp.arange(len(world.P), dtype=jnp.int32)
    # As Gymnasium's `encode`: ((row * 5 + column) * 5 + passenger) * 4 + destination.
    place = index // 20
    return FiniteMDP(
        table.successor,
        table.probability,
        terminal=table.terminal,
        initial=world.initial_state_distrib,
        discount=discount,
        features=table.reward[..., None],
        goal=table.terminal,
        states=TaxiState(
            index,
            place // 5,
            place % 5,
            passenger=index // 4 % 5,
            destination=index % 4,
        ),
        time_limit=time_limit,
        feature_info=FEATURES,
        action_names=("down", "up", "right", "left", "pick up", "set down"),
        board=tuple(row.tobytes().decode() for row in world.desc),
    )


def toy_text(name: str) -> Any:
    """One of Gymnasium's toy_text modules, if Gymnasium is installed."""
    try:
        return importlib.import_module(f"gymnasium.envs.toy_text.{name}")
    except ImportError as error:
        raise ImportError(
            "this world needs Gymnasium: pip install 'volition[gymnasium]'."
        ) from error


def check_lake(board: Sequence[str]) -> None:
    """Raise where a FrozenLake board cannot be read."""
    if not board or not board[0]:
        raise ValueError("the board is empty: draw at least one tile.")
    for number, row in enumerate(board):
        if len(row) != len(board[0]) or set(row) - set("SFHG"):
            raise ValueError(
                f"row {number} of the board is {row!r}: write {len(board[0])} letters "
                "out of S, F, H and G, as in row 0."
            )
    if not any("S" in row for row in board):
        raise ValueError("the board has no start: draw an S.")


def read_table(
    table: Mapping[int, Mapping[int, Sequence[tuple]]], initial: ArrayLike
) -> Table:
    """Read a Gymnasium transition table.

    There, termination belongs to a step; here, to the state that it leads to. The two
    agree where no state that can occur is reached with and without it, which is
    checked. A terminal state then stays, for nothing.

    Args:
        table: `table[state][action]` lists `(probability, successor, reward,
            terminated)`.
        initial: distribution of the first state, `[state]`.

    Raises:
        ValueError: where a state is reached with and without termination, or one
            successor with two rewards.

    Example:
        >>> read = read_table({0: {0: [(1.0, 1, 5, True)]}, 1: {0: []}}, np.eye(2)[0])
        >>> read.reward.ravel().tolist(), read.terminal.tolist()
        ([5.0, 0.0], [False, True])
    """
    steps = [
        step for row in table.values() for branches in row.values() for step in branches
    ]
    ends = {int(to) for probability, to, _, ended in steps if ended and probability > 0}
    check_ends(table, ends, np.flatnonzero(np.asarray(initial)).tolist())
    merged: dict[tuple[int, int], dict[int, list[float]]] = {}
    for state, row in table.items():
        for action, branches in row.items():
            into = merged.setdefault((state, action), {})
            if state in ends:
                branches = [(1.0, state, 0.0, True)]
            for probability, successor, reward, _ in branches:
                known = into.setdefault(int(successor), [0.0, float(reward)])
                known[0] += float(probability)
                if known[1] != float(reward):
                    raise ValueError(
                        f"action {action} in state {state} leads to state {successor} "
                        "with two rewards: only one can be told from where it leads."
                    )
    shape = (len(table), len(table[0]), max(map(len, merged.values())))
    successor = np.zeros(shape, dtype=np.int32)
    probability, reward = np.zeros(shape), np.zeros(shape)
    for (state, action), into in merged.items():
        for branch, (to, (weight, paid)) in enumerate(into.items()):
            successor[state, action, branch] = to
            probability[state, action, branch] = weight
            reward[state, action, branch] = paid
    terminal = np.isin(np.arange(len(table)), sorted(ends))
    return Table(successor, probability, reward, terminal)


def check_ends(
    table: Mapping[int, Mapping[int, Sequence[tuple]]],
    ends: set[int],
    starts: Sequence[int],
) -> None:
    """Raise where a state that can occur is reached with and without termination."""
    seen, frontier = set(starts), list(starts)
    while frontier:
        state = frontier.pop()
        for branches in table[state].values():
            for probability, to, _, ended in branches:
                if probability > 0 and not ended and to not in seen:
                    seen.add(int(to))
                    frontier.append(int(to))
    if both := sorted(seen & ends):
        raise ValueError(
            f"state {both[0]} is reached with and without termination: give the table "
            "a state of its own for the end."
        )
