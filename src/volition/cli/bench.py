"""`volition bench`: known experiments, run again, as numbers and pictures."""

from pathlib import Path

import click
import jax
from rich.console import Console
from rich.progress import BarColumn, Progress as Bar, TextColumn, TimeElapsedColumn
from rich.table import Table

from volition.cli.start import InputError
from volition.cli.table import interval, plain_table
from volition.evaluation import Estimate
from volition.study.run import to_text


def tabular(seed: int, out: Path, as_json: bool) -> None:
    """Tabular learning: figures of Sutton and Barto, chapters 4 to 8 and 10."""
    try:
        from volition.report.textbook import FIGURES, figures
    except ImportError as error:
        raise InputError(
            "pictures need matplotlib: pip install 'volition[report]'."
        ) from error
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out} cannot be made a folder: {error.strerror}.") from error
    numbers: dict[str, list[tuple[str, Estimate]]] = {}
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("running", total=len(FIGURES))
        for drawn in figures(jax.random.key(seed)):
            drawn.figure.savefig(out / f"{drawn.name}.png", dpi=150)
            numbers[drawn.name] = drawn.numbers
            bar.update(task, advance=1, description=f"{drawn.name} is drawn")
    Console(stderr=as_json).print(_table(numbers))
    click.echo(f"The pictures are in {out}.", err=as_json)
    if as_json:
        records = {
            name: {label: one.record() for label, one in rows}
            for name, rows in numbers.items()
        }
        click.echo(to_text(records))


def _table(numbers: dict[str, list[tuple[str, Estimate]]]) -> Table:
    """One row for each number."""
    table = plain_table(
        title="Sutton and Barto's tabular experiments",
        caption="Means with 95 % intervals over n runs.",
    )
    for heading in ("figure", "what", "mean", "95 %", "n"):
        table.add_column(heading)
    for name, rows in numbers.items():
        for label, one in rows:
            ends = interval(one, "{:.4g} to {:.4g}")
            table.add_row(name, label, f"{one.value:.4g}", ends, str(one.n))
            name = ""
    return table
