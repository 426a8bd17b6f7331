"""The small road, by the rules that its documentation states."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env import three_lane_road
from volition.env.road import ACTIONS, after
from volition.reward import Function, Linear

KEEP, FASTER, SLOWER, LEFT, RIGHT = range(5)
DENSITY, SIGHT = 0.3, 4


@pytest.fixture(scope="module")
def road():
    return three_lane_road(density=DENSITY, sight=SIGHT)


def number(lane: int, speed: float, *gap: int) -> int:
    """The state's number, by the order that the states are counted in."""
    digits = (lane, round(speed / 10) - 1, *gap)
    return int(np.ravel_multi_index(digits, (3, 3, *[SIGHT + 1] * 3)))


def successors(road, state: int, action: int) -> dict[str, float]:
    to, chance = (
        np.asarray(a[state, action]) for a in (road.successor, road.probability)
    )
    return {road.describe(int(to[b])): chance[b] for b in np.flatnonzero(chance)}


def test_the_crashed_lead_to_the_last_state_alone(road):
    crashed = np.flatnonzero(road.states.get_collision())
    last = road.n_states - 1
    assert len(crashed) == 3
    assert not road.terminal[crashed].any()
    assert np.flatnonzero(road.terminal).tolist() == [last]
    real = np.asarray(road.probability)[crashed] > 0
    assert (np.asarray(road.successor)[crashed][real] == last).all()
    assert np.asarray(road.states.get_speed())[[*crashed, last]].tolist() == [0.0] * 4


def test_numbers_are_as_described(road):
    assert road.describe(number(1, 30.0, 4, 2, 0)) == "lane 1, 30 m/s, gaps 4 2 0"


@pytest.mark.parametrize(
    "lane, speed, gap, action, expected",
    [
        pytest.param(
            1, 20.0, (2, 3, 1), KEEP, "lane 1, 20 m/s, gaps 1 2 0", id="gains"
        ),
        pytest.param(
            1, 20.0, (2, 3, 3), FASTER, "lane 1, 30 m/s, gaps 0 1 1", id="faster"
        ),
        pytest.param(
            0, 30.0, (3, 2, 2), FASTER, "lane 0, 30 m/s, gaps 1 0 0", id="fastest"
        ),
        pytest.param(
            1, 20.0, (2, 0, 1), SLOWER, "lane 1, 10 m/s, gaps 2 0 1", id="slower"
        ),
        pytest.param(
            2, 10.0, (1, 0, 2), SLOWER, "lane 2, 10 m/s, gaps 1 0 2", id="slowest"
        ),
        pytest.param(1, 20.0, (2, 1, 3), LEFT, "lane 0, 20 m/s, gaps 1 0 2", id="left"),
        pytest.param(
            0, 20.0, (2, 1, 3), LEFT, "lane 0, 20 m/s, gaps 1 0 2", id="leftmost"
        ),
        pytest.param(
            1, 30.0, (2, 2, 3), RIGHT, "lane 2, 30 m/s, gaps 0 0 1", id="right"
        ),
        pytest.param(
            1, 20.0, (2, 0, 1), KEEP, "lane 1, 0 m/s, gaps 4 4 4, crashed", id="hit"
        ),
        pytest.param(
            1,
            30.0,
            (4, 4, 1),
            RIGHT,
            "lane 2, 0 m/s, gaps 4 4 4, crashed",
            id="cuts in",
        ),
    ],
)
def test_a_step_without_chance(road, lane, speed, gap, action, expected):
    state = number(lane, speed, *gap)
    assert successors(road, state, action) == {expected: 1.0}


def test_new_cars_come_into_sight_by_chance(road):
    """Two new cells on the left: a car in the nearer, or in the farther, or none."""
    p = DENSITY
    assert successors(road, number(1, 30.0, 4, 3, 2), KEEP) == pytest.approx(
        {
            "lane 1, 30 m/s, gaps 2 1 0": p,
            "lane 1, 30 m/s, gaps 3 1 0": (1 - p) * p,
            "lane 1, 30 m/s, gaps 4 1 0": (1 - p) ** 2,
        }
    )


@pytest.mark.parametrize("seed", [11])
def test_the_nearest_car_moves_as_on_a_road_of_cells(seed):
    """Twin: draw whole roads cell by cell, move, and look again."""
    generator = np.random.default_rng(seed)
    n, advance = 200_000, 2
    cells = generator.random((n, SIGHT + advance)) < DENSITY

    def look(ahead):
        return np.where(ahead.any(axis=1), ahead.argmax(axis=1), SIGHT)

    before, later = look(cells[:, :SIGHT]), look(cells[:, advance:])
    for gap in range(SIGHT + 1):
        seen = later[before == gap]
        share = np.bincount(seen, minlength=SIGHT + 1) / len(seen)
        truth = after(gap, advance, DENSITY, SIGHT)
        error = np.sqrt(truth * (1 - truth) / len(seen))
        np.testing.assert_array_less(np.abs(share - truth), 4.5 * error + 1e-12)


def test_braking_in_time_is_always_possible(road):
    """From every start, some way of acting never crashes, whatever the traffic does."""
    successor, possible = np.asarray(road.successor), np.asarray(road.probability) > 0
    safe = (np.asarray(road.states.get_collision()) == 0) & ~np.asarray(road.terminal)
    for _ in range(road.n_states):
        survives = (safe[successor] | ~possible).all(axis=-1).any(axis=-1) & safe
        if (survives == safe).all():
            break
        safe = survives
    assert safe[np.asarray(road.initial) > 0].all()
    assert not safe[number(1, 30.0, 0, 0, 0)]


def textbook(state, action):
    return state.get_speed() - state.get_collision()


def arrival(state, action, next_state):
    return next_state.get_collision()


def test_the_textbook_reward_is_linear_in_the_features(road):
    linear = Linear(road.feature_names, [1.0, 0.0, -1.0, 0.0])
    every = jnp.arange(road.n_states, dtype=jnp.int32)

    def paid(reward, action):
        one = jax.vmap(lambda state: reward(road.branch_transition(state, action, 0)))
        return np.asarray(one(every))[~np.asarray(road.terminal)]

    for action in (KEEP, RIGHT):
        mine = paid(Function(textbook), action)
        np.testing.assert_array_equal(mine, paid(linear, action))
    assert set(mine) == {-1.0, 10.0, 20.0, 30.0}


@pytest.mark.parametrize("reward", [textbook, arrival])
def test_a_crash_is_paid_exactly_once(road, reward):
    """Drive into the car ahead: 20 m/s, crash, and the end."""
    state, paid = number(1, 20.0, 4, 0, 4), []
    for _ in range(2):
        paid.append(float(Function(reward)(road.branch_transition(state, KEEP, 0))))
        state = int(road.successor[state, KEEP, 0])
    assert bool(road.terminal[state])
    assert paid == ([20.0, -1.0] if reward is textbook else [1.0, 0.0])


def test_features_of_a_lane_change(road):
    def lane_change(lane, action):
        state = number(lane, 20.0, 4, 4, 4)
        return road.features[state, action, 0].tolist()

    assert road.feature_names == ("speed", "alive", "collision", "lane change")
    assert lane_change(0, RIGHT) == [20.0, 1.0, 0.0, 1.0]
    assert lane_change(2, RIGHT) == [20.0, 1.0, 0.0, 0.0]


def test_states_read_alike_alone_and_in_a_batch(road):
    alone = [textbook(road.state(index), 0) for index in (0, 500, 1125)]
    batch = jax.vmap(lambda index: textbook(road.state(index), 0))
    assert batch(jnp.array([0, 500, 1125])).tolist() == [float(x) for x in alone]
    in_numpy = jax.tree.map(np.asarray, road.states)
    assert textbook(in_numpy, 0)[[0, 500, 1125]].tolist() == [float(x) for x in alone]


def test_turning_the_road_over_turns_its_states(road):
    """Left and right exchanged: the same road with its states relabelled."""
    lane, speed, *gap = np.indices((3, 3, *[SIGHT + 1] * 3)).reshape(5, -1)
    mirrored = np.ravel_multi_index(
        (2 - lane, speed, *gap[::-1]), (3, 3, *[SIGHT + 1] * 3)
    )
    n = len(lane)
    new = np.concatenate([mirrored, n + np.array([2, 1, 0]), [n + 3]])
    action = [
        ACTIONS.index(name) for name in ("keep", "faster", "slower", "right", "left")
    ]
    generator = np.random.default_rng(0)
    value = generator.random(road.n_states)  # any function of the state

    def mean(value):
        return (np.asarray(road.probability) * value[np.asarray(road.successor)]).sum(
            -1
        )

    unmirrored = np.empty_like(value)
    unmirrored[new] = value
    np.testing.assert_allclose(mean(unmirrored)[new][:, action], mean(value))
    np.testing.assert_allclose(np.asarray(road.initial)[new], road.initial)


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"density": 0.0}, "density = 0.0 must be between 0 and 1"),
        ({"density": float("nan")}, "density = nan must be between"),
        ({"sight": 1}, r"sight = 1 must be in 2 \.\. 5"),
        ({"sight": 6}, r"sight = 6 must be in 2 \.\. 5"),
        ({"discount": 2.0}, "discount = 2.0 must be in"),
    ],
)
def test_options_out_of_range_are_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        three_lane_road(**options)
