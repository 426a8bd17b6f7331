"""Behaviour cloning."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env import CartPole, Pendulum, random_mdp
from volition.inference.imitation import Passes, behaviour_cloning, tabular_cloning
from volition.policy import Random, Tabular, episodes
from volition.value.deep import MLP, Adam

WORLD = random_mdp(jax.random.key(0), 4, 3, 2, discount=0.9)
PROBABILITIES = jax.random.dirichlet(jax.random.key(1), jnp.ones(3), (4,))


def made(n_segments=20, length=25):
    policy = Tabular(PROBABILITIES)
    key = jax.random.key(2)
    return episodes(key, WORLD, policy, n_episodes=n_segments, time_limit=length)


def counts(demonstrations):
    found = np.zeros((4, 3))
    for state, action in zip(
        np.ravel(demonstrations.transition.state.index),
        np.ravel(demonstrations.transition.action),
        strict=True,
    ):
        found[state, action] += 1
    return found


def test_counting_is_the_mean_of_a_dirichlet_posterior():
    demonstrations = made()
    cloned = tabular_cloning(WORLD, demonstrations, pseudo_count=0.5)
    told = counts(demonstrations) + 0.5
    expected = told / told.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(cloned.probabilities, expected, rtol=1e-12)


def test_where_nothing_was_demonstrated_every_action_is_alike():
    demonstrations = made(1, 1)
    cloned = tabular_cloning(WORLD, demonstrations, pseudo_count=0.0)
    seen = counts(demonstrations).sum(axis=1) > 0
    assert seen.sum() == 1
    np.testing.assert_allclose(cloned.probabilities[~seen], 1.0 / 3.0)


def test_a_networks_probabilities_become_the_shares_of_the_counts():
    demonstrations = made()
    found = behaviour_cloning(
        jax.random.key(3),
        WORLD,
        demonstrations,
        network=MLP((), layer_norm=False),
        optimiser=Adam(0.03),
        passes=Passes(200, 500, held_out=0.0),
    )
    told = counts(demonstrations)
    states = jnp.arange(4, dtype=jnp.int32)
    share = np.exp(jax.vmap(found.policy.log_probabilities)(states))
    # The likelihood has one maximum, the shares; the optimiser's last steps are left.
    expected = told / told.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(share, expected, atol=0.01)
    assert np.isnan(found.held_out).all()
    entropy = -np.sum(told * np.log(np.maximum(expected, 1e-9))) / told.sum()
    assert found.cross_entropy[-1] == pytest.approx(entropy, abs=1e-3)


def test_it_keeps_the_pass_that_foresaw_best_what_was_held_out():
    keys = jax.random.key(4), jax.random.key(4)
    passes = Passes(100, 32, held_out=0.5, patience=3)
    few = made(6, 10)
    found, again = (
        behaviour_cloning(key, WORLD, few, optimiser=Adam(0.01), passes=passes)
        for key in keys
    )
    assert found.best == int(np.argmin(found.held_out))
    assert len(found.held_out) == found.best + 1 + 3 < 100
    assert eqx.tree_equal(found, again)


def in_cart_pole(length=6):
    key = jax.random.key(5)
    return episodes(key, CartPole(), Random(2), n_episodes=3, time_limit=length)


def changed(where, demonstrations, value):
    leaf = jnp.asarray(where(demonstrations))
    # The second step of the third demonstration.
    return eqx.tree_at(where, demonstrations, leaf.at[2, 1].set(value))


@pytest.mark.parametrize(
    ("where", "value", "match"),
    [
        (
            lambda told: told.transition.state.angle,
            jnp.nan,
            "step 1 of demonstration 2 has an observation before it that is not finite",
        ),
        (
            lambda told: told.transition.next_state.velocity,
            jnp.inf,
            "step 1 of demonstration 2 has an observation after it that is not finite",
        ),
        (
            lambda told: told.transition.action,
            2,
            "step 1 of demonstration 2 has the action 2, where the world has 0 to 1",
        ),
        (lambda told: told.weight, jnp.nan, "a weight that is not finite"),
    ],
)
def test_what_cannot_be_a_demonstration_is_refused(where, value, match):
    wrong = changed(where, in_cart_pole(), value)
    with pytest.raises(ValueError, match=match):
        behaviour_cloning(jax.random.key(0), CartPole(), wrong)


def test_other_wrong_input_is_refused_in_a_sentence():
    key, told = jax.random.key(0), in_cart_pole()
    empty = eqx.tree_at(lambda one: one.weight, told, told.weight.at[1].set(0.0))
    with pytest.raises(ValueError, match="demonstration 1 has no step"):
        behaviour_cloning(key, CartPole(), empty)
    with pytest.raises(ValueError, match="give a batch of segments"):
        behaviour_cloning(key, CartPole(), jax.tree.map(lambda leaf: leaf[0], told))
    with pytest.raises(ValueError, match="worlds with discrete actions"):
        behaviour_cloning(key, Pendulum(), told)
    real = eqx.tree_at(lambda one: one.transition.action, told, told.weight)
    with pytest.raises(ValueError, match="one whole number for each step"):
        behaviour_cloning(key, CartPole(), real)
    with pytest.raises(ValueError, match="pseudo_count = -1"):
        tabular_cloning(WORLD, made(), pseudo_count=-1.0)
    with pytest.raises(ValueError, match="held_out"):
        Passes(held_out=1.0)
