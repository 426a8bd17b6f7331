"""Tables of finite worlds: what is refused, in what words, and dense arrays."""

import time

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env import Feature, FiniteMDP, random_mdp
from volition.reward import Ensemble, Linear, Scaled, Shaped, Tabular
from volition.testing import check_finite_mdp
from volition.value import plan


def world(**changes):
    arguments = {
        "successor": np.array([[[1, 0], [0, 0]], [[1, 1], [1, 1]]]),
        "probability": np.array([[[0.3, 0.7], [1.0, 0.0]], [[1.0, 0.0], [0.5, 0.5]]]),
        "terminal": np.array([False, True]),
        "initial": np.array([1.0, 0.0]),
        "discount": 0.9,
    }
    return FiniteMDP(**(arguments | changes))


def odd(shape, place, number, fill):
    numbers = np.full(shape, fill)
    numbers[place] = number
    return numbers


GOOD = world()
P = np.asarray(GOOD.probability)
BAD = {
    "sums to .9": ({"probability": 0.9 * P}, "action 0 in state 0 sum to 0.9"),
    "sums to 2": ({"probability": np.ones((2, 2, 2))}, "state 0 sum to 2"),
    "a terminal row sums to 0": (
        {"probability": P * np.array([1.0, 0.0])[:, None, None]},
        "action 0 in state 1 sum to 0.* for a terminal state",
    ),
    "negative": (
        {"probability": P + np.array([-0.4, 0.4])},
        r"probability\[0, 0, 0\] is -0.1",
    ),
    "NaN": (
        {"probability": odd((2, 2, 2), (1, 0, 1), np.nan, 0.5)},
        r"probability\[1, 0, 1\] is nan: give a number in \[0, 1\]",
    ),
    "infinite": (
        {"probability": odd((2, 2, 2), (0, 1, 1), np.inf, 0.5)},
        r"probability\[0, 1, 1\] is inf",
    ),
    "successor too large": (
        {"successor": odd((2, 2, 2), (0, 1, 1), 2, 0)},
        r"successor\[0, 1, 1\] is 2, but states are 0 .. 1",
    ),
    "successor negative": (
        {"successor": odd((2, 2, 2), (1, 0, 0), -1, 0)},
        r"successor\[1, 0, 0\] is -1, but states",
    ),
    "successor not whole": (
        {"successor": np.full((2, 2, 2), 0.5)},
        "numbers of the type float64: .* FiniteMDP.from_dense",
    ),
    "a dense matrix for successors": (
        {"successor": P.astype(int), "probability": P.astype(int)},
        "the same numbers: .* FiniteMDP.from_dense",
    ),
    "initial sums to 3": ({"initial": np.array([1.0, 2.0])}, r"initial\[1\] is 2"),
    "initial sums to .9": ({"initial": np.array([0.5, 0.4])}, "initial sums to 0.9"),
    "initial NaN": ({"initial": np.array([np.nan, 1.0])}, r"initial\[0\] is nan"),
    "discount NaN": ({"discount": np.nan}, r"discount = nan must be in \[0, 1\]"),
    "discount above 1": ({"discount": jnp.asarray(1.1)}, r"discount = 1.1 must be in"),
    "discount below 0": ({"discount": np.float32(-0.5)}, r"discount = -0.5 must be in"),
    "discounts": ({"discount": np.array([0.9, 0.8])}, "discount = .* must be in"),
    "no actions": (
        {"successor": np.zeros((2, 0, 1), int), "probability": np.zeros((2, 0, 1))},
        "a world of 2 states, 0 actions",
    ),
    "no states": (
        {
            "successor": np.zeros((0, 1, 1), int),
            "probability": np.zeros((0, 1, 1)),
            "terminal": np.zeros(0, bool),
            "initial": np.zeros(0),
        },
        "a world of 0 states",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_table_that_is_none_is_refused(name):
    changes, sentence = BAD[name]
    with pytest.raises(ValueError, match=sentence):
        world(**changes)


def test_what_is_right_is_taken():
    assert world().n_states == 2
    assert world(successor=np.asarray(GOOD.successor), discount=1).n_actions == 2
    single = world(probability=np.asarray(P, dtype=np.float32) * np.float32(1 + 1e-6))
    check_finite_mdp(single)


def test_a_world_is_built_inside_of_jit_and_vmap():
    build = lambda chance: world(probability=P * chance, discount=0.5 * chance)
    one = jax.jit(lambda chance: build(chance).discount)(jnp.asarray(1.0))
    assert float(one) == 0.5
    many = jax.vmap(build)(jnp.array([1.0, 0.5]))
    assert many.probability.shape == (2, 2, 2, 2)


def test_checks_of_a_large_world_cost_little():
    large = random_mdp(jax.random.key(0), 100_000, 4, 3)
    arrays = [
        np.asarray(one) for one in (large.successor, large.probability, large.initial)
    ]
    began = time.process_time()
    FiniteMDP(
        *arrays[:2], terminal=large.terminal, initial=arrays[2], discount=large.discount
    )
    assert time.process_time() - began < 2.0  # about .05 s where nobody else computes


@pytest.mark.parametrize("seed", range(5))
def test_a_dense_array_is_the_same_world(seed):
    rng = np.random.default_rng(seed)
    dense = rng.random((6, 3, 6)) * (rng.random((6, 3, 6)) < 0.5)
    dense[..., 0] += 0.1
    dense /= dense.sum(axis=-1, keepdims=True)
    ends = np.array([0, 0, 1, 0, 0, 1], bool)
    dense[ends] = 0.0  # nothing is said of what is done there
    features = rng.normal(size=(6, 3, 6, 2))
    found = FiniteMDP.from_dense(
        dense,
        terminal=ends,
        initial=np.eye(6)[0],
        discount=0.9,
        features=features,
        feature_info=(Feature("a", "1", "one"), Feature("b", "1", "another")),
        action_names=("x", "y", "z"),
        time_limit=7,
    )
    check_finite_mdp(found)
    again = np.zeros_like(dense)
    for state in range(6):
        for action in range(3):
            for branch in range(found.successor.shape[2]):
                chance = float(found.probability[state, action, branch])
                after = int(found.successor[state, action, branch])
                again[state, action, after] += chance
                if not ends[state]:
                    np.testing.assert_array_equal(
                        found.features[state, action, branch],
                        features[state, action, after],
                    )
    np.testing.assert_array_equal(again[~ends], dense[~ends])  # not one bit is lost
    np.testing.assert_array_equal(again[ends], np.eye(6)[ends][:, None].repeat(3, 1))
    assert found.successor.shape[2] == max(1, (dense > 0).sum(axis=-1).max())
    assert found.action_names == ("x", "y", "z")
    assert int(found.time_limit) == 7
    # The value of a state by the dense equation.
    paid = rng.normal(size=(6, 3))
    value = np.zeros(6)
    for _ in range(2000):
        value = np.where(ends, 0.0, (paid + 0.9 * dense @ value).max(axis=1))
    np.testing.assert_allclose(plan(found, Tabular(paid)).value, value, atol=1e-9)


@pytest.mark.parametrize(
    "dense, changes, sentence",
    [
        (np.ones((2, 2)), {}, r"P\[state, action, next state\]"),
        (np.ones((2, 1, 3)), {}, r"P\[state, action, next state\]"),
        (np.full((2, 1, 2), 0.45), {}, "action 0 in state 0 sum to 0.9"),
        (np.full((2, 1, 2), 0.5), {"terminal": np.zeros(3, bool)}, "terminal must"),
        (np.full((2, 1, 2), 0.5), {"features": np.ones((2, 1, 1, 1))}, "features of a"),
    ],
)
def test_a_dense_array_that_is_none_is_refused(dense, changes, sentence):
    arguments = {
        "terminal": np.array([False, True]),
        "initial": np.array([1.0, 0.0]),
        "discount": 0.9,
    } | changes
    with pytest.raises(ValueError, match=sentence):
        FiniteMDP.from_dense(dense, **arguments)


def stacked(*shape):
    return jax.vmap(Tabular)(jnp.zeros((3, *shape)))


@pytest.mark.parametrize(
    "reward, sentence",
    [
        (Tabular(np.zeros(3)), r"shape \(3,\), but the world has 2 states"),
        (Tabular(np.zeros((2, 3))), r"shape \(2, 3\), .* and 2 actions"),
        (Tabular(np.zeros((2, 2, 1))), r"values of the shape \(2, 2, 2\)"),
        (Scaled(Tabular(np.zeros(1)), 2.0), r"shape \(1,\), but the world"),
        (Shaped(Tabular(np.zeros(3)), np.zeros(2), 0.9), r"shape \(3,\)"),
        (Shaped(Tabular(np.zeros(2)), np.zeros(3), 0.9), "the potential .* 2 states"),
        (Ensemble(stacked(3)), r"shape \(3,\), but the world has 2 states"),
        (Linear(("speed",), [1.0]), "the feature 'speed', which the environment"),
    ],
)
def test_a_reward_for_another_world_is_refused(reward, sentence):
    with pytest.raises(ValueError, match=sentence):
        plan(GOOD, reward)
    with pytest.raises(ValueError, match=sentence):
        eqx.filter_jit(lambda world, reward: plan(world, reward, throw=False))(
            GOOD, reward
        )


def test_a_reward_for_this_world_is_taken():
    for reward in (
        Tabular(np.ones(2)),
        Scaled(Tabular(np.ones((2, 2))), 2.0),
        Ensemble(stacked(2, 2, 2)),
    ):
        assert plan(GOOD, reward).converged
