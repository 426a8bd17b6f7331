"""Learning in environments of Gymnasium's: a loop on the host."""

import equinox as eqx
import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env import host_env as host
from volition.reward import Linear
from volition.value import (
    DQN,
    MLP,
    PQN,
    SAC,
    Adam,
    GreedyNetwork,
    Passes,
    QLearning,
    Replay,
    Rollout,
    learn,
)

REWARD = Linear(("reward",), [0.5])
ROLLOUT, FAST = Rollout(4, 4), Adam(0.02)
REPLAY = Replay(512, 32, n_updates=4, warm_up=64, target_rate=0.2)


class Steady(gymnasium.Env):
    """Pays 2 in each of three steps; then an outcome, or a time limit."""

    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def __init__(self, truncates, continuous):
        self.truncates = truncates
        self.action_space = gymnasium.spaces.Discrete(2)
        if continuous:
            self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def seen(self):
        # Hidden where only the limit ends it; what is shown then is seen never again.
        over = self.time == 3
        share = float(over) if self.truncates else self.time / 3
        return np.full(1, share, dtype=np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        return self.seen(), {}

    def step(self, action):
        self.time += 1
        over = self.time == 3
        ended, cut = over and not self.truncates, over and self.truncates
        return self.seen(), 2.0, ended, cut, {}


def methods(n_steps, n_stretches=1):
    shared = {"rollout": ROLLOUT, "network": MLP((8,)), "optimiser": FAST}
    shared |= {"n_stretches": n_stretches}
    return {
        "DQN": DQN(n_steps, replay=REPLAY, exploration=0.5, **shared),
        "PQN": PQN(n_steps, passes=Passes(4, 2, 0.0), exploration=0.5, **shared),
        "SAC": SAC(n_steps, replay=REPLAY, **shared),
    }


def world(name, truncates=False, discount=0.5):
    return host(lambda: Steady(truncates, name == "SAC"), 4, discount=discount)


def start_value(found):
    if isinstance(found.policy, GreedyNetwork):
        return float(found.policy.q(jnp.zeros(1)).mean())
    inputs = jnp.append(found.policy.inputs(jnp.zeros(1)), jnp.float32(0.0))
    memory = found.stand.memory
    judged = jax.vmap(lambda critic: critic(inputs))(memory.critics)
    return float(memory.known.scale * judged.min())


@pytest.mark.parametrize("name", methods(1))
def test_it_learns_what_an_outcome_is_worth(name):
    """Half of 2 for each step: 1 + 1/2 + 1/4."""
    found = learn(jax.random.key(0), world(name), REWARD, methods(2048)[name])
    assert start_value(found) == pytest.approx(1.75, abs=0.1)
    assert found.curve.step.tolist() == [2048]
    # 4 copies of 512 steps in episodes of 3, each of which pays 3.
    assert found.curve.n_episodes.tolist() == [4 * 170]
    assert found.curve.mean_return.tolist() == [3.0]


def test_a_time_limit_leads_to_what_was_seen_before_the_reset():
    """That is never acted from, so that its value is whatever the network says of it.

    After t steps of three the value is 1 + v / 2 twice and 1 + u / 2 at the limit, u
    being of the observation 1 that is seen there. Taking it for the observation behind
    the reset would give u = v = 2, for an outcome u = 0.
    """
    method = methods(2048)["PQN"]
    found = learn(jax.random.key(1), world("PQN", truncates=True), REWARD, method)
    q = lambda x: float(found.policy.q(jnp.array([x])).max())
    v, u = start_value(found), q(1.0)
    assert v == pytest.approx((2 * (1 + v / 2) + 1 + u / 2) / 3, abs=0.1)
    assert abs(u - v) > 0.3
    assert abs(u) > 0.3


@pytest.mark.parametrize("name", methods(1))
def test_the_same_key_gives_the_same_bits_and_it_goes_on(name):
    method, key = methods(128, 2)[name], jax.random.key(2)
    first, again = (learn(key, world(name), REWARD, method) for _ in range(2))
    assert eqx.tree_equal(first, again)
    then = learn(key, world(name), REWARD, method, after=first.stand)
    assert then.curve.step.tolist() == [192, 256]
    assert int(then.stand.stretch) == 4
    assert not eqx.tree_equal(first.policy, then.policy)


def test_what_cannot_be_learned_is_said():
    method, env = methods(64)["DQN"], world("DQN")
    with pytest.raises(ValueError, match="call learn once for each"):
        learn(jax.random.split(jax.random.key(0)), env, REWARD, method)
    with pytest.raises(ValueError, match="has 4 copies, the rollout 8"):
        learn(jax.random.key(0), env, REWARD, DQN(64, rollout=Rollout(8, 2)))
    with pytest.raises(ValueError, match="does not have"):
        learn(jax.random.key(0), env, Linear(("speed",)), method)
    with pytest.raises(ValueError, match="to Gymnasium's a deep learner"):
        learn(jax.random.key(0), env, REWARD, QLearning(100))
