"""A reward that is the density of demonstrations."""

import jax
import numpy as np
import pytest
from scipy import stats

from volition.env import CartPole, random_mdp
from volition.inference.imitation import density
from volition.policy import Random, episodes
from volition.testing import check_reward
from volition.value import expected_reward

MDP = random_mdp(jax.random.key(0), 5, 3, 2, discount=0.9)
POLE = CartPole()


def made(world, n_actions, n_segments, length):
    key = jax.random.key(1)
    policy = Random(n_actions)
    return episodes(key, world, policy, n_episodes=n_segments, time_limit=length)


def test_of_numbers_it_is_a_distribution():
    told = made(MDP, 3, 4, 6)
    found = density(MDP, told, slack=0.2)
    # Of state and action, so the same whatever follows.
    share = np.exp(np.asarray(jax.jit(expected_reward)(MDP, found)))
    assert share.sum() == pytest.approx(1.0, rel=1e-6)
    counts = np.zeros((5, 3))
    state, action = told.transition.state.index, told.transition.action
    np.add.at(counts, (np.ravel(state), np.ravel(action)), 1 / 24)
    spread = lambda n: 0.8 * np.eye(n) + 0.2 / (n - 1) * (1 - np.eye(n))
    np.testing.assert_allclose(share, spread(5) @ counts @ spread(3), rtol=1e-5)


@pytest.mark.slow
def test_of_real_numbers_it_is_a_mean_of_gaussians():
    told = made(POLE, 2, 5, 8)
    found = density(POLE, told, takes_action=False)
    taken = np.asarray(told.weight) > 0
    seen = np.stack(
        [
            np.asarray(getattr(told.transition.state, name))[taken]
            for name in ("position", "velocity", "angle", "angular_velocity")
        ]
    )
    width = seen.std(axis=1)[:, None, None] * seen.shape[1] ** (-1 / 8)
    away = seen[:, :, None] - seen[:, None, :]
    each = stats.norm.pdf(away, scale=width)
    expected = np.log(np.mean(np.prod(each, axis=0), axis=1))
    steps = jax.tree.map(lambda leaf: np.asarray(leaf)[taken], told.transition)
    paid = jax.jit(jax.vmap(found))(steps)
    np.testing.assert_allclose(paid, expected, rtol=1e-9)
    check_reward(found, POLE)


def test_wrong_input_is_refused_in_a_sentence():
    told = made(MDP, 3, 4, 6)
    with pytest.raises(ValueError, match=r"bandwidth = 0\.0 must be above 0"):
        density(MDP, told, bandwidth=0.0)
    with pytest.raises(ValueError, match=r"slack = 1\.0 is a probability"):
        density(MDP, told, slack=1.0)
