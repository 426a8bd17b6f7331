"""Episodes and windows: what ends, what is cut off, and what is rest."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.worlds import random_policy, small_world
from volition.env import AbstractEnvironment, Box, Discrete, Feature, Transition
from volition.policy import Random, Tabular, episode, rollout, window
from volition.testing import check_env
from volition.value import state_distribution


class Clock(eqx.Module):
    """What a reward sees: how many steps were made, and whether it has rung."""

    time: Any
    rung: Any


class Alarm(AbstractEnvironment):
    """A clock that rings at a random time, or is taken away at the time limit."""

    chance: Any
    time_limit: Any
    discount: Any = 1.0

    def reset(self, key):
        return Clock(jnp.int32(0), jnp.asarray(False))

    def step(self, key, state, action):
        rings = jax.random.uniform(key) < self.chance
        now = Clock(state.time + 1, rings)
        return jax.tree.map(lambda a, b: jnp.where(state.rung, a, b), state, now)

    def observe(self, state):
        return state.time.astype(float)

    def terminated(self, state):
        return state.rung

    def truncated(self, state):
        return ~state.rung & (state.time >= self.time_limit)

    def transition(self, state, action, next_state):
        features = jnp.stack([jnp.ones(()), state.time.astype(float)])
        return Transition(state, action, next_state, features, next_state.rung)

    def scene(self, state):
        return state

    @property
    def action_space(self):
        return Discrete(2)

    @property
    def observation_space(self):
        return Box(0.0, 1e6)

    @property
    def feature_info(self):
        return (Feature("alive", "1", "always 1"), Feature("time", "1", "the time"))


NEVER = Alarm(chance=0.0, time_limit=7)
OFTEN = Alarm(chance=0.2, time_limit=1000)
MIXED = Alarm(chance=0.1, time_limit=7)


def numpied(segment):
    return jax.tree.map(np.asarray, segment)


@eqx.filter_jit
def play(env, keys, n_steps: int):
    return jax.vmap(lambda key: episode(key, env, Random(2), n_steps))(keys)


def episodes(seed: int, env):
    """Sixty of twelve steps: one program for every test."""
    keys = jax.random.split(jax.random.key(seed), 60)
    return numpied(play(jax.tree.map(jnp.asarray, env), keys, 12))


def windows(seed: int, env, length: int):
    """Four hundred of them, from episodes of twenty steps."""
    key = jax.random.key(seed)
    env = jax.tree.map(jnp.asarray, env)
    return numpied(
        rollout(key, env, Random(2), n_segments=400, length=length, n_steps=20)
    )


def test_the_alarm_is_a_world():
    check_env(MIXED)


@pytest.mark.parametrize("seed", [0, 1])
def test_behind_an_end_is_absorbing_rest(seed):
    seen = episodes(seed, OFTEN)
    told = seen.transition
    assert seen.present.all()
    assert 10 < told.terminated[:, -1].sum() < 60  # both kinds are seen
    for i in range(60):
        made = int(seen.weight[i].sum())
        assert seen.weight[i].tolist() == [1.0] * made + [0.0] * (12 - made)
        assert told.state.time[i].tolist() == [min(t, made) for t in range(12)]
        assert told.next_state.time[i].tolist() == [min(t + 1, made) for t in range(12)]
        rings = told.terminated[i, made - 1]
        assert rings == (made < 12 or told.terminated[i, -1])
        assert (told.terminated[i, made - 1 :] == rings).all()
        assert not told.terminated[i, : made - 1].any()
        # One feature is always 1, and still nothing is left behind the end.
        assert (told.features[i, made:] == 0.0).all()
        assert (told.features[i, :made, 0] == 1.0).all()


def test_behind_a_time_limit_is_padding():
    seen = episodes(0, NEVER)
    assert seen.weight.tolist() == [[1.0] * 7 + [0.0] * 5] * 60
    assert seen.present.tolist() == [[True] * 7 + [False] * 5] * 60
    assert not seen.transition.terminated.any()
    assert (seen.transition.next_state.time[:, -1] == 7).all()
    assert (seen.transition.features[:, 7:] == 0.0).all()


def test_start_end_and_ended_of_one_segment():
    seen = episodes(3, OFTEN)
    third = eqx.filter_jit(lambda one: window(one, jnp.int32(2), 3))
    for i in range(30):
        one = jax.tree.map(lambda leaf, at=i: leaf[at], seen)
        made = int(seen.weight[i].sum())
        assert one.length == 12
        assert int(one.start.time) == 0
        assert int(one.end.time) == made
        assert bool(one.ended) == bool(one.end.rung)
        cut = third(one)
        assert (int(cut.start.time), cut.length) == (min(2, made), 3)


@pytest.mark.parametrize("length", [4, 6])
@pytest.mark.parametrize("seed", [5])
def test_windows_never_cross_a_time_limit(seed, length):
    seen = windows(seed, NEVER, length)
    assert (seen.weight == 1.0).all()
    assert seen.present.all()
    starts = seen.transition.state.time[:, 0]
    # Every start that leaves a whole window, and all alike: four standard errors.
    n_starts = 7 - length + 1
    share = np.bincount(starts, minlength=n_starts) / 400
    assert len(share) == n_starts
    error = np.sqrt((1 - 1 / n_starts) / n_starts / 400)
    assert (np.abs(share - 1 / n_starts) <= 4 * error).all()


def test_an_episode_shorter_than_the_window_leaves_padding():
    seen = windows(5, NEVER, 10)
    assert seen.present.tolist() == [[True] * 7 + [False] * 3] * 400
    assert seen.weight.tolist() == [[1.0] * 7 + [0.0] * 3] * 400
    assert (seen.transition.state.time[:, 0] == 0).all()


@pytest.mark.parametrize("seed", [6])
def test_windows_of_mixed_episodes(seed):
    seen = windows(seed, MIXED, 4)
    told = seen.transition
    ended = told.terminated[:, -1]
    assert 100 < ended.sum() < 390
    # Nothing but time limits pads, and no episode here is shorter than the window
    # unless it rang.
    assert seen.present.all()
    assert (seen.weight[~ended] == 1.0).all()
    assert (seen.weight[:, 0] == 1.0).all()  # a window begins with a step
    made = seen.weight.sum(axis=1)
    assert set(made[ended]) == {1.0, 2.0, 3.0, 4.0}
    # Rest: the state stays, nothing is felt.
    rest = seen.weight == 0.0
    np.testing.assert_array_equal(told.state.time[rest], told.next_state.time[rest])
    assert told.state.rung[rest].all()
    assert (told.features[rest] == 0.0).all()
    assert told.terminated[rest].all()
    # In time: each step begins where the last one led.
    np.testing.assert_array_equal(told.state.time[:, 1:], told.next_state.time[:, :-1])


@pytest.mark.parametrize("start", [0, 3, 5])
def test_a_window_behind_the_record_of_an_ended_episode_is_rest(start):
    """The episode rings with the very last step of the record."""
    longer = jax.tree.map(lambda leaf: leaf[0, :6], episodes(0, NEVER))
    steps = np.arange(6, dtype=np.int32)
    longer = eqx.tree_at(
        lambda s: (
            s.transition.state,
            s.transition.next_state,
            s.transition.terminated,
        ),
        longer,
        (Clock(steps, steps < 0), Clock(steps + 1, steps == 5), steps == 5),
    )
    cut = numpied(jax.jit(window, static_argnums=2)(longer, jnp.int32(start), 5))
    inside = 6 - start
    n_made = min(inside, 5)
    assert cut.weight.tolist() == [1.0] * n_made + [0.0] * (5 - n_made)
    assert cut.present.all()
    assert cut.transition.state.time.tolist() == [min(start + t, 6) for t in range(5)]
    assert bool(cut.transition.terminated[-1]) == (start + 5 >= 6)
    assert (cut.transition.features[n_made:] == 0.0).all()
    assert cut.transition.state.rung.tolist() == [start + t >= 6 for t in range(5)]


def test_a_window_behind_the_record_of_an_open_episode_is_padding():
    whole = jax.tree.map(lambda leaf: leaf[0, :5], episodes(0, NEVER))
    cut = numpied(jax.jit(window, static_argnums=2)(whole, jnp.int32(3), 4))
    assert cut.weight.tolist() == [1.0, 1.0, 0.0, 0.0]
    assert cut.present.tolist() == [True, True, False, False]
    assert not cut.transition.terminated.any()


@pytest.mark.parametrize("seed", [8])
def test_the_same_key_gives_the_same_bits_alone_and_in_a_batch(seed):
    together = episodes(seed, MIXED)
    once = jax.jit(lambda key: episode(key, MIXED, Random(2), 12))
    for i, key in enumerate(jax.random.split(jax.random.key(seed), 60)[:5]):
        alone = once(key)
        pairs = zip(jax.tree.leaves(alone), jax.tree.leaves(together), strict=True)
        for a, b in pairs:
            np.testing.assert_array_equal(a, b[i])
    again = episodes(seed, MIXED)
    assert eqx.tree_equal(together, again)
    one, other = (windows(seed, MIXED, 4) for _ in range(2))
    assert eqx.tree_equal(one, other)
    assert not eqx.tree_equal(one, windows(seed + 1, MIXED, 4))


@eqx.filter_jit
def visits(keys, world, policy, n_steps: int):
    def one(key):
        told = episode(key, world, policy, n_steps).transition
        return told.state.index, told.next_state.index

    return jax.vmap(one)(keys)


@pytest.mark.parametrize("seed", [0, 1])
def test_states_are_visited_as_often_as_they_should_be(seed):
    """Shares over 4000 episodes, each within four standard errors of the exact one."""
    n, n_steps = 4000, 6
    world = small_world(seed, terminal=(2, 5))
    policy = random_policy(seed, 7, 3)
    keys = jax.random.split(jax.random.key(seed), n)

    seen = visits(keys, world, Tabular(jnp.asarray(policy)), n_steps)
    before, after = (np.asarray(visited) for visited in seen)
    exact = np.asarray(
        jax.jit(state_distribution)(world, jnp.asarray([policy] * n_steps))
    )
    for step in range(n_steps + 1):
        states = after[:, step - 1] if step else before[:, 0]
        share = np.bincount(states, minlength=7) / n
        error = np.sqrt(exact[step] * (1 - exact[step]) / n)
        assert (np.abs(share - exact[step]) <= 4 * error + 1e-12).all(), step
    np.testing.assert_array_equal(before[:, 1:], after[:, :-1])
