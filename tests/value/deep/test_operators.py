"""Operators of deep learners: by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.value import (
    expected_value,
    lambda_returns,
    munchausen_bonus,
    quantile_huber,
    soft_maximum,
    soft_policy,
)

Q = jnp.array([0.3, -1.2, 2.0])


def test_the_soft_policy_attains_the_soft_maximum():
    temperature = 0.8
    share = soft_policy(Q, temperature)
    entropy = -jnp.sum(share * jnp.log(share))
    found = expected_value(Q, share) + temperature * entropy
    np.testing.assert_allclose(found, soft_maximum(Q, temperature), rtol=1e-12)


def test_munchausen_is_a_log_probability_down_to_its_floor():
    logs = 0.5 * jnp.log(soft_policy(Q, 0.5))
    for action in range(3):
        expected = max(float(logs[action]), -1.5)
        found = munchausen_bonus(Q, action, 0.5, -1.5)
        assert float(found) == pytest.approx(expected, abs=1e-12)
    assert float(munchausen_bonus(Q, 1, 0.5, -1.5)) == -1.5


def test_quantile_loss_by_hand():
    """Shares 1/4 and 3/4; differences 2, -0.5 and 4, 1.5; Huber 1.5, .125, 3.5, 1."""
    found = quantile_huber(jnp.array([1.0, -1.0]), jnp.array([3.0, 0.5]))
    first = (0.25 * 1.5 + 0.75 * 0.125) / 2
    second = (0.75 * 3.5 + 0.75 * 1.0) / 2
    assert float(found) == pytest.approx(first + second)


def test_quantile_regression_finds_the_quantiles_of_a_sample():
    sample = jnp.concatenate([jnp.zeros(30), jnp.full(70, 10.0)])
    loss = lambda quantiles: quantile_huber(quantiles, sample, 0.01)
    start = jnp.array([4.0, 5.0, 6.0, 7.0])  # shares 1/8, 3/8, 5/8, 7/8

    def step(quantiles, _):
        return quantiles - 0.05 * jax.grad(loss)(quantiles), None

    found, _ = jax.lax.scan(step, start, length=4000)
    np.testing.assert_allclose(found, [0.0, 10.0, 10.0, 10.0], atol=0.05)


def test_each_step_can_have_its_own_trace_and_discount():
    rewards, values = jnp.array([1.0, 2.0, 4.0]), jnp.array([10.0, 20.0, 30.0])
    on = jnp.zeros(3, dtype=bool)
    found = lambda_returns(
        rewards, on, values, jnp.array([0.5, 0.1, 0.2]), jnp.array([1.0, 0.0, 0.7])
    )
    # 4 + .2 * 30; 2 + .1 * 20; 1 + .5 * 4
    np.testing.assert_allclose(found, [3.0, 4.0, 10.0])
