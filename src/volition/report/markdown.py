"""A report as Markdown, with tables and the names of pictures."""

import re
from typing import Any

from volition.report.document import Board, Document, Section, Table

SPECIAL = re.compile(r"([\\`*_\[\]<>|#])")


def to_markdown(document: Document) -> str:
    """The text, in GitHub's Markdown; pictures are those of the study's folder.

    Args:
        document: what it says.

    Example:
        >>> print(to_markdown(Document("A < B", ("It is.",), ())), end="")
        # A \\< B
        <BLANKLINE>
        It is.
    """
    parts = [f"# {_plain(document.title)}", *map(_plain, document.lead)]
    for section in document.sections:
        parts += _section(section, 2)
    return "\n\n".join(parts) + "\n"


def _section(section: Section, level: int) -> list[str]:
    parts = [f"{'#' * level} {_plain(section.title)}"]
    for block in section.blocks:
        parts += [
            _block(one) for one in (block if isinstance(block, tuple) else [block])
        ]
    for part in section.parts:
        parts += _section(part, level + 1)
    # Charts show what a table beside them says.
    return [part for part in parts if part]


def _block(block: Any) -> str:
    if block.kind == "prose":
        return _plain(block.text)
    if block.kind == "listing":
        return "\n".join(f"- {_plain(item)}" for item in block.items)
    if block.kind == "table":
        return _table(block)
    if block.kind == "picture":
        return f"![{_plain(block.says)}]({block.name})\n\n{_plain(block.caption)}"
    if block.kind == "board" and block.words:
        return _board(block)
    return ""


def _board(board: Board) -> str:
    """What stands on the tiles, as it is; a path is told in words beside it."""
    width, wide = len(board.tiles[0]), max(map(len, board.words))
    cells = [word.rjust(wide) for word in board.words]
    starts = range(0, len(cells), width)
    rows = [f"    {' '.join(cells[first : first + width])}" for first in starts]
    return "\n".join([f"**{_plain(board.title)}**", "", *rows])


def _table(table: Table) -> str:
    lines = [f"**{_plain(table.caption)}**", ""]
    lines.append(_row(table.columns))
    lines.append(_row(["---"] * len(table.columns), plain=False))
    for row in table.rows:
        lines.append(
            _row([" ".join(filter(None, cell)) for cell in table.written(row)])
        )
    if table.note:
        lines += ["", _plain(table.note)]
    return "\n".join(lines)


def _row(cells: Any, plain: bool = True) -> str:
    return f"| {' | '.join(_plain(cell) if plain else cell for cell in cells)} |"


def _plain(text: str) -> str:
    """Text in which nothing is markup, on one line."""
    return SPECIAL.sub(r"\\\1", " ".join(text.split()))
