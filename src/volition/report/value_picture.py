"""Value maps of gridworlds as pictures; needs the extra `report`."""

import numpy as np
from jaxtyping import ArrayLike, Float
from matplotlib.figure import Figure

from volition.env import FiniteMDP
from volition.policy import Tabular
from volition.report.value_map import entered, tile_words


def value_picture(
    world: FiniteMDP,
    values: Float[ArrayLike, " state"],
    policy: Tabular | None = None,
    *,
    title: str = "value of each tile, reward units",
) -> Figure:
    """A board coloured by what its tiles are worth, with the numbers in them.

    Save it with `figure.savefig("values.png")`.

    Args:
        world: a gridworld with a board, a state for each tile.
        values: of each state, reward units.
        policy: whose likeliest action is drawn as an arrow.
        title: of the picture.

    Raises:
        ValueError: as `value_text`.
    """
    words = np.array(tile_words(world, values, policy))
    shape = (len(world.board), len(world.board[0]))
    shown = (entered(world) & ~np.asarray(world.terminal)).reshape(shape)
    coloured = np.where(shown, np.asarray(values).reshape(shape), np.nan)
    size = (0.7 * shape[1] + 1.5, 0.7 * shape[0] + 0.8)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot(title=title)
    axes.set_facecolor("#E4E4E4")
    axes.set_xticks([])
    axes.set_yticks([])
    image = axes.imshow(coloured, cmap="viridis")
    figure.colorbar(image, ax=axes)
    middle = np.nanmean([np.nanmin(coloured), np.nanmax(coloured)])
    for (row, column), word in np.ndenumerate(words.reshape(shape)):
        bright = not shown[row, column] or coloured[row, column] > middle
        axes.text(
            column,
            row,
            word,
            ha="center",
            va="center",
            fontsize=7,
            color="black" if bright else "white",
        )
    return figure
