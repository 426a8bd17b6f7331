"""Planning: what must not matter does not, and what is found is the best."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference import planning
from tests.reference.worlds import random_policy, small_world, table
from volition.env import FiniteMDP
from volition.reward import Shaped, Tabular
from volition.value import (
    PolicyIteration,
    SoftValueIteration,
    ValueIteration,
    evaluate_policy,
    plan,
)

SEEDS = [0, 3, 11]
ENDS = {"no end": (), "ends": (1, 5)}
HARD = {
    "policy iteration": PolicyIteration(),
    "value iteration": ValueIteration(1e-13),
}
METHODS = HARD | {"soft": SoftValueIteration(0.8, 1e-13)}
methods = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
hard_methods = pytest.mark.parametrize("method", HARD.values(), ids=HARD)
seeds = pytest.mark.parametrize("seed", SEEDS)
ends = pytest.mark.parametrize("terminal", ENDS.values(), ids=ENDS)


def same_policy(found, other, atol=1e-9) -> None:
    np.testing.assert_allclose(
        found.policy.probabilities, other.policy.probabilities, atol=atol
    )


# 3^4 = 81 and 5^3 = 125 policies, counted out one by one.
@hard_methods
@pytest.mark.parametrize(
    "sizes, terminal",
    [((4, 3, 2), ()), ((4, 3, 2), (2,)), ((3, 5, 3), (0,))],
    ids=["4 x 3", "4 x 3 ends", "3 x 5 ends"],
)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_best_of_all_deterministic_policies(seed, sizes, terminal, method):
    world = small_world(seed, *sizes, terminal=terminal)
    values = table(seed, *sizes[:2], sizes[0])
    found = plan(world, Tabular(values), method)
    r = planning.mean_rewards(world, values)
    np.testing.assert_allclose(found.value, planning.best_values(world, r), atol=1e-10)
    followed = planning.policy_values(world, np.asarray(found.policy.probabilities), r)
    np.testing.assert_allclose(found.value, followed, atol=1e-10)
    expected = planning.action_values(world, r, followed)
    np.testing.assert_allclose(found.q, expected, atol=1e-10)


@ends
@pytest.mark.parametrize("temperature", [0.3, 4.0])
@pytest.mark.parametrize("seed", SEEDS[:2])
def test_soft_values_equal_their_twin(seed, temperature, terminal):
    world, values = small_world(seed, terminal=terminal), table(seed, 7, 3, 7)
    method = SoftValueIteration(jnp.asarray(temperature), 1e-13)
    found = plan(world, Tabular(values), method)
    r = planning.mean_rewards(world, values)
    value, policy = planning.soft_values(world, r, temperature, 300)
    np.testing.assert_allclose(found.value, value, atol=1e-10)
    np.testing.assert_allclose(found.policy.probabilities, policy, atol=1e-10)


@ends
@seeds
def test_a_cold_soft_policy_is_the_best_one(seed, terminal):
    world, values = small_world(seed, terminal=terminal), Tabular(table(seed, 7, 3, 7))
    best = plan(world, values)
    for temperature in (0.1, 0.01, 0.001):
        found = plan(world, values, SoftValueIteration(jnp.asarray(temperature), 1e-13))
        # Each step is worth at most temperature * log(actions) more.
        excess = np.asarray(found.value - best.value)
        assert (excess >= -1e-10).all()
        assert (excess <= temperature * np.log(3) / (1 - 0.85) + 1e-10).all()
    # The last excess is below .01: where an action is best by .05, it is taken.
    ordered = np.sort(np.asarray(best.q), axis=1)
    clear = ordered[:, -1] - ordered[:, -2] > 0.05
    assert clear.sum() >= 4
    difference = found.policy.probabilities - best.policy.probabilities
    np.testing.assert_allclose(np.asarray(difference)[clear], 0.0, atol=1e-12)


@methods
@ends
@seeds
def test_shaping_changes_no_policy_and_takes_the_potential_off(seed, terminal, method):
    world, reward = small_world(seed, terminal=terminal), Tabular(table(seed, 7, 3, 7))
    potential = table(seed + 100, 7)
    one = plan(world, reward, method)
    other = plan(world, Shaped(reward, potential, world.discount), method)
    open_states = ~np.asarray(world.terminal)
    np.testing.assert_allclose(
        np.asarray(other.value)[open_states],
        (np.asarray(one.value) - potential)[open_states],
        atol=1e-10,
    )
    assert (np.asarray(other.value)[~open_states] == 0.0).all()
    same_policy(one, other)


@hard_methods
@pytest.mark.parametrize("seed", SEEDS[:2])
def test_scale_and_shift_of_the_reward_change_no_policy(seed, method):
    """Where nothing ends: elsewhere a constant is the value of staying alive."""
    world, values = small_world(seed), table(seed, 7, 3)
    one = plan(world, Tabular(values), method)
    other = plan(world, Tabular(2.7 * values - 1.3), method)
    expected = 2.7 * np.asarray(one.value) - 1.3 / (1 - 0.85)
    np.testing.assert_allclose(other.value, expected, atol=1e-9)
    same_policy(one, other)


@seeds
def test_the_scale_of_the_reward_is_one_over_the_temperature(seed):
    world, values = small_world(seed, terminal=(4,)), table(seed, 7, 3)
    one = plan(world, Tabular(values), SoftValueIteration(jnp.asarray(0.5), 1e-13))
    three = jnp.asarray(1.5)
    other = plan(world, Tabular(3 * values), SoftValueIteration(three, 1e-13))
    np.testing.assert_allclose(other.value, 3 * np.asarray(one.value), atol=1e-9)
    same_policy(one, other)


def relabelled(world: FiniteMDP, new: np.ndarray) -> FiniteMDP:
    """State `s` is called `new[s]`."""
    old = np.argsort(new)
    return FiniteMDP(
        new[np.asarray(world.successor)][old],
        np.asarray(world.probability)[old],
        terminal=np.asarray(world.terminal)[old],
        initial=np.asarray(world.initial)[old],
        discount=world.discount,
    )


@methods
@ends
@seeds
def test_names_of_states_and_actions_do_not_matter(seed, terminal, method):
    world, values = small_world(seed, terminal=terminal), table(seed, 7, 3, 7)
    one = plan(world, Tabular(values), method)
    new = np.random.default_rng(seed).permutation(7)
    old = np.argsort(new)
    other = plan(relabelled(world, new), Tabular(values[old][:, :, old]), method)
    np.testing.assert_allclose(other.q, np.asarray(one.q)[old], atol=1e-10)
    np.testing.assert_allclose(other.value, np.asarray(one.value)[old], atol=1e-10)
    # Actions the other way round.
    turned = eqx.tree_at(
        lambda mdp: (mdp.successor, mdp.probability),
        world,
        (world.successor[:, ::-1], world.probability[:, ::-1]),
    )
    mirrored = plan(turned, Tabular(values[:, ::-1]), method)
    np.testing.assert_allclose(mirrored.q, np.asarray(one.q)[:, ::-1], atol=1e-10)


@ends
@seeds
def test_no_policy_is_better(seed, terminal):
    world, values = small_world(seed, terminal=terminal), table(seed, 7, 3)
    best = np.asarray(plan(world, Tabular(values)).value)
    r = planning.mean_rewards(world, values)
    policies = jnp.asarray(np.array([random_policy(i, 7, 3) for i in range(50)]))
    evaluate = jax.jit(jax.vmap(evaluate_policy, (None, 0, None)))
    others = np.asarray(evaluate(world, policies, jnp.asarray(r)))
    assert (others <= best + 1e-10).all()
    assert (others < best - 1e-3).any()


@methods
def test_an_end_is_worth_nothing_whatever_is_paid_there(method):
    world, values = small_world(3, terminal=(1, 5)), table(3, 7, 3)
    one = plan(world, Tabular(values), method)
    values[[1, 5]] = 1e6
    other = plan(world, Tabular(values), method)
    np.testing.assert_array_equal(one.value, other.value)
    assert (np.asarray(one.q)[[1, 5]] == 0.0).all()


@hard_methods
def test_equal_actions_do_not_take_turns(method):
    """A reward of 0 makes every policy optimal."""
    found = plan(small_world(0), Tabular(np.zeros(7)), method)
    assert found.converged
    assert (np.asarray(found.q) == 0.0).all()
    assert np.asarray(found.policy.probabilities)[:, 0].tolist() == [1.0] * 7


def test_policy_iteration_says_so_where_there_is_no_solution():
    """Discount 1 and no end: every value is minus infinity."""
    endless = eqx.tree_at(
        lambda mdp: mdp.discount, small_world(3), jnp.asarray(1.0, dtype=float)
    )
    found = plan(endless, Tabular(-np.ones(7)), PolicyIteration(), throw=False)
    assert not found.converged
