"""Paths on a board, as they are drawn: each worked out by hand."""

import pytest

from volition.env import delivery
from volition.env.delivery import LEGEND
from volition.env.gridworld import gridworld
from volition.report.grid_text import grid_text, legend_text

UP, DOWN, LEFT, RIGHT = range(4)
WORLD = gridworld(["..#.", ".S.X", "G..."])


def drawn(start: tuple[int, int], *actions: int) -> list[str]:
    return grid_text(WORLD, start[0] * 4 + start[1], actions).split("\n")


@pytest.mark.parametrize(
    "start, actions, board, words",
    [
        (
            (1, 1),
            (RIGHT, DOWN),
            [".  .  #  .", ".  S0 .1 X", "G  .  .2 ."],
            ["0 start", "1 right", "2 down"],
        ),
        # A wall above and the side of the board stop it: it stands there for longer.
        (
            (1, 2),
            (UP, LEFT, LEFT, LEFT),
            [".   .  #   .", ".34 S2 .01 X", "G   .  .   ."],
            ["0 start", "1 up, stays", "2 left", "3 left", "4 left, stays"],
        ),
        # What lies behind the end was not done.
        (
            (1, 2),
            (RIGHT, LEFT, LEFT),
            [".  .  #  .", ".  S  .0 X1", "G  .  .  ."],
            ["0 start", "1 right, the end"],
        ),
        # Twice in one place.
        (
            (2, 2),
            (RIGHT, LEFT),
            [".  .  #   .", ".  S  .   X", "G  .  .02 .1"],
            ["0 start", "1 right", "2 left"],
        ),
    ],
    ids=["two moves", "blocked", "end", "back again"],
)
def test_a_path_is_drawn_where_it_was(start, actions, board, words):
    assert drawn(start, *actions) == [*board, *words]


def test_the_board_itself_stays_readable():
    """Without the marks and gaps every row is as it was drawn."""
    world = delivery()
    text = grid_text(world, 55, [UP, UP, LEFT]).split("\n")
    for row, tiles in zip(text, world.board, strict=False):
        assert [cell[0] for cell in row.split()] == list(tiles)


def test_a_long_path_has_letters_and_a_longer_one_is_refused():
    assert drawn((2, 1), *[DOWN] * 12)[2] == "G  .0123456789abc .  ."
    assert len(drawn((2, 1), *[DOWN] * 35)) == 3 + 36
    with pytest.raises(ValueError, match="36 steps is too long"):
        drawn((2, 1), *[DOWN] * 36)


def test_the_legend_names_every_character_of_the_board():
    world = delivery()
    found = legend_text(world, LEGEND)
    assert {line[0] for line in found} == set("".join(world.board))
    assert "A sheep, the end" in found
    assert "c coin, mud" in found
    assert "H no way in" in found
