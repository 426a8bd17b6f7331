"""Values of policies from records of others, against exact ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.worlds import random_policy, small_world, table
from volition.env import Pendulum
from volition.evaluation import (
    Logged,
    dynamics,
    fitted_q_evaluation,
    importance_sampling,
    logged,
)
from volition.policy import Segment, Tabular as TabularPolicy, episode
from volition.reward import Tabular

N, LENGTH = 800, 40  # .6^40 is 1e-9
RECORDED = random_policy(0, 5, 2)
POLICY = 0.2 * RECORDED + 0.8 * random_policy(3, 5, 2)[:, ::-1]
CHANCES = lambda probabilities: lambda seen: jnp.asarray(probabilities)[seen]


def world(seed: int):
    return small_world(seed, 5, 2, 3, terminal=(1,), discount=0.6)


@jax.jit
def record(keys, env, policy) -> Segment:
    return jax.vmap(lambda key: episode(key, env, policy, LENGTH))(keys)


def exact(env, values, policy) -> float:
    led = np.asarray(dynamics(env))
    acting = ~np.asarray(env.terminal)
    chain = np.einsum("sa,sat->st", policy, led) * np.outer(acting, acting)
    paid = np.einsum("sa,sat,sat->s", policy, led, values) * acting
    value = np.linalg.solve(np.eye(5) - float(env.discount) * chain, paid)
    return float(np.asarray(env.initial) @ value)


def log_of(seed, policy=POLICY, length=LENGTH, **arguments) -> tuple[Logged, float]:
    env, values = world(seed), table(seed, 5, 2, 5)
    keys = jax.random.split(jax.random.key(seed), N)
    made = record(keys, env, TabularPolicy(jnp.asarray(RECORDED)))
    made = jax.tree.map(lambda leaf: leaf[:, :length], made)
    reward = Tabular(values)
    log = logged(env, made, reward, CHANCES(policy), CHANCES(RECORDED), **arguments)
    return log, exact(env, values, policy)


def test_they_find_the_exact_value():
    off = []
    for seed in (0, 1, 2):
        log, truth = log_of(seed)
        every = {
            "fitted": fitted_q_evaluation(log),
            "weighted": importance_sampling(log).value,
            "plain": importance_sampling(log, self_normalised=False).value,
            "whole": importance_sampling(log, per_decision=False).value,
        }
        error = {name: (one.high - one.low) / 3.92 for name, one in every.items()}
        for name, found in every.items():
            assert abs(found.value - truth) < 4.0 * error[name], (name, seed)
            assert found.n == N
        # Weighing by what was done up to a step, and fitting, say more.
        assert error["weighted"] < error["whole"]
        assert error["fitted"] < error["plain"]
        assert 10 < importance_sampling(log, n_resamples=2).effective_n < N
        returns = (log.reward * 0.6 ** np.arange(LENGTH)).sum(axis=1)
        off.append(abs(returns.mean() - truth) / error["fitted"])
    # What was recorded is worth something else, and they would have said so.
    assert max(off) > 4.0


def test_records_that_are_cut_off_are_enough_to_fit():
    log, truth = log_of(0, length=3)
    found = fitted_q_evaluation(log)
    assert abs(found.value - truth) < 4.0 * (found.high - found.low) / 3.92
    # Of what lies behind the cut nothing is known: 0 it is not.
    cut = importance_sampling(log).value
    assert np.isnan([cut.value, cut.low, cut.high]).all()
    assert "cut off; give a horizon" in cut.interval
    # Of the steps that were recorded it is.
    whole, _ = log_of(0)
    asked = {"horizon": 3, "n_resamples": 100}
    first, all_of_it = (importance_sampling(one, **asked) for one in (log, whole))
    assert first.value.value == pytest.approx(all_of_it.value.value)
    assert first.value.has_interval


def test_of_ones_own_records_the_value_is_the_mean_return():
    log, _ = log_of(1, RECORDED)
    returns = (log.reward * 0.6 ** np.arange(LENGTH)).sum(axis=1)
    for self_normalised in (True, False):
        for per_decision in (True, False):
            found = importance_sampling(
                log,
                self_normalised=self_normalised,
                per_decision=per_decision,
                n_resamples=20,
            )
            assert found.value.value == pytest.approx(returns.mean())
            assert found.effective_n == pytest.approx(N)


def test_a_complete_record_gives_the_exact_value():
    """Every step once, where all outcomes are equally likely: no chance is left."""
    rng = np.random.default_rng(0)
    successor = rng.integers(0, 4, (4, 2, 3))
    paid = rng.normal(size=(4, 2, 3))
    policy = random_policy(1, 4, 2)
    one_hot = np.eye(8)
    ahead = np.zeros((4, 8))  # the policy's features in each state; state 3 is an end
    for state in range(3):
        ahead[state, 2 * state : 2 * state + 2] = policy[state]
    steps = [(s, a, b) for s in range(3) for a in range(2) for b in range(3)]
    log = Logged(
        reward=np.array([[paid[step]] for step in steps]),
        made=np.ones((18, 1), dtype=bool),
        ratio=np.ones((18, 1)),
        features=np.array([[one_hot[2 * s + a]] for s, a, _ in steps]),
        ahead=np.array([[ahead[successor[step]]] for step in steps]),
        start=np.array([ahead[s] for s, _, _ in steps]),
        discount=0.9,
    )
    chain = np.zeros((4, 4))
    for s, a, b in steps:
        chain[s, successor[s, a, b]] += policy[s, a] / 3
    chain[:, 3] = 0.0
    mean = np.einsum("sa,sab->s", policy, paid) / 3
    mean[3] = 0.0
    value = np.linalg.solve(np.eye(4) - 0.9 * chain, mean)
    found = fitted_q_evaluation(log, n_resamples=2)
    assert found.value == pytest.approx(value[:3].mean(), abs=1e-6)
    # Linear values: any invertible map of the features gives the same.
    mixed = rng.normal(size=(8, 8))
    other = Logged(
        log.reward,
        log.made,
        log.ratio,
        log.features @ mixed,
        log.ahead @ mixed,
        log.start @ mixed,
        log.discount,
    )
    again = fitted_q_evaluation(other, n_resamples=2)
    assert again.value == pytest.approx(found.value, abs=1e-5)


def test_values_that_grow_for_ever_are_refused():
    """Tsitsiklis and Van Roy's example: values w and 2 w, the first alone recorded."""
    log = Logged(
        reward=np.zeros((3, 1)),
        made=np.ones((3, 1), dtype=bool),
        ratio=np.ones((3, 1)),
        features=np.ones((3, 1, 1)),
        ahead=np.full((3, 1, 1), 2.0),
        start=np.ones((3, 1)),
        discount=0.9,
    )
    with pytest.raises(RuntimeError, match=r"grow by 1\.8 with every fit"):
        fitted_q_evaluation(log)


def test_what_cannot_have_been_recorded_is_refused():
    env = world(0)
    keys = jax.random.split(jax.random.key(0), N)
    made = record(keys, env, TabularPolicy(jnp.asarray(RECORDED)))
    reward = Tabular(table(0, 5, 2, 5))
    never = np.tile([1.0, 0.0], (5, 1))
    with pytest.raises(ValueError, match="never does: give the policy"):
        logged(env, made, reward, CHANCES(POLICY), CHANCES(never))
    with pytest.raises(ValueError, match="not numbers"):
        logged(Pendulum(), made, reward, CHANCES(POLICY), CHANCES(never))
