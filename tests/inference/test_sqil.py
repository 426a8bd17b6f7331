"""Soft Q-learning from demonstrations."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env import CartPole, gridworld
from volition.feedback import follow
from volition.inference.imitation import behaviour_cloning, sqil
from volition.policy import AbstractPolicy, episode, episodes
from volition.value import DQN, Replay
from volition.value.deep import MLP, PQN, Adam, Rollout, Soft

WORLD = gridworld(["S...."], discount=0.9, time_limit=12)
RIGHT = WORLD.action_names.index("right")
METHOD = DQN(
    1536,
    rollout=Rollout(4, 8),
    replay=Replay(1536, 64, n_updates=8, warm_up=128, target_rate=0.1),
    network=MLP((), layer_norm=False),
    optimiser=Adam(0.05),
    backup=Soft(0.1),
    n_stretches=1,
)


def at_the_end():
    """Demonstrations of the last two tiles alone: to the right, and stay there."""
    one = follow(WORLD, jnp.int32(3), jnp.full(4, RIGHT, dtype=jnp.int32))
    return jax.tree.map(lambda leaf: leaf[None], one)


@pytest.mark.slow
def test_it_comes_back_to_where_demonstrations_are():
    found = sqil(jax.random.key(1), WORLD, at_the_end(), learner=METHOD)
    # No tile but the last two was demonstrated, and there only one action.
    q = jax.vmap(found.policy.greedy.q)(jnp.arange(5, dtype=jnp.int32))
    assert np.argmax(q, axis=1).tolist() == [RIGHT] * 5
    # Half of what was remembered is the expert's, paid 1, each step by itself.
    seen = found.stand.memory.ring.seen
    assert (np.asarray(seen.reward) == np.repeat([0.0, 1.0], 4)[None]).all()
    shown = jax.tree.map(lambda leaf: np.asarray(leaf)[:, 4:], seen)
    assert shown.over.all()
    assert not shown.terminated.any()
    assert (shown.transition.action == RIGHT).all()
    assert set(np.unique(shown.observation)) == {3, 4}
    # Three of the four steps demonstrated push against the wall.
    share, n = (shown.observation == 4).mean(), shown.observation.size
    assert abs(share - 0.75) < 4 * np.sqrt(0.75 * 0.25 / n)


def test_a_policy_needs_probabilities():
    with pytest.raises(ValueError, match=r"give a learner with backup=Soft\(\)"):
        sqil(jax.random.key(0), WORLD, at_the_end(), learner=PQN(64))


class Hand(AbstractPolicy):
    """Balances the pole for all 500 steps."""

    def __call__(self, key, observation):
        del key
        position, velocity, angle, turning = observation
        lean = angle + 0.3 * turning + 0.05 * position + 0.1 * velocity
        return (lean > 0).astype(jnp.int32)


@pytest.mark.slow
def test_a_hundred_steps_teach_it_to_balance_a_pole():
    world = CartPole()
    keys = jax.random.split(jax.random.key(99), 50)

    @eqx.filter_jit
    def steps(policy):
        one = lambda key: jnp.sum(episode(key, world, policy, 500).weight)
        return jax.vmap(one)(keys)

    told = episodes(jax.random.key(0), world, Hand(), n_episodes=4, time_limit=25)
    cloned = behaviour_cloning(jax.random.key(1), world, told).policy.greedy
    found = sqil(jax.random.key(2), world, told).policy.greedy
    own, clones = np.asarray(steps(found)), np.asarray(steps(cloned))
    error = np.hypot(own.std(), clones.std()) / np.sqrt(50)
    assert own.mean() - clones.mean() > 3 * error
    assert own.mean() > 450
