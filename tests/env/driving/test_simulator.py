"""Ends, and what must not matter: where, in which order, which way, in a batch."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env import Drivers, Highway
from volition.env.driving.features import NAMES

LEFT, IDLE, RIGHT, FASTER = 0, 1, 2, 3
# The car and four others in three lanes, near each other but not in each other.
LANE = [1, 1, 0, 2, 1]
ALONG = [300.0, 340.0, 305.0, 320.0, 270.0]
SPEED = [25.0, 21.0, 24.0, 22.5, 27.0]


def moved(state, **leaves):
    return eqx.tree_at(
        lambda state: [getattr(state.vehicles, name) for name in leaves],
        state,
        list(leaves.values()),
    )


def whereabouts(state):
    vehicles = state.vehicles
    return np.stack([vehicles.x, vehicles.y, vehicles.heading, vehicles.speed], axis=1)


def test_the_time_limit_truncates(highway):
    env = highway.env
    states = highway.drive(highway.start([1], [100.0], [25.0]), IDLE, 6)
    assert [bool(env.truncated(state)) for state in states] == [False] * 5 + [True]
    assert not any(bool(env.terminated(state)) for state in states)


def test_a_crash_terminates_and_stays(highway):
    """Into one that stands 25 m ahead, at 25 m/s."""
    env = highway.env
    before = highway.start(
        [1, 1], [100.0, 125.0], [25.0, 0.0], target_speed=[25.0, 0.0]
    )
    state, again = highway.drive(before, IDLE, 2)
    assert bool(env.terminated(state))
    assert not bool(env.truncated(state))
    told = dict(zip(NAMES, np.asarray(state.features), strict=True))
    assert told["collision"] == told["collision likelihood"] == told["alive"] == 1.0
    assert float(state.get_collision()) == 1.0
    assert eqx.tree_equal(again, state, typematch=True)
    absorbing = env.transition(state, jnp.int32(IDLE), again)
    assert np.asarray(absorbing.features).tolist() == [0.0] * len(NAMES)
    assert bool(absorbing.terminated)


def test_it_does_not_matter_where_along_the_road(highway):
    start = highway.start(LANE, ALONG, SPEED)
    there = moved(start, x=start.vehicles.x + 1000.0)
    for action in (IDLE, RIGHT, FASTER):
        start, there = (highway.drive(one, action)[0] for one in (start, there))
        gap = whereabouts(there) - whereabouts(start)
        np.testing.assert_allclose(gap[:, 0], 1000.0, atol=1e-6)
        np.testing.assert_allclose(gap[:, 1:], 0.0, atol=1e-8)
    np.testing.assert_allclose(there.features, start.features, atol=1e-6)
    lanes = start.vehicles.target_lane[:5].tolist()
    assert lanes != LANE


def test_the_order_of_the_others_does_not_matter(highway):
    """Where they do not change lane; of who does, the first decides first."""
    order = [0, 3, 1, 4, 2]
    pick = lambda values: [values[i] for i in order]
    one = highway.start(LANE, ALONG, SPEED, changes_lane=False)
    two = highway.start(pick(LANE), pick(ALONG), pick(SPEED), changes_lane=False)
    for action in (IDLE, RIGHT, FASTER):
        one, two = (highway.drive(state, action)[0] for state in (one, two))
        np.testing.assert_allclose(
            whereabouts(two)[:5], whereabouts(one)[order], atol=1e-9
        )
        np.testing.assert_allclose(two.features, one.features, atol=1e-9)


def test_left_is_right_in_a_mirror(highway):
    """Where they do not change lane: of two as good, MOBIL takes the right one."""
    one = highway.start(LANE, ALONG, SPEED, changes_lane=False)
    two = highway.start([2 - i for i in LANE], ALONG, SPEED, changes_lane=False)
    # The timers go by the place; nobody looks at them here.
    for action, mirrored in ((IDLE, IDLE), (RIGHT, LEFT), (FASTER, FASTER)):
        (one,), (two,) = highway.drive(one, action), highway.drive(two, mirrored)
        flipped = whereabouts(two)[:5]
        flipped[:, 1] = 8.0 - flipped[:, 1]
        flipped[:, 2] *= -1.0
        np.testing.assert_allclose(flipped, whereabouts(one)[:5], atol=1e-9)
    assert abs(whereabouts(one)[0, 1] - 4.0) > 1.0


def test_roads_of_a_kind_compile_once_and_a_batch_is_each_alone(highway):
    drivers = [Drivers(), Drivers(headway=0.8), Drivers(acceleration=1.0, gain=0.0)]
    roads = [
        Highway(
            3,
            n,
            density=density,
            speed_limit=limit,
            drivers=driver,
            dtype=float,
            duration=6,
        )
        for n, density, limit, driver in zip(
            (3, 5, 7), (0.5, 1.0, 2.0), (30.0, 25.0, 33.0), drivers, strict=True
        )
    ]
    batch = jax.tree.map(lambda *leaves: jnp.stack(leaves), *roads)
    reset = jax.jit(lambda env, key: env.reset(key))
    keys = jax.random.split(jax.random.key(3), 3)
    starts = [reset(road, key) for road, key in zip(roads, keys, strict=True)]
    together = jax.tree.map(lambda *leaves: jnp.stack(leaves), *starts)
    before = highway.n_traces
    alone = [
        highway.drive(state, IDLE, 2, env=road)[-1]
        for road, state in zip(roads, starts, strict=True)
    ]
    assert highway.n_traces - before <= 1
    step = jax.jit(jax.vmap(highway.step, in_axes=(0, 0, None)))
    for _ in range(2):
        together = step(batch, together, IDLE)
    assert sorted(np.asarray(together.vehicles.present).sum(axis=1)) == [4, 6, 8]
    for i, one in enumerate(alone):
        mine = jax.tree.map(lambda leaf, i=i: leaf[i], together)
        np.testing.assert_allclose(whereabouts(mine), whereabouts(one), atol=1e-9)
        np.testing.assert_allclose(mine.features, one.features, atol=1e-8)


def test_single_precision_is_enough_for_some_seconds(highway):
    double = highway.start(LANE, ALONG, SPEED)
    lower = lambda leaf: leaf.astype(jnp.float32) if leaf.dtype == float else leaf
    road, single = (jax.tree.map(lower, one) for one in (highway.env, double))
    for action in (IDLE, RIGHT, FASTER):
        double = highway.drive(double, action)[0]
        single = highway.drive(single, action, env=road)[0]
    assert single.vehicles.x.dtype == single.features.dtype == jnp.float32
    np.testing.assert_allclose(
        whereabouts(single)[:5], whereabouts(double)[:5], atol=5e-3
    )
    assert single.vehicles.target_lane.tolist() == double.vehicles.target_lane.tolist()


@pytest.mark.parametrize("density", [0.5, 2.0])
def test_gaps_go_by_the_density(density):
    """In highway-env's units: 0.9 to 1.1 times (12 + v) exp(-3 / 8) / density."""
    env = Highway(3, 20, density=density, dtype=float)
    vehicles = jax.jit(lambda env, key: env.traffic(key))(env, jax.random.key(4))
    x, speed = np.asarray(vehicles.x)[:21], np.asarray(vehicles.speed)[:21]
    gap = np.diff(x) / (12.0 + speed[1:]) * np.exp(3.0 / 8.0) * density
    assert ((gap >= 0.9) & (gap <= 1.1)).all()
    assert gap.max() - gap.min() > 0.1
    assert speed[0] == 25.0
    assert ((speed[1:] >= 21.0) & (speed[1:] <= 24.0)).all()
    assert set(np.asarray(vehicles.lane)[:21].tolist()) == {0, 1, 2}
