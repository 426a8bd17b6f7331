"""Adversarial inverse reinforcement learning."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from volition.env import CartPole, Feature, FiniteMDP
from volition.env.inputs import OneHot
from volition.inference.irl import Contest, airl, gail
from volition.inference.irl.adversary import contest_loss
from volition.inference.irl.discriminator import Disentangled, Layout, Occupancy
from volition.policy import Random, episodes
from volition.reward import Tabular
from volition.value import SoftValueIteration, expected_reward
from volition.value.deep import DQN, MLP, PQN, Adam, Replay, Rollout, Soft
from volition.value.schedule import Linear

LAYOUT = Layout(OneHot(3), 2)


def rows(counts):
    """A step for each time that a state and action were met; all lead to state 0."""
    made = [
        LAYOUT.row(
            jnp.int32(state), jnp.int32(action), jnp.int32(0), jnp.asarray(False)
        )
        for state in range(3)
        for action in range(2)
        for _ in range(counts[state][action])
    ]
    return jnp.stack(made)


EXPERT, POLICY = [[6, 2], [1, 3], [4, 8]], [[3, 5], [4, 4], [6, 2]]


@pytest.mark.parametrize("by_policy", [False, True])
def test_the_best_discriminator_says_the_log_ratio(by_policy):
    # Occupancy: D* = p / (p + q), so that the logit is log p - log q. With the policy's
    # log-probability l in it, f - l = log p - log q.
    key = jax.random.key(0)
    shape = MLP((16,), layer_norm=False)
    drawn = (
        Disentangled(shape.begin(key, 4, 3), 0.9)
        if by_policy
        else Occupancy(shape.begin(key, 4, 2))
    )
    log_pi = np.log(np.array(POLICY) / np.sum(POLICY, axis=1, keepdims=True))
    of = lambda counts: jnp.asarray(
        np.repeat(log_pi.ravel(), np.ravel(counts)), dtype=jnp.float32
    )
    sides = (rows(EXPERT), of(EXPERT)), (rows(POLICY), of(POLICY))
    start, unravel = ravel_pytree(drawn)
    optimiser = Adam(0.02)
    mix, weight = jnp.zeros(24, dtype=jnp.float32), jnp.float32(0.0)

    def step(carry, _):
        row, memory = carry
        slope, _ = jax.grad(contest_loss, has_aux=True)(
            row, unravel, *sides, mix, weight
        )
        return optimiser.step(row, slope, memory, jnp.int32(0)), None

    begin = start, optimiser.begin(start)
    (row, _), _ = jax.jit(lambda: jax.lax.scan(step, begin, length=1500))()
    each = rows([[1, 1]] * 3)
    score = np.asarray(jax.vmap(unravel(row).score)(each))
    ratio = np.log(np.array(EXPERT) / np.array(POLICY)).ravel()
    np.testing.assert_allclose(
        score - log_pi.ravel() * by_policy, ratio, atol=0.03, rtol=0
    )


def test_a_step_that_ends_leads_to_the_absorbing_state():
    step = LAYOUT.row(jnp.int32(1), jnp.int32(0), jnp.int32(2), jnp.asarray(True))
    assert step.tolist() == [0, 1, 0, 0, 1, 0, 0, 0, 0, 1]
    assert LAYOUT.absorbing.tolist() == [0, 0, 0, 1, 0.5, 0.5, 0, 0, 0, 1]


def cart_pole():
    world = CartPole()
    told = episodes(jax.random.key(0), world, Random(2), n_episodes=4, time_limit=30)
    return world, told


@pytest.fixture(scope="module")
def short():
    world, told = cart_pole()
    contest = Contest(
        MLP((8,), layer_norm=False), n_updates=2, batch_size=32, n_rollouts=5
    )
    learner = PQN(
        512,
        rollout=Rollout(8, 32),
        network=MLP((8,)),
        backup=Soft(1.0),
        n_stretches=2,
    )
    run = lambda: airl(jax.random.key(1), world, told, learner=learner, contest=contest)
    return world, told, run(), run()


def test_the_same_key_leads_to_the_same_bits(short):
    _, _, found, again = short
    assert eqx.tree_equal(found, again)
    assert found.curve.step.tolist() == [256, 512]
    # Both rollouts are remembered, of the five that can be.
    ring = found.stand.memory.ring
    assert (int(ring.filled), ring.seen.over.shape) == (64, (160, 8))


def test_the_reward_is_above_that_of_the_absorbing_state(short):
    # A constant that is added to g everywhere, there too, is no reward.
    _, told, found, _ = short
    bias = lambda reward: reward.discriminator.network.rows.bias
    moved = eqx.tree_at(bias, found.reward, bias(found.reward) + 3.0)
    each = jax.vmap(jax.vmap(found.reward))(told.transition)
    np.testing.assert_allclose(
        each, jax.vmap(jax.vmap(moved))(told.transition), atol=1e-5
    )
    assert np.std(each) > 0


@pytest.fixture(scope="module")
def ring():
    """States in a ring, a reward of them, and a soft expert: back, stay, on."""
    leads = (np.arange(6)[:, None] + np.array([-1, 0, 1])[None, :]) % 6
    world = FiniteMDP(
        leads[..., None],
        np.ones((6, 3, 1)),
        terminal=np.zeros(6, dtype=bool),
        initial=np.full(6, 1.0 / 6.0),
        features=np.zeros((6, 3, 1, 1)),
        feature_info=(Feature("nothing", "1", "always 0"),),
        discount=0.8,
    )
    truth = jnp.array([0.0, 2.0, -1.0, 0.5, -2.0, 1.0])
    plan = SoftValueIteration().solve(world, expected_reward(world, Tabular(truth)))
    told = episodes(
        jax.random.key(4), world, plan.policy, n_episodes=200, time_limit=40
    )
    return world, truth, plan.policy, told


def test_a_reward_of_the_state_is_recovered_up_to_a_constant(ring):
    world, truth, policy, told = ring
    n_steps = 200_000
    learner = PQN(
        n_steps,
        rollout=Rollout(32, 16),
        network=MLP((), layer_norm=False),
        optimiser=Adam(Linear(0.03, 0.001, n_steps)),
        backup=Soft(1.0),
        n_stretches=1,
    )
    contest = Contest(
        MLP((), layer_norm=False),
        n_updates=8,
        batch_size=512,
        penalty=0.0,
        optimiser=Adam(Linear(0.03, 0.001, n_steps)),
    )
    found = airl(jax.random.key(5), world, told, learner=learner, contest=contest)
    states = jnp.arange(6, dtype=jnp.int32)
    share = np.exp(jax.vmap(found.policy.log_probabilities)(states))
    away = np.abs(share - np.asarray(policy.probabilities)).max()
    network = found.reward.discriminator.network
    rows = jnp.eye(7, dtype=jnp.float32)[:6]
    g = np.asarray(jax.vmap(network)(rows))[:, 0, 0]
    # Chance alone leaves 0.03 between the demonstrations and their policy.
    assert away < 0.15
    assert np.corrcoef(g, np.asarray(truth))[0, 1] > 0.98


def test_a_learner_with_replay_is_paid_anew():
    world, told = cart_pole()
    learner = DQN(
        512,
        rollout=Rollout(8, 32),
        replay=Replay(1024, 16, warm_up=256),
        network=MLP((8,)),
        backup=Soft(0.3),
        n_stretches=1,
    )
    found = gail(jax.random.key(1), world, told, learner=learner)
    seen = found.stand.memory.learner.ring.seen
    each = jax.vmap(jax.vmap(found.reward))
    expected = np.where(np.arange(128)[:, None] < 64, each(seen.transition), 0.0)
    made = np.where(np.arange(128)[:, None] < 64, seen.reward, 0.0)
    np.testing.assert_allclose(made, expected, atol=1e-5)
    assert np.abs(made).max() > 0


def test_wrong_input_is_refused_in_a_sentence():
    world, told = cart_pole()
    key = jax.random.key(0)
    with pytest.raises(ValueError, match="gives actions no probabilities"):
        airl(key, world, told, learner=PQN(512))
    with pytest.raises(ValueError, match=r"discount is 1\.0"):
        gail(key, CartPole(discount=1.0), told)
    with pytest.raises(ValueError, match="demonstration 0 has no step"):
        airl(key, world, eqx.tree_at(lambda one: one.weight, told, told.weight * 0.0))
    with pytest.raises(ValueError, match="n_updates, batch_size and n_rollouts"):
        Contest(n_updates=0)
