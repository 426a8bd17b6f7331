"""The scene log of an episode of driving."""

import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition import record
from volition.env.driving import Exit, Highway, Merge, TwoWay, scene_log
from volition.env.driving.scene import lane_scenes
from volition.policy import Random, episode


@pytest.mark.parametrize(
    ("env", "action"),
    [
        (Highway(2, 3), jnp.int32(2)),
        (Merge(continuous=True), jnp.array([0.5, 0.1])),
    ],
    ids=["words", "wheel and pedals"],
)
def test_sub_steps_lead_where_the_step_leads(env, action):
    key = jax.random.key(0)
    state = eqx.filter_jit(env.reset)(key)
    for _ in range(3):
        between = eqx.filter_jit(env.sub_steps)(state, action)
        state = eqx.filter_jit(env.step)(key, state, action)
        last = jax.tree.map(lambda leaf: leaf[-1], between)
        assert eqx.tree_equal(last, state.vehicles)
        n = env.course.n_substeps
        assert between.x.shape == (n, *state.vehicles.x.shape)
        assert (np.diff(between.x[:, 0]) != 0.0).all()
    # Behind the end everybody stays.
    ended = eqx.tree_at(lambda all: all.vehicles.crashed, state, state.vehicles.present)
    stays = eqx.filter_jit(env.sub_steps)(ended, action)
    assert (stays.x == state.vehicles.x[None]).all()


@pytest.fixture(scope="module")
def driven():
    """An episode that ends, in a window that is longer; and its log."""
    env = TwoWay(time_limit=3)
    seen = eqx.filter_jit(episode)(jax.random.key(0), env, Random(5), 5)
    return seen, scene_log(env, seen.transition)


def test_a_log_has_the_states_of_the_episode(driven):
    seen, log = driven
    state = seen.transition.state
    assert log.frames.x.shape == (3 * 15 + 1, 6)
    assert log.duration == pytest.approx(3.0)
    for step in range(4):
        for name in ("x", "y", "heading", "speed", "crashed", "target_lane"):
            here = getattr(log.frames, name)[15 * step]
            assert (here == getattr(state.vehicles, name)[step]).all()
    assert (log.decisions.action == seen.transition.action[:3]).all()
    assert (log.decisions.speed == state.get_speed()[:4]).all()
    assert (log.decisions.collision == state.get_collision()[:4]).all()
    assert log.bodies.length.tolist() == 6 * [5.0]


def test_a_log_survives_json(driven):
    _, log = driven
    text = json.dumps(record.to_json(log), allow_nan=False)
    assert eqx.tree_equal(record.from_json(json.loads(text)), log)


def test_between_frames_everybody_is_on_a_straight_line(driven):
    _, log = driven
    x = np.asarray(log.frames.x)
    assert log.at(7 * log.interval).x == pytest.approx(x[7], abs=1e-4)
    half = log.at(7.5 * log.interval)
    assert half.x == pytest.approx((x[7] + x[8]) / 2.0, abs=1e-4)
    assert (log.at(-1.0).x == x[0]).all()
    assert log.at(99.0).x == pytest.approx(x[-1], abs=1e-4)
    assert [log.decision_at(time) for time in (0.0, 0.99, 1.0, 3.0)] == [0, 0, 1, 2]


def test_slots_without_a_vehicle_and_steps_that_were_not_made_are_left_out():
    env = Highway(2, 3, duration=1)
    assert env.n_slots > 4
    seen = eqx.filter_jit(episode)(jax.random.key(0), env, Random(5), 2)
    assert scene_log(env, seen.transition).frames.x.shape == (6, 4)
    late = jax.tree.map(lambda leaf: leaf[1:], seen.transition)
    with pytest.raises(ValueError, match="no step was made"):
        scene_log(env, late)


@pytest.mark.parametrize("env", [Highway(), Merge(), TwoWay(), Exit()], ids=type)
def test_sides_are_half_a_width_from_the_centre(env):
    lines = lane_scenes(env.course.road)
    assert len(lines) == env.course.road.n_slots
    for lane in lines:
        assert lane.width == 4.0
        middle = (np.asarray(lane.left) + np.asarray(lane.right)) / 2.0
        assert middle == pytest.approx(np.asarray(lane.centre), abs=1e-3)
        apart = np.hypot(*np.asarray(lane.left - lane.right).T)
        assert apart == pytest.approx(lane.width, abs=1e-3)


def test_lines_are_broken_where_lanes_adjoin():
    left, middle, right = lane_scenes(Highway().course.road)
    for lane, sides in ((left, (0, 1)), (middle, (1, 1)), (right, (1, 0))):
        assert len(lane.centre) == 2
        assert (lane.adjoins_left == bool(sides[0])).all()
        assert (lane.adjoins_right == bool(sides[1])).all()
    # Of two-way's oncoming lane the left side is the middle of the road.
    oncoming = lane_scenes(TwoWay().course.road)[2]
    assert oncoming.centre[:, 0].tolist() == [800.0, pytest.approx(0.0, abs=1e-3)]
    assert oncoming.adjoins_left[0]
    assert not oncoming.adjoins_right[0]
    # The exit leaves the road on a quarter of a circle of 150 m.
    arc = lane_scenes(Exit().course.road)[19]
    assert arc.centre[0].tolist() == pytest.approx([500.0, 24.0], abs=1e-3)
    assert arc.centre[-1].tolist() == pytest.approx([650.0, 174.0], abs=1e-3)
    assert arc.adjoins_left[0]
    assert not arc.adjoins_left[50:].any()
