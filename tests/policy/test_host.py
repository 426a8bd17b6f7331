"""Episodes on the host, against a loop over single environments."""

import equinox as eqx
import gymnasium
import highway_env  # noqa: F401 - registers the real highway
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env import host
from volition.policy import AbstractPolicy, Random, host_episodes

SEED = 4


class Lean(AbstractPolicy):
    """Push to where the pole leans."""

    def __call__(self, key, observation):
        del key
        return (observation[2] > 0).astype(jnp.int32)


@pytest.mark.parametrize("n_episodes, shares", [(1, (1, 0)), (5, (3, 2)), (6, (3, 3))])
def test_they_are_the_episodes_of_each_copy(n_episodes, shares):
    env = host("CartPole-v1", 2)
    seen = host_episodes(
        jax.random.key(SEED), env, Lean(), n_episodes=n_episodes, seed=SEED
    )
    expected = []
    for copy, share in enumerate(shares):
        one, seed = gymnasium.make("CartPole-v1"), SEED + copy
        for _ in range(share):
            observation, _ = one.reset(seed=seed)
            seed, length, over = None, 0, False
            while not over:
                observation, _, over, cut, _ = one.step(int(observation[2] > 0))
                over, length = over or cut, length + 1
            expected.append(length)
    assert len(set(expected)) == len(expected) or n_episodes > 1
    assert seen.lengths.tolist() == expected
    assert seen.returns.tolist() == expected
    assert seen.terminated.all()
    assert len(seen.infos) == n_episodes


def test_the_policy_is_compiled_once_and_the_key_decides():
    traces = []

    class Coin(AbstractPolicy):
        n: int = eqx.field(static=True, default=2)

        def __call__(self, key, observation):
            traces.append(0)
            return jax.random.randint(key, (), 0, self.n)

    env, play = host("CartPole-v1", 3), []
    for seed in (0, 0, 1):
        key = jax.random.key(seed)
        play.append(host_episodes(key, env, Coin(), n_episodes=4, seed=SEED).lengths)
    assert len(traces) == 1
    assert play[0].tolist() == play[1].tolist() != play[2].tolist()


def test_a_time_limit_is_no_outcome():
    env = host(lambda: gymnasium.make("CartPole-v1", max_episode_steps=5), 2)
    seen = host_episodes(jax.random.key(0), env, Lean(), n_episodes=3, seed=SEED)
    assert seen.lengths.tolist() == [5, 5, 5]
    assert not seen.terminated.any()


def test_the_real_highway():
    """A collision ends an episode there, 30 seconds truncate it."""
    env = host("highway-fast-v0", 2)
    seen = host_episodes(jax.random.key(0), env, Random(5), n_episodes=4, seed=SEED)
    crashed = [bool(info["crashed"]) for info in seen.infos]
    assert crashed == seen.terminated.tolist()
    assert (seen.lengths[~seen.terminated] == 30).all()
    assert (seen.lengths[seen.terminated] <= 30).all()
    assert (seen.returns > 0.0).all()
    assert (seen.returns <= seen.lengths).all()
    assert all(0.0 < info["speed"] <= 40.0 for info in seen.infos)
    assert np.isfinite(seen.returns).all()
    env.close()


def test_no_episodes_are_refused():
    env = host("CartPole-v1", 1)
    with pytest.raises(ValueError, match="n_episodes = 0"):
        host_episodes(jax.random.key(0), env, Random(2), n_episodes=0, seed=0)
