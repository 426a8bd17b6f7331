"""Draws, steps and descriptions of finite MDPs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import ArrayLike

from volition.env import Feature, FiniteMDP, MDPState, random_mdp
from volition.env.mdp import draw

PAID = Feature("paid", "1", "what is paid")


def at(index: ArrayLike, time: ArrayLike = 0) -> MDPState:
    return MDPState(jnp.asarray(index, jnp.int32), jnp.asarray(time, jnp.int32))


def mdp(**changes) -> FiniteMDP:
    """Three states; state 0 leads on by two branches, and by one of probability 0."""
    arguments = {
        "successor": np.array([[[1, 1, 2]], [[0, 2, 2]], [[2, 2, 2]]]),
        "probability": np.array([[[0.0, 0.7, 0.3]], [[0.4, 0.6, 0.0]], [[1.0, 0, 0]]]),
        "terminal": np.array([False, False, True]),
        "initial": np.array([0.2, 0.8, 0.0]),
        "discount": 0.9,
        "time_limit": 3,
    }
    return FiniteMDP(**(arguments | changes))


@pytest.mark.parametrize("seed", [1, 2])
def test_draws_follow_the_probabilities(seed):
    probabilities = jnp.array([0.0, 0.5, 0.0, 0.13, 0.37, 0.0])
    n = 20_000
    uniforms = jax.random.uniform(jax.random.key(seed), (n,))
    drawn = jax.vmap(draw, (None, 0))(probabilities, uniforms)
    share = np.bincount(drawn, minlength=6) / n
    error = np.sqrt(probabilities * (1 - probabilities) / n)
    # Four standard errors; where nothing can be drawn, nothing is.
    np.testing.assert_array_less(np.abs(share - probabilities), 4 * error + 1e-12)


@pytest.mark.parametrize("uniform", [0.0, 0.3, 1.0 - 2.0**-53])
def test_an_outcome_of_probability_0_is_not_drawn(uniform):
    assert int(draw(jnp.array([0.0, 1.0, 0.0]), uniform)) == 1


@pytest.mark.parametrize("seed", range(5))
def test_rounding_never_draws_an_outcome_of_probability_0(seed):
    """A parallel sum can give an outcome of probability 0 a stretch of the cdf; each of
    these seeds drew one before `draw` looked at the probabilities themselves."""
    generator = np.random.default_rng(seed)
    n = 1501
    p = generator.random(n) * (generator.random(n) < 0.5)
    p = jnp.asarray(p / p.sum(), dtype=jnp.float32)
    cumulative = jnp.cumsum(p)
    edges = cumulative / cumulative[-1]
    edges = jnp.concatenate([edges, jnp.nextafter(edges, jnp.zeros_like(edges))])
    drawn = jax.vmap(draw, (None, 0))(p, edges)
    assert float(p[drawn].min()) > 0.0


def test_a_time_limit_truncates_and_an_end_terminates():
    world = mdp()
    states = jax.vmap(at)(np.arange(3), np.array([2, 3, 3]))
    assert jax.vmap(world.truncated)(states).tolist() == [False, True, False]
    assert jax.vmap(world.terminated)(states).tolist() == [False, False, True]


def test_a_terminal_state_stays_for_nothing():
    world = mdp(
        successor=np.array([[[1]], [[2]], [[0]]]),
        probability=np.ones((3, 1, 1)),
        features=np.ones((3, 1, 1, 1)),
        feature_info=(PAID,),
    )
    after = world.step(jax.random.key(0), at(2), 0)
    assert after.index == 2
    told = world.transition(at(2), 0, after)
    assert int(told.next_state.index) == 2
    np.testing.assert_array_equal(told.features, [0.0])
    before = world.transition(at(1), 0, after)
    np.testing.assert_array_equal(before.features, [1.0])


def test_a_step_is_never_told_by_padding():
    """Branch 0 leads to the same state as branch 1, but cannot happen."""
    features = np.zeros((3, 1, 3, 1))
    features[0, 0, :, 0] = [9.0, 2.0, 5.0]
    world = mdp(features=features, feature_info=(PAID,))
    for to, expected in ((1, 2.0), (2, 5.0)):
        told = world.transition(at(0), 0, at(to, 1))
        np.testing.assert_array_equal(told.features, [expected])


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"successor": np.zeros((3, 2))}, "must both be"),
        ({"probability": np.ones((3, 1, 2))}, "must both be"),
        ({"terminal": np.zeros(2, bool)}, r"terminal must have the shape \(3,\)"),
        (
            {"initial": np.ones(4) / 4},
            r"initial must have the shape \(3,\), not \(4,\)",
        ),
        ({"features": np.zeros((3, 1, 3, 2))}, "features must have the shape"),
        ({"action_names": ("go", "stay")}, "1 actions need as many names"),
        ({"discount": 1.01}, r"discount = 1.01 must be in \[0, 1\]"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        mdp(**changes)


@pytest.mark.parametrize("seed", [0, 5])
def test_random_successors_are_distinct_and_uniform(seed):
    n_states, n_actions, n_successors = 7, 900, 3
    world = random_mdp(jax.random.key(seed), n_states, n_actions, n_successors)
    ordered = np.sort(np.asarray(world.successor), axis=-1)
    assert (np.diff(ordered, axis=-1) > 0).all()
    # Every one of the C(7, 3) = 35 sets equally likely: chi-square with 34 degrees of
    # freedom, mean 34, variance 68.
    _, counts = np.unique(ordered.reshape(-1, 3), axis=0, return_counts=True)
    expected = n_states * n_actions / 35
    assert len(counts) == 35
    assert ((counts - expected) ** 2 / expected).sum() < 34 + 5 * np.sqrt(68)
    # Flat Dirichlet of three: each has mean 1/3 and variance 2/36 = 1/18.
    p = np.asarray(world.probability).reshape(-1, 3)
    error = np.sqrt(1 / 18 / len(p))
    np.testing.assert_array_less(np.abs(p.mean(axis=0) - 1 / 3), 4 * error)
    np.testing.assert_allclose(p.var(axis=0), 1 / 18, rtol=0.1)


def test_random_mdps_are_told_apart_by_their_keys():
    one, other = (random_mdp(jax.random.key(seed), 9, 2, 4) for seed in (0, 1))
    assert one.successor.tolist() != other.successor.tolist()


def test_every_state_can_be_a_successor_of_one():
    world = random_mdp(jax.random.key(0), 4, 2, 4)
    assert (np.sort(np.asarray(world.successor), axis=-1) == np.arange(4)).all()


@pytest.mark.parametrize(
    "sizes, sentence",
    [
        ((0, 2, 1), "at least one state and one action"),
        ((3, 0, 1), "at least one state and one action"),
        ((3, 2, 4), r"n_successors = 4 must be in 1 \.\. 3"),
        ((3, 2, 0), r"n_successors = 0 must be in 1 \.\. 3"),
    ],
)
def test_random_sizes_out_of_range_are_refused(sizes, sentence):
    with pytest.raises(ValueError, match=sentence):
        random_mdp(jax.random.key(0), *sizes)
