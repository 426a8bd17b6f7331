"""Worlds without a discount in which not everything ends: what has a value, and what.

Twins count by hand: values are sums of rewards along the way.
"""

import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.worlds import small_world, table
from volition.env import FiniteMDP, gridworld
from volition.evaluation import (
    outcomes,
    reward_distances,
    scaled_return,
    score_reward,
    starc_distance,
    visit_coverage,
    worst_tie_break,
)
from volition.policy import Tabular as TabularPolicy
from volition.reward import Linear, Tabular
from volition.value import (
    PolicyIteration,
    SoftValueIteration,
    ValueIteration,
    evaluate_policy,
    from_start,
    occupancy,
    plan,
)

HARD = {"policy iteration": PolicyIteration(), "value iteration": ValueIteration()}
hard = pytest.mark.parametrize("method", HARD.values(), ids=HARD)


def chain(successor, *, ends, initial=None, discount=1.0, probability=None):
    """A world by its list of successors, `[state][action]`, or of branches."""
    successor = np.asarray(successor)
    if successor.ndim == 2:
        successor = successor[:, :, None]
    shape = successor.shape
    if probability is None:
        probability = np.ones(shape) / shape[2]
    start = np.eye(shape[0])[0] if initial is None else np.asarray(initial)
    terminal = np.isin(np.arange(shape[0]), ends)
    return FiniteMDP(
        successor, probability, terminal=terminal, initial=start, discount=discount
    )


def tabular(values):
    return Tabular(np.array(values))


# 0 -> 1 -> 2, the end; action 1 stays. State 3 leads to itself and nothing to it.
ISOLATED = chain([[1, 0], [2, 1], [2, 2], [3, 3]], ends=(2,))


@hard
@pytest.mark.parametrize("trapped, value", [(-1.0, -np.inf), (0.0, 0.0), (1.0, np.nan)])
def test_an_isolated_loop_leaves_the_others_their_values(method, trapped, value):
    found = plan(ISOLATED, tabular([-1.0, -1.0, 0.0, trapped]), method)
    np.testing.assert_array_equal(found.value, [-2.0, -1.0, 0.0, value])
    assert found.converged
    assert ("state 3 has no finite value" in found.message) == (trapped != 0.0)
    np.testing.assert_array_equal(found.policy.probabilities[:2], [[1, 0], [1, 0]])
    np.testing.assert_allclose(np.asarray(found.policy.probabilities).sum(axis=1), 1.0)
    assert float(from_start(ISOLATED, found.value)) == -2.0


@hard
@pytest.mark.parametrize("size", [1e-12, 1.0, 1e12])
def test_a_trap_that_can_be_avoided_is(method, size):
    # From 0: action 0 may fall into the trap 2, action 1 takes the way round by 3.
    world = chain(
        [[[1, 2], [3, 3]], [[1, 1], [1, 1]], [[2, 2], [2, 2]], [[1, 1], [3, 3]]],
        ends=(1,),
    )
    found = plan(world, Tabular(size * np.array([-1.0, 0.0, -1.0, -5.0])), method)
    np.testing.assert_allclose(found.value / size, [-6.0, 0.0, -np.inf, -5.0])
    assert float(found.q[0, 0]) == -np.inf
    assert found.policy.probabilities[0].tolist() == [0.0, 1.0]


@hard
def test_episodes_that_begin_where_nothing_ends_are_refused(method):
    world = chain([[0, 0], [1, 1]], ends=(1,))
    for paid in (-1.0, 1.0):
        with pytest.raises(RuntimeError, match=r"begin in state 0 .*may never end"):
            plan(world, tabular([paid, 0.0]), method)
        found = plan(world, tabular([paid, 0.0]), method, throw=False)
        assert not found.converged
        assert not np.isfinite(float(found.value[0]))
    # Staying for nothing is worth nothing.
    assert plan(world, tabular([0.0, 0.0]), method).value.tolist() == [0.0, 0.0]


@hard
def test_a_loop_that_pays_is_not_planned_into_a_number(method):
    world = chain([[1, 0], [1, 1]], ends=(1,))
    method = (
        ValueIteration(max_sweeps=300) if isinstance(method, ValueIteration) else method
    )
    with pytest.raises(RuntimeError, match="a loop that pays is worth more than any"):
        plan(world, tabular([1.0, 0.0]), method)


@hard
def test_waiting_for_nothing_beats_an_end_that_costs(method):
    world = chain([[1, 0], [1, 1]], ends=(1,))
    found = plan(world, tabular([[-1.0, 0.0], [0.0, 0.0]]), method)
    assert found.value.tolist() == [0.0, 0.0]
    assert found.policy.probabilities[0].tolist() == [0.0, 1.0]


@hard
@pytest.mark.parametrize("length", [5, 90])
@pytest.mark.parametrize("step", [0.0, -1.0])
def test_long_ways_are_walked_and_not_waited_on(method, length, step):
    """Without a discount, waiting is as good as going; the policy goes all the same."""
    board = ["S" + "." * length + "G"]
    world = gridworld(board, discount=1.0)
    found = plan(world, Linear(world.feature_names, [step, 2.0 * length, 0.0]), method)
    assert float(found.value[0]) == pytest.approx(2.0 * length + step * length)
    ends = outcomes(world, found.policy)
    np.testing.assert_allclose(ends.goal[: length + 1], 1.0)
    value = evaluate_policy(world, found.policy.probabilities, -jnp.ones(found.q.shape))
    assert float(value[0]) == -(length + 1)  # no step too many


@hard
@pytest.mark.parametrize("seed", range(4))
def test_with_and_without_a_trap_are_the_same_elsewhere(method, seed):
    """A trap beside a random world that ends changes none of its values."""
    inner = small_world(seed, 6, 2, 3, discount=1.0, terminal=(1, 4))
    paid = -np.abs(table(seed, 6, 2))
    alone = plan(inner, Tabular(paid), method)
    grow = lambda x, more: np.concatenate([np.asarray(x), more])
    world = FiniteMDP(
        grow(inner.successor, np.full((1, 2, 3), 6)),
        grow(inner.probability, np.full((1, 2, 3), 1 / 3)),
        terminal=grow(inner.terminal, [False]),
        initial=grow(inner.initial, [0.0]),
        discount=1.0,
    )
    beside = plan(world, Tabular(grow(paid, [[-1.0, -2.0]])), method)
    np.testing.assert_allclose(beside.value[:6], alone.value, rtol=1e-9)
    np.testing.assert_array_equal(
        beside.policy.probabilities[:6], alone.policy.probabilities
    )
    assert float(beside.value[6]) == -np.inf


def test_soft_planning_leaves_out_all_who_cannot_end():
    found = plan(ISOLATED, tabular([-1.0, -1.0, 0.0, 0.0]), SoftValueIteration(0.1))
    assert np.isnan(float(found.value[3]))
    # v = T log(e^(r/T) + e^((r + v)/T)), by hand: v = r - T log(1 - e^(r/T)).
    each = -1.0 - 0.1 * np.log(1.0 - np.exp(-10.0))
    np.testing.assert_allclose(found.value[:2], [2 * each, each], rtol=1e-9)


@pytest.mark.parametrize("n_states", [4, 700])  # by factorisation, and by iteration
@pytest.mark.parametrize("paid, value", [(-1, -np.inf), (1, np.inf), (0, 0.0)])
def test_a_policy_that_never_ends_has_no_finite_value(paid, value, n_states):
    forward = np.minimum(np.arange(n_states) + 1, n_states - 2)
    forward[-1] = n_states - 1
    world = chain(
        np.stack([forward, np.arange(n_states)], axis=1), ends=(n_states - 2,)
    )
    always = lambda action: jnp.eye(2)[jnp.full(n_states, action)]
    r = jnp.full((n_states, 2), -1.0).at[-1].set(paid)
    found = np.asarray(evaluate_policy(world, always(0), r))
    np.testing.assert_allclose(found[:-1], -np.arange(n_states - 2, -1, -1.0))
    assert found[-1] == value
    assert float(from_start(world, jnp.asarray(found))) == -(n_states - 2)
    # Who stays for ever, stays at a cost.
    assert np.asarray(evaluate_policy(world, always(1), r))[0] == -np.inf
    visits = np.asarray(occupancy(world, always(1)))
    assert visits[0].tolist() == [0.0, np.inf]
    assert (visits[1:] == 0.0).all()
    np.testing.assert_allclose(np.asarray(occupancy(world, always(0)))[:-2, 0], 1.0)


WALLED = gridworld(["S.#.", "..##", "...G"], discount=1.0)
NAMES = WALLED.feature_names
TRUTH = Linear(NAMES, [-1.0, 0.0, -10.0])


def test_scores_of_a_board_with_a_walled_in_tile():
    score = score_reward(WALLED, TRUTH, TRUTH)
    assert score.scaled_return == pytest.approx(1.0)
    assert (score.never_end, score.end_elsewhere) == (0.0, 0.0)
    # A reward for the opposite goes nowhere, and says so.
    policy = TabularPolicy(jnp.eye(4)[jnp.zeros(12, dtype=int)])  # up, for ever
    assert float(scaled_return(WALLED, policy, TRUTH)) == -np.inf


def test_distances_of_a_board_with_a_walled_in_tile():
    other = Linear(NAMES, [-2.0, 5.0, 1.0])
    assert starc_distance(WALLED, TRUTH, TRUTH) == 0.0
    assert 0.0 < starc_distance(WALLED, other, TRUTH) < 1.0
    # As where the tile is no part of the world.
    open_board = gridworld(["S.##", "..##", "...G"], discount=1.0)
    inside = starc_distance(open_board, other, TRUTH)
    assert starc_distance(WALLED, other, TRUTH) == pytest.approx(inside)
    values = Tabular(np.where(np.arange(12) == 10, -3.0, -1.0))
    found = reward_distances(WALLED, values, values)
    assert (found.starc, found.dard) == (0.0, {})
    assert "DARD is left out" in found.left_out
    assert max(found.epic.values()) < 1e-6


def test_what_needs_an_end_says_so():
    stay = TabularPolicy(jnp.eye(4)[jnp.zeros(12, dtype=int)])
    with pytest.raises(ValueError, match="may never end, and without a discount STARC"):
        starc_distance(WALLED, TRUTH, TRUTH, stay)
    with pytest.raises(ValueError, match="never ends from there"):
        visit_coverage(WALLED, stay)


@pytest.mark.parametrize("size", [1e-30, 1e-12, 1.0, 1e12, 1e30])
def test_ties_are_broken_against_the_truth_in_any_unit(size):
    """Two ways of equal length; only the truth minds one of them."""
    world = chain([[1, 2], [3, 3], [3, 3], [3, 3]], ends=(3,), discount=0.9)
    learned = Tabular(np.array([0.0, 1.0, 1.0, 0.0]) * size)
    for bad in (1, 2):
        true = np.zeros(4)
        true[bad] = -3.0 / size
        worst = worst_tie_break(world, learned, Tabular(true))
        assert int(np.argmax(worst.probabilities[0])) == bad - 1
