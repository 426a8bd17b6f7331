"""Schedules, at numbers counted by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.value import Constant, Harmonic, Linear

STEPS = np.array([0, 1, 3, 8, 100], dtype=np.int32)
EXPECTED = {
    "constant": (Constant(0.3), [0.3, 0.3, 0.3, 0.3, 0.3]),
    # A quarter of the way from 1 to 0.2 with every two steps.
    "falling": (Linear(1.0, 0.2, n_steps=8), [1.0, 0.9, 0.7, 0.2, 0.2]),
    "rising": (Linear(0.0, 5.0, n_steps=10), [0.0, 0.5, 1.5, 4.0, 5.0]),
    # 0.6 * 4 / (4 + step)
    "harmonic": (Harmonic(0.6, half=4), [0.6, 0.48, 2.4 / 7, 0.2, 2.4 / 104]),
}


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("compiled", [False, True])
def test_schedules_by_hand(name, compiled):
    schedule, expected = EXPECTED[name]
    at = jax.jit(schedule) if compiled else schedule
    steps = jnp.asarray(STEPS)
    np.testing.assert_allclose(at(steps), expected, rtol=1e-15)
    np.testing.assert_allclose([at(step) for step in steps], expected, rtol=1e-15)


def test_the_numbers_of_a_schedule_are_leaves():
    """So that many of them are one program under `jax.vmap`."""
    rates = jnp.array([0.5, 0.125, 0.25])
    values = jax.vmap(lambda first: Harmonic(first, 3.0)(jnp.int32(3)))(rates)
    np.testing.assert_array_equal(values, rates / 2)
