"""PolicyWalk, against the posterior of every reward of a small grid."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from volition.env import random_mdp
from volition.inference import Normal
from volition.inference.irl import policy_walk
from volition.inference.irl.demonstrations import transition_matrix
from volition.policy import Tabular, episodes

WORLD = random_mdp(jax.random.key(3), 3, 2, 2, discount=0.8)
LEVELS = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
RATIONALITY = 1.5
PRIOR = Normal(0.7)


def demonstrated():
    policy = Tabular(jnp.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]))
    return episodes(jax.random.key(1), WORLD, policy, n_episodes=4, time_limit=5)


def enumerated(told):
    """Every reward of the grid, and its probability."""
    rewards = np.array(list(itertools.product(LEVELS, repeat=3)))
    leads, q = transition_matrix(WORLD), np.zeros((len(rewards), 3, 2))
    for _ in range(300):  # 0.8^300 is nothing
        ahead = np.einsum("sat,rt->rsa", leads, q.max(axis=2))
        q = rewards[:, :, None] + 0.8 * ahead
    counts = np.zeros((3, 2))
    state, action = told.transition.state.index, told.transition.action
    np.add.at(counts, (np.ravel(state), np.ravel(action)), 1.0)
    logs = np.sum(counts * log_softmax(RATIONALITY * q, axis=2), axis=(1, 2))
    return rewards, softmax(logs - 0.5 * np.sum((rewards / 0.7) ** 2, axis=1))


def test_each_reward_comes_as_often_as_it_is_probable():
    told = demonstrated()
    found, again = (
        policy_walk(
            jax.random.key(2),
            WORLD,
            told,
            step=0.5,
            rationality=RATIONALITY,
            prior=PRIOR,
            n_draws=3000,
        )
        for _ in range(2)
    )
    assert found.converged, found.message
    assert np.array_equal(found.draws, again.draws)
    rewards, probability = enumerated(told)
    drawn = np.asarray(found.draws).reshape(-1, 3)
    share = (drawn[:, :, None] == LEVELS).mean(axis=0)
    expected = np.einsum("r,rsl->sl", probability, rewards[:, :, None] == LEVELS)
    assert share.sum(axis=1) == pytest.approx(np.ones(3))
    error = np.sqrt(expected * (1 - expected) / found.n_effective)
    assert found.n_effective > 500
    assert (np.abs(share - expected) < 4 * error).all()
    # Which the prior alone is not.
    prior = softmax(-0.5 * (LEVELS / 0.7) ** 2)
    assert np.abs(expected - prior).max() > 0.05
    np.testing.assert_allclose(found.mean.values, drawn.mean(axis=0))


def test_wrong_input_is_refused_in_a_sentence():
    key, told = jax.random.key(0), demonstrated()
    with pytest.raises(ValueError, match=r"step = 2\.0 is above 0 and at most"):
        policy_walk(key, WORLD, told, step=2.0)
    with pytest.raises(ValueError, match="n_chains = 1 at least 2"):
        policy_walk(key, WORLD, told, n_chains=1)
    endless = random_mdp(jax.random.key(3), 3, 2, 2, discount=1.0)
    with pytest.raises(ValueError, match="so give it one below 1"):
        policy_walk(key, endless, told)
