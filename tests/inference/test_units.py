"""Inference from behaviour: whatever the unit of a feature, in 32 bits as in 64."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import volition as vl
from volition.env import Box, Discrete, gridworld, random_mdp
from volition.inference.imitation import behaviour_cloning, density
from volition.inference.irl import (
    apprenticeship,
    f_irl,
    max_causal_entropy,
    policy_walk,
)
from volition.inference.irl.compared import compared, of_paths, of_visits
from volition.inference.irl.units import parameter_units
from volition.policy import Tabular as TabularPolicy, from_arrays
from volition.reward import Linear, Tabular
from volition.store.minari import Recorded, Seen
from volition.value import SoftValueIteration, expected_reward, occupancy

WORLD = gridworld(["S..G", ".X..", "G..X"], slip=0.2, discount=0.95)
TRUTH = Linear(WORLD.feature_names, [-0.3, 4.0, -6.0])
UNITS = {
    "usual": np.ones(3),
    "tiny": np.full(3, 1e-12),
    "huge": np.full(3, 1e12),
    "mixed": np.array([1e-9, 1.0, 1e9]),
    "no power of two": np.array([3.7, 0.013, 41.0]),
}


def soft(world, reward):
    return SoftValueIteration().solve(world, expected_reward(world, reward)).policy


ACTING = soft(WORLD, TRUTH)
TOLD = vl.episodes(jax.random.key(0), WORLD, ACTING, n_episodes=100, time_limit=80)
SHARES = np.asarray(occupancy(WORLD, ACTING.probabilities)).sum(axis=1)
SHARES = SHARES / SHARES.sum()


def in_unit(world, unit):
    """The same world, its features in another unit."""
    features = jnp.asarray(np.asarray(world.features) * unit)
    return eqx.tree_at(lambda one: one.features, world, features)


def told_in(unit):
    features = jnp.asarray(np.asarray(TOLD.transition.features) * unit)
    return eqx.tree_at(lambda one: one.transition.features, TOLD, features)


# What each infers, in a form that no unit should change.
def by_likelihood(world, told, unit):
    found = max_causal_entropy(world, told, Linear(world.feature_names))
    assert found.converged, found.message
    return np.asarray(found.policies)


def by_penalty(world, told, unit):
    form = Linear(world.feature_names)
    found = max_causal_entropy(world, told, form, penalty=0.1)
    return np.asarray(found.reward.weights) * unit


def by_states(world, told, unit):
    form = Linear(world.feature_names)
    found = f_irl(world, SHARES, form, horizon=8, penalty=1e-2)
    assert found.converged, found.message
    return np.asarray(found.reward.weights) * unit


def by_features(world, told, unit):
    found = apprenticeship(world, told, max_policies=4)
    return np.append(np.asarray(found.reward.weights) * unit, found.margin)


def by_walk(world, told, unit):
    found = policy_walk(
        jax.random.key(1),
        world,
        jax.tree.map(lambda leaf: leaf[:3], told),
        Linear(world.feature_names),
        step=0.5,
        largest=4.0,
        n_draws=30,
        n_warmup=5,
        n_chains=2,
    )
    assert "nan" not in found.message
    return np.asarray(found.draws) * unit


INFER = {
    fn.__name__: fn
    for fn in (by_likelihood, by_penalty, by_states, by_features, by_walk)
}


@pytest.fixture(scope="module", params=INFER)
def inferred(request):
    infer = INFER[request.param]
    return infer, infer(WORLD, TOLD, np.ones(3))


@pytest.mark.parametrize("name", [name for name in UNITS if name != "usual"])
def test_the_unit_of_features_changes_nothing(inferred, name):
    infer, usual = inferred
    unit = UNITS[name]
    found = infer(in_unit(WORLD, unit), told_in(unit), unit)
    np.testing.assert_allclose(found, usual, rtol=2e-3, atol=2e-4)


def test_nor_does_the_precision(inferred):
    infer, usual = inferred
    double = lambda leaf: isinstance(leaf, jax.Array) and leaf.dtype == jnp.float64
    narrow = lambda leaf: (
        jnp.asarray(np.asarray(leaf), jnp.float32) if double(leaf) else leaf
    )
    with jax.enable_x64(False):
        world, told = jax.tree.map(narrow, (WORLD, TOLD))
        found = infer(world, told, np.ones(3))
    np.testing.assert_allclose(found, usual, rtol=2e-3, atol=2e-4)


def test_units_are_of_what_is_linear():
    unit = np.array([1e-9, 1.0, 1e9])
    world = in_unit(WORLD, unit)
    np.testing.assert_allclose(
        parameter_units(world, Linear(world.feature_names)), unit, rtol=0.3
    )
    np.testing.assert_allclose(parameter_units(world, Tabular(jnp.zeros(12))), 1.0)
    broken = eqx.tree_at(
        lambda one: one.features, WORLD, WORLD.features.at[1, 0, 0, 0].set(jnp.nan)
    )
    for infer in (max_causal_entropy, f_irl, apprenticeship):
        more = {"horizon": 5} if infer is f_irl else {}
        form = () if infer is apprenticeship else (Linear(WORLD.feature_names),)
        visits = np.ones((12, 4)) / 48
        shares = visits.sum(axis=1) if infer is f_irl else visits
        with pytest.raises(ValueError, match=r"reward pays nan|not finite"):
            infer(broken, shares, *form, **more)


def seen_in(unit, n=60, length=8):
    """Observations in some unit, and what was done: 1 where the first is above 0."""
    rng = np.random.default_rng(0)
    plain = rng.normal(size=(n, length + 1, 2))
    actions = (plain[:, :-1, 0] > 0).astype(np.int32)
    box = Box(-np.inf, np.inf, (2,))
    world = Recorded(observations=box, actions=Discrete(2))
    states = [Seen(one * unit, np.zeros(length + 1)) for one in plain]
    told = from_arrays(world, states, list(actions), [False] * n)
    return world, told, plain[0, :5] * unit


@pytest.mark.parametrize("unit", [1e-12, 1e12, np.array([1e-9, 1e7])])
def test_neither_clones_nor_densities_depend_on_the_unit_of_what_is_seen(unit):
    def of(unit):
        world, told, some = seen_in(unit)
        cloned = behaviour_cloning(jax.random.key(0), world, told).policy
        logs = jax.vmap(cloned.log_probabilities)(jnp.asarray(some))
        first = jax.tree.map(lambda leaf: leaf[0, :5], told.transition)
        return np.asarray(logs), np.asarray(jax.vmap(density(world, told))(first))

    for found, usual in zip(of(unit), of(1.0), strict=True):
        assert np.isfinite(found).all()
        np.testing.assert_allclose(found, usual, rtol=1e-3, atol=1e-3)


def test_demonstrations_that_were_cut_off_are_compared_for_as_long_as_they_go():
    world = random_mdp(jax.random.key(0), 6, 2, 3, discount=0.99)
    truth = Tabular(jax.random.normal(jax.random.key(1), (6,)))
    acting = soft(world, truth)
    draw = lambda limit, key, n: vl.episodes(
        jax.random.key(key), world, acting, n_episodes=n, time_limit=limit
    )
    told = draw(20, 2, 300)
    found = max_causal_entropy(world, told)
    assert found.converged, found.message
    total = (1 - 0.99**20) / 0.01
    assert found.visits.sum() == pytest.approx(total, rel=1e-6)
    assert found.demonstrated.sum() == pytest.approx(total, rel=1e-6)
    # Some cut earlier than others, whatever they did.
    longer, shorter = draw(20, 3, 150), draw(20, 4, 150)
    kept = jnp.arange(20)[None] < 7
    shorter = eqx.tree_at(
        lambda one: (one.weight, one.present),
        shorter,
        (shorter.weight * kept.astype(float), shorter.present & kept),
    )
    both = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), longer, shorter)
    mixed = max_causal_entropy(world, both)
    assert mixed.converged, mixed.message
    assert mixed.visits.sum() == pytest.approx(mixed.demonstrated.sum(), rel=1e-6)
    assert "300 demonstrations can tell" in mixed.message


def test_what_ended_and_what_was_cut_off_are_told_apart():
    """Of a world that mostly ends, watched for 5 steps: expected visits by hand."""
    world = gridworld(["S....G"], discount=0.9)
    even = TabularPolicy(jnp.full((6, 4), 0.25))
    told = vl.episodes(jax.random.key(0), world, even, n_episodes=4000, time_limit=12)
    seen = of_paths(world, told)
    assert (seen.observed == 1.0).all()
    assert seen.after == 0.0
    from volition.inference.irl.compared import expected_visits

    visits = np.asarray(
        expected_visits(
            world, even.probabilities, jnp.asarray(seen.observed), jnp.asarray(0.0)
        )
    )
    gap, right, message = compared(visits, seen, 1e-3)
    assert right, message
    # Taken for episodes that go on, they are too short by more than chance.
    endless = np.asarray(occupancy(world, even.probabilities)).sum(axis=1)
    assert not compared(endless, seen, 1e-3)[1]
    assert np.isfinite(gap)


@pytest.mark.parametrize("n", [1, 5, 200])
@pytest.mark.parametrize("seed", range(2))
def test_messages_say_what_a_difference_is_measured_against(seed, n):
    world = random_mdp(jax.random.key(seed), 6, 2, 3, discount=0.9)
    even = TabularPolicy(jnp.full((6, 2), 0.5))
    told = vl.episodes(jax.random.key(seed), world, even, n_episodes=n, time_limit=30)
    found = max_causal_entropy(world, told, penalty=0.0 if n > 1 else 1e-3)
    assert "nan" not in found.message
    assert "inf" not in found.message
    assert np.isfinite(found.gap)
    if n > 1:
        assert found.converged, found.message
        assert f"as far as {n} demonstrations can tell" in found.message
        assert "chance explains up to" in found.message
    # Visits that no reward of one state explains are called so.
    wrong = max_causal_entropy(world, told, Tabular(jnp.zeros(6)), max_steps=0)
    assert "nan" not in wrong.message


def test_visits_beyond_chance_are_no_match_however_few_demonstrations():
    seen = of_visits(np.array([1.0, 2.0]))
    assert compared(np.array([1.0, 2.5]), seen, 1e-3)[1] is False
    gap, right, message = compared(np.array([1.0, np.inf]), seen, 1e-3)
    assert (gap, right) == (np.inf, False)
    assert "discount below 1" in message


def test_a_plan_without_end_is_refused_before_it_is_searched_for():
    world = random_mdp(jax.random.key(0), 8, 2, 3, discount=1.0)
    even = TabularPolicy(jnp.full((8, 2), 0.5))
    told = vl.episodes(jax.random.key(1), world, even, n_episodes=20, time_limit=9)
    with pytest.raises(ValueError, match=r"discount is 1.*give a horizon"):
        max_causal_entropy(world, told)
    assert max_causal_entropy(world, told, horizon=9).converged


def test_chains_that_never_moved_are_not_said_to_agree():
    world = random_mdp(jax.random.key(3), 3, 2, 2, discount=0.8)
    always = TabularPolicy(jnp.array([[1.0, 0.0]] * 3))
    told = vl.episodes(jax.random.key(1), world, always, n_episodes=9, time_limit=20)
    found = policy_walk(
        jax.random.key(0),
        world,
        told,
        step=1.0,
        rationality=1e6,
        n_draws=10,
        n_warmup=0,
        n_chains=3,
    )
    assert not found.converged
    assert "nan" not in found.message
    assert len(found.message) < 300
