"""What `volition run drivers` prints."""

import json
import os
from pathlib import Path

import click
from rich.console import Console

from volition.cli.driver_tables import (
    again_table,
    errors_table,
    groups_table,
    people_table,
    weights_table,
)
from volition.cli.progress import progress_bar
from volition.cli.start import InputError
from volition.env.driving import Moment, moments
from volition.store import read_recordings
from volition.study import (
    DriversConfig,
    drivers_steps,
    run_drivers,
)

ARCHIVE = "ngsim_us101.tar.xz"  # in VOLITION_DATA


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
    if result.people is not None:
        console.print(people_table(result.weights, result.people))
        console.print(again_table(result.people))
    for by in dict.fromkeys(group.by for group in result.groups):
        console.print(groups_table([one for one in result.groups if one.by == by]))
    for note in result.notes:
        console.print(note, soft_wrap=True, highlight=False, markup=False)
    click.echo(f"The study is in {folder}.", err=as_json)
    if as_json:
        click.echo(json.dumps(result.summary()))


def _moments(data: Path | None, config: DriversConfig) -> tuple[Moment, ...]:
    if data is None:
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
