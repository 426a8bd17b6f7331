"""A gridworld as SVG: what stands on its tiles, and a path over them."""

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from volition.report.charts import GRID, SERIES, WIDE, svg
from volition.report.document import Board

PATH, LOOP = SERIES[0], SERIES[1]
BESIDE = 0.16  # of a tile, by which ways that come back stay apart


def board_svg(board: Board, name: str) -> Markup:
    """Tiles with their words; the path as arrows, what repeats in another colour.

    Args:
        board: what is drawn.
        name: of the drawing, unlike any other of the page.
    """
    n_rows, width = len(board.tiles), len(board.tiles[0])
    words = board.words or tuple("".join(board.tiles))

    def draw(axes: Axes) -> None:
        for number, word in enumerate(words):
            row, column = divmod(number, width)
            corner = (column - 0.5, row - 0.5)
            axes.add_patch(Rectangle(corner, 1, 1, fill=False, ec=GRID, lw=0.8))
            size = 11.0 if len(word) < 2 else 8.0
            axes.text(column, row, word, ha="center", va="center", fontsize=size)
        _walk(axes, board, width)
        axes.set_xlim(-0.55, width - 0.45)
        axes.set_ylim(n_rows - 0.45, -0.55)
        axes.set_aspect("equal")
        axes.set_axis_off()

    tall = WIDE * n_rows / width
    return svg(draw, tall, name, board.title, board.says or board.title)


def _walk(axes: Axes, board: Board, width: int) -> None:
    """Arrows from tile to tile, each a little to the right of its direction."""
    if not board.path:
        return
    places = np.array([divmod(tile, width)[::-1] for tile in board.path], dtype=float)
    axes.plot(*places[0], "o", color=PATH, markersize=13, fillstyle="none", mew=2.0)
    for step in range(len(places) - 1):
        colour = PATH if board.loop is None or step < board.loop else LOOP
        ahead = places[step + 1] - places[step]
        if not ahead.any():  # it ran against something
            axes.plot(*places[step], "x", color=colour, markersize=9, mew=2.0)
            continue
        aside = BESIDE * np.array([-ahead[1], ahead[0]])
        begin, end = places[step] + aside, places[step] + 0.88 * ahead + aside
        style = {"arrowstyle": "-|>", "color": colour, "lw": 1.8, "shrinkA": 0.0}
        axes.annotate("", end, begin, arrowprops=style | {"shrinkB": 0.0})
