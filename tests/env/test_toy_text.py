"""Gymnasium's tables as finite MDPs; the parity of each step is a contract test."""

import sys

import numpy as np
import pytest

from volition.env import frozen_lake, taxi
from volition.env.toy_text import read_table


def test_without_gymnasium_the_error_names_the_remedy(monkeypatch):
    for name in ("frozen_lake", "taxi"):
        monkeypatch.setitem(sys.modules, f"gymnasium.envs.toy_text.{name}", None)
    for world in (frozen_lake, taxi):
        with pytest.raises(ImportError, match=r"pip install 'volition\[gymnasium\]'"):
            world()


def test_duplicates_are_merged_and_short_lists_padded():
    table = {
        0: {0: [(0.25, 1, 2, False), (0.5, 0, 7, False), (0.25, 1, 2, False)]},
        1: {0: [(1.0, 2, 9, True)]},
        2: {0: [(1.0, 0, 5, False)]},
    }
    read = read_table(table, np.array([1.0, 0.0, 0.0]))
    assert read.successor.tolist() == [[[1, 0]], [[2, 0]], [[2, 0]]]
    assert read.probability.tolist() == [[[0.5, 0.5]], [[1.0, 0.0]], [[1.0, 0.0]]]
    assert read.reward.tolist() == [[[2.0, 7.0]], [[9.0, 0.0]], [[0.0, 0.0]]]
    assert read.terminal.tolist() == [False, False, True]


@pytest.mark.parametrize(
    "branches, sentence",
    [
        (
            [(0.5, 1, 0, True), (0.5, 1, 0, False)],
            "state 1 is reached with and without termination",
        ),
        ([(1.0, 0, 0, True)], "state 0 is reached with and without termination"),
        ([(0.5, 1, 3, False), (0.5, 1, 4, False)], "leads to state 1 with two rewards"),
    ],
)
def test_a_table_that_states_cannot_tell_is_refused(branches, sentence):
    table = {0: {0: branches}, 1: {0: [(1.0, 1, 0, False)]}}
    with pytest.raises(ValueError, match=sentence):
        read_table(table, np.array([1.0, 0.0]))


def test_a_state_that_cannot_occur_does_not_matter():
    """As in Taxi: state 2 would drive into the end without ending, but never occurs."""
    table = {
        0: {0: [(1.0, 1, 0, True)]},
        1: {0: [(1.0, 1, 0, False)]},
        2: {0: [(1.0, 1, 0, False)]},
    }
    read = read_table(table, np.array([1.0, 0.0, 0.0]))
    assert read.terminal.tolist() == [False, True, False]


def test_the_lake_is_as_drawn():
    lake = frozen_lake(["FSF", "HFG"])
    assert lake.board == ("FSF", "HFG")
    assert np.flatnonzero(lake.terminal).tolist() == [3, 5]
    assert np.flatnonzero(lake.goal).tolist() == [5]
    assert np.flatnonzero(lake.initial).tolist() == [1]
    assert lake.describe(5) == "(1, 2)"


@pytest.mark.parametrize("map_name, expected", [("4x4", 100), ("8x8", 200)])
def test_time_limits_go_with_the_map(map_name, expected):
    assert int(frozen_lake(map_name=map_name).time_limit) == expected
    assert int(frozen_lake(map_name=map_name, time_limit=7).time_limit) == 7


@pytest.mark.parametrize(
    "board, sentence",
    [
        ([], "the board is empty"),
        (["SF", "F"], "row 1 of the board is 'F'"),
        (["SF", "FX"], "row 1 of the board is 'FX'"),
        (["FF", "FG"], "the board has no start"),
    ],
)
def test_a_bad_lake_is_refused(board, sentence):
    with pytest.raises(ValueError, match=sentence):
        frozen_lake(board)


def test_an_unknown_map_is_refused():
    with pytest.raises(ValueError, match="there is no map '5x5'"):
        frozen_lake(map_name="5x5")


def test_taxi_states_read_as_the_numbers_mean():
    """Gymnasium's own decoding of the same numbers."""
    world = taxi()
    from gymnasium.envs.toy_text.taxi import TaxiEnv

    states = world.states
    for index in (0, 97, 328, 499):
        mine = (states.row, states.column, states.passenger, states.destination)
        assert tuple(int(leaf[index]) for leaf in mine) == TaxiEnv().decode(index)


def test_taxi_ends_where_the_passenger_is_set_down():
    world = taxi()
    ends = np.flatnonzero(world.terminal)
    np.testing.assert_array_equal(world.goal, world.terminal)
    assert (world.states.passenger[ends] == world.states.destination[ends]).all()
    # Only setting down (action 5) leads there from a state that can occur, for 20.
    riding = np.asarray(world.states.passenger) == 4
    into = np.isin(np.asarray(world.successor), ends) & (
        np.asarray(world.probability) > 0
    )
    into[np.asarray(world.states.passenger) == np.asarray(world.states.destination)] = (
        False
    )
    state, action, branch = np.nonzero(into)
    assert len(state) == 4
    assert riding[state].all()
    assert set(action) == {5}
    assert np.asarray(world.features)[state, action, branch, 0].tolist() == [20.0] * 4
