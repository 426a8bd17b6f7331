"""Each wrong number, and each wrong traffic, has its sentence."""

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

from volition.env import Exit, Highway, Merge, TwoWay
from volition.env.driving import checked, placed

NAN = float("nan")
WRONG = {
    "n_lanes = 0": lambda: Highway(0),
    "n_vehicles = -1 must be at least 0": lambda: Highway(2, -1),
    "density = 0.0": lambda: Highway(density=0.0),
    "density = nan": lambda: Highway(density=NAN),
    "density = inf": lambda: Highway(density=float("inf")),
    "density = 4.1 starts vehicles inside each other": lambda: Highway(density=4.1),
    "on 8 lanes .* may be at most 2.19": lambda: Highway(8, density=3.0),
    "speed_limit = 0": lambda: Highway(speed_limit=0.0),
    "speed_limit = nan": lambda: Highway(speed_limit=NAN),
    "first_gap = -1": lambda: Highway(first_gap=-1.0),
    "discount = 1.1 must be in": lambda: Highway(discount=1.1),
    "discount = nan": lambda: Exit(discount=NAN),
    "discount = -0.1": lambda: Merge(discount=-0.1),
    "discount = 2.0 must": lambda: TwoWay(discount=2.0),
    "simulation_frequency = 0 must": lambda: Highway(simulation_frequency=0),
    "simulation_frequency = -5 must": lambda: Merge(simulation_frequency=-5),
    "the time limit 0 must": lambda: TwoWay(time_limit=0),
    "n_vehicles = 4 must be in 0 .. 3": lambda: Merge(4),
    "n_vehicles = -2": lambda: Exit(-2),
    "density = 1.8 starts": lambda: Exit(density=1.8),
    "the speed limit -5 m/s": lambda: Merge(speed_limit=-5.0),
    "the speed limit 0 m/s": lambda: TwoWay(speed_limit=0.0),
}


@pytest.mark.parametrize("sentence", WRONG)
def test_impossible_worlds_are_refused(sentence):
    with pytest.raises(ValueError, match=sentence):
        WRONG[sentence]()


def test_the_densest_traffic_has_room():
    """4.08 is 0.9 (12 + 0.7 * 30) exp(-3 / 8) / 5; it is refused from 4.0823 on."""
    env = Highway(n_vehicles=60, density=4.08, dtype=float)
    starts = jax.jit(jax.vmap(lambda key: env.traffic(key)))(
        jax.random.split(jax.random.key(2), 50)
    )
    gap = jnp.diff(starts.x[:, :61], axis=1)
    assert 5.0 < float(gap.min()) < 5.1


@pytest.fixture(scope="module")
def road():
    return Highway(3, 4, dtype=float)


@pytest.fixture(scope="module")
def traffic(road):
    return placed(road.course.road, [0, 1, 1], [50.0, 50.0, 60.0], [25.0, 20.0, 20.0])


def changed(vehicles, name, value, which=1):
    leaf = getattr(vehicles, name).at[which].set(value)
    return eqx.tree_at(lambda all: getattr(all, name), vehicles, leaf)


FAULTS = {
    "vehicles 1 and 2 start inside each other, by 1 m": ("x", 56.0, 1),
    "vehicle 1 at .50, 10.1. m is on no lane": ("y", 10.1, 1),
    "speed of vehicle 2 is nan": ("speed", NAN, 2),
    "x of vehicle 0 is inf": ("x", float("inf"), 0),
    "target_lane of vehicle 1 is 3, but the lanes are 0 .. 2": ("target_lane", 3, 1),
    "lane of vehicle 1 is -1": ("lane", -1, 1),
    "the first vehicle is the car": ("present", False, 0),
    "the episode is over when it begins": ("crashed", True, 0),
}


@pytest.mark.parametrize("sentence", FAULTS)
def test_impossible_traffic_is_refused(road, traffic, sentence):
    with pytest.raises(ValueError, match=sentence):
        checked(road, changed(traffic, *FAULTS[sentence]))


def test_good_traffic_is_as_it_was(road, traffic):
    assert checked(road, traffic) is traffic
    # Whoever is not there can be anywhere.
    nobody = changed(changed(traffic, "present", False, 2), "x", NAN, 2)
    assert checked(road, nobody) is nobody


def test_more_vehicles_than_there_is_room_for_are_refused(road):
    many = placed(road.course.road, [0] * 9, [20.0 * i for i in range(9)], [20.0] * 9)
    with pytest.raises(ValueError, match="9 vehicles, but this road has room for 1"):
        checked(road, many)


def test_leaves_of_different_lengths_are_refused(road, traffic):
    odd = eqx.tree_at(lambda all: all.timer, traffic, jnp.zeros(2))
    with pytest.raises(ValueError, match="have the shapes"):
        checked(road, odd)


def test_beyond_the_finish_nothing_begins():
    merge = Merge(dtype=float)
    late = placed(merge.course.road, [5], [100.0], [25.0])  # x = 410
    with pytest.raises(ValueError, match="before the finish"):
        checked(merge, late)
