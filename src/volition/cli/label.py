"""`volition label`: ask a person, question by question, in the terminal."""

import importlib.metadata
import shutil
import sys
import textwrap
import time
import uuid
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import click

from volition import record
from volition.cli import keys
from volition.cli.progress import progress_bar
from volition.cli.start import InputError
from volition.env import delivery
from volition.env.delivery import LEGEND
from volition.evaluation import Estimate
from volition.report.grid_text import grid_text, legend_text
from volition.report.road_text import road_strip
from volition.store import Conflict, Stored
from volition.study.label import (
    Asked,
    LabelConfig,
    Labelling,
    begin_label,
    learned,
    open_label,
    read_label,
)

N_SHOWN = 6  # features, of those that the answers say most about
GAP = 4  # characters between two drawings side by side
WIDE = 80  # columns, where nobody says how many there are
SAID = {
    keys.LEFT: {"choice": "first", "strength": 1},
    keys.LEFT_STRONGLY: {"choice": "first", "strength": 2},
    keys.RIGHT: {"choice": "second", "strength": 1},
    keys.RIGHT_STRONGLY: {"choice": "second", "strength": 2},
    keys.TIE: {"choice": "tie"},
    keys.CANNOT_TELL: {"choice": "cannot tell"},
}


class Show(NamedTuple):
    """How the clips of a world are shown.

    Args:
        task: what the person is told first.
        question: what each question asks.
        draw: from what the question says of a clip and its scene to text.
    """

    task: str
    question: str
    draw: Callable[[Any, Any], str]


def _delivery_show() -> Show:
    world = delivery()
    legend = textwrap.fill(
        "On the map: " + "; ".join(legend_text(world, LEGEND)) + ".", WIDE
    )
    return Show(
        "Somebody drives through a town to deliver something at G; driving on roads\n"
        "burns gas. You see two short drives: 0 marks where each begins, 1, 2 and 3\n"
        f"where its moves lead. Say which you would rather have.\n{legend}",
        "Which drive is better?",
        lambda option, _: grid_text(world, option["start"], option["actions"]),
    )


def _highway_show() -> Show:
    return Show(
        "A car (@>) drives on a motorway among others (o>). You see two drives of\n"
        "five seconds, each at four moments, one above the other. A character is 2 m\n"
        "of road; X has crashed. Say which you would rather have.",
        "Which drive is better?",
        lambda _, scene: _road(scene),
    )


def _road(scene: Any) -> str:
    try:
        return road_strip(record.from_json(scene))
    except (ValueError, TypeError, AttributeError, IndexError) as error:
        raise InputError(
            f"a clip of this study cannot be drawn ({error}): put a copy of study.db "
            "back, or name another folder."
        ) from error


SHOWS = {"delivery": _delivery_show, "highway": _highway_show}


def label(
    study: Path, person: str, env: str | None, n_questions: int | None, seed: int | None
) -> None:
    """Answer a study's questions: of two clips, which is better?"""
    given = {"env": env, "n_questions": n_questions, "seed": seed}
    chosen = {name: value for name, value in given.items() if value is not None}
    if study.exists() or study.is_symlink():
        _check(study, chosen)
    else:
        _begin(study, chosen)
    with progress_bar(1) as progress:
        tell = lambda done, total: progress.tell("making clips", done, total)
        labelling = open_label(study, person.strip(), tell=tell)
    with labelling.evidence:
        _say_second(labelling)
        try:
            done = _ask(labelling, _keys())
        except KeyboardInterrupt:
            # At once: what has been learned takes seconds.
            _say_goodbye(labelling, False)
        else:
            _say_goodbye(labelling, done)
            _say_learned(labelling)


def _begin(study: Path, chosen: dict[str, Any]) -> None:
    """Make a study, which another process may make at the same time."""
    try:
        begin_label(study, LabelConfig(**chosen))
    except InputError:
        if not study.is_dir():
            raise
        _check(study, chosen)
    else:
        click.echo(f"A new study is made in {study}.")


def _check(study: Path, chosen: dict[str, Any]) -> None:
    """That a study that is there is what was asked for."""
    if not study.is_dir():
        raise InputError(f"{study} is not a folder: name the folder of a study.")
    config = read_label(study)
    flags = {"env": "--env", "n_questions": "--n", "seed": "--seed"}
    for name, value in chosen.items():
        known = getattr(config, name)
        if known != value:
            raise InputError(
                f"{study} has {flags[name]} {known}, not {value}: leave it out, or "
                "name a folder that is not there yet."
            )


def _keys() -> keys.AbstractKeys:
    return keys.TerminalKeys() if sys.stdin.isatty() else keys.LineKeys()


def _ask(labelling: Labelling, source: keys.AbstractKeys) -> bool:
    """Ask until all is answered, or the person stops; whether all is answered."""
    show = SHOWS[labelling.config.env]()
    click.echo(f"\n{show.task}\n\n{keys.KEYS_HELP}")
    while (asked := labelling.ask()) is not None:
        click.echo(_shown(labelling, asked, show))
        if not _answered(labelling, asked, source):
            return False
    return True


def _shown(labelling: Labelling, asked: Asked, show: Show) -> str:
    """The question."""
    drawings = list(map(show.draw, asked.options, asked.scenes))
    number, total = len(labelling.standing()) + 1, labelling.config.n_questions
    head = f"\nQuestion {number} of {total}. {show.question}\n"
    columns = shutil.get_terminal_size((WIDE, 24)).columns
    return head + side_by_side(drawings[0], drawings[1], columns=columns)


def side_by_side(left: str, right: str, *, columns: int) -> str:
    """Two drawings with their headings; one above the other where it is too narrow.

    Example:
        >>> print(side_by_side("a", "b", columns=80))
        LEFT    RIGHT
        a       b
    """
    lefts, rights = ["LEFT", *left.split("\n")], ["RIGHT", *right.split("\n")]
    wide = max(map(len, lefts)) + GAP
    if wide + max(map(len, rights)) > columns:
        return "\n".join([*lefts, "", *rights])
    rows = zip_longest(lefts, rights, fillvalue="")
    return "\n".join((one.ljust(wide) + other).rstrip() for one, other in rows)


def _answered(labelling: Labelling, asked: Asked, source: keys.AbstractKeys) -> bool:
    """Wait for an answer, or an undo; False where the person stops."""
    showing, began = str(uuid.uuid4()), time.monotonic()
    while True:
        key = source.read()
        if key == keys.QUIT:
            return False
        if key in SAID:
            seconds = time.monotonic() - began
            try:
                labelling.answer(
                    asked, showing, SAID[key], seconds=seconds, shown=_program()
                )
            except Conflict as error:
                # Answered in another window: this answer is not kept, and the next
                # question is shown.
                click.echo(f"Not saved: {error}")
                return True
            click.echo(f"Saved: {key}. {_progress(labelling)}")
            return True
        if key == keys.UNDO:
            try:
                undone = labelling.undo(showing)
            except Conflict as error:
                click.echo(f"Not taken back: {error}")
                return True
            if undone is not None:
                click.echo(f"Taken back: {_word(undone)}. {_progress(labelling)}")
                return True
            click.echo("There is nothing to take back.")
        elif key == keys.HELP:
            click.echo(keys.KEYS_HELP)
        else:
            click.echo("That key means nothing here; h lists those that do.")


def _program() -> dict[str, str]:
    version = importlib.metadata.version("volition")
    return {"interface": "terminal", "version": version}


def _word(stored: Stored) -> str:
    said = stored.answer.said
    return next((word for word, one in SAID.items() if one == said), f"{said}")


def _say_second(labelling: Labelling) -> None:
    """What an older version let stand twice, and does no longer."""
    second = labelling.evidence.second_answers()
    n_own = sum(each.answer.person == labelling.person for each in second)
    if n_own:
        click.echo(
            f"{n_own} of your answers were to questions that you had answered before "
            "(in two windows): the first answer stands, the others stay on record."
        )


def _progress(labelling: Labelling) -> str:
    n_answered = len(labelling.standing())
    n_left = labelling.config.n_questions - n_answered
    return f"{n_answered} answered, {n_left} left."


def _say_goodbye(labelling: Labelling, done: bool) -> None:
    """How far it went, and where the answers are."""
    path = labelling.evidence.path
    if done:
        click.echo("\nAll questions are answered: thank you.")
    else:
        click.echo(f"\nStopped. {_progress(labelling)} The same command goes on.")
    click.echo(f"The answers are in {path}.")


def _say_learned(labelling: Labelling) -> None:
    """What is known now."""
    posterior = labelling.posterior()
    if posterior is not None:
        n_answers = len(posterior.problem.answers)
        text = _learned(learned(posterior), n_answers)
        if not posterior.result.converged:
            text += f" INFERENCE DID NOT CONVERGE: {posterior.result.message}"
        click.echo(textwrap.fill(text, WIDE, subsequent_indent="  "))


def _learned(found: dict[str, Estimate], n_answers: int) -> str:
    """What the answers say, of the features on which they say most."""

    def sure(name: str) -> float:
        return abs(found[name].value) / (found[name].high - found[name].low)

    surest = sorted(found, key=sure, reverse=True)[:N_SHOWN]
    shown = [
        f"{name} {each.value:+.2f} [{each.low:.2f}, {each.high:.2f}]"
        for name, each in found.items()
        if name in surest
    ]
    of_all = f", the surest {len(shown)} of {len(found)}"
    return (
        "Learned so far, reward units per unit of each feature, mean and middle 90 %"
        f"{of_all if len(shown) < len(found) else ''} (n = {n_answers}): "
        f"{', '.join(shown)}."
    )
