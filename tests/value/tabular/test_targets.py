"""Targets worked out by hand, on a row of three states: two steps to the end."""

import jax.numpy as jnp
import numpy as np
import pytest

from volition.value import (
    DoubleQLearning,
    DynaQ,
    ExpectedSARSA,
    MonteCarlo,
    PengQ,
    PrioritizedSweeping,
    SARSALambda,
    WatkinsQ,
)
from volition.value.tabular import Ahead, Seen

Q = jnp.array([[1.0, 2.0], [4.0, 3.0], [0.0, 0.0]])
DISCOUNT, SIZE = 0.5, jnp.asarray(0.1)


def seen(state, action, reward, to, *, over=False):
    flag, paid = jnp.asarray(over), jnp.asarray(float(reward))
    return Seen(jnp.int32(state), jnp.int32(action), paid, jnp.int32(to), flag, flag)


def ahead(action, exploration=0.2):
    return Ahead(jnp.int32(action), jnp.asarray(exploration))


def after(method, *steps, memory=None, drawn=None):
    memory = method.begin(Q, jnp.int32(0)) if memory is None else memory
    for step, follows in steps:
        memory = method.update(memory, step, follows, SIZE, DISCOUNT, drawn)
    return np.asarray(method.q(memory))


def test_expected_sarsa():
    """10 + .5 (.9 * 4 + .1 * 3) = 11.95, from 2."""
    q = after(ExpectedSARSA(100), (seen(0, 1, 10, 1), ahead(0)))
    assert q[0, 1] == pytest.approx(2 + 0.1 * (11.95 - 2))


@pytest.mark.parametrize("coin, value", [(True, 5.0), (False, 3.0)])
def test_double_q_learning(coin, value):
    """The first would do 0 next, which the second values at 5; it would do the same."""
    other = jnp.array([[1.0, 2.0], [5.0, 6.0], [0.0, 0.0]])
    # The second would do 1 next, which the first values at 3.
    tables = jnp.concatenate([Q, other])
    method = DoubleQLearning(100)
    step = (seen(0, 1, 10, 1), ahead(0), SIZE, DISCOUNT, jnp.asarray(coin))
    found = method.update(tables, *step)
    moved, kept = jnp.split(found, 2)[:: 1 if coin else -1]
    assert float(moved[0, 1]) == pytest.approx(2 + 0.1 * (10 + 0.5 * value - 2))
    np.testing.assert_array_equal(kept, other if coin else Q)


STEPS = [(seen(0, 1, 10, 1), ahead(1)), (seen(1, 1, 20, 2, over=True), ahead(0))]


def test_sarsa_lambda():
    """Errors 10 + .5 * 3 - 2 = 9.5 and 20 - 3 = 17; the first trace is .8 * .5 then."""
    q = after(SARSALambda(100, trace=0.8), *STEPS)
    assert q[0, 1] == pytest.approx(2 + 0.1 * (9.5 + 0.4 * 17))
    assert q[1, 1] == pytest.approx(3 + 0.1 * 17)


@pytest.mark.parametrize("next_action, later", [(1, 0.0), (0, 0.4 * 16)])
def test_watkins(next_action, later):
    """The error 10 + .5 * 4 - 2 = 10; then 20 - q, if the next action was greedy."""
    steps = [
        (seen(0, 1, 10, 1), ahead(next_action)),
        (seen(1, next_action, 20, 2, over=True), ahead(0)),
    ]
    q = after(WatkinsQ(100, trace=0.8), *steps)
    assert q[0, 1] == pytest.approx(2 + 0.1 * (10 + later))


def test_peng():
    """Own errors 10 and 20 - 3 = 17; that of the state, 20 - 4 = 16, goes back."""
    q = after(PengQ(100, trace=0.8), *STEPS)
    assert q[0, 1] == pytest.approx(2 + 0.1 * (10 + 0.4 * 16))
    assert q[1, 1] == pytest.approx(3 + 0.1 * 17)


def test_a_new_episode_has_no_traces():
    again = [*STEPS, (seen(1, 0, 0, 1), ahead(0))]
    for kind in (SARSALambda, WatkinsQ, PengQ):
        before, then = (after(kind(100), *steps) for steps in (STEPS, again))
        assert before[0, 1] == then[0, 1]


def test_monte_carlo():
    """Returns 20, and 10 + .5 * 20 before it."""
    q = after(MonteCarlo(100, n=8), *STEPS)
    assert q[1, 1] == pytest.approx(3 + 0.1 * (20 - 3))
    assert q[0, 1] == pytest.approx(2 + 0.1 * (20 - 2))


def test_dyna_learns_again_from_what_it_saw():
    """Three times in all: once from the step, twice from the model of that one step."""
    method = DynaQ(100, n_planning=2)
    q = after(method, (seen(0, 1, 10, 1), ahead(0)), drawn=jnp.array([0.3, 0.9]))
    assert q[0, 1] == pytest.approx(12 - 0.9**3 * (12 - 2))


def test_sweeping_goes_back_from_the_end():
    """The end changes state 1, then what leads there, in one step of learning."""
    method = PrioritizedSweeping(100)
    memory = method.begin(jnp.zeros((3, 2)), jnp.int32(0))
    one = jnp.asarray(1.0)
    for step, follows in STEPS:
        memory = method.update(memory, step, follows, one, DISCOUNT, None)
    np.testing.assert_allclose(memory.q[:2, 1], [10 + 0.5 * 20, 20.0])
