"""One suite over every planner of `volition.value`."""

import inspect

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import volition.value
from tests.reference.worlds import small_world, table
from volition.reward import Function, Linear, Tabular
from volition.value import (
    AbstractPlanner,
    PolicyIteration,
    SoftValueIteration,
    ValueIteration,
    expected_reward,
    plan,
)

# Each row: a planner, and the same one stopped short.
PLANNERS = {
    "PolicyIteration": (
        PolicyIteration(),
        PolicyIteration(max_improvements=1, n_sweeps=1),
    ),
    "SoftValueIteration": (
        SoftValueIteration(jnp.asarray(0.7)),
        SoftValueIteration(jnp.asarray(0.7), max_sweeps=3),
    ),
    "ValueIteration": (ValueIteration(), ValueIteration(max_sweeps=3)),
}
WORLD = small_world(1, 6, 3, 4, discount=0.9, terminal=(2,))
VALUES = Tabular(table(1, 6, 3, 6))
planners = pytest.mark.parametrize("name", PLANNERS)


def is_planner(thing) -> bool:
    return (
        inspect.isclass(thing)
        and issubclass(thing, AbstractPlanner)
        and not inspect.isabstract(thing)
    )


def test_every_public_planner_has_a_row():
    public = [name for name, _ in inspect.getmembers(volition.value, is_planner)]
    assert "ValueIteration" in public
    assert sorted(public) == sorted(PLANNERS)


@planners
def test_what_it_finds_satisfies_its_own_account(name):
    found = plan(WORLD, VALUES, PLANNERS[name][0])
    assert found.converged
    assert found.message.startswith("converged after ")
    assert int(found.n_iterations) >= 1
    largest = float(jnp.abs(expected_reward(WORLD, VALUES)).max())
    size = largest + float(jnp.abs(found.value).max())
    assert float(found.residual) <= 1e-10 * size
    probabilities = np.asarray(found.policy.probabilities)
    assert (probabilities >= 0.0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-14)
    assert float(found.value[2]) == 0.0
    assert found.q.shape == (6, 3)
    # The policy prefers what is worth more, but for rounding.
    taken = np.take_along_axis(np.asarray(found.q), probabilities.argmax(1)[:, None], 1)
    np.testing.assert_allclose(taken[:, 0], np.asarray(found.q).max(axis=1), 1e-9)


@planners
def test_stopping_short_is_said_or_raised(name):
    short = PLANNERS[name][1]
    found = plan(WORLD, VALUES, short, throw=False)
    assert not found.converged
    assert found.message.startswith("did not converge after ")
    assert f"residual {float(found.residual):.2g}" in found.message
    assert np.isfinite(np.asarray(found.value)).all()
    with pytest.raises(RuntimeError, match="planning did not converge after") as raised:
        plan(WORLD, VALUES, short)
    assert "throw=False" in str(raised.value)


@planners
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_a_reward_that_is_not_finite_is_refused(name, number):
    values = Tabular(VALUES.values.at[1, 2, :].set(number))
    sentence = r"the reward pays .* for action 2 \(action 2\) in state 1 \(state 1\)"
    for throw in (True, False):
        with pytest.raises(ValueError, match=sentence):
            plan(WORLD, values, PLANNERS[name][0], throw=throw)


@planners
def test_numbers_compile_nothing_new(name):
    traces = []

    def count(state, action):
        traces.append(0)
        return state.index - 2 * action

    reward = Function(count)
    method = PLANNERS[name][0]
    found = [
        plan(small_world(1, 6, 3, 4, discount=discount, terminal=ends), reward, method)
        for discount, ends in [(0.9, (2,)), (0.5, (2,)), (0.7, (0, 3))]
    ]
    assert len(traces) == 1
    assert float(found[0].value[1]) != float(found[1].value[1])


@planners
def test_the_same_input_gives_the_same_bits(name):
    one, other = (plan(WORLD, VALUES, PLANNERS[name][0]) for _ in range(2))
    assert eqx.tree_equal(one, other)


@planners
def test_many_rewards_at_once(name):
    method = PLANNERS[name][0]
    rewards = jnp.asarray(table(4, 3, 6, 3))
    solve = jax.jit(lambda r: method.solve(WORLD, r))
    together = jax.jit(jax.vmap(lambda r: method.solve(WORLD, r)))(rewards)
    assert together.converged.all()
    for i in range(3):
        np.testing.assert_allclose(
            together.value[i], solve(rewards[i]).value, atol=1e-8
        )


@planners
def test_features_that_the_world_lacks_are_refused(name):
    with pytest.raises(ValueError, match="the feature 'speed', which the environment"):
        plan(WORLD, Linear(("speed",), [1.0]), PLANNERS[name][0])


def test_temperatures_compile_nothing_new():
    traces = []

    def count(state, action):
        traces.append(0)
        return state.index - 2 * action

    reward = Function(count)
    values = [
        plan(WORLD, reward, SoftValueIteration(jnp.asarray(temperature))).value
        for temperature in (0.2, 1.0, 3.0)
    ]
    assert len(traces) == 1
    assert (np.diff(np.array(values)[:, 0]) > 0.0).all()  # more is made of choice


def test_without_a_method_it_is_policy_iteration():
    one, other = plan(WORLD, VALUES), plan(WORLD, VALUES, PolicyIteration())
    assert eqx.tree_equal(one, other)
