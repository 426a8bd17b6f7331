"""Boxes with a bound for each entry."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env import Box


def test_each_entry_has_its_bounds():
    box = Box((-1.0, 5.0), (1.0, 6.0), (2,))
    drawn = jax.vmap(box.sample)(jax.random.split(jax.random.key(0), 500))
    low, high = np.asarray(drawn).min(axis=0), np.asarray(drawn).max(axis=0)
    np.testing.assert_allclose(low, [-1.0, 5.0], atol=0.03)
    np.testing.assert_allclose(high, [1.0, 6.0], atol=0.03)
    assert box.contains(jnp.array([0.0, 5.5]))
    assert not box.contains(jnp.array([5.5, 0.0]))
    assert hash(box) == hash(Box(np.array([-1.0, 5.0]), [1.0, 6.0], (2,)))


@pytest.mark.parametrize(
    "low, high, shape, what",
    [
        ((0.0, 0.0), 1.0, (3,), "are not one for each entry of"),
        ((0.0, 2.0), (1.0, 1.0), (2,), "a box needs low <= high"),
        (0.0, float("nan"), (), "a box needs low <= high"),
    ],
)
def test_bounds_that_do_not_fit_are_refused(low, high, shape, what):
    with pytest.raises(ValueError, match=what):
        Box(low, high, shape)
