"""Roads that are no motorway, drivers of several recordings, other time steps."""

import dataclasses

import numpy as np
import pytest

from volition.env.driving import (
    Lanelet,
    Recording,
    Skipped,
    Track,
    candidates,
    find_moments,
    path_features,
    resampled,
    same_drivers,
    skipped_notes,
    surroundings,
)
from volition.env.driving.path_features import NAMES


def track(
    vehicle: int, x, y=0.0, heading=0.0, speed=10.0, step=0.1, n_steps=61, **changed
) -> Track:
    way = speed * step * np.arange(n_steps)
    flat = np.zeros(n_steps)
    fields = {
        "first": 0,
        "x": x + way * np.cos(heading),
        "y": y + way * np.sin(heading),
        "heading": flat + heading,
        "speed": flat + speed,
        "acceleration": flat,
        "length": 4.5,
        "width": 1.8,
        "kind": "car",
    }
    return Track(vehicle, **(fields | changed))


def lane(points, *successors: str, width: float = 3.5) -> Lanelet:
    points = np.asarray(points, dtype=float)
    way = np.gradient(points, axis=0)
    left = np.stack([-way[:, 1], way[:, 0]], -1) / np.hypot(*way.T)[:, None]
    half = left * width / 2.0
    return Lanelet(points + half, points - half, successors)


def straight(y: float = 0.0, start: float = 0.0, end: float = 600.0) -> Lanelet:
    return lane([[x, y] for x in np.linspace(start, end, 31)])


def recording(name: str, lanes: dict[str, Lanelet], *tracks: Track, step=0.1):
    return Recording(name, step, tracks, lanes)


MOTORWAY = {"right": straight(), "left": straight(3.5)}


def test_oncoming_lanes_are_no_options_and_their_vehicles_come_towards_one():
    lanes = {"mine": straight(), "theirs": straight(3.5, 600.0, 0.0)}
    oncoming = track(6, 400.0, 3.5, np.pi, speed=20.0)
    found = find_moments([recording("two-way", lanes, track(5, 0.0), oncoming)])
    assert not found.skipped
    for moment in found.moments:
        np.testing.assert_array_equal(moment.centres, [0.0])
        assert abs(moment.left) < 1e-6
        assert abs(moment.heading) < 1e-6
        other = 10.0 if moment.vehicle == 6 else 20.0
        np.testing.assert_allclose(moment.others[:, 2], -other)
    mine = next(one for one in found.moments if one.vehicle == 5)
    np.testing.assert_allclose(np.diff(mine.next_others[0, :, 0]), -2.0, atol=1e-6)


def test_who_meets_an_oncoming_vehicle_in_its_own_lane_collides():
    # 60 m apart, 10 and 10 m/s: they meet after 3 s.
    lanes = {"one": straight()}
    towards = track(6, 60.0, 0.0, np.pi)
    (moment,) = find_moments(
        [recording("head-on", lanes, track(5, 0.0, n_steps=51), towards)]
    ).moments
    paths = candidates(moment)
    features = path_features(paths, surroundings(moment, paths))
    kept = int(np.argmin(np.abs(paths.speed - 10.0).max(1) + np.abs(paths.turn)))
    hit = features[kept, :, NAMES.index("collision")]
    # 60 m less 4.5 m of vehicles, at 20 m/s: 2.775 s.
    np.testing.assert_array_equal(hit, np.arange(0.5, 5.1, 0.5) > 2.775)


def fork(radius: float = 200.0) -> dict[str, Lanelet]:
    angle = np.linspace(0.0, 0.6, 30)
    arc = np.stack([200.0 + radius * np.sin(angle), radius * (1 - np.cos(angle))], -1)
    out = arc[-1] + np.arange(0.0, 301.0, 20.0)[:, None] * [np.cos(0.6), np.sin(0.6)]
    stem = dataclasses.replace(straight(0.0, 0.0, 200.0), successors=("on", "off"))
    return {
        "stem": stem,
        "on": straight(0.0, 200.0, 800.0),
        "off": dataclasses.replace(lane(arc), successors=("out",)),
        "out": lane(out),
    }


def test_who_is_on_the_second_branch_of_a_fork_is_on_its_lane():
    lanes = fork()
    start = lanes["out"].centre[2]
    found = find_moments([recording("fork", lanes, track(5, *start, heading=0.6))])
    assert not found.skipped
    assert len(found.moments) == 2  # at 0 and 1 s of 6
    for moment in found.moments:
        assert abs(moment.left) < 0.05
        assert abs(moment.heading) < 0.01
        np.testing.assert_array_equal(moment.centres, [0.0])


def test_moments_before_a_fork_are_left_out_and_counted():
    away = track(5, 0.0, speed=10.0, n_steps=201)  # at 0 to 150 m, with 50 m in 5 s
    found = find_moments([recording("fork", fork(), away)])
    before = [one.step for one in found.moments]
    # The branches part by a metre 20 m after the fork at 200 m.
    assert before == list(range(0, 150, 10))
    assert {one.reason for one in found.skipped} == {"its lane forks within reach"}
    assert len(before) + len(found.skipped) == 16


def test_a_merge_is_no_fork():
    lanes = {
        "main": dataclasses.replace(straight(0.0, 0.0, 200.0), successors=("both",)),
        "ramp": dataclasses.replace(
            lane([[0.0, -20.0], [100.0, -10.0], [200.0, 0.0]]), successors=("both",)
        ),
        "both": straight(0.0, 200.0, 800.0),
    }
    found = find_moments([recording("merge", lanes, track(5, 250.0))])
    assert len(found.moments) == 2
    assert not found.skipped


def ring(radius: float = 300.0) -> dict[str, Lanelet]:
    angle = np.linspace(0.0, 2.0 * np.pi, 121)
    points = radius * np.stack([np.cos(angle), np.sin(angle)], -1)
    return {"a": lane(points[:61], "b"), "b": lane(points[60:], "a")}


def test_a_ring_is_said_not_to_fit():
    found = find_moments([recording("ring", ring(), track(5, 300.0, 0.0, np.pi / 2))])
    assert not found.moments
    assert [one.reason for one in found.skipped] == ["a lane closes on itself"]


def test_narrow_bends_are_said_not_to_fit():
    angle = np.linspace(0.0, np.pi / 2, 40)
    arc = np.stack([100 + 15 * np.sin(angle), 15 - 15 * np.cos(angle)], -1)
    lanes = {
        "in": lane([[x, 0.0] for x in range(0, 101, 10)], "bend"),
        "bend": dataclasses.replace(lane(arc, width=3.0), successors=("out",)),
        "out": lane([[115.0, y] for y in range(15, 400, 15)]),
    }
    found = find_moments([recording("town", lanes, track(5, 40.0))])
    assert not found.moments
    assert {one.reason for one in found.skipped} == {
        "its lane bends too much within reach"
    }


def test_who_is_on_no_lane_is_left_out_and_counted():
    beside, against = track(5, 0.0, 12.0), track(6, 200.0, 0.0, np.pi)
    found = find_moments([recording("road", MOTORWAY, beside, against, track(7, 0.0))])
    assert {one.vehicle for one in found.moments} == {7}
    assert {one.what.split(" at")[0] for one in found.skipped} == {
        "vehicle 5",
        "vehicle 6",
    }
    assert {one.reason for one in found.skipped} == {
        "no lane within 5 m leads in its direction"
    }


def test_pedestrians_are_seen_and_are_no_drivers():
    walker = track(6, 30.0, 1.0, speed=1.0, length=0.7, width=0.7, kind="pedestrian")
    found = find_moments([recording("road", MOTORWAY, track(5, 0.0), walker)])
    assert {one.vehicle for one in found.moments} == {5}
    assert found.moments[0].others.shape == (1, 5)
    assert skipped_notes(found.skipped) == (
        "Not used: 1 x a pedestrian does not drive (vehicle 6 of road).",
    )


def test_recordings_without_lanes_or_with_long_steps_do_not_stop_the_others():
    slow = recording("slow", MOTORWAY, track(1, 0.0), step=1.0)
    bare = recording("bare", {}, track(2, 0.0))
    found = find_moments([slow, bare, recording("good", MOTORWAY, track(3, 0.0))])
    assert {one.recording for one in found.moments} == {"good"}
    assert sorted((one.recording, one.reason) for one in found.skipped) == [
        ("bare", "it has no lanes"),
        ("slow", "its time step of 1 s is longer than 0.5 s"),
    ]


def drivers(*recordings: Recording) -> dict[tuple[str, int], int]:
    found = same_drivers(recordings)
    assert sorted(set(found.values())) == list(range(len(set(found.values()))))
    return found


def test_a_number_in_two_places_is_two_drivers():
    found = drivers(
        recording("DEU_A-1_1_T-1", MOTORWAY, track(5, 0.0)),
        recording("FRA_B-1_1_T-1", MOTORWAY, track(5, 50.05, 7.0)),
        recording("mine", MOTORWAY, track(5, 100.03, 1.0)),
    )
    assert len(set(found.values())) == 3


def test_windows_of_one_scene_show_the_same_drivers():
    found = drivers(
        recording("USA_US101-1_1_T-1", MOTORWAY, track(5, 0.0), track(6, 9.0)),
        recording("USA_US101-2_4_T-1", MOTORWAY, track(5, 200.05), track(7, 9.0)),
        recording("USA_US101-3_1_T-1", MOTORWAY, track(5, 0.0, length=12.0)),
    )
    assert found["USA_US101-1_1_T-1", 5] == found["USA_US101-2_4_T-1", 5]
    # Another length is another vehicle, another number another driver.
    assert len(set(found.values())) == 4


def test_windows_that_overlap_show_the_same_drivers_whatever_their_names():
    early, late = track(5, 0.0), track(5, 30.0)
    farther = track(5, 80.0)  # meets the late one only
    found = drivers(
        recording("a", MOTORWAY, early),
        recording("b", MOTORWAY, farther),
        recording("c", MOTORWAY, late),
    )
    assert len(set(found.values())) == 1


def test_recordings_of_one_name_are_refused():
    one = recording("same", MOTORWAY, track(5, 0.0))
    with pytest.raises(ValueError, match="two recordings are named 'same'"):
        same_drivers([one, one])


@pytest.mark.parametrize("step", [0.02, 0.04, 0.1, 0.2, 0.25, 0.5])
def test_other_time_steps_give_the_same_moments(step):
    n_steps = round(8.0 / step) + 1
    at = step * np.arange(n_steps)
    flat = np.zeros(n_steps)
    braking = Track(
        5, 0, 30.0 * at - at**2, flat, flat, 30.0 - 2.0 * at, flat - 2.0, 4.5, 1.8
    )
    one = resampled(recording("any", MOTORWAY, braking, step=step))
    assert one.time_step == pytest.approx(0.1)
    (found,) = one.tracks
    fine = 0.1 * np.arange(81)
    # The cubic with the velocities of both ends is exact for a parabola.
    np.testing.assert_allclose(found.x, 30.0 * fine - fine**2, atol=1e-9)
    np.testing.assert_allclose(found.speed, 30.0 - 2.0 * fine, atol=1e-9)
    moments = find_moments([recording("any", MOTORWAY, braking, step=step)]).moments
    assert [(one.step, one.time_step) for one in moments] == [
        (0, 0.1),
        (10, 0.1),
        (20, 0.1),
        (30, 0.1),
    ]


def test_a_track_that_begins_late_keeps_its_time():
    late = dataclasses.replace(track(5, 0.0, step=0.04, n_steps=21), first=3)  # .12 s
    (found,) = resampled(recording("any", MOTORWAY, late, step=0.04)).tracks
    assert (found.first, found.n_steps) == (2, 8)  # .2 to .9 s of .12 to .92 s
    np.testing.assert_allclose(found.x, 10.0 * (0.1 * np.arange(2, 10) - 0.12))


def test_headings_turn_the_short_way():
    turning = track(5, 0.0, step=0.2, n_steps=3)
    turning = dataclasses.replace(turning, heading=np.array([3.1, -3.1, -3.0]))
    (found,) = resampled(recording("any", MOTORWAY, turning, step=0.2)).tracks
    np.testing.assert_allclose(np.cos(found.heading[1]), -1.0)


def test_notes_count_and_name_the_first_three():
    many = [Skipped(f"r{number}", "vehicle 1", "it is odd") for number in range(5)]
    assert skipped_notes(many) == (
        "Not used: 5 x it is odd (vehicle 1 of r0, vehicle 1 of r1, vehicle 1 of r2, "
        "...).",
    )
    assert skipped_notes([]) == ()
