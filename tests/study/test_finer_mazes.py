"""Example 8.4 of the textbook at small size."""

import jax
import pytest

from volition import env, reward
from volition.study import finer_mazes
from volition.value import DynaQ, PrioritizedSweeping

KEY = jax.random.key(0)


def test_sweeping_needs_few_of_dynas_backups():
    sweeping = finer_mazes.until_short(KEY, PrioritizedSweeping, 1, n_runs=5)
    dyna = finer_mazes.until_short(KEY, DynaQ, 1, n_runs=5)
    # It sets nothing as long as all is zero, and a way has 14 values to set or more.
    assert sweeping.before.tolist() == [0] * 5
    assert (sweeping.total >= 14).all()
    # Dyna's come in sixes: one by the step and five by planning.
    assert (dyna.total % 6 == 0).all()
    assert (dyna.before % 6 == 0).all()
    assert (dyna.before < dyna.total).all()
    assert sweeping.total.max() < (dyna.total - dyna.before).min()


def test_too_few_steps_are_refused():
    with pytest.raises(ValueError, match="no short way after 13 steps"):
        finer_mazes.until_short(KEY, DynaQ, 1, n_runs=2, n_steps=13)


@pytest.mark.parametrize("scale, steps", [(1, 14), (2, 29)])
def test_the_shortest_way_is_measured_in_steps(scale, steps):
    world = env.dyna_maze(scale=scale)
    assert finer_mazes.shortest(world, reward.dyna_maze()) == steps
