"""Demonstrators with several intentions: found, and not more than there are."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env import Feature, gridworld
from volition.env.gridworld import Tile
from volition.feedback import Dataset, demonstration
from volition.human import Boltzmann, BoltzmannOptimal, Known
from volition.inference import Normal, find_groups
from volition.policy import Random, episode
from volition.reward import Linear

# Something for either taste at the two ends.
WORLD = gridworld(
    ["a..S..b"],
    {
        ".": Tile(),
        "S": Tile(start=True),
        "a": Tile(ground=("a",)),
        "b": Tile(ground=("b",)),
    },
    (Feature("a", "1", "1 for a step that ends at a"), Feature("b", "1", "at b")),
    moves={"left": (0, -1), "right": (0, 1)},
    discount=0.9,
)
# Rationality and the scale of rewards are one number.
HUMAN = Boltzmann(acting=BoltzmannOptimal(WORLD, Known(1.0)))


@eqx.filter_jit
def demonstrations(key, weights, n_each):
    """Of each person, who wants their row of the weights, 8 steps each."""

    def one(key, own, person):
        begun = episode(key, WORLD, Random(2), 8)
        made = HUMAN.judge(Linear(WORLD.feature_names, own)).sample(
            key, demonstration(begun, False)
        )
        return eqx.tree_at(lambda made: made.person, made, person)

    n = weights.shape[0]
    keys = jax.random.split(key, n * n_each)
    people = jnp.repeat(jnp.arange(n, dtype=jnp.int32), n_each)
    return jax.vmap(one)(keys, weights[people], people)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_two_intentions_are_found_as_two_and_one_as_one(seed):
    both = np.eye(2)[[0, 1, 1, 0, 0, 1, 0, 1]]
    form, prior = Linear(WORLD.feature_names), Normal(2.0)
    found = {}
    for name, weights in (("two", both), ("one", both[[0] * 8])):
        told = demonstrations(jax.random.key(seed), jnp.asarray(weights), 6)
        answers = Dataset.of(told)
        found[name] = find_groups(form, HUMAN, answers, most=3, prior=prior)
    assert found["one"].n_groups == 1
    assert found["two"].n_groups == 2
    # Who wants what, whichever group is numbered first.
    member = np.asarray(found["two"].membership).argmax(axis=1)
    wants = np.asarray(found["two"].rewards.weights)[member]
    np.testing.assert_array_equal(wants.argmax(axis=1), both.argmax(axis=1))
    assert np.asarray(found["two"].membership).max(axis=1).min() > 0.9
