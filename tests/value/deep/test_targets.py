"""Targets of several steps: against sums written out, one loop at a time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.value import Hard, Munchausen, Soft
from volition.value.deep.targets import Window, returns

N_STEPS, N_ACTIONS = 6, 3
TEMPERATURE = 0.7


def drawn(seed, n_columns=1):
    rng = np.random.default_rng(seed)
    shape = (N_STEPS, N_ACTIONS, n_columns)
    terminated = np.array([False, True, False, False, False, False])
    over = np.array([False, True, False, True, False, False])  # 3: a time limit
    return (
        rng.normal(size=N_STEPS),
        rng.integers(0, N_ACTIONS, N_STEPS),
        terminated,
        over,
        rng.uniform(0.5, 0.9, N_STEPS),
        *(rng.normal(size=shape) for _ in range(3)),
    )


def soft(q):
    share = np.exp(q / TEMPERATURE) / np.exp(q / TEMPERATURE).sum()
    return share, TEMPERATURE * np.log(np.exp(q / TEMPERATURE).sum())


def by_hand(kind, seen, trace):
    """Backwards, of means; soft ones pay the entropy of each step behind the first."""
    reward, action, terminated, over, discount, here, chooser, judge = seen
    here, chooser, judge = (x.mean(axis=-1) for x in (here, chooser, judge))
    worth = np.zeros(N_STEPS)
    for t in reversed(range(N_STEPS)):
        share, value = soft(judge[t])
        entropy = -TEMPERATURE * (share * np.log(share)).sum()
        if kind == "double":
            value, entropy = judge[t, chooser[t].argmax()], 0.0
        elif kind == "single":
            value, entropy = judge[t].max(), 0.0
        ahead = value
        if not over[t] and t + 1 < N_STEPS:
            ahead = (1 - trace) * value + trace * (worth[t + 1] + entropy)
        worth[t] = reward[t] + (0.0 if terminated[t] else discount[t] * ahead)
        if kind == "munchausen":
            log_share = TEMPERATURE * np.log(soft(here[t])[0][action[t]])
            worth[t] += 0.9 * max(log_share, -1.0)
    return worth


KINDS = {
    "double": Hard(),
    "single": Hard(double=False),
    "soft": Soft(TEMPERATURE),
    "munchausen": Munchausen(TEMPERATURE),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("trace", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("n_columns", [1, 5])
def test_they_are_the_sums_written_out(kind, trace, n_columns):
    seen = drawn(11, n_columns)
    reward, action, terminated, over, discount, *numbers = seen
    window = Window(
        jnp.asarray(action, dtype=jnp.int32),
        jnp.asarray(reward, dtype=jnp.float32),
        jnp.asarray(terminated),
        jnp.asarray(over),
        jnp.asarray(discount, dtype=jnp.float32),
    )
    numbers = [jnp.asarray(x, dtype=jnp.float32) for x in numbers]
    found = returns(KINDS[kind], window, *numbers, trace)
    assert found.shape == (N_STEPS, n_columns)
    np.testing.assert_allclose(
        found.mean(axis=1), by_hand(kind, seen, trace), atol=1e-5
    )


def test_quantiles_of_one_step_are_moved_and_shrunk():
    no = jnp.asarray([False])
    window = Window(
        jnp.asarray([1], dtype=jnp.int32),
        jnp.asarray([2.0], dtype=jnp.float32),
        no,
        no,
        jnp.asarray([0.5], dtype=jnp.float32),
    )
    judge = jnp.asarray([[[0.0, 1.0, 9.0], [2.0, 4.0, 6.0]]], dtype=jnp.float32)
    found = returns(Hard(), window, judge, judge, judge, 1.0)
    # Action 1 has the greater mean, 4 to 10/3: 2 + its quantiles / 2.
    np.testing.assert_allclose(found, [[3.0, 4.0, 5.0]])


def test_a_cold_soft_value_is_the_best():
    judge = jax.random.normal(jax.random.key(0), (4, 3)).astype(jnp.float32)
    soft_one, hard = Soft(1e-3).value(judge, judge), Hard().value(judge, judge)
    np.testing.assert_allclose(soft_one, hard, atol=1e-3)
