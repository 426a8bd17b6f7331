"""Demonstrations from a data set of Minari's, made here."""

import warnings

import gymnasium
import jax
import numpy as np
import pytest

from volition.env import host_env
from volition.inference.imitation import Passes, behaviour_cloning
from volition.policy import host_episodes
from volition.store import InputError, read_minari

WHY = "{} is not installed: pip install 'volition[minari]' to test reading its files."
minari = pytest.importorskip("minari", reason=WHY.format("minari"))
h5py = pytest.importorskip("h5py", reason=WHY.format("h5py"))
buffers_of = pytest.importorskip("minari.data_collector.episode_buffer")


def leaning(seen):
    position, velocity, angle, turning = seen
    return int(angle + 0.3 * turning + 0.05 * position + 0.1 * velocity > 0)


def episode_of(seen, actions, rewards, terminated, truncated):
    return buffers_of.EpisodeBuffer(
        observations=seen,
        actions=actions,
        rewards=rewards,
        terminations=terminated,
        truncations=truncated,
    )


def recorded(n_episodes, n_steps, act=leaning):
    """Episodes of a pole, as Gymnasium plays them."""
    env, found = gymnasium.make("CartPole-v1"), []
    for number in range(n_episodes):
        seen, _ = env.reset(seed=number)
        rows, actions, rewards, ends = [seen], [], [], []
        while len(actions) < n_steps and not (ends and ends[-1]):
            action = act(seen)
            seen, paid, over, _, _ = env.step(action)
            rows.append(seen)
            actions.append(np.int64(action))
            rewards.append(paid)
            ends.append(over)
        cut = [False] * (len(ends) - 1) + [not ends[-1]]
        found.append(episode_of(rows, actions, rewards, ends, cut))
    return found


def made(tmp_path, monkeypatch, buffers, name="pole/hand-v0", **spaces):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    env = {} if spaces else {"env": "CartPole-v1"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of an author and a link left out
        minari.create_dataset_from_buffers(name, buffers, **env, **spaces)
    return tmp_path / name


def test_what_was_recorded_is_read(tmp_path, monkeypatch):
    buffers = recorded(3, 20, act=lambda seen: 1)  # which falls soon
    folder = made(tmp_path, monkeypatch, [*buffers, *recorded(1, 7)])
    world, told = read_minari(folder, discount=0.9)
    assert world.action_space.n == 2
    assert world.observation_space.shape == (4,)
    assert world.discount == pytest.approx(0.9)
    n_steps = [len(one.actions) for one in buffers]
    longest = max(n_steps)
    assert np.asarray(told.weight).sum(axis=1).tolist() == [*n_steps, 7]
    assert np.asarray(told.transition.terminated)[:, -1].tolist() == [True] * 3 + [
        False
    ]
    # An end is absorbing, a cut is padding.
    assert np.asarray(told.present).sum(axis=1).tolist() == [longest] * 3 + [7]
    for row, one in enumerate(buffers):
        n = len(one.actions)
        seen = np.asarray(told.transition.state.observation)[row, :n]
        after = np.asarray(told.transition.next_state.observation)[row, :n]
        np.testing.assert_array_equal(seen, one.observations[:-1])
        np.testing.assert_array_equal(after, one.observations[1:])
        assert np.asarray(told.transition.features)[row, :n, 0].tolist() == one.rewards
        assert not np.asarray(told.transition.features)[row, n:].any()
    assert read_minari(folder / "data", n_episodes=2)[1].weight.shape[0] == 2


@pytest.mark.slow
def test_a_clone_of_it_acts_in_the_environment(tmp_path, monkeypatch):
    world, told = read_minari(made(tmp_path, monkeypatch, recorded(10, 200)))
    cloned = behaviour_cloning(
        jax.random.key(0), world, told, passes=Passes(60)
    ).policy.greedy
    played = host_episodes(
        jax.random.key(1), host_env("CartPole-v1", 4), cloned, n_episodes=8, seed=100
    )
    # Random actions come to about 20 steps.
    assert played.returns.mean() > 150


def test_what_is_no_such_data_set_is_refused(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="there is no metadata"):
        read_minari(tmp_path)
    folder = made(tmp_path, monkeypatch, recorded(1, 3))
    with pytest.raises(InputError, match="n_episodes = 0 is at least 1"):
        read_minari(folder, n_episodes=0)
    (folder / "data" / "metadata.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        read_minari(folder)


@pytest.mark.parametrize(
    ("where", "value", "match"),
    [
        ("observations", np.nan, "episode 0 has observations that are not finite"),
        ("rewards", np.inf, "episode 0 has rewards that are not finite"),
        ("actions", 2, "episode 0 has an action that is none of 0 to 1"),
        ("terminations", True, "episode 0 goes on behind its end in step 1"),
    ],
)
def test_an_episode_that_is_not_whole_is_refused(
    tmp_path, monkeypatch, where, value, match
):
    folder = made(tmp_path, monkeypatch, recorded(1, 4))
    with h5py.File(folder / "data" / "main_data.hdf5", "r+") as file:
        file["episode_0"][where][1] = value
    with pytest.raises(InputError, match=match):
        read_minari(folder)


def test_images_are_refused(tmp_path, monkeypatch):
    image = np.zeros((2, 2, 3), dtype=np.uint8)
    ends = [False, True]
    buffer = episode_of([image] * 3, [0, 1], [0.0, 0.0], ends, [False, False])
    folder = made(
        tmp_path,
        monkeypatch,
        [buffer],
        observation_space=gymnasium.spaces.Box(0, 255, (2, 2, 3), np.uint8),
        action_space=gymnasium.spaces.Discrete(2),
    )
    with pytest.raises(InputError, match="neither Discrete from 0 on nor a Box"):
        read_minari(folder)
