"""What `volition run drivers` prints."""

import json
import os
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from volition.cli.progress import progress_bar
from volition.cli.start import InputError
from volition.cli.table import plain_table
from volition.env.driving import UNITS, Moment, moments
from volition.evaluation import Estimate
from volition.store import read_recordings
from volition.study import (
    DriversConfig,
    DriversResult,
    drivers_steps,
    run_drivers,
)

ARCHIVE = "ngsim_us101.tar.xz"  # in VOLITION_DATA
COLUMNS = {
    "fde3": "final\n3 s",
    "fde5": "final\n5 s",
    "ade5": "average\n5 s",
    "fde5_best_of_3": "best of 3\nfinal 5 s",
    "neg_log_likelihood": "loss\nnats",
}


def show_drivers(
    config: DriversConfig, data: Path | None, folder: Path, as_json: bool
) -> None:
    """Run the study, and print its tables.

    Raises:
        InputError: where there are no recordings that can be used.
    """
    seen = _moments(data, config)
    with progress_bar(drivers_steps(config)) as progress:
        result = run_drivers(config, seen, folder, progress)
    console = Console(stderr=as_json)
    console.print(errors_table(result))
    console.print(weights_table(result))
    for note in result.notes:
        console.print(note, soft_wrap=True, highlight=False, markup=False)
    click.echo(f"The study is in {folder}.", err=as_json)
    if as_json:
        click.echo(json.dumps(result.summary()))


def _moments(data: Path | None, config: DriversConfig) -> tuple[Moment, ...]:
    if data is None:
        if "VOLITION_DATA" not in os.environ:
            raise InputError(
                "no data: give --data a folder or a tar archive with CommonRoad's "
                f"files, or set VOLITION_DATA to the folder of {ARCHIVE}."
            )
        data = Path(os.environ["VOLITION_DATA"]) / ARCHIVE
    try:
        seen = moments(read_recordings(data))
    except InputError:
        raise
    except ValueError as error:  # a recording that is sound, but has no lanes
        raise InputError(f"{data}: {error}") from error
    n_vehicles = len({moment.vehicle for moment in seen})
    if n_vehicles < 2 * config.n_folds:
        raise InputError(
            f"{data} shows {n_vehicles} vehicles for 5 s or longer, too few for "
            f"{config.n_folds} folds: give recordings of {2 * config.n_folds} or more."
        )
    return seen


def errors_table(result: DriversResult) -> Table:
    """One row for everybody who predicts; every number with its interval below it."""
    table = plain_table(
        title="How far predictions are from where real drivers went, m",
        caption=f"{result.n_moments} moments of {result.n_vehicles} vehicles, each "
        "predicted from other vehicles; 95 % over vehicles. loss: of the option that "
        "the driver's path was nearest to. future known: features by what the others "
        "did next, which nobody knew. published features: with our fit. nearest: the "
        "best that any of the options could do.",
    )
    table.add_column("who", no_wrap=True)
    for heading in COLUMNS.values():
        table.add_column(heading, no_wrap=True)
    for who, scores in result.scores.items():
        cells = [_number(scores.get(measure), "-") for measure in COLUMNS]
        table.add_row(who.replace(" ", "\n", 1), *cells)
    return table


def weights_table(result: DriversResult) -> Table:
    """One row for each feature: its weight, and its price in speed."""
    table = plain_table(
        title="What drivers want, by what they chose",
        caption="weight: nats for one unit more over the five seconds. price: how much "
        "mean speed one unit less is worth, m/s, where the choices tell. Intervals: "
        "95 % over vehicles.",
    )
    for heading in ("feature", "unit", "weight", "price, m/s"):
        table.add_column(heading)
    for name, weight in result.weights.items():
        table.add_row(
            name, UNITS[name], _number(weight), _number(result.prices.get(name))
        )
    return table


def _number(estimate: Estimate | None, to: str = " to ") -> str:
    if estimate is None:
        return ""
    return f"{estimate.value:.2f}\n{estimate.low:.2f}{to}{estimate.high:.2f}"
