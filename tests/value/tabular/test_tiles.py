"""Tile coding, and learning with it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env import Discrete, MountainCar, cliff_walking
from volition.reward import Linear, mountain_car
from volition.value import (
    SARSA,
    ByVisit,
    DynaQ,
    NStepSARSA,
    QLearning,
    TileCoding,
)
from volition.value.tabular import learn, table

CODING = TileCoding((-1.2, -0.07), (0.6, 0.07), n_tiles=4, n_tilings=8)


def active(coding, observation, low, high):
    """Tile numbers, one loop at a time."""
    sides = len(low)
    numbers = []
    for tiling in range(coding.n_tilings):
        number = 0
        for side in range(sides):
            place = (observation[side] - low[side]) / (high[side] - low[side])
            place = min(max(place, 0.0), 1.0) * coding.n_tiles
            shift = tiling * (2 * side + 1) % coding.n_tilings / coding.n_tilings
            number = number * (coding.n_tiles + 1) + int(np.floor(place + shift))
        numbers.append(tiling * (coding.n_tiles + 1) ** sides + number)
    return numbers


@pytest.mark.parametrize("seed", [0])
def test_the_tiles_are_those_of_a_loop(seed):
    low, high = np.array([-1.2, -0.07]), np.array([0.6, 0.07])
    rng = np.random.default_rng(seed)
    points = rng.uniform(low - 0.1, high + 0.1, (300, 2))
    points = np.concatenate([points, [low, high]])
    found = np.asarray(jax.vmap(CODING)(jnp.asarray(points)))
    assert found.tolist() == [active(CODING, one, low, high) for one in points]
    assert found.min() >= 0
    assert found.max() < CODING.n_features == 8 * 25


def test_neighbours_share_tiles_as_far_as_they_are_near():
    """A step of 1/8 of a tile along one side leaves 7 of 8 tiles."""
    here = jnp.array([-0.3, 0.0])
    width = 1.8 / 4
    share = lambda by: int(
        jnp.sum(CODING(here) == CODING(here + jnp.array([by * width, 0.0])))
    )
    assert [share(by) for by in (0.0, 0.125, 0.5, 1.0)] == [8, 7, 4, 0]


def test_several_rows_are_one_value():
    q = jnp.arange(12.0).reshape(6, 2)
    rows, action = jnp.array([1, 4]), jnp.int32(1)
    assert float(table.entry(q, rows, action)) == 3.0 + 9.0
    moved = table.move(q, rows, action, 5.0)
    assert float(table.entry(moved, rows, action)) == 17.0
    assert np.flatnonzero(np.asarray(moved - q)).tolist() == [3, 9]


def test_a_tile_for_each_state_is_the_table():
    """One tiling whose tiles are the states learns what the table learns."""

    class Numbered(MountainCar):
        """Mountain Car that is seen as one of 25 numbers."""

        @property
        def observation_space(self):  # pyright: ignore
            return Discrete(25)

        def observe(self, state):
            return one(super().observe(state))[0]

    one = TileCoding((-1.2, -0.07), (0.6, 0.07), n_tiles=4, n_tilings=1)
    key, method = jax.random.key(0), SARSA(2000, step_size=0.3, n_stretches=4)
    coded = learn(key, MountainCar(), mountain_car(), method, coding=one)
    tabular = learn(key, Numbered(), mountain_car(), method)
    np.testing.assert_array_equal(coded.q, tabular.q)
    assert len(np.unique(np.asarray(coded.q))) > 5


@pytest.mark.parametrize("kind", [SARSA, NStepSARSA, QLearning])
def test_mountain_car_is_learned(kind):
    """Far below the 200 steps of who never gets there."""
    coding = TileCoding((-1.2, -0.07), (0.6, 0.07))
    method = kind(60_000, step_size=0.3, exploration=0.0, n_stretches=10)
    found = learn(
        jax.random.key(1), MountainCar(), mountain_car(), method, coding=coding
    )
    assert -160.0 < float(found.curve.mean_return[-1]) < -100.0
    best = found.policy(jax.random.key(0), jnp.array([0.45, 0.06]))
    values = found.policy.values(jnp.array([0.45, 0.06]))
    assert int(best) == int(jnp.argmax(values))
    assert -10.0 < float(values.max()) < 0.0  # nearly there


@pytest.mark.parametrize(
    "coding, method, what",
    [
        (CODING, DynaQ(100), "a learned model needs numbered observations"),
        (CODING, SARSA(100, step_size=ByVisit()), "step sizes by visit need states"),
        (
            TileCoding((0.0,), (1.0,)),
            SARSA(100),
            "tiles over 1 numbers cannot code Box",
        ),
        (None, SARSA(100), "a table needs numbered observations"),
    ],
)
def test_what_cannot_be_coded_is_refused(coding, method, what):
    with pytest.raises(ValueError, match=what):
        learn(jax.random.key(0), MountainCar(), mountain_car(), method, coding=coding)


def test_tiles_and_actions_that_are_not_available_are_refused():
    class Pushing(MountainCar):
        """Mountain Car that cannot coast."""

        def available(self, observation):
            del observation
            return jnp.array([True, False, True])

    with pytest.raises(ValueError, match="cannot tell which actions are available"):
        learn(jax.random.key(0), Pushing(), mountain_car(), SARSA(100), coding=CODING)


def test_a_table_needs_no_tiles():
    world = cliff_walking()
    reward = Linear(world.feature_names, [1.0, 1.0])
    with pytest.raises(ValueError, match="cannot code Discrete"):
        learn(jax.random.key(0), world, reward, SARSA(100), coding=CODING)


@pytest.mark.parametrize(
    "settings",
    [
        {"low": (0.0, 1.0), "high": (1.0, 1.0)},
        {"low": (0.0,), "high": (1.0, 1.0)},
        {"low": (0.0,), "high": (1.0,), "n_tiles": 0},
        {"low": (0.0,), "high": (1.0,), "n_tiles": (2, 3)},
        {"low": (0.0,), "high": (1.0,), "n_tilings": 0},
    ],
)
def test_a_coding_of_nothing_is_refused(settings):
    with pytest.raises(ValueError, match=r"a box needs low < high|must be at least 1"):
        TileCoding(**settings)
