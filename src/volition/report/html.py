"""A report as one HTML page that needs nothing but itself."""

import base64
import importlib.resources

import jinja2
from markupsafe import Markup

from volition.report.board import board_svg
from volition.report.charts import (
    bands_svg,
    curves_svg,
    diagram_svg,
    intervals_svg,
)
from volition.report.document import Document, Picture

CHARTS = {
    "intervals": intervals_svg,
    "curves": curves_svg,
    "bands": bands_svg,
    "board": board_svg,
    "diagram": diagram_svg,
}


def to_html(document: Document) -> str:
    """The page: no script, no address outside of it, light or dark as one likes it.

    Args:
        document: what it says.

    Example:
        >>> page = to_html(Document("A < B", ("It is.",), ()))
        >>> "<h1>A &lt; B</h1>" in page
        True
    """
    loader = jinja2.PackageLoader("volition", "report")
    environment = jinja2.Environment(
        loader=loader,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    css = importlib.resources.files("volition.report").joinpath("page.css").read_text()
    numbers = iter(range(10_000))

    def drawn(block) -> Markup:
        return CHARTS[block.kind](block, f"chart{next(numbers)}")

    template = environment.get_template("page.html")
    # The style sheet is ours, and has nothing in it that a reader wrote.
    return template.render(
        page=document, css=Markup(css), drawn=drawn, charts=tuple(CHARTS), png=_inline
    )


def _inline(picture: Picture) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture.png).decode()}"
