"""Orders of policies and transitions, and regret under several optimisers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.worlds import golden_mdp, golden_rewards
from volition.env import FiniteMDP
from volition.evaluation import (
    deterministic_policies,
    hackability,
    policy_returns,
    policy_set,
    range_regret,
    rank_correlation,
    scaled_regret,
)
from volition.policy import Tabular as TabularPolicy
from volition.reward import Tabular

REWARDS = golden_rewards()
TRUTH = Tabular(REWARDS["R1"])
# Alike as a tuple and alike in shape: one compilation for all tests.
POLICIES = lambda learned: policy_set(jax.random.key(0), golden_mdp(), [learned, TRUTH])


def test_policies_go_from_random_to_the_best():
    policies = POLICIES(Tabular(REWARDS["R3"]))
    assert policies.shape == (60, 3, 2)
    np.testing.assert_allclose(policies.sum(axis=-1), 1.0)
    returns = np.asarray(policy_returns(golden_mdp(), TRUTH, policies))
    assert returns.max() == pytest.approx(8.483921, abs=1e-6)
    assert returns[59] == returns.max()
    # Each colder policy of the truth is better than the warmer one.
    assert (np.diff(returns[50:59]) < 1e-9).all()
    assert returns[:40].std() > 0.5


def test_all_deterministic_policies_span_the_range():
    world = golden_mdp()
    policies = deterministic_policies(world)
    assert policies.shape == (8, 3, 2)
    assert len(np.unique(np.asarray(policies).reshape(8, -1), axis=0)) == 8
    padded = jnp.concatenate([policies] * 7 + [policies[:4]])  # the shape of others
    returns = np.asarray(policy_returns(world, TRUTH, padded))[:8]
    low, high = returns.min(), returns.max()
    assert (low, high) == pytest.approx((-7.376664, 8.483921), abs=1e-6)
    for policy, found in zip(policies, returns, strict=True):
        lost = float(range_regret(world, TabularPolicy(policy), TRUTH))
        assert lost == pytest.approx((high - found) / (high - low))
    with pytest.raises(ValueError, match="use policy_set"):
        deterministic_policies(world, most=7)


@pytest.mark.parametrize("name, tau", [("R2", 1.0), ("R4", -1.0)])
def test_shaping_keeps_the_order_and_the_opposite_turns_it(name, tau):
    learned = Tabular(REWARDS[name])
    found = rank_correlation(golden_mdp(), learned, TRUTH, POLICIES(learned))
    assert found.kendall.value == pytest.approx(tau)
    assert found.kendall.n == 60
    assert found.pearson_canonical == pytest.approx(tau)
    assert found.spearman_canonical == pytest.approx(tau)
    if name == "R2":  # the raw rewards differ: 1 - 2 d^2 where all transitions count
        assert found.pearson < 0.9
    constant = rank_correlation(
        golden_mdp(), Tabular(np.zeros((3, 2, 3))), TRUTH, POLICIES(learned)
    )
    assert np.isnan(constant.kendall.value)
    assert np.isnan(constant.pearson)


def test_kendalls_tau_by_counting_pairs():
    learned = Tabular(REWARDS["R5"])
    policies = POLICIES(learned)
    found = rank_correlation(golden_mdp(), learned, TRUTH, policies)
    one, two = (
        np.asarray(policy_returns(golden_mdp(), reward, policies))
        for reward in (learned, TRUTH)
    )
    signs = [
        np.sign(np.round(values[:, None] - values[None, :], 9)) for values in (one, two)
    ]
    pairs = np.triu_indices(60, 1)
    x, y = signs[0][pairs], signs[1][pairs]
    tau = (x * y).sum() / np.sqrt((x != 0).sum() * (y != 0).sum())
    assert found.kendall.value == pytest.approx(tau)
    assert found.kendall.low < tau < found.kendall.high
    with pytest.raises(ValueError, match="too few"):
        rank_correlation(golden_mdp(), learned, TRUTH, policies[:49])


@pytest.mark.parametrize("name", ["R2", "R3", "R4", "R5"])
def test_only_what_is_equivalent_cannot_be_hacked(name):
    """Over all 8 deterministic policies: the negative control, and positive ones."""
    policies = deterministic_policies(golden_mdp())
    padded = jnp.concatenate([policies] * 7 + [policies[:4]])
    proxy, truth = (
        np.asarray(policy_returns(golden_mdp(), reward, padded))[:8]
        for reward in (Tabular(REWARDS[name]), TRUTH)
    )
    found = hackability(proxy, truth)
    assert found.n_policies == 8
    assert found.blind_mass == 0.0
    if name == "R2":
        assert not found.hackable
        return
    assert found.hackable
    if name == "R4":
        assert found.mass == found.lost == 1.0
    else:
        assert 0.0 < found.mass < 1.0


@pytest.mark.slow
@pytest.mark.parametrize("name, low, high", [("R2", 0.0, 0.1), ("R4", 1.0, 9.0)])
def test_regret_of_the_same_and_of_the_opposite(name, low, high):
    learned = Tabular(REWARDS[name])
    found = scaled_regret(
        jax.random.key(0), golden_mdp(), learned, TRUTH, n_q_steps=20_000
    )
    assert len(found.by) == 6
    assert found.left_out == ()
    assert found.by["value iteration"] == pytest.approx(found.by["worst tie-break"])
    assert all(low - 1e-9 <= one <= high for one in found.by.values())
    if name == "R2":
        assert found.by["value iteration"] == pytest.approx(0.0, abs=1e-9)
        # Shaped and scaled, it loses of the truth what it loses of its own.
        soft = [one for key, one in found.by.items() if key.startswith("soft")]
        assert soft == pytest.approx([0.001, 0.01, 0.05], rel=1e-3)
        assert found.worst == soft[-1]
        assert found.worst_optimiser == "soft value iteration, 5.0% of its own return"


@pytest.mark.slow
def test_ties_are_where_optimisers_differ():
    """A reward that leaves all equal: the first action is the best, by luck."""
    world = FiniteMDP(
        np.zeros((1, 2, 1), int),
        np.ones((1, 2, 1)),
        terminal=np.array([False]),
        initial=np.array([1.0]),
        discount=0.9,
    )
    truth = Tabular(np.array([[1.0, -1.0]]))
    found = scaled_regret(
        jax.random.key(0), world, Tabular(np.zeros((1, 2))), truth, n_q_steps=1000
    )
    assert found.by["value iteration"] == pytest.approx(0.0)
    assert found.worst == pytest.approx(2.0)
    assert found.worst_optimiser == "worst tie-break"


@pytest.mark.slow
def test_temperatures_without_a_soft_value_are_not_taken():
    world = FiniteMDP(
        np.array([[[0], [1]], [[1], [1]]]),
        np.ones((2, 2, 1)),
        terminal=np.array([False, True]),
        initial=np.array([1.0, 0.0]),
        discount=1.0,
    )
    # Staying costs a little: less than the entropy that a warm policy earns by it.
    reward = Tabular(np.array([[-0.1, 0.0], [0.0, 0.0]]))
    found = scaled_regret(jax.random.key(0), world, reward, reward, n_q_steps=1000)
    assert found.by["value iteration"] == pytest.approx(0.0)
    assert len(found.by) == 6
    assert all(one <= 0.05 + 1e-9 for one in found.by.values())
