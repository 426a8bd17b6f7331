"""Rewards from episodes that are ranked by their noise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.paths import featured_world, valued
from volition.env import Pendulum
from volition.inference import Normal
from volition.inference.imitation import d_rex, noisy_rollouts, tabular_cloning
from volition.policy import Always, episodes, epsilon_greedy
from volition.reward import Linear
from volition.value import plan

WORLD = featured_world(3)
TRUTH = Linear(WORLD.feature_names, jnp.array([1.0, -0.6, 0.0]))


def test_noise_is_the_share_of_random_actions():
    noise = np.repeat([0.0, 0.3, 0.9], 40)
    made = noisy_rollouts(jax.random.key(0), WORLD, Always(1), noise, 25)
    other = (np.asarray(made.transition.action) != 1).reshape(3, -1).mean(axis=1)
    # A random action is one of three, the same one among them.
    expected = np.array([0.0, 0.2, 0.6])
    error = np.sqrt(expected * (1 - expected) / 1000)
    assert (np.abs(other - expected) <= 4 * error).all()


@pytest.mark.slow
def test_it_does_better_than_who_demonstrated():
    best = plan(WORLD, TRUTH)
    person = epsilon_greedy(best.q, 0.5)
    made = lambda key, policy: episodes(
        jax.random.key(key), WORLD, policy, n_episodes=40, time_limit=12
    )
    told = made(0, person)
    found = d_rex(
        jax.random.key(1),
        WORLD,
        told,
        Linear(WORLD.feature_names),
        policy=tabular_cloning(WORLD, told),
        n_each=20,
        n_steps=12,
        n_comparisons=1000,
        length=12,
        prior=Normal(3.0),
    )
    assert found.ranks.tolist() == np.repeat(np.arange(5), 20).tolist()
    earned = lambda told: (
        np.asarray(told.transition.features).sum(axis=1) @ np.asarray(TRUTH.weights)
    )
    acted = earned(made(2, plan(WORLD, found.posterior.mean).policy))
    shown = earned(told)
    error = np.hypot(acted.std(), shown.std()) / np.sqrt(40)
    assert acted.mean() - shown.mean() > 4 * error
    # The noisier, the less the learned reward pays.
    paid = np.asarray(found.rollouts.transition.features).sum(axis=1) @ np.asarray(
        found.posterior.mean.weights
    )
    assert (np.diff(paid.reshape(5, 20).mean(axis=1)) > 0).all()


def test_wrong_input_is_refused_in_a_sentence():
    key, form = jax.random.key(0), Linear(WORLD.feature_names)
    told = valued([[0.0]])
    with pytest.raises(ValueError, match="at least two different ones"):
        d_rex(key, WORLD, told, form, noises=(0.5, 0.5))
    with pytest.raises(ValueError, match=r"each in \[0, 1\]"):
        noisy_rollouts(key, WORLD, Always(1), np.array([1.5]), 3)
    with pytest.raises(ValueError, match="noise is drawn among discrete ones"):
        noisy_rollouts(key, Pendulum(), Always(1), np.zeros(1), 3)
