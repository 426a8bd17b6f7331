"""Lanes: coordinates there and back, headings, who lies where, impossible roads."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env.driving.lanes import (
    Lane,
    arctan,
    at_every_lane,
    headings_at,
    lanes,
    places_of,
    wrapped,
)

SEED = 8
# Straight, bent by a sine, to the right and to the left; none along an axis.
MADE = [
    Lane((3.0, -2.0), (43.0, 28.0), 0, 1),
    Lane((0.0, 5.0), (60.0, -20.0), 1, -1, sine=(3.0, 0.06, 0.4)),
    Lane(road=2, arc=(10.0, 20.0, 30.0, -0.5, 1.2)),
    Lane(road=3, arc=(-5.0, 2.0, 25.0, 2.0, 0.3)),
]
NAMES = ["straight", "sine", "right", "left"]


@pytest.fixture(scope="module")
def road():
    return lanes(MADE, dtype=float)


def one_of(road, number):
    return jax.tree.map(lambda leaf: leaf[number], road)


@pytest.mark.parametrize("number", range(len(MADE)), ids=NAMES)
def test_there_and_back(road, number):
    lane, rng = one_of(road, number), np.random.default_rng(SEED)
    along = jnp.asarray(rng.uniform(0.0, float(lane.length), 20))
    across = jnp.asarray(rng.uniform(-6.0, 6.0, 20))
    place = jax.vmap(lane.position)(along, across)
    back = jax.vmap(lane.local)(*place)
    np.testing.assert_allclose(back[0], along, atol=1e-9)
    np.testing.assert_allclose(back[1], across, atol=1e-9)


@pytest.mark.parametrize("number", range(len(MADE)), ids=NAMES)
def test_the_heading_is_the_way_that_the_centre_line_goes(road, number):
    lane, small = one_of(road, number), 1e-5
    for along in np.linspace(1.0, float(lane.length) - 1.0, 5):
        ends = [
            np.array(lane.position(jnp.asarray(along + step), jnp.asarray(0.0)))
            for step in (-small, small)
        ]
        way = np.arctan2(*(ends[1] - ends[0])[::-1])
        heading = float(lane.heading_at(jnp.asarray(along)))
        assert float(wrapped(jnp.asarray(heading - way))) == pytest.approx(0, abs=1e-6)


def test_all_lanes_at_once_are_each_alone(road):
    rng = np.random.default_rng(SEED)
    x, y = jnp.asarray(rng.uniform(-20.0, 50.0, (2, 7)))
    along, across = at_every_lane(road, x, y)
    heading = headings_at(road, along)
    for number in range(len(MADE)):
        lane = one_of(road, number)
        s, r = jax.vmap(lane.local)(x, y)
        np.testing.assert_allclose(along[number], s, atol=1e-9)
        np.testing.assert_allclose(across[number], r, atol=1e-9)
        np.testing.assert_allclose(heading[number], jax.vmap(lane.heading_at)(s))


def test_places_are_those_in_every_lane(road):
    rng = np.random.default_rng(SEED + 1)
    x, y, heading = jnp.asarray(rng.uniform(-5.0, 5.0, (3, 7)))
    found = places_of(road, x, y, heading)
    along, across = at_every_lane(road, x, y)
    np.testing.assert_allclose(found.along, along, atol=1e-12)
    np.testing.assert_allclose(found.across, across, atol=1e-12)
    np.testing.assert_allclose(found.cos, np.cos(heading), atol=1e-15)
    np.testing.assert_allclose(found.sin, np.sin(heading), atol=1e-15)


def test_an_angle_of_a_slope_is_numpys():
    slopes = np.concatenate([[0.0], np.geomspace(1e-12, 1e12, 50)])
    for sign in (1.0, -1.0):
        found = arctan(jnp.asarray(sign * slopes))
        np.testing.assert_allclose(found, np.arctan(sign * slopes), rtol=2e-15)


def test_a_quarter_to_the_right_ends_where_it_should():
    """y points to the right: from (0, 0) along x, about (0, 50), to (50, 50)."""
    arc = lanes([Lane(arc=(0.0, 50.0, 50.0, -np.pi / 2, 0.0))], dtype=float)
    lane = one_of(arc, 0)
    length = float(lane.length)
    assert length == pytest.approx(25.0 * np.pi)
    for along, place, heading in ((0.0, (0, 0), 0.0), (length, (50, 50), np.pi / 2)):
        found = lane.position(jnp.asarray(along), jnp.asarray(0.0))
        np.testing.assert_allclose(found, place, atol=1e-9)
        assert float(lane.heading_at(jnp.asarray(along))) == pytest.approx(heading)
    # To the right of the lane is towards its centre.
    inside = lane.position(jnp.asarray(0.0), jnp.asarray(1.0))
    np.testing.assert_allclose(inside, (0.0, 1.0), atol=1e-9)


def test_angles_are_wrapped():
    angle = np.random.default_rng(SEED).uniform(-30.0, 30.0, 100)
    found = np.asarray(wrapped(jnp.asarray(angle)))
    assert ((found >= -np.pi) & (found < np.pi)).all()
    turns = (angle - found) / (2 * np.pi)
    np.testing.assert_allclose(turns, np.round(turns), atol=1e-9)
    assert float(wrapped(jnp.asarray(np.pi))) == pytest.approx(-np.pi)


def test_lanes_of_one_road_lie_side_by_side_and_lead_on():
    side = [Lane((0.0, 4.0 * i), (100.0, 4.0 * i), 0, 1) for i in range(3)]
    behind = [Lane((100.0, 4.0 * i), (150.0, 4.0 * i), 1) for i in range(3)]
    road = lanes([*side, *behind], 8)
    assert road.left.tolist()[:6] == [0, 0, 1, 3, 3, 4]
    assert road.right.tolist()[:6] == [1, 2, 2, 4, 5, 5]
    assert road.following.tolist()[:6] == [3, 4, 5, 3, 4, 5]
    assert road.place.tolist()[:6] == [0, 1, 2, 0, 1, 2]
    assert road.present.tolist() == [True] * 6 + [False] * 2
    # Onto a road of another width, the nearest lane.
    narrow = lanes([*side, *behind[1:2]])
    assert narrow.following.tolist() == [3, 3, 3, 3]


STRAIGHT = ((0.0, 0.0), (9.0, 0.0))
IMPOSSIBLE = {
    "has the length 0 m": lambda: [Lane((1.0, 1.0), (1.0, 1.0))],
    "both must be positive": lambda: [Lane(*STRAIGHT, width=-1.0)],
    "the speed limit 0 m/s": lambda: [Lane(*STRAIGHT, speed_limit=0.0)],
    "lane 1 has a number that is not finite": lambda: [
        Lane(*STRAIGHT),
        Lane((0.0, np.nan), (9.0, 0.0)),
    ],
    "road 7 is to follow lane 0 but has no lane": lambda: [Lane(*STRAIGHT, 0, 7)],
    "a road of 0 lanes": lambda: [],
    "the length 0 m": lambda: [Lane(arc=(0.0, 0.0, 10.0, 1.0, 1.0))],
    "apart from the others": lambda: [
        Lane(*STRAIGHT, 0),
        Lane(*STRAIGHT, 1),
        Lane(*STRAIGHT, 0),
    ],
    "an arc of the radius -5 m": lambda: [Lane(arc=(0.0, 0.0, -5.0, 1.0, 0.0))],
}


@pytest.mark.parametrize("sentence", IMPOSSIBLE)
def test_impossible_roads_are_refused(sentence):
    with pytest.raises(ValueError, match=sentence):
        lanes(IMPOSSIBLE[sentence]())


def test_more_lanes_than_slots_are_refused():
    with pytest.raises(ValueError, match="a road of 2 lanes needs"):
        lanes([Lane(*STRAIGHT)] * 2, 1)
