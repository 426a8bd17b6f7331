"""Policies by whole episodes."""

import jax
import numpy as np
import pytest

from volition import env, policy, reward
from volition.evaluation import play, ratio_over

SEED = 4


def played(n_steps: int):
    return play(
        jax.random.key(SEED),
        env.CartPole(),
        policy.Random(2),
        reward.cartpole(),
        n_episodes=6,
        n_steps=n_steps,
    )


def test_cartpole_pays_one_for_every_step_and_random_actions_let_it_fall():
    seen = played(300)
    np.testing.assert_array_equal(seen.returns, seen.lengths)
    assert bool(seen.terminated.all())
    names = env.CartPole().feature_names
    steps = seen.features[:, names.index("step")]
    np.testing.assert_array_equal(steps, seen.lengths)


def test_an_episode_that_is_left_early_has_not_ended():
    whole, cut = played(300), played(5)
    assert int(whole.lengths.min()) > 5
    assert set(np.asarray(cut.lengths)) == {5}
    assert not bool(cut.terminated.any())


def test_a_ratio_is_of_the_sums_and_its_interval_shrinks_with_the_pieces():
    above, below = np.array([1.0, 2.0, 6.0]), np.array([1.0, 1.0, 4.0])
    found = ratio_over(above, below, "drives")
    assert found.value == pytest.approx(9.0 / 6.0)
    # By hand: excess -.5, .5, 0; sqrt(3 / 2 * .5) / 6, t of 2 degrees.
    half = 4.302652729911275 * np.sqrt(0.75) / 6.0
    assert found.high - found.value == pytest.approx(half)
    many = ratio_over(np.tile(above, 50), np.tile(below, 50), "drives")
    assert many.high - many.low < 0.2 * (found.high - found.low)


def test_pieces_that_are_all_alike_do_not_say_how_others_differ():
    found = ratio_over(np.array([2.0, 4.0]), np.array([1.0, 2.0]), "drives")
    assert found.value == 2.0
    assert np.isnan([found.low, found.high]).all()
