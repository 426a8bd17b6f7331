"""DAgger."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from volition.env import gridworld
from volition.inference.imitation import Passes, dagger
from volition.policy import Tabular, episode
from volition.value.deep import MLP, Adam

# Right, then down: who has only seen the first step goes on to the right.
WORLD = gridworld(["S.", "#G"])
UP, RIGHT, DOWN, LEFT = (
    WORLD.action_names.index(name) for name in ("up", "right", "down", "left")
)
EXPERT = Tabular(jax.nn.one_hot(jnp.array([RIGHT, DOWN, UP, LEFT]), 4, dtype=float))
FITTED = {
    "network": MLP((), layer_norm=False),
    "optimiser": Adam(0.1),
    "passes": Passes(60, 64, held_out=0.0),
}


def first_step_alone():
    made = episode(jax.random.key(1), WORLD, EXPERT, 3)
    cut = jnp.array([1.0, 0.0, 0.0])
    weight, present = cut.astype(made.weight.dtype), cut > 0
    one = jax.tree.map(lambda leaf: leaf[None], made)
    return type(one)(one.transition, weight[None], present[None], whole=True)


def test_it_is_told_what_to_do_where_it_went():
    found, again = (
        dagger(
            jax.random.key(2),
            WORLD,
            EXPERT,
            demonstrations=first_step_alone(),
            n_rounds=2,
            n_episodes=1,
            length=3,
            **FITTED,
        )
        for _ in range(2)
    )
    # The clone of one step does the same in the second state, and stays there: of its
    # three steps the expert would have made the first alone. Told, it reaches the goal.
    np.testing.assert_allclose(found.disagreement, [2 / 3, 0.0], rtol=1e-6)
    assert found.best == 1
    made = np.asarray(found.asked.weight) > 0
    assert made.sum(axis=1).tolist() == [1, 3, 2]
    state = np.asarray(found.asked.transition.state.index)[made]
    assert state.tolist() == [0, 0, 1, 1, 0, 1]
    action = np.asarray(found.asked.transition.action)[made]
    assert action.tolist() == [RIGHT, RIGHT, DOWN, DOWN, RIGHT, DOWN]
    greedy = [int(found.policy.greedy(jax.random.key(0), s)) for s in (0, 1)]
    assert greedy == [RIGHT, DOWN]
    for one, other in zip(*map(jax.tree.leaves, (found, again)), strict=True):
        assert np.array_equal(one, other)


def test_wrong_input_is_refused_in_a_sentence():
    key = jax.random.key(0)
    with pytest.raises(ValueError, match="n_rounds, n_episodes and length"):
        dagger(key, WORLD, EXPERT, n_rounds=0)
    with pytest.raises(ValueError, match=r"mix = 1\.5 is a share"):
        dagger(key, WORLD, EXPERT, mix=1.5)
    with pytest.raises(ValueError, match="have 3 steps, where length = 4"):
        dagger(key, WORLD, EXPERT, demonstrations=first_step_alone(), length=4)
