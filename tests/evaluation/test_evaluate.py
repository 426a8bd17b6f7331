"""The verb `evaluate`: policies and rewards, in one task, in several, on the host."""

import jax
import numpy as np
import pytest

import volition as vl
from volition.env import Family, delivery, gridworld, host_env
from volition.evaluation import evaluate, play
from volition.policy import Always, Random
from volition.reward import Linear

WORLD = gridworld(["S.G"])
PAYS = Linear(WORLD.feature_names, [-0.5, 1.0, -1.0])


def test_a_policy_that_cannot_miss():
    found = evaluate(Always(3), WORLD, PAYS, n_episodes=5)
    # A step to the right, and the next one arrives at the goal.
    np.testing.assert_allclose(found.returns.value, -0.5 + 1.0, rtol=1e-6)
    assert found.lengths.value == 2.0
    assert (found.terminated.value, found.terminated.n) == (1.0, 5)
    assert len(found.tasks) == 1


def test_it_is_the_mean_over_the_episodes_of_play():
    key = jax.random.key(3)
    found = evaluate(Random(4), WORLD, PAYS, n_episodes=40, n_steps=20, key=key)
    (once,) = jax.random.split(key, 1)
    seen = play(once, WORLD, Random(4), PAYS, n_episodes=40, n_steps=20)
    returns = np.asarray(seen.returns)
    np.testing.assert_allclose(found.returns.value, returns.mean(), rtol=1e-6)
    half = 2.0227 * returns.std(ddof=1) / np.sqrt(40)  # t, 39 degrees of freedom
    np.testing.assert_allclose(found.returns.high - returns.mean(), half, rtol=1e-4)
    assert found.returns.n == 40
    assert found.terminated.value == np.asarray(seen.terminated).mean()


def test_a_reward_and_a_posterior_are_optimised_first():
    by_truth = evaluate(PAYS, WORLD, PAYS, n_episodes=5)
    np.testing.assert_allclose(by_truth.returns.value, 0.5, rtol=1e-6)
    # Paid for every step it never goes in, and is cut off.
    lost = evaluate(
        Linear(("step",), [1.0]), gridworld(["S.G"], discount=0.9), PAYS, n_steps=30
    )
    assert lost.terminated.value == 0.0
    assert lost.lengths.value == 30.0
    posterior = vl.fit(PAYS, vl.human.Boltzmann(), vl.feedback.Dataset.empty())
    discounted = gridworld(["S.G"], discount=0.9)
    assert evaluate(posterior, discounted, PAYS, n_steps=30).lengths.value == 30.0


def test_several_tasks_are_the_sample():
    longer = gridworld(["S..G"])
    found = evaluate(Always(3), (WORLD, longer), PAYS, n_episodes=3)
    np.testing.assert_allclose([one.value for one in found.tasks], [0.5, 0.0])
    np.testing.assert_allclose(found.returns.value, 0.25)
    assert (found.returns.n, found.returns.interval) == (2, "95 % over tasks")
    family = Family(train=(WORLD,), held_out=(longer,))
    assert evaluate(Always(3), family, PAYS, n_episodes=3).lengths.value == 3.0
    train = evaluate(Always(3), family.train, PAYS, n_episodes=3)
    assert train.lengths.value == 2.0


def test_on_the_host_the_environment_pays():
    found = evaluate(Random(2), host_env("CartPole-v1", 2), n_episodes=6)
    assert found.returns.value == found.lengths.value > 5.0
    assert (found.terminated.value, found.returns.n) == (1.0, 6)


@pytest.mark.parametrize(
    "options, words",
    [
        ({"n_episodes": 1}, "n_episodes = 1 must be at least 2"),
        ({"n_steps": 0}, "n_steps = 0 at least 1"),
    ],
)
def test_too_few(options, words):
    with pytest.raises(ValueError, match=words):
        evaluate(Random(4), delivery(), vl.reward.delivery_true(), **options)
    with pytest.raises(ValueError, match="no task"):
        evaluate(Random(4), (), PAYS)


def test_windows_are_shared_among_tasks():
    tasks = (WORLD, gridworld(["S..G"]), gridworld(["S...G"]))
    pool = vl.rollout(jax.random.key(0), tasks, Random(4), n_segments=7, length=3)
    assert pool.weight.shape == (7, 3)
    parts = jax.random.split(jax.random.key(0), 3)
    first = vl.rollout(parts[0], WORLD, Random(4), n_segments=3, length=3)
    np.testing.assert_array_equal(
        np.asarray(pool.transition.features)[:3], first.transition.features
    )
