"""Paths that actions make in a deterministic world."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference.paths import featured_world, follow_all
from tests.reference.worlds import small_world
from volition.env import delivery
from volition.feedback import follow

SEEDS = [0, 6]


@pytest.mark.parametrize("seed", SEEDS)
def test_it_goes_where_the_world_leads(seed):
    world = featured_world(seed, terminal=(2, 5))
    successor, ends = np.asarray(world.successor), np.asarray(world.terminal)
    features = np.asarray(world.features)
    generator = np.random.default_rng(seed)
    starts = generator.integers(0, world.n_states, (30, 2))
    actions = generator.integers(0, world.n_actions, (30, 2, 5))
    seen = jax.tree.map(
        np.asarray,
        follow_all(world, starts.astype(np.int32), actions.astype(np.int32)),
    )
    assert np.asarray(seen.present).all()
    n_ended = 0
    for row in np.ndindex(30, 2):
        state = starts[row]
        for time, action in enumerate(actions[row]):
            at = (*row, time)
            over = ends[state]
            paid = np.zeros(3) if over else features[state, action, 0]
            after = state if over else successor[state, action, 0]
            assert seen.transition.state.index[at] == state
            assert seen.transition.next_state.index[at] == after
            assert seen.transition.action[at] == action
            assert seen.transition.terminated[at] == ends[after]
            assert seen.weight[at] == (0.0 if over else 1.0)
            np.testing.assert_array_equal(seen.transition.features[at], paid)
            state = after
        n_ended += ends[state]
    assert 5 < n_ended < 55  # both kinds of path were looked at


def test_start_and_end_of_a_path():
    right, down = 3, 1
    seen = follow(delivery(), jnp.int32(10), jnp.array([right, down], dtype=jnp.int32))
    assert (str(seen.start), str(seen.end)) == ("(1, 0)", "(2, 1)")
    assert not bool(seen.ended)
    assert seen.length == 2


def test_a_path_that_begins_at_an_end_rests_there():
    sheep = jnp.int32(22)
    seen = follow(delivery(), sheep, jnp.array([0, 3], dtype=jnp.int32))
    assert seen.weight.tolist() == [0.0, 0.0]
    assert seen.transition.next_state.index.tolist() == [22, 22]
    assert bool(seen.ended)


def test_chance_is_refused():
    with pytest.raises(ValueError, match="only in a deterministic world"):
        follow(small_world(0), jnp.int32(0), jnp.zeros(3, dtype=jnp.int32))
