"""The rules of gridworlds, by hand on small drawings."""

import jax
import numpy as np
import pytest

from volition.env import Feature, Tile, cliff_walking, delivery, gridworld
from volition.env.gridworld import KING_MOVES, LEGEND, LEGEND_FEATURES, MOVES
from volition.reward import cliff_walking as book_reward

UP, DOWN, LEFT, RIGHT = range(4)
COIN = LEGEND | {"C": Tile(ground=("step",), enter=("coin",))}
COIN_FEATURES = (*LEGEND_FEATURES, Feature("coin", "1", "1 for a step onto a coin"))


def paid(mdp, state: int, action: int) -> dict[str, float]:
    """The features that are not 0 of a certain step."""
    assert mdp.probability[state, action].tolist() == [1.0]
    values = mdp.features[state, action, 0].tolist()
    named = zip(mdp.feature_names, values, strict=True)
    return {name: value for name, value in named if value}


# S . C
# # X G
BOARD = ("S.C", "#XG")


@pytest.mark.parametrize(
    "state, action, successor, features",
    [
        pytest.param(0, RIGHT, 1, {"step": 1.0}, id="a move"),
        pytest.param(0, UP, 0, {"step": 1.0}, id="off the board stays, pays ground"),
        pytest.param(0, DOWN, 0, {"step": 1.0}, id="into a block stays, pays ground"),
        pytest.param(1, RIGHT, 2, {"step": 1.0, "coin": 1.0}, id="enter pays both"),
        pytest.param(2, RIGHT, 2, {"step": 1.0}, id="staying does not pay enter"),
        pytest.param(2, DOWN, 5, {"goal": 1.0}, id="the goal pays no ground"),
        pytest.param(1, DOWN, 4, {"pit": 1.0}, id="the pit pays no ground"),
        pytest.param(5, LEFT, 4, {}, id="an end pays nothing"),
    ],
)
def test_a_step(state, action, successor, features):
    mdp = gridworld(BOARD, COIN, COIN_FEATURES)
    assert mdp.successor[state, action].tolist() == [successor]
    assert paid(mdp, state, action) == features


def test_ends_goals_and_starts():
    mdp = gridworld(BOARD, COIN, COIN_FEATURES)
    assert np.flatnonzero(mdp.terminal).tolist() == [4, 5]
    assert np.flatnonzero(mdp.goal).tolist() == [5]
    assert mdp.initial.tolist() == [1.0, 0, 0, 0, 0, 0]


def test_without_a_start_every_open_tile_is_one():
    mdp = gridworld(["..#", "XG."])
    assert mdp.initial.tolist() == pytest.approx([1 / 3, 1 / 3, 0, 0, 0, 1 / 3])


def test_slip_makes_one_of_the_moves_instead():
    mdp = gridworld(["..", ".G"], slip=0.4)
    # From the top left, right: 0.6 + 0.4/4 there; 0.1 each up, left (stays) and down.
    total = np.zeros(4)
    np.add.at(total, mdp.successor[0, RIGHT], mdp.probability[0, RIGHT])
    np.testing.assert_allclose(total, [0.2, 0.7, 0.1, 0.0])


def test_a_kings_move_is_a_diagonal():
    mdp = gridworld(["...", "...", "..."], moves=KING_MOVES)
    assert mdp.action_names[-1] == "down-right"
    assert mdp.successor[4, :, 0].tolist() == [1, 7, 3, 5, 0, 2, 6, 8]


@pytest.mark.parametrize("seed", [0, 7])
def test_turning_the_board_turns_the_world(seed):
    """Transposed board and moves: the same world with its states relabelled."""
    tiles = np.random.default_rng(seed).choice(
        list(".#CXG"), (3, 5), p=[0.6] + [0.1] * 4
    )
    tiles[1, 1] = "."
    turned_moves = {name: (right, down) for name, (down, right) in MOVES.items()}
    plain = gridworld(["".join(row) for row in tiles], COIN, COIN_FEATURES)
    turned = gridworld(
        ["".join(row) for row in tiles.T], COIN, COIN_FEATURES, moves=turned_moves
    )
    new = np.arange(15).reshape(5, 3).T.ravel()  # plain number -> turned number
    np.testing.assert_array_equal(new[plain.successor], turned.successor[new])
    np.testing.assert_array_equal(plain.features, turned.features[new])
    np.testing.assert_array_equal(plain.initial, turned.initial[new])


HOLE = LEGEND | {"O": Tile(enter=("pit",), returns=True)}


@pytest.mark.parametrize(
    "board, options, sentence",
    [
        ([], {}, "the board is empty"),
        ([""], {}, "the board is empty"),
        (["..", "..."], {}, "row 1 of the board has 3 tiles, row 0 has 2"),
        (["..", ".?"], {}, r"row 1 of the board has the character '\?'"),
        (["C."], {"legend": COIN}, "feature 'coin', which is not in feature_info"),
        (["X#", "#G"], {}, "no tile where an episode could begin"),
        (["SOS"], {"legend": HOLE}, "needs exactly one start"),
        ([".O."], {"legend": HOLE}, "needs exactly one start"),
        (["SO."], {"legend": HOLE, "slip": 0.2}, "needs slip = 0"),
        (["S."], {"slip": 1.2}, r"slip = 1.2 must be in \[0, 1\]"),
        (["S."], {"slip": float("nan")}, "slip = nan must be in"),
        (["S."], {"discount": -0.1}, r"discount = -0.1 must be in \[0, 1\]"),
        (["S."], {"feature_info": LEGEND_FEATURES * 2}, "describes 'step' twice"),
    ],
)
def test_a_bad_drawing_is_refused(board, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        gridworld(board, **options)


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"goal": True}, "a goal tile must end the episode"),
        ({"ends": True, "start": True}, "only one of blocked, ends, returns and start"),
        ({"blocked": True, "returns": True}, "only one of blocked, ends"),
    ],
)
def test_a_bad_tile_is_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        Tile(**options)


def test_the_cliff_pays_itself_alone_and_goes_on():
    mdp = cliff_walking()
    start, corner = 36, 47
    assert mdp.successor[start, RIGHT].tolist() == [start]
    assert paid(mdp, start, RIGHT) == {"cliff": 1.0}
    assert mdp.successor[30, DOWN].tolist() == [start]
    assert paid(mdp, 30, DOWN) == {"cliff": 1.0}
    assert paid(mdp, start, DOWN) == {"step": 1.0}
    assert mdp.successor[35, DOWN].tolist() == [corner]
    assert paid(mdp, 35, DOWN) == {"step": 1.0}
    assert np.flatnonzero(mdp.terminal).tolist() == [corner]


def test_the_cliffs_two_walks_are_worth_what_the_book_says():
    """Example 6.6: the optimal path along the edge returns -13, the safe one -17."""
    mdp, reward = cliff_walking(), book_reward()
    edge = [UP, *[RIGHT] * 11, DOWN]
    safe = [UP, UP, UP, *[RIGHT] * 11, DOWN, DOWN, DOWN]
    for actions, expected in ((edge, -13.0), (safe, -17.0)):
        state, total = 36, 0.0
        for action in actions:
            total += float(reward(mdp.branch_transition(state, action, 0)))
            state = int(mdp.successor[state, action, 0])
        assert bool(mdp.terminal[state])
        assert total == expected


def test_the_delivery_world_is_the_papers():
    """92 possible starts: all but the blocked tiles and the ends."""
    mdp = delivery()
    drawn = "".join(mdp.board)
    n_blocked, n_sheep, n_goals = (drawn.count(tile) for tile in "HAG")
    assert int((np.asarray(mdp.initial) > 0).sum()) == 92
    assert 100 - n_blocked - n_sheep - n_goals == 92
    assert int(mdp.goal.sum()) == n_goals == 1
    assert int(mdp.terminal.sum()) == n_sheep + n_goals


@pytest.mark.parametrize("state, action", [(21, RIGHT), (12, LEFT)])
def test_delivery_every_step_pays_one_ground_or_one_end(state, action):
    mdp = delivery()
    features = dict(zip(mdp.feature_names, mdp.features[state, action, 0], strict=True))
    kinds = ("gas", "mud", "goal", "sheep")
    assert sum(float(features[name]) for name in kinds) == 1.0


def test_delivery_a_coin_is_paid_each_time_it_is_driven_onto():
    mdp = delivery()
    onto = int(mdp.successor[4, DOWN, 0])
    assert mdp.board[1][4] == "C"
    assert onto == 14
    for _ in range(2):
        assert paid(mdp, 4, DOWN) == {"gas": 1.0, "coin": 1.0}
        assert paid(mdp, onto, UP) == {"gas": 1.0}


def test_the_whole_world_is_a_pytree_of_arrays():
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(delivery()))
