"""The value of a policy, its occupancy, and the path for large worlds."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference import planning
from tests.reference.worlds import random_policy, small_world, table
from volition.env import FiniteMDP, cliff_walking
from volition.reward import Tabular, cliff_walking as cliff_reward
from volition.value import (
    PolicyIteration,
    SoftValueIteration,
    ValueIteration,
    evaluate_policy,
    occupancy,
    optimal_value,
    plan,
    state_distribution,
)
from volition.value.evaluate import DENSE_STATES

# No ends; two ends; few states and many actions.
WORLDS = {
    "no end": lambda seed: small_world(seed),
    "two ends": lambda seed: small_world(seed, terminal=(0, 4)),
    "wide": lambda seed: small_world(seed, 3, 6, 2, discount=0.4, terminal=(1,)),
}
LARGE = DENSE_STATES + 37
values_of, time_spent = jax.jit(evaluate_policy), jax.jit(occupancy)


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("seed", [1, 8])
def test_values_and_occupancy_equal_their_twins(seed, name):
    world = WORLDS[name](seed)
    r = table(seed, world.n_states, world.n_actions)
    policy = random_policy(seed, world.n_states, world.n_actions)
    value = values_of(world, jnp.asarray(policy), jnp.asarray(r))
    expected = planning.policy_values(world, policy, r)
    np.testing.assert_allclose(value, expected, atol=1e-12)
    spent = time_spent(world, jnp.asarray(policy))
    np.testing.assert_allclose(spent, planning.occupancies(world, policy), atol=1e-12)
    # Its product with any reward is the mean return.
    assert float(jnp.sum(spent * r)) == pytest.approx(
        float(value @ world.initial), abs=1e-12
    )


@pytest.mark.parametrize("discount", [0.0, 0.6, 0.97])
def test_occupancy_sums_to_the_horizon(discount):
    policy = jnp.asarray(random_policy(3, 7, 3))
    spent = time_spent(small_world(3, discount=discount), policy)
    assert float(spent.sum()) == pytest.approx(1.0 / (1.0 - discount), rel=1e-12)
    # Time in an end is not counted.
    ends = time_spent(small_world(3, discount=discount, terminal=(2,)), policy)
    assert (np.asarray(ends)[2] == 0.0).all()
    assert float(ends.sum()) <= float(spent.sum()) * (1.0 + 1e-12)


@pytest.mark.parametrize("seed", [2, 6])
def test_where_an_episode_is(seed):
    world = small_world(seed, terminal=(1, 3))
    policies = np.array([random_policy(seed + step, 7, 3) for step in range(5)])
    found = jax.jit(state_distribution)(world, jnp.asarray(policies))
    mass = np.array(world.initial)
    for step in range(6):
        np.testing.assert_allclose(found[step], mass, atol=1e-14)
        assert float(found[step].sum()) == pytest.approx(1.0, abs=1e-14)
        if step < 5:
            p = planning.transitions(world)
            mass = np.einsum("s,sa,sat->t", mass, policies[step], p)
    ended = np.asarray(found)[:, [1, 3]].sum(axis=1)
    assert (np.diff(ended) > 0.0).all()


def test_the_cliff_by_hand():
    """Undiscounted: 13 steps along the edge, worth -13; each tile its distance."""
    world = cliff_walking()
    for method in (PolicyIteration(), ValueIteration()):
        found = plan(world, cliff_reward(), method)
        assert float(found.value[36]) == -13.0
        distance = [[-14 + row + column for column in range(12)] for row in range(3)]
        np.testing.assert_array_equal(found.value[:36], np.ravel(distance))


@pytest.mark.parametrize("seed", [5])
def test_many_policies_and_rewards_at_once(seed):
    world = small_world(seed, terminal=(6,))
    policies = jnp.asarray(np.array([random_policy(seed + i, 7, 3) for i in range(3)]))
    r = jnp.asarray(table(seed, 3, 7, 3))
    together = jax.jit(jax.vmap(evaluate_policy, (None, 0, 0)))(world, policies, r)
    for i in range(3):
        alone = values_of(world, policies[i], r[i])
        np.testing.assert_allclose(together[i], alone, atol=1e-13)


def test_many_worlds_at_once():
    discounts = jnp.array([0.2, 0.7, 0.95])
    world, policy = small_world(5), jnp.asarray(random_policy(5, 7, 3))
    r = jnp.asarray(table(5, 7, 3))

    def value(discount):
        changed = eqx.tree_at(lambda mdp: mdp.discount, world, discount)
        return evaluate_policy(changed, policy, r)

    together = jax.jit(jax.vmap(value))(discounts)
    for i, discount in enumerate([0.2, 0.7, 0.95]):
        expected = planning.policy_values(
            small_world(5, discount=discount), np.asarray(policy), np.asarray(r)
        )
        np.testing.assert_allclose(together[i], expected, atol=1e-12)


def large_world(terminal: tuple[int, ...]) -> FiniteMDP:
    return small_world(4, LARGE, 2, 5, discount=0.98, terminal=terminal)


@pytest.mark.parametrize("terminal", [(), (0, 77, LARGE - 1)], ids=["no end", "ends"])
def test_large_worlds_take_another_path_to_the_same_values(terminal):
    world = large_world(terminal)
    r, policy = table(4, LARGE, 2), random_policy(4, LARGE, 2)
    weights = table(5, LARGE)

    @jax.jit
    def solve(r):
        def total(r):
            value = evaluate_policy(world, jnp.asarray(policy), r)
            return value @ weights, value

        return jax.value_and_grad(total, has_aux=True)(r)

    (_, value), slope = solve(jnp.asarray(r))
    expected = planning.policy_values(world, policy, r)
    np.testing.assert_allclose(value, expected, atol=1e-9)
    assert (np.asarray(value)[list(terminal)] == 0.0).all()
    # The value is linear in the reward, so that a difference of any size is exact.
    direction = table(6, LARGE, 2)
    moved = planning.policy_values(world, policy, r + direction)
    assert float((slope * direction).sum()) == pytest.approx(
        float((moved - expected) @ weights), rel=1e-9
    )


def test_planning_in_a_large_world_equals_value_iteration():
    world = large_world((5,))
    values = Tabular(table(4, LARGE, 2))
    newton, sweeps = plan(world, values), plan(world, values, ValueIteration())
    np.testing.assert_allclose(newton.value, sweeps.value, atol=1e-6)
    np.testing.assert_array_equal(
        newton.policy.probabilities, sweeps.policy.probabilities
    )
    expected = planning.policy_values(
        world, np.asarray(newton.policy.probabilities), table(4, LARGE, 2)
    )
    np.testing.assert_allclose(newton.value, expected, atol=1e-8)


@pytest.mark.parametrize(
    "method",
    [PolicyIteration(), ValueIteration(1e-13), SoftValueIteration(0.7, 1e-13)],
    ids=["policy iteration", "value iteration", "soft"],
)
@pytest.mark.parametrize("seed", [3])
def test_the_slope_of_the_optimal_value_is_that_of_differences(seed, method):
    world = small_world(seed, terminal=(2,))
    r, direction = jnp.asarray(table(seed, 7, 3)), jnp.asarray(table(seed + 1, 7, 3))
    weights = jnp.asarray(table(seed + 2, 7))

    @jax.jit
    def total(r):
        return optimal_value(method, world, r) @ weights

    step = 1e-4  # error of a central difference: step^2, and rounding 1e-13 / step
    differences = total(r + step * direction) - total(r - step * direction)
    expected = float(differences) / (2 * step)
    backward = float(jnp.sum(jax.jit(jax.grad(total))(r) * direction))
    _, forward = jax.jit(lambda r, by: jax.jvp(total, (r,), (by,)))(r, direction)
    assert backward == pytest.approx(expected, rel=1e-6)
    assert float(forward) == pytest.approx(backward, rel=1e-11)


def test_the_optimal_value_is_differentiable_where_the_world_is_an_argument():
    world, r = small_world(3, terminal=(2,)), jnp.asarray(table(3, 7, 3))

    def total(world, r):
        return jnp.sum(optimal_value(PolicyIteration(), world, r))

    inside = jax.jit(jax.grad(total, argnums=1))(world, r)
    around = jax.grad(lambda r: jax.jit(total)(world, r))(r)
    closed = jax.jit(jax.grad(lambda r: total(world, r)))(r)
    np.testing.assert_allclose(inside, closed, rtol=1e-12)
    np.testing.assert_allclose(around, closed, rtol=1e-12)
