"""The ring: what it keeps, what it hands out, and rewards that change."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.reward import Linear
from volition.testing import KnownAnswer
from volition.value import DQN, PQN, SAC, Replay, Rollout, learn, relabel
from volition.value.deep.world import world

N_ENVS, LENGTH = 3, 2
NAMES = KnownAnswer().feature_names


def filled(n_rollouts, capacity=12):
    """Steps whose reward is their number, of instance i plus 100 i."""
    instances = world(KnownAnswer(4), Linear(NAMES), N_ENVS)
    where = instances.reset(jax.random.key(0))
    keys = jax.random.split(jax.random.key(1), (N_ENVS, 2))
    example, _ = instances.step(keys, where, jnp.zeros(N_ENVS, dtype=jnp.int32))
    replay = Replay(capacity, 2, warm_up=4)
    ring = replay.begin(example, Rollout(N_ENVS, LENGTH))
    for number in range(n_rollouts):
        times = number * LENGTH + np.arange(LENGTH)
        reward = jnp.asarray(times[:, None] + 100 * np.arange(N_ENVS), jnp.float32)
        rows = jax.tree.map(
            lambda leaf: jnp.broadcast_to(leaf, (LENGTH, *leaf.shape)), example
        )
        ring = ring.add(eqx.tree_at(lambda seen: seen.reward, rows, reward))
    return replay, ring


def test_it_keeps_the_newest_and_hands_out_stretches_of_one_instance():
    _, ring = filled(5)  # 12 steps in 4 slots: of times 0 to 9 it keeps 6 to 9
    share = jax.random.uniform(jax.random.key(2), (500, 2), jnp.float32)
    rewards = np.asarray(ring.windows(share, 3).reward)
    found = {tuple(row) for row in rewards.astype(int).tolist()}
    assert found == {
        tuple(start + 100 * env + np.arange(3)) for start in (6, 7) for env in range(3)
    }
    # All alike: 500 draws of 6, within 4 standard errors.
    counts = np.unique(rewards[:, 0], return_counts=True)[1]
    assert (np.abs(counts - 500 / 6) < 4 * np.sqrt(500 * 5 / 36)).all()


def test_before_it_is_full_only_what_was_seen_comes_out():
    replay, ring = filled(1)
    assert bool(replay.ready(ring))
    share = jnp.asarray([[0.0, 0.0], [0.999999, 0.999999]], jnp.float32)
    assert ring.windows(share, 1).reward.ravel().tolist() == [0.0, 201.0]
    assert ring.windows(share, 2).reward.tolist() == [[0.0, 1.0], [200.0, 201.0]]
    assert not bool(replay.ready(filled(0)[1]))


@pytest.mark.parametrize("kind", [DQN, SAC])
def test_relabelled_rewards_are_those_of_the_new_reward(kind):
    env = KnownAnswer(3, continuous=kind is SAC)
    old = Linear(NAMES, [1.0, 0.5, 2.0, 0.0, 0.0, 0.0])
    new = Linear(NAMES, [0.0, -1.0, 3.0, 1.0, 0.0, 0.2])
    method = kind(
        480, rollout=Rollout(4, 3), replay=Replay(240, 16, warm_up=60), n_stretches=1
    )
    keys = jax.random.split(jax.random.key(3), 2)
    for key in (keys[0], keys):  # one seed, and several
        stand = learn(key, env, old, method).stand
        seen = relabel(stand, new).memory.ring.seen
        features = np.asarray(seen.transition.features)
        np.testing.assert_allclose(seen.reward, features @ new.weights, rtol=1e-5)
        before = stand.memory.ring.seen
        np.testing.assert_allclose(before.reward, features @ old.weights, rtol=1e-5)
        assert np.ptp(seen.reward) > 1.0
        after = relabel(relabel(stand, new), old)
        np.testing.assert_allclose(after.memory.ring.seen.reward, before.reward)


def test_a_learner_without_replay_stays_as_it_is():
    method = PQN(128, rollout=Rollout(4, 4), n_stretches=1)
    stand = learn(jax.random.key(0), KnownAnswer(2), Linear(NAMES), method).stand
    assert eqx.tree_equal(relabel(stand, Linear(NAMES, np.ones(6))), stand)


def test_a_changed_reward_is_learned_from_old_steps():
    """Nothing new is seen of the good action once the old reward has shut it out."""
    env = KnownAnswer(1)
    method = DQN(
        2048,
        rollout=Rollout(16, 4),
        replay=Replay(8192, 64, n_updates=8, warm_up=128, target_rate=0.1),
        exploration=0.0,
        n_stretches=2,
    )
    key, up = jax.random.key(4), np.eye(6)[3]
    first = learn(key, env, Linear(NAMES, up), method)
    observation = jnp.array([1.0, 0.0])
    assert int(first.policy(key, observation)) == 1
    stand = relabel(first.stand, Linear(NAMES, -up))
    then = learn(key, env, Linear(NAMES, -up), method, after=stand)
    assert int(then.policy(key, observation)) == 0


def test_settings_that_never_learn_are_refused():
    with pytest.raises(ValueError, match="no update would ever be made"):
        Replay(100, warm_up=200)
    with pytest.raises(ValueError, match="at least 1"):
        Replay(100, 0)
    with pytest.raises(ValueError, match="n_ahead = 2"):
        SAC(replay=Replay(n_ahead=2))
    with pytest.raises(ValueError, match="at least one instance"):
        Rollout(0, 4)
