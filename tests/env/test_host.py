"""Environments of Gymnasium's on the host."""

import gymnasium
import highway_env  # noqa: F401 - registers the real highway
import jax
import numpy as np
import pytest

from volition import reward
from volition.env import Box, Discrete, HostEnv, host
from volition.env.gym import RewardWrapper

SEED = 11


def lean(observations):
    return (observations[:, 2] > 0).astype(int)


@pytest.mark.parametrize("time_limit", [9, 500])
def test_it_is_a_loop_over_single_environments(time_limit):
    make = lambda: gymnasium.make("CartPole-v1", max_episode_steps=time_limit)
    env, singles = host(make, 3), [make() for _ in range(3)]
    observation = env.reset(SEED)
    seen = np.stack([one.reset(seed=SEED + i)[0] for i, one in enumerate(singles)])
    ends = 0
    for _ in range(150):
        np.testing.assert_array_equal(observation, seen)
        actions = lean(observation)
        step = env.step(actions)
        for copy, one in enumerate(singles):
            led, pays, terminated, truncated, _ = one.step(int(actions[copy]))
            np.testing.assert_array_equal(step.next_observation[copy], led)
            assert step.reward[copy] == pays
            assert step.terminated[copy] == terminated
            assert step.truncated[copy] == (truncated and not terminated)
            seen[copy] = one.reset()[0] if terminated or truncated else led
            ends += terminated or truncated
        observation = step.observation
    assert ends >= 3


def test_an_end_by_both_is_an_outcome():
    class Both(gymnasium.Env):
        observation_space = gymnasium.spaces.Box(0.0, 1.0, (1,))
        action_space = gymnasium.spaces.Discrete(2)

        def reset(self, *, seed=None, options=None):
            return np.zeros(1, np.float32), {}

        def step(self, action):
            return np.ones(1, np.float32), 0.0, True, True, {}

    env = host(Both, 1)
    env.reset(SEED)
    step = env.step([0])
    assert (step.terminated.tolist(), step.truncated.tolist()) == ([True], [False])
    assert (step.next_observation == 1.0).all()
    assert (step.observation == 0.0).all()


def test_a_reward_of_ours_sees_its_transitions():
    env = host("Pendulum-v1", 2)
    observation = env.reset(SEED)
    actions = np.array([[0.5], [-1.0]], np.float32)
    step = env.step(actions)
    told = env.transition(observation, actions, step)
    own = jax.vmap(reward.Linear(env.feature_names, [2.0]))(told)
    np.testing.assert_allclose(own, 2.0 * step.reward)
    moved = jax.vmap(reward.Function(lambda s, a, n: n[2] - s[2] + a[0]))(told)
    expected = step.next_observation[:, 2] - observation[:, 2] + actions[:, 0]
    np.testing.assert_allclose(moved, expected, rtol=1e-5)


def test_copies_of_our_own_world():
    envs = gymnasium.make_vec(
        "volition/CartPole-v0", num_envs=3, autoreset_mode="SameStep"
    )
    env = HostEnv(envs, discount=0.9)
    observation = env.reset(SEED)
    ends = 0
    for _ in range(60):
        step = env.step(np.zeros(3, dtype=int))
        over = step.terminated | step.truncated
        fallen = np.abs(step.next_observation[:, 2]) > 12 * np.pi / 180
        np.testing.assert_array_equal(fallen, step.terminated)
        assert (np.abs(step.observation[over]) <= 0.05).all()
        ends += int(over.sum())
        observation = step.observation
    assert ends > 3
    assert observation.shape == (3, 4)


def test_the_real_highway():
    env = host("highway-fast-v0", 2)
    assert env.observation_space == Box(-np.inf, np.inf, (5, 5))
    assert env.action_space == Discrete(5)
    assert env.reset(SEED).shape == (2, 5, 5)
    step = env.step([3, 1])
    assert (step.reward > 0.0).all()
    assert set(step.info["rewards"]) >= {"collision_reward", "high_speed_reward"}
    env.close()


def test_the_real_highway_with_a_reward_of_ours():
    names = ("collision_reward", "right_lane_reward", "high_speed_reward")
    weights = np.array([-7.0, 0.25, 2.0])

    def make():
        return RewardWrapper(
            gymnasium.make("highway-fast-v0"),
            reward.Linear(names, weights),
            features_fn=lambda own, info: [info["rewards"][name] for name in names],
        )

    env = host(make, 2)
    env.reset(SEED)
    for _ in range(4):
        step = env.step([0, 3])
        assert not step.terminated.any()
        told = np.stack([step.info["rewards"][name] for name in names], axis=1)
        np.testing.assert_allclose(step.reward, told @ weights)
        assert (step.reward != step.info["own_reward"]).all()
    env.close()


def test_a_reset_in_the_next_step_is_refused():
    with pytest.raises(ValueError, match="NEXT_STEP, not in the same step"):
        HostEnv(gymnasium.make_vec("CartPole-v1", 2, vectorization_mode="sync"))


def test_no_copies_are_refused():
    with pytest.raises(ValueError, match="n_envs = 0"):
        host("CartPole-v1", 0)
