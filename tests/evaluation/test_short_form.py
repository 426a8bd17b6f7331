"""Short forms: as few terms as are faithful, and what one lacks is said."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.paths import featured_world, pairs, rows, segments
from volition.evaluation import pair_agreement, short_form
from volition.reward import Linear

NAMES = tuple("abcdef")


def drawn(seed, n=120, scale=1.0):
    return segments(scale * np.random.default_rng(seed).normal(size=(n, 4, 6)))


def test_the_terms_that_matter_are_found_in_their_order():
    reward = Linear(NAMES, [0.0, -8.0, 0.05, 3.0, 0.0, -0.05])
    found = short_form(reward, NAMES, drawn(0))
    assert found.faithful
    assert found.terms == ("b", "d")
    assert found.agreement.value >= 0.95
    weights = np.asarray(found.reward.weights)
    np.testing.assert_allclose(weights[[1, 3]], [-8.0, 3.0], atol=0.05)
    assert (weights[[0, 2, 4, 5]] == 0.0).all()
    assert found.message == "2 terms: faithful in the order of usual segments."


def test_what_is_faithful_on_usual_segments_need_not_be_on_optimised_ones():
    # Where things were optimised, what matters most elsewhere is the same everywhere.
    reward = Linear(NAMES, [0.0, -8.0, 0.1, 0.5, 0.0, 0.0])
    rare = np.random.default_rng(1).normal(size=(120, 4, 6))
    rare[..., 1] *= 1e-3
    usual = drawn(2)
    assert short_form(reward, NAMES, usual).terms == ("b",)
    found = short_form(reward, NAMES, usual, segments(rare))
    assert found.faithful
    assert found.terms == ("b", "d")
    assert found.optimised_agreement is not None
    assert found.optimised_agreement.value >= 0.90
    lacking = short_form(reward, NAMES, usual, segments(rare), most_terms=1)
    assert not lacking.faithful
    assert lacking.message.startswith("1 term: it orders ")
    assert lacking.message.endswith("% of optimised pairs alike.")


def test_agreement_is_the_share_of_pairs_counted_one_by_one():
    generator = np.random.default_rng(3)
    worth = generator.integers(0, 5, 40).astype(float)
    other = generator.integers(0, 5, 40).astype(float)
    right = n = 0.0
    for i in range(40):
        for j in range(i):
            if worth[i] != worth[j]:
                n += 1
                ahead = (worth[i] - worth[j]) * (other[i] - other[j])
                right += 1.0 if ahead > 0 else 0.5 if ahead == 0 else 0.0
    found = pair_agreement(worth, other)
    assert found.value == pytest.approx(right / n)
    assert found.low < found.value < found.high
    assert pair_agreement(worth, worth).value == 1.0
    assert pair_agreement(worth, -worth).value == 0.0


@pytest.mark.slow
def test_in_a_world_what_it_leads_to_counts():
    # Nobody goes where the second feature is, unless it is worth it: so the order of
    # random paths hardly tells of it, and what is best is missed without it.
    world = featured_world(7, n_features=3)
    features = np.array(world.features)
    features[..., 1] = 0.0
    features[0, 0, 0, 1] = 1.0
    world = eqx.tree_at(lambda one: one.features, world, jnp.asarray(features))
    reward = Linear(world.feature_names, [1.0, 4.0, 0.0])
    walked = pairs(1, world, 60, 3)
    keep = np.asarray(walked.transition.features)[..., 1].sum(axis=(1, 2)) == 0.0
    walked = rows(walked, keep)
    walked = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), walked)
    found = short_form(reward, world.feature_names, walked, world=world)
    assert not found.faithful
    assert found.agreement.value > 0.99
    assert "of the scaled return when it is optimised" in found.message
    assert found.scaled_return is not None
    assert found.scaled_return < 0.98


def test_what_has_no_order_is_refused():
    reward = Linear(NAMES, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    alike = segments(np.ones((9, 4, 6)))
    with pytest.raises(ValueError, match="worth the same to the reward"):
        short_form(reward, NAMES, alike)
    with pytest.raises(ValueError, match="at least 8 of them"):
        short_form(reward, NAMES, drawn(0, n=7))
