"""`volition run`: the whole loop, from answers to a verdict."""

import os
from pathlib import Path

import click
import jax
from rich.console import Console

from volition.cli.drivers import show_drivers
from volition.cli.highway import show_highway
from volition.cli.progress import progress_bar
from volition.cli.start import InputError
from volition.cli.table import models_table, results_table
from volition.env import delivery
from volition.feedback import Comparison
from volition.reward import delivery_true
from volition.store import delivery_groups, read_delivery
from volition.study import (
    N_REAL,
    STEPS,
    Config,
    DriversConfig,
    GroupResult,
    HighwayConfig,
    results_text,
    run_study,
    simulate,
)

N_SIMULATED = 400  # answers: about what a group of the real study has


def run(
    study: str,
    seeds: int | None,
    real: int | None,
    n_answers: int | None,
    findings: bool,
    data: Path | None,
    groups: tuple[str, ...],
    model: str | None,
    seed: int,
    out: Path | None,
    as_json: bool,
) -> None:
    """Run a study from its beginning to its table."""
    if study == "highway":
        show_highway(
            HighwayConfig(
                n_seeds=seeds or 3,
                seed=seed,
                n_real=N_REAL if real is None else real,
                n_answers=200 if n_answers is None else n_answers,
                findings=findings,
            ),
            out or Path("studies") / "highway",
            as_json,
        )
        return
    if study == "drivers":
        show_drivers(
            DriversConfig(seed=seed), data, out or Path("studies") / "drivers", as_json
        )
        return
    model = model or "default"
    answers = _answers(study, data, groups, seed)
    config = Config(study, model, seed, tuple(answers))
    suffix = "" if model == "default" else f"-{model}"
    folder = out or Path("studies") / f"{study}{suffix}"
    results = _run(config, folder, answers)
    _show(Console(stderr=as_json), results)
    click.echo(f"The study is in {folder}.", err=as_json)
    if as_json:
        click.echo(results_text(results))


def _show(console: Console, results: dict[str, GroupResult]) -> None:
    """The tables, and below them what a reader must not miss."""
    console.print(results_table(results))
    if all(result.out_of_fold for result in results.values()):
        console.print(models_table(results))
    for name, result in results.items():
        notes = [f"{each.name}: {each.sentence}" for each in result.audit.findings]
        notes += [each.sentence for each in result.posterior.unidentified()]
        if not result.posterior.result.converged:
            notes.append(
                f"inference did not converge: {result.posterior.result.message}"
            )
        for note in notes:
            console.print(
                f"{name}: {note}", soft_wrap=True, highlight=False, markup=False
            )


def _answers(
    study: str, data: Path | None, groups: tuple[str, ...], seed: int
) -> dict[str, Comparison]:
    """All answers, read and checked before anything is written."""
    world = delivery()
    if study == "simulated":
        key = jax.random.key(seed)
        return {"simulated": simulate(key, world, delivery_true(), N_SIMULATED)}
    if data is None:
        data = Path(os.environ["VOLITION_DATA"]) / "delivery"
    files = delivery_groups(data)
    for name in groups:
        if name not in files:
            raise InputError(
                f"{data} has no group {name!r}: it has {', '.join(files)}."
            )
    chosen = [name for name in files if not groups or name in groups]
    return {name: read_delivery(files[name], world) for name in chosen}


def _run(
    config: Config, folder: Path, answers: dict[str, Comparison]
) -> dict[str, GroupResult]:
    """The study, with a progress bar on standard error."""
    n_steps = STEPS[config.model] * len(config.groups)
    with progress_bar(n_steps) as progress:
        return run_study(config, folder, answers, progress)
