"""Our worlds as Gymnasium's: its own checks, our stepping, its vector environments."""

import re
from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.utils import seeding
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from volition import reward
from volition.env import (
    Box,
    CartPole,
    Discrete,
    Highway,
    MaximizationBias,
    MountainCar,
    Pendulum,
    gridworld,
)
from volition.env.gym import (
    GymEnv,
    GymVectorEnv,
    RewardWrapper,
    our_space,
    their_space,
)
from volition.gymnasium_ids import IDS

SEED = 5
# Observations and actions, discrete and real; ends by outcome and time limit; chance.
PAIRS = {
    "CartPole": (lambda: CartPole(time_limit=15), reward.cartpole),
    "Pendulum": (lambda: Pendulum(time_limit=7), reward.pendulum),
    "MaximizationBias": (lambda: MaximizationBias(4), reward.maximization_bias),
    "gridworld": (
        lambda: gridworld(["S..", "..G"], slip=0.3, time_limit=9),
        lambda: reward.Linear(("step", "goal", "pit"), [-0.1, 1.0, -1.0]),
    ),
}
# What Gymnasium's checker says of its own worlds as well: it would have bounds on every
# entry of an observation, and actions in [-1, 1].
ADVICE = {
    "CartPole-v0": "A Box observation space m(in|ax)imum value is -?infinity",
    "Pendulum-v0": "For Box action spaces, we recommend using a symmetric",
}


@pytest.mark.parametrize("name", IDS)
def test_gymnasiums_checker_has_nothing_to_say(name, recwarn):
    env = gymnasium.make(f"volition/{name}")
    with pytest.MonkeyPatch.context() as patch:
        said = []
        patch.setattr(gymnasium.logger, "warn", lambda text, *_: said.append(text))
        check_env(env.unwrapped)
    env.close()
    assert len(recwarn) == 0
    if name in ADVICE:
        theirs = [text for text in said if re.search(ADVICE[name], text)]
        assert theirs == said != []
    else:
        assert said == []


@pytest.mark.parametrize("name", PAIRS)
def test_it_equals_our_own_stepping(name):
    world, paid = PAIRS[name][0](), PAIRS[name][1]()
    env = GymEnv(world, paid)
    env.action_space.seed(SEED)
    first, second = seeding.np_random(SEED)[0].integers(0, 2**32, 2, dtype=np.uint32)
    key = jax.random.fold_in(jax.random.key(first), second)

    @jax.jit
    def step(key, state, action):
        after = world.step(key, state, action)
        told = world.transition(state, action, after)
        ends = world.terminated(after), world.truncated(after)
        return after, world.observe(after), paid(told), *ends, told.features

    reset = jax.jit(lambda key: world.reset(key))
    observe = jax.jit(lambda state: world.observe(state))
    seed, ends = SEED, set()
    for _ in range(6):
        shown, info = env.reset(seed=seed)
        assert info == {}
        seed = None
        key, reset_key = jax.random.split(key)
        state = reset(reset_key)
        np.testing.assert_array_equal(shown, np.float32(observe(state)))
        terminated = truncated = False
        while not (terminated or truncated):
            action = env.action_space.sample()
            key, step_key = jax.random.split(key)
            as_ours = np.asarray(action)
            as_ours = as_ours.astype(np.int32 if as_ours.dtype.kind == "i" else float)
            state, *expected, features = step(step_key, state, as_ours)
            shown, pays, terminated, truncated, info = env.step(action)
            assert shown in env.observation_space
            np.testing.assert_array_equal(shown, np.float32(expected[0]))
            assert pays == float(expected[1])
            assert (terminated, truncated) == tuple(map(bool, expected[2:]))
            told = dict(zip(world.feature_names, features.tolist(), strict=True))
            assert info == {"features": told}
        ends.add("terminated" if terminated else "truncated")
    assert ends == {
        "CartPole": {"terminated", "truncated"},
        "Pendulum": {"truncated"},
        "gridworld": {"terminated", "truncated"},
    }.get(name, {"terminated"})


def assert_same(ours, theirs):
    if isinstance(theirs, dict):
        assert sorted(ours) == sorted(theirs)
        for name in theirs:
            assert_same(ours[name], theirs[name])
    elif theirs.dtype == object:
        for one, other in zip(ours, theirs, strict=True):
            assert (one is None) == (other is None)
            if other is not None:
                assert_same(np.asarray(one), np.asarray(other))
    else:
        # A batch may round in another order.
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-12)
        assert ours.dtype == theirs.dtype


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
@pytest.mark.parametrize("name", PAIRS)
def test_copies_are_gymnasiums_vector_of_single_ones(name, mode):
    world, paid = PAIRS[name][0](), PAIRS[name][1]()
    singles = [lambda: GymEnv(world, paid)] * 3
    theirs = SyncVectorEnv(singles, autoreset_mode=mode)
    ours = GymVectorEnv(world, paid, num_envs=3, autoreset_mode=mode)
    assert ours.metadata["autoreset_mode"] is mode
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    theirs.action_space.seed(SEED)
    ends = 0
    for seed in (SEED, None, [3, 8, 4]):
        for got, expected in zip(
            ours.reset(seed=seed), theirs.reset(seed=seed), strict=True
        ):
            assert_same(got, expected)
        for _ in range(25):
            actions = theirs.action_space.sample()
            got, expected = ours.step(actions), theirs.step(actions)
            for one, other in zip(got, expected, strict=True):
                assert_same(one, other)
            assert got[0] in ours.observation_space
            ends += int((got[2] | got[3]).sum())
    assert ends > 0


def test_what_is_handed_out_can_be_kept_and_written_to():
    envs = GymVectorEnv(CartPole(), reward.cartpole(), num_envs=2)
    first, _ = envs.reset(seed=SEED)
    before = first.copy()
    second = envs.step(np.array([0, 1]))[0]
    np.testing.assert_array_equal(first, before)
    second[:] = 0.0
    assert (envs.step(np.array([0, 1]))[0] != 0.0).any()


def test_stepping_before_a_reset_is_refused():
    with pytest.raises(gymnasium.error.ResetNeeded):
        GymEnv(CartPole(), reward.cartpole()).step(0)
    with pytest.raises(gymnasium.error.ResetNeeded):
        GymVectorEnv(CartPole(), reward.cartpole(), num_envs=1).step(np.array([0]))


@pytest.mark.parametrize(
    "action, sentence",
    [
        (5, "the action 5 is not in 0 .. 4"),
        (-1, "the action -1 is not in 0 .. 4"),
        (float("nan"), "give the shape \\(\\) of Discrete"),
        ([0], "has the shape \\(1,\\)"),
    ],
)
def test_words_that_are_no_action_are_refused(action, sentence):
    worlds = Highway(2, 2), reward.HighwayReward()
    env = GymEnv(*worlds)
    env.reset(seed=SEED)
    with pytest.raises(ValueError, match=sentence):
        env.step(action)


def test_of_several_actions_each_must_be_one():
    envs = GymVectorEnv(Highway(2, 2), reward.HighwayReward(), num_envs=2)
    envs.reset(seed=SEED)
    with pytest.raises(ValueError, match=r"is not in 0 \.\. 4"):
        envs.step(np.array([0, 5]))
    with pytest.raises(ValueError, match=r"give the shape \(2,\)"):
        envs.step(np.array([0, 1, 1]))


@pytest.mark.parametrize(
    "action, sentence",
    [
        ([0.0, float("nan")], "is not finite"),
        ([float("inf"), 0.0], "is not finite"),
        ([0.0, 0.0, 0.0], "give the shape \\(2,\\) of Box"),
    ],
)
def test_pedals_that_cannot_be_are_refused(action, sentence):
    env = GymEnv(Highway(2, 2, continuous=True), reward.HighwayReward())
    env.reset(seed=SEED)
    with pytest.raises(ValueError, match=sentence):
        env.step(action)


def test_wrong_vectors_are_refused():
    world, paid = CartPole(), reward.cartpole()
    with pytest.raises(ValueError, match="choose NEXT_STEP or SAME_STEP"):
        GymVectorEnv(world, paid, num_envs=2, autoreset_mode=AutoresetMode.DISABLED)
    with pytest.raises(ValueError, match="num_envs = 0"):
        GymVectorEnv(world, paid, num_envs=0)
    with pytest.raises(ValueError, match="2 copies need as many seeds"):
        GymVectorEnv(world, paid, num_envs=2).reset(seed=[1])


def test_worlds_of_a_kind_compile_once():
    traces = []

    def paid(told):
        traces.append(0)
        return told.features[0]

    for gravity in (3.0, 9.8):
        env = GymEnv(CartPole(gravity=gravity), paid)
        env.reset(seed=SEED)
        env.step(0)
        env.step(1)
    assert len(traces) == 1


@pytest.mark.parametrize(
    "space",
    [
        Discrete(4),
        Box(-2.0, 3.0),
        Box(-np.inf, np.inf, (5, 2)),
        Box((-1.0, 0.0), (0.5, 2.0), (2,)),
        Box(np.arange(6.0), np.arange(6.0) + 1.0, (2, 3)),
    ],
    ids=str,
)
def test_spaces_there_and_back(space):
    theirs = their_space(space)
    assert our_space(theirs) == space
    theirs.seed(SEED)
    sample = jnp.asarray(theirs.sample())
    assert bool(space.contains(sample))
    ours = space.sample(jax.random.key(SEED))
    assert np.asarray(ours, theirs.dtype) in theirs


@pytest.mark.parametrize(
    "space",
    [
        gymnasium.spaces.Discrete(3, start=1),
        gymnasium.spaces.Box(0, 255, (2, 2), np.uint8),
        gymnasium.spaces.MultiBinary(3),
        gymnasium.spaces.Dict({"a": gymnasium.spaces.Discrete(2)}),
    ],
    ids=str,
)
def test_other_spaces_are_refused(space):
    with pytest.raises(ValueError, match="neither Discrete from 0 on nor a Box"):
        our_space(space)


def test_a_reward_of_ours_in_gymnasiums_world():
    plain, env = gymnasium.make("Pendulum-v1"), gymnasium.make("Pendulum-v1")
    env = RewardWrapper(env, reward.Function(lambda s, a, n: n[0] - s[0] + a[0]))
    before: Any = plain.reset(seed=SEED)[0]
    np.testing.assert_array_equal(env.reset(seed=SEED)[0], before)
    env.action_space.seed(SEED)
    for _ in range(20):
        action: Any = env.action_space.sample()
        seen, own, *ends, info = plain.step(action)
        got, pays, *our_ends, our_info = env.step(action)
        np.testing.assert_array_equal(got, seen)
        expected = float(seen[0]) - float(before[0]) + float(action[0])
        assert pays == pytest.approx(expected, abs=1e-6)
        assert our_ends == ends
        assert our_info == {**info, "own_reward": float(own)}
        before = seen


def test_a_learned_reward_reads_features_that_an_environment_tells():
    names = gridworld(["S.G"]).feature_names
    world = GymEnv(gridworld(["S.G"], slip=0.3), reward.Linear(names))
    paid = reward.Linear(names, np.arange(1.0, 1.0 + len(names)))
    env = RewardWrapper(
        world, paid, features_fn=lambda own, info: list(info["features"].values())
    )
    env.reset(seed=SEED)
    env.action_space.seed(SEED)
    paying = 0
    for _ in range(10):
        _, pays, terminated, truncated, info = env.step(env.action_space.sample())
        features = np.array([info["features"][name] for name in names])
        assert pays == pytest.approx(float(features @ np.arange(1.0, 1.0 + len(names))))
        paying += pays != 0.0
        if terminated or truncated:
            env.reset()
    assert paying > 0


def test_a_reward_can_be_the_environments_own():
    env = RewardWrapper(
        gymnasium.make("CartPole-v1"), reward.Linear(["reward"], [-2.0])
    )
    env.reset(seed=SEED)
    _, pays, _, _, info = env.step(0)
    assert (pays, info["own_reward"]) == (-2.0, 1.0)


def test_mountain_car_is_gymnasiums_by_the_face_as_well():
    """Through everything a user calls, started in one state."""
    theirs = gymnasium.make("MountainCar-v0")
    ours = gymnasium.make("volition/MountainCar-v0", world=MountainCar())
    theirs.reset(seed=SEED)
    ours.reset(seed=SEED)
    inside = theirs.unwrapped
    state = ours.unwrapped.state
    inside.state = (float(state.position), float(state.velocity))
    theirs.action_space.seed(SEED)
    truncated = []
    for _ in range(200):
        action = theirs.action_space.sample()
        mine, their = ours.step(action), theirs.step(action)
        np.testing.assert_allclose(mine[0], their[0], rtol=1e-5, atol=1e-7)
        assert mine[1:4] == their[1:4]
        truncated.append(mine[3])
    assert truncated == [False] * 199 + [True]
