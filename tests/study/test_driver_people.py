"""Drivers one by one and in groups, on traffic made up."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from tests.reference.traffic import scenario, vehicle
from volition.env.driving import NAMES, moments
from volition.store import read_recording
from volition.study import DriversConfig, Progress, drivers_steps, run_drivers
from volition.study.driver_choices import driver_choices
from volition.study.driver_groups import groups_by
from volition.study.driver_people import ALONE, GENERAL, OWN, UNKNOWN

pytestmark = pytest.mark.slow
CONFIG = DriversConfig(n_folds=3, n_members=0, n_groups=2)


def platoon(seed: int, first: int, gain: float, n_vehicles: int = 8):
    """Vehicles in a row for 14 s; some keep their speed, some lose a quarter of it."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(n_vehicles):
        start = 18.0 + rng.normal(0.0, 0.5)
        # A third of them slow down again and again, without a reason.
        loss = gain if number % 3 == 0 else 0.0
        speed_fn = lambda t, start=start, loss=loss: start * np.exp(-loss * t)
        rows.append(vehicle(first + number, 60.0 * number, 0.0, speed_fn, n_steps=141))
    return read_recording(scenario(rows).encode(), f"road {seed}")


@pytest.fixture(scope="module")
def seen():
    return moments([platoon(seed, 100 * seed, 0.06) for seed in range(4)])


@pytest.fixture(scope="module")
def study(seen, tmp_path_factory):
    folder, told = tmp_path_factory.mktemp("study"), []
    progress = Progress(
        drivers_steps(CONFIG), lambda what, done, n: told.append((done, n))
    )
    return run_drivers(CONFIG, seen, folder, progress), folder, told


def test_drivers_who_slow_down_are_found_to_differ_from_the_others(study):
    result, _, _ = study
    people = result.people
    assert people is not None
    assert people.n_drivers == 32
    assert people.evidence > 10.0
    assert set(people.scores) >= {GENERAL, UNKNOWN, OWN, ALONE}
    assert set(people.ahead) == set(people.scores) - {GENERAL}
    assert set(people.spread) == set(NAMES)
    for one in people.spread.values():
        assert 0.0 < one.low < one.value < one.high
    # Twelve of them slow down, nobody said who.
    found = [group for group in result.groups if group.by == "found"]
    assert [round(group.n_vehicles) for group in found] == [20, 12]


def test_what_it_says_and_writes(study):
    result, folder, told = study
    n_steps = drivers_steps(CONFIG)
    assert told == [(number, n_steps) for number in range(n_steps)]
    said = json.loads((folder / "results.json").read_text())
    assert said == json.loads(json.dumps(result.summary()))
    assert said["drivers"]["n_drivers"] == 32
    assert {group["by"] for group in said["groups"]} == {"found"}


def test_a_known_group_is_predicted_from_its_own(seen):
    choices = driver_choices(seen)
    vehicle = np.array([one.vehicle for one in seen])
    slows = (vehicle % 100) % 3 == 0
    fold = (vehicle // 100) % 2
    nothing = np.zeros(choices.away.shape[:2])
    key = jax.random.key(0)
    slow, fast = groups_by(
        {"lane: a": slows, "lane: b": ~slows}, choices, fold, nothing, key
    )
    assert (slow.n_vehicles, fast.n_vehicles) == (12, 20)
    for group in (slow, fast):
        assert group.gain is not None
        assert group.gain.low > 0.0


def test_of_drivers_seen_once_nothing_is_said_of_how_they_differ(seen, tmp_path):
    once = [one for one in seen if one.step < 50]
    config = dataclasses.replace(CONFIG, seed=1)
    result = run_drivers(config, once, tmp_path, Progress(1))
    assert result.people is None
    assert any("0 were seen again" in note for note in result.notes)
    assert result.summary()["drivers"] is None
