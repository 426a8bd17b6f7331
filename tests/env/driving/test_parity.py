"""Our roads against highway-env itself, with its traffic and the same actions."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.parity import Against, lane_numbers, theirs, wilson
from volition.env.driving.simulator import placed, slots

pytest.importorskip("highway_env")

against = functools.cache(Against)
by_hand = functools.cache(functools.partial(Against, continuous=True))
# Decisions of one episode; highway-env needs seconds for one of highway-v0.
STEPS = {"highway_fast": 30, "highway": 6, "merge": 20}
BEFORE_ROUNDING = (
    1e-6  # of the observation, which highway-env gives in single precision
)


def assert_same(found, tolerance):
    assert found.position <= tolerance
    assert found.speed <= tolerance
    assert found.observation <= BEFORE_ROUNDING
    assert found.reward <= tolerance
    assert found.ended_alike
    assert found.steps >= 2


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "road",
    [
        "highway_fast",
        pytest.param("highway", marks=pytest.mark.slow),
        "merge",
    ],
)
def test_episodes_are_highway_envs(road, seed):
    found = against(road).compare(seed, n_steps=STEPS[road])
    assert_same(found, 1e-3)


@pytest.mark.parametrize("action", [None, 1], ids=["random", "idle"])
@pytest.mark.parametrize("road", ["highway_fast", "merge"])
def test_without_lane_changes_too(road, action):
    found = against(road).compare(4, lane_changes=False, action=action)
    assert_same(found, 1e-4)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("road", ["two_way", "exit"])
def test_other_roads_are_highway_envs(road, seed):
    assert_same(against(road).compare(seed), 1e-3)


@pytest.mark.parametrize(
    "action", [None, (1.0, 0.0), (-1.0, 0.02)], ids=["random", "flat out", "backwards"]
)
def test_wheel_and_pedals_are_highway_envs(action):
    """Beyond 40 m/s either way, as well."""
    found = by_hand("highway_fast").compare(1, action=action, n_steps=14)
    assert_same(found, 1e-6)


def test_a_difference_would_be_seen():
    """Other drivers in ours than in highway-env, and nothing is the same."""
    mine = Against("highway_fast")
    slower = mine.ours.course.drivers.headway * 1.1
    mine.ours = eqx.tree_at(lambda env: env.course.drivers.headway, mine.ours, slower)
    found = mine.compare(0, n_steps=4)
    assert not found.same
    assert found.position > 1e-2


@pytest.mark.parametrize("road", ["merge", "exit", "two_way"])
def test_the_lanes_are_highway_envs(road):
    """Everywhere along each, its place and heading; its neighbours; what follows."""
    pair = against(road)
    env = theirs(pair.pair.name, 0)
    ours, numbers = pair.ours.course.road, lane_numbers(env)
    assert len(numbers) == ours.n_slots
    for index, number in numbers.items():
        lane = env.road.network.get_lane(index)
        mine = _lane(ours, number)
        assert float(ours.length[number]) == pytest.approx(lane.length)
        limit = 20.0 if lane.speed_limit is None else lane.speed_limit
        assert float(ours.speed_limit[number]) == pytest.approx(limit)
        assert bool(ours.forbidden[number]) == lane.forbidden
        for along in np.linspace(0.0, lane.length, 4):
            place = lane.position(along, 0.7)
            np.testing.assert_allclose(mine.position(along, 0.7), place, atol=1e-9)
            np.testing.assert_allclose(
                mine.local(*map(jnp.asarray, place)),
                lane.local_coordinates(place),
                atol=1e-9,
            )
            heading = mine.heading_at(jnp.asarray(along))
            assert float(heading) == pytest.approx(lane.heading_at(along), abs=1e-12)
        beside = {int(ours.left[number]), int(ours.right[number])} - {number}
        sides = {numbers[side] for side in env.road.network.side_lanes(index)}
        assert beside == sides


def _lane(road, number):
    return jax.tree.map(lambda leaf: leaf[number], road)


def test_an_interval_of_a_share():
    """Worked by hand: 1 of 2 with z^2 = 3.8415: 1/2 -+ 1/2 sqrt(z^2 / (2 + z^2))."""
    low, high = wilson(1, 2)
    assert (low, high) == pytest.approx((0.0945312, 0.9054688), abs=1e-6)
    assert wilson(0, 10)[0] == pytest.approx(0.0, abs=1e-15)
    assert wilson(10, 10)[1] == pytest.approx(1.0)


def test_room_comes_in_eights():
    assert [slots(n) for n in (1, 8, 9, 21)] == [8, 8, 16, 24]


@pytest.mark.parametrize("lane, pays", [(12, 1.0), (19, 1.0), (11, 0.05)])
def test_who_steers_for_the_exit_is_paid(lane, pays):
    """Lane ("1", "2", 6) and the exit are the goal; else 0.1 of the speed, half-way."""
    pair = against("exit").pair
    env = pair.make(dtype=float)
    start = placed(env.course.road, [6], [10.0], [25.0])
    state = jax.jit(lambda env, all: env.begin(all))(env, start)
    aim = jnp.array([lane], dtype=jnp.int32)
    after = eqx.tree_at(lambda state: state.vehicles.target_lane, state, aim)
    told = env.transition(state, jnp.int32(1), after)
    assert float(pair.reward(told)) == pytest.approx(pays)
