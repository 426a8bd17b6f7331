"""The named features and the observation, computed by hand."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env.driving.features import NAMES
from volition.env.driving.lanes import lanes
from volition.env.driving.merge import merge_road
from volition.env.driving.observe import kinematics
from volition.env.driving.simulator import placed


def named(state):
    return dict(zip(NAMES, np.asarray(state.features).tolist(), strict=True))


def test_times_to_the_vehicle_ahead(highway):
    """25 m between centres are 20 m between bumpers: at 25 m/s 0.8 s, at 5 m/s 4 s."""
    found = named(highway.start([1, 1], [100.0, 125.0], [25.0, 20.0]))
    assert found["headway"] == pytest.approx(0.8)
    assert found["time to collision"] == pytest.approx(4.0)
    assert found["speed"] == 25.0
    assert found["high speed"] == 0.5
    assert found["right lane"] == 0.5
    # 1 - (1 - exp(-4 / 2)) (1 - exp(-20))
    assert found["collision likelihood"] == pytest.approx(np.exp(-2.0), abs=1e-8)
    for name in ("collision", "lane change", "jerk", "off road", "induced braking"):
        assert found[name] == 0.0


def test_times_are_cut_where_nobody_is_near(highway):
    """Alone; one ahead that is faster; one that is nearly as slow; one beside."""
    for others in ([], [(1, 900.0, 30.0)], [(1, 900.0, 24.0)], [(0, 125.0, 10.0)]):
        lane, along, speed = zip((1, 100.0, 25.0), *others, strict=True)
        found = named(highway.start(lane, along, speed))
        assert (found["headway"], found["time to collision"]) == (10.0, 10.0)


def test_who_passes_beside_is_a_little_dangerous(highway):
    """4 m between centres, 2 m between them: they never meet, exp(-2 / 1)."""
    found = named(highway.start([1, 2], [100.0, 101.0], [25.0, 20.0]))
    assert found["collision likelihood"] == pytest.approx(np.exp(-2.0), abs=1e-8)


def test_nearer_and_faster_is_more_dangerous(highway):
    gaps = [5.5, 8.0, 15.0, 40.0, 200.0]
    speeds = [20.0, 24.0, 26.0, 29.0]
    likely = np.array(
        [
            [
                named(highway.start([0, 0], [100.0, 100.0 + gap], [speed, 18.0]))[
                    "collision likelihood"
                ]
                for gap in gaps
            ]
            for speed in speeds
        ]
    )
    assert ((likely > 0.0) & (likely < 1.0)).all()
    assert (np.diff(likely, axis=1) < 0.0).all()
    assert (np.diff(likely, axis=0) > 0.0).all()


def test_who_follows_brakes_because_of_the_car(highway):
    """60 m behind at 25 m/s, as it likes to, the car at 20 m/s and nobody before it:

    s* = 10 + 25 * 1.5 + 25 * 5 / (2 sqrt(15)) = 63.637 m, 3 (63.637 / 60)^2 = 3.3748.
    """
    found = named(highway.start([0, 0], [100.0, 40.0], [20.0, 25.0]))
    assert found["induced braking"] == pytest.approx(3.3748, abs=1e-3)
    # In another lane, or none at all, nobody brakes.
    assert named(highway.start([0, 1], [100.0, 40.0], [20.0, 25.0]))[
        "induced braking"
    ] == pytest.approx(0.0)
    # At most the greatest braking.
    found = named(highway.start([0, 0], [100.0, 90.0], [5.0, 25.0]))
    assert found["induced braking"] == pytest.approx(6.0)


def test_a_lane_change_is_told_once(highway):
    states = highway.drive(highway.start([1], [100.0], [25.0]), 0, 1)
    states += highway.drive(states[-1], 1, 2)
    told = [named(state)["lane change"] for state in states]
    assert told == [1.0, 0.0, 0.0]
    assert named(states[-1])["right lane"] == 0.0
    lateral = [named(state)["lateral acceleration"] for state in states]
    assert lateral[0] > 0.5
    assert lateral[-1] < 0.1
    # There is nothing to the left of the left lane.
    assert named(highway.drive(states[-1], 0)[0])["lane change"] == 0.0


def test_acceleration_and_jerk_are_finite_differences(highway):
    state = highway.start([1], [100.0], [25.0])
    speeds, found = [float(state.vehicles.speed[0])], []
    for action in (3, 1, 4, 4):
        (state,) = highway.drive(state, action)
        speeds.append(float(state.vehicles.speed[0]))
        found.append(named(state))
    mean = np.diff(speeds)
    assert np.abs(mean).max() > 1.0
    np.testing.assert_allclose([f["acceleration"] for f in found], mean, atol=1e-9)
    jerk = np.diff(mean, prepend=0.0)
    np.testing.assert_allclose([f["jerk"] for f in found], jerk, atol=1e-9)
    # At 30 m/s, where 5 more than 25 is 1.
    assert 0.5 < found[1]["high speed"] <= 1.0


def test_off_the_road_is_beyond_half_a_lane(highway):
    state = highway.start([0], [100.0], [25.0])
    for y, off in ((-1.9, 0.0), (-2.1, 1.0), (2.1, 0.0)):
        y = state.vehicles.y.at[0].set(y)
        vehicles = eqx.tree_at(lambda all: all.y, state.vehicles, y)
        # Where y = 2.1, lane 1 is the nearest.
        lane = vehicles.lane.at[0].set(0 if float(y[0]) < 2.0 else 1)
        vehicles = eqx.tree_at(lambda all: all.lane, vehicles, lane)
        assert named(highway.begin(highway.env, vehicles))["off road"] == off


def test_what_the_car_sees():
    """The nearest four along the lane from 10 m behind on, within 200 m, in order."""
    road = lanes(merge_road(20.0), dtype=float)
    lane = [1, 0, 1, 0, 1, 0, 1, 1]
    along = [100.0, 91.0, 160.0, 120.0, 130.0, 89.0, 150.0, 305.0]
    speed = [20.0, 25.0, 10.0, 30.0, 20.0, 20.0, 20.0, 20.0]
    present = [True] * 6 + [False, True]  # number 6 is nobody
    vehicles = placed(road, lane, along, speed, present=present)
    seen = jax.jit(kinematics)(road, vehicles, jnp.asarray(8.0))
    expected = [
        [1.0, 100.0 / 200.0, 4.0 / 8.0, 20.0 / 80.0, 0.0],
        [1.0, -9.0 / 200.0, -4.0 / 8.0, 5.0 / 80.0, 0.0],
        [1.0, 20.0 / 200.0, -4.0 / 8.0, 10.0 / 80.0, 0.0],
        [1.0, 30.0 / 200.0, 0.0, 0.0, 0.0],
        [1.0, 60.0 / 200.0, 0.0, -10.0 / 80.0, 0.0],
    ]
    np.testing.assert_allclose(seen, expected, atol=1e-12)
