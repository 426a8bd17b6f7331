"""Valuations: what a path is worth, by hand and by algebra."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.paths import featured_world, follow_all, pairs
from volition.env import delivery
from volition.feedback import follow
from volition.human import (
    Foresight,
    PartialReturn,
    Regret,
    partial_return,
    value_change,
)
from volition.policy import window
from volition.reward import Function, Linear, Shaped, delivery_true
from volition.value import ValueIteration, plan

SEEDS = [1, 8]
UP, DOWN, LEFT, RIGHT = range(4)
DELIVERY = delivery()
TRUTH = delivery_true()
REGRET = Regret(delivery(discount=1.0), ValueIteration())


@eqx.filter_jit
def worths(valuation, reward, segments):
    """Of a batch `[question, option]`."""
    return jax.vmap(jax.vmap(valuation.prepare(reward)))(segments)


@pytest.mark.parametrize(
    "start, actions, worth",
    [
        # From mud (7, 9) down into the goal, which ends.
        ((7, 9), [DOWN, UP, UP], 50.0),
        # Onto the coin (1, 4): gas and coin; then right and up: gas.
        ((1, 3), [RIGHT, RIGHT, UP], -1 + 1 - 1 - 1),
        # Against the border: stays on road, gas, twice; then down, gas.
        ((0, 0), [UP, LEFT, DOWN], -3.0),
        # Onto the coin, then twice against the border: gas, but no second coin.
        ((9, 8), [RIGHT, RIGHT, DOWN], -1 + 1 - 1 - 1),
        # Gas onto (1, 2), then the sheep (2, 2), which ends.
        ((1, 1), [RIGHT, DOWN, DOWN], -1 - 50),
        # Roadblock (0, 2) from the left, over it, back onto it.
        ((0, 1), [RIGHT, RIGHT, LEFT], -2 - 1 - 2),
        # Mud (1, 9), mud (2, 9), and mud again to the left, (2, 8).
        ((0, 9), [DOWN, DOWN, LEFT], -6.0),
        # The house (3, 4) blocks: it stays on road (3, 3); then up twice.
        ((3, 3), [RIGHT, UP, UP], -3.0),
    ],
)
def test_a_partial_return_by_hand(start, actions, worth):
    state = jnp.int32(10 * start[0] + start[1])
    segment = follow(DELIVERY, state, jnp.array(actions, dtype=jnp.int32))
    assert float(partial_return(TRUTH, segment)) == worth


def test_nothing_is_paid_behind_an_end():
    ended = follow(DELIVERY, jnp.int32(79), jnp.array([DOWN, UP, UP], dtype=jnp.int32))
    # Even where the reward itself would pay, or has no value there.
    for fn in (lambda s, a: 1.0, lambda s, a: jnp.where(s.index == 89, jnp.nan, 1.0)):
        assert float(partial_return(Function(fn), ended)) == 1.0


def optimal_paths(length: int) -> tuple[np.ndarray, np.ndarray]:
    """Each start of the delivery world, and what an optimal policy does from there."""
    found = plan(REGRET.env, TRUTH, REGRET.planner)
    best = np.asarray(found.policy.probabilities).argmax(axis=1)
    starts = np.flatnonzero(np.asarray(DELIVERY.initial) > 0)
    states, actions = starts, []
    for _ in range(length):
        actions.append(best[states])
        states = np.asarray(DELIVERY.successor)[states, actions[-1], 0]
    return starts, np.stack(actions, axis=1)


def test_an_optimal_path_has_no_regret_and_no_other_path_less():
    # With V*(s) = max_a r + discount V*(s'), and the sum not discounted, the worth of
    # an optimal path is sum_t (1 - discount) V*(s_t+1): 0 for a discount of 1.
    starts, best = optimal_paths(3)
    # All 64 paths of 3 moves from every start; path 16 a + 4 b + c makes a, b, c.
    every = np.stack(np.meshgrid(*[range(4)] * 3, indexing="ij"), -1).reshape(-1, 3)
    begins = np.repeat(starts, 64).reshape(-1, 64)
    moves = np.broadcast_to(every, (*begins.shape, 3))
    followed = follow_all(DELIVERY, begins.astype(np.int32), moves.astype(np.int32))
    all_worth = np.asarray(worths(REGRET, TRUTH, followed))
    optimal = all_worth[np.arange(len(starts)), best @ np.array([16, 4, 1])]
    np.testing.assert_allclose(optimal, 0.0, atol=1e-9)
    assert all_worth.max() < 1e-9
    np.testing.assert_allclose(all_worth.max(axis=1), 0.0, atol=1e-9)
    # Every reward of this world is a whole number: a worse path is worse by 1 or more.
    worse = all_worth < -1e-9
    assert 0.5 < worse.mean() < 1.0
    assert all_worth[worse].max() < -1.0 + 1e-9


def test_regret_charges_what_is_left_to_be_had():
    # From (8, 9)'s neighbour above the goal: down ends with 50; going up instead and
    # stopping there pays mud (2) and leaves the goal two steps away: 50 - 2.
    starts = jnp.array([[79, 79]], dtype=jnp.int32)
    moves = jnp.array([[[DOWN], [UP]]], dtype=jnp.int32)
    worth = worths(REGRET, TRUTH, follow_all(DELIVERY, starts, moves))[0]
    at_69 = -1.0  # (6, 9) is road: gas; then mud (7, 9) again, then the goal
    np.testing.assert_allclose(worth, [0.0, at_69 + (-2 + 50) - 50], atol=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_foresight_goes_from_partial_return_to_regret(seed):
    world = featured_world(seed, terminal=(2,))
    segments = pairs(seed, world, 9, 4)
    reward = Linear(world.feature_names, [0.7, -1.1, -0.2])
    foresight = Foresight(world, ValueIteration(1e-13))
    least, half, most = (
        worths(eqx.tree_at(lambda f: f.share.raw, foresight, raw), reward, segments)
        for raw in jnp.array([-27.0, 0.0, 27.0])  # shares 2e-12, 1/2, 1 - 2e-12
    )
    none = worths(PartialReturn(), reward, segments)
    whole = worths(Regret(world, ValueIteration(1e-13)), reward, segments)
    assert np.abs(none - whole).max() > 1.0  # they do differ
    np.testing.assert_allclose(least, none, atol=1e-10)
    np.testing.assert_allclose(most, whole, atol=1e-10)
    np.testing.assert_allclose(half, (none + whole) / 2, atol=1e-12)


# r' = r + discount phi(s') - phi(s) has V*' = V* - phi (phi = 0 at an end). So over a
# path s_0 .. s_n, whose rewards are summed without a discount,
#   worth' - worth
#     = sum_{t=0}^{n-1} (discount phi(s_t+1) - phi(s_t)) - phi(s_n) + phi(s_0)
#     = - (1 - discount) sum_{t=1}^{n} phi(s_t):
# nothing for a discount of 1, and little for one near it.
@pytest.mark.parametrize("discount", [1.0, 0.97])
@pytest.mark.parametrize("seed", SEEDS)
def test_shaping_moves_regret_by_what_the_discount_leaves(seed, discount):
    world = delivery(discount=discount)
    generator = np.random.default_rng(seed)
    potential = 3.0 * generator.standard_normal(100)
    potential[np.asarray(world.terminal)] = 0.0
    segments = pairs(seed, world, 20, 3)
    regret = Regret(world, ValueIteration())
    shaped = Shaped(TRUTH, potential, discount)
    changed = worths(regret, shaped, segments) - worths(regret, TRUTH, segments)
    visited = np.asarray(segments.transition.next_state.index)
    weight = np.asarray(segments.weight)
    expected = -(1 - discount) * (weight * potential[visited]).sum(axis=-1)
    np.testing.assert_allclose(changed, expected, atol=1e-8)
    assert (np.abs(expected).max() > 0.1) == (discount < 1)
    # A partial return is not blind to shaping.
    plain = worths(PartialReturn(), shaped, segments) - worths(
        PartialReturn(), TRUTH, segments
    )
    assert np.abs(plain).max() > 1.0


@pytest.mark.parametrize("seed", SEEDS)
def test_shaping_changes_no_answer_by_regret(seed):
    potential = np.random.default_rng(seed).normal(size=100)
    segments = pairs(seed, DELIVERY, 20, 3)
    before = worths(REGRET, TRUTH, segments)
    after = worths(REGRET, Shaped(TRUTH, potential, 1.0), segments)
    np.testing.assert_allclose(after, before, atol=1e-8)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_person_may_plan_with_a_discount_of_their_own(seed):
    world = featured_world(seed)
    reward = Linear(world.feature_names, [1.0, 0.5, 0.1])
    segments = pairs(seed, world, 5, 3)
    own = worths(Regret(world, discount=0.5), reward, segments)
    there = worths(Regret(featured_world(seed, discount=0.5)), reward, segments)
    np.testing.assert_array_equal(own, there)
    assert np.abs(own - worths(Regret(world), reward, segments)).max() > 1e-3


@pytest.mark.parametrize("seed", SEEDS)
def test_the_slope_of_regret_is_that_of_finite_differences(seed):
    world = featured_world(seed, terminal=(2,))
    segments = pairs(seed, world, 6, 4)
    names, weights = world.feature_names, jnp.array([0.7, -1.1, -0.2])

    @jax.jit
    @jax.value_and_grad
    def total(weights):
        worth = Regret(world, ValueIteration(1e-13)).prepare(Linear(names, weights))
        each = jax.vmap(jax.vmap(worth))(segments)
        return jnp.sum(each[:, 0] - 0.3 * each[:, 1])

    _, slope = total(weights)
    step = 1e-6
    for axis in range(3):
        change = step * jnp.eye(3)[axis]
        found = (total(weights + change)[0] - total(weights - change)[0]) / (2 * step)
        assert float(slope[axis]) == pytest.approx(float(found), rel=1e-6, abs=1e-6)


def test_a_window_behind_an_end_is_worth_nothing():
    whole = follow(
        DELIVERY, jnp.int32(79), jnp.array([DOWN, UP, UP, UP], dtype=jnp.int32)
    )
    behind = window(whole, 1, 2)
    assert float(partial_return(TRUTH, behind)) == 0.0
    # Whatever the values say of an end, nothing is to be had there.
    assert float(value_change(jnp.arange(100.0), whole)) == -79.0
    assert float(value_change(jnp.zeros(100), behind)) == 0.0
    up = follow(DELIVERY, jnp.int32(79), jnp.array([UP], dtype=jnp.int32))
    assert float(value_change(jnp.arange(100.0), up)) == 69.0 - 79.0
