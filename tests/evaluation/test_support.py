"""Off-policy evaluation says what records do not tell."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env import FiniteMDP
from volition.evaluation import fitted_q_evaluation, importance_sampling, logged
from volition.policy import from_arrays
from volition.reward import Tabular


def bandit(n_actions=2, discount=1.0):
    """One step, whichever action; action `a` pays `a + 1`."""
    return FiniteMDP(
        np.ones((2, n_actions, 1), int),
        np.ones((2, n_actions, 1)),
        terminal=np.array([False, True]),
        initial=np.array([1.0, 0.0]),
        discount=discount,
    )


PAY = Tabular(jnp.array([[1.0, 2.0], [0.0, 0.0]]))
always = lambda action: lambda seen: jax.nn.one_hot(action, 2)
share = lambda p: lambda seen: jnp.array([1.0 - p, p])
ESTIMATORS = {
    "weighted": lambda log: importance_sampling(log),
    "plain": lambda log: importance_sampling(log, self_normalised=False),
    "whole": lambda log: importance_sampling(log, per_decision=False),
    "plain whole": lambda log: importance_sampling(
        log, self_normalised=False, per_decision=False
    ),
    "fitted": fitted_q_evaluation,
}


def estimate_of(found):
    return found.estimate if hasattr(found, "estimate") else found.value


def of_bandit(actions, policy, recorded):
    world = bandit()
    told = from_arrays(world, [[0, 1]] * len(actions), [[int(a)] for a in actions])
    return logged(world, told, PAY, policy, recorded)


def assert_not_known(found, words):
    one = estimate_of(found)
    assert np.isnan([one.value, one.low, one.high]).all(), str(one)
    assert words in one.interval
    assert "not known" in str(found)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_what_nobody_did_is_not_known(name):
    for policy in (always(1), share(0.5)):
        found = ESTIMATORS[name](of_bandit([0] * 50, policy, share(0.5)))
        assert_not_known(found, "not known")
    # By records of a policy that is right and never does it.
    found = ESTIMATORS[name](of_bandit([0] * 50, always(1), always(0)))
    assert_not_known(found, "record somebody who do")
    assert found.support == 0.0
    assert found.effective_n == 0.0


@pytest.mark.parametrize("name", ESTIMATORS)
def test_half_of_what_it_does_is_half_of_the_support(name):
    found = ESTIMATORS[name](of_bandit([0] * 50, share(0.5), always(0)))
    assert found.support == pytest.approx(0.5)
    assert_not_known(found, "speak of 50% of what the policy does")
    # What is lost now and then is reported, and the rest is the value.
    found = ESTIMATORS[name](of_bandit([0] * 50, share(0.01), always(0)))
    assert found.support == pytest.approx(0.99, abs=1e-6)
    assert estimate_of(found).value == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_one_episode_that_speaks_for_all_is_no_estimate(name):
    actions = [0] * 49 + [1]
    found = ESTIMATORS[name](of_bandit(actions, share(0.5), share(1.0 / 50)))
    one = estimate_of(found)
    assert found.effective_n < 5
    assert np.isnan(one.low)
    # Propensities that cannot be those of who acted.
    log = of_bandit(actions, share(0.5), share(1e-10))
    assert "action 1 in 1 of 50 steps" in log.doubt
    if name != "fitted":
        assert_not_known(ESTIMATORS[name](log), "give the policy that acted")


@pytest.mark.parametrize("name", ESTIMATORS)
def test_with_support_it_is_the_value(name):
    rng = np.random.default_rng(0)
    actions = (rng.random(400) < 0.3).astype(int)
    found = ESTIMATORS[name](of_bandit(actions, share(0.6), share(0.3)))
    one = estimate_of(found)
    assert one.has_interval
    assert abs(one.value - 1.6) < 4.0 * max((one.high - one.low) / 3.92, 0.02)
    assert found.support == pytest.approx(1.0)
    assert 10 < found.effective_n < 400


def chain(discount):
    """0 to 1 to the end, whatever is done; two actions."""
    return FiniteMDP(
        np.array([[[1], [1]], [[2], [2]], [[2], [2]]]),
        np.ones((3, 2, 1)),
        terminal=np.array([False, False, True]),
        initial=np.array([1.0, 0.0, 0.0]),
        discount=discount,
    )


@pytest.mark.parametrize("name", ESTIMATORS)
def test_support_that_is_lost_later_is_told_step_by_step(name):
    world = chain(0.5)
    told = from_arrays(world, [[0, 1, 2]] * 100, [[0, 0]] * 100)
    pay = Tabular(jnp.array([[0.0, 0.0], [0.0, 10.0], [0.0, 0.0]]))
    policy = lambda s: jnp.where(s == 0, jnp.array([1.0, 0.0]), jnp.array([0.0, 1.0]))
    found = ESTIMATORS[name](logged(world, told, pay, policy, always(0)))
    assert_not_known(found, "not known")
    np.testing.assert_allclose(found.support_at[:2], [1.0, 0.0])
    if name == "fitted":  # a step of discount .5, of which nothing is known
        assert found.support == pytest.approx(0.5)


def endless(discount):
    return FiniteMDP(
        np.zeros((1, 2, 1), int),
        np.ones((1, 2, 1)),
        terminal=np.array([False]),
        initial=np.array([1.0]),
        discount=discount,
    )


def of_endless(discount, n_steps=3, n=120):
    world = endless(discount)
    rng = np.random.default_rng(1)
    actions = rng.integers(0, 2, (n, n_steps)).tolist()
    told = from_arrays(world, [[0] * (n_steps + 1)] * n, actions)
    return logged(world, told, Tabular(jnp.array([1.0])), share(0.5), share(0.5))


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name != "fitted"])
@pytest.mark.parametrize("discount", [0.9, 1.0])
def test_what_lies_behind_a_cut_is_not_known(name, discount):
    log = of_endless(discount)
    assert_not_known(ESTIMATORS[name](log), "cut off")
    # The steps that were asked for are.
    found = importance_sampling(log, horizon=2)
    assert found.value.value == pytest.approx(1.0 + discount)
    assert_not_known(importance_sampling(log, horizon=4), "cut off")
    # A cut that hardly anything lies behind is none to speak of.
    if discount < 1.0:
        found = ESTIMATORS[name](of_endless(discount, 40))
        assert estimate_of(found).value == pytest.approx(10.0, rel=0.02)


def test_fitted_values_go_on_behind_a_cut_unless_that_has_no_end():
    assert fitted_q_evaluation(of_endless(0.9)).value == pytest.approx(10.0)
    with pytest.raises(RuntimeError, match=r"discount is 1.*horizon"):
        fitted_q_evaluation(of_endless(1.0))


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_unit_of_the_reward_changes_nothing_else(name, scale):
    rng = np.random.default_rng(0)
    actions = (rng.random(200) < 0.4).astype(int)
    world = bandit()
    told = from_arrays(world, [[0, 1]] * 200, [[int(a)] for a in actions])
    pay = Tabular(scale * PAY.values)
    one = logged(world, told, PAY, share(0.6), share(0.4))
    other = logged(world, told, pay, share(0.6), share(0.4))
    one, other = ESTIMATORS[name](one), ESTIMATORS[name](other)
    for end in ("value", "low", "high"):
        assert getattr(estimate_of(other), end) == pytest.approx(
            scale * getattr(estimate_of(one), end), rel=1e-6
        )
    assert (one.effective_n, one.support) == (other.effective_n, other.support)


@pytest.mark.parametrize(
    "bad",
    [
        [2.15, 0.1],
        [float("nan"), 0.5],
        [-0.2, 1.2],
        [1.0, 1.0],
        [0.0, 0.0],
        [float("inf"), 0.0],
        [1.0],
        [0.2, 0.3, 0.5],
    ],
)
@pytest.mark.parametrize("whose", ["policy", "recorded policy"])
def test_what_are_no_probabilities_are_refused(whose, bad):
    given = lambda seen: jnp.array(bad)
    both = (given, share(0.5)) if whose == "policy" else (share(0.5), given)
    with pytest.raises((ValueError, TypeError), match=r"polic|shape"):
        of_bandit([0, 1], *both)
