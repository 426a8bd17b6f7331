"""Boxes with a bound for each entry."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env import Box, Discrete


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


@pytest.mark.parametrize("spread", [0.1, -0.1])
def test_near_a_value_is_normal_around_it_in_shares_of_the_range(spread):
    box = Box((-1.0, 0.0), (1.0, 50.0), (2,))
    middle = jnp.array([0.0, 25.0])
    keys = jax.random.split(jax.random.key(1), 2_000)
    drawn = np.asarray(jax.vmap(lambda key: box.near(key, middle, spread))(keys))
    error = 4.0 / np.sqrt(len(keys))  # four standard errors, in standard deviations
    np.testing.assert_allclose(drawn.mean(axis=0), middle, atol=error * 5.0)
    np.testing.assert_allclose(drawn.std(axis=0), [0.2, 5.0], rtol=error)
    there, back = (box.near(keys[0], middle, by) for by in (0.1, -0.1))
    np.testing.assert_allclose(there + back, 2.0 * middle, atol=1e-12)


def test_near_an_edge_it_is_cut_and_without_bounds_the_spread_has_the_unit():
    keys = jax.random.split(jax.random.key(2), 2_000)
    near = lambda box: np.asarray(
        jax.vmap(lambda key: box.near(key, jnp.asarray(1.0), 0.5))(keys)
    )
    cut, free = near(Box(-1.0, 1.0)), near(Box(-np.inf, np.inf))
    assert cut.min() >= -1.0
    share = float(np.mean(cut == 1.0))  # a half lies beyond the edge
    assert abs(share - 0.5) < 4.0 * 0.5 / np.sqrt(len(keys))
    np.testing.assert_allclose(free.std(), 0.5, rtol=4.0 / np.sqrt(len(keys)))


def test_numbers_have_no_neighbours():
    keys = jax.random.split(jax.random.key(3), 2_000)
    drawn = jax.vmap(lambda key: Discrete(4).near(key, jnp.int32(0), 1e-3))(keys)
    shares = np.bincount(np.asarray(drawn), minlength=4) / len(keys)
    np.testing.assert_allclose(shares, 0.25, atol=4.0 * np.sqrt(0.1875 / len(keys)))
