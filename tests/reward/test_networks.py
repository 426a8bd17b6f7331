"""Networks: many steps at once, and pictures."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env import Box, CartPole, Continuing, gridworld
from volition.feedback import Dataset, comparison
from volition.human import Boltzmann, BradleyTerry
from volition.inference import Ensemble, Normal, fit
from volition.policy import Random, episode, rollout
from volition.reward import (
    ConvolutionalNetwork,
    FeatureInputs,
    Network,
    StepInputs,
    Tabular,
)

ROWS = ["S...", "....", "...."]


class Drawn(Continuing):
    """A gridworld that is seen as a picture of where one is."""

    def __init__(self):
        super().__init__(gridworld(ROWS, slip=0.5))

    def observe(self, state):
        return jax.nn.one_hot(state.index, 12, dtype=float).reshape(3, 4)

    @property
    def observation_space(self):
        return Box(0.0, 1.0, (3, 4))


def test_many_steps_at_once_pay_what_each_pays_alone():
    names = ("speed", "collision", "headway")
    reward = Network(FeatureInputs(names), (7, 5), key=jax.random.key(3))
    inputs = jax.random.normal(jax.random.key(4), (2, 9, 3), jnp.float32)
    at_once = reward.over(inputs)

    def alone(row):
        for layer in reward.layers[:-1]:
            row = jax.nn.relu(layer(row))
        return reward.layers[-1](row)[0]

    np.testing.assert_allclose(
        at_once, jax.vmap(jax.vmap(alone))(inputs), rtol=1e-5, atol=1e-6
    )
    assert at_once.shape == (2, 9)


def pairs_of(world, n, key):
    pool = rollout(key, world, Random(4), n_segments=2 * n, length=5, n_steps=5)
    options = jax.tree.map(lambda leaf: leaf.reshape(n, 2, *leaf.shape[1:]), pool)
    made = jax.vmap(comparison)(options)
    return eqx.tree_at(lambda one: one.question, made, jnp.arange(n, dtype=jnp.int32))


def test_what_pictures_are_worth_is_learned_from_comparisons():
    world = Drawn()
    # Worth something only where the picture has its dot in the right half.
    right = jnp.where(jnp.arange(12) % 4 >= 2, 1.0, -1.0)
    truth = Tabular(jnp.broadcast_to(right, (12, 4, 12)))
    person = Boltzmann(choice=BradleyTerry())
    judge = person.judge(truth)
    asked = pairs_of(world, 200, jax.random.key(0))
    keys = jax.random.split(jax.random.key(1), 200)
    said = jax.jit(jax.vmap(judge.sample))(keys, asked)
    form = ConvolutionalNetwork(world, (4,), (8,))
    found = fit(
        form,
        person,
        Dataset.of(said),
        Ensemble(2, n_steps=150),
        prior=Normal(form.prior_scale()),
    )
    new = pairs_of(world, 200, jax.random.key(2))
    worth = lambda reward: np.asarray(
        jax.vmap(jax.vmap(person.judge(reward).value))(new.options)
    )
    ahead, truly = (np.subtract(*worth(reward).T) for reward in (found.mean, truth))
    apart = np.abs(truly) > 0.5
    assert (np.sign(ahead) == np.sign(truly))[apart].mean() > 0.95
    before = np.subtract(*worth(form).T)
    assert (np.sign(before) == np.sign(truly))[apart].mean() < 0.8


def test_what_is_no_picture_is_refused():
    with pytest.raises(ValueError, match="no pictures"):
        ConvolutionalNetwork(CartPole())
    with pytest.raises(ValueError, match="at least one layer of filters"):
        ConvolutionalNetwork(Drawn(), ())


def test_a_reward_of_steps_is_shown_observations_where_there_are_no_states():
    world = CartPole()
    net = Network(StepInputs(world), (6,), key=jax.random.key(1))
    seen = episode(jax.random.key(0), world, Random(2), 3).transition
    step = jax.tree.map(lambda leaf: leaf[0], seen)
    told = eqx.tree_at(
        lambda one: (one.state, one.next_state),
        step,
        (world.observe(step.state), world.observe(step.next_state)),
    )
    assert float(net(told)) == float(net(step))
    with pytest.raises(TypeError, match=r"states of CartPole.* shown an array of .*3"):
        net(eqx.tree_at(lambda one: one.state, told, jnp.zeros(3)))
