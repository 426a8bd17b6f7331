"""What was over when a driver was seen again, and in which groups drivers are."""

import dataclasses

import numpy as np
import pytest

from tests.reference.traffic import scenario, vehicle
from volition.env.driving import PRESENT, Recording, moments, present
from volition.store import read_recording
from volition.study.driver_groups import known_groups
from volition.study.driver_history import histories


def road(*vehicles: str, lanes=(0.0, 3.5, 7.0), name: str = "road") -> Recording:
    return read_recording(scenario(list(vehicles), lanes).encode(), name)


@pytest.fixture(scope="module")
def seen():
    """One driver for 12 s; another, too, but he crawls; a third for 6 s."""
    drives = vehicle(1, 0.0, 0.0, lambda t: 10.0, n_steps=121)
    crawls = vehicle(2, 300.0, 0.0, lambda t: 0.1, n_steps=121)
    short = vehicle(3, 0.0, 3.5, lambda t: 10.0, n_steps=61)
    return moments([road(drives, crawls, short)])


def test_what_is_learned_from_is_over_before_what_is_predicted(seen):
    history = histories(seen)
    vehicle = np.array([one.vehicle for one in seen])
    step = np.array([one.step for one in seen])
    for number in (1, 2):
        own = vehicle == number
        earlier, later = step[own & history.earlier], step[own & history.later]
        # Of those at 0 to 7 s no cut leaves more than two on both sides.
        assert (earlier.tolist(), later.tolist()) == ([0, 10], [60, 70])
        assert (np.diff(step[own & history.apart]) >= 50).all()
        assert (own & history.apart).sum() == 2
    third = vehicle == 3
    assert not (third & (history.earlier | history.later)).any()
    assert (third & history.apart).sum() == 1


def test_recordings_without_a_common_clock_are_told_by_the_place(seen):
    first = next(one for one in seen if one.vehicle == 1)
    there = dataclasses.replace(first, recording="other", step=7)
    ahead = lambda x: dataclasses.replace(
        there, driven=there.driven + np.array([x, 0.0])
    )
    # He drives 50 m in 5 s.
    assert histories([first, ahead(50.0)]).later.tolist() == [False, True]
    assert histories([ahead(50.0), first]).later.tolist() == [True, False]
    assert not histories([first, ahead(49.0)]).later.any()
    # Of who hardly moved, a place tells no time.
    crawling = [one for one in seen if one.vehicle == 2]
    again = dataclasses.replace(crawling[-1], recording="other")
    assert not histories([crawling[0], again]).later.any()


def test_groups_that_are_known_are_large_enough_and_not_everybody(seen):
    first = seen[0]
    lanes = {"a": np.array([-3.5, 0.0]), "b": np.array([-3.5, 0.0, 3.5])}
    made = [
        dataclasses.replace(
            first,
            driver=number,
            centres=lanes["a" if number < 12 else "b"],
            length=5.0 if number < 25 else 12.0,
            kind="truck" if number % 2 else "car",
        )
        for number in range(30)
    ]
    found = known_groups(made)
    # Five long ones are too few, and the others nearly everybody.
    assert {name: int(rows.sum()) for name, rows in found.items()} == {
        "lane: leftmost": 12,
        "lane: between others": 18,
        "kind: car": 15,
        "kind: truck": 15,
    }
    assert known_groups(made[:5]) == {}


def test_what_a_driver_sees():
    """He is 4 m long, on the middle lane; one is ahead, one behind on the left."""
    vehicles = [
        vehicle(1, 50.0, 3.5, lambda t: 20.0, length=4.0),
        vehicle(2, 80.0, 3.5, lambda t: 15.0, length=6.0),
        vehicle(3, 30.0, 7.0, lambda t: 25.0, length=4.0),
    ]
    (mine,) = (one for one in moments([road(*vehicles)], every=9.0) if one.vehicle == 1)
    told = dict(zip(PRESENT, present(mine), strict=True))
    expected = {
        "speed": 20.0,
        "lane to the left": 1.0,
        "lane to the right": 1.0,
        "gap ahead, own lane": 25.0,
        "faster ahead, own lane": -5.0,
        "gap behind, own lane": 100.0,
        "gap behind, left lane": 16.0,
        "faster behind, left lane": 5.0,
        "gap ahead, left lane": 100.0,
        "gap ahead, right lane": 100.0,
        "faster ahead, right lane": 0.0,
    }
    assert {name: round(told[name], 6) for name in expected} == expected
    (alone,) = moments([road(vehicles[0], lanes=(3.5,))], every=9.0)
    told = dict(zip(PRESENT, present(alone), strict=True))
    assert (told["lane to the left"], told["gap ahead, own lane"]) == (0.0, 100.0)
