"""Policies that are now one, now another."""

import jax
import numpy as np

from volition.policy import Always, Mixed


def test_a_mixture_gives_each_its_share():
    policy = Mixed(Always(0), Always(1), 0.3)
    keys = jax.random.split(jax.random.key(3), 2000)
    drawn = np.asarray(jax.jit(jax.vmap(policy, (0, None)))(keys, None))
    assert abs((drawn == 0).mean() - 0.3) < 4 * np.sqrt(0.3 * 0.7 / 2000)
