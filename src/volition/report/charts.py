"""Charts of a report as SVG that takes its colours from the page, light or dark."""

import io
import re
from collections.abc import Callable
from typing import Any

import matplotlib
import numpy as np
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from volition.report.document import Bands, Curves, Diagram, Intervals

WIDE = 4.6  # inches: text keeps a size that can be read where a phone shrinks it
# Colours that stand for the page's own; no picture has them otherwise.
INK, GRID = "#010203", "#040506"
SERIES = ("#070809", "#0a0b0c", "#0d0e0f")
MARKERS = ("o", "s", "^")
DASHES = ("-", "--", ":")
OF_THE_PAGE = {
    INK: "var(--ink)",
    GRID: "var(--line)",
    SERIES[0]: "var(--first)",
    SERIES[1]: "var(--second)",
    SERIES[2]: "var(--third)",
}
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: it can be found, and read out
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": GRID,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "legend.frameon": False,
    "font.size": 10.0,
    "text.parse_math": False,  # a name with dollars in it is a name, and no formula
}


def intervals_svg(chart: Intervals, name: str) -> Markup:
    """Dots with intervals, one row for each name.

    Args:
        chart: what is drawn; at most three series.
        name: of the chart, unlike any other of the page.

    Raises:
        ValueError: for more series.
    """
    n_series, n_rows = len(chart.series), len(chart.rows)
    if n_series > len(SERIES):
        raise ValueError(f"a chart has at most {len(SERIES)} series, not {n_series}.")

    def draw(axes: Axes) -> None:
        for place, series in enumerate(chart.series):
            shift = 0.24 * (place - 0.5 * (n_series - 1))
            points = [
                (row + shift, one)
                for row, (_, each) in enumerate(chart.rows)
                if (one := each[place]) is not None
            ]
            for height, one in points:
                axes.plot([one.low, one.high], [height] * 2, "-", c=SERIES[place], lw=2)
            axes.plot(
                [one.value for _, one in points],
                [height for height, _ in points],
                MARKERS[place],
                color=SERIES[place],
                markersize=5.5,
                label=series,
            )
        if chart.zero:
            axes.axvline(0.0, color=INK, linewidth=0.8, linestyle=(0, (2, 2)))
        axes.set_yticks(range(n_rows), [who for who, _ in chart.rows])
        axes.set_ylim(n_rows - 0.5, -0.5)
        axes.set_xlabel(chart.unit)
        axes.grid(axis="x", linewidth=0.8)
        axes.tick_params(axis="y", length=0)
        if n_series > 1:
            axes.figure.legend(
                loc="outside upper left",
                ncols=n_series,
                borderpad=0.0,
                columnspacing=1.0,
                handletextpad=0.0,
            )

    said = (
        f"Dots with intervals for {', '.join(who for who, _ in chart.rows)}"
        + (f", each {' and '.join(chart.series)}" if n_series > 1 else "")
        + ". The numbers are in the table below."
    )
    height = 0.9 + (0.17 * n_series + 0.14) * n_rows
    return svg(draw, height, name, f"{chart.title}, {chart.unit}", said)


def curves_svg(chart: Curves, name: str) -> Markup:
    """Each run as a thin line, their mean as a thick one."""

    def draw(axes: Axes) -> None:
        runs = np.array(
            [[np.nan if y is None else y for y in run] for run in chart.runs]
        )
        for run in runs:
            axes.plot(chart.x, run, color=SERIES[0], linewidth=0.8, alpha=0.5)
        there = ~np.isnan(runs).any(axis=0)
        mean = runs[:, there].mean(axis=0)
        x = np.asarray(chart.x)[there]
        axes.plot(x, mean, "o-", color=SERIES[0], linewidth=2.2, markersize=4)
        axes.set_xlabel(chart.across)
        axes.set_ylabel(chart.up)
        axes.grid(linewidth=0.8)
        axes.xaxis.set_major_formatter(lambda x, _: f"{x:,.0f}")
        axes.locator_params(axis="x", nbins=5)

    ends = [run[-1] for run in chart.runs if run and run[-1] is not None]
    said = f"{len(chart.runs)} runs" + (
        f"; in the end {min(ends):.3g} to {max(ends):.3g}." if ends else "."
    )
    return svg(draw, 2.7, name, chart.title, said)


def bands_svg(chart: Bands, name: str) -> Markup:
    """Lines with the bands of their intervals.

    Args:
        chart: what is drawn; at most three series.
        name: of the chart, unlike any other of the page.

    Raises:
        ValueError: for more series.
    """
    n_series = len(chart.series)
    if n_series > len(SERIES):
        raise ValueError(f"a chart has at most {len(SERIES)} series, not {n_series}.")

    def draw(axes: Axes) -> None:
        for place, (series, values, low, high) in enumerate(chart.series):
            colour = SERIES[place]
            axes.fill_between(chart.x, low, high, color=colour, alpha=0.2, lw=0.0)
            axes.plot(
                chart.x, values, DASHES[place], color=colour, lw=2.0, label=series
            )
        axes.set_xlabel(chart.across)
        axes.set_ylabel(chart.up)
        axes.set_ylim(-0.03, 1.03)
        axes.grid(linewidth=0.8)
        axes.figure.legend(loc="outside upper left", ncols=n_series, borderpad=0.0)

    names = " and ".join(series for series, *_ in chart.series)
    said = f"A line with its band for {names}. The numbers are in the table below."
    return svg(draw, 2.9, name, chart.title, said)


def diagram_svg(chart: Diagram, name: str) -> Markup:
    """What was predicted against what happened; on the line they are the same."""

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], "--", color=INK, linewidth=0.8)
        most = max((n for _, _, n in chart.points), default=1)
        for predicted, happened, n in chart.points:
            error = 1.96 * np.sqrt(max(happened * (1 - happened), 0.25 / n) / n)
            ends = np.clip([happened - error, happened + error], 0.0, 1.0)
            axes.plot([predicted] * 2, ends, "-", color=SERIES[0], lw=1.6, alpha=0.6)
            size = 3.0 + 4.0 * np.sqrt(n / most)
            axes.plot([predicted], [happened], "o", color=SERIES[0], markersize=size)
        axes.set_xlim(-0.03, 1.03)
        axes.set_ylim(-0.03, 1.03)
        axes.set_aspect("equal")
        axes.set_xlabel("predicted probability")
        axes.set_ylabel("share that happened")
        axes.grid(linewidth=0.8)

    pairs = ", ".join(f"{p:.2f} predicted {h:.2f}" for p, h, _ in chart.points)
    said = f"Calibration error {chart.error:.3f}. Where it was {pairs} happened."
    return svg(draw, 3.4, name, chart.title, said, wide=3.6)


def svg(
    draw: Callable[[Axes], None],
    tall: float,
    name: str,
    title: str,
    said: str,
    wide: float = WIDE,
) -> Markup:
    """What was drawn, without what an SVG file has and a page must not."""
    style: dict[Any, Any] = {**STYLE, "svg.hashsalt": name}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(wide, tall), layout="constrained")
        axes = figure.add_subplot()
        axes.spines[["top", "right"]].set_visible(False)
        draw(axes)
        kept = io.StringIO()
        figure.savefig(kept, format="svg", metadata={"Date": None}, transparent=True)
    text = kept.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
    for old, new in OF_THE_PAGE.items():
        text = text.replace(old, new)
    # One family for page and charts, and no two parts of the page of one name.
    text = re.sub(r"(font: [\d.]+px )[^;\"]+", r"\1system-ui, sans-serif", text)
    text = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r'xlink:href="#([^"]+)"', rf'href="#{name}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", text)
    body = text[text.index(">") + 1 :]
    box = re.search(r'viewBox="([^"]+)"', text)
    assert box is not None
    opening = (
        f'<svg viewBox="{box[1]}" role="img" aria-labelledby="{name}-t {name}-d" '
        f'style="max-width: {wide:.1f}in">'
        f'<title id="{name}-t">{escape(title)}</title>'
        f'<desc id="{name}-d">{escape(said)}</desc>'
    )
    # What was drawn is escaped by matplotlib, what is said about it here.
    return Markup(opening + body)
