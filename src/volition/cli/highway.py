"""What `volition run highway` prints."""

import json
from pathlib import Path

import click
import jax
from rich.console import Console
from rich.table import Table

from volition import record
from volition.cli.progress import progress_bar
from volition.cli.table import interval, plain_table
from volition.env import Highway
from volition.env.driving import SceneLog
from volition.evaluation import Estimate
from volition.report.driving_text import episode_in_words
from volition.study import (
    HighwayConfig,
    HighwayResult,
    an_episode,
    highway_steps,
    real_is_there,
    run_highway,
)
from volition.study.run import to_text

PLACES = {"train": "roads learned on", "held out": "roads held out"}
REAL = {"real": "highway-env"}


def show_highway(config: HighwayConfig, folder: Path, as_json: bool) -> None:
    """Run the study, and print its tables."""
    with progress_bar(highway_steps(config)) as progress:
        result = run_highway(config, folder, progress)
    logs = _episodes(result, config)
    episodes = [
        {"who": who, "words": episode_in_words(log)} for who, log in logs.items()
    ]
    text = to_text(result.summary() | {"episodes": episodes})
    record.write_text(folder / "results.json", text + "\n")
    console = Console(stderr=as_json)
    places = PLACES | (REAL if "real" in next(iter(result.scores.values())) else {})
    for where, heading in places.items():
        console.print(scores_table(result, where, heading, config))
    console.print(result.bargain(), soft_wrap=True, highlight=False)
    if result.rewards:
        console.print(
            f"What {config.n_answers} answers said to the first of {config.n_seeds} "
            f"seeds, the weight of each feature with its middle 90 %: "
            f"{result.rewards[0]}.",
            soft_wrap=True,
            highlight=False,
        )
    if config.n_real and not real_is_there():
        console.print(
            "highway-env is not installed, so nobody drove there: pip install "
            "highway-env."
        )
    _draw(logs, folder)
    click.echo(f"The study is in {folder}.", err=as_json)
    if as_json:
        click.echo(text)


def _episodes(result: HighwayResult, config: HighwayConfig) -> dict[str, SceneLog]:
    """The same start driven by what each reward taught first."""
    key, logs = jax.random.key(config.seed), {}
    for who, policy in result.policies.items():
        first = jax.tree.map(lambda leaf: leaf[0], policy)
        logs[who] = an_episode(first, key, Highway())
    return logs


def _draw(logs: dict[str, SceneLog], folder: Path) -> None:
    """The logs, and pictures of them."""
    for number, log in enumerate(logs.values()):
        text = json.dumps(record.to_json(log))
        record.write_text(folder / f"episode-{number}.json", text + "\n")
    try:
        from volition.report.driving import strip
    except ImportError:
        click.echo(
            "Pictures need matplotlib: pip install 'volition[report]'.", err=True
        )
        return
    for number, log in enumerate(logs.values()):
        strip(log, folder / f"episode-{number}.png", wide=5.5)


def scores_table(
    result: HighwayResult, where: str, heading: str, config: HighwayConfig
) -> Table:
    """One row for each driver; every number with its interval below it."""
    table = plain_table(
        title=f"Driving on {heading}",
        caption=f"return: of highway-env's own reward. Intervals: 95 % over "
        f"{config.n_seeds} seeds of learning; of the last three over episodes.",
    )
    for name in ("who", "return", "collisions\nper hour", "speed\nm/s", "crashed"):
        table.add_column(name, no_wrap=True)
    for who, places in result.scores.items():
        score = places[where]
        table.add_row(
            who,
            _number(score.returns, 2),
            _number(score.collisions, 1),
            _number(score.speed, 1),
            _number(score.crashed, 2),
        )
    return table


def _number(estimate: Estimate, digits: int) -> str:
    end = f"{{:.{digits}f}}"
    ends = interval(estimate, f"\\[{end}, {end}]")
    return f"{estimate.value:.{digits}f}\n{ends}"
