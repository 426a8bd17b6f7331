"""Policies of finite worlds."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.worlds import random_policy, table
from volition.policy import Random, Tabular, epsilon_greedy, greedy

N = 20_000


def drawn(policy, seed: int, observation: int) -> np.ndarray:
    keys = jax.random.split(jax.random.key(seed), N)
    act = jax.jit(jax.vmap(policy, (0, None)))
    return np.asarray(act(keys, jnp.int32(observation)))


@pytest.mark.parametrize("seed", [0, 1])
def test_actions_are_drawn_from_the_row_of_the_state(seed):
    """Each share within four standard errors."""
    rows = random_policy(seed, 5, 3)
    rows[3] = [0.0, 0.25, 0.75]
    for state in (1, 3):
        share = np.bincount(drawn(Tabular(jnp.asarray(rows)), seed, state)) / N
        share = np.pad(share, (0, 3 - len(share)))
        error = np.sqrt(rows[state] * (1.0 - rows[state]) / N)
        assert (np.abs(share - rows[state]) <= 4 * error).all()


@pytest.mark.parametrize("seed", [0, 1])
def test_random_actions_are_all_alike(seed):
    share = np.bincount(drawn(Random(5), seed, 2), minlength=5) / N
    assert len(share) == 5
    assert (np.abs(share - 0.2) <= 4 * np.sqrt(0.2 * 0.8 / N)).all()


def test_greedy_takes_the_first_among_equals():
    q = jnp.array([[1.0, 3.0, 3.0], [-1.0, -2.0, -1.0], [0.0, 0.0, 0.5]])
    expected = [[0, 1, 0], [1, 0, 0], [0, 0, 1]]
    assert greedy(q).probabilities.tolist() == expected


@pytest.mark.parametrize("epsilon", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("seed", [2])
def test_epsilon_greedy_by_hand(seed, epsilon):
    q = table(seed, 4, 3)
    expected = np.full((4, 3), epsilon / 3)
    for state in range(4):
        expected[state, q[state].argmax()] += 1.0 - epsilon
    found = epsilon_greedy(jnp.asarray(q), epsilon).probabilities
    np.testing.assert_allclose(found, expected, atol=1e-15)


@pytest.mark.parametrize("seed", [3])
def test_the_same_key_acts_the_same(seed):
    policy, key = Tabular(jnp.asarray(random_policy(seed, 4, 3))), jax.random.key(seed)
    keys = jax.random.split(key, 40)
    one = eqx.filter_jit(eqx.filter_vmap(policy, in_axes=(0, None)))(keys, jnp.int32(2))
    alone = eqx.filter_jit(policy)
    other = [int(alone(key, jnp.int32(2))) for key in keys]
    assert one.tolist() == other
    assert len(set(other)) == 3
