"""What is NaN or infinite stops every learner, with a sentence; and nothing else does.

Every learner, every kind of number, keys together and alone, on device and on the host.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import ArrayLike

from tests.contracts.test_deep_learners import dqn, pqn, sac
from tests.contracts.test_learners import LEARNERS
from volition import reward, value
from volition.env import CartPole, gridworld, host_env
from volition.evaluation import play
from volition.policy import (
    AbstractPolicy,
    Always,
    Random,
    episode,
    host_episodes,
    rollout,
)
from volition.testing import KnownAnswer
from volition.value import Adam, QLearning, Rollout, TileCoding, learn
from volition.value.tabular import learn as learn_table, sweep

DEEP = {"DQN": dqn, "PQN": pqn, "SAC": sac}
NAMES = KnownAnswer().feature_names
KEY = jax.random.key(0)
BAD = [np.nan, np.inf, -np.inf]
deep = pytest.mark.parametrize("make", DEEP.values(), ids=DEEP)
bad = pytest.mark.parametrize("value", BAD, ids=str)


class Sick(KnownAnswer):
    """Shows something else in place of the time, where that is beyond a share."""

    instead: ArrayLike = eqx.field(default=np.nan, kw_only=True)

    def observe(self, state):
        seen = super().observe(state)
        return seen.at[1].set(jnp.where(seen[1] > 0.5, self.instead, seen[1]))


def paying(instead):
    """Something else than the sum of features, in the last step of an episode."""

    def paid(transition):
        last = transition.terminated
        return jnp.where(last, instead, jnp.sum(transition.features))

    return OfStep(paid)


class OfStep(reward.AbstractReward):
    """By any function of a step."""

    fn: Callable[[Any], Any] = eqx.field(static=True)

    def __call__(self, transition):
        return self.fn(transition)

    @property
    def feature_names(self):
        return ()


@deep
@bad
def test_an_observation_stops_a_deep_learner(make, value):
    world = Sick(4, continuous=make is sac, instead=value)
    # Time 3/4 is what the third step leads to.
    what = r"the observation in instance 0 of Sick at its step 3 is NaN or"
    with pytest.raises(ValueError, match=what):
        learn(KEY, world, reward.Linear(NAMES), make(256, 2))


def test_the_key_is_named():
    with pytest.raises(ValueError, match="its step 3 with key 0 of 2 is NaN"):
        learn(jax.random.split(KEY), Sick(4), reward.Linear(NAMES), pqn(256))


@deep
@bad
def test_a_reward_stops_a_deep_learner(make, value):
    world = KnownAnswer(3, continuous=make is sac)
    what = "the reward in instance 0 of KnownAnswer at its step 3 is NaN or infinite"
    with pytest.raises(ValueError, match=what):
        learn(KEY, world, paying(value), make(256, 2))


@deep
def test_the_task_is_named(make):
    kind = {"continuous": make is sac}
    tasks = tuple(Sick(4, instead=shown, **kind) for shown in (0.0, np.nan))
    with pytest.raises(ValueError, match=r"instance 1 of Sick, task 1 at its step 3"):
        learn(KEY, tasks, reward.Linear(NAMES), make(256))


@deep
def test_weights_are_refused_at_the_start(make):
    world = KnownAnswer(2, continuous=make is sac)
    for wrong in BAD:
        weights = np.ones(len(NAMES))
        weights[1] = wrong
        with pytest.raises(ValueError, match=rf"reward Linear has {wrong} for wei"):
            learn(KEY, world, reward.Linear(NAMES, weights), make(64))


@deep
def test_a_learner_that_diverges_says_so(make):
    method = eqx.tree_at(lambda one: one.optimiser, make(512, 2), Adam(1e30))
    world = KnownAnswer(2, continuous=make is sac)
    with pytest.raises(ValueError, match=r"diverged: values or weights are NaN"):
        learn(KEY, world, reward.Linear(NAMES, np.ones(len(NAMES))), method)


@pytest.mark.parametrize("kind", LEARNERS.values(), ids=LEARNERS)
def test_a_reward_stops_a_tabular_learner(kind):
    """In the first stretch that it is in, and at the step that it is."""
    world = gridworld(["S.G"], discount=0.9)
    method = kind(400, exploration=0.5, n_stretches=4)
    seen = learn_table(
        KEY, world, paying(1.0), method, watch=lambda q, seen: seen.terminated
    )
    step = int(np.argmax(seen.watched)) + 1
    what = f"the reward in FiniteMDP at step {step} is NaN or infinite"
    with pytest.raises(ValueError, match=what):
        learn(KEY, world, paying(np.nan), method)


@bad
def test_a_reward_stops_q_learning(value):
    world, method = gridworld(["S.G"], discount=0.9), QLearning(400, n_stretches=4)
    with pytest.raises(ValueError, match=r"with key \d of 2 is NaN"):
        learn(jax.random.split(KEY), world, paying(value), method)
    table = reward.Tabular(np.array([0.0, 0.0, value]))
    with pytest.raises(ValueError, match=f"has {value} for"):
        learn(KEY, world, table, method)


def test_tiles_over_what_is_not_finite():
    coding = TileCoding((-1.0, 0.0), (1.0, 1.0), 2, 2)
    method = QLearning(200, n_stretches=2)
    what = r"the observation in Sick at step 3 is NaN"
    with pytest.raises(ValueError, match=what):
        learn_table(KEY, Sick(4), reward.Linear(NAMES), method, coding=coding)


def test_settings_together_name_the_one():
    world = gridworld(["S.G"], discount=0.9)
    methods = jax.vmap(lambda size: QLearning(200, step_size=size, exploration=0.9))(
        jnp.array([0.1, 0.5])
    )
    with pytest.raises(ValueError, match="setting 0, key 0: the reward in FiniteMDP"):
        sweep(jax.random.split(KEY), world, paying(np.nan), methods)


def test_values_that_diverge_are_said():
    """Discounts above 1 are refused, so that rewards alone can lead out of range."""
    world = gridworld(["S.."], discount=1.0, time_limit=50)
    huge = float(np.finfo(np.result_type(float)).max) / 4
    method = QLearning(400, step_size=1.0, n_stretches=2)
    with pytest.raises(ValueError, match=r"too large|diverged"):
        learn(KEY, world, OfStep(lambda step: jnp.asarray(huge)), method)


def test_under_a_trace_nothing_is_raised_and_it_is_told():
    world, method = (
        gridworld(["S.G"], discount=0.9),
        QLearning(200, exploration=0.9, n_stretches=2),
    )
    found = jax.jit(lambda key: learn_table(key, world, paying(np.nan), method))(KEY)
    assert not found.finite.all()


class Host(gymnasium.Env):
    """Pays or shows something else at some step of the first episode, or for ever."""

    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)

    def __init__(self, what="", instead=np.nan, at=7, length=20, continuous=False):
        self.what, self.instead, self.at, self.length = what, instead, at, length
        self.action_space = gymnasium.spaces.Discrete(2)
        if continuous:
            self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def seen(self):
        shown = np.zeros(2, dtype=np.float32)
        if self.what == "observation" and self.time == self.at:
            shown[1] = self.instead
        return shown

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        return self.seen(), {}

    def step(self, action):
        self.time += 1
        paid = 1.0
        if self.what == "reward" and self.time == self.at:
            paid = self.instead
        return self.seen(), paid, self.time == self.length, False, {}


def on_host(make=None, n_envs=16, **settings):
    return host_env(lambda: Host(continuous=make is sac, **settings), n_envs)


@deep
@bad
@pytest.mark.parametrize("what", ["observation", "reward"])
def test_it_stops_a_learner_on_the_host(make, value, what):
    own = reward.Linear(("reward",), [1.0])
    said = rf"the {what} in copy 0 of Host at .*step 7[ ,].*NaN or infinite"
    with pytest.raises(ValueError, match=said):
        learn(KEY, on_host(make, what=what, instead=value), own, make(512))


def test_a_reward_that_nothing_reads_stops_nothing():
    world = on_host(what="reward")
    found = learn(KEY, world, OfStep(lambda step: jnp.sum(step.state)), dqn(128))
    assert np.isfinite(
        found.curve.mean_return[~np.isnan(found.curve.mean_return)]
    ).all()


@bad
def test_episodes_on_the_host(value):
    play_host = lambda env, **more: host_episodes(
        KEY, env, Random(2), n_episodes=3, seed=0, **more
    )
    for what in ("observation", "reward"):
        with pytest.raises(
            ValueError, match=rf"the {what} in copy 0 of Host at step 7"
        ):
            play_host(on_host(n_envs=2, what=what, instead=value))
    with pytest.raises(ValueError, match="the measured number in copy 0 of Host"):
        play_host(on_host(n_envs=2), measure_fn=lambda step: np.full(2, value))


class Act(AbstractPolicy):
    """One number, whatever is seen."""

    number: float = eqx.field(static=True)

    def __call__(self, key, observation):
        return jnp.full(1, self.number)


@bad
def test_an_action_that_is_none(value):
    env = on_host(sac, 2)
    with pytest.raises(ValueError, match="the action for copy 0 of Host at step 1"):
        host_episodes(KEY, env, Act(value), n_episodes=1, seed=0)
    world = KnownAnswer(3, continuous=True)
    with pytest.raises(ValueError, match="the action at step 1 of episode 0 in Known"):
        rollout(KEY, world, Act(value), n_segments=3, length=2)


def test_an_endless_task_is_left_and_that_is_said():
    env = on_host(n_envs=2, length=np.inf, at=0)
    with pytest.warns(
        UserWarning, match="3 of 3 episodes of Host did not end within 50"
    ):
        seen = host_episodes(KEY, env, Random(2), n_episodes=3, seed=0, time_limit=50)
    assert seen.lengths.tolist() == [50, 50, 50]
    assert seen.cut.all()
    assert seen.n_cut == 3
    assert not seen.terminated.any()


def test_an_episode_that_ends_in_the_last_step_is_not_left():
    env = on_host(n_envs=2, length=20)
    seen = host_episodes(KEY, env, Random(2), n_episodes=3, seed=0, time_limit=20)
    assert seen.terminated.all()
    assert not seen.cut.any()
    with pytest.raises(ValueError, match="time_limit = 0"):
        host_episodes(KEY, env, Random(2), n_episodes=3, seed=0, time_limit=0)


def test_one_copy_is_left_while_the_others_go_on():
    """Copies of different lengths: 5, and without end."""
    made = iter([Host(length=5), Host(length=np.inf, at=0)])
    env = host_env(lambda: next(made), 2)
    with pytest.warns(UserWarning, match="2 of 4 episodes"):
        seen = host_episodes(KEY, env, Random(2), n_episodes=4, seed=0, time_limit=12)
    assert seen.lengths.tolist() == [5, 5, 12, 12]
    assert seen.cut.tolist() == [False, False, True, True]


@bad
def test_segments_and_episodes_of_our_worlds(value):
    sick = Sick(4, instead=value)
    what = "the observation at step 3"
    with pytest.raises(ValueError, match=what):
        episode(KEY, sick, Always(1), 4)
    with pytest.raises(ValueError, match="the observation at step"):
        rollout(KEY, sick, Always(1), n_segments=20, length=2)
    zero = reward.Linear(NAMES)
    with pytest.raises(ValueError, match=what + " of episode 0 in Sick"):
        play(KEY, sick, Always(1), zero, n_episodes=2, n_steps=4)
    world = KnownAnswer(3)
    with pytest.raises(ValueError, match="the reward at step 3 of episode 0 in Known"):
        play(KEY, world, Always(1), paying(value), n_episodes=2, n_steps=4)
    wrong = reward.Linear(NAMES, np.full(len(NAMES), value))
    with pytest.raises(ValueError, match=f"reward Linear has {value}"):
        play(KEY, world, Always(1), wrong, n_episodes=2, n_steps=4)


def test_what_is_finite_passes():
    seen = rollout(KEY, CartPole(), Random(2), n_segments=4, length=5)
    assert np.isfinite(seen.transition.features).all()
    assert value.PQN(64, rollout=Rollout(4, 4)).n_steps == 64
