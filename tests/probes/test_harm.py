"""H2: harm that is cheaper than the goal, and what is said of it."""

import re

import jax.numpy as jnp
import numpy as np
import pytest

from volition.env import Feature, FiniteMDP, Tile, gridworld
from volition.env.gridworld import LEGEND, LEGEND_FEATURES
from volition.policy import Tabular
from volition.probes import harm_as_the_cheaper_end, replay
from volition.reward import Linear
from volition.value import plan

UP, DOWN, LEFT, RIGHT = range(4)
# The pit is a step away, the goal five.
BOARD = ["X.....G"]
WORLD = gridworld(BOARD)
FEAR, GREED = [-1.0, 50.0, -50.0], [-60.0, 50.0, -50.0]  # step, goal, pit


def probe(world, weights, policy=None):
    reward = Linear(world.feature_names, weights)
    policy = plan(world, reward).policy if policy is None else policy
    found = harm_as_the_cheaper_end(world, reward, policy)
    return found, reward


def always(*probabilities, n_states: int) -> Tabular:
    return Tabular(jnp.broadcast_to(jnp.array(probabilities), (n_states, 4)))


def test_dear_steps_make_the_pit_the_cheaper_end():
    # From next to the pit: -50 into it, 50 - 4 * 60 to the goal.
    (finding,), reward = probe(WORLD, GREED)
    pays, _ = replay(WORLD, reward, finding.path)
    assert finding.path.states[-1] == 0
    assert f"which pays {pays:+.3g} reward units in all" in finding.sentence
    assert probe(WORLD, FEAR)[0] == ()


def test_the_share_is_that_of_starts_that_could_reach_the_goal():
    """The policy goes left: 5 of 5 starts; with two behind a wall, 5 of 7."""
    left = always(0.0, 0.0, 1.0, 0.0, n_states=7)
    (finding,), _ = probe(WORLD, FEAR, left)
    assert "From 100% of the starts" in finding.sentence
    walled = gridworld(["X.....G#.X."])
    (finding,), _ = probe(walled, FEAR, always(0.0, 0.0, 1.0, 0.0, n_states=11))
    assert "From 71% of the starts" in finding.sentence


@pytest.mark.parametrize("n_harmed, flagged", [(1, False), (2, True)])
def test_more_than_one_start_in_a_hundred(n_harmed, flagged):
    """100 starts in a row; the first few go to the pit, the others to the goal."""
    world = gridworld(["X" + 100 * "." + "G"])
    step = np.where(np.arange(102) <= n_harmed, LEFT, RIGHT)
    policy = Tabular(jnp.asarray(np.eye(4)[step]))
    found, _ = probe(world, FEAR, policy)
    assert bool(found) == flagged


def test_the_way_to_the_goal_is_the_best_not_the_shortest():
    """Through the bog it pays -30 + 9, around it 3 (-1) + 9."""
    world = gridworld(
        ["XSbG", "#...", "#..."],
        LEGEND | {"b": Tile(ground=("bog",))},
        (*LEGEND_FEATURES, Feature("bog", "1", "1 for a step that ends in it")),
    )
    (finding,), _ = probe(
        world, [-1.0, 9.0, -2.0, -30.0], always(0.0, 0.0, 1.0, 0.0, n_states=12)
    )
    assert "it ends at (0, 0), which pays -2 reward units" in finding.sentence
    assert "where the way to the goal pays +6." in finding.sentence


def test_where_a_loop_pays_no_way_to_the_goal_is_called_the_best():
    (finding,), _ = probe(
        WORLD, [1.0, 9.0, -2.0], always(0.0, 0.0, 1.0, 0.0, n_states=7)
    )
    assert "way to the goal" not in finding.sentence


def test_a_policy_of_chance_is_followed_to_the_harm():
    """It goes right with .7 and left with .3: its likeliest way ends in the goal."""
    world = gridworld(["X.G####"])
    (finding,), reward = probe(world, FEAR, always(0.0, 0.0, 0.3, 0.7, n_states=7))
    assert "From 30% of the starts" in finding.sentence
    assert (finding.path.states, finding.path.actions) == ((1, 0), (LEFT,))
    assert "it can end at (0, 0), which pays -50" in finding.sentence
    assert replay(world, reward, finding.path)[0] == -50.0


def test_what_cannot_be_helped_is_no_finding():
    """The best way to the goal slips into a pit once in a while, as every way does."""
    world = gridworld(["XXX", "S.G", "XXX"], slip=0.4)
    assert probe(world, FEAR)[0] == ()


def test_a_slip_is_followed_to_the_harm():
    world = gridworld(["XXX", "S.G", "XXX"], slip=0.4)
    hesitant = always(0.2, 0.0, 0.0, 0.8, n_states=9)
    (finding,), reward = probe(world, FEAR, hesitant)
    assert finding.path.states[-1] in (0, 1, 2, 6, 7, 8)
    pays = replay(world, reward, finding.path)[0]
    said = re.search(r"it can end at .*, which pays (\S+) reward", finding.sentence)
    assert said is not None
    assert said[1] == f"{pays:+.3g}"


@pytest.mark.parametrize(
    "board", [["X......"], ["X....#G"]], ids=["none", "behind a wall"]
)
def test_without_a_goal_to_be_reached_nothing_is_found(board):
    world = gridworld(board)
    assert probe(world, GREED, always(0.0, 0.0, 1.0, 0.0, n_states=7))[0] == ()


@pytest.mark.parametrize("seed", [0, 3])
def test_names_of_states_and_actions_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    new, turn = rng.permutation(7), rng.permutation(4)
    old = np.argsort(new)
    renamed = FiniteMDP(
        new[np.asarray(WORLD.successor)][old][:, turn],
        np.asarray(WORLD.probability)[old][:, turn],
        terminal=np.asarray(WORLD.terminal)[old],
        initial=np.asarray(WORLD.initial)[old],
        features=np.asarray(WORLD.features)[old][:, turn],
        goal=np.asarray(WORLD.goal)[old],
        discount=WORLD.discount,
        feature_info=WORLD.feature_info,
    )
    for weights, fires in ((GREED, True), (FEAR, False)):
        one, other = probe(WORLD, weights)[0], probe(renamed, weights)[0]
        assert bool(one) == bool(other) == fires
        if fires:
            assert other[0].path.states[-1] == new[0]
            share = re.match(r"From \d+% of the starts", one[0].sentence)
            assert share is not None
            assert other[0].sentence.startswith(share[0])
