"""Jumps: what a reward of features says of steps that are never made."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env import FiniteMDP
from volition.env.gridworld import LEGEND_FEATURES, Tile, gridworld
from volition.evaluation import (
    dynamics,
    jump_coverage,
    jump_features,
    jump_reward,
    possible_reward,
    reward_distances,
    visit_coverage,
)
from volition.policy import Tabular
from volition.reward import Linear, Shaped

LEGEND = {
    ".": Tile(ground=("step",)),
    "p": Tile(ground=("step",), enter=("pit",)),
    "#": Tile(blocked=True),
    "G": Tile(enter=("goal",), ends=True, goal=True),
}
WORLD = gridworld(["..p", ".#G", "..."], LEGEND, LEGEND_FEATURES, discount=0.9)
TRUTH = Linear(WORLD.feature_names, [-1.0, 7.0, -3.0])
WALL, PIT, GOAL = 4, 2, 5


def test_a_jump_has_the_features_of_where_it_leads():
    """By the legend: steps onto p cost a step and a pit, staying on it a step."""
    found = jump_reward(WORLD, TRUTH)
    assert found[0, 0].tolist() == [-1, -1, -4, -1, 0, 7, -1, -1, -1]
    assert found[PIT, 0, PIT] == -1.0
    assert not found[GOAL].any()
    assert not found[WALL].any()
    assert jump_features(WORLD).there.tolist() == [state != WALL for state in range(9)]


def test_where_the_world_makes_a_step_it_says_the_same():
    made = dynamics(WORLD) > 0
    made[WALL] = False  # nobody comes there, so nobody leaves it
    found, possible = jump_reward(WORLD, TRUTH), possible_reward(WORLD, TRUTH)
    np.testing.assert_array_equal(found[made], possible[made])


def test_equivalent_rewards_are_no_distance_apart_and_opposite_ones_the_most():
    uniform = jnp.full((WORLD.n_states, WORLD.n_actions), 0.25)
    coverages = {
        "jumps": jump_coverage(WORLD),
        "steps": visit_coverage(WORLD, Tabular(uniform)),
    }
    apart = lambda one: reward_distances(
        WORLD, one, TRUTH, coverages, ask_fn=jump_reward
    )
    potential = jax.random.normal(jax.random.key(1), (WORLD.n_states,))
    scaled = Linear(WORLD.feature_names, 2.5 * TRUTH.weights)
    alike = apart(Shaped(scaled, potential, WORLD.discount))
    opposite = apart(Linear(WORLD.feature_names, -TRUTH.weights))
    other = apart(Linear(WORLD.feature_names, [-1.0, 7.0, 3.0]))
    for kind in ("epic", "dard"):
        for name in coverages:
            assert getattr(alike, kind)[name] < 1e-6
            assert getattr(opposite, kind)[name] == pytest.approx(1.0)
            assert 0.01 < getattr(other, kind)[name] < 0.99


def test_every_jump_between_states_that_are_come_to_counts_alike():
    weight = jump_coverage(WORLD)
    # 7 states to act in (9 without the wall and the end), 4 actions, 8 to jump to.
    assert np.unique(weight[weight > 0]).tolist() == [pytest.approx(1 / (7 * 4 * 8))]
    assert not weight[:, :, WALL].any()


def test_steps_that_differ_have_no_jump_to_stand_for_them():
    two = FiniteMDP(
        successor=np.array([[[2], [0]], [[2], [1]], [[2], [2]]]),
        probability=np.ones((3, 2, 1)),
        terminal=np.array([False, False, True]),
        initial=np.array([0.5, 0.5, 0.0]),
        discount=0.9,
        features=np.array([[[[1.0]], [[0.0]]], [[[2.0]], [[0.0]]], [[[0.0]], [[0.0]]]]),
        feature_info=LEGEND_FEATURES[:1],
    )
    with pytest.raises(ValueError, match="steps to state 2 differ in their features"):
        jump_features(two)
