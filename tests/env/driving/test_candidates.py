"""Lanes, moments, candidates, features and predictions against closed forms."""

import dataclasses

import numpy as np
import pytest

from volition.env.driving import (
    NAMES,
    PUBLISHED,
    UNITS,
    Lanelet,
    Moment,
    Recording,
    Track,
    candidates,
    constant_velocity,
    driven_path,
    follow_leader,
    frame_of,
    lane_frames,
    moments,
    path_features,
    published_features,
    surroundings,
)

TIMES = np.arange(11) * 0.5
LANE = frame_of(np.array([[-100.0, 0.0], [400.0, 0.0]]))


def a_moment(**changed) -> Moment:
    """At 20 m/s on the right one of two lanes, 100 m along, nobody around."""
    fields = {
        "recording": "made up",
        "vehicle": 1,
        "driver": 0,
        "step": 0,
        "time_step": 0.1,
        "frame": LANE,
        "along": 100.0,
        "left": 0.0,
        "heading": 0.0,
        "speed": 20.0,
        "acceleration": 0.0,
        "length": 5.0,
        "width": 2.0,
        "centres": np.array([0.0, 3.5]),
        "others": np.zeros((0, 5)),
        "next_others": np.zeros((0, 51, 2)),
        "driven": np.stack([np.arange(51) * 2.0, np.zeros(51)], axis=-1),
    }
    return Moment(**(fields | changed))


def with_other(along, left, speed, **changed) -> Moment:
    others = np.array([[along, left, speed, 5.0, 2.0]])
    return a_moment(others=others, next_others=np.full((1, 51, 2), np.nan), **changed)


def features(moment: Moment, recorded: bool = False) -> np.ndarray:
    paths = candidates(moment)
    return path_features(paths, surroundings(moment, paths, recorded))


def keeping_speed(moment: Moment) -> int:
    paths = candidates(moment)
    away = np.abs(paths.speed - moment.speed).max(axis=1) + np.abs(paths.turn)
    assert away.min() < 1e-9
    return int(np.argmin(away))


def test_a_bent_lane_and_back():
    angle = np.linspace(0.0, 0.5, 60)
    radius = 600.0
    lane = frame_of(radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1))
    # A point 2 m inside the circle is 2 m to the left of who drives anticlockwise.
    x, y = (radius - 2.0) * np.cos(0.25), (radius - 2.0) * np.sin(0.25)
    along, left, direction = lane.locate(np.array(x), np.array(y))
    # Pieces of 5 m lie r (1 - cos(2.5 / r)) = 5 mm inside the circle; averaging the
    # points over 25 m moves them by another (12.5^2 / 6) / r = 43 mm at most.
    assert left == pytest.approx(2.0, abs=0.06)
    assert along == pytest.approx(radius * 0.25, abs=0.2)
    assert direction == pytest.approx(0.25 + np.pi / 2, abs=2.5 / radius + 1e-3)
    back = lane.place(along, left)
    np.testing.assert_allclose(back, (x, y), atol=1e-6)


def test_options_are_the_same_even_choice_for_everybody():
    for speed in (0.0, 1.0, 7.3, 20.0):
        paths = candidates(a_moment(speed=speed))
        ends = paths.speed[:17, -1]
        np.testing.assert_allclose(np.diff(ends), 0.75)
        assert ends.min() >= 0.0
        assert np.abs(ends - speed).min() < 1e-9
        assert (np.diff(paths.along, axis=1) >= 0.0).all()
        assert (paths.speed >= 0.0).all()
        np.testing.assert_array_equal(np.bincount(paths.turn + 1), [17, 17, 17])


def test_who_keeps_his_speed_is_an_option():
    moment = a_moment()
    paths, row = candidates(moment), keeping_speed(a_moment())
    np.testing.assert_allclose(paths.along[row], 100.0 + 20.0 * TIMES)
    np.testing.assert_allclose(paths.acceleration[row], 0.0, atol=1e-12)
    np.testing.assert_allclose(paths.left[row], 0.0, atol=1e-12)


def test_polynomials_begin_as_the_driver_and_end_at_rest_across():
    moment = a_moment(left=0.4, heading=0.02, acceleration=1.0)
    paths = candidates(moment)
    np.testing.assert_allclose(paths.along[:, 0], 100.0)
    np.testing.assert_allclose(paths.speed[:, 0], 20.0 * np.cos(0.02))
    np.testing.assert_allclose(paths.left[:, 0], 0.4)
    np.testing.assert_allclose(paths.acceleration[:, -1], 0.0, atol=1e-9)
    np.testing.assert_allclose(paths.lateral[:, [0, -1]], 0.0, atol=1e-9)
    to_left = paths.turn == 1
    np.testing.assert_allclose(paths.left[to_left, -1], 3.5)
    np.testing.assert_allclose(paths.left[paths.turn == 0, -1], 0.4)
    np.testing.assert_array_equal(paths.on_road, paths.turn != -1)
    # Speeds are the slopes of places: Simpson's rule is exact for cubics.
    v = paths.speed
    assert (v > 0.0).all()
    simpson = (v[:, 0:-2:2] + 4.0 * v[:, 1:-1:2] + v[:, 2::2]) / 6.0
    np.testing.assert_allclose(np.diff(paths.along[:, ::2], axis=1), simpson)
    slope = np.gradient(paths.speed, 0.5, axis=1)[:, 1:-1]
    # A central difference of a cubic is off by v''' h^2 / 6.
    third = np.abs(np.diff(paths.jerk, axis=1)).max() / 0.5
    error = np.abs(slope - paths.acceleration[:, 1:-1]).max()
    assert error <= third * 0.25 / 6.0 + 1e-9


def test_features_of_an_empty_road():
    found = features(a_moment())
    named = dict(zip(NAMES, np.moveaxis(found, -1, 0), strict=True))
    row = keeping_speed(a_moment())
    np.testing.assert_allclose(named["speed"][row], 20.0)
    for name in set(NAMES) - {"speed"}:
        np.testing.assert_allclose(named[name][row], 0.0, atol=1e-20)
    turn = candidates(a_moment()).turn
    np.testing.assert_array_equal(named["lane change"][:, 0], turn != 0)
    np.testing.assert_array_equal(named["off road"][:, 0], turn == -1)
    assert set(UNITS) == set(NAMES)


def test_features_behind_somebody_slower():
    # 45 m ahead from centre to centre, 40 m of gap, closing at 5 m/s.
    moment = with_other(145.0, 0.0, 15.0)
    row = keeping_speed(moment)
    found = dict(zip(NAMES, features(moment)[row].T, strict=True))
    gap = 40.0 - 5.0 * TIMES[1:]
    np.testing.assert_allclose(found["headway shortage"], 3.0 - gap / 20.0)
    np.testing.assert_allclose(found["closing"], 5.0 / gap)
    np.testing.assert_allclose(found["flow"], 25.0)
    np.testing.assert_allclose(found["collision"], 0.0)
    np.testing.assert_allclose(found["induced braking"], 0.0)


def test_features_before_somebody_faster():
    moment = with_other(55.0, 0.0, 25.0)
    row = keeping_speed(moment)
    found = dict(zip(NAMES, features(moment)[row].T, strict=True))
    gap = 40.0 - 5.0 * TIMES[1:]
    np.testing.assert_allclose(found["rear headway shortage"], 3.0 - gap / 25.0)
    np.testing.assert_allclose(found["induced braking"], 25.0 / (2.0 * gap))
    np.testing.assert_allclose(found["headway shortage"], 0.0)


def test_who_runs_into_somebody_has_collided_from_then_on():
    moment = with_other(130.0, 0.0, 10.0)  # 25 m of gap, closing at 10 m/s
    row = keeping_speed(moment)
    hit = features(moment)[row, :, NAMES.index("collision")]
    np.testing.assert_array_equal(hit, TIMES[1:] > 2.5)
    beside = dataclasses.replace(moment, others=moment.others + np.eye(5)[1] * 3.5)
    assert not features(beside)[row, :, NAMES.index("collision")].any()


def test_only_the_leaking_features_know_the_future():
    moment = with_other(145.0, 0.0, 15.0)
    braking = np.stack([145.0 + np.zeros(51), np.zeros(51)], axis=-1)[None]
    other = dataclasses.replace(moment, next_others=braking)
    np.testing.assert_array_equal(features(moment), features(other))
    # Where nobody saw them they are predicted.
    np.testing.assert_array_equal(features(moment, True), features(moment))
    row = keeping_speed(moment)
    hit = features(other, True)[row, :, NAMES.index("collision")]
    np.testing.assert_array_equal(hit, TIMES[1:] > 2.0)  # stands 40 m ahead


def test_the_published_features_are_means_over_time():
    moment = with_other(145.0, 0.0, 15.0)
    paths, row = candidates(moment), keeping_speed(moment)
    found = published_features(paths, surroundings(moment, paths))[row]
    named = dict(zip(PUBLISHED, found, strict=True))
    gap = 40.0 - 5.0 * TIMES[1:]
    assert named["front risk"] == pytest.approx(np.exp(-gap / 20.0).mean())
    assert named["speed"] == pytest.approx(20.0)
    assert named["jerk size"] == pytest.approx(0.0)


def test_what_was_driven_is_a_path():
    at = np.arange(51) * 0.1
    driven = np.stack([5.0 + 20.0 * at - 0.5 * at**2, np.zeros(51)], axis=-1)
    path = driven_path(a_moment(driven=driven))
    # The middle of the differences of a parabola is exact.
    np.testing.assert_allclose(path.speed[0, 1:-1], 20.0 - TIMES[1:-1])
    np.testing.assert_allclose(path.acceleration[0, 2:-2], -1.0)


def test_constant_velocity_goes_straight_on():
    at = constant_velocity(a_moment(heading=0.1))
    expected = 20.0 * TIMES[:, None] * np.array([[np.cos(0.1), np.sin(0.1)]])
    np.testing.assert_allclose(at, expected, atol=1e-9)


def test_idm_at_its_own_distance_keeps_its_speed():
    v, v0, s0, headway = 20.0, 30.0, 10.0, 1.5
    gap = (s0 + v * headway) / np.sqrt(1.0 - (v / v0) ** 4)
    moment = with_other(100.0 + gap, 0.0, v)
    kept = follow_leader(moment, desired=v0)[:, 0]
    np.testing.assert_allclose(np.diff(kept), 10.0, atol=1e-6)
    # Farther than that it speeds up, nearer it brakes, and alone it goes for its speed.
    ends = []
    for ahead in (gap - 5.0, gap, gap + 5.0):
        ends.append(follow_leader(with_other(100.0 + ahead, 0.0, v), desired=v0)[-1, 0])
    assert ends[0] < ends[1] - 0.5 < ends[2] - 1.0
    many = follow_leader(moment, desired=np.array([v0, 20.0]))
    assert many.shape == (2, 11, 2)
    np.testing.assert_allclose(many[0, :, 0], kept)
    alone = follow_leader(a_moment(), desired=20.0)
    np.testing.assert_allclose(np.diff(alone[:, 0]), 10.0, atol=1e-9)


def a_track(vehicle: int, n_steps: int, y: float = 0.0, first: int = 0) -> Track:
    x = 2.0 * (np.arange(n_steps) + first)
    flat = np.zeros(n_steps)
    return Track(vehicle, first, x, flat + y, flat, flat + 20.0, flat, 5.0, 2.0)


def a_recording(name: str, *tracks: Track, step: float = 0.1) -> Recording:
    bound = lambda y: np.array([[0.0, y], [300.0, y]])
    lanes = {
        "right": Lanelet(bound(1.75), bound(-1.75), ()),
        "left": Lanelet(bound(5.25), bound(1.75), ()),
    }
    return Recording(name, step, tracks, lanes)


def test_moments_are_those_after_which_the_driver_was_seen():
    long, short = a_track(1, 71), a_track(2, 50, y=3.5)
    late = a_track(3, 20, y=3.5, first=30)
    found = moments([a_recording("one", long, short, late)])
    # 71 steps hold windows of 51 that begin at 0, 10 and 20.
    assert [(one.vehicle, one.step) for one in found] == [(1, 0), (1, 10), (1, 20)]
    first = found[0]
    np.testing.assert_allclose(first.centres, [0.0, 3.5])
    assert (first.left, first.speed, first.driven[-1, 0]) == (0.0, 20.0, 100.0)
    assert first.others.shape == (1, 5)  # the late one is not there yet
    assert np.isfinite(first.next_others[0, :50]).all()
    assert np.isnan(first.next_others[0, 50]).all()


def test_the_same_moment_in_two_recordings_is_one():
    one, two = a_track(1, 51), a_track(2, 51, y=3.5)
    found = moments([a_recording("a", one), a_recording("b", one, two)])
    assert [(m.vehicle, m.recording) for m in found] == [(1, "b"), (2, "b")]


@pytest.mark.parametrize("step", [0.6, 2.0])
def test_a_time_step_that_is_too_long_is_refused(step):
    with pytest.raises(ValueError, match=r"longer than 0.5 s \(all of odd\)"):
        moments([a_recording("odd", a_track(1, 51), step=step)])


def test_lanes_go_on_in_their_successors():
    recording = a_recording("one", a_track(1, 51))
    bound = lambda y: np.array([[300.0, y], [500.0, y]])
    ahead = Lanelet(bound(1.75), bound(-1.75), ())
    right = dataclasses.replace(recording.lanelets["right"], successors=("ahead",))
    joined = dataclasses.replace(
        recording, lanelets=recording.lanelets | {"right": right, "ahead": ahead}
    )
    ends = [lane.ends for lane in lane_frames(joined)]
    assert ends == pytest.approx([500.0, 300.0])
    with pytest.raises(ValueError, match="has no lane"):
        lane_frames(dataclasses.replace(recording, lanelets={}))
