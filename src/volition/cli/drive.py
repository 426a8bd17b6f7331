"""`volition drive`: one episode on a road, to be looked at."""

import json
from pathlib import Path

import click
import equinox as eqx
import jax
from rich.console import Console
from rich.progress import BarColumn, Progress as Bar, TextColumn, TimeElapsedColumn

from volition import files, record
from volition.cli.start import InputError
from volition.env.driving import Exit, Highway, Merge, SceneLog, TwoWay, scene_log
from volition.env.driving.simulator import ACTIONS, AbstractDriving
from volition.policy import AbstractPolicy, Always, Random, episode
from volition.study.saved_policy import read_policy

ROADS = {"highway": Highway, "merge": Merge, "two-way": TwoWay, "exit": Exit}


def drive(road: str, driver: str, seed: int, out: Path | None, as_json: bool) -> None:
    """Drive one episode: a strip of its moments, an animation and the scene log."""
    env = ROADS[road]()
    policy = _policy(driver, env)
    try:
        from volition.report.driving import animate, strip
    except ImportError as error:
        raise InputError(
            "pictures need matplotlib: pip install 'volition[report]'."
        ) from error
    folder = out or Path("drives") / road
    with _bar() as bar:
        task = bar.add_task("driving", total=None)

        def tell(done: int, total: int) -> None:
            bar.update(task, description="drawing", completed=done, total=total)

        log = _driven(env, policy, seed)
        _made(folder)
        text = json.dumps(record.to_json(log))
        record.write_text(folder / "episode.json", text + "\n")
        strip(log, folder / "episode.png")
        animate(log, folder / "episode.gif", tell)
    speed = float(log.decisions.speed[1:].mean())
    how = "crashed" if log.crashed else "did not crash"
    click.echo(
        f"The car drove for {log.duration:.0f} s at {speed:.1f} m/s on average and "
        f"{how}; its pictures are in {folder}.",
        err=as_json,
    )
    if as_json:
        found = {"seconds": log.duration, "speed": speed, "crashed": log.crashed}
        click.echo(json.dumps(found))


def _policy(driver: str, env: AbstractDriving) -> AbstractPolicy:
    """Who drives, checked to see and do what can be seen and done on the road."""
    path = files.named(driver)
    known = driver in ("random", *ACTIONS)
    if not path.is_file() and (known or not path.exists()):
        if driver == "random":
            return Random(len(ACTIONS))
        return Always(ACTIONS.index(driver))
    return read_policy(path, env)


def _driven(env: AbstractDriving, policy: AbstractPolicy, seed: int) -> SceneLog:
    """An episode from its start to its end."""
    n_steps = int(env.course.time_limit)
    seen = eqx.filter_jit(episode)(jax.random.key(seed), env, policy, n_steps)
    actions = seen.transition.action
    if not bool(jax.vmap(env.action_space.contains)(actions).all()):
        raise InputError(
            "the policy chose an action outside of "
            f"0 .. {len(ACTIONS) - 1}: give one that was made for driving."
        )
    return scene_log(env, seen.transition)


def _made(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{folder} cannot be made a folder: {error.strerror}."
        ) from error


def _bar() -> Bar:
    """Progress on standard error, if that is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    shown = Console(stderr=True).is_terminal
    console = Console(stderr=True, quiet=not shown)
    return Bar(*columns, console=console, transient=True, disable=not shown)
