"""Distances from recorded transitions: where there is no table."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.worlds import golden_mdp
from volition.env import CartPole, Transition
from volition.evaluation import episode_return_distance, recorded_steps, sampled_epic
from volition.policy import Random, rollout
from volition.reward import AbstractReward, Tabular


class Leaning(AbstractReward):
    """Of cart pole: a mixture of three terms, and a potential, which is 0 at an end."""

    weights: jax.Array
    potential: jax.Array
    discount: jax.Array

    def __call__(self, transition: Transition) -> jax.Array:
        double = lambda state: jax.tree.map(
            lambda leaf: jnp.asarray(leaf).astype(float), state
        )
        before, after = double(transition.state), double(transition.next_state)
        height = lambda state: jnp.cos(3.0 * state.angle) + state.velocity**2
        ahead = jnp.where(jnp.asarray(transition.terminated), 0.0, height(after))
        shaping = self.discount * ahead - height(before)
        terms = jnp.stack(
            [
                jnp.sin(5.0 * before.position) + after.angle,
                jnp.asarray(transition.action).astype(float),
                jnp.asarray(transition.terminated).astype(float),
            ]
        )
        return jnp.sum(self.weights * terms) + self.potential * shaping

    @property
    def feature_names(self) -> tuple[str, ...]:
        return ()


def leaning(weights, potential=0.0, discount=0.99) -> Leaning:
    return Leaning(*(jnp.asarray(one) for one in (weights, potential, discount)))


def test_shaping_and_scale_cancel_in_every_sample():
    """With ends in the pool, and a sample far too small to know any mean."""
    world = CartPole(discount=0.99)
    pool = rollout(
        jax.random.key(0), world, Random(2), n_segments=24, length=16, n_steps=64
    )
    assert bool(np.asarray(pool.transition.terminated).any())
    truth = leaning([1.0, 0.5, -2.0])
    measure = lambda seed, learned: sampled_epic(
        jax.random.key(seed),
        world,
        learned,
        truth,
        pool,
        n_coverage=150,
        n_canonical=16,
    )
    for seed in range(2):
        shaped = measure(seed, leaning([3.0, 1.5, -6.0], 2.0))
        assert shaped.value < 1e-7
        assert measure(seed, leaning([-1.0, -0.5, 2.0], -1.0)).value > 1.0 - 1e-7
        # An end that is worth something else, and shaping by another discount.
        for other in (leaning([1.0, 0.5, 9.0]), leaning([1.0, 0.5, -2.0], 2.0, 0.5)):
            assert measure(seed, other).value > 1e-3
    found = measure(0, leaning([1.0, -0.5, -2.0]))
    assert found.low < found.value < found.high
    assert found.n == 150
    # Both rewards agree on what episodes are worth where they differ in scale.
    same = episode_return_distance(leaning([3.0, 1.5, -6.0]), truth, pool)
    assert same.value < 1e-3
    apart = episode_return_distance(leaning([1.0, -2.0, -2.0]), truth, pool, 0.9)
    assert 0.01 < apart.low < apart.value < apart.high < 1.0


def test_returns_are_those_of_the_steps_that_were_made():
    world = golden_mdp()
    pool = rollout(jax.random.key(0), world, Random(2), n_segments=6, length=4)
    values = np.array([[1.0, 2.0, 5.0], [0.0, 3.0, 1.0]])
    one, other = (Tabular(jnp.asarray(numbers)) for numbers in values)
    state = np.asarray(pool.transition.state.index)
    returns = values[:, state] @ 0.5 ** np.arange(4.0)
    expected = np.sqrt((1 - np.corrcoef(returns[0], returns[1])[0, 1]) / 2)
    found = episode_return_distance(one, other, pool, 0.5)
    assert found.value == pytest.approx(expected)
    assert recorded_steps(pool).action.shape == (24,)


def test_finite_worlds_are_referred():
    world = golden_mdp()
    pool = rollout(jax.random.key(0), world, Random(2), n_segments=6, length=4)
    reward = Tabular(jnp.zeros(3))
    with pytest.raises(ValueError, match="use reward_distances"):
        sampled_epic(jax.random.key(0), world, reward, reward, pool)
