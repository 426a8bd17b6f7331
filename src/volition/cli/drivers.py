"""What `volition run drivers` prints."""

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
from volition.env.driving import Found, find_moments, skipped_notes
from volition.store import read_recordings
from volition.study import (
    DriversConfig,
    drivers_steps,
    run_drivers,
)
from volition.study.run import to_text

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
        result = run_drivers(config, seen.moments, folder, progress, seen.skipped)
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
        click.echo(to_text(result.summary()))


def _moments(data: Path | None, config: DriversConfig) -> Found:
    if data is None:
        data = Path(os.environ["VOLITION_DATA"]) / ARCHIVE
    try:
        seen = find_moments(read_recordings(data))
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{data}: {error}") from error
    n_drivers = len({moment.driver for moment in seen.moments})
    if n_drivers < 2 * config.n_folds:
        why = " ".join(skipped_notes(seen.skipped)[:3])
        raise InputError(
            f"{data} shows {n_drivers} drivers for 5 s or longer, too few for "
            f"{config.n_folds} folds: give recordings of {2 * config.n_folds} or more. "
            f"{why}".rstrip()
        )
    return seen
