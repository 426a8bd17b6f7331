"""Counterfactual segments: the smallest change that turns a preference around."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.paths import rows, segments
from volition.evaluation import counterfactual
from volition.human.valuation import partial_return
from volition.reward import Linear, Network
from volition.reward.inputs import FeatureInputs

NAMES = ("speed", "gap", "jerk")
SPREAD = np.array([5.0, 1.0, 0.2])


def drawn(seed, n_features=3):
    features = np.random.default_rng(seed).normal(size=(2, 4, n_features))
    return segments(features * np.resize(SPREAD, n_features))


def worths(reward, options):
    return np.asarray(jax.vmap(partial_return, (None, 0))(reward, options))


@pytest.mark.parametrize("seed", range(3))
def test_for_a_linear_reward_it_is_the_projection(seed):
    weights = np.array([0.3, -2.0, 4.0])
    options, reward = drawn(seed), Linear(NAMES, weights)
    found = counterfactual(reward, options, NAMES, SPREAD)
    worth = worths(reward, options)
    assert found.edited == np.argmin(worth)
    # In units z of the spreads: weights . (spread z) over 4 steps makes up for it.
    steep = 4.0 * weights * SPREAD
    z = steep * np.ptp(worth) / (steep @ steep)
    np.testing.assert_allclose(found.change, SPREAD * z, rtol=1e-5)
    assert found.size == pytest.approx(np.linalg.norm(z))
    assert found.flips
    other = rows(options, 1 - found.edited)
    assert partial_return(reward, found.segment) > partial_return(reward, other)


def test_twenty_decisions_of_a_network_flip_at_nearly_the_nearest_place():
    names, spread = NAMES[:2], SPREAD[:2]
    reward = Network(FeatureInputs(names), (6,), key=jax.random.key(1))
    turn = np.linspace(0.0, 2.0 * np.pi, 90)
    ray = np.stack([np.cos(turn), np.sin(turn)], axis=1) * spread
    near = 0
    for seed in range(20):
        options = drawn(seed, 2)
        found = counterfactual(reward, options, names, spread)
        assert found.flips, seed
        worth = worths(reward, options)
        # By trying: no change of nine tenths the size, in any direction, is enough.
        steps = np.asarray(options.transition.features)[found.edited]
        moved = steps[None] + 0.9 * found.size * ray[:, None]
        best = (
            np.asarray(reward.over(jnp.asarray(moved, jnp.float32))).sum(axis=1).max()
        )
        near += best < worth.max()
    assert near >= 19


def test_only_what_may_change_changes():
    reward = Linear(NAMES, [1.0, 1.0, 1.0])
    found = counterfactual(reward, drawn(4), NAMES, SPREAD, only=["gap"])
    assert found.change[[0, 2]].tolist() == [0.0, 0.0]
    assert found.flips
    which = ("first", "second")[found.edited]
    assert found.sentence == (
        f"the {which} would be preferred with {found.change[1]:.3g} more gap at each "
        "step."
    )
    # What never varied is no way to change anything.
    fixed = counterfactual(reward, drawn(4), NAMES, SPREAD * [1.0, 0.0, 1.0])
    assert fixed.change[1] == 0.0
    assert fixed.flips


def test_where_no_change_helps_it_says_so():
    reward = Linear(NAMES, [1.0, 0.0, 0.0])
    found = counterfactual(reward, drawn(5), NAMES, SPREAD, only=["jerk"])
    assert not found.flips
    assert np.isnan(found.size)
    assert found.sentence.startswith("no change of these features")


def test_behind_an_end_nothing_is_changed():
    options = drawn(6)
    weight = jnp.ones((2, 4)).at[:, 2:].set(0.0)
    options = type(options)(options.transition, weight, options.present)
    found = counterfactual(Linear(NAMES, [1.0, 0.0, 0.0]), options, NAMES, SPREAD)
    before = np.asarray(options.transition.features)[found.edited]
    added = np.asarray(found.segment.transition.features) - before
    assert (added[:2, 0] > 0.0).all()
    assert (added[2:] == 0.0).all()
    assert found.flips


def test_wrong_input_is_refused_in_a_sentence():
    reward, options = Linear(NAMES, [1.0, 0.0, 0.0]), drawn(7)
    same = rows(options, [0, 0])
    with pytest.raises(ValueError, match="there is no preference to turn around"):
        counterfactual(reward, same, NAMES, SPREAD)
    with pytest.raises(ValueError, match="between two segments"):
        counterfactual(reward, rows(options, [0, 1, 0]), NAMES, SPREAD)
    with pytest.raises(ValueError, match="'wind' is none of"):
        counterfactual(reward, options, NAMES, SPREAD, only=["wind"])
    with pytest.raises(ValueError, match="3 features need as many spreads"):
        counterfactual(reward, options, NAMES, SPREAD[:2])
