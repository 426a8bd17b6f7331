"""Value maps, by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from volition.env.gridworld import gridworld
from volition.policy import Tabular
from volition.report.value_map import value_text

WORLD = gridworld(["S.G", ".#X"])
VALUES = np.array([3.0, 8.0, 0.0, -0.25, 0.0, 0.0])
UP, DOWN, LEFT, RIGHT = range(4)


def policy(*actions):
    return Tabular(jnp.asarray(np.eye(4)[list(actions)]))


def test_values_are_where_their_tiles_are():
    assert value_text(WORLD, VALUES).split("\n") == [" 3.0  8.0    G", "-0.2    #    X"]
    arrows = value_text(
        WORLD, VALUES, policy(RIGHT, RIGHT, UP, UP, UP, UP), digits=2
    ).split("\n")
    assert arrows == [" 3.00→  8.00→      G", "-0.25↑      #      X"]


def test_wrong_values_are_refused():
    with pytest.raises(ValueError, match="one value for each of 6 states"):
        value_text(WORLD, VALUES[:5])


def test_a_picture_has_a_number_on_each_tile(tmp_path):
    pytest.importorskip("matplotlib")
    from volition.report.value_picture import value_picture

    figure = value_picture(WORLD, VALUES)
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == [
        "3.0",
        "8.0",
        "G",
        "-0.2",
        "#",
        "X",
    ]
    shown = np.ma.asarray(axes.images[0].get_array())
    hidden = np.ma.getmaskarray(np.ma.masked_invalid(shown))
    np.testing.assert_array_equal(hidden, [[0, 0, 1], [0, 1, 1]])
    figure.savefig(tmp_path / "values.png")
    assert (tmp_path / "values.png").stat().st_size > 1000
