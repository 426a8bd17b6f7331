"""What the options of DQN and PQN are worth where it can be written down."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import ArrayLike

from volition.env import AbstractEnvironment, Pendulum
from volition.reward import AbstractReward, Linear, pendulum
from volition.testing import KnownAnswer
from volition.value import (
    DQN,
    MLP,
    PQN,
    SAC,
    Adam,
    Hard,
    Munchausen,
    Passes,
    Quantile,
    Replay,
    Rollout,
    Soft,
    learn,
)

NAMES = KnownAnswer().feature_names
STEP = np.eye(len(NAMES))[0]
T = 0.5  # temperature
SHARED = {"rollout": Rollout(16, 4), "optimiser": Adam(0.01), "exploration": 0.5}
SHARED |= {"n_stretches": 1}
REPLAY = Replay(1024, 64, n_updates=8, warm_up=128, target_rate=0.1)
# Two steps that pay 1, discount 1/2, actions alike: of the last step and the first.
HARD = (1.0, 1.5)
SOFT = (1.0, 1.0 + 0.5 * (1.0 + T * np.log(2)))  # with the entropy of what follows
BONUS = -0.9 * T * np.log(2)  # of an action taken with probability 1/2
OWN = (1.0 + BONUS, 1.0 + BONUS + 0.5 * (1.0 + BONUS + T * np.log(2)))


def dqn(backup, n_ahead=1, **shape):
    replay = dataclasses.replace(REPLAY, n_ahead=n_ahead)
    return DQN(
        4096, backup=backup, replay=replay, network=MLP((16,), **shape), **SHARED
    )


def pqn(backup, **shape):
    passes = Passes(4, 2, 0.5)
    return PQN(
        4096, backup=backup, passes=passes, network=MLP((16,), **shape), **SHARED
    )


@pytest.mark.parametrize(
    "method, values",
    [
        (dqn(Hard(double=False), dueling=True, head=Quantile(5)), HARD),
        (dqn(Soft(T), n_ahead=3), SOFT),
        (dqn(Munchausen(T)), OWN),
        (pqn(Soft(T), head=Quantile(4)), SOFT),
        (pqn(Munchausen(T), dueling=True), OWN),
    ],
    ids=["dueling quantiles", "soft, 3 ahead", "Munchausen", "soft PQN", "M-PQN"],
)
def test_values_are_those_written_out(method, values):
    found = learn(jax.random.key(1), KnownAnswer(2), Linear(NAMES, STEP), method)
    for share, value in zip((0.5, 0.0), values, strict=True):
        q = found.policy.q(jnp.array([1.0, share]))
        np.testing.assert_allclose(q, value, atol=0.08)


class Coin(AbstractReward):
    """Pays by the sign, which is not seen: see `Blind`."""

    def __call__(self, transition):
        return 2.0 * jnp.asarray(transition.state.sign)

    @property
    def feature_names(self):
        return ()


class Blind(AbstractEnvironment):
    """The world of known answers, of which nothing is seen."""

    discount: ArrayLike
    world: KnownAnswer

    def reset(self, key):
        return self.world.reset(key)

    def step(self, key, state, action):
        return self.world.step(key, state, action)

    def observe(self, state):
        return 0.0 * self.world.observe(state)

    def terminated(self, state):
        return self.world.terminated(state)

    def truncated(self, state):
        return self.world.truncated(state)

    def transition(self, state, action, next_state):
        return self.world.transition(state, action, next_state)

    def scene(self, state):
        return self.world.scene(state)

    @property
    def action_space(self):
        return self.world.action_space

    @property
    def observation_space(self):
        return self.world.observation_space

    @property
    def feature_info(self):
        return self.world.feature_info


def test_quantiles_are_those_of_a_coin():
    """-2 or 2, alike: the quantiles of 1/8 and 3/8, and of 5/8 and 7/8."""
    method = dqn(Hard(), head=Quantile(4))
    found = learn(jax.random.key(2), Blind(0.5, KnownAnswer(1)), Coin(), method)
    numbers = found.policy.network(found.policy.inputs(jnp.zeros(2)))
    # Squares of differences up to 2, the greatest reward, pull them inwards by 2 d: at
    # a share of 5/8, where 5/8 d = 3/8 (the other outcome is further), at 7/8, where
    # 7/8 d = 1/8.
    expected = 2.0 * np.array([-1 + 1 / 7, -1 + 0.6, 1 - 0.6, 1 - 1 / 7])
    np.testing.assert_allclose(numbers, [expected, expected], atol=0.25)


@pytest.mark.slow
def test_sac_swings_the_pendulum_up():
    """Three seeds: the mean of the last quarter is above -200 by its standard error."""
    method = SAC(20_000, rollout=Rollout(4, 1), n_stretches=20)
    keys = jax.random.split(jax.random.key(3), 3)
    curve = learn(keys, Pendulum(), pendulum(), method).curve
    late = np.asarray(curve.mean_return)[:, 15:].mean(axis=1)
    early = np.asarray(curve.mean_return)[:, :2].mean(axis=1)
    error = late.std(ddof=1) / np.sqrt(3)
    assert late.mean() - 2 * error > -200.0
    assert early.mean() < -900.0
