"""Boards of other orders: the same tiles, and a way to the goal from everywhere."""

import jax
import numpy as np

from volition.env import delivery
from volition.study.other_boards import other_boards


def reached_backwards(world) -> set[int]:
    """States from which some actions lead to the goal, by walking against them."""
    successor, terminal = np.asarray(world.successor)[:, :, 0], world.terminal
    found = set(np.flatnonzero(world.goal).tolist())
    while True:
        more = {
            state
            for state in range(world.n_states)
            if not terminal[state] and found & set(successor[state].tolist())
        }
        if more <= found:
            return found
        found |= more


def test_they_differ_and_every_start_can_end_well():
    world = delivery()
    one, other = other_boards(3, 2)
    again = other_boards(3, 2)
    assert not (np.asarray(one.goal) == np.asarray(other.goal)).all()
    for mine, same in zip((one, other), again, strict=True):
        for leaf, like in zip(
            jax.tree.leaves(mine), jax.tree.leaves(same), strict=True
        ):
            np.testing.assert_array_equal(leaf, like)
        starts = set(np.flatnonzero(np.asarray(mine.initial)).tolist())
        assert starts <= reached_backwards(mine)
        # As many of each tile: as many starts, ends, and ways to a coin or the goal.
        assert len(starts) == (np.asarray(world.initial) > 0).sum()
        assert mine.terminal.sum() == world.terminal.sum()
        assert jax.tree.structure(mine) == jax.tree.structure(world)
