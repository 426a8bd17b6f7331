"""`volition run`: the whole loop, from answers to a verdict."""

import os
from pathlib import Path

import click
import jax
from rich.console import Console

from volition.cli.drivers import show_drivers
from volition.cli.highway import show_highway
from volition.cli.progress import progress_bar
from volition.cli.start import InputError, start_jax
from volition.cli.table import models_table, results_table
from volition.env import delivery
from volition.feedback import Comparison
from volition.reward import delivery_true
from volition.store import delivery_groups, read_delivery
from volition.study import (
    MODELS,
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


@click.command()
@click.argument(
    "study",
    type=click.Choice(["highway", "delivery", "drivers", "simulated"]),
    required=False,
)
@click.option(
    "--seeds",
    type=click.IntRange(2, 100),
    help="highway: how often each reward is learned.  [default: 3]",
)
@click.option(
    "--real",
    type=click.IntRange(0, 1000),
    help="highway: episodes of each in highway-env, over all seeds.  [default: 24]",
)
@click.option(
    "--answers",
    "n_answers",
    type=click.IntRange(0, 10_000),
    help="highway: of a simulated person, for each seed.  [default: 200]",
)
@click.option(
    "--findings",
    is_flag=True,
    help="highway: from the second round on, ask about what the policy is found to do.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="delivery: folder with the groups' *.npz files; default: delivery in "
    "$VOLITION_DATA. drivers: folder or tar archive with CommonRoad's *.xml files; "
    "default: ngsim_us101.tar.xz there.",
)
@click.option(
    "--group", "groups", multiple=True, help="Only this group; can be repeated."
)
@click.option(
    "--model",
    type=click.Choice(MODELS),
    help="delivery, simulated: of the people.  [default: default]",
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="The study's folder; default: studies/STUDY or studies/STUDY-plain.",
)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON, last.")
def run(
    study: str | None,
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
    """Run a study from its beginning to its table.

    STUDY is `highway` (the default: a car optimises the textbook's reward, and what
    answers say of driving, and is driven on roads that it did not learn on), `delivery`
    (from the answers of real people to a reward, a plan and a verdict), `drivers` (from
    what real drivers did on a motorway to what they wanted, and where others go next)
    or `simulated` (as delivery, from the answers of a simulated person).
    """
    start_jax()
    study = study or ("delivery" if data or groups or model else "highway")
    if study == "highway":
        if data or groups or model:
            raise InputError(
                "the highway has no --data, --group or --model: say `volition run "
                "delivery` for the answers of people."
            )
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
    if (seeds, real, n_answers, findings) != (None, None, None, False):
        raise InputError(
            "--seeds, --real, --answers and --findings are of the highway, not of "
            f"{study}."
        )
    if study == "drivers":
        if groups or model:
            raise InputError(
                "drivers have no --group and no --model: those are of delivery."
            )
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
        if data is not None or groups:
            raise InputError(
                "a simulated person has no --data and no --group: say `volition run "
                "delivery` for the answers of real people."
            )
        key = jax.random.key(seed)
        return {"simulated": simulate(key, world, delivery_true(), N_SIMULATED)}
    if data is None:
        if "VOLITION_DATA" not in os.environ:
            raise InputError(
                "no data: give --data the folder with the groups' *.npz files, or set "
                "VOLITION_DATA to the folder above delivery/."
            )
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
