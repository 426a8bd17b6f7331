"""What a report says, before it is a page: sections of text, tables and pictures."""

import dataclasses
import math
from typing import Any, ClassVar

from volition.evaluation import Estimate

Cell = str | int | Estimate


@dataclasses.dataclass(frozen=True)
class Prose:
    """A paragraph.

    Args:
        text: plain.
    """

    kind: ClassVar[str] = "prose"
    text: str


@dataclasses.dataclass(frozen=True)
class Listing:
    """Short texts, one below the other.

    Args:
        items: plain.
    """

    kind: ClassVar[str] = "listing"
    items: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of cells; the first of each row names it.

    Args:
        caption: what the table shows; no two of a report are the same.
        columns: headings, with units.
        rows: as many cells each as there are columns.
        digits: behind the point, in each column.
        note: what a reader must know to read it.
    """

    kind: ClassVar[str] = "table"
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    digits: tuple[int, ...] = ()
    note: str = ""

    def written(self, row: tuple[Cell, ...]) -> tuple[tuple[str, str], ...]:
        """Each cell as a text and, for an estimate, its interval."""
        digits = self.digits or (2,) * len(row)
        return tuple(
            written(cell, places) for cell, places in zip(row, digits, strict=True)
        )


@dataclasses.dataclass(frozen=True)
class Intervals:
    """Estimates as dots with intervals, one row for each name.

    Args:
        title: what is measured.
        unit: of the axis.
        series: by what the dots are told apart, such as where was driven.
        rows: name, and the estimate of each series; None where there is none.
        zero: whether a line marks 0.
    """

    kind: ClassVar[str] = "intervals"
    title: str
    unit: str
    series: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Estimate | None, ...]], ...]
    zero: bool = False


@dataclasses.dataclass(frozen=True)
class Curves:
    """Lines of several runs, and their mean.

    Args:
        title: what is drawn.
        across: what the horizontal axis is.
        up: what the vertical one is.
        x: places of the points.
        runs: each as long as x; None where there is no point.
    """

    kind: ClassVar[str] = "curves"
    title: str
    across: str
    up: str
    x: tuple[float, ...]
    runs: tuple[tuple[float | None, ...], ...]


@dataclasses.dataclass(frozen=True)
class Bands:
    """Lines with the bands of their intervals.

    Args:
        title: what is drawn.
        across: what the horizontal axis is.
        up: what the vertical one is.
        x: places of the points.
        series: name, values, lower and upper ends of each line, as long as x; at most
            three.
    """

    kind: ClassVar[str] = "bands"
    title: str
    across: str
    up: str
    x: tuple[float, ...]
    series: tuple[
        tuple[str, tuple[float, ...], tuple[float, ...], tuple[float, ...]], ...
    ]


@dataclasses.dataclass(frozen=True)
class Board:
    """A gridworld with what stands on its tiles, and a path.

    Args:
        title: what is drawn.
        tiles: rows of its drawing.
        words: what stands on each tile, row by row; their characters if left out.
        path: numbers of the tiles that it goes over, in order.
        loop: place in the path from which on it repeats itself; None for one that ends.
        says: what can be seen, in words, for those who cannot.
    """

    kind: ClassVar[str] = "board"
    title: str
    tiles: tuple[str, ...]
    words: tuple[str, ...] = ()
    path: tuple[int, ...] = ()
    loop: int | None = None
    says: str = ""


@dataclasses.dataclass(frozen=True)
class Diagram:
    """A reliability diagram.

    Args:
        title: whose predictions.
        points: mean probability predicted, share that happened, how many answers.
        error: expected calibration error.
    """

    kind: ClassVar[str] = "diagram"
    title: str
    points: tuple[tuple[float, float, int], ...]
    error: float


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture, inside of the page.

    Args:
        name: of its file in the study's folder.
        png: the bytes.
        says: what can be seen, in words, for those who cannot.
        caption: below it.
    """

    kind: ClassVar[str] = "picture"
    name: str
    png: bytes = dataclasses.field(repr=False)
    says: str
    caption: str


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of the report with a heading.

    Args:
        name: short, for addresses inside of the page.
        title: its heading.
        blocks: what it holds; charts that belong together in a tuple.
        parts: sections of its own.
    """

    kind: ClassVar[str] = "section"
    name: str
    title: str
    blocks: tuple[Any, ...] = ()
    parts: tuple["Section", ...] = ()


Part = Prose | Listing | Table | Intervals | Curves | Bands | Board | Diagram | Section


@dataclasses.dataclass(frozen=True)
class Document:
    """A report.

    Args:
        title: of the page.
        lead: the answer in a few sentences.
        sections: in order.
    """

    title: str
    lead: tuple[str, ...]
    sections: tuple[Section, ...]

    def record(self) -> dict:
        """The same as JSON values; pictures by the names of their files."""
        return {
            "title": self.title,
            "lead": list(self.lead),
            "sections": [_record(section) for section in self.sections],
        }


def written(cell: Cell, digits: int = 2) -> tuple[str, str]:
    """A cell as text and, for an estimate, its interval.

    Args:
        cell: what is in it.
        digits: behind the point.

    Example:
        >>> written(Estimate(0.5, 0.25, 0.75, 8, "95 % over seeds"))
        ('0.50', '[0.25, 0.75]')
    """
    if not isinstance(cell, Estimate):
        return str(cell), ""
    if not math.isfinite(cell.value):
        return "not known", ""
    value = rounded(cell.value, digits)
    if not (math.isfinite(cell.low) and math.isfinite(cell.high)):
        return value, "[no interval]"
    return value, f"[{rounded(cell.low, digits)}, {rounded(cell.high, digits)}]"


def rounded(number: float, digits: int) -> str:
    """A number with so many digits behind the point, and no minus before a zero.

    Example:
        >>> rounded(-0.001, 2), rounded(-0.5, 1)
        ('0.00', '-0.5')
    """
    return f"{round(number, digits) + 0.0:.{digits}f}"


def _record(value: Any) -> Any:
    if isinstance(value, Estimate):
        return {
            name: None if isinstance(item, float) and not math.isfinite(item) else item
            for name, item in value.record().items()
        }
    if isinstance(value, Picture):
        return {
            "kind": "picture",
            "file": value.name,
            "says": value.says,
            "caption": value.caption,
        }
    if isinstance(value, Part):
        names = [one.name for one in dataclasses.fields(value)]
        return {"kind": value.kind} | {
            name: _record(getattr(value, name)) for name in names
        }
    if isinstance(value, tuple):
        return [_record(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
