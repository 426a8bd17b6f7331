"""Neighbours, IDM, MOBIL and giving up, computed by hand."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env.driving import Drivers, Highway, placed
from volition.env.driving.drivers import acceleration, act, desired_gap, look
from volition.env.driving.lanes import places_of
from volition.env.driving.neighbours import in_every_lane, neighbour

SEED = 6


@jax.jit
def decided(env, vehicles):
    """The target lanes and timers after one sub-step's thought, and the pedals."""
    road, drivers = env.course.road, env.course.drivers
    view = look(
        road,
        drivers,
        vehicles,
        places_of(road, vehicles.x, vehicles.y, vehicles.heading),
    )
    after, control = act(road, drivers, vehicles, view)
    return after.target_lane, after.timer, control.acceleration


def thinking(highway, lane, along, speed, *, target=None, timer=2.0, **arguments):
    """The car is far away in lane 2, the others as told."""
    state = highway.start([2, *lane], [600.0, *along], [25.0, *speed], **arguments)
    vehicles = state.vehicles
    if target is not None:
        aims = jnp.array([2, *target], dtype=jnp.int32)
        n = aims.shape[0]
        vehicles = eqx.tree_at(
            lambda all: all.target_lane,
            vehicles,
            vehicles.target_lane.at[:n].set(aims),
        )
    timers = jnp.full_like(vehicles.timer, timer)
    return eqx.tree_at(lambda all: all.timer, vehicles, timers)


def with_drivers(highway, **changes):
    drivers = {name: jnp.asarray(value) for name, value in changes.items()}
    return eqx.tree_at(
        lambda env: [getattr(env.course.drivers, name) for name in drivers],
        highway.env,
        list(drivers.values()),
    )


@pytest.mark.parametrize("n", [6, 21])
def test_neighbours_are_those_of_a_sort(n):
    rng = np.random.default_rng(SEED)
    along = rng.uniform(0.0, 100.0, (3, n))
    inside = rng.random((3, n)) < 0.5
    tags = in_every_lane(jnp.asarray(along), jnp.asarray(inside))
    for lane in range(3):
        ahead, behind = (jax.vmap(lambda t: neighbour(t, n))(tag) for tag in tags)
        order = [int(i) for i in np.argsort(along[lane]) if inside[lane, i]]
        for me in range(n):
            after = [i for i in order if i != me and along[lane, i] >= along[lane, me]]
            before = [i for i in order if i != me and along[lane, i] < along[lane, me]]
            for found, expected in ((ahead, after[:1]), (behind, before[-1:])):
                exists = bool(found.exists[lane, me])
                assert ([int(found.index[lane, me])] if exists else []) == expected


def test_one_that_is_level_is_ahead():
    tags = in_every_lane(jnp.array([[5.0, 5.0, 1.0]]), jnp.ones((1, 3), dtype=bool))
    ahead, behind = (neighbour(tag[0], 3) for tag in tags)
    assert ahead.index[:2].tolist() == [1, 0]
    assert behind.index[:2].tolist() == [2, 2]
    assert behind.exists.tolist() == [True, True, False]


def test_acceleration_is_the_intelligent_driver_model():
    """v = 20, v0 = 25, gap 40 m to one at 15 m/s: with s0 = 10, T = 1.5, a = 3, b = 5

    s* = 10 + 20 * 1.5 + 20 * 5 / (2 sqrt(15)) = 52.910 m,
    a (1 - 0.8^4 - (52.910 / 40)^2) = 3 (1 - 0.4096 - 1.74966) = -3.4778 m/s^2.
    """
    env = Highway(1, 1, dtype=float)
    road, drivers = env.course.road, env.course.drivers
    vehicles = placed(
        road, [0, 0], [100.0, 140.0], [20.0, 15.0], target_speed=[25.0, 15.0]
    )
    view = look(
        road,
        drivers,
        vehicles,
        places_of(road, vehicles.x, vehicles.y, vehicles.heading),
    )
    turned = jax.tree.map(lambda leaf: leaf[::-1], view.traits)
    there = jnp.array([True, False])
    found = acceleration(drivers, vehicles.exponent, view.traits, view, (turned, there))
    assert float(found[0]) == pytest.approx(-3.4778, abs=1e-4)
    # Nobody ahead, and as fast as it would like to be.
    assert float(found[1]) == pytest.approx(0.0, abs=1e-9)
    gap = desired_gap(drivers, view.traits, turned)
    assert float(gap[0]) == pytest.approx(52.9099, abs=1e-4)


def test_a_sub_step_brakes_no_harder_than_the_greatest(highway):
    vehicles = thinking(highway, [0, 0], [100.0, 108.0], [30.0, 0.0])
    pedals = decided(highway.env, vehicles)[2]
    assert float(pedals[1]) == -6.0


# Vehicle 1 does 20 m/s, as it would like to, 60 m behind one of that speed: it brakes
# by 3 (40 / 60)^2 = 1.3333 m/s^2, as s* = 10 + 20 * 1.5 m; on an empty lane by nothing.
@pytest.mark.parametrize("gain, goes", [(1.33, True), (1.34, False)])
def test_a_lane_must_be_worth_the_change(highway, gain, goes):
    vehicles = thinking(highway, [0, 0], [100.0, 160.0], [20.0, 20.0])
    target, timer, _ = decided(with_drivers(highway, gain=gain), vehicles)
    assert int(target[1]) == (1 if goes else 0)
    assert float(timer[1]) == 0.0


# In the other lane one follows 60 m behind at 25 m/s, as it would like to. With vehicle
# 1 before it, s* = 10 + 25 * 1.5 + 25 * 5 / (2 sqrt(15)) = 63.637 m: it would brake by
# 3 (63.637 / 60)^2 = 3.3748 m/s^2.
@pytest.mark.parametrize("imposed, goes", [(3.37, False), (3.38, True)])
def test_a_change_must_be_safe_for_who_is_behind(highway, imposed, goes):
    vehicles = thinking(highway, [0, 0, 1], [100.0, 160.0, 40.0], [20.0, 20.0, 25.0])
    target, _, _ = decided(with_drivers(highway, imposed=imposed), vehicles)
    assert int(target[1]) == (1 if goes else 0)


# Its gain is 1.3333, the loss of the one behind 3.3748: with a politeness of p it is
# worth 1.3333 - 3.3748 p, which is 0.2 at p = 0.33584.
@pytest.mark.parametrize("politeness, goes", [(0.335, True), (0.337, False)])
def test_the_polite_weigh_what_others_lose(highway, politeness, goes):
    vehicles = thinking(highway, [0, 0, 1], [100.0, 160.0, 40.0], [20.0, 20.0, 25.0])
    env = with_drivers(highway, imposed=4.0, politeness=politeness)
    assert int(decided(env, vehicles)[0][1]) == (1 if goes else 0)


def test_nobody_thinks_of_it_before_the_time(highway):
    for timer, goes in ((0.99, False), (1.01, True)):
        vehicles = thinking(highway, [0, 0], [100.0, 130.0], [25.0, 10.0], timer=timer)
        target, after, _ = decided(highway.env, vehicles)
        assert int(target[1]) == (1 if goes else 0)
        assert float(after[1]) == (0.0 if goes else timer)


def test_who_stands_or_may_not_stays(highway):
    for speed, changes_lane in ((0.9, True), (25.0, False)):
        vehicles = thinking(
            highway,
            [0, 0],
            [100.0, 112.0],
            [speed, 0.0],
            target_speed=[25.0, 25.0, 0.0],
            changes_lane=changes_lane,
        )
        assert int(decided(highway.env, vehicles)[0][1]) == 0


# Both steer for lane 1, vehicle 1 from the left, the other, as fast, from the right:
# its desired gap is 10 + 20 * 1.5 = 40 m.
@pytest.mark.parametrize("gap, gives_up", [(39.9, True), (40.1, False), (-20.0, False)])
def test_who_sees_another_join_ahead_gives_up(highway, gap, gives_up):
    vehicles = thinking(
        highway, [0, 2], [100.0, 100.0 + gap], [20.0, 20.0], target=[1, 1]
    )
    target, _, _ = decided(highway.env, vehicles)
    assert int(target[1]) == (0 if gives_up else 1)
    assert int(target[2]) == (2 if gap == -20.0 else 1)


@pytest.mark.parametrize(
    "wrong",
    [{"braking": 0.0}, {"headway": -1.0}, {"delay": np.nan}, {"gain": np.inf}],
    ids=str,
)
def test_drivers_that_cannot_be_are_refused(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=name):
        Drivers(**wrong)
