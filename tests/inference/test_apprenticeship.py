"""Apprenticeship and the linear programme."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env import delivery, gridworld, random_mdp
from volition.inference.irl import apprenticeship, explaining_reward
from volition.policy import Random, episodes
from volition.reward import Linear, Tabular, delivery_true
from volition.value import occupancy, plan

METHODS = ["projection", "max_margin"]
WORLD = delivery(discount=0.95)


def spent_by(world, reward):
    return occupancy(world, plan(world, reward).policy.probabilities)


@pytest.mark.parametrize("method", METHODS)
def test_the_mixture_earns_as_much_as_the_expert_under_any_reward(method):
    expert = spent_by(WORLD, delivery_true())
    found = apprenticeship(WORLD, expert, method=method, tolerance=1e-4)
    assert found.converged, found.message
    assert found.shares.sum() == pytest.approx(1.0)
    assert (found.shares >= 0.0).all()
    mixed = found.shares @ found.features
    np.testing.assert_allclose(mixed, found.demonstrated, atol=1e-4)
    # Nobody told it the true reward.
    weights = np.asarray(delivery_true().weights)
    assert mixed @ weights == pytest.approx(found.demonstrated @ weights, abs=0.02)
    for policy, features in zip(found.policies, found.features, strict=True):
        told = np.einsum(
            "sa,sabf,sab->f",
            occupancy(WORLD, policy),
            np.asarray(WORLD.features),
            np.asarray(WORLD.probability),
        )
        np.testing.assert_allclose(told, features, atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_an_expert_who_mixes_is_matched_by_a_mixture(method):
    wants = [Linear(WORLD.feature_names, row) for row in np.eye(6)[[1, 3]]]
    spent = sum(spent_by(WORLD, one) for one in wants) / 2.0
    # The projection's way to a point inside is slow, as its margin falls like 1 / n.
    tolerance = 0.5 if method == "projection" else 1e-3
    found = apprenticeship(WORLD, spent, method=method, tolerance=tolerance)
    assert found.converged, found.message
    assert (found.shares > 1e-6).sum() > 1


@pytest.mark.parametrize("method", METHODS)
def test_what_no_policy_does_is_said_to_be_so(method):
    spent = 1.5 * np.asarray(spent_by(WORLD, delivery_true()))
    spent[0] += 30.0
    found = apprenticeship(WORLD, spent, method=method)
    assert not found.converged
    assert found.margin > 1.0
    assert "none comes nearer" in found.message or "raise max_policies" in found.message


def test_paths_are_averaged():
    paths = episodes(jax.random.key(0), WORLD, Random(4), n_episodes=20, time_limit=8)
    found = apprenticeship(WORLD, paths, max_policies=3)
    factor = 0.95 ** np.arange(8)
    features = np.asarray(paths.transition.features)
    told = (features * (np.asarray(paths.weight) * factor)[..., None]).sum(axis=1)
    np.testing.assert_allclose(found.demonstrated, told.mean(axis=0), atol=1e-6)


def test_bad_arguments_are_refused():
    spent = spent_by(WORLD, delivery_true())
    with pytest.raises(ValueError, match="'projection' or 'max_margin'"):
        apprenticeship(WORLD, spent, method="svm")
    with pytest.raises(ValueError, match="no named features"):
        apprenticeship(random_mdp(jax.random.key(0), 4, 2, 2), np.ones((4, 2)))
    with pytest.raises(ValueError, match="finite, not of shape"):
        apprenticeship(WORLD, np.ones((3, 4)))


@pytest.mark.parametrize("seed", range(4))
def test_the_linear_programme_explains_the_best_policy(seed):
    """Planning with what it finds gives the policy back, where it has a margin."""
    world = random_mdp(jax.random.key(seed), 8, 3, 3, discount=0.9)
    truth = Tabular(jax.random.normal(jax.random.key(10 + seed), (8,)))
    best = np.asarray(plan(world, truth).policy.probabilities).argmax(axis=1)
    reward, margin = explaining_reward(world, best)
    assert margin > 0.01
    assert np.abs(reward).max() <= 1.0 + 1e-9
    q = np.asarray(plan(world, Tabular(reward)).q)
    here = np.arange(8)
    np.testing.assert_allclose(q[here, best], q.max(axis=1), atol=1e-7)


def test_a_price_of_reward_units_makes_it_sparse():
    world = random_mdp(jax.random.key(1), 8, 3, 3, discount=0.9)
    best = np.zeros(8, dtype=int)
    dense, _ = explaining_reward(world, best)
    sparse, _ = explaining_reward(world, best, sparsity=1.5)
    assert np.abs(sparse).sum() < np.abs(dense).sum()
    nothing, margin = explaining_reward(world, best, sparsity=1e6)
    np.testing.assert_allclose(nothing, 0.0, atol=1e-9)
    assert margin == pytest.approx(0.0, abs=1e-9)


def test_the_linear_programme_refuses_what_it_is_not_for():
    world = random_mdp(jax.random.key(1), 4, 2, 2, discount=0.9)
    with pytest.raises(ValueError, match="never end"):
        explaining_reward(gridworld(["S.G"], discount=0.9), jnp.zeros(3, dtype=int))
    with pytest.raises(ValueError, match="one of 2 actions in each of 4 states"):
        explaining_reward(world, np.array([0, 1, 2, 0]))
    with pytest.raises(ValueError, match="must be at least 0"):
        explaining_reward(world, np.zeros(4, dtype=int), sparsity=-1.0)
