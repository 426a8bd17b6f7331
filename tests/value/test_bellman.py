"""Bellman operators, at numbers worked out by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference import planning
from tests.reference.worlds import small_world, table
from volition.env import cliff_walking
from volition.reward import Linear, Tabular
from volition.value import (
    backup,
    branch_reward,
    double_value,
    expected_reward,
    expected_value,
    lambda_returns,
    n_step_return,
    soft_maximum,
    target,
)

REWARDS = jnp.array([1.0, 2.0, 4.0, 8.0])
NEXT_VALUES = jnp.array([10.0, 20.0, 30.0, 40.0])
GOES_ON = jnp.array([False, False, False, False])
ENDS = jnp.array([False, True, False, False])  # with the second step
all_returns, n_steps_return = jax.jit(lambda_returns), jax.jit(n_step_return)


@pytest.mark.parametrize(
    "terminated, expected",
    [(False, -1.5 + 0.8 * 7.0), (True, -1.5)],
)
def test_the_future_is_cut_where_the_step_ended_the_episode(terminated, expected):
    assert float(target(-1.5, terminated, 7.0, 0.8)) == pytest.approx(expected)


def test_an_end_cuts_off_a_value_that_is_not_finite():
    assert float(target(3.0, True, jnp.inf, 0.8)) == 3.0
    slope = jax.grad(lambda v: target(3.0, True, v, 0.8))(jnp.array(5.0))
    assert float(slope) == 0.0


def test_expected_sarsa_by_hand():
    q, policy = jnp.array([1.0, -2.0, 4.0]), jnp.array([0.5, 0.2, 0.3])
    assert float(expected_value(q, policy)) == pytest.approx(0.5 - 0.4 + 1.2)


def test_double_q_is_judged_by_the_other_table():
    chooser, judge = jnp.array([1.0, 5.0, 5.0]), jnp.array([9.0, -2.0, 7.0])
    assert float(double_value(chooser, judge)) == -2.0  # the first of two equals
    assert float(double_value(judge, chooser)) == 1.0


@pytest.mark.parametrize(
    "terminated, last_value, expected",
    [
        # 1 + 2/2 + 4/4 + 8/8 + 40/16
        (GOES_ON, 40.0, 6.5),
        # 1 + 2/2, nothing behind the end
        (ENDS, 40.0, 2.0),
        # 1 + 2/2 + 4/4 + 8/8, an end with the last step
        (GOES_ON.at[3].set(True), 40.0, 4.0),
    ],
    ids=["goes on", "ends inside", "ends last"],
)
def test_n_step_returns_by_hand(terminated, last_value, expected):
    found = n_steps_return(REWARDS, terminated, last_value, 0.5)
    assert float(found) == expected


@pytest.mark.parametrize(
    "trace, terminated, expected",
    [
        # r + v/2
        (0.0, GOES_ON, [6.0, 12.0, 19.0, 28.0]),
        # 8 + 20 = 28; 4 + 14 = 18; 2 + 9 = 11; 1 + 5.5 = 6.5
        (1.0, GOES_ON, [6.5, 11.0, 18.0, 28.0]),
        # 28; 4 + (30 + 28)/4 = 18.5; 2 + (20 + 18.5)/4; 1 + (10 + 11.625)/4
        (0.5, GOES_ON, [6.40625, 11.625, 18.5, 28.0]),
        # an end with the second step: 2 alone, then 1 + (10 + 2)/4
        (0.5, ENDS, [4.0, 2.0, 18.5, 28.0]),
    ],
    ids=["lambda=0", "lambda=1", "lambda=0.5", "lambda=0.5 with an end"],
)
def test_lambda_returns_by_hand(trace, terminated, expected):
    found = all_returns(REWARDS, terminated, NEXT_VALUES, 0.5, trace)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("n_steps", [1, 9])
@pytest.mark.parametrize("seed", [1, 2])
def test_monte_carlo_is_the_n_step_return(seed, n_steps):
    drawn = np.random.default_rng(seed)
    rewards, values = drawn.standard_normal((2, n_steps))
    terminated = drawn.random(n_steps) < 0.2
    arguments = (jnp.asarray(rewards), jnp.asarray(terminated))
    found = all_returns(*arguments, jnp.asarray(values), 0.93, 1.0)
    expected = values[-1]
    for step in reversed(range(n_steps)):
        ahead = 0.0 if terminated[step] else expected
        expected = rewards[step] + 0.93 * ahead
        assert float(found[step]) == pytest.approx(expected, rel=1e-13)
    whole = n_steps_return(*arguments, values[-1], 0.93)
    assert float(whole) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("temperature", [1e-3, 0.7, 50.0])
def test_the_soft_maximum_is_above_the_maximum_by_little(temperature):
    q = jnp.array([[1.0, -3.0, 2.5], [800.0, 800.0, 799.0]])
    soft = jax.jit(soft_maximum)
    excess = np.asarray(soft(q, temperature)) - np.asarray(q).max(axis=-1)
    assert (excess >= 0.0).all()
    assert (excess <= temperature * np.log(3.0) + 1e-9).all()
    # Adding a constant adds the constant.
    shifted = soft(q - 40.0, temperature) + 40.0
    np.testing.assert_allclose(shifted, soft(q, temperature), rtol=1e-12)


@pytest.mark.parametrize("shape", [(7,), (7, 3), (7, 3, 7)])
@pytest.mark.parametrize("seed", [4])
def test_mean_rewards_equal_the_sum_over_states(seed, shape):
    world, values = small_world(seed, terminal=(2, 5)), table(seed, *shape)
    found = jax.jit(expected_reward)(world, Tabular(values))
    expected = planning.mean_rewards(world, values)
    np.testing.assert_allclose(found, expected, atol=1e-14)
    assert (np.asarray(found)[[2, 5]] == 0.0).all()


def test_rewards_of_each_branch_are_those_of_its_features():
    world = cliff_walking(discount=0.9)
    found = jax.jit(branch_reward)(world, Linear(("step", "cliff"), [-1.0, -100.0]))
    assert found.shape == (48, 4, 1)
    assert found[36, :, 0].tolist() == [-1.0, -1.0, -1.0, -100.0]
    assert found[47, :, 0].tolist() == [0.0] * 4  # the goal: nothing is paid there
    with pytest.raises(ValueError, match="the feature 'speed', which the env"):
        branch_reward(world, Linear(("step", "speed"), [-1.0, 2.0]))


@pytest.mark.parametrize("seed", [4])
def test_a_backup_never_looks_at_the_value_of_an_end(seed):
    world = small_world(seed, terminal=(2, 5))
    r, v = table(seed, 7, 3), table(seed + 1, 7)
    expected = planning.action_values(world, r, v)
    for worth in (v[2], 1e9, np.inf):
        changed = jnp.asarray(v).at[jnp.array([2, 5])].set(worth)
        found = jax.jit(backup)(world, jnp.asarray(r), changed)
        np.testing.assert_allclose(found, expected, atol=1e-13)
