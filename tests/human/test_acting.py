"""People who act until time runs out, by listing every path."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from benchmarks.kinds import world
from volition.feedback import Dataset, Demonstration, demonstration, follow, world_state
from volition.human import (
    Boltzmann,
    BoltzmannOptimal,
    BradleyTerry,
    Known,
    Positive,
    SoftHorizon,
)
from volition.inference import MAP, Normal, Problem, fit
from volition.reward import Linear
from volition.value import expected_reward

SEED = 4
WORLD = world(SEED)
REWARD = Linear(WORLD.feature_names, [0.9, -0.6, 0.4])
PERSON = Boltzmann(
    choice=BradleyTerry(), acting=SoftHorizon(WORLD, Known(1.5), discount=1.0)
)
JUDGE = PERSON.judge(REWARD)
START, LENGTH = 5, 3
PATHS = np.array(
    list(itertools.product(range(WORLD.n_actions), repeat=LENGTH)), dtype=np.int32
)


def followed(codes):
    return jax.vmap(follow, (None, None, 0))(
        WORLD, jnp.int32(START), jnp.asarray(codes)
    )


def chances():
    """Of each path: a Boltzmann choice among them all; and where each ends."""
    paid = np.asarray(expected_reward(WORLD, REWARD))
    successor = np.asarray(WORLD.successor)[..., 0]
    worth, ends = [], []
    for path in PATHS:
        state, total = START, 0.0
        for action in path:
            total += 1.5 * paid[state, action]
            state = successor[state, action]
        worth.append(total)
        ends.append(state)
    chance = np.exp(worth)
    return chance / chance.sum(), np.array(ends)


def test_a_demonstration_is_a_choice_among_all_paths_of_its_length():
    every = followed(PATHS)
    found = jax.vmap(lambda path: JUDGE.log_prob(_given(path)))(every)
    np.testing.assert_allclose(np.exp(found), chances()[0], atol=1e-12)


def _given(path):
    nothing = jnp.int32(0)
    return Demonstration(
        done=path,
        given=jnp.bool_(True),
        person=nothing,
        question=nothing,
        seconds=jnp.asarray(jnp.nan),
    )


def test_padding_is_no_time_that_is_left():
    path = jax.tree.map(lambda leaf: leaf[7], followed(PATHS))
    longer = follow(
        WORLD, jnp.int32(START), jnp.asarray([*PATHS[7], 0, 0], dtype=jnp.int32)
    )
    kept = jnp.arange(LENGTH + 2) < LENGTH
    padded = type(longer)(longer.transition, jnp.where(kept, 1.0, 0.0), kept, True)
    assert float(JUDGE.log_prob(demonstration(padded))) == pytest.approx(
        float(JUDGE.log_prob(demonstration(path))), abs=1e-12
    )


def test_the_world_is_left_where_those_paths_end():
    chance, ends = chances()
    expected = np.bincount(ends, chance, minlength=WORLD.n_states)
    asked = world_state(np.eye(WORLD.n_states)[START], LENGTH)
    np.testing.assert_allclose(np.exp(JUDGE.log_probs(asked)), expected, atol=1e-12)


def test_simulated_demonstrations_are_as_frequent_as_probable():
    asked = demonstration(jax.tree.map(lambda leaf: leaf[0], followed(PATHS)), False)
    keys = jax.random.split(jax.random.key(SEED), 4000)
    drawn = jax.vmap(lambda key: JUDGE.sample(key, asked).done)(keys)
    actions = np.asarray(drawn.transition.action)
    np.testing.assert_array_equal(drawn.weight, 1.0)
    codes = actions @ WORLD.n_actions ** np.arange(LENGTH)[::-1]
    counts = np.bincount(codes, minlength=len(PATHS))
    expected = chances()[0] * len(keys)
    # Pearson's test, paths that are expected less than five times taken together.
    rare = expected < 5
    counts = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum())
    assert stats.chisquare(counts, expected).pvalue > 1e-4


def test_what_is_known_is_not_inferred():
    problem = Problem(REWARD, PERSON, Dataset.empty(), Normal())
    assert problem.start.shape == (3,)
    assert problem.prior_scale().shape == (3,)
    _, person = problem.unpack(problem.start)
    assert float(person.acting.rationality.value) == 1.5


BETA = 2.0
NOISY = Boltzmann(
    choice=BradleyTerry(), acting=BoltzmannOptimal(WORLD, Known(BETA))
).judge(REWARD)


def best_values():
    """By sweeps in NumPy."""
    paid = np.asarray(expected_reward(WORLD, REWARD))
    successor = np.asarray(WORLD.successor)[..., 0]
    q = np.zeros_like(paid)
    for _ in range(400):
        q = paid + float(WORLD.discount) * q.max(axis=1)[successor]
    return q


def test_noisily_optimal_people_choose_by_the_best_value_of_each_action():
    q = BETA * best_values()
    expected = q - np.log(np.exp(q).sum(axis=1, keepdims=True))
    path = jax.tree.map(lambda leaf: leaf[5], followed(PATHS))
    found = NOISY.act(path)
    states = np.asarray(path.transition.state.index)
    np.testing.assert_allclose(found, expected[states], atol=1e-9)


def test_noisily_optimal_people_are_found_where_that_leads():
    q = BETA * best_values()
    policy = np.exp(q) / np.exp(q).sum(axis=1, keepdims=True)
    successor = np.asarray(WORLD.successor)[..., 0]
    mass = np.eye(WORLD.n_states)[START]
    for _ in range(LENGTH):
        after = np.zeros_like(mass)
        np.add.at(after, successor, mass[:, None] * policy)
        mass = after
    asked = world_state(np.eye(WORLD.n_states)[START], LENGTH)
    np.testing.assert_allclose(np.exp(NOISY.log_probs(asked)), mass, atol=1e-12)


def test_what_a_noisily_optimal_person_wants_is_found_with_their_rationality():
    """Maximum likelihood with an unknown rationality: the scale is the two together."""
    keys = jax.random.split(jax.random.key(2), 300)
    starts = jnp.arange(300, dtype=jnp.int32) % WORLD.n_states
    blank = jax.vmap(follow, (None, 0, None))(
        WORLD, starts, jnp.zeros(6, dtype=jnp.int32)
    )
    asked = jax.vmap(lambda path: demonstration(path, False))(blank)
    said = jax.jit(jax.vmap(NOISY.sample))(keys, asked)
    human = Boltzmann(
        choice=BradleyTerry(), acting=BoltzmannOptimal(WORLD, Positive(1.0))
    )
    found = fit(
        Linear(WORLD.feature_names), human, Dataset.of(said), MAP(), prior=Normal(1.0)
    )
    beta = float(found.human.acting.rationality.value)
    np.testing.assert_allclose(
        beta * np.asarray(found.mean.weights), BETA * REWARD.weights, atol=0.25
    )
