"""Networks: what they take and what they put out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env import Box, Discrete
from volition.value import MLP, Quantile
from volition.value.deep.network import inputs

KEY = jax.random.key(2)


def test_bounded_entries_are_scaled_and_others_are_not():
    largest = float(np.finfo(np.float32).max)
    space = Box((0.0, -np.inf, -largest), (4.0, np.inf, largest), (3,))
    found = inputs(space)(jnp.array([1.0, 7.0, -8.0]))
    assert found.tolist() == [-0.5, 7.0, -8.0]
    assert found.dtype == jnp.float32
    assert inputs(Box(0.0, 2.0, (2, 3)))(jnp.ones((2, 3))).tolist() == [0.0] * 6
    assert inputs(Discrete(3))(jnp.int32(1)).tolist() == [0.0, 1.0, 0.0]


@pytest.mark.parametrize("dueling", [False, True])
@pytest.mark.parametrize("layer_norm", [False, True])
def test_it_is_the_layers_one_after_the_other(dueling, layer_norm):
    spec = MLP((5, 7), layer_norm=layer_norm, dueling=dueling, head=Quantile(3))
    network = spec.begin(KEY, 4, 2)
    x = np.array([0.3, -1.0, 2.0, 0.1], dtype=np.float32)
    found = network(jnp.asarray(x))
    for layer in network.layers:
        x = x @ np.asarray(layer.weight) + np.asarray(layer.bias)
        if layer_norm:
            x = (x - x.mean()) / np.sqrt(x.var() + 1e-6)
        x = np.maximum(x, 0.0)
    rows = (x @ np.asarray(network.rows.weight)).reshape(2, 3)
    if dueling:
        assert network.common is not None
        common = x @ np.asarray(network.common.weight)
        rows = rows - rows.mean(axis=0) + common
        np.testing.assert_allclose(found.mean(axis=0), common, rtol=1e-5)
    np.testing.assert_allclose(found, rows, rtol=1e-4, atol=1e-6)
    leaves = jax.tree.leaves(network)
    assert {leaf.dtype for leaf in leaves} == {jnp.dtype("float32")}
    assert len(network.norms) == (2 if layer_norm else 0)


def test_weights_have_the_variance_that_keeps_a_signal():
    """Each within 4 standard errors: of a uniform's variance, 2/sqrt(5 n) of itself."""
    network = MLP((300, 200)).begin(KEY, 100, 50)
    for layer, variance in (
        (network.layers[0], 2 / 100),
        (network.layers[1], 2 / 300),
        (network.rows, 1 / (3 * 200)),
    ):
        n = layer.weight.size
        ratio = float(jnp.var(layer.weight)) / variance
        assert abs(ratio - 1) < 4 * 2 / np.sqrt(5 * n)
