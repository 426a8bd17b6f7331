"""How good a policy is, and how it ends: against brute force and closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference import planning
from tests.reference.worlds import random_policy, small_world, table
from volition.env import FiniteMDP
from volition.evaluation import (
    can_reach,
    mean_return,
    outcomes,
    policy_chain,
    scaled_return,
    score_reward,
    share_of_starts,
    worst_tie_break,
)
from volition.policy import Tabular, episode
from volition.reward import Shaped, Tabular as TabularReward
from volition.value import plan

SEEDS = [0, 3]
seeds = pytest.mark.parametrize("seed", SEEDS)
ENDS = {"no end": (), "ends": (1, 5)}
ends = pytest.mark.parametrize("terminal", ENDS.values(), ids=ENDS)


def policy_of(seed: int, n_states: int = 7, n_actions: int = 3) -> Tabular:
    return Tabular(jnp.asarray(random_policy(seed, n_states, n_actions)))


@ends
@seeds
def test_scaled_return_is_1_for_the_best_and_0_at_random(seed, terminal):
    world, reward = (
        small_world(seed, terminal=terminal),
        TabularReward(table(seed, 7, 3)),
    )
    best = plan(world, reward).policy
    worst = plan(world, TabularReward(-reward.values)).policy
    uniform = Tabular(jnp.full((7, 3), 1 / 3))
    assert float(scaled_return(world, best, reward)) == pytest.approx(1.0)
    assert float(scaled_return(world, uniform, reward)) == pytest.approx(0.0, abs=1e-12)
    assert float(scaled_return(world, worst, reward)) < -0.1
    half = mean_return(world, policy_of(seed), reward)
    low, high = (mean_return(world, policy, reward) for policy in (uniform, best))
    found = float(scaled_return(world, policy_of(seed), reward))
    assert found == pytest.approx(float((half - low) / (high - low)))


@seeds
def test_scaled_return_ignores_scale_potential_and_constant(seed):
    policy = policy_of(seed)
    for terminal, shift in (
        ((1, 5), 0.0),
        ((), -1.3),
    ):  # a constant: where nothing ends
        world, values = small_world(seed, terminal=terminal), table(seed, 7, 3)
        reward = TabularReward(values)
        one = float(scaled_return(world, policy, reward))
        other = TabularReward(2.7 * values + shift)
        assert float(scaled_return(world, policy, other)) == pytest.approx(one)
        shaped = Shaped(reward, table(seed + 50, 7), world.discount)
        assert float(scaled_return(world, policy, shaped)) == pytest.approx(one)


# 4 states, 3 actions: of the 81 policies, those that are best for the learned reward.
@seeds
def test_the_worst_of_all_policies_that_are_optimal(seed):
    world = small_world(seed, 4, 3, 1, terminal=(2,))
    rng = np.random.default_rng(seed)
    learned, truth = rng.integers(0, 2, (4, 1)) * np.ones((4, 3)), table(seed, 4, 3)
    r_learned = planning.mean_rewards(world, learned)
    r_truth = planning.mean_rewards(world, truth)
    best = planning.best_values(world, r_learned)
    equal = [
        float(
            np.asarray(world.initial) @ planning.policy_values(world, policy, r_truth)
        )
        for policy in planning.deterministic_policies(4, 3)
        if np.allclose(planning.policy_values(world, policy, r_learned), best)
    ]
    assert len({round(value, 6) for value in equal}) > 1
    reward = TabularReward(truth)
    found = worst_tie_break(world, TabularReward(learned), reward)
    assert float(mean_return(world, found, reward)) == pytest.approx(min(equal))
    kindest = worst_tie_break(world, TabularReward(learned), TabularReward(-truth))
    assert float(mean_return(world, kindest, reward)) == pytest.approx(max(equal))


def fork(initial=(1.0, 0.0, 0.0, 0.0)) -> FiniteMDP:
    """From 0, action 0 leads to the goal 1, action 1 to harm 2, action 2 to harm 3."""
    return FiniteMDP(
        np.broadcast_to([[1], [2], [3]], (4, 3, 1)),
        np.ones((4, 3, 1)),
        terminal=np.array([False, True, True, True]),
        initial=np.array(initial),
        goal=np.array([False, True, False, False]),
        discount=0.9,
    )


@pytest.mark.parametrize(
    "learned, returned, harm",
    [([1, 1, 0], -6.0, 1.0), ([1, 0, 0], 8.0, 0.0), ([1, 1, 1], -9.0, 1.0)],
    ids=["goal and a harm alike", "goal alone", "all alike"],
)
def test_equal_actions_are_taken_in_the_worst_way(learned, returned, harm):
    truth = TabularReward(np.broadcast_to([8.0, -6.0, -9.0], (4, 3)))
    pays = TabularReward(np.broadcast_to(np.array(learned, float), (4, 3)))
    policy = worst_tie_break(fork(), pays, truth)
    assert float(mean_return(fork(), policy, truth)) == pytest.approx(returned)
    score = score_reward(fork(), pays, truth)
    assert (score.never_end, score.end_elsewhere) == (0.0, harm)
    # Uniform is worth (8 - 6 - 9) / 3.
    expected = (returned + 7 / 3) / (8 + 7 / 3)
    assert score.scaled_return == pytest.approx(expected)


@pytest.mark.parametrize("p", [0.35, 0.5, 0.8])
def test_the_gamblers_ruin(p):
    """P(goal from i) = (1 - r^i) / (1 - r^n), r = (1 - p) / p; i / n where p = 1/2."""
    n = 9
    up, down = np.minimum(np.arange(n + 1) + 1, n), np.maximum(np.arange(n + 1) - 1, 0)
    # Action 0 wins with .9, action 1 with .2; the policy mixes them to win with p.
    wins = np.array([0.9, 0.2])
    world = FiniteMDP(
        np.broadcast_to(np.stack([up, down], -1)[:, None], (n + 1, 2, 2)),
        np.broadcast_to(np.stack([wins, 1 - wins], -1), (n + 1, 2, 2)),
        terminal=np.isin(np.arange(n + 1), [0, n]),
        initial=np.full(n + 1, 1 / (n + 1)),
        goal=np.arange(n + 1) == n,
        discount=0.97,
    )
    first = (p - 0.2) / 0.7
    policy = Tabular(jnp.broadcast_to(jnp.array([first, 1 - first]), (n + 1, 2)))
    i, r = np.arange(n + 1), (1 - p) / p
    expected = i / n if p == 0.5 else (1 - r**i) / (1 - r**n)
    found = outcomes(world, policy)
    np.testing.assert_allclose(found.goal, expected, atol=1e-12)
    np.testing.assert_allclose(found.elsewhere, 1 - expected, atol=1e-12)
    assert (found.never == 0.0).all()


@pytest.mark.parametrize("seed", [3])
def test_outcomes_are_how_rollouts_end(seed):
    goal = np.isin(np.arange(7), [1, 4])
    world = small_world(seed, terminal=(1, 4, 5), goal=goal)
    policy, n, n_steps = policy_of(seed), 3000, 150
    keys = jax.random.split(jax.random.key(seed), n)
    seen = jax.jit(jax.vmap(lambda key: episode(key, world, policy, n_steps)))(keys)
    last = np.asarray(seen.transition.next_state.index)[:, -1]
    ended = np.asarray(seen.transition.terminated)[:, -1]
    assert ended.all()
    found = outcomes(world, policy)
    for probability, hits in ((found.goal, goal[last]), (found.elsewhere, last == 5)):
        expected = share_of_starts(world, probability)
        assert 0.1 < expected < 0.9
        error = np.sqrt(expected * (1 - expected) / n)
        assert abs(hits.mean() - expected) < 4 * error


def trap() -> FiniteMDP:
    """From 0: goal 1 with .3, goal 2 with .1, harm 3 with .2, for ever 4 and 5 with .4.

    From 6 to 0 or, as likely, to 3.
    """
    successor = np.array([[1, 2, 3, 4], *[[0] * 4] * 3, [5] * 4, [4] * 4, [0, 3, 0, 3]])
    probability = np.full((7, 4), 0.25)
    probability[0] = [0.3, 0.1, 0.2, 0.4]
    return FiniteMDP(
        successor[:, None, :],
        probability[:, None, :],
        terminal=np.isin(np.arange(7), [1, 2, 3]),
        initial=np.array([0.1, 0.2, 0.0, 0.3, 0.0, 0.15, 0.25]),
        goal=np.isin(np.arange(7), [1, 2]),
        discount=0.9,
    )


def test_what_never_ends_several_goals_and_starts_that_are_ends():
    found = outcomes(trap(), Tabular(jnp.ones((7, 1))))
    np.testing.assert_allclose(found.goal, [0.4, 1, 1, 0, 0, 0, 0.2], atol=1e-12)
    np.testing.assert_allclose(found.elsewhere, [0.2, 0, 0, 1, 0, 0, 0.6], atol=1e-12)
    np.testing.assert_allclose(found.never, [0.4, 0, 0, 0, 1, 1, 0.2], atol=1e-12)
    # .1 * .4 + .2 + .25 * .2
    assert share_of_starts(trap(), found.goal) == pytest.approx(0.29)
    # .1 * .4 + .15 + .25 * .2
    assert share_of_starts(trap(), found.never) == pytest.approx(0.24)


def test_where_nothing_ends_nothing_ends():
    world = small_world(0)
    found = outcomes(world, policy_of(0))
    assert (found.never == 1.0).all()
    assert (found.goal == 0.0).all()


@ends
@seeds
def test_the_chain_of_a_policy_is_the_slow_one(seed, terminal):
    world, policy = small_world(seed, terminal=terminal), random_policy(seed, 7, 3)
    policy[:, 1] = 0.0
    policy /= policy.sum(axis=1, keepdims=True)
    expected = np.einsum("sa,sat->st", policy, planning.transitions(world))
    chain = policy_chain(world, Tabular(jnp.asarray(policy)))
    np.testing.assert_allclose(chain.toarray(), expected, atol=1e-12)
    assert chain.nnz == (expected > 0).sum()


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_reaching_is_the_closure_of_the_steps(seed):
    world = small_world(seed, 7, 1, 1, terminal=(2,))
    chain = policy_chain(world, Tabular(jnp.ones((7, 1))))
    steps = np.eye(7) + chain.toarray()
    target = np.isin(np.arange(7), [2, 6])
    expected = np.linalg.matrix_power(steps, 7)[:, target].sum(axis=1) > 0
    np.testing.assert_array_equal(can_reach(chain, target), expected)
    assert not can_reach(chain, np.zeros(7, dtype=bool)).any()
