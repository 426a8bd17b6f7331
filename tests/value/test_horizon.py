"""Backward induction."""

import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference import planning
from tests.reference.worlds import small_world, table
from volition.reward import Tabular
from volition.value import (
    SoftValueIteration,
    backward_induction,
    plan,
    state_distribution,
)

ENDS = {"no end": (), "ends": (2, 6)}
ends = pytest.mark.parametrize("terminal", ENDS.values(), ids=ENDS)


@ends
@pytest.mark.parametrize("temperature", [None, 0.6])
@pytest.mark.parametrize("seed", [1, 4])
def test_values_equal_their_twin(seed, temperature, terminal):
    world, values = small_world(seed, terminal=terminal), table(seed, 7, 3, 7)
    found = backward_induction(world, Tabular(values), 5, temperature=temperature)
    r = planning.mean_rewards(world, values)
    expected = planning.finite_horizon(world, r, 5, temperature)
    assert found.value.shape == (6, 7)
    assert found.policies.shape == (5, 7, 3)
    np.testing.assert_allclose(found.value, expected, atol=1e-12)
    np.testing.assert_allclose(found.policies.sum(axis=-1), 1.0, atol=1e-14)


@ends
@pytest.mark.parametrize("seed", [1, 4])
def test_its_value_is_the_return_of_following_it(seed, terminal):
    world, values = small_world(seed, terminal=terminal), table(seed, 7, 3)
    found = backward_induction(world, Tabular(values), 5)
    r = planning.mean_rewards(world, values)
    mass = np.asarray(state_distribution(world, found.policies))
    paid = [
        0.85**step * (mass[step][:, None] * found.policies[step] * r).sum()
        for step in range(5)
    ]
    assert sum(paid) == pytest.approx(float(found.value[0] @ world.initial), abs=1e-12)


@pytest.mark.parametrize("temperature", [None, 0.6])
@pytest.mark.parametrize("seed", [1, 4])
def test_a_long_horizon_is_an_infinite_one(seed, temperature):
    world, values = small_world(seed, terminal=(2,)), Tabular(table(seed, 7, 3))
    found = backward_induction(world, values, 160, temperature=temperature)
    method = None if temperature is None else SoftValueIteration(temperature)
    limit = plan(world, values, method)
    # What is left out is discounted by .85^160 = 5e-12.
    np.testing.assert_allclose(found.value[0], limit.value, atol=1e-8)
    open_states = np.arange(7) != 2
    np.testing.assert_allclose(
        np.asarray(found.policies)[0][open_states],
        np.asarray(limit.policy.probabilities)[open_states],
        atol=1e-8,
    )
    # A state at a time is the same world one step later.
    shorter = backward_induction(world, values, 159, temperature=temperature)
    np.testing.assert_allclose(found.value[1:], shorter.value, atol=1e-13)


def test_a_last_step_takes_the_best_reward():
    world, values = small_world(4), table(4, 7, 3)
    found = backward_induction(world, Tabular(values), 1)
    np.testing.assert_allclose(found.value[0], values.max(axis=1), rtol=1e-15)
    chosen = jnp.argmax(found.policies[0], axis=-1)
    np.testing.assert_array_equal(chosen, values.argmax(axis=1))
