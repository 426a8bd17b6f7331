"""Numbers worked out elsewhere for one world of three states and two actions.

The world is in `tests/reference/worlds.py`. Its numbers were computed independently of
this library, in plain NumPy.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference import planning
from tests.reference.worlds import GOLDEN_P, golden_mdp, golden_rewards
from volition.reward import Tabular
from volition.value import (
    PolicyIteration,
    SoftValueIteration,
    ValueIteration,
    backup,
    evaluate_policy,
    expected_reward,
    plan,
)

R = golden_rewards()
POLICIES = jnp.asarray(np.array(list(planning.deterministic_policies(3, 2))))
mean_rewards = jax.jit(expected_reward)


@jax.jit
def all_returns(world, r):
    values = jax.vmap(lambda policy: evaluate_policy(world, policy, r))(POLICIES)
    return values @ world.initial


def mean_returns(values: np.ndarray) -> np.ndarray:
    """Of each deterministic policy, from a uniform start."""
    world = golden_mdp()
    return np.asarray(all_returns(world, mean_rewards(world, Tabular(values))))


def test_soft_values_and_policy():
    found = plan(golden_mdp(), Tabular(R["R1"]), SoftValueIteration(1.0))
    expected = [10.235443, 10.247437, 9.705726]
    np.testing.assert_allclose(found.value, expected, atol=1e-6)
    chance = np.asarray(found.policy.probabilities)[:, 0]
    np.testing.assert_allclose(chance, [0.846751, 0.870807, 0.821213], atol=1e-6)


def test_the_range_of_returns():
    returns = mean_returns(R["R1"])
    assert len(returns) == 8
    assert returns.min() == pytest.approx(-7.376664, abs=1e-6)
    assert returns.max() == pytest.approx(8.483921, abs=1e-6)


@pytest.mark.parametrize("method", [PolicyIteration(), ValueIteration(1e-13)])
def test_the_optimal_policy(method):
    found = plan(golden_mdp(), Tabular(R["R1"]), method)
    assert np.asarray(found.policy.probabilities)[:, 0].tolist() == [1.0, 1.0, 1.0]
    assert float(found.value.mean()) == pytest.approx(8.483921, abs=1e-6)


@pytest.mark.parametrize(
    "name, regret", [("R2", 0.0), ("R3", 1.0), ("R4", 1.0), ("R5", 0.0)]
)
def test_regret_of_optimising_another_reward(name, regret):
    world = golden_mdp()
    learned = plan(world, Tabular(R[name])).policy.probabilities
    r = mean_rewards(world, Tabular(R["R1"]))
    got = float(jax.jit(evaluate_policy)(world, learned, r) @ world.initial)
    returns = mean_returns(R["R1"])
    found = (returns.max() - got) / (returns.max() - returns.min())
    assert found == pytest.approx(regret, abs=1e-12)


# Every reward that explains a policy under entropy of weight w is
# w log pi(a|s) + v(s) - discount sum P v(s'), v free (Cao, Cohen, Szpruch 2021).
V = np.array([3.0, -1.0, 0.7])
DRIFT = V[:, None] - 0.9 * GOLDEN_P @ V


@pytest.mark.parametrize("weight, change", [(1.0, 2.94), (0.6, None)])
def test_a_free_function_of_the_state_changes_the_reward_only(weight, change):
    """And not the policy."""
    method = SoftValueIteration(jnp.asarray(weight), 1e-14)
    truth = planning.mean_rewards(golden_mdp(), R["R1"])
    policy = np.asarray(plan(golden_mdp(), Tabular(truth), method).policy.probabilities)
    r = weight * np.log(policy) + DRIFT
    if change is not None:
        assert np.abs(r - truth).max() == pytest.approx(change, abs=0.005)
    # v solves the soft Bellman equation of this reward exactly, so that one backup
    # gives the policy back to rounding.
    q = np.asarray(backup(golden_mdp(), jnp.asarray(r), jnp.asarray(V)))
    np.testing.assert_allclose(np.exp((q - V[:, None]) / weight), policy, atol=3e-15)
    # Planned from nothing.
    found = plan(golden_mdp(), Tabular(r), method)
    np.testing.assert_allclose(found.value, V, atol=1e-12)
    np.testing.assert_allclose(found.policy.probabilities, policy, atol=1e-13)


def stacked(first: float, second: float) -> np.ndarray:
    """[(I - first P_a), -(I - second P_a)] over the actions, `[a s, 2 s]`."""
    blocks = [
        np.hstack([np.eye(3) - first * p, -(np.eye(3) - second * p)])
        for p in (GOLDEN_P[:, 0], GOLDEN_P[:, 1])
    ]
    return np.vstack(blocks)


def test_two_discounts_identify_the_reward_and_one_does_not():
    assert np.linalg.matrix_rank(stacked(0.9, 0.5)) == 2 * 3 - 1
    assert np.linalg.matrix_rank(stacked(0.9, 0.9)) < 2 * 3 - 1


def test_two_experts_give_the_reward_back_up_to_a_constant():
    truth = planning.mean_rewards(golden_mdp(), R["R1"])
    log_policies = [
        plan(golden_mdp(discount), Tabular(truth), SoftValueIteration(1.0, 1e-14))
        for discount in (0.9, 0.5)
    ]
    first, second = (np.log(found.policy.probabilities) for found in log_policies)
    # log pi1 + v1 - .9 P v1 = log pi2 + v2 - .5 P v2: linear in (v1, v2).
    right = (second - first).T.ravel()
    solved, *_ = np.linalg.lstsq(stacked(0.9, 0.5), right, rcond=None)
    v1 = solved[:3]
    recovered = first + v1[:, None] - 0.9 * GOLDEN_P @ v1
    assert (recovered - truth).std() < 1e-12
