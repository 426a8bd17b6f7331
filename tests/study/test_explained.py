"""What a reward comes down to: decisions, and rates over seeds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env import gridworld
from volition.feedback import follow
from volition.reward import Linear
from volition.study.explained import counterfactuals_record, step_spread, turned
from volition.study.explained_driving import rates_over_seeds

WORLD = gridworld([".....", "....."])


@pytest.mark.slow
def test_what_differs_by_rounding_is_no_decision():
    """Of two ways to walk three tiles, all alike but for the last digit of one."""
    starts = jnp.zeros(6, dtype=jnp.int32)
    ways = jnp.array([[3, 3, 3], [3, 1, 3]] * 3, dtype=jnp.int32)
    paths = jax.vmap(follow, (None, 0, 0))(WORLD, starts, ways)
    features = paths.transition.features.at[0, 0, 0].add(1e-12)
    paths = jax.tree.map(
        lambda leaf: features if leaf is paths.transition.features else leaf, paths
    )
    reward = Linear(WORLD.feature_names, [-1.0, 9.0, -9.0])
    spread = np.ones(3)
    found = turned(jax.random.key(0), reward, paths, WORLD.feature_names, spread)
    assert found == []
    assert counterfactuals_record(found) == {"flipped": None, "examples": []}
    longer = paths.transition.features.at[0].add(1.0)
    apart = jax.tree.map(lambda leaf: longer if leaf is features else leaf, paths)
    found = turned(jax.random.key(0), reward, apart, WORLD.feature_names, spread)
    assert [one.flips for one in found] == [True]
    assert step_spread(paths)[1:].tolist() == [0.0, 0.0]


def told(value: float, by: float = 0.5) -> dict:
    ends = sorted([value * (1.0 - by), value * (1.0 + by)])
    return {"value": value, "low": ends[0], "high": ends[1]}


def test_a_rate_needs_every_seed_to_tell_both():
    seeds = [
        {"speed": told(2.0), "crash": told(-8.0), "lane": told(1.0, 2.0)},
        {"speed": told(1.0), "crash": told(-16.0), "lane": told(1.0)},
    ]
    found = rates_over_seeds(seeds)
    assert list(found["rates"]) == ["crash"]
    rate = found["rates"]["crash"]
    # The geometric mean of -4 and -16; its interval by t of the logarithms, n = 2.
    assert rate["value"] == pytest.approx(-8.0)
    half = 12.706 * np.log(4.0) / 2.0
    assert rate["low"] == pytest.approx(-8.0 * np.exp(half), rel=1e-3)
    assert rate["high"] == pytest.approx(-8.0 * np.exp(-half), rel=1e-3)
    assert "told from 0 in 1 of 2 seeds" in found["notes"]["lane"]
    seeds[1]["crash"] = told(16.0)
    assert "with different signs" in rates_over_seeds(seeds)["notes"]["crash"]
