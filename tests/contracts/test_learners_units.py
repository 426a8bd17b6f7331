"""What is learned does not depend on units: of rewards, of observations, of actions."""

import equinox as eqx
import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.spaces import Box

from tests.contracts.test_deep_learners import dqn, pqn, sac
from tests.contracts.test_learners import LEARNERS
from volition.env import gridworld, host_env
from volition.env.gym import our_space
from volition.reward import Linear, Scaled
from volition.testing import KnownAnswer
from volition.value import MLP, PQN, SAC, Adam, DynaQPlus, Replay, Rollout, learn

KEY = jax.random.key(0)
NAMES = KnownAnswer().feature_names
WEIGHTS = np.linspace(0.3, 1.7, len(NAMES))
POWERS = (2.0**-40, 2.0**40)


@pytest.mark.parametrize("kind", LEARNERS.values(), ids=LEARNERS)
def test_tables_are_those_of_the_unit_to_the_bit(kind):
    """And what is given in reward units is given in those."""
    world = gridworld(["S.#.", "...G"], discount=0.9)
    paid = Linear(world.feature_names, np.linspace(-0.3, 1.0, len(world.feature_names)))
    method = kind(2_000, exploration=0.5, n_stretches=1)

    def q(by):
        own = method
        if kind is DynaQPlus:
            own = eqx.tree_at(lambda m: m.curiosity, method, method.curiosity * by)
        return np.asarray(learn(KEY, world, Scaled(paid, by), own).q)

    one = q(1.0)
    assert np.ptp(one) > 0.0
    for by in POWERS:
        np.testing.assert_array_equal(q(by) / by, one)


@pytest.mark.parametrize("make", [dqn, pqn, sac], ids=["DQN", "PQN", "SAC"])
def test_networks_act_alike_whatever_the_unit_of_rewards(make):
    world = KnownAnswer(3, continuous=make is sac)
    seen = [
        learn(KEY, world, Scaled(Linear(NAMES, WEIGHTS), by), make(512))
        for by in (1.0, *POWERS)
    ]
    for by, other in zip(POWERS, seen[1:], strict=True):
        assert eqx.tree_equal(seen[0].policy.inputs, other.policy.inputs)
        observation = jnp.array([1.0, 0.3])
        acts = [found.policy(KEY, observation) for found in (seen[0], other)]
        np.testing.assert_array_equal(*acts)
        returns = np.asarray(other.curve.mean_return) / by
        np.testing.assert_allclose(returns, seen[0].curve.mean_return, rtol=1e-6)


class Bandit(gymnasium.Env):
    """One step, paid by how near an action is to a goal, in halves of the range."""

    observation_space = Box(-1.0, 1.0, (1,), np.float32)

    def __init__(self, low, high, goal, dtype):
        self.low, self.high, self.goal = (
            np.asarray(x, dtype) for x in (low, high, goal)
        )
        self.action_space = Box(self.low, self.high, dtype=dtype)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action):
        assert self.action_space.contains(action)
        half = self.high / 2 - self.low / 2
        off = (action - self.goal) / np.where(half > 0, half, 1.0)
        return np.zeros(1, np.float32), -float(np.sum(off**2)), True, False, {}


@pytest.mark.parametrize(
    "low, high, goal",
    [
        ([0.0, -0.7], [5.0, 0.7], [4.0, 0.5]),
        ([-1.0, 0.25], [1.0, 0.25], [0.4, 0.25]),
        ([-1e30, 0.1], [1e30, 1e-1 + 1e-6], [4e29, 0.1]),
        ([-1e38], [1e38], [3e37]),
        ([1000.0], [1001.0], [1000.3]),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sac_acts_within_any_bounds(low, high, goal, dtype):
    env = host_env(lambda: Bandit(low, high, goal, dtype), 8)
    replay = Replay(2000, warm_up=300, n_updates=8, target_rate=0.05)
    method = SAC(1600, replay=replay, network=MLP((16,)), n_stretches=1)
    method = eqx.tree_at(lambda one: one.optimiser, method, Adam(3e-3))
    found = learn(KEY, env, Linear(("reward",), [1.0]), method)
    action = np.asarray(found.policy(KEY, jnp.zeros(1)), dtype=float)
    half = np.asarray(high) / 2 - np.asarray(low) / 2
    off = np.abs(action - goal) / np.where(half > 1e-3, half, np.maximum(half, 1.0))
    assert (off < 0.25).all(), off


@pytest.mark.parametrize("end", [np.inf, np.finfo(np.float32).max])
def test_without_bounds_sac_says_what_to_do(end):
    env = host_env(lambda: Bandit([-1.0, -end], [1.0, end], [0.0, 0.0], np.float32), 8)
    with pytest.raises(ValueError, match=r"entry 1 of an action may be .*Transform"):
        learn(KEY, env, Linear(("reward",), [1.0]), SAC(64))


class Wide(KnownAnswer):
    """Claims far more than it shows, in another unit."""

    unit: float = eqx.field(default=1.0, static=True, kw_only=True)
    claim: float = eqx.field(default=1e6, static=True, kw_only=True)

    def observe(self, state):
        return self.unit * super().observe(state)

    @property
    def observation_space(self):
        from volition.env import Box

        return Box(-self.claim, self.claim, (2,))


@pytest.mark.parametrize(
    "unit, claim", [(1.0, 1e6), (1e-9, 1.0), (1e6, np.inf), (1e-6, np.inf)]
)
def test_what_is_seen_counts_and_not_what_a_space_claims(unit, claim):
    world = Wide(1, unit=unit, claim=claim)
    signs = Linear(NAMES, 2.0 * np.eye(len(NAMES))[2])
    method = PQN(
        6144,
        rollout=Rollout(16, 4),
        network=MLP((16,)),
        optimiser=Adam(0.01),
        exploration=0.5,
        n_stretches=2,
    )
    found = learn(KEY, world, signs, method)
    for sign in (-1.0, 1.0):
        q = found.policy.q(jnp.array([sign * unit, 0.0]))
        np.testing.assert_allclose(q, 2.0 * sign, atol=0.1)


@pytest.mark.parametrize(
    "space",
    [
        gymnasium.spaces.Discrete(3, start=1),
        gymnasium.spaces.MultiDiscrete([2, 3]),
        gymnasium.spaces.MultiBinary(3),
        Box(0, 255, (4, 4, 3), np.uint8),
        gymnasium.spaces.Dict({"a": gymnasium.spaces.Discrete(2)}),
    ],
    ids=str,
)
def test_the_remedy_that_is_named_is_one(space):
    class Only(gymnasium.Env):
        observation_space, action_space = space, gymnasium.spaces.Discrete(2)

    with pytest.raises(ValueError, match="neither Discrete") as said:
        our_space(space)
    text = str(said.value)
    call = text.split("convert observations with ")[1].split("; ")[0]
    names = {"gymnasium": gymnasium, "numpy": np, "env": Only()}
    wrapped = eval(call, names)
    assert our_space(wrapped.observation_space).shape == wrapped.observation_space.shape
