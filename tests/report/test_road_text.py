"""Moments of driving, as they are drawn: each worked out by hand."""

import jax.numpy as jnp
import pytest

from volition.env.driving.scene import Bodies, Decisions, Frame, LaneScene, SceneLog
from volition.report.road_text import AHEAD, BEHIND, N_COLUMNS, road_strip, road_text

CAR = int(BEHIND / 2.0)  # the column in front of which the middle of the car is


def lane(y: float, first: float = -1000.0, last: float = 1000.0) -> LaneScene:
    line = lambda aside: jnp.array([[first, y + aside], [last, y + aside]])
    no = jnp.zeros(2, dtype=bool)
    return LaneScene(line(0.0), line(-2.0), line(2.0), no, no, 4.0)


def a_log(lanes, places, *, length=5.0, heading=0.0, crashed=False) -> SceneLog:
    """The car first; it is crashed in the second of two frames, or nobody is."""
    x, y = jnp.array(places, dtype=float).T
    n = len(places)
    both = lambda value: jnp.broadcast_to(jnp.asarray(value), (2, n))
    hurt = jnp.zeros((2, n), dtype=bool).at[1, 0].set(crashed)
    bodies = Bodies(
        jnp.full(n, length), jnp.full(n, 2.0), jnp.arange(n) == 3
    )  # the fourth is an obstacle
    frames = Frame(
        jnp.stack([x, x + 10.0]),
        both(y),
        both(float(heading)),
        both(20.0),
        hurt,
        both(jnp.zeros(n, dtype=jnp.int32)),
    )
    decisions = Decisions(
        jnp.array([1]), jnp.array([20.0, 20.0]), jnp.zeros(2), ("LEFT", "IDLE")
    )
    return SceneLog(tuple(lanes), bodies, frames, decisions, 0.5, 1)


TWO = [lane(0.0), lane(4.0)]


def test_vehicles_are_where_they_are():
    # 30 m ahead in the other lane: 15 characters.
    rows = road_text(a_log(TWO, [(100.0, 4.0), (130.0, 0.0)]), 0.0).split("\n")
    assert rows[0] == "0.0 s  20 m/s  idle"
    assert rows[1] == "." * (CAR - 1 + 15) + "o>" + "." * (N_COLUMNS - CAR - 16)
    assert rows[2] == "." * (CAR - 1) + "@>" + "." * (N_COLUMNS - CAR - 1)
    assert len(rows) == 3
    assert {len(row) for row in rows[1:]} == {int((BEHIND + AHEAD) / 2.0)}


@pytest.mark.parametrize(
    "change, body",
    [
        ({}, "@>"),
        ({"length": 10.0}, "===@>"),
        ({"length": 1.0}, "@"),
        ({"heading": 3.14}, "<@"),
    ],
)
def test_a_vehicle_is_as_long_as_it_is_and_points_forward(change, body):
    (_, row) = road_text(a_log([lane(0.0)], [(0.0, 0.0)], **change), 0.0).split("\n")
    assert row.strip(".") == body
    assert abs(row.index(body) + len(body) / 2 - CAR) <= 0.5


def test_what_is_out_of_sight_is_cut_off():
    places = [(0.0, 0.0), (-40.0, 0.0), (101.0, 0.0), (50.0, 4.0), (500.0, 0.0)]
    _, first, second = road_text(a_log(TWO, places), 0.0).split("\n")
    assert first.startswith(">...")
    assert first.count("o") == 0
    assert second.strip(".") == "##"
    assert second.index("#") == CAR + 25 - 1


def test_road_is_where_the_lanes_are():
    """The second lane begins 20 m ahead and the third one lies far from it."""
    lanes = [lane(0.0), lane(4.0, 20.0), lane(12.0, -1000.0, 0.0)]
    _, first, second, gap, third = road_text(a_log(lanes, [(0.0, 0.0)]), 0.0).split(
        "\n"
    )
    assert first.replace("@>", "..") == "." * N_COLUMNS
    assert second == " " * (CAR + 10) + "." * (N_COLUMNS - CAR - 10)
    assert gap == ""
    assert third == "." * CAR


def test_a_crash_is_shown_and_said():
    log = a_log(TWO, [(0.0, 0.0), (30.0, 0.0)], crashed=True)
    said, row, _ = road_text(log, 0.5).split("\n")
    assert said == "0.5 s  20 m/s  CRASHED"
    assert row.strip(".") == "XX.............o>"
    assert "X" not in road_text(log, 0.0)


def test_a_strip_is_its_moments_in_order_and_ends_with_the_last():
    log = a_log(TWO, [(0.0, 0.0), (30.0, 4.0)])
    one, other = road_text(log, 0.0), road_text(log, 0.5)
    assert road_strip(log) == f"{one}\n{other}"
    assert other.split("\n")[0] == "0.5 s  20 m/s  end"
